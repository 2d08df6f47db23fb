"""The mapspace of one Einsum as a box of genes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import primes
from costmodel.mapper.sample.encoding import Encoding
from costmodel.mapper.sample.genes import Gene, Segment, Slot
from costmodel.mapper.sample.limits import Limits
from costmodel.mapper.sample.orders import count_extensions, loop_orders
from costmodel.mapper.sample.steps import Hold, Plans, windowed
from costmodel.spec.hardware import Array

ORDERS_MOST = 24
"""Orders offered by one gene; more storage nodes than that many orders get a priority each."""


def encoding_of(allowed: Allowed) -> Encoding:
    """Return a mapspace as a box of genes."""
    einsum, architecture = allowed.einsum, allowed.architecture
    slots: list[Slot] = [Slot(0)]
    segments: list[Segment] = []
    dimensions: list[int] = []
    holds: list[Hold] = []

    def close() -> None:
        segments.append(Segment(tuple(dimensions), tuple(holds), len(slots)))
        slots.extend(Slot(len(segments) - 1) for _ in holds)
        dimensions.clear()
        holds.clear()

    for place, level in enumerate(allowed.levels):
        if isinstance(level, Array):
            close()
            for dimension, size in level.shape.items():
                dimensions.append(len(slots))
                slots.append(Slot(len(segments), level.name, dimension, size))
        holds += (Hold(at, tensor) for at, tensor, _ in allowed.below if at == place)
    close()
    choices = {Hold(place, tensor) for place, tensor, answer in allowed.below if answer == "choice"}
    variables = [v for v, n in einsum.shape.items() if n > 1]
    orders = loop_orders(einsum, variables)
    slides = tuple(v for v in variables if v in windowed(einsum))
    places = {(slot.array, slot.dimension): place for place, slot in enumerate(slots) if slot.size}
    most = {
        (places[array.name, dimension], v): min(allowed.along(array, dimension, v).most, allowed.over(array, v).most)
        for array in allowed.arrays.values()
        for dimension in array.shape
        for v in einsum.shape
    }
    genes = [
        *_factor_genes(einsum, slots, most),
        *_node_genes(segments, choices),
        *_order_genes(slots, orders, slides),
    ]
    limits = Limits(Plans(einsum, architecture, ordered=bool(allowed.orders)), allowed.rules)
    return Encoding(
        allowed, limits, tuple(slots), tuple(segments), frozenset(choices), tuple(genes), orders, slides, most
    )


def _factor_genes(einsum: Einsum, slots: Sequence[Slot], most: Mapping[tuple[int, str], float]) -> Iterator[Gene]:
    for v, extent in einsum.shape.items():
        for number, prime in enumerate(primes(extent)):
            open_slots = tuple(
                place
                for place, slot in enumerate(slots)
                if not slot.size or (prime <= slot.size and most[place, v] > 1)
            )
            yield Gene(f"{v}/{prime} #{number}", "factor", len(open_slots), prime, v, open_slots)


def _node_genes(segments: Sequence[Segment], choices: set[Hold]) -> Iterator[Gene]:
    first = 0
    for number, segment in enumerate(segments):
        count = count_extensions(segment.holds)
        if 1 < count <= ORDERS_MOST:
            yield Gene(f"nodes {number}", "nodes", count, number)
        elif count > 1:
            for place in range(len(segment.holds)):
                yield Gene(f"node {first + place}", "priority", len(segment.holds), first + place)
        for place, hold in enumerate(segment.holds):
            if hold in choices:
                yield Gene(f"bypass {first + place}", "bypass", 2, first + place)
        first += len(segment.holds)


def _order_genes(slots: Sequence[Slot], orders: Sequence[object], slides: Sequence[str]) -> Iterator[Gene]:
    for place, slot in enumerate(slots):
        if slot.size:
            continue
        if len(orders) > 1:
            yield Gene(f"order {place}", "order", len(orders), place)
        if len(slides) > 1:
            yield Gene(f"slide {place}", "slide", len(slides) + 1, place)
