"""One mapping → exact traffic → latency and energy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence

from costmodel.einsum.algebra import Workload
from costmodel.model.actions import action_rows_of, area_mm2, traffic_rows_of
from costmodel.model.evaluation import Evaluation
from costmodel.model.invariants import check
from costmodel.model.latency import busy_rows_of, latency_rows, peak_per_cycle
from costmodel.model.lost import lost_words
from costmodel.model.metered import metered
from costmodel.model.meters import PriceBook
from costmodel.model.nest import BoundNest, Path, Place, bind
from costmodel.model.obedience import broken_rules
from costmodel.model.overlap import overlapped
from costmodel.model.room import occupancy_rows, room_used
from costmodel.model.traffic import cross, cross_access, holder_motion
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError


class OverCapacityError(SpecError):
    """A mapping that is right but for its tiles: a memory has no room for them."""


def evaluate(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    marks: MappingABC[Path, Place] | None = None,
) -> Evaluation:
    """Return the exact cost of one mapping (one Einsum, or a cascade with sequences).

    Raises SpecError where the mapping does not fit the architecture or the workload, breaks a constraint of the
    architecture or needs words that nothing holds, with all problems (as OverCapacityError, with the arithmetic, where
    only room is wanting), and
    ModelError where an invariant of the counts is broken.
    """
    nest = bind(workload, architecture, mapping, marks)
    if broken := [*broken_rules(nest, marks), *lost_words(nest, marks)]:
        raise SpecError(broken)
    return evaluate_bound(nest, marks)


def evaluate_bound(nest: BoundNest, marks: MappingABC[Path, Place] | None = None) -> Evaluation:
    """Return the cost of a nest that was bound already, and that obeys.

    Raises OverCapacityError, and ModelError as ``evaluate`` does.
    """
    architecture = nest.architecture
    motions = {h: holder_motion(h) for h in nest.holders}
    occupancy, over = occupancy_rows(nest, motions, marks or {})
    if over:
        raise OverCapacityError(over)
    crossings = [cross(architecture, h) for h in nest.holders if h.parent is not None]
    for bound in nest.einsums:
        crossings += [cross_access(architecture, bound, access) for access in bound.einsum.accesses]
    check(nest, crossings)
    book = PriceBook(architecture)
    traffic = traffic_rows_of(nest, crossings)
    counted = [(c, list(metered(book, nest, c))) for c in crossings]
    busy = [row for bound in nest.einsums for row in busy_rows_of(book, nest, bound, counted)]
    lasting: dict[str, float] = defaultdict(float)
    for row in busy:
        lasting[row.einsum] = max(lasting[row.einsum], row.cycles)
    overlap, lasting = overlapped(nest, busy) if nest.pipelines else ([], lasting)
    actions = action_rows_of(book, nest, counted, lasting)
    area, missing = area_mm2(architecture)
    return Evaluation(
        traffic_rows=tuple(traffic),
        action_rows=tuple(actions),
        latency_rows=tuple(latency_rows(busy)),
        occupancy_rows=tuple(occupancy),
        points={b.einsum.name: b.einsum.points_inside for b in nest.einsums},
        counts={b.einsum.name: b.einsum.count for b in nest.einsums},
        capacity_bits_by_einsum=room_used(nest, occupancy),
        clock_hz=architecture.clock_hz,
        peak_by_einsum={b.einsum.name: peak_per_cycle(architecture, b) for b in nest.einsums},
        area_mm2=area,
        area_missing=missing,
        overlap_rows=tuple(overlap),
    )


def combine(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Join the evaluations of the Einsums of one workload, which run one after another."""
    first = evaluations[0]
    return Evaluation(
        traffic_rows=tuple(r for e in evaluations for r in e.traffic_rows),
        action_rows=tuple(r for e in evaluations for r in e.action_rows),
        latency_rows=tuple(r for e in evaluations for r in e.latency_rows),
        occupancy_rows=tuple(r for e in evaluations for r in e.occupancy_rows),
        points={k: v for e in evaluations for k, v in e.points.items()},
        counts={k: v for e in evaluations for k, v in e.counts.items()},
        capacity_bits_by_einsum={k: v for e in evaluations for k, v in e.capacity_bits_by_einsum.items()},
        clock_hz=first.clock_hz,
        peak_by_einsum={k: v for e in evaluations for k, v in e.peak_by_einsum.items()},
        area_mm2=first.area_mm2,
        area_missing=first.area_missing,
        overlap_rows=tuple(r for e in evaluations for r in e.overlap_rows),
    )
