"""Everything that a search over all tiles has costed, and what may still be better."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.obey import violations
from costmodel.mapper.result import InfeasibleError, MapperResult, MappingPoint
from costmodel.mapper.uneven.bound import Bound
from costmodel.mapper.uneven.enumeration import (
    SCALAR_S,
    TEMPLATE_S,
    Promising,
    Tiles,
    Whole,
    floor_of,
    nest_of,
    templates,
)
from costmodel.model.batch import BatchResult
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.evaluate import OverCapacityError, evaluate_bound
from costmodel.model.meters import cycles_per_point
from costmodel.model.nest import bind
from costmodel.model.patience import OutOfTimeError, until
from costmodel.spec.mapping import Mapping, Node
from costmodel.spec.objective import Objective

LESS = 1 - 1e-9
"""What is cheaper by no more than this is the same, but for rounding."""
COMPARED_MOST = 1_000_000
"""Pairs of mappings that are compared together."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass
class Archive:
    """Everything that was costed."""

    allowed: Allowed
    deadline: float | None
    """On the clock."""
    aim: Objective
    clock: Callable[[], float] = time.process_time
    known: dict[tuple[Node, ...], MappingPoint | None] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    uncounted: int = 0
    """Mappings whose words take too long to count."""
    in_arrays: int = 0
    """Mappings that were costed in arrays."""
    front: Floats = field(default_factory=lambda: np.empty((3, 0)))
    """(energy, latency, room) × points: what no other costed mapping beats."""
    in_vain: set[tuple[str, Objective, tuple[Node, ...]]] = field(default_factory=set)
    """(kind of step, objective, nest) where a climb found nothing better."""

    @property
    def einsum(self) -> Einsum:
        return self.allowed.einsum

    @property
    def late(self) -> bool:
        return self.deadline is not None and self.clock() > self.deadline

    @property
    def last_moment(self) -> float:
        """When a count that begins now has to end, on the clock of ``time.monotonic``: never, before anything fits."""
        if self.deadline is None or not self.points:
            return math.inf
        return time.monotonic() + max(0.0, self.deadline - self.clock())

    @property
    def points(self) -> list[MappingPoint]:
        return [p for p in self.known.values() if p is not None]

    def cost(self, mapping: Mapping) -> MappingPoint | None:
        """Return the cost of a mapping, null where it does not fit or a rule forbids it."""
        if mapping.nest in self.known:
            return self.known[mapping.nest]
        point: MappingPoint | None = None
        if violations(mapping, self.einsum, self.allowed.architecture, self.allowed.rules):
            self.rejected["constraints"] += 1
        else:
            workload = Workload(self.einsum.name, "", (self.einsum,))
            try:
                nest = bind(workload, self.allowed.architecture, mapping)
                with until(self.last_moment):
                    point = MappingPoint(mapping, evaluate_bound(nest))
            except OverCapacityError:
                self.rejected["capacity"] += 1
            except (TooManyTilesError, OutOfTimeError):
                self.uncounted += 1
        self._keep(mapping, point)
        return point

    def floor(self, counted: Callable[[], BatchResult | None]) -> BatchResult | None:
        """Return least costs that are counted in arrays; null where they are not, or where the time is up by then."""
        try:
            with until(self.last_moment):
                return counted()
        except (TooManyTilesError, OutOfTimeError):
            return None

    def _keep(self, mapping: Mapping, point: MappingPoint | None) -> None:
        self.known[mapping.nest] = point
        if point is not None:
            cost = cost_of(point)
            if ahead(self.aim, cost, self.front).all():
                kept = self.front[:, ahead(self.aim, self.front, cost)[:, 0]]
                self.front = np.concatenate((kept, cost), axis=1)

    def take(self, found: MapperResult) -> None:
        """Take in an answer. Raises KeyboardInterrupt again if that ended its search."""
        for point in found.front:
            self._keep(point.mapping, point)
        if found.certificate.interrupted:
            raise KeyboardInterrupt

    def promising(self, energy: Floats, latency: Floats, room: Floats | Integers) -> Bools:
        """Whether mappings that cost at least so much may be better than all known ones."""
        costs = np.stack(np.broadcast_arrays(np.asarray(energy, dtype=np.float64), latency, room))
        good = np.ones(costs.shape[1], dtype=np.bool_)
        together = max(1, COMPARED_MOST // max(1, self.front.shape[1]))
        for at in range(0, len(good), together):
            good[at : at + together] = ahead(self.aim, costs[:, at : at + together], self.front).all(axis=1)
        return good

    def in_time(self, least: Bound) -> Promising:
        """Return what tells from compute cycles, room and bounds whether a mapping may be better than all known."""
        per_point = cycles_per_point(self.einsum, self.allowed.unit)

        def promising(points: Integers, room: Integers) -> Bools:
            latency = np.maximum(points * per_point, least.latency_cycles)
            return self.promising(np.array(least.energy_pj), latency, np.maximum(room, least.capacity_bits))

        return promising

    def settle(self, costs: Floats, mapping_of: Callable[[int], Mapping]) -> bool:
        """Cost by the scalar model what may be better, given costs at least so high; whether time allowed it."""
        for at in best_first(self.aim, costs):
            if self.late:
                return False
            if self.promising(*costs[:, at : at + 1])[0]:
                self.cost(mapping_of(int(at)))
        return True

    def enumerate(self, whole: Whole) -> bool:
        """Cost the whole mapspace until the time is up; whether it was enough, and everything could be counted."""
        self.rejected["capacity"] += whole.over_capacity
        if whole.against_rules:
            self.rejected["constraints"] += whole.against_rules
        return all(self._enumerate(tiles, whole) for tiles in whole.parts) and not self.uncounted

    def _enumerate(self, tiles: Tiles, whole: Whole) -> bool:
        for slots, together in templates(self.allowed, tiles, loose=whole.loose):
            if self.late:
                return False

            mapping_of = partial(nest_of, self.allowed, tiles, slots, together)
            floor = None
            if len(together) * SCALAR_S > TEMPLATE_S:
                floor = self.floor(partial(floor_of, self.allowed, tiles, slots, together))
            if floor is None:
                for at in range(len(together)):
                    if self.late:
                        return False
                    self.cost(mapping_of(at))
                continue
            self.in_arrays += len(together)
            self.rejected["capacity"] += int((~floor.feasible).sum())
            costs = costs_of(floor)
            good = np.flatnonzero(floor.feasible & self.promising(*costs))
            if not self.settle(costs[:, good], partial(_indexed, good, mapping_of)):
                return False
        return True

    def infeasible(self, failure: InfeasibleError | None, whole: Whole | None) -> InfeasibleError:
        """Say why there is no answer: ``failure`` is that of perfect factors, ``whole`` what was costed to its end."""
        tally = self.rejected.most_common() or [("constraints", 1)]
        nearest = self.allowed.short_of_room
        if failure is not None:
            tally, nearest = list(failure.tally), failure.nearest
        size = None if whole is None else whole.size
        return InfeasibleError(self.einsum.name, tally, nearest, whole is not None, size)


def ahead(aim: Objective, some: Floats, others: Floats) -> Bools:
    """Whether each of some costs (rows) is better in an objective than each of others (columns).

    What is equal in all objectives is ahead with less energy, then latency, then room. Rounding makes nothing better.
    """
    found = np.zeros((some.shape[1], others.shape[1]), dtype=np.bool_)
    first = np.zeros_like(found)
    even = ~found
    for mine, its in zip(some, others, strict=True):
        first |= even & (mine[:, None] < its * LESS)
        even &= mine[:, None] <= its / LESS
    for mine, its in zip(aim.values(*some), aim.values(*others), strict=True):
        found |= mine[:, None] < its * LESS
        first &= mine[:, None] <= its / LESS
    return found | first


def cost_of(point: MappingPoint) -> Floats:
    """Return (energy, latency, room) of one mapping, as a column."""
    return np.array([[point.energy_pj], [point.latency_cycles], [point.capacity_bits]], dtype=np.float64)


def costs_of(result: BatchResult) -> Floats:
    """Return (energy, latency, room) × rows."""
    return np.stack([result.energy_pj, result.latency_cycles, result.capacity_bits.astype(np.float64)])


def best_first(aim: Objective, costs: Floats) -> Integers:
    """Order costs by the first objective, then the others, then as equals are ordered."""
    return np.lexsort((*costs[::-1], *aim.values(*costs)[::-1]))


def _indexed(places: Integers, mapping_of: Callable[[int], Mapping], at: int) -> Mapping:
    return mapping_of(int(places[at]))
