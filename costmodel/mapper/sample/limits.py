"""What a plan may break although it is a mapping: capacities, and the rules.

Every limit gives a *slack*: at most 0 where it is kept. A capacity that is too small is missed by a power of two; for
rules, see ``spec/rules``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from costmodel.mapper.sample.steps import Plan, Plans, Share
from costmodel.spec.hardware import Memory
from costmodel.spec.rules import Rules
from costmodel.spec.rules.finding import Finding, Reject


@dataclass(frozen=True)
class Limits:
    """The limits of one search."""

    plans: Plans
    rules: Rules = field(default_factory=Rules)

    def findings(self, plan: Plan) -> tuple[Finding, ...]:
        """Return every limit, in an order that does not depend on the plan."""
        plans = self.plans
        ruled = self.rules.findings(plans.mapping(plan).nest, plans.einsum, plans.architecture)
        return (*self.capacities(plan), *ruled)

    def leniently(self, findings: Sequence[Finding], plan: Plan) -> tuple[Finding, ...]:
        """Return the findings on a plan, were what several accesses of a tensor touch the same words."""
        if not self.plans.several:
            return tuple(findings)
        least = tuple(self.capacities(plan, at_least=True))
        return (*least, *findings[len(least) :])

    def capacities(self, plan: Plan, *, at_least: bool = False) -> Iterator[Finding]:
        """Compare the room that tiles need, at most or at least, with what each memory has."""
        shares = self.plans.shares(plan)
        need: dict[int, int] = {}
        for share in shares:
            need[share.level] = need.get(share.level, 0) + (share.least_bits if at_least else share.bits)
        for level, name, room in self._rooms:
            bits = need.get(level, 0)
            slack = math.log2(bits / room) if bits else -1.0
            reject = _over(name, room, [s for s in shares if s.level == level]) if slack > 0 else None
            yield Finding(f"{name}: capacity", slack, reject)

    @cached_property
    def _rooms(self) -> tuple[tuple[int, str, int], ...]:
        return tuple(
            (place, level.name, level.usable_bits)
            for place, level in enumerate(self.plans.architecture.levels)
            if isinstance(level, Memory) and level.usable_bits is not None
        )


def _over(name: str, room: int, parts: Sequence[Share]) -> Reject:
    """Say which tensors take how much of a memory that is too small."""
    widths = {share.bits // share.words for share in parts}
    width = widths.pop() if len(widths) == 1 else 0
    how = " + ".join(
        f"{share.tensor} {'×'.join(map(str, share.shape)) or '1'}"
        + ("" if width else f" × {share.bits // share.words} b")
        for share in parts
    )
    if width:
        return Reject(name, "capacity in words", sum(p.words for p in parts), room // width, how)
    return Reject(name, "capacity in bits", sum(p.bits for p in parts), room, how)
