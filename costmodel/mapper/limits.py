"""What a plan may break although it is a mapping: capacities, and rules that no choice of slots can guarantee.

Every limit gives a *slack*: at most 0 where it is kept, otherwise the power of two by which it is missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from costmodel.mapper.constraints import Rules
from costmodel.mapper.plan import Hold, Loop, Plan, Plans, Share
from costmodel.mapper.result import Reject
from costmodel.model.nest import keeps
from costmodel.spec.hardware import Memory


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit, and how a plan stands to it."""

    limit: str
    """Unique among the limits of a search."""
    slack: float
    reject: Reject | None = None
    """The numbers, where the limit is broken."""


@dataclass(frozen=True)
class Limits:
    """The limits of one search."""

    plans: Plans
    rules: Rules = field(default_factory=Rules)

    def findings(self, plan: Plan) -> tuple[Finding, ...]:
        """Return every limit, in an order that does not depend on the plan."""
        found = list(self.capacities(plan))
        if self._ruled:
            found += [*self._spreads(plan), *self._tiles(plan), *self._utilisation(plan), *self._dataflow(plan)]
        return tuple(found)

    def capacities(self, plan: Plan) -> Iterator[Finding]:
        """Compare the room that tiles need with what each memory has."""
        shares = self.plans.shares(plan)
        need: dict[int, int] = {}
        for share in shares:
            need[share.level] = need.get(share.level, 0) + share.bits
        for level, name, room in self._rooms:
            bits = need.get(level, 0)
            slack = math.log2(bits / room) if bits else -1.0
            reject = _over(name, room, [s for s in shares if s.level == level]) if slack > 0 else None
            yield Finding(f"{name}: capacity", slack, reject)

    def _spreads(self, plan: Plan) -> Iterator[Finding]:
        for rule in self.rules.spreads:
            v = rule.rank_variable
            if v not in self.plans.einsum.shape:
                continue
            used = math.prod(
                step.steps
                for step in plan
                if isinstance(step, Loop)
                and (step.array, step.rank_variable) == (rule.array, v)
                and rule.dimension in ("", step.dimension)
            )
            place = f"{rule.array}.{rule.dimension}" if rule.dimension else rule.array
            relation = "at most" if rule.relation == "<=" else "exact"
            yield _compared(place, f"{relation} {v} {rule.instances}", used, rule.instances, exact=relation == "exact")

    def _tiles(self, plan: Plan) -> Iterator[Finding]:
        for rule in self.rules.tiles:
            v = rule.rank_variable
            if v not in self.plans.einsum.shape:
                continue
            worst = Finding(f"{rule.level}: tile {v} {rule.relation} {rule.extent}", -1.0)
            extent = 1
            for step in reversed(plan):
                if isinstance(step, Loop):
                    extent *= step.steps if step.rank_variable == v else 1
                elif self._names[step.level] == rule.level and v in self.plans.relevant[step.tensor]:
                    limit = f"tile {v} {rule.relation} {rule.extent}"
                    seen = _compared(rule.level, limit, extent, rule.extent, exact=rule.relation == "==")
                    worst = max(worst, seen, key=lambda finding: finding.slack)
            yield worst

    def _utilisation(self, plan: Plan) -> Iterator[Finding]:
        share = self.rules.utilisation
        if not share:
            return
        used = math.prod(step.steps for step in plan if isinstance(step, Loop) and step.array)
        least = math.ceil(share * self._instances)
        slack = math.log2(least / used)
        reject = Reject(self.plans.unit, f"utilisation >= {100 * share:g} %", least, used, "instances at work")
        yield Finding("utilisation", slack, reject if slack > 0 else None)

    def _dataflow(self, plan: Plan) -> Iterator[Finding]:
        dataflow = self.rules.dataflow
        if dataflow is None or dataflow == "row_stationary":
            return
        role = dataflow.removesuffix("_stationary")
        einsum = self.plans.einsum
        for tensor in einsum.tensors:
            if not keeps((role,), einsum.tensors[tensor], einsum):
                continue
            moving = self._moving_loop(plan, tensor)
            reject = None
            if moving is not None:
                how = f"`for {moving.rank_variable}` comes first and moves {tensor}"
                reject = Reject(tensor, dataflow, moving.steps, 1, how)
            yield Finding(f"{dataflow}: {tensor}", 0.0 if moving is None else math.log2(moving.steps), reject)

    def _moving_loop(self, plan: Plan, tensor: str) -> Loop | None:
        """Return the first loop in time above a tensor's innermost tile if it moves that, and another would not."""
        places = [place for place, step in enumerate(plan) if isinstance(step, Hold) and step.tensor == tensor]
        above = [step for step in plan[: places[-1]] if isinstance(step, Loop) and not step.array]
        moves = [step.rank_variable in self.plans.relevant[tensor] for step in above]
        return above[-1] if above and moves[-1] and not all(moves) else None

    @cached_property
    def _ruled(self) -> bool:
        rules = self.rules
        return bool(rules.spreads or rules.tiles or rules.utilisation or rules.dataflow)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(level.name for level in self.plans.architecture.levels)

    @cached_property
    def _instances(self) -> int:
        return self.plans.architecture.copies(self.plans.unit)

    @cached_property
    def _rooms(self) -> tuple[tuple[int, str, int], ...]:
        return tuple(
            (place, level.name, level.usable_bits)
            for place, level in enumerate(self.plans.architecture.levels)
            if isinstance(level, Memory) and level.usable_bits is not None
        )


def _compared(place: str, limit: str, have: int, bound: int, *, exact: bool) -> Finding:
    slack = math.log2(have / bound)
    slack = abs(slack) if exact else slack
    return Finding(f"{place}: {limit}", slack, Reject(place, limit, have, bound) if slack > 0 else None)


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
