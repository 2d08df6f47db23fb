"""The search of the fused nests of a cascade: every group of neighbours, each against what is known without it.

Each Einsum's branches are searched for all of its groups at once (``branches.py``), and put together group by group.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field, replace

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.front import Floats, Incumbents
from costmodel.mapper.fused.branches import EinsumPart, Found, NotFusedError, Searcher, parts, touched
from costmodel.mapper.fused.charges import SharedPrices
from costmodel.mapper.fused.company import AnyOf, Company, Least
from costmodel.mapper.fused.cuts import asked_of
from costmodel.mapper.fused.group import FusedGroup, groups, shared_memories
from costmodel.mapper.fused.join import FusedNest, Join
from costmodel.mapper.fused.plan import Plan
from costmodel.mapper.fused.rounds import Rounds
from costmodel.mapper.fused.table import BranchTable, table
from costmodel.mapper.lattice import merged
from costmodel.mapper.result import MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.model.meters import PriceBook, leak_pj_per_cycle
from costmodel.model.patience import OutOfTimeError, until
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, Storage
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.objective import Objective, objective_of, vector_of

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
    bounds: dict[tuple[int, int], float] = field(default_factory=dict)
    """(first, stop) of a group → what the first objective of its fused nests is at least, where they may be better than
    what is known; infinite: they are not."""
    bound: float = 0.0
    """Of the first objective of the totals."""
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
    proven: Collection[int],
    constraints: Sequence[str] = (),
    deadline: float | None = None,
) -> Fusion:
    """Search all groups of a workload, smaller ones first, and before all those without windows, which take less time.

    ``alone`` has the costs of the front of each Einsum that was mapped by itself, by its place: a group counts where it
    is better than those; ``proven`` are the places where nothing is better. On Ctrl-C, or when time is up, what was
    found so far comes back.
    """
    began = time.process_time()
    fusing = Fusing(workload, architecture, aim, constraints, deadline=deadline)
    found = Fusion({}, (), fusing.why)
    able = [g for g in fusing.groups if all(place in alone for place in g.places)]
    costs = {(place, place + 1): front for place, front in alone.items()}
    rounds = Rounds(fusing, able, costs, proven, found)
    try:
        rounds.run()
    except OutOfTimeError:
        found.late = True
    except KeyboardInterrupt:
        found.interrupted = True
    found.bounds = {(g.places.start, g.places.stop): rounds.bound(g) for g in able}
    found.evaluated += fusing.labels
    found.cpu_s = time.process_time() - began
    return found


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
        touches = {name: touched(mine) for name, mine in self.parts.items()}
        self.plans = {g: Plan(g, self.memories, [touches[e.name] for e in g.einsums]) for g in self.groups}
        self.searchers: dict[str, list[Searcher]] = {}
        """Of each Einsum, on each unit; made when they are needed."""
        self.found: dict[str, list[Found]] = {}
        """The branches of each Einsum, on each unit, that were found last."""

    def slides(self, group: FusedGroup) -> bool:
        """Whether an Einsum of a group has a tensor with a window."""
        return any(t.windowed for mine in self.plans[group].touches for t in mine.values())

    def searchers_of(self, einsum: Einsum) -> list[Searcher]:
        if einsum.name not in self.searchers:
            plans = [plan for g, plan in self.plans.items() if einsum in g.einsums]
            with until(self.deadline):
                self.searchers[einsum.name] = [Searcher(part, self.aim, plans) for part in self.parts[einsum.name]]
        return self.searchers[einsum.name]

    def least(self, einsum: Einsum) -> dict[FusedGroup, Least]:
        """Return what an Einsum pays at least in each of its groups. Raises OutOfTimeError."""
        found: dict[FusedGroup, list[Floats]] = {}
        aims = (objective_of("energy"), objective_of("latency"), self.aim.each[0])
        asked = {aim for aim in aims if set(aim.costs) <= set(self.aim.costs)}
        for searcher in self.searchers_of(einsum):
            zero = np.zeros(len(searcher.groups))
            known = {aim: searcher.least(aim, self.deadline) for aim in asked}
            rows = np.stack([known.get(a, zero) for a in aims], axis=1)
            for alike, row in zip(searcher.groups, rows, strict=True):
                for group in alike:
                    found.setdefault(group, []).append(row)
        return {group: Least(*np.min(every, axis=0).tolist()) for group, every in found.items()}

    def find(self, einsum: Einsum, company: MappingABC[FusedGroup, Company], width: int) -> dict[FusedGroup, float]:
        """Find the branches of an Einsum that may be better than what is known of some group. Raises OutOfTimeError.

        Return for each group a bound of the first objective of what was left out for want of width.
        """
        found, left_out = [], dict.fromkeys(company, np.inf)
        for searcher in self.searchers_of(einsum):
            judges = [AnyOf(self.aim, [company[g] for g in alike if g in company]) for alike in searcher.groups]
            found.append(searcher.branches(judges, width, self.deadline))
            for alike, bound in zip(searcher.groups, found[-1].search.left_out.tolist(), strict=True):
                left_out |= {g: min(left_out[g], bound) for g in alike if g in company}
        self.found[einsum.name] = found
        self.labels += sum(one.search.stats.labels for one in found)
        return left_out

    def table(self, plan: Plan, einsum: Einsum, prices: SharedPrices) -> BranchTable:
        """Return the branches of an Einsum in the numbers of a group."""
        found = self.found[einsum.name]
        places = {meter: place for place, meter in enumerate(self.book.meters)}
        own = []
        for one in found:
            book = PriceBook(one.part.space.architecture)
            own.append([places[book.meters[at]] for listed in book.limits.values() for at in listed])
        return table(plan, found, prices.limits, own)

    def search(self, group: FusedGroup, known: Floats, told: Fusion) -> list[MappingPoint]:
        """Return the fused nests of a group, of the branches that were found, that are better than what is known.

        ``known``: a row of costs each. Raises OutOfTimeError.
        """
        incumbents = Incumbents(self.aim)
        incumbents.add(known.T, [None] * len(known))
        plan = self.plans[group]
        prices = SharedPrices(plan, self.book)
        tables = [self.table(plan, e, prices) for e in group.einsums]
        join = Join(plan, prices, tables, incumbents, self.leak, self.deadline)
        join.run()
        told.exact &= join.exact
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
            search = self.found[einsum.name][int(own.source[column])].search
            below.append(merged(tuple(reversed(search.nodes(int(own.number[column]))))))
        outside = tuple(t for t in group.tensors if t not in item.staying)
        above = (Storage(outside, self.architecture.memories[0].name), *reversed(join.nodes(item)))
        nest = (*merged(above), SequenceNode(tuple(below)))
        mapping = Mapping(nest, arch=self.architecture.name, workload=self.workload.name)
        return MappingPoint(mapping, evaluate(self.workload, self.architecture, mapping))
