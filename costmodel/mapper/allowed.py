"""What is allowed where: the mapspace of one Einsum on one compute unit, as every engine reads it.

Levels go by their place in the architecture, outermost 0. This module knows rules by what they restrict alone; whether
a finished mapping obeys is for ``obey.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.coordinates import tile_words
from costmodel.mapper.holding import holding
from costmodel.mapper.result import InfeasibleError
from costmodel.model.formats import stored_bits
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.rules import Rules
from costmodel.spec.rules.base import Measured
from costmodel.spec.rules.finding import Interval, Reject, Span
from costmodel.spec.rules.holding import Held


@dataclass(frozen=True)
class Allowed:
    """The compiled mapspace.

    Raises InfeasibleError if rules leave nothing: a memory has to keep what it cannot, or the outermost one, which
    holds every tensor whole, may not.
    """

    einsum: Einsum
    architecture: Architecture
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        """Compile what may be held, and look at what is held in any case."""
        broken = [
            measured.limit
            for place, tensor in self.holding
            for measured in self.whole(place, tensor)
            if not place and not measured.obeyed
        ]
        if broken:
            raise InfeasibleError(self.einsum.name, [(limit, 1) for limit in dict.fromkeys(broken)], None, proven=True)

    # Levels

    @cached_property
    def unit(self) -> ComputeUnit:
        """What computes the Einsum."""
        return self.architecture.unit

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """Levels outside of the compute unit."""
        return self.architecture.serving

    @cached_property
    def memories(self) -> Mapping[int, Memory]:
        """Place → memory, outermost first."""
        return {place: x for place, x in enumerate(self.levels) if isinstance(x, Memory)}

    @cached_property
    def arrays(self) -> Mapping[int, Array]:
        """Place → array, outermost first."""
        return {place: x for place, x in enumerate(self.levels) if isinstance(x, Array)}

    @cached_property
    def instances(self) -> int:
        """Compute instances."""
        return math.prod(array.fanout for array in self.arrays.values())

    def segment_of(self, place: int) -> int:
        """Return how many arrays are outside of a level."""
        return sum(outer < place for outer in self.arrays)

    # What may be held

    @cached_property
    def holding(self) -> Mapping[tuple[int, str], Held]:
        """(place, tensor) → whether it is held there."""
        return holding(self.einsum, self.memories, self.rules)

    def chain(self, tensor: str) -> dict[int, Held]:
        """Return the places that hold a tensor (``yes``) or may (``choice``), outermost first."""
        found = {place: self.holding[place, tensor] for place in self.memories}
        return {place: answer for place, answer in found.items() if answer != "no"}

    @cached_property
    def below(self) -> tuple[tuple[int, str, Held], ...]:
        """(place, tensor, ``yes`` or ``choice``) of every storage node that may stand below the outermost memory."""
        return tuple((*at, answer) for at, answer in self.holding.items() if at[0] and answer != "no")

    @property
    def short_of_room(self) -> Reject | None:
        """The outermost memory without room for a word of each tensor that it must hold."""
        for place, memory in self.memories.items():
            held = [self.einsum.tensors[tensor] for at, tensor, answer in self.below if at == place and answer == "yes"]
            bits = sum(stored_bits(tensor, memory, 1) for tensor in held)
            if memory.usable_bits is not None and bits > memory.usable_bits:
                how = " + ".join(f"{tensor.name} 1 × {stored_bits(tensor, memory, 1)} b" for tensor in held)
                return Reject(memory.name, "capacity in bits", bits, memory.usable_bits, how)
        return None

    @cached_property
    def indexing(self) -> Mapping[str, frozenset[str]]:
        """Tensor → rank variables that index it."""
        return {
            tensor: frozenset[str]().union(*(a.rank_variables for a in self.einsum.accesses_of(tensor)))
            for tensor in self.einsum.tensors
        }

    def limits(self, place: int, tensor: str, extent: Callable[[str], Any], words: Callable[[], Any]) -> list[Measured]:
        """Return what rules limit of tiles that a level holds, given their extents and words (of many: as arrays)."""
        tile = HeldTile(self.levels[place].name, tensor, self.einsum, self.indexing[tensor], extent, words)
        return self.rules.measures(tile)

    def whole(self, place: int, tensor: str) -> list[Measured]:
        """Return what rules limit of a tile, for the tile that is all of the tensor."""
        shape, holes = self.einsum.shape, self.memories[place].holes
        return self.limits(place, tensor, shape.__getitem__, lambda: tile_words(self.einsum, tensor, shape, holes))

    # What may be spread

    def along(self, array: Array, dimension: str, rank_variable: str) -> Interval:
        """Return how many instances a rank variable may take along a dimension; never more than there are."""
        return self.rules.instances(array.name, dimension, rank_variable) & Interval(most=array.shape[dimension])

    def over(self, array: Array, rank_variable: str) -> Interval:
        """Return how many instances a rank variable may take over all of an array."""
        return self.rules.instances(array.name, "", rank_variable) & Interval(most=array.fanout)

    def open_to(self, array: Array, dimension: str, rank_variable: str) -> bool:
        """Whether a rank variable may be spread over a dimension at all."""
        return min(self.along(array, dimension, rank_variable).most, self.over(array, rank_variable).most) > 1

    def spans(self, array: Array) -> tuple[Span, ...]:
        """Return along how many dimensions of an array some rank variables may lie together."""
        return self.rules.spans(array.name)

    @cached_property
    def asked(self) -> tuple[tuple[Array, str, str, int], ...]:
        """(array, dimension or none, rank variable, instances) where a rule asks for a least number of instances."""
        return tuple(
            (array, dimension, v, least)
            for array in self.arrays.values()
            for dimension in ("", *array.shape)
            for v in self.einsum.shape
            if (least := self.rules.instances(array.name, dimension, v).least) > 1
        )

    @cached_property
    def working_least(self) -> int:
        """Compute instances that have to work at least."""
        return self.rules.working_least(self.instances)

    # What may follow what

    @cached_property
    def orders(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(memory, rank variables): loops in time directly below the memory stand in this order, outermost first."""
        return tuple((m.name, order) for m in self.memories.values() for order in self.rules.orders_below(m.name))

    @cached_property
    def still(self) -> str | None:
        """The tensor that is held still."""
        return self.rules.still(self.einsum)

    @property
    def ordered(self) -> bool:
        """Whether a rule is about the order of loops in time."""
        return bool(self.orders) or self.still is not None

    @cached_property
    def wanted(self) -> frozenset[str]:
        """Rank variables that a rule may want in some tile or at some place, whatever that costs."""
        limits = (measured for place, tensor, _ in self.below for measured in self.whole(place, tensor))
        grown = frozenset[str]().union(*(m.rank_variables for m in limits if m.allowed.least > 1))
        return grown.union(*(order for _, order in self.orders)) & frozenset(self.einsum.shape)


@dataclass(frozen=True)
class HeldTile:
    """A tile of a tensor that a level holds, or many of them: then numbers are arrays."""

    level: str
    tensor: str
    einsum: Einsum
    rank_variables: frozenset[str]
    extent: Callable[[str], Any]
    count: Callable[[], Any]

    @property
    def words(self) -> Any:
        return self.count()
