"""What came of a model of another program, as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from costmodel.report import human
from costmodel.spec import catalog

if TYPE_CHECKING:
    from costmodel.importing.importer import ImportedModel


def operations_of(found: ImportedModel) -> Counter[str]:
    """Operations of the workload by kind."""
    workload = catalog.load_workload(found.workload.model_dump(mode="json", exclude_none=True))
    counts: Counter[str] = Counter()
    for einsum in workload.einsums:
        counts.update(einsum.operation_counts)
    return counts


def imported_lines(found: ImportedModel) -> list[str]:
    """How much was imported: nodes, Einsums, operations."""
    operations = operations_of(found)
    nodes, einsums = len(found.graph.operators), len(found.workload.einsums)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in operations.most_common())
    return [
        f"{found.graph.file}: {nodes:,} nodes that depend on an input, {einsums:,} Einsums",
        f"operations: {kinds}",
    ]


def unknown_lines(found: ImportedModel) -> list[str]:
    """A line for each operator that was not imported, with its share of the operations at least."""
    if not found.unknown:
        return []
    total = operations_of(found).total() + sum(one.operations for one in found.unknown)
    return [
        f"{found.graph.file}: node {one.name!r} ({one.kind}, number {one.place}) is not imported: {one.reason}. "
        f"{', '.join(one.tensors) or 'Nothing'} is given in its place: {one.words:,} words, so at least "
        f"{human.percent(one.operations / total)} of the operations are missing"
        for one in found.unknown
    ]
