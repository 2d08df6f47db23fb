"""The order of loops in time below a level."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Sentence, WordingError, listed, no_memory
from costmodel.spec.rules.finding import KEPT, Finding, Reject
from costmodel.spec.rules.finished import FinishedNest, Path


@dataclass(frozen=True, slots=True)
class LoopOrder(Sentence):
    """The order of loops in time below a level, outermost first.

    A loop in time *belongs* to the nearest storage node above it, of several without a loop between them to the
    innermost. In each gap between two neighbouring storage nodes whose loops belong to the level, loops over the listed
    rank variables stand in the listed order; other loops stand anywhere, and spatial loops do not matter.
    """

    level: str
    names: tuple[str, ...]

    forms: ClassVar = ("order in LEVEL: a, b",)
    pattern: ClassVar[str] = r"order in (\w+) ?: ?(?:\[([\w ,]*)\]|([\w ,]*))"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        names = listed(found[2] or found[3] or "")
        if not names:
            raise WordingError("no rank variable is listed", hint=cls.forms[0])
        twice = sorted({v for v in names if names.count(v) > 1})
        if twice:
            raise WordingError(f"{', '.join(twice)} is listed twice")
        return cls(found[1], names)

    def __str__(self) -> str:
        return f"order in {self.level}: {', '.join(self.names)}"

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset(self.names)

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:
        return no_memory(self.level, architecture)

    def stands_idle(self, architecture: Architecture) -> bool:
        return all(level.name != self.level for level in architecture.levels)

    def order_below(self, level: str) -> tuple[str, ...]:
        return self.names if level == self.level else ()

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        limit = f"order {', '.join(self.names)}"
        wrong = list(self._out_of_order(nest)) if len(set(self.names) & set(nest.einsum.shape)) > 1 else []
        reject, path = None, Path()
        if wrong:
            outer, inner, path = wrong[0]
            reject = Reject(self.level, limit, len(wrong), 0, f"`for {outer}` stands outside of `for {inner}`")
        yield Finding(f"{self.level}: {limit}", float(len(wrong)) or KEPT, reject, path)

    def _out_of_order(self, nest: FinishedNest) -> Iterator[tuple[str, str, Path]]:
        """Yield the rank variables of every two loops of one gap that stand in the wrong order, the outer one first."""
        for gap, run in itertools.groupby(nest.times, key=lambda loop: loop.gap):
            if gap and nest.owners[gap - 1] == self.level:
                mine = [loop for loop in run if loop.rank_variable in self.names]
                for outer, inner in itertools.combinations(mine, 2):
                    if self.names.index(outer.rank_variable) > self.names.index(inner.rank_variable):
                        yield outer.rank_variable, inner.rank_variable, outer.path
