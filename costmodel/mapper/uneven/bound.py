"""Costs that no mapping of an Einsum undercuts, whether its tiles divide or not.

Each tensor is held by the outermost memory and by those that must keep it; its innermost holder is one of the
memories at or below those. For each choice of that holder the least words of every flow are known:

- A word that is used leaves every holder above the innermost at least once and is filled into every one below the
  outermost at least once; an output is drained and arrives in the same way.
- The innermost holder serves the operations. One delivery serves at most the instances among which the arrays in
  between can merge, and at most the points that use the same word.
- An update reads the old value unless it is the first touch of the word by that instance of the holder; a holder
  below the outermost memory drains at least what it touched.

The least energy and the least use of each port over the choices are bounds. Where memories are too small to hold all
that they must, ``reuse.py`` knows of more words that have to move. Compute takes at least the cycles of the busiest
instance under the evenest spread that the arrays and their constraints allow, and a systolic array at least a pass
for each tile of its stationary tensor that this instance sees. Room is taken by one word of each tensor in every
instance of each memory that must keep it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Affine, Einsum, Tensor
from costmodel.einsum.coordinates import distinct, joined_indices
from costmodel.einsum.roles import stationary_tensor
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.uneven.reuse import Node, Price, Spread, least_traffic
from costmodel.model.evaluation import WAITING
from costmodel.model.formats import stored_bits
from costmodel.model.lasting import Lasting
from costmodel.model.meters import (
    ENERGY,
    Moved,
    PriceBook,
    compute_pj,
    cycles_per_point,
    leak_pj_per_cycle,
    pass_cycles,
)
from costmodel.model.motion import motion
from costmodel.spec.hardware import Architecture, Array, Memory

ROUNDING = 1 - 1e-9
"""Leaves room for sums of floats in another order."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What every mapping costs at least."""

    energy_pj: float
    latency_cycles: float
    capacity_bits: int


@dataclass(frozen=True, slots=True)
class _Way:
    """A flow across a boundary."""

    flow: Moved
    parent: str
    child: str
    array: str | None = None
    """Of hops."""


@dataclass(frozen=True, slots=True)
class _Used:
    """Words that move at least, in one of some ways."""

    words: float
    ways: tuple[_Way, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    """The least use of the hardware by one tensor, for one innermost holder."""

    tensor: Tensor
    used: tuple[_Used, ...]


@dataclass(frozen=True)
class _Prices:
    """One row of the price book: energy, or the cycles of one limit."""

    book: PriceBook
    row: int

    def least(self, tensor: Tensor, ways: Iterable[_Way]) -> float:
        """Return what a word costs at least that moves in one of some ways: as if it were finished."""
        return min((self.book.price(self.row, tensor, w.flow, w.parent, w.child, w.array) for w in ways), default=0.0)

    def of(self, choice: _Choice) -> float:
        """Return what a tensor costs at least."""
        return sum(used.words * self.least(choice.tensor, used.ways) for used in choice.used)


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
    choices = {tensor: list(_choices(allowed, tensor)) for tensor in einsum.tensors}
    boundaries = [] if at_once else list(_boundaries(allowed))
    book = PriceBook(architecture)

    def each(prices: _Prices) -> dict[str, float]:
        return {name: min((prices.of(c) for c in listed), default=0.0) for name, listed in choices.items()}

    cycles: dict[str, float] = {}
    at_least: dict[int, float] = {}
    for component, places in book.limits.items():
        for place in places:
            level = architecture.index(book.meters[place].level)
            prices = _Prices(book, place)
            busy = sum(each(prices).values()) + _beyond(allowed, boundaries, prices)
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
    prices = _Prices(book, ENERGY)
    return Floors(
        each(prices),
        compute_pj(einsum, unit),
        _beyond(allowed, boundaries, prices),
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


def _choices(allowed: Allowed, tensor: str) -> Iterator[_Choice]:
    """Yield the least use of the hardware for every memory that may be the innermost holder."""
    chain = allowed.chain(tensor)
    must = [place for place, answer in chain.items() if answer == "yes"]
    for place in chain:
        if place >= must[-1]:
            yield _choice(allowed, tensor, [*(m for m in must if m < place), place], [m for m in chain if m <= place])


def _choice(allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int]) -> _Choice:
    """Return the least use of the hardware if these levels hold a tensor, and perhaps more of those that may."""
    einsum = allowed.einsum
    words = max(fewest_words(a, einsum) for a in dict.fromkeys(einsum.accesses_of(tensor)))
    used = [
        *_passed_on(allowed, tensor, holders, may, words),
        *_asked_for(allowed, tensor, holders, may),
        *_hopped(allowed, tensor, holders[-1], may, words),
    ]
    return _Choice(einsum.tensors[tensor], tuple(used))


def _mixed(einsum: Einsum, tensor: str) -> bool:
    """Whether a tensor is written and read."""
    return einsum.output.tensor == tensor and any(a.tensor == tensor for a in einsum.inputs)


def _passed_on(
    allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int], words: float
) -> Iterator[_Used]:
    """Yield the words that every holder hands to the next one inside: each word once."""
    einsum, architecture = allowed.einsum, allowed.architecture
    if _mixed(einsum, tensor):
        return
    written = einsum.output.tensor == tensor
    for outer, inner in itertools.pairwise(holders):
        down = _ways(architecture, "update" if written else "read", [outer], [m for m in may if outer < m <= inner])
        yield _Used(words, down)
        if not written or inner != holders[-1]:
            flow: Moved = "drain" if written else "fill"
            yield _Used(words, _ways(architecture, flow, [m for m in may if outer <= m < inner], [inner]))


def _asked_for(allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int]) -> Iterator[_Used]:
    """Yield the words that the innermost holder serves the operations with, and what it drains."""
    einsum, architecture = allowed.einsum, allowed.architecture
    last, unit = holders[-1], len(allowed.levels)
    below = [(p, x) for p, x in allowed.arrays.items() if p > last]
    reading = _ways(architecture, "read", [last], [unit])
    for access in dict.fromkeys(einsum.accesses_of(tensor)):
        updating = access == einsum.output
        served = _served(access, einsum, below, updating=updating)
        if not updating:
            yield _Used(served, reading)
            continue
        yield _Used(served, _ways(architecture, "update", [last], [unit]))
        if _mixed(einsum, tensor):
            continue
        # an update reads the old value, or it is the first touch of a word that is drained in the end
        owners = math.prod(x.fanout for p, x in allowed.arrays.items() if p < last)
        touched = min(served, einsum.points, owners * most_words(access, einsum))
        yield _Used(served - touched, reading)
        if last > 0:
            draining = _ways(architecture, "drain", [m for m in may if holders[-2] <= m < last], [last])
            yield _Used(touched, (*reading, *draining))


def _hopped(allowed: Allowed, tensor: str, last: int, may: Sequence[int], words: float) -> Iterator[_Used]:
    """Yield the words that every array delivers or collects."""
    einsum, architecture = allowed.einsum, allowed.architecture
    mixed = _mixed(einsum, tensor)
    hops: dict[int, float] = dict.fromkeys(allowed.arrays, 0.0 if mixed else float(words))
    below = [(p, x) for p, x in allowed.arrays.items() if p > last]
    for access in dict.fromkeys(einsum.accesses_of(tensor)):
        for at, (place, _) in enumerate(below):
            crossing = _served(access, einsum, below[at + 1 :], updating=access == einsum.output)
            hops[place] = hops[place] + crossing if mixed else max(hops[place], crossing)
    for place, count in hops.items():
        children = [m for m in may if m > place] or [len(allowed.levels)]
        yield _Used(count, _ways(architecture, "hop", [m for m in may if m < place], children, place))


def _ways(
    architecture: Architecture,
    flow: Moved,
    parents: Sequence[int],
    children: Sequence[int],
    array: int | None = None,
) -> tuple[_Way, ...]:
    """Return the ways of a flow between places of levels."""
    names = [level.name for level in architecture.levels]
    across = None if array is None else names[array]
    return tuple(_Way(flow, names[p], names[c], across) for p in parents for c in children)


def _served(access: Access, einsum: Einsum, below: Sequence[tuple[int, Array]], *, updating: bool) -> float:
    """Return the deliveries that all points need at least from holders above some arrays."""
    merged = _merged([array for _, array in below], updating=updating)
    asked = einsum.points_of(access)
    return max(float(fewest_words(access, einsum)), asked / min(merged, points_per_word(access, einsum)))


def fewest_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at least so many where its ranks share rank variables."""
    if einsum.limits:
        return motion((), 0, [(einsum, access)], "work").largest()
    return math.prod(max(_along(i, einsum) for i in group) for group in joined_indices(access, einsum))


def most_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at most so many where its ranks share rank variables."""
    return math.prod(_along(i, einsum) for i in access.indices)


def _along(index: Affine, einsum: Einsum) -> int:
    if index.table:
        return len(index.coordinates(einsum.shape))
    return distinct(tuple((c, einsum.shape[v]) for v, c in index.terms), "skip")


def points_per_word(access: Access, einsum: Einsum) -> int:
    """Return how many points ask for one word of an access, at most."""
    free = math.prod(n for v, n in einsum.shape.items() if v not in access.at_zero)
    for index in access.indices:
        others = {v for i in access.indices if i is not index for v in i.rank_variables}
        own = [v for v in index.rank_variables if v not in others]
        size = math.prod(einsum.shape[v] for v in index.rank_variables)
        if len(own) == len(index.terms) and _along(index, einsum) == size:
            free //= size  # the coordinate tells every rank variable
        elif own and not index.repeats:
            free //= max(einsum.shape[v] for v in own)  # it tells one, once the others are known
    return free


# What capacities add


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A tensor that a memory must hold, and how its words get there."""

    node: Node
    tensor: Tensor
    place: int
    outer: int
    """The next level outside that must hold it."""
    parents: tuple[int, ...]
    """Levels that may hand it its words: that one, and those in between that may hold it."""
    written: bool
    least_words: int
    touched: float
    """Words that all instances touch for the first time, at most."""


def _boundaries(allowed: Allowed) -> Iterator[list[_Crossing]]:
    """Yield the nodes that every mapping has between two arrays, for each such stretch of memories."""
    must = [(place, tensor) for place, tensor, answer in allowed.below if answer == "yes"]
    kept = (at for at in must if _simple(allowed.einsum, at[1]))
    for _, stretch in itertools.groupby(kept, key=lambda at: allowed.segment_of(at[0])):
        yield [_crossing(allowed, tensor, place) for place, tensor in stretch]


def _simple(einsum: Einsum, tensor: str) -> bool:
    """Whether a tensor is accessed in one way, at every point, and one rank variable indexes one rank at most.

    No such way leaves the tensor: of what lies outside no words arrive.
    """
    accesses = set(einsum.accesses_of(tensor))
    if any(einsum.leaves(a) for a in accesses):
        return False
    named = [v for a in accesses for i in a.indices for v in i.rank_variables]
    windows = any(len(i.terms) > 1 for a in accesses for i in a.indices)
    repeats = any(i.repeats for a in accesses for i in a.indices)
    one_way = len(accesses) == 1 and not any(a.at_zero for a in accesses)
    overlaps = repeats or (windows and einsum.output.tensor == tensor)
    return one_way and len(named) == len(set(named)) and not overlaps


def _crossing(allowed: Allowed, tensor: str, place: int) -> _Crossing:
    einsum, levels = allowed.einsum, allowed.levels
    (access,) = set(einsum.accesses_of(tensor))
    parents: list[int] = []
    for at, answer in allowed.chain(tensor).items():
        if at < place:
            parents = [at] if answer == "yes" else [*parents, at]
    plain = tuple(v for i in access.indices if len(i.terms) == 1 for v in i.rank_variables)
    outside = tuple(v for v in einsum.shape if v not in access.rank_variables)
    free = math.prod(einsum.shape[v] for v in outside)
    node = Node(
        tensor,
        levels[place].name,
        words=plain,
        served=outside,
        window_points=points_per_word(access, einsum) // free,
        room=stored_bits(einsum.tensors[tensor], levels[place], 1, sums=einsum.accumulates(tensor)),
        shared=tuple(v for v in einsum.shape if v not in plain),
    )
    owners = math.prod(x.fanout for outer, x in allowed.arrays.items() if outer < place)
    touched = float(min(einsum.points, owners * most_words(access, einsum)))
    written = einsum.output.tensor == tensor
    whose = einsum.tensors[tensor]
    return _Crossing(node, whose, place, parents[0], tuple(parents), written, fewest_words(access, einsum), touched)


def _beyond(
    allowed: Allowed,
    boundaries: Sequence[Sequence[_Crossing]],
    prices: _Prices,
) -> float:
    """Return what the words cost at least that capacities make move, beyond one crossing of each word."""
    einsum, architecture = allowed.einsum, allowed.architecture
    capacities = {m.name: math.inf if m.usable_bits is None else float(m.usable_bits) for m in architecture.memories}
    total = 0.0
    for stretch in boundaries:
        nodes = [c.node for c in stretch]
        once = sum(c.least_words * _once(architecture, c, prices) for c in stretch)
        spreads = _spreads(allowed, stretch)
        always = [_each(architecture, c, prices) for c in stretch]
        again = [_again(architecture, c, prices) for c in stretch]
        known = sum((a.each + a.delivery) * c.touched for a, c in zip(again, stretch, strict=True))
        found = least_traffic(nodes, always, einsum.shape, capacities, spreads, enough=once)
        if known:
            both = [Price(a.each + b.each, a.delivery + b.delivery) for a, b in zip(always, again, strict=True)]
            most = least_traffic(nodes, both, einsum.shape, capacities, spreads, enough=once + known)
            found = max(found, most - known)
        total += max(0.0, found - once)
    return total


def _once(architecture: Architecture, c: _Crossing, prices: _Prices) -> float:
    """Return what ``_choice`` counts for each word that crosses a boundary once; drains are counted elsewhere."""
    memories = [p for p in range(c.outer + 1, c.place + 1) if isinstance(architecture.levels[p], Memory)]
    down = _ways(architecture, "update" if c.written else "read", [c.outer], memories)
    fills = () if c.written else _ways(architecture, "fill", c.parents, [c.place])
    hops = 0.0
    for at in range(c.outer, c.place):
        if isinstance(architecture.levels[at], Array):
            outside, inside = [p for p in c.parents if p < at], [m for m in memories if m > at]
            hops += prices.least(c.tensor, _ways(architecture, "hop", outside, inside, at))
    return hops + prices.least(c.tensor, down) + prices.least(c.tensor, fills)


def _each(architecture: Architecture, c: _Crossing, prices: _Prices) -> Price:
    """Return what a word costs at least each time it arrives (an output: leaves), whoever hands it down."""
    delivery = _delivery(architecture, c, prices, updating=c.written)
    hops = []
    for parent in c.parents:
        between = [(p, x) for p, x in enumerate(architecture.levels[: c.place]) if isinstance(x, Array) and p > parent]
        hops.append(
            sum(
                prices.least(c.tensor, _ways(architecture, "hop", [parent], [c.place], place))
                / _merged([x for _, x in between[at + 1 :]], updating=c.written)
                for at, (place, _) in enumerate(between)
            )
        )
    fills = () if c.written else _ways(architecture, "fill", c.parents, [c.place])
    return Price(min(hops) + prices.least(c.tensor, fills) + delivery.each, delivery.delivery)


def _again(architecture: Architecture, c: _Crossing, prices: _Prices) -> Price:
    """Return what an output costs at least each time it comes back to where it was touched before, and its drain."""
    if not c.written:
        return Price(0.0, 0.0)
    delivery = _delivery(architecture, c, prices, updating=False)
    filled, drained = (
        prices.least(c.tensor, _ways(architecture, flow, c.parents, [c.place])) for flow in ("fill", "drain")
    )
    return Price(filled + drained + delivery.each, delivery.delivery)


def _delivery(architecture: Architecture, c: _Crossing, prices: _Prices, *, updating: bool) -> Price:
    """Return the least price at a parent, by whether arrays in between may merge what several children ask for."""
    least = prices.least(c.tensor, _ways(architecture, "update" if updating else "read", c.parents, [c.place]))
    between = [x for x in architecture.levels[min(c.parents) : c.place] if isinstance(x, Array)]
    return Price(0.0, least) if _merged(between, updating=updating) > 1 else Price(least, 0.0)


def _spreads(allowed: Allowed, stretch: Sequence[_Crossing]) -> list[Spread]:
    """Return the dimensions of the arrays across which words come to a stretch of memories."""
    outermost = min((min(c.parents) for c in stretch), default=0)
    arrays = [a for c in stretch[:1] for place, a in allowed.arrays.items() if outermost <= place < c.place]
    return [
        (size, frozenset(v for v in allowed.einsum.shape if allowed.open_to(a, d, v)))
        for a in arrays
        for d, size in a.shape.items()
    ]


def _merged(arrays: Sequence[Array], *, updating: bool) -> int:
    """Return how many children at most share one delivery through some arrays."""
    for at, array in enumerate(arrays):
        if array.reduce if updating else array.multicast != "none":
            # the outermost array that merges may unite what those inside of it left apart
            return math.prod(x.fanout for x in arrays[at:])
    return 1
