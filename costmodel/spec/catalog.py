"""From a name or a path to checked values: the one door through which commands read what users wrote.

A reference is a path, or the name of a file that is shipped with the package; what a file would say can be given in its
place, as a map. Everything here raises SpecError, with all that is wrong and where.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Literal

from costmodel.spec import overrides as over
from costmodel.spec.load import Document, describe, document_of, read
from costmodel.spec.overrides import Kind, Overrides
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

    from costmodel.einsum.algebra import Workload
    from costmodel.spec.architecture import ArchitectureSpec
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping as Schedule
    from costmodel.spec.mapping_file import NestMarks
    from costmodel.spec.nonzeros import Nonzeros
    from costmodel.spec.problems import Marks, Path
    from costmodel.spec.sources import NumberSource
    from costmodel.spec.study import Study
    from costmodel.spec.values import Values
    from costmodel.spec.workload_spec import WorkloadSpec

Ref = str | FilePath | Document | Mapping[str, object]
"""A path, the name of a shipped file, a document that was read already, or the content of one."""

KINDS: tuple[Kind, ...] = ("arch", "workload", "mapping", "study")
_FOLDERS: dict[Kind, str] = {"arch": "arch", "workload": "workloads", "mapping": "studies/mappings", "study": "studies"}
_NOUNS: dict[Kind, str] = {"arch": "architecture", "workload": "workload", "mapping": "mapping", "study": "study"}
_SUFFIXES = (".yaml", ".yml")
_TELLING_KEYS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("arch", ("levels",)),
    ("mapping", ("nest", "mappings")),
    ("study", ("axes", "objective", "method", "sampler", "trials", "budget", "seed", "points")),
    ("workload", ("einsums",)),
)


# ---------------------------------------------------------------------------------------------------------------
# Finding


def shipped() -> dict[Kind, list[str]]:
    """Names of the files that come with the package, by kind."""
    return {kind: sorted(_shipped_files(kind)) for kind in KINDS}


@cache
def _shipped_files(kind: Kind) -> dict[str, FilePath]:
    folder = shipped_root() / _FOLDERS[kind]
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder.is_dir() else {}


def shipped_root() -> FilePath:
    """Folder of the shipped YAML: part of the package in a wheel, the repository's top in a checkout."""
    package = FilePath(__file__).parent.parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent


def is_shipped(found: Document, kind: Kind) -> bool:
    """Whether a document was read from a file that comes with the package."""
    return found.marks.file in {str(path) for path in _shipped_files(kind).values()}


def find(ref: str | FilePath, kind: Kind | None = None, *, near: str | FilePath | None = None) -> FilePath:
    """Return the file that a reference means.

    A bare name is a shipped file (of this kind, or of any) before it is a file of the current folder; anything with a
    folder or a suffix is a path. ``near`` is the file that holds the reference: paths are tried beside it first.
    """
    text = str(ref)
    is_path = isinstance(ref, FilePath) or "/" in text or "\\" in text or text.endswith(_SUFFIXES)
    kinds = KINDS if kind is None else (kind,)
    if not is_path:
        for each in kinds:
            if text in (files := _shipped_files(each)):
                return files[text]
    bases = [FilePath(near).parent, FilePath()] if near is not None else [FilePath()]
    for base in bases:
        if text and (path := base / text).exists() and (is_path or path.is_file()):
            return path
    if is_path:
        return FilePath(text)  # reading it says that it is missing, and what is near
    names = [name for each in kinds for name in _shipped_files(each)]
    other = next((_NOUNS[each] for each in KINDS if text in _shipped_files(each)), "")
    hint = f"the {other} {text} is of another kind" if other else did_you_mean(text, names)
    what = "shipped file or path" if kind is None else f"{_NOUNS[kind]} or path"
    raise SpecError([Problem(f"no {what} is called {text!r}", hint=hint)])


def document(
    ref: Ref, kind: Kind | None = None, overrides: Overrides = (), *, near: str | FilePath | None = None
) -> Document:
    """Read the document that a reference means and put the overrides in."""
    if isinstance(ref, Mapping):
        found = document_of(ref)
    else:
        found = ref if isinstance(ref, Document) else read(find(ref, kind, near=near))
    todo = over.overrides_of(overrides)
    if not todo:
        return found
    kind = kind or kind_of(found)
    return over.apply(found, [(o.path, o.value) for o in todo], kind, _keys(kind))


def kind_of(document: Document) -> Kind:
    """Tell what a document is by its keys; SpecError if they do not say."""
    data = document.data
    need = "`levels:` (architecture), `einsums:` (workload), `nest:` (mapping) or `objective:` (study)"
    if not isinstance(data, dict):
        message = f"a spec is a map of keys, got {describe(data)}"
        raise SpecError([document.marks.problem(message, hint=f"one of {need}")])
    for kind, keys in _TELLING_KEYS:
        if kind == "workload" and "arch" in data and "workload" in data:
            return "study"  # `einsums:` of a study picks some of its workload
        if any(key in data for key in keys):
            return kind
    if "arch" in data and "workload" in data:
        return "study"
    near = {key: kind for kind, keys in _TELLING_KEYS for key in keys}
    for key in data:
        hint = did_you_mean(str(key), list(near))
        if hint.startswith("did you mean"):
            return near[hint.split("'")[1]]
    raise SpecError([document.marks.problem("cannot tell what this file is", hint=f"it needs one of {need}")])


def is_kind(path: FilePath, kind: Kind) -> bool:
    """Whether a file can be read and is of a kind."""
    try:
        return kind_of(read(path)) == kind
    except SpecError:
        return False


# ---------------------------------------------------------------------------------------------------------------
# Loading


def load_architecture(ref: Ref, overrides: Overrides = (), *, near: str | FilePath | None = None) -> Architecture:
    """Read, check and resolve an architecture."""
    return _architecture(document(ref, "arch", overrides, near=near))


def load_sources(ref: Ref, overrides: Overrides = ()) -> tuple[NumberSource, ...]:
    """Read and check an architecture; every number of it with its source."""
    from costmodel.spec.sources import number_sources

    found = document(ref, "arch", overrides)
    spec = _architecture_spec(found)
    spec.resolve(found.marks)
    return number_sources(spec, found)


def load_workload(ref: Ref, overrides: Overrides = (), *, near: str | FilePath | None = None) -> Workload:
    """Read, check and resolve a workload."""
    return _workload(document(ref, "workload", overrides, near=near))


def load_values(ref: Ref, overrides: Overrides = ()) -> Mapping[str, Values]:
    """Read the values of tensors that a workload gives; whether they fit is checked where it is loaded."""
    return load_workload_spec(ref, overrides).values


def load_nonzeros(ref: Ref, overrides: Overrides = ()) -> Nonzeros:
    """Read what a workload says about zeros; whether it fits is checked where it is loaded."""
    from costmodel.spec.nonzeros import nonzeros_of

    return nonzeros_of(load_workload_spec(ref, overrides))


def latex_of(ref: Ref, overrides: Overrides = ()) -> list[str]:
    """Entries of a workload in LaTeX; a formula of ``ranks:`` stands above where its rank comes first."""
    from costmodel.spec.slides import slides

    load_workload(ref, overrides)
    return slides(load_workload_spec(ref, overrides))


def load_workload_spec(ref: Ref, overrides: Overrides = ()) -> WorkloadSpec:
    """Read a workload as it is written (with the convolutions that it asks for as matrix products), unresolved."""
    from costmodel.spec.validation import validate
    from costmodel.spec.workload_spec import WorkloadSpec

    found = document(ref, "workload", overrides)
    return _rearranged(validate(WorkloadSpec, found.data, found.marks), found.marks)


def load_mappings(ref: Ref) -> tuple[Schedule, ...]:
    """Read the mappings of a file; whether they fit is not checked here."""
    return tuple(mapping for mapping, _ in load_mappings_with_marks(ref))


def load_mappings_with_marks(ref: Ref) -> tuple[tuple[Schedule, NestMarks], ...]:
    """Read the mappings of a file with the places of their nodes."""
    from costmodel.spec.mapping_file import parse_mappings

    return parse_mappings(document(ref, "mapping"))


def load_study(ref: Ref, overrides: Overrides = (), *, near: str | FilePath | None = None) -> Study:
    """Read and check a study: its architectures and workloads exist, and every axis and override leads to a value.

    References stay as the study writes them, so that it is the same from every folder; what they mean, ``documents``
    holds.
    """
    return _study(document(ref, "study", overrides, near=near))


def load_pair(
    arch: Ref | Architecture, workload: Ref | Workload, overrides: Overrides = ()
) -> tuple[Architecture, Workload]:
    """Load an architecture and a workload; each override goes to the one that has its first part.

    Where the workload says no ``bits:``, its words are as wide as those of the architecture; with ``lower:``, what the
    architecture takes as matrix products alone is made one. A value that is there already stays as it is.
    """
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.hardware import Architecture

    architecture = arch if isinstance(arch, Architecture) else None
    loaded_workload = workload if isinstance(workload, Workload) else None
    documents = (
        None if isinstance(arch, Architecture) else document(arch, "arch"),
        None if isinstance(workload, Workload) else document(workload, "workload"),
    )
    shares = share(overrides, *documents)
    problems: list[Problem] = []
    if documents[0] is not None:
        try:
            architecture = load_architecture(documents[0], shares[0])
        except SpecError as error:
            problems.extend(error.problems)
    if documents[1] is not None:
        try:
            loaded_workload = _workload(document(documents[1], "workload", shares[1]), architecture)
        except SpecError as error:
            problems.extend(error.problems)
    if architecture is None or loaded_workload is None:
        raise SpecError(problems)
    return architecture, loaded_workload


def not_computed(
    architecture: Architecture, workload: Workload, found: Document | None, names: Sequence[str]
) -> list[Problem]:
    """Find the Einsums of a workload that no compute unit can run, with their places in its file, if it has one.

    ``names`` are all Einsums of the file, in its order and as overrides call them.
    """
    from costmodel.spec import computing

    problems = {e.name: problem for e in workload.einsums if (problem := computing.not_computed(e, architecture))}
    if found is None:
        return list(problems.values())
    return [found.marks.problem(p.message, _entry(found, n, names), hint=p.hint) for n, p in problems.items()]


def _entry(found: Document, name: str, names: Sequence[str]) -> Path:
    """Where an Einsum stands in its file; one that `toeplitz:` or `lower:` makes stands nowhere else."""
    entries = found.data["einsums"]
    if len(entries) == len(names):
        return ("einsums", names.index(name))
    stated = [entry.get("name") if isinstance(entry, Mapping) else None for entry in entries]
    return ("einsums", stated.index(name)) if name in stated else ("toeplitz" if "toeplitz" in found.data else "lower",)


def share(
    overrides: Overrides, arch: Document | None, workload: Document | None
) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    """Split overrides into those of the architecture and those of the workload; null is a value that has no text."""
    shares: tuple[list[tuple[str, object]], list[tuple[str, object]]] = ([], [])
    sides: tuple[tuple[Kind, Document | None], ...] = (("arch", arch), ("workload", workload))
    problems: list[Problem] = []
    for override in over.overrides_of(overrides):
        owners = [
            place
            for place, (kind, doc) in enumerate(sides)
            if doc is not None and over.belongs(override.path, doc.data, kind, _keys(kind))
        ]
        if owners:
            shares[owners[0]].append((override.path, override.value))
        elif arch is None or workload is None:
            message = "nothing can be set in a value that was resolved already"
            problems.append(Problem(message, str(override), hint="give the name, the file or the content instead"))
        else:
            known = [name for kind, doc in sides if doc is not None for name in over.names_in(doc.data, kind)]
            problems.append(over.unknown(override, [*known, *_keys("arch"), *_keys("workload")]))
    if problems:
        raise SpecError(problems)
    return shares


def load(ref: Ref) -> tuple[Kind, Architecture | Workload | tuple[Schedule, ...] | Study]:
    """Read and check a file of any kind.

    The kind is told by the keys of the file.
    """
    found = document(ref)
    kind = kind_of(found)
    if kind == "arch":
        return kind, _architecture(found)
    if kind == "workload":
        return kind, _workload(found)
    return kind, load_mappings(found) if kind == "mapping" else _study(found)


def _architecture(found: Document) -> Architecture:
    return _architecture_spec(found).resolve(found.marks)


def _architecture_spec(found: Document) -> ArchitectureSpec:
    from costmodel.spec.architecture import ArchitectureSpec, check_levels
    from costmodel.spec.validation import validate

    also = check_levels(found.data.get("levels"), found.marks) if isinstance(found.data, dict) else ()
    return validate(ArchitectureSpec, found.data, found.marks, also=also)


def _workload(found: Document, hardware: Architecture | None = None) -> Workload:
    from costmodel.spec import computing
    from costmodel.spec.validation import validate
    from costmodel.spec.workload import resolve
    from costmodel.spec.workload_spec import WorkloadSpec

    spec = validate(WorkloadSpec, found.data, found.marks)
    if hardware is not None and hardware.word_bits is not None and "default" not in spec.bits:
        spec = spec.model_copy(update={"bits": {**spec.bits, "default": hardware.word_bits}})
    workload = resolve(spec, found.marks)
    if spec.toeplitz is not None:
        workload = resolve(_rearranged(spec, found.marks))
    if spec.lower and hardware is not None and (refused := computing.refused(workload, hardware)):
        workload = resolve(_rearranged(spec, found.marks, refused))
    return workload


def _rearranged(spec: WorkloadSpec, marks: Marks, refused: Sequence[str] = ()) -> WorkloadSpec:
    """The workload with its convolutions as matrix products, where it asks for that, or hardware for some."""
    from costmodel.spec.rewriting.asked import rearranged

    return rearranged(spec, marks, refused) if spec.toeplitz is not None or refused else spec


def _study(found: Document) -> Study:
    from costmodel.spec.study import Study
    from costmodel.spec.study_files import (
        clash_problems,
        einsum_problems,
        file_problems,
        formula_problems,
        mean_problems,
        path_problems,
        underived_problems,
    )
    from costmodel.spec.validation import in_order, validate

    problems: list[Problem] = []
    archs = list(_referred(found, "arch", problems))
    workloads = list(_referred(found, "workload", problems))
    study = validate(Study, found.data, found.marks, also=problems)
    study.know({(a, w): _stated(study.asked, arch, work) for a, arch in archs for w, work in workloads})
    in_arch, in_workload = (partial(_leads_into, kind) for kind in ("arch", "workload"))
    broken = file_problems(study, archs, load_architecture, in_arch)
    broken += file_problems(study, workloads, load_workload, in_workload)
    if broken:
        raise SpecError([*in_order(problems), *broken])
    problems.extend(einsum_problems(study, found, workloads, load_workload, in_workload))
    problems.extend(clash_problems(study, found))
    problems.extend(list(formula_problems(study, found)) or underived_problems(study, found))
    problems.extend(mean_problems(study, found))
    problems.extend(path_problems(study, found, archs, load_architecture, in_arch))
    problems.extend(path_problems(study, found, workloads, load_workload, in_workload))
    problems.extend(_study_constraints(study, found, [doc for _, doc in archs], [doc for _, doc in workloads]))
    problems.extend(_lost_paths(study, found, [doc for _, doc in archs], [doc for _, doc in workloads]))
    if not problems:
        problems.extend(_not_computed(study, [doc for _, doc in archs], [doc for _, doc in workloads]))
    if problems:
        raise SpecError(in_order(problems))
    return study.of_documents(found, dict(archs), dict(workloads))


def _referred(found: Document, kind: Kind, problems: list[Problem]) -> Iterator[tuple[str, Document]]:
    """Read the files that a study names: each reference as it is written, and what it holds."""
    value = found.data.get(kind) if isinstance(found.data, dict) else None
    if value == []:
        problems.append(found.marks.problem("must not be empty", (kind,)))
    for place, text in enumerate([value] if isinstance(value, str) else value if isinstance(value, list) else []):
        if not isinstance(text, str):
            continue  # the validation says so
        where = (kind, place) if isinstance(value, list) else (kind,)
        try:
            named = read(find(text, kind, near=found.marks.file or None))
            if (other := kind_of(named)) != kind:
                message = f"is a file of another kind: {_NOUNS[other]}, not {_NOUNS[kind]}"
                problems.append(found.marks.problem(f"{text} {message}", where))
            else:
                yield text, named
        except SpecError as error:
            problems.extend(found.marks.problem(f"{text}: {p.message}", where, hint=p.hint) for p in error.problems)


def _leads_into(kind: Kind, path: str, document: Document) -> bool:
    return over.belongs(path, document.data, kind, _keys(kind))


def _stated(names: Iterable[str], arch: Document, workload: Document) -> dict[str, object]:
    """Return what an architecture or a workload states at paths, as far as it does."""
    sides: tuple[tuple[Kind, Document], ...] = (("workload", workload), ("arch", arch))
    found = {
        name: over.stated(name, doc.data, kind, _keys(kind))
        for name in names
        for kind, doc in sides
        if over.belongs(name, doc.data, kind, _keys(kind))
    }
    return {name: value for name, value in found.items() if value is not None}


def _not_computed(study: Study, archs: list[Document], workloads: list[Document]) -> Iterator[Problem]:
    """Find Einsums that no compute unit can run in the first design of each architecture and workload."""
    from costmodel.spec.study_files import first_values

    first = first_values(study)
    for arch, workload in itertools.product(archs, workloads):
        try:
            architecture, whole = load_pair(arch, workload, first)
        except SpecError:
            continue  # what values break together is told of each design
        asked = tuple(e for e in whole.einsums if study.einsums is None or e.name in study.einsums)
        names = [einsum.name for einsum in whole.einsums]
        yield from not_computed(architecture, replace(whole, einsums=asked), workload, names)


def _lost_paths(study: Study, found: Document, archs: list[Document], workloads: list[Document]) -> Iterator[Problem]:
    """Find paths that start with nothing that any file has."""
    from costmodel.spec.study_files import settings_of

    known = [*_keys("arch"), *_keys("workload")]
    for kind, docs in (("arch", archs), ("workload", workloads)):
        known = [name for doc in docs for name in over.names_in(doc.data, _kind(kind))] + known
    for key, written, places in settings_of(study):
        for path in places[0]:
            if all(path.partition(".")[0] != name and not path.startswith(f"{name}.") for name in known):
                problem = over.unknown(over.Override(path, ""), known)
                yield found.marks.problem(problem.message, (key, written), hint=problem.hint, key=True)


def _study_constraints(
    study: Study, found: Document, archs: list[Document], workloads: list[Document]
) -> list[Problem]:
    """Hold the constraints against the architectures, and where all workloads can be read, against these."""
    from costmodel.spec.rules import sentence_problems

    if not study.constraints:
        return []
    hardware: list[Architecture] = []
    problems: list[Workload] = []
    for doc in archs:
        with suppress(SpecError):  # whoever loads the file says what is wrong with it
            hardware.append(_architecture(doc))
    for doc in workloads:
        with suppress(SpecError):
            problems.append(_workload(doc))
    known = problems if len(problems) == len(workloads) else ()
    return sentence_problems(study.constraints, found.marks, ("constraints",), architectures=hardware, workloads=known)


def _kind(text: str) -> Kind:
    return next(kind for kind in KINDS if kind == text)


def _model(kind: Literal["arch", "workload", "study"]) -> type[BaseModel]:
    if kind == "arch":
        from costmodel.spec.architecture import ArchitectureSpec

        return ArchitectureSpec
    if kind == "workload":
        from costmodel.spec.workload_spec import WorkloadSpec

        return WorkloadSpec
    from costmodel.spec.study import Study

    return Study


def _keys(kind: Kind) -> list[str]:
    """Keys that a file of this kind may have."""
    from costmodel.spec.mapping_file import KEYS
    from costmodel.spec.validation import keys_of

    return list(KEYS) if kind == "mapping" else keys_of(_model(kind))
