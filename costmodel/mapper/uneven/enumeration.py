"""The mapspace with tiles that need not divide, in arrays, where it is small.

The mapspace is the canonical one of ``mapspace.py`` without its last sentence: below each loop stands any tile that is
smaller than the one above. Where a rank variable is spread over several dimensions of one array, either dimension
may stand above the other, for then the order decides what is left over.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.constraints import Rules, stationary_tensor
from costmodel.mapper.sample.encoding import held_under
from costmodel.mapper.uneven.padding import fitted
from costmodel.model.axes import Axis, How
from costmodel.model.batch import BatchResult, Template
from costmodel.model.formats import stored_bits
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal

EFFORT_MOST_S = 5.0
"""CPU seconds that enumeration may take, as foreseen from the three numbers below (so that no clock decides)."""
TEMPLATE_S, ROW_S, SCALAR_S = 15e-3, 40e-6, 1e-3
"""CPU seconds of one template of the batch model, of one of its rows, and of one mapping in the scalar model."""
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


def skeletons(einsum: Einsum, architecture: Architecture, rules: Rules) -> Iterator[Skeleton]:
    """Yield every order of the storage nodes that may be, with the places for loops."""
    levels = architecture.serving
    must: list[Stored] = []
    may: list[Stored] = []
    for place, level in enumerate(levels):
        if place and isinstance(level, Memory):
            for tensor in einsum.tensors:
                answer = held_under(rules, level, einsum, tensor)
                if answer != "no":
                    (must if answer == "yes" else may).append((tensor, place))
    arrays = [place for place, level in enumerate(levels) if isinstance(level, Array)]
    for count in range(len(may) + 1):
        for more in itertools.combinations(may, count):
            stretches = [
                [
                    order
                    for order in itertools.permutations([s for s in (*must, *more) if above < s[1] < below])
                    if all(a[0] != b[0] or a[1] > b[1] for a, b in itertools.combinations(order, 2))
                ]
                for below, above in itertools.pairwise([len(levels), *reversed(arrays), -1])
            ]
            for chosen in itertools.product(*stretches):
                yield from _with_slots(tuple(itertools.chain(*chosen)), architecture, arrays)


def _with_slots(stored: tuple[Stored, ...], architecture: Architecture, arrays: Sequence[int]) -> Iterator[Skeleton]:
    orders = []
    for place in arrays:
        array = architecture.levels[place]
        sizes = list(array.shape.items()) if isinstance(array, Array) else []
        orders.append(list(itertools.permutations(sizes)))
    for chosen in itertools.product(*orders):
        slots: list[Slot] = []
        for gap in range(len(stored) + 1):
            for place, dimensions in zip(reversed(arrays), reversed(chosen), strict=True):
                if sum(s[1] > place for s in stored) == gap:
                    slots += [(gap, architecture.levels[place].name, d, size) for d, size in dimensions]
            slots.append((gap, "", "", 0))
        yield Skeleton(stored, tuple(slots))


def chains(extent: int, slots: Sequence[Slot]) -> list[tuple[int, ...]]:
    """Return every row of tiles below the slots, innermost first, for one rank variable."""
    found: list[tuple[int, ...]] = [(1,)]
    for _, _, _, size in slots:
        most = min(size, extent) if size else extent
        # a tile t of the last slot, below a tile u: ⌈u / t⌉ ≤ size
        found = [(*row, u) for row in found for u in range(row[-1], min(extent, row[-1] * most) + 1)]
    return [row for row in found if row[-1] == extent]


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

    def orders(self, *, loose: bool) -> Integers:
        """Return how many nests each combination makes. ``loose``: the order inside of all storage nodes matters."""
        moving = (self.steps > 1).sum(axis=1)
        factorial = np.array([math.factorial(n) for n in range(self.rows.shape[1] + 1)])
        free = [not size and (gap > 0 or loose) for gap, _, _, size in self.skeleton.slots]
        found: Integers = factorial[moving[:, free]].prod(axis=1)
        return found


def _rows(extent: int, slots: Sequence[Slot], v: str, rules: Rules) -> Integers | None:
    """Return every row of tiles of a rank variable that rules on arrays allow; null if there are too many."""
    if math.comb(extent + len(slots) - 2, len(slots) - 1) > TRIED_MOST:
        return None
    rows = np.array(chains(extent, slots), dtype=np.int64).reshape(-1, len(slots) + 1)
    steps = -(-rows[:, 1:] // rows[:, :-1])
    for rule in rules.only:
        if v not in rule.rank_variables:
            closed = [(array, d) == (rule.array, rule.dimension) for _, array, d, _ in slots]
            rows, steps = _both(rows, steps, (steps[:, closed] == 1).all(axis=1))
    for spread in rules.spreads:
        if spread.rank_variable == v:
            across = [array == spread.array and spread.dimension in ("", d) for _, array, d, _ in slots]
            used = steps[:, across].prod(axis=1)
            good = used <= spread.instances if spread.relation == "<=" else used == spread.instances
            rows, steps = _both(rows, steps, good)
    return rows


def _both(rows: Integers, steps: Integers, good: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
    return rows[good], steps[good]


def _combined(einsum: Einsum, skeleton: Skeleton, rules: Rules) -> Tiles | None:
    """Return the combinations of tiles that the arrays have room for; null if there are too many to look at.

    Rules on arrays have been kept; others not yet.
    """
    slots = skeleton.slots
    joined = np.empty((1, 0, len(slots) + 1), dtype=np.int64)
    used = np.ones((1, len(slots)), dtype=np.int64)
    sizes = np.array([size or np.iinfo(np.int64).max for _, _, _, size in slots])
    spatial = np.array([size > 0 for _, _, _, size in slots])
    for v, extent in einsum.shape.items():
        rows = _rows(extent, slots, v, rules)
        if rows is None or len(rows) * len(joined) > TRIED_MOST:
            return None
        steps = np.where(spatial, -(-rows[:, 1:] // rows[:, :-1]), 1)
        first, second = np.divmod(np.arange(len(joined) * len(rows)), max(1, len(rows)))
        product = used[first] * steps[second]
        good = (product <= sizes).all(axis=1)
        first, second, used = first[good], second[good], product[good]
        joined = np.concatenate([joined[first], rows[second][:, None, :]], axis=1)
    found = Tiles(skeleton, joined)
    return replace(found, rows=joined[_normal(found)])


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


def templates(
    einsum: Einsum, architecture: Architecture, tiles: Tiles, rules: Rules, *, loose: bool
) -> Iterator[tuple[list[tuple[str, ...]], Integers]]:
    """Yield (loops of each slot, combinations) so that every nest comes once, with those of one template together.

    Loops stand innermost first, as slots do. Nests whose loops in time stand in a forbidden order are left out.
    """
    names = tuple(einsum.shape)
    slots = tiles.skeleton.slots
    free = [k for k, (gap, _, _, size) in enumerate(slots) if not size and (gap or loose)]
    ordered = _Ordered.of(einsum, tiles.skeleton, architecture, rules) if rules.orders or rules.stationary else None
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
    def of(cls, einsum: Einsum, skeleton: Skeleton, architecture: Architecture, rules: Rules) -> _Ordered:
        owners = [architecture.levels[level].name for _, level in skeleton.stored] + [architecture.memories[0].name]
        listed = tuple(tuple(o.rank_variables for o in rules.orders if o.level == owner) for owner in owners)
        own, above = frozenset[str](), len(owners)
        if rules.dataflow is not None and rules.stationary:
            tensor = stationary_tensor(einsum, rules.dataflow)
            own = own.union(*(a.rank_variables for a in einsum.accesses_of(tensor)))
            above = next((k + 1 for k, (name, _) in enumerate(skeleton.stored) if name == tensor), above)
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
    einsum: Einsum,
    architecture: Architecture,
    tiles: Tiles,
    slots: Sequence[Sequence[str]],
    together: Integers,
    at: int,
) -> Mapping:
    """Return one of the mappings of a template, without idle loops."""
    return fitted(_open_nest(einsum, architecture, tiles, slots, int(together[at])), einsum)


def _open_nest(
    einsum: Einsum, architecture: Architecture, tiles: Tiles, slots: Sequence[Sequence[str]], place: int
) -> Mapping:
    row = tiles.rows[place].tolist()
    named = {v: tuple(row[k]) for k, v in enumerate(einsum.shape)}
    return assemble(einsum, architecture, tiles.skeleton, named, slots)


def floor_of(
    einsum: Einsum, architecture: Architecture, tiles: Tiles, slots: Sequence[Sequence[str]], together: Integers
) -> BatchResult | None:
    """Cost the mappings of a template in arrays; null where the batch model lacks the counts."""
    nest = _open_nest(einsum, architecture, tiles, slots, int(together[0]))
    template = Template(Workload(einsum.name, "", (einsum,)), architecture, nest)
    names = list(einsum.shape)
    columns = [(names.index(v), k) for k, order in reversed(list(enumerate(slots))) for v in reversed(order)]
    return template.floor(np.stack([tiles.rows[together, v, k] for v, k in columns], axis=1))


@lru_cache(maxsize=4096)
def _orders(names: tuple[str, ...], mask: int) -> tuple[tuple[str, ...], ...]:
    """Return orders of all names that differ in those of the mask, the others last."""
    inside = [v for k, v in enumerate(names) if mask >> k & 1]
    others = tuple(v for v in names if v not in inside)
    return tuple((*order, *others) for order in itertools.permutations(inside))


def assemble(
    einsum: Einsum,
    architecture: Architecture,
    skeleton: Skeleton,
    tiles: dict[str, tuple[int, ...]],
    orders: Sequence[Sequence[str]],
) -> Mapping:
    """Return the nest with these tiles (innermost first) and these loops in each slot."""
    nest: list[Node] = [Compute(einsum.name, architecture.unit.name)]
    gap = 0
    for k, (at, array, dimension, _) in enumerate(skeleton.slots):
        if at != gap:
            gap = at
            nest.append(_storage(skeleton.stored[gap - 1], architecture))
        nest += [Spatial(v, tiles[v][k], array, dimension) if array else Temporal(v, tiles[v][k]) for v in orders[k]]
    nest.append(Storage(tuple(einsum.tensors), architecture.memories[0].name))
    return Mapping(tuple(reversed(nest)), arch=architecture.name, einsum=einsum.name)


def _storage(stored: Stored, architecture: Architecture) -> Storage:
    return Storage((stored[0],), architecture.levels[stored[1]].name)


@dataclass
class Whole:
    """The whole mapspace, in arrays."""

    parts: list[Tiles]
    """Combinations of tiles that may be better than what is known."""
    size: int
    over_capacity: int
    """Nests left out for want of room."""
    against_rules: int
    """Nests left out because of rules on tiles or instances at work."""
    loose: bool


def small(einsum: Einsum, architecture: Architecture, rules: Rules, promising: Promising) -> Whole | None:
    """Return the mapspace, or null where it is too large to be costed."""
    # below every storage node the order of loops in time moves no tile, but for passes of a systolic array; a rule on
    # the order counts there as well
    loose = bool(rules.orders) or any(a.systolic is not None for a in architecture.arrays)
    ordered = bool(rules.orders) or rules.stationary
    parts: list[Tiles] = []
    size, over, against, effort_s = 0, 0, 0, 0.0
    in_arrays: bool | None = None
    for skeleton in skeletons(einsum, architecture, rules):
        tiles = _combined(einsum, skeleton, rules)
        if tiles is None:
            return None
        orders = tiles.orders(loose=loose)
        size += int(orders.sum())
        obeying = _obeying(einsum, architecture, tiles, rules)
        against += int(orders[~obeying].sum())
        fits, room = _room(einsum, architecture, tiles)
        over += int(orders[obeying & ~fits].sum())
        chosen = np.flatnonzero(obeying & fits & promising(_compute_cycles(einsum, tiles), room))
        effort_s += ROW_S * len(tiles.rows) / 10 + (0 if ordered else ROW_S * int(orders[chosen].sum()))
        if effort_s > EFFORT_MOST_S:
            return None
        if len(chosen):
            chosen_tiles = replace(tiles, rows=tiles.rows[chosen])
            for slots, together in templates(einsum, architecture, chosen_tiles, rules, loose=loose):
                if in_arrays is None:
                    in_arrays = floor_of(einsum, architecture, chosen_tiles, slots, together[:1]) is not None
                one_by_one_s = SCALAR_S * len(together)
                effort_s += min(one_by_one_s, TEMPLATE_S) if in_arrays else one_by_one_s
                effort_s += ROW_S * len(together) if ordered else 0
                if effort_s > EFFORT_MOST_S:
                    return None
            parts.append(chosen_tiles)
    return Whole(parts, size, over, against, loose)


def _obeying(einsum: Einsum, architecture: Architecture, tiles: Tiles, rules: Rules) -> npt.NDArray[np.bool_]:
    """Whether rules on tiles hold, and enough instances may work; ``violations`` has the last word on both."""
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    names = list(einsum.shape)
    gaps = [gap for gap, _, _, _ in tiles.skeleton.slots]
    for place, (tensor, level) in enumerate(tiles.skeleton.stored):
        indexing = frozenset[str]().union(*(a.rank_variables for a in einsum.accesses_of(tensor)))
        for rule in rules.tiles:
            if rule.level == architecture.levels[level].name and rule.rank_variable in indexing:
                below = tiles.rows[:, names.index(rule.rank_variable), gaps.index(place + 1)]
                limit = min(rule.extent, einsum.shape[rule.rank_variable])
                good &= below <= limit if rule.relation == "<=" else below == limit
    if rules.utilisation:
        instances = math.prod(x.fanout for x in architecture.serving if isinstance(x, Array))
        across = [k for k, slot in enumerate(tiles.skeleton.slots) if slot[3]]
        good &= tiles.steps[:, :, across].prod(axis=(1, 2)) >= rules.working_least(instances)
    return good


def _room(einsum: Einsum, architecture: Architecture, tiles: Tiles) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Whether every memory has room, and the bits used inside the outermost one.

    Only ranks with one rank variable alone are looked at: others only take more room.
    """
    names = list(einsum.shape)
    used: dict[int, Integers] = {}
    gaps = [gap for gap, _, _, _ in tiles.skeleton.slots]
    for place, (tensor, level) in enumerate(tiles.skeleton.stored):
        access = einsum.accesses_of(tensor)[0]
        alone = [i.rank_variables for i in access.indices if len(i.terms) == 1]
        own = {v for variables in alone for v in variables}
        below = tiles.rows[:, :, gaps.index(place + 1)]
        words = np.prod([below[:, names.index(v)] for v in own], axis=0) if own else np.ones(1, dtype=np.int64)
        bits = stored_bits(einsum.tensors[tensor], architecture.levels[level], words)
        used[level] = used.get(level, np.zeros(len(tiles.rows), dtype=np.int64)) + bits
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    total = np.zeros(len(tiles.rows), dtype=np.int64)
    for level, bits in used.items():
        memory = architecture.levels[level]
        if isinstance(memory, Memory):
            total += bits * architecture.copies(memory.name)
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
