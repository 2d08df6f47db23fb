"""The least that nodes of one memory cost where all their tiles are in it together.

They move in some order. When one moves, the tiles of those that move later have room already, and it comes back for all
that has not grown yet. Tiles that have moved still take their room, which ``Above.way_up`` does not know.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from costmodel.mapper.lattice.returns import Returns
from costmodel.mapper.lattice.shapes import Floats, Lattice
from costmodel.mapper.lattice.space import NodePlan, Space


class Orders:
    """Costs of nodes over the lattice, by the order in which they move."""

    def __init__(self, space: Space, lattice: Lattice, returns: Returns, prices: dict[int, list[float]]) -> None:
        self.space, self.lattice, self.returns = space, lattice, returns
        self.prices = prices
        """For each node (bit): energy and cycles of each limit, per word."""

    def least(self, nodes: Sequence[NodePlan], wanted: Sequence[int]) -> dict[int, Floats]:
        """Return, for rows of costs, an array over the rank variables; infinite: no room."""
        best = np.full((len(wanted), *self.lattice.sizes), np.inf)
        room = self.space.memories[nodes[0].memory].room
        for order in itertools.permutations(nodes):
            np.minimum(best, self._in_order(order, room, wanted), out=best)
        return dict(zip(wanted, best, strict=True))

    def _in_order(self, order: Sequence[NodePlan], room: float, wanted: Sequence[int]) -> Floats:
        """Return (costs, *rank variables): what nodes cost that move in this order."""
        space, lattice = self.space, self.lattice
        count = lattice.count
        values = [
            d.astype(np.float64).reshape([-1 if v == w else 1 for w in range(count)])
            for v, d in enumerate(space.divisors)
        ]
        costs: Any = np.zeros((1,) * (1 + count))
        need: Any = np.zeros((1,) * count)
        growing = [set(np.flatnonzero(~space.tensors[n.tensor].relevant).tolist()) for n in order[:-1]]
        """For each node but the last: rank variables that may grow until it moves."""
        for place, node in enumerate(order):
            tensor = space.tensors[node.tensor]
            later: set[int] = set().union(*growing[place:])
            known = [v for v in range(count) if v not in later]
            need = need + space.bits(node, self._tile(node, values, known))
            share = self._share(node, known)
            rounds: Any = np.ones((1,) * count)
            if place < len(order) - 1:
                for v in np.flatnonzero(tensor.idle).tolist():
                    rounds = rounds * (lattice.extents[v] / values[v])
            words = tensor.words * (1 + (rounds - 1) * share)
            prices = np.array([self.prices[node.bit][k] for k in wanted]).reshape(-1, *[1] * count)
            costs = costs + words * prices
        costs = np.where(need <= room, costs, np.inf)
        for v in set().union(*growing):
            if costs.shape[1 + v] > 1:
                costs = lattice.upward(costs, v, 1 + v)
        found: Floats = costs
        return found

    def _tile(self, node: NodePlan, values: list[Any], known: Sequence[int]) -> Any:
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

    def _share(self, node: NodePlan, known: Iterable[int]) -> Floats:
        """Return an array over the rank variables: the least part of any tile that is no smaller along the known ones.

        Tiles that do not fit into the node's memory do not count.
        """
        space, lattice = self.space, self.lattice
        room = space.memories[node.memory].room
        found = np.ones((1,) * lattice.count)
        for window in space.tensors[node.tensor].windows:
            part = self.returns.along(node, window, range(lattice.count))
            bits = space.bits(node, space.room_table(window, space.memories[node.memory].fetch))
            part = np.where(bits <= room, part, 1.0)
            for axis, v in enumerate(window.rank_variables):
                part = lattice.upward(part, v, axis) if v in known else part.min(axis=axis, keepdims=True)
            order = np.argsort(window.rank_variables)
            shape = [1] * lattice.count
            for axis, v in zip(order, sorted(window.rank_variables), strict=True):
                shape[v] = part.shape[axis]
            found = np.minimum(found, part.transpose(order).reshape(shape))
        return found
