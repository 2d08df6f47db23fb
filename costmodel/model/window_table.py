"""Sums over windows, looked up by tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from costmodel.model.closed import Count, Modes
from costmodel.model.columns import MOST, Columns, Integers, Kinds
from costmodel.model.groups import Group
from costmodel.model.motion import Motion
from costmodel.model.tiles import Event

Tiles = tuple[int, ...]
"""One tile of each loop over the rank variables of a window."""


@dataclass(eq=False)
class WindowTable:
    """Sums over the positions of one window, looked up by the tiles of the loops over its rank variables.

    Few combinations of tiles occur, so each is summed once, exactly, and kept for later batches.
    """

    motion: Motion
    group: Group
    known: dict[tuple[object, ...], dict[Tiles, tuple[int, int]]] = field(default_factory=dict)
    """What the positions depend on besides tiles → tiles → (|tile|, |kept|)."""
    scalars: dict[Tiles, Motion] = field(default_factory=dict)

    def kinds(self, columns: Columns) -> Kinds:
        """Return the tiles of each row."""
        of_window = enumerate(self.motion.loops)
        return columns.kinds(tuple(at for at, x in of_window if x.rank_variable in self.group.rank_variables))

    def sums(self, kinds: Kinds, key: tuple[object, ...], event: Event, merged_from: int, modes: Modes) -> Integers:
        """Return the rows |tile| and |kept| at an event, all of which but tiles is in the key."""
        known = self.known.setdefault(key, {})
        for tiles in kinds.each:
            if tiles not in known:
                known[tiles] = self._scalar(kinds, tiles).sums_in(self.group, event, merged_from, modes)
        sums = np.array([known[tiles] for tiles in kinds.each], dtype=np.int64)
        return kinds.spread(sums.reshape(-1, 2).T)

    def _scalar(self, kinds: Kinds, tiles: Tiles) -> Motion:
        """Return the motion with these tiles."""
        found = self.scalars.get(tiles)
        if found is None:
            loops = list(self.motion.loops)
            for at, tile in zip(kinds.places, tiles, strict=True):
                loops[at] = replace(loops[at], tile=tile)
            found = self.scalars[tiles] = replace(self.motion, loops=tuple(loops))
        return found

    def largest(self, columns: Columns) -> Count:
        """Words of the largest tile of each row, as integers of any size where 64 bits may not hold a product."""
        kinds = self.kinds(columns)
        sizes = [self._scalar(kinds, tiles).largest_in(self.group) for tiles in kinds.each]
        fits = math.prod(g.width for g in self.motion.windows) < MOST
        return kinds.spread(np.array(sizes, dtype=np.int64 if fits else object))


class WindowSums:
    """Sums over the positions of all windows of a tensor, in rows of tiles."""

    def __init__(self, tables: Sequence[WindowTable], columns: Columns, merged_from: int, modes: Modes) -> None:
        self.tables = [(table, table.kinds(columns)) for table in tables]
        self.merged_from, self.modes = merged_from, modes
        self.found: dict[tuple[object, ...], Integers] = {}

    def __call__(self, event: Event) -> tuple[Count, Count]:
        """(|tile|, |kept|) at an event; nothing but the windows moves."""
        whole: Count = 1
        kept: Count = 1
        for table, kinds in self.tables:
            key = table.motion.key_in(table.group, event, self.merged_from, self.modes)
            sums = self.found.get(key)
            if sums is None:
                sums = self.found[key] = table.sums(kinds, key, event, self.merged_from, self.modes)
            whole, kept = whole * sums[0], kept * sums[1]
        return whole, kept
