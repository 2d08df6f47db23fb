"""How tiles move from one step of a nest to the next: the positions of every rank variable at every event.

The counts of a boundary are sums over *events*: the start of a node's life, one transition per temporal loop above
the node, and its end. At an event the tile of a tensor is a product over *groups* of ranks that share no rank
variable, and the positions of different rank variables are independent. So a sum over all steps is

    Σ over events ( Π over groups Σ over positions |new tile|  −  Π over groups Σ over positions |kept words| ),

and each inner sum runs over classes of positions that are translations of each other (full tiles and residuals),
never over points. This module lists those classes; ``deliveries.py`` sums over them.

Where a tensor is accessed in ways that move apart (``X[m, k] * X[n, k]``) a translation changes the tile: there every
position is a class of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal, NamedTuple

Fixed = Mapping[str, tuple[int, ...]]
"""Rank variable → coordinates of one owner instance along its spatial loops."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop above a node."""

    rank_variable: str
    tile: int
    array: str | None = None
    """The array of a spatial loop; null for a loop in time."""
    dimension: str = ""
    path: tuple[int, ...] = ()
    """Place in the nest, for messages and derivations."""

    @property
    def spatial(self) -> bool:
        return self.array is not None


class Event(NamedTuple):
    """When words move: at the start or end of a node's life, when one loop steps, or at every step."""

    kind: Literal["start", "step", "end", "all"]
    loop: int
    """Loops before this place hold their positions; for ``step`` the loop at this place moves on by one."""


class State(NamedTuple):
    """The interval of one rank variable in one child instance, now and when that child was last active."""

    place: tuple[tuple[str, int], ...]
    """(array, coordinate) of every merged spatial loop of this rank variable, outermost first."""
    low: int
    extent: int
    old_low: int
    old_extent: int


class PositionClass(NamedTuple):
    """Positions that differ by a translation only."""

    multiplicity: int
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The loops of one rank variable above a node, outermost first.

    ``merged_from`` is the place in the nest from which spatial loops are children of one owner; spatial loops
    before it tell owner instances apart and are summed over, unless ``fixed`` gives their coordinates.
    """

    extent: int
    loops: tuple[tuple[int, Loop], ...]
    """(place in the nest, loop)."""
    merged_from: int
    fixed: tuple[int, ...] | None = None
    apart: bool = False
    """Whether every position is told apart, translations too."""

    @property
    def exact(self) -> bool:
        """Whether every tile divides the one above it, so that all positions are translations of each other."""
        extent = self.extent
        for _, loop in self.loops:
            if extent % loop.tile:
                return False
            extent = loop.tile
        return True


class _Partial(NamedTuple):
    place: tuple[tuple[str, int], ...]
    low: int
    extent: int
    old_low: int
    old_extent: int
    """Old interval at the loop where old and new part."""
    inner: tuple[int, ...]
    """Coordinates of the spatial loops below that loop, outermost first."""


def position_classes(chain: Chain, event: Event) -> list[PositionClass]:
    """List the classes of positions of one rank variable at an event.

    Positions of temporal loops outside the event's loop are enumerated, the event's own loop steps from each position
    to the next, and inside it the new position is the first and the old one the last at which the child was active.
    """
    if chain.exact and chain.fixed is None and not chain.apart:
        return _exact_positions(chain, event)
    return _Positions(chain, event).classes


def _exact_positions(chain: Chain, event: Event) -> list[PositionClass]:
    """Return the one class of positions of a chain whose tiles divide each other, if it has any position at all."""
    multiplicity, low, old_low, left = 1, 0, 0, chain.extent
    spread: list[list[tuple[tuple[str, int], int]]] = []
    for at, loop in chain.loops:
        steps, left = left // loop.tile, loop.tile
        if loop.spatial and at >= chain.merged_from:
            spread.append([((loop.array or "", i), i * loop.tile) for i in range(steps)])
        elif loop.spatial or event.kind == "all" or at < event.loop:
            multiplicity *= steps
        elif event.kind == "step" and at == event.loop:
            multiplicity *= steps - 1
            low += loop.tile
        else:
            old_low += (steps - 1) * loop.tile
    if not multiplicity:
        return []
    states = []
    for chosen in product(*spread):
        shift = sum(offset for _, offset in chosen)
        states.append(State(tuple(place for place, _ in chosen), low + shift, left, old_low + shift, left))
    return [PositionClass(multiplicity, tuple(states))]


class _Positions:
    """Descends the loops of a chain, splitting positions into classes."""

    def __init__(self, chain: Chain, event: Event) -> None:
        outside = [x for x in chain.loops if event.kind == "all" or x[0] < event.loop]
        below = list(chain.loops[len(outside) :])
        self.program = [("each", *x) for x in outside]
        if event.kind == "step" and below and below[0][0] == event.loop:
            self.program.append(("step", *below.pop(0)))
        self.program += [("edge", *x) for x in below]
        self.edges = [loop for _, loop in below]
        self.merged_from = chain.merged_from
        self.exact = chain.exact and not chain.apart
        self.apart = chain.apart
        self.fixed: dict[int, int] = {}
        if chain.fixed is not None:
            own = [at for at, loop in chain.loops if loop.spatial and at < chain.merged_from]
            self.fixed = dict(zip(own, chain.fixed, strict=True))
        self.classes: list[PositionClass] = []
        self.descend(0, [_Partial((), 0, chain.extent, 0, chain.extent, ())], 1)

    def descend(self, k: int, states: list[_Partial], multiplicity: int) -> None:
        if not states:
            return
        if k == len(self.program):
            self.classes.append(PositionClass(multiplicity, tuple(self.finish(s) for s in states)))
            return
        how, at, loop = self.program[k]
        inside = how == "edge"
        if loop.spatial and at >= self.merged_from:
            children = [
                _advance(s, loop, i, i, inside=inside)._replace(place=(*s.place, (loop.array or "", i)))
                for s in states
                for i in range(-(-s.extent // loop.tile))
            ]
            self.descend(k + 1, children, multiplicity)
        elif loop.spatial:
            for i, copies in self.owners(at, loop, states):
                alive = [_advance(s, loop, i, i, inside=inside) for s in states if s.extent > i * loop.tile]
                self.descend(k + 1, alive, multiplicity * copies)
        elif inside:
            self.descend(k + 1, [s._replace(extent=min(s.extent, loop.tile)) for s in states], multiplicity)
        else:
            back = 1 if how == "step" else 0
            for first, count in _segments(states, loop.tile, back, apart=self.apart):
                alive = [
                    _advance(s, loop, first, first - back, inside=False) for s in states if s.extent > first * loop.tile
                ]
                self.descend(k + 1, alive, multiplicity * count)

    def owners(self, at: int, loop: Loop, states: list[_Partial]) -> list[tuple[int, int]]:
        """(coordinate, copies) of the owner instances along a spatial loop."""
        if at in self.fixed:
            return [(self.fixed[at], 1)]
        steps = max(-(-s.extent // loop.tile) for s in states)
        return [(0, steps)] if self.exact else [(i, 1) for i in range(steps)]

    def finish(self, s: _Partial) -> State:
        old = _last_active(s.old_low, s.old_extent, self.edges, s.inner)
        if old is None:
            msg = "a child that is active now was never active before"
            raise AssertionError(msg)
        return State(s.place, s.low, s.extent, *old)


def _advance(s: _Partial, loop: Loop, new: int, old: int, *, inside: bool) -> _Partial:
    """Take position ``new`` (and ``old``, where old and new have not parted) of a loop."""
    low, extent = s.low + new * loop.tile, min(loop.tile, s.extent - new * loop.tile)
    if inside:
        return s._replace(low=low, extent=extent, inner=(*s.inner, new))
    return s._replace(
        low=low,
        extent=extent,
        old_low=s.old_low + old * loop.tile,
        old_extent=min(loop.tile, s.old_extent - old * loop.tile),
    )


def _segments(states: Sequence[_Partial], tile: int, start: int, *, apart: bool) -> Iterator[tuple[int, int]]:
    """Split the positions of a temporal loop into runs in which every child has the same extent: (first, count).

    ``apart`` makes every position a run.
    """
    if apart:
        yield from ((i, 1) for i in range(start, max(-(-s.extent // tile) for s in states)))
        return
    cuts = {start}
    end = 0
    for s in states:
        steps, residual = -(-s.extent // tile), s.extent % tile
        end = max(end, steps)
        cuts.add(steps)
        if residual:
            cuts.add(steps - 1)
    ordered = sorted(c for c in cuts if start <= c <= end)
    for first, after in pairwise(ordered):
        yield first, after - first


def _last_active(low: int, extent: int, loops: Sequence[Loop], inner: Sequence[int]) -> tuple[int, int] | None:
    """Return the interval at the last position at which the instance with these coordinates has work."""
    if extent <= 0:
        return None
    if not loops:
        return low, extent
    loop, rest = loops[0], loops[1:]
    if loop.spatial:
        i = inner[0]
        return _last_active(low + i * loop.tile, min(loop.tile, extent - i * loop.tile), rest, inner[1:])
    last = -(-extent // loop.tile) - 1
    for position in range(last, max(last - 2, -1), -1):  # if a full tile has no work for it, no tile has
        found = _last_active(low + position * loop.tile, min(loop.tile, extent - position * loop.tile), rest, inner)
        if found is not None:
            return found
    return None
