"""Mapping a whole network: each distinct Einsum once, spread over worker processes, and the front of the totals.

Layers that differ in names only share one search. The network's energy and latency are sums over its layers, and its
room is the most that one layer needs, so its front is the Pareto-pruned combination of the layers' fronts. The best
product of powers of summed energy and latency (EDP, ED²P) lies on the convex hull of the sums, which is found exactly
however many layers there are; with a power of the room, it is the best of those below one limit on the room each.
"""

from __future__ import annotations

import math
import os
import re
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from costmodel.einsum.algebra import Access, Affine, Einsum, Tensor, Workload
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.mapper.workers import Task, run_tasks
from costmodel.model.evaluate import combine
from costmodel.model.evaluation import Evaluation
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal
from costmodel.spec.objective import Costed, Objective, Powers, objective_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from costmodel.spec.hardware import Architecture

    MapFunction = Callable[[Einsum, Architecture, "SearchOptions", Callable[[Any], None] | None], MapperResult]
    Report = Callable[["Event"], None]

FRONT_LIMIT = 2000
"""Points kept of a network's front between two layers; what is dropped is bounded and stated."""
ROUNDING = 1e-9
"""Relative difference of two costs that are the same but for the order of their sums."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How to search the mappings of one Einsum."""

    method: str = "exact"
    """``exact``, or the name of an Optuna sampler."""
    objective: Objective = field(default_factory=lambda: objective_of("energy,latency"))
    """Of the totals. Two or more ask for a front."""
    trials: int = 200
    """Mappings that an Optuna method tries."""
    seed: int = 0
    constraints: tuple[str, ...] = ()
    """Sentences that restrict the mapspace, besides those of the architecture."""
    budget_s: float | None = None
    """Wall time; null means until proven."""
    memory_bytes: int | None = None
    bound_s: float | None = None
    """CPU time that a sampler's answer may take more, to be held against the proven optimum; null for none."""
    tiles: Literal["perfect", "any"] = "perfect"
    """``perfect``: only tiles that divide; ``any``: all."""


@dataclass(frozen=True, slots=True)
class Event:
    """Progress of one group of identical Einsums, for a display."""

    group: int
    groups: int
    einsum: str
    state: str
    """``started``, ``progress``, ``done``, ``infeasible`` or ``interrupted``."""
    detail: Any = None
    """The mapper's own progress value, or the result."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One Einsum of the network with its front, in its own names. Costs are those of one execution."""

    einsum: str
    count: int
    """Identical layers that this Einsum stands for."""
    group: int
    """Layers of one group are identical in all but names and were searched once."""
    result: MapperResult
    chosen: int
    """Place in the front of the mapping that the network uses."""

    @property
    def point(self) -> MappingPoint:
        """The mapping that the network uses."""
        return self.result.front[self.chosen]


@dataclass(frozen=True, slots=True)
class Failure:
    """A layer without an answer."""

    einsum: str
    group: int
    reason: str
    infeasible: InfeasibleError | None
    """Null where the search was interrupted before it had found anything."""


@dataclass(frozen=True, slots=True)
class NetworkPoint:
    """Totals of the network for one choice of a mapping per layer."""

    energy_pj: float
    latency_cycles: float
    capacity_bits: int
    """The most that one layer needs."""
    choices: tuple[int, ...]
    """Place in the front of each layer, in the order of ``NetworkResult.layers``."""


@dataclass(frozen=True)
class NetworkResult:
    """The answer for a workload on an architecture."""

    workload: str
    architecture: str
    options: SearchOptions
    layers: tuple[Layer, ...]
    failures: tuple[Failure, ...]
    front: tuple[NetworkPoint, ...]
    """Totals over the layers that were mapped: the front of the objectives, best of the first one first; for a single
    objective, what the layers' fronts allow, least energy first."""
    front_gap: float
    """0 when the front is complete; otherwise the costs of every point that is missing are within this share of those
    of one that is here."""
    groups: int
    """Distinct Einsums."""
    wall_s: float
    interrupted: bool = False
    unfinished: tuple[str, ...] = field(default=())
    """Einsums whose search had not begun when it was interrupted."""

    @cached_property
    def mappings(self) -> tuple[Mapping, ...]:
        """The chosen mapping of each layer."""
        return tuple(layer.point.mapping for layer in self.layers)

    @cached_property
    def evaluation(self) -> Evaluation:
        """The cost of the network with the chosen mappings.

        Raises IndexError if no layer was mapped.
        """
        return combine(
            [replace(layer.point.evaluation, counts={layer.einsum: layer.count}) for layer in self.layers],
        )

    @cached_property
    def certificate(self) -> Certificate:
        """What is known about the totals; counts and times of the layers are summed once per group.

        Like that of a layer, the gap is one of the first objective. That of sums needs no mapping of one Einsum but the
        best; a product of sums (EDP) is proven where the fronts of all layers are, else held against what they allow.
        """
        by_group = {layer.group: layer.result.certificate for layer in self.layers}
        parts = list(by_group.values())
        pruned: dict[str, int] = {}
        for part in parts:
            for rule, removed in part.pruned:
                pruned[rule] = pruned.get(rule, 0) + removed
        status, gap = self._verdict(parts)
        sizes = [part.mapspace for part in parts]
        return Certificate(
            status=status,
            method=self.options.method,
            mapspace=sum(size for size in sizes if size is not None) if None not in sizes and sizes else None,
            evaluated=sum(part.evaluated for part in parts),
            pruned=tuple(pruned.items()),
            cpu_s=sum(part.cpu_s for part in parts),
            gap=gap,
        )

    def _verdict(
        self, parts: list[Certificate]
    ) -> tuple[Literal["optimal: proven", "gap", "best found"], float | None]:
        if not parts or any(part.gap is None or part.status == "best found" for part in parts):
            return "best found", None
        aim = self.options.objective
        asked = len(self.layers) + len(self.failures) + len(self.unfinished)
        if layer_objective(self.options, asked).front and all(part.status == "optimal: proven" for part in parts):
            return "optimal: proven", 0.0
        totals: list[Costed] = [self.evaluation, *self.front]
        best = min(aim.of(point)[0] for point in totals)
        bound = self._bound()
        if best <= bound * (1 + ROUNDING):
            return "gap" if aim.front else "optimal: proven", 0.0
        return ("gap", best / bound - 1) if bound > 0.0 else ("best found", None)

    def _bound(self) -> float:
        """Return what the first objective of the totals is at least, by the least values of the layers and their gaps.

        By Hölder's inequality (Σ E)^a · (Σ L)^b is at least (Σ (E^a · L^b)^(1/(a+b)))^(a+b), and the room of the
        network is at least that of each layer.
        """
        aim = self.options.objective
        least = [
            (layer.count, min(aim.of(p)[0] for p in layer.result.front) / (1.0 + (layer.result.certificate.gap or 0.0)))
            for layer in self.layers
        ]
        energy_power, latency_power, _ = aim.powers[0]
        degree = energy_power + latency_power
        if not degree:
            return max(value for _, value in least)
        return float(math.fsum(count * value ** (1.0 / degree) for count, value in least) ** degree)


# Identical Einsums


def shared_names(workload: Workload, architecture: Architecture, constraints: Iterable[str]) -> frozenset[str]:
    """Names of the workload that mean something to the architecture or to a constraint.

    Under constraints every rank variable counts, since a named set of them (a dataflow) may use any.
    """
    words = {word for memory in architecture.memories for word in (*(memory.keep or ()), *memory.may_keep)}
    sentences = (*architecture.constraints, *constraints)
    for sentence in sentences:
        words.update(re.findall(r"\w+", sentence))
    if sentences:
        words.update(v for einsum in workload.einsums for v in einsum.shape)
        words.update(rank for einsum in workload.einsums for t in einsum.tensors.values() for rank in t.ranks)
    return frozenset(words)


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of one Einsum in the order that makes identical Einsums comparable."""

    rank_variables: tuple[str, ...]
    tensors: tuple[str, ...]


def canonical(einsum: Einsum, kept_names: frozenset[str]) -> tuple[object, Naming]:
    """Return a key that two Einsums share when they differ in names only, and the names in the key's order.

    ``kept_names`` are names that mean something elsewhere (in a constraint, in ``keep:``): they stay as they are.
    """
    variables = tuple(einsum.shape)
    tensors: list[str] = []
    for access in (einsum.output, *einsum.inputs):
        if access.tensor not in tensors:
            tensors.append(access.tensor)
    variable_key = {v: v if v in kept_names else str(place) for place, v in enumerate(variables)}

    def index_key(index: Affine) -> object:
        return (tuple((variables.index(v), factor) for v, factor in index.terms), index.constant)

    def access_key(access: Access) -> object:
        at_zero = sorted(variables.index(v) for v in access.at_zero)
        return (tensors.index(access.tensor), tuple(index_key(index) for index in access.indices), tuple(at_zero))

    def tensor_key(place: int, tensor: Tensor) -> object:
        ranks = tuple(r if r in kept_names else "" for r in tensor.ranks)
        name = tensor.name if tensor.name in kept_names else str(place)
        return (name, ranks, tensor.shape, tensor.bits, tensor.role)

    key = (
        einsum.name if einsum.name in kept_names else "",
        tuple((variable_key[v], extent) for v, extent in einsum.shape.items()),
        access_key(einsum.output),
        tuple(access_key(access) for access in einsum.inputs),
        tuple(tensor_key(place, einsum.tensors[name]) for place, name in enumerate(tensors)),
        tuple((o.kind, o.per_point, tuple(sorted(map(variables.index, o.at_zero)))) for o in einsum.operations),
    )
    return key, Naming(variables, tuple(tensors))


def renamed_mapping(
    mapping: Mapping, from_to: dict[str, str], tensors: dict[str, str], einsum: str, workload: str | None
) -> Mapping:
    """Return the mapping in the names of another, identical Einsum."""

    def node(old: Node) -> Node:
        if isinstance(old, Storage):
            return Storage(tuple(tensors[t] for t in old.tensors), old.level)
        if isinstance(old, Temporal):
            return Temporal(from_to[old.rank_variable], old.tile)
        if isinstance(old, Spatial):
            return Spatial(from_to[old.rank_variable], old.tile, old.array, old.dimension)
        if isinstance(old, Compute):
            return Compute(einsum, old.unit)
        return Sequence(tuple(nest(branch) for branch in old.branches))

    def nest(nodes: Nest) -> Nest:
        return tuple(node(n) for n in nodes)

    return Mapping(nest(mapping.nest), arch=mapping.arch, workload=workload, einsum=einsum)


def renamed_evaluation(evaluation: Evaluation, tensors: dict[str, str], einsum: str, count: int = 1) -> Evaluation:
    """Return the evaluation of one Einsum in the names of another, identical one that runs ``count`` times."""
    (points,), (peak,) = evaluation.points.values(), evaluation.peak_by_einsum.values()
    return replace(
        evaluation,
        traffic_rows=tuple(replace(r, einsum=einsum, tensor=tensors[r.tensor]) for r in evaluation.traffic_rows),
        action_rows=tuple(
            replace(r, einsum=einsum, tensor=tensors.get(r.tensor, r.tensor)) for r in evaluation.action_rows
        ),
        latency_rows=tuple(replace(r, einsum=einsum) for r in evaluation.latency_rows),
        occupancy_rows=tuple(replace(r, einsum=einsum, tensor=tensors[r.tensor]) for r in evaluation.occupancy_rows),
        points={einsum: points},
        counts={einsum: count},
        capacity_bits_by_einsum={einsum: evaluation.capacity_bits},
        peak_by_einsum={einsum: peak},
    )


def _for_layer(result: MapperResult, source: Naming, own: Naming, einsum: str, workload: str) -> MapperResult:
    variables = dict(zip(source.rank_variables, own.rank_variables, strict=True))
    tensors = dict(zip(source.tensors, own.tensors, strict=True))
    front = tuple(
        MappingPoint(
            renamed_mapping(point.mapping, variables, tensors, einsum, workload),
            renamed_evaluation(point.evaluation, tensors, einsum),
        )
        for point in result.front
    )
    return replace(result, einsum=einsum, front=front)


# The front of the totals


@dataclass(frozen=True, slots=True)
class FrontSum:
    """Totals of one cost vector per layer, Pareto-pruned, by increasing energy."""

    energy_pj: NDArray[np.float64]
    latency_cycles: NDArray[np.float64]
    capacity_bits: NDArray[np.float64]
    choices: NDArray[np.int32]
    """One row per point: the place in each layer's front."""
    gap: float
    """Every total is within this share of a kept one; 0 when nothing was dropped."""


def sum_fronts(fronts: list[NDArray[np.float64]], limit: int = FRONT_LIMIT, *, room: bool = False) -> FrontSum:
    """Combine fronts, one array of (energy, latency, capacity) rows per layer, counts already multiplied in.

    Energies and latencies add up, of capacities the largest counts; ``room`` says whether it is one of the costs that
    the front is about. When more than ``limit`` points are left after a layer, points that are near to kept ones are
    dropped; ``gap`` bounds what that loses, since costs are positive: if a kept point is within 1 + g of a dropped
    one, so are the totals that it enters.
    """
    import numpy as np

    from costmodel.mapper.front import pareto

    energy, latency, capacity = np.zeros(1), np.zeros(1), np.zeros(1)
    steps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    growth = 1.0
    for front in fronts:
        kept = pareto(front) if room else _pareto(front[:, 0], front[:, 1])
        sums_energy = np.add.outer(energy, front[kept, 0]).ravel()
        sums_latency = np.add.outer(latency, front[kept, 1]).ravel()
        if room:
            costs = np.stack((sums_energy, sums_latency, np.maximum.outer(capacity, front[kept, 2]).ravel()), axis=1)
            order = pareto(costs)
        else:
            order = _pareto(sums_energy, sums_latency)
        if len(order) > limit:
            order, step_gap = _cells(costs, order, limit) if room else _thin(sums_energy, sums_latency, order, limit)
            growth *= 1.0 + step_gap
        before, choice = order // len(kept), kept[order % len(kept)]
        energy, latency = sums_energy[order], sums_latency[order]
        capacity = np.maximum(capacity[before], front[choice, 2])
        steps.append((before, choice))
    place = np.arange(len(energy))
    columns: list[NDArray[np.int64]] = []
    for before, choice in reversed(steps):
        columns.append(choice[place])
        place = before[place]
    choices = np.array(columns[::-1], dtype=np.int32).T if columns else np.zeros((1, 0), dtype=np.int32)
    return FrontSum(energy, latency, capacity, choices, growth - 1.0)


def _pareto(energy: NDArray[np.float64], latency: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the points that no other point dominates, by increasing energy; of equal points the first."""
    import numpy as np

    order = np.lexsort((latency, energy))
    sorted_latency = latency[order]
    best_before = np.minimum.accumulate(np.concatenate(([np.inf], sorted_latency[:-1])))
    return order[sorted_latency < best_before]


def _thin(
    energy: NDArray[np.float64], latency: NDArray[np.float64], order: NDArray[np.int64], limit: int
) -> tuple[NDArray[np.int64], float]:
    """Keep at most ``limit`` of a sorted front and say how far, at most, a dropped point is from a kept one."""
    import numpy as np

    log_energy, log_latency = np.log(energy[order]), np.log(latency[order])
    steps = np.hypot(np.diff(log_energy), np.diff(log_latency))
    along = np.concatenate(([0.0], np.cumsum(steps)))
    targets = np.linspace(0.0, along[-1], limit)
    kept = np.unique(np.searchsorted(along, targets).clip(0, len(order) - 1))
    # A dropped point's kept neighbour with less energy has more latency, and the other way round: take the better.
    below = kept[np.searchsorted(kept, np.arange(len(order)), side="right") - 1]
    above = kept[np.searchsorted(kept, np.arange(len(order))).clip(0, len(kept) - 1)]
    loss = np.minimum(log_latency[below] - log_latency, log_energy[above] - log_energy)
    return order[kept], float(np.expm1(max(0.0, loss.max())))


def _cells(costs: NDArray[np.float64], order: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], float]:
    """Keep at most ``limit`` points of a front in any number of costs, as ``_thin`` does.

    One of each cell of a grid over the logarithms stays, and the least of each cost.
    """
    import numpy as np

    logs = np.log(np.maximum(costs[order], np.finfo(np.float64).tiny))
    ends = np.unique(np.argmin(logs, axis=0))

    def split(side: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def best_choice(fronts: list[NDArray[np.float64]], powers: Powers) -> tuple[int, ...]:
    """The place in each layer's front that makes (Σ energy)^a · (Σ latency)^b · (max capacity)^c least, exactly.

    Of equals the one with less energy, then latency, counts.
    """
    import numpy as np

    capacity_power = powers[2]
    if not capacity_power:
        return _best_sums(fronts, powers)

    energy, latency, _ = _totals(fronts, _best_sums(fronts, powers))
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
        energy, latency, used = _totals(fronts, choice)
        costs = (energy ** powers[0] * latency ** powers[1] * used**capacity_power, energy, latency, used)
        if best is None or costs < best:
            best, chosen = costs, choice
    return chosen


def _totals(fronts: list[NDArray[np.float64]], choice: tuple[int, ...]) -> tuple[float, float, float]:
    """Energy, latency and room of one mapping per layer."""
    rows = [front[place] for front, place in zip(fronts, choice, strict=True)]
    energy, latency = (math.fsum(float(row[at]) for row in rows) for at in (0, 1))
    return energy, latency, max((float(row[2]) for row in rows), default=0.0)


def _best_sums(fronts: list[NDArray[np.float64]], powers: Powers) -> tuple[int, ...]:
    """The place in each layer's front that makes (Σ energy)^a · (Σ latency)^b least, exactly.

    The objective is quasi-concave, so over the convex hull of all sums its least value is at a corner; and the corners
    of a sum of point sets are the sums of their corners in the same direction.
    """
    import numpy as np

    energy_power, latency_power, _ = powers
    if latency_power == 0.0:
        return tuple(int(np.lexsort((f[:, 2], f[:, 1], f[:, 0]))[0]) for f in fronts)
    if energy_power == 0.0:
        return tuple(int(np.lexsort((f[:, 2], f[:, 0], f[:, 1]))[0]) for f in fronts)
    corners = [_corners(front) for front in fronts]
    chosen = [corner[0] for corner in corners]
    at = [0] * len(fronts)
    energy = math.fsum(float(f[c, 0]) for f, c in zip(fronts, chosen, strict=True))
    latency = math.fsum(float(f[c, 1]) for f, c in zip(fronts, chosen, strict=True))
    # Walk the corners of the sum: the edges of all layers by slope, steepest gain of latency first.
    edges: list[tuple[float, int, int]] = []
    for layer, corner in enumerate(corners):
        for step in range(1, len(corner)):
            before, after = fronts[layer][corner[step - 1]], fronts[layer][corner[step]]
            edges.append((float((before[1] - after[1]) / (after[0] - before[0])), layer, step))
    edges.sort(key=lambda edge: (-edge[0], edge[1], edge[2]))

    def score() -> float:
        return energy_power * math.log(energy) + latency_power * math.log(latency)

    if energy <= 0.0 or latency <= 0.0:
        return tuple(chosen)
    best, best_at = score(), list(at)
    for _, layer, step in edges:
        at[layer] = step
        energy = math.fsum(float(f[c[a], 0]) for f, c, a in zip(fronts, corners, at, strict=True))
        latency = math.fsum(float(f[c[a], 1]) for f, c, a in zip(fronts, corners, at, strict=True))
        if energy <= 0.0 or latency <= 0.0:
            return tuple(c[a] for c, a in zip(corners, at, strict=True))
        if score() < best:
            best, best_at = score(), list(at)
    return tuple(c[a] for c, a in zip(corners, best_at, strict=True))


def _corners(front: NDArray[np.float64]) -> list[int]:
    """Places of the corners of the lower left hull, by increasing energy."""
    hull: list[int] = []
    for place in _pareto(front[:, 0], front[:, 1]):
        while len(hull) > 1:
            (e0, l0), (e1, l1), (e2, l2) = front[[*hull[-2:], place], :2]
            if (e1 - e0) * (l2 - l0) - (l1 - l0) * (e2 - e0) > 0:
                break
            hull.pop()
        hull.append(int(place))
    return hull


# Running the searches


def search(
    einsum: Einsum,
    architecture: Architecture,
    options: SearchOptions,
    progress: Callable[[Any], None] | None = None,
) -> MapperResult:
    """Search one Einsum with the method that the options name; InfeasibleError if nothing fits."""
    if options.method == "exact":
        return _exact(einsum, architecture, options, options.budget_s, progress)
    from costmodel.mapper.sample.search import search_einsum

    found = search_einsum(
        einsum,
        architecture,
        objective=options.objective,
        method=options.method,
        trials=options.trials,
        seed=options.seed,
        constraints=options.constraints,
        budget_s=options.budget_s,
        progress=progress,
    )
    # One objective is bounded faster than a front, and the first is what a gap is about.
    first = options.objective.each[0]
    if options.bound_s is None:
        return found
    optimum = _exact(einsum, architecture, replace(options, objective=first), options.bound_s, None)
    return against(found, optimum, options.objective)


def _exact(
    einsum: Einsum,
    architecture: Architecture,
    options: SearchOptions,
    budget_s: float | None,
    progress: Callable[[Any], None] | None,
) -> MapperResult:
    from costmodel.mapper.lattice.exact import map_einsum

    return map_einsum(
        einsum,
        architecture,
        objective=options.objective,
        constraints=options.constraints,
        budget_s=budget_s,
        memory_bytes=options.memory_bytes,
        tiles=options.tiles,
        progress=progress,
    )


def against(found: MapperResult, optimum: MapperResult, aim: Objective) -> MapperResult:
    """Say in the certificate how far a sampler's answer is, at most, from what the exact mapper proved.

    ``optimum`` is that of the first objective.
    """
    bound_gap = optimum.certificate.gap
    if bound_gap is None:
        return found

    def least(result: MapperResult) -> float:
        return min(aim.of(point)[0] for point in result.front)

    lower = least(optimum) / (1.0 + bound_gap)
    gap = max(0.0, least(found) / lower - 1.0) if lower > 0.0 else None
    if gap is None:
        return found
    if gap < ROUNDING:
        gap = 0.0
    proven = gap == 0.0 and not aim.front
    certificate = replace(found.certificate, status="optimal: proven" if proven else "gap", gap=gap)
    return replace(found, certificate=certificate)


def layer_objective(options: SearchOptions, layers: int) -> Objective:
    """What each layer is searched for; the first objective, which gaps are about, is the same.

    The best product of totals need not use the best product of each layer, so for that the exact method finds the
    front of each layer over all costs in it; a sampler spends its trials on what was asked.
    """
    aim = options.objective
    products = any(len(one.costs) > 1 for one in aim.each)
    if options.method == "exact" and products and layers > 1:
        return objective_of((aim.names[0], *aim.costs))
    return aim


def map_workload(
    workload: Workload,
    architecture: Architecture,
    options: SearchOptions | None = None,
    *,
    jobs: int | None = None,
    report: Report | None = None,
    search_one: MapFunction = search,
) -> NetworkResult:
    """Map every Einsum of a workload and choose one mapping per layer.

    ``jobs`` is the number of worker processes (null: one per core); the answer does not depend on it. A layer that
    nothing fits is a ``Failure``; Ctrl-C returns what is done, marked ``interrupted``.
    """
    options = options or SearchOptions()
    started = time.monotonic()
    kept = shared_names(workload, architecture, options.constraints)
    groups: dict[object, int] = {}
    members: list[tuple[Einsum, int, Naming]] = []
    leaders: list[tuple[Einsum, Naming]] = []
    for einsum in workload.einsums:
        key, naming = canonical(einsum, kept)
        group = groups.setdefault(key, len(groups))
        if group == len(leaders):
            leaders.append((replace(einsum, count=1), naming))
        members.append((einsum, group, naming))

    jobs = max(1, min(jobs or os.cpu_count() or 1, len(leaders)))
    # Largest first, so that no worker is left with a long search at the end.
    waiting = sorted(range(len(leaders)), key=lambda g: (leaders[g][0].points, -g))
    deadline = None if options.budget_s is None else started + options.budget_s
    einsums = [einsum for einsum, _ in leaders]
    layer_options = replace(options, objective=layer_objective(options, len(members)))
    run = _Run(architecture, layer_options, report, search_one, einsums, jobs, waiting, deadline)
    interrupted = run_tasks(run.next_task, run.keep, jobs, None if report is None else run.hear)

    results = run.answers
    layers, failures, unfinished = [], [], []
    for einsum, group, naming in members:
        answer = results.get(group)
        if answer is None:
            unfinished.append(einsum.name)
        elif isinstance(answer, MapperResult):
            own = _for_layer(answer, leaders[group][1], naming, einsum.name, workload.name)
            layers.append(Layer(einsum.name, einsum.count, group, own, 0))
        else:
            infeasible = answer if isinstance(answer, InfeasibleError) else None
            reason = str(answer) if infeasible is not None else f"{einsum.name}: {answer}"
            if infeasible is not None and infeasible.einsum != einsum.name:
                infeasible = InfeasibleError(einsum.name, infeasible.tally, infeasible.nearest)
                reason = str(infeasible)
            failures.append(Failure(einsum.name, group, reason, infeasible))
    return choose(
        NetworkResult(
            workload=workload.name,
            architecture=architecture.name,
            options=options,
            layers=tuple(layers),
            failures=tuple(failures),
            front=(),
            front_gap=0.0,
            groups=len(leaders),
            wall_s=time.monotonic() - started,
            interrupted=interrupted,
            unfinished=tuple(unfinished),
        ),
    )


def choose(result: NetworkResult) -> NetworkResult:
    """Fill in the network's front and the mapping that each layer uses: of a front, the least product of objectives."""
    import numpy as np

    from costmodel.mapper.front import pareto

    if not result.layers:
        return result
    aim = result.options.objective
    fronts = [
        np.array([(p.energy_pj, p.latency_cycles, p.capacity_bits) for p in layer.result.front], dtype=np.float64)
        * (layer.count, layer.count, 1)
        for layer in result.layers
    ]
    total = sum_fronts(fronts, room=aim.uses_capacity)
    costs, choices = np.stack((total.energy_pj, total.latency_cycles, total.capacity_bits), axis=1), total.choices
    if aim.front:
        if total.gap:  # what was thinned out may have been the best of an objective
            ends = [best_choice(fronts, one.powers[0]) for one in aim.each]
            costs = np.concatenate((costs, [_totals(fronts, end) for end in ends]))
            choices = np.concatenate((choices, np.array(ends, dtype=np.int32)))
        order = pareto(aim.values(*costs.T).T, costs)
        costs, choices = costs[order], choices[order]
    points = tuple(
        NetworkPoint(float(energy), float(cycles), int(bits), tuple(int(x) for x in row))
        for (energy, cycles, bits), row in zip(costs, choices, strict=True)
    )
    chosen = best_choice(fronts, aim.product.powers[0])
    layers = tuple(replace(layer, chosen=place) for layer, place in zip(result.layers, chosen, strict=True))
    return replace(result, layers=layers, front=points, front_gap=total.gap)


@dataclass
class _Run:
    """The searches of one network: what has been answered so far."""

    architecture: Architecture
    options: SearchOptions
    report: Report | None
    search_one: MapFunction
    leaders: list[Einsum]
    jobs: int
    waiting: list[int]
    """Groups whose search has not begun, the next one last."""
    deadline: float | None
    answers: dict[int, MapperResult | Exception] = field(default_factory=dict)

    def tell(self, group: int, state: str, detail: Any = None) -> None:
        if self.report is not None:
            self.report(Event(group, len(self.leaders), self.leaders[group].name, state, detail))

    def next_task(self) -> Task[int, MapperResult] | None:
        if not self.waiting:
            return None
        options = self.shares()
        group = self.waiting.pop()
        self.tell(group, "started")
        arguments = (self.leaders[group], self.architecture, options)
        return Task(group, self.search_one, arguments, (InfeasibleError,), talks=True)

    def hear(self, group: int, detail: Any) -> None:
        self.tell(group, "progress", detail)

    def keep(self, group: int, answer: MapperResult | Exception) -> None:
        self.answers[group] = answer
        if isinstance(answer, MapperResult):
            self.tell(group, "done", answer)
        else:
            self.tell(group, "infeasible" if isinstance(answer, InfeasibleError) else "interrupted", answer)

    def shares(self) -> SearchOptions:
        """Options of the next search: an equal share of what is left of the time, and of the memory."""
        options = self.options
        if options.memory_bytes is not None:
            options = replace(options, memory_bytes=options.memory_bytes // self.jobs)
        if self.deadline is not None:
            left = max(0.0, self.deadline - time.monotonic())
            options = replace(options, budget_s=left * self.jobs / max(len(self.waiting), self.jobs))
        return options


def groups_of(workload: Workload, architecture: Architecture, constraints: Iterable[str] = ()) -> Iterator[list[str]]:
    """Names of the Einsums that share one search, in order of first appearance."""
    kept = shared_names(workload, architecture, constraints)
    groups: dict[object, list[str]] = {}
    for einsum in workload.einsums:
        groups.setdefault(canonical(einsum, kept)[0], []).append(einsum.name)
    yield from groups.values()
