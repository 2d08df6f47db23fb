"""Cycles of every component of an Einsum: its compute units, and the busiest instance of each limit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from costmodel.model.evaluation import WAITING, BusyRow, LatencyRow
from costmodel.model.instances import first_instance, instance_classes, spatial_loops, steps_of
from costmodel.model.lasting import Lasting
from costmodel.model.metered import Metered, metered
from costmodel.model.meters import PriceBook, operations_per_cycle, point_cycles
from costmodel.model.motion import motion
from costmodel.model.nest import BoundEinsum, BoundNest
from costmodel.model.systolic import systolic_arrays, systolic_overhead
from costmodel.model.traffic import Crossing, cross, cross_access
from costmodel.spec.hardware import Architecture, Array


def peak_per_cycle(architecture: Architecture, bound: BoundEinsum) -> float:
    """Return the points per cycle of an Einsum if every instance of its compute unit worked all the time."""
    rates = [operations_per_cycle(bound.unit, operation.kind) for operation in bound.einsum.operations]
    scale = math.prod(rates)  # keeps the peak of one kind of operation free of rounding
    cycles = sum(o.per_point * (scale / rate) for o, rate in zip(bound.einsum.operations, rates, strict=True))
    return architecture.copies(bound.unit.name) * scale / cycles


def busy_rows_of(book: PriceBook, nest: BoundNest, bound: BoundEinsum, counted: Sequence[Metered]) -> list[BusyRow]:
    """Return the cycles of all with waits, of each limit and of the compute unit, in the busiest instance of each."""
    name = bound.einsum.name
    busy = dict(limit_cycles(book, nest, bound, counted))
    rows = [BusyRow(name, book.meters[at].component, book.meters[at].action, cycles) for at, cycles in busy.items()]
    computing = _compute_cycles(nest.architecture, bound)
    lasting = Lasting(book)
    if lasting.waits:
        rows.insert(0, BusyRow(name, WAITING, "", lasting.cycles(busy, computing, bound.unit.name)))
    return [*rows, BusyRow(name, bound.unit.name, "", computing)]


def limit_cycles(
    book: PriceBook, nest: BoundNest, bound: BoundEinsum, counted: Sequence[Metered]
) -> Iterator[tuple[int, float]]:
    """Yield (place of a limit, cycles of its busiest instance)."""
    mine = [(c, amounts) for c, amounts in counted if c.einsum is bound.einsum]
    for limits in book.limits.values():
        cycles = dict.fromkeys(limits, 0.0)
        for instances, work in _busiest(book, nest, bound, book.meters[limits[0]].level, mine):
            bits = dict.fromkeys(limits, 0)
            for amounts in work:
                for at, more in amounts:
                    if at in bits:
                        bits[at] += more
            cycles = {at: max(cycles[at], book.meters[at].cost(bits[at] / instances)) for at in limits}
        yield from cycles.items()


def latency_rows(busy: Iterable[BusyRow]) -> list[LatencyRow]:
    """Return the cycles of each component: of the limit that is busy longest."""
    worst: dict[tuple[str, str], float] = {}
    for row in busy:
        key = (row.einsum, row.component)
        worst[key] = max(worst.get(key, 0.0), row.cycles)
    return [LatencyRow(*key, cycles) for key, cycles in worst.items()]


def _compute_cycles(architecture: Architecture, bound: BoundEinsum) -> float:
    each = point_cycles(bound.einsum, bound.unit)
    cycles = sum(cycles * busiest_points(bound, at_zero) for at_zero, cycles in each.items())
    return cycles + sum(systolic_overhead(architecture, array, bound) for array in systolic_arrays(architecture, bound))


def busiest_points(bound: BoundEinsum, at_zero: frozenset[str] = frozenset()) -> int:
    """Points of the first compute instance, the busiest one, at which these rank variables are 0."""
    loops, einsum = bound.loops, bound.einsum
    every = replace(einsum.output, at_zero=at_zero) if at_zero else einsum.output
    everything = motion(loops, 0, [(einsum, every)], "time")
    if everything.exact and not at_zero:  # all instances are alike
        instances = math.prod(steps_of(loops, at, left) for at, left in spatial_loops(loops, einsum.shape))
        return everything.accesses(len(loops), ()) // instances
    return everything.accesses(len(loops), (), first_instance(loops, len(loops)))


def _busiest(
    book: PriceBook, nest: BoundNest, bound: BoundEinsum, level: str, counted: Sequence[Metered]
) -> list[tuple[int, list[Sequence[tuple[int, int]]]]]:
    """What meters count in the instances of a level that may be the busiest ones, and how many share it evenly."""
    if isinstance(nest.architecture.level(level), Array):  # whose limits are told where there is one of it
        return [(1, [amounts for _, amounts in counted])]
    listed = [(c, amounts) for c, amounts in counted if c.parent.level.name == level or _is_child(c, level)]
    touching = [c for c, _ in listed]
    if not touching:
        return []
    above = max(
        (c.parent.loops if c.parent.level.name == level else c.child.loops if c.child else () for c in touching),
        key=lambda loops: sum(x.spatial for x in loops),
    )
    split = sorted({x.rank_variable for x in above if x.spatial})
    if all(c.down.exact and c.down.apart.isdisjoint(split) for c in touching) or not split:
        spread = [
            (above[at].rank_variable, steps_of(above, at, n)) for at, n in spatial_loops(above, bound.einsum.shape)
        ]
        return [(math.prod(steps for _, steps in spread), [_shared(c, amounts, spread) for c, amounts in listed])]
    found = []
    for fixed in instance_classes(above, touching):
        work: list[Sequence[tuple[int, int]]] = []
        for c in touching:
            if c.access is not None:
                one = cross_access(nest.architecture, bound, c.access, fixed)
            else:
                one = cross(nest.architecture, c.child or c.parent, fixed, of_child=_is_child(c, level))
            work.append(list(metered(book, nest, one)))
        found.append((1, work))
    return found


def _shared(
    c: Crossing, amounts: Sequence[tuple[int, int]], spread: Sequence[tuple[str, int]]
) -> Sequence[tuple[int, int]]:
    """What instances would have crossing if each had as much as the first: what is frozen crosses there alone."""
    share = math.prod(steps for v, steps in spread if v in c.down.frozen)
    return amounts if share == 1 else [(at, bits * share) for at, bits in amounts]


def _is_child(c: Crossing, level: str) -> bool:
    return c.child is not None and c.child.level.name == level
