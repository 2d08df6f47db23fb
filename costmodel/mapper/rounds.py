"""The searches of one network, and how they share a budget: a first round for all, then where the totals gain most.

In half of the time every distinct Einsum has its turn, those with most operations first; what one leaves, the next
ones have. The other half goes in rounds to answers that are not proven: each time to the one whose gap is the largest
part of the gap of the totals for the time that another attempt is worth, which is some times the last one's. Attempts
begin anew, so what all of them took is little more than the last. Samplers have one round.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.front import select
from costmodel.mapper.result import (
    Certificate,
    InfeasibleError,
    MapperResult,
    Status,
    held_against,
    one_after_another,
)
from costmodel.mapper.tasks import LostError, Task
from costmodel.spec.methods import METHODS
from costmodel.spec.objective import AXES, Objective
from costmodel.spec.request import Request

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture

    MapFunction = Callable[[Einsum, Architecture, Request, Callable[[Any], None] | None], MapperResult]
    Report = Callable[["SearchEvent"], None]

FIRST_ROUND = 0.5
"""Share of the time that the first round may take."""
LONGER = 4.0
"""Times the time of the last attempt that another one is worth."""
SLIGHT = 1e-6
"""Share of a cost that the rest of a front stands for in the totals, where its first objective is proven."""
TINY_S = 1e-3
"""Attempts that had no time had this."""

State = Literal["started", "progress", "done", "infeasible", "interrupted"]


@dataclass(frozen=True, slots=True)
class SearchEvent:
    """Progress of one search among several, for a display."""

    group: int
    groups: int
    einsum: str
    """What is searched: an Einsum, a design of a sweep, or all that may be fused."""
    state: State
    detail: Any = None
    """The mapper's own progress value, or the result."""
    standing: str = ""
    """Of a sweep: its front so far, in words."""
    share: float | None = None
    """Of the work that is known by now, done so far; null: as many as ended of all."""

    @property
    def ended(self) -> bool:
        return self.state in ("done", "infeasible", "interrupted")


def degree(aim: Objective) -> float:
    """Power in which the first objective grows with a network's energy and latency; 0: it is about room alone."""
    return sum(power for power, axis in zip(aim.powers[0], AXES, strict=True) if axis.joins == "sum")


def joined(aim: Objective, parts: list[tuple[int, float]]) -> float:
    """Return what the first objective of totals is at least, of layers that are (count, least of it each).

    By Hölder's inequality (Σ E)^a · (Σ L)^b is at least (Σ (E^a · L^b)^(1/(a+b)))^(a+b), and the room of the network
    is at least that of each layer.
    """
    if not (power := degree(aim)):
        return max(value for _, value in parts)
    return float(math.fsum(count * value ** (1.0 / power) for count, value in parts) ** power)


def merged(one: MapperResult, other: MapperResult, aim: Objective) -> MapperResult:
    """Return what two searches of one Einsum know together.

    The first one's bound counts where both have searched one mapspace: of multiples, a search with less time may have
    looked at fewer than this one.
    """
    counts = Counter(dict(one.certificate.pruned)) + Counter(dict(other.certificate.pruned))
    last = other.certificate
    evaluated, cpu_s = one.certificate.evaluated + last.evaluated, one.certificate.cpu_s + last.cpu_s
    front, status, gap = other.front, last.status, last.gap
    if status != Status.PROVEN:
        front = tuple(select([*one.front, *other.front], aim))
        bound = other.bound(aim)
        if (one.certificate.method, one.certificate.mapspace) == (last.method, last.mapspace):
            bound = max(bound, one.bound(aim))
        status, gap = held_against(min(aim.of(point)[0] for point in front), bound, front=aim.front)
    certificate = Certificate(
        status,
        last.method,
        last.mapspace,
        evaluated,
        tuple(counts.items()),
        cpu_s,
        gap,
        interrupted=last.interrupted,
        budget_spent=last.budget_spent,
    )
    history = one_after_another([(r.certificate.evaluated, r.improvements) for r in (one, other)], aim)
    return MapperResult(other.einsum, front, certificate, history)


@dataclass
class Searches:
    """The searches of one network: what has been answered so far."""

    architecture: Architecture
    request: Request
    """What each layer is asked."""
    report: Report | None
    search_one: MapFunction
    leaders: list[Einsum]
    """One of each group, with the executions of all of it for its count."""
    jobs: int
    started: float
    """On the clock of ``time.monotonic``."""
    answers: dict[int, MapperResult | Exception] = field(default_factory=dict)
    """Those that are there at first are known from an earlier run, which need not have had as much time."""
    given_s: dict[int, float] = field(default_factory=dict)
    """Time that the last attempt at a group had; infinite where more would be of no use."""
    waiting: list[int] = field(init=False)
    """Groups whose search has not begun, the next one last."""
    begun_s: dict[int, float] = field(default_factory=dict)
    """When it began."""
    running: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Largest last, which is taken first, so that no worker is left with a long search at the end.
        work = [leader.points * leader.count for leader in self.leaders]
        asked = (group for group in range(len(self.leaders)) if group not in self.answers)
        self.waiting = sorted(asked, key=lambda group: (work[group], -group))
        for group, answer in self.answers.items():
            self.tell(group, "done", answer)

    def tell(self, group: int, state: State, detail: Any = None) -> None:
        if self.report is not None:
            self.report(SearchEvent(group, len(self.leaders), self.leaders[group].name, state, detail))

    def next_task(self) -> Task[int, MapperResult] | None:
        """Return the next search; null while, or because, none is worth its time."""
        if self.waiting:
            budget_s = self._share_of_first_round()
            group = self.waiting.pop()
            self.tell(group, "started")
        elif (found := self._next_of_round()) is not None:
            group, budget_s = found
        else:
            return None
        shares: dict[str, Any] = {}
        if self.request.memory is not None:
            shares["memory"] = self.request.memory // self.jobs
        if budget_s is not None:
            shares["budget"] = self.given_s[group] = budget_s
            self.begun_s[group] = time.monotonic()
        self.running.add(group)
        arguments = (replace(self.leaders[group], count=1), self.architecture, self.request.asking(**shares))
        return Task(group, self.search_one, arguments, (InfeasibleError,), talks=True)

    def hear(self, group: int, detail: Any) -> None:
        self.tell(group, "progress", detail)

    def keep(self, group: int, answer: MapperResult | Exception) -> None:
        """Take in an answer; a further attempt adds to what is known."""
        self.running.discard(group)
        at_once = group in self.begun_s and time.monotonic() - self.begun_s[group] < self.given_s[group] / 2
        if at_once and not isinstance(answer, MapperResult):
            self.given_s[group] = math.inf  # not for want of time
        known = self.answers.get(group)
        if isinstance(known, MapperResult):
            if isinstance(answer, MapperResult):
                self.answers[group] = merged(known, answer, self.request.aim)
                self.tell(group, "progress", self.answers[group])
            return
        self.answers[group] = answer
        if isinstance(answer, MapperResult):
            self.tell(group, "done", answer)
        else:
            self.tell(group, "infeasible" if isinstance(answer, InfeasibleError) else "interrupted", answer)

    def _left_s(self) -> float:
        assert self.request.budget is not None  # noqa: S101  asked for only then
        return max(0.0, self.started + self.request.budget - time.monotonic())

    def _share_of_first_round(self) -> float | None:
        """Return an equal share of what is left of the first round; null without a budget."""
        if self.request.budget is None:
            return None
        again = METHODS[self.request.method].proves and len(self.leaders) > 1
        later_s = self.request.budget * (1 - FIRST_ROUND) if again else 0.0
        return max(0.0, self._left_s() - later_s) * self.jobs / max(len(self.waiting), self.jobs)

    def _next_of_round(self) -> tuple[int, float] | None:
        """Return the group that another attempt is worth most for, and the time for it."""
        if self.request.budget is None or not METHODS[self.request.method].proves:
            return None
        left_s = self._left_s()
        lacking = {group: lack for group in self.answers if (lack := self._lack(group)) and group not in self.running}
        worth = {g: lack / max(self.given_s[g], TINY_S) for g, lack in lacking.items() if self.given_s[g] < left_s}
        if not worth:
            return None
        group = max(worth, key=lambda g: (worth[g], -g))
        share_s = left_s * self.jobs / max(len(worth) + len(self.running), self.jobs)
        return group, min(left_s, max(LONGER * self.given_s[group], share_s))

    def _lack(self, group: int) -> float:
        """Return the part that a group has in the gap of the totals, as far as another attempt may close it."""
        answer, aim = self.answers[group], self.request.aim
        if not isinstance(answer, MapperResult):
            again = isinstance(answer, InfeasibleError) and not answer.proven and not isinstance(answer, LostError)
            return math.inf if again else 0.0
        if answer.certificate.status == Status.PROVEN or not answer.certificate.budget_spent:
            return 0.0
        power = 1.0 / (degree(aim) or 1.0)
        best = min(aim.of(point)[0] for point in answer.front)
        gap = best**power - answer.bound(aim) ** power
        return float(self.leaders[group].count * max(gap, SLIGHT * best**power))
