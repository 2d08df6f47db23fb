"""Running a sweep: every design mapped, in worker processes, each finished search and each finished point saved.

This process alone reads, decides and writes. Workers get whole values, search, and answer. What is searched is a layer
(``bench.py``); only where layers share a budget, or nests, is it a design.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from costmodel.mapper.network import NetworkPlan, map_workload
from costmodel.mapper.rounds import SearchEvent, State
from costmodel.mapper.tasks import Executor, LostError, StoppedError, Task, run_tasks
from costmodel.mapper.workers import in_processes
from costmodel.model.actions import area_mm2
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import SpecError
from costmodel.sweep.bench import Bench
from costmodel.sweep.conditions import judged, set_aside
from costmodel.sweep.designs import Design, Shard, Values, asked, source_of
from costmodel.sweep.journal import VERSION, Journal
from costmodel.sweep.outcome import Outcome, averaged, no_outcome, outcome_of
from costmodel.sweep.prospects import Prospect, Prospects, check
from costmodel.sweep.resolve import Resolver, document_of
from costmodel.sweep.shared import Shared
from costmodel.sweep.standing import Standing

if TYPE_CHECKING:
    from costmodel.mapper.cache import Cache
    from costmodel.spec.mapping import Mapping
    from costmodel.spec.study import Study

Key = str | Design
"""Of a task: the name of a search, or a design that is mapped as a whole."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All points of a sweep, in the order of the study."""

    outcomes: tuple[Outcome, ...]
    resumed: int
    """Points that an earlier run had done."""
    interrupted: bool
    lost: tuple[Design, ...]
    """Points without an answer, because a worker process died of them again: outcomes with the reason as a note, which
    no journal keeps, so that they are done again."""
    searches: Bench
    """What was searched for them."""


def run_sweep(
    study: Study,
    journal: Journal | None = None,
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    report: Callable[[SearchEvent], None] | None = None,
    cache: Cache | None = None,
    part: Shard | Shared | None = None,
    front_only: bool = False,
) -> SweepResult:
    """Map every design of a study, or a part of them; with ``front_only`` those that may be on the front.

    The part is a shard of the grid, or what this process gets of a study that it has joined and shares with others:
    that ends when all is done, whoever does it. Finished points are appended to ``journal`` (one that is open, of this
    ``fingerprint``); those that it holds already are not done again; nor are searches whose answers are in ``cache``.
    A design that nothing fits, or whose values make no architecture, is a result with the reason. Work is done by
    ``jobs`` processes, or by an ``executor``. Ctrl-C returns what is done. Raises OSError, with the path or address, if
    a file cannot be read, a point cannot be saved, or the executor or the shared study is out of reach.
    """
    cores = workers_of(study, jobs) if executor is None else 1  # a cluster's worker begins no processes of its own
    progress = _Sweep(study, journal, report, Bench(cache), cores, part, front_only)
    try:
        progress.begin()
        chosen = executor or in_processes(progress.workers)
        interrupted = run_tasks(progress.next_task, progress.keep, chosen, wait=progress.wait)
    except KeyboardInterrupt:
        interrupted = True
    order = part.ordered(progress.order) if isinstance(part, Shared) else progress.order
    done = [progress.outcomes[d] for d in order if d in progress.outcomes]
    return SweepResult(tuple(done), progress.resumed, interrupted, tuple(progress.lost), progress.bench)


def workers_of(study: Study, jobs: int | None) -> int:
    """Worker processes that are asked for; one for each core where they are not."""
    return jobs or study.jobs or os.cpu_count() or 1


def fingerprint(study: Study) -> str:
    """A short name for what decides the cost of every point, so that runs of different questions are not mixed."""
    named: tuple[tuple[Kind, tuple[str, ...]], ...] = (("arch", study.arch), ("workload", study.workload))
    return study.fingerprint(VERSION, [document_of(study, kind, ref).text for kind, refs in named for ref in refs])


def map_design(design: Design, plan: NetworkPlan, jobs: int) -> Outcome:
    """Map a design as a whole. KeyboardInterrupt passes through: half a point is no point. LostError if it was lost."""
    try:
        result = map_workload(plan.workload, plan.architecture, plan.request.asking(jobs=jobs))
    except SpecError as error:
        return no_outcome(design, error)
    if result.interrupted:
        raise KeyboardInterrupt
    return outcome_of(design, result)


@dataclass
class _Sweep:
    """A sweep in progress."""

    study: Study
    journal: Journal | None
    report: Callable[[SearchEvent], None] | None
    bench: Bench
    cores: int
    part: Shard | Shared | None
    front_only: bool
    outcomes: dict[Design, Outcome] = field(default_factory=dict)
    order: list[Design] = field(default_factory=list)
    """Designs as they were asked for."""
    lost: list[Design] = field(default_factory=list)
    resumed: int = 0
    _open: dict[Design, tuple[NetworkPlan, tuple[str, ...]]] = field(default_factory=dict)
    """Designs that wait for searches, with the names of these."""
    _needed: dict[str, list[Design]] = field(default_factory=dict)
    """The designs that each search is for."""
    _whole: list[Design] = field(default_factory=list)
    """Designs that are to be mapped as a whole, in order."""
    _mappings: dict[Mapping, Mapping] = field(default_factory=dict)
    """Each mapping once, however many designs have it."""

    def __post_init__(self) -> None:
        shard = self.part if isinstance(self.part, Shard) else None
        self._shared = self.part if isinstance(self.part, Shared) else None
        self._source = self._shared or source_of(self.study, shard)
        self._resolver = Resolver(self.study)
        self._total = asked(self.study, shard)
        self._known = {} if self.journal is None else self.journal.outcomes
        self._standing = Standing()
        self._compete = self._resolver.one_workload
        self._prospects = Prospects(self.study, self.bench)
        if self.front_only:
            check(self.study, one_workload=self._compete)

    @property
    def workers(self) -> int:
        """Processes to work in: of several points or searches none is left to this one, which has to outlive them."""
        if self.study.layered:
            return self.cores if max(self._total, self.bench.open) > 1 else 1
        return max(1, min(self.cores, self._total))

    def begin(self) -> None:
        """Take in all designs that can be known by now."""
        while (design := self._source.ask()) is not None:
            self.order.append(design)
            if design in self.outcomes or design in self._open:  # values of an axis that are equal
                continue
            known = self._known.get(design.key)
            if known is None:
                self._plan(design)
            else:
                self.resumed += 1
                self._learn(known)

    def next_task(self) -> Task[Key, Any] | None:
        """The next search; null while all that can be begun runs, or at the end."""
        if self._whole:
            design = self._whole.pop(0)
            inner = self.cores if self.workers == 1 else 1
            return Task(design, map_design, (design, self._open[design][0], inner), (LostError,))
        while (task := self.bench.next_task()) is None and (prospects := self._prospects.pop()):
            for prospect in prospects:
                outcome = self._prospects.dominated(prospect)
                if outcome is None:
                    self._want(prospect.design, prospect.plan)
                else:
                    self.outcomes[prospect.design] = outcome  # which another run may have to map: no journal keeps it
                    self._tell(prospect.design, "infeasible", outcome)
        return task

    def keep(self, key: Key, answer: Any) -> None:
        """Take in an answer, and finish the designs that waited for it alone."""
        if isinstance(key, Design):
            self._end(key, answer)
        else:
            for ended in self.bench.keep(key, answer):
                for design in self._needed.pop(ended, ()):
                    self._finish(design)
            self._tell_searches()
        self.begin()

    def wait(self) -> bool:
        """Wait for what others do, where a study is shared; whether there may be more to do."""
        if self._shared is None:
            return False
        more = self._shared.wait()
        for outcome in self._shared.others():
            if outcome.design not in self.outcomes:
                self.order.append(outcome.design)
                self._save(outcome)
        for design in () if more else self._shared.lost:
            if design not in self.outcomes:
                self.order.append(design)
                self._end(design, LostError("its workers died (out of memory, or stopped?)"))
        self.begin()
        return more

    def _plan(self, design: Design) -> None:
        try:
            plan = self._resolver.plan(design)
            aside = set_aside(self.study, design, plan.architecture)
            if aside is None and self.front_only:
                self._prospects.add(Prospect(design, plan, area_mm2(plan.architecture)[0]))
        except SpecError as error:
            aside = no_outcome(design, error)
        if aside is not None:
            self._end(design, aside)
        elif not self.study.layered:
            self._open[design] = plan, ()
            self._whole.append(design)
        elif not self.front_only:
            self._want(design, plan)

    def _want(self, design: Design, plan: NetworkPlan) -> None:
        """Ask for the searches of a design."""
        try:
            keys = tuple(self.bench.need(one) for one in plan.asked)
        except SpecError as error:
            self._end(design, no_outcome(design, error))
            return
        self._open[design] = plan, keys
        for key in set(keys):
            self._needed.setdefault(key, []).append(design)
        self._finish(design)

    def _finish(self, design: Design) -> None:
        """Cost a design whose searches are all at their end."""
        plan, keys = self._open[design]
        if not all(map(self.bench.known, keys)):
            return
        answers = self.bench.answers(plan, keys)
        wrong = next((each for each in answers.values() if isinstance(each, SpecError)), None)
        if wrong is not None:
            self._end(design, no_outcome(design, wrong))
            return
        if any(isinstance(each, StoppedError) for each in answers.values()):
            self._end(design, StoppedError())
            return
        try:
            outcome: Outcome | LostError = outcome_of(design, plan.result(answers))
        except LostError as error:
            outcome = error
        self._end(design, outcome)

    def _end(self, design: Design, answer: Outcome | Exception) -> None:
        """Save a finished point."""
        self._open.pop(design, None)
        if isinstance(answer, Outcome):
            self._save(judged(self.study, averaged(self.study, answer)))
        elif isinstance(answer, StoppedError):
            self._tell(design, "interrupted")
        else:
            self.lost.append(design)
            self._learn(Outcome(design, note=str(answer)), lost=True)
            self._tell(design, "interrupted", str(answer))

    def _save(self, outcome: Outcome) -> None:
        if self.journal is not None:
            self.journal.append(outcome)
        self._learn(outcome)
        self._tell(outcome.design, "done" if outcome.feasible else "infeasible", outcome)

    def _learn(self, outcome: Outcome, *, lost: bool = False) -> None:
        mappings = tuple(self._mappings.setdefault(one, one) for one in outcome.mappings)
        self.outcomes[outcome.design] = replace(outcome, mappings=mappings)
        costs: Values = outcome.costs(self.study.objective)
        if self._compete:
            self._standing.add(costs)
            self._prospects.learn(outcome)
        self._source.tell(outcome.design, costs, None if lost else outcome)

    def _tell_searches(self) -> None:
        """Say how far the searches are: the first design may be at its end when most of them are."""
        bench = self.bench
        if bench.open:
            self._tell("searches", "progress", f"{bench.distinct - bench.open:,} of {bench.distinct:,}")

    def _tell(self, what: Design | str, state: State, detail: Any = None) -> None:
        if self.report is not None:
            bench, done = self.bench, len(self.outcomes)
            all_known = bench.open and done + len(self._open) == self._total
            share = (bench.distinct - bench.open) / bench.distinct if all_known else None
            self.report(SearchEvent(done, self._total, str(what), state, detail, str(self._standing), share))
