"""The least that nodes cost whose tiles are in their memories together.

They move in some order. When one moves, the tiles of those that move later have room already, and it comes back for all
that has not grown yet. Tiles that have moved still take their room, which ``Above.way_up`` does not know.

For each rank variable that does not matter to some node but the last, z is its extent when the last such node moves. A
node that moves sooner sees no more than z of it, and so comes back N/z times at least; one that moves later, and to
which it matters, has a tile of z or more along it, for it grows no further while that tile is open. Where such a tile
is open from the start, z is the extent at the start.

A tile of a window keeps words when it slides, so its rounds bring less than all. But when the last node L moves, all
rank variables that do not matter to L have grown to the whole, and the others have the extents of L's tile; let Y be
these extents. Each of the Π N/Y steps that are left touches all words U of Y again, of which no more can be there
before than what the window's tile has at the end of one step and wants at the start of the next. So of the window's
tile one of three is true:

- along some rank variable of its own it has not the whole of Y: it starts from the other end, with nothing of the old;
- it has, but not along some rank variable of a window: from the first place to the last it goes D far, and a tile of
  length L_Y − D has no more in common with itself than L_Y − 2·D, or, where a loop goes on along the window, what
  neighbours share;
- it is as large as Y. Then it moves together with L, and nothing that L's loops do not move moves in between.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from costmodel.mapper.lattice.returns import Returns
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.mapper.lattice.tensor_plan import TensorPlan, Window
from costmodel.model.patience import check_time

NEVER = 1e30
"""Rounds of tiles that do not divide what is left of a rank variable."""


class WaysAbove:
    """Ways to spread an array, of which each has costs of its own (or one, without any array)."""

    def __init__(self, space: Space, lattice: Lattice, factors: Ints, segment: int) -> None:
        self.factors = factors
        """(ways, rank variables)."""
        self.segment = segment
        """Arrays inside of the tiles below it."""
        count = lattice.count
        self.left: list[Floats] = []
        """For each rank variable, (ways, *rank variables): rounds of a tile, below and above the array."""
        self.above: list[Ints] = []
        """For each rank variable, (ways, *rank variables): which divisor a tile is above the array."""
        self.whole: list[Ints] = []
        """For each rank variable, (ways, 1, …): which divisor is the whole of it below the array."""
        for v, divisors in enumerate(space.divisors):
            shape = [-1, *(len(divisors) if v == u else 1 for u in range(count))]
            tile = divisors[None, :] * factors[:, v, None]
            into = np.minimum(np.searchsorted(divisors, tile), len(divisors) - 1)
            fits = divisors[into] == tile
            self.left.append(np.where(fits, np.ceil(divisors[-1] / tile), NEVER).reshape(shape))
            self.above.append(into.reshape(shape))
            whole = np.searchsorted(divisors, divisors[-1] // factors[:, v])
            self.whole.append(whole.reshape(-1, *[1] * count))


@dataclass(frozen=True)
class WindowCase:
    """What is supposed of the tile of a window, before L moves."""

    node: NodePlan
    last: NodePlan
    whole: tuple[int, ...] = ()
    """It has the whole of Y along these rank variables (of all, if it has); else ``part`` says where it has not."""
    part: tuple[int, ...] = ()
    """It has not along one of these, of windows; none: it has not along one of its own."""


class Orders:
    """Costs of nodes over the lattice, by the order in which they move."""

    def __init__(self, space: Space, lattice: Lattice, returns: Returns) -> None:
        self.space, self.lattice, self.returns = space, lattice, returns
        self.axes = [
            np.arange(n).reshape([1, *(n if v == u else 1 for u in range(lattice.count))])
            for v, n in enumerate(lattice.sizes)
        ]
        """For each rank variable, (1, *rank variables): its divisors."""
        self.shares: dict[tuple[int, int, tuple[int, ...]], list[tuple[Window, Floats]]] = {}

    @cached_property
    def together(self) -> WaysAbove:
        """Above the last array."""
        return WaysAbove(
            self.space, self.lattice, np.ones((1, self.lattice.count), dtype=np.int64), len(self.space.arrays)
        )

    def least(
        self, nodes: Sequence[NodePlan], prices: Mapping[int, Floats], spreads: WaysAbove, opened: int = 0
    ) -> Floats:
        """Return (costs, *rank variables); infinite: no room.

        ``prices``: (costs) of each node (bit), for one word of all its tiles at every round, in one way to spread or
        one for each. Nodes that are ``opened`` (bits) have their tiles already.
        """
        stays: dict[frozenset[int], Any] = {}
        """The least of what may grow by the same rank variables, before it grows."""
        for order in itertools.permutations(nodes):
            if all(a.tensor != b.tensor or a.memory < b.memory for a, b in itertools.combinations(order, 2)):
                for cases in itertools.product(*(self._cases(order, k) for k in range(len(order) - 1))):
                    growing = self._growing(order, opened, windows=any(cases))
                    costs = self._in_order(order, cases, prices, spreads, growing)
                    stays[frozenset(growing)] = np.minimum(stays.get(frozenset(growing), np.inf), costs)
        found = np.full((len(next(iter(prices.values()))), *self.lattice.sizes), np.inf)
        for variables, costs in stays.items():
            for v in variables:
                if costs.shape[1 + v] > 1:
                    costs = self.lattice.upward(costs, v, 1 + v)  # noqa: PLW2901
            np.minimum(found, costs, out=found)
        return found

    def _cases(self, order: Sequence[NodePlan], place: int) -> list[WindowCase | None]:
        """Return what may be of a node: null where it has no window, or where nothing is known of what it keeps."""
        node, last = order[place], order[-1]
        own, other = self.space.tensors[node.tensor], self.space.tensors[last.tensor]
        if not own.windows or own.padded or not self.space.arrays:  # a search without arrays is faster than tables
            return [None]
        both = own.relevant & other.relevant & (self.space.extents > 1)
        between = (self.space.tensors[n.tensor].relevant & both for n in order[place + 1 : -1])
        windows = [
            tuple(v for v in own.windowed if self.space.extents[v] > 1 and other.relevant[v] == matters)
            for matters in (True, False)
        ]
        windows.sort(key=lambda group: -max((int(self.space.extents[v]) for v in group), default=0))
        whole = tuple(v for v in own.plain if self.space.extents[v] > 1)
        cases: list[WindowCase | None] = [WindowCase(node, last)] if whole else []
        for part in windows:
            if part:
                cases.append(WindowCase(node, last, whole, part))
            whole += part
        if both.any() and all(moved.any() for moved in between):
            cases.append(WindowCase(node, last, whole))
        return cases

    def _in_order(
        self,
        order: Sequence[NodePlan],
        cases: Sequence[WindowCase | None],
        prices: Mapping[int, Floats],
        spreads: WaysAbove,
        growing: Mapping[int, int],
    ) -> Any:
        """Return (costs, *rank variables), or what it is broadcast from: what nodes cost that move in this order.

        When z is as it is there, for the rank variables that are ``growing``, and as it is at the start for others.
        """
        check_time()
        space, lattice = self.space, self.lattice
        costs: Any = np.zeros((1,) * (1 + lattice.count))
        need: dict[int, Any] = {}
        for place, node in enumerate(order):
            known = tuple(v for v in range(lattice.count) if place >= growing.get(v, 0))
            case = cases[place] if place < len(order) - 1 else None
            words: Any = space.tensors[node.tensor].words
            if place < len(order) - 1:
                words = self._words(node, known, spreads) if case is None else self._of_window(case, spreads)
            costs = costs + words * prices[node.bit].reshape(-1, *[1] * lattice.count)
            if space.memories[node.memory].segment >= spreads.segment:  # of those further in an array may have a part
                bits = space.bits(node, self._tile(node, known, case, spreads))
                need[node.memory] = need[node.memory] + bits if node.memory in need else bits
        for m, bits in need.items():
            costs = costs + np.where(bits <= space.memories[m].room, 0.0, np.inf)
        return costs

    def _words(self, node: NodePlan, known: tuple[int, ...], spreads: WaysAbove) -> Any:
        """Return (ways, *rank variables): words of a node that comes back at every round."""
        tensor = self.space.tensors[node.tensor]
        rounds: Any = np.ones((1,) * (1 + self.lattice.count))
        for v in np.flatnonzero(tensor.idle).tolist():
            rounds = rounds * spreads.left[v]
        return tensor.words * (1 + (rounds - 1) * self._share(node, known, spreads))

    def _growing(self, order: Sequence[NodePlan], opened: int, *, windows: bool) -> dict[int, int]:
        """Return the rank variables that may grow, with the first place in the order whose tile is told by z.

        Where there are ``windows``, z is the extent of L's tile for all that matters to L.
        """
        relevant = [self.space.tensors[n.tensor].relevant for n in order]
        last = len(order) - 1
        found = {}
        for v in range(self.lattice.count):
            free = [place for place in range(last) if not relevant[place][v]]
            if windows and relevant[last][v]:
                if not order[last].bit & opened:
                    found[v] = last
            elif free:
                after = range(free[-1] + 1, last + 1)
                if not any(order[place].bit & opened and relevant[place][v] for place in after):
                    found[v] = free[-1] + 1
        return found

    def _of_window(self, case: WindowCase, spreads: WaysAbove) -> Any:
        """Return (ways, *rank variables): words of a window's tile, over all steps that are left when L moves."""
        space, sizes = self.space, self.lattice.sizes
        tensor, other = space.tensors[case.node.tensor], space.tensors[case.last.tensor]
        if case.whole and not case.part:
            return self._at_last(case, spreads)
        words: Any = float(np.prod([space.extents[v] for v in tensor.plain]))
        for v in np.flatnonzero(other.relevant).tolist():
            if v not in tensor.plain:
                words = words * spreads.left[v]
        kept: Any = 0.0
        for window in tensor.windows:
            at = tuple(spreads.above[v] if other.relevant[v] else sizes[v] - 1 for v in window.rank_variables)
            wanted = space.window_table(window, False)[at]
            words = words * wanted
            if case.part:
                kept = np.maximum(kept, self._kept(window, case, spreads, wanted))
        return np.maximum(words * (1 - kept), tensor.words)

    def _at_last(self, case: WindowCase, spreads: WaysAbove) -> Any:
        """Return the same of a tile that has all of Y: it moves with L, by a loop over what matters to both."""
        tensor, other = self.space.tensors[case.node.tensor], self.space.tensors[case.last.tensor]
        rounds: Any = np.ones((1,) * (1 + self.lattice.count))
        for v in np.flatnonzero(tensor.idle & other.relevant).tolist():
            rounds = rounds * spreads.left[v]
        share: Any = 1.0
        for window in tensor.windows:
            part = self.returns.along(case.node, window, np.flatnonzero(other.relevant).tolist())
            share = np.minimum(
                share, part[tuple(self._of_y(v, case.node, other, spreads) for v in window.rank_variables)]
            )
        return tensor.words * (1 + (rounds - 1) * share)

    def _of_y(self, v: int, node: NodePlan, other: TensorPlan, spreads: WaysAbove) -> Any:
        """Return (ways or 1, *rank variables): which divisor Y has at a node, where ``other`` moves last."""
        if other.relevant[v]:
            return self._known(v, node, spreads)
        return self.lattice.sizes[v] - 1 if self._beyond(node, spreads) else spreads.whole[v]

    def _known(self, v: int, node: NodePlan, spreads: WaysAbove) -> Any:
        """Return (ways or 1, *rank variables): which divisor a node's tile has, by the shape below the array."""
        return spreads.above[v] if self._beyond(node, spreads) else self.axes[v]

    def _beyond(self, node: NodePlan, spreads: WaysAbove) -> bool:
        """Whether a node stands above the array."""
        return self.space.memories[node.memory].segment > spreads.segment

    def _kept(self, window: Window, case: WindowCase, spreads: WaysAbove, wanted: Any) -> Any:
        """Return (ways, *rank variables): which part of a step's ``wanted`` words may be there before.

        Of a tile that is not whole along some of ``case.part``. Each instance along the window may have as many.
        """
        if min(window.coefficients) < 0 < max(window.coefficients):
            return 1.0
        other = self.space.tensors[case.last.tensor]
        along = list(zip(window.rank_variables, (abs(c) for c in window.coefficients), strict=True))
        at = {v: self._of_y(v, case.node, other, spreads) for v, _ in along}
        steps: dict[int, Any] = {v: c * self.space.divisors[v][at[v]] for v, c in along}
        factors = np.ones_like(spreads.factors) if self._beyond(case.node, spreads) else spreads.factors
        copies = {v: factors[:, v].reshape(-1, *[1] * self.lattice.count) for v, _ in along}
        length: Any = 1 + sum(steps[v] - c for v, c in along) + sum(abs(c) * (n - 1) for c, n in window.shifts)
        further = {v: (copies[v] - 1) * steps[v] for v, _ in along}
        """By how much more instances that stand together go than a tile that is alone."""
        most: Any = 0.0
        for v, c in along:
            if v not in case.part:
                continue
            away = steps[v] - c * self._parts[v][at[v]]
            shared = length - 2 * away
            for u, _ in along:
                if other.relevant[u]:
                    onward = length - steps[u] + sum(further[t] for t, _ in along if t != u)
                    step = steps[u] + further[u]
                    shared = np.maximum(shared, np.where(away >= step, length - 2 * away + step, onward))
            most = np.maximum(most, np.where(steps[v] > c, shared, 0.0))
        return np.minimum(most * math.prod(copies.values()) / wanted, 1.0)

    @cached_property
    def _parts(self) -> list[Ints]:
        """For each rank variable and each divisor: the largest part of it, 0 of 1."""
        return [
            np.array([max((d for d in every if d < e and e % d == 0), default=0) for e in every], dtype=np.int64)
            for every in (divisors.tolist() for divisors in self.space.divisors)
        ]

    def _tile(self, node: NodePlan, known: Sequence[int], case: WindowCase | None, spreads: WaysAbove) -> Any:
        """Return (ways or 1, *rank variables): words of the least tile, as far as its extents are known."""
        tensor = self.space.tensors[node.tensor]
        box = self.space.memories[node.memory].fetch
        words: Any = np.ones((1,) * (1 + self.lattice.count))

        def at(v: int) -> Any:
            if case is not None and v in case.whole:
                return self._of_y(v, node, self.space.tensors[case.last.tensor], spreads)
            return self._known(v, node, spreads) if v in known else 0

        for v in tensor.plain:
            words = words * self.space.divisors[v][at(v)]
        for w in tensor.windows:
            words = words * self.space.room_table(w, box)[tuple(at(v) for v in w.rank_variables)]
        return words

    def _share(self, node: NodePlan, known: tuple[int, ...], spreads: WaysAbove) -> Any:
        """Return (ways or 1, *rank variables): the least part of any tile that is no smaller along the known ones."""
        share: Any = 1.0
        for window, part in self._least_shares(node, known):
            at = tuple(self._known(v, node, spreads) if v in known else 0 for v in window.rank_variables)
            share = np.minimum(share, part[at])
        return share

    def _least_shares(self, node: NodePlan, known: tuple[int, ...]) -> list[tuple[Window, Floats]]:
        """Return for each window, over its rank variables (1 where not known): the same.

        Tiles that do not fit into the node's memory do not count.
        """
        key = (node.tensor, node.memory, known)
        if key not in self.shares:
            space, lattice = self.space, self.lattice
            self.shares[key] = []
            for window in space.tensors[node.tensor].windows:
                part = self.returns.along(node, window, range(lattice.count))
                bits = space.bits(node, space.room_table(window, space.memories[node.memory].fetch))
                part = np.where(bits <= space.memories[node.memory].room, part, 1.0)
                for axis, v in enumerate(window.rank_variables):
                    part = lattice.upward(part, v, axis) if v in known else part.min(axis=axis, keepdims=True)
                self.shares[key].append((window, part))
        return self.shares[key]
