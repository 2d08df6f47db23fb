"""Which loops the frames of a trace follow: all of them, or where that is too many those above some storage nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from costmodel.model.nest import BoundNest
from costmodel.spec.mapping import Compute, Nest, Node, Sequence, Spatial, Storage, Temporal
from costmodel.spec.problems import Problem, SpecError
from costmodel.trace.frames import LoopPlace, TracedLoop


def placed(nest: Nest, place: LoopPlace = ()) -> Iterator[tuple[LoopPlace, Node]]:
    """Nodes of a nest with the places that the walk gives them, outermost first, branch after branch."""
    for node in nest:
        yield place, node
        if isinstance(node, Sequence):
            for number, branch in enumerate(node.branches):
                yield from placed(branch, (*place, 0, number))
        place = (*place, 0)


def traced_loops(bound: BoundNest) -> tuple[TracedLoop, ...]:
    """Every loop in time with its steps, in the order of the nest."""
    nodes = dict(placed(bound.mapping.nest))
    left: dict[LoopPlace, dict[str, int]] = {}
    shapes: dict[str, int] = {}
    for e in bound.einsums:
        shapes |= dict(e.einsum.shape)
    found = []
    for place, node in nodes.items():
        above = next((left[p] for p in _upwards(place) if p in left), shapes)
        left[place] = above
        if isinstance(node, Temporal | Spatial):
            extent = above[node.rank_variable]
            left[place] = {**above, node.rank_variable: min(node.tile, extent)}
            if isinstance(node, Temporal):
                found.append(TracedLoop(place, node.rank_variable, -(-extent // node.tile)))
    return tuple(found)


def loops_above(nest: Nest, loops: tuple[TracedLoop, ...]) -> dict[str, frozenset[LoopPlace]]:
    """Einsum → places of the loops above its compute node."""
    return {
        node.einsum: frozenset(loop.place for loop in loops if loop.place == place[: len(loop.place)])
        for place, node in placed(nest)
        if isinstance(node, Compute)
    }


def _upwards(place: LoopPlace) -> Iterator[LoopPlace]:
    """Places above one, innermost first."""
    for length in range(len(place) - 1, -1, -1):
        yield place[:length]


def framed(bound: BoundNest, loops: tuple[TracedLoop, ...], most: int) -> tuple[frozenset[LoopPlace], str]:
    """Loops whose every turn begins a frame, so that there are at most ``most``; how steps are summarised, in words.

    Branches of a sequence have frames of their own, and so every turn of the loops above it. SpecError where already
    these are too many.
    """
    nodes = list(placed(bound.mapping.nest))
    above = loops_above(bound.mapping.nest, loops)
    paths = [[loop for loop in loops if loop.place in places] for places in above.values()]
    shared = [place for place, node in nodes if isinstance(node, Sequence)]
    fixed = frozenset(x.place for x in loops if any(x.place == place[: len(x.place)] for place in shared))
    for own, summary in _candidates(nodes, loops):
        if _frames(paths, own | fixed) <= most:
            return own | fixed, summary
    least = _frames(paths, fixed)
    hint = "make the shape smaller, e.g. --set ranks.M=8"
    raise SpecError([Problem(f"the loops above a sequence take {least:,} steps to trace, at most {most:,}", hint=hint)])


def _candidates(
    nodes: list[tuple[LoopPlace, Node]], loops: tuple[TracedLoop, ...]
) -> Iterator[tuple[frozenset[LoopPlace], str]]:
    """All loops; those above a storage node, from the innermost on; those that stand outermost, ever fewer."""
    yield frozenset(loop.place for loop in loops), ""
    storage = [(place, node) for place, node in nodes if isinstance(node, Storage)]
    for place, node in sorted(storage, key=lambda item: -len(item[0])):
        yield _above(loops, len(place)), f"each step stands for all that runs below `{node}`"
    for depth in sorted({len(loop.place) for loop in loops}, reverse=True):
        own = _above(loops, depth)
        names = ", ".join(dict.fromkeys(f"`for {x.rank_variable}`" for x in loops if x.place not in own))
        yield own, f"each step stands for all turns of the loops inside: {names}"


def _above(loops: tuple[TracedLoop, ...], depth: int) -> frozenset[LoopPlace]:
    return frozenset(loop.place for loop in loops if len(loop.place) < depth)


def _frames(paths: list[list[TracedLoop]], own: frozenset[LoopPlace]) -> int:
    return sum(math.prod(loop.steps for loop in path if loop.place in own) for path in paths)
