"""Demands of children, merged array by array, and their sums over the positions of rank variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from operator import mul
from typing import NamedTuple

from costmodel.model.alike import Combination, TooManyNearError, alike
from costmodel.model.grids import Pieces, in_boxes
from costmodel.model.groups import Group, Intervals, Known
from costmodel.model.patience import PATIENCE, check_time
from costmodel.model.tiles import PositionClass
from costmodel.model.unions import Unions, one_each, weighed
from costmodel.spec.hardware import Multicast
from costmodel.spec.problems import Problem, SpecError

MOST_TILES = 2**19
"""Tiles of accesses that move apart which are told one by one; fewer if they are large."""
NARROW = 2**12
"""Coordinates that make bit sets of so few bytes that shorter ones gain nothing."""
WORDS_TOGETHER = 2**16
"""Words of a tile that take about as long as the tile itself."""
MOST_NEAR = 2**24
"""Positions of accesses that move apart which are looked at together."""
MOST_WALKED = 2**23
"""Tiles of written windows that are walked."""


_BitSets = tuple[Callable[[Intervals], int], Callable[[int], int]]
"""What makes a bit set of a tile, and what tells the words of a bit set."""


class TooManyTilesError(SpecError):
    """Counting would take too long: a mapping with larger tiles is needed."""

    def __init__(self, tiles: int, most: int, problems: Sequence[Problem]) -> None:
        """``most``: how many might have been told one by one; tiles that are large count for several."""
        super().__init__(problems)
        self.tiles, self.most = tiles, most

    def __reduce__(self) -> tuple[type[TooManyTilesError], tuple[object, ...]]:
        """Cross to another process whole."""
        return type(self), (self.tiles, self.most, self.problems)


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
    if group.rigid:
        return _rigid_sums(group, classes, modes, refetch=refetch, leaving=leaving, fresh=fresh)
    positions = _told(group, classes)
    if not positions:
        return 0, 0
    alone = [chosen for _, chosen in positions]
    boxed = in_boxes(group, alone)
    if boxed and one_each(group, alone):
        often, unions = [n for n, _ in positions], Unions(group, alone)
        whole = weighed(often, unions.words(old=leaving))
        return whole, whole if fresh else weighed(often, unions.kept(refetch=refetch))
    whole = kept = 0
    sets = _bit_sets(group, alone, boxed=boxed)
    for (multiplicity, combination), (bits, words) in zip(positions, sets, strict=True):
        children = []
        for states in product(*(c.states for c in combination)):
            tile = bits({v: (s.low, s.extent) for v, s in zip(group.rank_variables, states, strict=True)})
            old = tile
            if leaving or not fresh:
                old = bits({v: (s.old_low, s.old_extent) for v, s in zip(group.rank_variables, states, strict=True)})
            stays = 0 if fresh or (refetch and tile != old) else tile & old
            children.append((tuple(p for s in states for p in s.place), Delivery(old if leaving else tile, stays)))
        deliveries = merge(children, modes) if len(children) > 1 else [children[0][1]]
        for delivery in deliveries:
            whole += multiplicity * words(delivery.tile)
            kept += multiplicity * words(delivery.kept)
    return whole, kept


def _rigid_sums(
    group: Group,
    classes: Sequence[list[PositionClass]],
    modes: Sequence[tuple[str, Multicast]],
    *,
    refetch: bool,
    leaving: bool,
    fresh: bool,
) -> tuple[int, int]:
    """``group_sums`` of a group whose tiles of one size are translations of each other."""
    at_zero: dict[tuple[int, ...], int] = {}

    def moved(lows: Sequence[int], extents: tuple[int, ...]) -> int:
        tile = at_zero.get(extents)
        if tile is None:
            tile = at_zero[extents] = group.bits_at_zero(extents)
        places: int = sum(map(mul, group.steps, lows))
        return tile << places if places >= 0 else tile >> -places

    whole = kept = 0
    for combination in product(*classes):
        multiplicity = math.prod([c.multiplicity for c in combination])
        children = []
        for states in product(*[c.states for c in combination]):
            tile = old = moved([s.low for s in states], tuple([s.extent for s in states]))
            if leaving or not fresh:
                old = moved([s.old_low for s in states], tuple([s.old_extent for s in states]))
            stays = 0 if fresh or (refetch and tile != old) else tile & old
            children.append((tuple([p for s in states for p in s.place]), Delivery(old if leaving else tile, stays)))
        deliveries = merge(children, modes) if len(children) > 1 else [children[0][1]]
        for delivery in deliveries:
            whole += multiplicity * delivery.tile.bit_count()
            kept += multiplicity * delivery.kept.bit_count()
    return whole, kept


def _told(group: Group, classes: Sequence[list[PositionClass]]) -> list[tuple[int, Combination]]:
    """Return how often each kind of position of a group occurs, with one of them.

    Raises TooManyTilesError rather than look at more than a minute allows.
    """
    try:
        return alike(group, classes, MOST_NEAR // PATIENCE.get())
    except TooManyNearError:
        raise _too_many(math.prod(map(len, classes)), MOST_NEAR // PATIENCE.get()) from None


def _bit_sets(group: Group, positions: Sequence[Combination], *, boxed: bool) -> Iterator[_BitSets]:
    """Yield what makes a bit set of a tile, and what tells its words, for each kind of position.

    Raises TooManyTilesError rather than make more of them than a minute allows.
    """
    if group.rigid:
        for _ in positions:
            yield group.bits, int.bit_count
        return
    effort, tiles = 0, sum(math.prod(len(c.states) for c in chosen) for chosen in positions)
    most = MOST_TILES // PATIENCE.get()
    if tiles > most:
        raise _too_many(tiles, most)
    known: Known = {}
    found: _BitSets
    for chosen in positions:
        check_time()
        if group.edges or group.is_looked_up or group.width <= NARROW:
            width, found = group.width, (partial(group.bits_inside, known=known), int.bit_count)
        elif boxed:
            grid = Pieces(group, chosen)
            width = grid.cells
            found = grid.bits, grid.words
        else:
            numbers, width = group.numbered(_around(group, chosen))
            found = (partial(group.bits_among, numbers=numbers, known={}), int.bit_count)
        effort += math.prod(len(c.states) for c in chosen) * (1 + width // WORDS_TOGETHER)
        if effort > most:
            raise _too_many(effort, most)
        yield found


def check_walk(tiles: int) -> None:
    """Refuse to walk more tiles of a written window than a minute allows."""
    most = MOST_WALKED // PATIENCE.get()
    if tiles > most:
        message = f"{tiles:,} tiles of a written window would have to be walked one by one"
        raise TooManyTilesError(tiles, most, [Problem(message, hint="larger tiles")])


def _around(group: Group, combination: Combination) -> Intervals:
    """Return the bounds of all tiles at positions of a kind, now and before."""
    around = {}
    for v, c in zip(group.rank_variables, combination, strict=True):
        low = min(min(s.low, s.old_low) for s in c.states)
        around[v] = (low, max(max(s.low + s.extent, s.old_low + s.old_extent) for s in c.states) - low)
    return around


def _too_many(tiles: int, most: int) -> TooManyTilesError:
    message = f"{tiles:,} tiles would have to be told apart one by one: a tensor is accessed in ways that move apart"
    hint = "larger tiles, or no parallel loops over the rank variables of these accesses"
    return TooManyTilesError(tiles, most, [Problem(message, hint=hint)])


def largest(group: Group, classes: Sequence[list[PositionClass]]) -> int:
    """Words of the largest tile over all positions of a group, for children that are not merged."""
    positions = _told(group, classes)
    alone = [chosen for _, chosen in positions]
    boxed = in_boxes(group, alone)
    if boxed and one_each(group, alone):
        return int(Unions(group, alone).words().max())
    most = 0
    for combination, (bits, words) in zip(alone, _bit_sets(group, alone, boxed=boxed), strict=True):
        for states in product(*(c.states for c in combination)):
            now = {v: (s.low, s.extent) for v, s in zip(group.rank_variables, states, strict=True)}
            most = max(most, words(bits(now)))
    return most


def unchanged(group: Group, classes: Sequence[list[PositionClass]]) -> tuple[int, int]:
    """Return how many positions of one instance a group has, and at how many its tile is the one before."""
    every = math.prod(sum(c.multiplicity for c in listed) for listed in classes)
    if group.plain:
        return every, sum(c.multiplicity for c in classes[0] if _stays(c))
    moved = [(n, chosen) for n, chosen in _told(group, classes) if not all(map(_stays, chosen))]
    if not moved:
        return every, every
    often, alone = [n for n, _ in moved], [chosen for _, chosen in moved]
    still = every - sum(often)
    boxed = not group.rigid and in_boxes(group, alone)
    if boxed and one_each(group, alone):
        return every, still + weighed(often, Unions(group, alone).stays())
    for (n, chosen), (bits, _) in zip(moved, _bit_sets(group, alone, boxed=boxed), strict=True):
        now, old = {}, {}
        for v, c in zip(group.rank_variables, chosen, strict=True):
            (s,) = c.states
            now[v], old[v] = (s.low, s.extent), (s.old_low, s.old_extent)
        still += n * (bits(now) == bits(old))
    return every, still


def _stays(c: PositionClass) -> bool:
    """Whether one instance works on the same interval as before."""
    (s,) = c.states
    return (s.low, s.extent) == (s.old_low, s.old_extent)


def idle_sums(classes: Sequence[PositionClass], modes: Sequence[tuple[str, Multicast]]) -> int:
    """Sum over positions how many deliveries the children along an irrelevant rank variable need."""
    total = 0
    for multiplicity, states in classes:
        if len(states) == 1 or not modes:
            total += multiplicity * len(states)
        else:
            total += multiplicity * len(merge([(s.place, Delivery(1, 0)) for s in states], modes))
    return total
