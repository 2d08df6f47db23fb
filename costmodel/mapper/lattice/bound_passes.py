"""The least passes of a systolic array, whose stationary tile changes at each.

They are counted when the outermost holder of the stationary tensor inside of the array closes. Until then its tile can
only grow by arrays that are to come, along the rank variables that matter to it; while the holder is to come, by all
that its memory has room for, too. Along the others there is at least one tile for each instance.
"""

from __future__ import annotations

import functools

import numpy as np

from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space


class Passes:
    """Passes of labels, and the cycles that each takes."""

    def __init__(self, space: Space, lattice: Lattice, layout: Layout) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.array, self.tensor = space.systolic or (-1, -1)
        """The systolic array (-1: there is none) and what stays in it."""
        self.holders: list[int] = []
        """Nodes of it inside of the array, the outermost last."""
        if space.systolic:
            self.holders = [i for i in space.chain[self.tensor] if space.segment_of[i] <= self.array]
        self.rooms: dict[int, Floats] = {}
        """Holder → ``with_room``."""

    def least(self, labels: Labels) -> Floats:
        """Return (2, labels): passes that are counted, or else the least if no array is to come."""
        s, counted = labels.s, labels.f[Layout.PASSES]
        shape = s[Layout.SHAPE]
        still = self.of_tile[shape]
        for i in self.holders:
            coming = np.flatnonzero(s[Layout.TODO] & self.space.nodes[i].bit)
            if len(coming):
                still[coming] = self.with_room(i)[shape[coming]]
        return np.stack([counted, np.where(counted > 0, 0.0, still)])

    def cycles(self, labels: Labels) -> Floats:
        """Return (labels): cycles that the passes take at least, once all arrays are spread."""
        found: Floats = self.within(labels, len(self.space.arrays)).sum(axis=0)
        return found

    def within(self, labels: Labels, segment: int) -> Floats:
        """Return (2, labels) ``least`` in a segment, in cycles where the array is spread; no rows without passes."""
        if self.array < 0:
            return np.empty((0, labels.n))
        found = self.least(labels)
        if segment > self.array:
            found *= self.space.arrays[self.array].overheads[labels.s[self.layout.way[self.array]]]
        return found

    def shares(self, segment: int, choices: Ints | None) -> Floats:
        """Return (2, choices): what each choice of how the arrays to come are spread makes of each kind of passes.

        Fewer passes for each instance; and cycles instead, if the systolic array is among those to come. ``choices``:
        (choices, arrays to come), ways; null: one that is no worse than any.
        """
        found = np.ones((0 if self.array < 0 else 2, 1 if choices is None else len(choices)))
        if self.array < 0:
            return found
        for a, array in enumerate(self.space.arrays[segment:], segment):
            instances = np.stack([array.product, array.factors[:, self.relevant].prod(axis=1)])
            overheads = array.overheads if a == self.array else np.ones(len(array.factors))
            if choices is None:
                found *= overheads.min(initial=np.inf) / instances.max(axis=1, initial=1)[:, None]
            else:
                ways = choices[:, a - segment]
                found *= overheads[ways] / instances[:, ways]
        return found

    @functools.cached_property
    def relevant(self) -> Ints:
        """Rank variables that matter to what stays."""
        return np.flatnonzero(self.space.tensors[self.tensor].relevant)

    @functools.cached_property
    def of_tile(self) -> Floats:
        """(shapes): passes, if the tile that stays is no larger than a shape along what matters to it."""
        inside = self.space.points / self.lattice.extents.prod()
        found: Floats = self.lattice.left[self.relevant].prod(axis=0) * inside
        return found

    def with_room(self, node: int) -> Floats:
        """Return (shapes): the same of a tile that may still grow, as far as the node's memory has room for it."""
        found = self.rooms.get(node)
        if found is None:
            plan = self.space.nodes[node]
            fits = self.space.bits(plan, self.lattice.node_words[node]) <= self.space.memories[plan.memory].room
            table = np.where(fits, self.of_tile, np.inf).reshape(self.lattice.sizes)
            for v in range(self.lattice.count):
                table = self.lattice.upward(table, v, v)
            found = self.rooms[node] = np.where(np.isinf(table), 0.0, table).ravel()
        return found
