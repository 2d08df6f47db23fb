"""What each way to spread the arrays to come makes of what labels carry, for each choice of what is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from costmodel.mapper.lattice import windows
from costmodel.mapper.lattice.below_choices import Choices, different
from costmodel.mapper.lattice.below_inputs import Inputs
from costmodel.mapper.lattice.bound_passes import Passes
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.settlement import Combinations, Effect, Settlement, Sharing
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.ways import ArrayPlan

MOST_CHOICES = 100_000
"""Ways to spread the arrays to come, times choices of what is kept, that are looked at one by one; of more, each
quantity has a least value of its own. Measured: QK of GPT-3 on tpu_v4i has 170,000, and takes 4.0 CPU-s with
them, 0.7 with the least values; a convolution on edge_tpu has 32,000, and takes 22 and 36 CPU-s."""


class Inside:
    """How the arrays are spread that are spread already, as far as it matters to what crosses them."""

    def __init__(self, arrays: Sequence[ArrayPlan], sigma: Sequence[Floats], tensors: int, most: int) -> None:
        """``most``: of more that differ nothing is told apart; then each quantity has a least value of its own."""
        rows = [np.column_stack((sigma[a], array.product)) for a, array in enumerate(arrays)]
        different = [np.unique(r, axis=0, return_inverse=True) for r in rows]
        self.sizes = [len(distinct) for distinct, _ in different]
        self.n = math.prod(self.sizes)
        self.row_of: list[Ints] = [inverse.ravel() for _, inverse in different]
        """For each array, which of its rows a way is."""
        if self.n > most:
            self.n, self.sizes = 1, [1] * len(rows)
            self.row_of = [np.zeros(len(r), dtype=np.int64) for r in rows]
            high = np.array([r.max(axis=0, initial=1.0) for r in rows])[None]
            low = np.ones(high.shape)
        else:
            at = np.indices(self.sizes).reshape(len(rows), self.n)
            parts = [distinct[k] for (distinct, _), k in zip(different, at, strict=True)]
            high = low = np.stack(parts, axis=1) if parts else np.ones((1, 0, tensors + 1))
        self.sharing = (low[..., :-1], high[..., :-1], high[..., -1], np.ones(high.shape[:-1]))
        """As of ``Sharing``."""

    def of(self, labels: Labels, layout: Layout) -> Ints:
        """Return (labels): which of them it is."""
        found = np.zeros(labels.n, dtype=np.int64)
        for a, (row_of, size) in enumerate(zip(self.row_of, self.sizes, strict=True)):
            found = found * size + row_of[labels.s[layout.way[a]]]
        return found


class Coefficients:
    """The numbers, with what they come from."""

    def __init__(
        self, space: Space, layout: Layout, combinations: Combinations, sliding: Sliding, inputs: Inputs, segment: int
    ) -> None:
        self.space, self.layout, self.inputs, self.sliding = space, layout, inputs, sliding
        self.segment, self.top = segment, len(space.arrays)
        ways = [self._ways(a) for a in range(segment, self.top)]
        self.choices: Ints | None = None
        """(choices, arrays to come): ways; null where they are too many."""
        if math.prod(len(some) for some in ways) * len(space.keeps) <= MOST_CHOICES:
            self.choices = np.stack(np.meshgrid(*ways, indexing="ij"), axis=-1).reshape(-1, len(ways))
        self.rows = 1 if self.choices is None else len(self.choices)
        most = max(1, MOST_CHOICES // (self.rows * len(space.keeps)))
        self.inside = Inside(space.arrays[:segment], combinations.sigma, len(space.tensors), most)
        self.kept = np.repeat(np.array(space.keeps, dtype=np.int64), self.inside.n)
        self.n = self.rows * len(self.kept)
        self.instances, self.tiled = self._sharing(combinations)
        self.limits = () if layout.timeless else tuple(space.prices.segments)
        """For each limit, the segment outside of which instances share its cycles; none where cycles do not matter."""
        self.values = np.zeros((1 + len(self.limits), inputs.count, self.n))
        self.stages = [self._settlement(s) for s in range(segment + 1, self.top + 1)]
        self._waiting_words()
        self._sliding_words()
        self._crossing_nodes()

    def by_kind(self) -> tuple[Floats, Ints]:
        """Return ((kinds, energy and limits, inputs, choices), (what is kept, inside) → kind)."""
        outputs, inputs = self.values.shape[:2]
        values = self.values.reshape(outputs, inputs, len(self.kept), self.rows).transpose(2, 0, 1, 3)
        flat = values.reshape(len(self.kept), outputs * inputs * self.rows)
        first = different(flat)
        kinds = {flat[i].tobytes(): kind for kind, i in enumerate(first.tolist())}
        kind_of = np.array([kinds[row.tobytes()] for row in flat], dtype=np.int64)
        return np.ascontiguousarray(values[first]), kind_of.reshape(-1, self.inside.n)

    def every(self, values: Floats, passes: Passes) -> Choices:
        """Return all choices, with these values."""
        instances = self.instances
        shares = [instances[:, max(self.segment, inside) :].prod(axis=1) for inside in self.limits]
        along, ways = np.ones((len(self.space.names), self.rows)), None
        if self.choices is not None:
            array = self.space.arrays[self.segment]
            if array.merges:
                along = array.factors[self.choices[:, 0]].T.astype(np.float64)
            if self.choices.shape[1] == 1:
                ways = self.choices[:, 0]
        limits = np.array(shares).reshape(len(shares), self.rows)
        divisor, shares_of = instances[:, self.segment :].prod(axis=1), passes.shares(self.segment, self.choices)
        return Choices(values, divisor, limits, along, shares_of, ways)

    def prices(self) -> Floats:
        """Return (nodes, choices): energy of a word of all tiles of a node at every round, at least."""
        last, found = self.stages[-1], np.zeros((len(self.space.nodes), self.n))
        for i in self.inputs.nodes:
            for target, coefficient in last.close[i]:
                if target == Layout.ENERGY:
                    found[i] += coefficient
        held = (self.kept[None, :] & np.array([n.bit for n in self.space.nodes], dtype=np.int64)[:, None]) != 0
        of_kept = np.where(held[..., None], found.reshape(len(found), len(self.kept), self.rows), np.inf)
        least: Floats = of_kept.min(axis=1)
        return least

    def _ways(self, array: int) -> Ints:
        """Return the ways to spread an array to come; of several arrays, one of those that cost the same.

        Plain rank variables that matter to the same tensors may stand for each other.
        """
        plan = self.space.arrays[array]
        if self.top - self.segment == 1:
            return np.arange(len(plan.factors))
        alike: dict[Any, Any] = {}
        for v, factors in enumerate(plan.factors.T):
            windowed = any(v in t.windowed for t in self.space.tensors)
            key = v if windowed else tuple(bool(t.relevant[v]) for t in self.space.tensors)
            alike[key] = alike.get(key, 1) * factors
        rows = np.column_stack((plan.overheads, *alike.values()))
        return np.sort(np.unique(rows, axis=0, return_index=True)[1])

    def _sharing(self, combinations: Combinations) -> tuple[Floats, Sharing]:
        """Return (choices, arrays) instances, and for all that is kept and inside what instances want the same tile."""
        sigma, come = combinations.sigma, range(self.segment, self.top)
        instances = np.ones((self.rows, self.top))
        least = np.ones((self.rows, len(come), len(self.space.tensors)))
        most, adding = np.ones(least.shape), np.ones(least.shape[:2])
        for k, a in enumerate(come):
            array = self.space.arrays[a]
            if not len(array.factors):
                continue
            if self.choices is None:
                most[:, k], instances[:, a] = sigma[a].max(axis=0), array.product.max()
            else:
                ways = self.choices[:, k]
                least[:, k] = most[:, k] = sigma[a][ways]
                adding[:, k] = combinations.adding[a][ways]
                instances[:, a] = array.product[ways]
        states = len(self.space.keeps)
        inner = (np.repeat(np.tile(t, (states, *[1] * (t.ndim - 1))), self.rows, axis=0) for t in self.inside.sharing)
        come_all = (least, most, instances[:, self.segment :], adding)
        outer = (np.tile(t, (len(self.kept), *[1] * (t.ndim - 1))) for t in come_all)
        return instances, Sharing(*(np.concatenate(both, axis=1) for both in zip(inner, outer, strict=True)))

    def _settlement(self, segment: int) -> Settlement:
        return Settlement(self.space, self.layout, segment, np.repeat(self.kept, self.rows), self.tiled.inside(segment))

    def _add(self, row: int, effect: Effect, amount: Any, stage: Settlement) -> None:
        """Add what a stage settles; the instances outside of it share the cycles of ports."""
        outside = self.tiled.instances[:, stage.segment :].prod(axis=1)
        for target, coefficient in effect:
            if target == Layout.ENERGY:
                self.values[0, row] += coefficient * amount
            elif self.limits and target in self.layout.limit:
                self.values[target - self.layout.limit.start + 1, row] += coefficient * amount / outside

    def _waiting_words(self) -> None:
        """Reads and updates that wait: merged by each array until they come to their holder."""
        for t, tensor in enumerate(self.space.tensors):
            for updates in (False, True) if tensor.output else (False,):
                amount: Any = np.ones(self.n)
                alike: Any = 1.0
                for a in range(self.segment):
                    _, alike = self.space.arrays[a].merged(self.tiled.most[:, a, t], alike, up=updates)
                for stage in self.stages:
                    a = stage.segment - 1
                    array = self.space.arrays[a]
                    if tensor.windows:
                        amount = amount / self._overlap(t, a, points=True, up=updates)
                    else:
                        by, alike = array.merged(self.tiled.most[:, a, t], alike, up=updates)
                        amount = amount / by
                    row, effect = (self.inputs.updates, stage.updates) if updates else (t, stage.reads[t])
                    self._add(row, effect, amount, stage)
                    amount = np.where(stage.settled[t], 0.0, amount)

    def _sliding_words(self) -> None:
        """Words of sliding tiles that wait, shared by as many instances as may be."""
        space, last = self.space, self.stages[-1]
        for row, i in zip(self.inputs.waiting, self.sliding.nodes, strict=True):
            node = space.nodes[i]
            amount, fewest = np.ones(self.n), np.ones(self.n)
            for a in range(self.segment, self.top):
                amount = np.where(last.outer[i] > a, amount / self._overlap(node.tensor, a), amount)
                # what is said of the instances along windows holds for words that may be shared
                fewest = np.where(last.outer[i] > a, fewest / self._overlap(node.tensor, a, up=True), fewest)
            read = space.prices.flow["read"][:, node.tensor, node.memory, last.parent[i]]
            prices = [(amount, read)]
            if space.tensors[node.tensor].output:
                prices.append((fewest, space.prices.flow["update"][:, node.tensor, node.memory, last.parent[i]]))
            for words, price in prices:
                self.values[0, row] += words * price[0]
                for k, inside in enumerate(self.limits):
                    instances = self.tiled.instances[:, inside:].prod(axis=1)
                    self.values[k + 1, row] += words * price[k + 1] / instances

    def _crossing_nodes(self) -> None:
        """Nodes to come cross once, tiles that are open as often as the last one that moves makes them."""
        space, last, inputs = self.space, self.stages[-1], self.inputs
        for row, i in zip(inputs.crossing, inputs.nodes, strict=True):
            self._add(row, last.close[i], space.tensors[space.nodes[i].tensor].words, last)
        self._add(inputs.one, last.first_touches, self._touched(), last)
        self._add(inputs.one, last.finished, 1.0, last)
        for tensor, rows, staying in zip(inputs.lasts, inputs.open, inputs.staying, strict=True):
            for row, i in zip(rows, inputs.nodes, strict=True):
                idle = space.tensors[space.nodes[i].tensor].idle & space.tensors[tensor].relevant
                self._add(row, last.close[i], 1 / self._spread_along(idle), last)
            for i, row in staying.items():
                self._add(row, last.close[i], 1.0, last)

    def _spread_along(self, variables: Any) -> Floats:
        """Instances along rank variables, over the arrays to come: at most, where ways are too many."""
        found = np.ones(self.n)
        for a in range(self.segment, self.top):
            found = found * self._of_choices(self.space.arrays[a].factors[:, variables].prod(axis=1), a)
        return found

    def _touched(self) -> Floats:
        """Return how many times the words of an output with windows its holders touch for the first time, at most."""
        space = self.space
        plan = next(t for t in space.tensors if t.output)
        found = np.ones(self.n)
        for window in plan.windows:
            along = list(window.rank_variables)
            points = math.prod(int(space.extents[v]) for v in along) * math.prod(n for _, n in window.shifts)
            terms = zip(window.coefficients, (int(space.extents[v]) for v in along), strict=True)
            most = points / windows.words((*terms, *window.shifts), False)
            copies = np.ones(self.n)
            for a, array in enumerate(space.arrays):
                instances = array.factors[:, along].prod(axis=1)
                copies = copies * (instances.max(initial=1) if a < self.segment else self._of_choices(instances, a))
            found = found * np.minimum(copies, most)
        return found

    def _overlap(self, tensor: int, array: int, *, points: bool = False, up: bool = False) -> Floats:
        """Instances over which words of a window may be shared at most (of tiles of one point: less).

        Those of arrays inside that leave words apart count as well. Above an array no tile is of one point.
        """
        plan, ways = self.space.tensors[tensor], self.space.arrays[array]
        if not (ways.merges or up):
            return np.ones(self.n)
        others = [v for v in range(len(self.space.names)) if v not in plan.plain]
        share = ways.factors[:, others].prod(axis=1).astype(np.float64)
        if points and array == 0:
            for window in plan.windows:
                share = share / ways.factors[:, list(window.rank_variables)].max(axis=1)
        found = self._of_choices(share, array)
        for a, inner in enumerate(self.space.arrays[:array]):
            if not inner.unites(up=up):
                apart = inner.factors[:, others].prod(axis=1).astype(np.float64)
                found = found * (apart.max(initial=1.0) if a < self.segment else self._of_choices(apart, a))
        return found

    def _of_choices(self, of_ways: Any, array: int) -> Floats:
        """Return (choices of what is kept and of ways) for numbers of the ways of one array to come."""
        if not len(of_ways):
            return np.ones(self.n)
        if self.choices is None:
            return np.full(self.n, float(of_ways.max()))
        chosen: Floats = of_ways[self.choices[:, array - self.segment]].astype(np.float64)
        return np.tile(chosen, len(self.kept))
