"""Rewrite a workload: the same values in other shapes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costmodel.api.inputs import Loaded, Settings, load_workload, texts_of
from costmodel.einsum.algebra import Workload
from costmodel.execute.arrays import Array
from costmodel.report.folder import check_writable, write_text
from costmodel.report.text.transform import transform_text
from costmodel.spec import catalog
from costmodel.spec.rewriting.draft import workload_yaml
from costmodel.spec.rewriting.sentences import back_from
from costmodel.transform.ask import Transformation
from costmodel.transform.ask import transform as answer_of
from costmodel.transform.carry import brought_back, carried


@dataclass(frozen=True, repr=False)
class TransformResult:
    """A workload in other shapes, and how values come there and back."""

    answer: Transformation

    @property
    def workload(self) -> Loaded[Workload]:
        """The new workload, as the other functions take it."""
        return load_workload(self.answer.workload.model_dump(mode="json", exclude_none=True))

    @property
    def yaml(self) -> str:
        """The new workload as a file."""
        return workload_yaml(self.answer.workload, str(self).splitlines())

    @property
    def back(self) -> list[str]:
        """Steps that lead back; empty where there are none."""
        return back_from(self.answer.steps)

    def carry(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """What the new workload is given, where the old one is given ``values``."""
        return carried(self.answer.start, self.answer.steps, values)

    def bring_back(self, tensor: str, values: Array) -> Array:
        """An output of the new workload in the layout of the old one."""
        return brought_back(self.answer.start, self.answer.steps, tensor, values)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the new workload, as ``--out``; return where it is."""
        check_writable(Path(path))
        write_text(Path(path), self.yaml)
        return Path(path)

    def __str__(self) -> str:
        return transform_text(self.answer.steps, self.answer.facts, self.answer.proof)

    def __repr__(self) -> str:
        return str(self)


def transform(
    workload: catalog.Ref | Loaded[Workload],
    *steps: str,
    einsums: str | Iterable[str] = (),
    seed: int = 0,
    set: Settings | None = None,
) -> TransformResult:
    """Rewrite a workload step by step, such as ``"toeplitz input"``, and prove that its values stay the same.

    Raises SpecError where a step cannot be taken, or values differ.
    """
    given = workload.document if isinstance(workload, Loaded) else workload
    document = catalog.document(given, "workload", texts_of(set))
    catalog.load_workload(document)  # says what is wrong with it, and where
    named = (einsums,) if isinstance(einsums, str) else tuple(einsums)
    return TransformResult(answer_of(catalog.load_workload_spec(document), steps, named, seed))
