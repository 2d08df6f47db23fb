"""Where the time goes, and how busy each component is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, QUIET, component_colours
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import (
    amounts_axis,
    components_axis,
    finish,
    label,
    layers_axis,
    layers_height,
    rows_of,
    times,
    unit_of,
)


def latency_by_einsum(table: pd.DataFrame, order: Sequence[str], clock_hz: float) -> Drawing:
    """Bars over the layers of a network, coloured by the component that decides.

    ``table``: einsum, count, latency_cycles, bottleneck, utilisation.
    """
    colours = component_colours(order)
    names = list(table["einsum"])
    factor, unit = unit_of(float(table["latency_cycles"].max()) / clock_hz if len(table) else 0.0, "s")
    figure = Drawing()
    for component in sorted(set(table["bottleneck"]), key=lambda c: list(order).index(c) if c in order else len(order)):
        rows = table[table["bottleneck"] == component]
        figure.trace(
            "bar",
            y=[label(n) for n in rows["einsum"]],
            x=rows["latency_cycles"].to_numpy(dtype=float) / clock_hz * factor,
            orientation="h",
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
    figure.lay(
        bargap=0.25,
        barmode="stack",
        showlegend=True,
        xaxis=amounts_axis(unit),
        yaxis=layers_axis(names),
        legend={"title": {"text": "bound by ", "font": {"size": 12.5}}},
    )
    return finish(figure, height=layers_height(names), legend=True)


def latency_by_component(table: pd.DataFrame, clock_hz: float, height: int | None = None) -> Drawing:
    """Bars: the time that each component is busy, and how much of it it decides, being the slowest.

    ``table``: component, cycles, deciding_cycles.
    """
    components = list(table["component"])
    busy = table["cycles"].to_numpy(dtype=float) / clock_hz
    deciding = table["deciding_cycles"].to_numpy(dtype=float) / clock_hz
    whole = float(deciding.sum())
    factor, unit = unit_of(float(busy.max()) if len(busy) else 0.0, "s")
    shares = [float(d) / whole if whole else 0.0 for d in deciding]
    texts = [
        f"<b>{label(r.component)}</b><br>busy {human.exact(r.cycles)} cycles"
        f"<br>{human.percent(b / whole if whole else 0)} of the time, decides {human.percent(share)}"
        for r, b, share in zip(rows_of(table), busy, shares, strict=True)
    ]
    figure = Drawing()
    for name, seconds, colour in (("decides", deciding, ACCENT), ("busy", busy - deciding, QUIET)):
        figure.trace(
            "bar",
            y=[label(c) for c in components],
            x=seconds * factor,
            name=name,
            orientation="h",
            marker={"color": colour, "line": {"width": 0}},
            hovertext=texts,
            hoverinfo="text",
        )
    figure.lay(
        barmode="stack",
        bargap=0.36,
        xaxis=amounts_axis(unit),
        yaxis=components_axis(components, [human.seconds(b) for b in busy]),
    )
    return finish(figure, height=height or 90 + 44 * max(len(components), 2), legend=True)


def load_by_component(table: pd.DataFrame, names: Sequence[str]) -> Drawing:
    """Heat map: how busy each component is while a layer runs; 100 % is the bottleneck, marked with a dot.

    ``table``: einsum, component, cycles, share, bottleneck.
    """
    components = list(dict.fromkeys(table["component"]))
    share = {(r.einsum, r.component): r for r in rows_of(table)}
    grid = [[float(share[n, c].share) if (n, c) in share else np.nan for c in components] for n in names]
    texts = [
        [
            f"<b>{label(n)}</b> · {label(c)}<br>busy {human.percent(share[n, c].share)} of the time"
            f"<br>{human.exact(share[n, c].cycles)} cycles"
            if (n, c) in share
            else f"<b>{label(n)}</b> · {label(c)}<br>not used"
            for c in components
        ]
        for n in names
    ]
    figure = Drawing()
    figure.trace(
        "heatmap",
        x=[label(c) for c in components],
        y=[label(n) for n in names],
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
    decides = [(r.einsum, r.component) for r in rows_of(table) if r.bottleneck]
    figure.trace(
        "scatter",
        x=[label(c) for _, c in decides],
        y=[label(n) for n, _ in decides],
        mode="markers",
        marker={"color": ACCENT, "size": 8, "line": {"color": "#ffffff", "width": 1}},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.lay(
        xaxis={
            "categoryorder": "array",
            "categoryarray": [label(c) for c in components],
            "range": [-0.5, len(components) - 0.5],
            "showgrid": False,
            "side": "top",
        },
        yaxis=layers_axis(names),
    )
    return finish(figure, height=layers_height(names))
