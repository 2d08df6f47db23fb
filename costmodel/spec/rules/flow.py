"""What a systolic array asks of what is spread over it: no sentence says it, the wires do.

An instance talks to its neighbours alone. So what it works on stays in it, or comes from the neighbour before it along
a dimension where both want the same words (and partial sums of the same words pass through both), or comes in (goes
out) at an edge. A tensor that changes along every dimension would have to reach each instance on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Einsum
from costmodel.einsum.roles import Stationary, stationary_tensor
from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Rule
from costmodel.spec.rules.finding import KEPT, Finding, Reject, Span
from costmodel.spec.rules.finished import AcrossLoop, FinishedNest


@dataclass(frozen=True, slots=True)
class Flow(Rule):
    """A tensor that does not stay in a systolic array is the same along one dimension of it, and moves there."""

    array: str
    stationary: Stationary
    stays: str
    """The tensor that is loaded, or summed up, in place."""
    moving: str
    """An access to one that is not, e.g. ``A[m, k]``."""
    indexed_by: frozenset[str]
    """Its rank variables."""
    others: tuple[str, ...]
    """Rank variables of the Einsum that do not index it."""
    most: int
    """Dimensions along which it may change."""

    def __str__(self) -> str:
        return f"{self.moving} flows through {self.array}"

    def spans(self, array: str) -> tuple[Span, ...]:
        return (Span(self.indexed_by, self.most),) if array == self.array else ()

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        along: dict[str, list[AcrossLoop]] = {}
        for loop in nest.across:
            if loop.array == self.array and loop.rank_variable in self.indexed_by:
                along.setdefault(loop.dimension, []).append(loop)
        if len(along) <= self.most:
            yield Finding(str(self), KEPT)
            return
        too_much = list(along.values())[self.most][0]
        changes = " and ".join(
            f"along {dimension} ({', '.join(dict.fromkeys(loop.rank_variable for loop in loops))})"
            for dimension, loops in along.items()
        )
        how = f"it changes {changes}, so that each instance wants words of its own"
        slack = float(len(along) - self.most)
        yield Finding(str(self), slack, Reject(self.array, str(self), len(along), self.most, how), too_much.path)

    def broken(self, reject: Reject, architecture: Architecture, einsum: Einsum) -> Problem:  # noqa: ARG002  a hook
        only = f"only {self.stays} stays in the array; what moves is the same along one dimension: there spread "
        return Problem(
            f"{self.array} of {architecture.name} is {self.stationary} stationary, and {self.moving} does not flow "
            f"through it: {reject.how}",
            hint=only + (f"{', '.join(self.others)}, or nothing" if self.others else "nothing"),
        )


def flows(einsum: Einsum, architecture: Architecture) -> tuple[Flow, ...]:
    """Return what the systolic arrays of an architecture ask of the rank variables of an Einsum.

    A bias that is asked for once for each word of the output enters with the output, and asks for nothing itself.
    """
    return tuple(
        dict.fromkeys(
            Flow(
                array.name,
                array.systolic,
                stays,
                str(access),
                access.rank_variables,
                tuple(v for v in einsum.shape if v not in access.rank_variables),
                max(1, len(array.shape) - 1),
            )
            for array in architecture.arrays
            if array.systolic is not None
            for stays in (stationary_tensor(einsum, array.systolic),)
            for access in einsum.accesses
            if access.tensor != stays and not _with_output(access, einsum)
        )
    )


def _with_output(access: Access, einsum: Einsum) -> bool:
    """Whether what is read starts the sum of a word of the output, once."""
    return bool(access.at_zero) and access.rank_variables <= einsum.output.rank_variables
