"""What compute and every memory allow, and where each Einsum is below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import QUIET, component_colours
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import finish, label, log_ticks, rows_of
from costmodel.report.roofs import MemoryRoof

FEW = 40
"""Einsums of which what they ask of every memory is shown at once; of more, what binds each alone."""


def roofline(
    table: pd.DataFrame, roofs: Sequence[MemoryRoof], peaks: Mapping[str, float], order: Sequence[str] = ()
) -> Drawing:
    """Operations per cycle against operations per bit, below a roof per memory, each with its name.

    ``table``: as ``roofs.intensities`` gives it. One full dot per Einsum, on the scale of the memory that binds it
    (else of the outermost); rings say how it stands to the other memories.
    """
    colours = component_colours(list(order) or [roof.level for roof in roofs])
    peak = max(peaks.values(), default=1.0)
    low, high, floor = _window(table, roofs, peak)
    figure = Drawing()
    for name, rate in peaks.items():
        figure.trace(
            "scatter",
            x=[low, high],
            y=[rate, rate],
            mode="lines",
            line={"color": QUIET, "width": 2},
            hoverinfo="skip",
            showlegend=False,
            name=label(name),
        )
        figure.note(
            x=np.log10(high),
            y=np.log10(rate),
            text=f"{label(name)} {human.amount(rate)} /cycle",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"size": 11},
        )
    for place, roof in enumerate(roofs):  # their names stand at heights of their own: on a narrow page they would meet
        _add_roof(figure, roof, (low, floor, peak), colours.get(roof.level, QUIET), 0.06 + 0.16 * (place % 5))
    for roof in roofs:
        _add_dots(figure, table[table["level"] == roof.level], colours.get(roof.level, QUIET), roof.level)
    figure.lay(
        xaxis={
            "type": "log",
            "title": {"text": "operations per bit through a memory", "font": {"size": 12.5}},
            "range": [np.log10(low), np.log10(high)],
            **log_ticks([low * 1.01, high * 0.99]),
        },
        yaxis={
            "type": "log",
            "title": {"text": "operations per cycle", "font": {"size": 12.5}},
            "range": [np.log10(floor), np.log10(peak) + 0.25],
            **log_ticks([floor, peak]),
        },
    )
    return finish(figure, height=380, legend=True)


def _window(table: pd.DataFrame, roofs: Sequence[MemoryRoof], peak: float) -> tuple[float, float, float]:
    """Least and largest intensity, and the least rate, that are in sight."""
    xs = [float(x) for x in table["operations_per_bit"]] + [peak / roof.bits_per_cycle for roof in roofs]
    ys = [float(y) for y in table["points_per_cycle"] if y > 0]
    low, high = (min(xs), max(xs)) if xs else (0.1, 10.0)
    return low / 4, high * 4, min([*ys, peak / 8]) / 2


def _add_roof(
    figure: Drawing, roof: MemoryRoof, window: tuple[float, float, float], colour: str, height: float
) -> None:
    """The slope of a memory, up to the peak, with its name at a share of its height."""
    low, floor, peak = window
    start = max(low, floor / roof.bits_per_cycle)
    end = peak / roof.bits_per_cycle
    figure.trace(
        "scatter",
        x=[start, end],
        y=[start * roof.bits_per_cycle, peak],
        mode="lines",
        line={"color": colour, "width": 2},
        hoverinfo="skip",
        showlegend=False,
        name=label(roof.level),
    )
    at = start * (end / start) ** height
    figure.note(
        x=np.log10(at),
        y=np.log10(at * roof.bits_per_cycle),
        text=f"{label(roof.level)} {human.amount(roof.bits_per_cycle)} b/cycle",
        showarrow=False,
        xanchor="left",
        yanchor="middle",
        xshift=6,
        font={"size": 11},
    )


def _add_dots(figure: Drawing, table: pd.DataFrame, colour: str, level: str) -> None:
    """The Einsums on the scale of one memory: full dots of those that it binds, rings of the others."""
    few = len(table) <= FEW
    for decides, marker in (
        (False, {"color": "rgba(0,0,0,0)", "size": 7, "line": {"width": 1.2, "color": colour}}),
        (True, {"color": colour, "size": 10, "line": {"width": 1, "color": "#ffffff"}}),
    ):
        rows = table[table["decides"] == decides]
        figure.trace(
            "scatter",
            x=rows["operations_per_bit"].to_numpy(dtype=float),
            y=rows["points_per_cycle"].to_numpy(dtype=float),
            mode="markers",
            name=label(level) if decides else f"{label(level)}, not binding",
            visible=True if decides or few else "legendonly",
            marker=marker,
            customdata=list(rows["einsum"]),
            meta={"level": level, "decides": decides},
            showlegend=bool(len(rows)),
            hovertext=[
                f"<b>{label(r.einsum)}</b><br>{human.digits(r.points_per_cycle)} operations per cycle"
                f"<br>{human.digits(r.operations_per_bit)} operations per bit of {label(level)}"
                f"<br>bound by {label(r.bottleneck)}"
                for r in rows_of(rows)
            ],
            hoverinfo="text",
        )
