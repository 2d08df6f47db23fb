"""Sums over windows, looked up by tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from costmodel.model.closed import Count, Modes
from costmodel.model.columns import MOST, Columns, Integers
from costmodel.model.motion import Motion
from costmodel.model.tiles import Event


@dataclass(eq=False)
class WindowTable:
    """Sums over windows, looked up by the tiles of the loops over their rank variables.

    Few combinations of tiles occur, so each is summed once, exactly, and kept for later batches.
    """

    motion: Motion
    merged_from: int
    modes: Modes
    places: tuple[int, ...] = ()
    """Loops over the rank variables of the windows."""
    known: dict[tuple[tuple[int, ...], Event], tuple[int, int]] = field(default_factory=dict)
    scalars: dict[tuple[int, ...], Motion] = field(default_factory=dict)

    def bind(self, columns: Columns) -> partial[tuple[Count, Count]]:
        keys = np.stack([columns.tiles[at] for at in self.places], axis=1) if self.places else None
        if keys is None:
            return partial(self._sums, [()], None)
        code: Any = np.zeros(columns.rows, dtype=np.int64)
        if math.prod(int(column.max()) + 1 for column in keys.T) > MOST:
            code = code.astype(object)
        for column in keys.T:
            code = code * (int(column.max()) + 1) + column
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        return partial(self._sums, [tuple(int(x) for x in keys[i]) for i in first], inverse)

    def _sums(self, keys: Sequence[tuple[int, ...]], inverse: Integers | None, event: Event) -> tuple[Count, Count]:
        pairs = [self._sum(key, event) for key in keys]
        if inverse is None:
            return pairs[0]
        table = np.array(pairs, dtype=np.int64)
        return table[inverse, 0], table[inverse, 1]

    def _scalar(self, key: tuple[int, ...]) -> Motion:
        """Return the motion with these tiles."""
        found = self.scalars.get(key)
        if found is None:
            loops = list(self.motion.loops)
            for at, tile in zip(self.places, key, strict=True):
                loops[at] = replace(loops[at], tile=tile)
            found = self.scalars[key] = replace(self.motion, loops=tuple(loops))
        return found

    def largest(self, bound: partial[tuple[Count, Count]]) -> Count:
        """Words of the largest tile in the ranks with windows."""
        keys, inverse = bound.args
        sizes = [math.prod(map(self._scalar(key).largest_in, self.motion.windows)) for key in keys]
        return sizes[0] if inverse is None else np.array(sizes, dtype=self.kind)[inverse]

    @property
    def kind(self) -> type:
        """Of the entries of arrays of tiles: integers of any size where these do not fit."""
        return np.int64 if math.prod(g.width for g in self.motion.windows) < MOST else object

    def _sum(self, key: tuple[int, ...], event: Event) -> tuple[int, int]:
        found = self.known.get((key, event))
        if found is None:
            found = self.known[key, event] = self._scalar(key).window_sums(event, self.merged_from, self.modes)
        return found
