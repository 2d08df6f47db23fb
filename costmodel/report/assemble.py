"""From references to a question, from a question and its answer to the run that is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.einsum.algebra import Workload
from costmodel.mapper.network import NetworkResult
from costmodel.mapper.reasons import Why
from costmodel.model.evaluate import combine, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.report.models import GivenWorkload, given_workload
from costmodel.report.notes import keep_notes, price_notes, role_notes
from costmodel.report.run import (
    EinsumSearch,
    InputFile,
    Provenance,
    Run,
    versions,
)
from costmodel.report.text.fused import fused_lines
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture
from costmodel.spec.load import Document
from costmodel.spec.mapping import Mapping, einsums_in
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import Marks, Problem, SpecError
from costmodel.spec.request import Request, einsum_of
from costmodel.spec.rules import sentence_problems
from costmodel.sweep.designs import Scalar

if TYPE_CHECKING:
    from costmodel.execute.made import Stated


@dataclass(frozen=True)
class Question:
    """What was asked: the values, and the references they came from."""

    arch_ref: str
    """The reference; the name of the architecture where its content or a value was given."""
    workload_ref: str
    overrides: tuple[str, ...]
    architecture: Architecture
    stated: Architecture
    """The architecture as its file has it, without the overrides."""
    workload: Workload
    """With the Einsums that are asked for."""
    whole: Workload
    """With all its Einsums."""
    arch_document: Document | None
    """What the references held when they were read; null where a value was given."""
    workload_document: Document | None
    started: float
    missing: tuple[str, ...] = ()
    """Of a model of another program, a line for each operator that is not in the workload."""

    @property
    def inputs(self) -> tuple[InputFile, ...]:
        given: tuple[tuple[Kind, Document | None], ...] = (
            ("arch", self.arch_document),
            ("workload", self.workload_document),
        )
        return tuple(input_file(role, document) for role, document in given if document is not None)


def question_of(
    arch: catalog.Ref | Architecture,
    workload: catalog.Ref | Workload,
    overrides: tuple[str, ...] = (),
    einsums: tuple[str, ...] = (),
) -> Question:
    """Load what is asked. Raises SpecError."""
    started = time.monotonic()
    arch_document = None if isinstance(arch, Architecture) else catalog.document(arch, "arch")
    given = GivenWorkload(None, overrides) if isinstance(workload, Workload) else given_workload(workload, overrides)
    architecture, whole = catalog.load_pair(arch_document or arch, given.document or workload, given.overrides)
    wanted = tuple(einsum_of(whole, name) for name in dict.fromkeys(einsums)) or whole.einsums
    return Question(
        arch_ref=_shown(arch, architecture.name),
        workload_ref=_shown(workload, whole.name),
        overrides=overrides,
        architecture=architecture,
        stated=as_stated(arch_document, architecture) if overrides and arch_document is not None else architecture,
        workload=replace(whole, einsums=wanted),
        whole=whole,
        arch_document=arch_document,
        workload_document=given.document,
        started=started,
        missing=given.missing,
    )


def _shown(given: object, name: str) -> str:
    return str(given) if isinstance(given, str | Path) else name


def check_computed(question: Question) -> None:
    """Raise SpecError for Einsums that no compute unit can run."""
    document, names = question.workload_document, [e.name for e in question.whole.einsums]
    if problems := catalog.not_computed(question.architecture, question.workload, document, names):
        raise SpecError(problems)


def check_asked(question: Question, request: Request, marks: Marks) -> None:
    """Raise SpecError, before the search, for what it cannot compute and for constraints that fit nothing here.

    ``marks`` say where the request comes from. Names are those of all Einsums of the workload.
    """
    check_computed(question)
    hardware, work = [question.architecture], [question.whole]
    path = ("constraints",)
    if problems := sentence_problems(request.constraints, marks, path, architectures=hardware, workloads=work):
        raise SpecError(problems)


def as_stated(document: Document, changed: Architecture) -> Architecture:
    """Return what a file says without overrides; the changed one where the file needs them to be right."""
    try:
        return catalog.load_architecture(document)
    except SpecError:
        return changed


def notes_of(question: Question, constraints: Sequence[str] = ()) -> tuple[str, ...]:
    """What has to be said beside the result of a question."""
    roles = role_notes(question.workload, question.architecture, constraints)
    prices = price_notes(question.stated, question.architecture)
    kept = keep_notes([question.whole], question.architecture)
    return (*question.missing, *question.workload.warnings, *question.architecture.warnings, *kept, *roles, *prices)


@dataclass(frozen=True)
class Answer:
    """What mappings cost."""

    document: Document | None
    """The file that they came from; null where values were given."""
    mappings: tuple[Mapping, ...]
    evaluation: Evaluation
    left_out: tuple[str, ...]
    """Einsums that are asked for and that no mapping computes."""


def evaluate_file(question: Question, mapping: catalog.Ref) -> Answer:
    """Evaluate the mappings of a file. Raises SpecError with every problem of every mapping."""
    document = catalog.document(mapping, "mapping")
    pairs = catalog.load_mappings_with_marks(document)
    answer = evaluate_mappings(question, pairs, _shown(mapping, document.marks.file))
    return replace(answer, document=document)


def mappings_asked_for(
    question: Question, mapping: catalog.Ref | Sequence[tuple[Mapping, NestMarks]], file: str = ""
) -> list[tuple[Mapping, NestMarks]]:
    """Mappings, of a file or as given, that compute something that is asked for. Raises SpecError if there is none."""
    if isinstance(mapping, Sequence) and not isinstance(mapping, str):
        pairs = mapping
    else:
        document = catalog.document(mapping, "mapping")
        pairs, file = catalog.load_mappings_with_marks(document), _shown(mapping, document.marks.file)
    wanted = [e.name for e in question.workload.einsums]
    # Names that the workload does not have stay in: the model says where they stand.
    left_out = {e.name for e in question.whole.einsums} - set(wanted)
    chosen = [(mapping, marks) for mapping, marks in pairs if set(einsums_in(mapping.nest)) - left_out]
    if not chosen:
        names = ", ".join(sorted({name for mapping, _ in pairs for name in einsums_in(mapping.nest)})) or "nothing"
        problem = Problem(
            f"maps {names}, none of which is asked for", file=file, hint=f"asked for: {', '.join(wanted)}"
        )
        raise SpecError([problem])
    return chosen


def stated_values(question: Question) -> Stated:
    """What the workload of a question says of the values of its tensors."""
    from costmodel.execute.made import Stated

    if question.workload_document is None:
        return Stated(workload=question.whole)
    own = catalog.share(question.overrides, question.arch_document, question.workload_document)[1]
    return Stated(
        workload=question.whole,
        literals=catalog.load_values(question.workload_document, own),
        nonzeros=catalog.load_nonzeros(question.workload_document, own),
    )


def evaluate_mappings(question: Question, pairs: Sequence[tuple[Mapping, NestMarks]], file: str = "") -> Answer:
    """Evaluate mappings, with the places of their nodes in a file. Raises SpecError as ``evaluate_file``."""
    chosen = mappings_asked_for(question, pairs, file)
    known = {name for mapping, _ in pairs for name in einsums_in(mapping.nest)}
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
        document=None,
        mappings=tuple(mapping for mapping, _ in chosen),
        evaluation=combine(evaluations),
        left_out=tuple(e.name for e in question.workload.einsums if e.name not in known),
    )


def run_of_evaluation(question: Question, answer: Answer, command: str) -> Run:
    """The run of an evaluation."""
    mapping = () if answer.document is None else (input_file("mapping", answer.document),)
    left_out = f"no mapping, so not counted: {', '.join(answer.left_out)}"
    return Run(
        kind="evaluate",
        workloads=(question.workload,),
        architectures=(question.architecture,),
        mappings=answer.mappings,
        evaluation=answer.evaluation,
        inputs=tuple(dict.fromkeys([*question.inputs, *mapping])),
        notes=((left_out,) if answer.left_out else ()) + notes_of(question),
        provenance=provenance_of(command, question.started, overrides=question.overrides),
    )


def run_of_network(question: Question, result: NetworkResult, command: str, why: tuple[Why, ...] = ()) -> Run:
    """The run of a search, with why its answers are what they are where that was asked."""
    notes = [failure.reason for failure in result.failures]
    if result.unfinished:
        notes.append(f"not searched: {', '.join(result.unfinished)}")
    if result.interrupted:
        notes.append("the search was interrupted")
    notes += choice_notes(result)
    notes += fused_lines(result)
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
        why=why,
        inputs=tuple(dict.fromkeys(question.inputs)),
        notes=(*notes, *notes_of(question, result.request.constraints)),
        provenance=provenance_of(
            command, question.started, result.request.seed, result.request.settings(), question.overrides
        ),
    )


def choice_notes(result: NetworkResult) -> list[str]:
    """Say where the front has no point of the number that is asked for."""
    choose, points = result.request.choose or "", len(result.front)
    if not points or not choose.isdecimal() or int(choose) <= points:
        return []
    return [f"point {choose} of the front is asked for, and it has {points}: its last is used"]


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


def input_file(role: Kind, document: Document) -> InputFile:
    """A file as it was when it was read, or content that was given as if it were one."""
    file = document.marks.file
    origin = "shipped" if catalog.is_shipped(document, role) else file or "given"
    return InputFile(role=role, name=Path(file).name or f"{role}.yaml", origin=origin, text=document.text)


def facts_of(question: Question, command: str) -> list[tuple[str, str]]:
    """How a page that keeps no run was made, and of what."""
    made, typed, *others = made_facts(command)
    return [made, typed, ("architecture", question.arch_ref), ("workload", question.workload_ref), *others]


def made_facts(command: str) -> list[tuple[str, str]]:
    """When, by which command and by which versions a page was made."""
    return [
        ("made", datetime.now().astimezone().isoformat(timespec="seconds")),
        ("command", command),
        *((f"{name} version", number) for name, number in versions().items()),
    ]
