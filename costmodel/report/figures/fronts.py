"""The mappings that no other beats."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, QUIET, SCALE
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import PJ, Row, cost_axes, finish, rows_of, spread, wrapped
from costmodel.report.tables import energy_latency_front


def front(table: pd.DataFrame) -> Drawing:
    """Energy against latency of the mappings of a front; ``customdata`` is the place of a point, for the linked nest.

    ``table``: point, energy_pj, latency_s, latency_cycles, edp, chosen, mapping; where it has capacity_bits, the colour
    is the room used, and the line joins what no other point beats in energy and latency.
    """
    rows = table.sort_values(["latency_s", "energy_pj"], kind="stable")
    best = rows["edp"].idxmin() if len(rows) else None
    x_factor, y_factor, axes = cost_axes(rows)
    room = "capacity_bits" in rows
    figure = Drawing()
    if len(rows) > 1:
        line = energy_latency_front(rows)
        figure.trace(
            "scatter",
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
            first = all("customdata" not in trace for trace in figure.data)
            marker |= {"color": _log_bits(part["capacity_bits"]), "showscale": first}
            marker |= {"line": {"width": 2, "color": ACCENT}} if is_chosen else {}
        figure.trace(
            "scatter",
            x=part["latency_s"].to_numpy(dtype=float) * x_factor,
            y=part["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="markers",
            name=name,
            customdata=[int(p) for p in part["point"]],
            marker=marker,
            hovertext=[
                _point_text(r, "least EDP" if i == best else "") for i, r in zip(part.index, rows_of(part), strict=True)
            ],
            hoverinfo="text",
        )
    figure.lay(**axes, hovermode="closest")
    if room:  # the mappings with least room cost many times more
        spread(figure, rows)
    return finish(figure, height=430, legend=True)


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


def _point_text(row: Row, remark: str) -> str:
    lines = [f"<b>{human.joules(row.energy_pj)}, {human.seconds(row.latency_s)}</b>"]
    lines.append(f"{human.exact(row.energy_pj)} pJ · {human.exact(row.latency_cycles)} cycles")
    edp = human.prefixed(row.energy_pj * PJ * row.latency_s, "J·s", smallest=1e-18)
    lines.append(f"EDP {edp}" + (f" · {remark}" if remark else ""))
    if (bits := getattr(row, "capacity_bits", None)) is not None:
        lines.append(f"room used {human.memory(bits)} · {human.exact(bits)} b")
    return "<br>".join([*lines, *wrapped(str(row.mapping), 64)])
