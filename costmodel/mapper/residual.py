"""Tiles that need not divide: the whole mapspace where it is small, else climbing with a bound on what is left.

The mapspace is the canonical one of ``mapspace.py`` without its last sentence: below each loop stands any tile that is
smaller than the one above. Where a rank variable is spread over several dimensions of one array, either dimension
may stand above the other, for then the order decides what is left over.

A small mapspace is enumerated with the batch model, so its best mapping is proven. In a large one the climb starts
from the best mappings with perfect factors, and from those of the Einsum with rank variables padded to a size with
more divisors. Each step takes the best of all changes of one tile, or of two at once, or of the order of two nodes.
What it finds is held against ``bound.py``.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Affine, Einsum, Workload
from costmodel.mapper.bound import Bound, bound
from costmodel.mapper.constraints import Rules
from costmodel.mapper.encoding import held_under
from costmodel.mapper.mapspace import divisors_of
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.model.axes import Axis, How
from costmodel.model.batch import BatchResult, Template
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal
from costmodel.spec.problems import SpecError

EFFORT_MOST_S = 5.0
"""CPU seconds that enumeration may take, as foreseen from the three numbers below (so that no clock decides)."""
TEMPLATE_S, ROW_S, SCALAR_S = 15e-3, 40e-6, 1e-3
"""CPU seconds of one template of the batch model, of one of its rows, and of one mapping in the scalar model."""
TRIED_MOST = 300_000
"""Combinations of tiles that are looked at together."""
CLIMBED_MOST = 400_000
"""Mappings that climbing may cost."""
CLIMBED_S = 30.0
"""CPU seconds that padding may take where no budget is stated, and that climbing may."""
SPLITS = 32
"""Ways to split a tile evenly that a step of the climb tries."""
PAIRS_MOST = 4_000
"""Changes of two tiles at once that a step of the climb tries."""
SPREADS_MOST = 3_000
"""Ways to spread rank variables over an array that are looked at; where there are more, one to a dimension."""
GROWN = (0, 1, 2, 4)
"""How the tiles above an array change when its loops do: not at all, or to fit those below, or a part of those."""
SPREADS_CLIMBED = 4
"""Of these, how many a climb starts from."""
CONFIRMED_MOST = 40
"""Promising changes of one step that are tried on top of each other, best first, with the scalar model."""
STEPS = ("one", "turn", "two")
"""Kinds of steps of the climb: another tile, another order of two nodes, two other tiles."""
QUICK_STEPS = STEPS[:2]
INTERRUPTED = "(interrupted)"
"""How a method says that Ctrl-C ended it."""
SCALARS_MOST = 150
"""Changes of a step that the scalar model costs where the batch model lacks the counts."""
LESS = 1 - 1e-9
"""What is cheaper by no more than this is the same, but for rounding."""
PROVEN = 1e-8
"""A gap that rounding explains."""

Stored = tuple[str, int]
"""(tensor, place of the level in the architecture)."""
Score = Callable[[MappingPoint], tuple[float, ...]]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Promising = Callable[[Integers], npt.NDArray[np.bool_]]


# Rules on a mapping with any tiles


def allowed(mapping: Mapping, einsum: Einsum, architecture: Architecture, rules: Rules) -> bool:
    """Whether a mapping keeps to the rules; capacities and array sizes are the model's business."""
    left = dict(einsum.shape)
    active = {v: [n] for v, n in einsum.shape.items()}
    spread: dict[tuple[str, str, str], int] = {}
    for node in mapping.nest:
        if isinstance(node, Storage):
            if not _tiles_allowed(node, left, einsum, rules):
                return False
        elif isinstance(node, Temporal):
            left[node.rank_variable] = node.tile
            active[node.rank_variable] = [min(x, node.tile) for x in active[node.rank_variable]]
        elif isinstance(node, Spatial):
            v = node.rank_variable
            for o in rules.only:
                if (o.array, o.dimension) == (node.array, node.dimension) and v not in o.rank_variables:
                    return False
            key = (node.array, node.dimension, v)
            spread[key] = spread.get(key, 1) * -(-left[v] // node.tile)
            left[v] = node.tile
            active[v] = [min(node.tile, x - at) for x in active[v] for at in range(0, x, node.tile)]
    for s in rules.spreads:
        if s.rank_variable in einsum.shape:
            used = math.prod(
                n
                for (array, dimension, v), n in spread.items()
                if (array, v) == (s.array, s.rank_variable) and s.dimension in ("", dimension)
            )
            if used > s.instances if s.relation == "<=" else used != s.instances:
                return False
    instances = math.prod(a.fanout for a in architecture.arrays)
    if math.prod(len(x) for x in active.values()) < rules.utilisation * instances:
        return False
    return rules.dataflow in (None, "row_stationary") or _stays(mapping, einsum, stationary(einsum, rules))


def _tiles_allowed(node: Storage, left: dict[str, int], einsum: Einsum, rules: Rules) -> bool:
    for t in rules.tiles:
        v = t.rank_variable
        if t.level != node.level or v not in left:
            continue
        if not any(v in a.rank_variables for name in node.tensors for a in einsum.accesses_of(name)):
            continue
        limit = min(t.extent, einsum.shape[v])
        if left[v] > limit if t.relation == "<=" else left[v] != limit:
            return False
    return True


def stationary(einsum: Einsum, rules: Rules) -> str:
    """Return the tensor that a dataflow holds still."""
    if rules.dataflow == "output_stationary":
        return einsum.output.tensor
    inputs = [t for t in einsum.tensors if t != einsum.output.tensor]
    weights = [t for t in inputs if einsum.tensors[t].role == "weight"]
    if rules.dataflow == "weight_stationary":
        return (weights or inputs or [einsum.output.tensor])[-1]
    others = [t for t in inputs if t not in weights]
    return (others or inputs or [einsum.output.tensor])[0]


def _stays(mapping: Mapping, einsum: Einsum, tensor: str) -> bool:
    """Whether the first loop in time above the innermost tile of a tensor leaves it, where another loop could."""
    own = frozenset[str]().union(*(a.rank_variables for a in einsum.accesses_of(tensor)))
    left = dict(einsum.shape)
    last: tuple[str, dict[str, int]] | None = None
    found: tuple[str, dict[str, int]] | None = None
    for place, node in enumerate(mapping.nest):
        if isinstance(node, Storage):
            if place and tensor in node.tensors:
                found = last
        elif isinstance(node, Temporal | Spatial):
            left[node.rank_variable] = node.tile
            if isinstance(node, Temporal):
                last = (node.rank_variable, dict(left))
    if found is None:
        return True
    v, below = found
    return v not in own or not any(below[w] < n for w, n in einsum.shape.items() if w not in own)


# The whole mapspace, where it is small


@dataclass(frozen=True)
class _Skeleton:
    """Storage nodes and the places for loops between them, innermost first."""

    stored: tuple[Stored, ...]
    slots: tuple[tuple[int, str, str, int], ...]
    """(gap, array, dimension, size), innermost first; array is empty for a loop in time."""


def _skeletons(einsum: Einsum, architecture: Architecture, rules: Rules) -> Iterator[_Skeleton]:
    levels = architecture.levels[: architecture.index(architecture.compute_units[-1].name)]
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


def _with_slots(stored: tuple[Stored, ...], architecture: Architecture, arrays: Sequence[int]) -> Iterator[_Skeleton]:
    orders = []
    for place in arrays:
        array = architecture.levels[place]
        sizes = list(array.shape.items()) if isinstance(array, Array) else []
        orders.append(list(itertools.permutations(sizes)))
    for chosen in itertools.product(*orders):
        slots: list[tuple[int, str, str, int]] = []
        for gap in range(len(stored) + 1):
            for place, dimensions in zip(reversed(arrays), reversed(chosen), strict=True):
                if sum(s[1] > place for s in stored) == gap:
                    slots += [(gap, architecture.levels[place].name, d, size) for d, size in dimensions]
            slots.append((gap, "", "", 0))
        yield _Skeleton(stored, tuple(slots))


def _chains(extent: int, slots: Sequence[tuple[int, str, str, int]]) -> list[tuple[int, ...]]:
    """Return every row of tiles below the slots, innermost first, for one rank variable."""
    found: list[tuple[int, ...]] = [(1,)]
    for _, _, _, size in slots:
        most = min(size, extent) if size else extent
        # a tile t of the last slot, below a tile u: ⌈u / t⌉ ≤ size
        found = [(*row, u) for row in found for u in range(row[-1], min(extent, row[-1] * most) + 1)]
    return [row for row in found if row[-1] == extent]


@dataclass(frozen=True)
class _Tiles:
    """Every combination of tiles of one skeleton, before the loops of each gap are put in order."""

    skeleton: _Skeleton
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


def _rows(extent: int, slots: Sequence[tuple[int, str, str, int]], v: str, rules: Rules) -> Integers | None:
    """Return every row of tiles of a rank variable that rules on arrays allow; null if there are too many."""
    if math.comb(extent + len(slots) - 2, len(slots) - 1) > TRIED_MOST:
        return None
    rows = np.array(_chains(extent, slots), dtype=np.int64).reshape(-1, len(slots) + 1)
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


def _combined(einsum: Einsum, skeleton: _Skeleton, rules: Rules) -> _Tiles | None:
    """Return the combinations of tiles that the arrays have room for; null if there are too many to look at."""
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
    found = _Tiles(skeleton, joined)
    return replace(found, rows=joined[_normal(found)])


def _normal(tiles: _Tiles) -> npt.NDArray[np.bool_]:
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


def templates(einsum: Einsum, tiles: _Tiles, *, loose: bool) -> Iterator[tuple[list[tuple[str, ...]], Integers]]:
    """Yield (loops of each slot, combinations) so that every nest comes once, with those of one template together.

    Loops stand innermost first, as slots do.
    """
    names = tuple(einsum.shape)
    slots = tiles.skeleton.slots
    free = [k for k, (gap, _, _, size) in enumerate(slots) if not size and (gap or loose)]
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
            groups.setdefault(chosen, []).append(own)
    for chosen, listed in groups.items():
        together = np.concatenate(listed)
        busy = np.asarray(moving[together].any(axis=0))
        found: list[tuple[str, ...]] = []
        for k in range(len(slots)):
            order = chosen[free.index(k)] if k in free else names
            found.append(tuple(v for v in order if busy[names.index(v), k]))
        yield found, together


def _nest_of(
    einsum: Einsum,
    architecture: Architecture,
    tiles: _Tiles,
    slots: Sequence[Sequence[str]],
    together: Integers,
    at: int,
) -> Mapping:
    """Return one of the mappings of a template, without idle loops."""
    return _fitted(_open_nest(einsum, architecture, tiles, slots, int(together[at])), einsum)


def _open_nest(
    einsum: Einsum, architecture: Architecture, tiles: _Tiles, slots: Sequence[Sequence[str]], place: int
) -> Mapping:
    row = tiles.rows[place].tolist()
    named = {v: tuple(row[k]) for k, v in enumerate(einsum.shape)}
    return _assemble(einsum, architecture, tiles.skeleton, named, slots)


def _floor(
    einsum: Einsum, architecture: Architecture, tiles: _Tiles, slots: Sequence[Sequence[str]], together: Integers
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


def _assemble(
    einsum: Einsum,
    architecture: Architecture,
    skeleton: _Skeleton,
    tiles: dict[str, tuple[int, ...]],
    orders: Sequence[Sequence[str]],
) -> Mapping:
    nest: list[Node] = [Compute(einsum.name, architecture.compute_units[-1].name)]
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
class _Whole:
    """The whole mapspace, in arrays."""

    parts: list[_Tiles]
    """Combinations of tiles that may be better than what is known."""
    size: int
    over_capacity: int
    """Nests left out for want of room."""
    loose: bool


def small(einsum: Einsum, architecture: Architecture, rules: Rules, promising: Promising) -> _Whole | None:
    """Return the mapspace, or null where it is too large to be costed.

    ``promising`` tells from the compute cycles which combinations of tiles may be better than what is known.
    """
    loose = any(a.systolic is not None for a in architecture.arrays)
    parts: list[_Tiles] = []
    size, over, effort_s = 0, 0, 0.0
    in_arrays: bool | None = None
    for skeleton in _skeletons(einsum, architecture, rules):
        tiles = _combined(einsum, skeleton, rules)
        if tiles is None:
            return None
        orders = tiles.orders(loose=loose)
        size += int(orders.sum())
        room = _room(einsum, architecture, tiles)
        over += int(orders[~room].sum())
        chosen = np.flatnonzero(room & promising(_compute_cycles(einsum, tiles)))
        effort_s += ROW_S * len(tiles.rows) / 10 + ROW_S * int(orders[chosen].sum())
        if effort_s > EFFORT_MOST_S:
            return None
        if len(chosen):
            chosen_tiles = replace(tiles, rows=tiles.rows[chosen])
            for slots, together in templates(einsum, chosen_tiles, loose=loose):
                if in_arrays is None:
                    in_arrays = _floor(einsum, architecture, chosen_tiles, slots, together[:1]) is not None
                one_by_one_s = SCALAR_S * len(together)
                effort_s += min(one_by_one_s, TEMPLATE_S) if in_arrays else one_by_one_s
                if effort_s > EFFORT_MOST_S:
                    return None
            parts.append(chosen_tiles)
    return _Whole(parts, size, over, loose)


def _room(einsum: Einsum, architecture: Architecture, tiles: _Tiles) -> npt.NDArray[np.bool_]:
    """Whether the ranks with one rank variable alone fit every memory: other ranks only take more room."""
    names = list(einsum.shape)
    used: dict[int, Integers] = {}
    gaps = [gap for gap, _, _, _ in tiles.skeleton.slots]
    for place, (tensor, level) in enumerate(tiles.skeleton.stored):
        access = einsum.accesses_of(tensor)[0]
        alone = [i.rank_variables for i in access.indices if len(i.terms) == 1]
        own = {v for variables in alone for v in variables}
        below = tiles.rows[:, :, gaps.index(place + 1)]
        words = np.prod([below[:, names.index(v)] for v in own], axis=0) if own else np.ones(1, dtype=np.int64)
        used[level] = used.get(level, np.zeros(len(tiles.rows), dtype=np.int64)) + words * einsum.tensors[tensor].bits
    good = np.ones(len(tiles.rows), dtype=np.bool_)
    for level, bits in used.items():
        memory = architecture.levels[level]
        if isinstance(memory, Memory) and memory.usable_bits is not None:
            good &= bits <= memory.usable_bits
    return good


def _compute_cycles(einsum: Einsum, tiles: _Tiles) -> Integers:
    """Points of the busiest compute instance."""
    points = np.ones(len(tiles.rows), dtype=np.int64)
    slots = tiles.skeleton.slots
    for k, extent in enumerate(einsum.shape.values()):
        # outermost first, without the whole extent
        own = tuple(tiles.rows[:, k, at] for at in range(len(slots) - 1, -1, -1))
        how: list[How] = ["first" if slots[at][3] else "time" for at in range(len(slots) - 1, -1, -1)]
        points = points * Axis(extent, own, tuple(how), len(own)).arriving(counted=True)
    return points


# Climbing


@dataclass
class _Open:
    """A nest with a loop for every rank variable in every place, most of which take one step."""

    nodes: tuple[Node, ...]
    template: Template
    row: Integers
    """Tile of each loop."""
    own: dict[str, list[int]]
    """Loops of each rank variable, outermost first."""

    @classmethod
    def of(cls, mapping: Mapping, einsum: Einsum, architecture: Architecture) -> _Open:
        """Fill in the loops that a mapping does without."""
        nodes = _filled(mapping, einsum, architecture)
        loops = [n for n in nodes if isinstance(n, Temporal | Spatial)]
        own: dict[str, list[int]] = {v: [] for v in einsum.shape}
        for at, loop in enumerate(loops):
            own[loop.rank_variable].append(at)
        workload = Workload(einsum.name, "", (einsum,))
        whole = Mapping(nodes, arch=architecture.name, einsum=einsum.name)
        row = np.array([x.tile for x in loops], dtype=np.int64)
        return cls(nodes, Template(workload, architecture, whole), row, own)

    def changed(self, rows: Integers, changes: Integers) -> Integers:
        """Change tiles in rows: (place, tile) twice. Those above grow and those below shrink as far as they must."""
        found = rows.copy()
        for at, tiles in ((changes[:, 0], changes[:, 1]), (changes[:, 2], changes[:, 3])):
            for listed in self.own.values():
                for k in listed:
                    mine = np.isin(at, listed)
                    found[:, k] = np.where(mine & (k < at), np.maximum(found[:, k], tiles), found[:, k])
                    found[:, k] = np.where(mine & (k > at), np.minimum(found[:, k], tiles), found[:, k])
                    found[:, k] = np.where(mine & (k == at), tiles, found[:, k])
        return found

    def _above(self) -> list[int]:
        """What is left of its rank variable above each loop."""
        left = dict(self.template.einsum.shape)
        found = []
        for loop, tile in zip(self.template.loops, self.row, strict=True):
            found.append(left[loop.rank_variable])
            left[loop.rank_variable] = int(tile)
        return found

    def _free(self) -> list[int]:
        """Loops whose tile may change, those in space first."""
        free = [at for listed in self.own.values() for at in listed[:-1]]
        return sorted(free, key=lambda at: (not self.template.loops[at].spatial, at))

    def one_tile(self) -> Integers:
        """Return changes to another tile at one loop: (place, tile, place, tile).

        The second place is the first again, or a loop in space inside of it that keeps its instances (or rather the
        last of the idle loops that follow it, so that they stay idle).
        """
        above, parts = self._above(), []
        for at in self._free():
            v = self.template.loops[at].rank_variable
            extent, tile = self.template.einsum.shape[v], int(self.row[at])
            tiles = {-(-n // k) for n in {extent, above[at]} for k in range(1, min(n, SPLITS) + 1)}
            tiles |= {tile - 1, tile + 1, *divisors_of(extent).tolist()}
            inside = [
                k for k in self.own[v][:-1] if k > at and self.template.loops[k].spatial and above[k] > self.row[k]
            ]
            counts = {k: {-(-above[k] // int(self.row[k])), self._size(k)} for k in inside}
            for t in sorted((t for t in tiles if 1 <= t <= extent and t != tile), reverse=True):
                parts.append((at, t, at, t))
                parts += [(at, t, self._last_idle(k), -(-t // n)) for k in inside for n in counts[k]]
        return np.array(parts, dtype=np.int64).reshape(-1, 4)

    def _last_idle(self, at: int) -> int:
        """Return the last loop with the same tile."""
        v = self.template.loops[at].rank_variable
        return max(k for k in self.own[v][:-1] if self.row[k] == self.row[at])

    def _size(self, at: int) -> int:
        """Return the size of the dimension that a loop in space lies along."""
        loop = self.template.loops[at]
        return next(a.shape[loop.dimension] for a in self.template.architecture.arrays if a.name == loop.array)

    def two_tiles(self) -> Integers:
        """Return changes to near tiles at two loops, of one rank variable or of two: (place, tile, place, tile)."""
        free = self._free()
        pairs = list(itertools.combinations(free, 2))
        most = max(2, math.isqrt(PAIRS_MOST // max(1, len(pairs))))
        above = self._above()
        near = {at: self._near(at, above[at])[:most] for at in free}
        parts = [(a, t, b, u) for a, b in pairs for t in near[a] for u in near[b]]
        return np.array(parts, dtype=np.int64).reshape(-1, 4)

    def spreads(self, architecture: Architecture, rules: Rules) -> Integers:
        """Return rows with other rank variables across one of the arrays, and otherwise nearly the same tiles."""
        found: list[list[int]] = []
        for array in architecture.arrays:
            own: dict[str, dict[str, int]] = {d: {} for d in array.shape}
            for at, loop in enumerate(self.template.loops):
                if loop.array == array.name and not _barred(rules, array.name, loop.dimension, loop.rank_variable):
                    own[loop.dimension][loop.rank_variable] = at
            ways = [_ways(tuple(own[d]), size) for d, size in array.shape.items()]
            if math.prod(map(len, ways)) > SPREADS_MOST:
                ways = [[way for way in listed if len(way) < 2] for listed in ways]
            for chosen in itertools.product(*ways):
                across = [(own[d][v], n) for d, way in zip(own, chosen, strict=True) for v, n in way.items()]
                idle = [at for at, x in enumerate(self.template.loops) if x.array == array.name]
                found += [self._across(dict(across), idle, grow=grow) for grow in GROWN]
        return np.unique(np.array(found, dtype=np.int64).reshape(-1, len(self.row)), axis=0)

    def _across(self, across: dict[int, int], spatial: Sequence[int], *, grow: int) -> list[int]:
        """Spread some loops over so many instances, the others of these not at all.

        Either the tiles above stay (``grow`` 0), or those below do, as one such part of them: then the ones above
        grow or shrink to an even split.
        """
        row = [int(tile) for tile in self.row]
        for v, listed in self.own.items():
            mine = [at for at in listed if at in spatial]
            if not mine:
                continue
            extent = self.template.einsum.shape[v]
            before = [at for at in listed if at < mine[0]]
            left = row[before[-1]] if before else extent
            same = left
            for at in mine:
                same = -(-same // across.get(at, 1))
                if same != row[at]:
                    break
            else:
                continue
            instances = math.prod(across.get(at, 1) for at in mine)
            if grow and before:
                below = row[mine[-1]] if instances == 1 else max(1, row[mine[-1]] // grow) * instances
                left = below if instances == 1 else -(-extent // max(1, extent // below))
                for at in before:
                    row[at] = left if at == before[-1] else max(row[at], left)
            for at in mine:
                left = row[at] = -(-left // across.get(at, 1))
            for at in listed:
                if at > mine[-1]:
                    row[at] = min(row[at], left)
        return row

    def _near(self, at: int, above: int) -> list[int]:
        """Return the tiles that are tried first at a loop: one step more or fewer, twice, half, idle and so on."""
        v, tile = self.template.loops[at].rank_variable, int(self.row[at])
        extent = self.template.einsum.shape[v]
        below = int(self.row[self.own[v][self.own[v].index(at) + 1]])
        steps = -(-above // tile)
        divisors = divisors_of(extent)
        smaller, larger = divisors[divisors < tile][-1:], divisors[divisors > tile][:1]
        listed = [above, -(-above // self._size(at))] if self.template.loops[at].spatial else []
        listed += [-(-above // (steps + 1)), -(-above // max(1, steps - 1)), above, below, 2 * tile, -(-tile // 2)]
        listed += [*smaller.tolist(), *larger.tolist(), tile + 1, tile - 1]
        return [t for t in dict.fromkeys(listed) if 1 <= t <= extent and t != tile]

    def mapping(self, row: Integers) -> Mapping:
        """Return the nest with these tiles, without its idle loops."""
        return _fitted(self.template.mapping_of(row), self.template.einsum)

    def turned(self, architecture: Architecture) -> Iterator[tuple[Node, ...]]:
        """Yield nests in which a loop in time is the first or last of its gap, or two storage nodes have swapped."""
        nodes = self.mapping(self.row).nest
        for at, node in enumerate(nodes):
            if isinstance(node, Temporal):
                first = at
                while isinstance(nodes[first - 1], Temporal):
                    first -= 1
                last = at
                while isinstance(nodes[last + 1], Temporal):
                    last += 1
                for to in {first, last} - {at}:
                    rest = [*nodes[:at], *nodes[at + 1 :]]
                    yield (*rest[:to], node, *rest[to:])
        stores = [at for at, node in enumerate(nodes) if isinstance(node, Storage)]
        for a, b in itertools.pairwise(stores[1:]):
            above, below = nodes[a], nodes[b]
            if isinstance(above, Storage) and isinstance(below, Storage) and not {*above.tensors} & {*below.tensors}:
                places = sorted(architecture.index(n.level) for n in (above, below))
                if not any(isinstance(x, Array) for x in architecture.levels[slice(*places)]):
                    yield (*nodes[:a], below, *nodes[a + 1 : b], above, *nodes[b + 1 :])


@lru_cache(maxsize=256)
def _ways(names: tuple[str, ...], size: int) -> list[dict[str, int]]:
    """Return ways to spread one or two rank variables over a dimension, as instances of each."""
    found: list[dict[str, int]] = [{}, *({v: size} for v in names)]
    for v, w in itertools.permutations(names, 2):
        found += [{v: n, w: size // n} for n in range(2, size // 2 + 1) if size // (size // n) == n]
    return found


def _barred(rules: Rules, array: str, dimension: str, v: str) -> bool:
    """Whether a rule keeps a rank variable from a dimension."""
    return any((o.array, o.dimension) == (array, dimension) and v not in o.rank_variables for o in rules.only)


def _filled(mapping: Mapping, einsum: Einsum, architecture: Architecture) -> tuple[Node, ...]:
    gaps: list[tuple[Storage, list[Node]]] = []
    for node in mapping.nest:
        if isinstance(node, Storage):
            gaps.append((node, []))
        elif isinstance(node, Temporal | Spatial):
            gaps[-1][1].append(node)
    levels = architecture.levels[: architecture.index(architecture.compute_units[-1].name)]
    left = dict(einsum.shape)
    nodes: list[Node] = []

    def add(loops: Sequence[Node], blank: Callable[[str], Node]) -> None:
        names = set()
        for loop in loops:
            if isinstance(loop, Temporal | Spatial):
                left[loop.rank_variable] = loop.tile
                names.add(loop.rank_variable)
                nodes.append(loop)
        nodes.extend(blank(v) for v, n in einsum.shape.items() if v not in names and n > 1)

    done = 0
    for at, (storage, loops) in enumerate(gaps):
        nodes.append(storage)
        add([x for x in loops if isinstance(x, Temporal)], lambda v: Temporal(v, left[v]))
        until = len(levels)
        if at + 1 < len(gaps):
            until = max(architecture.index(gaps[k][0].level) for k in range(at + 2))
        for place in range(done, until):
            array = levels[place]
            if isinstance(array, Array):
                mine = [x for x in loops if isinstance(x, Spatial) and x.array == array.name]
                # dimensions in the order in which the nest has them
                for d in dict.fromkeys([*(x.dimension for x in mine), *array.shape]):
                    blank = lambda v, a=array.name, d=d: Spatial(v, left[v], a, d)  # noqa: E731
                    add([x for x in mine if x.dimension == d], blank)
        done = max(done, until)
    nodes.append(mapping.nest[-1])
    return tuple(nodes)


@dataclass
class _Archive:
    """Everything that was costed."""

    einsum: Einsum
    architecture: Architecture
    rules: Rules
    deadline: float | None
    powers: tuple[float, float] | None
    known: dict[tuple[Node, ...], MappingPoint | None] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    in_arrays: int = 0
    """Mappings that were costed in arrays."""
    front: list[tuple[float, float]] = field(default_factory=list)
    """(energy, latency) of what no other costed mapping beats, by rising energy."""
    in_vain: set[tuple[str, tuple[float, float], tuple[Node, ...]]] = field(default_factory=set)
    """(kind of step, objective, nest) where a climb found nothing better."""

    @property
    def late(self) -> bool:
        return self.deadline is not None and time.process_time() > self.deadline

    @property
    def points(self) -> list[MappingPoint]:
        return [p for p in self.known.values() if p is not None]

    def cost(self, mapping: Mapping) -> MappingPoint | None:
        """Return the cost of a mapping, null where it does not fit or a rule forbids it."""
        if mapping.nest in self.known:
            return self.known[mapping.nest]
        point: MappingPoint | None = None
        if not allowed(mapping, self.einsum, self.architecture, self.rules):
            self.rejected["constraints"] += 1
        else:
            workload = Workload(self.einsum.name, "", (self.einsum,))
            try:
                point = MappingPoint(mapping, evaluate(workload, self.architecture, mapping))
            except SpecError as error:
                if "over capacity" not in str(error):
                    raise
                self.rejected["capacity"] += 1
        self._keep(mapping, point)
        return point

    def _keep(self, mapping: Mapping, point: MappingPoint | None) -> None:
        self.known[mapping.nest] = point
        if point is not None:
            cost = (point.energy_pj, point.latency_cycles)
            if not any(e <= cost[0] and c <= cost[1] for e, c in self.front):
                kept = [(e, c) for e, c in self.front if e < cost[0] or c < cost[1]]
                self.front = sorted([*kept, cost])

    def take(self, found: MapperResult) -> None:
        """Take in an answer. Raises KeyboardInterrupt again if that ended its search."""
        for point in found.front:
            self._keep(point.mapping, point)
        if INTERRUPTED in found.certificate.method:
            raise KeyboardInterrupt

    def promising(self, energy: Floats, latency: Floats) -> npt.NDArray[np.bool_]:
        """Whether mappings that cost at least so much may be better than all known ones."""
        good = np.ones(np.broadcast(energy, latency).shape, dtype=np.bool_)
        if not self.front:
            return good
        if self.powers is None:
            for e, c in self.front:
                good &= (energy < e * LESS) | (latency < c * LESS)
            return good
        a, b = self.powers
        least, e, c = min((e**a * c**b, e, c) for e, c in self.front)
        score = energy**a * latency**b
        tie = (energy < e * LESS) | (latency < c * LESS) & (energy <= e)
        better: npt.NDArray[np.bool_] = np.less(score, least * LESS) | (np.less_equal(score, least / LESS) & tie)
        return better

    def settle(self, energy: Floats, latency: Floats, mapping_of: Callable[[int], Mapping]) -> bool:
        """Cost by the scalar model what may be better, given costs at least so high; whether time allowed it."""
        for at in np.lexsort((latency, energy)) if self.powers is None else np.argsort(self._scores(energy, latency)):
            if self.late:
                return False
            if self.promising(energy[at : at + 1], latency[at : at + 1])[0]:
                self.cost(mapping_of(int(at)))
        return True

    def _scores(self, energy: Floats, latency: Floats) -> Floats:
        a, b = self.powers or (1.0, 1.0)
        found: Floats = energy**a * latency**b
        return found

    def enumerate(self, whole: _Whole) -> bool:
        """Cost the whole mapspace until the time is up; whether it was enough."""
        self.rejected["capacity"] += whole.over_capacity
        return all(self._enumerate(tiles, whole) for tiles in whole.parts)

    def _enumerate(self, tiles: _Tiles, whole: _Whole) -> bool:
        for slots, together in templates(self.einsum, tiles, loose=whole.loose):
            if self.late:
                return False

            mapping_of = partial(_nest_of, self.einsum, self.architecture, tiles, slots, together)
            floor = None
            if len(together) * SCALAR_S > TEMPLATE_S:
                floor = _floor(self.einsum, self.architecture, tiles, slots, together)
            if floor is None:
                for at in range(len(together)):
                    if self.late:
                        return False
                    self.cost(mapping_of(at))
                continue
            self.in_arrays += len(together)
            self.rejected["capacity"] += int((~floor.feasible).sum())
            good = np.flatnonzero(floor.feasible & self.promising(floor.energy_pj, floor.latency_cycles))
            costs = floor.energy_pj[good], floor.latency_cycles[good]
            if not self.settle(*costs, partial(_indexed, good, mapping_of)):
                return False
        return True

    def infeasible(self, failure: InfeasibleError | None, *, stopped: bool) -> BaseException:
        """Say why there is no answer."""
        if stopped:
            return KeyboardInterrupt()
        tally = self.rejected.most_common() or [("constraints", 1)]
        return failure or InfeasibleError(self.einsum.name, tally, None)

    def climb(
        self,
        start: Mapping,
        aim: tuple[float, float],
        most: int,
        *,
        steepest: bool = True,
        steps: Sequence[str] = QUICK_STEPS,
    ) -> None:
        """Take steps until none helps or so many mappings were costed: the best first, or those in space first."""
        best = self.cost(start)
        if best is None:
            return
        score = _score(aim)
        state = _Open.of(best.mapping, self.einsum, self.architecture)
        limit = self.in_arrays + most
        kind = 0
        while kind < len(steps) and self.in_arrays < limit and not self.late:
            tried = (steps[kind], aim, best.mapping.nest)
            if tried in self.in_vain:
                kind += 1
                continue
            if steps[kind] == "turn":
                found = self._cheapest((replace(best.mapping, nest=n) for n in state.turned(self.architecture)), score)
                if found is not None and score(found) < score(best):
                    state = _Open.of(found.mapping, self.einsum, self.architecture)
            else:
                state, found = self._step(state, steps[kind], best, aim, steepest=steepest)
            if found is None or score(found) >= score(best):
                self.in_vain.add(tried)
                kind += 1
            else:
                best, kind = found, 0

    def _cheapest(self, mappings: Iterable[Mapping], score: Score) -> MappingPoint | None:
        """Return the best of some mappings, as far as time allows."""
        costed = (self.cost(m) for m in itertools.takewhile(lambda _: not self.late, mappings))
        return min((p for p in costed if p is not None), key=score, default=None)

    def _step(
        self, state: _Open, kind: str, best: MappingPoint, aim: tuple[float, float], *, steepest: bool
    ) -> tuple[_Open, MappingPoint]:
        """Change one tile, or two, wherever that helps: the best changes first, and then more on top of them."""
        score = _score(aim)
        changes = state.one_tile() if kind == "one" else state.two_tiles()
        if not len(changes):
            return state, best
        rows = state.changed(np.tile(state.row, (len(changes), 1)), changes)
        floor = state.template.floor(rows)
        if floor is None:
            # no counts in arrays: a few changes, spread over all kinds
            promised = np.arange(0, len(rows), max(1, len(rows) // SCALARS_MOST))
            self.in_arrays += len(promised)
        else:
            self.in_arrays += len(rows)
            if self.powers is None:
                self._spread(state, rows, floor)
            promised = _better(floor, best, aim)
            promised = promised[:CONFIRMED_MOST] if steepest else np.sort(promised)[:CONFIRMED_MOST]
        for at in promised:
            if self.late:
                break
            row = state.changed(state.row[None], changes[at][None])[0]
            point = self.cost(state.mapping(row)) if self._fits(state, row) else None
            if point is not None and score(point) < score(best):
                state, best = replace(state, row=row), point
        return state, best

    def spread(self, start: Mapping, aim: tuple[float, float]) -> list[Mapping]:
        """Return a few of the best mappings that spread other rank variables over the arrays, whatever they cost."""
        state = _Open.of(start, self.einsum, self.architecture)
        rows = state.spreads(self.architecture, self.rules)
        floor = state.template.floor(rows) if len(rows) else None
        if floor is None or self.late:
            return []
        self.in_arrays += len(rows)
        a, b = aim
        scores = np.where(floor.feasible, floor.energy_pj**a * floor.latency_cycles**b, np.inf)
        used: set[tuple[tuple[str, str, str], ...]] = set()
        found: list[Mapping] = []
        for at in np.argsort(scores, kind="stable")[: int(np.isfinite(scores).sum())]:
            if len(found) == SPREADS_CLIMBED or len(used) == CONFIRMED_MOST or self.late:
                break
            mapping = state.mapping(rows[at])
            kind = tuple((n.rank_variable, n.array, n.dimension) for n in mapping.nest if isinstance(n, Spatial))
            if kind not in used:
                used.add(kind)
                if self.cost(mapping) is not None:
                    found.append(mapping)
        return found

    def _fits(self, state: _Open, row: Integers) -> bool:
        """Whether the arrays have room."""
        used: Counter[tuple[str | None, str]] = Counter()
        left = dict(self.einsum.shape)
        for loop, tile in zip(state.template.loops, row.tolist(), strict=True):
            if loop.spatial:
                key = (loop.array, loop.dimension)
                used[key] = max(1, used[key]) * -(-left[loop.rank_variable] // tile)
            left[loop.rank_variable] = tile
        return all(used[a.name, d] <= size for a in self.architecture.arrays for d, size in a.shape.items())

    def _spread(self, state: _Open, rows: Integers, floor: BatchResult) -> None:
        """Cost some neighbours that the front may lack."""
        good = np.flatnonzero(floor.feasible & self.promising(floor.energy_pj, floor.latency_cycles))
        few = good[np.argsort(self._scores(floor.energy_pj[good], floor.latency_cycles[good]))[:CONFIRMED_MOST]]
        self.settle(floor.energy_pj[few], floor.latency_cycles[few], lambda at: state.mapping(rows[few[at]]))


def _better(floor: BatchResult, best: MappingPoint, aim: tuple[float, float]) -> Integers:
    """Return the rows that promise to be better, best first."""
    a, b = aim
    energy, latency = floor.energy_pj, floor.latency_cycles
    scores = np.where(floor.feasible, energy**a * latency**b, np.inf)
    least = _score(aim)(best)[0]
    tie = (energy < best.energy_pj * LESS) | (latency < best.latency_cycles * LESS) & (energy <= best.energy_pj)
    good = np.flatnonzero((scores < least * LESS) | ((scores <= least / LESS) & tie))
    found: Integers = good[np.lexsort((latency[good], energy[good], scores[good]))]
    return found


def _indexed(places: Integers, mapping_of: Callable[[int], Mapping], at: int) -> Mapping:
    return mapping_of(int(places[at]))


def padded(einsum: Einsum, sizes: dict[str, int]) -> Einsum:
    """Return the Einsum with other extents."""
    shape = {**einsum.shape, **sizes}

    def reach(index: Affine) -> int:
        return 1 + index.constant + sum(max(0, c * (shape[v] - 1)) for v, c in index.terms)

    tensors = dict(einsum.tensors)
    for access in einsum.accesses:
        tensor = tensors[access.tensor]
        extents = tuple(max(n, reach(i)) for n, i in zip(tensor.shape, access.indices, strict=True))
        tensors[access.tensor] = replace(tensor, shape=extents)
    return replace(einsum, shape=shape, tensors=tensors)


def richer(extent: int) -> int:
    """Return the size, at most a third larger, with the most divisors for its padding; the extent if none has more.

    >>> [richer(n) for n in (7, 13, 16, 55)]
    [8, 16, 18, 60]
    """
    own = len(divisors_of(extent))
    sizes = range(extent + 1, extent + max(1, extent // 3) + 1)
    ranked = [(len(divisors_of(n)) / own * extent / n, -n) for n in sizes if len(divisors_of(n)) > own]
    return -max(ranked)[1] if ranked else extent


def paddings(einsum: Einsum) -> list[dict[str, int]]:
    """Return sizes of rank variables that lack divisors, one by one and, if few mappings come of it, all at once."""

    def count(sizes: Iterable[int]) -> int:
        return math.prod(len(divisors_of(n)) for n in sizes)

    wider = {v: richer(n) for v, n in einsum.shape.items()}
    sizes = {v: n for v, n in wider.items() if einsum.shape[v] > 4 and count([n]) >= 2 * count([einsum.shape[v]])}
    found = [{v: n} for v, n in sizes.items()]
    if len(sizes) > 1 and count({**einsum.shape, **sizes}.values()) <= 20 * count(einsum.shape.values()):
        found.append(sizes)
    return found


def _fitted(mapping: Mapping, einsum: Einsum) -> Mapping:
    """Return a mapping of a padded Einsum with the same tiles as far as there is something left for them."""
    left = dict(einsum.shape)
    nest: list[Node] = []
    for node in mapping.nest:
        if isinstance(node, Temporal | Spatial):
            tile = min(node.tile, left[node.rank_variable])
            if tile == left[node.rank_variable]:
                continue
            left[node.rank_variable] = tile
            nest.append(replace(node, tile=tile))
        else:
            nest.append(node)
    return replace(mapping, nest=tuple(nest))


# All together


def improve(
    einsum: Einsum,
    architecture: Architecture,
    rules: Rules,
    perfect: Callable[[Einsum], MapperResult],
    select: Callable[[Sequence[MappingPoint]], list[MappingPoint]],
    powers: tuple[float, float] | None,
    *,
    deadline: float | None = None,
) -> MapperResult:
    """Return the best mapping (or the front) over all tiles, at least as good as that with perfect factors.

    ``perfect`` answers with perfect factors, ``select`` picks the answer, ``powers`` are those of energy and latency,
    null for a front. ``deadline`` is CPU time of this process.

    Raises InfeasibleError if nothing that was tried fits.
    """
    began = time.process_time()
    archive = _Archive(einsum, architecture, rules, deadline, powers)
    least = bound(einsum, architecture, rules)
    failure: InfeasibleError | None = None
    start: MapperResult | None = None
    whole: _Whole | None = None
    complete = climbed = stopped = False
    try:
        try:
            start = perfect(einsum)
        except InfeasibleError as error:
            failure = error
        else:
            archive.take(start)
        whole = small(einsum, architecture, rules, _in_time(archive, least))
        if whole is None:
            climbed = True
            _climb(archive, perfect)
            if archive.points and _verdict(archive.points, least, powers)[0] != "optimal: proven" and not archive.late:
                whole = small(einsum, architecture, rules, _in_time(archive, least))
        if whole is not None:
            complete = archive.enumerate(whole)
            if not complete and not climbed:
                climbed = True
                _climb(archive, perfect)
    except KeyboardInterrupt:
        stopped = True
    if not archive.points:
        raise archive.infeasible(failure, stopped=stopped)
    front = select(archive.points)
    status, gap = _verdict(front, least, powers)
    if complete:
        status, gap = "optimal: proven", 0.0
    how = [*(["climbing over all tiles"] if climbed else []), *(["enumeration of all tiles"] if complete else [])]
    before = "exact" if start is None else start.certificate.method.removesuffix(f" {INTERRUPTED}")
    evaluated = len(archive.known) + archive.in_arrays + (start.certificate.evaluated if start is not None else 0)
    joined: Counter[str] = Counter()
    for rule, count in (*(start.certificate.pruned if start is not None else ()), *sorted(archive.rejected.items())):
        joined[rule] += count
    certificate = Certificate(
        status,
        " + ".join([before, *how]) + (f" {INTERRUPTED}" if stopped else ""),
        whole.size if complete and whole is not None else None,
        evaluated,
        tuple(joined.items()),
        time.process_time() - began,
        gap,
    )
    return MapperResult(einsum.name, tuple(front), certificate)


def _in_time(archive: _Archive, least: Bound) -> Promising:
    """Return what tells from compute cycles and the bound on energy whether a mapping may be better than all known."""
    unit = archive.architecture.compute_units[-1]
    per_point = sum(o.per_point / unit.rate_of(o.kind) for o in archive.einsum.operations)

    def promising(points: Integers) -> npt.NDArray[np.bool_]:
        return archive.promising(np.array(least.energy_pj), np.maximum(points * per_point, least.latency_cycles))

    return promising


def _climb(archive: _Archive, perfect: Callable[[Einsum], MapperResult]) -> None:
    """Climb from all starts there are, until the time is up."""
    before = archive.deadline
    if before is None:
        archive.deadline = time.process_time() + CLIMBED_S
    _pad(archive, perfect)
    if before is None:
        archive.deadline = time.process_time() + CLIMBED_S
    # a climb towards one objective passes by good mappings for another
    wanted = list(dict.fromkeys([archive.powers or (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]))
    share = CLIMBED_MOST // ((4 + SPREADS_CLIMBED) * len(wanted) + 1)
    for aim in wanted:
        if archive.points:
            _climb_towards(archive, aim, share)
    if archive.points:
        archive.climb(min(archive.points, key=_score(wanted[0])).mapping, wanted[0], share, steps=STEPS)
    archive.deadline = before


def _pad(archive: _Archive, perfect: Callable[[Einsum], MapperResult]) -> None:
    """Cost the best mappings of padded Einsums. Raises KeyboardInterrupt again if that ended a search."""
    for chosen in paddings(archive.einsum):
        if archive.late:
            return
        try:
            found = perfect(padded(archive.einsum, chosen))
        except InfeasibleError:
            continue
        for point in found.front:
            archive.cost(_fitted(point.mapping, archive.einsum))
        if INTERRUPTED in found.certificate.method:
            raise KeyboardInterrupt


def _climb_towards(archive: _Archive, aim: tuple[float, float], share: int) -> None:
    score = _score(aim)
    # two starts: the best so far, and the best of those with their storage nodes in another order
    kinds = {_kind(p.mapping): p for p in sorted(archive.points, key=score, reverse=True)}
    starts = sorted(kinds.values(), key=score)[:2]
    archive.climb(starts[0].mapping, aim, share, steepest=False)
    for point in starts:
        archive.climb(point.mapping, aim, share)
    for mapping in archive.spread(min(archive.points, key=score).mapping, aim):
        archive.climb(mapping, aim, share)
    archive.climb(min(archive.points, key=score).mapping, aim, share, steps=STEPS)


def _kind(mapping: Mapping) -> tuple[str, ...]:
    """Tell nests apart by the order of their storage nodes."""
    return tuple(f"{t} {n.level}" for n in mapping.nest if isinstance(n, Storage) for t in n.tensors)


def _score(powers: tuple[float, float]) -> Score:
    a, b = powers

    def score(point: MappingPoint) -> tuple[float, ...]:
        return (point.energy_pj**a * point.latency_cycles**b, point.energy_pj, point.latency_cycles)

    return score


def _verdict(
    front: Sequence[MappingPoint], least: Bound, powers: tuple[float, float] | None
) -> tuple[Literal["optimal: proven", "gap", "best found"], float | None]:
    """Say how far the answer is from the optimum at most.

    A front gets a gap that holds for energy^a · latency^b up to a + b = 3, also for sums over several Einsums: one of
    its points is so close to the bounds of both.
    """
    if least.latency_cycles <= 0 or least.energy_pj <= 0:
        return "best found", None
    ratios = [(p.energy_pj / least.energy_pj, p.latency_cycles / least.latency_cycles) for p in front]
    if powers is None:
        gap = min(max(e, c) for e, c in ratios) ** 3 - 1
    else:
        gap = min(e ** powers[0] * c ** powers[1] for e, c in ratios) - 1
    gap = max(0.0, gap)
    return ("optimal: proven", 0.0) if gap < PROVEN else ("gap", gap)
