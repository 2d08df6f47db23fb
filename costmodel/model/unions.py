"""Words of unions of boxes at many positions at once.

Where a tensor is accessed in ways that move apart, its tile is a union of boxes, one for each access. By inclusion and
exclusion the words of a union are sums over intersections of boxes, which are boxes again: a product over ranks of
the length of an intersection of intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

from costmodel.einsum.algebra import Affine
from costmodel.model.alike import FEW, MOST, Combination
from costmodel.model.groups import Group

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Box:
    """What one access touches at every position: the ends along every rank."""

    low: tuple[Integers, ...]
    high: tuple[Integers, ...]


class Unions:
    """The tiles of a group at some positions of one instance each, now and before."""

    def __init__(self, group: Group, positions: Sequence[Combination]) -> None:
        import numpy as np

        self.group = group
        columns = [[c.states[0] for c in listed] for listed in zip(*positions, strict=True)]
        ends = {
            v: np.array([(s.low, s.low + s.extent - 1, s.old_low, s.old_low + s.old_extent - 1) for s in states])
            for v, states in zip(group.rank_variables, columns, strict=True)
        }
        self.now = self._boxes({v: (e[:, 0], e[:, 1]) for v, e in ends.items()})
        self.old = self._boxes({v: (e[:, 2], e[:, 3]) for v, e in ends.items()})

    def words(self, *, old: bool = False) -> Integers:
        """Words of the tile at every position."""
        return _sum(sign * _shared(boxes) for sign, boxes in _meetings(self.old if old else self.now))

    def kept(self, *, refetch: bool) -> Integers:
        """Words that the tiles now and before have in common; with ``refetch`` only where they are equal."""
        common = self._common()
        return self._where_equal(common, common) if refetch else common

    def stays(self) -> Integers:
        """1 at every position at which the tile is the one before, else 0."""
        return self._where_equal(self._common(), 1)

    def _common(self) -> Integers:
        return _sum(
            sign * other * _shared((*boxes, *more))
            for sign, boxes in _meetings(self.now)
            for other, more in _meetings(self.old)
        )

    def _where_equal(self, common: Integers, then: Integers | int) -> Integers:
        import numpy as np

        return np.where((common == self.words()) & (common == self.words(old=True)), then, 0)

    def _boxes(self, ends: dict[str, tuple[Integers, Integers]]) -> list[_Box]:
        import numpy as np

        found = []
        for image in self.group.images:
            pairs = [_interval(form, ends) for form in image]
            found.append(_Box(tuple(low for low, _ in pairs), tuple(high for _, high in pairs)))
        if not self.group.boxes:
            return found
        low = tuple(reduce(np.minimum, ranks) for ranks in zip(*(box.low for box in found), strict=True))
        high = tuple(reduce(np.maximum, ranks) for ranks in zip(*(box.high for box in found), strict=True))
        return [_Box(low, high)]


def one_each(group: Group, positions: Sequence[Combination]) -> bool:
    """Whether there are many positions, with one instance each, whose tiles fit into arrays."""
    if len(positions) < FEW or group.width * len(group.images) ** 2 >= MOST:
        return False
    return all(len(c.states) == 1 for chosen in positions for c in chosen)


def weighed(counts: Sequence[int], words: Integers) -> int:
    """Sum words, each as often as it occurs."""
    import numpy as np

    kind = np.int64 if max(counts) * int(words.max()) * len(counts) < MOST else object
    return int((np.array(counts, dtype=kind) * words).sum())


def _interval(form: Affine, ends: dict[str, tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    import numpy as np

    count = len(next(iter(ends.values()))[0])
    low = np.full(count, form.constant)
    high = low
    for v, c in form.terms:
        first, last = ends[v][:: 1 if c > 0 else -1]
        low, high = low + c * first, high + c * last
    return low, high


def _meetings(boxes: Sequence[_Box]) -> Iterator[tuple[int, tuple[_Box, ...]]]:
    """Yield every set of boxes with the sign of what they share in the words of the union."""
    for count in range(1, len(boxes) + 1):
        for chosen in combinations(boxes, count):
            yield (-1) ** (count + 1), chosen


def _shared(boxes: Sequence[_Box]) -> Integers:
    """Words that boxes share at every position."""
    import numpy as np

    low = [reduce(np.maximum, ranks) for ranks in zip(*(box.low for box in boxes), strict=True)]
    high = [reduce(np.minimum, ranks) for ranks in zip(*(box.high for box in boxes), strict=True)]
    return reduce(np.multiply, (np.maximum(b - a + 1, 0) for a, b in zip(low, high, strict=True)))


def _sum(terms: Iterator[Integers]) -> Integers:
    total = next(terms)
    for term in terms:
        total = total + term
    return total
