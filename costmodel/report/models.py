"""Models of other programs in the place of a workload: imported where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from costmodel.spec import catalog
from costmodel.spec.load import Document, parse

SUFFIX = ".onnx"


@dataclass(frozen=True)
class GivenWorkload:
    """What was given as a workload."""

    document: Document | None
    """Null where a value was given."""
    overrides: tuple[str, ...]
    """Those that are left for the specs: of a model, others than the extents of its open dimensions."""
    missing: tuple[str, ...] = ()
    """A line for each operator of a model that is not in the document."""


def is_model(ref: object) -> bool:
    """Whether a reference is a model of another program."""
    return isinstance(ref, str | Path) and Path(ref).suffix.lower() == SUFFIX


def given_workload(ref: catalog.Ref, overrides: Sequence[str]) -> GivenWorkload:
    """Read a workload, or import a model as one (``MODEL.onnx``). Raises SpecError."""
    if not isinstance(ref, str | Path) or not is_model(ref):
        return GivenWorkload(catalog.document(ref, "workload"), tuple(overrides))
    from costmodel.importing.graph import open_dimensions
    from costmodel.importing.importer import import_model
    from costmodel.report.text.imported import imported_lines, unknown_lines
    from costmodel.spec.rewriting.draft import workload_yaml

    dimensions = open_dimensions(Path(ref))
    extents = [text for text in overrides if text.partition("=")[0].strip() in dimensions]
    found = import_model(Path(ref), extents)
    missing = tuple(unknown_lines(found))
    text = workload_yaml(found.workload, [*imported_lines(found), *missing])
    return GivenWorkload(parse(text, f"{ref}.yaml"), tuple(text for text in overrides if text not in extents), missing)
