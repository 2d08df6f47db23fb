"""What compute and memory allow, and where each Einsum is below it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from costmodel.report import human
from costmodel.report.figures.colours import QUIET
from costmodel.report.figures.parts import finish, label, log_ticks, rows_of
from costmodel.report.tables import OPERATIONS_PER_STORED_BIT


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
        customdata=list(table["einsum"]),
        marker={"color": "#3e6a94", "size": 9, "line": {"width": 1, "color": "#ffffff"}},
        hovertext=[
            f"<b>{label(r.einsum)}</b><br>{human.digits(r.points_per_cycle)} operations per cycle"
            f"<br>{human.digits(r.operations_per_bit)} operations per bit of {label(outer)}"
            f"<br>bound by {label(r.bottleneck)}"
            for r in rows_of(table)
        ],
        hoverinfo="text",
    )
    figure.update_layout(
        xaxis={
            "type": "log",
            "title": {"text": f"operations per bit of {label(outer)}", "font": {"size": 12.5}},
            "dtick": 1,
        },
        yaxis={
            "type": "log",
            "title": {"text": "operations per cycle", "font": {"size": 12.5}},
            **log_ticks(y for y in (*ys, *table["points_per_cycle"]) if y > 0),
        },
        showlegend=False,
    )
    return finish(figure, height=340)
