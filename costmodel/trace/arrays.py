"""Arrays as they are drawn: where each instance stands, how tensors reach it, and the cycles of a systolic one.

The walk runs all instances in lock step. In a systolic array the same steps are skewed: what enters at an edge reaches
the instance in row i and column j i + j cycles later, and what stays is shifted in beforehand, row by row. So cycle c
of a pass finds instance (i, j) at step c − load − i − j of it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

from costmodel.einsum.algebra import Access
from costmodel.model.instances import spatial_loops, steps_of
from costmodel.model.nest import BoundEinsum
from costmodel.model.systolic import rows_dimension, systolic_arrays
from costmodel.spec.hardware import Array
from costmodel.trace.frames import Trace

Way = Literal["still", "right", "down", "all"]
"""How a tensor reaches the instances: each has its own word; one word passes along a row, or down a column; all share
one."""


@dataclass(frozen=True, slots=True)
class ArrayPicture:
    """The arrays above the compute unit of one Einsum, as one grid of instances."""

    names: tuple[str, ...]
    rows: int
    columns: int
    places: tuple[tuple[int, int], ...]
    """Row and column of each compute instance, in the order of ``Trace.instances``."""
    ways: tuple[Way, ...]
    """For each access of ``Trace.accesses``."""
    systolic: str
    """``output``, ``weight`` or ``input`` where the cycles of a systolic array can be shown; else empty."""
    load: int
    """Cycles at the beginning of a pass in which what stays is shifted in."""
    skew: int
    """Cycles from the first instance's step to that of the last one."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Frames between two changes of what stays in a systolic array."""

    first: int
    steps: int


def picture(trace: Trace, bound: BoundEinsum) -> ArrayPicture | None:
    """How the arrays above an Einsum's compute unit are drawn; null where it is in none."""
    architecture = trace.bound.architecture
    above = architecture.levels[: architecture.index(bound.unit.name)]
    arrays = [level for level in above if isinstance(level, Array)]
    if not arrays:
        return None
    axes = {array.name: _row_dimensions(array, bound) for array in arrays}
    systolic = _systolic(trace, bound, arrays)
    rows = columns = 1
    for array in arrays:
        for dimension, size in array.shape.items():
            if dimension in axes[array.name]:
                rows *= size
            else:
                columns *= size
    down, along = _spread(bound, axes)
    load = systolic is not None and systolic.systolic != "output"
    return ArrayPicture(
        names=tuple(array.name for array in arrays),
        rows=rows,
        columns=columns,
        places=tuple(_place(instance, bound, arrays, axes) for instance in trace.instances[bound.einsum.name]),
        ways=tuple(_way(access, down, along) for access in trace.accesses[bound.einsum.name]),
        systolic=(systolic.systolic or "") if systolic else "",
        load=rows if load else 0,
        skew=rows + columns - 2 if systolic else 0,
    )


def passes(trace: Trace) -> tuple[Pass, ...]:
    """Passes of the systolic array of a trace, with frames from the beginning of each to the next."""
    steps = [number for number, frame in enumerate(trace.frames) if frame.steps]
    starts = [number for number in steps if trace.frames[number].begins_pass]
    ends = [*starts[1:], steps[-1] + 1]
    return tuple(
        Pass(start, sum(number in range(start, end) for number in steps))
        for start, end in zip(starts, ends, strict=True)
    )


def _systolic(trace: Trace, bound: BoundEinsum, arrays: list[Array]) -> Array | None:
    """The systolic array, where its steps are cycles: one array, one point per cycle, each step in a frame."""
    found = systolic_arrays(trace.bound.architecture, bound)
    if (
        len(found) != 1
        or len(arrays) != 1
        or len(found[0].shape) != 2
        or len(trace.bound.einsums) != 1
        or trace.summary
    ):
        return None
    (array,) = found
    rows = array.shape[rows_dimension(array, bound)]
    cycles = sum(
        (rows if array.systolic != "output" else 0) + p.steps + sum(array.shape.values()) - 2 for p in passes(trace)
    )
    counted = next(row.cycles for row in trace.counts.latency_rows if row.component == bound.unit.name)
    return array if cycles == counted else None


def _row_dimensions(array: Array, bound: BoundEinsum) -> tuple[str, ...]:
    """Dimensions that are drawn downwards; the others are drawn from left to right."""
    names = list(array.shape)
    if len(names) == 1:
        return ()
    if array.systolic:
        return (rows_dimension(array, bound),)
    across = [name for name in names if name.lower()[0] in "xc"] or names[-1:]
    return tuple(name for name in names if name not in across[:1])


def _spread(bound: BoundEinsum, axes: dict[str, tuple[str, ...]]) -> tuple[set[str], set[str]]:
    """Rank variables that differ from row to row, and from column to column."""
    down: set[str] = set()
    along: set[str] = set()
    for at, left in spatial_loops(bound.loops, bound.einsum.shape):
        loop = bound.loops[at]
        if steps_of(bound.loops, at, left) > 1 and loop.array is not None:
            (down if loop.dimension in axes[loop.array] else along).add(loop.rank_variable)
    return down, along


def _way(access: Access, down: set[str], along: set[str]) -> Way:
    by_row, by_column = bool(access.rank_variables & down), bool(access.rank_variables & along)
    if by_row and by_column:
        return "still"
    return "right" if by_row else "down" if by_column else "all"


def _place(
    instance: tuple[int, ...], bound: BoundEinsum, arrays: list[Array], axes: dict[str, tuple[str, ...]]
) -> tuple[int, int]:
    """Row and column of an instance: positions of the loops in space, outer loops and arrays in larger steps."""
    spatial = spatial_loops(bound.loops, bound.einsum.shape)
    row = column = 0
    for array, dimension in itertools.chain.from_iterable(((a, d) for d in a.shape) for a in arrays):
        at = 0
        for position, (place, left) in zip(instance, spatial, strict=True):
            loop = bound.loops[place]
            if (loop.array, loop.dimension) == (array.name, dimension):
                at = at * steps_of(bound.loops, place, left) + position
        if dimension in axes[array.name]:
            row = row * array.shape[dimension] + at
        else:
            column = column * array.shape[dimension] + at
    return row, column
