"""What would change a run, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.human import digits
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.advice.advice import Advice, Advised

MEASURES = ("energy", "latency", "edp", "area")
SHOWN = 8
"""Advices that a terminal shows; ``--all`` shows the others too."""
TEMPTING = 3
"""Changes that give nothing, of which it is said."""
UNIMPORTANT = 5e-7
"""A share that would be shown as nothing."""


def change_text(gain: float | None) -> str:
    """Say by which share a cost changes, of which a gain is given.

    >>> change_text(0.21), change_text(-0.5), change_text(0.0), change_text(None)
    ('−21 %', '+50 %', '±0 %', '')
    """
    if gain is None:
        return ""
    if abs(gain) < UNIMPORTANT:
        return "±0 %"
    return f"{'−' if gain > 0 else '+'}{digits(100 * abs(gain))} %"


def advice_text(advised: Advised, *, whole: bool = False) -> str:
    """Gains with their commands, what gives nothing, and what was not tried."""
    known = "proven" if advised.proven else "not proven to be the best"
    parts = [f"what would change it, by {advised.objective} (before: {known})"]
    gains = advised.gains if whole else advised.gains[:SHOWN]
    parts.append(_table(advised, gains) if gains else "nothing that was tried gains anything")
    parts += [f"{place}. {one.change}\n   {one.why}\n   {one.command}" for place, one in enumerate(gains, 1)]
    if left := len(advised.gains) - len(gains):
        parts.append(f"{left} more: --all")
    if nothing := advised.nothing if whole else advised.nothing[:TEMPTING]:
        parts.append("gives nothing:\n" + "\n".join(f"  {nothing_text(advised, one)}" for one in nothing))
    if advised.untried:
        why = "interrupted" if advised.interrupted else "--budget"
        parts.append(f"not tried in time ({why}): {'; '.join(advised.untried)}")
    return "\n\n".join(parts)


def best_advice_text(advised: Advised) -> str:
    """The best of it in three lines, and what tempts most and gives nothing in another."""
    lines = []
    for best in advised.gains[:1]:
        lines += [f"advice: {best.change}: {gains_text(advised, best)}", f"  {best.why}", f"  {best.command}"]
    lines += [f"{'' if lines else 'advice: '}{nothing_text(advised, one)}" for one in advised.nothing[:1]]
    return "\n".join(lines)


def gains_text(advised: Advised, one: Advice) -> str:
    """The costs that an advice changes, in a few words."""
    named = [(name if name != "edp" else "EDP", advised.gain(one, name)) for name in MEASURES]
    told = [f"{name} {change_text(gain)}" for name, gain in named if gain is not None and abs(gain) >= UNIMPORTANT]
    return ", ".join(told) + ("" if one.proven else " (best found)")


def nothing_text(advised: Advised, one: Advice) -> str:
    """What a change gives that gains nothing: nothing, or less than that."""
    gain = advised.gain(one)
    worse = gain is not None and gain < -UNIMPORTANT
    proven = ", proven" if one.proven and advised.proven else ""
    return f"{one.change}: {gains_text(advised, one) if worse else 'nothing'}{proven}"


def _table(advised: Advised, gains: Sequence[Advice]) -> str:
    columns = ["", "change", "energy", "latency", "EDP", "area", "certificate"]
    rows = []
    for place, one in enumerate(gains, 1):
        shares = [change_text(advised.gain(one, name)) for name in MEASURES]
        rows.append([str(place), one.change, *shares, "proven" if one.proven else "best found"])
    return table(columns, rows)
