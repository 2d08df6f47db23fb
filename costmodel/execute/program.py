"""One Einsum as the engines run it: addends over boxes of the iteration space, reduced into one output."""

from __future__ import annotations

import itertools
import math
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from costmodel.einsum import notation
from costmodel.einsum.algebra import Affine, Einsum, Limit, boxes_within, limits_together
from costmodel.einsum.syntax import (
    Binary,
    Call,
    Expression,
    Negative,
    Number,
    Statement,
    TensorAccess,
    addends,
    factors,
    nodes,
    rank_variables,
)
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    import numpy as np

    Held = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

Box = Mapping[str, range]
"""Rank variable → positions, without steps."""

Reducer = Literal["+", "*", "max", "min"]


@dataclass(frozen=True)
class Addend:
    """What is evaluated on its own: a term of a sum that is reduced by ``+``, or a whole right-hand side."""

    expression: Expression
    negative: bool
    """Whether it is subtracted."""
    at_zero: frozenset[str]
    """Reduced rank variables that it lacks: it is evaluated only where they are 0."""
    limits: tuple[Limit, ...]
    """What holds at the points at which it is inside of its tensors (padding)."""
    by_sum: bool
    """Whether its points are added up, so that one whose value is 0 changes nothing."""

    @cached_property
    def accesses_that_annihilate(self) -> tuple[TensorAccess, ...]:
        """Tensors that it multiplies: where one of them is 0, so is the addend."""
        if not self.by_sum:
            return ()
        return tuple(f for f in factors(self.expression) if isinstance(f, TensorAccess))

    def part(self, box: Box) -> Box | None:
        """The points of a box at which it is evaluated; null if there are none."""
        if any(0 not in box[v] for v in self.at_zero):
            return None
        return {v: range(1) if v in self.at_zero else positions for v, positions in box.items()}


@dataclass(frozen=True)
class Program:
    """One Einsum, parsed."""

    einsum: Einsum

    @cached_property
    def statement(self) -> Statement:
        return notation.parse(self.einsum.text)

    @property
    def reducer(self) -> Reducer:
        return self.statement.reducer

    @cached_property
    def addends(self) -> tuple[Addend, ...]:
        by_sum = self.reducer == "+"
        whole = self.statement.expression
        if not (by_sum and self.einsum.reduced):
            return (Addend(whole, negative=False, at_zero=frozenset(), limits=self.einsum.limits, by_sum=by_sum),)
        parts = [(minus, term, self.einsum.reduced - rank_variables(term)) for minus, term in addends(whole)]
        limits = self.einsum.limits_where
        return tuple(
            Addend(term, negative=minus, at_zero=lacking, limits=limits(lacking), by_sum=True)
            for minus, term, lacking in parts
        )

    @property
    def space(self) -> Box:
        """The whole iteration space."""
        return {v: range(extent) for v, extent in self.einsum.shape.items()}

    @property
    def output(self) -> tuple[Affine, ...]:
        return self.einsum.output.indices

    def inside(self, box: Box, limits: tuple[Limit, ...]) -> Iterator[Box]:
        """Boxes that split the points of a box at which limits hold."""
        groups = [
            [
                {v: range(low, low + extent) for v, (low, extent) in inner.items()}
                for inner in boxes_within(together, {v: (box[v].start, len(box[v])) for v in names})
            ]
            for together, names in limits_together(limits)
        ]
        for parts in itertools.product(*groups):
            yield dict(ChainMap(*parts, dict(box))) if parts else box

    def indices(self, access: TensorAccess, held: Held) -> tuple[Affine, ...]:
        """Where an access of the text leads; where words are looked up, by those that are held.

        Raises SpecError where such a word is no row.
        """
        rows = held[access.tensor].shape
        return tuple(
            index.affine(self.einsum.constants) if index.lookup is None else self._looked_up(index.lookup, held, extent)
            for index, extent in zip(access.indices, rows, strict=True)
        )

    def _looked_up(self, lookup: TensorAccess, held: Held, rows: int) -> Affine:
        array = held[lookup.tensor]
        wrong = [word for word in array.ravel().tolist() if word != int(word) or not 0 <= word < rows]
        if wrong:
            raise SpecError([Problem(f"{self.einsum.name}: {wrong[0]} in {lookup.tensor} is no row of {rows:,}")])
        own = self.indices(lookup, held)
        terms: dict[str, int] = {}
        constant = 0
        for index, stride in zip(own, (math.prod(array.shape[rank + 1 :]) for rank in range(array.ndim)), strict=True):
            constant += stride * index.constant
            for v, c in index.terms:
                terms[v] = terms.get(v, 0) + stride * c
        return Affine(tuple(terms.items()), constant, tuple(int(word) for word in array.ravel().tolist()))

    @cached_property
    def tables(self) -> Mapping[str, tuple[int, ...]]:
        """Tensors by which others are looked up → the rows that costs take them to lead to."""
        resolved = {(a.tensor, len(a.indices)): a for a in self.einsum.inputs}
        return {
            index.lookup.tensor: affine.table
            for access in self.statement.inputs
            if (access.tensor, len(access.indices)) in resolved
            for index, affine in zip(access.indices, resolved[access.tensor, len(access.indices)].indices, strict=True)
            if index.lookup is not None
        }

    @cached_property
    def keeps_integers(self) -> bool:
        """Whether integers in give integers out."""
        from costmodel.einsum.functions import FUNCTIONS

        return not any(
            (isinstance(node, Binary) and node.operator == "/")
            or (isinstance(node, Call) and not FUNCTIONS[node.function].whole)
            or (isinstance(node, Number) and isinstance(node.value, float))
            for node in nodes(self.statement.expression)
        )

    @cached_property
    def names_infinity(self) -> bool:
        """Whether the text itself says ``inf``."""
        every = nodes(self.statement.expression)
        return any(isinstance(node, Number) and node.value == float("inf") for node in every)


def negations(expression: Expression) -> int:
    """How many signs stand before the factors of a product (``factors`` drops them)."""
    match expression:
        case Binary("*", left, right):
            return negations(left) + negations(right)
        case Negative(inner):
            return 1 + negations(inner)
        case _:
            return 0
