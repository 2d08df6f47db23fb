"""Where a sweep stands: its front so far, and how much of the space of costs it dominates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from costmodel.sweep.designs import Values

MOST = 200
"""Points of a front whose hypervolume is computed while a sweep runs."""


@dataclass
class Standing:
    """The front of the costs so far."""

    front: list[tuple[float, ...]] = field(default_factory=list)
    _least: tuple[float, ...] = ()
    _most: tuple[float, ...] = ()
    _shown: str | None = None
    """As it is printed, once that was asked for: a hypervolume may take a quarter of a second."""

    def add(self, costs: Values) -> None:
        """Take in a point; one without costs, or with an infinite one, is none."""
        if costs is None or not all(map(math.isfinite, costs)):
            return
        least, most = tuple(map(min, self._least or costs, costs)), tuple(map(max, self._most or costs, costs))
        if (least, most) != (self._least, self._most):
            self._least, self._most, self._shown = least, most, None
        if not any(_beats(other, costs) for other in self.front):
            self.front = [*(other for other in self.front if not _beats(costs, other)), costs]
            self._shown = None

    @property
    def hypervolume(self) -> float | None:
        """Share that the front dominates of the box between the least and the largest costs seen.

        Null for one objective or more than three, while the box is flat, and where it would take long.
        """
        sides = [most - least for least, most in zip(self._least, self._most, strict=True)]
        if not 2 <= len(sides) <= 3 or not all(sides) or len(self.front) > MOST:
            return None
        spans = list(zip(self._least, sides, strict=True))
        scaled = [tuple((cost - low) / side for cost, (low, side) in zip(p, spans, strict=True)) for p in self.front]
        return dominated(scaled)

    def __str__(self) -> str:
        """Print it for people; nothing before the first point."""
        if self._shown is None:
            share = self.hypervolume if self.front else None
            volume = "" if share is None else f", hypervolume {share:.3f}"
            self._shown = f"front {len(self.front):,}{volume}" if self.front else ""
        return self._shown


def dominated(front: Sequence[tuple[float, ...]]) -> float:
    """Volume of the unit box that some points in it dominate: all that is no less than one of them everywhere.

    >>> dominated([(0.5, 0.0), (0.0, 0.5)]), dominated([(0.5, 0.5, 0.5)])
    (0.75, 0.125)
    """
    if not front:
        return 0.0
    if len(front[0]) == 1:
        return 1.0 - min(front)[0]
    total = 0.0
    ordered = sorted(front, key=lambda point: point[-1])
    for place, point in enumerate(ordered):
        above = ordered[place + 1][-1] if place + 1 < len(ordered) else 1.0
        if above > point[-1]:
            total += (above - point[-1]) * dominated([each[:-1] for each in ordered[: place + 1]])
    return total


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether one is no worse anywhere."""
    return all(a <= b for a, b in zip(one, other, strict=True))
