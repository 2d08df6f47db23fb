"""Run a workload: its values, as arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from costmodel.api.inputs import Loaded, Settings, Work, texts_of
from costmodel.einsum.algebra import Workload
from costmodel.execute.arrays import Array
from costmodel.execute.ask import RunAnswer, RunQuestion
from costmodel.execute.ask import run as answer_of
from costmodel.execute.execution import Engine
from costmodel.execute.given import Random
from costmodel.execute.saving import save
from costmodel.execute.traversal import Visit
from costmodel.report.text.values import run_text, trace_text
from costmodel.spec import catalog
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.nonzeros import Nonzeros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    import pandas as pd


@dataclass(frozen=True, repr=False)
class ValuesResult:
    """What a workload computed: ``result["O"]`` is an array of NumPy."""

    answer: RunAnswer
    steps: tuple[Visit, ...] = ()
    """Every point, where it was asked for."""

    def __getitem__(self, tensor: str) -> Array:
        return self.answer.execution.tensors[tensor]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answer.execution.tensors)

    @property
    def tensors(self) -> Mapping[str, Array]:
        """Every tensor, given ones included."""
        return self.answer.execution.tensors

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where values leave the numbers."""
        return self.answer.execution.warnings

    @property
    def operations(self) -> pd.DataFrame:
        """Operations of each Einsum by kind: how many, and how many where no tensor that is multiplied is 0."""
        import pandas as pd

        return pd.DataFrame([asdict(operation) for operation in self.answer.execution.operations])

    @property
    def trace(self) -> str:
        """Every step as a table; empty without ``trace=True``."""
        return trace_text(self.steps, {e.name: e.text for e in self.answer.execution.workload.einsums})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write every tensor to an ``.npz``, as ``--out``; return where it is."""
        return save(Path(path), self.tensors)

    def __str__(self) -> str:
        return run_text(self.answer)

    def __repr__(self) -> str:
        return str(self)


class Running(TypedDict, total=False):
    """How a workload is run: the options of `costmodel run`."""

    random: Random
    """``integers`` or ``floats``; when absent integers, where every Einsum makes integers of integers."""
    seed: int
    engine: Engine
    """``numpy`` or ``plain``; when absent NumPy, but for a trace and where zeros are left out."""
    trace: bool
    """Whether every point is told; point by point."""
    skip_zeros: bool
    """Whether points where a product has a 0 are left out; point by point."""
    mapping: catalog.Ref | Loaded[tuple[Schedule, ...]] | Schedule
    """Nests in whose order points are visited; the values must be the same."""


def run(
    workload: Work,
    *,
    values: Mapping[str, Any] | None = None,
    files: Iterable[str] = (),
    einsums: str | Iterable[str] = (),
    set: Settings | None = None,
    **how: Unpack[Running],
) -> ValuesResult:
    """Run a workload, by the operational definition of its Einsums.

    ``values`` has arrays, or lists, for tensors that no Einsum writes; ``files`` names ``NAME=FILE.npy`` and
    ``FILE.npz``; then ``values:`` of the workload count; the rest is random, from ``seed``. Raises SpecError; where
    values leave the numbers, it warns.
    """
    trace, skip_zeros = how.get("trace", False), how.get("skip_zeros", False)
    engine = how.get("engine", "plain" if trace or skip_zeros else "numpy")
    if engine == "numpy" and (trace or skip_zeros):
        raise ValueError("trace and skip_zeros go point by point: leave engine='numpy' out")
    settings = texts_of(set)
    given = workload.document if isinstance(workload, Loaded) else workload
    document = None if isinstance(given, Workload) else catalog.document(given, "workload", settings)
    question = RunQuestion(
        workload=given if isinstance(given, Workload) else catalog.load_workload(document or given),
        literals={} if document is None else catalog.load_values(document),
        arrays=values or {},
        files=tuple(files),
        nonzeros=Nonzeros() if document is None else catalog.load_nonzeros(document),
        random=how.get("random"),
        seed=how.get("seed", 0),
        engine=engine,
        skip_zeros=skip_zeros,
        einsums=(einsums,) if isinstance(einsums, str) else tuple(einsums),
        mappings=_nests(how["mapping"]) if "mapping" in how else (),
    )
    steps: list[Visit] = []
    answer = answer_of(question, steps.append if trace else None)
    for warning in answer.execution.warnings:
        warnings.warn(warning, stacklevel=2)
    return ValuesResult(answer, tuple(steps))


def _nests(mapping: catalog.Ref | Loaded[tuple[Schedule, ...]] | Schedule) -> tuple[tuple[Schedule, NestMarks], ...]:
    if isinstance(mapping, Schedule):
        return ((mapping, NestMarks()),)
    return catalog.load_mappings_with_marks(mapping.document if isinstance(mapping, Loaded) else mapping)
