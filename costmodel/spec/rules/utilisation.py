"""How much of the compute instances works."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from costmodel.einsum.algebra import Einsum
from costmodel.spec.hardware import Architecture
from costmodel.spec.rules.base import Rule, Sentence, WordingError
from costmodel.spec.rules.finding import Finding, Reject
from costmodel.spec.rules.finished import FinishedNest


def working_least(share: float, instances: int) -> int:
    """Return how many of so many compute instances have to work.

    >>> working_least(0.07, 100)      # 0.07 · 100 is a little more than 7 in binary
    7
    """
    return math.ceil(share * instances * (1 - 1e-12))


@dataclass(frozen=True, slots=True)
class Utilisation(Sentence):
    """Share of the compute instances that have to work."""

    share: float

    forms: ClassVar = ("utilisation >= 50 %",)
    pattern: ClassVar[str] = r"utili[sz]ation ?>= ?(\d+(?:\.\d*)?|\.\d+) ?(%?)"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        share = float(found[1]) / (100 if found[2] else 1)
        if share > 1:
            raise WordingError("more than all instances cannot work", hint="100 % at most")
        return cls(share)

    def __str__(self) -> str:
        percent = f"{100 * self.share:.12g}"
        exact = float(percent) / 100 == self.share and "e" not in percent
        return f"utilisation >= {f'{percent} %' if exact else f'{Decimal(repr(self.share)):f}'}"

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:  # noqa: ARG002  a hook
        return (self,) if self.share else ()

    @property
    def share_at_work(self) -> float:
        return self.share

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        least = working_least(self.share, nest.instances)
        slack = math.log2(least / nest.working)
        how = f"{nest.working} of {nest.instances} instances at work"
        reject = Reject(nest.unit, str(self), least, nest.working, how) if slack > 0 else None
        yield Finding(str(self), slack, reject)
