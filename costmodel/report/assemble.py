"""From references to a question, from a question and its answer to the run that is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.mapper.front import on_front
from costmodel.mapper.network import NetworkResult
from costmodel.model.evaluate import combine, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.model.explain import einsum_of
from costmodel.report.run import (
    DesignPoint,
    EinsumSearch,
    InputFile,
    Provenance,
    Run,
    versions,
)
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture
from costmodel.spec.load import Document
from costmodel.spec.mapping import Mapping, einsums_in
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.study import Study
from costmodel.sweep.designs import DesignCosts, Scalar
from costmodel.sweep.execute import SweepResult


@dataclass(frozen=True)
class Question:
    """What was asked: the values, and the references they came from."""

    arch_ref: str
    workload_ref: str
    overrides: tuple[str, ...]
    architecture: Architecture
    workload: Workload
    """With the Einsums that are asked for."""
    einsums: tuple[str, ...]
    """Names of all its Einsums."""
    inputs: tuple[InputFile, ...]
    """What the references held when they were read."""
    started: float


def question_of(arch: str, workload: str, overrides: tuple[str, ...], einsums: tuple[str, ...]) -> Question:
    """Load what is asked. Raises SpecError."""
    started = time.monotonic()
    documents = catalog.document(arch, "arch"), catalog.document(workload, "workload")
    architecture, whole = catalog.load_pair(*documents, overrides)
    inputs = _input("arch", arch, documents[0]), _input("workload", workload, documents[1])
    names = tuple(e.name for e in whole.einsums)
    if einsums:
        whole = replace(whole, einsums=tuple(einsum_of(whole, name) for name in einsums))
    return Question(arch, workload, overrides, architecture, whole, names, inputs, started)


@dataclass(frozen=True)
class Answer:
    """What the mappings of a file cost."""

    document: Document
    """The file."""
    mappings: tuple[Mapping, ...]
    evaluation: Evaluation
    left_out: tuple[str, ...]
    """Einsums that are asked for and that the file does not map."""


def evaluate_file(question: Question, mapping_ref: str) -> Answer:
    """Evaluate the mappings of a file. Raises SpecError with every problem of every mapping."""
    wanted = [e.name for e in question.workload.einsums]
    document = catalog.document(mapping_ref, "mapping")
    pairs = catalog.load_mappings_with_marks(document)
    known = {name for mapping, _ in pairs for name in einsums_in(mapping.nest)}
    # Names that the workload does not have stay in: the model says where they stand.
    left_out = set(question.einsums) - set(wanted)
    chosen = [(mapping, marks) for mapping, marks in pairs if set(einsums_in(mapping.nest)) - left_out]
    if not chosen:
        names = ", ".join(sorted(known)) or "nothing"
        problem = Problem(
            f"maps {names}, none of which is asked for", file=mapping_ref, hint=f"asked for: {', '.join(wanted)}"
        )
        raise SpecError([problem])
    evaluations: list[Evaluation] = []
    problems: list[Problem] = []
    for mapping, marks in chosen:
        try:
            evaluations.append(evaluate(question.workload, question.architecture, mapping, marks))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return Answer(
        document=document,
        mappings=tuple(mapping for mapping, _ in chosen),
        evaluation=combine(evaluations),
        left_out=tuple(name for name in wanted if name not in known),
    )


def run_of_evaluation(question: Question, mapping_ref: str, answer: Answer, command: str) -> Run:
    """The run of an evaluation."""
    return Run(
        kind="evaluate",
        workloads=(question.workload,),
        architectures=(question.architecture,),
        mappings=answer.mappings,
        evaluation=answer.evaluation,
        inputs=_distinct([*question.inputs, _input("mapping", mapping_ref, answer.document)]),
        provenance=_provenance(command, question.started, overrides=question.overrides),
    )


def run_of_network(question: Question, result: NetworkResult, command: str) -> Run:
    """The run of a search."""
    notes = [failure.reason for failure in result.failures]
    if result.unfinished:
        notes.append(f"not searched: {', '.join(result.unfinished)}")
    if result.interrupted:
        notes.append("the search was interrupted")
    if result.front_gap:
        notes.append(
            f"the front of the totals is thinned: every point is within {100 * result.front_gap:.2g} % of one shown"
        )
    return Run(
        kind="map",
        workloads=(question.workload,),
        architectures=(question.architecture,),
        mappings=result.mappings,
        evaluation=result.evaluation if result.layers else None,
        searches=tuple(EinsumSearch.from_result(layer.result, layer.chosen) for layer in result.layers),
        network_front=result.front,
        certificate=result.certificate if result.layers else None,
        inputs=_distinct(question.inputs),
        notes=tuple(notes),
        provenance=_provenance(
            command, question.started, result.request.seed, result.request.settings(), question.overrides
        ),
    )


def run_of_sweep(
    study: Study, ref: str, result: SweepResult, overrides: tuple[str, ...], command: str, started: float
) -> Run:
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
        inputs=_distinct(
            [_input("study", ref, study.documents["study", ""]), *(_input(*key, named[key]) for key in named)]
        ),
        notes=("the sweep was interrupted",) if result.interrupted else (),
        provenance=_provenance(command, started, study.seed, settings, overrides),
    )


def _on_front(study: Study, result: SweepResult) -> set[str]:
    """Keys of the designs that no other design of their workload beats."""
    objectives = study.objective if len(study.objective) > 1 else ("energy", "latency", "area")
    if all(o.area_mm2 is None for o in result.outcomes):
        objectives = tuple(name for name in objectives if name != "area")
    front: set[str] = set()
    for workload in study.workload:  # costs of different workloads do not compare
        costs = [(o.design.key, o.costs(objectives)) for o in result.outcomes if o.design.workload == workload]
        feasible = [(key, cost) for key, cost in costs if cost is not None]
        flags = on_front(np.array([cost for _, cost in feasible], dtype=np.float64))
        front |= {key for (key, _), flag in zip(feasible, flags, strict=True) if flag}
    return front


def _provenance(
    command: str,
    started: float,
    seed: int | None = None,
    settings: dict[str, Scalar] | None = None,
    overrides: Sequence[str] = (),
) -> Provenance:
    changes: dict[str, Scalar] = {"set": "; ".join(overrides)} if overrides else {}
    return Provenance(
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command,
        seed=seed,
        settings=(settings or {}) | changes,
        versions=versions(),
        elapsed_s=round(time.monotonic() - started, 3),
    )


def _input(role: Kind, ref: str, document: Document) -> InputFile:
    """A file as it was when it was read."""
    file = document.marks.file
    origin = "shipped" if ref in catalog.shipped().get(role, ()) else file
    return InputFile(role=role, name=Path(file).name, origin=origin, text=document.text)


def _distinct(files: Sequence[InputFile]) -> tuple[InputFile, ...]:
    """Give every file a name of its own."""
    taken: set[str] = set()
    kept = []
    for file in dict.fromkeys(files):
        name, number = file.name, 2
        while name in taken:
            name = f"{Path(file.name).stem}-{number}{Path(file.name).suffix}"
            number += 1
        taken.add(name)
        kept.append(replace(file, name=name))
    return tuple(kept)
