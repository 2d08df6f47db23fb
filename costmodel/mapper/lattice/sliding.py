"""Tiles of sliding windows: they keep part of their words when they move, so every loop above them matters.

``sliding_words`` counts the words of a move and ``sliding_moves`` charges it; here the moves that were made below an
array are charged to the parent above it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import GROW, History, Labels, Layout
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
        space, layout = self.space, self.layout
        plan = space.tensors[tensor]
        settlement = self.combinations.settlements[array + 1]
        for i in self.nodes:
            if space.nodes[i].tensor != tensor or self.segment_of[i] > array:
                continue
            w = self.slot[i]
            outer = settlement.outer[i][new.s[Layout.COMBO]]
            waiting = np.flatnonzero((numbers[i] >= 0) & (outer > array))
            if len(waiting):
                if array > self.segment_of[i] or (outer[waiting] > array + 1).any():
                    msg = "a sliding window below nested arrays"
                    raise UnsupportedError(msg)
                ways = new.s[layout.way[array], waiting]
                code = numbers[i][waiting] * len(space.arrays[array].factors) + self.kinds[array][tensor][ways]
                _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
                sample = waiting[first]
                mine, before = new.s[:, sample], parents[sample]
                parent = settlement.parent[i][new.s[Layout.COMBO, waiting]]
                costs: dict[int, Floats] = {}
                for up in (False, True) if plan.output else (False,):
                    if plan.padded:
                        sent = self.sent_inside(mine, i, array, before)
                    else:
                        sent = self.sent(mine, new.f[layout.asked[w], sample], i, array, before, up=up)
                    words = sent[inverse] / space.arrays[array].product[ways]
                    prices = space.prices.flow[(UP if up else DOWN)[1]][:, tensor, space.nodes[i].memory, parent]
                    self._charge(costs, new.s[:, waiting], prices, words, array + 1)
                for row, cost in costs.items():
                    new.f[row, waiting] += cost
            # what is still alive goes on from here: what it keeps depends on the tile and how it is spread
            alive = np.flatnonzero((new.s[Layout.OPEN] | new.s[Layout.ALIVE]) & space.nodes[i].bit)
            new.s[layout.code[w]] = 0
            new.s[layout.noted[w]] = 0
            new.f[layout.asked[w]] = 0
            new.f[layout.waits[w]] = 0
            if len(alive):
                s = new.s[:, alive]
                number = np.full(len(alive), i + 1, dtype=np.int64)
                with np.errstate(over="ignore"):
                    for v in np.flatnonzero(plan.relevant).tolist():
                        number = mix(number + self.lattice.digits[v, s[layout.tile[w]]])
                        number = mix(number + space.arrays[array].factors[s[layout.way[array]], v])
                        if v in plan.windowed:
                            number = mix(number + self.lattice.digits[v, s[layout.below[array]]])
                new.s[layout.code[w], alive] = number

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
        for loop, low, high in self.loops_above(node, np.where(noted, parents, -1)):
            v = (self.lattice.digits[:, low] != self.lattice.digits[:, high]).argmax(axis=0)
            dead |= loop & plain[v]
            moved = loop & ~dead & (windowed[v] | alive)
            columns = np.flatnonzero(moved)
            if not len(columns):
                continue
            alive |= moved
            mine, below, moving = s[:, columns], low[columns], v[columns]
            _, kept, _ = self.slide(mine, node, below, moving, start, start)
            part = columns[kept > 0]
            times = (self.lattice.tile[v, high] / self.lattice.tile[v, low] - 1) * self.lattice.repeats[high]
            words = self.words(s[:, part], node, low[part], v[part], start, array + 1, up=up)
            total[part] += times[part] * words
        return total

    def sent_inside(self, s: Ints, node: int, array: int, parents: Ints) -> Floats:
        """Return the same of a padded tensor: each loop below the array by itself, then whatever is left to come."""
        start = self.segment_of[node]
        shape = s[Layout.SHAPE]
        tensor = self.space.tensors[self.space.nodes[node].tensor]
        ways = s[self.layout.way[array]]
        over = ((s[Layout.OPEN] | s[Layout.ALIVE]) & self.space.nodes[node].bit) == 0
        to_come = self.lattice.repeats[shape] * self.space.arrays[array].product[ways]
        total: Floats = np.where(over, to_come * self.words(s, node, shape, None, start, array + 1), 0.0)
        dead = np.zeros(len(shape), dtype=bool)
        plain = np.zeros(self.lattice.count, dtype=bool)
        plain[list(tensor.plain)] = True
        for loop, low, high in self.loops_above(node, parents):
            v = (self.lattice.digits[:, low] != self.lattice.digits[:, high]).argmax(axis=0)
            dead |= loop & plain[v]
            times = (self.lattice.tile[v, high] / self.lattice.tile[v, low] - 1) * self.lattice.repeats[high]
            columns = np.flatnonzero(loop)
            mine = s[:, columns].copy()
            mine[Layout.SHAPE] = high[columns]
            words = self.words(mine, node, low[columns], v[columns], start, array + 1, dead=dead[columns])
            total[columns] += times[columns] * words
        return total

    def loops_above(self, node: int, parents: Ints) -> list[tuple[Any, Ints, Ints]]:
        """Return the loops above a node by which labels came about (which labels, shape below, above), inner first."""
        bit = self.space.nodes[node].bit
        rows = self.history.rows
        steps: list[tuple[Any, Ints, Ints]] = []
        now = parents
        while True:
            before = np.where(now >= 0, rows[History.PARENT, now], -1)
            inside = (before >= 0) & ((rows[History.TODO, before] & bit) == 0)
            if not inside.any():
                return steps[::-1]
            now, before = np.where(inside, now, 0), np.where(inside, before, 0)
            loop = inside & (rows[History.KIND, now] == GROW)
            if loop.any():
                steps.append((loop, rows[History.SHAPE, before], rows[History.SHAPE, now]))
            now = np.where(inside, before, -1)

    def bare(self, new: Labels, columns: Any, tensor: int, array: int) -> Floats:
        """Return by what merging divides the words that compute instances ask for at every step."""
        space = self.space
        plan = space.tensors[tensor]
        plan_array = space.arrays[array]
        s = new.s[:, columns]
        ways = s[self.layout.way[array]]
        for a in range(array):
            if (space.arrays[a].product[s[self.layout.way[a]]] > 1).any():
                msg = "a sliding window below nested arrays"
                raise UnsupportedError(msg)
        union = np.ones(len(ways))
        for v in plan.plain:
            union *= plan_array.factors[ways, v]
        for window in plan.windows:
            if window.edge is None:
                union *= self.different(s, window, range(array, array + 1))
            else:
                union *= self.edges.together(s, window, array)
        divisor: Floats = plan_array.product[ways] / union
        return divisor
