"""How a value of a model is read from a tensor of the workload.

What only moves words (a transpose, a reshape, a slice) is an index expression, and no Einsum. An axis of a value is a
number in mixed radix: ``parts``, most significant first. So a width of 768 that is reshaped to 12 heads of 64 is an
axis of 768 = 12 · 64 before and two axes after, and a reader that needs h and f apart reads
``X[b, p, D=h*F + f]``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class AxisDigit:
    """A rank variable: one digit of an axis. Two that are equal in everything are two."""

    extent: int
    rank: str
    """Rank that the variable runs over: its name in lower case is that of the variable."""
    of: str = ""
    """Rank of the tensors that it reads, where that has another name: rows of outputs are rows of the next input."""


AxisDigits = tuple[AxisDigit, ...]
"""An axis: its digits, most significant first; none where its extent is 1."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A coordinate: ``Σ coefficient·part + constant``."""

    terms: tuple[tuple[AxisDigit, int], ...] = ()
    constant: int = 0

    def at(self, values: Mapping[AxisDigit, Spot]) -> Spot:
        """Put other coordinates in the place of parts."""
        terms: dict[AxisDigit, int] = {}
        constant = self.constant
        for part, coefficient in self.terms:
            value = values.get(part, Spot(((part, 1),)))
            constant += coefficient * value.constant
            for inner, factor in value.terms:
                terms[inner] = terms.get(inner, 0) + coefficient * factor
        return Spot(tuple((part, c) for part, c in terms.items() if c), constant)

    @property
    def span(self) -> tuple[int, int]:
        """Least and largest coordinate."""
        reaches = [c * (part.extent - 1) for part, c in self.terms]
        return self.constant + sum(min(r, 0) for r in reaches), self.constant + sum(max(r, 0) for r in reaches)


def size(parts: Iterable[AxisDigit]) -> int:
    return math.prod(part.extent for part in parts)


def joined(parts: Sequence[AxisDigit]) -> Spot:
    """The number whose digits are these parts."""
    return Spot(tuple((part, size(parts[place + 1 :])) for place, part in enumerate(parts)))


class NoDigitsError(Exception):
    """Axes that are split in ways that have no digits in common: one of them has to be copied first."""


def read_by(axis: AxisDigits, parts: AxisDigits) -> dict[AxisDigit, Spot]:
    """The digits of an axis, by parts that split them further; an axis of extent 1 stands still.

    Raises NoDigitsError where the parts split it in another way.
    """
    if size(axis) == 1 and size(parts) > 1:
        return dict.fromkeys(axis, Spot())
    left, found = list(parts), {}
    for digit in reversed(axis):
        run: list[AxisDigit] = []
        while left and (size(run) < digit.extent or (digit.extent == 1 == left[-1].extent and not run)):
            run.insert(0, left.pop())
        if size(run) != digit.extent:
            raise NoDigitsError
        found[digit] = joined(run)
    return found


def splits(axis: AxisDigits, extents: Sequence[int]) -> bool:
    """Whether digits of these extents split those of an axis.

    >>> splits((AxisDigit(6, "C"),), [3, 2]), splits((AxisDigit(2, "K"), AxisDigit(3, "G")), [3, 2])
    (True, False)
    """
    try:
        read_by(axis, tuple(AxisDigit(n, "") for n in extents if n > 1))
    except NoDigitsError:
        return False
    return True


def refined(axes: Sequence[AxisDigits]) -> list[int] | None:
    """Extents of the coarsest digits that split those of all axes; null where there are none (6 = 2 · 3 and 3 · 2).

    >>> twelve, four_heads = (AxisDigit(12, "D"),), (AxisDigit(4, "H"), AxisDigit(3, "F"))
    >>> refined([twelve, four_heads])
    [4, 3]
    """
    shapes = {tuple(part.extent for part in axis) for axis in axes}
    if len(shapes) == 1:
        return list(shapes.pop())
    cuts = sorted({size(axis[place:]) for axis in axes for place in range(len(axis))} | {1})
    if any(large % small for small, large in itertools.pairwise(cuts)):
        return None
    return [large // small for small, large in itertools.pairwise(cuts)][::-1]


@dataclass(frozen=True, slots=True)
class View:
    """A value of the model, read from a tensor."""

    tensor: str
    ranks: tuple[str, ...]
    """Ranks of the tensor, with ``extents``."""
    extents: tuple[int, ...]
    axes: tuple[AxisDigits, ...]
    spots: tuple[Spot, ...]
    """Coordinate in each rank of the tensor."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(size, self.axes))

    def whole(self, axis: int) -> bool:
        """Whether an axis is a rank of the tensor, from end to end."""
        parts = self.axes[axis]
        found = [(s, n) for s, n in zip(self.spots, self.extents, strict=True) if {p for p, _ in s.terms} & {*parts}]
        return len(parts) == len(found) == 1 and found[0] == (Spot(((parts[0], 1),)), parts[0].extent)

    def read(self, *read: AxisDigits | Spot) -> tuple[Spot, ...]:
        """Coordinates in the tensor where each axis is read by parts, or (a single digit) at a coordinate."""
        values: dict[AxisDigit, Spot] = {}
        for axis, by in zip(self.axes, read, strict=True):
            values |= dict.fromkeys(axis, by) if isinstance(by, Spot) else read_by(axis, by)
        return tuple(spot.at(values) for spot in self.spots)

    def turned(self, order: Iterable[int]) -> View:
        """The axes in another order."""
        return replace(self, axes=tuple(self.axes[place] for place in order))

    def with_axes(self, axes: Iterable[AxisDigits], values: Mapping[AxisDigit, Spot] | None = None) -> View:
        """Other axes; ``values`` say of parts that are gone what stands in their place, without it 0."""
        new = tuple(axes)
        here = {part for axis in new for part in axis}
        spots = [spot.at(values or {}) for spot in self.spots]
        gone = {part: Spot() for spot in spots for part, _ in spot.terms if part not in here}
        return replace(self, axes=new, spots=tuple(spot.at(gone) for spot in spots))

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same words in row-major order under another shape; null where digits would have to be taken apart."""
        start = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(self.shape, shape, strict=False))))
        tail = zip(reversed(self.shape[start:]), reversed(shape[start:]), strict=False)
        end = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], tail)))
        middle = slice(start, len(self.axes) - end)
        digits = tuple(part for axis in self.axes[middle] for part in axis)
        wanted = shape[start : len(shape) - end]
        extents = refined([digits, tuple(AxisDigit(n, "") for n in wanted if n > 1)])
        if extents is None:
            return None
        parts = tuple(AxisDigit(n, "") for n in extents)
        values = read_by(digits, parts)
        kept = {s.terms[0][0]: d for d, s in values.items() if s.constant == 0 and [c for _, c in s.terms] == [1]}
        parts = tuple(kept.get(part, part) for part in parts)
        axes = (*self.axes[:start], *_grouped(parts, wanted), *self.axes[len(self.axes) - end :])
        return self.with_axes(axes, {d: s for d, s in read_by(digits, parts).items() if d not in parts})

    def sliced(self, axis: int, start: int, step: int, extent: int) -> View | None:
        """``extent`` coordinates of an axis, the first at ``start``; null where they are no range of one digit."""
        parts = self.axes[axis]
        if extent == size(parts) and start == 0:
            return self
        rest = size(parts[1:])
        if not parts or (rest > 1 and (step != 1 or start % rest or extent % rest)):
            return None
        first = AxisDigit(extent // rest, parts[0].rank if parts[0].extent == extent // rest else "")
        axes = (*self.axes[:axis], (first, *parts[1:]) if size((first,)) > 1 else parts[1:], *self.axes[axis + 1 :])
        value = Spot(((first, step),) if first.extent > 1 else (), start // rest)
        return self.with_axes(axes, {parts[0]: value})

    def at(self, axis: int, coordinate: int) -> View:
        """One coordinate of an axis, which is gone."""
        parts = self.axes[axis]
        digits = {part: Spot((), coordinate // size(parts[i + 1 :]) % part.extent) for i, part in enumerate(parts)}
        return self.with_axes((*self.axes[:axis], *self.axes[axis + 1 :]), digits)

    def array(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """The value, from an array of the tensor."""
        import numpy as np

        parts = [part for axis in self.axes for part in axis]
        grid = dict(zip(parts, np.indices([part.extent for part in parts], sparse=True), strict=True))
        places = tuple(sum((c * grid[part] for part, c in s.terms), start=s.constant) for s in self.spots)
        full = np.broadcast_to(tensor[places], [part.extent for part in parts])
        return full.reshape(self.shape)


def _grouped(parts: Sequence[AxisDigit], shape: Sequence[int]) -> Iterator[AxisDigits]:
    """Yield the parts of each axis of a shape."""
    left = list(parts)
    for extent in shape:
        axis: list[AxisDigit] = []
        while size(axis) < extent:
            axis.append(left.pop(0))
        yield tuple(axis)
