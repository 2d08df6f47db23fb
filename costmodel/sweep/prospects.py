"""Designs that cannot enter the front, told by what they cost at least, before they are searched.

A design costs at least what no mapping of its layers undercuts (``least_costs``), and no less than designs that allow
more. Where a design that is done is as good as that in everything and better in something, nothing that the other one
might reach is on the front. Those that promise most are begun first, and after one of them those that differ from it in
bandwidths alone together, for so they are searched (``errand.py``).
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import DOMINATED
from costmodel.sweep.outcome import Outcome, averaged, competing
from costmodel.sweep.standing import Standing

if TYPE_CHECKING:
    from costmodel.mapper.network import NetworkPlan
    from costmodel.spec.study import Study
    from costmodel.sweep.bench import Bench
    from costmodel.sweep.designs import Design

Alike = frozenset[tuple[str, tuple[float, ...]]]
"""Frames and rooms of layers, which designs share that differ in bandwidths alone."""
CLEARLY = 1 - 1e-9
"""A cost is less than another one where it is less by more than rounding."""
DIGITS = 9
"""Of the logarithm of what designs cost at least, by which they are ordered."""


def check(study: Study, *, one_workload: bool) -> None:
    """Raise SpecError where designs cannot be set aside by what they cost at least."""
    if study.sampler != "grid":
        raise SpecError([Problem("--front-only is for a grid: a sampler chooses by costs", hint="leave it out")])
    if not study.layered:
        hint = "leave out budget and fuse"
        raise SpecError([Problem("--front-only needs layers that are searched alone, to the end", hint=hint)])
    if not one_workload:
        hint = "one workload, and no axis that leads into it"
        raise SpecError([Problem("--front-only needs designs that compute the same", hint=hint)])


@dataclass(frozen=True, slots=True)
class Prospect:
    """A design that is not begun."""

    design: Design
    plan: NetworkPlan
    area_mm2: float | None


@dataclass
class Prospects:
    """Designs that are not begun, the most promising first."""

    study: Study
    bench: Bench
    front: Standing = field(default_factory=Standing)
    """Of the designs that are done."""
    _waiting: list[tuple[float, float, int, Alike, Prospect]] = field(default_factory=list)
    """A heap, with some that no group has any more."""
    _groups: dict[Alike, dict[Design, Prospect]] = field(default_factory=lambda: defaultdict(dict))
    """What waits, those together that differ in bandwidths alone."""
    _begun: set[Alike] = field(default_factory=set)
    """Groups of which the first has been given out."""
    _added: int = 0

    def learn(self, outcome: Outcome) -> None:
        """Take in a design that is done."""
        self.front.add(outcome.costs(competing(self.study)))

    def add(self, prospect: Prospect) -> None:
        """Let a design wait. Raises SpecError where a layer of it cannot be computed."""
        least = sum(math.log(cost) for cost in self._floor(prospect, sharper=False) if 0.0 < cost < math.inf)
        families = [one.family() for one in prospect.plan.asked]
        allowed = sum(family.size for family in families)  # which settles what allows less
        alike = frozenset((family.frame, family.rooms) for family in families)
        heapq.heappush(self._waiting, (round(least, DIGITS), -allowed, self._added, alike, prospect))
        self._groups[alike][prospect.design] = prospect
        self._added += 1

    def pop(self) -> list[Prospect]:
        """The most promising design, with those that are to be searched with it; none if none waits."""
        while self._waiting:
            *_, alike, prospect = heapq.heappop(self._waiting)
            group = self._groups[alike]
            if prospect.design not in group:
                continue
            if alike in self._begun:
                return list(self._groups.pop(alike).values())
            self._begun.add(alike)
            return [group.pop(prospect.design)]
        return []

    def dominated(self, prospect: Prospect) -> Outcome | None:
        """The outcome of a design that cannot enter the front; null where it may."""
        for sharper in (False, True):
            floor = self._floor(prospect, sharper=sharper)
            if any(_beats(point, floor) for point in self.front.front):
                return Outcome(prospect.design, note=DOMINATED, proven=True, area_mm2=prospect.area_mm2)
        return None

    def _floor(self, prospect: Prospect, *, sharper: bool) -> tuple[float, ...]:
        """What a design costs at least, in each of the objectives."""
        plan = prospect.plan
        layers = [self.bench.least(one, sharper=sharper) for one in plan.asked]
        counted = list(zip(plan.executions, layers, strict=True))
        least = Outcome(
            prospect.design,
            energy_pj=sum(count * layer.energy_pj for count, layer in counted),
            latency_cycles=sum(count * layer.latency_cycles for count, layer in counted),
            capacity_bits=max(layer.capacity_bits for layer in layers),
            clock_hz=plan.architecture.clock_hz,
            area_mm2=prospect.area_mm2,
            power_w=0.0,
            tops_per_w=math.inf,
        )
        return averaged(self.study, least).costs(competing(self.study)) or ()


def _beats(point: tuple[float, ...], floor: tuple[float, ...]) -> bool:
    """Whether a point is as good as what is the least in everything, and better in something."""
    pairs = list(zip(point, floor, strict=True))
    return all(done <= least for done, least in pairs) and any(done < least * CLEARLY for done, least in pairs)
