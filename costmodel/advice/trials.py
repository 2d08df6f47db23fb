"""Trying changes: each searched anew, as far as no bound says before that it gains nothing.

Where each Einsum is searched alone, the searches of all changes are on one bench (``sweep/bench.py``): what several
need is searched once, answers of earlier runs are used, and a design that allows less is settled by one that allows
more. Changes are begun in their order, so that time that runs out is spent on the first ones.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.advice.advice import SAME, AdviceCosts, costs_after, rank
from costmodel.advice.base import Base, Change
from costmodel.advice.changes import changes, following
from costmodel.mapper.cache import Cache
from costmodel.mapper.network import NetworkPlan, NetworkResult, map_workload
from costmodel.mapper.result import MapperResult, Status
from costmodel.mapper.rounds import SearchEvent
from costmodel.mapper.tasks import LostError, StoppedError, Task, run_tasks
from costmodel.mapper.workers import in_processes
from costmodel.model.evaluate import combine, evaluate
from costmodel.spec.problems import SpecError
from costmodel.sweep.bench import Bench

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation

ALONE_S = 2.0
"""CPU time in which changes are tried in this process: workers take a second to begin."""
SHORT_S = {"perfect": 0.0, "multiples": 2.5, "any": 60.0}
"""Time below which no search of an Einsum over these tiles begins: its answer would be another one with more. That of
all tiles ends by itself."""

Report = Callable[[SearchEvent], None]


@dataclass(frozen=True)
class Trial:
    """A change, and what came of it."""

    change: Change
    evaluation: Evaluation | None = None
    """Null where a bound says that nothing is gained."""
    costs: AdviceCosts | None = None
    proven: bool = False


@dataclass
class Trials:
    """Changes that wait, are tried, and were tried."""

    base: Base
    cache: Cache | None = None
    deadline: float = math.inf
    """On the clock of ``time.monotonic``."""
    report: Report | None = None
    tried: list[Trial] = field(default_factory=list)
    untried: list[Change] = field(default_factory=list)
    """Of which no answer came in time."""
    interrupted: bool = False
    _waiting: deque[Change] = field(default_factory=deque)
    _open: dict[str, tuple[Change, NetworkPlan, tuple[str, ...]]] = field(default_factory=dict)
    """By title: changes whose searches are not all at their end, and the names of these."""
    _whole: list[Task[str, Any]] = field(default_factory=list)
    _begun: int = 0
    _alone_until: float = math.inf
    """On the clock of ``time.process_time``."""

    def __post_init__(self) -> None:
        self.bench = Bench(self.cache)
        self._waiting.extend(changes(self.base))

    def run(self, jobs: int | None = None) -> None:
        """Try all changes, or as many as there is time for; Ctrl-C keeps what is known."""
        try:
            if self.base.layered and not self.base.mappings:
                self._check_base()
                cores = jobs or self.base.request.jobs or os.cpu_count() or 1
                self._alone_until = time.process_time() + ALONE_S
                self.interrupted = run_tasks(self._next_task, self._keep, None)
                self._alone_until = math.inf
                if not self.interrupted:
                    self.interrupted = run_tasks(self._next_task, self._keep, in_processes(cores))
            else:
                self._one_by_one()
        except KeyboardInterrupt:
            self.interrupted = True
        left = [change for change, *_ in self._open.values()]
        self.untried += [*left, *self._waiting]

    # One after another

    def _one_by_one(self) -> None:
        while self._waiting and time.monotonic() < self.deadline:
            change = self._waiting.popleft()
            self._begun += 1
            try:
                if self.base.mappings and not change.searches:
                    self._cost(change)
                elif not self._bounded(change, plan := self.base.plan(change)):
                    self._take(change, self._map(plan))
            except SpecError:
                continue

    def _map(self, plan: NetworkPlan) -> NetworkResult | None:
        """Map with a change; null where that was not at its end in time."""
        left_s = self.deadline - time.monotonic()
        limited = math.isfinite(left_s) and plan.request.budget is None and plan.request.method == "exact"
        request = plan.request.asking(budget=left_s) if limited else plan.request
        found = map_workload(plan.workload, plan.architecture, request, cache=None if limited else self.cache)
        self.interrupted |= found.interrupted
        if found.interrupted:
            raise KeyboardInterrupt
        return None if limited and _cut_short(found) else found

    def _cost(self, change: Change) -> None:
        """Cost the mappings that were given, with a change. Raises SpecError where they do not fit it."""
        architecture, workload = self.base.pair(change)
        found = combine([evaluate(workload, architecture, mapping) for mapping in self.base.mappings])
        self._learn(Trial(change, found, costs_after(found, architecture), proven=True))

    # On the bench

    def _check_base(self) -> None:
        """Search what the run has found, for the bench to know it. Raises SpecError where that is not the same."""
        from costmodel.spec.problems import Problem

        plan = self.base.plan(Change(about="", title=""))
        keys = tuple(self.bench.need(one) for one in plan.asked)
        if run_tasks(self.bench.next_task, self.bench.keep, None):
            raise KeyboardInterrupt
        found = plan.result(self.bench.answers(plan, keys)).evaluation
        pairs = (
            (found.energy_pj, self.base.evaluation.energy_pj),
            (found.latency_cycles, self.base.evaluation.latency_cycles),
        )
        if not all(math.isclose(one, other, rel_tol=SAME) for one, other in pairs):
            message = "the run keeps other totals than this version finds, so gains could not be told"
            raise SpecError([Problem(message, hint="map it again")])

    def _next_task(self) -> Task[Any, Any] | None:
        while time.monotonic() < self.deadline and time.process_time() < self._alone_until:
            if self._whole:
                return self._whole.pop()
            if (task := self.bench.next_task()) is not None:
                return self._limited(task)
            if not self._waiting:
                return None
            self._begin(self._waiting.popleft())
        return None

    def _limited(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """A search with the time that is left."""
        (errand,) = task.arguments
        if math.isinf(self.deadline) or self.base.request.tiles == "any":
            return task
        return replace(task, arguments=(errand.within(max(0.0, self.deadline - time.monotonic())),))

    def _begin(self, change: Change) -> None:
        self._begun += 1
        try:
            plan = self.base.plan(change)
            if self.deadline - time.monotonic() < SHORT_S[plan.request.tiles] * len(plan.first):
                self.untried.append(change)
                return
            if self._bounded(change, plan):
                return
            if plan.fuse != "off":
                folder = None if self.cache is None else self.cache.folder
                left_s = self.deadline - time.monotonic()
                self._whole.append(Task(change.title, map_whole, (plan, folder, left_s), (LostError,)))
                self._open[change.title] = change, plan, ()
                return
            keys = tuple(self.bench.need(one) for one in plan.asked)
        except SpecError:  # the change makes no hardware, or none that computes this
            return
        self._open[change.title] = change, plan, keys
        self._finish()

    def _keep(self, key: str, answer: Any) -> None:
        if key in self._open:
            change = self._open.pop(key)[0]
            self._take(change, answer if isinstance(answer, NetworkResult) else None)
            return
        if isinstance(answer, dict):
            late = [name for name, one in answer.items() if isinstance(one, MapperResult) and _cut_short(one)]
            answer |= dict.fromkeys(late, StoppedError())
        self.bench.keep(key, answer)
        self._finish()

    def _finish(self) -> None:
        """Cost the changes whose searches are all at their end."""
        for title, (change, plan, keys) in list(self._open.items()):
            if keys and all(map(self.bench.known, keys)):
                del self._open[title]
                answers = self.bench.answers(plan, keys)
                lost = any(isinstance(one, LostError) for one in answers.values())
                self._take(change, None if lost else plan.result(answers))

    # What came of it

    def _bounded(self, change: Change, plan: NetworkPlan) -> bool:
        """Whether no mapping with a change can be better, by what every mapping costs at least."""
        if change.spares or plan.fuse != "off" or not plan.first:
            return False
        layers = [self.bench.least(one, sharper=self.base.layered) for one in plan.asked]
        counted = list(zip(plan.executions, layers, strict=True))
        hertz = plan.architecture.clock_hz
        least = replace(
            self.base.costs,
            energy_pj=sum(count * layer.energy_pj for count, layer in counted),
            latency_cycles=sum(count * layer.latency_cycles for count, layer in counted),
            capacity_bits=max(layer.capacity_bits for layer in layers),
            clock_hz=hertz,
        )
        value = self.base.costs.value(self.base.objective)
        if least.value(self.base.objective) < value * (1 - SAME):
            return False
        self._learn(Trial(change, proven=True))
        return True

    def _take(self, change: Change, found: NetworkResult | None) -> None:
        if found is None or found.interrupted:
            self.untried.append(change)
        elif found.failures or not found.layers:
            self._tell(change, "nothing fits")
        else:
            architecture, _ = self.base.pair(change)
            proven = found.certificate.status == Status.PROVEN
            self._learn(Trial(change, found.evaluation, costs_after(found.evaluation, architecture), proven))

    def _learn(self, trial: Trial) -> None:
        self.tried.append(trial)
        if trial.evaluation is None or trial.costs is None:
            self._tell(trial.change, "nothing, by a bound")
            return
        if rank(self.base.objective, self.base.costs, trial.costs) > SAME:
            self._waiting.extendleft(reversed([*following(self.base, trial.change, trial.evaluation)]))
        old, new = self.base.evaluation, trial.evaluation
        shares = ((new.energy_pj / (old.energy_pj or 1), "energy"), (new.latency_s / (old.latency_s or 1), "latency"))
        self._tell(trial.change, ", ".join(f"{name} {100 * (share - 1):+.3g} %" for share, name in shares))

    def _tell(self, change: Change, text: str) -> None:
        if self.report is not None:
            known = self._begun + len(self._waiting)
            self.report(SearchEvent(self._begun, known, change.title, "done", text))


def map_whole(plan: NetworkPlan, folder: Path | None, left_s: float) -> NetworkResult | None:
    """Map with fused nests, in a worker; null where that was not at its end in time. LostError where it was lost."""
    cache = None if folder is None else Cache(folder, lambda _: None)
    if math.isfinite(left_s):
        request, cache = plan.request.asking(budget=max(0.1, left_s), jobs=1), None
    else:
        request = plan.request.asking(jobs=1)
    try:
        found = map_workload(plan.workload, plan.architecture, request, cache=cache)
    except SpecError as error:
        raise LostError(str(error)) from error
    if found.interrupted:
        raise StoppedError
    return None if math.isfinite(left_s) and _cut_short(found) else found


def _cut_short(found: NetworkResult | MapperResult) -> bool:
    """Whether more time may find something else."""
    return found.certificate.budget_spent
