"""The buffer-size curve of a cascade: its Einsums one after another, in a buffer that is all theirs in turn, or fused.

Unfused, the least traffic at a capacity is the sum of what each Einsum needs with it. Fused, it is the least over all
ways to cut the cascade into groups of neighbours, each group with its own curve: a shortest path at every capacity.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.curve import AIM, BufferCurve, CurveMachine, CurvePoint, curves_of_each, machine_of
from costmodel.mapper.fused import FusedQuery, Fusion, fuse
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import objective_of


@dataclass(frozen=True, slots=True)
class CurvePiece:
    """An Einsum by itself, or Einsums that are fused, with a nest."""

    einsums: tuple[str, ...]
    corner: CurvePoint
    """Of one execution."""


@dataclass(frozen=True, slots=True)
class CascadePoint:
    """One corner of the curve of a cascade. Traffic is of all executions."""

    capacity_bits: int
    traffic_words: int
    traffic_bits: int
    pieces: tuple[CurvePiece, ...]
    """In the order of the cascade."""

    @property
    def fused(self) -> tuple[tuple[str, ...], ...]:
        """Groups of Einsums that are fused."""
        return tuple(piece.einsums for piece in self.pieces if len(piece.einsums) > 1)


@dataclass(frozen=True, slots=True)
class Staircase:
    """Corners by growing capacity; traffic falls from each to the next."""

    points: tuple[CascadePoint, ...]
    proven: bool

    def at(self, capacity_bits: int | None) -> CascadePoint | None:
        """Return the corner that holds for a capacity (null: unbounded); null where not even one point fits."""
        if capacity_bits is None:
            return self.points[-1] if self.points else None
        place = bisect_right(self.points, capacity_bits, key=lambda p: p.capacity_bits)
        return self.points[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class CascadeCurve:
    """Least traffic of a whole workload by the capacity of a level, unfused and fused."""

    workload: str
    level: str
    above: str
    """The next memory above that holds a tensor, taken to be unbounded."""
    einsums: tuple[BufferCurve, ...]
    """Of one execution of each Einsum."""
    unfused: Staircase
    fused: Staircase | None
    """Null where fused nests were not asked for. At no capacity above ``unfused``."""
    alone: tuple[tuple[str, str], ...]
    """(Einsum, why it is in no group)."""
    interrupted: bool
    """Whether Ctrl-C ended the search of fused nests."""
    cpu_s: float


WIDTHS = (300, 1_000_000)
"""Labels of each stage of the rounds of fused nests; a curve needs the branches of all capacities, so few can go."""
Fronts = dict[tuple[int, int], list[CascadePoint]]
"""(first, stop) among the Einsums → corners of a group, or of an Einsum alone."""


def cascade_curve(
    workload: Workload,
    architecture: Architecture,
    level: str,
    *,
    fuse: Literal["off", "auto"] = "off",
    budget_s: float | None = None,
    known: Sequence[BufferCurve] | None = None,
) -> CascadeCurve:
    """Return the corners of least traffic of a workload between a memory and the memory above it.

    The level is taken alone, as ``buffer_curve`` takes it, and each Einsum, or each fused group of them, has all of it
    while it runs. With ``fuse="auto"`` the mapspace is the one of fused cascades in docs/mapper.md. ``budget_s`` is the
    wall time for each Einsum, and once more for fused nests; ``known`` has the curves of the Einsums, if they are.

    Raises SpecError: no such memory, nothing is above it, or it serves no unit that can run an Einsum.
    """
    began = time.process_time()
    machine = machine_of(workload.einsums, architecture, level)
    if known is None:
        known = list(curves_of_each(workload, architecture, level, budget_s=budget_s))
    curves = tuple(known)
    fronts: Fronts = {
        (at, at + 1): [_scaled(CurvePiece((e.name,), p), e) for p in curve.points]
        for at, (e, curve) in enumerate(zip(workload.einsums, curves, strict=True))
    }
    proven = all(curve.proven for curve in curves)
    unfused, fused, fusion = Staircase(_path(fronts, len(curves)), proven), None, None
    if fuse == "auto":
        fusion, groups = _groups(workload, machine, curves, budget_s)
        fused = Staircase(_path(fronts | groups, len(curves)), proven and fusion.proven)
    return CascadeCurve(
        workload=workload.name,
        level=level,
        above=machine.above,
        einsums=curves,
        unfused=unfused,
        fused=fused,
        alone=() if fusion is None else tuple(fusion.alone.items()),
        interrupted=fusion is not None and fusion.interrupted,
        cpu_s=time.process_time() - began,
    )


def _groups(
    workload: Workload, machine: CurveMachine, curves: Sequence[BufferCurve], budget_s: float | None
) -> tuple[Fusion, Fronts]:
    """Return what is known of fused nests, and the corners of each group that are better than whatever fuses less."""
    costs = {
        at: np.array([(p.traffic_bits, 0, machine.used_bits(p.capacity_bits)) for p in curve.points], dtype=np.float64)
        for at, curve in enumerate(curves)
    }
    deadline = None if budget_s is None else time.monotonic() + budget_s
    exact = {at for at, curve in enumerate(curves) if curve.proven}
    aim = objective_of(AIM)
    fusion = fuse(workload, machine.architecture, FusedQuery(aim, (), deadline, WIDTHS), costs, exact)
    found: Fronts = {}
    for (first, stop), points in fusion.fronts.items():
        members = workload.einsums[first:stop]
        names = tuple(e.name for e in members)
        tensors = {name: tensor for e in members for name, tensor in e.tensors.items()}
        corners = [machine.corner(p.evaluation, tensors, p.mapping.nest) for p in points]
        if any(corner.traffic_bits != round(p.energy_pj) for corner, p in zip(corners, points, strict=True)):
            msg = f"{', '.join(names)}: what crosses is not what the search counted"
            raise AssertionError(msg)
        found[first, stop] = [_scaled(CurvePiece(names, corner), members[0]) for corner in corners]
    return fusion, found


def _scaled(piece: CurvePiece, einsum: Einsum) -> CascadePoint:
    """Return the corner of a piece over all executions of its Einsums, which run equally often."""
    corner, count = piece.corner, einsum.count
    return CascadePoint(corner.capacity_bits, count * corner.traffic_words, count * corner.traffic_bits, (piece,))


def _path(fronts: Fronts, stop: int) -> tuple[CascadePoint, ...]:
    """Return the corners over all cuts, exact at every capacity."""
    known: dict[int, list[CascadePoint]] = {0: [CascadePoint(0, 0, 0, ())]}
    for end in range(1, stop + 1):
        every = [
            point
            for begin in range(end)
            if (begin, end) in fronts
            for point in _after(known[begin], _falling(fronts[begin, end]))
        ]
        known[end] = _falling(every)
    return tuple(known[stop])


def _after(before: Sequence[CascadePoint], own: Sequence[CascadePoint]) -> list[CascadePoint]:
    """Add two staircases, at each capacity where either has a corner and both have begun."""
    sums = []
    for size in sorted({p.capacity_bits for p in (*before, *own)}):
        a, b = (bisect_right(x, size, key=lambda p: p.capacity_bits) for x in (before, own))
        if a and b:
            one, two = before[a - 1], own[b - 1]
            words, bits = one.traffic_words + two.traffic_words, one.traffic_bits + two.traffic_bits
            sums.append(CascadePoint(size, words, bits, one.pieces + two.pieces))
    return sums


def _falling(points: Iterable[CascadePoint]) -> list[CascadePoint]:
    """Return the points that no other beats, by growing capacity; of equal ones, the one that fuses least."""
    found: list[CascadePoint] = []
    for point in sorted(points, key=lambda p: (p.capacity_bits, p.traffic_bits, -len(p.pieces))):
        if not found or point.traffic_bits < found[-1].traffic_bits:
            found.append(point)
    return found
