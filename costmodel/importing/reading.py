"""What is known while a graph is read: the view of each value, the Einsums so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costmodel.importing.graph import Graph, Operator
from costmodel.importing.views import View
from costmodel.importing.writing import Writer, copied, together
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from costmodel.importing.graph import Values

LETTERS = {1: "D", 2: "MD", 3: "BMD", 4: "BCHW", 5: "BCDHW"}
"""Ranks of a tensor of which nothing else is known, by how many it has."""


class NotImportedError(Exception):
    """An operator, or a form of it, that is no Einsum here; the text says why."""


@dataclass
class Importer:
    """What is known while the graph is read."""

    graph: Graph
    writer: Writer = field(default_factory=Writer)
    views: dict[str, View] = field(default_factory=dict)
    constants: dict[str, Values] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    """Tensors that do not change with the input."""
    nothing: set[str] = field(default_factory=set)
    """Values without a word."""

    def view(self, name: str, letters: str = "") -> View:
        """How a value is read. A given one gets its tensor here, with ranks of these letters."""
        if name in self.nothing:
            raise NotImportedError(f"{name!r} has no words")
        if name not in self.views:
            shape = self.shape(name)
            usual = LETTERS.get(len(shape), "D" * len(shape))
            view = self.writer.given(name, shape, letters or usual, squeezed=name in self.graph.weights)
            self.views[name] = view
            if name in self.graph.weights:
                self.given.append(view.tensor)
            if name in self.graph.constants:
                array = self.graph.constants[name].reshape(view.extents)
                self.constants[view.tensor] = array.astype(int) if array.dtype.kind == "b" else array
        return self.views[name]

    def known(self, name: str, array: Values) -> str:
        """A constant that is computed here, from others; its name."""
        self.graph.constants[name] = array
        self.graph.shapes[name] = array.shape
        self.graph.weights.add(name)
        return name

    def made(self, name: str, array: Values, letters: str) -> View:
        """A tensor of such a constant."""
        return self.view(self.known(name, array), letters)

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
            raise NotImportedError(f"{name!r}, its {attribute}, is computed while the model runs")
        return [int(n) for n in array.reshape(-1)]

    def rows(self, operator: Operator, name: str, extent: int) -> str:
        """Indices of an axis, as constants that count from its beginning where they are constant: -1 is its last row.

        Raises SpecError where one is no row.
        """
        array = self.constant(name)
        if array is None:
            return name
        outside = array[(array < -extent) | (array >= extent)]
        if outside.size:
            message = f"{operator}: {outside.flat[0]} in its indices {name!r} is no row of {extent:,}"
            raise SpecError([Problem(message, file=self.graph.file, hint=f"rows are {-extent:,} to {extent - 1:,}")])
        return self.known(f"{name}.of.{extent}", array % extent) if (array < 0).any() else name

    def number(self, name: str) -> str | None:
        """A constant of one word, as it is written in an Einsum; a truth is 1."""
        array = self.constant(name)
        if array is None or array.size != 1:
            return None
        word = array.reshape(-1)[0]
        value = float(word) if word.dtype.kind == "b" else float(str(word))
        return None if math.isnan(value) else literal(value)

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

    >>> literal(-0.5), literal(8.0), literal(-math.inf)
    ('(-0.5)', '8', '(-inf)')
    """
    text = str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return f"({text})" if value < 0 else text
