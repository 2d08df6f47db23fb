"""The run of a sweep, and where it goes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from costmodel.einsum.algebra import Workload
from costmodel.model.actions import area_lacks
from costmodel.report.assemble import as_stated, input_file, provenance_of
from costmodel.report.comparison import NAMED
from costmodel.report.contest import computed_by, unbeaten
from costmodel.report.folder import check_writable, file_name, is_run, kind_of, names_like, taken
from costmodel.report.human import some
from costmodel.report.notes import keep_notes, price_notes, role_notes
from costmodel.report.run import DesignPoint, Run
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture
from costmodel.spec.load import Document
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.study import Study
from costmodel.sweep.designs import DesignCosts, Shard
from costmodel.sweep.execute import SweepResult, fingerprint
from costmodel.sweep.journal import JOURNAL, is_journal, read
from costmodel.sweep.resolve import joined

LOOKED = 64
"""Values of an axis that are looked at for what has to be said of them."""
_NUMBER = re.compile(r"\d[\d.,]*")


def run_of_sweep(study: Study, result: SweepResult, overrides: tuple[str, ...], command: str, started: float) -> Run:
    """The run of a sweep; ``started`` is the monotonic time at which it began."""
    computed = computed_by(study, [o.design for o in result.outcomes])
    front = unbeaten(study, result.outcomes, computed)
    points = tuple(
        DesignPoint(
            axes=dict(o.design.axes),
            pareto=best,
            arch=o.design.arch,
            workload=o.design.workload,
            computes=what.name,
            operations=what.operations,
            **{f.name: getattr(o, f.name) for f in fields(DesignCosts)}
            | {"note": o.note or ("" if o.proven else o.certificate)},
        )
        for o, what, best in zip(result.outcomes, computed, front, strict=True)
    )
    settings = study.settings() | {"sampler": study.sampler, "points": len(points)}
    named = {(kind, each): study.documents[kind, each] for kind, each in study.documents if each}
    changes = list(study.set.items())
    arch, work = (named["arch", study.arch[0]], named["workload", study.workload[0]])
    workloads = tuple(catalog.load_pair(arch, named["workload", w], changes)[1] for w in study.workload)
    if study.mean:
        workloads = (joined(study, workloads),)
    architectures = tuple(catalog.load_pair(named["arch", a], work, changes)[0] for a in study.arch)
    notes = ["the sweep was interrupted"] if result.interrupted else []
    compared: list[tuple[str, Architecture]] = []
    for architecture, reference in zip(architectures, study.arch, strict=True):
        document = named["arch", reference]
        variants = list(_variants(study, document, work))
        notes += _notes(study, as_stated(document, architecture), architecture, variants, workloads)
        compared += [(architecture.name, architecture), *((text, one) for _, text, one in variants)]
    notes += area_notes(compared)
    return Run(
        kind="sweep",
        workloads=workloads,
        architectures=architectures,
        design_points=points,
        inputs=tuple(
            dict.fromkeys(
                [
                    input_file("study", study.documents["study", ""]),
                    *(input_file(kind, document) for (kind, _), document in named.items()),
                ]
            )
        ),
        notes=tuple(dict.fromkeys(notes)),
        provenance=provenance_of(command, started, study.seed, settings, overrides),
    )


def _variants(study: Study, arch: Document, work: Document) -> Iterator[tuple[str, str, Architecture]]:
    """Yield an architecture with each value of each axis by itself: (the axis, axis and value, the architecture).

    Of an axis with more than ``LOOKED`` values, so many are looked at.
    """
    for path, values in study.columns.items():
        for value in (*values[:: -(-len(values) // LOOKED)], values[-1]):
            with suppress(SpecError):  # a value that fits with those of other axes only
                yield path, f"{path}={value}", catalog.load_pair(arch, work, [*study.set.items(), (path, value)])[0]


def _notes(
    study: Study,
    stated: Architecture,
    base: Architecture,
    variants: Iterable[tuple[str, str, Architecture]],
    workloads: tuple[Workload, ...],
) -> list[str]:
    """What has to be said beside the designs of one architecture.

    Of what is said of several values of an axis, and differs in numbers alone, the first and the last.
    """
    found = [note for w in workloads for note in (*w.warnings, *role_notes(w, base, study.constraints))]
    found += (*base.warnings, *keep_notes(workloads, base), *price_notes(stated, base))
    alike: dict[tuple[str, str], list[str]] = {}
    for path, _, changed in variants:
        for note in (*changed.warnings, *keep_notes(workloads, changed), *price_notes(stated, changed)):
            alike.setdefault((path, _NUMBER.sub("", note)), []).append(note)
    return found + [note for notes in alike.values() for note in (notes[0], notes[-1])]


def area_notes(compared: Iterable[tuple[str, Architecture]]) -> list[str]:
    """Say where areas that are compared are not of the same parts."""
    without: dict[tuple[str, ...], str] = {}
    for name, architecture in compared:
        if (lacking := area_lacks(architecture)) is not None:
            without.setdefault(lacking, name)
    if len(without) < 2:
        return []
    kinds = (f"of {name}, {f'without {some(parts, NAMED)}' if parts else 'of all'}" for parts, name in without.items())
    told = "; ".join(kinds)
    return [f"areas are not of the same parts, so they do not compare: {told}"]


def sweep_folder(
    study: Study, ref: str, out: Path | None, runs: Path, *, force: bool, shard: Shard | None = None
) -> Path:
    """The folder of a sweep, to be asked before the work.

    Without ``out`` it is one of an earlier run of the same question, or a new one. A folder of a sweep that is named is
    added to, whatever was asked there. Raises SpecError for a folder of anything else, and for one that cannot be
    written.
    """
    name = file_name(study.name or Path(ref).stem) or "sweep"
    folder = runs / (name if shard is None else f"{name}-{shard.number}of{shard.of}") if out is None else out
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
    try:
        content = read(folder / JOURNAL)
    except SpecError:
        return False
    return not content.points or bool(content.of(fingerprint(study)))


def _is_sweep(folder: Path) -> bool:
    """Whether a folder is of a sweep, finished or not."""
    journal = folder / JOURNAL
    if os.path.lexists(journal) and (journal.is_symlink() or not journal.is_file()):
        return False
    return kind_of(folder) == "sweep" or (not is_run(folder) and is_journal(journal))
