"""What tiles that leave something over change above the outermost array, where all of them do (see ``sizes.py``).

Below that array tiles divide, so each instance works on whole ones. With n of them along a rank variable on a
instances, Q = ⌈n / a⌉ steps bring n to the outermost loops, and in the last step some instances may be idle:

- the busiest instance, the first, has Q of the n; so many steps are there of whatever instances do together;
- a tile that does not depend on the rank variable is filled where and when there is work: above a loop of tile c, in
  the instances that have a part in each tile of c;
- with Q = 2 an instance without part in the second step has one step alone, in which its tile stays. That part of the
  tile *rests* until another loop moves it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Layout
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space


def spread(space: Space) -> list[int]:
    """Return the rank variables that may leave instances of the outermost array idle."""
    most = space.arrays[-1].most if space.arrays else []
    return [v for v in space.uneven if most and most[v] > 1]


def resting(space: Space) -> list[int]:
    """Return the nodes below the outermost array of whose tiles part may stay when the rest moves."""
    idle = spread(space)
    top = len(space.arrays)
    plans = ((i, space.tensors[n.tensor]) for i, n in enumerate(space.nodes) if space.segment_of[i] < top)
    return [i for i, plan in plans if not plan.windows and plan.relevant[idle].any()]


class Leftover:
    """Corrections for labels; without effect where all tiles divide."""

    def __init__(self, space: Space, lattice: Lattice, layout: Layout) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.top = len(space.arrays)
        self.spread = spread(space)

    def steps(self, s: Ints, tensor: int | None = None) -> Floats:
        """Return the part of the work that the busiest instance has, along all rank variables just spread.

        Of a tensor: along those that do not index it, times the instances along them; what else there is to divide by
        is the same for all.
        """
        a = self.top - 1
        below, factors = s[self.layout.below[a]], self.space.arrays[a].factors[s[self.layout.way[a]]]
        found = np.ones(s.shape[1])
        for v in self.spread:
            if tensor is not None and not self.space.tensors[tensor].idle[v]:
                continue
            tile, instances = self.lattice.tile[v, below], factors[:, v]
            turns = np.ceil(self.lattice.extents[v] / (tile * instances))
            found *= turns * tile * instances / self.lattice.extents[v]
        return found

    def filled(self, s: Ints, tensor: int) -> Floats:
        """Return the part of the instances that have work, over all tiles of the labels' shapes.

        Along rank variables that do not index a tensor: of so many instances its tile is filled there.
        """
        a = self.top - 1
        below, factors = s[self.layout.below[a]], self.space.arrays[a].factors[s[self.layout.way[a]]]
        found = np.ones(s.shape[1])
        for v in self.spread:
            if not self.space.tensors[tensor].idle[v]:
                continue
            extent, above = self.lattice.extents[v], self.lattice.tile[v, s[Layout.SHAPE]]
            tile, instances = self.lattice.tile[v, below], factors[:, v]
            number = np.ceil(extent / above)
            last = np.minimum(instances, np.ceil((extent - (number - 1) * above) / tile))
            found *= ((number - 1) * instances + last) / (number * instances)
        return found

    def resting(self, v: Ints, low: Ints) -> Any:
        """Return the part of a tile below the array that stays in its instance when a loop over ``v`` moves it first.

        ``low``: the shapes below the loop.
        """
        found = np.zeros(len(v))
        for u in self.spread:
            tile, number = self.lattice.tile[u, low], self.lattice.left[u, low]
            alone = (v == u) & (number == 2) & (tile * 2 > self.lattice.extents[u])
            found[alone] = (2 * tile[alone] - self.lattice.extents[u]) / self.lattice.extents[u]
        return found

    def told(self, s: Ints) -> list[Ints]:
        """Return what tells where instances are idle, of labels with tiles below the array that are still there."""
        a = self.top - 1
        inside = sum(n.bit for i, n in enumerate(self.space.nodes) if self.space.segment_of[i] < self.top)
        there = ((s[Layout.OPEN] | s[Layout.ALIVE]) & inside) != 0
        below, factors = s[self.layout.below[a]], self.space.arrays[a].factors[s[self.layout.way[a]]]
        found = []
        for v in self.spread:
            tile, instances = self.lattice.tile[v, below].astype(np.int64), factors[:, v]
            idle = there & (self.space.extents[v] % (tile * instances) != 0)
            found += [np.where(idle, tile, 0), np.where(idle, instances, 0)]
        return found

    def moving(self, tensor: int) -> Floats:
        """Return (shapes): the part of a tile of a tensor below the array that no loop leaves in its place, at least.

        At shapes below the array it holds for every way to spread it.
        """
        found = np.ones(self.lattice.shapes)
        for v in self.spread:
            if not self.space.tensors[tensor].relevant[v]:
                continue
            sizes, extent = self.space.sizes[v], int(self.lattice.extents[v])
            below = np.where(sizes.dividing & (sizes.number % 2 == 1) & (sizes.number > 1), sizes.values, 0)
            above = np.where(~sizes.dividing & (sizes.number == 2), 2 * sizes.values - extent, 0)
            part: Floats = 1 - (below + above) / extent
            np.minimum(found, part[self.lattice.digits[v]], out=found)
        return found
