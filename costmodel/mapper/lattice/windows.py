"""Sets of coordinates along one rank: how many words a tile has, and how many it keeps when it moves.

A rank whose index is a sum of several rank variables (``p + r``) is a window: neighbouring tiles share words. The
sets are small, so they are bits of a Python integer, and every distinct question is answered once.
"""

from __future__ import annotations

from functools import lru_cache

Term = tuple[int, int]
"""(coefficient of the rank variable, extent of its tile)."""
Generator = tuple[int, int]
"""(distance between neighbouring children, children)."""


@lru_cache(maxsize=200_000)
def tile_bits(terms: tuple[Term, ...], box: bool) -> tuple[int, int]:
    """Return (bits, lowest coordinate) of the coordinates that a tile touches; ``box`` fills its holes.

    >>> bin(tile_bits(((2, 3), (1, 1)), False)[0])
    '0b10101'
    """
    bits, low, span = 1, 0, 1
    for coefficient, extent in terms:
        step = abs(coefficient)
        low += min(0, coefficient * (extent - 1))
        span += step * (extent - 1)
        done = 1
        while done < extent:
            more = min(done, extent - done)
            bits |= bits << (step * more)
            done += more
    return ((1 << span) - 1 if box else bits), low


def words(terms: tuple[Term, ...], box: bool) -> int:
    """Return how many coordinates a tile touches.

    >>> words(((1, 14), (1, 3)), False)
    16
    """
    return tile_bits(terms, box)[0].bit_count()


@lru_cache(maxsize=500_000)
def union_and_kept(
    terms: tuple[Term, ...], generators: tuple[Generator, ...], shift: int, box: bool
) -> tuple[int, int]:
    """Return (words of the children's tiles together, words that no child has to be sent after a move by ``shift``).

    A word is not sent when every child that needs it now held it before the move.

    >>> union_and_kept(((1, 1), (1, 3)), (), 1, False)
    (3, 2)
    >>> union_and_kept(((1, 1), (1, 3)), ((1, 4),), 1, False)  # children at 0, 1, 2, 3 move on by 1
    (6, 2)
    """
    bits, _ = tile_bits(terms, box)
    if not generators:
        moved = bits << shift if shift >= 0 else bits >> -shift
        return bits.bit_count(), (bits & moved).bit_count()
    offsets = {0}
    for distance, children in generators:
        offsets = {o + distance * i for o in offsets for i in range(children)}
    lowest = min(offsets)
    base = abs(shift)
    union = asked = 0
    for offset in offsets:
        at = offset - lowest + base
        now = bits << at
        union |= now
        asked |= now & ~(bits << (at - shift))
    return union.bit_count(), (union & ~asked).bit_count()


def distinct_offsets(generators: tuple[Generator, ...]) -> int:
    """Return how many children along one rank work on different tiles."""
    offsets = {0}
    for distance, children in generators:
        offsets = {o + distance * i for o in offsets for i in range(children)}
    return len(offsets)
