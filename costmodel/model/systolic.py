"""Passes of systolic arrays, and the cycles that each pays."""

from __future__ import annotations

from costmodel.einsum.roles import stationary_tensor
from costmodel.model.instances import first_instance, spatial_loops, steps_of
from costmodel.model.meters import pass_cycles
from costmodel.model.motion import motion
from costmodel.model.nest import BoundEinsum
from costmodel.model.traffic import holder_motion
from costmodel.spec.hardware import Architecture, Array


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
        for at, left in spatial_loops(bound.loops, bound.einsum.shape)
        if bound.loops[at].array == array.name
        and bound.loops[at].rank_variable in bound.einsum.reduced
        and steps_of(bound.loops, at, left) > 1
    }
    return next(iter(reducing)) if len(reducing) == 1 else next(iter(array.shape))


def passes(architecture: Architecture, array: Array, bound: BoundEinsum) -> int:
    """How often the array takes a new tile of the tensor that stays in it."""
    einsum = bound.einsum
    tensor = stationary_tensor(einsum, array.systolic or "output")
    place = architecture.index(array.name)
    inside = [h for h in bound.holders[tensor] if architecture.index(h.level.name) > place]
    if inside:
        moving = holder_motion(inside[0], "time")
    else:
        moving = motion(bound.loops, bound.scope, [(einsum, a) for a in einsum.accesses_of(tensor)], "time")
    return moving.changes(first_instance(moving.loops, len(moving.loops)))
