"""Sets of coordinates that tiles touch, and how they move from one step of a nest to the next.

The counts of a boundary are sums over *events*: the start of a node's life, one transition per temporal loop above
the node, and its end. At an event the tile of a tensor is a product over *groups* of ranks that share no rank
variable, and the positions of different rank variables are independent. So a sum over all steps is

    Σ over events ( Π over groups Σ over positions |new tile|  −  Π over groups Σ over positions |kept words| ),

and each inner sum runs over classes of positions that are translations of each other (full tiles and residuals),
never over points. This module computes those inner sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal, NamedTuple

from costmodel.spec.hardware import Multicast


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
    if chain.exact and chain.fixed is None:
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
        self.exact = chain.exact
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
            for first, count in _segments(states, loop.tile, back):
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


def _segments(states: Sequence[_Partial], tile: int, start: int) -> Iterator[tuple[int, int]]:
    """Split the positions of a temporal loop into runs in which every child has the same extent: (first, count)."""
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


@dataclass(frozen=True, slots=True)
class Form:
    """One affine index with integer coefficients over the rank variables of a group."""

    terms: tuple[tuple[str, int], ...]
    constant: int


@dataclass(frozen=True, slots=True)
class Group:
    """Ranks of a tensor that share rank variables: the finest factor of a tile.

    ``ranks`` holds, per alternative access, one form per rank. The set of coordinates is the union over the
    alternatives; within an alternative it is the image of the box of rank variables.
    """

    rank_variables: tuple[str, ...]
    alternatives: tuple[tuple[Form, ...], ...]
    strides: tuple[int, ...]
    """Weight of each rank in the one number that stands for a coordinate."""
    offset: int
    """Added so that no coordinate is negative."""
    width: int
    """Coordinates that the ranks can have together."""
    boxes: bool
    """Whether the tile is the bounding box (``holes: fetch``)."""

    @property
    def plain(self) -> bool:
        """One rank variable, one form: tiles at different positions are equal or disjoint."""
        if len(self.rank_variables) != 1 or len(self.alternatives) != 1 or len(self.alternatives[0]) != 1:
            return False
        ((_, coefficient),) = self.alternatives[0][0].terms
        return not self.boxes or abs(coefficient) == 1

    def bits(self, intervals: Mapping[str, tuple[int, int]]) -> int:
        """Return the tile as a bit set, from (low, extent) of each rank variable."""
        if self.boxes:
            return self._box(intervals)
        result = 0
        for forms in self.alternatives:
            result |= self._image(forms, intervals)
        return result

    def _image(self, forms: tuple[Form, ...], intervals: Mapping[str, tuple[int, int]]) -> int:
        """Return the coordinates that one access touches."""
        weight: dict[str, int] = dict.fromkeys(self.rank_variables, 0)
        origin = self.offset
        for stride, form in zip(self.strides, forms, strict=True):
            origin += stride * form.constant
            for v, c in form.terms:
                weight[v] += stride * c
        spreads = []
        for v, w in weight.items():
            low, extent = intervals[v]
            origin += w * (low if w >= 0 else low + extent - 1)
            if w:
                spreads.append((abs(w), extent))
        bits = 1 << origin
        for w, extent in spreads:
            bits = _spread(bits, w, extent)
        return bits

    def _box(self, intervals: Mapping[str, tuple[int, int]]) -> int:
        """Return the bounding box, rank by rank, of what all accesses touch."""
        origin, extents = 0, []
        for r, stride in enumerate(self.strides):
            spans = [_span(forms[r], intervals) for forms in self.alternatives]
            low, high = min(s[0] for s in spans), max(s[1] for s in spans)
            origin += stride * low
            extents.append(high - low + 1)
        bits = 1 << (self.offset + origin)
        for stride, extent in zip(self.strides, extents, strict=True):
            bits = _spread(bits, stride, extent)
        return bits


def _span(form: Form, intervals: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Return the least and the greatest value of an index."""
    low = high = form.constant
    for v, c in form.terms:
        ends = (c * intervals[v][0], c * (sum(intervals[v]) - 1))
        low, high = low + min(ends), high + max(ends)
    return low, high


def _spread(bits: int, stride: int, count: int) -> int:
    """Unite ``count`` copies of a set, each ``stride`` further than the one before."""
    done = 1
    while done < count:
        more = min(done, count - done)
        bits |= bits << (stride * more)
        done += more
    return bits


class Delivery(NamedTuple):
    """One demand that a parent serves: the whole tile, and the words of it that need not move."""

    tile: int
    kept: int


def merge(
    children: Sequence[tuple[tuple[tuple[str, int], ...], Delivery]], modes: Sequence[tuple[str, Multicast]]
) -> list[Delivery]:
    """Merge the demands of children array by array, from the innermost array outwards.

    ``children`` are (place, demand); ``modes`` are (array, how it merges), outermost first.
    """
    demands: dict[tuple[tuple[int, ...], ...], list[Delivery]] = {}
    for place, delivery in children:
        key = tuple(tuple(i for array, i in place if array == name) for name, _ in modes)
        demands.setdefault(key, []).append(delivery)
    for depth in range(len(modes) - 1, -1, -1):
        mode = modes[depth][1]
        outer: dict[tuple[tuple[int, ...], ...], list[list[Delivery]]] = {}
        for key, listed in demands.items():
            outer.setdefault(key[:depth], []).append(listed)
        demands = {key: _merge_lists(lists, mode) for key, lists in outer.items()}
    return [d for listed in demands.values() for d in listed]


def _merge_lists(lists: Sequence[list[Delivery]], mode: Multicast) -> list[Delivery]:
    if mode == "none":
        return [d for listed in lists for d in listed]
    if mode == "words":
        return [_united([d for listed in lists for d in listed])]
    alike: dict[tuple[int, ...], list[list[Delivery]]] = {}
    for listed in lists:
        alike.setdefault(tuple(d.tile for d in listed), []).append(listed)
    return [_united(same) for group in alike.values() for same in zip(*group, strict=True)]


def _united(deliveries: Sequence[Delivery]) -> Delivery:
    tile = 0
    moved = 0
    for d in deliveries:
        tile |= d.tile
        moved |= d.tile & ~d.kept
    return Delivery(tile, tile & ~moved)


def group_sums(
    group: Group,
    classes: Sequence[list[PositionClass]],
    modes: Sequence[tuple[str, Multicast]],
    *,
    refetch: bool,
    leaving: bool,
    fresh: bool,
) -> tuple[int, int]:
    """Sum (|tile|, |kept|) over all positions of a group, after merging the children of each owner.

    ``leaving`` looks at the old tile instead of the new one; ``fresh`` says that nothing is kept.
    """
    if group.plain:
        whole = kept = 0
        for multiplicity, states in classes[0]:
            for _, low, extent, old_low, old_extent in states:
                whole += multiplicity * (old_extent if leaving else extent)
                if not fresh:
                    kept += multiplicity * max(0, min(low + extent, old_low + old_extent) - max(low, old_low))
        return whole, kept
    whole = kept = 0
    for combination in product(*classes):
        multiplicity = math.prod(c.multiplicity for c in combination)
        children = []
        for states in product(*(c.states for c in combination)):
            now = {v: (s.low, s.extent) for v, s in zip(group.rank_variables, states, strict=True)}
            before = {v: (s.old_low, s.old_extent) for v, s in zip(group.rank_variables, states, strict=True)}
            tile = group.bits(now)
            old = group.bits(before) if leaving or not fresh else tile
            stays = 0 if fresh or (refetch and tile != old) else tile & old
            children.append((tuple(p for s in states for p in s.place), Delivery(old if leaving else tile, stays)))
        deliveries = merge(children, modes) if len(children) > 1 else [children[0][1]]
        for delivery in deliveries:
            whole += multiplicity * delivery.tile.bit_count()
            kept += multiplicity * delivery.kept.bit_count()
    return whole, kept


def idle_sums(classes: Sequence[PositionClass], modes: Sequence[tuple[str, Multicast]]) -> int:
    """Sum over positions how many deliveries the children along an irrelevant rank variable need."""
    total = 0
    for multiplicity, states in classes:
        if len(states) == 1 or not modes:
            total += multiplicity * len(states)
        else:
            total += multiplicity * len(merge([(s.place, Delivery(1, 0)) for s in states], modes))
    return total
