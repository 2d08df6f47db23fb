"""Ways to cut a run of Einsums into groups: the front of their sums, as a shortest path over the cuts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from costmodel.mapper.front import Floats, pareto
from costmodel.mapper.rounds import joined
from costmodel.mapper.sums import joined_costs
from costmodel.spec.objective import AXES, Objective

MOST = 4_000
"""Points kept of a front between two cuts."""


class Between(NamedTuple):
    """A group (or an Einsum alone) between two cuts, with one of its mappings."""

    first: int
    stop: int
    place: int
    """In the front of the group."""


class Cuts(NamedTuple):
    """The front over all cuts."""

    costs: Floats
    """(points, costs)."""
    pieces: list[tuple[Between, ...]]
    exact: bool
    """Whether no point was left out for their number."""


NOTHING = Cuts(np.zeros((0, len(AXES))), [], exact=True)
"""Where nothing is known of some Einsum."""


def over_cuts(first: int, stop: int, fronts: Mapping[tuple[int, int], Floats], asked: Sequence[int]) -> Cuts:
    """Return the front over all cuts of a run, by the costs that are asked for.

    ``fronts``: (first, stop) of a group → its costs, a row for each mapping.
    """
    known = {first: Cuts(np.zeros((1, len(AXES))), [()], exact=True)}
    for end in range(first + 1, stop + 1):
        costs, pieces, exact = [], [], True
        for begin in range(first, end):
            own = fronts.get((begin, end))
            if own is None or begin not in known:
                continue
            before = known[begin]
            exact &= before.exact
            costs.append(joined_costs(before.costs, own))
            pieces += [(*path, Between(begin, end, place)) for path in before.pieces for place in range(len(own))]
        if costs:
            every = np.concatenate(costs)
            rows = pareto(every[:, list(asked)], every)
            exact &= len(rows) <= MOST
            rows = rows[:: -(-len(rows) // MOST)]
            known[end] = Cuts(every[rows], [pieces[row] for row in rows.tolist()], exact)
    return known.get(stop, NOTHING)


def least_over(first: int, stop: int, bounds: Mapping[tuple[int, int], float], aim: Objective) -> float:
    """Return what the first objective of a run is at least, over all cuts, by bounds of each group and each Einsum."""
    return joined(aim, [(1, bounds[piece]) for piece in way_over(first, stop, bounds, aim)])


def way_over(
    first: int, stop: int, bounds: Mapping[tuple[int, int], float], aim: Objective
) -> tuple[tuple[int, int], ...]:
    """Return the pieces of the cuts with the least sum."""
    known: dict[int, tuple[float, tuple[tuple[int, int], ...]]] = {first: (0.0, ())}
    for end in range(first + 1, stop + 1):
        before = [begin for begin in known if (begin, end) in bounds]
        ways = [
            (joined(aim, [(1, known[begin][0]), (1, bounds[begin, end])]), (*known[begin][1], (begin, end)))
            for begin in before
        ]
        if ways:
            known[end] = min(ways)
    return known[stop][1]


def fewest(stop: int, groups: Iterable[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return the pieces of the cuts of Einsums 0 to ``stop`` into as few groups, and Einsums alone, as can be.

    >>> sorted(fewest(4, [(0, 2), (1, 3), (2, 4)])), sorted(fewest(3, [(0, 2), (1, 3)]))
    ([(0, 2), (2, 4)], [(0, 1), (0, 2), (1, 3), (2, 3)])
    """
    pieces = {*groups, *((at, at + 1) for at in range(stop))}
    before, behind = [0, *[stop] * stop], [*[stop] * stop, 0]
    for end in range(1, stop + 1):
        before[end] = 1 + min(before[b] for b, e in pieces if e == end)
    for begin in reversed(range(stop)):
        behind[begin] = 1 + min(behind[e] for b, e in pieces if b == begin)
    return frozenset((b, e) for b, e in pieces if before[b] + 1 + behind[e] == before[stop])


def asked_of(aim: Objective) -> list[int]:
    """Places of the costs that an objective is about."""
    return [k for k, axis in enumerate(AXES) if axis.name in aim.costs]


def runs(groups: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join groups that overlap.

    >>> runs([(0, 2), (1, 4), (4, 6)])
    [(0, 4), (4, 6)]
    """
    found: list[tuple[int, int]] = []
    for first, stop in sorted(groups):
        if found and first < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((first, stop))
    return found


def apart(cuts: Cuts) -> list[tuple[int, int]]:
    """Return (first, stop) of the parts between the cuts that all points have."""
    ends = [{piece.stop for piece in path} for path in cuts.pieces]
    common = sorted(set.intersection(*ends))
    return list(zip([cuts.pieces[0][0].first, *common[:-1]], common, strict=True))
