"""Rows of tiles as columns: one array for each loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.model.events import Rows

MOST = 2**62
"""Numbers up to this one are counted in arrays of 64 bits, with room for one more addition."""
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kinds:
    """What rows have in the columns of some loops, each once."""

    places: tuple[int, ...]
    """The loops."""
    each: list[tuple[int, ...]]
    """Tiles of these loops."""
    of_row: Integers
    """Which of them each row has."""

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give each row what its kind has; kinds are the last axis."""
        return values.take(self.of_row, axis=-1)


@dataclass(frozen=True, eq=False)
class Columns:
    """Tiles and steps of every loop, one array each."""

    tiles: Sequence[Integers]
    counts: Sequence[Integers]
    rows: int
    residual: Rows | None = None
    """Where tiles need not divide."""
    _kinds: dict[tuple[int, ...], Kinds] = field(default_factory=dict, init=False)

    def kinds(self, places: tuple[int, ...]) -> Kinds:
        """Tell rows apart by the tiles of some loops."""
        found = self._kinds.get(places)
        if found is None:
            found = self._kinds[places] = self._told(places)
        return found

    def _told(self, places: tuple[int, ...]) -> Kinds:
        chosen = [self.tiles[at] for at in places]
        sizes = [int(column.max(initial=0)) + 1 for column in chosen]
        code: Any = np.zeros(self.rows, dtype=np.int64 if math.prod(sizes) <= MOST else object)
        for column, size in zip(chosen, sizes, strict=True):
            code = code * size + column
        _, first, of_row = np.unique(code, return_index=True, return_inverse=True)
        return Kinds(places, [tuple(int(column[i]) for column in chosen) for i in first], of_row)
