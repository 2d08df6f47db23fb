"""The best so far of searches that sample, beside what no mapping undercuts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from costmodel.mapper.result import Found, Improvement
from costmodel.report import human
from costmodel.report.descent import Descent
from costmodel.report.figures.colours import ACCENT, SERIES
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import finish, label, log_ticks

SYMBOLS: dict[Found, str] = {"start": "circle-open", "sample": "square", "climb": "diamond"}
NAMES = {"edp": "EDP", "ed2p": "ED²P", "e2dp": "E²DP", "capacity": "room"}
LONG = 30
"""Letters of a name in a legend."""
LEAST = 1e-6
"""Nearer than this is as good as the least that is known."""
MEANINGS: dict[Found, str] = {"start": "constructed", "sample": "sampled", "climb": "found by climbing"}


def descent(found: Sequence[Descent]) -> Drawing:
    """How far the best so far is from the least that is known, a falling staircase per search, by mappings costed.

    On a scale of powers of ten; what is as good as the least lies on the line below them all.
    """
    figure = Drawing()
    above = [times - 1 for one in found for _, times in one.steps if times - 1 > LEAST]
    ground = 10.0 ** math.floor(math.log10(min(above, default=1.0) / 2))
    top = math.ceil(math.log10(max(above, default=1.0)))
    for place, one in enumerate(found):
        colour = SERIES[place % len(SERIES)]
        trials = [step.trial for step, _ in one.steps]
        heights = [max(times - 1, ground) for _, times in one.steps]
        figure.trace(
            "scatter",
            x=[*trials, max(one.costed, trials[-1] + 1)],
            y=[*heights, heights[-1]],
            mode="lines+markers",
            line={"shape": "hv", "color": colour, "width": 2, "dash": "solid" if one.bounded else "dot"},
            marker={
                "color": colour,
                "size": [*(9 for _ in trials), 0.1],
                "symbol": [*(SYMBOLS[step.by] for step, _ in one.steps), "circle"],
                "line": {"width": 1.5, "color": colour},
            },
            name=label(_short(one.name) + (f" + {one.alike}" if one.alike else "")),
            hovertext=[*(_step_text(one, *step) for step in one.steps), ""],
            hoverinfo=[*("text" for _ in trials), "skip"],
        )
    _lay_axes(figure, found, ground, top)
    _draw_ground(figure, found, ground)
    return finish(figure, height=380 + (24 * -(-len(found) // 2) if len(found) > 1 else 0), legend=len(found) > 1)


def _lay_axes(figure: Drawing, found: Sequence[Descent], ground: float, top: int) -> None:
    powers = range(round(math.log10(ground)) + 1, top + 1)
    every = -(-len(powers) // 8)
    ticks = [10.0**power for power in powers][::every]
    most = max((one.costed for one in found), default=1)
    title = {"font": {"size": 12.5}}
    low = math.log10(ground)
    figure.lay(
        xaxis={"type": "log", "title": {"text": "different mappings costed"} | title, **log_ticks([1.0, max(most, 2)])},
        yaxis={
            "type": "log",
            "title": {"text": f"{NAMES.get(found[0].objective, found[0].objective)} above {least_text(found)}"} | title,
            "range": [low - 0.02 * (top - low), top + 0.02 * (top - low)],
            "tickvals": [ground, *ticks],
            "ticktext": ["0", *(human.percent(tick) for tick in ticks)],
        },
        hovermode="closest",
        showlegend=len(found) > 1,
    )


def _draw_ground(figure: Drawing, found: Sequence[Descent], ground: float) -> None:
    line = {"color": ACCENT, "width": 1.6, "dash": "dash"}
    figure.lay(shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": ground, "y1": ground, "line": line}])
    figure.note(
        xref="paper",
        x=1,
        y=math.log10(ground),
        text=least_text(found),
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        font={"color": ACCENT},
    )


def least_text(found: Sequence[Descent]) -> str:
    """What 1 stands for."""
    if not any(one.bounded for one in found):
        return "the best that was found"
    return "the proven optimum" if all(one.proven for one in found if one.bounded) else "what no mapping undercuts"


def _short(name: str) -> str:
    """A name as a legend on a narrow page has room for it."""
    return name if len(name) <= LONG else f"{name[: LONG // 2]}…{name[-LONG // 2 :]}"


def _step_text(one: Descent, step: Improvement, times: float) -> str:
    alike = f" and {one.alike} alike" if one.alike else ""
    lines = [f"<b>{label(one.name)}{alike}: {human.percent(times - 1)} above</b>"]
    lines.append(f"{MEANINGS[step.by]}, mapping {step.trial:,} of {one.costed:,}")
    lines.append(f"{human.joules(step.energy_pj)} · {human.exact(step.latency_cycles)} cycles")
    return "<br>".join(lines)
