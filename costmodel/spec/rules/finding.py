"""What a rule or a capacity says of one mapping: by how much it is kept or missed, and the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

KEPT = -1.0
"""The slack of a rule that is kept, where there is no number to it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A limit that a candidate broke."""

    level: str
    limit: str
    need: int
    have: int
    how: str = ""
    """The arithmetic, e.g. ``A 64×4 + B 4×16 words``."""

    def __str__(self) -> str:
        text = f"{self.level}: {self.limit} needs {self.need:,}, has {self.have:,}"
        return f"{text} ({self.how})" if self.how else text


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit, and how a mapping stands to it."""

    limit: str
    """Unique among the limits of a search."""
    slack: float
    """At most 0 where the limit is kept; else by how much it is missed, as far as that has a number: the power of two
    between what is and what should be, or the pairs of loops in the wrong order."""
    reject: Reject | None = None
    """The numbers, where the limit is broken."""
    path: tuple[int, ...] = ()
    """The node of the nest that breaks it, where one does."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Whole numbers that are allowed: from the least to the most, both included."""

    least: int = 1
    most: float = math.inf

    def __contains__(self, number: int) -> bool:
        return self.least <= number <= self.most

    def contains(self, numbers: Any) -> Any:
        """Whether each number of an array is allowed."""
        return (numbers >= self.least) & (numbers <= self.most)

    def __and__(self, other: Interval) -> Interval:
        return Interval(max(self.least, other.least), min(self.most, other.most))


ANY = Interval()
"""No limit."""


@dataclass(frozen=True, slots=True)
class Span:
    """Along how many dimensions of an array some rank variables may lie, counted together."""

    rank_variables: frozenset[str]
    most: int
    """Dimensions along which one of them or another is spread, at most."""


def compared(place: str, limit: str, have: int, allowed: Interval, how: str, path: tuple[int, ...] = ()) -> Finding:
    """Hold a number against what is allowed; the slack is the power of two by which it is missed."""
    over = math.log2(have / allowed.most) if allowed.most < math.inf else -math.inf
    under = math.log2(allowed.least / have) if allowed.least > 1 else -math.inf
    slack = max(over, under)
    if have in allowed:
        return Finding(f"{place}: {limit}", KEPT if slack == -math.inf else slack)
    bound = int(allowed.most) if over > under else allowed.least
    return Finding(f"{place}: {limit}", slack, Reject(place, limit, have, bound, how), path)
