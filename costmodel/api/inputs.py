"""What is given to the API: names, paths, contents, and what was loaded before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypedDict, TypeVar, cast

from costmodel.api.text import Text
from costmodel.einsum.algebra import Workload
from costmodel.report.assemble import Answer, Question, evaluate_file, evaluate_mappings, question_of
from costmodel.report.models import given_workload
from costmodel.report.nest_text import nest_text
from costmodel.report.text.architecture import architecture_text
from costmodel.report.text.workload import workload_text
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture
from costmodel.spec.load import Document
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import NestMarks, yaml_text
from costmodel.spec.overrides import Kind

Value = TypeVar("Value")

Settings = Mapping[str, object] | Iterable[str]
"""What replaces single values, as ``--set``: ``{"GLB.size": "64 KiB"}`` or ``["GLB.size=64 KiB"]``."""


class Asked(TypedDict, total=False):
    """Options of a search: the keys of a request (``docs/files.md``), those of a study and of `costmodel map`."""

    objective: str | list[str] | tuple[str, ...]
    """``energy``, ``latency``, ``edp``, a product, or several for a front; ``edp`` when absent."""
    method: str
    """``exact`` when absent."""
    trials: int
    budget: float | str
    """Seconds, or text with a unit: ``"60 s"``."""
    memory: int | str
    """Bytes, or text with a unit: ``"2 GiB"``."""
    bound: bool
    tiles: str
    """``perfect`` when absent; ``any``."""
    fuse: str
    """``off`` when absent; ``auto``."""
    seed: int
    constraints: list[str] | tuple[str, ...]
    choose: str | int
    """The point of a front that totals show: ``energy``, ``latency``, ``edp`` (when absent), ``knee`` or its number."""
    jobs: int | None
    """Worker processes; one per core when absent."""


@dataclass(frozen=True, repr=False)
class Loaded(Generic[Value]):
    """A spec that was read and checked. Given in the place of its name, it means what the name means.

    So a workload that says no ``bits:`` still takes the width of the architecture it meets.
    """

    kind: Kind
    document: Document
    """What was read, with what was set put in."""
    value: Value
    """What it says, resolved: an architecture, a workload, or mappings."""
    settings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Of a model of another program, a line for each operator that is not in the workload."""

    def __str__(self) -> str:
        if isinstance(self.value, Architecture):
            return architecture_text(self.value)
        if isinstance(self.value, Workload):
            return workload_text(self.value)
        return "\n\n".join(nest_text(mapping) for mapping in cast("tuple[Schedule, ...]", self.value))

    def __repr__(self) -> str:
        return f"<{self.kind} {name_of(self)}>"

    def _repr_html_(self) -> str:
        return Text(self)._repr_html_()


Arch = catalog.Ref | Loaded[Architecture] | Architecture
Work = catalog.Ref | Loaded[Workload] | Workload
Mapped = catalog.Ref | Loaded[tuple[Schedule, ...]] | Schedule | Iterable[Schedule]


def load_arch(arch: catalog.Ref, *, set: Settings | None = None) -> Loaded[Architecture]:
    """Read and check an architecture; ``.value`` is what it says. Raises SpecError."""
    settings = texts_of(set)
    document = catalog.document(arch, "arch", settings)
    return Loaded("arch", document, catalog.load_architecture(document), settings)


def load_workload(workload: catalog.Ref, *, set: Settings | None = None) -> Loaded[Workload]:
    """Read and check a workload, or import a model as one; ``.value`` is what it says. Raises SpecError."""
    settings = texts_of(set)
    given = given_workload(workload, settings)
    document = catalog.document(given.document or workload, "workload", given.overrides)
    return Loaded("workload", document, catalog.load_workload(document), settings, given.missing)


def load_mapping(mapping: catalog.Ref) -> Loaded[tuple[Schedule, ...]]:
    """Read the mappings of a file; whether they fit is found out where they are evaluated. Raises SpecError."""
    document = catalog.document(mapping, "mapping")
    return Loaded("mapping", document, catalog.load_mappings(document))


def asked_about(arch: Arch, workload: Work, settings: tuple[str, ...], einsums: str | Iterable[str]) -> Question:
    """Load what is asked. Raises SpecError."""
    named = (einsums,) if isinstance(einsums, str) else tuple(einsums)
    given = (arch.document if isinstance(arch, Loaded) else arch, _document(workload))
    question = question_of(given[0], given[1], settings, named)
    before = [text for one in (arch, workload) if isinstance(one, Loaded) for text in one.settings]
    missing = workload.missing if isinstance(workload, Loaded) else question.missing
    return replace(question, overrides=(*before, *question.overrides), missing=missing)


def _document(workload: Work) -> catalog.Ref | Workload:
    return workload.document if isinstance(workload, Loaded) else workload


def evaluated(question: Question, mapping: Mapped) -> Answer:
    """Evaluate mappings, however they are given. Raises SpecError."""
    if isinstance(mapping, Loaded):
        return evaluate_file(question, mapping.document)
    if isinstance(mapping, Schedule):
        return evaluate_mappings(question, [(mapping, NestMarks())])
    if isinstance(mapping, str | Path | Document | Mapping):
        return evaluate_file(question, mapping)
    return evaluate_mappings(question, [(one, NestMarks()) for one in mapping])


def texts_of(settings: Settings | None) -> tuple[str, ...]:
    """``path=value`` texts, as the command line has them."""
    if not isinstance(settings, Mapping):
        return (settings,) if isinstance(settings, str) else tuple(settings or ())
    return tuple(f"{path}={_written(value)}" for path, value in settings.items())


def _written(value: object) -> str:
    return yaml_text(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def name_of(given: object) -> str:
    """How something that was given is called in a few words."""
    if isinstance(given, Loaded):
        return given.document.marks.file or name_of(given.document.data)
    if isinstance(given, Mapping):
        return str(given.get("name", "given"))
    return given.name if isinstance(given, Architecture | Workload) else str(given)


def call_text(name: str, *given: object, **options: object) -> str:
    """The call, to be noted in what it makes."""
    said = [repr(name_of(one)) for one in given] + [f"{key}={value!r}" for key, value in options.items() if value]
    return f"costmodel.{name}({', '.join(said)})"
