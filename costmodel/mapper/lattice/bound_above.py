"""The least that storage nodes above the last array still cost: those that are open, and those that are to come.

Every tile that is open is settled at its best, and the nodes to come at the best shapes further up that fit their
memory, in the best order, for all tile shapes at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.returns import Returns, upward
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.model.evaluation import Flow

MOST_IN_ORDER = 4
"""Nodes of one memory that are looked at in every order."""


class Above:
    """Least costs above the last array."""

    def __init__(
        self, space: Space, lattice: Lattice, layout: Layout, combinations: Combinations, sliding: Sliding
    ) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.combinations, self.sliding = combinations, sliding
        self.returns = Returns(space, lattice)
        self.top = len(space.arrays)
        self.chain = space.chain
        self.memories = [m for m, memory in enumerate(space.memories[:-1]) if memory.segment == self.top]
        """Those above the last array, but for the outermost."""
        self.bits_of = {m: sum(n.bit for n in space.nodes if n.memory == m) for m in self.memories}
        """Of their nodes."""
        self.bits = sum(self.bits_of.values())
        self.tables: dict[tuple[int, int], dict[int, Floats]] = {}
        """Nodes to come and open (bits) → ``table``."""
        self.rows = [Layout.ENERGY, *layout.limit]
        """Rows of the labels' floats: energy, and cycles of each limit."""
        self.prices = {n.bit: self.price(n) for n in space.nodes}
        relevant = [t.relevant for t in space.tensors]
        self.against: list[list[Floats]] = [
            [
                space.tensors[t].words * lattice.left[space.tensors[t].idle & relevant[u]].prod(axis=0)
                for t in range(len(space.tensors))
            ]
            for u in range(len(space.tensors))
        ]
        """[u][t]: (shapes) words of t that have to cross before a tile of u can close last."""

    def add_missing(self, labels: Labels, costs: Floats) -> None:
        """Add the least cost of the tiles that are open and of the nodes to come to (energy and limits, labels)."""
        opened, todo = labels.s[Layout.OPEN], labels.s[Layout.TODO]
        apart = np.zeros(costs.shape)
        self.add_open(labels, opened, apart)
        self.add_to_come(labels, 0, apart)
        joined = np.zeros(labels.n, dtype=np.int64)
        for m in self.memories:
            joined |= np.where(todo & self.bits_of[m], opened & self.bits_of[m], 0)
        rows = np.flatnonzero(joined)
        if len(rows):
            mine, joined = labels.take(rows), joined[rows]
            together = np.zeros((len(costs), len(rows)))
            self.add_open(mine, opened[rows] & ~joined, together)
            self.add_to_come(mine, joined, together)
            apart[:, rows] = np.maximum(apart[:, rows], together)
        costs += apart

    def add_open(self, labels: Labels, opened: Ints, costs: Floats) -> None:
        """Add the least cost of settling tiles that are open (bits) to (energy and limits, labels).

        One of them, X, moves last. Until another one, Y, moves, only what is irrelevant to both can have grown. A
        window's tile may keep words; ``Returns`` tells how many come again at least.
        """
        nodes, tensors = self.space.nodes, self.space.tensors
        shape, combination = labels.s[Layout.SHAPE], labels.s[Layout.COMBO]
        masks = {i: (opened & n.bit) != 0 for i, n in enumerate(nodes)}
        masks = {i: here for i, here in masks.items() if here.any()}
        close = self.combinations.settlements[self.top].close
        coefficients = {
            i: [(self.rows.index(row), here * values[combination]) for row, values in close[i]]
            for i, here in masks.items()
        }
        best = np.full(costs.shape, np.inf)
        for last in sorted({nodes[i].tensor for i in masks}):
            total = np.zeros(costs.shape)
            for i, listed in coefficients.items():
                t = nodes[i].tensor
                words = self.against[last][t][shape]
                if i in self.sliding.slot and t != last:
                    share = self.returns.least(i, last)[labels.s[self.layout.tile[self.sliding.slot[i]]]]
                    words = tensors[t].words * (1 - share) + words * share
                for k, values in listed:
                    total[k] += words * values
            possible = np.any([here for i, here in masks.items() if nodes[i].tensor == last], axis=0)
            best = np.where(possible, np.minimum(best, total), best)
        if masks:
            costs += np.where(np.isinf(best), 0.0, best)

    def add_to_come(self, labels: Labels, joined: Ints | int, costs: Floats) -> None:
        """Add the least cost of the nodes above the last array that are to come to (energy and limits, labels).

        Together with those that are open in the same memories, ``joined`` (bits).
        """
        shape = labels.s[Layout.SHAPE]
        for m in self.memories:
            todo = labels.s[Layout.TODO] & self.bits_of[m]
            key = todo << len(self.space.nodes) | joined & self.bits_of[m]
            for both in np.unique(key[todo != 0]).tolist():
                coming, opened = divmod(both, 1 << len(self.space.nodes))
                mine = key == both
                for k, values in self.table(coming, opened, m).items():
                    costs[k] += values[shape] if mine.all() else np.where(mine, values[shape], 0.0)

    def tables_of(self, todo: int) -> Iterator[dict[int, Floats]]:
        """Yield ``table`` for the nodes (bits) of each memory above the last array that are still to come."""
        for m in self.memories:
            if todo & self.bits_of[m]:
                yield self.table(todo & self.bits_of[m], 0, m)

    def table(self, coming: int, opened: int, memory: int) -> dict[int, Floats]:
        """Return energy (0) and cycles of each limit (1, …) over the lattice, flat, for nodes of one memory (bits).

        Some are to come, and some open, so that nothing that moves them has grown. They move in some order; when one
        moves, the tiles of those that move later fit already, and it comes back for all that has not grown yet.
        """
        found = self.tables.get((coming, opened))
        if found is not None:
            return found
        space, lattice = self.space, self.lattice
        nodes = [n for n in space.nodes if n.bit & (coming | opened)]
        wanted = [k for k in range(space.prices.rows) if any(self.prices[n.bit][k] for n in nodes)]
        if len(nodes) <= MOST_IN_ORDER:
            best = {k: np.full(lattice.sizes, np.inf) for k in wanted}
            for order in itertools.permutations(nodes):
                self._in_order(order, opened, space.memories[memory].room, best)
        else:
            once = {k: sum(space.tensors[n.tensor].words * self.prices[n.bit][k] for n in nodes) for k in wanted}
            best = {k: np.full(lattice.sizes, cost) for k, cost in once.items()}
        found = self.tables[coming, opened] = {k: np.ascontiguousarray(values).ravel() for k, values in best.items()}
        return found

    def _in_order(self, order: Sequence[NodePlan], opened: int, room: float, best: dict[int, Any]) -> None:
        """Lower ``best``, by row of costs, to what nodes cost that move in this order."""
        space, lattice = self.space, self.lattice
        count = lattice.count
        values = [
            d.astype(np.float64).reshape([-1 if v == w else 1 for w in range(count)])
            for v, d in enumerate(space.divisors)
        ]
        costs: dict[int, Any] = {k: np.zeros((1,) * count) for k in best}
        need: Any = np.zeros((1,) * count)
        growing = []
        """For each node but the last: rank variables that may grow until it moves."""
        for place in range(len(order) - 1):
            still = [space.tensors[n.tensor].relevant for n in order[place + 1 :] if n.bit & opened]
            moving = np.logical_or.reduce([space.tensors[order[place].tensor].relevant, *still])
            growing.append(set(np.flatnonzero(~moving).tolist()))
        for place, node in enumerate(order):
            tensor = space.tensors[node.tensor]
            later: set[int] = set().union(*growing[place:])
            known = [v for v in range(count) if v not in later]
            need = need + space.bits(node, self.tile(node, values, known))
            share = self.returns.from_here(node, known)
            rounds: Any = np.ones((1,) * count)
            if place < len(order) - 1:
                for v in np.flatnonzero(tensor.idle).tolist():
                    rounds = rounds * (lattice.extents[v] / values[v])
            words = tensor.words * (1 + (rounds - 1) * share)
            for k in best:
                costs[k] = costs[k] + words * self.prices[node.bit][k]
        fits = need <= room
        for k in best:
            cost = np.where(fits, costs[k], np.inf)
            for v in set().union(*growing):
                if cost.shape[v] > 1:
                    cost = upward(cost, v, space.divisors[v])
            best[k] = np.minimum(best[k], cost)

    def tile(self, node: NodePlan, values: list[Any], known: Sequence[int]) -> Any:
        tensor = self.space.tensors[node.tensor]
        box = self.space.memories[node.memory].fetch
        words: Any = np.ones((1,) * len(values))
        for v in tensor.plain:
            if v in known:
                words = words * values[v]
        for w in tensor.windows:
            table = self.space.room_table(w, box)
            index = [slice(None) if v in known else slice(0, 1) for v in w.rank_variables]
            part = table[tuple(index)]
            order = np.argsort(w.rank_variables)
            part = part.transpose(order)
            shape = [1] * len(values)
            for axis, v in enumerate(sorted(w.rank_variables)):
                shape[v] = part.shape[axis]
            words = words * part.reshape(shape)
        return words

    def price(self, node: NodePlan) -> list[float]:
        """Least (energy, cycles of each limit) per word that fills a node once and, for outputs, leaves it once."""
        space = self.space
        tensor = space.tensors[node.tensor]
        outer = [space.nodes[i].memory for i in self.chain[node.tensor] if space.nodes[i].memory > node.memory]
        bits = {m: next(n.bit for n in space.nodes if n.memory == m and n.tensor == node.tensor) for m in outer}
        must = [m for m in outer if all(kept & bits[m] for kept in space.keeps)]
        possible = [m for m in (*outer, len(space.memories) - 1) if not must or m <= must[0]]
        flows: tuple[Flow, ...] = ("fill", "read", "update", "drain") if tensor.output else ("fill", "read")
        costs = sum(space.prices.flow[flow][:, node.tensor, node.memory, possible] for flow in flows)
        return [float(cost) for cost in np.asarray(costs).min(axis=1)]
