"""Bounds of labels below an array: for each way to spread the arrays to come, what has to cross them at least.

What a label carries across is a row of numbers (``Inputs``), what a way makes of it a row of coefficients
(``Choices``), and the energy and the cycles of each limit are their products. On top of that come the nodes above the
last array.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.below_choices import Choices, grouped, thinned
from costmodel.mapper.lattice.below_coefficients import Coefficients
from costmodel.mapper.lattice.below_inputs import Carried, Inputs, SlidingRank
from costmodel.mapper.lattice.bound_above import Above
from costmodel.mapper.lattice.bound_across import AcrossBy
from costmodel.mapper.lattice.bound_passes import Passes
from costmodel.mapper.lattice.bound_ways import ByWay
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space

AT_ONCE = 20_000
"""Numbers in a matrix of bounds that is not worth taking apart."""


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
        passes: Passes,
        segment: int,
    ) -> None:
        self.space, self.lattice, self.layout, self.sliding = space, lattice, layout, sliding
        self.timeless = layout.timeless
        """Whether cycles do not matter, so that none are bounded; a pass for energy alone may set it."""
        self.above, self.passes, self.segment = above, passes, segment
        self.steps = lattice.steps(segment)
        self.inputs = Inputs(space, sliding, above.returns, len(space.arrays))
        coefficients = Coefficients(space, layout, combinations, sliding, self.inputs, segment)
        values, self.kind_of = coefficients.by_kind()
        self.inside = coefficients.inside
        self.every = coefficients.every(values, passes)
        """All ways to spread."""
        self.windowed = sorted({v for t in self.space.tensors for v in t.windowed})
        self.by_way: ByWay | None = None
        """Where one array is to come: what is looked up for each way."""
        self.joint = False
        """Whether nodes below the array are looked at together; that knows only tiles that divide."""
        if self.every.ways is not None:
            self.by_way = ByWay(space, lattice, above, segment, coefficients.prices())
            self.use(np.arange(len(self.every)))
        else:
            self._judge_by(thinned(self.every, self.windowed, timeless=self.layout.timeless))
        self.sliding_ranks = [
            SlidingRank(slot, window, v, c)
            for slot, i in enumerate(self.sliding.nodes)
            for window in self.space.tensors[self.space.nodes[i].tensor].windows
            for v, c in zip(window.rank_variables, window.coefficients, strict=True)
        ]

    def _judge_by(self, choices: Choices) -> Ints:
        """Judge labels by these choices in the end; return where each group of them starts."""
        self.detailed, self.groups, starts = grouped(choices, self.windowed, timeless=self.layout.timeless)
        self.coarse = self.detailed.least(starts)
        """The least values of each group."""
        self.served = np.zeros(len(self.groups), dtype=np.int64)
        """How many labels each group was enough for."""
        return starts

    def use(self, ways: Ints) -> None:
        """Look at these ways to spread the one array to come, from now on."""
        assert self.by_way is not None  # noqa: S101
        starts = self._judge_by(self.every.take(ways))
        assert self.detailed.ways is not None  # noqa: S101
        self.by_way.use(self.detailed.ways, starts)

    def narrow(self, labels: Labels, capacity: Floats, incumbents: Incumbents, *, closely: bool) -> bool:
        """Leave out ways with which no completion of ``labels``, from which all come, is better than what is known.

        Return whether a way is left. ``closely``: also where nodes are looked at together, as they are from then on.
        """
        if self.by_way is None:
            return True
        for joint in (False, True) if closely else (False,):
            self.joint |= joint
            energy, latency = self.bounds(labels)
            every = np.broadcast_to(capacity[:, None], energy.shape[-2:])
            beaten = incumbents.beaten(energy, latency, every).all(axis=0)
            if beaten.all():
                return False
            if beaten.any():
                assert self.detailed.ways is not None  # noqa: S101
                self.use(self.detailed.ways[~beaten])
        return True

    def bounds(self, labels: Labels, *, quick: bool = False) -> tuple[Floats, Floats]:
        """Return (energy, latency) of each label for each choice that may be best (or for groups of them).

        Infinite where it does not fit; latencies are 0 where they do not matter. Of several architectures, costs that
        differ have a first axis with those of each.
        """
        choices = self.coarse if quick else self.detailed
        return self._with_limits(labels, self._across_by(self.carried(labels), choices))

    def hopeful(self, labels: Labels, capacity: Floats, incumbents: Incumbents) -> Any:
        """Whether a completion of each label may be better than what is known."""
        found = np.zeros(labels.n, dtype=bool)
        carried = self.carried(labels)

        def alive(rows: Ints, choices: Choices, *, limits: bool) -> Any:
            part, mine = (labels, carried) if len(rows) == labels.n else (labels.take(rows), carried.take(rows))
            energy, latency = (self._with_limits if limits else self._computed)(part, self._across_by(mine, choices))
            return ~incumbents.beaten(energy, latency, np.broadcast_to(capacity[rows][:, None], energy.shape[-2:]))

        if labels.n * len(self.detailed) <= AT_ONCE:
            return alive(np.arange(labels.n), self.detailed, limits=True).any(axis=1)
        # one choice that may be better is enough, so groups are looked at first that were enough for others
        maybe = alive(np.arange(labels.n), self.coarse, limits=False)
        for group in np.argsort(-self.served, kind="stable").tolist():
            rows = np.flatnonzero(maybe[:, group] & ~found)
            if len(rows):
                rows = rows[alive(rows, self.groups[group], limits=True).any(axis=1)]
                found[rows] = True
                self.served[group] += len(rows)
        return found

    def carried(self, labels: Labels) -> Carried:
        to_come = np.zeros((1 + len(self.layout.limit), labels.n))
        self.above.add_to_come(labels, 0, to_come)
        unique, inverse = np.unique(labels.s[Layout.KEPT], return_inverse=True)
        kept = np.array([self.space.keeps.index(int(one)) for one in unique], dtype=np.int64)
        kinds = self.kind_of[kept[inverse.ravel()], self.inside.of(labels, self.layout)]
        return Carried(
            self.inputs.of(labels, self.layout, self.above.against),
            kinds,
            to_come,
            self._reach(labels),
            self.passes.within(labels, self.segment),
        )

    def _across_by(self, carried: Carried, choices: Choices) -> AcrossBy:
        return AcrossBy(self.inputs, self.sliding_ranks, carried, choices)

    def _computed(self, labels: Labels, crossed: AcrossBy) -> tuple[Floats, Floats]:
        """Return (energy, latency) as far as the latency is that of the compute instances."""
        carried, choices = crossed.carried, crossed.choices
        energy, own = crossed.of(0)
        energy += labels.f[Layout.ENERGY][:, None]
        if self.by_way is None or (choices.columns is None and self.by_way.many):
            own += carried.to_come[0][:, None]
        else:
            joint = self.joint and not self.space.uneven
            if joint and self.by_way.crowded:
                np.maximum(own, self.by_way.together(labels, choices.columns), out=own)
            own += self.by_way.outside(labels, choices.columns)
            if joint and self.by_way.alone:
                np.maximum(own, self.by_way.beyond(labels, choices.columns), out=own)
        energy += own
        if self.timeless:
            return energy, np.zeros(energy.shape)
        latency: Floats = labels.f[Layout.CYCLES][:, None] / choices.divisor
        for passes, shares in zip(carried.passes, choices.passes, strict=True):
            latency += passes[:, None] * shares
        if self.space.leak_pj_per_cycle:
            energy += self.space.leak_pj_per_cycle * latency
        return energy, latency

    def _with_limits(self, labels: Labels, crossed: AcrossBy) -> tuple[Floats, Floats]:
        """Return (energy, latency)."""
        energy, computed = self._computed(labels, crossed)
        if self.timeless:
            return energy, computed

        def busy() -> Iterator[Floats]:
            for k, row in enumerate(self.layout.limit):
                cycles, own = crossed.of(k + 1)
                cycles += own
                cycles += labels.f[row][:, None] / crossed.choices.shares[k]
                cycles += crossed.carried.to_come[k + 1][:, None]
                yield cycles

        latency = self.space.prices.lasting(busy(), computed)
        if self.space.leak_pj_per_cycle:
            energy = energy + self.space.leak_pj_per_cycle * (latency - computed)
        return energy, latency

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
            if rank.window.edge is not None or self.sliding.segment_of[self.sliding.nodes[rank.slot]] < self.segment:
                row[:] = 0.0  # a neighbour may be outside, or have what several instances have together
                continue
            # tiles with gaps may interleave without a word in common, or have all in common
            row[:] = np.where(own == length, np.minimum(apart, 1.0), apart >= 1.0)
        return found
