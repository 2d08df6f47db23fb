"""A nest with a loop in every place, and its neighbours: the nests that one step of a climb may go to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.uneven.padding import fitted
from costmodel.model.batch import Template
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Mapping, Node, Spatial, Storage, Temporal

SPLITS = 32
"""Ways to split a tile evenly that a step of the climb tries."""
PAIRS_MOST = 4_000
"""Changes of two tiles at once that a step of the climb tries."""
SPREADS_MOST = 3_000
"""Ways to spread rank variables over an array that are looked at; where there are more, one to a dimension."""
GROWN = (0, 1, 2, 4)
"""How the tiles above an array change when its loops do: not at all, or to fit those below, or a part of those."""

Integers = npt.NDArray[np.int64]


@dataclass
class OpenNest:
    """A nest with a loop for every rank variable in every place, most of which take one step."""

    nodes: tuple[Node, ...]
    template: Template
    row: Integers
    """Tile of each loop."""
    own: dict[str, list[int]]
    """Loops of each rank variable, outermost first."""

    @classmethod
    def of(cls, mapping: Mapping, allowed: Allowed) -> OpenNest:
        """Fill in the loops that a mapping does without, in places where they keep to the rules if there are such."""
        einsum, architecture = allowed.einsum, allowed.architecture
        nodes = _filled(mapping, allowed)
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

    def spreads(self, allowed: Allowed) -> Integers:
        """Return rows with other rank variables across one of the arrays, and otherwise nearly the same tiles."""
        found: list[list[int]] = []
        for array in allowed.arrays.values():
            own: dict[str, dict[str, int]] = {d: {} for d in array.shape}
            for at, loop in enumerate(self.template.loops):
                if loop.array == array.name and allowed.open_to(array, loop.dimension, loop.rank_variable):
                    own[loop.dimension][loop.rank_variable] = at
            ways = [_ways(tuple(own[d]), size) for d, size in array.shape.items()]
            if math.prod(map(len, ways)) > SPREADS_MOST:
                ways = [[way for way in listed if len(way) < 2] for listed in ways]
            for chosen in itertools.product(*ways):
                across = [(own[d][v], n) for d, way in zip(own, chosen, strict=True) for v, n in way.items()]
                idle = [at for at, x in enumerate(self.template.loops) if x.array == array.name]
                rows = [self._across(dict(across), idle, grow=grow) for grow in GROWN]
                # an array that no loops stand below has to bring its rank variables down to 1
                found += [row for row in rows if all(row[listed[-1]] == 1 for listed in self.own.values() if listed)]
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
        return fitted(self.template.mapping_of(row), self.template.einsum)

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


def _filled(mapping: Mapping, allowed: Allowed) -> tuple[Node, ...]:
    einsum, levels = allowed.einsum, allowed.levels
    gaps: list[tuple[Storage, list[Node]]] = []
    for node in mapping.nest:
        if isinstance(node, Storage):
            gaps.append((node, []))
        elif isinstance(node, Temporal | Spatial):
            gaps[-1][1].append(node)
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

    inside = _inside(mapping, allowed)
    done = 0
    for at, (storage, loops) in enumerate(gaps):
        nodes.append(storage)
        first = len(nodes)
        add([x for x in loops if isinstance(x, Temporal)], lambda v: Temporal(v, left[v]))
        stated = sum(isinstance(x, Temporal) for x in loops)
        nodes[first:] = _placed(nodes[first : first + stated], nodes[first + stated :], inside(at, storage.level))
        until = len(levels)
        if at + 1 < len(gaps):
            until = max(allowed.architecture.index(gaps[k][0].level) for k in range(at + 2))
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


def _placed(stated: Sequence[Node], blank: Sequence[Node], inside: Callable[[str, str], bool]) -> list[Node]:
    """Put blank loops behind the stated ones, each before the first that has to stand inside of it."""
    found = list(stated)
    for loop in blank:
        assert isinstance(loop, Temporal)  # noqa: S101
        v = loop.rank_variable
        later = (k for k, x in enumerate(found) if isinstance(x, Temporal) and inside(v, x.rank_variable))
        found.insert(next(later, len(found)), loop)
    return found


def _inside(mapping: Mapping, allowed: Allowed) -> Callable[[int, str], Callable[[str, str], bool]]:
    """Tell of a gap (its number and level) whether a rule has the loop over a second variable inside of a first one."""
    own, last = frozenset[str](), 0
    if allowed.still is not None:
        own = allowed.indexing[allowed.still]
        stores = [node for node in mapping.nest if isinstance(node, Storage)]
        last = max(k for k, node in enumerate(stores) if allowed.still in node.tensors)

    def of_gap(gap: int, level: str) -> Callable[[str, str], bool]:
        listed = [order for below, order in allowed.orders if below == level]

        def inside(v: str, w: str) -> bool:
            if gap < last and v in own and w not in own:
                return True
            return any(v in row and w in row and row.index(v) < row.index(w) for row in listed)

        return inside

    return of_gap
