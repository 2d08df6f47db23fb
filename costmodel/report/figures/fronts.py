"""The mappings that no other beats."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from costmodel.mapper.front import on_front
from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, QUIET, SCALE
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import PJ, cost_axes, finish, spread, wrapped


def front(points: Sequence[Mapping[str, Any]]) -> Drawing:
    """Energy against latency of the mappings of a front; ``customdata`` is the place of a point, for the linked nest.

    ``points``: point, energy_pj, latency_s, latency_cycles, edp, chosen, mapping of each; where they have
    capacity_bits, the colour is the room used, and the line joins what no other point beats in energy and latency.
    """
    rows = sorted(points, key=lambda row: (row["latency_s"], row["energy_pj"]))
    best = min(rows, key=lambda row: row["edp"], default=None)
    x_factor, y_factor, axes = cost_axes([r["latency_s"] for r in rows], [r["energy_pj"] for r in rows])
    room = bool(rows) and "capacity_bits" in rows[0]
    figure = Drawing()
    if len(rows) > 1:
        alone = on_front(np.array([(row["latency_s"], row["energy_pj"]) for row in rows]))
        line = list(itertools.compress(rows, alone))
        figure.trace(
            "scatter",
            x=[row["latency_s"] * x_factor for row in line],
            y=[row["energy_pj"] * PJ * y_factor for row in line],
            mode="lines",
            line={"shape": "hv", "color": QUIET, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    for is_chosen, name, colour, size, symbol in (
        (False, "on the front", "#3e6a94", 9, "circle"),
        (True, "chosen", ACCENT, 14, "diamond"),
    ):
        part = [row for row in rows if row["chosen"] == is_chosen]
        if not part:
            continue
        marker = {"color": colour, "size": size, "symbol": symbol, "line": {"width": 1, "color": "#ffffff"}}
        if room:
            marker |= _room_scale([row["capacity_bits"] for row in rows])
            first = all("customdata" not in trace for trace in figure.data)
            marker |= {"color": _log_bits(row["capacity_bits"] for row in part), "showscale": first}
            marker |= {"line": {"width": 2, "color": ACCENT}} if is_chosen else {}
        figure.trace(
            "scatter",
            x=[row["latency_s"] * x_factor for row in part],
            y=[row["energy_pj"] * PJ * y_factor for row in part],
            mode="markers",
            name=name,
            customdata=[row["point"] for row in part],
            marker=marker,
            hovertext=[_point_text(row, "least EDP" if row is best else "") for row in part],
            hoverinfo="text",
        )
    figure.lay(**axes, hovermode="closest")
    if room:  # the mappings with least room cost many times more
        spread(figure, [r["latency_s"] for r in rows], [r["energy_pj"] for r in rows])
    return finish(figure, height=430, legend=True)


def _log_bits(bits: Iterable[float]) -> list[float]:
    """Logarithms, for a scale of colours; no room at all counts as one bit."""
    return [math.log2(max(float(b), 1.0)) for b in bits]


def _room_scale(bits: Iterable[float]) -> dict[str, object]:
    """A scale of colours for the room used, with sizes that occur at its ticks."""
    sizes = sorted({int(b) for b in bits})
    places = dict(zip(_log_bits(sizes), sizes, strict=True))
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


def _point_text(row: Mapping[str, Any], remark: str) -> str:
    energy_pj, latency_s = row["energy_pj"], row["latency_s"]
    lines = [f"<b>{human.joules(energy_pj)}, {human.seconds(latency_s)}</b>"]
    lines.append(f"{human.exact(energy_pj)} pJ · {human.exact(row['latency_cycles'])} cycles")
    edp = human.joule_seconds(energy_pj * PJ * latency_s)
    lines.append(f"EDP {edp}" + (f" · {remark}" if remark else ""))
    if (bits := row.get("capacity_bits")) is not None:
        lines.append(f"room used {human.memory(bits)} · {human.exact(bits)} b")
    return "<br>".join([*lines, *wrapped(row["mapping"], 64)])
