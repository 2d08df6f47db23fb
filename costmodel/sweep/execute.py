"""Running a sweep: every design mapped, in worker processes, each finished point saved as it is done."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel import __version__
from costmodel.mapper.network import SearchEvent, State, map_workload
from costmodel.mapper.result import Status
from costmodel.mapper.workers import StoppedError, Task, run_tasks
from costmodel.model.explain import einsum_of
from costmodel.spec import catalog
from costmodel.spec.objective import AREA, COST_KEYS, costs_of, objective_of
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import Design, DesignCosts, Values, asked, overrides, source_of

if TYPE_CHECKING:
    from costmodel.spec.study import Study

JOURNAL = "points.jsonl"
"""One line per finished point, in the order in which they finished; the first line says what was asked."""
VERSION = 3


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
    """Points whose worker process died."""


def run_sweep(
    study: Study,
    journal: Path | None = None,
    *,
    jobs: int | None = None,
    report: Callable[[SearchEvent], None] | None = None,
) -> SweepResult:
    """Map every design of a study.

    Finished points are appended to ``journal``; those that it holds already are not done again. A design that nothing
    fits, or whose values make no architecture, is a result with the reason. Ctrl-C returns what is done.

    Raises:
        SpecError: the journal belongs to another question.
    """
    progress = _Sweep(study, journal, report)
    progress.resume()
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


def holds(journal: Path, study: Study) -> bool:
    """Whether a journal belongs to a study."""
    return bool(_head(journal).get("study") == fingerprint(study))


def _head(journal: Path) -> dict[str, Any]:
    """The first line of a journal; empty where it is none."""
    try:
        with journal.open(encoding="utf-8") as lines:
            head = json.loads(next(lines, "{}"))
    except (OSError, ValueError):
        return {}
    return head if isinstance(head, dict) else {}


def _stranger(journal: Path) -> Problem:
    """Say why a journal is not that of a study."""
    head = _head(journal)
    writer = head.get("costmodel", f"a version before {__version__}")
    message, hint = "holds points of another study, or of other inputs", "name a new folder with --out"
    if (head.get("version"), writer) != (VERSION, __version__):
        message = f"holds points that costmodel {writer} found; this is {__version__}, which may find others"
        hint = f"{hint}, or take this one away"
    return Problem(message, file=str(journal), hint=hint)


def evaluate_design(study: Study, design: Design, jobs: int = 1) -> Outcome:
    """Map one design. KeyboardInterrupt passes through: half a point is no point."""
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
    if result.failures or not result.layers:
        return Outcome(design, note="; ".join(failure.reason for failure in result.failures) or "nothing to map")
    evaluation = result.evaluation
    return Outcome(
        design,
        **costs_of(evaluation),
        clock_hz=evaluation.clock_hz,
        area_mm2=evaluation.area_mm2,
        utilisation=evaluation.utilisation,
        certificate=str(result.certificate),
        proven=result.certificate.status == Status.PROVEN,
        mappings=result.mappings,
    )


@dataclass
class _Sweep:
    """A sweep in progress."""

    study: Study
    journal: Path | None
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

    def resume(self) -> None:
        """Read the journal, or begin one."""
        if self.journal is None:
            return
        if self.journal.exists():
            if not holds(self.journal, self.study):
                raise SpecError([_stranger(self.journal)])
            self._known = {o.design.key: o for o in read_journal(self.journal)}
            if not self.journal.read_bytes().endswith(b"\n"):
                with self.journal.open("a", encoding="utf-8") as file:
                    file.write("\n")
            return
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        self._append({"study": fingerprint(self.study), "version": VERSION, "costmodel": __version__})

    def next_task(self) -> Task[Design, Outcome] | None:
        """The next design that is not known; null while a batch is still running, or at the end."""
        while not self._ended:
            while self._waiting:
                design = self._waiting.pop(0)
                known = self._known.get(design.key)
                if known is None:
                    self._open.add(design)
                    self._tell(design, "started")
                    return Task(design, evaluate_design, (self.study, design, self.inner_jobs))
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
            self._append(_plain(answer))
            self._tell(design, "done" if answer.feasible else "infeasible", answer)
        elif isinstance(answer, StoppedError):
            self._tell(design, "interrupted")
        else:
            self.lost.append(design)
            self._tell(design, "interrupted", str(answer))

    def _costs(self, design: Design) -> Values:
        outcome = self.outcomes.get(design)
        return None if outcome is None else outcome.costs(self.study.objective)

    def _tell(self, design: Design, state: State, detail: Any = None) -> None:
        if self.report is not None:
            self.report(SearchEvent(len(self.outcomes), self._total, str(design), state, detail))

    def _append(self, content: dict[str, Any]) -> None:
        if self.journal is None:
            return
        line = json.dumps(content, ensure_ascii=False) + "\n"
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


_FIELDS = (*COST_KEYS, "clock_hz", "area_mm2", "utilisation", "certificate", "proven", "note")


def _plain(outcome: Outcome) -> dict[str, Any]:
    from costmodel.spec.mapping_file import dump

    design = outcome.design
    return {
        "arch": design.arch,
        "workload": design.workload,
        "axes": [list(pair) for pair in design.axes],
        **{name: getattr(outcome, name) for name in _FIELDS},
        "mappings": dump(outcome.mappings) if outcome.mappings else "",
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def read_journal(journal: Path) -> list[Outcome]:
    """Read the finished points; a line that was cut off when the machine went down is left out."""
    from costmodel.spec.load import parse
    from costmodel.spec.mapping_file import parse_mappings

    outcomes = []
    for line in journal.read_text(encoding="utf-8").splitlines()[1:]:
        try:
            given = json.loads(line)
            design = Design(given["arch"], given["workload"], tuple((p, v) for p, v in given["axes"]))
            values = {name: given[name] for name in _FIELDS}
        except (ValueError, KeyError, TypeError):
            continue
        text = given.get("mappings", "")
        mappings = tuple(m for m, _ in parse_mappings(parse(text, str(journal)))) if text else ()
        outcomes.append(Outcome(design, mappings=mappings, **values))
    return outcomes
