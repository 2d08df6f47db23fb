"""Resolved Einsums: what the counting model computes with. Every coefficient and extent is an integer here.

``notation.py`` turns text into a syntax tree; ``spec/workload.py`` resolves that tree, with the shapes of the
file, into the values of this module. Nothing here knows about text, YAML or hardware.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class Role(StrEnum):
    """What a tensor is to its workload."""

    INPUT = "input"
    OUTPUT = "output"
    WEIGHT = "weight"
    INTERMEDIATE = "intermediate"


@dataclass(frozen=True, slots=True)
class Affine:
    """An index expression ``Σ coefficient·rank_variable + constant``.

    Terms have non-zero coefficients, each variable once, in the order of the text.
    """

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    @property
    def rank_variables(self) -> tuple[str, ...]:
        return tuple(v for v, _ in self.terms)


@dataclass(frozen=True, slots=True)
class Access:
    """One occurrence of a tensor in an Einsum: one affine index per rank."""

    tensor: str
    indices: tuple[Affine, ...]
    at_zero: frozenset[str] = frozenset()
    """Reduced rank variables that its term of the sum lacks: it is asked for only at the points where they are 0."""

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset(v for index in self.indices for v in index.rank_variables)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a workload."""

    name: str
    ranks: tuple[str, ...]
    """Rank names, upper case."""
    shape: tuple[int, ...]
    """Extent of each rank: the largest coordinate that is touched, plus one."""
    bits: int
    """Width of one word of this tensor."""
    role: Role
    guessed: bool = field(default=False, compare=False)
    """Whether the role is inferred where ``weights:`` could have said another."""

    @property
    def size_words(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Operation:
    """Compute operations of one kind that an Einsum performs."""

    kind: str
    """``mac``, ``mul``, ``add``, ``exp``, ``div``, ``max`` …"""
    per_point: int
    """How often at each point at which it is done."""
    at_zero: frozenset[str] = frozenset()
    """Reduced rank variables that its term of the sum lacks: it is done only at the points where they are 0."""


@dataclass(frozen=True)
class Einsum:
    """One resolved statement."""

    name: str
    """Unique in its workload."""
    text: str
    """The statement as it prints."""
    shape: Mapping[str, int]
    """Rank variable → extent, in order of first appearance: the iteration space."""
    output: Access
    inputs: tuple[Access, ...]
    """In order of appearance; an access whose points are among those of an equal one counts with it."""
    tensors: Mapping[str, Tensor]
    """Every tensor that this Einsum touches, output last."""
    operations: tuple[Operation, ...]
    count: int = 1
    """How many identical layers this statement stands for."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """Values of the constants that the text names."""

    @cached_property
    def points(self) -> int:
        """Size of the iteration space."""
        return math.prod(self.shape.values())

    @cached_property
    def operation_counts(self) -> Mapping[str, int]:
        """Operations of each kind."""
        counts: dict[str, int] = {}
        for operation in self.operations:
            done = operation.per_point * self.points_where_zero(operation.at_zero)
            counts[operation.kind] = counts.get(operation.kind, 0) + done
        return counts

    def points_where_zero(self, at_zero: frozenset[str]) -> int:
        """Points at which some rank variables are 0."""
        return math.prod(n for v, n in self.shape.items() if v not in at_zero)

    @property
    def accesses(self) -> tuple[Access, ...]:
        return (*self.inputs, self.output)

    @cached_property
    def reduced(self) -> frozenset[str]:
        """Rank variables that do not index the output."""
        return frozenset(self.shape) - self.output.rank_variables

    def accesses_of(self, tensor: str) -> tuple[Access, ...]:
        return tuple(a for a in self.accesses if a.tensor == tensor)


@dataclass(frozen=True)
class Workload:
    """Ordered Einsums that may share tensors (a cascade), or the layers of a network."""

    name: str
    source: str
    einsums: tuple[Einsum, ...]

    def einsum(self, name: str) -> Einsum:
        """Return the Einsum of that name; KeyError if there is none."""
        for einsum in self.einsums:
            if einsum.name == name:
                return einsum
        raise KeyError(name)
