"""One cascade on one architecture: its groups, and the branches of its Einsums, each found for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import replace

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.front import Floats, StrictIncumbents
from costmodel.mapper.fused.branches import (
    EinsumPart,
    Found,
    NotFusedError,
    Place,
    Searcher,
    alike,
    parts,
    setting,
    touched,
)
from costmodel.mapper.fused.charges import SharedPrices
from costmodel.mapper.fused.company import Company, Least
from costmodel.mapper.fused.cuts import asked_of
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.fused.group import FusedGroup, groups, in_groups, shared_memories
from costmodel.mapper.fused.join import FusedNest, Join
from costmodel.mapper.fused.plan import Plan
from costmodel.mapper.fused.table import BranchTable, table
from costmodel.mapper.lattice import Judges, merged
from costmodel.mapper.result import MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.model.meters import PriceBook, compute_pj, cycles_per_point, leak_pj_per_cycle
from costmodel.model.patience import until
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, Storage
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.objective import Objective, objective_of, vector_of

NODES_MOST = 62
"""Nodes that the shared part of a group may have: sets of them are bits of whole numbers."""
SAME = 1e-9
"""Relative difference of the model's costs from those of the search that rounding explains."""


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
        every: bool = False,
        soon: bool = False,
        hear: Callable[[str], None] | None = None,
    ) -> None:
        """``every``: of a group, all that its Einsums exchange has to be held in the shared part.

        ``soon``: the search ends when it has good nests, with a bound, unless a proof takes little. ``hear`` is told
        what is searched next.
        """
        self.soon = soon
        self.tell = hear or (lambda _: None)
        self.workload = replace(workload, einsums=tuple(replace(e, count=1) for e in workload.einsums))
        self.architecture, self.aim, self.deadline = architecture, aim, deadline
        self.memories = shared_memories(architecture)
        self.why: dict[str, str] = {}
        """Einsum that could be in a group, by what it shares with others → why it cannot."""
        self.parts: dict[str, list[EinsumPart]] = {}
        able = in_groups(workload, architecture)
        for einsum in (e for e in self.workload.einsums if e.name in able):
            try:
                self.parts[einsum.name] = parts(einsum, architecture, constraints)
            except NotFusedError as why:
                self.why[einsum.name] = str(why)
        self.counts = [e.count for e in workload.einsums]
        self.book = PriceBook(architecture)
        self.leak = leak_pj_per_cycle(architecture)
        self.labels = 0
        """Partial nests that were looked at."""
        touches = {name: touched(mine) for name, mine in self.parts.items()}
        each = (
            Plan(g, self.memories, [touches[e.name] for e in g.einsums])
            for g in groups(self.workload, self.parts, self.counts)
        )
        plans = {plan.group.run: plan for plan in each if len(plan.nodes) <= NODES_MOST}
        for plan in plans.values():
            plan.demanded = (*plan.apart(plans), *(plan.handed_on if every else ()))
        able_plans = (p for p in plans.values() if all(p.demanded) and (p.group.hangs_together or not every))
        self.plans = {plan.group: plan for plan in able_plans}
        self.groups = list(self.plans)
        self.of_all = (objective_of("energy"), objective_of("latency"), aim.each[0])
        """What ``Least`` is of."""
        self.bounded = [one for one in dict.fromkeys(self.of_all) if set(one.costs) <= set(aim.costs)]
        """Of these, what matters to some objective."""
        self.alike = alike(self.workload, architecture, constraints, self.parts)
        self.searchers: dict[str, list[Searcher]] = {}
        """Of each leader, on each unit; made when they are needed."""
        self.found: dict[str, list[Found]] = {}
        """The branches of each Einsum, on each unit, that were found last."""

    def slides(self, name: str) -> bool:
        """Whether an Einsum has a tensor with a window."""
        return any(tensor.windowed for part in self.parts[name] for tensor in part.space.tensors)

    def searchers_of(self, leader: str) -> list[Searcher]:
        """Return the searches of the Einsums that are like this one, on each unit. Raises OutOfTimeError."""
        if leader not in self.searchers:
            places = [(e.name, g) for g in self.plans for e in g.einsums if self.alike[e.name] == leader]
            with until(self.deadline):
                self.searchers[leader] = [
                    Searcher(
                        part,
                        self.aim,
                        {(name, g): setting(self.parts[name][at], self.plans[g]) for name, g in places},
                    )
                    for at, part in enumerate(self.parts[leader])
                ]
        return self.searchers[leader]

    def least(self, leader: str, most: MappingABC[Place, float], width: int) -> dict[Place, Least]:
        """Return what Einsums like this one pay at least in each of some groups, after one more look.

        ``most``: what it has to be less than to be of use, where energy or latency alone is asked for; else infinite.
        Raises OutOfTimeError.
        """
        found: dict[Place, list[list[float]]] = {place: [] for place in most}
        for searcher in self.searchers_of(leader):
            enough = searcher.of_settings(most)
            for aim in self.bounded:
                self.labels += searcher.least(aim).widen(enough, width, self.deadline)
            nothing = np.zeros(len(enough))
            known = [searcher.least(aim).bounds if aim in self.bounded else nothing for aim in self.of_all]
            for places, row in zip(searcher.places, np.stack(known, axis=1).tolist(), strict=True):
                for place in most.keys() & set(places):
                    found[place].append(row)
        return {place: Least(*np.min(every, axis=0).tolist()) for place, every in found.items()}

    def rising(self, leader: str, most: MappingABC[Place, float]) -> bool:
        """Whether one more look may find that Einsums like this one pay more in some of these groups."""
        each = ((s.least(aim), s.of_settings(most)) for s in self.searchers_of(leader) for aim in self.bounded)
        return any(len(known.rising(enough)) > 0 for known, enough in each)

    def at_least(self, name: str) -> float:
        """Return what the first objective of an Einsum is at least, for its operations alone."""
        found = []
        for part in self.parts[name]:
            unit, architecture = part.space.unit, part.space.architecture
            cycles = cycles_per_point(part.einsum, unit) * part.einsum.points / architecture.copies(unit.name)
            found.append(float(self.aim.first(compute_pj(part.einsum, unit), cycles, 0.0)))
        return min(found)

    def find(self, leader: str, company: MappingABC[Place, Company], width: int) -> dict[Place, float]:
        """Find the branches of Einsums like this one that may be better than what is known of some group.

        Return for each place a bound of the first objective of what was left out for want of width. Raises
        OutOfTimeError.
        """
        members = [name for name, first in self.alike.items() if first == leader]
        left_out = dict.fromkeys(company, np.inf)
        self.found |= {name: [] for name in members}
        for at, searcher in enumerate(self.searchers_of(leader)):
            asking = [[company[p] for p in places if p in company] for places in searcher.places]
            # beaten is what is beaten in all groups; without a group, everything
            judges = [Judges(self.aim, mine, np.zeros(len(mine))) for mine in asking]
            search, branches = searcher.branches(judges, width, self.deadline)
            self.labels += search.stats.labels
            for name in members:
                self.found[name].append(Found(self.parts[name][at], search, branches))
            for places, bound in zip(searcher.places, search.left_out.tolist(), strict=True):
                left_out |= {p: min(left_out[p], bound) for p in places if p in company}
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

    def search(self, group: FusedGroup, known: Floats, told: Fusion) -> tuple[list[MappingPoint], float]:
        """Return the fused nests of a group, of the branches that were found, that are better than what is known.

        And what the first objective is at least of those that were not looked at. ``known``: a row of costs each.
        Raises OutOfTimeError.
        """
        incumbents = StrictIncumbents(self.aim)
        incumbents.add(known.T, [None] * len(known))
        plan = self.plans[group]
        prices = SharedPrices(plan, self.book)
        tables = [self.table(plan, e, prices) for e in group.einsums]
        join = Join(plan, prices, tables, incumbents, self.leak, soon=self.soon)
        with until(self.deadline):
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
        return points, join.left_out

    def point(self, group: FusedGroup, join: Join, tables: Sequence[BranchTable], item: FusedNest) -> MappingPoint:
        """Write a fused nest down, and cost it by the scalar model."""
        below = []
        for einsum, own, column in zip(group.einsums, tables, item.branches, strict=True):
            found = self.found[einsum.name][int(own.source[column])]
            below.append(merged(tuple(reversed(found.nodes(int(own.number[column]))))))
        outside = tuple(t for t in group.tensors if t not in item.staying)
        above = (Storage(outside, self.architecture.memories[0].name), *reversed(join.nodes(item)))
        nest = (*merged(above), SequenceNode(tuple(below)))
        mapping = Mapping(nest, arch=self.architecture.name, workload=self.workload.name)
        return MappingPoint(mapping, evaluate(self.workload, self.architecture, mapping))
