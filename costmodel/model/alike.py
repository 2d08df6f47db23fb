"""Positions whose tiles count alike, each kind told once.

Where a tensor is accessed in ways that move apart, a translation changes its tile, so every position would have to be
told. But what tiles have in common depends on little:

- Where the images of the accesses are far from each other (no word lies in the hulls of two of them, now or before),
  it does not matter how far.
- Moving all images by the same number of words changes nothing, so only distances matter; except at the edge of the
  tensor, where an access leaves it (padding): what is not wholly inside counts as near, and moving it matters. Where
  coordinates are looked up, every position is near, and moving it matters.

Blocks of positions are halved until their images are far as a whole, or one position is left, which is near. So
the work is that of the near ones, however many there are in all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from costmodel.model.groups import Group
from costmodel.model.tiles import PositionClass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

Combination = tuple[PositionClass, ...]
"""One class of positions of every rank variable of a group."""
Alike = dict[tuple[int, ...], tuple[int, Combination]]
"""What positions have in common → (how many there are, one of them)."""

FEW = 64
"""Combinations that are told one by one, in less time than arrays take to set up."""
MOST = 2**62
"""Integers below fit into arrays."""
KINDS_SHARE = 16
"""Positions that may be looked at for each kind of them."""
TOGETHER = 2**18
"""Blocks that are halved together."""


class TooManyNearError(Exception):
    """More positions are near than was allowed."""


def alike(group: Group, classes: Sequence[list[PositionClass]], most: int) -> list[tuple[int, Combination]]:
    """Return (how often, one of them) for each kind of position.

    Raises TooManyNearError where more than ``most`` positions have to be looked at, or are of too many kinds.
    """
    if group.rigid:
        return [(math.prod([c.multiplicity for c in chosen]), chosen) for chosen in product(*classes)]
    moves = common_moves(group)
    classes = [
        listed if moves.get(v, True) else _by_shape(listed)
        for v, listed in zip(group.rank_variables, classes, strict=True)
    ]
    together = math.prod(map(len, classes))
    reach = group.width * max((abs(c) for i in group.images for form in i for _, c in form.terms), default=1)
    if together < FEW or reach >= MOST:
        if together > most:
            raise TooManyNearError
        return [(math.prod(c.multiplicity for c in chosen), chosen) for chosen in product(*classes)]
    return list(_Gathering(group, classes).alike(most).values())


@dataclass(frozen=True)
class _Axis:
    """The classes of positions of one rank variable; blocks of 1, 2, 4, … of them in a row, level by level."""

    classes: list[PositionClass]
    base: Integers
    """Where each class begins."""
    shape: Integers
    """Number of the shape of each class: what is left of it when its beginning is taken away."""
    levels: list[tuple[Integers, Integers, Any]]
    """(lowest value, highest value, how often each shape occurs) of each block."""

    @classmethod
    def of(cls, classes: list[PositionClass], kind: Any) -> _Axis:
        import numpy as np

        base = [c.states[0].low for c in classes]
        shapes: dict[tuple[object, ...], int] = {}
        shape = [shapes.setdefault(_shape(c, b), len(shapes)) for c, b in zip(classes, base, strict=True)]
        low = np.array([min(min(s.low, s.old_low) for s in c.states) for c in classes], dtype=np.int64)
        high = np.array(
            [max(max(s.low + s.extent, s.old_low + s.old_extent) for s in c.states) - 1 for c in classes],
            dtype=np.int64,
        )
        often = np.zeros((len(shapes), len(classes)), dtype=kind)
        often[shape, range(len(classes))] = [c.multiplicity for c in classes]
        levels = [(low, high, often)]
        while len(low) > 1:
            first = np.arange(0, len(low), 2)
            low, high = np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
            often = np.add.reduceat(often, first, axis=1)
            levels.append((low, high, often))
        return cls(classes, np.array(base, dtype=np.int64), np.array(shape, dtype=np.int64), levels)

    @property
    def shapes(self) -> int:
        return len(self.levels[0][2])

    def level(self, level: int) -> tuple[Integers, Integers, Any]:
        return self.levels[min(level, len(self.levels) - 1)]

    def one_of(self, block: int, level: int, shape: int) -> PositionClass:
        """Return the first class of a shape in a block."""
        size = 1 << min(level, len(self.levels) - 1)
        return next(
            self.classes[at]
            for at in range(block * size, min(len(self.classes), (block + 1) * size))
            if self.shape[at] == shape
        )


def _by_shape(classes: Sequence[PositionClass]) -> list[PositionClass]:
    """Tell positions that all images follow alike by their shape alone."""
    found: dict[object, PositionClass] = {}
    for c in classes:
        shape = _shape(c, c.states[0].low)
        known = found.get(shape)
        found[shape] = c if known is None else known._replace(multiplicity=known.multiplicity + c.multiplicity)
    return list(found.values())


def _shape(c: PositionClass, base: int) -> tuple[object, ...]:
    return tuple((s.place, s.low - base, s.extent, s.old_low - base, s.old_extent) for s in c.states)


class _Gathering:
    """The positions of the rank variables of a group, one axis each."""

    def __init__(self, group: Group, classes: Sequence[list[PositionClass]]) -> None:
        import numpy as np

        every = math.prod(sum(c.multiplicity for c in listed) for listed in classes)
        self.kind: Any = np.int64 if every < MOST else object
        self.group = group
        self.axes = [_Axis.of(listed, self.kind) for listed in classes]
        self.place = {v: k for k, v in enumerate(group.rank_variables)}
        self.found: Alike = {}

    def alike(self, most: int) -> Alike:
        import numpy as np

        top = max(len(axis.levels) for axis in self.axes) - 1
        waiting = [(top, [np.zeros(1, dtype=np.int64)] * len(self.axes))]
        looked_at = 0
        while waiting:
            level, blocks = waiting.pop()
            if len(blocks[0]) > TOGETHER:
                half = len(blocks[0]) // 2
                waiting += [(level, [b[:half] for b in blocks]), (level, [b[half:] for b in blocks])]
                continue
            looked_at += len(blocks[0])
            if looked_at > most:
                raise TooManyNearError
            near = self.near(level, blocks)
            self.take_far(level, [b[~near] for b in blocks])
            blocks = [b[near] for b in blocks]
            if level and len(blocks[0]):
                waiting.append((level - 1, self.halved(level, blocks)))
            else:
                self.take_near(blocks)
                if len(self.found) > most // KINDS_SHARE:
                    raise TooManyNearError
        return self.found

    def near(self, level: int, blocks: Sequence[Integers]) -> npt.NDArray[np.bool_]:
        """Whether the hulls of two images may share a word, or one may lie at an edge."""
        import numpy as np

        if self.group.boxes or self.group.is_looked_up:  # what is between the images counts, or is anywhere
            return np.ones(len(blocks[0]), dtype=np.bool_)
        ends = [axis.level(level)[:2] for axis in self.axes]
        hulls = [[self.hull(form.constant, form.terms, ends, blocks) for form in i] for i in self.group.images]
        found = np.zeros(len(blocks[0]), dtype=np.bool_)
        for edge in self.group.edges:
            first, last = self.hull(edge.index.constant, edge.index.terms, ends, blocks)
            found |= (first < 0) | (last >= edge.extent)
        for one, other in combinations(hulls, 2):
            meet = np.ones(len(blocks[0]), dtype=np.bool_)
            for (low, high), (least, last) in zip(one, other, strict=True):
                meet &= (low <= last) & (least <= high)
            found |= meet
        return found

    def hull(
        self,
        constant: int,
        terms: Sequence[tuple[str, int]],
        ends: Sequence[tuple[Integers, Integers]],
        blocks: Sequence[Integers],
    ) -> tuple[Any, Any]:
        first: Any = constant
        last: Any = constant
        for v, c in terms:
            k = self.place[v]
            low, high = (c * end[blocks[k]] for end in ends[k][:: 1 if c > 0 else -1])
            first, last = first + low, last + high
        return first, last

    def halved(self, level: int, blocks: Sequence[Integers]) -> list[Integers]:
        import numpy as np

        found = list(blocks)
        for k, axis in enumerate(self.axes):
            if level < len(axis.levels):
                most = len(axis.levels[level - 1][0])
                second = 2 * found[k] + 1
                there = second < most
                found = [np.concatenate((b, b[there])) for b in found]
                found[k] = np.concatenate((second - 1, second[there]))
        return found

    def take_far(self, level: int, blocks: Sequence[Integers]) -> None:
        """Take in blocks of positions that are far: only shapes tell them apart."""
        import numpy as np

        if not len(blocks[0]):
            return
        often = [axis.level(level)[2] for axis in self.axes]
        for shapes in product(*(range(axis.shapes) for axis in self.axes)):
            count = math.prod((o[s][b] for o, s, b in zip(often, shapes, blocks, strict=True)), start=np.int64(1))
            total = int(count.sum())
            if total:
                at = int(np.flatnonzero(count)[0])
                here = zip(self.axes, blocks, shapes, strict=True)
                self.take(shapes, total, (axis.one_of(int(b[at]), level, s) for axis, b, s in here))

    def take_near(self, blocks: Sequence[Integers]) -> None:
        """Take in single positions: their shapes and distances tell them apart."""
        import numpy as np

        if not len(blocks[0]):
            return
        columns = [axis.shape[b] for axis, b in zip(self.axes, blocks, strict=True)]
        base = [axis.base[b] for axis, b in zip(self.axes, blocks, strict=True)]
        moves = common_moves(self.group)
        for k, v in enumerate(self.group.rank_variables):
            if v not in moves:
                columns.append(base[k] - sum(move.get(v, 0) * base[self.place[w]] for w, move in moves.items()))
        code = np.zeros(len(blocks[0]), dtype=np.int64)
        first = code
        for column in columns:
            span = int(column.max()) - int(column.min()) + 1
            _, first, code = np.unique(code * span + (column - column.min()), return_index=True, return_inverse=True)
        each = math.prod(
            (axis.levels[0][2].sum(axis=0)[b] for axis, b in zip(self.axes, blocks, strict=True)), start=np.int64(1)
        )
        counts = np.zeros(len(first), dtype=self.kind)
        np.add.at(counts, code, each)
        for at, count in zip(first.tolist(), counts.tolist(), strict=True):
            key = tuple(int(column[at]) for column in columns)
            self.take(key, int(count), (axis.classes[b[at]] for axis, b in zip(self.axes, blocks, strict=True)))

    def take(self, key: tuple[int, ...], count: int, one: Iterator[PositionClass]) -> None:
        known = self.found.get(key)
        self.found[key] = (count, tuple(one)) if known is None else (known[0] + count, known[1])


def common_moves(group: Group) -> dict[str, dict[str, int]]:
    """Return moves that take all images along alike: rank variable that leads → (follower → steps of it for each step).

    There are none where some coordinates are left out, or looked up.
    Leaders follow nobody, so that every move of all leaders can be taken back without the others.
    """
    if group.edges or group.is_looked_up:
        return {}
    names = group.rank_variables
    rows = [
        [Fraction(first.get(v, 0) - other.get(v, 0)) for v in names]
        for image in group.images[1:]
        for first, other in zip(map(_steps, group.images[0]), map(_steps, image), strict=True)
    ]
    pivots: dict[int, list[Fraction]] = {}
    for row in rows:
        for at, by in pivots.items():
            row = [x - row[at] * y for x, y in zip(row, by, strict=True)]  # noqa: PLW2901
        if not any(row):
            continue
        at = next(k for k, x in enumerate(row) if x)
        row = [x / row[at] for x in row]  # noqa: PLW2901
        pivots = {k: [x - by[at] * y for x, y in zip(by, row, strict=True)] for k, by in pivots.items()}
        pivots[at] = row
    found = {}
    for k, v in enumerate(names):
        move = {names[at]: -by[k] for at, by in pivots.items() if by[k]}
        if k not in pivots and all(x.denominator == 1 for x in move.values()):
            found[v] = {w: int(x) for w, x in move.items()}
    return found


def _steps(form: Any) -> dict[str, int]:
    return dict(form.terms)
