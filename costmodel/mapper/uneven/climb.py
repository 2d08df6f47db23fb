"""Climbing from one nest to better neighbours, all of them costed together as arrays."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from costmodel.mapper.result import MappingPoint
from costmodel.mapper.uneven.archive import Archive, ahead, best_first, cost_of, costs_of
from costmodel.mapper.uneven.neighbours import OpenNest
from costmodel.model.batch import BatchResult
from costmodel.spec.mapping import Mapping, Spatial, Storage
from costmodel.spec.objective import Objective

SPREADS_CLIMBED = 4
"""Mappings with other spreads over the arrays that a climb starts from."""
CONFIRMED_MOST = 40
"""Promising changes of one step that are tried on top of each other, best first, with the scalar model."""
SCALARS_MOST = 150
"""Changes of a step that the scalar model costs where the batch model lacks the counts."""
STEPS = ("one", "turn", "two")
"""Kinds of steps of the climb: another tile, another order of two nodes, two other tiles."""
QUICK_STEPS = STEPS[:2]

Score = Callable[[MappingPoint], tuple[float, ...]]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def climb(
    archive: Archive,
    start: Mapping,
    goal: Objective,
    most: int,
    *,
    steepest: bool = True,
    steps: Sequence[str] = QUICK_STEPS,
) -> None:
    """Take steps until none helps or so many mappings were costed: the best first, or those in space first."""
    best = archive.cost(start)
    if best is None:
        return
    score = score_of(goal)
    state = OpenNest.of(best.mapping, archive.allowed)
    limit = archive.in_arrays + most
    kind = 0
    while kind < len(steps) and archive.in_arrays < limit and not archive.late:
        tried = (steps[kind], goal, best.mapping.nest)
        if tried in archive.in_vain:
            kind += 1
            continue
        if steps[kind] == "turn":
            turned = (replace(best.mapping, nest=nest) for nest in state.turned(archive.allowed.architecture))
            found = _cheapest(archive, turned, score)
            if found is not None and score(found) < score(best):
                state = OpenNest.of(found.mapping, archive.allowed)
        else:
            state, found = _step(archive, state, steps[kind], best, goal, steepest=steepest)
        if found is None or score(found) >= score(best):
            archive.in_vain.add(tried)
            kind += 1
        else:
            best, kind = found, 0


def _cheapest(archive: Archive, mappings: Iterable[Mapping], score: Score) -> MappingPoint | None:
    """Return the best of some mappings, as far as time allows."""
    costed = (archive.cost(m) for m in itertools.takewhile(lambda _: not archive.late, mappings))
    return min((p for p in costed if p is not None), key=score, default=None)


def _step(
    archive: Archive, state: OpenNest, kind: str, best: MappingPoint, goal: Objective, *, steepest: bool
) -> tuple[OpenNest, MappingPoint]:
    """Change one tile, or two, wherever that helps: the best changes first, and then more on top of them."""
    score = score_of(goal)
    changes = state.one_tile() if kind == "one" else state.two_tiles()
    if not len(changes):
        return state, best
    rows = state.changed(np.tile(state.row, (len(changes), 1)), changes)
    floor = archive.floor(partial(state.template.floor, rows))
    if floor is None:
        # no counts in arrays: a few changes, spread over all kinds
        promised = np.arange(0, len(rows), max(1, len(rows) // SCALARS_MOST))
        archive.in_arrays += len(promised)
    else:
        archive.in_arrays += len(rows)
        if archive.aim.front:
            _extend_front(archive, state, rows, floor)
        promised = _promising(floor, best, goal)
        promised = promised[:CONFIRMED_MOST] if steepest else np.sort(promised)[:CONFIRMED_MOST]
    for at in promised:
        if archive.late:
            break
        row = state.changed(state.row[None], changes[at][None])[0]
        point = archive.cost(state.mapping(row)) if _fits(archive, state, row) else None
        if point is not None and score(point) < score(best):
            state, best = replace(state, row=row), point
    return state, best


def _spread(archive: Archive, start: Mapping, goal: Objective) -> list[Mapping]:
    """Return a few of the best mappings that spread other rank variables over the arrays, whatever they cost."""
    state = OpenNest.of(start, archive.allowed)
    rows = state.spreads(archive.allowed)
    floor = archive.floor(partial(state.template.floor, rows)) if len(rows) else None
    if floor is None or archive.late:
        return []
    archive.in_arrays += len(rows)
    scores = _scores(goal, floor)
    used: set[tuple[tuple[str, str, str], ...]] = set()
    found: list[Mapping] = []
    for at in np.argsort(scores, kind="stable")[: int(np.isfinite(scores).sum())]:
        if len(found) == SPREADS_CLIMBED or len(used) == CONFIRMED_MOST or archive.late:
            break
        mapping = state.mapping(rows[at])
        kind = tuple((n.rank_variable, n.array, n.dimension) for n in mapping.nest if isinstance(n, Spatial))
        if kind not in used:
            used.add(kind)
            if archive.cost(mapping) is not None:
                found.append(mapping)
    return found


def _fits(archive: Archive, state: OpenNest, row: Integers) -> bool:
    """Whether the arrays have room."""
    used: Counter[tuple[str | None, str]] = Counter()
    left = dict(archive.einsum.shape)
    for loop, tile in zip(state.template.loops, row.tolist(), strict=True):
        if loop.spatial:
            key = (loop.array, loop.dimension)
            used[key] = max(1, used[key]) * -(-left[loop.rank_variable] // tile)
        left[loop.rank_variable] = tile
    return all(used[a.name, d] <= size for a in archive.allowed.arrays.values() for d, size in a.shape.items())


def _extend_front(archive: Archive, state: OpenNest, rows: Integers, floor: BatchResult) -> None:
    """Cost some neighbours that the front may lack."""
    costs = costs_of(floor)
    good = np.flatnonzero(floor.feasible & archive.promising(*costs))
    few = good[best_first(archive.aim.product, costs[:, good])[:CONFIRMED_MOST]]
    archive.settle(costs[:, few], lambda at: state.mapping(rows[few[at]]))


def _promising(floor: BatchResult, best: MappingPoint, goal: Objective) -> Integers:
    """Return the rows that promise to be better, best first."""
    costs = costs_of(floor)
    good = np.flatnonzero(floor.feasible & ahead(goal, costs, cost_of(best))[:, 0])
    found: Integers = good[best_first(goal, costs[:, good])]
    return found


def _scores(goal: Objective, floor: BatchResult) -> Floats:
    """Return the objective of each row, infinite where there is no room."""
    first = goal.first(*costs_of(floor))
    return np.where(floor.feasible, first, np.inf)


def climb_towards(archive: Archive, goal: Objective, share: int) -> None:
    """Climb from a few starts, so many mappings for each; the archive must know a mapping."""
    score = score_of(goal)
    # two starts: the best so far, and the best of those with their storage nodes in another order
    kinds = {_kind(p.mapping): p for p in sorted(archive.points, key=score, reverse=True)}
    starts = sorted(kinds.values(), key=score)[:2]
    climb(archive, starts[0].mapping, goal, share, steepest=False)
    for point in starts:
        climb(archive, point.mapping, goal, share)
    for mapping in _spread(archive, min(archive.points, key=score).mapping, goal):
        climb(archive, mapping, goal, share)
    climb(archive, min(archive.points, key=score).mapping, goal, share, steps=STEPS)


def _kind(mapping: Mapping) -> tuple[str, ...]:
    """Tell nests apart by the order of their storage nodes."""
    return tuple(f"{t} {n.level}" for n in mapping.nest if isinstance(n, Storage) for t in n.tensors)


def score_of(goal: Objective) -> Score:
    """Return what orders mappings by an objective: a key, less is better."""

    def score(point: MappingPoint) -> tuple[float, ...]:
        return (*goal.of(point), point.energy_pj, point.latency_cycles, point.capacity_bits)

    return score
