"""The search of the fused nests of a cascade: every group of neighbours, each against what is known without it."""

from __future__ import annotations

import time
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.front import Floats, Incumbents
from costmodel.mapper.fused.branches import EinsumPart, Found, NotFusedError, branches, parts, touched
from costmodel.mapper.fused.charges import SharedPrices
from costmodel.mapper.fused.cuts import Cuts, over_cuts
from costmodel.mapper.fused.group import FusedGroup, groups, shared_memories
from costmodel.mapper.fused.join import FusedNest, Join
from costmodel.mapper.fused.plan import Plan
from costmodel.mapper.fused.table import BranchTable, table
from costmodel.mapper.lattice import TooManyBranchesError, merged
from costmodel.mapper.result import MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.model.meters import PriceBook, leak_pj_per_cycle
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, Storage
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.objective import AXES, Objective, vector_of

MOST = 6
"""Einsums of a group."""
SAME = 1e-9
"""Relative difference of the model's costs from those of the search that rounding explains."""


@dataclass
class Fusion:
    """What is known about the fused nests of a workload."""

    fronts: dict[tuple[int, int], tuple[MappingPoint, ...]]
    """(first, stop) among the Einsums → mappings that are better than whatever fuses less; of one execution."""
    searched: tuple[tuple[str, ...], ...]
    """Groups, by the names of their Einsums."""
    alone: dict[str, str]
    """Einsum → why it is in no group."""
    evaluated: int = 0
    cpu_s: float = 0.0
    exact: bool = True
    """Whether nothing was left out that might be better."""
    agrees: bool = True
    """Whether the scalar model has the costs of the search."""
    interrupted: bool = False
    late: bool = False

    @property
    def proven(self) -> bool:
        return self.exact and self.agrees and not self.interrupted and not self.late


def fuse(
    workload: Workload,
    architecture: Architecture,
    aim: Objective,
    alone: MappingABC[int, Floats],
    constraints: Sequence[str] = (),
    deadline: float | None = None,
) -> Fusion:
    """Search all groups of a workload, smaller ones first, and before all those without windows, which take less time.

    ``alone`` has the costs of the front of each Einsum that was mapped by itself, by its place: a group counts where it
    is better than those. On Ctrl-C, or when time is up, what was found so far comes back.
    """
    began = time.process_time()
    fusing = Fusing(workload, architecture, aim, constraints, deadline=deadline)
    found = Fusion({}, (), fusing.why)
    costs = {(place, place + 1): front for place, front in alone.items()}
    asked = asked_of(aim)
    try:
        for group in sorted(fusing.groups, key=lambda g: (fusing.slides(g), len(g.einsums))):
            first, stop = group.places.start, group.places.stop
            if any(place not in alone for place in group.places) or any(e.name in fusing.why for e in group.einsums):
                continue
            known = over_cuts(first, stop, costs, asked)
            try:
                points = fusing.search(group, known, found)
            except TooManyBranchesError:
                found.exact = False
                continue
            if points:
                found.fronts[first, stop] = tuple(points)
                costs[first, stop] = np.array([vector_of(p) for p in points], dtype=np.float64)
            found.searched = (*found.searched, tuple(e.name for e in group.einsums))
    except OutOfTimeError:
        found.late = True
    except KeyboardInterrupt:
        found.interrupted = True
    found.evaluated += fusing.labels
    found.cpu_s = time.process_time() - began
    return found


def asked_of(aim: Objective) -> list[int]:
    """Places of the costs that an objective is about."""
    return [k for k, axis in enumerate(AXES) if axis.name in aim.costs]


class Fusing:
    """One cascade on one architecture: the branches of its Einsums, and the groups that they may form."""

    def __init__(
        self,
        workload: Workload,
        architecture: Architecture,
        aim: Objective,
        constraints: Sequence[str] = (),
        *,
        deadline: float | None = None,
    ) -> None:
        self.workload = replace(workload, einsums=tuple(replace(e, count=1) for e in workload.einsums))
        self.architecture, self.aim, self.deadline = architecture, aim, deadline
        self.memories = shared_memories(architecture)
        self.why: dict[str, str] = {}
        """Einsum → why it cannot be in a group."""
        self.parts: dict[str, list[EinsumPart]] = {}
        for einsum in self.workload.einsums:
            try:
                self.parts[einsum.name] = parts(einsum, architecture, constraints)
            except NotFusedError as why:
                self.why[einsum.name] = str(why)
        able = [e.name in self.parts for e in workload.einsums]
        counts = [e.count for e in workload.einsums]
        self.groups = [g for g in groups(self.workload, able, counts, MOST) if self.memories and g.shared]
        self.book = PriceBook(architecture)
        self.leak = leak_pj_per_cycle(architecture)
        self.labels = 0
        """Partial nests that were looked at."""
        self._found: dict[str, list[Found]] = {}

    def slides(self, group: FusedGroup) -> bool:
        """Whether an Einsum of a group has a tensor with a window."""
        return any(t.windowed for e in group.einsums for t in touched(self.parts[e.name]).values())

    def branches_of(self, einsum: Einsum) -> list[Found]:
        """Return the branches of an Einsum, on each unit. Raises OutOfTimeError and TooManyBranchesError."""
        found = self._found.get(einsum.name)
        if found is None:
            shared = {v for g in self.groups if einsum in g.einsums for v in g.shared}
            names = [m.name for m in self.memories]
            try:
                found = [
                    branches(part, self.aim, shared, names, deadline=self.deadline) for part in self.parts[einsum.name]
                ]
            except TooManyBranchesError:
                self.why[einsum.name] = "it has too many branches to look at all of them"
                raise
            self._found[einsum.name] = found
            self.labels += sum(one.search.stats.labels for one in found)
        return found

    def table(self, plan: Plan, einsum: Einsum, prices: SharedPrices) -> BranchTable:
        """Return the branches of an Einsum in the numbers of a group."""
        found = self.branches_of(einsum)
        places = {meter: place for place, meter in enumerate(self.book.meters)}
        own = []
        for one in found:
            book = PriceBook(one.part.space.architecture)
            own.append([places[book.meters[at]] for listed in book.limits.values() for at in listed])
        return table(plan, found, prices.limits, own)

    def search(self, group: FusedGroup, known: Cuts, told: Fusion) -> list[MappingPoint]:
        """Return the fused nests of a group that are better than what is known.

        Raises OutOfTimeError and TooManyBranchesError.
        """
        incumbents = Incumbents(self.aim)
        incumbents.add(known.costs.T, [None] * len(known.costs))
        plan = Plan(group, self.memories, [touched(self.parts[e.name]) for e in group.einsums])
        prices = SharedPrices(plan, self.book)
        tables = [self.table(plan, e, prices) for e in group.einsums]
        join = Join(plan, prices, tables, incumbents, self.leak, self.deadline)
        join.run()
        told.exact &= join.exact and known.exact
        told.evaluated += join.looked
        points = []
        for item, costs in zip(incumbents.items, incumbents.costs.T.tolist(), strict=True):
            if isinstance(item, FusedNest):
                point = self.point(group, join, tables, item)
                points.append(point)
                pairs = [(vector_of(point)[k], costs[k]) for k in asked_of(self.aim)]
                told.agrees &= all(abs(cost - thought) <= SAME * abs(cost) for cost, thought in pairs)
        return points

    def point(self, group: FusedGroup, join: Join, tables: Sequence[BranchTable], item: FusedNest) -> MappingPoint:
        """Write a fused nest down, and cost it by the scalar model."""
        below = []
        for einsum, own, column in zip(group.einsums, tables, item.branches, strict=True):
            search = self.branches_of(einsum)[int(own.source[column])].search
            below.append(merged(tuple(reversed(search.nodes(int(own.number[column]))))))
        outside = tuple(t for t in group.tensors if t not in item.staying)
        above = (Storage(outside, self.architecture.memories[0].name), *reversed(join.nodes(item)))
        nest = (*merged(above), SequenceNode(tuple(below)))
        mapping = Mapping(nest, arch=self.architecture.name, workload=self.workload.name)
        return MappingPoint(mapping, evaluate(self.workload, self.architecture, mapping))
