"""Windows that leave their tensor (padding): how many words of a tile are inside.

A tile at the edge has fewer words than one further in, so a move is worth what moves like it bring on average: over
all positions from which the same loop moves the same tile. Their number times the average is the exact sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from costmodel.mapper.lattice.windows import Generator, Term, tile_bits

Integers = npt.NDArray[np.int64]


class Edge(NamedTuple):
    """Where a window is inside: 0 ≤ index < extent."""

    constant: int
    """Of the index, at the first positions."""
    extent: int
    """Of the tensor's rank."""


class Digit(NamedTuple):
    """Positions that one loop gives a rank variable: ``step · i`` for ``first ≤ i < until``."""

    until: int
    step: int
    first: int = 0


Along = tuple[Digit, ...]
"""Positions along one rank variable: all sums of those of its loops."""


@lru_cache(maxsize=500_000)
def average(
    edge: Edge, terms: tuple[Term, ...], children: tuple[Generator, ...], along: tuple[Along, ...], shift: int
) -> tuple[float, float]:
    """Return (words inside, those that no child has to be sent after a move by ``shift``), on average over positions.

    Words are those of the tiles of children together; ``along`` has the positions of each rank variable.

    >>> rows = ((Digit(3, 1),), ())  # of 2, 3 and 2 words
    >>> average(Edge(-1, 3), ((1, 1), (1, 3)), (), rows, 0)
    (2.3333333333333335, 2.3333333333333335)
    """
    bits, low = tile_bits(terms, False)
    offsets = {0}
    for distance, number in children:
        offsets = {o + distance * i for o in offsets for i in range(number)}
    lowest = min(offsets)
    union = asked = 0
    for offset in offsets:
        now = bits << (offset - lowest + abs(shift))
        union |= now
        asked |= now & ~(now << -shift if shift < 0 else now >> shift)
    bases = _values(edge.constant, [c for c, _ in terms], along) + (low + lowest - abs(shift))
    whole, kept = (int(_inside(words, bases, edge.extent).sum()) for words in (union, union & ~asked))
    return whole / len(bases), kept / len(bases)


@lru_cache(maxsize=100_000)
def largest(edge: Edge, terms: tuple[Term, ...], whole: tuple[int, ...]) -> int:
    """Return the most words inside that a tile has, wherever tiles of its size stand.

    >>> largest(Edge(-1, 3), ((1, 1), (1, 3)), (3, 3))
    3
    """
    bits, low = tile_bits(terms, False)
    along = tuple((Digit(n // extent, extent),) for (_, extent), n in zip(terms, whole, strict=True))
    bases = _values(edge.constant, [c for c, _ in terms], along) + low
    return int(_inside(bits, bases, edge.extent).max())


@lru_cache(maxsize=100_000)
def met(edge: Edge, coefficients: tuple[int, ...], told: tuple[Along, ...], some: tuple[Along, ...]) -> int:
    """Return at how many positions that are told apart some point is inside.

    >>> met(Edge(-1, 2), (1, 1), ((Digit(2, 1),), ()), ((), (Digit(3, 1),)))
    2
    """
    values = _values(edge.constant, coefficients, told)[:, None] + _values(0, coefficients, some)
    return int(((values >= 0) & (values < edge.extent)).any(axis=1).sum())


def _values(constant: int, coefficients: Sequence[int], along: Sequence[Along]) -> Integers:
    """Value of an index at every combination of positions."""
    found = np.array([constant], dtype=np.int64)
    for coefficient, digits in zip(coefficients, along, strict=True):
        for digit in digits:
            found = (found[:, None] + coefficient * digit.step * np.arange(digit.first, digit.until)).ravel()
    return found


def _inside(bits: int, bases: Integers, extent: int) -> Integers:
    """Return how many coordinates of a set are inside, for each place where it begins."""
    if not bits:
        return np.zeros(len(bases), dtype=np.int64)
    first = (bits & -bits).bit_length() - 1
    bits, bases, length = bits >> first, bases + first, bits.bit_length() - first
    if bits & (bits + 1) == 0:  # an interval
        ends: Integers = np.maximum(np.minimum(bases + length, extent) - np.maximum(bases, 0), 0)
        return ends
    words = np.array([at for at in range(length) if bits >> at & 1], dtype=np.int64)
    values = bases[:, None] + words
    found: Integers = ((values >= 0) & (values < extent)).sum(axis=1)
    return found
