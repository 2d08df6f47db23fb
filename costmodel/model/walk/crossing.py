"""Words that cross an array: what its children ask for together, and what becomes of the updates that they send."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from costmodel.model.walk.words import Coordinate, Tile

if TYPE_CHECKING:
    from costmodel.model.walk.state import Instance
    from costmodel.spec.hardware import Array, Multicast
    from costmodel.spec.mapping import Spatial

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Words that one child, or a group of children served together, is given at one step."""

    tile: Tile
    """All that the receivers hold from this step on."""
    asked: Tile
    """The part of it that is not there yet."""


def merge_deliveries(multicast: Multicast, children: list[tuple[Delivery, ...]]) -> tuple[Delivery, ...]:
    """What an array asks for, so that each of its children gets its own list of deliveries."""
    if multicast == "words":
        return (unite([delivery for deliveries in children for delivery in deliveries]),)
    if multicast == "none":
        return tuple(delivery for deliveries in children for delivery in deliveries)
    alike: dict[tuple[Tile, ...], list[tuple[Delivery, ...]]] = defaultdict(list)
    for deliveries in children:
        alike[tuple(delivery.tile for delivery in deliveries)].append(deliveries)
    return tuple(unite(list(same)) for group in alike.values() for same in zip(*group, strict=True))


def unite(deliveries: list[Delivery]) -> Delivery:
    """One delivery in place of several: a word that several ask for is sent once."""
    if len(deliveries) == 1:
        return deliveries[0]
    return Delivery(
        frozenset[Coordinate]().union(*(delivery.tile for delivery in deliveries)),
        frozenset[Coordinate]().union(*(delivery.asked for delivery in deliveries)),
    )


def merge_updates(*, reduce: bool, children: list[Counter[Coordinate]]) -> Counter[Coordinate]:
    """What an array sends outwards of the words that its children send it at one step, with how often."""
    total: Counter[Coordinate] = Counter()
    for sent in children:
        total.update(sent)
    return Counter(dict.fromkeys(total, 1)) if reduce else total


def children_of(array: Array, children: dict[Instance, T], above: tuple[Spatial, ...]) -> dict[Instance, list[T]]:
    """Group the children of an array by the instance of the array to which they belong."""
    groups: dict[Instance, list[T]] = defaultdict(list)
    for instance, child in children.items():
        outside = tuple(i for i, loop in zip(instance, above, strict=True) if loop.array != array.name)
        groups[outside].append(child)
    return groups
