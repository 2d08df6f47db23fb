"""Walk the tiles of a motion in time, never its points, where no closed form tells what an instance touched before.

That is so for written windows which several children share. Rank variables that move no such window are folded: of a
loop that repeats the same tiles two steps tell all (in the first they are new, in every later one they are known), and
tiles of a plain rank at different positions are disjoint, so one of them stands for all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Protocol

from costmodel.model.closed import Modes, served_apart
from costmodel.model.deliveries import Delivery, check_walk, merge
from costmodel.model.groups import Group
from costmodel.model.tiles import Chain, Fixed, Loop

Spot = tuple[tuple[str, int], ...]
Key = tuple[tuple[int, ...], Spot]
"""(owner, place below it) of a child."""
Coordinates = tuple[int, ...]
Intervals = tuple[tuple[int, int], ...]
"""(low, extent) of every rank variable that is walked."""


class Moving(Protocol):
    """What is walked of a motion: its loops, from where on they belong to one life, and the tiles that they move."""

    @property
    def loops(self) -> tuple[Loop, ...]: ...
    @property
    def scope(self) -> int: ...
    @property
    def groups(self) -> tuple[Group, ...]: ...
    @property
    def idle(self) -> tuple[str, ...]: ...
    @property
    def extents(self) -> Mapping[str, int]: ...
    @property
    def refetch(self) -> bool: ...


def walked_returns(motion: Moving, merged_from: int, modes: Modes, fixed: Fixed | None) -> int:
    """Words that children ask for and have touched before, over the whole run, after merging those of each owner.

    Raises TooManyTilesError rather than walk for more than a minute.
    """
    course = _Course.of(motion, merged_from, modes, fixed)
    check_walk(math.prod(len(options) for _, options in course.times) * len(course.children))
    return course.copies * _Tiles(course, modes, refetch=motion.refetch).total() if course.copies else 0


class _Moment(NamedTuple):
    weight: int
    """Steps that this one stands for."""
    begins: bool
    """Whether a new life begins."""
    away: bool
    """Whether another tile of a folded rank was held meanwhile."""
    alive: list[tuple[Key, Intervals]]


class _Tiles:
    """What the children hold, and have ever held, while the tiles go by."""

    def __init__(self, course: _Course, modes: Modes, *, refetch: bool) -> None:
        self.refetch, self.modes, self.course = refetch, modes, course
        self.flat = _Flat(course.groups)
        self.tiles: dict[Intervals, int] = {}
        self.held: dict[Key, int] = {}
        self.seen: dict[Key, int] = {}

    def total(self) -> int:
        total = 0
        for moment in self.course.moments():
            if moment.begins or moment.away:
                self.held = {}
            total += moment.weight * self.step(moment.alive)
        return total

    def step(self, alive: list[tuple[Key, Intervals]]) -> int:
        """Let every child take its tile; return the words that come back."""
        moved: dict[tuple[int, ...], list[tuple[Spot, Delivery]]] = {}
        for key, intervals in alive:
            tile, old, seen = self.tile(intervals), self.held.get(key, 0), self.seen.get(key, 0)
            arriving = (0 if tile == old else tile) if self.refetch else tile & ~old
            self.held[key], self.seen[key] = tile, seen | tile
            moved.setdefault(key[0], []).append((key[1], Delivery(tile, tile & ~(arriving & seen))))
        return sum((d.tile & ~d.kept).bit_count() for listed in moved.values() for d in merge(listed, self.modes))

    def tile(self, intervals: Intervals) -> int:
        found = self.tiles.get(intervals)
        if found is None:
            found = self.tiles[intervals] = self.flat.bits(dict(zip(self.course.extents, intervals, strict=True)))
        return found


@dataclass(frozen=True, slots=True)
class _Course:
    """The loops that are walked, and what the folded ones multiply by."""

    loops: tuple[tuple[int, Loop], ...]
    """(place in the nest, loop) over rank variables that are walked."""
    extents: Mapping[str, int]
    """Of the rank variables that are walked."""
    times: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    """(place in the nest, (position, steps that it stands for)) of every loop in time with more than one position."""
    turning: int
    """Place of the innermost folded loop in time that moves the tile; −1 without one."""
    scope: int
    children: tuple[tuple[Key, Mapping[int, int]], ...]
    """Every child, with its coordinates along the walked loops in space."""
    copies: int
    """Children and words that one stands for."""
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, motion: Moving, merged_from: int, modes: Modes, fixed: Fixed | None) -> _Course:
        plain = {g.rank_variables[0] for g in motion.groups if g.plain}
        own: dict[str, list[tuple[int, Loop]]] = {v: [] for v in motion.extents}
        for at, loop in enumerate(motion.loops):
            own[loop.rank_variable].append((at, loop))
        even = {v for v, n in motion.extents.items() if Chain(n, tuple(own[v]), 0).exact}
        folded = even & (plain | set(motion.idle))
        apart = served_apart(modes)
        times: list[tuple[int, tuple[tuple[int, int], ...]]] = []
        turning, copies = -1, 1
        for at, loop in enumerate(motion.loops):
            v, steps = loop.rank_variable, most_steps(motion, at)
            if loop.spatial:
                if v not in folded:
                    continue
                if at >= merged_from:
                    copies *= steps if v in plain or loop.array in apart else 1
                else:
                    copies *= steps if fixed is None else _coordinate(motion, at, fixed) < steps
            elif steps > 1 and v in folded and v in plain:
                times.append((at, ((0, steps),)))
                turning = at
            elif steps > 1:
                times.append((at, ((0, 1), (1, steps - 1)) if v in folded else tuple((i, 1) for i in range(steps))))
        for v in folded & plain:
            copies *= own[v][-1][1].tile if own[v] else motion.extents[v]
        groups = tuple(g for g in motion.groups if not g.plain or g.rank_variables[0] not in folded)
        walked = tuple((at, x) for at, x in enumerate(motion.loops) if x.rank_variable not in folded)
        extents = {v: n for v, n in motion.extents.items() if v not in folded}
        children = tuple(_children(motion, walked, merged_from, fixed))
        return cls(walked, extents, tuple(times), turning, motion.scope, children, copies, groups)

    def moments(self) -> Iterator[_Moment]:
        """Yield the steps at which some child has work, in order."""
        last: tuple[int, ...] | None = None
        spans = [_Span(n, [x for x in self.loops if x[1].rank_variable == v]) for v, n in self.extents.items()]
        children = [(key, [span.spots(place) for span in spans]) for key, place in self.children]
        spots = [set(listed) for listed in zip(*(listed for _, listed in children), strict=True)]
        for chosen in product(*(options for _, options in self.times)):
            positions = {at: i for (at, _), (i, _) in zip(self.times, chosen, strict=True)}
            rows = [span.row(positions, every) for span, every in zip(spans, spots, strict=True)]
            alive = []
            for key, listed in children:
                intervals = tuple([row[spot] for row, spot in zip(rows, listed, strict=True) if spot in row])
                if len(intervals) == len(spans):
                    alive.append((key, intervals))
            if not alive:
                continue
            here = tuple(i for i, _ in chosen)
            moved = self.outermost(last, here)
            last = here
            yield _Moment(math.prod(n for _, n in chosen), moved < self.scope, moved < self.turning, alive)

    def outermost(self, last: tuple[int, ...] | None, here: tuple[int, ...]) -> int:
        """Place of the outermost loop that stands at another position than at the last step."""
        if last is None:
            return -1
        moved = (at for (at, _), i, j in zip(self.times, last, here, strict=True) if i != j)
        return next(moved, len(self.times) and self.times[-1][0])


class _Span:
    """Where the intervals of one rank variable are, in every child at every step."""

    def __init__(self, extent: int, loops: Sequence[tuple[int, Loop]]) -> None:
        self.extent, self.loops = extent, loops
        self.spatial = [at for at, loop in loops if loop.spatial]
        self.temporal = [at for at, loop in loops if not loop.spatial]
        self.known: dict[tuple[int, ...], dict[Coordinates, tuple[int, int]]] = {}

    def spots(self, place: Mapping[int, int]) -> Coordinates:
        """Return the coordinates of a child along the loops in space."""
        return tuple(place[at] for at in self.spatial)

    def row(self, positions: Mapping[int, int], spots: set[Coordinates]) -> dict[Coordinates, tuple[int, int]]:
        """Return (low, extent) at a step for all coordinates in space at which there is work."""
        here = tuple(positions.get(at, 0) for at in self.temporal)
        row = self.known.get(here)
        if row is None:
            found = {spot: self._interval(iter(here), iter(spot)) for spot in spots}
            row = self.known[here] = {spot: interval for spot, interval in found.items() if interval is not None}
        return row

    def _interval(self, times: Iterator[int], spots: Iterator[int]) -> tuple[int, int] | None:
        low, extent = 0, self.extent
        for _, loop in self.loops:
            offset = next(spots if loop.spatial else times) * loop.tile
            if extent <= offset:
                return None
            low, extent = low + offset, min(loop.tile, extent - offset)
        return low, extent


def most_steps(motion: Moving, at: int) -> int:
    """Steps of a loop where it has the most."""
    left = motion.extents[motion.loops[at].rank_variable]
    for before in motion.loops[:at]:
        if before.rank_variable == motion.loops[at].rank_variable:
            left = min(left, before.tile)
    return -(-left // motion.loops[at].tile)


def _coordinate(motion: Moving, at: int, fixed: Fixed) -> int:
    """Coordinate of the owner along a loop in space."""
    v = motion.loops[at].rank_variable
    before = sum(x.spatial and x.rank_variable == v for x in motion.loops[:at])
    return fixed[v][before]


def _children(
    motion: Moving, walked: Sequence[tuple[int, Loop]], merged_from: int, fixed: Fixed | None
) -> Iterator[tuple[Key, Mapping[int, int]]]:
    """Yield every child along the walked loops: (owner, place below the owner), loop → coordinate."""
    spatial = [(at, loop) for at, loop in walked if loop.spatial]
    ranges: list[Sequence[int]] = [
        range(most_steps(motion, at)) if fixed is None or at >= merged_from else [_coordinate(motion, at, fixed)]
        for at, _ in spatial
    ]
    for chosen in product(*ranges):
        owner = tuple(i for (at, _), i in zip(spatial, chosen, strict=True) if at < merged_from)
        place = tuple((x.array or "", i) for (at, x), i in zip(spatial, chosen, strict=True) if at >= merged_from)
        yield (owner, place), {at: i for (at, _), i in zip(spatial, chosen, strict=True)}


@dataclass(frozen=True, slots=True)
class _Flat:
    """Several groups as one bit set."""

    groups: tuple[Group, ...]

    def bits(self, intervals: Mapping[str, tuple[int, int]]) -> int:
        result = 1
        for group in self.groups:
            factor = group.bits({v: intervals[v] for v in group.rank_variables})
            spread = 0
            while result:
                low = result & -result
                spread |= factor << ((low.bit_length() - 1) * group.width)
                result ^= low
            result = spread
        return result
