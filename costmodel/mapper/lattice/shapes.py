"""The lattice of tile shapes: every shape has a number, and tables say what the search needs to know about it.

A tile shape gives each rank variable one of its sizes. Shapes are numbered like the entries of an array, so a
loop over a rank variable adds a multiple of its stride, and each quantity below is an array over all shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.mapper.lattice.interchange import interchangeable, mirrored
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.mapper.lattice.tensor_plan import TensorPlan, UnsupportedError, Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Digits = npt.NDArray[np.unsignedinteger[Any]]
MOST_SHAPES = 6_000_000
NO_FIT = -(2**48)
"""A step that no sum of steps makes up for."""


class Lattice:
    """Tables over the tile shapes of a mapspace. Raises UnsupportedError where there are too many to tabulate."""

    def __init__(self, space: Space, apart: Collection[int] = ()) -> None:
        """``apart``: places of rank variables that others tell from each other."""
        self.space, self.apart = space, apart
        self.count = len(space.names)
        self.sizes = tuple(len(d) for d in space.divisors)
        self.shapes = math.prod(self.sizes)
        if self.shapes > MOST_SHAPES:
            msg = f"{self.shapes:,} tile shapes"
            raise UnsupportedError(msg)
        self.strides = space.strides
        self.full = self.shapes - 1
        self.extents = space.extents.astype(np.float64)
        digit: Any = np.uint8 if max(self.sizes) <= 1 << 8 else np.uint16
        grid: Digits = np.indices(self.sizes, dtype=digit).reshape(self.count, self.shapes)
        self.digits = grid
        """(rank variables, shapes): the place of each size among its rank variable's."""
        self.last_digit: Digits = np.array([n - 1 for n in self.sizes], dtype=digit)
        self.tile = np.stack([d[g] for d, g in zip(space.divisors, grid, strict=True)]).astype(np.float64)
        """(rank variables, shapes): extents."""
        self.left = np.ceil(self.extents[:, None] / self.tile)
        """(rank variables, shapes): how many tiles there are along each rank variable."""
        self.repeats: Floats = self.left.prod(axis=0) * (space.points / self.extents.prod())
        """How often a tile of a shape is worked on, over all of the Einsum."""
        self.rounds: Floats = np.stack([t.words * self.left[t.idle].prod(axis=0) for t in space.tensors])
        """(tensors, shapes): words that cross the border of a plain tile when a loop above the shape moves it."""
        self._inside = _table([s.inside for s in space.sizes])
        self._outside = _table([s.outside for s in space.sizes])

    def turns(self, tensor: TensorPlan) -> Floats:
        """Return (shapes): how often tiles of a tensor are moved, where each counts for all of its words.

        A tile of what is left over counts for less.
        """
        found = self._turns.get(tensor.name)
        if found is None:
            found = self.repeats
            for v in tensor.plain:
                if self.space.sizes[v].multiples:
                    found = found / self.left[v] * (self.extents[v] / self.tile[v])
            self._turns[tensor.name] = found
        return found

    @cached_property
    def interchangeable(self) -> list[list[int]]:
        """Groups of rank variables that may be exchanged at no cost."""
        return interchangeable(self.space, self.apart)

    @cached_property
    def mirrored(self) -> list[dict[int, int]]:
        """Exchanges of all rank variables of one window for those of another, at no cost."""
        return mirrored(self.space, self.apart)

    @cached_property
    def alike(self) -> Ints:
        """(shapes): the same number for those that differ by an exchange of rank variables alone."""
        found = np.arange(self.shapes)
        for group in self.interchangeable:
            digits = self.digits[group].astype(np.int64)
            found += self.strides[group] @ (np.sort(digits, axis=0) - digits)
        return found

    def exchanged(self, exchange: Mapping[int, int]) -> Ints:
        """Return (shapes): the shape with the sizes of rank variables exchanged, which have the same sizes."""
        key = tuple(exchange.items())
        if key not in self._exchanged:
            found = np.arange(self.shapes)
            for u, v in key:
                more = self.digits[v].astype(np.int64) - self.digits[u]
                found += more * (self.strides[u] - self.strides[v])
            self._exchanged[key] = found
        return self._exchanged[key]

    @cached_property
    def _exchanged(self) -> dict[tuple[tuple[int, int], ...], Ints]:
        return {}

    @cached_property
    def _turns(self) -> dict[str, Floats]:
        return {}

    def multiples(self, v: Ints, shape: Ints, segment: int) -> tuple[Ints, Ints]:
        """Return (places in ``v``, shapes): every larger shape that one loop over ``v`` makes of each shape."""
        first, targets = self._outside if segment == len(self.space.arrays) else self._inside
        digit = self.digits[v, shape].astype(np.int64)
        start = first[v, digit]
        counts = first[v, digit + 1] - start
        which = np.repeat(np.arange(len(v)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        into = targets[start[which] + within]
        return which, shape[which] + (into - digit[which]) * self.strides[v[which]]

    def filled(self, v: Ints, shape: Ints) -> Ints:
        """Return the shapes with the whole extent along ``v``."""
        found: Ints = shape + (self.last_digit[v] - self.digits[v, shape]).astype(np.int64) * self.strides[v]
        return found

    def steps(self, array: int) -> list[Ints]:
        """Return, for each rank variable (sizes, ways): what a way to spread adds to a shape, or ``NO_FIT``."""
        found = []
        for v, (sizes, d) in enumerate(zip(self.space.sizes, self.space.divisors, strict=True)):
            factors = self.space.arrays[array].factors[:, v]
            product = d[:, None] * factors[None, :]
            into = np.minimum(np.searchsorted(d, product), len(d) - 1)
            fits = d[into] == product
            if sizes.multiples and array == len(self.space.arrays) - 1:
                may = [sizes.spreads(int(size)) if whole else [] for size, whole in zip(d, sizes.dividing, strict=True)]
                fits &= np.array([np.isin(factors, some) for some in may])
            elif sizes.multiples:
                fits &= sizes.extent % product == 0
            found.append(np.where(fits, (into - np.arange(len(d))[:, None]) * self.strides[v], NO_FIT))
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
        """Return, along the axis of ``v``, the least of the values above each size, and its own or not."""
        least = values.copy().swapaxes(axis, 0)
        above = list(enumerate(self.space.sizes[v].reached))[::-1]
        for i, larger in above:
            for j in larger:
                np.minimum(least[i], least[j], out=least[i, ...])
        if itself:
            return least.swapaxes(axis, 0)
        found = np.full_like(least, np.inf)
        for i, larger in above:
            for j in larger:
                np.minimum(found[i], least[j], out=found[i, ...])
        return found.swapaxes(axis, 0)

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


def _table(above: Sequence[list[list[int]]]) -> tuple[Ints, Ints]:
    """Return (where what is above each size of each rank variable begins, what is above all of them)."""
    longest = max(map(len, above))
    first = np.zeros((len(above), longest + 1), dtype=np.int64)
    targets: list[int] = []
    for v, own in enumerate(above):
        for i in range(longest):
            first[v, i] = len(targets)
            targets += own[i] if i < len(own) else []
        first[v, longest] = len(targets)
    return first, np.array(targets, dtype=np.int64)
