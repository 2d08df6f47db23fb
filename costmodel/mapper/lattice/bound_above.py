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
from costmodel.mapper.lattice.shapes import Floats, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.model.evaluation import Flow


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
        self.bits = sum(n.bit for n in space.nodes if space.memories[n.memory].segment == self.top)
        """Of the nodes above the last array."""
        self.tables: dict[int, dict[int, Floats]] = {}
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

    def add_open(self, labels: Labels, costs: Floats) -> None:
        """Add the least cost of settling the tiles that are open to (energy and limits, labels).

        One of them, X, moves last. Until another one, Y, moves, only what is irrelevant to both can have grown. A
        window's tile may keep words; ``Returns`` tells how many come again at least.
        """
        nodes, tensors = self.space.nodes, self.space.tensors
        opened, shape, combination = labels.s[Layout.OPEN], labels.s[Layout.SHAPE], labels.s[Layout.COMBO]
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

    def add_to_come(self, labels: Labels, costs: Floats) -> None:
        """Add the least cost of the nodes above the last array that are to come to (energy and limits, labels)."""
        shape = labels.s[Layout.SHAPE]
        for mine, table in self.subsets(labels):
            for k, values in table.items():
                costs[k] += values[shape] if mine.all() else np.where(mine, values[shape], 0.0)

    def subsets(self, labels: Labels) -> Iterator[tuple[Any, dict[int, Floats]]]:
        """Yield (which labels have the same nodes of a memory above the last array to come, ``table`` of these)."""
        for m, memory in enumerate(self.space.memories[:-1]):
            if memory.segment == self.top:
                todo = labels.s[Layout.TODO] & sum(n.bit for n in self.space.nodes if n.memory == m)
                for subset in np.unique(todo).tolist():
                    if subset:
                        yield todo == subset, self.table(subset, m)

    def tables_of(self, todo: int) -> Iterator[dict[int, Floats]]:
        """Yield ``table`` for the nodes (bits) of each memory above the last array that are still to come."""
        for m, memory in enumerate(self.space.memories[:-1]):
            mine = todo & sum(n.bit for n in self.space.nodes if n.memory == m)
            if memory.segment == self.top and mine:
                yield self.table(mine, m)

    def table(self, subset: int, memory: int) -> dict[int, Floats]:
        """Return energy (0) and cycles of each limit (1, …) over the lattice, flat, for nodes of one memory."""
        found = self.tables.get(subset)
        if found is not None:
            return found
        space, lattice = self.space, self.lattice
        nodes = [n for n in space.nodes if n.bit & subset]
        count = lattice.count
        values = [
            d.astype(np.float64).reshape([-1 if v == w else 1 for w in range(count)])
            for v, d in enumerate(space.divisors)
        ]
        wanted = [k for k in range(space.prices.rows) if any(self.prices[n.bit][k] for n in nodes)]
        best = {k: np.full(lattice.sizes, np.inf) for k in wanted}
        room = space.memories[memory].room
        orders: list[tuple[NodePlan, ...]] = list(itertools.permutations(nodes)) if len(nodes) <= 4 else []
        for order in orders:
            grown: set[int] = set()
            costs: dict[int, Any] = {k: np.zeros((1,) * count) for k in wanted}
            need: Any = np.zeros((1,) * count)
            free = [{v for v in range(count) if not space.tensors[n.tensor].relevant[v]} for n in order]
            for place, node in enumerate(order):
                tensor = space.tensors[node.tensor]
                later: set[int] = set().union(*free[place:-1]) if place < len(order) - 1 else set()
                known = [v for v in range(count) if v not in later]
                need = need + space.bits(node, self.tile(node, values, known))
                share = self.returns.from_here(node, known)
                rounds: Any = np.ones((1,) * count)
                if place < len(order) - 1:
                    for v in np.flatnonzero(tensor.idle).tolist():
                        rounds = rounds * (lattice.extents[v] / values[v])
                    grown |= free[place]
                words = tensor.words * (1 + (rounds - 1) * share)
                for k in wanted:
                    costs[k] = costs[k] + words * self.prices[node.bit][k]
            fits = need <= room
            for k in wanted:
                cost = np.where(fits, costs[k], np.inf)
                for v in grown:
                    if cost.shape[v] > 1:
                        cost = upward(cost, v, space.divisors[v])
                best[k] = np.minimum(best[k], cost)
        if not orders:
            for k in wanted:
                best[k] = np.full(
                    lattice.sizes, sum(space.tensors[n.tensor].words * self.prices[n.bit][k] for n in nodes)
                )
        found = self.tables[subset] = {k: np.ascontiguousarray(values).ravel() for k, values in best.items()}
        return found

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
