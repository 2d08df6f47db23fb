"""Pareto sets: smaller is better everywhere."""

from __future__ import annotations

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
