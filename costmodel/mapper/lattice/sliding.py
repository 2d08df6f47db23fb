"""Tiles of sliding windows: they keep part of their words when they move, so every loop above them matters.

A tile that has moved once stays *alive* until nothing of it can be left whenever it moves again. Below an array, what
the parent has to send depends on how neighbouring instances overlap, which is known only when the array is spread.
Until then a label carries how many moves kept nothing (``asked``), and which moves kept something (``noted``, a hash).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from costmodel.mapper.lattice import sumset, windows
from costmodel.mapper.lattice.labels import GROW, History, Labels, Layout
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space, UnsupportedError, Window


def mix(x: Any) -> Ints:
    """Scramble 64 bits (so that a path has a number of its own)."""
    x = x.astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = (x ^ (x >> np.uint64(31))) | np.uint64(1)
    found: Ints = x.view(np.int64)
    return found


class Sliding:
    """What sliding tiles cost."""

    def __init__(
        self, space: Space, lattice: Lattice, layout: Layout, combinations: Combinations, history: History
    ) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.combinations, self.history = combinations, history
        self.top = len(space.arrays)
        self.nodes = [i for i, n in enumerate(space.nodes) if space.tensors[n.tensor].windows]
        self.slot = {i: w for w, i in enumerate(self.nodes)}
        self.segment_of = space.segment_of
        self.bits = sum(space.nodes[i].bit for i in self.nodes)
        self.plain_of = [self._bits(v, plain=True) for v in range(lattice.count)]
        self.moved_by = [self._bits(v, plain=False) for v in range(lattice.count)]
        self.kinds = [
            [np.unique(a.factors[:, t.relevant], axis=0, return_inverse=True)[1].ravel() for t in space.tensors]
            for a in space.arrays
        ]
        """For each array and tensor: ways to spread that are the same to the tensor have one number."""

    def _bits(self, v: int, *, plain: bool) -> int:
        found = 0
        for i in self.nodes:
            tensor = self.space.tensors[self.space.nodes[i].tensor]
            if (v in tensor.plain) if plain else (v in tensor.windowed):
                found |= self.space.nodes[i].bit
        return found

    def active(self, labels: Labels) -> Any:
        """Whether a tile of a window is open or sliding."""
        return ((labels.s[Layout.OPEN] | labels.s[Layout.ALIVE]) & self.bits) != 0

    def place(self, labels: Labels, node: int, columns: Any) -> None:
        w = self.slot[node]
        shape = labels.s[Layout.SHAPE, columns]
        labels.s[self.layout.tile[w], columns] = shape
        own = np.zeros(len(shape), dtype=np.int64)
        for v in np.flatnonzero(self.space.tensors[self.space.nodes[node].tensor].relevant).tolist():
            own += self.lattice.digits[v, shape] * self.lattice.strides[v]
        labels.s[self.layout.code[w], columns] = mix(own * 64 + node + 1)
        labels.s[self.layout.noted[w], columns] = 0
        labels.f[self.layout.asked[w], columns] = 0
        labels.f[self.layout.waits[w], columns] = 0

    # -- words -------------------------------------------------------------------------------------------------

    def children(self, s: Ints, window: Window, arrays: range) -> tuple[list[Ints], list[Ints]]:
        """Return (steps, counts) of the instances of arrays along a window."""
        steps, counts = [], []
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            for a in arrays:
                steps.append(abs(c) * self.lattice.tile[v][s[self.layout.below[a]]].astype(np.int64))
                counts.append(self.space.arrays[a].factors[s[self.layout.way[a]], v])
        return steps, counts

    def span(self, s: Ints, v: int, arrays: range) -> Floats:
        """Distance between the first and the last instance along ``v``."""
        total = np.zeros(s.shape[1])
        for a in arrays:
            factor = self.space.arrays[a].factors[s[self.layout.way[a]], v]
            total += self.lattice.tile[v][s[self.layout.below[a]]] * (factor - 1)
        return total

    def slide(
        self, s: Ints, node: int, low: Ints, moving: Ints | None, segment: int, upto: int
    ) -> tuple[Floats, Floats, Ints]:
        """Return (words together, words kept, hash of the distance) of one move.

        Of the instances of arrays from the node's up to ``upto`` together. ``low`` is the shape below the loop that
        moves, ``moving`` its rank variable (null: no move; then only the first result means something).
        """
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        memory = self.space.memories[plan.memory]
        tile = s[self.layout.tile[self.slot[node]]]
        together = np.ones(s.shape[1])
        inside = range(memory.segment, upto)
        for v in tensor.plain:
            together *= self.lattice.tile[v][tile]
            for a in inside:
                together *= self.space.arrays[a].factors[s[self.layout.way[a]], v]
        kept = together.copy()
        still = np.ones(s.shape[1], dtype=bool)
        distance = np.zeros(s.shape[1], dtype=np.int64)
        for window in tensor.windows:
            shift = np.zeros(s.shape[1])
            for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                if moving is not None:
                    reach = self.lattice.tile[v][tile] + self.span(s, v, range(memory.segment, segment))
                    shift += c * np.where(moving == v, reach, reach - self.lattice.tile[v][low])
            whole = shift.astype(np.int64)
            union, stays = self._together(s, window, tile, inside, whole, memory.fetch)
            together *= union
            kept *= stays
            still &= whole == 0
            distance = mix(distance ^ whole)
        if memory.refetch:
            kept = np.where(still, together, 0.0)
        return together, kept, distance

    def _together(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: Ints, box: bool
    ) -> tuple[Floats, Floats]:
        """Return (words together, words that no instance has to be sent after a move) along one window."""
        at = tuple(self.lattice.digits[v, tile] for v in window.rank_variables)
        own, length = (table[at] for table in self.tables(window, box))
        by = np.abs(shift)
        # an interval brings in its end; what more there is to say needs a closer look
        union, asked = own.copy(), np.minimum(by, length).astype(np.float64)
        closer = (own != length) & (by > 0)
        for v in window.rank_variables:
            for a in inside:
                closer |= self.space.arrays[a].factors[s[self.layout.way[a]], v] > 1
        columns = np.flatnonzero(closer)
        if len(columns):
            union[columns], asked[columns] = self._closer(
                s[:, columns], window, tile[columns], inside, shift[columns], box
            )
        return union, union - asked

    def tables(self, window: Window, box: bool) -> tuple[Floats, Floats]:
        """Return (words, distance from the first to the last) of every tile along a window, by divisor indices."""
        return self.space.window_table(window, box), self.space.window_table(window, True)

    def _closer(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: Ints, box: bool
    ) -> tuple[Floats, Floats]:
        """Return (words together, words asked for after a move) of tiles with gaps, or of several instances."""
        pairs = list(zip(window.rank_variables, window.coefficients, strict=True))
        extents = np.stack([self.lattice.tile[v][tile] for v, _ in pairs]).astype(np.int64)
        grains = np.array([[abs(c)] for _, c in pairs])
        length = 1 + (grains * (extents - 1)).sum(axis=0)
        steps, counts = np.broadcast_to(grains, extents.shape).copy(), extents.copy()
        if box:
            steps[0], counts[0], counts[1:] = 1, length, 1
        own = self.tables(window, box)[0][tuple(self.lattice.digits[v, tile] for v, _ in pairs)]
        more_steps, more_counts = self.children(s, window, inside)
        no_steps = np.empty((0, len(tile)), dtype=np.int64)
        more = np.stack(more_steps) if more_steps else no_steps
        instances = np.stack(more_counts) if more_counts else no_steps

        def exactly(column: int) -> tuple[int, int]:
            return self._exactly(s, window, tile, inside, int(shift[column]), box, column)

        union = sumset.sizes(
            np.concatenate((steps, more)), np.concatenate((counts, instances)), lambda column: exactly(column)[0]
        )
        by = np.abs(shift)
        dense = own == length
        single = ((counts > 1).sum(axis=0) == 1) & ~dense
        grain = np.maximum(np.where(counts > 1, steps, 0).max(axis=0), 1)
        # what a move brings in: the end of an interval or of a progression, or all of it
        partial = single & (np.mod(by, grain) == 0) & (by < length)
        fresh = np.where((counts > 1) & partial, by // grain, counts)
        fresh = np.where(dense, 1, fresh)
        fresh[0] = np.where(dense, np.minimum(by, length), fresh[0])
        steps[0] = np.where(dense, 1, steps[0])

        def asked_exactly(column: int) -> int:
            together, stays = exactly(column)
            return together - stays

        asked = sumset.sizes(np.concatenate((steps, more)), np.concatenate((fresh, instances)), asked_exactly)
        asked[by == 0] = 0.0
        for column in np.flatnonzero(~dense & ~single & (by < length) & (by > 0)).tolist():
            asked[column] = asked_exactly(column)
        return union, asked

    def _exactly(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: int, box: bool, column: int
    ) -> tuple[int, int]:
        """Count coordinate by coordinate."""
        terms, generators = [], []
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            terms.append((c, int(self.lattice.tile[v][tile[column]])))
            for a in inside:
                factor = int(self.space.arrays[a].factors[s[self.layout.way[a], column], v])
                if factor > 1:
                    generators.append((c * int(self.lattice.tile[v][s[self.layout.below[a], column]]), factor))
        return windows.union_and_kept(tuple(terms), tuple(generators), shift, box)

    def words(self, s: Ints, node: int, low: Ints, moving: Ints | None, segment: int, upto: int) -> Floats:
        """Return the new words of one move, after merging over the arrays inside of ``upto``, per parent there."""
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        start = self.space.memories[plan.memory].segment
        merged = start
        while merged < upto and self.space.arrays[merged].merges and not self.space.arrays[merged].tiles_only:
            merged += 1
        together, kept, _ = self.slide(s, node, low, moving, segment, merged)
        found = together if moving is None else together - kept
        for a in range(merged, upto):
            array = self.space.arrays[a]
            if merged != start:
                msg = "arrays that merge differently between two holders of a sliding window"
                raise UnsupportedError(msg)
            ways = s[self.layout.way[a]]
            if not array.merges:
                found = found * array.product[ways]
                continue
            if upto - start > 1:
                msg = "nested arrays that share whole tiles of a sliding window only"
                raise UnsupportedError(msg)
            for v in tensor.plain:
                found = found * array.factors[ways, v]
            for window in tensor.windows:
                found = found * self.different(s, window, range(a, a + 1))
        return found

    def different(self, s: Ints, window: Window, arrays: range) -> Floats:
        """Return how many instances along a window work on different tiles."""
        steps, counts = self.children(s, window, arrays)

        def exactly(column: int) -> int:
            return windows.distinct_offsets(
                tuple((int(d[column]), int(n[column])) for d, n in zip(steps, counts, strict=True))
            )

        return sumset.sizes(np.stack(steps), np.stack(counts), exactly)

    # -- charges -----------------------------------------------------------------------------------------------

    def pay(
        self, labels: Labels, columns: Any, node: int, weight: Floats, low: Ints, moving: Ints | None, segment: int
    ) -> None:
        """Charge ``weight`` moves (over all instances of what is above), or as many whole tiles."""
        space = self.space
        plan = space.nodes[node]
        memory = space.memories[plan.memory]
        s = labels.s[:, columns]
        settlement = self.combinations.settlements[segment]
        parent = settlement.parent[node][s[Layout.COMBO]]
        outer = settlement.outer[node][s[Layout.COMBO]]
        outside = np.ones(s.shape[1])
        words: dict[int, Floats] = {}
        for upto in range(segment, memory.segment - 1, -1):
            if upto == memory.segment or (outer >= upto).any():
                words[upto] = self.words(s, node, low, moving, segment, upto) * weight * outside
            if upto > memory.segment:
                outside = outside * space.arrays[upto - 1].product[s[self.layout.way[upto - 1]]]
        costs: dict[int, Floats] = {}
        here = (plan.tensor, plan.memory)
        fills, reads = (space.prices.flow[flow][:, *here] for flow in ("fill", "read"))
        self._charge(costs, s, fills[:, parent], words[memory.segment], segment)
        for a in range(memory.segment, min(segment + 1, self.top)):
            if (outer > a).any():
                hops = space.prices.hop[:, a, *here]
                if hops.any():
                    self._charge(costs, s, hops[:, parent], np.where(outer > a, words[a], 0.0), segment)
        for m in np.unique(parent).tolist():
            above = space.memories[m]
            if above.segment <= segment:
                sent = np.where(parent == m, words[above.segment], 0.0)
                self._charge(costs, s, reads[:, m], sent, segment)
        for row, cost in costs.items():
            labels.f[row, columns] += cost
        waiting = outer > segment
        if waiting.any():
            labels.f[self.layout.waits[self.slot[node]], columns] += np.where(waiting, words[memory.segment], 0.0)

    def _charge(self, costs: dict[int, Floats], s: Ints, prices: Floats, words: Floats, segment: int) -> None:
        """Add what words cost, by prices of (rows) or (rows, labels)."""
        inside = self.space.prices.segments
        for k, (row, price) in enumerate(zip((Layout.ENERGY, *self.layout.limit), prices, strict=True)):
            if not price.any():
                continue
            cost = words * price
            if k:
                for a in range(inside[k - 1], segment):
                    cost = cost / self.space.arrays[a].product[s[self.layout.way[a]]]
            costs[row] = costs[row] + cost if row in costs else cost

    def die(self, labels: Labels, columns: Any, node: int, shape: Ints, segment: int) -> None:
        """Settle a sliding tile of which nothing is left whenever it moves from now on."""
        if not len(columns):
            return
        times = self.lattice.repeats[shape]
        self.pay(labels, columns, node, times, shape, None, segment)
        bit = self.space.nodes[node].bit
        labels.s[Layout.OPEN, columns] &= ~bit
        labels.s[Layout.ALIVE, columns] &= ~bit
        w = self.slot[node]
        settlement = self.combinations.settlements[segment]
        waiting = settlement.outer[node][labels.s[Layout.COMBO, columns]] > segment
        labels.f[self.layout.asked[w], columns] += np.where(waiting, times, 0.0)
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
            times = (steps - 1) * self.lattice.repeats[shape]
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

        Moves that keep nothing differ by their number alone; the others by how far they go, too.
        """
        settlement = self.combinations.settlements[segment]
        waiting = settlement.outer[node][labels.s[Layout.COMBO, columns]] > segment
        if not waiting.any():
            return
        columns, times, low, moving = columns[waiting], times[waiting], low[waiting], moving[waiting]
        w = self.slot[node]
        _, kept, distance = self.slide(labels.s[:, columns], node, low, moving, segment, self.segment_of[node])
        keeps = kept > 0
        labels.f[self.layout.asked[w], columns] += np.where(keeps, 0.0, times)
        number = mix(mix(times.view(np.int64)) ^ distance)
        with np.errstate(over="ignore"):
            labels.s[self.layout.noted[w], columns] += np.where(keeps, number, 0)

    # -- across an array ---------------------------------------------------------------------------------------

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
                sent = self.sent(new.s[:, sample], new.f[layout.asked[w], sample], i, array, parents[sample])
                words = sent[inverse] / space.arrays[array].product[ways]
                parent = settlement.parent[i][new.s[Layout.COMBO, waiting]]
                s = new.s[:, waiting]
                costs: dict[int, Floats] = {}
                reads = space.prices.flow["read"][:, tensor, space.nodes[i].memory, parent]
                self._charge(costs, s, reads, words, array + 1)
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

    def sent(self, s: Ints, asked: Floats, node: int, array: int, parents: Ints) -> Floats:
        """Return the words that an array asks its parents for, over all of them, for the moves made below it."""
        start = self.segment_of[node]
        shape = s[Layout.SHAPE]
        total = asked * self.words(s, node, shape, None, start, array + 1)
        noted = s[self.layout.noted[self.slot[node]]] != 0
        if not noted.any():
            return total
        tensor = self.space.tensors[self.space.nodes[node].tensor]
        bit = self.space.nodes[node].bit
        rows = self.history.rows
        steps = []
        now = np.where(noted, parents, -1)
        while True:
            before = np.where(now >= 0, rows[History.PARENT, now], -1)
            inside = (before >= 0) & ((rows[History.TODO, before] & bit) == 0)
            if not inside.any():
                break
            now, before = np.where(inside, now, 0), np.where(inside, before, 0)
            loop = inside & (rows[History.KIND, now] == GROW)
            if loop.any():
                steps.append((loop, rows[History.SHAPE, before], rows[History.SHAPE, now]))
            now = np.where(inside, before, -1)
        alive = np.zeros(len(shape), dtype=bool)
        dead = ~noted
        plain, windowed = np.zeros(self.lattice.count, dtype=bool), np.zeros(self.lattice.count, dtype=bool)
        plain[list(tensor.plain)] = windowed[list(tensor.windowed)] = True
        for loop, low, high in reversed(steps):
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
            total[part] += times[part] * self.words(s[:, part], node, low[part], v[part], start, array + 1)
        return total

    def bare(self, new: Labels, columns: Any, tensor: int, array: int) -> Floats:
        """Return by what merging divides the words that compute instances ask for at every step."""
        space = self.space
        plan = space.tensors[tensor]
        plan_array = space.arrays[array]
        s = new.s[:, columns]
        ways = s[self.layout.way[array]]
        if not plan_array.merges:
            return np.ones(len(ways))
        for a in range(array):
            if (space.arrays[a].product[s[self.layout.way[a]]] > 1).any():
                msg = "a sliding window below nested arrays"
                raise UnsupportedError(msg)
        union = np.ones(len(ways))
        for v in plan.plain:
            union *= plan_array.factors[ways, v]
        for window in plan.windows:
            union *= self.different(s, window, range(array, array + 1))
        divisor: Floats = plan_array.product[ways] / union
        return divisor
