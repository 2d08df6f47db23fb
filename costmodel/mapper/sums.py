"""Costs of several Einsums that run one after another: the front of their totals, and the best product of powers.

Energy and latency add up, of rooms the largest counts. The best product of powers of summed energy and latency (EDP,
ED²P) lies on the convex hull of the sums, which is found exactly however many layers there are; with a power of the
room, it is the best of those below one limit on the room each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.mapper.front import Floats, Ints, pareto
from costmodel.spec.objective import AXES, Powers

FRONT_LIMIT = 2000
"""Points kept of a network's front between two layers; what is dropped is bounded and stated."""


@dataclass(frozen=True, slots=True)
class FrontSum:
    """Totals of one mapping per layer, Pareto-pruned, by their first cost."""

    costs: Floats
    """One row per point, one column per cost, as ``Costs`` has them."""
    choices: NDArray[np.int32]
    """One row per point: the place in each layer's front."""
    gap: float
    """Every total is within this share of a kept one; 0 when nothing was dropped."""


def sum_fronts(fronts: Sequence[Floats], limit: int = FRONT_LIMIT, *, room: bool = False) -> FrontSum:
    """Combine fronts, one array per layer with a row of costs per mapping, counts already multiplied in.

    ``room`` says whether the costs that do not add up, of which the largest counts, are among those that the front is
    about. When more than ``limit`` points are left after a layer, points that are near to kept ones are dropped;
    ``gap`` bounds what that loses, since costs are positive: if a kept point is within 1 + g of a dropped one, so are
    the totals that it enters.
    """
    asked = [place for place, axis in enumerate(AXES) if room or axis.joins == "sum"]
    costs = np.zeros((1, len(AXES)))
    steps: list[tuple[Ints, Ints]] = []
    growth = 1.0
    for front in fronts:
        kept = pareto(front[:, asked])
        sums = joined_costs(costs, front[kept])
        order = pareto(sums[:, asked])
        if len(order) > limit:
            thin = _thin if len(asked) == 2 else _cells
            order, step_gap = thin(sums[:, asked], order, limit)
            growth *= 1.0 + step_gap
        costs = sums[order]
        steps.append((order // len(kept), kept[order % len(kept)]))
    place = np.arange(len(costs))
    columns: list[Ints] = []
    for before, choice in reversed(steps):
        columns.append(choice[place])
        place = before[place]
    choices = np.array(columns[::-1], dtype=np.int32).T if columns else np.zeros((1, 0), dtype=np.int32)
    return FrontSum(costs, choices, growth - 1.0)


def joined_costs(some: Floats, others: Floats) -> Floats:
    """Costs of each of some followed by each of others, one row for each pair."""
    columns = [
        (np.add if axis.joins == "sum" else np.maximum).outer(some[:, place], others[:, place]).ravel()
        for place, axis in enumerate(AXES)
    ]
    return np.stack(columns, axis=1)


def totals(fronts: Sequence[Floats], choice: Sequence[int]) -> tuple[float, ...]:
    """Costs of one mapping per layer together."""
    columns = np.array([front[place] for front, place in zip(fronts, choice, strict=True)]).reshape(-1, len(AXES)).T
    return tuple(
        math.fsum(column) if axis.joins == "sum" else max(column, default=0.0)
        for axis, column in zip(AXES, columns.tolist(), strict=True)
    )


def _thin(costs: Floats, order: Ints, limit: int) -> tuple[Ints, float]:
    """Keep at most ``limit`` of a sorted front in two costs, and say how far, at most, the others are from it."""
    log_energy, log_latency = np.log(costs[order]).T
    steps = np.hypot(np.diff(log_energy), np.diff(log_latency))
    along = np.concatenate(([0.0], np.cumsum(steps)))
    targets = np.linspace(0.0, along[-1], limit)
    kept = np.unique(np.searchsorted(along, targets).clip(0, len(order) - 1))
    # A dropped point's kept neighbour with less energy has more latency, and the other way round: take the better.
    below = kept[np.searchsorted(kept, np.arange(len(order)), side="right") - 1]
    above = kept[np.searchsorted(kept, np.arange(len(order))).clip(0, len(kept) - 1)]
    loss = np.minimum(log_latency[below] - log_latency, log_energy[above] - log_energy)
    return order[kept], float(np.expm1(max(0.0, loss.max())))


def _cells(costs: Floats, order: Ints, limit: int) -> tuple[Ints, float]:
    """Keep at most ``limit`` points of a front in any number of costs, as ``_thin`` does.

    One of each cell of a grid over the logarithms stays, and the least of each cost.
    """
    logs = np.log(np.maximum(costs[order], np.finfo(np.float64).tiny))
    ends = np.unique(np.argmin(logs, axis=0))

    def split(side: float) -> tuple[Ints, Ints]:
        """Return the first point of each cell, and the cell of each point."""
        places = np.floor((logs - logs.min(axis=0)) / side).astype(np.int64)
        keys = np.ravel_multi_index(tuple(places.T), tuple(places.max(axis=0) + 1))
        _, firsts, cells = np.unique(keys, return_index=True, return_inverse=True)
        return firsts, cells

    low, high = 0.0, float(np.ptp(logs, axis=0).max()) * 2.0
    for _ in range(16):
        side = (low + high) / 2.0
        if len(split(side)[0]) > limit - len(ends):
            low = side
        else:
            high = side
    firsts, cells = split(high)
    loss = (logs[firsts][cells] - logs).max(axis=1)
    loss[ends] = 0.0
    return order[np.union1d(firsts, ends)], float(np.expm1(max(0.0, loss.max())))


def best_choice(fronts: Sequence[Floats], powers: Powers) -> tuple[int, ...]:
    """The place in each layer's front that makes (Σ energy)^a · (Σ latency)^b · (max capacity)^c least, exactly.

    Of equals the one with less energy, then latency, counts.
    """
    capacity_power = powers[2]
    if not capacity_power:
        return _best_sums(fronts, powers)

    energy, latency, _ = totals(fronts, _best_sums(fronts, powers))
    floor = energy ** powers[0] * latency ** powers[1]
    needed = max((float(front[:, 2].min()) for front in fronts), default=0.0)
    best: tuple[float, ...] | None = None
    chosen: tuple[int, ...] = ()
    # With the room of the optimum as the limit, the best sums below it are the optimum.
    for room in sorted({float(x) for front in fronts for x in front[:, 2] if x >= needed}):
        if best is not None and floor * room**capacity_power > best[0]:
            break
        within = [np.flatnonzero(front[:, 2] <= room) for front in fronts]
        picked = _best_sums([front[rows] for front, rows in zip(fronts, within, strict=True)], powers)
        choice = tuple(int(rows[place]) for rows, place in zip(within, picked, strict=True))
        energy, latency, used = totals(fronts, choice)
        costs = (energy ** powers[0] * latency ** powers[1] * used**capacity_power, energy, latency, used)
        if best is None or costs < best:
            best, chosen = costs, choice
    return chosen


def _best_sums(fronts: Sequence[Floats], powers: Powers) -> tuple[int, ...]:
    """The place in each layer's front that makes (Σ energy)^a · (Σ latency)^b least, exactly.

    The objective is quasi-concave, so over the convex hull of all sums its least value is at a corner; and the corners
    of a sum of point sets are the sums of their corners in the same direction.
    """
    energy_power, latency_power = powers[:2]
    if not energy_power or not latency_power:
        by = (0, 1, 2) if energy_power or not latency_power else (1, 0, 2)
        return tuple(int(np.lexsort(front[:, by].T[::-1])[0]) for front in fronts)
    corners = [_corners(front) for front in fronts]
    at = [0] * len(fronts)

    best: tuple[float, tuple[int, ...]] | None = None
    for layer, step in [(0, 0), *_edges(fronts, corners)]:
        at[layer] = step
        choice = tuple(corner[place] for corner, place in zip(corners, at, strict=True))
        energy, latency = totals(fronts, choice)[:2]
        if energy <= 0.0 or latency <= 0.0:
            return choice
        score = energy_power * math.log(energy) + latency_power * math.log(latency)
        if best is None or score < best[0]:
            best = (score, choice)
    return () if best is None else best[1]


def _edges(fronts: Sequence[Floats], corners: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Steps from corner to corner of the sum: (layer, its next corner), steepest gain of latency first."""
    edges: list[tuple[float, int, int]] = []
    for layer, corner in enumerate(corners):
        for step in range(1, len(corner)):
            before, after = fronts[layer][corner[step - 1]], fronts[layer][corner[step]]
            edges.append((float((before[1] - after[1]) / (after[0] - before[0])), layer, step))
    edges.sort(key=lambda edge: (-edge[0], edge[1], edge[2]))
    return [(layer, step) for _, layer, step in edges]


def _corners(front: Floats) -> list[int]:
    """Places of the corners of the lower left hull, by increasing energy."""
    hull: list[int] = []
    for place in pareto(front[:, :2]):
        while len(hull) > 1:
            (e0, l0), (e1, l1), (e2, l2) = front[[*hull[-2:], place], :2]
            if (e1 - e0) * (l2 - l0) - (l1 - l0) * (e2 - e0) > 0:
                break
            hull.pop()
        hull.append(int(place))
    return hull
