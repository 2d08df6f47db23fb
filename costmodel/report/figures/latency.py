"""Where the time goes, and how busy each component is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, QUIET, component_colours
from costmodel.report.figures.parts import finish, label, layers_axis, rows_of, times, unit_of


def latency_by_einsum(table: pd.DataFrame, order: Sequence[str], clock_hz: float) -> go.Figure:
    """Bars over the layers of a network, coloured by the component that decides.

    ``table``: einsum, count, latency_cycles, bottleneck, utilisation.
    """
    colours = component_colours(order)
    names = list(table["einsum"])
    factor, unit = unit_of(float(table["latency_cycles"].max()) / clock_hz if len(table) else 0.0, "s")
    figure = go.Figure()
    for component in sorted(set(table["bottleneck"]), key=lambda c: list(order).index(c) if c in order else len(order)):
        rows = table[table["bottleneck"] == component]
        figure.add_bar(
            x=[label(n) for n in rows["einsum"]],
            y=rows["latency_cycles"].to_numpy(dtype=float) / clock_hz * factor,
            name=label(component),
            marker={"color": colours.get(component, QUIET), "line": {"width": 0}},
            hovertext=[
                f"<b>{label(r.einsum)}</b>{times(r.count)}<br>{human.seconds(r.latency_cycles / clock_hz)}, "
                f"{human.exact(r.latency_cycles)} cycles<br>bound by {label(component)}, "
                f"utilisation {human.percent(r.utilisation)}"
                for r in rows_of(rows)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        bargap=0.25,
        barmode="stack",
        showlegend=True,
        yaxis={"ticksuffix": f" {unit}"},
        xaxis=layers_axis(names),
        legend={"title": {"text": "bound by ", "font": {"size": 12.5}}},
    )
    return finish(figure, height=320, legend=True)


def latency_by_component(table: pd.DataFrame, clock_hz: float, height: int | None = None) -> go.Figure:
    """Bars: the time that each component needs for one Einsum, the bottleneck marked.

    ``table``: component, cycles, bottleneck.
    """
    components = list(table["component"])
    worst = float(table["cycles"].max()) if len(table) else 0.0
    seconds = table["cycles"].to_numpy(dtype=float) / clock_hz
    factor, unit = unit_of(worst / clock_hz, "s")
    figure = go.Figure(
        go.Bar(
            y=[label(c) for c in components],
            x=seconds * factor,
            orientation="h",
            marker={"color": [ACCENT if b else QUIET for b in table["bottleneck"]], "line": {"width": 0}},
            text=[
                f"{human.seconds(s)}{' · bottleneck' if b else ''}"
                for s, b in zip(seconds, table["bottleneck"], strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"<b>{label(r.component)}</b><br>{human.exact(r.cycles)} cycles"
                f"<br>{human.percent(r.cycles / worst if worst else 0)} of the bottleneck"
                for r in rows_of(table)
            ],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        bargap=0.32,
        xaxis={"ticksuffix": f" {unit}", "range": [0, worst / clock_hz * factor * 1.45 or 1]},
        yaxis={"categoryorder": "array", "categoryarray": [label(c) for c in reversed(components)], "showgrid": False},
    )
    return finish(figure, height=height or 80 + 40 * max(len(components), 2))


def load_by_component(table: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Heat map: how busy each component is while a layer runs; 100 % is the bottleneck, marked with a dot.

    ``table``: einsum, component, cycles, share, bottleneck.
    """
    components = list(dict.fromkeys(table["component"]))
    share = {(r.einsum, r.component): r for r in rows_of(table)}
    grid = [[float(share[n, c].share) if (n, c) in share else np.nan for n in names] for c in components]
    texts = [
        [
            f"<b>{label(n)}</b> · {label(c)}<br>busy {human.percent(share[n, c].share)} of the time"
            f"<br>{human.exact(share[n, c].cycles)} cycles"
            if (n, c) in share
            else f"<b>{label(n)}</b> · {label(c)}<br>not used"
            for n in names
        ]
        for c in components
    ]
    figure = go.Figure(
        go.Heatmap(
            x=[label(n) for n in names],
            y=[label(c) for c in components],
            z=np.array(grid, dtype=float),
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(91,142,196,0.06)"], [0.5, "rgba(91,142,196,0.55)"], [1, "rgba(47,93,138,1)"]],
            hovertext=texts,
            hoverinfo="text",
            xgap=2,
            ygap=2,
            colorbar={"tickformat": ".0%", "thickness": 10, "len": 0.9, "outlinewidth": 0, "tickvals": [0, 0.5, 1]},
        )
    )
    decides = [(r.einsum, r.component) for r in rows_of(table) if r.bottleneck]
    figure.add_scatter(
        x=[label(n) for n, _ in decides],
        y=[label(c) for _, c in decides],
        mode="markers",
        marker={"color": ACCENT, "size": 8, "line": {"color": "#ffffff", "width": 1}},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        xaxis=layers_axis(names) | {"range": [-0.5, len(names) - 0.5]},
        yaxis={
            "categoryorder": "array",
            "categoryarray": [label(c) for c in reversed(components)],
            "range": [-0.5, len(components) - 0.5],
            "showgrid": False,
        },
    )
    return finish(figure, height=320)
