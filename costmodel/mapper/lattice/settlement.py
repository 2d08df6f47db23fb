"""What a word that crosses a border costs: settled traffic is linear in words, so it is a table of coefficients.

A coefficient depends on what is kept where and on how the arrays inside are spread. One such pair of choices is a
*combination*; a label carries its number, and all that closing a tile changes is ``words · coefficient``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.space import Space

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


class Settlement:
    """The coefficients of one segment: of all that is settled between the arrays at ``segment - 1`` and ``segment``."""

    def __init__(self, space: Space, layout: Layout, segment: int, kept: Ints, sharing: Sharing) -> None:
        self.space, self.layout, self.segment = space, layout, segment
        self.kept, self.sharing = kept, sharing
        self.n = len(kept)
        self.top = len(space.arrays)
        self.segment_of = space.segment_of
        self.chain = space.chain
        self.parent = np.zeros((len(space.nodes), self.n), dtype=np.int64)
        """(nodes, combinations): the memory that holds a node's tensor next, further out."""
        for i, n in enumerate(space.nodes):
            self.parent[i] = self.holder(n.tensor, self.chain[n.tensor].index(i) + 1)
        self.outer = np.array([m.segment for m in space.memories])[self.parent]
        self.close = [self._close(i) for i in range(len(space.nodes))]
        """For each node: one word of each tile of it, at every turn of the loops outside."""
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

    def holder(self, tensor: int, place: int) -> Ints:
        """Return the memory of the first node that is kept, from a place of a tensor's chain outward."""
        found = np.full(self.n, len(self.space.memories) - 1)
        for i in reversed(self.chain[tensor][place:]):
            found = np.where(self.kept & self.space.nodes[i].bit, self.space.nodes[i].memory, found)
        return found

    def pay(self, effect: dict[int, Any], memory: int | Ints, reads: Any, writes: Any, bits: int) -> None:
        """Add reads and writes of a memory (or of each combination's)."""
        zero = np.zeros(self.n)
        for m, plan in enumerate(self.space.memories):
            here = memory == m
            if not np.any(here):
                continue
            energy = (reads * plan.read_pj + writes * plan.write_pj) * bits
            effect[Layout.ENERGY] = effect.get(Layout.ENERGY, zero) + np.where(here, energy, 0.0)
            instances = self.sharing.instances[:, plan.segment : self.segment].prod(axis=1)
            for p, port in zip(self.layout.port, self.space.ports, strict=True):
                if port.memory == m:
                    cycles = (reads * port.read + writes * port.write) * bits / instances
                    effect[p] = effect.get(p, zero) + np.where(here, cycles, 0.0)

    def done(self, effect: dict[int, Any]) -> Effect:
        return [(row, np.asarray(value)) for row, value in effect.items() if np.any(value)]

    def descend(
        self, effect: dict[int, Any], tensor: int, start: int, outer: Ints, down: Floats, up: Floats | None
    ) -> tuple[Floats, Floats]:
        """Pass the arrays between a holder in segment ``start`` and the one outside of it, as far as this segment."""
        plan = self.space.tensors[tensor]
        back = np.zeros(self.n) if up is None else up
        for a in range(start, self.segment):
            array = self.space.arrays[a]
            passes = a < outer
            sharing = self.sharing.most[:, a, tensor]
            hops = np.where(passes, (down + back) * array.hop_pj * plan.bits, 0.0)
            effect[Layout.ENERGY] = effect.get(Layout.ENERGY, np.zeros(self.n)) + hops
            if array.merges:
                down = np.where(passes, down / sharing, down)
            if array.reduces:
                back = np.where(passes, back / sharing, back)
        return down, back

    def _close(self, node: int) -> Effect:
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        memory = self.space.memories[plan.memory]
        effect: dict[int, Any] = {}
        if memory.segment > self.segment:
            return []
        child = self.sharing.least[:, memory.segment : self.segment, plan.tensor].prod(axis=1)
        self.pay(
            effect, plan.memory, child if tensor.output and not memory.free_drain else 0.0 * child, child, tensor.bits
        )
        outer = self.outer[node]
        down, up = self.descend(effect, plan.tensor, memory.segment, outer, child, child if tensor.output else None)
        here = outer <= self.segment
        self.pay(effect, np.where(here, self.parent[node], -1), down, up, tensor.bits)
        if not here.all():
            hops = (down + up) * self.space.arrays[self.segment].hop_pj * tensor.bits
            effect[Layout.ENERGY] = effect[Layout.ENERGY] + np.where(here, 0.0, hops)
            effect[self.layout.reads[plan.tensor]] = np.where(here, 0.0, down)
            if tensor.output:
                effect[Layout.UPDATES] = np.where(here, 0.0, up)
        return self.done(effect)

    def _pending(self, tensor: int, *, updates: bool) -> tuple[Effect, Any]:
        plan = self.space.tensors[tensor]
        below = [i for i in self.chain[tensor] if self.segment_of[i] < self.segment]
        holder = self.holder(tensor, len(below))
        here = np.array([m.segment for m in self.space.memories])[holder] <= self.segment
        bare = (self.kept & sum(self.space.nodes[i].bit for i in below)) == 0
        one, none = np.ones(self.n), np.zeros(self.n)
        effect: dict[int, Any] = {}
        reads = np.where(bare, one if updates else none, none if updates else one) if plan.output else one
        self.pay(effect, np.where(here, holder, -1), reads, one if updates else none, plan.bits)
        if not here.all():
            hops = self.space.arrays[self.segment].hop_pj * plan.bits
            effect[Layout.ENERGY] = effect.get(Layout.ENERGY, none) + np.where(here, 0.0, hops)
        return self.done(effect), here

    def _first_touches(self) -> Effect:
        tensor = next(t for t, plan in enumerate(self.space.tensors) if plan.output)
        plan = self.space.tensors[tensor]
        sharing = self.sharing.most[:, :, tensor]
        above = [sharing[:, a:].prod(axis=1) for a in range(self.top + 1)]
        effect: dict[int, Any] = {}
        none = np.zeros(self.n)
        for place in range(-1, len(self.chain[tensor])):
            holder = self.holder(tensor, place + 1)
            outer = np.array([m.segment for m in self.space.memories])[holder]
            if place < 0:
                words = np.choose(outer, above) * plan.words
                self.pay(effect, holder, -words, none, plan.bits)
                continue
            node = self.space.nodes[self.chain[tensor][place]]
            kept = (self.kept & node.bit) != 0
            segment = self.segment_of[self.chain[tensor][place]]
            down = np.where(kept, plan.words * above[segment], 0.0)
            self.pay(effect, node.memory, none, -down, plan.bits)
            down, _ = self.descend(effect, tensor, segment, outer, -down, None)
            self.pay(effect, holder, down, none, plan.bits)
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
        self.kept = [np.array(space.keeps, dtype=np.int64)]
        self.ways = [np.zeros((len(space.keeps), 0), dtype=np.int64)]
        self.numbers: list[Ints] = []
        for a in space.arrays:
            self.kept.append(np.empty(0, dtype=np.int64))
            self.ways.append(np.empty((0, len(self.ways)), dtype=np.int64))
            self.numbers.append(np.empty((0, len(a.factors)), dtype=np.int64))
        self.settlements = [self.settle(s) for s in range(len(self.kept))]

    def settle(self, segment: int) -> Settlement:
        return settlement(self.space, self.layout, self.sigma, segment, self.kept[segment], self.ways[segment])

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


def settlement(
    space: Space, layout: Layout, sigma: Sequence[Floats], segment: int, kept: Ints, ways: Ints
) -> Settlement:
    """Return the coefficients for combinations of what is kept and (combinations, arrays inside) ways to spread."""
    shape = (len(kept), segment, len(space.tensors))
    sharing = np.empty(shape)
    instances = np.empty(shape[:2])
    for a in range(segment):
        sharing[:, a] = sigma[a][ways[:, a]]
        instances[:, a] = space.arrays[a].product[ways[:, a]]
    return Settlement(space, layout, segment, kept, Sharing(sharing, sharing, instances))
