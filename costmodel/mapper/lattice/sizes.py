"""Tile sizes of one rank variable, and which stands above which.

With tiles that divide these are the divisors of its extent N. With *multiples*, a tile is a multiple of the one below
it, and what N leaves over falls to the outermost loops: of N / t tiles, rounded up, the last one is smaller. Below the
outermost array tiles divide N all the same. From that array on,

- a loop, or the array, joins no more tiles than it has to: k of n with one fewer would make one more of what is above
  (so k = ⌈n / Q⌉ for the Q tiles above: 13 on 12 instances are 7 on 7, in two steps);
- a tile that is not the whole extent leaves room for at least two whole tiles below it in what is left over. So no
  loop but the outermost of its rank variable leaves an instance with less than two steps, and whatever a loop moves it
  moves in every instance and at every turn.

Where that comes to too many sizes, multiples are *few*: only the array may leave something over. Above it a tile that
divides N has tiles above it that divide N, and any other one has the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from costmodel.mapper.divisors import divisors_of

Ints = npt.NDArray[np.int64]

NO_RANKS = {"": 1}
"""The iteration space of an Einsum without rank variables: one point, along an axis that no loop names."""


@dataclass(frozen=True)
class Sizes:
    """The tile sizes of one rank variable."""

    extent: int
    multiples: bool = False
    """Whether tiles may leave something over."""
    below: bool = False
    """Whether there is an array, below which tiles divide."""
    most: int = 1
    """Instances of the outermost array that the rank variable may take."""
    few: bool = False
    """Whether only the array may leave something over."""
    steady: bool = False
    """Whether every instance has to take at least two steps in time, whatever the loop."""

    @cached_property
    def values(self) -> Ints:
        """All sizes, from 1 to the extent."""
        if not self.multiples:
            return divisors_of(self.extent)
        found, todo = {self.extent}, [1]
        if self.below:
            todo = [int(s) * a for s in divisors_of(self.extent) for a in self.spreads(int(s))]
        while todo:
            size = todo.pop()
            if size not in found:
                found.add(size)
                todo += self._above(size)
        return np.array(sorted(found), dtype=np.int64)

    def spreads(self, size: int) -> list[int]:
        """Return over how many instances of the outermost array tiles of a size that divides may be spread."""
        if not self.multiples:
            return [int(a) for a in divisors_of(self.extent // size)]
        some = joined(self.extent // size, self.most)
        return [1, *(a for a in some if not self.steady or self._two_steps(size * a))]

    def _two_steps(self, size: int) -> bool:
        """Whether an instance that has no part in the last tile of a size takes two steps all the same."""
        return self.extent % size == 0 or self.extent > 2 * size

    def _above(self, size: int) -> list[int]:
        """Return the tiles above a tile and one loop in time, at the outermost array and above."""
        if self.few:
            whole = [int(d) for d in divisors_of(self.extent) if d > size and d % size == 0]
            return whole if self.extent % size == 0 else [self.extent]
        number = -(-self.extent // size)
        found = []
        for k in joined(number, number):
            rest = self.extent - (-(-number // k) - 1) * size * k
            if k == number or rest >= 2 * size:
                found.append(min(size * k, self.extent))
        return found

    @cached_property
    def dividing(self) -> npt.NDArray[np.bool_]:
        """For each size: whether it divides the extent."""
        found: npt.NDArray[np.bool_] = self.extent % self.values == 0
        return found

    @cached_property
    def number(self) -> Ints:
        """For each size: tiles of it."""
        found: Ints = -(-self.extent // self.values)
        return found

    @cached_property
    def inside(self) -> list[list[int]]:
        """For each size (place): those that one loop in time below an array makes of it."""
        if self.multiples and not self.below:
            return [[] for _ in self.values]
        whole = [int(d) if good else 0 for d, good in zip(self.values, self.dividing, strict=True)]
        return [
            [j for j in range(i + 1, len(whole)) if d and whole[j] and whole[j] % d == 0] for i, d in enumerate(whole)
        ]

    @cached_property
    def outside(self) -> list[list[int]]:
        """For each size (place): those that one loop in time above the arrays makes of it."""
        if not self.multiples:
            return self.inside
        return [np.searchsorted(self.values, self._above(int(size))).tolist() for size in self.values]

    @cached_property
    def reached(self) -> list[list[int]]:
        """For each size (place): the next ones on every way up, by whatever loops; of those that divide, the least."""
        place = {int(size): i for i, size in enumerate(self.values)}
        if not self.multiples:
            primes = [int(p) for p in self.values[1:] if all(p % q for q in self.values[1:] if q < p)]
            return [[place[int(d) * p] for p in primes if int(d) * p in place] for d in self.values]
        found = []
        for size, inner, outer, whole in zip(self.values, self.inside, self.outside, self.dividing, strict=True):
            spread = self.spreads(int(size))[1:] if whole and self.below else []
            found.append(sorted({*inner, *outer, *(place[int(size) * a] for a in spread)}))
        return found

    def instances(self) -> list[int]:
        """Return all numbers of instances of the outermost array that some tile may be spread over."""
        return sorted({a for size in divisors_of(self.extent) for a in self.spreads(int(size))})

    def chains(self, most: int) -> Ints:
        """Return (sizes, loops): ways up from each size to the extent, in up to so many loops above the arrays."""
        found = np.zeros((len(self.values), most + 1), dtype=object)
        found[-1, 0] = 1
        for loops, i in itertools.product(range(1, most + 1), reversed(range(len(self.values) - 1))):
            found[i, loops] = sum(found[j, loops - 1] for j in self.outside[i])
        return found


@lru_cache(maxsize=1 << 14)
def joined(number: int, most: int) -> tuple[int, ...]:
    """Return how many of so many tiles one tile above them may join, up to the most: no more than it has to.

    >>> joined(13, 12)
    (2, 3, 4, 5, 7)
    """
    every = np.arange(2, min(number, most) + 1)
    above = -(-number // every)
    return tuple(every[every == -(-number // above)].tolist())


def parts(numbers: Iterable[int]) -> list[int]:
    """Return all divisors of some numbers.

    >>> parts([4, 7])
    [1, 2, 4, 7]
    """
    return sorted({int(d) for number in numbers for d in divisors_of(number)} | {1})
