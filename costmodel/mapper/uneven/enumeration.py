"""The whole mapspace in arrays, where it is small: with tiles that divide, or with any tiles.

The mapspace is the canonical one of ``lattice/space.py``; with any tiles it is that without its last sentence: below
each loop stands any tile that is smaller than the one above. Where a rank variable is then spread over several
dimensions of one array, either dimension may stand above the other, for the order decides what is left over.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import divisors_of, primes
from costmodel.mapper.uneven.padding import fitted
from costmodel.model.axes import Axis, How
from costmodel.model.batch import BatchResult, Template
from costmodel.model.formats import stored_bits
from costmodel.spec import mapping as nodes
from costmodel.spec.hardware import Array

EFFORT_MOST_S = 5.0
"""CPU seconds that enumeration may take, as foreseen from the three numbers below (so that no clock decides)."""
TEMPLATE_S, ROW_S, SCALAR_S = 15e-3, 40e-6, 1e-3
"""CPU seconds of one template of the batch model, of one of its rows, and of one mapping in the scalar model."""
SKELETON_S = 1e-3
"""CPU seconds of one order of the storage nodes, at least."""
TRIED_MOST = 300_000
"""Combinations of tiles that are looked at together."""

Stored = tuple[str, int]
"""(tensor, place of the level in the architecture)."""
Slot = tuple[int, str, str, int]
"""(gap, array, dimension, size) of a place for loops; the array is empty for loops in time."""
Integers = npt.NDArray[np.int64]
Promising = Callable[[Integers, Integers], npt.NDArray[np.bool_]]
"""Tells from the points of the busiest instance and the bits of room used, at least, what may be better."""


@dataclass(frozen=True)
class Skeleton:
    """Storage nodes and the places for loops between them, innermost first."""

    stored: tuple[Stored, ...]
    slots: tuple[Slot, ...]
    """Innermost first."""


def skeletons(allowed: Allowed, *, divide: bool = False) -> Iterator[Skeleton]:
    """Yield every order of the storage nodes that may be, with the places for loops."""
    for stretches in _stretches(allowed):
        orders = [
            [
                order
                for order in itertools.permutations(stretch)
                if all(a[0] != b[0] or a[1] > b[1] for a, b in itertools.combinations(order, 2))
            ]
            for stretch in stretches
        ]
        for chosen in itertools.product(*orders):
            yield from _with_slots(tuple(itertools.chain(*chosen)), allowed.arrays, divide=divide)


def _stretches(allowed: Allowed) -> Iterator[list[list[Stored]]]:
    """Yield every choice of storage nodes, those between two arrays together, innermost first."""
    must = [(tensor, place) for place, tensor, answer in allowed.below if answer == "yes"]
    may = [(tensor, place) for place, tensor, answer in allowed.below if answer == "choice"]
    borders = [len(allowed.levels), *reversed(list(allowed.arrays)), -1]
    for count in range(len(may) + 1):
        for more in itertools.combinations(may, count):
            yield [[s for s in (*must, *more) if above < s[1] < below] for below, above in itertools.pairwise(borders)]


def _few(allowed: Allowed, most: float) -> bool:
    """Whether there are no more than so many orders of storage nodes."""
    number = 0
    for stretches in _stretches(allowed):
        orders = 1
        for stretch in stretches:
            names = Counter(name for name, _ in stretch)
            orders *= math.factorial(len(stretch)) // math.prod(map(math.factorial, names.values()))
        number += orders
        if number > most:
            return False
    return True


def _with_slots(stored: tuple[Stored, ...], arrays: Mapping[int, Array], *, divide: bool) -> Iterator[Skeleton]:
    """Yield the places for loops, with the dimensions of arrays in every order where tiles need not divide."""
    orders = [
        [tuple(array.shape.items())] if divide else list(itertools.permutations(array.shape.items()))
        for array in arrays.values()
    ]
    for chosen in itertools.product(*orders):
        slots: list[Slot] = []
        for gap in range(len(stored) + 1):
            for (place, array), dimensions in zip(reversed(list(arrays.items())), reversed(chosen), strict=True):
                if sum(s[1] > place for s in stored) == gap:
                    slots += [(gap, array.name, d, size) for d, size in dimensions]
            slots.append((gap, "", "", 0))
        yield Skeleton(stored, tuple(slots))


def chains(extent: int, slots: Sequence[Slot], *, divide: bool = False) -> list[tuple[int, ...]]:
    """Return every row of tiles below the slots, innermost first, for one rank variable."""
    found: list[tuple[int, ...]] = [(1,)]
    divisors = [int(d) for d in divisors_of(extent)] if divide else []
    *most, last = [min(size, extent) if size else extent for _, _, _, size in slots]
    for steps in most:
        # a tile t of the last slot, below a tile u: ⌈u / t⌉ ≤ steps
        if divide:
            found = [(*r, u) for r in found for u in divisors if u % r[-1] == 0 and u <= r[-1] * steps]
        else:
            found = [(*row, u) for row in found for u in range(row[-1], min(extent, row[-1] * steps) + 1)]
    return [(*row, extent) for row in found if row[-1] * last >= extent]


def _chains_most(extent: int, slots: int, *, divide: bool) -> int:
    """Return how many rows of tiles there are at most."""
    if not divide:
        return math.comb(extent + slots - 2, slots - 1)
    powers = Counter(primes(extent))
    return math.prod(math.comb(power + slots - 1, slots - 1) for power in powers.values())


@dataclass(frozen=True)
class Tiles:
    """Every combination of tiles of one skeleton, before the loops of each gap are put in order."""

    skeleton: Skeleton
    rows: Integers
    """(combination, rank variable, slot): innermost first; the last is the whole extent."""

    @property
    def steps(self) -> Integers:
        """(combination, rank variable, slot): steps of the loop in each slot."""
        found: Integers = -(-self.rows[:, :, 1:] // self.rows[:, :, :-1])
        return found

    def below(self, at: int) -> Integers:
        """(rank variable, combination): extents below a storage node of the skeleton."""
        gaps = [gap for gap, _, _, _ in self.skeleton.slots]
        found: Integers = self.rows[:, :, gaps.index(at + 1)].T
        return found

    def orders(self, *, loose: bool) -> Integers:
        """Return how many nests each combination makes. ``loose``: the order inside of all storage nodes matters."""
        moving = (self.steps > 1).sum(axis=1)
        factorial = np.array([math.factorial(n) for n in range(self.rows.shape[1] + 1)])
        free = [not size and (gap > 0 or loose) for gap, _, _, size in self.skeleton.slots]
        found: Integers = factorial[moving[:, free]].prod(axis=1)
        return found


def _rows(allowed: Allowed, slots: Sequence[Slot], v: str, *, divide: bool) -> Integers | None:
    """Return every row of tiles of a rank variable that rules on arrays allow; null if there are too many."""
    extent = allowed.einsum.shape[v]
    if _chains_most(extent, len(slots), divide=divide) > TRIED_MOST:
        return None
    rows = np.array(chains(extent, slots, divide=divide), dtype=np.int64).reshape(-1, len(slots) + 1)
    steps = -(-rows[:, 1:] // rows[:, :-1])
    good = np.ones(len(rows), dtype=np.bool_)
    for array in allowed.arrays.values():
        mine = np.array([name == array.name for _, name, _, _ in slots])
        good &= allowed.over(array, v).contains(steps[:, mine].prod(axis=1))
        for k in np.flatnonzero(mine).tolist():
            good &= allowed.along(array, slots[k][2], v).contains(steps[:, k])
    found: Integers = rows[good]
    return found


def _combined(allowed: Allowed, skeleton: Skeleton, *, divide: bool) -> Tiles | None:
    """Return the combinations of tiles that the arrays have room for; null if there are too many to look at.

    Rules on arrays have been kept; others not yet.
    """
    slots = skeleton.slots
    joined = np.empty((1, 0, len(slots) + 1), dtype=np.int64)
    used = np.ones((1, len(slots)), dtype=np.int64)
    sizes = np.array([size or np.iinfo(np.int64).max for _, _, _, size in slots])
    spatial = np.array([size > 0 for _, _, _, size in slots])
    for v in allowed.einsum.shape:
        rows = _rows(allowed, slots, v, divide=divide)
        if rows is None or len(rows) * len(joined) > TRIED_MOST:
            return None
        steps = np.where(spatial, -(-rows[:, 1:] // rows[:, :-1]), 1)
        first, second = np.divmod(np.arange(len(joined) * len(rows)), max(1, len(rows)))
        product = used[first] * steps[second]
        good = (product <= sizes).all(axis=1)
        first, second, used = first[good], second[good], product[good]
        joined = np.concatenate([joined[first], rows[second][:, None, :]], axis=1)
    found = Tiles(skeleton, joined[_spanning(allowed, Tiles(skeleton, joined))])
    return found if divide else replace(found, rows=found.rows[_normal(found)])


def _spanning(allowed: Allowed, tiles: Tiles) -> npt.NDArray[np.bool_]:
    """Whether rank variables that may lie along some dimensions of an array together lie along no more."""
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    for array in allowed.arrays.values():
        along = [k for k, slot in enumerate(tiles.skeleton.slots) if slot[1] == array.name]
        for span in allowed.spans(array):
            own = [k for k, v in enumerate(allowed.einsum.shape) if v in span.rank_variables]
            moving = tiles.steps[:, own][:, :, along] > 1
            good &= moving.any(axis=1).sum(axis=1) <= span.most
    return good


def _normal(tiles: Tiles) -> npt.NDArray[np.bool_]:
    """Whether no other order of the dimensions makes the same mapping: it matters where they share a rank variable."""
    moving = tiles.steps > 1
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    slots = tiles.skeleton.slots
    for a, b in itertools.combinations([k for k, slot in enumerate(slots) if slot[3]], 2):
        if slots[a][:2] == slots[b][:2] and slots[a][2] > slots[b][2]:
            # the later one could go before all from the first on, unless it shares a rank variable with one of them
            shared = np.zeros(len(tiles.rows), dtype=np.bool_)
            for k in range(a, b):
                shared |= (moving[:, :, k] & moving[:, :, b]).any(axis=1)
            good &= shared
    return good


def templates(allowed: Allowed, tiles: Tiles, *, loose: bool) -> Iterator[tuple[list[tuple[str, ...]], Integers]]:
    """Yield (loops of each slot, combinations) so that every nest comes once, with those of one template together.

    Loops stand innermost first, as slots do. Nests whose loops in time stand in a forbidden order are left out.
    """
    names = tuple(allowed.einsum.shape)
    slots = tiles.skeleton.slots
    free = [k for k, (gap, _, _, size) in enumerate(slots) if not size and (gap or loose)]
    ordered = _Ordered.of(allowed, tiles.skeleton) if allowed.ordered else None
    moving = np.asarray(tiles.steps > 1)
    powers = 1 << np.arange(len(names))
    masks = np.einsum("rvk,v->rk", moving[:, :, free].astype(np.int64), powers)
    patterns, which = np.unique(masks, axis=0, return_inverse=True)
    groups: dict[tuple[tuple[str, ...], ...], list[Integers]] = {}
    members = np.argsort(which.ravel(), kind="stable")
    bounds = np.searchsorted(which.ravel()[members], np.arange(len(patterns) + 1))
    for number, pattern in enumerate(patterns):
        own = members[bounds[number] : bounds[number + 1]]
        for chosen in itertools.product(*(_orders(names, int(mask)) for mask in pattern)):
            if ordered is not None:
                moved = [order[: int(mask).bit_count()] for order, mask in zip(chosen, pattern, strict=True)]
                if not ordered.allows([(slots[k][0], order) for k, order in zip(free, moved, strict=True)]):
                    continue
            groups.setdefault(chosen, []).append(own)
    for chosen, listed in groups.items():
        together = np.concatenate(listed)
        busy = np.asarray(moving[together].any(axis=0))
        found: list[tuple[str, ...]] = []
        for k in range(len(slots)):
            order = chosen[free.index(k)] if k in free else names
            found.append(tuple(v for v in order if busy[names.index(v), k]))
        yield found, together


@dataclass(frozen=True)
class _Ordered:
    """What the rules say about the order of the loops in time of one skeleton; nothing else about them."""

    listed: tuple[tuple[tuple[str, ...], ...], ...]
    """The orders that hold in each gap, outermost loop first."""
    own: frozenset[str]
    """Rank variables of the stationary tensor."""
    above: int
    """The innermost gap above the innermost node of that tensor; none has this number where nothing is stationary."""

    @classmethod
    def of(cls, allowed: Allowed, skeleton: Skeleton) -> _Ordered:
        owners = [*(level for _, level in skeleton.stored), 0]
        listed = tuple(
            tuple(order for level, order in allowed.orders if level == allowed.levels[owner].name) for owner in owners
        )
        own, above = frozenset[str](), len(owners)
        if allowed.still is not None:
            own = allowed.indexing[allowed.still]
            places = (k + 1 for k, (name, _) in enumerate(skeleton.stored) if name == allowed.still)
            above = next(places, above)
        return cls(listed, own, above)

    def allows(self, times: Sequence[tuple[int, Sequence[str]]]) -> bool:
        """Whether loops in time may stand so: (gap, rank variables), innermost first."""
        moved = False
        for gap, loops in times:
            for listed in self.listed[gap]:
                places = [listed.index(v) for v in loops if v in listed]
                if places != sorted(places, reverse=True):
                    return False
            if gap >= self.above:
                for v in loops:
                    if v in self.own:
                        moved = True
                    elif moved:
                        return False
        return True


def nest_of(
    allowed: Allowed, tiles: Tiles, slots: Sequence[Sequence[str]], together: Integers, at: int
) -> nodes.Mapping:
    """Return one of the mappings of a template, without idle loops."""
    return fitted(_open_nest(allowed, tiles, slots, int(together[at])), allowed.einsum)


def _open_nest(allowed: Allowed, tiles: Tiles, slots: Sequence[Sequence[str]], place: int) -> nodes.Mapping:
    row = tiles.rows[place].tolist()
    named = {v: tuple(row[k]) for k, v in enumerate(allowed.einsum.shape)}
    return assemble(allowed, tiles.skeleton, named, slots)


def floor_of(allowed: Allowed, tiles: Tiles, slots: Sequence[Sequence[str]], together: Integers) -> BatchResult | None:
    """Cost the mappings of a template in arrays; null where the batch model lacks the counts."""
    nest = _open_nest(allowed, tiles, slots, int(together[0]))
    template = Template(Workload(allowed.einsum.name, "", (allowed.einsum,)), allowed.architecture, nest)
    names = list(allowed.einsum.shape)
    columns = [(names.index(v), k) for k, order in reversed(list(enumerate(slots))) for v in reversed(order)]
    rows = np.empty((len(together), len(columns)), dtype=np.int64)
    for at, (v, k) in enumerate(columns):
        rows[:, at] = tiles.rows[together, v, k]
    return template.floor(rows)


@lru_cache(maxsize=4096)
def _orders(names: tuple[str, ...], mask: int) -> tuple[tuple[str, ...], ...]:
    """Return orders of all names that differ in those of the mask, the others last."""
    inside = [v for k, v in enumerate(names) if mask >> k & 1]
    others = tuple(v for v in names if v not in inside)
    return tuple((*order, *others) for order in itertools.permutations(inside))


def assemble(
    allowed: Allowed, skeleton: Skeleton, tiles: Mapping[str, tuple[int, ...]], orders: Sequence[Sequence[str]]
) -> nodes.Mapping:
    """Return the nest with these tiles (innermost first) and these loops in each slot."""
    einsum, levels = allowed.einsum, allowed.levels
    nest: list[nodes.Node] = [nodes.Compute(einsum.name, allowed.unit.name)]
    gap = 0
    for k, (at, array, dimension, _) in enumerate(skeleton.slots):
        if at != gap:
            gap = at
            tensor, place = skeleton.stored[gap - 1]
            nest.append(nodes.Storage((tensor,), levels[place].name))
        nest += [
            nodes.Spatial(v, tiles[v][k], array, dimension) if array else nodes.Temporal(v, tiles[v][k])
            for v in orders[k]
        ]
    nest.append(nodes.Storage(tuple(einsum.tensors), levels[0].name))
    return nodes.Mapping(tuple(reversed(nest)), arch=allowed.architecture.name, einsum=einsum.name)


@dataclass
class Whole:
    """The whole mapspace, in arrays."""

    parts: list[Tiles]
    """Combinations of tiles that may be better than what is known."""
    size: int
    """Nests; of tiles that divide, those too that differ in the order inside of all storage nodes alone."""
    over_capacity: int
    """Nests left out for want of room."""
    against_rules: int
    """Nests left out because of rules on tiles or instances at work."""
    loose: bool


def small(
    allowed: Allowed,
    promising: Promising,
    *,
    divide: bool = False,
    effort_most_s: float = EFFORT_MOST_S,
    row_s: float = ROW_S,
) -> Whole | None:
    """Return the mapspace, or null where it is too large to be costed. ``divide``: that of tiles that divide.

    ``row_s``: what a row of the batch model takes.
    """
    if not _few(allowed, effort_most_s / SKELETON_S):
        return None
    # below every storage node the order of loops in time moves no tile, but for passes of a systolic array; a rule on
    # the order counts there as well
    loose = bool(allowed.orders) or any(a.systolic is not None for a in allowed.arrays.values())
    parts: list[Tiles] = []
    size, over, against, effort_s = 0, 0, 0, 0.0
    in_arrays: bool | None = None
    for skeleton in skeletons(allowed, divide=divide):
        tiles = _combined(allowed, skeleton, divide=divide)
        if tiles is None:
            return None
        orders = tiles.orders(loose=loose)
        size += int((tiles.orders(loose=True) if divide else orders).sum())
        obeying = _obeying(allowed, tiles)
        against += int(orders[~obeying].sum())
        fits, room = _room(allowed, tiles)
        over += int(orders[obeying & ~fits].sum())
        chosen = np.flatnonzero(obeying & fits & promising(_compute_cycles(allowed.einsum, tiles), room))
        effort_s += SKELETON_S + ROW_S * len(tiles.rows) / 10
        effort_s += 0 if allowed.ordered else row_s * int(orders[chosen].sum())
        if effort_s > effort_most_s:
            return None
        if len(chosen):
            chosen_tiles = replace(tiles, rows=tiles.rows[chosen])
            for slots, together in templates(allowed, chosen_tiles, loose=loose):
                if in_arrays is None:
                    in_arrays = floor_of(allowed, chosen_tiles, slots, together[:1]) is not None
                one_by_one_s = SCALAR_S * len(together)
                effort_s += min(one_by_one_s, TEMPLATE_S) if in_arrays else one_by_one_s
                effort_s += row_s * len(together) if allowed.ordered else 0
                if effort_s > effort_most_s:
                    return None
            parts.append(chosen_tiles)
    return Whole(parts, size, over, against, loose)


def _obeying(allowed: Allowed, tiles: Tiles) -> npt.NDArray[np.bool_]:
    """Whether rules on tiles hold, and enough instances may work; ``violations`` has the last word on both."""
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    for at, (tensor, place) in enumerate(tiles.skeleton.stored):
        below = dict(zip(allowed.einsum.shape, tiles.below(at), strict=True))
        words = partial(_words, allowed.einsum, tensor, below)
        for measured in allowed.limits(place, tensor, below.__getitem__, words):
            good &= measured.obeyed
    if allowed.working_least:
        across = [k for k, slot in enumerate(tiles.skeleton.slots) if slot[3]]
        good &= tiles.steps[:, :, across].prod(axis=(1, 2)) >= allowed.working_least
    return good


def _words(einsum: Einsum, tensor: str, below: Mapping[str, Integers]) -> Integers:
    """Words of tiles with these extents, at least: only ranks with one rank variable alone, never outside, count."""
    access = einsum.accesses_of(tensor)[0]
    leaving = {limit.index for limit in einsum.leaves(access)}
    alone = [i for i in access.indices if len(i.terms) == 1 and i not in leaving and not i.repeats]
    own = {v for i in alone for v in i.rank_variables}
    return np.asarray(np.prod([below[v] for v in own], axis=0) if own else np.ones(1, dtype=np.int64))


def _room(allowed: Allowed, tiles: Tiles) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Whether every memory has room, and the bits used inside the outermost one; both at least."""
    einsum = allowed.einsum
    used: dict[int, Integers] = {}
    for at, (tensor, place) in enumerate(tiles.skeleton.stored):
        words = _words(einsum, tensor, dict(zip(einsum.shape, tiles.below(at), strict=True)))
        sums = einsum.accumulates(tensor)
        bits = stored_bits(einsum.tensors[tensor], allowed.levels[place], words, sums=sums)
        used[place] = used.get(place, np.zeros(len(tiles.rows), dtype=np.int64)) + bits
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    total = np.zeros(len(tiles.rows), dtype=np.int64)
    for place, bits in used.items():
        memory = allowed.memories[place]
        total += bits * allowed.architecture.copies(memory.name)
        if memory.usable_bits is not None:
            good &= bits <= memory.usable_bits
    return good, total


def _compute_cycles(einsum: Einsum, tiles: Tiles) -> Integers:
    """Points of the busiest compute instance."""
    points = np.ones(len(tiles.rows), dtype=np.int64)
    slots = tiles.skeleton.slots
    for k, extent in enumerate(einsum.shape.values()):
        # outermost first, without the whole extent
        own = tuple(tiles.rows[:, k, at] for at in range(len(slots) - 1, -1, -1))
        how: list[How] = ["first" if slots[at][3] else "time" for at in range(len(slots) - 1, -1, -1)]
        points = points * Axis(extent, own, tuple(how), len(own)).arriving(counted=True)
    return points
