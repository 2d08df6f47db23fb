"""Loops as sentences, and how often they step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from costmodel.model.motion import Motion
from costmodel.model.tiles import Loop


def where_zero(at_zero: frozenset[str]) -> str:
    """Where a term that is not reduced over these rank variables is evaluated."""
    return f" where {', '.join(sorted(at_zero))} {'are' if len(at_zero) > 1 else 'is'} 0" if at_zero else ""


def sentence(loop: Loop) -> str:
    """Say a loop as a mapping says it."""
    if loop.array is None:
        return f"for {loop.rank_variable} by {loop.tile}"
    return f"parallel {loop.rank_variable} by {loop.tile} across {loop.array}.{loop.dimension}"


def steps_of(loops: Sequence[Loop], at: int, extents: Mapping[str, int]) -> int:
    """Steps of a loop in a whole tile of the loops around it."""
    left = extents[loops[at].rank_variable]
    for loop in loops[:at]:
        if loop.rank_variable == loops[at].rank_variable:
            left = min(left, loop.tile)
    return -(-left // loops[at].tile)


def instances_of(loops: Sequence[Loop], until: int, extents: Mapping[str, int]) -> int:
    """Instances that the spatial ones of the first ``until`` loops make."""
    return math.prod(steps_of(loops, at, extents) for at in range(until) if loops[at].spatial)


def lives_of(moving: Motion) -> int:
    """How often a sequence around the tile starts it afresh."""
    return math.prod(
        steps_of(moving.loops, at, moving.extents) for at in range(moving.scope) if not moving.loops[at].spatial
    )


def transitions_of(moving: Motion, at: int) -> int:
    """How often a loop steps on, over all positions of the loops in time around it."""
    outside = [steps_of(moving.loops, k, moving.extents) for k in range(at) if not moving.loops[k].spatial]
    return math.prod(outside) * (steps_of(moving.loops, at, moving.extents) - 1)
