"""Tidy tables → Plotly figures. Pure functions; the page adds the colours of its theme (text, grid, background).

Names from the user go through ``label``: Plotly reads a little HTML in its texts.
"""

from __future__ import annotations

import html
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from costmodel.report import human
from costmodel.report.tables import COMPUTE, LEAKAGE, OPERATIONS_PER_STORED_BIT, energy_latency_front

FONT = '"Inter", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
ROLE_COLOURS = {"input": "#5b8ec4", "weight": "#d9a441", "output": "#4fa58f"}
ROLE_SHADES = {
    "input": ("#5b8ec4", "#8fb4dc", "#3f6c9c", "#7d8fd0"),
    "weight": ("#d9a441", "#e6c583", "#b07f24", "#cf8a5b"),
    "output": ("#4fa58f", "#8accba", "#357a69", "#7bb26a"),
}
NEUTRAL_COLOURS = {COMPUTE: "#8a93a3", LEAKAGE: "#c2c8d1"}
SERIES = ("#3e6a94", "#5fa3b5", "#8bbf9f", "#d9b45f", "#d98a5f", "#b0668a", "#7d78b5", "#8a93a3", "#6f8f4f", "#a98467")
PJ = 1e-12
"""Joules in a picojoule."""
Row = Any
"""A row of a table by attribute: pandas makes its class as it goes."""
ACCENT = "#d1495b"
QUIET = "#a9b2be"
SCALE = ((0.0, "#3a6a9a"), (0.35, "#4f9aa8"), (0.65, "#a7c686"), (1.0, "#e8b04b"))
"""Dark to light, readable on white and on near-black."""


def label(name: object) -> str:
    """A name of the user as Plotly shall print it, letter by letter."""
    return html.escape(str(name), quote=False)


def group_colours(groups: Sequence[str], roles: Mapping[str, str]) -> dict[str, str]:
    """A colour for each group of ``tables.energy``: a hue per role, a shade per tensor of that role."""
    used = dict.fromkeys(ROLE_SHADES, 0)
    colours: dict[str, str] = {}
    for group in groups:
        role = roles.get(group, group)
        if group in NEUTRAL_COLOURS:
            colours[group] = NEUTRAL_COLOURS[group]
        elif role in ROLE_SHADES:
            shades = ROLE_SHADES[role]
            colours[group] = shades[used[role] % len(shades)]
            used[role] += 1
        else:
            colours[group] = SERIES[len(colours) % len(SERIES)]
    return colours


def component_colours(order: Sequence[str]) -> dict[str, str]:
    """A colour for each component, outermost first."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(order)}


def energy_by_level(table: pd.DataFrame, roles: Mapping[str, str], height: int | None = None) -> go.Figure:
    """Stacked bars: one bar per component, outermost on top, one colour per tensor.

    ``table``: component, group, energy_pj.
    """
    components = list(dict.fromkeys(table["component"]))
    groups = list(dict.fromkeys(table["group"]))
    groups.sort(key=lambda g: g in NEUTRAL_COLOURS)
    colours = group_colours(groups, roles)
    total = float(table["energy_pj"].sum()) or 1.0
    sums = table.groupby("component", sort=False)["energy_pj"].sum()
    factor, unit = _unit(float(sums.max()) * PJ if len(sums) else 0.0, "J")
    figure = go.Figure()
    for group in groups:
        rows = table[table["group"] == group]
        figure.add_bar(
            y=[label(c) for c in rows["component"]],
            x=rows["energy_pj"].to_numpy(dtype=float) * PJ * factor,
            name=label(group),
            orientation="h",
            marker={"color": colours[group], "line": {"width": 0}},
            hovertext=[
                f"<b>{label(c)}</b> · {label(group)}<br>{human.joules(e)} ({human.percent(e / total)})"
                f"<br>{human.exact(e)} pJ"
                for c, e in zip(rows["component"], rows["energy_pj"], strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.36,
        annotations=[
            {
                "x": float(sums[c]) * PJ * factor,
                "y": label(c),
                "text": f"{human.joules(float(sums[c]))} · {human.percent(float(sums[c]) / total)}",
                "showarrow": False,
                "xanchor": "left",
                "xshift": 6,
                "font": {"size": 12},
            }
            for c in components
        ],
        xaxis={"ticksuffix": f" {unit}", "range": [0, float(sums.max()) * PJ * factor * 1.38] if len(sums) else None},
        yaxis={"categoryorder": "array", "categoryarray": [label(c) for c in reversed(components)], "showgrid": False},
    )
    return _finish(figure, height=height or 90 + 44 * max(len(components), 2), legend=True)


def energy_icicle(table: pd.DataFrame, roles: Mapping[str, str], order: Sequence[str], root: str) -> go.Figure:
    """Energy from the whole to Einsum, component, tensor and action; a click goes into a part.

    ``table``: einsum, component, tensor, group, action, energy_pj. A single Einsum has no level of its own.
    """
    table = table[table["energy_pj"] > 0]
    several = len(set(table["einsum"])) > 1
    keys = (["einsum"] if several else []) + ["component", "group", "action"]
    by_component = component_colours(order)
    by_group = group_colours(list(dict.fromkeys(table["group"])), roles)
    total = float(table["energy_pj"].sum())
    ids, labels, parents, values, colours, texts = (
        ["[]"],
        [label(root)],
        [""],
        [total],
        ["#7b8794"],
        [_share(root, total, total)],
    )
    for depth in range(1, len(keys) + 1):
        sums = table.groupby(keys[:depth], sort=False)["energy_pj"].sum()
        for key, value in sums.items():
            parts = key if isinstance(key, tuple) else (key,)
            column, name = keys[depth - 1], str(parts[-1])
            if column == "action" and len(table[_matches(table, keys[:-1], parts[:-1])]["action"].unique()) < 2:
                continue  # an only child says nothing new
            ids.append(_node_id(parts))
            parents.append(_node_id(parts[:-1]))
            labels.append(label(name))
            values.append(float(value))
            shade = {"einsum": {}, "component": by_component, "group": by_group, "action": by_group}[column]
            colours.append(shade.get(str(parts[-2]) if column == "action" else name, "#93a1b1"))
            texts.append(_share(" › ".join(map(str, parts)), float(value), total))
    figure = go.Figure(
        go.Icicle(
            ids=ids,
            labels=labels,
            parents=parents,
            values=np.array(values) * PJ,
            branchvalues="total",
            marker={"colors": colours, "line": {"width": 1, "color": "rgba(255,255,255,0.65)"}},
            texttemplate="%{label} %{percentRoot:.3~p}" if several else "%{label}<br>%{percentRoot:.3~p}",
            textfont={"size": 12},
            insidetextfont={"color": [_ink(colour) for colour in colours]},
            hovertext=texts,
            hoverinfo="text",
            tiling={"orientation": "h", "pad": 0},
            maxdepth=3 if several else 4,
            leaf={"opacity": 1},
            sort=False,
            pathbar={"thickness": 20},
        )
    )
    figure.update_layout(uniformtext={"minsize": 10, "mode": "hide"})
    return _finish(figure, height=520 if several else 360, margin={"l": 2, "r": 2, "t": 26, "b": 2})


def energy_by_einsum(table: pd.DataFrame, order: Sequence[str], counts: Mapping[str, int]) -> go.Figure:
    """Stacked bars over the layers of a network, one colour per component. ``table``: einsum, component, energy_pj."""
    names = [name for name in counts if name in set(table["einsum"])]
    colours = component_colours(order)
    totals = table.groupby("einsum")["energy_pj"].sum().to_dict()
    factor, unit = _unit(max(totals.values(), default=0.0) * PJ, "J")
    figure = go.Figure()
    for component in dict.fromkeys(table["component"]):
        rows = table[table["component"] == component]
        by_name = dict(zip(rows["einsum"], rows["energy_pj"], strict=True))
        values = [float(by_name.get(n, 0.0)) for n in names]
        if not any(values):
            continue
        figure.add_bar(
            x=[label(n) for n in names],
            y=np.array(values) * PJ * factor,
            name=label(component),
            marker={"color": colours.get(component, QUIET), "line": {"width": 0}},
            hovertext=[
                f"<b>{label(n)}</b>{_times(counts[n])} · {label(component)}"
                f"<br>{human.joules(v)} of {human.joules(totals[n])}"
                f"<br>{human.exact(v)} pJ"
                for n, v in zip(names, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(barmode="stack", bargap=0.25, yaxis={"ticksuffix": f" {unit}"}, xaxis=_layers_axis(names))
    return _finish(figure, height=360, legend=True)


def latency_by_einsum(table: pd.DataFrame, order: Sequence[str], clock_hz: float) -> go.Figure:
    """Bars over the layers of a network, coloured by the component that decides.

    ``table``: einsum, count, latency_cycles, bottleneck, utilisation.
    """
    colours = component_colours(order)
    names = list(table["einsum"])
    factor, unit = _unit(float(table["latency_cycles"].max()) / clock_hz if len(table) else 0.0, "s")
    figure = go.Figure()
    for component in sorted(set(table["bottleneck"]), key=lambda c: list(order).index(c) if c in order else len(order)):
        rows = table[table["bottleneck"] == component]
        figure.add_bar(
            x=[label(n) for n in rows["einsum"]],
            y=rows["latency_cycles"].to_numpy(dtype=float) / clock_hz * factor,
            name=label(component),
            marker={"color": colours.get(component, QUIET), "line": {"width": 0}},
            hovertext=[
                f"<b>{label(r.einsum)}</b>{_times(r.count)}<br>{human.seconds(r.latency_cycles / clock_hz)}, "
                f"{human.exact(r.latency_cycles)} cycles<br>bound by {label(component)}, "
                f"utilisation {human.percent(r.utilisation)}"
                for r in _rows(rows)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        bargap=0.25,
        barmode="stack",
        showlegend=True,
        yaxis={"ticksuffix": f" {unit}"},
        xaxis=_layers_axis(names),
        legend={"title": {"text": "bound by ", "font": {"size": 12.5}}},
    )
    return _finish(figure, height=320, legend=True)


def latency_by_component(table: pd.DataFrame, clock_hz: float, height: int | None = None) -> go.Figure:
    """Bars: the time that each component needs for one Einsum, the bottleneck marked.

    ``table``: component, cycles, bottleneck.
    """
    components = list(table["component"])
    worst = float(table["cycles"].max()) if len(table) else 0.0
    seconds = table["cycles"].to_numpy(dtype=float) / clock_hz
    factor, unit = _unit(worst / clock_hz, "s")
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
                for r in _rows(table)
            ],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        bargap=0.32,
        xaxis={"ticksuffix": f" {unit}", "range": [0, worst / clock_hz * factor * 1.45 or 1]},
        yaxis={"categoryorder": "array", "categoryarray": [label(c) for c in reversed(components)], "showgrid": False},
    )
    return _finish(figure, height=height or 80 + 40 * max(len(components), 2))


def load_by_component(table: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Heat map: how busy each component is while a layer runs; 100 % is the bottleneck, marked with a dot.

    ``table``: einsum, component, cycles, share, bottleneck.
    """
    components = list(dict.fromkeys(table["component"]))
    share = {(r.einsum, r.component): r for r in _rows(table)}
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
    decides = [(r.einsum, r.component) for r in _rows(table) if r.bottleneck]
    figure.add_scatter(
        x=[label(n) for n, _ in decides],
        y=[label(c) for _, c in decides],
        mode="markers",
        marker={"color": ACCENT, "size": 8, "line": {"color": "#ffffff", "width": 1}},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        xaxis=_layers_axis(names) | {"range": [-0.5, len(names) - 0.5]},
        yaxis={
            "categoryorder": "array",
            "categoryarray": [label(c) for c in reversed(components)],
            "range": [-0.5, len(components) - 0.5],
            "showgrid": False,
        },
    )
    return _finish(figure, height=320)


def front(table: pd.DataFrame) -> go.Figure:
    """Energy against latency of the mappings of a front; ``customdata`` is the place of a point, for the linked nest.

    ``table``: point, energy_pj, latency_s, latency_cycles, edp, chosen, mapping; where it has capacity_bits, the colour
    is the room used, and the line joins what no other point beats in energy and latency.
    """
    rows = table.sort_values(["latency_s", "energy_pj"], kind="stable")
    best = rows["edp"].idxmin() if len(rows) else None
    x_factor, y_factor, axes = _cost_axes(rows)
    room = "capacity_bits" in rows
    figure = go.Figure()
    if len(rows) > 1:
        line = energy_latency_front(rows)
        figure.add_scatter(
            x=line["latency_s"].to_numpy(dtype=float) * x_factor,
            y=line["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="lines",
            line={"shape": "hv", "color": QUIET, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    for is_chosen, name, colour, size, symbol in (
        (False, "on the front", "#3e6a94", 9, "circle"),
        (True, "chosen", ACCENT, 14, "diamond"),
    ):
        part = rows[rows["chosen"] == is_chosen]
        if part.empty:
            continue
        marker = {"color": colour, "size": size, "symbol": symbol, "line": {"width": 1, "color": "#ffffff"}}
        if room:
            marker |= _room_scale(rows["capacity_bits"])
            first = all(trace.customdata is None for trace in figure.data)
            marker |= {"color": _log_bits(part["capacity_bits"]), "showscale": first}
            marker |= {"line": {"width": 2, "color": ACCENT}} if is_chosen else {}
        figure.add_scatter(
            x=part["latency_s"].to_numpy(dtype=float) * x_factor,
            y=part["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="markers",
            name=name,
            customdata=[int(p) for p in part["point"]],
            marker=marker,
            hovertext=[
                _point_text(r, "least EDP" if i == best else "") for i, r in zip(part.index, _rows(part), strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(**axes, hovermode="closest")
    if room:  # the mappings with least room cost many times more
        for update, column in ((figure.update_xaxes, "latency_s"), (figure.update_yaxes, "energy_pj")):
            if 0 < rows[column].min() < rows[column].max() / 10:
                update(type="log", dtick="D2")
    return _finish(figure, height=430, legend=True)


def _log_bits(bits: pd.Series) -> list[float]:
    """Logarithms, for a scale of colours; no room at all counts as one bit."""
    return [math.log2(max(float(b), 1.0)) for b in bits]


def _room_scale(bits: pd.Series) -> dict[str, object]:
    """A scale of colours for the room used, with sizes that occur at its ticks."""
    sizes = sorted({int(b) for b in bits})
    places = dict(zip(_log_bits(pd.Series(sizes)), sizes, strict=True))
    low, high = min(places), max(places)
    logs = np.array(sorted(places))
    near = [float(logs[np.abs(logs - at).argmin()]) for at in np.linspace(low, high, 5)]
    ticks = {at: places[at] for at in near}
    return {
        "colorscale": SCALE,
        "cmin": low,
        "cmax": max(high, low + 1),
        "colorbar": {
            "title": {"text": "room used", "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
            "tickvals": list(ticks),
            "ticktext": [human.memory(b) for b in ticks.values()],
        },
    }


def sweep_scatter(table: pd.DataFrame, front: pd.DataFrame, axes: Sequence[str], colour_by: str) -> go.Figure:
    """Energy against latency of every feasible design, coloured by one axis, with the Pareto front drawn.

    ``table`` and ``front``: as ``tables.sweep`` gives them.
    """
    rows = table.dropna(subset=["energy_pj", "latency_s"])
    x_factor, y_factor, cost_axes = _cost_axes(rows)
    figure = go.Figure()
    lines = [line for _, line in front.groupby("computes", sort=False)] or [front]
    for place, line in enumerate(lines):
        figure.add_scatter(
            x=line["latency_s"].to_numpy(dtype=float) * x_factor,
            y=line["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="lines",
            name="Pareto front" if len(lines) == 1 else "Pareto fronts, of each computation",
            legendgroup="fronts",
            showlegend=place == 0,
            line={"shape": "hv", "color": ACCENT, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    on_front = set(front["point"])
    values = list(dict.fromkeys(rows[colour_by])) if colour_by in rows else []
    numeric = bool(values) and all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in values)
    scaled = numeric and len(values) > 8
    values = sorted(values) if numeric else values
    drawn = rows if scaled or not values else pd.concat([rows[rows[colour_by] == value] for value in values])
    alike = {costs: same.to_dict("records") for costs, same in drawn.groupby(["latency_s", "energy_pj"], sort=False)}
    if scaled:
        figure.add_trace(_designs(rows, axes, on_front, colour_by, None, (x_factor, y_factor), alike))
        figure.data[-1].marker.update(
            color=[float(v) for v in rows[colour_by]],
            colorscale=SCALE,
            showscale=True,
            colorbar={"title": {"text": label(colour_by), "side": "right"}, "thickness": 12, "outlinewidth": 0},
        )
    else:
        for place, value in enumerate(values):
            part = rows[rows[colour_by] == value]
            colour = _blend(place / max(len(values) - 1, 1))
            figure.add_trace(
                _designs(part, axes, on_front, f"{colour_by} = {value}", colour, (x_factor, y_factor), alike)
            )
    if not values and len(rows):
        figure.add_trace(_designs(rows, axes, on_front, "designs", SERIES[0], (x_factor, y_factor), alike))
    figure.update_layout(**cost_axes, hovermode="closest")
    return _finish(figure, height=480, legend=True)


def roofline(table: pd.DataFrame, peak_per_cycle: float, outer: str, outer_bits_per_cycle: float | None) -> go.Figure:
    """Operations per cycle against operations per bit of the outermost memory, below what compute and memory allow.

    ``table``: as ``tables.roofline`` gives it.
    """
    figure = go.Figure()
    intensity = table[OPERATIONS_PER_STORED_BIT].to_numpy(dtype=float)
    low, high = (float(intensity.min()) / 3, float(intensity.max()) * 3) if len(intensity) else (0.1, 10.0)
    if outer_bits_per_cycle:
        ridge = peak_per_cycle / outer_bits_per_cycle
        low, high = min(low, ridge / 3), max(high, ridge * 3)
        xs = [low, ridge, high]
        ys = [low * outer_bits_per_cycle, peak_per_cycle, peak_per_cycle]
    else:
        xs, ys = [low, high], [peak_per_cycle, peak_per_cycle]
    figure.add_scatter(x=xs, y=ys, mode="lines", line={"color": QUIET, "width": 2}, hoverinfo="skip", name="roof")
    figure.add_scatter(
        x=intensity,
        y=table["points_per_cycle"].to_numpy(dtype=float),
        mode="markers",
        name="Einsums",
        marker={"color": "#3e6a94", "size": 9, "line": {"width": 1, "color": "#ffffff"}},
        hovertext=[
            f"<b>{label(r.einsum)}</b><br>{human.digits(r.points_per_cycle)} operations per cycle"
            f"<br>{human.digits(r.operations_per_bit)} operations per bit of {label(outer)}"
            f"<br>bound by {label(r.bottleneck)}"
            for r in _rows(table)
        ],
        hoverinfo="text",
    )
    figure.update_layout(
        xaxis={
            "type": "log",
            "title": {"text": f"operations per bit of {label(outer)}", "font": {"size": 12.5}},
            "dtick": 1,
        },
        yaxis={"type": "log", "title": {"text": "operations per cycle", "font": {"size": 12.5}}, "dtick": 1},
        showlegend=False,
    )
    return _finish(figure, height=340)


def buffer_curves(table: pd.DataFrame, level: str, above: str, capacity_bits: int | None) -> go.Figure:
    """Least traffic against capacity, one falling staircase per curve; ``customdata`` is the place of a corner.

    ``table``: point, curve, capacity_bits, traffic_bits, traffic_words, operations_per_byte, compulsory_bits, nest.
    """
    figure = go.Figure()
    low, high = float(table["capacity_bits"].min()), float(table["capacity_bits"].max())
    if capacity_bits:
        low, high = min(low, capacity_bits), max(high, capacity_bits)
    low, high = low / 2, high * 4
    names = list(dict.fromkeys(table["curve"]))
    least = float(table["compulsory_bits"].min())
    for place, name in enumerate(names):
        rows = table[table["curve"] == name].sort_values("capacity_bits")
        colour, compulsory = SERIES[place % len(SERIES)], float(rows["compulsory_bits"].iloc[0])
        sizes, words = rows["capacity_bits"].to_numpy(dtype=float) / 8, rows["traffic_bits"].to_numpy(dtype=float) / 8
        figure.add_scatter(
            x=[low / 8, high / 8],
            y=[compulsory / 8] * 2,
            mode="lines",
            line={"color": colour, "width": 1.2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=str(place),
        )
        figure.add_scatter(
            x=[*sizes, high / 8],
            y=[*words, words[-1]],
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 2},
            hoverinfo="skip",
            name=label(name),
            legendgroup=str(place),
        )
        figure.add_scatter(
            x=sizes,
            y=words,
            mode="markers",
            name=label(name),
            showlegend=False,
            legendgroup=str(place),
            customdata=[int(p) for p in rows["point"]],
            marker={"color": colour, "size": 7 if len(names) <= 4 else 5, "line": {"width": 1, "color": "#ffffff"}},
            hovertext=[_corner_text(r, above, level) for r in _rows(rows)],
            hoverinfo="text",
        )
    notes = [
        {
            "xref": "paper",
            "x": 0,
            "y": float(np.log10(least / 8)),
            "text": f"compulsory: {human.memory(least)}" if len(names) == 1 else "compulsory (dotted)",
            "xanchor": "left",
            "yanchor": "top",
            "showarrow": False,
        }
    ]
    shapes = []
    if capacity_bits:
        at = capacity_bits / 8
        line = {"color": ACCENT, "width": 1.6, "dash": "dash"}
        shapes.append({"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line})
        notes.append(
            {
                "x": float(np.log10(at)),
                "yref": "paper",
                "y": 1,
                "text": f"{label(level)}: {human.memory(capacity_bits)}",
                "xanchor": "left",
                "yanchor": "top",
                "xshift": 5,
                "showarrow": False,
                "font": {"color": ACCENT},
            }
        )
    traffic = table["traffic_bits"].to_numpy(dtype=float)
    figure.update_layout(
        xaxis={
            **_size_axis(low, high),
            "title": {"text": f"capacity of one instance of {label(level)} (bytes)", "font": {"size": 12.5}},
        },
        yaxis={
            **_size_axis(float(traffic.min()) / 2, float(traffic.max()) * 2),
            "title": {
                "text": f"moved between {label(above)} and {label(level)} (bytes)",
                "font": {"size": 12.5},
                "standoff": 14,
            },
        },
        hovermode="closest",
        annotations=notes,
        shapes=shapes,
        showlegend=len(names) > 1,
    )
    return _finish(figure, height=480 + (24 * -(-len(names) // 2) if len(names) > 1 else 0), legend=len(names) > 1)


def _corner_text(row: Row, above: str, level: str) -> str:
    lines = [f"<b>{label(row.curve)}</b> · {label(level)} of {human.memory(row.capacity_bits)} or more"]
    moved = f"{human.memory(row.traffic_bits)} ({human.exact(row.traffic_words)} words)"
    lines.append(f"{moved} between {label(above)} and {label(level)}")
    times = f"{human.digits(row.traffic_bits / row.compulsory_bits)} × compulsory"
    lines.append(f"{times} · {human.digits(row.operations_per_byte)} operations per byte")
    return "<br>".join([*lines, *_wrapped(str(row.nest), 64)])


def _size_axis(low_bits: float, high_bits: float) -> dict[str, object]:
    """A logarithmic axis in bytes, with ticks at powers of two that people know."""
    first, last = np.floor(np.log2(low_bits / 8)), np.ceil(np.log2(high_bits / 8))
    every = max(1, int(np.ceil((last - first) / 10)))
    powers = [p for p in range(int(first), int(last) + 1) if p % every == 0]
    return {
        "type": "log",
        "range": [float(np.log10(low_bits / 8)), float(np.log10(high_bits / 8))],
        "tickvals": [2.0**p for p in powers],
        "ticktext": [human.memory(8 * 2.0**p) for p in powers],
    }


def compare_bars(tables: Mapping[str, pd.DataFrame], order: Sequence[str]) -> go.Figure:
    """Stacked energy of several runs, one bar each. ``tables``: run → component, group, energy_pj."""
    colours = component_colours(order)
    factor, unit = _unit(max((float(t["energy_pj"].sum()) for t in tables.values()), default=0.0) * PJ, "J")
    figure = go.Figure()
    for component in order:
        values = [float(t.loc[t["component"] == component, "energy_pj"].sum()) for t in tables.values()]
        if not any(values):
            continue
        figure.add_bar(
            x=np.array(values) * PJ * factor,
            y=[label(name) for name in tables],
            orientation="h",
            name=label(component),
            marker={"color": colours[component], "line": {"width": 0}},
            hovertext=[
                f"<b>{label(n)}</b> · {label(component)}<br>{human.joules(v)}"
                for n, v in zip(tables, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        barmode="stack",
        xaxis={"ticksuffix": f" {unit}"},
        yaxis={"autorange": "reversed", "showgrid": False},
    )
    return _finish(figure, height=110 + 44 * len(tables), legend=True)


def _designs(
    rows: pd.DataFrame,
    axes: Sequence[str],
    on_front: set[int],
    name: str,
    colour: str | None,
    factors: tuple[float, float],
    alike: Mapping[Any, list[dict[Any, Any]]],
) -> go.Scatter:
    """Marks of designs. Of those with the same costs (``alike``, as they are drawn) the earlier ones are rings."""
    x_factor, y_factor = factors
    texts, rings = [], []
    for record in rows.to_dict("records"):
        same = alike[record["latency_s"], record["energy_pj"]]
        place = next(n for n, other in enumerate(same) if other["point"] == record["point"])
        others = [other for other in same if other["point"] != record["point"]]
        rings.append(5 * min(len(same) - 1 - place, 4))
        lines = [f"{label(a)} = {label(record[a])}" for a in axes]
        lines += [f"{human.joules(record['energy_pj'])}, {human.seconds(record['latency_s'])}"]
        lines += [f"room used {human.memory(record['capacity_bits'])}"] if "capacity_bits" in record else []
        lines += [] if pd.isna(record["area_mm2"]) else [f"{human.digits(record['area_mm2'])} mm²"]
        lines += ["on the Pareto front"] if record["point"] in on_front else []
        lines += [
            f"the same costs: {', '.join(f'{label(a)} = {label(other[a])}' for a in axes)}" for other in others[:3]
        ]
        lines += [f"and {len(others) - 3} more"] if len(others) > 3 else []
        texts.append("<br>".join(lines))
    marks = [p in on_front for p in rows["point"]]
    return go.Scatter(
        x=rows["latency_s"].to_numpy(dtype=float) * x_factor,
        y=rows["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
        mode="markers",
        name=label(name),
        customdata=[int(p) for p in rows["point"]],
        marker={
            "color": colour,
            "size": [(11 if m else 8) + ring for m, ring in zip(marks, rings, strict=True)],
            "line": {"width": [1.5 if m else 0.5 for m in marks], "color": [ACCENT if m else "#ffffff" for m in marks]},
        },
        hovertext=texts,
        hoverinfo="text",
    )


def _unit(largest: float, unit: str) -> tuple[float, str]:
    """Factor and unit that leave one to three digits before the point of the largest value of an axis.

    >>> _unit(0.0135, "J")
    (1000.0, 'mJ')
    """
    for power, prefix in ((0, ""), (3, "m"), (6, "µ"), (9, "n"), (12, "p")):
        if largest * 10.0**power >= 1:
            return 10.0**power, f"{prefix}{unit}"
    return 1e12, f"p{unit}"


def _blend(place: float) -> str:
    """A colour of ``SCALE``, 0 to 1."""
    for (low, first), (high, second) in pairwise(SCALE):
        if place <= high:
            t = (place - low) / (high - low)
            a, b = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (first, second))
            return "#" + "".join(f"{round(x + (y - x) * t):02x}" for x, y in zip(a, b, strict=True))
    return SCALE[-1][1]


def _ink(colour: str) -> str:
    """Near-black or white, whichever is easier to read on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#10151c" if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else "#ffffff"


def _cost_axes(rows: pd.DataFrame) -> tuple[float, float, dict[str, object]]:
    """Factors for seconds and joules, and the axes that say the units."""
    x_factor, x_unit = _unit(float(rows["latency_s"].max()) if len(rows) else 0.0, "s")
    y_factor, y_unit = _unit(float(rows["energy_pj"].max()) * PJ if len(rows) else 0.0, "J")
    axes: dict[str, object] = {
        "xaxis": {"title": {"text": "latency", "font": {"size": 12.5}}, "ticksuffix": f" {x_unit}"},
        "yaxis": {"title": {"text": "energy", "font": {"size": 12.5}}, "ticksuffix": f" {y_unit}"},
    }
    return x_factor, y_factor, axes


def _point_text(row: Row, remark: str) -> str:
    lines = [f"<b>{human.joules(row.energy_pj)}, {human.seconds(row.latency_s)}</b>"]
    lines.append(f"{human.exact(row.energy_pj)} pJ · {human.exact(row.latency_cycles)} cycles")
    edp = human.prefixed(row.energy_pj * PJ * row.latency_s, "J·s", smallest=1e-18)
    lines.append(f"EDP {edp}" + (f" · {remark}" if remark else ""))
    if (bits := getattr(row, "capacity_bits", None)) is not None:
        lines.append(f"room used {human.memory(bits)} · {human.exact(bits)} b")
    return "<br>".join([*lines, *_wrapped(str(row.mapping), 64)])


def _wrapped(text: str, width: int) -> list[str]:
    return [f"<i>{label(line)}</i>" for line in textwrap.wrap(text, width, break_long_words=False)[:8]]


def _layers_axis(names: Sequence[str]) -> dict[str, object]:
    return {
        "categoryorder": "array",
        "categoryarray": [label(n) for n in names],
        "type": "category",
        "tickangle": -45 if len(names) > 8 else 0,
        "tickfont": {"size": 11},
        "showgrid": False,
        "dtick": 1 if len(names) <= 60 else None,
    }


def _share(name: str, value: float, total: float) -> str:
    share = human.percent(value / total) if total else "0 %"
    return f"<b>{label(name)}</b><br>{human.joules(value)} ({share})<br>{human.exact(value)} pJ"


def _node_id(parts: Sequence[object]) -> str:
    return json.dumps([str(p) for p in parts])


def _matches(table: pd.DataFrame, columns: Sequence[str], values: Sequence[object]) -> pd.Series:
    keep = pd.Series(data=True, index=table.index)
    for column, value in zip(columns, values, strict=True):
        keep &= table[column] == value
    return keep


def _times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def _rows(table: pd.DataFrame) -> list[Row]:
    return list(table.itertuples())


def _finish(
    figure: go.Figure, *, height: int, legend: bool = False, margin: Mapping[str, int] | None = None
) -> go.Figure:
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        autosize=True,
        font={"family": FONT, "size": 12.5},
        margin=dict(margin or {"l": 8, "r": 12, "t": 40 if legend else 12, "b": 8}),
        hoverlabel={"align": "left", "font": {"family": FONT, "size": 12.5}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    if legend:
        place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"}
        figure.update_layout(legend=place)
    return figure
