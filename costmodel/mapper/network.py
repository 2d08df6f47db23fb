"""Mapping a whole network: each distinct Einsum once, spread over worker processes, and the front of the totals.

Layers that differ in names only (``canonical.py``) share one search. The network's energy and latency are sums over
its layers, and its room is the most that one layer needs (``sums.py``).
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.mapper.cache import Cache, Inquiry, Kept
from costmodel.mapper.canonical import Member, grouped, leaders, renamed
from costmodel.mapper.choice import chosen_place
from costmodel.mapper.engines import search
from costmodel.mapper.front import pareto
from costmodel.mapper.layers import Layer, fuse_layers, layer_objective
from costmodel.mapper.result import (
    ROUNDING,
    Certificate,
    InfeasibleError,
    MapperResult,
    NetworkPoint,
    Status,
    held_against,
)
from costmodel.mapper.rounds import Searches, SearchEvent, joined
from costmodel.mapper.sums import best_choice, sum_fronts, totals
from costmodel.mapper.tasks import run_tasks
from costmodel.mapper.workers import in_processes
from costmodel.model.evaluate import combine
from costmodel.model.evaluation import Evaluation
from costmodel.spec.mapping import Mapping
from costmodel.spec.methods import METHODS
from costmodel.spec.objective import AXES, Costed, Costs, vector_of
from costmodel.spec.request import Fuse, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.fused import Fusion
    from costmodel.mapper.rounds import MapFunction, Report
    from costmodel.spec.hardware import Architecture


FUSED_NESTS = "fused nests"
"""What is searched when all Einsums are."""
WORKERS_S = 4.0
"""A shorter budget is spent in this process: workers take a second to begin."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A layer without an answer."""

    einsum: str
    group: int
    reason: str
    infeasible: InfeasibleError | None
    """Null where the search was interrupted before it had found anything."""


@dataclass(frozen=True)
class NetworkResult:
    """The answer for a workload on an architecture."""

    workload: str
    architecture: str
    request: Request
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
    fusion: Fusion | None = None
    """What is known about fused nests, where they were asked for."""
    could_stay: tuple[str, ...] = ()
    """Tensors that fused nests could keep on chip, where those were not asked for but can be searched."""

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
            [
                replace(layer.point.evaluation, counts=dict.fromkeys(layer.point.evaluation.counts, layer.count))
                for layer in self.layers
            ],
        )

    @property
    def chosen(self) -> int | None:
        """Place in ``front`` of the totals of ``mappings``; null where they were thinned out of it."""
        choices = tuple(layer.chosen for layer in self.layers)
        return next((place for place, point in enumerate(self.front) if point.choices == choices), None)

    @cached_property
    def certificate(self) -> Certificate:
        """What is known about the totals; counts and times of the layers are summed once per group.

        Like that of a layer, the gap is one of the first objective. That of sums needs no mapping of one Einsum but the
        best; a product of sums (EDP) is proven where the fronts of all layers are, else held against what they allow.
        """
        parts = list({layer.group: layer.result.certificate for layer in self.layers}.values())
        alone = [one for layer in self.layers for one in layer.instead or (layer,)]
        searches = list({layer.group: layer.result.certificate for layer in alone}.values())
        pruned: dict[str, int] = {}
        for part in searches:
            for rule, removed in part.pruned:
                pruned[rule] = pruned.get(rule, 0) + removed
        status, gap = self._verdict(parts)
        fusion = self.fusion
        sizes = [part.mapspace for part in parts]
        return Certificate(
            status=status,
            method=", ".join(dict.fromkeys(part.method for part in parts)) or self.request.method,
            mapspace=sum(size for size in sizes if size is not None) if None not in sizes and sizes else None,
            evaluated=sum(part.evaluated for part in searches) + (0 if fusion is None else fusion.evaluated),
            pruned=tuple(pruned.items()),
            cpu_s=sum(part.cpu_s for part in searches) + (0.0 if fusion is None else fusion.cpu_s),
            gap=gap,
            interrupted=self.interrupted,
            budget_spent=any(part.budget_spent for part in parts) or (fusion is not None and fusion.late),
        )

    def _verdict(self, parts: list[Certificate]) -> tuple[Status, float | None]:
        if not parts or any(part.gap is None or part.status == Status.FOUND for part in parts):
            return Status.FOUND, None
        fusion, aim = self.fusion, self.request.aim
        if fusion is not None and not fusion.agrees:
            return Status.FOUND, None
        alone = sum(len(layer.instead) or 1 for layer in self.layers)
        asked = alone + len(self.failures) + len(self.unfinished)
        proven = all(part.status == Status.PROVEN for part in parts) and (fusion is None or fusion.proven)
        if layer_objective(self.request, asked).front and proven:
            return Status.PROVEN, 0.0
        points: list[Costed] = [self.evaluation, *self.front]
        best = min(aim.of(point)[0] for point in points)
        bound = self._bound() if fusion is None else fusion.bound
        return held_against(best, bound, front=aim.front)

    def _bound(self) -> float:
        """Return what the first objective of the totals is at least, by the least values of the layers."""
        aim = self.request.aim
        return joined(aim, [(layer.count, layer.result.bound(aim)) for layer in self.layers])


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What mapping a workload takes: groups of identical Einsums, and what is asked about the first of each."""

    workload: Workload
    architecture: Architecture
    request: Request
    fuse: Fuse
    """Whether Einsums are fused: as the request says, else where tensors could stay on chip."""
    members: tuple[Member, ...]
    first: tuple[Member, ...]
    """Of each group."""
    asking: Request
    """What each layer is asked."""

    @property
    def asked(self) -> tuple[Inquiry, ...]:
        """The inquiries: of each group, about one execution."""
        return tuple(Inquiry(replace(leader.einsum, count=1), self.architecture, self.asking) for leader in self.first)

    @property
    def executions(self) -> list[int]:
        """How often each group is executed."""
        return [sum(m.einsum.count for m in self.members if m.group == group) for group in range(len(self.first))]

    def result(
        self, answers: dict[int, MapperResult | Exception], *, wall_s: float = 0.0, interrupted: bool = False
    ) -> NetworkResult:
        """Put the answers of groups together, without fused nests."""
        found, failures, unfinished = _by_layer(self.workload.name, self.members, self.first, answers)
        return choose(
            NetworkResult(
                workload=self.workload.name,
                architecture=self.architecture.name,
                request=self.request,
                layers=found,
                failures=failures,
                front=(),
                front_gap=0.0,
                groups=len(self.first),
                wall_s=wall_s,
                interrupted=interrupted,
                unfinished=unfinished,
            ),
        )


def plan_of(workload: Workload, architecture: Architecture, request: Request) -> NetworkPlan:
    """Say what mapping a workload takes. Raises SpecError where a constraint cannot be read."""
    members = grouped(workload, architecture, request.constraints)
    first = leaders(members)
    fuse = fuse_of(request, workload, architecture)
    asking = request.asking(
        objective=layer_objective(request, len(members)).names, budget=_share(workload, architecture, request, fuse)
    )
    return NetworkPlan(workload, architecture, request, fuse, members, first, asking)


def fuse_of(request: Request, workload: Workload, architecture: Architecture) -> Fuse:
    """Return whether Einsums are fused: as a request says, else where tensors could stay on chip."""
    if request.fuse is not None:
        return request.fuse
    from costmodel.mapper.fused import some_could_stay

    return "auto" if _may_fuse(workload, request) and some_could_stay(workload, architecture) else "off"


def _unfused(workload: Workload, architecture: Architecture, request: Request) -> tuple[str, ...]:
    """Tensors that fused nests could keep on chip, where a request that has a use for those wants none."""
    if request.fuse is None or not _may_fuse(workload, request):
        return ()
    from costmodel.mapper.fused import could_stay

    return could_stay(workload, architecture)


def _may_fuse(workload: Workload, request: Request) -> bool:
    """Whether a request has a use for fused nests."""
    return len(workload.einsums) > 1 and request.tiles == "perfect" and METHODS[request.method].proves


def map_workload(
    workload: Workload,
    architecture: Architecture,
    request: Request | None = None,
    *,
    jobs: int | None = None,
    report: Report | None = None,
    search_one: MapFunction = search,
    cache: Cache | None = None,
) -> NetworkResult:
    """Map every Einsum of a workload and choose one mapping per layer.

    ``jobs`` is the number of worker processes (null: as the request says); the answer does not depend on it. A layer
    that nothing fits is a ``Failure``; Ctrl-C returns what is done, marked ``interrupted``. What a ``cache`` has is not
    searched, and what is found is kept there.
    """
    request = request or Request()
    started = time.monotonic()
    plan = plan_of(workload, architecture, request)
    executions = plan.executions
    asked = plan.asked
    kept = {} if cache is None else _remembered(cache, asked)
    answers: dict[int, MapperResult | Exception] = {g: k.result for g, k in kept.items() if math.isinf(k.had_s)}
    left = [group for group in range(len(plan.first)) if group not in answers]
    jobs = max(1, min(jobs or request.jobs or os.cpu_count() or 1, len(left)))
    if request.budget is not None and request.budget < WORKERS_S:
        jobs = 1
    run = Searches(
        architecture,
        plan.asking,
        report,
        search_one,
        [replace(plan.first[group].einsum, count=executions[group]) for group in left],
        jobs,
        started,
        {place: kept[group].result for place, group in enumerate(left) if group in kept},
        {place: kept[group].had_s for place, group in enumerate(left) if group in kept},
    )
    interrupted = run_tasks(run.next_task, run.keep, in_processes(jobs), None if report is None else run.hear)
    for place, answer in run.answers.items():
        group = left[place]
        answers[group] = answer
        if cache is not None and not (group in kept and place not in run.begun_s):
            cache.keep(asked[group], answer, run.given_s.get(place))
    result = plan.result(answers, wall_s=time.monotonic() - started, interrupted=interrupted)
    if plan.fuse == "off":
        return replace(result, could_stay=_unfused(workload, architecture, request))
    if len(result.layers) < 2 or interrupted:
        return result

    def hear(what: str) -> None:
        if report is not None:
            report(SearchEvent(0, len(left), FUSED_NESTS, "progress", what))

    layers, fusion = fuse_layers(workload, architecture, request, result.layers, started, cache, hear)
    wall_s = time.monotonic() - started
    return choose(replace(result, layers=layers, fusion=fusion, interrupted=fusion.interrupted, wall_s=wall_s))


def _remembered(cache: Cache, asked: Sequence[Inquiry]) -> dict[int, Kept]:
    """Groups that an earlier run has answered, as far as it went."""
    found = ((group, cache.find(one)) for group, one in enumerate(asked))
    return {group: answer for group, answer in found if answer is not None}


def _share(workload: Workload, architecture: Architecture, request: Request, fuse: Fuse) -> float | None:
    """Return the time for mapping each Einsum by itself: half of it, where the rest is for fused nests."""
    if request.budget is None or fuse == "off":
        return request.budget
    from costmodel.mapper.fused import in_groups

    return request.budget / 2 if in_groups(workload, architecture) else request.budget


def _by_layer(
    workload: str, members: Sequence[Member], first: Sequence[Member], answers: dict[int, MapperResult | Exception]
) -> tuple[tuple[Layer, ...], tuple[Failure, ...], tuple[str, ...]]:
    """Give every layer the answer of its group, in its own names."""
    found, failures, unfinished = [], [], []
    for member in members:
        answer, einsum = answers.get(member.group), member.einsum
        if answer is None:
            unfinished.append(einsum.name)
        elif isinstance(answer, MapperResult):
            own = renamed(answer, first[member.group].naming, member.naming, einsum.name, workload)
            found.append(Layer(einsum.name, einsum.count, member.group, own, 0))
        elif isinstance(answer, InfeasibleError):
            own_error = InfeasibleError(einsum.name, answer.tally, answer.nearest, answer.proven, answer.mapspace)
            failures.append(Failure(einsum.name, member.group, str(own_error), own_error))
        else:
            failures.append(Failure(einsum.name, member.group, f"{einsum.name}: {answer}", None))
    return tuple(found), tuple(failures), tuple(unfinished)


def choose(result: NetworkResult) -> NetworkResult:
    """Fill in the network's front and the mapping that each layer uses: of a front, the chosen point."""
    if not result.layers:
        return result
    aim = result.request.aim
    fronts = [
        np.array([vector_of(p) for p in layer.result.front], dtype=np.float64)
        * [layer.count if axis.joins == "sum" else 1 for axis in AXES]
        for layer in result.layers
    ]
    total = sum_fronts(fronts, room=aim.uses_capacity)
    costs, choices = total.costs, total.choices
    if aim.front:
        if total.gap:  # what was thinned out may have been the best of an objective
            ends = [best_choice(fronts, one.powers[0]) for one in aim.each]
            costs = np.concatenate((costs, [totals(fronts, end) for end in ends]))
            choices = np.concatenate((choices, np.array(ends, dtype=np.int32)))
        order = pareto(aim.values(*costs.T).T, costs)
        costs, choices = costs[order], choices[order]
    points = tuple(
        NetworkPoint(**Costs.row(row), choices=tuple(picked))
        for row, picked in zip(costs.tolist(), choices.tolist(), strict=True)
    )
    if aim.front and result.request.choose is not None:
        chosen = tuple(choices[chosen_place(result.request.choose, aim, costs)].tolist())
    else:  # found among all combinations, those that were thinned out too
        chosen = best_choice(fronts, aim.product.powers[0])
    layers = tuple(replace(layer, chosen=place) for layer, place in zip(result.layers, chosen, strict=True))
    return replace(result, layers=layers, front=points, front_gap=total.gap if total.gap > ROUNDING else 0.0)
