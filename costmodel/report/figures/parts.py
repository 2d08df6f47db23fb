"""What every figure uses: names as Plotly shall print them, units of axes, the frame.

Names from the user go through ``label``: Plotly reads a little HTML in its texts.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

FONT = '"Inter", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


PJ = 1e-12
"""Joules in a picojoule."""


Row = Any
"""A row of a table by attribute: pandas makes its class as it goes."""


def label(name: object) -> str:
    """A name of the user as Plotly shall print it, letter by letter."""
    return html.escape(str(name), quote=False)


def unit_of(largest: float, unit: str) -> tuple[float, str]:
    """Factor and unit that leave one to three digits before the point of the largest value of an axis.

    >>> unit_of(0.0135, "J")
    (1000.0, 'mJ')
    """
    for power, prefix in ((0, ""), (3, "m"), (6, "µ"), (9, "n"), (12, "p")):
        if largest * 10.0**power >= 1:
            return 10.0**power, f"{prefix}{unit}"
    return 1e12, f"p{unit}"


def rows_of(table: pd.DataFrame) -> list[Row]:
    return list(table.itertuples())


def times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def wrapped(text: str, width: int) -> list[str]:
    return [f"<i>{label(line)}</i>" for line in textwrap.wrap(text, width, break_long_words=False)[:8]]


def layers_axis(names: Sequence[str]) -> dict[str, object]:
    return {
        "categoryorder": "array",
        "categoryarray": [label(n) for n in names],
        "type": "category",
        "tickangle": -45 if len(names) > 8 else 0,
        "tickfont": {"size": 11},
        "showgrid": False,
        "dtick": 1 if len(names) <= 60 else None,
    }


def cost_axes(rows: pd.DataFrame) -> tuple[float, float, dict[str, object]]:
    """Factors for seconds and joules, and the axes that say the units."""
    x_factor, x_unit = unit_of(float(rows["latency_s"].max()) if len(rows) else 0.0, "s")
    y_factor, y_unit = unit_of(float(rows["energy_pj"].max()) * PJ if len(rows) else 0.0, "J")
    axes: dict[str, object] = {
        "xaxis": {"title": {"text": "latency", "font": {"size": 12.5}}, "ticksuffix": f" {x_unit}"},
        "yaxis": {"title": {"text": "energy", "font": {"size": 12.5}}, "ticksuffix": f" {y_unit}"},
    }
    return x_factor, y_factor, axes


def finish(
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
