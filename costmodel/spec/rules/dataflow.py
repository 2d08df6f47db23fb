"""Dataflows by name.

*X-stationary* (weight, output or input): each tile of X that the innermost memory gets stays there until all its uses
in time are done. The innermost memory that may hold X does hold it, and above X's innermost storage node no loop in
time over a rank variable that does not index X stands further out than one over a rank variable that does. Spatial
loops do not count. Where no memory but the outermost may hold X, that is no restriction.
``einsum/roles.py: stationary_tensor`` says which tensor X is.

*Row-stationary*, for Einsums with sliding windows, is about space alone and means ``only`` rules for the innermost
array. The last window (q + s) runs inside an instance, so that each works on rows. Of the other windows (p + r; of the
only one, if there is one) filter rows r are spread along the last dimension and output rows p along the others, so that
input rows lie on diagonals; an array of one dimension takes both. Rank variables without a window (channels, filters,
batch) may be spread anywhere, and the order in time is free.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import Stationary, stationary_tensor
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rules.base import Rule, Sentence
from costmodel.spec.rules.finding import Finding, Reject
from costmodel.spec.rules.finished import FinishedNest, Path
from costmodel.spec.rules.holding import Keeping, held
from costmodel.spec.rules.spatial import Only

_STILL: dict[str, Stationary] = {"weight": "weight", "output": "output", "input": "input"}


class Dataflow(Sentence):
    """A dataflow by name; there is one at most."""

    __slots__ = ()

    def clashes(self, said: Sequence[Sentence]) -> Iterator[Problem]:
        for other in said:
            if isinstance(other, Dataflow) and other != self:
                yield Problem(f"the dataflow is {other} already")


@dataclass(frozen=True, slots=True)
class HoldsStill(Dataflow):
    """A dataflow that holds one tensor still: see above."""

    what: Stationary

    forms: ClassVar = ("weight_stationary", "output_stationary", "input_stationary")
    pattern: ClassVar[str] = r"(weight|output|input)_stationary"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        return cls(_STILL[found[1]])

    def __str__(self) -> str:
        return f"{self.what}_stationary"

    def still(self, einsum: Einsum) -> str | None:
        return stationary_tensor(einsum, self.what)

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:
        """Have the innermost memory that may hold the tensor hold it; nothing where none but the outermost may.

        A memory that a sentence bids bypass the tensor may not.
        """
        name = stationary_tensor(einsum, self.what)
        able = [
            m.name
            for m in architecture.memories[1:]
            if held(m, einsum, name) != "no" and all(rule.holds(m.name, name, einsum) is not False for rule in said)
        ]
        return [self, *([Keeping(able[-1], name, keeps=True)] if able else [])]

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        tensor = stationary_tensor(nest.einsum, self.what)
        outermost = nest.architecture.memories[0].name
        own = frozenset[str]().union(*(a.rank_variables for a in nest.einsum.accesses_of(tensor)))
        above = next((n.above for n in reversed(nest.stored) if n.tensor == tensor and n.level != outermost), 0)
        returns, moved, outside, path = 1, "", "", Path()
        for loop in reversed(nest.times[:above]):
            if loop.rank_variable in own:
                moved = loop.rank_variable
            elif moved:
                returns *= loop.steps
                outside, path = f"`for {loop.rank_variable}` stands outside of `for {moved}`", loop.path
        how = f"{outside}, so each tile comes {returns} times"
        reject = Reject(tensor, str(self), returns, 1, how) if returns > 1 else None
        yield Finding(f"{self}: {tensor}", math.log2(returns), reject, path)


@dataclass(frozen=True, slots=True)
class RowStationary(Dataflow):
    """Filter rows along the last dimension of the innermost array, output rows along the others: see above."""

    forms: ClassVar = ("row_stationary",)
    pattern: ClassVar[str] = r"row_stationary"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:  # noqa: ARG003  a hook
        return cls()

    def __str__(self) -> str:
        return "row_stationary"

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:
        if not any(isinstance(level, Array) for level in architecture.physical):
            yield Problem(f"{architecture.name} has no array")

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:  # noqa: ARG002  a hook
        windows = list(dict.fromkeys(i for a in einsum.inputs for i in a.indices if len(i.terms) > 1))
        if not windows:
            raise SpecError([Problem(f"{self}: {einsum.name} has no sliding window")])
        if not architecture.arrays:
            return []
        rows = windows[:-1] or windows
        inside = frozenset[str]().union(*(w.rank_variables for w in windows if w not in rows))
        sliding = frozenset[str]().union(*(w.rank_variables for w in rows))
        outputs = sliding & einsum.output.rank_variables
        free = frozenset(einsum.shape) - inside
        array = architecture.arrays[-1]
        *others, last = array.shape
        if not others:
            return [Only(array.name, last, free)]
        return [
            *(Only(array.name, d, free - (sliding - outputs)) for d in others),
            Only(array.name, last, free - outputs),
        ]

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        for rule in self.bind(nest.einsum, nest.architecture, ()):
            yield from rule.findings(nest)
