"""What instances share at the edge of a padded tensor, where points outside ask for nothing.

Compute instances that want one word at a step are served together, if any of their points is inside; so merging
divides less than it would if all points were. One array may tell the rank variables of padded windows apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from costmodel.mapper.lattice.edges import Along, Digit, Edge, average, met
from costmodel.mapper.lattice.labels import Layout
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.tensor_plan import Window
from costmodel.model.patience import check_time


class EdgeSharing:
    """Counts of points inside, over the instances of an array."""

    def __init__(self, space: Space, lattice: Lattice, layout: Layout) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.windows = [w for t in space.tensors for w in t.windows if w.edge is not None]
        self.variables = sorted({v for w in self.windows for v in w.rank_variables})

    def merged(self, s: Ints, tensor: int, array: int) -> Floats:
        """Return by what merging divides the words of a plain tensor that compute instances ask for, or update."""
        idle = self.space.tensors[tensor].idle
        factors = self.space.arrays[array].factors[s[self.layout.way[array]]]
        others = [v for v in np.flatnonzero(idle).tolist() if v not in self.variables]
        divisor: Floats = factors[:, others].prod(axis=1).astype(np.float64)
        for window, edge, apart, back in self._windows(s, array):
            told = [[(*time, *(() if idle[v] else instance)) for v, time, instance in row] for row in apart]
            some = [[instance if idle[v] else () for v, _, instance in row] for row in apart]
            every = [((Digit(int(self.space.extents[v]), 1),)) for v in window.rank_variables]
            points = met(edge, window.coefficients, tuple(every), ((),) * len(every))
            divisor *= points / self._met(window, edge, told, some)[back]
        return divisor

    def updated(self, s: Ints, tensor: int, start: int) -> Floats:
        """Return the distinct words that operations update, of all holders inside of the arrays from one on."""
        space = self.space
        idle = space.tensors[tensor].idle
        total = np.ones(s.shape[1])
        for v in range(self.lattice.count):
            if v in self.variables:
                continue
            if not idle[v]:
                total *= float(space.extents[v])
            else:
                for a in range(start, len(space.arrays)):
                    total *= space.arrays[a].factors[s[self.layout.way[a]], v]
        for window, edge, apart, back in self._windows(s, space.edge_array):
            told = [[instance if idle[v] else (*time, *instance) for v, time, instance in row] for row in apart]
            some = [[time if idle[v] else () for v, time, _ in row] for row in apart]
            total *= self._met(window, edge, told, some)[back]
        return total

    def together(self, s: Ints, window: Window, array: int) -> Floats:
        """Return the words inside that instances of an array ask for at a step, for each word of one that is inside."""
        edge = window.edge
        assert edge is not None  # noqa: S101
        whole = tuple((Digit(int(self.space.extents[v]), 1),) for v in window.rank_variables)
        points = met(edge, window.coefficients, whole, ((),) * len(whole))
        one = points / float(np.prod([self.space.extents[v] for v in window.rank_variables]))
        terms = tuple((c, 1) for c in window.coefficients)
        found = []
        apart, back = next((apart, back) for w, _, apart, back in self._windows(s, array) if w == window)
        for row in apart:
            children = tuple((c * d.step, d.until) for c, (_, _, (d,)) in zip(window.coefficients, row, strict=True))
            union, _ = average(edge, terms, children, tuple(time for _, time, _ in row), 0)
            found.append(union / one)
        return np.array(found)[back]

    def _windows(
        self, s: Ints, array: int
    ) -> Iterator[tuple[Window, Edge, list[list[tuple[int, Along, Along]]], Ints]]:
        """Yield padded windows with the positions in time and in space of their rank variables.

        Each differing pair of a shape and a way to spread once, and which one each label has.
        """
        pairs = s[self.layout.below[array]] * len(self.space.arrays[array].factors) + s[self.layout.way[array]]
        _, first, back = np.unique(pairs, return_index=True, return_inverse=True)
        below = s[self.layout.below[array]][first]
        factors = self.space.arrays[array].factors[s[self.layout.way[array]][first]]
        for window in self.windows:
            assert window.edge is not None  # noqa: S101
            apart = []
            for shape, row in zip(below.tolist(), factors, strict=True):
                check_time()
                found: list[tuple[int, Along, Along]] = []
                for v in window.rank_variables:
                    tile, number = int(self.lattice.tile[v, shape]), int(row[v])
                    beyond = int(self.space.extents[v]) // (tile * number)
                    found.append((v, (Digit(tile, 1), Digit(beyond, tile * number)), (Digit(number, tile),)))
                apart.append(found)
            yield window, window.edge, apart, back

    def _met(
        self, window: Window, edge: Edge, told: Sequence[Sequence[Along]], some: Sequence[Sequence[Along]]
    ) -> Floats:
        pairs = zip(told, some, strict=True)
        return np.array([met(edge, window.coefficients, tuple(t), tuple(x)) for t, x in pairs], dtype=np.float64)
