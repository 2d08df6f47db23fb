"""Rules on what is spread over an array."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.coordinates import windowed
from costmodel.einsum.roles import keeps
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Rule, Sentence, WordingError, listed, no_dimension
from costmodel.spec.rules.finding import Finding, Interval, compared
from costmodel.spec.rules.finished import FinishedNest

_PLACE = r"(\w+)(?:\.(\w+))?"


class _SpatialRule(Sentence):
    """A rule about a dimension of an array; an empty one means each of them, or all together."""

    __slots__ = ()

    array: str
    dimension: str

    @property
    def place(self) -> str:
        return f"{self.array}.{self.dimension}" if self.dimension else self.array

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:
        return no_dimension(self.array, self.dimension, architecture)

    def stands_idle(self, architecture: Architecture) -> bool:
        return all(level.name != self.array for level in architecture.levels)

    def _dimensions(self, architecture: Architecture) -> Sequence[str]:
        array = architecture.level(self.array)
        return [self.dimension] if self.dimension else list(array.shape) if isinstance(array, Array) else []


@dataclass(frozen=True, slots=True)
class Only(_SpatialRule):
    """Rank variables that may be spread over a dimension of an array."""

    array: str
    dimension: str
    names: frozenset[str]

    forms: ClassVar = ("ARRAY.DIM only [a, b]",)
    pattern: ClassVar[str] = _PLACE + r" only \[([\w ,]*)\]"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        return cls(found[1], found[2] or "", frozenset(listed(found[3])))

    def __str__(self) -> str:
        return f"{self.place} {self._limit}"

    @property
    def _limit(self) -> str:
        return f"only [{', '.join(sorted(self.names))}]"

    @property
    def rank_variables(self) -> frozenset[str]:
        return self.names

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:  # noqa: ARG002  a hook
        return [Only(self.array, d, self.names) for d in self._dimensions(architecture)]

    def instances(self, array: str, dimension: str, rank_variable: str) -> Interval | None:
        mine = (array, dimension) == (self.array, self.dimension)
        return Interval(most=1) if mine and rank_variable not in self.names else None

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        stray = [
            loop
            for loop in nest.across
            if (loop.array, loop.dimension) == (self.array, self.dimension) and loop.rank_variable not in self.names
        ]
        steps = math.prod(loop.steps for loop in stray)
        how = f"{', '.join(dict.fromkeys(loop.rank_variable for loop in stray))} lies along it"
        path = stray[0].path if stray else ()
        yield compared(self.place, self._limit, steps, Interval(most=1), how, path)


@dataclass(frozen=True, slots=True)
class OnlyRanks(_SpatialRule):
    """Rank variables that index one tensor (by role or name) and not another may be spread over a dimension.

    Outside windows: those among them that stand in no sliding window, such as the channels of a convolution.
    """

    array: str
    dimension: str
    tensor: str
    other: str = ""
    outside_windows: bool = False

    forms: ClassVar = (
        "ARRAY.DIM only ranks of TENSOR not of TENSOR",
        "ARRAY.DIM only ranks of TENSOR not of TENSOR outside windows",
    )
    pattern: ClassVar[str] = _PLACE + r" only ranks of (\w+)(?: not of (\w+))?( outside windows)?"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        return cls(found[1], found[2] or "", found[3], found[4] or "", bool(found[5]))

    def __str__(self) -> str:
        without = (f" not of {self.other}" if self.other else "") + " outside windows" * self.outside_windows
        return f"{self.place} only ranks of {self.tensor}{without}"

    @property
    def words(self) -> frozenset[str]:
        return frozenset({self.tensor, self.other} - {""})

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:  # noqa: ARG002  a hook
        """Return the rank variables meant; nothing where the Einsum has no such tensor."""
        names = _ranks_of(einsum, self.tensor)
        if not names:
            return []
        names -= _ranks_of(einsum, self.other) | (windowed(einsum) if self.outside_windows else frozenset())
        return [Only(self.array, d, names) for d in self._dimensions(architecture)]

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        for rule in self.bind(nest.einsum, nest.architecture, ()):
            yield from rule.findings(nest)


def _ranks_of(einsum: Einsum, tensor: str) -> frozenset[str]:
    """Rank variables that index the tensors of a role, or of a name; empty where the Einsum has none such."""
    accesses = [a for a in einsum.accesses if keeps((tensor,), einsum.tensors[a.tensor], einsum)]
    return frozenset[str]().union(*(a.rank_variables for a in accesses))


@dataclass(frozen=True, slots=True)
class Instances(_SpatialRule):
    """A limit on the instances that one rank variable takes along a dimension (empty: the whole array)."""

    array: str
    dimension: str
    rank_variable: str
    relation: Literal["at most", "exact"]
    number: int

    forms: ClassVar = ("ARRAY.DIM at most a 8", "ARRAY.DIM exact a 8")
    pattern: ClassVar[str] = _PLACE + r" (at most|exact) (\w+) (\d+)"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        number = int(found[5])
        if number < 1:
            raise WordingError(f"{found[4]} takes at least one instance")
        return cls(found[1], found[2] or "", found[4], "exact" if found[3] == "exact" else "at most", number)

    def __str__(self) -> str:
        return f"{self.place} {self._limit}"

    @property
    def _limit(self) -> str:
        return f"{self.relation} {self.rank_variable} {self.number}"

    @property
    def _allowed(self) -> Interval:
        return Interval(self.number if self.relation == "exact" else 1, self.number)

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset({self.rank_variable})

    def instances(self, array: str, dimension: str, rank_variable: str) -> Interval | None:
        mine = (array, dimension, rank_variable) == (self.array, self.dimension, self.rank_variable)
        return self._allowed if mine else None

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        v = self.rank_variable
        if v not in nest.einsum.shape:
            return
        mine = [
            loop
            for loop in nest.across
            if (loop.array, loop.rank_variable) == (self.array, v) and self.dimension in ("", loop.dimension)
        ]
        used = math.prod(loop.steps for loop in mine)
        path = mine[0].path if mine else ()
        yield compared(self.place, self._limit, used, self._allowed, f"{v} takes {used}", path)
