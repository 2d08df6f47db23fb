"""Least traffic by the size of a buffer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, SERIES
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import Row, finish, label, rows_of, wrapped


def buffer_curves(table: pd.DataFrame, level: str, above: str, capacity_bits: int | None) -> Drawing:
    """Least traffic against capacity, one falling staircase per curve; ``customdata`` is the place of a corner.

    ``table``: point, curve, capacity_bits, traffic_bits, traffic_words, operations_per_byte, compulsory_bits, nest.
    """
    figure = Drawing()
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
        figure.trace(
            "scatter",
            x=[low / 8, high / 8],
            y=[compulsory / 8] * 2,
            mode="lines",
            line={"color": colour, "width": 1.2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=str(place),
        )
        figure.trace(
            "scatter",
            x=[*sizes, high / 8],
            y=[*words, words[-1]],
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 2},
            hoverinfo="skip",
            name=label(name),
            legendgroup=str(place),
        )
        figure.trace(
            "scatter",
            x=sizes,
            y=words,
            mode="markers",
            name=label(name),
            showlegend=False,
            legendgroup=str(place),
            customdata=[int(p) for p in rows["point"]],
            marker={"color": colour, "size": 7 if len(names) <= 4 else 5, "line": {"width": 1, "color": "#ffffff"}},
            hovertext=[_corner_text(r, above, level) for r in rows_of(rows)],
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
        right = at * at > low * high / 64  # in the right half there is more room on its left
        notes.append(
            {
                "x": float(np.log10(at)),
                "yref": "paper",
                "y": 1,
                "text": f"{label(level)}: {human.memory(capacity_bits)}",
                "xanchor": "right" if right else "left",
                "yanchor": "top",
                "xshift": -5 if right else 5,
                "showarrow": False,
                "font": {"color": ACCENT},
            }
        )
    traffic = table["traffic_bits"].to_numpy(dtype=float)
    figure.lay(
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
    return finish(figure, height=480 + (24 * -(-len(names) // 2) if len(names) > 1 else 0), legend=len(names) > 1)


def _corner_text(row: Row, above: str, level: str) -> str:
    lines = [f"<b>{label(row.curve)}</b> · {label(level)} of {human.memory(row.capacity_bits)} or more"]
    moved = f"{human.memory(row.traffic_bits)} ({human.exact(row.traffic_words)} words)"
    lines.append(f"{moved} between {label(above)} and {label(level)}")
    times = f"{human.digits(row.traffic_bits / row.compulsory_bits)} × compulsory"
    lines.append(f"{times} · {human.digits(row.operations_per_byte)} operations per byte")
    return "<br>".join([*lines, *wrapped(str(row.nest), 64)])


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
        "autotickangles": [0, 90],  # aslant they would lie over each other where there is little room
    }
