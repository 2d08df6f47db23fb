"""What a memory holds: by the architecture, and by rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import keeps
from costmodel.spec.hardware import Architecture, Memory
from costmodel.spec.problems import Problem
from costmodel.spec.rules.base import Sentence, no_memory
from costmodel.spec.rules.finding import KEPT, Finding, Reject
from costmodel.spec.rules.finished import FinishedNest

Held = Literal["yes", "no", "choice"]
"""Whether a memory holds a tensor, or leaves that to the mapping."""


def held(memory: Memory, einsum: Einsum, tensor: str) -> Held:
    """Whether a memory below the outermost holds a tensor of an Einsum, by the architecture alone."""
    whose = einsum.tensors[tensor]
    if memory.keep is None and not memory.may_keep:
        return "yes"
    if keeps(memory.keep or (), whose, einsum):
        return "yes"
    return "choice" if keeps(memory.may_keep, whose, einsum) else "no"


@dataclass(frozen=True, slots=True)
class Keeping(Sentence):
    """Whether a level holds a tensor, by role or name; says nothing of levels inside the compute unit in use."""

    level: str
    tensor: str
    keeps: bool

    forms: ClassVar = ("LEVEL keeps TENSOR", "LEVEL bypasses TENSOR")
    pattern: ClassVar[str] = r"(\w+) (keeps|bypasses) (\w+)"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        return cls(found[1], found[3], found[2] == "keeps")

    def __str__(self) -> str:
        return f"{self.level} {self._limit}"

    @property
    def _limit(self) -> str:
        return f"{'keeps' if self.keeps else 'bypasses'} {self.tensor}"

    @property
    def words(self) -> frozenset[str]:
        return frozenset({self.tensor})

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:
        yield from no_memory(self.level, architecture)
        if not self.keeps and self.level == architecture.memories[0].name:
            yield Problem(f"{self.level} is the outermost memory, which holds every tensor")

    def stands_idle(self, architecture: Architecture) -> bool:
        return all(level.name != self.level for level in architecture.levels)

    def holds(self, level: str, tensor: str, einsum: Einsum) -> bool | None:
        return self.keeps if level == self.level and keeps((self.tensor,), einsum.tensors[tensor], einsum) else None

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        if self.level in nest.inside:
            return
        stored = {(tile.level, tile.tensor): tile.path for tile in nest.stored}
        meant = [t for t in nest.einsum.tensors if self.holds(self.level, t, nest.einsum) is not None]
        wrong = [t for t in meant if ((self.level, t) in stored) != self.keeps]
        how = f"{', '.join(wrong)} {'passes by' if self.keeps else 'is held'}"
        reject = Reject(self.level, self._limit, int(self.keeps), int(not self.keeps), how) if wrong else None
        path = stored.get((self.level, wrong[0]), ()) if wrong else ()
        yield Finding(f"{self.level}: {self._limit}", float(len(wrong)) or KEPT, reject, path)
