"""The tensors of a small workload as fibertrees, with the non-zeros and values that its file gives."""

from __future__ import annotations

from collections.abc import Callable

from costmodel.describe.fiber_picture import fibertrees_svg
from costmodel.describe.words import tree_of
from costmodel.einsum.algebra import Workload
from costmodel.report.run import Run
from costmodel.spec import catalog, load
from costmodel.spec.load import Document
from costmodel.spec.nonzeros import nonzeros_of
from costmodel.spec.problems import SpecError
from costmodel.spec.workload_spec import WorkloadSpec

MOST_WORDS = 64
"""Of a tensor that is drawn."""
MOST_TENSORS = 8
"""Tensors that are drawn, where all of them are as small."""


def fibers_svg(run: Run) -> str:
    """Draw the tensors whose words a reader can follow; empty where there are none."""
    found = _spec(run)
    if found is None:
        return ""
    spec, resolved = found
    nonzeros, values = nonzeros_of(spec), spec.values
    sizes = {name: tensor.size_words for einsum in run.workload.einsums for name, tensor in einsum.tensors.items()}
    small = [name for name, size in sizes.items() if len(nonzeros.coordinates.get(name, range(size))) <= MOST_WORDS]
    if len(small) > MOST_TENSORS:
        small = [name for name in small if name in nonzeros.coordinates]
    if not small or not _same(run.workload, resolved):
        return ""
    trees = [tree_of(name, run.workload, nonzeros, values) for name in small[:MOST_TENSORS]]
    return fibertrees_svg(trees)


def _spec(run: Run) -> tuple[WorkloadSpec, Callable[[], Workload]] | None:
    """The workload as its file and ``--set`` say it; null where the run holds no such file."""
    documents: dict[str, Document] = {}
    changed = str(run.provenance.settings.get("set", ""))
    try:
        for given in run.inputs:
            documents.setdefault(given.role, load.parse(given.text))
        own = catalog.share(changed.split("; ") if changed else (), documents.get("arch"), documents["workload"])[1]
        spec = catalog.load_workload_spec(documents["workload"], own)
        return spec, lambda: catalog.load_workload(documents["workload"], own)
    except (KeyError, SpecError):  # given as a value
        return None


def _same(workload: Workload, resolved: Callable[[], Workload]) -> bool:
    """Whether a file still gives a workload of the same shapes; it may have been changed by hand."""
    try:
        return _shapes(resolved()) == _shapes(workload)
    except SpecError:
        return False


def _shapes(workload: Workload) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for einsum in workload.einsums for name, tensor in einsum.tensors.items()}
