"""First touches of an output with windows: words that come to a holder for the first time, so that nothing is fetched.

Whatever comes into a tile leaves it again: an output is drained as often as an input of the same accesses is filled. It
is filled as often less the words that its holder ever touches. How many these are follows from the tile shapes below
the arrays and how they are spread: a holder sees a sum of progressions along each window. What its parent is not asked
for is less, where neighbours take a word for the first time together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from costmodel.mapper.lattice import sumset, windows
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding_moves import SlidingMoves
from costmodel.mapper.lattice.tensor_plan import UnsupportedError, Window
from costmodel.mapper.lattice.windows import Term

MOST_TOLD = 1_000_000_000
"""Steps times instances times words along a window, of which it is told one by one who touches what."""


class SlidingTouches(SlidingMoves):
    """What is taken off for words that were never there before."""

    def first_touches(self, labels: Labels, tensor: int) -> None:
        """Take off what an output with windows is not read back, of labels that are spread over all arrays."""
        chain, settlement = self.space.chain[tensor], self.combinations.settlements[self.top]
        combination = labels.s[Layout.COMBO]
        for place in range(-1, len(chain)):
            holder = settlement.holder(tensor, place + 1)[combination]
            node = chain[place] if place >= 0 else -1
            kept = np.ones(labels.n, dtype=bool) if node < 0 else self._kept(labels, node)
            for m in np.unique(holder[kept]).tolist():
                columns = np.flatnonzero(kept & (holder == m))
                if node < 0:
                    self._updated(labels, columns, tensor, m)
                else:
                    self._filled(labels, columns, node, m)

    def _kept(self, labels: Labels, node: int) -> Any:
        return (labels.s[Layout.KEPT] & self.space.nodes[node].bit) != 0

    def _updated(self, labels: Labels, columns: Ints, tensor: int, holder: int) -> None:
        """Operations read what they add to, but for the first time."""
        s, prices = labels.s[:, columns], self.space.prices
        start = self.space.memories[holder].segment
        words = self._apart(s, tensor, start)
        for window in self.space.tensors[tensor].windows:
            words = words * self._seen(s, window, start, ()) * self._along(s, window, start)
        self._take_off(labels, columns, prices.flow["read"][:, tensor, prices.compute, holder], words)

    def _filled(self, labels: Labels, columns: Ints, node: int, holder: int) -> None:
        """A holder is filled with what it touched before."""
        space, plan = self.space, self.space.nodes[node]
        s = labels.s[:, columns]
        start, stop = self.segment_of[node], space.memories[holder].segment
        here = (plan.tensor, plan.memory, holder)
        words = self._first(s, node, start)
        self._take_off(labels, columns, space.prices.flow["fill"][:, *here], words)
        for a in range(start, stop):
            self._take_off(labels, columns, space.prices.hop[:, a, *here], words)
            words = self._first(s, node, a + 1)
        self._take_off(labels, columns, space.prices.flow["read"][:, *here], words)

    def _first(self, s: Ints, node: int, upto: int) -> Floats:
        """Return the words that come to a node for the first time, as arrays inside of ``upto`` deliver them."""
        start, t = self.segment_of[node], self.space.nodes[node].tensor
        united = self.space.united(start, upto, up=False)
        words = self._apart(s, t, united)
        for window in self.space.tensors[t].windows:
            words = words * self._together_first(s, node, window, united) * self._along(s, window, united)
        for a in range(united, upto):
            words = words * self.apart(s, t, a, up=False) / self.space.arrays[a].product[s[self.layout.way[a]]]
        return words

    def _take_off(self, labels: Labels, columns: Ints, prices: Floats, words: Floats) -> None:
        costs: dict[int, Floats] = {}
        self._charge(costs, labels.s[:, columns], prices, -words, self.top)
        for row, cost in costs.items():
            labels.f[row, columns] += cost

    def _apart(self, s: Ints, tensor: int, start: int) -> Floats:
        """Return what plain rank variables multiply words by, over the instances of arrays from one on."""
        plan = self.space.tensors[tensor]
        total = np.full(s.shape[1], float(np.prod([self.space.extents[v] for v in plan.plain], initial=1.0)))
        for a in range(start, self.top):
            total *= self.space.arrays[a].factors[s[self.layout.way[a]]][:, plan.idle].prod(axis=1)
        return total

    def _along(self, s: Ints, window: Window, start: int) -> Floats:
        """Return instances along a window, of arrays from one on."""
        total = np.ones(s.shape[1])
        for a in range(start, self.top):
            total *= self.space.arrays[a].factors[s[self.layout.way[a]]][:, list(window.rank_variables)].prod(axis=1)
        return total

    def _beyond(self, s: Ints, v: int, start: int) -> tuple[list[Ints], list[Ints]]:
        """Return (steps, counts) of the loops in time over ``v`` above the array ``start``."""
        below = [self.lattice.tile[v][s[row]].astype(np.int64) for row in self.layout.below[start:]]
        tiles = [*below, np.full(s.shape[1], self.space.extents[v])]
        steps, counts = [], []
        for a, (now, then) in enumerate(itertools.pairwise(tiles), start):
            steps.append(now * self.space.arrays[a].factors[s[self.layout.way[a]], v])
            counts.append(then // steps[-1])
        return steps, counts

    def _seen(self, s: Ints, window: Window, start: int, shifts: tuple[Term, ...]) -> Floats:
        """Return the words along a window that one instance inside of the arrays from ``start`` on ever touches."""
        steps: list[Ints] = [np.full(s.shape[1], step) for step, _ in shifts]
        counts: list[Ints] = [np.full(s.shape[1], count) for _, count in shifts]
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            more, times = self._beyond(s, v, start)
            whole = np.full(s.shape[1], self.space.extents[v])
            inside = self.lattice.tile[v][s[self.layout.below[start]]].astype(np.int64) if start < self.top else whole
            steps += [np.full(s.shape[1], abs(c)), *(abs(c) * step for step in more)]
            counts += [inside, *times]

        def exactly(column: int) -> int:
            terms = ((int(step[column]), int(count[column])) for step, count in zip(steps, counts, strict=True))
            return windows.words(tuple(terms), False)

        return sumset.sizes(np.stack(steps), np.stack(counts), exactly)

    def _together_first(self, s: Ints, node: int, window: Window, united: int) -> Floats:
        """Return the words along a window that neighbours take for the first time, together where they do at one step.

        Of the instances of arrays inside of ``united``.
        """
        start = self.segment_of[node]
        found = self._seen(s, window, start, window.shifts)
        columns = np.flatnonzero(self._along(s, window, start) > self._along(s, window, united))
        if not len(columns):
            return found
        distances, instances = self.children(s, window, range(start, united))
        tiles, loops = [], []
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            tile = self.lattice.tile[v][s[self.layout.tile[self.slot[node]]]].astype(np.int64)
            below = self.lattice.tile[v][s[self.layout.below[start]]].astype(np.int64)
            steps, counts = self._beyond(s, v, start)
            tiles.append((abs(c), tile))
            pairs = zip((tile, *steps), (below // tile, *counts), strict=True)
            loops.append([(abs(c) * step, count) for step, count in pairs])
        for column in columns.tolist():
            words = (*((c, int(tile[column])) for c, tile in tiles), *window.shifts)
            apart = tuple((int(d[column]), int(n[column])) for d, n in zip(distances, instances, strict=True))
            times = [tuple((int(step[column]), int(count[column])) for step, count in own) for own in loops]
            if alone := strangers(words, apart):
                found[column] *= alone
                continue
            orders = {first_together(words, order, apart) for order in _orders(times)}
            if len(orders) > 1:
                msg = "an array that merges what instances along a written window take first in an order of loops"
                raise UnsupportedError(msg)
            (found[column],) = orders
        return found


@lru_cache(maxsize=100_000)
def strangers(words: tuple[Term, ...], apart: tuple[Term, ...]) -> int:
    """Return how many different tiles instances have, if any two tiles are equal or have no word in common; else 0.

    >>> strangers(((2, 2),), ((1, 2),)), strangers(((1, 2),), ((1, 2),))
    (2, 0)
    """
    bits, _ = windows.tile_bits(words, False)
    offsets = set(_sums(apart))
    union = 0
    for offset in offsets:
        union |= bits << offset
    return len(offsets) if union.bit_count() == len(offsets) * bits.bit_count() else 0


@lru_cache(maxsize=100_000)
def first_together(words: tuple[Term, ...], times: tuple[Term, ...], apart: tuple[Term, ...]) -> int:
    """Return how many words instances take for the first time, those that several take at one step once.

    ``words`` are those of a tile, ``times`` (innermost first) the steps by which it moves on, ``apart`` how far
    instances are apart.

    Raises UnsupportedError where one instance takes a word for the first time and another one takes it again.

    Of two instances, at 0 and 1, that touch their place and the next: 0, 1 and 2, and then 2, 3 and 4.

    >>> first_together(((1, 1), (1, 2)), ((1, 1), (2, 2)), ((1, 2),))
    6
    """
    bits, _ = windows.tile_bits(words, False)
    offsets, times = _sums(apart), _joined(times)
    more = 0
    if len(times) == 1:
        # once a tile has moved by all its length, each step is like the one before
        ((step, count),) = times
        told = min(count, bits.bit_length() // step + 2)
        times, more = ((step, told),), count - told
    places = _sums(times)
    if len(places) * len(offsets) * (places[-1] + offsets[-1] + bits.bit_length()) > MOST_TOLD:
        msg = "a written window whose words are too many to be told one by one"
        raise UnsupportedError(msg)
    seen = [0] * len(offsets)
    total = now_first = 0
    for place in places:
        first = again = 0
        for i, offset in enumerate(offsets):
            now = bits << (place + offset)
            first |= now & ~seen[i]
            again |= now & seen[i]
            seen[i] |= now
        if first & again:
            msg = "words of a written window that one instance takes for the first time and another one again"
            raise UnsupportedError(msg)
        now_first = first.bit_count()
        total += now_first
    return total + more * now_first


def _joined(times: Sequence[Term]) -> tuple[Term, ...]:
    """Return loops that lead to the same places in the same order, in as few as may be.

    >>> _joined(((1, 4), (4, 1), (4, 8), (64, 2)))
    ((1, 32), (64, 2))
    """
    found: list[Term] = []
    for step, count in times:
        if count == 1:
            continue
        if found and found[-1][0] * found[-1][1] == step:
            found[-1] = (found[-1][0], found[-1][1] * count)
        else:
            found.append((step, count))
    return tuple(found)


def _orders(loops: Sequence[tuple[Term, ...]]) -> set[tuple[Term, ...]]:
    """Return every order of the loops of several rank variables, each of which has its own in order."""
    left = [tuple(loop for loop in own if loop[1] > 1) for own in loops]
    if not any(left):
        return {()}
    found: set[tuple[Term, ...]] = set()
    for at, own in enumerate(left):
        if own:
            rest = [*left[:at], own[1:], *left[at + 1 :]]
            found |= {(own[0], *order) for order in _orders(rest)}
    return found


def _sums(terms: Iterable[Term]) -> list[int]:
    """Return what steps lead to, the first one innermost."""
    found = [0]
    for step, count in terms:
        found = [place + step * i for i in range(count) for place in found]
    return found
