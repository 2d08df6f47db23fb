"""Rounds of growing width over all groups of a workload, each against what is known.

A narrow round finds good nests, which leave the next one less to look at: the branches of those Einsums alone of which
some were left out, in groups that may still be better than what is known of their Einsums, and with which the totals of
all Einsums around may be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from costmodel.mapper.front import TIE, Floats, StrictIncumbents, pareto
from costmodel.mapper.fused.branches import Place
from costmodel.mapper.fused.company import Company, Least
from costmodel.mapper.fused.cuts import asked_of, over_cuts, runs, way_over
from costmodel.mapper.fused.fusing import Fusing
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.fused.group import FusedGroup
from costmodel.mapper.result import MappingPoint
from costmodel.mapper.rounds import joined
from costmodel.spec.objective import vector_of

WIDTHS = (300, 5_000, 30_000, 180_000)
"""Labels of each stage of the rounds."""
SURE = 2
"""Rounds that there are whatever they take; a further one has to be small, where no time is given."""
FIRST_LEAST = (100, 1_000)
"""The same of the passes for what an Einsum pays at least, before the first round."""
MORE_LEAST = ((6_000, 36_000), (216_000,))
"""The same before the second round, and before the third."""
SLOWER = 10
"""How many labels take as much time as one does where tiles slide. So there are that many times fewer."""
GROWTH, EFFORT, SOON = 6, 2_000_000, 1_000_000
"""How many times more labels a wider pass or round is thought to have, how many make it small, and how many of a second
round are looked at where nobody asked for it."""
Run = tuple[int, int]
"""First Einsum, and the one behind the last."""


def costs_of(points: Sequence[MappingPoint]) -> Floats:
    """Return the costs of some mappings, a row each."""
    return np.array([vector_of(p) for p in points], dtype=np.float64)


class Look(NamedTuple):
    """A pass for what an Einsum pays at least."""

    width: int
    labels: int


class Rounds:
    """Searches of all groups, with more and more branches of each Einsum."""

    def __init__(
        self,
        fusing: Fusing,
        groups: Sequence[FusedGroup],
        costs: dict[Run, Floats],
        proven: Collection[int],
        told: Fusion,
        widths: Sequence[int] | None = None,
    ) -> None:
        """``costs``: fronts of Einsums alone; ``proven``: places of those of which nothing is better.

        ``widths``: labels of each stage, round by round; null: ``WIDTHS``.
        """
        self.widths = widths
        self.fusing, self.costs, self.proven, self.told = fusing, costs, proven, told
        self.aim = fusing.aim
        self.asked = asked_of(fusing.aim)
        self.alone = self.asked[0] if fusing.aim.alone else None
        """Place of the one cost that is asked for."""
        largest_first = self.alone is None
        by_size = sorted(groups, key=lambda g: len(g.einsums), reverse=largest_first)
        self.groups = sorted(by_size, key=lambda g: any(fusing.slides(e.name) for e in g.einsums))
        self.least: dict[FusedGroup, dict[str, Least]] = {g: {} for g in self.groups}
        """What each Einsum of a group pays at least."""
        self.left_out: dict[FusedGroup, dict[str, float]] = {g: {} for g in self.groups}
        """A bound of the first objective of the branches of each Einsum that were left out for want of width."""
        self.pending: dict[FusedGroup, dict[str, float]] = {g: {} for g in self.groups}
        """The same of those that were found since, and are not put together yet."""
        self.cut_off: dict[FusedGroup, float] = {}
        """The same of what was not looked at when they were put together."""
        self.searched: set[FusedGroup] = set()
        """Groups of which branches were put together."""
        parts = runs(g.run for g in self.groups)
        self.around = {g: next(p for p in parts if p[0] <= g.first < p[1]) for g in self.groups}
        """What a group may be cut out of."""
        self.labels: dict[str, int] = {}
        """Of each Einsum, in the round before."""
        self.looked: dict[str, Look] = {}
        """The last one for what each Einsum pays at least."""
        self.operations = {e.name: fusing.at_least(e.name) for g in self.groups for e in g.einsums}
        """What the operations of each Einsum alone come to."""
        self.number = 0
        """Rounds that were begun."""
        self._known: dict[Run, StrictIncumbents] = {}
        self._rest: dict[Run, dict[Run, Least]] = {}

    def run(self) -> None:
        """Search. Raises OutOfTimeError."""
        for leader in self.leaders(self.groups):
            for width in FIRST_LEAST:
                self.raise_least(leader, width // self.slower(leader))
        for number, width in enumerate(self.widths or WIDTHS):
            if number and self.fusing.soon and not 0 < GROWTH * self.waiting() <= SOON:
                break
            if 0 < number <= len(MORE_LEAST) and self.widths is None:
                self.raise_all(MORE_LEAST[number - 1])
            if number >= SURE and not self.small(self.waiting()):
                break
            self.round(width)
        open_still = bool(self.open())
        self.told.exact &= not open_still
        self.told.soon = self.fusing.soon and open_still

    def waiting(self) -> int:
        """Labels that the last round had of the Einsums of which branches were left out."""
        return sum(self.labels.get(leader, 0) for leader in self.short())

    def small(self, labels: int) -> bool:
        """Whether there is time for a wider pass or round than one that had so many labels."""
        return self.fusing.deadline is not None or self.widths is not None or GROWTH * labels <= EFFORT

    def raise_all(self, widths: Sequence[int]) -> None:
        """Look again for what Einsums pay at least in the groups that may be better than what is known.

        First those that took little so far, with each width. Where energy or latency alone counts, none but those in
        groups that hold the bound of the totals.
        """
        while True:
            groups = self.open() if self.alone is None else [g for g in self.holding() if self.hopeful(g)]
            waiting = [
                (width, self.labels.get(leader, 0), leader)
                for leader in self.leaders(groups)
                if self.small(self.looked[leader].labels) and self.fusing.rising(leader, self.most(leader, groups))
                for width in (one // self.slower(leader) for one in widths)
                if width > self.looked[leader].width
            ]
            if not waiting:
                return
            width, _, leader = min(waiting)
            self.raise_least(leader, width)

    def slower(self, leader: str) -> int:
        """Return how many labels take as much time as one of this Einsum."""
        return SLOWER if self.fusing.slides(leader) else 1

    def raise_least(self, leader: str, width: int) -> None:
        """Look for what Einsums like this one pay at least, in their groups that may be better than what is known."""
        self.tell(f"the least that {leader} pays")
        before = self.fusing.labels
        found = self.fusing.least(leader, self.most(leader, self.groups), width)
        self.looked[leader] = Look(width, (self.fusing.labels - before) * self.slower(leader))
        for (name, group), least in found.items():
            known = self.least[group].get(name, Least(0.0, 0.0, 0.0))
            self.least[group][name] = Least(*np.maximum(known, least).tolist())
        self._rest = {}

    def most(self, leader: str, groups: Sequence[FusedGroup]) -> dict[Place, float]:
        """Return for Einsums like this one what a branch has to cost less than; infinite: it depends."""
        places = [(e.name, g) for g in groups for e in g.einsums if self.fusing.alike[e.name] == leader]
        if self.alone is None or not self.labels:
            return dict.fromkeys(places, np.inf)
        return {(name, g): self.company(g, name).limit() for name, g in places}

    def tell(self, what: str) -> None:
        """Say what is searched next."""
        self.fusing.tell(f"round {self.number} of {len(self.groups)} groups, {what}" if self.number else what)

    def leaders(self, groups: Sequence[FusedGroup]) -> list[str]:
        """Return the Einsums of some groups, of those that differ in names only the first one."""
        return list(dict.fromkeys(self.fusing.alike[e.name] for g in groups for e in g.einsums))

    def round(self, width: int) -> None:
        """Search the branches that may be left, and all groups that they may be in.

        Einsums of groups that hold the bound of the totals come first, of those the ones that took little so far: where
        energy or latency alone counts, what is known of their groups, the smaller ones first, leaves the others less to
        look at. Else large groups take long until it is known what there is to beat, which is most often what the
        largest ones have: they are searched first, when the branches of all Einsums are there.
        """
        done: set[str] = set()
        again = bool(self.labels)
        self.number += 1
        while waiting := [leader for leader in self.short() if leader not in done]:
            holding = set(self.leaders(self.holding())) if again else set()
            leader = min(waiting, key=lambda one: (one not in holding, self.labels.get(one, 0)))
            done.add(leader)
            self.tell(f"branches of {leader}")
            places = [(e.name, g) for g in self.open() for e in g.einsums if self.fusing.alike[e.name] == leader]
            company = {(name, g): self.company(g, name) for name, g in places}
            before = self.fusing.labels
            wide = width if self.widths else max(width // self.slower(leader), WIDTHS[0])
            self.note(leader, self.fusing.find(leader, company, wide))
            self.labels[leader] = (self.fusing.labels - before) * self.slower(leader)
            if self.alone is not None:
                self.search_with({leader}, {one for one in self.short() if one not in done})
        if self.alone is None:
            self.search_with(done, set())

    def search_with(self, new: set[str], missing: set[str]) -> None:
        """Search the groups with new branches of some Einsums, and none that others are missing of."""
        for group in self.groups:
            mine = {self.fusing.alike[e.name] for e in group.einsums}
            if mine & new and not mine & missing and not self.complete(group) and self.hopeful(group):
                self.search(group)

    def short(self) -> list[str]:
        """Return the Einsums of which branches were left out that may be of use."""
        names = (e.name for g in self.open() for e in g.einsums if self.left_out[g].get(e.name, 0.0) < np.inf)
        return list(dict.fromkeys(self.fusing.alike[name] for name in names))

    def holding(self) -> list[FusedGroup]:
        """Return the groups on the way over the cuts that bounds the totals, where energy or latency alone counts."""
        if self.alone is None:
            return []
        found = []
        by_run = {g.run: g for g in self.groups}
        for first, stop in dict.fromkeys(self.around.values()):
            bounds = {(at, at + 1): float(self.least_alone(at)[self.alone]) for at in range(first, stop)}
            bounds |= {g.run: self.bound(g) for g in self.groups if self.around[g] == (first, stop)}
            found += [by_run[run] for run in way_over(first, stop, bounds, self.aim) if run in by_run]
        return found

    def note(self, leader: str, bounds: Mapping[Place, float]) -> None:
        """Note what was left out of branches: of groups that have no hope, nothing that may be better.

        What was left out before and has been found now is still to be put together.
        """
        for group in self.groups:
            for einsum in group.einsums:
                if self.fusing.alike[einsum.name] == leader:
                    before = self.left_out[group].get(einsum.name, 0.0)
                    self.pending[group][einsum.name] = min(before, self.pending[group].get(einsum.name, np.inf))
                    self.left_out[group][einsum.name] = bounds.get((einsum.name, group), np.inf)

    def search(self, group: FusedGroup) -> None:
        """Put the branches of a group together."""
        self.tell(" + ".join(e.name for e in group.einsums))
        run = group.run
        found, self.cut_off[group] = self.fusing.search(group, self.known(run).costs.T, self.told)
        if found:
            points = [*self.told.fronts.get(run, ()), *found]
            costs = costs_of(points)
            best = pareto(costs[:, self.asked], costs)
            self.told.fronts[run], self.costs[run] = tuple(points[k] for k in best.tolist()), costs[best]
            self._known = {r: k for r, k in self._known.items() if not (r[0] <= run[0] and run[1] <= r[1])}
        names = tuple(e.name for e in group.einsums)
        if names not in self.told.searched:
            self.told.searched = (*self.told.searched, names)
        self.searched.add(group)
        self.pending[group] = {}
        self._rest = {}

    def known(self, run: Run) -> StrictIncumbents:
        """Return what is known of the Einsums of a run, over all cuts."""
        if run not in self._known:
            cuts = over_cuts(*run, self.costs, self.asked)
            self.told.exact &= cuts.exact
            self._known[run] = incumbents = StrictIncumbents(self.aim)
            incumbents.add(cuts.costs.T, [None] * len(cuts.costs))
        return self._known[run]

    def company(self, group: FusedGroup, einsum: str | None = None) -> Company:
        """Return what the branches of an Einsum in a group are held against; without one: all of the group together."""
        others = [least for name, least in self.least[group].items() if name != einsum]
        around = self.around[group]
        return Company(self.aim, self.known(group.run), self.known(around), others, self.rest(around)[group.run])

    def hopeful(self, group: FusedGroup) -> bool:
        """Whether fused nests of a group may be better than what is known, by the least of its Einsums.

        Where energy or latency alone counts, also by what is left out of it.
        """
        if self.alone is not None:
            least = max(sum(one[self.alone] for one in self.least[group].values()), self.bound_of_first(group))
            around = self.around[group]
            rest = self.rest(around)[group.run][self.alone]
            return least < self.best(group.run) and least + rest < self.best(around)
        nothing = np.zeros(1)
        return not self.company(group).beaten(nothing, nothing, nothing)[0]

    def best(self, run: Run) -> float:
        """Return what a run of Einsums has to cost less than, where energy or latency alone counts."""
        found: float = self.known(run).costs[self.alone].min(initial=np.inf) * (1 - TIE)
        return found

    def open(self) -> list[FusedGroup]:
        """Return the groups of which something was left out that may be better."""
        return [g for g in self.groups if not self.complete(g) and self.hopeful(g)]

    def complete(self, group: FusedGroup) -> bool:
        """Whether all branches were looked at that may be better."""
        missing = [*self.left_out[group].values(), *self.pending[group].values(), self.cut_off.get(group, np.inf)]
        return group in self.searched and all(bound == np.inf for bound in missing)

    def bound(self, group: FusedGroup) -> float:
        """Return what the first objective of the fused nests of a group is at least; infinite: none is better."""
        if len(self.least[group]) < len(group.einsums):
            known = {name: one.first for name, one in self.least[group].items()}
            each = [(1, known.get(e.name, self.operations[e.name])) for e in group.einsums]
            return joined(self.aim, each)
        return self.bound_of_first(group) if self.complete(group) or self.hopeful(group) else self.found(group)

    def found(self, group: FusedGroup) -> float:
        """Return the least of the first objective of the fused nests that were found."""
        return min((self.aim.of(point)[0] for point in self.told.fronts.get(group.run, ())), default=np.inf)

    def bound_of_first(self, group: FusedGroup) -> float:
        """Return the same as ``bound``, as far as the group itself tells."""
        if self.complete(group):
            return self.found(group)
        # the bound of a branch without what it leaves to others may be less than nothing
        least = {name: max(one.first, self.operations[name]) for name, one in self.least[group].items()}
        left = [least] if group not in self.searched else []
        missing = [*self.left_out[group].items(), *self.pending[group].items()]
        left += [{**least, name: max(least[name], one)} for name, one in missing if one < np.inf]
        sums = [joined(self.aim, [(1, value) for value in v.values()]) for v in left]
        return min([self.found(group), self.cut_off.get(group, np.inf), *sums])

    def rest(self, around: Run) -> dict[Run, Least]:
        """Return for each group of a run the least that all Einsums of the run outside of it cost, over all cuts."""
        if around not in self._rest:
            first, stop = around
            pieces = {g.run: self.least_of(g) for g in self.groups if self.around[g] == around}
            pieces |= {(at, at + 1): self.least_alone(at) for at in range(first, stop)}
            before, after = {first: np.zeros(2)}, {stop: np.zeros(2)}
            for end in range(first + 1, stop + 1):
                before[end] = np.min([before[b] + one for (b, e), one in pieces.items() if e == end], axis=0)
            for begin in range(stop - 1, first - 1, -1):
                after[begin] = np.min([after[e] + one for (b, e), one in pieces.items() if b == begin], axis=0)
            self._rest[around] = {
                run: Least(float(both[0]), float(both[1]), 0.0)
                for run in pieces
                if run[1] - run[0] > 1
                for both in [before[run[0]] + after[run[1]]]
            }
        return self._rest[around]

    def least_of(self, group: FusedGroup) -> Floats:
        """Return the least (energy, latency) of a group."""
        found: Floats = np.sum([[one.energy, one.latency] for one in self.least[group].values()], axis=0)
        if self.aim.names[0] in ("energy", "latency"):
            place = ("energy", "latency").index(self.aim.names[0])
            found[place] = max(found[place], self.bound_of_first(group))
        return found

    def least_alone(self, place: int) -> Floats:
        """Return the least (energy, latency) of an Einsum by itself."""
        if place in self.proven and (place, place + 1) in self.costs:
            alone: Floats = self.costs[place, place + 1][:, :2].min(axis=0)
            return alone
        name = self.fusing.workload.einsums[place].name
        mine = [least[name] for least in self.least.values() if name in least]
        found: Floats = np.max([[0.0, 0.0], *([one.energy, one.latency] for one in mine)], axis=0)
        return found
