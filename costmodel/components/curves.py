"""Laws through published points: between two neighbours, and with the slope of the nearest beyond the ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from costmodel.components.figures import Basis


class Reading(NamedTuple):
    """What a curve says at one place."""

    value: float
    basis: Basis
    how: str
    """Between which points it stands; empty at a point."""
    beyond: bool
    """Whether the place is further outside the points than the curve reaches."""


class Curve(NamedTuple):
    """Values at some places: straight lines between the logarithms of both."""

    places: Sequence[float]
    """In order, all positive."""
    values: Sequence[float]
    exponents: tuple[float, float] | None = None
    """Below the first place and above the last one; null: the slopes of the two nearest."""
    reach: float = 1.0
    """How many times smaller than the smallest or larger than the largest a place may be without a warning."""

    def at(self, place: float, shown: str = "") -> Reading:
        """Reading the value at a place; ``shown`` says what is measured, with its unit behind the number.

        >>> Curve((1, 4), (10, 20)).at(2, "KiB")
        Reading(value=14.142135623730951, basis='interpolated', how='between 1 and 4 KiB', beyond=False)
        """
        return _read(self, place, shown)

    @property
    def outer(self) -> tuple[float, float]:
        """Slopes at both ends, of the two nearest; 0 where there is one place only."""
        if len(self.places) == 1:
            return 0.0, 0.0
        return self._slope(0, 1), self._slope(-2, -1)

    def between(self, low: int, high: int, place: float) -> float:
        """Return the value between two places."""
        return self.values[low] * math.pow(place / self.places[low], self._slope(low, high))

    def beyond(self, end: int, place: float) -> float:
        """Return the value beyond the first (0) or the last (-1) place."""
        return self.values[end] * math.pow(place / self.places[end], (self.exponents or self.outer)[end])

    def _slope(self, low: int, high: int) -> float:
        return math.log(self.values[high] / self.values[low]) / math.log(self.places[high] / self.places[low])


class StraightLine(NamedTuple):
    """Values at some places: straight lines between neighbours, and one beyond each end."""

    places: Sequence[float]
    """In order, all positive."""
    values: Sequence[float]
    shares: tuple[float, float] | None = None
    """Of the value at the first and the last place, what is in proportion to the place beyond it; null: as inside."""
    reach: float = 1.0
    """As of a curve."""

    def at(self, place: float, shown: str = "") -> Reading:
        """Reading the value at a place; ``shown`` says what is measured, with its unit behind the number.

        >>> line = StraightLine((10, 20), (3.0, 4.0), (1.0, 0.5))
        >>> line.at(15).value, line.at(5).value, line.at(40).value
        (3.5, 1.5, 6.0)
        """
        return _read(self, place, shown)

    @property
    def outer(self) -> tuple[float, float]:
        """Shares at both ends that go on with the line between the two nearest."""
        return self._share(0, 1), self._share(-1, -2)

    def between(self, low: int, high: int, place: float) -> float:
        """Return the value between two places."""
        share = (place - self.places[low]) / (self.places[high] - self.places[low])
        return self.values[low] + (self.values[high] - self.values[low]) * share

    def beyond(self, end: int, place: float) -> float:
        """Return the value beyond the first (0) or the last (-1) place."""
        return self.values[end] * (1 + (self.shares or self.outer)[end] * (place / self.places[end] - 1))

    def _share(self, end: int, inner: int) -> float:
        return (self.values[inner] / self.values[end] - 1) / (self.places[inner] / self.places[end] - 1)


def _read(law: Curve | StraightLine, place: float, shown: str) -> Reading:
    """Read a law at a place: at a point, between two, or beyond all of them."""
    for known, value in zip(law.places, law.values, strict=True):
        if math.isclose(known, place, rel_tol=1e-9):
            return Reading(value, "published", "", beyond=False)
    first, last = law.places[0], law.places[-1]
    if first < place < last:
        above = next(k for k, known in enumerate(law.places) if known > place)
        how = f"between {law.places[above - 1]:g} and {law.places[above]:g} {shown}".strip()
        return Reading(law.between(above - 1, above, place), "interpolated", how, beyond=False)
    end = 0 if place < first else -1
    how = f"from {law.places[end]:g} to {place:g} {shown}".strip()
    return Reading(law.beyond(end, place), "extrapolated", how, beyond=max(place / last, first / place) > law.reach)
