"""The least that completing a label can still cost.

Above the last array, ``above`` says what is open and to come at least; below an array, ``across`` adds what has to
cross it, for each way to spread it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.bound_above import Above
from costmodel.mapper.lattice.bound_below import Across
from costmodel.mapper.lattice.bound_passes import Passes
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space

Costs = tuple[Floats, Floats, Floats]
"""(energy, latency, capacity), each (labels, choices)."""
FEW = 1_000
"""Labels of which it does not pay to look at quick bounds first."""


class Completion:
    """Lower bounds of (energy, latency, capacity)."""

    def __init__(
        self,
        space: Space,
        lattice: Lattice,
        layout: Layout,
        combinations: Combinations,
        sliding: Sliding,
        elsewhere: Mapping[int, float],
    ) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.top = len(space.arrays)
        self.above = Above(space, lattice, layout, combinations, sliding, elsewhere)
        self.passes = Passes(space, lattice, layout)
        self.across = [
            Across(space, lattice, layout, combinations, sliding, self.above, self.passes, segment)
            for segment in range(self.top)
        ]

    def bounds(self, labels: Labels, segment: int, *, quick: bool = False) -> Costs:
        """Return the least (energy, latency, capacity) of each label, for each choice of how the arrays are spread.

        ``quick`` bounds are not as tight. Of several architectures, costs that differ have a first axis with those of
        each.
        """
        capacity = labels.f[Layout.CAPACITY] + self.room_to_come(labels)
        if segment < self.top:
            energy, latency = self.across[segment].bounds(labels, quick=quick)
            return energy, latency, np.broadcast_to(capacity[:, None], energy.shape[-2:])
        costs = labels.f[self.above.rows]
        self.above.add_missing(labels, costs, quick=quick)
        latency = self.space.prices.lasting(costs[1:], self.compute_cycles(labels))
        energy = costs[0]
        if self.space.leak_pj_per_cycle:
            energy = energy + self.space.leak_pj_per_cycle * latency
        return energy[..., None], latency[..., None], capacity[:, None]

    def narrow(self, labels: Labels, incumbents: Incumbents, *, closely: bool) -> bool:
        """Look closer, now that mappings are known, at what may be better; return whether something still may.

        ``labels``: what all comes from. ``closely``: at nodes below an array together, from now on.
        """
        for across in self.across[1:]:
            across.joint |= closely
        if not self.top:
            return True
        capacity = labels.f[Layout.CAPACITY] + self.room_to_come(labels)
        return self.across[0].narrow(labels, capacity, incumbents, closely=closely)

    def hopeful(self, labels: Labels, segment: int, incumbents: Incumbents) -> Any:
        """Whether some completion of each label may be better than what is known."""
        if segment == self.top:
            if labels.n <= FEW:
                return ~incumbents.beaten(*self.bounds(labels, segment)).all(axis=1)
            found = np.zeros(labels.n, dtype=bool)
            rows = np.flatnonzero(~incumbents.beaten(*self.bounds(labels, segment, quick=True)).all(axis=1))
            if len(rows):
                mine = labels if len(rows) == labels.n else labels.take(rows)
                found[rows] = ~incumbents.beaten(*self.bounds(mine, segment)).all(axis=1)
            return found
        capacity = labels.f[Layout.CAPACITY] + self.room_to_come(labels)
        return self.across[segment].hopeful(labels, capacity, incumbents)

    def room_to_come(self, labels: Labels) -> Floats:
        """Bits that the tiles to come will take at least."""
        total = np.zeros(labels.n)
        if not self.layout.counts_capacity:
            return total
        shape, todo = labels.s[Layout.SHAPE], labels.s[Layout.TODO]
        for i, node in enumerate(self.space.nodes):
            bits = self.space.bits(node, self.lattice.node_words[i, shape]) * self.space.memories[node.memory].copies
            total += np.where(todo & node.bit, bits, 0.0)
        return total

    def compute_cycles(self, labels: Labels) -> Floats:
        """Compute cycles with all arrays spread; what still opens passes may only add to them."""
        cycles: Floats = labels.f[Layout.CYCLES]
        return cycles + self.passes.cycles(labels) if self.space.systolic else cycles
