"""Run a workload: every Einsum in order, by one of two engines, and say what happened."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.einsum.coordinates import points_meet
from costmodel.einsum.operations import operations_of_addends
from costmodel.execute.arrays import Array, Arrays, allocate
from costmodel.execute.nest_order import Boxes, Listed, Schedules
from costmodel.execute.order import Together, groups
from costmodel.execute.program import Program
from costmodel.execute.traversal import Traversal, Visit
from costmodel.execute.vectorised import Vectorised, beyond_integers
from costmodel.spec.problems import Problem, SpecError

Engine = Literal["numpy", "plain"]

MAX_POINTS = 10_000_000
"""Largest iteration space, of all Einsums together, that is traversed point by point."""

POINTS_PER_S = 200_000
"""About what the plain traversal does on one core; a run says what it was."""

ROUNDING = 1e-9
"""Two orders of the same sums are equal where doubles differ by no more than this share of the largest of their
tensor; integers, infinities and what is no number are equal exactly."""


@dataclass(frozen=True, slots=True)
class OperationCount:
    """Operations of one kind that an Einsum performs."""

    einsum: str
    kind: str
    count: int
    effectual: int
    """Those at points where no tensor that is multiplied is 0."""


@dataclass(frozen=True, eq=False)
class Execution:
    """What a run computed."""

    workload: Workload
    tensors: Mapping[str, Array]
    """Every tensor, given ones included, in order of first use: 64-bit integers or doubles."""
    operations: tuple[OperationCount, ...]
    warnings: tuple[str, ...]
    """Where values leave the numbers, with the Einsum."""
    engine: Engine
    points: int
    """Of all Einsums together."""
    elapsed_s: float

    def __getitem__(self, tensor: str) -> Array:
        return self.tensors[tensor]


def execute(
    workload: Workload,
    values: Arrays,
    *,
    engine: Engine = "numpy",
    schedules: Schedules | Listed | None = None,
    observe: Callable[[Visit], None] | None = None,
    skip_zeros: bool = False,
) -> Execution:
    """Run the Einsums of a workload, each once; ``values`` has an array for every tensor that none of them writes.

    Words that nothing writes are 0; so is the start of an iterative rank, unless its array is given. With
    ``schedules``, points are visited in the order of these nests, or as they are listed. ``observe`` is told of every
    point, and ``skip_zeros`` leaves out those where a product has a 0; both need the plain engine.

    Raises SpecError where an array is missing or has another shape, integers leave 64 bits, a name stands for several
    tensors, or the space is too large for the plain engine.
    """
    programs = {e.name: Program(e) for e in workload.einsums}
    if engine == "plain":
        _check_size(workload)
    held = allocate(programs.values(), values)
    touched = {e.name: np.zeros(held[e.output.tensor].shape, dtype=bool) for e in workload.einsums}
    runners: dict[str, Traversal | Vectorised] = {}
    for name, program in programs.items():
        runners[name] = (
            Traversal(program, held, touched[name], observe, skip_zeros=skip_zeros)
            if engine == "plain"
            else Vectorised(program, held, touched[name])
        )
    started = time.perf_counter()
    warnings = list(workload.warnings)
    done: set[str] = set()
    running, beyond = "", set[str]()
    with np.errstate(all="ignore", over="call", divide="call", call=lambda *_: beyond.add(running)):
        for group in groups(workload.einsums):
            together = [e for e in group.einsums if e.name not in done]
            for einsum, box in _boxes(group, schedules, done, points=engine == "plain"):
                done.add(einsum.name)
                running = einsum.name
                try:
                    runners[einsum.name].run(box)
                except OverflowError:  # an integer of Python that no word holds
                    beyond_integers(einsum.name)
            for e in together:
                grew = e.name in beyond
                warnings += _not_finite(programs[e.name], held, touched[e.name], grew=grew)
        counts = [count for program in programs.values() for count in _operations(program, held)]
    elapsed_s = time.perf_counter() - started
    order = dict.fromkeys(name for e in workload.einsums for name in e.tensors)
    points = sum(e.points for e in workload.einsums)
    tensors = {name: held[name] for name in order}
    return Execution(workload, tensors, tuple(counts), tuple(warnings), engine, points, elapsed_s)


def _boxes(group: Together, schedules: Schedules | Listed | None, done: set[str], *, points: bool) -> Boxes:
    """In which order the points of a group are visited, box by box."""
    todo = [e for e in group.einsums if e.name not in done]
    for einsum in todo:
        if schedules is None or einsum.name in done:
            continue
        if (boxes := schedules.boxes(einsum.name, points=points)) is not None:
            yield from boxes
            return
    if group.variable is None:
        yield from ((e, Program(e).space) for e in todo)
        return
    for step in range(max(e.shape[group.variable] for e in todo) if todo else 0):
        for einsum in todo:
            if step < einsum.shape[group.variable]:
                yield einsum, {**Program(einsum).space, group.variable: range(step, step + 1)}


def _check_size(workload: Workload) -> None:
    points = sum(e.points for e in workload.einsums)
    if points > MAX_POINTS:
        message = (
            f"{workload.name} has {points:,} points; the plain traversal walks up to {MAX_POINTS:,}, "
            f"about {POINTS_PER_S:,} per second"
        )
        hint = "use the NumPy engine (--engine numpy), smaller ranks (--set ranks.M=8) or one Einsum (--einsum NAME)"
        raise SpecError([Problem(message, hint=hint)])


def _not_finite(program: Program, held: Arrays, touched: Array, *, grew: bool) -> list[str]:
    """Say which values that an Einsum wrote are no finite numbers where what it read gave no reason.

    What it read of its own output is what a recurrence starts from: the words that it did not write. Where it ``grew``
    beyond what a double holds, there is a reason besides what it read.
    """
    output = program.einsum.output.tensor
    if held[output].dtype.kind != "f":
        return []
    reads = [held[a.tensor] if a.tensor != output else held[output][~touched] for a in program.einsum.inputs]
    found: list[str] = []
    for name, test, known in (("inf", np.isinf, program.names_infinity), ("nan", np.isnan, False)):
        words = int(np.count_nonzero(test(held[output][touched])))
        read = any(array.dtype.kind == "f" and test(array).any() for array in reads)
        if words and not known and (not read or (grew and name == "inf")):
            found.append(f"{words:,} of {held[output].size:,} words are {name}")
    if not found:
        return []
    why = "beyond the range of a double, or not defined"
    return [f"{program.einsum.name}: {' and '.join(found)}: {program.einsum.text} is {why} there"]


def _operations(program: Program, held: Arrays) -> Iterator[OperationCount]:
    """Operations of an Einsum by kind, and how many of them are effectual."""
    engine = Vectorised(program, held, np.zeros(0, dtype=bool))
    effectual: Counter[str] = Counter()
    each = operations_of_addends(program.statement, program.einsum.reduced, meet=points_meet(program.einsum))
    for addend, (_, kinds) in zip(program.addends, each, strict=True):
        filled = engine.effectual_points(addend, program.space)
        for kind, number in kinds.items():
            effectual[kind] += number * filled
        if not any(kinds.values()):
            effectual["copy"] += filled
    for kind, number in program.einsum.operation_counts.items():
        yield OperationCount(program.einsum.name, kind, number, effectual[kind])


def differences(found: Arrays, expected: Arrays, names: Sequence[str]) -> list[str]:
    """Tensors whose values differ, by more than ``ROUNDING`` where they are doubles; each with its first word."""
    return [text for name in names if (text := _difference(name, found[name], expected[name]))]


def _difference(name: str, found: Array, expected: Array) -> str:
    same = found == expected
    if found.dtype.kind == "f":
        finite = np.isfinite(expected)
        largest = float(np.abs(expected[finite]).max()) if finite.any() else 0.0
        with np.errstate(invalid="ignore"):
            near = finite & np.isfinite(found) & (np.abs(found - expected) <= ROUNDING * largest)
        same = same | near | (np.isnan(found) & np.isnan(expected))
    if same.all():
        return ""
    word = tuple(int(i) for i in np.argwhere(~same)[0])
    place = f"{name}[{', '.join(map(str, word))}]"
    return f"{place} is {found[word]}, not {expected[word]}; {np.count_nonzero(~same):,} of {same.size:,} words differ"
