"""Windows that leave their tensor (padding): how many words of a tile are inside.

A tile at the edge has fewer words than one further in, so a move is worth what moves like it bring on average: over
all positions from which the same loop moves the same tile. Their number times the average is the exact sum.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from costmodel.mapper.lattice.windows import Term, tile_bits

Integers = npt.NDArray[np.int64]


class Edge(NamedTuple):
    """Where a window is inside: 0 ≤ index < extent."""

    constant: int
    """Of the index, at the first positions."""
    extent: int
    """Of the tensor's rank."""


class Places(NamedTuple):
    """Positions along one rank variable: multiples of a step, but for those of a larger step (0: none is left out)."""

    whole: int
    step: int
    without: int = 0

    def listed(self) -> Integers:
        every = np.arange(0, self.whole, self.step)
        return every[every % self.without != 0] if self.without else every


@lru_cache(maxsize=500_000)
def average(edge: Edge, terms: tuple[Term, ...], places: tuple[Places, ...], shift: int) -> tuple[float, float]:
    """Return (words inside of a tile, those of them that are kept after a move by ``shift``), on average over places.

    >>> average(Edge(-1, 3), ((1, 1), (1, 3)), (Places(3, 1), Places(3, 3)), 0)  # rows of 2, 3 and 2 words
    (2.3333333333333335, 2.3333333333333335)
    """
    bits, low = tile_bits(terms, False)
    bases = _bases(edge, terms, places) + low
    whole = _inside(bits, bases, edge.extent)
    kept = _inside(bits & (bits >> shift if shift >= 0 else bits << -shift), bases, edge.extent)
    return int(whole.sum()) / len(bases), int(kept.sum()) / len(bases)


@lru_cache(maxsize=100_000)
def largest(edge: Edge, terms: tuple[Term, ...], whole: tuple[int, ...]) -> int:
    """Return the most words inside that a tile has, wherever tiles of its size stand.

    >>> largest(Edge(-1, 3), ((1, 1), (1, 3)), (3, 3))
    3
    """
    bits, low = tile_bits(terms, False)
    places = tuple(Places(n, extent) for (_, extent), n in zip(terms, whole, strict=True))
    return int(_inside(bits, _bases(edge, terms, places) + low, edge.extent).max())


def _bases(edge: Edge, terms: tuple[Term, ...], places: tuple[Places, ...]) -> Integers:
    """Value of the index at every combination of places."""
    bases = np.array([edge.constant], dtype=np.int64)
    for (coefficient, _), along in zip(terms, places, strict=True):
        bases = (bases[:, None] + coefficient * along.listed()).ravel()
    return bases


def _inside(bits: int, bases: Integers, extent: int) -> Integers:
    """Return how many coordinates of a set are inside, for each place where it begins."""
    length = bits.bit_length()
    if bits & (bits + 1) == 0:  # an interval that begins at its base
        ends: Integers = np.maximum(np.minimum(bases + length, extent) - np.maximum(bases, 0), 0)
        return ends
    words = np.array([at for at in range(length) if bits >> at & 1], dtype=np.int64)
    values = bases[:, None] + words
    found: Integers = ((values >= 0) & (values < extent)).sum(axis=1)
    return found
