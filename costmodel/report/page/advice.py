"""The card of a page that says what would change the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.report.text.advice import MEASURES, change_text, nothing_text

if TYPE_CHECKING:
    from costmodel.advice.advice import Advice, Advised
    from costmodel.report.run import Run

FIRST = 8
"""Advices that are shown at once; the others unfold."""
TEMPTING = 4
"""Changes that give nothing, which are shown at once."""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """What a change does to one cost."""

    name: str
    text: str
    better: bool
    worse: bool


@dataclass(frozen=True, slots=True)
class ShownAdvice:
    """One advice."""

    change: str
    why: str
    command: str
    shares: tuple[ShownChange, ...]
    certificate: str


@dataclass(frozen=True, slots=True)
class AdviceCard:
    """The card: gains first, then what gives nothing, then what was not tried."""

    known: bool
    """Whether anybody has looked."""
    objective: str = ""
    first: tuple[ShownAdvice, ...] = ()
    more: tuple[ShownAdvice, ...] = ()
    nothing: tuple[str, ...] = ()
    nothing_more: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()


def advice_card(run: Run) -> AdviceCard | None:
    """The card of a run; null for a sweep."""
    if run.evaluation is None:
        return None
    found = run.advice
    if found is None:
        return AdviceCard(known=False)
    gains = [_shown(found, one) for one in found.gains]
    nothing = [nothing_text(found, one) for one in found.nothing]
    return AdviceCard(
        known=True,
        objective=found.objective.upper() if found.objective.startswith("ed") else found.objective,
        first=tuple(gains[:FIRST]),
        more=tuple(gains[FIRST:]),
        nothing=tuple(nothing[:TEMPTING]),
        nothing_more=tuple(nothing[TEMPTING:]),
        untried=found.untried,
    )


def _shown(found: Advised, one: Advice) -> ShownAdvice:
    gains = [(name, found.gain(one, name)) for name in MEASURES]
    shares = tuple(
        ShownChange(name.upper() if name == "edp" else name, change_text(gain), gain > 0, gain < 0)
        for name, gain in gains
        if gain is not None
    )
    certificate = "proven optimal" if one.proven else "best found"
    return ShownAdvice(one.change, one.why, one.command, shares, certificate)
