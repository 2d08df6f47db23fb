"""The cycles of a component: its operations, or one of its limits."""

from __future__ import annotations

import math

from costmodel.einsum.roles import stationary_tensor
from costmodel.model.evaluation import WAITING, LatencyRow
from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.explanation import Explanation, Part, number
from costmodel.model.explain.loops import instances_of, where_zero
from costmodel.model.explain.subjects import unknown
from costmodel.model.lasting import Lasting
from costmodel.model.latency import busiest_points, limit_cycles
from costmodel.model.metered import metered
from costmodel.model.meters import (
    operations_per_cycle,
)
from costmodel.model.systolic import passes, systolic_arrays, systolic_overhead
from costmodel.spec.hardware import ComputeUnit, Memory
from costmodel.spec.problems import Problem, SpecError

PASSED = {
    "": "",
    "read": "read",
    "write": "written",
    "enter": "that enter or leave",
    "deliver": "delivered or collected",
    "bisect": "that enter or leave, of which half passes the middle,",
}
"""What passed, by the action of a limit."""


def component_latency(asked: Questioned, subject: str, component: str) -> Explanation:
    """Derive the cycles of a component from its operations or from its nearest limit."""
    e = asked.evaluation
    rows = [r for r in e.latency_rows if r.component == component and r.einsum in asked.einsums()]
    level = next((x for x in asked.architecture.levels if x.name == component), None)
    if component == WAITING:
        return _waiting(asked, subject, rows)
    if not rows:
        if isinstance(level, Memory):
            raise SpecError([Problem(f"{subject}: {component} states no bandwidth, so it limits nothing")])
        raise unknown(asked, subject)
    parts = []
    for r in rows:
        how = _unit_cycles(asked, level, r.einsum) if isinstance(level, ComputeUnit) else _limit_cycles(asked, r)
        name = f"{r.einsum}: " if len(rows) > 1 else ""
        parts.append(Part(f"{name}{asked.times(r.einsum)}{how}", r.cycles * e.counts[r.einsum]))
    value = sum(p.value for p in parts)
    return Explanation(subject, value, "cycles", f"{subject} = {number(value)} cycles", (), tuple(parts))


def _waiting(asked: Questioned, subject: str, rows: list[LatencyRow]) -> Explanation:
    """Derive how long Einsums last from what is busy, and from what waits, level by level."""
    e = asked.evaluation
    if not rows:
        raise SpecError([Problem(f"{subject}: nothing waits here: no level states an `overlap` or a `latency`")])
    parts = []
    for r in rows:
        nest, bound = asked.nest(r.einsum), asked.bound(r.einsum)
        crossings = [c for tensor in bound.einsum.tensors for c in asked.crossings(r.einsum, tensor)]
        counted = [(c, list(metered(asked.book, nest, c))) for c in crossings]
        busy = dict(limit_cycles(asked.book, nest, bound, counted))
        unit = bound.unit.name
        computing = next(x.cycles for x in e.latency_rows if (x.einsum, x.component) == (r.einsum, unit))
        name = f"{r.einsum}: " if len(rows) > 1 else ""
        for how, cycles in Lasting(asked.book).terms(busy, computing, unit):
            parts.append(Part(f"{name}{asked.times(r.einsum)}{how}", cycles * e.counts[r.einsum]))
    value = sum(p.value for p in parts)
    return Explanation(subject, value, "cycles", f"{subject} = {number(value)} cycles", (), tuple(parts))


def _unit_cycles(asked: Questioned, unit: ComputeUnit, einsum: str) -> str:
    bound = asked.bound(einsum)
    outside = " (outside of a tensor, too)" if bound.einsum.limits else ""
    terms = [
        f"{busiest_points(bound, o.at_zero):,} points{where_zero(o.at_zero)}{outside} in the busiest instance × "
        f"{o.per_point} {o.kind} / {number(operations_per_cycle(unit, o.kind))} per cycle"
        for o in bound.einsum.operations
    ]
    for array in systolic_arrays(asked.architecture, bound):
        overhead = systolic_overhead(asked.architecture, array, bound)
        if overhead:
            runs = passes(asked.architecture, array, bound)
            held = stationary_tensor(bound.einsum, array.systolic or "output")
            terms.append(
                f"{runs:,} passes ({held} stays in {array.name}) × {overhead // runs} cycles of fill and drain"
            )
    return " + ".join(terms)


def _limit_cycles(asked: Questioned, row: LatencyRow) -> str:
    """Where the cycles of a component come from: one of its limits."""
    nest = asked.nest(row.einsum)
    places = asked.book.limits[row.component]
    bits = dict.fromkeys(places, 0)
    for tensor in asked.bound(row.einsum).einsum.tensors:
        for c in asked.crossings(row.einsum, tensor):
            for place, more in metered(asked.book, nest, c):
                if place in bits:
                    bits[place] += more
    meters = [asked.book.meters[place] for place in places]
    level = asked.architecture.level(meters[0].level)
    instances = _used_instances(asked, level, row.einsum) if isinstance(level, Memory) else 1
    share = f" / {instances:,} instances" if instances > 1 else ""
    for meter, amount in zip(meters, bits.values(), strict=True):
        if math.isclose(meter.cost(amount / instances), row.cycles, rel_tol=1e-12):
            name = PASSED.get(meter.action, meter.action)
            return f"{amount:,} b {name}{share} / {number(meter.width_bits)} b per cycle".replace("  ", " ")
    limits = ", ".join(f"{PASSED.get(m.action) or 'all'} {number(m.width_bits)} b per cycle" for m in meters)
    total = " and ".join(
        f"{n:,} b {PASSED.get(m.action) or 'in all'}" for m, n in zip(meters, bits.values(), strict=True)
    )
    total += f" in {instances:,} instances together"
    return f"the busiest instance, which has more to do than the others ({total}), at {limits}"


def _used_instances(asked: Questioned, level: Memory, einsum: str) -> int:
    """Instances of a level that an Einsum's nest uses."""
    bound = asked.bound(einsum)
    most = 1
    for holders in bound.holders.values():
        for h in holders:
            if h.level.name == level.name:
                most = max(most, instances_of(h.loops, len(h.loops), bound.einsum.shape))
    return most
