"""The buffer-size curve (ski-slope): least traffic into a level as a function of its capacity, from one search."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace

from costmodel.einsum.algebra import Einsum, Tensor, Workload
from costmodel.einsum.roles import keeps
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.canonical import Naming, grouped, renamed_mapping
from costmodel.mapper.engines import search
from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice import Board, Progress, UnsupportedError, build, widen
from costmodel.mapper.result import Status
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.model.formats import stored_bits
from costmodel.spec.computing import units_for
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping, Nest, Node
from costmodel.spec.objective import objective_of
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.request import Request


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One corner of the curve: with this capacity and up to that of the next corner, this much has to cross."""

    capacity_bits: int
    """Capacity of one instance; twice the room that the tiles take where the level is double-buffered."""
    traffic_words: int
    """Words filled and drained."""
    traffic_bits: int
    nest: tuple[Node, ...]
    """A nest that needs no more: of the memory above, the level, and what computes."""


@dataclass(frozen=True, slots=True)
class BufferCurve:
    """The corners by growing capacity; traffic falls from each to the next, down to the compulsory traffic."""

    einsum: str
    level: str
    above: str
    """The next memory above that holds a tensor of this one, taken to be unbounded."""
    points: tuple[CurvePoint, ...]
    proven: bool
    """Whether no tiles that divide do better; else the budget ran out, and the corners are the best found."""
    cpu_s: float

    def at(self, capacity_bits: int | None) -> CurvePoint | None:
        """Return the corner that holds for a capacity (null: unbounded); null where not even one point fits."""
        fits = [p for p in self.points if capacity_bits is None or p.capacity_bits <= capacity_bits]
        return fits[-1] if fits else None


def buffer_curve(
    einsum: Einsum, architecture: Architecture, level: str, *, budget_s: float | None = None
) -> BufferCurve:
    """Return the corners of least traffic between a memory and the memory above it, by growing capacity.

    The level is taken alone: one instance that holds every tensor, below an unbounded memory, and no array in between,
    whatever the architecture has outside and inside of it. So this is the bound of every mapping that keeps all tensors
    in the level, with tiles that divide and one instance at work. ``halo`` and ``holes`` count as the level states.

    Where the lattice has no exact form of the Einsum, the mappings of this small machine are looked at, all of them
    where they are few: the corners may then be the best found, in ``budget_s`` (else ``SEARCHED_S``) of wall time.

    Raises SpecError: no such memory, nothing is above it, or it serves no unit that can run the Einsum.
    """
    began = time.process_time()
    machine = machine_of((einsum,), architecture, level)
    deadline = None if budget_s is None else time.monotonic() + budget_s
    try:
        points, proven = _on_the_lattice(einsum, machine, deadline)
    except UnsupportedError:
        points, proven = _searched(einsum, machine, budget_s)
    points.sort(key=lambda p: p.capacity_bits)
    return BufferCurve(einsum.name, level, machine.above, tuple(points), proven, time.process_time() - began)


def lattice_curve(einsum: Einsum, architecture: Architecture, level: str) -> BufferCurve | None:
    """Return the same corners where the lattice has an exact form of the Einsum, else null; no clock is looked at.

    Raises SpecError as ``buffer_curve``.
    """
    began = time.process_time()
    machine = machine_of((einsum,), architecture, level)
    try:
        points, proven = _on_the_lattice(einsum, machine, None)
    except UnsupportedError:
        return None
    points.sort(key=lambda p: p.capacity_bits)
    return BufferCurve(einsum.name, level, machine.above, tuple(points), proven, time.process_time() - began)


def curves_of_each(
    workload: Workload, architecture: Architecture, level: str, *, budget_s: float | None = None
) -> Iterator[BufferCurve]:
    """Yield the curve of each Einsum; those that differ in names only are searched once, which takes no time again.

    Raises SpecError as ``buffer_curve`` does.
    """
    found: dict[int, tuple[BufferCurve, Naming]] = {}
    for member in grouped(workload, replace(architecture, constraints=())):  # what a curve takes no heed of
        name, own = member.einsum.name, member.naming
        if member.group not in found:
            curve = buffer_curve(member.einsum, architecture, level, budget_s=budget_s)
            found[member.group] = curve, own
            yield curve
            continue
        curve, theirs = found[member.group]
        variables = dict(zip(theirs.rank_variables, own.rank_variables, strict=True))
        tensors = dict(zip(theirs.tensors, own.tensors, strict=True))
        mappings = [
            renamed_mapping(Mapping(p.nest, workload=None), variables, tensors, name, None) for p in curve.points
        ]
        points = tuple(replace(p, nest=m.nest) for p, m in zip(curve.points, mappings, strict=True))
        yield replace(curve, einsum=name, points=points, cpu_s=0.0)


@dataclass(frozen=True, slots=True)
class CurveMachine:
    """The level alone, below an unbounded memory: a bit that crosses costs 1 pJ, all else nothing."""

    architecture: Architecture
    memory: Memory
    """The level, as the architecture that is asked about has it."""

    @property
    def above(self) -> str:
        return self.architecture.memories[0].name

    def capacity_bits(self, used_bits: int) -> int:
        """Return the capacity of a level whose tiles take so much room."""
        return used_bits * 2 if self.memory.double_buffered else used_bits

    def used_bits(self, capacity_bits: int) -> int:
        """Return the room of a capacity."""
        return capacity_bits // 2 if self.memory.double_buffered else capacity_bits

    def corner(self, found: Evaluation, tensors: MappingABC[str, Tensor], nest: Nest) -> CurvePoint:
        """Return what one mapping needs and moves."""
        rows = [r for r in found.traffic_rows if r.level == self.memory.name and r.flow in {"fill", "drain"}]
        bits = sum(stored_bits(tensors[r.tensor], self.memory, r.words) for r in rows)
        capacity = self.capacity_bits(found.capacity_bits)
        return CurvePoint(capacity, sum(r.words for r in rows), bits, nest)


def machine_of(einsums: Sequence[Einsum], architecture: Architecture, level: str) -> CurveMachine:
    """Return the machine of the curves of some Einsums, of all together where they are several.

    Raises SpecError: no such memory, nothing is above it, or it serves no unit that can run an Einsum.
    """
    check_level(architecture, level)
    names = [m.name for m in architecture.memories]
    memory = next(m for m in architecture.memories if m.name == level)
    mine = set().union(*(_held(memory, e) for e in einsums))
    outside = architecture.memories[: names.index(level)]
    held = {m.name: set().union(*(_held(m, e) for e in einsums)) for m in outside}
    above = next((name for name in reversed(held) if mine & held[name]), names[0])
    outer = Memory(name=above, read_pj=1.0, write_pj=1.0, access_bits=1)
    inner = Memory(name=level, holes=memory.holes, halo=memory.halo)
    units = [_served(einsum, architecture, level) for einsum in einsums]
    unit = max(units, key=architecture.index)
    alone = Architecture(name=architecture.name, levels=(outer, inner, ComputeUnit(name=unit)))
    return CurveMachine(alone, memory)


SEARCHED_S = 20.0
"""Wall time for the corners of an Einsum that the lattice has no form of."""
AIM = "energy,capacity"
"""A pJ for each bit that crosses, against the room that the tiles take."""


def _on_the_lattice(einsum: Einsum, machine: CurveMachine, deadline: float | None) -> tuple[list[CurvePoint], bool]:
    """Return the corners, and whether all were found before the deadline."""
    alone, aim = machine.architecture, objective_of(AIM)
    board, needs = Board(build(Allowed(einsum, alone)), aim), Incumbents(aim)
    done = Progress()
    widen(board, needs, done, deadline=deadline)
    points = []
    workload = Workload(einsum.name, "", (einsum,))
    for (traffic, _, room), nest in zip(needs.costs.T.tolist(), needs.items, strict=True):
        found = evaluate(workload, alone, Mapping(nest, arch=alone.name, workload=None, einsum=einsum.name))
        point = machine.corner(found, einsum.tensors, nest)
        if (point.traffic_bits, found.capacity_bits) != (round(traffic), round(room)):
            crossing = f"{point.traffic_bits} b crossing with {found.capacity_bits} b, not {traffic} with {room}"
            msg = f"the model disagrees with the lattice: {crossing}"
            raise AssertionError(msg)
        points.append(point)
    return points, done.complete


def _searched(einsum: Einsum, machine: CurveMachine, budget_s: float | None) -> tuple[list[CurvePoint], bool]:
    """Return the same where the lattice has no form: the front that a search finds, and whether it is proven."""
    budget = SEARCHED_S if budget_s is None else budget_s
    found = search(einsum, machine.architecture, Request(objective=tuple(AIM.split(",")), budget=budget))
    points = [machine.corner(p.evaluation, einsum.tensors, p.mapping.nest) for p in found.front]
    return points, found.certificate.status is Status.PROVEN


def check_level(architecture: Architecture, level: str) -> None:
    """Raise SpecError unless a memory of that name has another one above it."""
    outermost, *inner = [m.name for m in architecture.memories]
    if level == outermost:
        message, known = f"{level} is the outermost memory of {architecture.name}: nothing is above it", inner
        raise SpecError([Problem(message, hint=f"levels with a memory above: {', '.join(known) or 'none'}")])
    if level not in inner:
        raise SpecError([Problem(f"{architecture.name} has no memory {level!r}", hint=did_you_mean(level, inner))])


def _served(einsum: Einsum, architecture: Architecture, level: str) -> str:
    """Return the innermost unit below a level that can run an Einsum; to the curve, all of them are alike."""
    units = [u.name for u in units_for(einsum, architecture) if architecture.index(u.name) > architecture.index(level)]
    if not units:
        raise SpecError([Problem(f"{level} of {architecture.name} serves no unit that computes {einsum.name}")])
    return units[-1]


def _held(memory: Memory, einsum: Einsum) -> set[str]:
    """Tensors that a memory may hold."""
    if memory.keep is None and not memory.may_keep:
        return set(einsum.tensors)
    stated = (*(memory.keep or ()), *memory.may_keep)
    return {name for name, tensor in einsum.tensors.items() if keeps(stated, tensor, einsum)}
