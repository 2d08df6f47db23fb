"""The lattice of tile shapes: every shape has a number, and tables say what the search needs to know about it.

A tile shape gives each rank variable a divisor of its extent. Shapes are numbered like the entries of an array, so a
loop over a rank variable adds a multiple of its stride, and each quantity below is an array over all shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.mapper.lattice.tensor_plan import UnsupportedError, Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_SHAPES = 6_000_000
NO_FIT = -(2**48)
"""A step that no sum of steps makes up for."""


class Lattice:
    """Tables over the tile shapes of a mapspace. Raises UnsupportedError where there are too many to tabulate."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.count = len(space.names)
        self.sizes = tuple(len(d) for d in space.divisors)
        self.shapes = math.prod(self.sizes)
        if self.shapes > MOST_SHAPES:
            msg = f"{self.shapes:,} tile shapes"
            raise UnsupportedError(msg)
        self.strides = space.strides
        self.full = self.shapes - 1
        self.extents = space.extents.astype(np.float64)
        grid = np.indices(self.sizes, dtype=np.uint8).reshape(self.count, self.shapes)
        self.digits: npt.NDArray[np.uint8] = grid
        """(rank variables, shapes): the place of each divisor among its rank variable's."""
        self.last_digit = np.array([n - 1 for n in self.sizes], dtype=np.uint8)
        self.tile = np.stack([d[g] for d, g in zip(space.divisors, grid, strict=True)]).astype(np.float64)
        """(rank variables, shapes): extents."""
        self.left = self.extents[:, None] / self.tile
        """(rank variables, shapes): how many tiles there are along each rank variable."""
        self.repeats: Floats = self.left.prod(axis=0) * (space.points / self.extents.prod())
        """How often a tile of a shape is worked on, over all of the Einsum."""
        self.rounds: Floats = np.stack([t.words * self.left[t.idle].prod(axis=0) for t in space.tensors])
        """(tensors, shapes): words that cross the border of a plain tile when a loop above the shape moves it."""
        longest = max(self.sizes)
        self.first = np.zeros((self.count, longest + 1), dtype=np.int64)
        targets: list[int] = []
        for v, d in enumerate(space.divisors):
            for i in range(longest):
                self.first[v, i] = len(targets)
                if i < len(d):
                    targets += [j for j in range(i + 1, len(d)) if d[j] % d[i] == 0]
            self.first[v, longest] = len(targets)
        self.targets = np.array(targets, dtype=np.int64)

    def multiples(self, v: Ints, shape: Ints) -> tuple[Ints, Ints]:
        """Return (places in ``v``, shapes): every larger shape that one loop over ``v`` makes of each shape."""
        digit = self.digits[v, shape].astype(np.int64)
        start = self.first[v, digit]
        counts = self.first[v, digit + 1] - start
        which = np.repeat(np.arange(len(v)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        into = self.targets[start[which] + within]
        return which, shape[which] + (into - digit[which]) * self.strides[v[which]]

    def filled(self, v: Ints, shape: Ints) -> Ints:
        """Return the shapes with the whole extent along ``v``."""
        found: Ints = shape + (self.last_digit[v] - self.digits[v, shape]).astype(np.int64) * self.strides[v]
        return found

    def steps(self, array: int) -> list[Ints]:
        """Return, for each rank variable (divisors, ways): what a way to spread adds to a shape, or ``NO_FIT``."""
        found = []
        for v, d in enumerate(self.space.divisors):
            product = d[:, None] * self.space.arrays[array].factors[None, :, v]
            into = np.minimum(np.searchsorted(d, product), len(d) - 1)
            found.append(np.where(d[into] == product, (into - np.arange(len(d))[:, None]) * self.strides[v], NO_FIT))
        return found

    def spread(self, steps: list[Ints], shape: Ints, way: Ints) -> Ints:
        """Return the shapes above an array of shapes and ways to spread, one of each."""
        found = shape.copy()
        for v, table in enumerate(steps):
            found += table[self.digits[v, shape], way]
        return found

    def spread_each(self, steps: list[Ints], shape: Ints) -> Ints:
        """Return (shapes, ways): the shape above an array, of each shape with each way to spread; negative: no fit."""
        found = np.repeat(shape[:, None], steps[0].shape[1], axis=1)
        for v, table in enumerate(steps):
            found += table[self.digits[v, shape]]
        return found

    def upward(self, values: Floats, v: int, axis: int, *, itself: bool = True) -> Floats:
        """Return, along the axis of ``v``, the least of the values at multiples of each divisor, and its own or not."""
        least = values.copy().swapaxes(axis, 0)
        for i, multiples in self.multiples_next[v]:
            for j in multiples:
                np.minimum(least[i], least[j], out=least[i, ...])
        if itself:
            return least.swapaxes(axis, 0)
        found = np.full_like(least, np.inf)
        for i, multiples in self.multiples_next[v]:
            for j in multiples:
                np.minimum(found[i], least[j], out=found[i, ...])
        return found.swapaxes(axis, 0)

    @cached_property
    def multiples_next(self) -> list[list[tuple[int, list[int]]]]:
        """For each rank variable and each of its divisors, from the largest: its place, those of its prime multiples.

        Every multiple is a prime multiple of one that is not as large.
        """
        found = []
        for every in (d.tolist() for d in self.space.divisors):
            primes = [p for at, p in enumerate(every[1:]) if all(p % q for q in every[1 : at + 1])]
            place = {d: i for i, d in enumerate(every)}
            next_to = [(i, [place[d * p] for p in primes if d * p in place]) for i, d in enumerate(every)]
            found.append(next_to[::-1])
        return found

    @cached_property
    def node_words(self) -> Floats:
        """(nodes, shapes): words of the tile for which a storage node has to have room."""
        rows = [self._words(node, self.space.room_table) for node in self.space.nodes]
        return np.array(rows).reshape(len(rows), self.shapes)

    def words_of(self, node: NodePlan) -> Floats:
        """(shapes): words of the tile by which rules judge a storage node: what is outside its tensor counts, too."""
        most = self.space.einsum.tensors[self.space.tensors[node.tensor].name].size_words
        return np.minimum(self._words(node, self.space.window_table), most)

    def _words(self, node: NodePlan, table_of: Callable[[Window, bool], Floats]) -> Floats:
        tensor = self.space.tensors[node.tensor]
        total = np.ones(self.shapes)
        for v in tensor.plain:
            total *= self.tile[v]
        for w in tensor.windows:
            table = table_of(w, self.space.memories[node.memory].fetch)
            total *= table[tuple(self.digits[v] for v in w.rank_variables)]
        return total
