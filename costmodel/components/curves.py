"""Power laws through published points: between two neighbours, and with the slope of the nearest beyond the ends."""

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
    exponent: float | None = None
    """Beyond the points, or where there is one only; null: the slope of the two nearest."""
    reach: float = 1.0
    """How many times smaller than the smallest or larger than the largest a place may be without a warning."""

    def at(self, place: float, shown: str = "") -> Reading:
        """Reading the value at a place; ``shown`` says what is measured, with its unit behind the number.

        >>> Curve((1, 4), (10, 20)).at(2, "KiB")
        Reading(value=14.142135623730951, basis='interpolated', how='between 1 and 4 KiB', beyond=False)
        """
        for known, value in zip(self.places, self.values, strict=True):
            if math.isclose(known, place, rel_tol=1e-9):
                return Reading(value, "published", "", beyond=False)
        first, last = self.places[0], self.places[-1]
        if first < place < last:
            above = next(k for k, known in enumerate(self.places) if known > place)
            low, high = self.places[above - 1], self.places[above]
            slope = self._slope(above - 1, above)
            value = self.values[above - 1] * (place / low) ** slope
            return Reading(value, "interpolated", f"between {low:g} and {high:g} {shown}".strip(), beyond=False)
        nearest = 0 if place < first else len(self.places) - 1
        near = self.places[nearest]
        value = self.values[nearest] * (place / near) ** self._outside(nearest)
        how = f"from {near:g} to {place:g} {shown}".strip()
        return Reading(value, "extrapolated", how, beyond=max(place / last, first / place) > self.reach)

    def _outside(self, nearest: int) -> float:
        """Slope beyond an end."""
        if self.exponent is not None:
            return self.exponent
        if len(self.places) == 1:
            return 0.0
        return self._slope(0, 1) if nearest == 0 else self._slope(nearest - 1, nearest)

    def _slope(self, low: int, high: int) -> float:
        return math.log(self.values[high] / self.values[low]) / math.log(self.places[high] / self.places[low])
