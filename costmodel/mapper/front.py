"""Pareto sets: smaller is better everywhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from costmodel.spec.objective import Objective, vector_of

if TYPE_CHECKING:
    from costmodel.mapper.result import MappingPoint

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
    others = [cost[order] for cost in costs[1:]]
    for look in range(1, looks + 1):
        worse = group[look:] == group[:-look]
        if not worse.any():  # nor further apart, for groups stand together
            break
        for cost in others:
            worse &= cost[:-look] <= cost[look:]
        if worse.any():
            keep = np.concatenate((np.ones(look, dtype=bool), ~worse))
            order, group, others = order[keep], group[keep], [cost[keep] for cost in others]
    return order


def pareto(costs: Floats, ties: Floats | None = None) -> Ints:
    """Return the rows that no other row of ``costs`` is at least as good as in everything, sorted by them.

    Of rows that are equal (up to ``TIE``), the one stays that is least in ``ties``, by its first column, then the
    next; then the first. Exact in any number of columns.

    >>> pareto(np.array([[2.0, 2, 2], [1, 3, 3], [2, 2, 1], [3, 3, 3]])).tolist()
    [1, 2]
    """
    if ties is None and costs.shape[1] == 2:
        few = _undominated(costs)
        costs = costs[few]
        rising, falling = costs[:, 0], costs[::-1, 1]
        if all((column[1:] > column[:-1] * (1 + TIE)).all() for column in (rising, falling)):
            return few
        kept: Ints = few[_pareto(costs, None)]
        return kept
    return _pareto(costs, ties)


def select(points: Sequence[MappingPoint], aim: Objective) -> list[MappingPoint]:
    """Return the front, best of the first objective first, or the best point; ties go to less energy, then latency."""
    costs = np.array([vector_of(point) for point in points], dtype=np.float64)
    return [points[place] for place in pareto(aim.values(*costs.T).T, costs)]


def on_front(costs: Floats) -> npt.NDArray[np.bool_]:
    """Whether each row is on the front; equal rows are all on it.

    >>> on_front(np.array([[1.0, 3], [2, 2], [2, 3], [1, 3]])).tolist()
    [True, True, False, True]
    """
    if not len(costs):
        return np.zeros(0, dtype=np.bool_)
    _, same = np.unique(_ranks(costs), axis=0, return_inverse=True)
    found: npt.NDArray[np.bool_] = np.isin(same, same[pareto(costs)])
    return found


def _undominated(costs: Floats) -> Ints:
    """Return the rows of two columns that none is strictly ahead of or equal to: a quick sieve, blind to rounding."""
    order = np.lexsort((costs[:, 1], costs[:, 0]))
    second = costs[order, 1]
    least = np.minimum.accumulate(np.concatenate(([np.inf], second[:-1])))
    kept: Ints = order[second < least]
    return kept


def _pareto(costs: Floats, ties: Floats | None) -> Ints:
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
    """The best mappings so far: (energy, latency, capacity) and what made each.

    A mapping that is no better in any cost than another one is not kept; nor is one that is worse in an objective and
    no better in the others.
    """

    def __init__(self, aim: Objective) -> None:
        self.aim = aim
        self.asked, self.uses_capacity = frozenset(aim.costs), aim.uses_capacity
        units = {p for p in aim.powers if sorted(p) == [0.0, 0.0, 1.0]}
        self.direct = {"energy", "latency"} <= self.asked and len(units) == len(self.asked)
        """Whether each cost that counts is an objective: what is no better in those is no better in their products."""
        self.costs: Floats = np.empty((3, 0))
        """Energy, latency and capacity, by latency."""
        self.items: list[Any] = []
        self.values: Floats = np.empty((len(aim.names), 0))

    def add(self, costs: Floats, items: Sequence[Any]) -> None:
        """Take in new points, (energy, latency, capacity) × points; of equal ones the earlier stays."""
        every = np.concatenate((self.costs, costs), axis=1)
        labelled = [*self.items, *items]
        order = np.lexsort((np.arange(every.shape[1]), every[2], every[0], every[1])).tolist()
        kept: list[int] = []
        for i in order:
            known = every[:, kept]
            if not (known <= every[:, [i]] * (1 + TIE)).all(axis=0).any():
                kept.append(i)
        values = self.aim.values(*every[:, kept])
        beaten = [
            bool(((values <= v * (1 + TIE)).all(axis=0) & (values < v * (1 - TIE)).any(axis=0)).any())
            for v in (values[:, [k]] for k in range(len(kept)))
        ]
        kept = [i for i, out in zip(kept, beaten, strict=True) if not out]
        self.costs, self.items = every[:, kept], [labelled[i] for i in kept]
        self.values = self.aim.values(*self.costs)

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> npt.NDArray[np.bool_]:
        """Whether nothing that costs at least so much can be better than what is known (up to rounding)."""
        if not self.items:
            return np.zeros(energy.shape, dtype=bool)
        found = np.zeros(energy.shape, dtype=bool)
        if not self.direct:
            values = self.aim.values(energy, latency, capacity)
            for known in self.values.T:
                no_better = np.ones(energy.shape, dtype=bool)
                worse = np.zeros(energy.shape, dtype=bool)
                for value, k in zip(values, known.tolist(), strict=True):
                    no_better &= value >= k * (1 - TIE)
                    worse |= value > k * (1 + TIE)
                found |= no_better & worse
        rest = ~found
        if rest.any():
            found[rest] = self._dominated(energy[rest], latency[rest], capacity[rest])
        return found

    @property
    def each(self) -> tuple[Incumbents, ...]:
        """Those of each architecture that is searched for."""
        return (self,)

    def learn(self) -> None:
        """Take note of what was added to ``each``."""

    def limit(self) -> float:
        """Return what a mapping has to cost less than, where energy or latency alone is asked for."""
        return float(self.values.min(initial=np.inf) * (1 - TIE))

    def _dominated(self, energy: Floats, latency: Floats, capacity: Floats) -> npt.NDArray[np.bool_]:
        """Whether a mapping is known that costs no more of anything."""
        found: npt.NDArray[np.bool_]
        if self.uses_capacity:
            found = np.zeros(energy.shape, dtype=bool)
            for e, cycles, bits in self.costs.T.tolist():
                found |= (energy >= e * (1 - TIE)) & (latency >= cycles * (1 - TIE)) & (capacity >= bits * (1 - TIE))
            return found
        known_energy, known_latency, _ = self.costs
        at = np.searchsorted(known_latency, latency * (1 + TIE), side="right") - 1
        found = (at >= 0) & (energy >= known_energy[np.maximum(at, 0)] * (1 - TIE))
        return found


class StrictIncumbents(Incumbents):
    """Incumbents of which something has to be better in an objective: ties are not broken by other costs."""

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> npt.NDArray[np.bool_]:
        if "energy" not in self.asked:
            energy = np.full(energy.shape, np.inf)
        if "latency" not in self.asked:
            latency = np.full(latency.shape, np.inf)
        return super().beaten(energy, latency, capacity)


def beaten_by_all(
    judges: Iterable[Incumbents], energies: Iterable[Floats], latencies: Iterable[Floats], capacity: Floats
) -> npt.NDArray[np.bool_]:
    """Whether what has each of these costs before each of these judges is beaten in all of them."""
    found = np.ones(capacity.shape, dtype=bool)
    for judge, energy, latency in zip(judges, energies, latencies, strict=False):
        rows = found.nonzero()
        if not len(rows[0]):
            break
        found[rows] = judge.beaten(energy[rows], latency[rows], capacity[rows])
    return found


class OfSeveral(Incumbents):
    """The incumbents of architectures that are searched for in one go: what is beaten is beaten on each of them.

    Costs that differ have one more axis than capacities, the first one, with those of each.
    """

    def __init__(self, aim: Objective, number: int) -> None:
        super().__init__(aim)
        self.judges = tuple(Incumbents(aim) for _ in range(number))

    @property
    def each(self) -> tuple[Incumbents, ...]:
        return self.judges

    def learn(self) -> None:
        self.items = [judge.items[0] for judge in self.judges] if all(judge.items for judge in self.judges) else []
        self.costs = np.concatenate([judge.costs for judge in self.judges], axis=1)

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> npt.NDArray[np.bool_]:
        shape = (len(self.judges), *capacity.shape)
        return beaten_by_all(self.judges, np.broadcast_to(energy, shape), np.broadcast_to(latency, shape), capacity)
