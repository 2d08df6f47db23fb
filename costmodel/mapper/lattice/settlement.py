"""What a word that crosses a border costs: settled traffic is linear in words, so it is a table of coefficients.

A coefficient depends on what is kept where and on how the arrays inside are spread. One such pair of choices is a
*combination*; a label carries its number, and all that closing a tile changes is ``words · coefficient``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.space import Space
from costmodel.model.meters import Moved

Effect = list[tuple[int, Floats]]
"""(row of the labels' floats, coefficient of every combination)."""


@dataclass(frozen=True)
class Sharing:
    """Instances of an array that want the same tile, for every combination, array and tensor.

    ``least`` and ``most`` are the same for real ways to spread; bounds leave them apart.
    """

    least: Floats
    most: Floats
    instances: Floats
    """(combinations, arrays)."""
    adding: Floats
    """(combinations, arrays): instances that add to the same word of the output, at least."""

    def inside(self, segment: int) -> Sharing:
        """Return the same of the arrays inside a segment."""
        each = (self.least, self.most, self.instances, self.adding)
        return Sharing(*(values[:, :segment] for values in each))


class Settlement:
    """The coefficients of one segment: of all that is settled between the arrays at ``segment - 1`` and ``segment``."""

    def __init__(self, space: Space, layout: Layout, segment: int, kept: Ints, sharing: Sharing) -> None:
        self.space, self.layout, self.segment = space, layout, segment
        self.kept, self.sharing = kept, sharing
        self.n = len(kept)
        self.top = len(space.arrays)
        self.share = [sharing.instances[:, s:segment].prod(axis=1) for s in space.prices.segments]
        """For each limit: instances inside this segment that have the words together."""
        self.segment_of = space.segment_of
        self.chain = space.chain
        self.parent = np.zeros((len(space.nodes), self.n), dtype=np.int64)
        """(nodes, combinations): the memory that holds a node's tensor next, further out."""
        self._parents: dict[int, list[int]] = {}
        for i, n in enumerate(space.nodes):
            self.parent[i] = self.holder(n.tensor, self.chain[n.tensor].index(i) + 1)
        self.memory_segment = np.array([m.segment for m in space.memories])
        self.outer = self.memory_segment[self.parent]
        self.close = [self._close(i) for i in range(len(space.nodes))]
        """For each node: one word of each tile of it, at every turn of the loops outside."""
        crosses = segment == self.top and bool(space.uneven)
        self.active = [self._close(i, active=True) if crosses else [] for i in range(len(space.nodes))]
        """What of that goes with the instances at work, where some of the outermost array may be idle."""
        self.reads, self.updates, self.settled = [], [], []
        """For each tensor: one read (update) that waits for the next holder; whether that is in this segment."""
        for t in range(len(space.tensors)):
            reads, settled = self._pending(t, updates=False)
            self.reads.append(reads)
            self.settled.append(settled)
            if space.tensors[t].output:
                self.updates = self._pending(t, updates=True)[0]
        self.first_touches = self._first_touches() if segment == self.top else []
        """What is never read back: the first touch of every word of the output by every holder."""
        self.finished = self._finished() if segment == self.top and space.prices.finishing else []
        """What is narrower than a partial sum: the last update of every word of the output."""

    def holder(self, tensor: int, place: int) -> Ints:
        """Return the memory of the first node that is kept, from a place of a tensor's chain outward."""
        found = np.full(self.n, len(self.space.memories) - 1)
        for i in reversed(self.chain[tensor][place:]):
            found = np.where(self.kept & self.space.nodes[i].bit, self.space.nodes[i].memory, found)
        return found

    def parents(self, node: int) -> list[int]:
        """Return the memories that hold a node's tensor next, in some combination."""
        found = self._parents.get(node)
        if found is None:
            found = self._parents[node] = np.unique(self.parent[node]).tolist()
        return found

    def charge(
        self,
        effect: dict[int, Any],
        tensor: int,
        flow: Moved | int,
        child: int | Ints,
        parent: Ints,
        words: Any,
        where: Any = None,
    ) -> None:
        """Add what words of a flow (or of hops, by their array) cost between each combination's child and parent.

        ``where`` is a mask of combinations.
        """
        prices = self.space.prices
        table = prices.hop[:, flow] if isinstance(flow, int) else prices.flow[flow]
        self._charge(effect, table[:, tensor, child, parent], words, where)

    def _charge(self, effect: dict[int, Any], each: Floats, words: Any, where: Any) -> None:
        """Add the costs of words, by the price of each (rows, combinations)."""
        paid: list[bool] = np.any(each, axis=1).tolist()
        for k in itertools.compress(range(len(paid)), paid):
            cost = words * each[k]
            if k:
                cost = cost / self.share[k - 1]
            if where is not None:
                cost = np.where(where, cost, 0.0)
            row = self.layout.limit[k - 1] if k else Layout.ENERGY
            effect[row] = effect[row] + cost if row in effect else cost

    def done(self, effect: dict[int, Any]) -> Effect:
        return [(row, value) for row, value in effect.items() if value.any()]

    def descend(
        self, effect: dict[int, Any], tensor: int, child: int, parent: Ints, down: Floats, up: Floats | None
    ) -> tuple[Floats, Floats]:
        """Pass the arrays between a memory and the holder outside of it, as far as this segment."""
        outer = self.memory_segment[parent]
        back = np.zeros(self.n) if up is None else up
        alike: list[Any] = [1.0, 1.0]
        for a in range(self.memory_segment[child], self.segment):
            array = self.space.arrays[a]
            passes = a < outer
            sharing = self.sharing.most[:, a, tensor]
            self.charge(effect, tensor, a, child, parent, down + back, passes)
            by, alike[0] = array.merged(sharing, alike[0], up=False)
            down = np.where(passes, down / by, down)
            by, alike[1] = array.merged(sharing, alike[1], up=True)
            back = np.where(passes, back / by, back)
        return down, back

    def _close(self, node: int, *, active: bool = False) -> Effect:
        """Return what a tile costs; ``active``: in each instance of the outermost array that has work."""
        plan = self.space.nodes[node]
        t, output = plan.tensor, self.space.tensors[plan.tensor].output
        segment, parent = self.segment_of[node], self.parent[node]
        effect: dict[int, Any] = {}
        if segment > self.segment - active:
            return []
        child = self.sharing.least[:, segment : self.segment, t].prod(axis=1)
        self.charge(effect, t, "fill", plan.memory, parent, child)
        if output:
            self.charge(effect, t, "drain", plan.memory, parent, child)
        down, up = self.descend(effect, t, plan.memory, parent, child, child if output else None)
        here = self.outer[node] <= self.segment
        apart = [here, here]
        if active:
            array = self.space.arrays[-1]
            apart = [here & ((self.outer[node] < self.top) | (not one)) for one in (array.merges, array.reduces)]
        self.charge(effect, t, "read", plan.memory, parent, down, apart[0])
        self.charge(effect, t, "update", plan.memory, parent, up, apart[1])
        if not here.all():
            self.charge(effect, t, self.segment, plan.memory, parent, down + up, ~here)
            effect[self.layout.reads[t]] = np.where(here, 0.0, down)
            if output:
                effect[Layout.UPDATES] = np.where(here, 0.0, up)
        return self.done(effect)

    def _pending(self, tensor: int, *, updates: bool) -> tuple[Effect, Any]:
        below = [i for i in self.chain[tensor] if self.segment_of[i] < self.segment]
        child = np.full(self.n, self.space.prices.compute)
        for i in below:
            child = np.where(self.kept & self.space.nodes[i].bit, self.space.nodes[i].memory, child)
        holder = self.holder(tensor, len(below))
        here = self.memory_segment[holder] <= self.segment
        bare = child == self.space.prices.compute
        one, none = np.ones(self.n), np.zeros(self.n)
        effect: dict[int, Any] = {}
        reads = np.where(bare, one, none) if updates else one
        self.charge(effect, tensor, "read", child, holder, reads, here)
        if updates:
            self.charge(effect, tensor, "update", child, holder, one, here)
        if not here.all():
            self.charge(effect, tensor, self.segment, child, holder, one, ~here)
        return self.done(effect), here

    def _first_touches(self) -> Effect:
        tensor = next(t for t, plan in enumerate(self.space.tensors) if plan.output)
        plan = self.space.tensors[tensor]
        sharing = self.sharing.most[:, :, tensor]
        above = [sharing[:, a:].prod(axis=1) for a in range(self.top + 1)]
        effect: dict[int, Any] = {}
        for place in range(-1, len(self.chain[tensor])):
            holder = self.holder(tensor, place + 1)
            if place < 0:
                words = np.choose(self.memory_segment[holder], above) * plan.used
                self.charge(effect, tensor, "read", self.space.prices.compute, holder, -words)
                continue
            node = self.space.nodes[self.chain[tensor][place]]
            kept = (self.kept & node.bit) != 0
            down = np.where(kept, plan.words * above[self.segment_of[self.chain[tensor][place]]], 0.0)
            self.charge(effect, tensor, "fill", node.memory, holder, -down)
            down, _ = self.descend(effect, tensor, node.memory, holder, -down, None)
            self.charge(effect, tensor, "read", node.memory, holder, down)
        return self.done(effect)

    def _finished(self) -> Effect:
        """Return what is taken off for words that are finished as they cross: where no instances share their sums."""
        tensor = next(t for t, plan in enumerate(self.space.tensors) if plan.output)
        prices, plan = self.space.prices, self.space.tensors[tensor]
        whole = [self.sharing.adding[:, a:].prod(axis=1) == 1 for a in range(self.top + 1)]
        """Whether one instance outside of so many arrays has all of a sum."""
        effect: dict[int, Any] = {}
        for place in range(-1, len(self.chain[tensor])):
            holder = self.holder(tensor, place + 1)
            child, words, kept, start = prices.compute, plan.used, np.ones(self.n, dtype=bool), 0
            if place >= 0:
                node = self.space.nodes[self.chain[tensor][place]]
                child, words, kept = node.memory, plan.words, (self.kept & node.bit) != 0
                start = self.segment_of[self.chain[tensor][place]]
                self._charge(effect, prices.flow["last_drain"][:, tensor, child, holder], words, kept & whole[start])
            outer = self.memory_segment[holder]
            there = kept & np.choose(outer, whole)
            self._charge(effect, prices.flow["last_update"][:, tensor, child, holder], words, there)
            for a in range(start, self.top):
                self._charge(effect, prices.last_hop[:, a, tensor, child, holder], words, kept & (a < outer) & whole[a])
        return self.done(effect)


class Combinations:
    """The combinations that labels have, for each segment, with their settlement."""

    def __init__(self, space: Space, layout: Layout) -> None:
        self.space, self.layout = space, layout
        self.sigma = [
            np.stack([a.factors[:, t.idle].prod(axis=1).astype(np.float64) for t in space.tensors], axis=1)
            for a in space.arrays
        ]
        """For each array (ways, tensors): instances that want the same tile of a plain tensor."""
        along = [v in space.einsum.accumulated for v in space.names]
        self.adding = [a.factors[:, along].prod(axis=1).astype(np.float64) for a in space.arrays]
        """For each array (ways): instances that add to the same word of the output."""
        self.kept = [np.array(space.keeps, dtype=np.int64)]
        self.ways = [np.zeros((len(space.keeps), 0), dtype=np.int64)]
        self.numbers: list[Ints] = []
        for a in space.arrays:
            self.kept.append(np.empty(0, dtype=np.int64))
            self.ways.append(np.empty((0, len(self.ways)), dtype=np.int64))
            self.numbers.append(np.empty((0, len(a.factors)), dtype=np.int64))
        self.settlements = [self.settle(s) for s in range(len(self.kept))]

    def settle(self, segment: int) -> Settlement:
        ways, shape = self.ways[segment], (len(self.kept[segment]), segment)
        sharing, instances, adding = np.empty((*shape, len(self.space.tensors))), np.empty(shape), np.empty(shape)
        for a in range(segment):
            sharing[:, a] = self.sigma[a][ways[:, a]]
            instances[:, a] = self.space.arrays[a].product[ways[:, a]]
            adding[:, a] = self.adding[a][ways[:, a]]
        several = Sharing(sharing, sharing, instances, adding)
        return Settlement(self.space, self.layout, segment, self.kept[segment], several)

    def after(self, array: int, before: Ints, way: Ints) -> Ints:
        """Return the numbers, in the next segment, of combinations that are spread over an array."""
        numbers = self.numbers[array]
        if len(numbers) < len(self.kept[array]):
            more = np.full((len(self.kept[array]) - len(numbers), numbers.shape[1]), -1, dtype=np.int64)
            numbers = self.numbers[array] = np.concatenate((numbers, more))
        found = numbers[before, way]
        if (found < 0).any():
            code = np.unique(before[found < 0] * numbers.shape[1] + way[found < 0])
            old, new = np.divmod(code, numbers.shape[1])
            segment = array + 1
            numbers[old, new] = len(self.kept[segment]) + np.arange(len(code))
            self.kept[segment] = np.concatenate((self.kept[segment], self.kept[array][old]))
            ways = np.concatenate((self.ways[array][old], new[:, None]), axis=1)
            self.ways[segment] = np.concatenate((self.ways[segment], ways))
            self.settlements[segment] = self.settle(segment)
            found = numbers[before, way]
        return found
