"""Pareto sets: smaller is better everywhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TIE = 1e-12
"""Relative difference below which two sums of floats are the same number, summed in another order."""


def group_front(key: Ints, costs: Sequence[Floats], looks: int = 12) -> Ints:
    """Return the rows that survive dominance within groups of equal ``key``, sorted by key and first cost.

    With one or two costs every dominated row goes; with more, a row is compared with its ``looks`` neighbours, so
    some dominated rows may stay (that costs time, never truth).
    """
    order = np.lexsort((*reversed(costs), key))
    group = key[order]
    if len(order) < 2:
        return order
    new = np.empty(len(order), dtype=bool)
    new[0] = True
    new[1:] = group[1:] != group[:-1]
    if len(costs) == 1:
        return order[new]
    if len(costs) == 2:
        second = costs[1][order]
        rank = np.unique(second, return_inverse=True)[1].astype(np.int64)
        number = np.cumsum(new) - 1
        low = np.minimum.accumulate(rank - number * (len(order) + 1))
        low = low + number * (len(order) + 1)
        keep = new.copy()
        keep[1:] |= rank[1:] < low[:-1]
        return order[keep]
    for look in range(1, looks + 1):
        group = key[order]
        n = len(order)
        if n <= look:
            break
        worse = group[look:] == group[:-look]
        for cost in costs[1:]:
            if not worse.any():
                break
            sorted_cost = cost[order]
            worse &= sorted_cost[:-look] <= sorted_cost[look:]
        if worse.any():
            order = order[np.concatenate((np.ones(look, dtype=bool), ~worse))]
    return order


def pareto(costs: Floats, ties: Floats | None = None) -> Ints:
    """Return the rows that no other row of ``costs`` is at least as good as in everything, sorted by them.

    Of rows that are equal (up to ``TIE``), the one stays that is least in ``ties``, by its first column, then the
    next; then the first. Exact in any number of columns.

    >>> pareto(np.array([[2.0, 2, 2], [1, 3, 3], [2, 2, 1], [3, 3, 3]])).tolist()
    [1, 2]
    """
    ranks = _ranks(costs)
    others = ranks[:, :0] if ties is None else _ranks(ties)
    order = np.lexsort(np.concatenate((ranks, others), axis=1).T[::-1])
    ranks = ranks[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (ranks[1:] != ranks[:-1]).any(axis=1)
    order, ranks = order[new], ranks[new]
    count, dimensions = ranks.shape
    if count < 2:
        return order
    if dimensions == 1:
        return order[:1]
    if dimensions == 2:
        least = np.minimum.accumulate(ranks[:, 1])
        keep = np.ones(count, dtype=bool)
        keep[1:] = ranks[1:, 1] < least[:-1]
        return order[keep]
    return order[_staircase(ranks) if dimensions == 3 else _one_by_one(ranks)]


def _ranks(costs: Floats) -> Ints:
    """Number the values of each column by size, equal ones alike."""
    ranks = np.zeros(costs.shape, dtype=np.int64)
    for column in range(costs.shape[1]):
        values = costs[:, column]
        order = np.argsort(values, kind="stable")
        known = values[order]
        ranks[order[1:], column] = np.cumsum(known[1:] > known[:-1] * (1 + TIE))
    return ranks


def _staircase(ranks: Ints) -> Ints:
    """Return the rows to keep of three columns, sorted by the first: a staircase of the other two."""
    seconds: list[int] = []
    thirds: list[int] = []
    """Growing seconds with falling thirds: the corners so far."""
    kept = []
    for place, (_, second, third) in enumerate(ranks.tolist()):
        at = bisect_right(seconds, second)
        if at and thirds[at - 1] <= third:
            continue
        kept.append(place)
        first = bisect_left(seconds, second)
        last = first
        while last < len(thirds) and thirds[last] >= third:
            last += 1
        seconds[first:last], thirds[first:last] = [second], [third]
    return np.array(kept, dtype=np.int64)


def _one_by_one(ranks: Ints) -> Ints:
    """Return the rows to keep of any number of columns, sorted by the first."""
    kept: list[int] = []
    corners = np.empty_like(ranks)
    for place, row in enumerate(ranks):
        if not (corners[: len(kept)] <= row).all(axis=1).any():
            corners[len(kept)] = row
            kept.append(place)
    return np.array(kept, dtype=np.int64)


class Incumbents:
    """The best (energy, latency) pairs so far, each with what made it."""

    def __init__(self) -> None:
        self.energy: Floats = np.empty(0)
        self.latency: Floats = np.empty(0)
        self.items: list[Any] = []

    def add(self, energy: Floats, latency: Floats, items: Sequence[Any]) -> None:
        """Take in new points; those that are dominated (ties: the earlier stays) are dropped."""
        e = np.concatenate((self.energy, energy))
        cycles = np.concatenate((self.latency, latency))
        every = [*self.items, *items]
        order = np.lexsort((np.arange(len(e)), e, cycles))
        kept, best = [], np.inf
        for i in order:
            if e[i] < best * (1 - TIE):
                kept.append(i)
                best = e[i]
        self.energy, self.latency = e[kept], cycles[kept]
        self.items = [every[i] for i in kept]

    def beaten(self, energy: Floats, latency: Floats) -> npt.NDArray[np.bool_]:
        """Whether some point is at least as good in both (up to rounding)."""
        if not len(self.energy):
            return np.zeros(len(energy), dtype=bool)
        at = np.searchsorted(self.latency, latency * (1 + TIE), side="right") - 1
        best = np.where(at >= 0, self.energy[np.maximum(at, 0)], np.inf)
        found: npt.NDArray[np.bool_] = energy >= best * (1 - TIE)
        return found
