"""Stretches of a nest: loops in time that no storage node parts, and the orders that they may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace
from functools import cache

from costmodel.einsum.algebra import Workload
from costmodel.spec.mapping import Compute, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in

NestPath = tuple[int, ...]
"""The nest itself (empty), or a branch of a sequence: place and branch of every sequence on the way."""

Order = tuple[Temporal, ...]
"""Loops of one stretch, outermost first."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Loops in time of more than one step that no storage node parts: they may change places.

    Loops in space stay where they are. Loops over one rank variable keep their order, in space or time: a tile never
    grows inwards.
    """

    path: NestPath
    slots: tuple[int, ...]
    """Places of the loops in that nest."""
    below: str
    """What the loops run below: the memory of the storage node above them."""
    loops: Order
    """As the mapping has them."""
    einsums: tuple[str, ...] = ()
    """Einsums of the branch in which they stand; none outside of sequences."""
    fixed: tuple[tuple[int, str], ...] = ()
    """Loops in space among them: how many of the loops in time stand above one, and its rank variable."""

    @property
    def title(self) -> str:
        branch = f" in {', '.join(self.einsums)}" if self.einsums else ""
        return (f"below {self.below}" if self.below else "outermost") + branch

    def count(self) -> int:
        """How many orders there are."""
        loops = self._by_variable()
        names = tuple(loops)

        @cache
        def ways(taken: tuple[int, ...]) -> int:
            if sum(taken) == len(self.loops):
                return 1
            free = self._free(dict(zip(names, taken, strict=True)))
            return sum(ways(tuple(n + (v == name) for name, n in zip(names, taken, strict=True))) for v in free)

        return ways((0,) * len(names))

    def orders(self) -> Iterator[Order]:
        """Every order, that of the mapping first."""
        yield self.loops
        yield from (order for order in self._orders((), Counter()) if order != self.loops)

    def _orders(self, chosen: Order, taken: Counter[str]) -> Iterator[Order]:
        if len(chosen) == len(self.loops):
            yield chosen
            return
        loops = self._by_variable()
        for v in self._free(taken):
            yield from self._orders((*chosen, loops[v][taken[v]]), taken + Counter([v]))

    def _by_variable(self) -> dict[str, list[Temporal]]:
        found: dict[str, list[Temporal]] = {}
        for loop in self.loops:
            found.setdefault(loop.rank_variable, []).append(loop)
        return found

    def _free(self, taken: MappingABC[str, int]) -> list[str]:
        """Rank variables whose next loop may stand at the next place."""
        at = sum(taken.values())
        free = []
        for v, loops in self._by_variable().items():
            mine = taken.get(v, 0)
            if mine == len(loops):
                continue
            walls = [place for place, name in self.fixed if name == v]
            original = [place for place, loop in enumerate(self.loops) if loop.rank_variable == v][mine]
            if sum(wall <= original for wall in walls) == sum(wall <= at for wall in walls):
                free.append(v)
        return free


def stretches(nest: Nest, workload: Workload) -> tuple[Stretch, ...]:
    """Stretches of a nest that fits its workload, outermost first; those of a single loop are left out."""
    shape: dict[str, int] = {}
    for name in einsums_in(nest):
        shape.update(workload.einsum(name).shape)
    return tuple(s for s in _stretches(nest, (), shape, "") if len(s.loops) > 1)


def _stretches(nest: Nest, path: NestPath, left: MappingABC[str, int], below: str) -> Iterator[Stretch]:
    left = dict(left)
    slots: list[int] = []
    loops: list[Temporal] = []
    fixed: list[tuple[int, str]] = []
    for place, node in enumerate(nest):
        match node:
            case Temporal():
                if left[node.rank_variable] > node.tile:  # a loop of one step is not a loop
                    slots.append(place)
                    loops.append(node)
                left[node.rank_variable] = min(node.tile, left[node.rank_variable])
            case Spatial():
                fixed.append((len(loops), node.rank_variable))
                left[node.rank_variable] = min(node.tile, left[node.rank_variable])
            case Storage() | Compute() | Sequence():
                names = einsums_in(nest) if path else ()
                yield Stretch(path, tuple(slots), below, tuple(loops), names, tuple(fixed))
                slots, loops, fixed = [], [], []
                below = node.level if isinstance(node, Storage) else below
                if isinstance(node, Sequence):
                    for number, branch in enumerate(node.branches):
                        yield from _stretches(branch, (*path, place, number), left, below)


def reordered(nest: Nest, stretch: Stretch, order: Order) -> Nest:
    """The nest with the loops of one stretch in another order."""
    return _put(nest, stretch.path, dict(zip(stretch.slots, order, strict=True)))


def _put(nest: Nest, path: NestPath, loops: MappingABC[int, Node]) -> Nest:
    if not path:
        return tuple(loops.get(place, node) for place, node in enumerate(nest))
    place, number, *rest = path
    node = nest[place]
    if not isinstance(node, Sequence):
        raise TypeError(f"{node} has no branches")
    branches = list(node.branches)
    branches[number] = _put(branches[number], tuple(rest), loops)
    return (*nest[:place], replace(node, branches=tuple(branches)), *nest[place + 1 :])
