"""One mapping → exact traffic → latency and energy."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import replace
from itertools import product

from costmodel.einsum.algebra import Workload
from costmodel.einsum.roles import stationary_tensor
from costmodel.model.evaluation import ActionRow, Evaluation, Flow, LatencyRow, OccupancyRow, TrafficRow
from costmodel.model.formats import stored_bits
from costmodel.model.meters import PriceBook, operation_pj, operations_per_cycle, pass_cycles, point_cycles
from costmodel.model.motion import Motion, motion, touched_words
from costmodel.model.nest import BoundEinsum, BoundNest, Holder, Path, Place, bind
from costmodel.model.obedience import broken_rules
from costmodel.model.tiles import Chain, Event, Fixed, Loop, position_classes
from costmodel.model.traffic import Crossing, cross, cross_access, holder_motion
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Compute, Mapping, Nest, Storage
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.problems import Problem, SpecError

FLOWS: tuple[Flow, ...] = ("fill", "read", "update", "drain")
Metered = tuple[Crossing, Sequence[tuple[int, int]]]
"""What crosses a boundary, and (place of a meter, bits that it counts)."""


class ModelError(Exception):
    """A count broke an invariant: a defect of the model, not of the input."""


class OverCapacityError(SpecError):
    """A mapping that is right but for its tiles: a memory has no room for them."""


def evaluate(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    marks: MappingABC[Path, Place] | None = None,
) -> Evaluation:
    """Return the exact cost of one mapping (one Einsum, or a cascade with sequences).

    Raises SpecError where the mapping does not fit the architecture or the workload or breaks a constraint of the
    architecture, with all problems (as OverCapacityError, with the arithmetic, where only room is wanting), and
    ModelError where an invariant of the counts is broken.
    """
    nest = bind(workload, architecture, mapping, marks)
    if broken := broken_rules(nest, marks):
        raise SpecError(broken)
    return evaluate_bound(nest, marks)


def evaluate_bound(nest: BoundNest, marks: MappingABC[Path, Place] | None = None) -> Evaluation:
    """Return the cost of a nest that was bound already, and that obeys.

    Raises OverCapacityError, and ModelError as ``evaluate`` does.
    """
    architecture = nest.architecture
    motions = {h: holder_motion(h) for h in nest.holders}
    occupancy, over = _occupancy(nest, motions, marks or {})
    if over:
        raise OverCapacityError(over)
    crossings = [cross(architecture, h) for h in nest.holders if h.parent is not None]
    for bound in nest.einsums:
        crossings += [cross_access(architecture, bound, access) for access in bound.einsum.accesses]
    _check(nest, crossings)
    book = PriceBook(architecture)
    traffic = _traffic(nest, crossings)
    counted = [(c, list(metered(book, nest, c))) for c in crossings]
    latency = [row for bound in nest.einsums for row in _latency(book, nest, bound, counted)]
    worst: dict[str, float] = defaultdict(float)
    for row in latency:
        worst[row.einsum] = max(worst[row.einsum], row.cycles)
    actions = _actions(book, nest, counted, worst)
    area, missing = area_mm2(architecture)
    return Evaluation(
        traffic_rows=tuple(traffic),
        action_rows=tuple(actions),
        latency_rows=tuple(latency),
        occupancy_rows=tuple(occupancy),
        points={b.einsum.name: b.einsum.points for b in nest.einsums},
        counts={b.einsum.name: b.einsum.count for b in nest.einsums},
        capacity_bits_by_einsum=_room_used(nest, occupancy),
        clock_hz=architecture.clock_hz,
        peak_by_einsum={b.einsum.name: peak_per_cycle(architecture, b) for b in nest.einsums},
        area_mm2=area,
        area_missing=missing,
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
    )


def evaluate_network(workload: Workload, architecture: Architecture, mappings: Sequence[Mapping]) -> Evaluation:
    """Return the cost of a workload whose Einsums are mapped one by one. Raises as ``evaluate`` does."""
    return combine([evaluate(workload, architecture, m) for m in mappings])


def area_mm2(architecture: Architecture) -> tuple[float | None, tuple[str, ...]]:
    """Return the chip's area and the levels whose area is not modelled."""
    stated = [x for x in architecture.physical if x.area_mm2 is not None]
    missing = tuple(x.name for x in architecture.physical if x.area_mm2 is None)
    if not stated:
        return None, missing
    return sum((x.area_mm2 or 0.0) * architecture.copies(x.name) for x in stated), missing


def peak_per_cycle(architecture: Architecture, bound: BoundEinsum) -> float:
    """Return the points per cycle of an Einsum if every instance of its compute unit worked all the time."""
    rates = [operations_per_cycle(bound.unit, operation.kind) for operation in bound.einsum.operations]
    scale = math.prod(rates)  # keeps the peak of one kind of operation free of rounding
    cycles = sum(o.per_point * (scale / rate) for o, rate in zip(bound.einsum.operations, rates, strict=True))
    return architecture.copies(bound.unit.name) * scale / cycles


def _occupancy(
    nest: BoundNest, motions: MappingABC[Holder, Motion], marks: MappingABC[Path, Place]
) -> tuple[list[OccupancyRow], list[Problem]]:
    largest = {h: motions[h].largest() for h in nest.holders}
    rows = [
        OccupancyRow(h.owner.name, h.level.name, h.tensor.name, words, stored_bits(h.tensor, h.level, words))
        for h, words in largest.items()
    ]
    at_path: dict[Path, list[Holder]] = defaultdict(list)
    for h in nest.holders:
        at_path[h.path].append(h)

    def fullest(level: Memory, nodes: Nest, base: Path) -> tuple[int, list[Holder]]:
        used, held = 0, []
        for place, node in enumerate(nodes):
            path = (*base, place)
            if isinstance(node, Storage) and node.level == level.name:
                held += at_path[path]
                used += sum(stored_bits(h.tensor, h.level, largest[h]) for h in at_path[path])
            elif isinstance(node, SequenceNode):
                inner = [fullest(level, branch, (*path, k)) for k, branch in enumerate(node.branches)]
                most, theirs = max(inner, key=lambda x: x[0])
                used, held = used + most, held + theirs
        return used, held

    problems = []
    for level in nest.architecture.memories:
        if level.usable_bits is None:
            continue
        used, held = fullest(level, nest.mapping.nest, ())
        if used > level.usable_bits:
            file, line, column = marks.get(held[-1].path, ("", 0, 0))
            sums = " + ".join(f"{h.tensor.name} {largest[h]:,} × {stored_bits(h.tensor, level, 1)} b" for h in held)
            half = " (half of it: double-buffered)" if level.double_buffered else ""
            problems.append(
                Problem(
                    f"{level.name} is over capacity: {sums} = {used:,} b, "
                    f"there is room for {level.usable_bits:,} b{half}",
                    file,
                    line,
                    column,
                    hint="use smaller tiles above the storage node, or let a tensor pass the level by",
                )
            )
    return rows, problems


def _room_used(nest: BoundNest, occupancy: Sequence[OccupancyRow]) -> dict[str, int]:
    """Bits that the storage nodes around each Einsum hold, in all instances of the memories inside the outermost."""
    architecture = nest.architecture
    copies = {memory.name: architecture.copies(memory.name) for memory in architecture.memories[1:]}
    at_path: dict[Path, int] = defaultdict(int)
    for h, row in zip(nest.holders, occupancy, strict=True):
        at_path[h.path] += row.bits * copies.get(row.level, 0)
    used: dict[str, int] = {}

    def visit(nodes: Nest, base: Path, above: int) -> None:
        for place, node in enumerate(nodes):
            path = (*base, place)
            above += at_path[path]
            if isinstance(node, Compute):
                used[node.einsum] = above
            elif isinstance(node, SequenceNode):
                for k, branch in enumerate(node.branches):
                    visit(branch, (*path, k), above)

    visit(nest.mapping.nest, (), 0)
    return used


def _check(nest: BoundNest, crossings: Sequence[Crossing]) -> None:
    """Raise ModelError if a count breaks an invariant that holds for every nest."""
    for c in crossings:
        if min(c.read, c.update, c.fill, c.drain) < 0:
            msg = f"negative count: {c.parent.tensor.name} at {c.parent.level.name}: {_told(c)}"
            raise ModelError(msg)
        if c.child is not None and (c.read > c.fill or c.update > c.drain):
            msg = (
                f"{c.parent.level.name} serves more words of {c.parent.tensor.name} than its children take: {_told(c)}"
            )
            raise ModelError(msg)
    for b in nest.einsums:
        done = motion(b.loops, 0, [(b.einsum, b.einsum.output)]).accesses(len(b.loops), ())
        if done != b.einsum.points:
            msg = f"{b.einsum.name}: the nest performs {done} points of {b.einsum.points}"
            raise ModelError(msg)
        for tensor in dict.fromkeys(access.tensor for access in b.einsum.inputs):
            outermost = b.holders[tensor][0]
            if outermost.output_like:
                continue
            words = touched_words(b.einsum, tensor)
            read = sum(c.read for c in crossings if c.parent is outermost)
            if read < words:
                msg = f"{tensor}: {read} words leave {outermost.level.name}, {words} are used"
                raise ModelError(msg)


def _told(c: Crossing) -> str:
    child = c.child.level.name if c.child is not None else "compute"
    return f"read {c.read}, updated {c.update}; {child} filled {c.fill}, drained {c.drain}"


def _traffic(nest: BoundNest, crossings: Sequence[Crossing]) -> list[TrafficRow]:
    words: dict[tuple[str, str, str], dict[Flow, int]] = {}
    for h in nest.holders:
        words[h.owner.name, h.level.name, h.tensor.name] = dict.fromkeys(FLOWS, 0)
    for c in crossings:
        tensor = c.parent.tensor.name
        above = words.setdefault((c.einsum.name, c.parent.level.name, tensor), dict.fromkeys(FLOWS, 0))
        above["read"] += c.read
        above["update"] += c.update
        if c.child is not None:
            below = words.setdefault((c.einsum.name, c.child.level.name, tensor), dict.fromkeys(FLOWS, 0))
            below["fill"] += c.fill
            below["drain"] += c.drain
    return [
        TrafficRow(einsum, level, tensor, flow, flows[flow])
        for (einsum, level, tensor), flows in words.items()
        for flow in FLOWS
    ]


def _actions(
    book: PriceBook, nest: BoundNest, counted: Sequence[Metered], cycles: MappingABC[str, float]
) -> list[ActionRow]:
    """Price what crosses, what is computed and what leaks; rows of memories stand before those of other components."""
    bits: dict[tuple[str, str, int], int] = {}
    ports = {
        h.level.name: [at for at in book.energy if book.meters[at].component == h.level.name] for h in nest.holders
    }
    for h in nest.holders:
        for at in ports[h.level.name]:
            bits[h.owner.name, h.tensor.name, at] = 0
    energy = set(book.energy)
    for c, amounts in counted:
        einsum, tensor = c.einsum.name, c.parent.tensor.name
        for at, more in amounts:
            if at in energy:
                key = (einsum, tensor, at)
                bits[key] = bits.get(key, 0) + more
    rows = []
    for (name, held, at), moved in sorted(bits.items(), key=lambda x: book.meters[x[0][2]].component not in ports):
        meter = book.meters[at]
        rows.append(ActionRow(name, meter.component, held, meter.action, meter.amount(moved), meter.cost(moved)))
    for b in nest.einsums:
        rows += _compute_actions(b)
        rows += [
            ActionRow(b.einsum.name, name, "", "leak", cycles[b.einsum.name], pj * cycles[b.einsum.name])
            for name, pj in book.leaks
        ]
    return rows


def metered(book: PriceBook, nest: BoundNest, c: Crossing) -> Iterator[tuple[int, int]]:
    """Yield (place of a meter, bits that it counts) of what crosses one boundary."""
    if c.child is not None:
        receiver = c.child.level.name
    else:
        receiver = next(b.unit.name for b in nest.einsums if b.einsum is c.einsum)
    return book.bits(c.parent.tensor, c.parent.level.name, receiver, c)


def _compute_actions(bound: BoundEinsum) -> list[ActionRow]:
    rows = []
    for kind, count in bound.einsum.operation_counts.items():
        energy = count * operation_pj(bound.unit, kind)
        rows.append(ActionRow(bound.einsum.name, bound.unit.name, "", f"compute {kind}", float(count), energy))
    return rows


def _latency(book: PriceBook, nest: BoundNest, bound: BoundEinsum, counted: Sequence[Metered]) -> list[LatencyRow]:
    mine = [(c, amounts) for c, amounts in counted if c.einsum is bound.einsum]
    rows = []
    for component, limits in book.limits.items():
        cycles = 0.0
        for instances, work in _busiest(book, nest, bound, book.meters[limits[0]].level, mine):
            bits = dict.fromkeys(limits, 0)
            for amounts in work:
                for at, more in amounts:
                    if at in bits:
                        bits[at] += more
            cycles = max(cycles, *(book.meters[at].cost(amount / instances) for at, amount in bits.items()))
        rows.append(LatencyRow(bound.einsum.name, component, cycles))
    rows.append(LatencyRow(bound.einsum.name, bound.unit.name, _compute_cycles(nest.architecture, bound)))
    return rows


def _compute_cycles(architecture: Architecture, bound: BoundEinsum) -> float:
    each = point_cycles(bound.einsum, bound.unit)
    cycles = sum(cycles * busiest_points(bound, at_zero) for at_zero, cycles in each.items())
    return cycles + sum(systolic_overhead(architecture, array, bound) for array in systolic_arrays(architecture, bound))


def busiest_points(bound: BoundEinsum, at_zero: frozenset[str] = frozenset()) -> int:
    """Points of the first compute instance, the busiest one, at which these rank variables are 0."""
    loops, einsum = bound.loops, bound.einsum
    every = replace(einsum.output, at_zero=at_zero) if at_zero else einsum.output
    everything = motion(loops, 0, [(einsum, every)])
    if everything.exact and not at_zero:  # all instances are alike
        instances = math.prod(_steps(loops, at, left) for at, left in _spatial(loops, einsum.shape))
        return everything.accesses(len(loops), ()) // instances
    return everything.accesses(len(loops), (), first_instance(loops, len(loops)))


def systolic_arrays(architecture: Architecture, bound: BoundEinsum) -> list[Array]:
    """Return the systolic arrays that an Einsum's compute unit is in."""
    above = architecture.levels[: architecture.index(bound.unit.name)]
    return [a for a in above if isinstance(a, Array) and a.systolic is not None]


def systolic_overhead(architecture: Architecture, array: Array, bound: BoundEinsum) -> int:
    """Return the cycles that the passes of a systolic array pay for skew and for loading what stays."""
    return passes(architecture, array, bound) * pass_cycles(array, rows_dimension(array, bound))


def rows_dimension(array: Array, bound: BoundEinsum) -> str:
    """Return the dimension along which partial sums flow: where a reduced rank variable is unrolled, else the first."""
    reducing = {
        bound.loops[at].dimension
        for at, left in _spatial(bound.loops, bound.einsum.shape)
        if bound.loops[at].array == array.name
        and bound.loops[at].rank_variable in bound.einsum.reduced
        and _steps(bound.loops, at, left) > 1
    }
    return next(iter(reducing)) if len(reducing) == 1 else next(iter(array.shape))


def passes(architecture: Architecture, array: Array, bound: BoundEinsum) -> int:
    """How often the array takes a new tile of the tensor that stays in it."""
    einsum = bound.einsum
    tensor = stationary_tensor(einsum, array.systolic or "output")
    place = architecture.index(array.name)
    inside = [h for h in bound.holders[tensor] if architecture.index(h.level.name) > place]
    if inside:
        moving = holder_motion(inside[0])
    else:
        moving = motion(bound.loops, bound.scope, [(einsum, a) for a in einsum.accesses_of(tensor)])
    return moving.changes(first_instance(moving.loops, len(moving.loops)))


def first_instance(loops: Sequence[Loop], until: int) -> dict[str, tuple[int, ...]]:
    """Coordinates of the first instance below the first ``until`` loops: it is never idle."""
    corner: dict[str, tuple[int, ...]] = {}
    for loop in loops[:until]:
        corner.setdefault(loop.rank_variable, ())
        if loop.spatial:
            corner[loop.rank_variable] += (0,)
    return corner


def _busiest(
    book: PriceBook, nest: BoundNest, bound: BoundEinsum, level: str, counted: Sequence[Metered]
) -> list[tuple[int, list[Sequence[tuple[int, int]]]]]:
    """What meters count in the instances of a level that may be the busiest ones, and how many share it evenly."""
    listed = [(c, amounts) for c, amounts in counted if c.parent.level.name == level or _is_child(c, level)]
    touching = [c for c, _ in listed]
    if not touching:
        return []
    above = max(
        (c.parent.loops if c.parent.level.name == level else c.child.loops if c.child else () for c in touching),
        key=lambda loops: sum(x.spatial for x in loops),
    )
    split = sorted({x.rank_variable for x in above if x.spatial})
    if all(c.down.exact and c.down.rigid for c in touching) or not split:
        spread = [(above[at].rank_variable, _steps(above, at, n)) for at, n in _spatial(above, bound.einsum.shape)]
        return [(math.prod(steps for _, steps in spread), [_shared(c, amounts, spread) for c, amounts in listed])]
    found = []
    for fixed in _instance_classes(above, touching):
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


def _spatial(loops: Sequence[Loop], extents: MappingABC[str, int]) -> list[tuple[int, int]]:
    """(place, extent left above it) of every spatial loop."""
    left = dict(extents)
    found = []
    for at, loop in enumerate(loops):
        if loop.spatial:
            found.append((at, left[loop.rank_variable]))
        left[loop.rank_variable] = min(loop.tile, left[loop.rank_variable])
    return found


def _steps(loops: Sequence[Loop], at: int, extent: int) -> int:
    return -(-extent // loops[at].tile)


def _instance_classes(loops: Sequence[Loop], crossings: Sequence[Crossing]) -> list[Fixed]:
    """Coordinates of instances, one per class of instances that do the same work."""
    choices: list[list[tuple[str, tuple[int, ...]]]] = []
    moving = [c.down for c in crossings]
    deepest = {v: down for down in moving for v in down.extents}
    deepest |= {v: down for down in moving for v in down.extents if v not in down.frozen}
    for v in sorted({x.rank_variable for x in loops if x.spatial}):
        down = deepest[v]
        places = [at for at, x in enumerate(loops) if x.spatial and x.rank_variable == v]
        sizes = [_steps(loops, at, left) for at, left in _spatial(loops, down.extents) if at in places]
        seen: dict[tuple[object, ...], tuple[int, ...]] = {}
        for coordinates in product(*(range(n) for n in sizes)):
            signature = []
            for c in crossings:
                own = tuple((at, x) for at, x in enumerate(c.down.loops) if x.rank_variable == v)
                chain = Chain(c.down.extents.get(v, down.extents[v]), own, len(loops), coordinates)
                shape = position_classes(chain, Event("all", len(c.down.loops)))
                origin = shape[0].states[0].low if shape and c.down.rigid else 0
                signature.append(
                    tuple((k.multiplicity, tuple((s.low - origin, s.extent) for s in k.states)) for k in shape)
                )
            seen.setdefault(tuple(signature), coordinates)
        choices.append([(v, coordinates) for coordinates in seen.values()])
    return [dict(chosen) for chosen in product(*choices)]


__all__ = ["Compute", "ModelError", "combine", "evaluate", "evaluate_bound", "evaluate_network"]
