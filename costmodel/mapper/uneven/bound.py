"""Costs that no mapping of an Einsum undercuts, whether its tiles divide or not.

``least_use.py`` has the words of every flow that a tensor makes at least, for each memory that may hold it innermost.
The least energy and the least use of each port over the choices are bounds. Where memories are too small to hold all
that they must, ``forced.py`` knows of more words that have to move. Compute takes at least the cycles of the busiest
instance under the evenest spread that the arrays and their constraints allow, and a systolic array at least a pass
for each tile of its stationary tensor that this instance sees. Room is taken by one word of each tensor in every
instance of each memory that must keep it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from costmodel.einsum.roles import stationary_tensor
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.uneven.forced import boundaries, forced
from costmodel.mapper.uneven.least_use import RowPrices, choices
from costmodel.model.evaluation import WAITING
from costmodel.model.formats import stored_bits
from costmodel.model.lasting import Lasting
from costmodel.model.meters import ENERGY, PriceBook, compute_pj, cycles_per_point, leak_pj_per_cycle, pass_cycles
from costmodel.spec.hardware import Array

ROUNDING = 1 - 1e-9
"""Leaves room for sums of floats in another order."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What every mapping costs at least."""

    energy_pj: float
    latency_cycles: float
    capacity_bits: int


@dataclass(frozen=True, slots=True)
class Floors:
    """What every mapping pays at least, part by part."""

    tensors_pj: Mapping[str, float]
    """Of each tensor, for words that cross every boundary once and serve every operation."""
    operations_pj: float
    forced_pj: float
    """Of words that capacities make cross again."""
    leak_pj_per_cycle: float
    cycles: Mapping[str, float]
    """Of each component: the limits of bandwidth, then the compute unit."""
    capacity_bits: int

    @property
    def least(self) -> Bound:
        """Costs that no mapping undercuts."""
        latency = max(self.cycles.values())
        energy = sum(self.tensors_pj.values()) + self.operations_pj + self.forced_pj + self.leak_pj_per_cycle * latency
        return Bound(energy * ROUNDING, latency * ROUNDING, self.capacity_bits)


def lower_bound(allowed: Allowed, *, at_once: bool = False) -> Bound:
    """Return costs that no mapping undercuts. ``at_once``: without what capacities force, which can take a second."""
    return floors(allowed, at_once=at_once).least


def floors(allowed: Allowed, *, at_once: bool = False) -> Floors:
    """Return what every mapping pays at least; ``at_once`` as for ``lower_bound``."""
    einsum, architecture, unit = allowed.einsum, allowed.architecture, allowed.unit
    holders = {tensor: list(choices(allowed, tensor)) for tensor in einsum.tensors}
    crossed = [] if at_once else list(boundaries(allowed))
    book = PriceBook(architecture)

    def each(prices: RowPrices) -> dict[str, float]:
        return {name: min((prices.of(c) for c in listed), default=0.0) for name, listed in holders.items()}

    cycles: dict[str, float] = {}
    at_least: dict[int, float] = {}
    for component, places in book.limits.items():
        for place in places:
            level = architecture.index(book.meters[place].level)
            prices = RowPrices(book, place)
            busy = sum(each(prices).values()) + forced(allowed, crossed, prices)
            instances = math.prod(x.fanout for outer, x in allowed.arrays.items() if outer < level)
            at_least[place] = busy / instances
            cycles[component] = max(cycles.get(component, 0.0), at_least[place])
    computing = busiest_points(allowed) * cycles_per_point(einsum, unit)
    cycles[unit.name] = computing + sum(_pass_cycles(allowed, place) for place in allowed.arrays)
    lasting = Lasting(book)
    if lasting.waits:
        cycles[WAITING] = lasting.cycles(at_least, cycles[unit.name], unit.name)
    room = sum(
        architecture.copies(allowed.levels[place].name)
        * stored_bits(einsum.tensors[name], allowed.levels[place], 1, sums=einsum.accumulates(name))
        for place, name, answer in allowed.below
        if answer == "yes"
    )
    prices = RowPrices(book, ENERGY)
    return Floors(
        each(prices),
        compute_pj(einsum, unit),
        forced(allowed, crossed, prices),
        leak_pj_per_cycle(architecture),
        cycles,
        room,
    )


def busiest_points(allowed: Allowed) -> int:
    """Return the points that the busiest compute instance has at least: spread as evenly as the arrays allow."""
    return _evenest(allowed, tuple(allowed.einsum.shape))


def _evenest(allowed: Allowed, over: Sequence[str]) -> int:
    """Return the values of some rank variables, combined, that the busiest instance sees at least."""
    least = {1: 1}
    arrays = allowed.arrays.values()
    instances = math.prod(_used(allowed, a, d, over) for a in arrays for d in a.shape)
    for v in over:
        extent = allowed.einsum.shape[v]
        most = math.prod(_widest(allowed, a, v) for a in arrays)
        grown: dict[int, int] = {}
        for used, points in least.items():
            for count, tile in _even_tiles(extent, min(most, instances // used)):
                key, value = used * count, points * tile
                if value < grown.get(key, value + 1):
                    grown[key] = value
        least = {}
        best: int | None = None
        for used in sorted(grown):
            if best is None or grown[used] < best:
                least[used] = best = grown[used]
    return min(least.values())


def _used(allowed: Allowed, array: Array, dimension: str, over: Sequence[str]) -> int:
    """Return the instances along a dimension that some rank variables can use."""
    extents = (allowed.einsum.shape[v] for v in over if allowed.open_to(array, dimension, v))
    return min(array.shape[dimension], math.prod(extents))


def _widest(allowed: Allowed, array: Array, v: str) -> int:
    """Most instances that one rank variable may take."""
    along = math.prod(int(allowed.along(array, dimension, v).most) for dimension in array.shape)
    return min(along, int(allowed.over(array, v).most))


def _pass_cycles(allowed: Allowed, place: int) -> int:
    """Return the cycles that the passes of a systolic array take at least: one for each tile that an instance sees."""
    einsum, array = allowed.einsum, allowed.arrays[place]
    if array.systolic is None:
        return 0
    tensor = stationary_tensor(einsum, array.systolic)
    accesses = set(einsum.accesses_of(tensor))
    rooms: list[float] = []
    for inside in allowed.chain(tensor):
        if inside > place:
            memory = allowed.memories[inside]
            word_bits = stored_bits(einsum.tensors[tensor], memory, 1, sums=einsum.accumulates(tensor))
            rooms.append(math.inf if memory.usable_bits is None else max(1, memory.usable_bits // word_bits))
    passes = 1
    if len(accesses) == 1:
        (access,) = accesses
        plain = [i.rank_variables for i in access.indices if len(i.terms) == 1 and not i.repeats]
        own = sorted({v for (v,) in plain}, key=list(einsum.shape).index)
        if len(own) == len(plain):
            passes = max(1, math.ceil(_evenest(allowed, own) / max(rooms, default=1)))
    return passes * min(pass_cycles(array, dimension) for dimension in array.shape)


def _even_tiles(extent: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield (fewest instances, largest tile) for every size that the largest of even tiles can have."""
    count = 1
    while count <= min(most, extent):
        tile = -(-extent // count)
        yield -(-extent // tile), tile
        if tile == 1:
            return
        count = max(count + 1, -(-extent // (tile - 1)))
