"""What every figure uses: names as Plotly shall print them, units of axes, the frame.

Names from the user go through ``label``: Plotly reads a little HTML in its texts.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from costmodel.report import human
from costmodel.report.figures.drawing import Drawing

FONT = '"Inter", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


NO_TEMPLATE: dict[str, object] = {"data": {"scatter": [{"type": "scatter"}]}}
"""One that sets nothing: where there is none, Plotly puts its own."""


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


def told(lines: Sequence[str]) -> str:
    """More lines of a hover text."""
    return "".join(f"<br>{part}" for line in lines for part in wrapped(line, 64))


def layers_axis(names: Sequence[str]) -> dict[str, object]:
    """The layers of a network from top to bottom, so that their names stand level and none is left out."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [label(n) for n in names],
        "autorange": "reversed",
        "tickfont": {"size": 11},
        "showgrid": False,
        "dtick": 1,
    }


def layers_height(names: Sequence[str]) -> int:
    """Height of a figure with a row per layer: a line of text each."""
    return 100 + (16 if len(names) > 24 else 20) * max(len(names), 4)


def amounts_axis(unit: str) -> dict[str, object]:
    """Amounts along bars, with few ticks: their texts stand level on a narrow page as well."""
    return {"ticksuffix": f" {unit}", "nticks": 5, "tickangle": 0}


def components_axis(components: Sequence[str], values: Sequence[str]) -> dict[str, object]:
    """Components from top to bottom, what each one amounts to below its name: no bar is too long for its text."""
    return {
        "categoryorder": "array",
        "categoryarray": [label(c) for c in reversed(components)],
        "showgrid": False,
        "tickvals": [label(c) for c in components],
        "ticktext": [f"<b>{label(c)}</b><br>{value}" for c, value in zip(components, values, strict=True)],
    }


def cost_axes(latency_s: Iterable[float], energy_pj: Iterable[float]) -> tuple[float, float, dict[str, object]]:
    """Factors for seconds and joules, and the axes that say the units."""
    x_factor, x_unit = unit_of(float(max(latency_s, default=0.0)), "s")
    y_factor, y_unit = unit_of(float(max(energy_pj, default=0.0)) * PJ, "J")
    axes: dict[str, object] = {
        "xaxis": {"title": {"text": "latency", "font": {"size": 12.5}}, "ticksuffix": f" {x_unit}"},
        "yaxis": {"title": {"text": "energy", "font": {"size": 12.5}}, "ticksuffix": f" {y_unit}"},
    }
    return x_factor, y_factor, axes


def spread(figure: Drawing, latency_s: Sequence[float], energy_pj: Sequence[float]) -> None:
    """Costs that span more than a power of ten stand on logarithmic axes, below a thousandfold with 2 and 5 named."""
    for axis, values in (("xaxis", latency_s), ("yaxis", energy_pj)):
        if len(values) and 0 < min(values) < max(values) / 10:
            figure.lay(**{axis: {"type": "log", "dtick": "D2" if max(values) < 1e3 * min(values) else 1}})


_STEPS: Sequence[tuple[float, Sequence[float]]] = (
    (0.4, (1, 1.1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)),
    (1.0, (1, 1.5, 2, 3, 5, 7)),
    (2.0, (1, 2, 5)),
    (math.inf, (1,)),
)
"""Decades in sight, below → what is named of each."""


def log_ticks(values: Iterable[float]) -> dict[str, list[float] | list[str]]:
    """Numbers that a logarithmic axis names: powers of ten, and more between them the less of a decade is in sight.

    >>> log_ticks([0.3, 4.0])["ticktext"], log_ticks([1.2, 900.0])["ticktext"], log_ticks([2.0, 3.0])["ticktext"][5:8]
    (['0.1', '0.2', '0.5', '1', '2', '5', '10'], ['1', '10', '100', '1,000'], ['2', '2.5', '3'])
    """
    known = list(values) or [1.0]
    low, high = math.log10(min(known)), math.log10(max(known))
    steps = next(steps for width, steps in _STEPS if high - low < width)
    ticks = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    ticks = [tick for tick in ticks if tick <= 10.0 ** math.ceil(high)]
    return {"tickvals": ticks, "ticktext": [human.amount(tick) for tick in ticks]}


def finish(figure: Drawing, *, height: int, legend: bool = False, margin: Mapping[str, int] | None = None) -> Drawing:
    figure.lay(
        template=NO_TEMPLATE,
        height=height,
        autosize=True,
        font={"family": FONT, "size": 12.5},
        margin=dict(margin or {"l": 8, "r": 12, "t": 40 if legend else 12, "b": 8}),
        hoverlabel={"align": "left", "font": {"family": FONT, "size": 12.5}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.lay(xaxis={"automargin": True}, yaxis={"automargin": True})
    if legend:
        place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"}
        figure.lay(legend=place)
    return figure
