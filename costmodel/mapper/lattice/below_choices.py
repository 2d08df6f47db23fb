"""Ways to spread the arrays to come, and what each makes of what labels carry across them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from costmodel.mapper.lattice.shapes import Floats, Ints

COMPARED = 20_000_000
"""Coefficients that are compared at most to leave out choices."""


@dataclass(frozen=True)
class Choices:
    """How the arrays to come may be spread."""

    values: Floats
    """(kinds, energy and limits, inputs, choices)."""
    divisor: Floats
    """(choices): instances over which compute cycles are divided."""
    shares: Floats
    """(limits, choices): instances over which the cycles of each limit are divided."""
    along: Floats
    """(rank variables, choices): instances of the next array that may share words of a window."""
    passes: Floats
    """(2 or, without a systolic array, 0, choices): what each makes of ``Passes.least``."""
    ways: Ints | None
    """(choices): the way to spread the one array to come; null where a choice stands for several."""
    columns: slice | None = None
    """Where the choices stand among those by which labels are judged in the end; null where one stands for a group."""

    def __len__(self) -> int:
        return len(self.divisor)

    def that_count(self, kind: int, output: int) -> tuple[list[int], list[int]]:
        """Return the inputs that come to the same for all choices, but not to nothing, and those that do not."""
        found = self._that_count.get((kind, output))
        if found is None:
            values = self.values[kind, output]
            same = (values == values[:, :1]).all(axis=-1)
            found = np.flatnonzero(same & (values[:, 0] != 0)).tolist(), np.flatnonzero(~same).tolist()
            self._that_count[kind, output] = found
        return found

    @cached_property
    def that_matter(self) -> list[list[int]]:
        """For energy and each limit: the inputs that come to something for some kind and choice."""
        return [np.flatnonzero(some).tolist() for some in np.any(self.values != 0, axis=(0, 3))]

    @cached_property
    def _that_count(self) -> dict[tuple[int, int], tuple[list[int], list[int]]]:
        return {}

    def take(self, chosen: Ints) -> Choices:
        return Choices(
            np.ascontiguousarray(self.values[..., chosen]),
            self.divisor[chosen],
            np.ascontiguousarray(self.shares[:, chosen]),
            np.ascontiguousarray(self.along[:, chosen]),
            np.ascontiguousarray(self.passes[:, chosen]),
            None if self.ways is None else self.ways[chosen],
        )

    def least(self, starts: Ints) -> Choices:
        """Return one choice for each group, no worse than any of it."""
        return Choices(
            np.minimum.reduceat(self.values, starts, axis=-1),
            np.maximum.reduceat(self.divisor, starts),
            np.maximum.reduceat(self.shares, starts, axis=-1),
            np.minimum.reduceat(self.along, starts, axis=-1),
            np.minimum.reduceat(self.passes, starts, axis=-1),
            None,
        )

    def features(self, windowed: list[int], *, timeless: bool) -> Floats:
        """Return (features, choices): a choice that is no less in any of them is no better."""
        values, along = self.values.reshape(-1, len(self)), self.along[windowed]
        if timeless:
            return np.concatenate((values, along))
        return np.concatenate((values, 1 / self.divisor[None], 1 / self.shares, along, self.passes))


def different(rows: Floats) -> Ints:
    """Return the places of rows of which each is the first of its like."""
    seen: dict[bytes, int] = {}
    for place, row in enumerate(rows):
        seen.setdefault(row.tobytes(), place)
    return np.array(list(seen.values()), dtype=np.int64)


def thinned(every: Choices, windowed: list[int], *, timeless: bool) -> Choices:
    """Return the choices of which no other one is better in every coefficient."""
    features = every.features(windowed, timeless=timeless)
    features = features[features.min(axis=1) < features.max(axis=1)]
    features = features[different(features)]
    first = different(np.ascontiguousarray(features.T))
    features = features[:, first]
    kept = np.ones(len(first), dtype=bool)
    if len(first) ** 2 * len(features) < COMPARED:
        for c in range(len(first)):
            no_worse = (features <= features[:, c : c + 1]).all(axis=0)
            no_worse[c] = False
            kept[c] = not (no_worse & kept).any()
    return replace(every.take(first[kept]), ways=None)


def grouped(choices: Choices, windowed: list[int], *, timeless: bool) -> tuple[Choices, list[Choices], Ints]:
    """Return the choices with like ones together, their groups, and where each group starts."""
    features = choices.features(windowed, timeless=timeless)
    features = features[features.min(axis=1) < features.max(axis=1)]
    # neighbours have like numbers of instances and like coefficients, so that their least values say something
    order = np.lexsort((*features, choices.divisor))
    starts = np.arange(0, len(order), math.isqrt(len(order) - 1) + 1)
    stops = [*starts[1:].tolist(), len(order)]
    groups = [
        replace(choices.take(order[a:b]), columns=slice(a, b)) for a, b in zip(starts.tolist(), stops, strict=True)
    ]
    return replace(choices.take(order), columns=slice(0, len(order))), groups, starts
