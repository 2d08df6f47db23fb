"""Goes over the graph of a model and gathers the workload."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.importing.graph import Graph, Operator, read_model
from costmodel.importing.operators import OPERATORS
from costmodel.importing.reading import Importer, NotImportedError
from costmodel.importing.views import NoDigitsError, View
from costmodel.importing.writing import plain_name
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.workload_spec import WorkloadSpec

if TYPE_CHECKING:
    from costmodel.importing.graph import Values

WRITTEN_WORDS = 64
"""Constants of no more words stand in the file, under ``values:``."""


RECURRENT = frozenset(("LSTM", "GRU", "RNN"))
LOOKED_UP_WORDS = 4096
"""Indices of a table that do: which rows are read is part of what it costs."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An operator that is not in the workload: what it makes is given there."""

    kind: str
    name: str
    place: int
    """Number of its node in the graph, from 1."""
    reason: str
    words: int
    """Words that it makes."""
    operations: int
    """At least as many are missing: the words, or the products of a recurrent layer."""
    tensors: tuple[str, ...]
    """What is given in their place."""


@dataclass(frozen=True)
class ImportedModel:
    """A workload, and where the values of the model are in it."""

    graph: Graph
    workload: WorkloadSpec
    views: Mapping[str, View]
    """How each value of the model that is not a number is read from a tensor."""
    constants: Mapping[str, Values]
    """Tensor → what the model gives to it."""
    unknown: tuple[Unknown, ...]

    def value(self, name: str, tensors: Mapping[str, Values]) -> Values:
        """A value of the model, from the tensors of the workload."""
        view = self.views[name]
        return view.array(tensors[view.tensor])


def import_model(path: Path, settings: Iterable[str] = ()) -> ImportedModel:
    """Read an ONNX model as a workload. Raises SpecError."""
    graph = read_model(path, settings)
    importer = Importer(graph)
    unknown = []
    for operator in graph.operators:
        if operator.kind not in OPERATORS and graph.weights.issuperset(filter(None, operator.outputs)):
            continue  # made once, before anything runs: it is read as what is given
        before = len(importer.writer.einsums)
        try:
            views = OPERATORS.get(operator.kind, _not_known)(importer, operator)
        except (NotImportedError, NoDigitsError) as error:
            del importer.writer.einsums[before:]
            reason = str(error) or "its axes are split in ways that have no digits in common"
            unknown.append(_unknown(importer, operator, reason))
        else:
            importer.views |= {name: view for name, view in zip(operator.outputs, views, strict=False) if name}
    if not importer.writer.einsums:
        raise SpecError([Problem(_without_einsums(graph, unknown), file=graph.file)])
    return _gathered(importer, tuple(unknown))


def _without_einsums(graph: Graph, unknown: Sequence[Unknown]) -> str:
    """Say why there is no Einsum."""
    if not unknown:
        return "nothing in it is an Einsum: it only moves words"
    names: dict[tuple[str, str], list[str]] = {}
    for one in unknown:
        names.setdefault((one.kind, one.reason), []).append(repr(one.name))
    told = "; ".join(f"{kind} ({', '.join(found)}): {reason}" for (kind, reason), found in names.items())
    others = "" if len(unknown) == len(graph.operators) else " that compute something"
    return f"none of its operators{others} is supported: {told}"


def _not_known(_importer: Importer, _operator: Operator) -> list[View]:
    raise NotImportedError("no such operator is known here")


def _unknown(importer: Importer, operator: Operator, reason: str) -> Unknown:
    """Give what an operator makes."""
    graph, read = importer.graph, [name for name in operator.outputs if name]
    lost = [name for name in read if graph.uses[name] and name not in graph.shapes]
    if lost:
        message = f"{operator} is not imported: {reason}; and the shape of {lost[0]!r}, which it makes, is not known"
        raise SpecError([Problem(message, file=graph.file, hint="cut the model there, or simplify it before")])
    read = [name for name in read if graph.uses[name]]
    tensors = tuple(importer.view(name).tensor for name in read)
    words = sum(math.prod(graph.shapes[name]) for name in read)
    operations = max(words, _products(graph, operator))
    return Unknown(operator.kind, operator.name, operator.place, reason, words, operations, tensors)


def _products(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of a recurrent layer: at each step of a sequence, each word of its matrices once."""
    shapes = [graph.shapes.get(operator.input(place), ()) for place in range(3)]
    if operator.kind not in RECURRENT or not all(shapes):
        return 0
    steps, *matrices = shapes
    return math.prod(steps[:2]) * sum(map(math.prod, matrices))


def _written(array: Values, *, looked_up: bool) -> bool:
    """Whether the words of a constant stand in the file, which has no infinite ones."""
    return array.size <= (LOOKED_UP_WORDS if looked_up else WRITTEN_WORDS) and all(map(math.isfinite, array.flat))


def _gathered(importer: Importer, unknown: tuple[Unknown, ...]) -> ImportedModel:
    graph, writer = importer.graph, importer.writer
    texts = " ".join(einsum.einsum for einsum in writer.einsums)
    used = [name for name in importer.given if f"{name}[" in texts]
    constants = {tensor: array for tensor, array in importer.constants.items() if tensor in used}
    indices = {tensor for tensor in constants if f"={tensor}[" in texts}
    stated = {t: array for t, array in constants.items() if _written(array, looked_up=t in indices)}
    workload = WorkloadSpec(
        name=plain_name(graph.name),
        source=f"imported from {Path(graph.file).name}",
        ranks=writer.ranks,
        tensors={tensor: ranks for tensor, ranks in writer.declared.items() if f"{tensor}[" in texts} or None,
        weights=tuple(name for name in used if name not in indices),
        values={tensor: array.tolist() for tensor, array in stated.items()},
        distinct={t: len(set(constants[t].reshape(-1).tolist())) for t in used if t in indices - stated.keys()},
        einsums=tuple(writer.einsums),
    )
    given = {tensor: array for tensor, array in constants.items() if tensor not in indices}
    return ImportedModel(graph, workload, importer.views, given, unknown)
