"""Tiles of sliding windows: they keep part of their words when they move, so every loop above them matters.

``sliding_words`` counts the words of a move and ``sliding_moves`` charges it; here the moves that were made below an
array are charged to the parent above it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import GROW, SPREAD, History, Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding_moves import DOWN, UP
from costmodel.mapper.lattice.sliding_touches import SlidingTouches
from costmodel.mapper.lattice.sliding_words import mix
from costmodel.mapper.lattice.tensor_plan import UnsupportedError


class Sliding(SlidingTouches):
    """What sliding tiles cost, across arrays too."""

    def profiles(self, labels: Labels, array: int) -> dict[int, Ints]:
        """For each node below an array: a number of each label for what its parent will be asked for (-1: nothing)."""
        found = {}
        for i in self.nodes:
            if self.segment_of[i] > array:
                continue
            w = self.slot[i]
            s = labels.s
            kept = (s[Layout.KEPT] & self.space.nodes[i].bit) != 0
            alive = ((s[Layout.OPEN] | s[Layout.ALIVE]) & self.space.nodes[i].bit) != 0
            code = mix(s[self.layout.code[w]] ^ mix(s[Layout.SHAPE]))
            code = mix(code ^ mix(labels.f[self.layout.asked[w]].view(np.int64)))
            with np.errstate(over="ignore"):
                code = mix(code ^ s[self.layout.noted[w]]) + alive
            found[i] = np.where(kept, np.unique(code, return_inverse=True)[1], -1)
        return found

    def spread(self, new: Labels, tensor: int, array: int, numbers: dict[int, Ints], parents: Ints) -> None:
        """Charge the parent's side of moves that were made below an array. ``parents``: the labels' numbers before."""
        settlement = self.combinations.settlements[array + 1]
        for i in self.nodes:
            if self.space.nodes[i].tensor != tensor or self.segment_of[i] > array:
                continue
            outer = settlement.outer[i][new.s[Layout.COMBO]]
            waiting = np.flatnonzero((numbers[i] >= 0) & (outer > array))
            if len(waiting):
                self._send(new, waiting, i, array, numbers[i], parents)
            self._go_on(new, i, array, (numbers[i] >= 0) & (outer > array + 1))

    def _send(self, new: Labels, waiting: Ints, node: int, array: int, numbers: Ints, parents: Ints) -> None:
        """Charge what an array asks for, and sends, at the parent outside of it or on the way to one further out."""
        space, layout, w = self.space, self.layout, self.slot[node]
        settlement = self.combinations.settlements[array + 1]
        here = (space.nodes[node].tensor, space.nodes[node].memory)
        plan, ways = space.tensors[here[0]], new.s[layout.way[array], waiting]
        if plan.padded and array > self.segment_of[node]:
            msg = f"tiles of {plan.name}, which is padded, below nested arrays"
            raise UnsupportedError(msg)
        code = numbers[waiting] * len(space.arrays[array].factors) + self.kinds[array][here[0]][ways]
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        sample = waiting[first]
        mine, before, asked = new.s[:, sample], parents[sample], new.f[layout.asked[w], sample]
        parent, outer = (table[node][new.s[Layout.COMBO, waiting]] for table in (settlement.parent, settlement.outer))
        arrived = outer == array + 1
        costs: dict[int, Floats] = {}
        for up in (False, True) if plan.output else (False,):
            if plan.padded:
                sent = self.sent_inside(mine, node, array, before)
            else:
                sent = self.sent(mine, asked, node, array, before, up=up)
            words = sent[inverse] / space.arrays[array].product[ways]
            if self.leftover.spread and array == self.top - 1 and self.joins(up=up):
                words = words * self.leftover.steps(new.s[:, waiting], here[0])
            prices = space.prices.flow[(UP if up else DOWN)[1]][:, *here, parent]
            self._charge(costs, new.s[:, waiting], prices, np.where(arrived, words, 0.0), array + 1)
            if not arrived.all():
                hops = space.prices.hop[:, array + 1, *here, parent]
                self._charge(costs, new.s[:, waiting], hops, np.where(arrived, 0.0, words), array + 1)
        for row, cost in costs.items():
            new.f[row, waiting] += cost

    def _go_on(self, new: Labels, node: int, array: int, waiting: Any) -> None:
        """Have labels tell what matters of a tile from here on: of a live one, and of moves that wait for a parent.

        What a live tile keeps depends on the tile and how it is spread.
        """
        space, layout, w = self.space, self.layout, self.slot[node]
        plan = space.tensors[space.nodes[node].tensor]
        alive = ((new.s[Layout.OPEN] | new.s[Layout.ALIVE]) & space.nodes[node].bit) != 0
        s, ways = new.s, new.s[layout.way[array]]
        instances = space.arrays[array].product[ways]
        nested = range(self.segment_of[node], array + 1)
        number = np.where(waiting, mix(s[layout.code[w]]), node + 1)
        with np.errstate(over="ignore"):
            for v in np.flatnonzero(plan.relevant).tolist():
                number = mix(number + self.lattice.digits[v, s[layout.tile[w]]])
                for a in nested:
                    number = mix(number + space.arrays[a].factors[s[layout.way[a]], v])
                    if v in plan.windowed:
                        number = mix(number + self.lattice.digits[v, s[layout.below[a]]])
            for a in nested if len(nested) > 1 or waiting.any() else ():
                number = mix(number + space.arrays[a].product[s[layout.way[a]]].astype(np.int64))
        s[layout.code[w]] = np.where(alive | waiting, number, 0)
        s[layout.noted[w]] *= waiting
        # moves of all instances together, and words that wait: no array merges more than all that may be the same
        new.f[layout.asked[w]] *= waiting / instances
        shared = space.arrays[array].factors[:, ~np.isin(np.arange(self.lattice.count), plan.plain)].prod(axis=1)
        merged = space.arrays[array].merges or plan.output
        new.f[layout.waits[w]] *= waiting / (shared[ways] if merged else 1.0)

    def sent(self, s: Ints, asked: Floats, node: int, array: int, parents: Ints, *, up: bool) -> Floats:
        """Return the words that an array asks its parents for (``up``: sends them), for the moves made below it."""
        start = self.segment_of[node]
        shape = s[Layout.SHAPE]
        total = asked * self.words(s, node, shape, None, start, array + 1, up=up)
        noted = s[self.layout.noted[self.slot[node]]] != 0
        if not noted.any():
            return total
        tensor = self.space.tensors[self.space.nodes[node].tensor]
        alive = np.zeros(len(shape), dtype=bool)
        dead = ~noted
        plain, windowed = np.zeros(self.lattice.count, dtype=bool), np.zeros(self.lattice.count, dtype=bool)
        plain[list(tensor.plain)] = windowed[list(tensor.windowed)] = True
        for loop, low, high, segment in self.loops_above(node, np.where(noted, parents, -1), array):
            v = (self.lattice.digits[:, low] != self.lattice.digits[:, high]).argmax(axis=0)
            dead |= loop & plain[v]
            moved = loop & ~dead & (windowed[v] | alive)
            columns = np.flatnonzero(moved)
            if not len(columns):
                continue
            alive |= moved
            mine, below, moving = s[:, columns], low[columns], v[columns]
            _, kept, _ = self.slide(mine, node, below, moving, segment, start)
            part = columns[kept > 0]
            times = (self.lattice.tile[v, high] / self.lattice.tile[v, low] - 1) * self.lattice.turns(tensor)[high]
            for a in range(segment, array):
                times = times / self.space.arrays[a].product[s[self.layout.way[a]]]
            words = self.words(s[:, part], node, low[part], v[part], segment, array + 1, up=up)
            total[part] += times[part] * words
        return total

    def sent_inside(self, s: Ints, node: int, array: int, parents: Ints) -> Floats:
        """Return the same of a padded tensor: each loop below the array by itself, then whatever is left to come."""
        start = self.segment_of[node]
        shape = s[Layout.SHAPE]
        tensor = self.space.tensors[self.space.nodes[node].tensor]
        ways = s[self.layout.way[array]]
        over = ((s[Layout.OPEN] | s[Layout.ALIVE]) & self.space.nodes[node].bit) == 0
        to_come = self.lattice.turns(tensor)[shape] * self.space.arrays[array].product[ways]
        total: Floats = np.where(over, to_come * self.words(s, node, shape, None, start, array + 1), 0.0)
        dead = np.zeros(len(shape), dtype=bool)
        plain = np.zeros(self.lattice.count, dtype=bool)
        plain[list(tensor.plain)] = True
        for loop, low, high, _ in self.loops_above(node, parents, array):
            v = (self.lattice.digits[:, low] != self.lattice.digits[:, high]).argmax(axis=0)
            dead |= loop & plain[v]
            times = (self.lattice.tile[v, high] / self.lattice.tile[v, low] - 1) * self.lattice.turns(tensor)[high]
            columns = np.flatnonzero(loop)
            mine = s[:, columns].copy()
            mine[Layout.SHAPE] = high[columns]
            words = self.words(mine, node, low[columns], v[columns], start, array + 1, dead=dead[columns])
            total[columns] += times[columns] * words
        return total

    def loops_above(self, node: int, parents: Ints, segment: int) -> list[tuple[Any, Ints, Ints, int]]:
        """Return the loops above a node by which labels came about, up to a segment, inner first.

        Of each loop: which labels have it, the shapes below and above it, and how many arrays are inside of it.
        """
        bit = self.space.nodes[node].bit
        rows = self.history.rows
        steps: list[tuple[Any, Ints, Ints, int]] = []
        now, inside_of = parents, np.full(len(parents), segment)
        while True:
            before = np.where(now >= 0, rows[History.PARENT, now], -1)
            inside = (before >= 0) & ((rows[History.TODO, before] & bit) == 0)
            if not inside.any():
                return steps[::-1]
            now, before = np.where(inside, now, 0), np.where(inside, before, 0)
            loop = inside & (rows[History.KIND, now] == GROW)
            for a in np.unique(inside_of[loop])[::-1].tolist():
                mine = loop & (inside_of == a)
                steps.append((mine, rows[History.SHAPE, before], rows[History.SHAPE, now], a))
            inside_of = inside_of - (inside & (rows[History.KIND, now] == SPREAD))
            now = np.where(inside, before, -1)

    def bare(self, new: Labels, columns: Any, tensor: int, array: int, *, up: bool) -> Floats:
        """Return by what an array divides the words that compute instances ask for (``up``: update) at every step."""
        s = new.s[:, columns]
        inside, with_array = (self._deliveries(s, tensor, upto, up=up) for upto in (array, array + 1))
        divisor: Floats = self.space.arrays[array].product[s[self.layout.way[array]]] * inside / with_array
        return divisor

    def _deliveries(self, s: Ints, tensor: int, upto: int, *, up: bool) -> Floats:
        """Return how many words compute instances inside of arrays ask for at one step, where each asks for one."""
        plan, arrays = self.space.tensors[tensor], self.space.arrays
        united = self.space.united(0, upto, up=up)
        found = np.ones(s.shape[1])
        for a in range(united):
            found *= arrays[a].factors[s[self.layout.way[a]]][:, plan.plain].prod(axis=1)
        for window in plan.windows if united else ():
            if window.edge is None:
                found *= self.different(s, window, range(united))
                continue
            if any((arrays[a].product[s[self.layout.way[a]]] > 1).any() for a in range(united - 1)):
                msg = f"words of {plan.name}, which is padded, below nested arrays"
                raise UnsupportedError(msg)
            found *= self.edges.together(s, window, united - 1)
        for a in range(united, upto):
            found *= self.apart(s, tensor, a, up=up)
        return found
