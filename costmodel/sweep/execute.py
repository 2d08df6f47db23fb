"""Running a sweep: every design mapped, in worker processes, each finished point saved as it is done."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.mapper.network import Event, SearchOptions, map_workload
from costmodel.mapper.workers import LostError, Task, run_tasks
from costmodel.spec.objective import AREA, objective_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import Costs, Design, asked, overrides, source_of

if TYPE_CHECKING:
    from costmodel.spec.mapping import Mapping
    from costmodel.spec.study import Study

JOURNAL = "points.jsonl"
"""One line per finished point, in the order in which they finished; the first line says what was asked."""
VERSION = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known about one design."""

    design: Design
    energy_pj: float | None = None
    """Null where nothing fits; ``note`` says why."""
    latency_cycles: float | None = None
    capacity_bits: int | None = None
    """Room that the tiles of the mappings take."""
    clock_hz: float | None = None
    area_mm2: float | None = None
    """Null where not modelled."""
    utilisation: float | None = None
    certificate: str = ""
    mappings: tuple[Mapping, ...] = ()
    note: str = ""

    @property
    def feasible(self) -> bool:
        return self.energy_pj is not None and self.latency_cycles is not None

    def costs(self, objectives: tuple[str, ...]) -> Costs:
        """The values of objectives; infinite where one is not modelled, null where nothing fits."""
        if self.energy_pj is None or self.latency_cycles is None:
            return None
        area = math.inf if self.area_mm2 is None else self.area_mm2
        # designs differ in their clocks, so seconds count
        costs = (self.energy_pj, self.latency_cycles / (self.clock_hz or 1.0), self.capacity_bits or 0)
        return tuple(area if name == AREA else objective_of(name).of_one(*costs)[0] for name in objectives)


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
    report: Callable[[Event], None] | None = None,
) -> SweepResult:
    """Map every design of a study.

    Finished points are appended to ``journal``; those that it holds already are not done again. A design that nothing
    fits, or whose values make no architecture, is a result with the reason. Ctrl-C returns what is done.

    Raises:
        SpecError: the journal belongs to another question.
    """
    progress = _Sweep(study, journal, report)
    progress.resume()
    cores = jobs or os.cpu_count() or 1
    jobs = max(1, min(cores, asked(study)))
    progress.inner_jobs = cores if jobs == 1 else 1
    interrupted = run_tasks(progress.next_task, progress.keep, jobs)
    done = [progress.outcomes[d] for d in progress.order if d in progress.outcomes]
    return SweepResult(tuple(done), progress.resumed, interrupted, tuple(progress.lost))


def fingerprint(study: Study) -> str:
    """A short name for what decides the cost of every point, so that runs of different questions are not mixed."""
    asked_for = study.model_dump(mode="json", include=set(_DECIDES))
    inputs = [_text(ref, kind) for kind, refs in (("arch", study.arch), ("workload", study.workload)) for ref in refs]
    content = json.dumps([VERSION, asked_for, inputs], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


_DECIDES = ("arch", "workload", "einsums", "objective", "method", "trials", "budget", "seed", "constraints", "set")


def _text(ref: str, kind: str) -> str:
    from costmodel.spec import catalog

    return catalog.find(ref, "arch" if kind == "arch" else "workload").read_text(encoding="utf-8")


def holds(journal: Path, study: Study) -> bool:
    """Whether a journal belongs to a study."""
    try:
        with journal.open(encoding="utf-8") as lines:
            return bool(json.loads(next(lines, "{}")).get("study") == fingerprint(study))
    except (OSError, ValueError, AttributeError):
        return False


def evaluate_design(study: Study, design: Design, jobs: int = 1) -> Outcome:
    """Map one design. KeyboardInterrupt passes through: half a point is no point."""
    from costmodel.model.explain import einsum_of
    from costmodel.spec import catalog

    try:
        architecture, workload = catalog.load_pair(design.arch, design.workload, overrides(study, design))
        if study.einsums is not None:
            from dataclasses import replace

            workload = replace(workload, einsums=tuple(einsum_of(workload, name) for name in study.einsums))
        result = map_workload(workload, architecture, options_of(study), jobs=jobs)
    except SpecError as error:
        return Outcome(design, note="; ".join(str(p).split("\n", 1)[0] for p in error.problems))
    if result.interrupted:
        raise KeyboardInterrupt
    if result.failures or not result.layers:
        return Outcome(design, note="; ".join(failure.reason for failure in result.failures) or "nothing to map")
    evaluation = result.evaluation
    return Outcome(
        design,
        energy_pj=evaluation.energy_pj,
        latency_cycles=evaluation.latency_cycles,
        capacity_bits=evaluation.capacity_bits,
        clock_hz=evaluation.clock_hz,
        area_mm2=evaluation.area_mm2,
        utilisation=evaluation.utilisation,
        certificate=str(result.certificate),
        mappings=result.mappings,
    )


def options_of(study: Study) -> SearchOptions:
    """How a study searches the mappings of one design. Area does not depend on the mapping, so it plays no part."""
    options = SearchOptions(
        method=study.method,
        objective=objective_of(study.objective),
        seed=study.seed,
        constraints=tuple(study.constraints),
        budget_s=study.budget,
        memory_bytes=study.memory,
        tiles=study.tiles,
    )
    if study.trials is None:
        return options
    from dataclasses import replace

    return replace(options, trials=study.trials)


@dataclass
class _Sweep:
    """A sweep in progress."""

    study: Study
    journal: Path | None
    report: Callable[[Event], None] | None
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
                message = "holds points of another study, or of other inputs"
                raise SpecError([Problem(message, file=str(self.journal), hint="name a new folder with --out")])
            self._known = {o.design.key: o for o in read_journal(self.journal)}
            if not self.journal.read_bytes().endswith(b"\n"):
                with self.journal.open("a", encoding="utf-8") as file:
                    file.write("\n")
            return
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        self._append({"study": fingerprint(self.study), "version": VERSION})

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
            self._tell(design, "done" if answer.feasible else "infeasible", _summary(answer))
        elif isinstance(answer, LostError) and str(answer) == "interrupted":
            self._tell(design, "interrupted")
        else:
            self.lost.append(design)
            self._tell(design, "interrupted", str(answer))

    def _costs(self, design: Design) -> Costs:
        outcome = self.outcomes.get(design)
        return None if outcome is None else outcome.costs(self.study.objective)

    def _tell(self, design: Design, state: str, detail: Any = None) -> None:
        if self.report is not None:
            self.report(Event(len(self.outcomes), self._total, str(design), state, detail))

    def _append(self, content: dict[str, Any]) -> None:
        if self.journal is None:
            return
        line = json.dumps(content, ensure_ascii=False) + "\n"
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _summary(outcome: Outcome) -> str:
    if not outcome.feasible:
        return outcome.note
    area = "" if outcome.area_mm2 is None else f", {outcome.area_mm2:.4g} mm2"
    return f"{outcome.energy_pj:.4g} pJ, {outcome.latency_cycles:.4g} cycles{area}, {outcome.certificate}"


_FIELDS = ("energy_pj", "latency_cycles", "capacity_bits", "clock_hz", "area_mm2", "utilisation", "certificate", "note")


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
