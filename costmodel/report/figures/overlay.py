"""The fronts of several runs in one figure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import SERIES
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import PJ, cost_axes, finish, label, rows_of, spread
from costmodel.report.tables import energy_latency_front

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "x", "star", "hexagon")
"""Runs are told apart by more than their colour."""


def overlaid_fronts(tables: Mapping[str, pd.DataFrame], dashed: frozenset[str] = frozenset()) -> Drawing:
    """Energy against latency of the points of several runs, a line each; the point that a run uses is larger.

    ``tables``: run → point, energy_pj, latency_s, chosen. ``dashed``: runs that compute something else than the first.
    """
    together = pd.concat(tables.values(), ignore_index=True)
    x_factor, y_factor, axes = cost_axes(together["latency_s"], together["energy_pj"])
    figure = Drawing()
    for place, (name, table) in enumerate(tables.items()):
        colour, symbol = SERIES[place % len(SERIES)], SYMBOLS[place % len(SYMBOLS)]
        rows = table.sort_values(["latency_s", "energy_pj"], kind="stable")
        line = energy_latency_front(rows)
        figure.trace(
            "scatter",
            x=line["latency_s"].to_numpy(dtype=float) * x_factor,
            y=line["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 1.5, "dash": "dash" if name in dashed else "solid"},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
        figure.trace(
            "scatter",
            x=rows["latency_s"].to_numpy(dtype=float) * x_factor,
            y=rows["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="markers",
            name=label(name),
            legendgroup=name,
            marker={
                "color": colour,
                "symbol": symbol,
                "size": [14 if chosen else 8 for chosen in rows["chosen"]],
                "line": {"width": 1, "color": "#ffffff"},
            },
            hovertext=[_text(name, row, len(rows)) for row in rows_of(rows)],
            hoverinfo="text",
        )
    figure.lay(**axes, hovermode="closest")
    spread(figure, together["latency_s"].tolist(), together["energy_pj"].tolist())
    return finish(figure, height=430, legend=True)


def _text(name: str, row: object, points: int) -> str:
    energy_pj, latency_s = float(getattr(row, "energy_pj", 0.0)), float(getattr(row, "latency_s", 0.0))
    which = f"point {getattr(row, 'point', 0) + 1} of {points}" if points > 1 else "its only point"
    used = ", the one it uses" if getattr(row, "chosen", False) and points > 1 else ""
    edp = human.joule_seconds(energy_pj * PJ * latency_s)
    return f"<b>{label(name)}</b>: {which}{used}<br>{human.joules(energy_pj)}, {human.seconds(latency_s)}<br>EDP {edp}"
