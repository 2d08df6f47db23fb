"""Bounds of labels below an array: for each way to spread the arrays to come, what has to cross them at least.

What a label carries across is a row of numbers (``Inputs``), what a way makes of it a row of coefficients
(``Choices``), and the energy and the cycles of each limit are their products. On top of that come the nodes above the
last array.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.bound_above import Above
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.settlement import Combinations, Effect, Settlement, Sharing
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space, Window

MOST_CHOICES = 100_000
"""Ways to spread the arrays to come, times choices of what is kept, that are looked at one by one; of more, each
quantity has a least value of its own."""
MOST_WAYS = 300
"""Ways to spread of which it is looked up where they fit and what the shape above the array says, label by label."""
FAVOURITES = 8
"""Choices that are tried before all others, as one that may be better is enough to keep a label."""
MOST_KEPT = 20_000_000
"""Numbers that ``Outside`` keeps for one set of nodes to come."""
COMPARED = 20_000_000
"""Coefficients that are compared at most to leave out choices."""


@dataclass(frozen=True)
class Choices:
    """How the arrays to come may be spread."""

    values: Floats
    """(kinds, energy and limits, inputs, choices)."""
    divisor: Floats
    """(choices): instances over which compute cycles are divided."""
    shares: Floats
    """(limits, choices): instances over which the cycles of each limit are divided."""
    along: Floats
    """(rank variables, choices): instances of the next array that may share words of a window."""
    ways: Ints | None
    """(choices): the way to spread the one array to come; null where a choice stands for several."""

    def __len__(self) -> int:
        return len(self.divisor)

    def take(self, chosen: Ints) -> Choices:
        return Choices(
            np.ascontiguousarray(self.values[..., chosen]),
            self.divisor[chosen],
            np.ascontiguousarray(self.shares[:, chosen]),
            np.ascontiguousarray(self.along[:, chosen]),
            None if self.ways is None else self.ways[chosen],
        )

    def least(self, starts: Ints) -> Choices:
        """Return one choice for each group, no worse than any of it."""
        return Choices(
            np.minimum.reduceat(self.values, starts, axis=-1),
            np.maximum.reduceat(self.divisor, starts),
            np.maximum.reduceat(self.shares, starts, axis=-1),
            np.minimum.reduceat(self.along, starts, axis=-1),
            None,
        )

    def features(self, windowed: list[int]) -> Floats:
        """Return (features, choices): a choice that is no less in any of them is no better."""
        rows = [self.values.reshape(-1, len(self)), 1 / self.divisor[None], 1 / self.shares, self.along[windowed]]
        return np.concatenate(rows)


@dataclass(frozen=True)
class Carried:
    """What labels carry across the arrays to come."""

    inputs: Floats
    """(inputs, labels)."""
    kinds: Ints
    to_come: Floats
    """(energy and limits, labels): of nodes above the last array, at the shapes below it."""
    reach: Floats
    """(sliding ranks, labels): how far tiles of neighbouring instances are apart; 1: with nothing in common."""

    def take(self, rows: Ints) -> Carried:
        return Carried(self.inputs[:, rows], self.kinds[rows], self.to_come[:, rows], self.reach[:, rows])

    def times(self, values: Floats, rows: range) -> Floats:
        """Return (labels, choices): some of the inputs times (kinds, inputs, choices)."""
        inputs = self.inputs[rows.start : rows.stop]
        values = values[:, rows.start : rows.stop]
        if len(self.alike) == 1:
            return product(inputs, values[self.alike[0][0]])
        found = np.empty((inputs.shape[1], values.shape[-1]))
        for kind, labels in self.alike:
            found[labels] = product(inputs[:, labels], values[kind])
        return found

    @cached_property
    def alike(self) -> list[tuple[int, Ints]]:
        """Kinds, and the labels of each."""
        return [(kind, np.flatnonzero(self.kinds == kind)) for kind in np.unique(self.kinds).tolist()]


@dataclass(frozen=True)
class SlidingRank:
    """One rank variable of a window of a sliding tile."""

    slot: int
    window: Window
    rank_variable: int
    coefficient: int


class Inputs:
    """What a label carries: the rows of ``Carried.inputs``."""

    def __init__(self, space: Space, sliding: Sliding, top: int) -> None:
        self.space = space
        tensors = len(space.tensors)
        self.nodes = [i for i in range(len(space.nodes)) if sliding.segment_of[i] < top]
        plain = [i for i in self.nodes if i not in sliding.slot]
        self.lasts = sorted({space.nodes[i].tensor for i in plain})
        """Tensors of which a plain tile may be the last one that closes."""
        self.reads = range(tensors)
        """Reads of each tensor that wait for their parent."""
        self.updates = tensors
        self.waiting = range(tensors + 1, tensors + 1 + len(sliding.nodes))
        """Words of each sliding tile that wait."""
        self.crossing = range(self.waiting.stop, self.waiting.stop + len(self.nodes))
        """Whether each node is to come, or the sliding tile in it open."""
        self.one = self.crossing.stop
        self.plain = plain
        self.open = [
            range(start, start + len(plain))
            for start in range(self.one + 1, self.one + 1 + len(plain) * len(self.lasts), max(1, len(plain)))
        ]
        """For each of ``lasts``, if it closes last: words of each plain tile that is open."""
        self.count = self.one + 1 + len(plain) * len(self.lasts)
        self.sliding_nodes = set(sliding.slot)

    def of(self, labels: Labels, layout: Layout, against: list[list[Floats]]) -> Floats:
        """Return (inputs, labels)."""
        nodes = self.space.nodes
        todo, opened, shape = labels.s[Layout.TODO], labels.s[Layout.OPEN], labels.s[Layout.SHAPE]
        found = np.empty((self.count, labels.n))
        found[self.reads.start : self.reads.stop] = labels.f[layout.block(layout.reads)]
        found[self.updates] = labels.f[Layout.UPDATES]
        found[self.waiting.start : self.waiting.stop] = labels.f[layout.block(layout.waits)]
        for row, i in zip(self.crossing, self.nodes, strict=True):
            found[row] = ((todo | opened if i in self.sliding_nodes else todo) & nodes[i].bit) != 0
        found[self.one] = 1.0
        for last, rows in zip(self.lasts, self.open, strict=True):
            for row, i in zip(rows, self.plain, strict=True):
                found[row] = np.where(opened & nodes[i].bit, against[last][nodes[i].tensor][shape], 0.0)
        return found


class Coefficients:
    """What each way to spread the arrays to come makes of what labels carry, for each choice of what is kept."""

    def __init__(
        self, space: Space, layout: Layout, combinations: Combinations, sliding: Sliding, inputs: Inputs, segment: int
    ) -> None:
        self.space, self.layout, self.inputs, self.sliding = space, layout, inputs, sliding
        self.segment, self.top = segment, len(space.arrays)
        counts = [len(a.factors) for a in space.arrays[segment:]]
        self.choices: Ints | None = None
        """(choices, arrays to come): ways; null where they are too many."""
        if math.prod(counts) * len(space.keeps) <= MOST_CHOICES:
            every = list(itertools.product(*(range(n) for n in counts)))
            self.choices = np.array(every, dtype=np.int64).reshape(-1, len(counts))
        self.rows = 1 if self.choices is None else len(self.choices)
        self.kept = np.array(space.keeps, dtype=np.int64)
        self.n = self.rows * len(self.kept)
        self.sharing = self._sharing(combinations.sigma)
        many = (len(self.kept), 1, 1)
        self.tiled = Sharing(
            np.tile(self.sharing.least, many),
            np.tile(self.sharing.most, many),
            np.tile(self.sharing.instances, many[:2]),
        )
        self.values = np.zeros((space.prices.rows, inputs.count, self.n))
        self.stages = [self._settlement(s) for s in range(segment + 1, self.top + 1)]
        self._waiting_words()
        self._sliding_words()
        self._crossing_nodes()

    def by_kind(self) -> tuple[Floats, dict[int, int]]:
        """Return ((kinds, energy and limits, inputs, choices), what is kept → kind); like ones are one kind."""
        outputs, inputs = self.values.shape[:2]
        values = self.values.reshape(outputs, inputs, len(self.kept), self.rows).transpose(2, 0, 1, 3)
        flat = values.reshape(len(self.kept), outputs * inputs * self.rows)
        first = different(flat)
        kinds = {flat[i].tobytes(): kind for kind, i in enumerate(first.tolist())}
        return np.ascontiguousarray(values[first]), {
            int(kept): kinds[row.tobytes()] for kept, row in zip(self.kept, flat, strict=True)
        }

    def every(self, values: Floats) -> Choices:
        """Return all choices, with these values."""
        instances = self.sharing.instances
        shares = [instances[:, max(self.segment, inside) :].prod(axis=1) for inside in self.space.prices.segments]
        along, ways = np.ones((len(self.space.names), self.rows)), None
        if self.choices is not None:
            array = self.space.arrays[self.segment]
            if array.merges:
                along = array.factors[self.choices[:, 0]].T.astype(np.float64)
            if self.choices.shape[1] == 1:
                ways = self.choices[:, 0]
        limits = np.array(shares).reshape(len(shares), self.rows)
        return Choices(values, instances[:, self.segment :].prod(axis=1), limits, along, ways)

    def _sharing(self, sigma: list[Floats]) -> Sharing:
        """Instances that want the same tile: of arrays that are spread already, and of too many ways, at most."""
        shape = (self.rows, self.top, len(self.space.tensors))
        least, most, instances = np.ones(shape), np.ones(shape), np.ones(shape[:2])
        for a, array in enumerate(self.space.arrays):
            if not len(array.factors):
                continue
            if self.choices is None or a < self.segment:
                most[:, a] = sigma[a].max(axis=0)
                instances[:, a] = array.product.max()
            else:
                ways = self.choices[:, a - self.segment]
                least[:, a] = most[:, a] = sigma[a][ways]
                instances[:, a] = array.product[ways]
        return Sharing(least, most, instances)

    def _settlement(self, segment: int) -> Settlement:
        whole = self.tiled
        inside = Sharing(whole.least[:, :segment], whole.most[:, :segment], whole.instances[:, :segment])
        return Settlement(self.space, self.layout, segment, np.repeat(self.kept, self.rows), inside)

    def _add(self, row: int, effect: Effect, amount: Any, stage: Settlement) -> None:
        """Add what a stage settles; the instances outside of it share the cycles of ports."""
        outside = self.tiled.instances[:, stage.segment :].prod(axis=1)
        for target, coefficient in effect:
            if target == Layout.ENERGY:
                self.values[0, row] += coefficient * amount
            elif target in self.layout.limit:
                self.values[target - self.layout.limit.start + 1, row] += coefficient * amount / outside

    def _waiting_words(self) -> None:
        """Reads and updates that wait: merged by each array until they come to their holder."""
        for t, tensor in enumerate(self.space.tensors):
            for updates in (False, True) if tensor.output else (False,):
                amount: Any = np.ones(self.n)
                for stage in self.stages:
                    a = stage.segment - 1
                    array = self.space.arrays[a]
                    if tensor.windows:
                        amount = amount / self._overlap(t, a, points=True)
                    elif array.reduces if updates else array.merges:
                        amount = amount / self.tiled.most[:, a, t]
                    row, effect = (self.inputs.updates, stage.updates) if updates else (t, stage.reads[t])
                    self._add(row, effect, amount, stage)
                    amount = np.where(stage.settled[t], 0.0, amount)

    def _sliding_words(self) -> None:
        """Words of sliding tiles that wait, shared by as many instances as may be."""
        space, last = self.space, self.stages[-1]
        for row, i in zip(self.inputs.waiting, self.sliding.nodes, strict=True):
            node = space.nodes[i]
            amount = np.ones(self.n)
            for a in range(self.segment, self.top):
                amount = np.where(last.outer[i] > a, amount / self._overlap(node.tensor, a), amount)
            read = space.prices.flow["read"][:, node.tensor, node.memory, last.parent[i]]
            self.values[0, row] += amount * read[0]
            for k, inside in enumerate(space.prices.segments):
                instances = self.tiled.instances[:, inside:].prod(axis=1)
                self.values[k + 1, row] += amount * read[k + 1] / instances

    def _crossing_nodes(self) -> None:
        """Nodes to come cross once, plain tiles that are open as often as the last one that closes makes them."""
        space, last, inputs = self.space, self.stages[-1], self.inputs
        for row, i in zip(inputs.crossing, inputs.nodes, strict=True):
            self._add(row, last.close[i], space.tensors[space.nodes[i].tensor].words, last)
        self._add(inputs.one, last.first_touches, 1.0, last)
        for tensor, rows in zip(inputs.lasts, inputs.open, strict=True):
            for row, i in zip(rows, inputs.plain, strict=True):
                idle = space.tensors[space.nodes[i].tensor].idle & space.tensors[tensor].relevant
                self._add(row, last.close[i], 1 / self._spread_along(idle), last)

    def _spread_along(self, variables: Any) -> Floats:
        """Instances along rank variables, over the arrays to come: at most, where ways are too many."""
        found = np.ones(self.n)
        for a in range(self.segment, self.top):
            found = found * self._of_choices(self.space.arrays[a].factors[:, variables].prod(axis=1), a)
        return found

    def _overlap(self, tensor: int, array: int, *, points: bool = False) -> Floats:
        """Instances over which words of a window may be shared at most (of tiles of one point: less)."""
        plan, ways = self.space.tensors[tensor], self.space.arrays[array]
        if not ways.merges:
            return np.ones(self.n)
        others = [v for v in range(len(self.space.names)) if v not in plan.plain]
        share = ways.factors[:, others].prod(axis=1).astype(np.float64)
        if points:
            for window in plan.windows:
                share = share / ways.factors[:, list(window.rank_variables)].max(axis=1)
        return self._of_choices(share, array)

    def _of_choices(self, of_ways: Any, array: int) -> Floats:
        """Return (choices of what is kept and of ways) for numbers of the ways of one array to come."""
        if not len(of_ways):
            return np.ones(self.n)
        if self.choices is None:
            return np.full(self.n, float(of_ways.max()))
        chosen: Floats = of_ways[self.choices[:, array - self.segment]].astype(np.float64)
        return np.tile(chosen, len(self.kept))


class Across:
    """Bounds of labels in one segment below an array."""

    def __init__(
        self,
        space: Space,
        lattice: Lattice,
        layout: Layout,
        combinations: Combinations,
        sliding: Sliding,
        above: Above,
        segment: int,
    ) -> None:
        self.space, self.lattice, self.layout, self.sliding = space, lattice, layout, sliding
        self.above, self.segment = above, segment
        self.steps = lattice.steps(segment)
        self.outside = Outside(lattice, above, self.steps)
        self.inputs = Inputs(space, sliding, len(space.arrays))
        coefficients = Coefficients(space, layout, combinations, sliding, self.inputs, segment)
        values, self.kind_of = coefficients.by_kind()
        self.every = coefficients.every(values)
        """All ways to spread."""
        self.few, self.coarse = thinned(self.every, sorted({v for t in self.space.tensors for v in t.windowed}))
        """Those of which no other one is better in every coefficient; and the least values of groups of them."""
        looked_up = self.every.ways is not None and len(self.every) <= MOST_WAYS
        self.detailed = self.every if looked_up else self.few
        """Those by which labels are judged in the end."""
        self.served = np.zeros(len(self.detailed), dtype=np.int64)
        """How often each choice was the best one for a label."""
        self.favourites: Ints = np.empty(0, dtype=np.int64)
        self.sliding_ranks = [
            SlidingRank(slot, window, v, c)
            for slot, i in enumerate(self.sliding.nodes)
            for window in self.space.tensors[self.space.nodes[i].tensor].windows
            for v, c in zip(window.rank_variables, window.coefficients, strict=True)
        ]

    def bounds(self, labels: Labels, *, quick: bool = False) -> tuple[Floats, Floats]:
        """Return (energy, latency) of each label for each choice that may be best (or for groups of them)."""
        return self._with_limits(labels, self.carried(labels), self.coarse if quick else self.few)

    def of_ways(self, labels: Labels) -> tuple[Floats, Floats]:
        """Return (energy, latency) of each label for each way to spread the one array to come; infinite: no fit."""
        return self._with_limits(labels, self.carried(labels), self.every)

    def hopeful(self, labels: Labels, capacity: Floats, incumbents: Incumbents) -> Any:
        """Whether a completion of each label may be better than what is known."""
        found = np.zeros(labels.n, dtype=bool)
        carried = self.carried(labels)
        rows = np.arange(labels.n)

        def alive(choices: Choices, *, limits: bool) -> tuple[Any, Floats]:
            part, mine = (labels, carried) if len(rows) == labels.n else (labels.take(rows), carried.take(rows))
            energy, latency = (self._with_limits if limits else self._computed)(part, mine, choices)
            bits = np.broadcast_to(capacity[rows][:, None], energy.shape)
            hope = ~incumbents.beaten(energy, latency, bits)
            return hope, np.where(hope, energy, np.inf)

        # most labels are settled by the least values of groups of choices, or by a choice that served others well
        if len(self.coarse) < len(self.detailed):
            rows = rows[alive(self.coarse, limits=False)[0].any(axis=1)]
            if len(rows) and len(self.favourites):
                hope = alive(self.detailed.take(self.favourites), limits=True)[0].any(axis=1)
                found[rows[hope]] = True
                rows = rows[~hope]
        for limits in (False, True) if self.layout.limit else (True,):
            if not len(rows):
                break
            hope, energy = alive(self.detailed, limits=limits)
            some = hope.any(axis=1)
            rows = rows[some]
            if limits and len(rows):
                found[rows] = True
                self.served += np.bincount(energy[some].argmin(axis=1), minlength=len(self.served))
                self.favourites = np.sort(np.argsort(-self.served, kind="stable")[:FAVOURITES])
        return found

    def carried(self, labels: Labels) -> Carried:
        to_come = np.zeros((1 + len(self.layout.limit), labels.n))
        self.above.add_to_come(labels, to_come)
        unique, inverse = np.unique(labels.s[Layout.KEPT], return_inverse=True)
        kinds = np.array([self.kind_of[int(kept)] for kept in unique], dtype=np.int64)
        return Carried(
            self.inputs.of(labels, self.layout, self.above.against),
            kinds[inverse.ravel()],
            to_come,
            self._reach(labels),
        )

    def _computed(self, labels: Labels, carried: Carried, choices: Choices) -> tuple[Floats, Floats]:
        """Return (energy, latency) as far as the latency is that of the compute instances."""
        energy = self._crossed(carried, choices, 0)
        energy += labels.f[Layout.ENERGY][:, None]
        if choices.ways is None:
            energy += carried.to_come[0][:, None]
        else:
            energy += self.outside.energy(labels, choices.ways)
        latency: Floats = labels.f[Layout.CYCLES][:, None] / choices.divisor
        if self.space.leak_pj_per_cycle:
            energy += self.space.leak_pj_per_cycle * latency
        return energy, latency

    def _with_limits(self, labels: Labels, carried: Carried, choices: Choices) -> tuple[Floats, Floats]:
        """Return (energy, latency)."""
        energy, computed = self._computed(labels, carried, choices)
        latency = computed
        for k, row in enumerate(self.layout.limit):
            cycles = self._crossed(carried, choices, k + 1)
            cycles += labels.f[row][:, None] / choices.shares[k]
            cycles += carried.to_come[k + 1][:, None]
            latency = np.maximum(latency, cycles)
        if self.space.leak_pj_per_cycle:
            energy += self.space.leak_pj_per_cycle * (latency - computed)
        return energy, latency

    def _crossed(self, carried: Carried, choices: Choices, output: int) -> Floats:
        """Return what the labels carry times the coefficients, with the best plain tile that is open closing last."""
        values, inputs = choices.values[:, output], self.inputs
        total = carried.times(values, range(inputs.waiting.start))
        total += carried.times(values, range(inputs.waiting.stop, inputs.one + 1))
        for slot, row in enumerate(inputs.waiting):
            if carried.inputs[row].any():
                total += carried.times(values, range(row, row + 1)) * self._apart(carried, choices, slot)
        best: Floats | None = None
        for last, rows in zip(inputs.lasts, inputs.open, strict=True):
            own = [row for row, i in zip(rows, inputs.plain, strict=True) if self.space.nodes[i].tensor == last]
            possible = carried.inputs[own].any(axis=0)
            if possible.any():
                closing = carried.times(values, rows)
                closing[~possible] = np.inf
                best = closing if best is None else np.minimum(best, closing)
        if best is not None:
            best[np.isinf(best[:, 0])] = 0.0  # nothing is open
            total += best
        return total

    def _reach(self, labels: Labels) -> Floats:
        """Return by how much of their length tiles of neighbouring instances are apart at least."""
        found = np.ones((len(self.sliding_ranks), labels.n))
        shape = labels.s[Layout.SHAPE]
        for row, rank in zip(found, self.sliding_ranks, strict=True):
            node = self.space.nodes[self.sliding.nodes[rank.slot]]
            tile = labels.s[self.layout.tile[rank.slot]]
            at = tuple(self.lattice.digits[u, tile] for u in rank.window.rank_variables)
            own, length = (t[at] for t in self.sliding.tables(rank.window, self.space.memories[node.memory].fetch))
            apart = abs(rank.coefficient) * self.lattice.tile[rank.rank_variable, shape] / length
            # tiles with gaps may interleave without a word in common, or have all in common
            row[:] = np.where(own == length, np.minimum(apart, 1.0), apart >= 1.0)
        return found

    def _apart(self, carried: Carried, choices: Choices, slot: int) -> Any:
        """Return (labels, choices): at least so many times the words of one tile have the instances along windows.

        Two tiles of length L at a distance d have min(d, L) words of their own, and what moves bring in shares no more
        than the tiles do. Of two rank variables of a window only the one that separates more counts: together their
        instances may coincide.
        """
        best: dict[Window, Any] = {}
        for reach, rank in zip(carried.reach, self.sliding_ranks, strict=True):
            more = choices.along[rank.rank_variable] - 1
            if rank.slot == slot and more.any():
                copies = 1 + reach[:, None] * more
                known = best.get(rank.window)
                best[rank.window] = copies if known is None else np.maximum(known, copies)
        total: Any = 1.0
        for copies in best.values():
            total = total * copies
        return total


class Outside:
    """Least energy of the nodes above the one array to come, for tile shapes below it and ways to spread it.

    Rows are worked out when they are asked for, and kept.
    """

    def __init__(self, lattice: Lattice, above: Above, steps: list[Ints]) -> None:
        self.lattice, self.above, self.steps = lattice, above, steps
        self.ways = np.arange(steps[0].shape[1])
        self.known: dict[int, tuple[Ints, Floats]] = {}
        """Nodes to come (bits) → (row of each shape or -1, rows)."""

    def energy(self, labels: Labels, ways: Ints) -> Floats:
        """Return (labels, ways); infinite where a way does not fit."""
        todo, shape = labels.s[Layout.TODO] & self.above.bits, labels.s[Layout.SHAPE]
        keys = np.unique(todo).tolist()
        if len(keys) == 1:
            return self._rows(keys[0], shape, ways)
        found = np.empty((labels.n, len(ways)))
        for key in keys:
            mine = np.flatnonzero(todo == key)
            found[mine] = self._rows(key, shape[mine], ways)
        return found

    def _rows(self, key: int, shape: Ints, ways: Ints) -> Floats:
        place, rows = self.known.get(key) or (np.full(self.lattice.shapes, -1), np.empty((0, len(self.ways))))
        missing = np.unique(shape[place[shape] < 0])
        if len(missing):
            if rows.size > MOST_KEPT:
                place[:], rows = -1, rows[:0]
                missing = np.unique(shape)
            place[missing] = len(rows) + np.arange(len(missing))
            rows = np.concatenate((rows, self._worked_out(key, missing)))
            self.known[key] = place, rows
        at = place[shape]
        found: Floats = rows[at] if len(ways) == len(self.ways) else rows[at[:, None], ways]
        return found

    def _worked_out(self, key: int, shape: Ints) -> Floats:
        fits, outside = self.lattice.spread(self.steps, shape[:, None], self.ways[None, :])
        found = np.zeros(fits.shape)
        for table in self.above.tables_of(key):
            if 0 in table:
                found += table[0][outside]
        found[~fits] = np.inf
        return found


def product(inputs: Floats, values: Floats) -> Floats:
    """Return (labels, choices) of (inputs, labels) and (inputs, choices)."""
    # a matrix product would do, but most inputs are nothing, and libraries spread small ones over all processors
    same = np.zeros(inputs.shape[1])
    varying = []
    for column, row in zip(inputs, values, strict=True):
        if row[0] == row[-1] and (row == row[0]).all():
            same += column * row[0]
        elif column.any():
            varying.append((column[:, None], row))
    found = np.empty((inputs.shape[1], values.shape[-1]))
    found[:] = same[:, None]
    term = np.empty_like(found)  # once, for large arrays are dear to allocate
    for column, row in varying:
        np.multiply(column, row, out=term)
        found += term
    return found


def different(rows: Floats) -> Ints:
    """Return the places of rows of which each is the first of its like."""
    seen: dict[bytes, int] = {}
    for place, row in enumerate(rows):
        seen.setdefault(row.tobytes(), place)
    return np.array(list(seen.values()), dtype=np.int64)


def thinned(every: Choices, windowed: list[int]) -> tuple[Choices, Choices]:
    """Return the choices of which no other one is better in every coefficient, and the least values of groups."""
    features = every.features(windowed)
    features = features[features.min(axis=1) < features.max(axis=1)]
    features = features[different(features)]
    first = different(np.ascontiguousarray(features.T))
    features = features[:, first]
    kept = np.ones(len(first), dtype=bool)
    if len(first) ** 2 * len(features) < COMPARED:
        for c in range(len(first)):
            no_worse = (features <= features[:, c : c + 1]).all(axis=0)
            no_worse[c] = False
            kept[c] = not (no_worse & kept).any()
    # neighbours have like numbers of instances and like coefficients, so that their least values say something
    order = np.lexsort((*features[:, kept], every.divisor[first[kept]]))
    few = replace(every.take(first[kept][order]), ways=None)
    return few, few.least(np.arange(0, len(few), math.isqrt(len(few) - 1) + 1))
