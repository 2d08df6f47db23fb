"""Instances that the loops in space make, and classes of those that do the same work."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from itertools import product

from costmodel.model.tiles import Chain, Event, Fixed, Loop, position_classes
from costmodel.model.traffic import Crossing


def first_instance(loops: Sequence[Loop], until: int) -> dict[str, tuple[int, ...]]:
    """Coordinates of the first instance below the first ``until`` loops: it is never idle."""
    corner: dict[str, tuple[int, ...]] = {}
    for loop in loops[:until]:
        corner.setdefault(loop.rank_variable, ())
        if loop.spatial:
            corner[loop.rank_variable] += (0,)
    return corner


def spatial_loops(loops: Sequence[Loop], extents: MappingABC[str, int]) -> list[tuple[int, int]]:
    """(place, extent left above it) of every spatial loop."""
    left = dict(extents)
    found = []
    for at, loop in enumerate(loops):
        if loop.spatial:
            found.append((at, left[loop.rank_variable]))
        left[loop.rank_variable] = min(loop.tile, left[loop.rank_variable])
    return found


def steps_of(loops: Sequence[Loop], at: int, extent: int) -> int:
    return -(-extent // loops[at].tile)


def instance_classes(loops: Sequence[Loop], crossings: Sequence[Crossing]) -> list[Fixed]:
    """Coordinates of instances, one per class of instances that do the same work."""
    choices: list[list[tuple[str, tuple[int, ...]]]] = []
    moving = [c.down for c in crossings]
    deepest = {v: down for down in moving for v in down.extents}
    deepest |= {v: down for down in moving for v in down.extents if v not in down.frozen}
    for v in sorted({x.rank_variable for x in loops if x.spatial}):
        down = deepest[v]
        places = [at for at, x in enumerate(loops) if x.spatial and x.rank_variable == v]
        sizes = [steps_of(loops, at, left) for at, left in spatial_loops(loops, down.extents) if at in places]
        seen: dict[tuple[object, ...], tuple[int, ...]] = {}
        for coordinates in product(*(range(n) for n in sizes)):
            signature = []
            for c in crossings:
                own = tuple((at, x) for at, x in enumerate(c.down.loops) if x.rank_variable == v)
                chain = Chain(c.down.extents.get(v, down.extents[v]), own, len(loops), coordinates)
                shape = position_classes(chain, Event("all", len(c.down.loops)))
                origin = shape[0].states[0].low if shape and v not in c.down.apart else 0
                signature.append(
                    tuple((k.multiplicity, tuple((s.low - origin, s.extent) for s in k.states)) for k in shape)
                )
            seen.setdefault(tuple(signature), coordinates)
        choices.append([(v, coordinates) for coordinates in seen.values()])
    return [dict(chosen) for chosen in product(*choices)]
