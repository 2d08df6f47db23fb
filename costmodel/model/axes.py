"""Sums over the positions of one rank variable, for arrays of tiles that need not divide the ones above.

A count of words is a sum over events of products over rank variables (``tiles.py``). Here are the factors of these
products, one entry per row of tiles. Where tiles do not divide, a loop cuts an extent into full tiles and at most one
rest; so a position is told by its extent, and few extents occur: the full tile and one rest per loop above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
How = Literal["time", "each", "first"]
"""A loop in time; one in space whose instances all count; one in space of which only the first instance counts."""
Piece = tuple[Integers, Integers]
"""(extent, how often it occurs)."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The loops of one rank variable above a node, outermost first, at one event.

    The first ``outside`` loops hold their positions, which are enumerated; with ``steps`` the next one moves on by one.
    All others begin anew: the new position is the first, the old one the last at which the instance had work.
    """

    extent: int
    tiles: tuple[Integers, ...]
    """No larger than what the loop above leaves."""
    how: tuple[How, ...]
    outside: int
    steps: bool = False

    def arriving(self, *, counted: bool = False) -> Integers:
        """Sum of the extents at the new positions; with ``counted`` the number of positions."""
        pieces = self._split()
        for tile, how in zip(self.tiles[self._edge :], self.how[self._edge :], strict=True):
            pieces = _cut(pieces, tile) if how == "each" else [(np.minimum(e, tile), n) for e, n in pieces]
        return _total((e > 0 if counted else e) * n for e, n in pieces)

    def leaving(self) -> Integers:
        """Sum of the extents that the instances with work at the new positions held before."""
        return _total(n * self._held(self._edge, now, old) for now, old, n in self._changes())

    def staying(self, *, counted: bool = False) -> Integers:
        """Sum of what new and old extents share; with ``counted`` the number of positions where both are the same."""
        if self.steps:
            return _ZERO
        return _total(n * self._same(self._edge, now, old, counted=counted) for now, old, n in self._changes())

    @property
    def _edge(self) -> int:
        return self.outside + self.steps

    def _positions(self) -> list[Piece]:
        """Extents at the positions of the loops outside."""
        pieces: list[Piece] = [(np.array([self.extent], dtype=np.int64), _ONE)]
        for tile, how in zip(self.tiles[: self.outside], self.how[: self.outside], strict=True):
            pieces = [(np.minimum(e, tile), n) for e, n in pieces] if how == "first" else _cut(pieces, tile)
        return pieces

    def _split(self) -> list[Piece]:
        return [(now, n) for now, _, n in self._changes()]

    def _changes(self) -> list[tuple[Integers, Integers, Integers]]:
        """(new extent, old extent, how often) where new and old part."""
        if not self.steps:
            return [(e, e, n) for e, n in self._positions()]
        tile = self.tiles[self.outside]
        found = []
        for e, n in self._positions():
            found.append((tile, tile, n * np.maximum(e // tile - 1, 0)))
            found.append((e % tile, tile, n * (e > tile)))
        return found

    def _held(self, at: int, now: Integers, old: Integers) -> Integers:
        """Sum of the last extents within ``old``, over the instances that have work within ``now`` (≤ old)."""
        if at == len(self.tiles):
            return old * (now > 0)
        tile, how = self.tiles[at], self.how[at]
        if how == "each":
            full = now // tile
            rest = self._held(at + 1, now % tile, np.minimum(tile, old - full * tile))
            return full * self._held(at + 1, tile, tile) + rest
        if how == "first":
            return self._held(at + 1, np.minimum(now, tile), np.minimum(old, tile))
        now, last = np.minimum(now, tile), _last(old, tile)
        there = self._held(at + 1, np.minimum(now, last), last)
        if not self._apart(at) or not (old > tile).any():
            return there
        # instances without work in the last position held what the one before it, a full tile, left them
        return there + self._held(at + 1, now, tile) - self._held(at + 1, np.minimum(now, last), tile)

    def _same(self, at: int, now: Integers, old: Integers, *, counted: bool) -> Integers:
        """Sum of what is first and last within ``old``, over the instances that have work within ``now`` (≤ old)."""
        if at == len(self.tiles):
            return (now > 0) * (_ONE if counted else old)
        tile, how = self.tiles[at], self.how[at]
        if how == "each":
            full = now // tile
            rest = self._same(at + 1, now % tile, np.minimum(tile, old - full * tile), counted=counted)
            return full * self._same(at + 1, tile, tile, counted=counted) + rest
        if how == "first":
            return self._same(at + 1, np.minimum(now, tile), np.minimum(old, tile), counted=counted)
        now = np.minimum(now, tile)
        once = (old <= tile) * self._same(at + 1, now, np.minimum(old, tile), counted=counted)
        twice = (old > tile) & (old <= 2 * tile)
        if not self._apart(at) or not twice.any():
            return once
        last = np.minimum(now, _last(old, tile))
        alone = self._same(at + 1, now, tile, counted=counted) - self._same(at + 1, last, tile, counted=counted)
        return once + twice * alone

    def _apart(self, at: int) -> bool:
        """Whether instances inside of a loop may have work at different positions of it."""
        return "each" in self.how[at + 1 :]


_ONE = np.ones(1, dtype=np.int64)
_ZERO = np.zeros(1, dtype=np.int64)


def _total(terms: Iterable[Integers]) -> Integers:
    total = _ZERO
    for term in terms:
        total = total + term
    return total


def _cut(pieces: Sequence[Piece], tile: Integers) -> list[Piece]:
    """Cut every piece into full tiles and a rest."""
    full: Piece = (tile, _total(n * (e // tile) for e, n in pieces))
    return [full, *((e % tile, n) for e, n in pieces)]


def _last(extent: Integers, tile: Integers) -> Integers:
    """Extent of the last tile."""
    return extent - (extent - 1) // tile * tile
