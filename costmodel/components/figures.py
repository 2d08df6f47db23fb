"""A number that prices something: its value and unit, its source, and how far it is from what was published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

Unit = Literal["pJ", "mm2", "W", "b/cycle", "b/s", "/cycle"]
Basis = Literal["stated", "published", "interpolated", "scaled", "assumed", "extrapolated"]
"""``stated`` is what a file says itself; of it nothing is known but its source."""
BASES: tuple[Basis, ...] = get_args(Basis)
"""From what a source says itself to what is furthest from it; a number made of several is what its weakest part is."""


class Factor(NamedTuple):
    """What a number is multiplied by, and why."""

    value: float
    why: str = ""
    """Goes into the source of what is multiplied; empty where nothing changes."""
    basis: Basis = "published"
    beyond: tuple[str, ...] = ()
    """Ranges that are left: a warning each."""


@dataclass(frozen=True, slots=True)
class ComponentFigure:
    """One number of a component."""

    value: float
    """Of one action (pJ), or of one instance (mm2, W, b/cycle, b/s, operations /cycle)."""
    unit: Unit
    source: str
    """Where it comes from and what was done to it."""
    basis: Basis = "published"
    beyond: tuple[str, ...] = ()
    """Ranges that its parameters leave, in words: whoever uses it has to be warned."""

    def times(self, factor: Factor) -> ComponentFigure:
        """Return what a factor makes of it.

        >>> ComponentFigure(2.0, "pJ", "a table").times(Factor(0.5, "half of it", "assumed")).source
        'a table; half of it'
        """
        source = "; ".join(part for part in (self.source, factor.why) if part)
        return ComponentFigure(
            self.value * factor.value,
            self.unit,
            source,
            weakest(self.basis, factor.basis),
            (*self.beyond, *factor.beyond),
        )

    def copies(self, number: float) -> ComponentFigure:
        """Return several of the same: nothing about the number changes but its amount."""
        return replace(self, value=self.value * number)


def weakest(*bases: Basis) -> Basis:
    """Return the basis of a number that is made of others.

    >>> weakest("published", "scaled", "interpolated")
    'scaled'
    """
    return max(bases, key=BASES.index)


def total(figures: Iterable[ComponentFigure]) -> ComponentFigure:
    """Add figures of one unit, at least one; what they share is said once."""
    parts = tuple(figures)
    return ComponentFigure(
        sum(part.value for part in parts),
        parts[0].unit,
        " + ".join(dict.fromkeys(part.source for part in parts)),
        weakest(*(part.basis for part in parts)),
        tuple(dict.fromkeys(text for part in parts for text in part.beyond)),
    )
