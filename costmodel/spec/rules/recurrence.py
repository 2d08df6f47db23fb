"""What an Einsum that reads its own output asks of its loops: no sentence says it, the Einsum does.

``H[t + 1, n] = H[t, k] * W[k, n]`` reads at t what all n and k of t − 1 have written. A loop over n or k outside of one
over t would read it before it is finished; in ``S[t + 1, p] = S[t, p] + A[t, p]`` each p has a chain of its own.
Instances work at the same time: what they share of t is no more than lies between what is written and what is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Einsum
from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Rule
from costmodel.spec.rules.finding import KEPT, Finding, Interval, Reject
from costmodel.spec.rules.finished import AcrossLoop, FinishedNest, TimeLoop


@dataclass(frozen=True, slots=True)
class Recurrence(Rule):
    """What is read of an output was finished at an earlier step along one rank variable."""

    tensor: str
    along: str
    distance: int
    """Steps between what is written and what is read."""
    inside: frozenset[str]
    """Rank variables whose points all have to be done before the next step along the recurrence."""

    def __str__(self) -> str:
        return f"{self.tensor} is finished along {self.along} before it is read"

    def instances(self, array: str, dimension: str, rank_variable: str) -> Interval | None:  # noqa: ARG002  of any array
        return Interval(most=self.distance) if rank_variable == self.along else None

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        wrong = [*self._outside(nest), *self._at_once(nest)]
        if not wrong:
            yield Finding(str(self), KEPT)
            return
        outer, how = min(wrong, key=lambda found: found[0].path)
        yield Finding(str(self), float(len(wrong)), Reject(self.tensor, str(self), len(wrong), 0, how), outer.path)

    def _outside(self, nest: FinishedNest) -> Iterator[tuple[TimeLoop | AcrossLoop, str]]:
        """Yield loops at whose next step something is read that their last one finishes."""
        loops: tuple[TimeLoop | AcrossLoop, ...] = (*nest.times, *nest.across)
        along = [loop for loop in loops if loop.rank_variable == self.along]
        for loop in loops:
            inner = math.prod(x.steps for x in along if x.path > loop.path)
            if loop.rank_variable in self.inside and inner > self.distance:
                yield loop, f"the loop over {loop.rank_variable} stands outside of one over {self.along}"

    def _at_once(self, nest: FinishedNest) -> Iterator[tuple[AcrossLoop, str]]:
        """Yield loops of which one instance reads what another one makes meanwhile."""
        for loop in nest.across:
            if loop.rank_variable == self.along and loop.extent > self.distance:
                yield loop, f"instances have {loop.extent} steps of {self.along} at once"

    def broken(self, reject: Reject, architecture: Architecture, einsum: Einsum) -> Problem:  # noqa: ARG002  a hook
        return Problem(
            f"{einsum.name} cannot be done so: {reject.limit}: {reject.how}",
            hint=f"let loops in time over {self.along} stand outside, so that what {einsum.name} reads is there",
        )


def recurrences(einsum: Einsum) -> tuple[Recurrence, ...]:
    """Return what the recurrences of an Einsum ask of its loops."""
    found = (_recurrence(einsum, access) for access in einsum.inputs if access.tensor == einsum.output.tensor)
    return tuple(dict.fromkeys(rule for rule in found if rule is not None))


def _recurrence(einsum: Einsum, read: Access) -> Recurrence | None:
    along: tuple[str, int] | None = None
    free = set(einsum.reduced)
    for written, asked in zip(einsum.output.indices, read.indices, strict=True):
        if written == asked:
            continue
        distance = written.constant - asked.constant
        if along is None and written.terms == asked.terms and len(written.terms) == 1 and distance:
            ((v, coefficient),) = written.terms
            if distance % coefficient:
                return None  # what is written lies between what is read
            along = v, abs(distance // coefficient)
        else:
            free |= {*written.rank_variables, *asked.rank_variables}
    if along is None:
        return None
    return Recurrence(read.tensor, along[0], along[1], frozenset(free - {along[0]}))
