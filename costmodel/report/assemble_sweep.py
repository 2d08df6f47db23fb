"""The run of a sweep, and where it goes."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np

from costmodel.mapper.front import on_front
from costmodel.report.assemble import input_file, provenance_of
from costmodel.report.folder import check_writable, file_name, is_run, kind_of, names_like, taken
from costmodel.report.run import DesignPoint, Run
from costmodel.spec import catalog
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.study import Study
from costmodel.sweep.designs import DesignCosts
from costmodel.sweep.execute import SweepResult, fingerprint
from costmodel.sweep.journal import JOURNAL, is_journal, read


def run_of_sweep(study: Study, result: SweepResult, overrides: tuple[str, ...], command: str, started: float) -> Run:
    """The run of a sweep; ``started`` is the monotonic time at which it began."""
    front = _on_front(study, result)
    points = tuple(
        DesignPoint(
            axes=dict(o.design.axes),
            pareto=o.design.key in front,
            arch=o.design.arch,
            workload=o.design.workload,
            **{f.name: getattr(o, f.name) for f in fields(DesignCosts)}
            | {"note": o.note or ("" if o.proven else o.certificate)},
        )
        for o in result.outcomes
    )
    settings = study.settings() | {"sampler": study.sampler, "points": len(points)}
    named = {(kind, each): study.documents[kind, each] for kind, each in study.documents if each}
    changes = list(study.set.items())
    arch, work = (named["arch", study.arch[0]], named["workload", study.workload[0]])
    return Run(
        kind="sweep",
        workloads=tuple(catalog.load_pair(arch, named["workload", w], changes)[1] for w in study.workload),
        architectures=tuple(catalog.load_pair(named["arch", a], work, changes)[0] for a in study.arch),
        design_points=points,
        inputs=tuple(
            dict.fromkeys(
                [
                    input_file("study", study.documents["study", ""]),
                    *(input_file(kind, document) for (kind, _), document in named.items()),
                ]
            )
        ),
        notes=("the sweep was interrupted",) if result.interrupted else (),
        provenance=provenance_of(command, started, study.seed, settings, overrides),
    )


def sweep_folder(study: Study, ref: str, out: Path | None, runs: Path, *, force: bool) -> Path:
    """The folder of a sweep, to be asked before the work.

    Without ``out`` it is one of an earlier run of the same question, or a new one. A folder of a sweep that is named is
    added to, whatever was asked there. Raises SpecError for a folder of anything else, and for one that cannot be
    written.
    """
    folder = runs / (file_name(study.name or Path(ref).stem) or "sweep") if out is None else out
    if out is None and not force:
        folder = next(name for name in names_like(folder) if not taken(name) or _goes_on(name, study))
    place = folder.resolve() if folder.is_symlink() else folder
    if taken(place) and not _is_sweep(place):
        what = f"holds a run of {kind_of(place)}" if is_run(place) else "exists and is not a run"
        hint = "name a new folder, or none"
        raise SpecError([Problem(f"{what}; nothing was written", file=str(folder), hint=hint)])
    check_writable(place)
    return place


def _goes_on(folder: Path, study: Study) -> bool:
    """Whether a folder is of a sweep that has finished points of the same question, or none."""
    if not _is_sweep(folder):
        return False
    content = read(folder / JOURNAL)
    return not content.points or bool(content.of(fingerprint(study)))


def _is_sweep(folder: Path) -> bool:
    """Whether a folder is of a sweep, finished or not."""
    journal = folder / JOURNAL
    if os.path.lexists(journal) and (journal.is_symlink() or not journal.is_file()):
        return False
    return kind_of(folder) == "sweep" or (not is_run(folder) and is_journal(journal))


def _on_front(study: Study, result: SweepResult) -> set[str]:
    """Keys of the designs that no other design of their workload beats."""
    objectives = study.objective if len(study.objective) > 1 else ("energy", "latency", "area")
    if all(o.area_mm2 is None for o in result.outcomes):
        objectives = tuple(name for name in objectives if name != "area")
    front: set[str] = set()
    for workload in study.workload:  # costs of different workloads do not compare
        costs = [(o.design.key, o.costs(objectives)) for o in result.outcomes if o.design.workload == workload]
        feasible = [(key, cost) for key, cost in costs if cost is not None]
        flags = on_front(np.array([cost for _, cost in feasible], dtype=float))
        front |= {key for (key, _), flag in zip(feasible, flags, strict=True) if flag}
    return front
