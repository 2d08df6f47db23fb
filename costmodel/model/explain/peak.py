"""Where the peak goes: the cycles of an Einsum beyond those that all its compute instances would need."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from costmodel.model.evaluation import WAITING
from costmodel.model.explain.asked import Questioned
from costmodel.model.instances import spatial_loops, steps_of
from costmodel.model.nest import BoundEinsum
from costmodel.model.systolic import passes, systolic_arrays, systolic_overhead

NEGLIGIBLE = 1e-9
"""Share of the cycles below which a loss is rounding."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Cycles of one execution of an Einsum in which its compute unit does less than it could, and why."""

    kind: Literal["idle", "uneven", "passes", "waits"]
    """Instances without work; work that is not spread evenly; fill and drain; waiting for something slower."""
    where: str
    """What idles (the unit), what fills and drains (an array), what is waited for (a component)."""
    cycles: float
    text: str
    """The cause, in words."""


@dataclass(frozen=True, slots=True)
class ArrayUse:
    """A dimension of an array, and what an Einsum unrolls across it."""

    array: str
    name: str
    size: int
    used: int
    """Instances at work, one in each of ``loops``' steps."""
    loops: tuple[tuple[str, int, int], ...]
    """(rank variable, extent that is left for it, steps)."""


def losses(asked: Questioned, einsum: str) -> tuple[Loss, ...]:
    """Split what an Einsum takes beyond ``points / peak`` by cause; what is left of its cycles is useful."""
    e = asked.evaluation
    bound, cycles = asked.bound(einsum), e.cycles_by_einsum[einsum]
    rows = [r.cycles for r in e.latency_rows if (r.einsum, r.component) == (einsum, bound.unit.name)]
    computing = min(rows[0], cycles) if rows else 0.0
    found = list(_passes(asked, bound))
    busy = computing - sum(loss.cycles for loss in found)
    copies = asked.architecture.copies(bound.unit.name)
    dimensions = dimensions_of(asked, einsum)
    used = math.prod(part.used for part in dimensions)
    ideal = min(e.points[einsum] / e.peak_by_einsum[einsum], busy)
    even = max(busy * min(used / copies, 1.0), ideal)
    if used < copies:
        text = f"{used:,} of {copies:,} {bound.unit.name} at work: {'; '.join(_why_idle(dimensions))}"
        found.append(Loss("idle", bound.unit.name, busy - even, text))
    text = f"some of the {bound.unit.name} have less to do than others: tiles do not divide"
    found.append(Loss("uneven", bound.unit.name, even - ideal, text))
    slower = e.bottlenecks.get(einsum, "")
    what = "operations wait for words: nothing overlaps" if slower == WAITING else f"waits for {slower}"
    found.append(Loss("waits", slower, cycles - computing, what))
    return tuple(loss for loss in found if loss.cycles > NEGLIGIBLE * cycles)


def _passes(asked: Questioned, bound: BoundEinsum) -> Iterator[Loss]:
    for array in systolic_arrays(asked.architecture, bound):
        overhead = systolic_overhead(asked.architecture, array, bound)
        if overhead:
            runs = passes(asked.architecture, array, bound)
            text = f"{runs:,} passes of {array.name} fill and drain for {overhead // runs:,} cycles each"
            yield Loss("passes", array.name, overhead, text)


def dimensions_of(asked: Questioned, einsum: str) -> tuple[ArrayUse, ...]:
    """Every dimension of the arrays above the compute unit of an Einsum, outermost first."""
    bound = asked.bound(einsum)
    across: dict[tuple[str | None, str], list[tuple[str, int, int]]] = {}
    for at, extent in spatial_loops(bound.loops, bound.einsum.shape):
        loop = bound.loops[at]
        steps = steps_of(bound.loops, at, extent)
        if steps > 1:
            across.setdefault((loop.array, loop.dimension), []).append((loop.rank_variable, extent, steps))
    return tuple(
        ArrayUse(array.name, name, array.shape[name], math.prod(steps for _, _, steps in loops), tuple(loops))
        for array in asked.architecture.part(bound.unit.name).arrays
        for name in array.shape
        for loops in (across.get((array.name, name), []),)
    )


def _why_idle(dimensions: Sequence[ArrayUse]) -> Iterator[str]:
    """Of each dimension that is not used up, what is unrolled across it."""
    for part in dimensions:
        name = f"{part.array}.{part.name}"
        if part.used >= part.size:
            continue
        if not part.loops:
            yield f"nothing is unrolled across {name}, which has {part.size:,}"
        else:
            yield f"{part.used:,} of {part.size:,} along {name}{_fit(part.loops, part.size)}"


def _fit(loops: Sequence[tuple[str, int, int]], size: int) -> str:
    """Why one loop uses no more of a dimension; nothing is said of several."""
    if len(loops) > 1:
        return f" ({' × '.join(f'{v} in {steps:,}' for v, _, steps in loops)})"
    ((variable, extent, steps),) = loops
    if extent <= steps:
        return f" ({variable} is only {extent:,})"
    return f" ({variable} is {extent:,}, which {size:,} {'divides' if extent % size == 0 else 'does not divide'})"
