"""The derivation of one number, and how it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EXACT = 2**53
"""Up to here a float holds every integer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a sum."""

    text: str
    """The arithmetic that makes the term, or what it is."""
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The derivation of one number."""

    subject: str
    value: float
    """Exactly the number that the evaluation shows."""
    unit: str
    headline: str
    """The number as one equation."""
    lines: tuple[str, ...] = ()
    """How it comes about, outermost loop first."""
    parts: tuple[Part, ...] = ()
    """Terms that sum to the value (``latency``: candidates of which it is the largest)."""
    combine: Literal["sum", "max"] = "sum"
    notes: tuple[str, ...] = ()
    """Prices and their sources, bandwidths, and what is not modelled."""

    def __str__(self) -> str:
        lines = [self.headline, *(f"  {line}" for line in self.lines)]
        if self.parts:
            width = max(len(number(x)) for x in (self.value, *(p.value for p in self.parts)))
            lines += [f"  {number(p.value):>{width}}  {p.text}" for p in self.parts]
            if len(self.parts) > 1:
                lines.append(
                    f"  {number(self.value):>{width}}  {'sum' if self.combine == 'sum' else 'largest'}, {self.unit}"
                )
        return "\n".join([*lines, *self.notes])


def number(value: float) -> str:
    """All digits that matter, grouped.

    >>> number(1234567), number(0.5), number(1234.25)
    ('1,234,567', '0.5', '1,234.25')
    """
    if value == int(value) and abs(value) < EXACT:
        return f"{int(value):,}"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.6g}"
