"""Tiles that need not divide: the whole mapspace where it is small, else climbing with a bound on what is left.

The mapspace is the canonical one of ``mapspace.py`` without its last sentence: below each loop stands any tile that is
smaller than the one above. Where a rank variable is spread over several dimensions of one array, either dimension
may stand above the other, for then the order decides what is left over.

A small mapspace is enumerated with the scalar model, so its best mapping is proven. In a large one the climb starts
from the best mappings with perfect factors, and from those of the Einsum with rank variables padded to a size with
more divisors; it changes one tile at a time, those in space first. What it finds is held against ``bound.py``.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from costmodel.einsum.algebra import Affine, Einsum, Workload
from costmodel.mapper.bound import Bound, bound
from costmodel.mapper.constraints import Rules
from costmodel.mapper.encoding import held_under
from costmodel.mapper.mapspace import divisors_of
from costmodel.mapper.obey import violations
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal
from costmodel.spec.objective import Objective, objective_of
from costmodel.spec.problems import SpecError

ENUMERATED_MOST = 30_000
"""Mappings that are costed one by one to prove an answer."""
TRIED_MOST = 10 * ENUMERATED_MOST
"""Combinations of tiles that are looked at to find them."""
CLIMBED_MOST = 1_000
"""Mappings that climbing may cost."""
CLIMBED_S = 30.0
"""CPU seconds that padding and climbing may take where no budget is stated."""
SPLITS = 32
"""Ways to split a tile evenly that a step of the climb tries."""
INTERRUPTED = "(interrupted)"
"""How a method says that Ctrl-C ended it."""
PROVEN = 1e-8
"""A gap that rounding explains."""

Stored = tuple[str, int]
"""(tensor, place of the level in the architecture)."""
Score = Callable[[MappingPoint], tuple[float, ...]]


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


def mappings(einsum: Einsum, architecture: Architecture, rules: Rules | None = None) -> Iterator[Mapping | None]:
    """Yield the mapspace with any tiles; null for each combination of tiles that an array has no room for."""
    rules = rules or Rules()
    seen: set[tuple[Node, ...]] = set()
    loose = bool(rules.orders) or any(a.systolic is not None for a in architecture.arrays)
    for skeleton in _skeletons(einsum, architecture, rules):
        slots = skeleton.slots
        if any(math.comb(n + len(slots) - 2, len(slots) - 1) > TRIED_MOST for n in einsum.shape.values()):
            yield from itertools.repeat(None, TRIED_MOST + 1)
        chains = [_chains(n, slots) for n in einsum.shape.values()]
        for rows in itertools.product(*chains):
            steps = {
                v: [-(-above // below) for below, above in itertools.pairwise(row)]
                for v, row in zip(einsum.shape, rows, strict=True)
            }
            if any(size and math.prod(s[k] for s in steps.values()) > size for k, (_, _, _, size) in enumerate(slots)):
                yield None
                continue
            # below every storage node the order of loops in time moves no tile, but for passes of a systolic array;
            # a rule on the order counts there as well
            orders = [
                list(itertools.permutations(moving)) if not size and (gap or loose) else [tuple(moving)]
                for k, (gap, _, _, size) in enumerate(slots)
                for moving in [[v for v in steps if steps[v][k] > 1]]
            ]
            for chosen in itertools.product(*orders):
                mapping = _assemble(einsum, architecture, skeleton, dict(zip(einsum.shape, rows, strict=True)), chosen)
                if mapping.nest not in seen:
                    seen.add(mapping.nest)
                    yield mapping


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


def small(einsum: Einsum, architecture: Architecture, rules: Rules) -> list[Mapping] | None:
    """Return the whole mapspace, or null where it is too large to be costed one by one."""
    found: list[Mapping] = []
    for tried, mapping in enumerate(mappings(einsum, architecture, rules)):
        if tried >= TRIED_MOST or len(found) >= ENUMERATED_MOST:
            return None
        if mapping is not None:
            found.append(mapping)
    return found


# Climbing


@dataclass
class _Open:
    """A nest with a loop for every rank variable in every place, most of which take one step."""

    nodes: list[Node]
    own: dict[str, list[int]]
    """Places of the loops of each rank variable, outermost first."""

    @classmethod
    def of(  # noqa: C901  the canonical nest, told in one place
        cls, mapping: Mapping, einsum: Einsum, architecture: Architecture
    ) -> _Open:
        """Fill in the loops that a mapping does without."""
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
        own: dict[str, list[int]] = {v: [] for v in einsum.shape}
        for at, node in enumerate(nodes):
            if isinstance(node, Temporal | Spatial):
                own[node.rank_variable].append(at)
        return cls(nodes, own)

    def with_tile(self, at: int, tile: int) -> _Open:
        """Change one tile; those above grow and those below shrink as far as they must."""
        nodes = list(self.nodes)
        changed = nodes[at]
        if isinstance(changed, Temporal | Spatial):
            for k in self.own[changed.rank_variable]:
                node = nodes[k]
                if isinstance(node, Temporal | Spatial):
                    fit = max(node.tile, tile) if k < at else min(node.tile, tile) if k > at else tile
                    nodes[k] = replace(node, tile=fit)
        return _Open(nodes, self.own)

    def mapping(self, einsum: Einsum, architecture: Architecture) -> Mapping | None:
        """Return the nest without its idle loops; null where an array has no room for it."""
        left = dict(einsum.shape)
        used: Counter[tuple[str, str]] = Counter()
        nest: list[Node] = []
        for node in self.nodes:
            if isinstance(node, Temporal | Spatial):
                v = node.rank_variable
                steps = -(-left[v] // node.tile)
                left[v] = node.tile
                if steps == 1:
                    continue
                if isinstance(node, Spatial):
                    key = (node.array, node.dimension)
                    used[key] = max(1, used[key]) * steps
            nest.append(node)
        for array in architecture.arrays:
            if any(used[array.name, d] > size for d, size in array.shape.items()):
                return None
        return Mapping(tuple(nest), arch=architecture.name, einsum=einsum.name)

    def moves(self, einsum: Einsum) -> Iterator[tuple[int, int]]:
        """Yield (place, tile), loops in space first."""
        left = dict(einsum.shape)
        above: dict[int, int] = {}
        for at, node in enumerate(self.nodes):
            if isinstance(node, Temporal | Spatial):
                above[at] = left[node.rank_variable]
                left[node.rank_variable] = node.tile
        for at in sorted(above, key=lambda k: (isinstance(self.nodes[k], Temporal), k)):
            node = self.nodes[at]
            if isinstance(node, Temporal | Spatial) and at != self.own[node.rank_variable][-1]:
                extent = einsum.shape[node.rank_variable]
                tiles = {-(-n // k) for n in {extent, above[at]} for k in range(1, min(n, SPLITS) + 1)}
                tiles |= {node.tile - 1, node.tile + 1, *divisors_of(extent).tolist()}
                yield from ((at, t) for t in sorted(tiles, reverse=True) if 1 <= t <= extent and t != node.tile)


@dataclass
class _Archive:
    """Everything that was costed."""

    einsum: Einsum
    architecture: Architecture
    rules: Rules
    deadline: float | None
    known: dict[tuple[Node, ...], MappingPoint | None] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)

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
        if violations(mapping, self.einsum, self.architecture, self.rules):
            self.rejected["constraints"] += 1
        else:
            workload = Workload(self.einsum.name, "", (self.einsum,))
            try:
                point = MappingPoint(mapping, evaluate(workload, self.architecture, mapping))
            except SpecError as error:
                if "over capacity" not in str(error):
                    raise
                self.rejected["capacity"] += 1
        self.known[mapping.nest] = point
        return point

    def take(self, found: MapperResult) -> None:
        """Take in an answer. Raises KeyboardInterrupt again if that ended its search."""
        for point in found.front:
            self.known[point.mapping.nest] = point
        if INTERRUPTED in found.certificate.method:
            raise KeyboardInterrupt

    def cost_all(self, listed: Sequence[Mapping]) -> bool:
        """Cost mappings until the time is up; whether it was enough."""
        for mapping in listed:
            if self.late:
                return False
            self.cost(mapping)
        return True

    def infeasible(self, failure: InfeasibleError | None, *, stopped: bool) -> BaseException:
        """Say why there is no answer."""
        if stopped:
            return KeyboardInterrupt()
        tally = self.rejected.most_common() or [("constraints", 1)]
        return failure or InfeasibleError(self.einsum.name, tally, None)

    def climb(self, start: Mapping, score: Score, most: int) -> None:
        """Take every step that helps, until none does or so many mappings were costed."""
        state = _Open.of(start, self.einsum, self.architecture)
        first = self.cost(start)
        best = (math.inf,) if first is None else score(first)
        limit = len(self.known) + most
        better = True
        while better:
            better = False
            for at, tile in list(state.moves(self.einsum)):
                if len(self.known) >= limit or self.late:
                    return
                changed = state.with_tile(at, tile)
                mapping = changed.mapping(self.einsum, self.architecture)
                point = None if mapping is None else self.cost(mapping)
                if point is not None and score(point) < best:
                    state, best, better = changed, score(point), True


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
    aim: Objective,
    *,
    deadline: float | None = None,
) -> MapperResult:
    """Return the best mapping (or the front) over all tiles, at least as good as that with perfect factors.

    ``perfect`` answers with perfect factors, ``select`` picks the answer to ``aim``. ``deadline`` is CPU time of this
    process.

    Raises InfeasibleError if nothing that was tried fits.
    """
    began = time.process_time()
    archive = _Archive(einsum, architecture, rules, deadline)
    failure: InfeasibleError | None = None
    start: MapperResult | None = None
    whole: list[Mapping] | None = None
    complete = stopped = False
    try:
        try:
            start = perfect(einsum)
        except InfeasibleError as error:
            failure = error
        else:
            archive.take(start)
        whole = small(einsum, architecture, rules)
        if whole is not None:
            complete = archive.cost_all(whole)
        if not complete:
            _climb(archive, perfect, aim)
    except KeyboardInterrupt:
        stopped = True
    if not archive.points:
        raise archive.infeasible(failure, stopped=stopped)
    front = select(archive.points)
    status, gap = _verdict(front, bound(einsum, architecture, rules), aim)
    if complete:
        status, gap = "optimal: proven", 0.0
    how = "enumeration of all tiles" if complete else "climbing over all tiles"
    before = "exact" if start is None else start.certificate.method.removesuffix(f" {INTERRUPTED}")
    evaluated = len(archive.known) + (start.certificate.evaluated if start is not None else 0)
    joined: Counter[str] = Counter()
    for rule, count in (*(start.certificate.pruned if start is not None else ()), *sorted(archive.rejected.items())):
        joined[rule] += count
    method = f"{before} + {how}" + (f" {INTERRUPTED}" if stopped else "")
    certificate = Certificate(
        status,
        method,
        len(whole) if complete and whole is not None else None,
        evaluated,
        tuple(joined.items()),
        time.process_time() - began,
        gap,
    )
    return MapperResult(einsum.name, tuple(front), certificate)


def _climb(archive: _Archive, perfect: Callable[[Einsum], MapperResult], aim: Objective) -> None:
    einsum = archive.einsum
    if archive.deadline is None:
        archive.deadline = time.process_time() + CLIMBED_S
    choices = paddings(einsum)
    for chosen in choices:
        if archive.late:
            return
        try:
            found = perfect(padded(einsum, chosen))
        except InfeasibleError:
            continue
        if INTERRUPTED in found.certificate.method:
            raise KeyboardInterrupt
        for point in found.front:
            archive.cost(_fitted(point.mapping, einsum))
    # a climb towards one objective passes by good mappings for another
    others = objective_of("energy,latency").each
    wanted = list({goal.powers: goal for goal in (aim.product, *aim.each, *others)}.values())
    share = CLIMBED_MOST // (2 * len(wanted) + 1)
    for goal in wanted:
        score = _score(goal)
        # two starts each: the best so far, and the best of those with their storage nodes in another order
        kinds = {_kind(p.mapping): p for p in sorted(archive.points, key=score, reverse=True)}
        for point in sorted(kinds.values(), key=score)[:2]:
            archive.climb(point.mapping, score, share)
    if archive.points:
        score = _score(wanted[0])
        archive.climb(min(archive.points, key=score).mapping, score, share)


def _kind(mapping: Mapping) -> tuple[str, ...]:
    """Tell nests apart by the order of their storage nodes."""
    return tuple(f"{t} {n.level}" for n in mapping.nest if isinstance(n, Storage) for t in n.tensors)


def _score(goal: Objective) -> Score:
    def score(point: MappingPoint) -> tuple[float, ...]:
        return (*goal.of(point), point.energy_pj, point.latency_cycles, point.capacity_bits)

    return score


def _verdict(
    front: Sequence[MappingPoint], least: Bound, aim: Objective
) -> tuple[Literal["optimal: proven", "gap", "best found"], float | None]:
    """Say how far the answer is from the optimum of the first objective at most.

    A front is proven where one point meets the bounds of all objectives: nothing else is on it.
    """
    bounds = aim.of(least)
    points = [aim.of(point) for point in front]
    if any(all(v <= b * (1 + PROVEN) for v, b in zip(values, bounds, strict=True)) for values in points):
        return "optimal: proven", 0.0
    if bounds[0] <= 0:
        return "best found", None
    return "gap", max(0.0, min(first for first, *_ in points) / bounds[0] - 1)
