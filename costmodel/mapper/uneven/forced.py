"""What capacities add to the least use of the hardware: memories that are too small fetch words again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum, Tensor
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.uneven.least_use import RowPrices, fewest_words, merged, most_words, points_per_word, ways
from costmodel.mapper.uneven.reuse import Node, Price, Spread, least_traffic
from costmodel.model.formats import stored_bits
from costmodel.spec.hardware import Architecture, Array, Memory


@dataclass(frozen=True, slots=True)
class MustCross:
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


def boundaries(allowed: Allowed) -> Iterator[list[MustCross]]:
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


def _crossing(allowed: Allowed, tensor: str, place: int) -> MustCross:
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
    return MustCross(node, whose, place, parents[0], tuple(parents), written, fewest_words(access, einsum), touched)


def forced(
    allowed: Allowed,
    boundaries: Sequence[Sequence[MustCross]],
    prices: RowPrices,
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


def _once(architecture: Architecture, c: MustCross, prices: RowPrices) -> float:
    """Return what ``_choice`` counts for each word that crosses a boundary once; drains are counted elsewhere."""
    memories = [p for p in range(c.outer + 1, c.place + 1) if isinstance(architecture.levels[p], Memory)]
    down = ways(architecture, "update" if c.written else "read", [c.outer], memories)
    fills = () if c.written else ways(architecture, "fill", c.parents, [c.place])
    hops = 0.0
    for at in range(c.outer, c.place):
        if isinstance(architecture.levels[at], Array):
            outside, inside = [p for p in c.parents if p < at], [m for m in memories if m > at]
            hops += prices.least(c.tensor, ways(architecture, "hop", outside, inside, at))
    return hops + prices.least(c.tensor, down) + prices.least(c.tensor, fills)


def _each(architecture: Architecture, c: MustCross, prices: RowPrices) -> Price:
    """Return what a word costs at least each time it arrives (an output: leaves), whoever hands it down."""
    delivery = _delivery(architecture, c, prices, updating=c.written)
    hops = []
    for parent in c.parents:
        between = [(p, x) for p, x in enumerate(architecture.levels[: c.place]) if isinstance(x, Array) and p > parent]
        hops.append(
            sum(
                prices.least(c.tensor, ways(architecture, "hop", [parent], [c.place], place))
                / merged([x for _, x in between[at + 1 :]], updating=c.written)
                for at, (place, _) in enumerate(between)
            )
        )
    fills = () if c.written else ways(architecture, "fill", c.parents, [c.place])
    return Price(min(hops) + prices.least(c.tensor, fills) + delivery.each, delivery.delivery)


def _again(architecture: Architecture, c: MustCross, prices: RowPrices) -> Price:
    """Return what an output costs at least each time it comes back to where it was touched before, and its drain."""
    if not c.written:
        return Price(0.0, 0.0)
    delivery = _delivery(architecture, c, prices, updating=False)
    filled, drained = (
        prices.least(c.tensor, ways(architecture, flow, c.parents, [c.place])) for flow in ("fill", "drain")
    )
    return Price(filled + drained + delivery.each, delivery.delivery)


def _delivery(architecture: Architecture, c: MustCross, prices: RowPrices, *, updating: bool) -> Price:
    """Return the least price at a parent, by whether arrays in between may merge what several children ask for."""
    least = prices.least(c.tensor, ways(architecture, "update" if updating else "read", c.parents, [c.place]))
    between = [x for x in architecture.levels[min(c.parents) : c.place] if isinstance(x, Array)]
    return Price(0.0, least) if merged(between, updating=updating) > 1 else Price(least, 0.0)


def _spreads(allowed: Allowed, stretch: Sequence[MustCross]) -> list[Spread]:
    """Return the dimensions of the arrays across which words come to a stretch of memories."""
    outermost = min((min(c.parents) for c in stretch), default=0)
    arrays = [a for c in stretch[:1] for place, a in allowed.arrays.items() if outermost <= place < c.place]
    return [
        (size, frozenset(v for v in allowed.einsum.shape if allowed.open_to(a, d, v)))
        for a in arrays
        for d, size in a.shape.items()
    ]
