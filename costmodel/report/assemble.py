"""From references to a question, from a question and its answer to the run that is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from costmodel.einsum.algebra import Workload
from costmodel.mapper.network import NetworkResult
from costmodel.model.evaluate import combine, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.model.explain import einsum_of
from costmodel.report.notes import price_notes, role_notes
from costmodel.report.run import (
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
from costmodel.sweep.designs import Scalar


@dataclass(frozen=True)
class Question:
    """What was asked: the values, and the references they came from."""

    arch_ref: str
    workload_ref: str
    overrides: tuple[str, ...]
    architecture: Architecture
    stated: Architecture
    """The architecture as its file has it, without the overrides."""
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
    inputs = input_file("arch", arch, documents[0]), input_file("workload", workload, documents[1])
    names = tuple(e.name for e in whole.einsums)
    if einsums:
        whole = replace(whole, einsums=tuple(einsum_of(whole, name) for name in einsums))
    stated = as_stated(documents[0], architecture) if overrides else architecture
    return Question(arch, workload, overrides, architecture, stated, whole, names, inputs, started)


def as_stated(document: Document, changed: Architecture) -> Architecture:
    """Return what a file says without overrides; the changed one where the file needs them to be right."""
    try:
        return catalog.load_architecture(document)
    except SpecError:
        return changed


def notes_of(question: Question, constraints: Sequence[str] = ()) -> tuple[str, ...]:
    """What has to be said beside the result of a question."""
    roles = role_notes(question.workload, question.architecture, constraints)
    return (*roles, *price_notes(question.stated, question.architecture))


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
        inputs=tuple(dict.fromkeys([*question.inputs, input_file("mapping", mapping_ref, answer.document)])),
        notes=notes_of(question),
        provenance=provenance_of(command, question.started, overrides=question.overrides),
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
        inputs=tuple(dict.fromkeys(question.inputs)),
        notes=(*notes, *notes_of(question, result.request.constraints)),
        provenance=provenance_of(
            command, question.started, result.request.seed, result.request.settings(), question.overrides
        ),
    )


def provenance_of(
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


def input_file(role: Kind, ref: str, document: Document) -> InputFile:
    """A file as it was when it was read."""
    file = document.marks.file
    origin = "shipped" if ref in catalog.shipped().get(role, ()) else file
    return InputFile(role=role, name=Path(file).name, origin=origin, text=document.text)
