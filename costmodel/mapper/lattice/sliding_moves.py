"""Moves of sliding windows: what each costs, and when nothing of a tile is left.

A tile that has moved once stays *alive* until nothing of it can be left whenever it moves again. Below an array, what
the parent has to send depends on how neighbouring instances overlap, which is known only when the array is spread.
Until then a label carries how many moves kept nothing (``asked``), and which moves kept something (``noted``, a hash).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding_words import SlidingWords, mix
from costmodel.model.evaluation import Flow

DOWN: tuple[Flow, Flow] = ("fill", "read")
UP: tuple[Flow, Flow] = ("drain", "update")
"""Flows of a word that comes to a tile, or leaves it: at the tile, and at its parent."""


class SlidingMoves(SlidingWords):
    """What moves of sliding tiles cost where their parent is known."""

    def place(self, labels: Labels, node: int, columns: Any) -> None:
        w = self.slot[node]
        shape = labels.s[Layout.SHAPE, columns]
        labels.s[self.layout.tile[w], columns] = shape
        labels.s[self.layout.code[w], columns] = self.fresh(node, shape)
        labels.s[self.layout.noted[w], columns] = 0
        labels.f[self.layout.asked[w], columns] = 0
        labels.f[self.layout.waits[w], columns] = 0

    def fresh(self, node: int, shape: Ints) -> Ints:
        """Return what tells tiles of a node that have not moved yet apart (hash)."""
        own = np.zeros(len(shape), dtype=np.int64)
        for v in np.flatnonzero(self.space.tensors[self.space.nodes[node].tensor].relevant).tolist():
            own += self.lattice.digits[v, shape] * self.lattice.strides[v]
        return mix(own * 64 + node + 1)

    def fresh_each(self, tiles: Ints) -> Ints:
        """Return the same of (sliding nodes, labels)."""
        found = np.empty_like(tiles)
        for row, node, shape in zip(found, self.nodes, tiles, strict=True):
            row[:] = self.fresh(node, shape)
        return found

    def pay(
        self, labels: Labels, columns: Any, node: int, weight: Floats, low: Ints, moving: Ints | None, segment: int
    ) -> None:
        """Charge ``weight`` moves (over all instances of what is above), or as many whole tiles."""
        s = labels.s[:, columns]
        settlement = self.combinations.settlements[segment]
        costs: dict[int, Floats] = {}
        output = self.space.tensors[self.space.nodes[node].tensor].output
        for up in (False, True) if output else (False,):
            own = self._flow(costs, s, node, weight, (low, moving), segment, up=up)
        for row, cost in costs.items():
            labels.f[row, columns] += cost
        waiting = settlement.outer[node][s[Layout.COMBO]] > segment
        if waiting.any():
            labels.f[self.layout.waits[self.slot[node]], columns] += np.where(waiting, own, 0.0)

    def _flow(
        self,
        costs: dict[int, Floats],
        s: Ints,
        node: int,
        weight: Floats,
        move: tuple[Ints, Ints | None],
        segment: int,
        *,
        up: bool,
    ) -> Floats:
        """Add what ``weight`` moves cost in one direction, as far as is known; return the words that they move."""
        space, plan = self.space, self.space.nodes[node]
        start = self.segment_of[node]
        settlement = self.combinations.settlements[segment]
        parents = settlement.parents(node)
        furthest = max(space.memories[m].segment for m in parents)
        outside = np.ones(s.shape[1])
        words: dict[int, Floats] = {}
        for upto in range(segment, start - 1, -1):
            if upto == start or furthest >= upto:
                words[upto] = self.words(s, node, *move, segment, upto, up=up) * weight * outside
            if upto > start:
                outside = outside * space.arrays[upto - 1].product[s[self.layout.way[upto - 1]]]
        if self.leftover.spread and segment == self.top and start < segment:
            part = self.leftover.filled(s, plan.tensor)
            words = {upto: w if upto == self.top and self.joins(up=up) else w * part for upto, w in words.items()}
        here = (plan.tensor, plan.memory)
        own, others = (space.prices.flow[flow][:, *here] for flow in (UP if up else DOWN))
        for m in parents:
            sent = words
            if len(parents) > 1:
                mine = settlement.parent[node][s[Layout.COMBO]] == m
                sent = {upto: np.where(mine, all_words, 0.0) for upto, all_words in words.items()}
            self._charge(costs, s, own[:, m], sent[start], segment)
            outer = space.memories[m].segment
            for a in range(start, min(segment + 1, outer)):
                self._charge(costs, s, space.prices.hop[:, a, *here, m], sent[a], segment)
            if outer <= segment:
                self._charge(costs, s, others[:, m], sent[outer], segment)
        return words[start]

    def joins(self, *, up: bool) -> bool:
        """Whether instances of the outermost array that want the same at one step get it together, or send it so."""
        array = self.space.arrays[-1]
        return array.reduces if up else array.merges

    def _charge(self, costs: dict[int, Floats], s: Ints, prices: Floats, words: Floats, segment: int) -> None:
        """Add what words cost, by prices of (rows) or (rows, labels)."""
        inside = self.space.prices.segments
        for k, price in enumerate(prices):
            if not price.any():
                continue
            cost = words * price
            if k:
                for a in range(inside[k - 1], segment):
                    cost = cost / self.space.arrays[a].product[s[self.layout.way[a]]]
            row = self.layout.limit[k - 1] if k else Layout.ENERGY
            costs[row] = costs[row] + cost if row in costs else cost

    def die(self, labels: Labels, columns: Any, node: int, shape: Ints, segment: int) -> None:
        """Settle a sliding tile of which nothing is left whenever it moves from now on."""
        if not len(columns):
            return
        tensor = self.space.tensors[self.space.nodes[node].tensor]
        times = self.lattice.turns(tensor)[shape]
        self.pay(labels, columns, node, times, shape, None, segment)
        bit = self.space.nodes[node].bit
        labels.s[Layout.OPEN, columns] &= ~bit
        labels.s[Layout.ALIVE, columns] &= ~bit
        w = self.slot[node]
        settlement = self.combinations.settlements[segment]
        waiting = settlement.outer[node][labels.s[Layout.COMBO, columns]] > segment
        labels.f[self.layout.asked[w], columns] += np.where(waiting, times, 0.0)
        if tensor.padded:
            with np.errstate(over="ignore"):
                labels.s[self.layout.noted[w], columns] += mix(-1 - shape)
        labels.s[self.layout.code[w], columns] *= waiting
        labels.s[self.layout.noted[w], columns] *= waiting

    def gone(self, s: Ints, node: int, segment: int) -> Any:
        """Whether nothing of a sliding tile can be left whenever it moves from now on.

        A loop over v moves it on by the extent of all instances together, and what stands inside starts again: if that
        goes back by more than the tile is long, nothing is left. Arrays to come may make the step longer.
        """
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        memory = self.space.memories[plan.memory]
        tile, shape = s[self.layout.tile[self.slot[node]]], s[Layout.SHAPE]
        arrays = range(memory.segment, segment)
        resets, steps = {}, {}
        extents = []
        for window in tensor.windows:
            extent = np.ones(s.shape[1])
            for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                t = self.lattice.tile[v][tile]
                reach = t + self.span(s, v, arrays)
                resets[v] = abs(c) * (self.lattice.tile[v][shape] - reach)
                steps[v] = abs(c) * (reach + self.more(v, shape, segment))
                extent += abs(c) * (t - 1)
            extents.append(np.ones(s.shape[1]) if memory.refetch else extent)
        never_all = np.ones(s.shape[1], dtype=bool)
        mixed = [len({c > 0 for c in window.coefficients}) > 1 for window in tensor.windows]
        none = np.zeros(s.shape[1])
        rest = [
            none if both else sum((resets[v] for v in window.rank_variables), none)
            for both, window in zip(mixed, tensor.windows, strict=True)
        ]
        for moving in range(self.lattice.count):
            if moving in tensor.plain:
                continue
            never = self.lattice.digits[moving, shape] >= self.lattice.last_digit[moving]
            for k, window in enumerate(tensor.windows):
                others, step = rest[k], 0.0
                if moving in window.rank_variables:
                    others = others if mixed[k] else others - resets[moving]
                    step = steps[moving]
                never = never | (others - step >= extents[k])
            never_all &= never
        return never_all

    def more(self, v: int, shape: Ints, segment: int) -> Floats | float:
        """Return by how much arrays to come may still put instances apart along ``v``, below a loop over it."""
        most = math.prod(a.most[v] for a in self.space.arrays[segment:])
        if most == 1:
            return 0.0
        extent = self.lattice.extents[v]
        # x · f · 2 ≤ N if f instances are put x apart and a loop is to follow, so their span x · (f - 1) is at most:
        span = extent / 2 * (most - 1) / most
        return np.where(4 * self.lattice.tile[v][shape] <= extent, span, 0.0)

    def move(self, labels: Labels, v: Ints, before: Ints, segment: int) -> None:
        """Settle what the loops over ``v``, just added to every label above the shapes ``before``, move."""
        plain = np.array(self.plain_of)[v]
        moved_by = np.array(self.moved_by)[v]
        for i in self.nodes:
            bit = self.space.nodes[i].bit
            touched = labels.s[Layout.OPEN] | labels.s[Layout.ALIVE]
            if not (touched & bit).any():
                continue
            ends = np.flatnonzero(touched & plain & bit)
            self.die(labels, ends, i, before[ends], segment)
            moved = (labels.s[Layout.OPEN] & moved_by) | (labels.s[Layout.ALIVE] & ~plain)
            columns = np.flatnonzero(moved & bit)
            if not len(columns):
                continue
            low = before[columns]
            shape = labels.s[Layout.SHAPE, columns]
            moving = v[columns]
            steps = self.lattice.tile[moving, shape] / self.lattice.tile[moving, low]
            times = (steps - 1) * self.lattice.turns(self.space.tensors[self.space.nodes[i].tensor])[shape]
            self.pay(labels, columns, i, times, low, moving, segment)
            if segment < self.top:
                self.note(labels, columns, i, times, low, moving, segment)
            labels.s[Layout.OPEN, columns] &= ~bit
            labels.s[Layout.ALIVE, columns] |= bit
            ends = columns[self.gone(labels.s[:, columns], i, segment)]
            self.die(labels, ends, i, labels.s[Layout.SHAPE, ends], segment)

    def note(
        self, labels: Labels, columns: Any, node: int, times: Floats, low: Ints, moving: Ints, segment: int
    ) -> None:
        """Sum up the moves of a tile whose parent is beyond an array: what they cost there is known only then.

        Moves that keep nothing differ by their number alone; the others by how far they go, too. Of a padded tile
        each move is its own.
        """
        settlement = self.combinations.settlements[segment]
        waiting = settlement.outer[node][labels.s[Layout.COMBO, columns]] > segment
        if not waiting.any():
            return
        columns, times, low, moving = columns[waiting], times[waiting], low[waiting], moving[waiting]
        w = self.slot[node]
        if self.space.tensors[self.space.nodes[node].tensor].padded:
            keeps = np.ones(len(low), dtype=bool)
            number = mix(mix(low * self.lattice.count + moving) ^ times.view(np.int64))
        else:
            _, kept, distance = self.slide(labels.s[:, columns], node, low, moving, segment, self.segment_of[node])
            keeps = kept > 0
            number = mix(mix(times.view(np.int64)) ^ distance) + segment
        labels.f[self.layout.asked[w], columns] += np.where(keeps, 0.0, times)
        with np.errstate(over="ignore"):
            labels.s[self.layout.noted[w], columns] += np.where(keeps, number, 0)
