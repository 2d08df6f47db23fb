"""Layers of a network: Einsums with the front that was found for each, or groups of them that are fused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from costmodel.mapper.result import ROUNDING, Certificate, MapperResult, MappingPoint, Status, held_against
from costmodel.mapper.rounds import joined
from costmodel.model.evaluate import evaluate
from costmodel.spec.mapping import Mapping, Storage
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.methods import METHODS
from costmodel.spec.objective import Objective, objective_of, vector_of
from costmodel.spec.request import Request

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.mapper.cache import Cache
    from costmodel.mapper.fused import Fusion
    from costmodel.spec.hardware import Architecture

Run = tuple[int, int]
"""First Einsum, and the one behind the last."""
TOGETHER = " + "
"""Between the names of Einsums that are fused."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One Einsum of the network, or a group that is fused, with its front. Costs are those of one execution."""

    einsum: str
    """Of Einsums that are fused, all their names."""
    count: int
    """Identical layers that this Einsum stands for."""
    group: int
    """Layers of one group are identical in all but names and were searched once."""
    result: MapperResult
    chosen: int
    """Place in the front of the mapping that the network uses."""
    instead: tuple[Layer, ...] = ()
    """Of Einsums that are fused: each by itself, with the mapping that the network would use if nothing were fused."""

    @property
    def point(self) -> MappingPoint:
        """The mapping that the network uses."""
        return self.result.front[self.chosen]


def layer_objective(request: Request, layers: int) -> Objective:
    """What each layer is searched for; the first objective, which gaps are about, is the same.

    The best product of totals need not use the best product of each layer, so for that a method that proves finds the
    front of each layer over all costs in it; a sampler spends its trials on what was asked.
    """
    aim = request.aim
    products = any(len(one.costs) > 1 for one in aim.each)
    if METHODS[request.method].proves and products and layers > 1:
        return objective_of((aim.names[0], *aim.costs))
    return aim


def fuse_layers(
    workload: Workload,
    architecture: Architecture,
    request: Request,
    layers: Sequence[Layer],
    started: float,
    cache: Cache | None = None,
    hear: Callable[[str], None] | None = None,
) -> tuple[tuple[Layer, ...], Fusion]:
    """Return the layers with those fused that then cost less, and what is known about fused nests.

    ``layers``: as the network would use them if nothing were fused. What a ``cache`` has is not searched again;
    ``hear`` is told what is.
    With ``fuse: all`` those are fused that can be, whatever that costs; where the request does not say whether to fuse,
    the search ends soon, with a budget as without: a limit of time changes no answer that is found within it.
    A group has one layer in place of those of its Einsums. Where some points of a front fuse Einsums that others do
    not, their layer has the mappings of all; what a point does not fuse it has as branches without shared loops.
    """
    from costmodel.mapper.fused import FusedInquiry, FusedQuery, apart, asked_of, fuse, least_over, over_cuts, runs

    aim = layer_objective(request, len(workload.einsums))
    place = {einsum.name: at for at, einsum in enumerate(workload.einsums)}
    alone = {place[layer.einsum]: layer for layer in layers}
    costs = {at: np.array([vector_of(p) for p in layer.result.front]) for at, layer in alone.items()}
    deadline = None if request.budget is None else started + request.budget
    proven = {at for at, layer in alone.items() if layer.result.certificate.status == Status.PROVEN}
    every, soon = request.fuse == "all", request.fuse is None
    asked = FusedQuery(aim, request.constraints, deadline, hear=hear, every=every, soon=soon)
    inquiry = FusedInquiry(workload, architecture, request, costs, proven)
    fusion = None if cache is None else inquiry.find(cache)
    if fusion is None:
        fusion = fuse(workload, architecture, asked, costs, proven)
        if cache is not None:
            inquiry.keep(cache, fusion)
    fronts = {(at, at + 1): front for at, front in costs.items()}
    fronts |= {run: np.array([vector_of(p) for p in points]) for run, points in fusion.fronts.items()}
    bounds = {(at, at + 1): layer.result.bound(aim) for at, layer in alone.items()} | fusion.bounds
    if fusion.pieces is not None:
        fronts = {run: front for run, front in fronts.items() if run in fusion.pieces}
        bounds = {run: bound for run, bound in bounds.items() if run in fusion.pieces or run in fusion.bounds}
    mappings = {(at, at + 1): layer.result.front for at, layer in alone.items()} | fusion.fronts
    found = dict(alone)
    for first, stop in runs(fusion.fronts):
        whole = over_cuts(first, stop, fronts, asked_of(aim))
        for begin, end in apart(whole):
            cuts = whole if (begin, end) == (first, stop) else over_cuts(begin, end, fronts, asked_of(aim))
            if all(piece.stop - piece.first == 1 for path in cuts.pieces for piece in path):
                continue
            members = [found.pop(at) for at in range(begin, end)]
            points = tuple(
                _joined([mappings[p.first, p.stop][p.place] for p in path], workload, architecture)
                for path in cuts.pieces
            )
            name = TOGETHER.join(layer.einsum for layer in members)
            own = list({layer.group: layer.result.certificate for layer in members}.values())
            bound = least_over(begin, end, bounds, aim)
            result = MapperResult(name, points, _certificate(own, fusion, points, bound, aim, exact=cuts.exact))
            found[begin] = Layer(name, members[0].count, len(alone) + begin, result, 0, tuple(members))
    parts = runs([*fusion.bounds, *((at, at + 1) for at in alone)])
    fusion.bound = joined(aim, [(alone[first].count, least_over(first, stop, bounds, aim)) for first, stop in parts])
    best = {run: float(aim.first(*front.T).min()) for run, front in fronts.items()}
    names = [layer.einsum for layer in layers]
    fusion.lacking = _lacking(names, [alone[first].count for first, _ in parts], parts, (best, bounds), aim)
    return tuple(found[at] for at in sorted(found)), fusion


def _lacking(
    names: Sequence[str],
    counts: Sequence[int],
    parts: Sequence[Run],
    known: tuple[MappingABC[Run, float], MappingABC[Run, float]],
    aim: Objective,
) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Return the groups on the way that holds the bound, with the share of the totals that each may still save.

    That is by how much the first objective of the totals would be less if the group cost its bound, and all others what
    is known. ``known``: the least value that was found of each group and each Einsum, and a bound of it.
    """
    from costmodel.mapper.fused import least_over, way_over

    best, bounds = known
    each = [(count, least_over(*part, best, aim)) for count, part in zip(counts, parts, strict=True)]
    total = joined(aim, each)
    found = []
    for at, part in enumerate(parts if total > 0 else ()):
        for run in way_over(*part, bounds, aim):
            least = least_over(*part, {**best, run: min(bounds[run], best.get(run, np.inf))}, aim)
            share = 1 - joined(aim, [*each[:at], (counts[at], least), *each[at + 1 :]]) / total
            if share > ROUNDING:
                found.append((tuple(names[slice(*run)]), share))
    return tuple(sorted(found, key=lambda one: -one[1]))


def _joined(points: Sequence[MappingPoint], workload: Workload, architecture: Architecture) -> MappingPoint:
    """Return nests of a group or an Einsum each as one: branches that share nothing but the outermost memory."""
    if len(points) == 1:
        return points[0]
    stores = [point.mapping.nest[0] for point in points]
    tensors = dict.fromkeys(t for node in stores if isinstance(node, Storage) for t in node.tensors)
    nest = (
        Storage(tuple(tensors), architecture.memories[0].name),
        SequenceNode(tuple(point.mapping.nest[1:] for point in points)),
    )
    mapping = Mapping(nest, arch=architecture.name, workload=workload.name)
    once = replace(workload, einsums=tuple(replace(e, count=1) for e in workload.einsums))
    return MappingPoint(mapping, evaluate(once, architecture, mapping))


def _certificate(
    own: Sequence[Certificate],
    fusion: Fusion,
    points: Sequence[MappingPoint],
    bound: float,
    aim: Objective,
    *,
    exact: bool,
) -> Certificate:
    """What is known about the mappings of a group: all of it, where all of its Einsums and of their groups is known.

    Else they are held against a bound of the first objective.
    """
    status, gap = Status.FOUND, None
    if exact and fusion.proven and all(one.status == Status.PROVEN for one in own):
        status, gap = Status.PROVEN, 0.0
    elif fusion.agrees:
        status, gap = held_against(min(aim.of(point)[0] for point in points), bound, front=aim.front)
    return Certificate(
        status=status,
        method="exact",
        mapspace=None,
        evaluated=sum(one.evaluated for one in own),
        pruned=(),
        cpu_s=sum(one.cpu_s for one in own),
        gap=gap,
        interrupted=fusion.interrupted,
        budget_spent=fusion.late or any(one.budget_spent for one in own),
    )
