"""The least that storage nodes above the last array still cost: those that are open, and those that are to come.

Every tile that is open is settled at its best. What the nodes of one memory cost that are to come is found from the
outside in, for all tile shapes at once: the best way up from each shape, over every order of nodes and loops.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import numpy as np

from costmodel.mapper.lattice.bound_orders import Orders
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.returns import Returns
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.model.evaluation import Flow
from costmodel.model.patience import check_time

MOST_TOGETHER = 4
"""Nodes of one memory that are looked at together."""
MOST_TABLED = 1_000_000
"""Tile shapes of which it is."""


class Above:
    """Least costs above the last array."""

    def __init__(
        self,
        space: Space,
        lattice: Lattice,
        layout: Layout,
        combinations: Combinations,
        sliding: Sliding,
        elsewhere: Mapping[int, float],
    ) -> None:
        """``elsewhere``: nodes (bits) that may be shared with other Einsums → the part of their energy that counts."""
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
        self.tables: dict[tuple[int, int, int], Floats] = {}
        """Nodes to come and open (bits) of a memory → ``way_up``."""
        self.costs: dict[tuple[int, int], Floats] = {}
        """Node (bit) and, for windows, rank variable (else -1) → ``moved``."""
        self.needs: dict[int, Floats] = {}
        """Node (bit) → ``need``."""
        self.known: dict[tuple[int, int], dict[int, Floats]] = {}
        """Nodes to come and open (bits) → ``table``."""
        self.rows = [Layout.ENERGY, *layout.limit]
        """Rows of the labels' floats: energy, and cycles of each limit."""
        self.prices = {n.bit: self.price(n, elsewhere) for n in space.nodes}
        self.wanted = {
            m: [k for k in range(space.prices.rows) if any(self.prices[n.bit][k] for n in space.nodes if n.memory == m)]
            for m in self.memories
        }
        """For each memory: energy (0) and limits (1, …) that its nodes cost something of."""
        self.orders = Orders(space, lattice, self.returns)
        relevant = [t.relevant for t in space.tensors]
        tensors = range(len(space.tensors))
        moving = [sliding.leftover.moving(t) for t in tensors] if layout.rest else [1.0] * len(tensors)
        self.against: list[list[Floats]] = [
            [
                space.tensors[t].words
                * (1 + (lattice.left[space.tensors[t].idle & relevant[u]].prod(axis=0) - 1) * moving[t])
                for t in tensors
            ]
            for u in tensors
        ]
        """[u][t]: (shapes) words of t that have to cross before a tile of u can close last."""

    def add_missing(self, labels: Labels, costs: Floats, *, quick: bool = False) -> None:
        """Add the least cost of the tiles that are open and of the nodes to come to (energy and limits, labels).

        ``quick``: each on its own, though they move together where they are in one memory.
        """
        opened, todo = labels.s[Layout.OPEN], labels.s[Layout.TODO]
        apart = np.zeros(costs.shape)
        self.add_open(labels, opened, apart)
        self.add_to_come(labels, 0, apart)
        joined = np.zeros(labels.n, dtype=np.int64)
        for m in self.memories if not quick else ():
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
                if i in self.layout.rest:
                    words = words * labels.f[self.layout.rest[i]]
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
                mine = np.flatnonzero(key == both)
                at = shape[mine]
                for k, values in self.table(coming, opened, m).items():
                    costs[k, mine] += values[at]

    def tables_of(self, todo: int) -> Iterator[dict[int, Floats]]:
        """Yield ``table`` for the nodes (bits) of each memory above the last array that are still to come."""
        for m in self.memories:
            if todo & self.bits_of[m]:
                yield self.table(todo & self.bits_of[m], 0, m)

    def table(self, coming: int, opened: int, memory: int) -> dict[int, Floats]:
        """Return energy (0) and cycles of each limit (1, …) over the lattice, flat, for nodes of one memory (bits).

        Some are to come and some open. This is what they cost on the best way up, if the tiles that have moved take no
        room and those of windows keep as many words as ever they may.
        """
        found = self.known.get((coming, opened))
        if found is None:
            found = self.known[coming, opened] = self._table(coming, opened, memory)
        return found

    def _table(self, coming: int, opened: int, memory: int) -> dict[int, Floats]:
        nodes = [n for n in self.space.nodes if n.bit & (coming | opened)]
        wanted = self.wanted[memory]
        if len(nodes) > MOST_TOGETHER or self.lattice.shapes > MOST_TABLED:
            words = [self.space.tensors[n.tensor].words for n in nodes]
            once = {k: sum(w * self.prices[n.bit][k] for w, n in zip(words, nodes, strict=True)) for k in wanted}
            return {k: np.full(self.lattice.shapes, cost) for k, cost in once.items()}
        prices = {n.bit: np.array(self.prices[n.bit])[wanted] for n in nodes}
        together = self.orders.least(nodes, prices, self.orders.together, opened).reshape(
            len(wanted), self.lattice.shapes
        )
        if len(nodes) == 1 and not opened:  # its best way up is to move last
            return dict(zip(wanted, together, strict=True))
        up = self.way_up(coming, opened, memory).reshape(len(wanted), self.lattice.shapes)
        return dict(zip(wanted, np.maximum(up, together), strict=True))

    def way_up(self, coming: int, opened: int, memory: int) -> Floats:
        """Return (costs, *rank variables): the least cost from each tile shape on; infinite: no room."""
        found = self.tables.get((coming, opened, memory))
        if found is not None:
            return found
        check_time()
        space, sizes, wanted = self.space, self.lattice.sizes, self.wanted[memory]
        nodes = [n for n in space.nodes if n.bit & (coming | opened)]
        still = [n for n in nodes if n.bit & opened]
        best: Floats = np.full((len(wanted), *sizes), np.inf if nodes else 0.0)
        if nodes and not coming:
            last = [sum(space.tensors[n.tensor].words * self.prices[n.bit][k] for n in still) for k in wanted]
            best.reshape(len(wanted), self.lattice.shapes)[:, -1] = last
        for n in nodes:
            if n.bit & coming:
                np.minimum(best, self.way_up(coming & ~n.bit, opened | n.bit, memory), out=best)
        moved_by = [[n for n in still if space.tensors[n.tensor].relevant[v]] for v in range(len(sizes))]
        for v, moved in enumerate(moved_by):
            if moved and sizes[v] > 1:
                after = self.way_up(coming, opened & ~sum(n.bit for n in moved), memory)
                after = self.lattice.upward(after, v, v + 1, itself=False)
                for n in moved:
                    after += self.moved(n, v)
                np.minimum(best, after, out=best)
        for v, moved in enumerate(moved_by):
            if not moved and nodes and sizes[v] > 1:
                best = self.lattice.upward(best, v, v + 1)
        if nodes:
            need = functools.reduce(np.add, (self.need(n) for n in nodes))
            best = np.where(need <= space.memories[memory].room, best, np.inf)
        self.tables[coming, opened, memory] = best
        return best

    def moved(self, node: NodePlan, v: int) -> Floats:
        """Return (costs, *rank variables): what an open tile costs at least, if ``v`` moves it first."""
        key = (node.bit, v if self.space.tensors[node.tensor].windows else -1)
        if key not in self.costs:
            prices = np.array(self.prices[node.bit])[self.wanted[node.memory]]
            self.costs[key] = self.returns.words(node, v) * prices.reshape(-1, *[1] * self.lattice.count)
        return self.costs[key]

    def need(self, node: NodePlan) -> Floats:
        """Return bits of a node's tile over the rank variables."""
        if node.bit not in self.needs:
            words = self.lattice.node_words[self.space.nodes.index(node)]
            self.needs[node.bit] = np.reshape(self.space.bits(node, words), self.lattice.sizes)
        return self.needs[node.bit]

    def price(self, node: NodePlan, elsewhere: Mapping[int, float]) -> list[float]:
        """Least (energy, cycles of each limit) per word that fills a node once and, for outputs, leaves it once.

        Of a node that may be shared with other Einsums, what comes to an input is of all of them, in energy by parts
        and in cycles maybe of another one; what leaves an output may go no further.
        """
        space = self.space
        tensor = space.tensors[node.tensor]
        outer = [space.nodes[i].memory for i in self.chain[node.tensor] if space.nodes[i].memory > node.memory]
        bits = {m: next(n.bit for n in space.nodes if n.memory == m and n.tensor == node.tensor) for m in outer}
        must = [m for m in outer if all(kept & bits[m] for kept in space.keeps)]
        possible = [m for m in (*outer, len(space.memories) - 1) if not must or m <= must[0]]
        leaves = tensor.output and node.bit not in elsewhere
        flows: tuple[Flow, ...] = ("fill", "read", "update", "drain") if leaves else ("fill", "read")
        costs = sum(space.prices.flow[flow][:, node.tensor, node.memory, possible] for flow in flows)
        least = [float(cost) for cost in np.asarray(costs).min(axis=1)]
        if node.bit in elsewhere and not tensor.output:
            return [least[0] * elsewhere[node.bit], *([0.0] * len(least[1:]))]
        return least
