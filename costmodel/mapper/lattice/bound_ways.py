"""Least energy of nodes to come, for tile shapes below the one array to come and ways to spread it.

Above the array they are what ``Above`` says at the shape that a way leads to. Below it, together with tiles that are
open there, they are what ``Orders`` says: a node comes back at every round of what has not grown, be it below the array
or above; what a round costs, and how many there are, depends on the way alone.

RowsByWay are worked out when they are asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from costmodel.mapper.lattice.bound_above import MOST_TABLED, MOST_TOGETHER, Above
from costmodel.mapper.lattice.bound_orders import WaysAbove
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.model.patience import check_time

MOST_KEPT = 20_000_000
"""Numbers that are kept for one set of nodes."""
CELLS = 200_000
"""Numbers that are worked out in one go."""
MOST_JOINT = 4_000_000
"""Tile shapes times ways of which nodes below the array are looked at together."""
MOST_QUICK = 10_000_000
"""Tile shapes times ways of which quick bounds look at each way."""


class RowsByWay:
    """What is known for one set of nodes; tables have room for more rows than there are."""

    def __init__(self, shapes: int, ways: int, starts: Ints) -> None:
        self.place = np.full(shapes, -1)
        """(shapes): row, or -1."""
        self.starts = starts
        self.count = 0
        """Rows that are known."""
        self.every = np.empty((0, ways))
        """(rows, ways)."""
        self.least = np.empty((0, len(starts)))
        """(rows, groups of ways, which begin at ``starts``)."""

    @property
    def size(self) -> int:
        """How many numbers are known."""
        return self.count * self.every.shape[1]

    def clear(self) -> None:
        self.place[:], self.count = -1, 0

    def add(self, shapes: Ints, more: Floats) -> None:
        """Take in (shapes, ways)."""
        before, self.count = self.count, self.count + len(shapes)
        self.place[shapes] = np.arange(before, self.count)
        self.every, self.least = (roomier(t, before, self.count) for t in (self.every, self.least))
        self.every[before : self.count] = more
        np.minimum.reduceat(more, self.starts, axis=1, out=self.least[before : self.count])

    def use(self, columns: Ints, starts: Ints) -> None:
        """Keep these ways alone, in this order and in these groups."""
        self.starts = starts
        self.every = self.every[: self.count].take(columns, axis=1)
        self.least = np.minimum.reduceat(self.every, starts, axis=1)


def roomier(table: Floats, before: int, after: int) -> Floats:
    """Return the table with room for ``after`` rows, of which it has ``before``."""
    if after <= len(table):
        return table
    found = np.empty((max(after, 2 * before), table.shape[1]))
    found[:before] = table[:before]
    return found


class ByWay:
    """The least energy for the ways that are still worth a look, in groups that stand together."""

    def __init__(self, space: Space, lattice: Lattice, above: Above, segment: int, prices: Floats) -> None:
        self.space, self.lattice, self.above = space, lattice, above
        self.segment = segment
        self.steps = lattice.steps(segment)
        self.prices = prices
        """(nodes, all ways): energy of one word of all tiles of a node, at every round."""
        self.factors = space.arrays[segment].factors
        here = [i for i, at in enumerate(space.segment_of) if at == segment]
        self.here = sum(space.nodes[i].bit for i in here)
        """Nodes (bits) between the array and the next one inside."""
        plain = [i for i, at in enumerate(space.segment_of) if at < segment]
        self.inside = sum(space.nodes[i].bit for i in plain if not space.tensors[space.nodes[i].tensor].windows)
        """Nodes further in whose open tiles are known by the shape that they have grown to."""
        held = [space.nodes[i].memory for i in here]
        self.crowded = len(set(held)) < len(held)
        """Whether some memory there holds several tensors."""
        tensors = {n.tensor for n in space.nodes if n.bit & above.bits}
        self.alone = any(n.tensor not in tensors for n in space.nodes if n.bit & (self.here | self.inside))
        """Whether some tensor is held below the array alone."""
        self.ways: Ints = np.arange(0)
        self.starts: Ints = np.arange(0)
        self.known: dict[tuple[int, str], RowsByWay] = {}
        self.joined: dict[tuple[int, int], tuple[Ints, Floats]] = {}
        """What is known of nodes together (bits; of these, open): tile shapes, (shapes, ways)."""

    def use(self, ways: Ints, starts: Ints) -> None:
        """Look at these ways from now on, of which each group has its first one at one of ``starts``."""
        if len(self.ways):
            place = {way: column for column, way in enumerate(self.ways.tolist())}
            columns = np.array([place[way] for way in ways.tolist()], dtype=np.int64)
            for rows in self.known.values():
                rows.use(columns, starts)
            self.joined = {key: (shapes, found[:, columns]) for key, (shapes, found) in self.joined.items()}
        self.ways, self.starts = ways, starts

    @property
    def many(self) -> bool:
        """Whether shapes and ways are too many to look at each for quick bounds."""
        return self.lattice.shapes * len(self.ways) > MOST_QUICK

    def outside(self, labels: Labels, columns: slice | None) -> Floats:
        """Return (labels, ways or groups): of nodes above the array; infinite where a way does not fit."""
        todo = labels.s[Layout.TODO] & self.above.bits
        return self._of(todo << len(self.space.nodes), labels.s[Layout.SHAPE], columns, self._outside)

    def together(self, labels: Labels, columns: slice | None) -> Floats:
        """Return the same of nodes below it, if some are to come, with those that are open; infinite: no room.

        Nothing where there are too many shapes and ways.
        """
        if self.lattice.shapes * len(self.ways) > MOST_JOINT:
            return np.zeros((labels.n, self._width(columns)))
        todo, opened = labels.s[Layout.TODO] & self.here, labels.s[Layout.OPEN] & (self.here | self.inside)
        return self._of(todo << len(self.space.nodes) | opened, labels.s[Layout.SHAPE], columns, self._together)

    def beyond(self, labels: Labels, columns: slice | None) -> Floats:
        """Return the same of all nodes, with those above the array and those that have no other above it together."""
        if self.lattice.shapes * len(self.ways) > MOST_JOINT:
            return np.zeros((labels.n, self._width(columns)))
        todo = labels.s[Layout.TODO] & (self.here | self.above.bits)
        opened = labels.s[Layout.OPEN] & (self.here | self.inside)
        return self._of(todo << len(self.space.nodes) | opened, labels.s[Layout.SHAPE], columns, self._beyond)

    def _width(self, columns: slice | None) -> int:
        return len(self.starts) if columns is None else columns.stop - columns.start

    def _of(
        self, key: Ints, shape: Ints, columns: slice | None, worked_out: Callable[[int, Ints], tuple[Ints, Floats]]
    ) -> Floats:
        keys = np.unique(key).tolist()
        found = np.empty((len(shape), self._width(columns)))
        for nodes in keys:
            mine = slice(None) if len(keys) == 1 else np.flatnonzero(key == nodes)
            rows = self._rows(nodes, shape[mine], worked_out)
            at = rows.place[shape[mine]]
            found[mine] = rows.least[at] if columns is None else rows.every[at, columns]
        return found

    def _rows(self, nodes: int, shape: Ints, worked_out: Callable[[int, Ints], tuple[Ints, Floats]]) -> RowsByWay:
        key = (nodes, worked_out.__name__)
        rows = self.known.get(key)
        if rows is None:
            rows = self.known[key] = RowsByWay(self.lattice.shapes, len(self.ways), self.starts)
        missing = np.unique(shape[rows.place[shape] < 0])
        if len(missing):
            if rows.size > MOST_KEPT:
                rows.clear()
                missing = np.unique(shape)
            rows.add(*worked_out(nodes, missing))
            missing = missing[rows.place[missing] < 0]
            if len(missing):
                rows.add(missing, np.full((len(missing), len(self.ways)), np.inf))
        return rows

    def _outside(self, nodes: int, shape: Ints) -> tuple[Ints, Floats]:
        steps = [table[:, self.ways] for table in self.steps]
        tables = [table[0] for table in self.above.tables_of(nodes >> len(self.space.nodes)) if 0 in table]
        found = np.empty((len(shape), len(self.ways)))
        step = max(1, CELLS // len(self.ways))  # what is worked out in one go should stay in the cache
        for start in range(0, len(shape), step):
            check_time()
            outside = self.lattice.spread_each(steps, shape[start : start + step])
            energy = np.where(outside < 0, np.inf, 0.0)
            np.maximum(outside, 0, out=outside)
            for table in tables:
                energy += table[outside]
            found[start : start + step] = energy
        return shape, found

    def _together(self, nodes: int, shape: Ints) -> tuple[Ints, Floats]:
        coming, opened = divmod(nodes, 1 << len(self.space.nodes))
        return self._in_order([n for n in self.space.nodes if n.bit & (coming | opened)], opened, shape)

    def _beyond(self, nodes: int, shape: Ints) -> tuple[Ints, Floats]:
        coming, opened = divmod(nodes, 1 << len(self.space.nodes))
        plans = self._outermost(coming, opened)
        if all(n.bit & self.above.bits for n in plans):
            return shape, np.zeros((len(shape), len(self.ways)))
        key = (sum(n.bit for n in plans), opened & sum(n.bit for n in plans))
        if key not in self.joined:
            self.joined[key] = self._in_order(plans, key[1], np.arange(self.lattice.shapes))
        shapes, found = self.joined[key]
        for i, n in enumerate(self.space.nodes):
            if n not in plans and n.bit & (coming | opened):
                found = found + self.space.tensors[n.tensor].words * self.prices[i, self.ways]
        return shapes, found

    def _outermost(self, coming: int, opened: int) -> list[NodePlan]:
        """Return the nodes to come above the array, and of tensors that have none the outermost that is not done."""
        found = [n for n in self.space.nodes if n.bit & coming & self.above.bits]
        for chain in self.space.chain:
            left = [self.space.nodes[i] for i in chain if self.space.nodes[i].bit & (coming | opened)]
            found += [n for n in left[-1:] if not n.bit & self.above.bits]
        return found

    def _in_order(self, plans: Sequence[NodePlan], opened: int, shape: Ints) -> tuple[Ints, Floats]:
        if not plans or len(plans) > MOST_TOGETHER or self.lattice.shapes > MOST_TABLED:
            return shape, np.zeros((len(shape), len(self.ways)))
        fits = self._fits([n for n in plans if n.bit & self.here])
        if not fits[shape].any():
            return shape, np.full((len(shape), len(self.ways)), np.inf)
        every = np.flatnonzero(fits)  # all that have room, once
        if len(every) * len(self.ways) > MOST_KEPT:
            every = shape
        found = np.empty((len(every), len(self.ways)))
        step = max(1, CELLS // self.lattice.shapes)
        for start in range(0, len(self.ways), step):
            ways = self.ways[start : start + step]
            prices = {n.bit: self._price(n, ways) for n in plans}
            spreads = WaysAbove(self.space, self.lattice, self.factors[ways], self.segment)
            least = self.above.orders.least(plans, prices, spreads, opened)
            found[:, start : start + step] = least.reshape(len(ways), -1)[:, every].T
        return every, found

    def _price(self, node: NodePlan, ways: Ints) -> Floats:
        if node.bit & self.above.bits:
            return np.full(len(ways), self.above.prices[node.bit][0])
        found: Floats = self.prices[self.space.nodes.index(node), ways]
        return found

    def _fits(self, plans: Sequence[NodePlan]) -> Any:
        """Return (shapes): whether there is room for tiles of nodes."""
        need: dict[int, Any] = {}
        for n in plans:
            bits = self.space.bits(n, self.lattice.node_words[self.space.nodes.index(n)])
            need[n.memory] = need.get(n.memory, 0.0) + bits
        fits = np.ones(self.lattice.shapes, dtype=bool)
        for m, bits in need.items():
            fits &= bits <= self.space.memories[m].room
        return fits
