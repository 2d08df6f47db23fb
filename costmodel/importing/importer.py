"""Goes over the graph of a model and gathers the workload."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.importing.graph import Graph, Operator, read_model
from costmodel.importing.views import View
from costmodel.importing.writing import Writer, copied, together
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.workload_spec import WorkloadSpec

if TYPE_CHECKING:
    from costmodel.importing.graph import Values

LETTERS = {1: "D", 2: "MD", 3: "BMD", 4: "BCHW", 5: "BCTHW"}
"""Ranks of a tensor of which nothing else is known, by how many it has."""
WRITTEN_WORDS = 64
"""Constants of no more words stand in the file, under ``values:``."""


LOOKED_UP_WORDS = 4096
"""Indices of a table that do: which rows are read is part of what it costs."""


class NotImportedError(Exception):
    """An operator, or a form of it, that is no Einsum here; the text says why."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An operator that is not in the workload: what it makes is given there."""

    kind: str
    name: str
    place: int
    """Number of its node in the graph, from 1."""
    reason: str
    words: int
    """Words that it makes: at least as many operations are missing."""
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


@dataclass
class Importer:
    """What is known while the graph is read."""

    graph: Graph
    writer: Writer = field(default_factory=Writer)
    views: dict[str, View] = field(default_factory=dict)
    constants: dict[str, Values] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    """Tensors that do not change with the input."""

    def view(self, name: str, letters: str = "") -> View:
        """How a value is read. A given one gets its tensor here, with ranks of these letters."""
        if name not in self.views:
            shape = self.shape(name)
            usual = LETTERS.get(len(shape), "D" * len(shape))
            view = self.writer.given(name, shape, letters or usual, squeezed=name in self.graph.weights)
            self.views[name] = view
            if name in self.graph.weights:
                self.given.append(view.tensor)
            if name in self.graph.constants:
                self.constants[view.tensor] = self.graph.constants[name].reshape(view.extents)
        return self.views[name]

    def made(self, name: str, array: Values, letters: str) -> View:
        """A tensor that is computed here, from constants."""
        self.graph.constants[name] = array
        self.graph.shapes[name] = array.shape
        self.graph.weights.add(name)
        return self.view(name, letters)

    def shape(self, name: str) -> tuple[int, ...]:
        if name in self.views:
            return self.views[name].shape
        if name not in self.graph.shapes:
            raise NotImportedError(f"the shape of {name!r} is not known")
        return tuple(self.graph.shapes[name])

    def constant(self, name: str) -> Values | None:
        return self.graph.constants.get(name)

    def whole_numbers(self, operator: Operator, place: int, attribute: str) -> list[int] | None:
        """Whole numbers that stand in an attribute or, in newer models, in a constant input; null where in neither."""
        if attribute in operator.attributes:
            found = operator.attributes[attribute]
            return [int(found)] if isinstance(found, int) else [int(n) for n in found]
        name = operator.input(place)
        if not name:
            return None
        array = self.constant(name)
        if array is None:
            raise NotImportedError(f"its {attribute} ({name!r}) are computed while the model runs")
        return [int(n) for n in array.reshape(-1)]

    def number(self, name: str) -> str | None:
        """A constant of one word, as it is written in an Einsum."""
        array = self.constant(name)
        if array is None or array.size != 1 or not math.isfinite(value := float(array.reshape(-1)[0])):
            return None
        return literal(value)

    def flat(self, name: str, view: View, axes: Iterable[int]) -> View:
        """The view itself, where these axes are whole ranks, or a copy."""
        return (
            view if all(view.whole(axis) or not view.axes[axis] for axis in axes) else copied(self.writer, name, view)
        )

    def together(self, name: str, views: Sequence[View], formula: Callable[..., str]) -> View:
        """An Einsum of views, word by word."""
        return together(self.writer, name, views, formula)


def literal(value: float) -> str:
    """A number as it is written in an Einsum.

    >>> literal(-0.5), literal(8.0)
    ('(-0.5)', '8')
    """
    text = str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return f"({text})" if value < 0 else text


def import_model(path: Path, settings: Iterable[str] = ()) -> ImportedModel:
    """Read an ONNX model as a workload. Raises SpecError."""
    from costmodel.importing.operators import OPERATORS

    graph = read_model(path, settings)
    importer = Importer(graph)
    unknown = []
    for operator in graph.operators:
        before = len(importer.writer.einsums)
        try:
            views = OPERATORS.get(operator.kind, _not_known)(importer, operator)
        except NotImportedError as error:
            del importer.writer.einsums[before:]
            unknown.append(_unknown(importer, operator, str(error)))
        else:
            importer.views |= {name: view for name, view in zip(operator.outputs, views, strict=False) if name}
    return _gathered(importer, tuple(unknown))


def _not_known(_importer: Importer, _operator: Operator) -> list[View]:
    raise NotImportedError("no such operator is known here")


def _unknown(importer: Importer, operator: Operator, reason: str) -> Unknown:
    """Give what an operator makes."""
    graph, read = importer.graph, [name for name in operator.outputs if name]
    lost = [name for name in read if graph.uses[name] and name not in graph.shapes]
    if lost:
        place = f"node {operator.name!r} ({operator.kind}, number {operator.place})"
        message = f"{place} is not imported: {reason}; and the shape of {lost[0]!r}, which it makes, is not known"
        raise SpecError([Problem(message, file=graph.file, hint="cut the model there, or simplify it before")])
    read = [name for name in read if graph.uses[name]]
    tensors = tuple(importer.view(name).tensor for name in read)
    words = sum(math.prod(graph.shapes[name]) for name in read)
    return Unknown(operator.kind, operator.name, operator.place, reason, words, tensors)


def _gathered(importer: Importer, unknown: tuple[Unknown, ...]) -> ImportedModel:
    graph, writer = importer.graph, importer.writer
    if not writer.einsums:
        raise SpecError([Problem("nothing in it is an Einsum", file=graph.file)])
    texts = " ".join(einsum.einsum for einsum in writer.einsums)
    used = [name for name in importer.given if f"{name}[" in texts]
    constants = {tensor: array for tensor, array in importer.constants.items() if tensor in used}
    indices = {tensor for tensor in constants if f"={tensor}[" in texts}
    stated = {t: a for t, a in constants.items() if a.size <= (LOOKED_UP_WORDS if t in indices else WRITTEN_WORDS)}
    workload = WorkloadSpec(
        name=_name(graph.name),
        source=f"imported from {Path(graph.file).name}",
        ranks=dict(_ranks_used(writer, texts)),
        weights=tuple(name for name in used if name not in indices),
        values={tensor: array.tolist() for tensor, array in stated.items()},
        distinct={t: len(set(constants[t].reshape(-1).tolist())) for t in used if t in indices - stated.keys()},
        einsums=tuple(writer.einsums),
    )
    given = {tensor: array for tensor, array in constants.items() if tensor not in indices}
    return ImportedModel(graph, workload, importer.views, given, unknown)


def _name(stem: str) -> str:
    from costmodel.importing.writing import plain_name

    return plain_name(stem)


def _ranks_used(writer: Writer, texts: str) -> Iterable[tuple[str, int | str]]:
    """Yield the ranks that statements use, those first that others are defined by."""
    import re

    words = set(re.findall(r"(?<![A-Za-z0-9_])[A-Za-z][0-9]*(?![A-Za-z0-9_\[])", texts))
    used = {rank for rank in writer.ranks if rank in words or rank.lower() in words}
    used |= {str(writer.ranks[rank]) for rank in used if isinstance(writer.ranks[rank], str)}
    return [(rank, extent) for rank, extent in writer.ranks.items() if rank in used]
