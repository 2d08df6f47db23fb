"""What an Einsum that reads its own output asks of the order of its loops: no sentence says it, the Einsum does.

``H[t + 1, n] = H[t, k] * W[k, n]`` reads at t what all n and k of t − 1 have written. A loop over n or k outside of one
over t would read it before it is finished; in ``S[t + 1, p] = S[t, p] + A[t, p]`` each p has a chain of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Einsum
from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Rule
from costmodel.spec.rules.finding import KEPT, Finding, Reject
from costmodel.spec.rules.finished import AcrossLoop, FinishedNest, TimeLoop


@dataclass(frozen=True, slots=True)
class Recurrence(Rule):
    """Loops over some rank variables stand inside of those over the one along which an Einsum reads what it wrote."""

    tensor: str
    along: str
    distance: int
    """Coordinates between what is written and what is read."""
    inside: frozenset[str]
    """Rank variables whose points all have to be done before the next step along the recurrence."""

    def __str__(self) -> str:
        return f"{self.tensor} is finished along {self.along} before it is read"

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        loops: tuple[TimeLoop | AcrossLoop, ...] = (*nest.times, *nest.across)
        along = [loop for loop in loops if loop.rank_variable == self.along]
        wrong = [
            loop
            for loop in loops
            if loop.rank_variable in self.inside
            and math.prod(x.steps for x in along if x.path > loop.path) > self.distance
        ]
        if not wrong:
            yield Finding(str(self), KEPT)
            return
        outer = min(wrong, key=lambda loop: loop.path)
        how = f"the loop over {outer.rank_variable} stands outside of one over {self.along}"
        yield Finding(str(self), float(len(wrong)), Reject(self.tensor, str(self), len(wrong), 0, how), outer.path)

    def broken(self, reject: Reject, architecture: Architecture, einsum: Einsum) -> Problem:  # noqa: ARG002  a hook
        return Problem(
            f"{einsum.name} cannot be done so: {reject.limit}: {reject.how}",
            hint=f"move that loop inside, so that what {einsum.name} reads is there",
        )


def recurrences(einsum: Einsum) -> tuple[Recurrence, ...]:
    """Return what the recurrences of an Einsum ask of its loops."""
    found = (_recurrence(einsum, access) for access in einsum.inputs if access.tensor == einsum.output.tensor)
    return tuple(dict.fromkeys(rule for rule in found if rule is not None and rule.inside))


def _recurrence(einsum: Einsum, read: Access) -> Recurrence | None:
    along: tuple[str, int] | None = None
    free = set(einsum.reduced)
    for written, asked in zip(einsum.output.indices, read.indices, strict=True):
        if written == asked:
            continue
        distance = written.constant - asked.constant
        if along is None and written.terms == asked.terms and len(written.terms) == 1 and distance:
            ((v, coefficient),) = written.terms
            along = v, -(-abs(distance) // abs(coefficient))
        else:
            free |= {*written.rank_variables, *asked.rank_variables}
    if along is None:
        return None
    return Recurrence(read.tensor, along[0], along[1], frozenset(free - {along[0]}))
