"""Words of unions of boxes, summed over many positions at once.

Where a tensor is accessed in ways that move apart, its tile is a union of boxes, one for each access, and every
position counts on its own. By inclusion and exclusion the words of a union are sums over intersections of boxes, which
are boxes again: a product over ranks of the length of an intersection of intervals. Each length depends on the rank
variables of that rank alone, so that the sum over all positions never meets them all together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

from costmodel.model.groups import Group, Image
from costmodel.model.tiles import PositionClass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

FEW = 64
"""Positions that are told one by one, in less time than arrays take to set up."""
_MOST = 2**62
_MOST_TOGETHER = 2**22
"""Positions whose tiles are held in one array."""


@dataclass(frozen=True, slots=True)
class _Box:
    """The image of one access at all positions: its ends along every rank, each an array along one axis or none."""

    low: tuple[Integers, ...]
    high: tuple[Integers, ...]


def in_boxes(group: Group, classes: Sequence[list[PositionClass]]) -> bool:
    """Whether arrays count the tiles of a group: images are boxes without holes, and no children are merged."""
    if group.rigid or group.boxes or group.padded or math.prod(map(len, classes)) < FEW:
        return False
    if any(len(c.states) != 1 for listed in classes for c in listed):
        return False
    positions = math.prod(sum(c.multiplicity for c in listed) for listed in classes)
    return positions * group.width < _MOST and all(map(_is_box, group.images))


def union_sums(group: Group, classes: Sequence[list[PositionClass]], *, leaving: bool, fresh: bool) -> tuple[int, int]:
    """Sum (|tile|, |kept|) over all positions, as ``group_sums`` does."""
    lengths = sorted(map(len, classes))
    if math.prod(lengths[-2:]) > _MOST_TOGETHER:
        parts = [union_sums(group, part, leaving=leaving, fresh=fresh) for part in _halves(classes)]
        return sum(whole for whole, _ in parts), sum(kept for _, kept in parts)
    axes = _Axes(group, classes)
    now, old = axes.boxes(old=False), axes.boxes(old=True)
    whole = sum(sign * axes.total(boxes) for sign, boxes in _meetings(old if leaving else now))
    if fresh:
        return whole, whole
    kept = sum(
        sign * other * axes.total((*boxes, *more)) for sign, boxes in _meetings(now) for other, more in _meetings(old)
    )
    return whole, kept


def union_largest(group: Group, classes: Sequence[list[PositionClass]]) -> int:
    """Words of the largest tile over all positions."""
    if math.prod(map(len, classes)) > _MOST_TOGETHER:
        return max(union_largest(group, part) for part in _halves(classes))
    axes = _Axes(group, classes)
    words = sum(sign * axes.words(boxes) for sign, boxes in _meetings(axes.boxes(old=False)))
    return int(words.max())  # type: ignore[union-attr]


def _halves(classes: Sequence[list[PositionClass]]) -> Iterator[list[list[PositionClass]]]:
    """Cut the longest axis in two."""
    at = max(range(len(classes)), key=lambda k: len(classes[k]))
    half = len(classes[at]) // 2
    for part in (classes[at][:half], classes[at][half:]):
        yield [*classes[:at], part, *classes[at + 1 :]]


def _is_box(image: Image) -> bool:
    """Whether an image is an interval along every rank, apart from the others."""
    named = [v for form in image for v in form.rank_variables]
    unit = all(len(form.terms) < 2 and all(abs(c) == 1 for _, c in form.terms) for form in image)
    return unit and len(set(named)) == len(named)


def _meetings(boxes: Sequence[_Box]) -> Iterator[tuple[int, tuple[_Box, ...]]]:
    """Yield every set of boxes with the sign of what they share in the words of the union."""
    for count in range(1, len(boxes) + 1):
        for chosen in combinations(boxes, count):
            yield (-1) ** (count + 1), chosen


class _Axes:
    """The positions of the rank variables of a group, one axis each."""

    def __init__(self, group: Group, classes: Sequence[list[PositionClass]]) -> None:
        self.group, self.classes = group, classes
        self.weights = [self.along(k, [c.multiplicity for c in listed]) for k, listed in enumerate(classes)]

    def along(self, axis: int, values: Sequence[int]) -> Integers:
        import numpy as np

        shape = [1] * len(self.classes)
        shape[axis] = len(values)
        return np.array(values, dtype=np.int64).reshape(shape)

    def boxes(self, *, old: bool) -> list[_Box]:
        places = {v: k for k, v in enumerate(self.group.rank_variables)}
        low, extent = {}, {}
        for v, k in places.items():
            states = [c.states[0] for c in self.classes[k]]
            low[v] = self.along(k, [s.old_low if old else s.low for s in states])
            extent[v] = self.along(k, [s.old_extent if old else s.extent for s in states])
        found = []
        for image in self.group.images:
            lows, highs = [], []
            for form in image:
                first = last = self.along(0, [form.constant])
                for v, c in form.terms:
                    ends = (c * low[v], c * (low[v] + extent[v] - 1))
                    first, last = first + ends[c < 0], last + ends[c > 0]
                lows.append(first)
                highs.append(last)
            found.append(_Box(tuple(lows), tuple(highs)))
        return found

    def factors(self, boxes: Sequence[_Box]) -> list[Integers]:
        """Return the words that boxes share, as factors along some of the axes."""
        import numpy as np

        lengths = []
        for rank in range(len(self.group.strides)):
            low = reduce(np.maximum, [box.low[rank] for box in boxes])
            high = reduce(np.minimum, [box.high[rank] for box in boxes])
            lengths.append(np.maximum(high - low + 1, 0))
        return lengths

    def words(self, boxes: Sequence[_Box]) -> Integers:
        """Return the words that boxes share at every position."""
        import numpy as np

        shape = tuple(map(len, self.classes))
        return np.broadcast_to(reduce(np.multiply, self.factors(boxes)), shape)

    def total(self, boxes: Sequence[_Box]) -> int:
        """Return the words that boxes share, summed over all positions: axis by axis, the cheapest first."""
        import numpy as np

        factors = [*self.factors(boxes), *self.weights]
        left = list(range(len(self.classes)))
        while left:
            axis = min(left, key=lambda k: _spanned(f for f in factors if f.shape[k] > 1))
            left.remove(axis)
            mine = [f for f in factors if f.shape[axis] > 1]
            if mine:
                factors = [f for f in factors if f.shape[axis] == 1]
                factors.append(reduce(np.multiply, mine).sum(axis=axis, keepdims=True))
        return int(math.prod(int(f.item()) for f in factors))


def _spanned(factors: Iterator[Integers]) -> int:
    """Entries of the product of some factors."""
    shapes = [f.shape for f in factors]
    return math.prod(max(sizes) for sizes in zip(*shapes, strict=True)) if shapes else 0
