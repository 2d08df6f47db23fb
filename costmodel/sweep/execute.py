"""Running a sweep: every design mapped, in worker processes, each finished point saved as it is done."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from costmodel.mapper.network import map_workload
from costmodel.mapper.result import Status
from costmodel.mapper.rounds import SearchEvent, State
from costmodel.mapper.workers import LostError, StoppedError, Task, run_tasks
from costmodel.model.evaluation import Efficiency
from costmodel.spec import catalog
from costmodel.spec.objective import AREA, COST_KEYS, costs_of, objective_of
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import SpecError
from costmodel.spec.request import einsum_of
from costmodel.sweep.designs import Design, DesignCosts, Values, asked, overrides, source_of
from costmodel.sweep.journal import VERSION, Journal, Point

if TYPE_CHECKING:
    from costmodel.spec.study import Study


@dataclass(frozen=True)
class Outcome(DesignCosts):
    """What is known about one design."""

    design: Design
    certificate: str = field(default="", kw_only=True)
    """What is known about its mappings, in words."""
    proven: bool = field(default=False, kw_only=True)
    """Whether no mappings are better."""

    def costs(self, objectives: tuple[str, ...]) -> Values:
        """The values of objectives; infinite where one is not modelled, null where nothing fits."""
        totals = self.totals
        if totals is None:
            return None
        # designs differ in their clocks, so seconds count
        timed = replace(totals, latency_cycles=totals.latency_cycles / (self.clock_hz or 1.0))
        area = math.inf if self.area_mm2 is None else self.area_mm2
        return tuple(area if name == AREA else objective_of(name).of(timed)[0] for name in objectives)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All points of a sweep, in the order of the study."""

    outcomes: tuple[Outcome, ...]
    resumed: int
    """Points that an earlier run had done."""
    interrupted: bool
    lost: tuple[Design, ...]
    """Points that have no answer, because their worker process died again and again: outcomes with the reason as a
    note, which no journal keeps, so that they are done again."""


def run_sweep(
    study: Study,
    journal: Journal | None = None,
    *,
    jobs: int | None = None,
    report: Callable[[SearchEvent], None] | None = None,
) -> SweepResult:
    """Map every design of a study.

    Finished points are appended to ``journal`` (one that is open, of this ``fingerprint``); those that it holds already
    are not done again. A design that nothing fits, or whose values make no architecture, is a result with the reason.
    Ctrl-C returns what is done. Raises OSError, with the path, if a point cannot be saved.
    """
    progress = _Sweep(study, journal, report)
    cores = jobs or study.jobs or os.cpu_count() or 1
    jobs = max(1, min(cores, asked(study)))
    progress.inner_jobs = cores if jobs == 1 else 1
    interrupted = run_tasks(progress.next_task, progress.keep, jobs)
    done = [progress.outcomes[d] for d in progress.order if d in progress.outcomes]
    return SweepResult(tuple(done), progress.resumed, interrupted, tuple(progress.lost))


def fingerprint(study: Study) -> str:
    """A short name for what decides the cost of every point, so that runs of different questions are not mixed."""
    inputs = [_text(study, kind, ref) for kind, refs in _references(study) for ref in refs]
    return study.fingerprint(VERSION, inputs)


def _references(study: Study) -> tuple[tuple[Kind, tuple[str, ...]], ...]:
    return (("arch", study.arch), ("workload", study.workload))


def _text(study: Study, kind: Kind, ref: str) -> str:
    known = study.documents.get((kind, ref))
    return (known or catalog.document(ref, kind)).text


def evaluate_design(study: Study, design: Design, jobs: int = 1) -> Outcome:
    """Map one design. KeyboardInterrupt passes through: half a point is no point. LostError if a search was lost."""
    arch = study.documents.get(("arch", design.arch), design.arch)
    works = study.documents.get(("workload", design.workload), design.workload)
    try:
        architecture, workload = catalog.load_pair(arch, works, overrides(study, design))
        if study.einsums is not None:
            workload = replace(workload, einsums=tuple(einsum_of(workload, name) for name in study.einsums))
        result = map_workload(workload, architecture, study.asking(jobs=jobs))
    except SpecError as error:
        return Outcome(design, note="; ".join(str(p).split("\n", 1)[0] for p in error.problems))
    if result.interrupted:
        raise KeyboardInterrupt
    if died := [failure.reason for failure in result.failures if failure.infeasible is None]:
        raise LostError("; ".join(died))
    if result.failures or not result.layers:
        return Outcome(design, note="; ".join(failure.reason for failure in result.failures) or "nothing to map")
    evaluation = result.evaluation
    return Outcome(
        design,
        **costs_of(evaluation),
        clock_hz=evaluation.clock_hz,
        area_mm2=evaluation.area_mm2,
        utilisation=evaluation.utilisation,
        **asdict(evaluation.efficiency),
        certificate=str(result.certificate),
        proven=result.certificate.status == Status.PROVEN,
        mappings=result.mappings,
    )


@dataclass
class _Sweep:
    """A sweep in progress."""

    study: Study
    journal: Journal | None
    report: Callable[[SearchEvent], None] | None
    outcomes: dict[Design, Outcome] = field(default_factory=dict)
    order: list[Design] = field(default_factory=list)
    """Designs as they were asked for."""
    lost: list[Design] = field(default_factory=list)
    resumed: int = 0
    inner_jobs: int = 1
    """Worker processes for the Einsums of one design: several only where there is one design."""
    _known: dict[str, Outcome] = field(default_factory=dict)
    """Points of an earlier run, by key."""
    _waiting: list[Design] = field(default_factory=list)
    _open: set[Design] = field(default_factory=set)
    _batch: list[Design] = field(default_factory=list)
    _ended: bool = False

    def __post_init__(self) -> None:
        self._source = source_of(self.study)
        self._total = asked(self.study)
        if self.journal is not None:
            self._known = {o.design.key: o for o in map(_outcome, self.journal.points) if o is not None}

    def next_task(self) -> Task[Design, Outcome] | None:
        """The next design that is not known; null while a batch is still running, or at the end."""
        while not self._ended:
            while self._waiting:
                design = self._waiting.pop(0)
                known = self._known.get(design.key)
                if known is None:
                    self._open.add(design)
                    self._tell(design, "started")
                    return Task(design, evaluate_design, (self.study, design, self.inner_jobs), (LostError,))
                self.resumed += 1
                self.outcomes[design] = known
            if self._open:
                return None
            if self._batch:
                self._source.tell([self._costs(design) for design in self._batch])
            self._batch = self._source.ask()
            self._waiting = list(self._batch)
            self.order += self._batch
            self._ended = not self._batch
        return None

    def keep(self, design: Design, answer: Outcome | Exception) -> None:
        """Save a finished point."""
        self._open.discard(design)
        if isinstance(answer, Outcome):
            self.outcomes[design] = answer
            if self.journal is not None:
                self.journal.append(_plain(answer))
            self._tell(design, "done" if answer.feasible else "infeasible", answer)
        elif isinstance(answer, StoppedError):
            self._tell(design, "interrupted")
        else:
            self.lost.append(design)
            self.outcomes[design] = Outcome(design, note=str(answer))
            self._tell(design, "interrupted", str(answer))

    def _costs(self, design: Design) -> Values:
        outcome = self.outcomes.get(design)
        return None if outcome is None else outcome.costs(self.study.objective)

    def _tell(self, design: Design, state: State, detail: Any = None) -> None:
        if self.report is not None:
            self.report(SearchEvent(len(self.outcomes), self._total, str(design), state, detail))


_EFFICIENCY = tuple(each.name for each in fields(Efficiency))
_FIELDS = (*COST_KEYS, "clock_hz", "area_mm2", "utilisation", *_EFFICIENCY, "certificate", "proven", "note")


def _plain(outcome: Outcome) -> dict[str, Any]:
    from costmodel.spec.mapping_file import dump

    design = outcome.design
    return {
        "arch": design.arch,
        "workload": design.workload,
        "axes": list(design.axes),
        **{name: getattr(outcome, name) for name in _FIELDS},
        "mappings": dump(outcome.mappings) if outcome.mappings else "",
    }


def _outcome(point: Point) -> Outcome | None:
    """What a line of a journal says; null if its mappings are none."""
    from costmodel.spec.load import parse
    from costmodel.spec.mapping_file import parse_mappings

    try:
        mappings = tuple(m for m, _ in parse_mappings(parse(point.mappings, ""))) if point.mappings else ()
    except SpecError:
        return None
    design = Design(point.arch, point.workload, tuple(point.axes))
    return Outcome(design, mappings=mappings, **{name: getattr(point, name) for name in _FIELDS})
