"""Where a run stands: what is left to iterate in every instance, and what every storage node holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costmodel.model.walk.words import Box, Coordinate, Tile

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Access, Tensor
    from costmodel.model.evaluation import Flow
    from costmodel.spec.hardware import Memory
    from costmodel.spec.mapping import Spatial, Temporal

Instance = tuple[int, ...]
"""Positions of the spatial loops above a node, outermost loop first."""
Active = dict[Instance, dict[str, Box]]
"""Instances that have work at this step → for each Einsum below that has points, what is left to iterate."""


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """One tensor at one storage node: what its instances hold, have ever held, and the words they moved."""

    tensor: Tensor
    memory: Memory
    index: int
    """Place of the memory in the architecture."""
    above: tuple[Spatial, ...]
    """Spatial loops above the node."""
    parent: Holder | None
    """The nearest storage node of the tensor above this one."""
    life: tuple[int, ...]
    """The branch in which the node stands; empty outside every sequence."""
    accesses: Dict[str, tuple[Access, ...]]
    """Einsum below the node → its accesses to the tensor, for those that have some."""
    output_like: bool
    """Whether the tensor is written below the node."""
    owner: str
    """The Einsum to which the words that cross between this node and its parent belong."""
    held: dict[Instance, Tile] = field(default_factory=dict)
    window: dict[Instance, Tile] = field(default_factory=dict)
    """What is held, with the coordinates that lie outside the tensor."""
    touched: dict[Instance, set[Coordinate]] = field(default_factory=lambda: defaultdict(set))
    """Every word that was ever in a tile of the instance."""
    updated: dict[tuple[str, Instance], set[Coordinate]] = field(default_factory=lambda: defaultdict(set))
    """Every word that the operations of an Einsum ever updated in an instance."""
    words: Counter[tuple[str, Flow, Instance]] = field(default_factory=Counter)
    """Einsum to which the words belong, flow, instance → words moved so far."""
    bits: Counter[tuple[str, Flow, Instance]] = field(default_factory=Counter)
    """The same in bits: partial sums have a width of their own."""
    sums: bool = False
    """Whether partial sums cross the boundary to the parent: a loop above goes on with what is accumulated below."""
    sizes: set[int] = field(default_factory=set)
    """Words of the tiles held so far."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What stands above the current place of the nest."""

    place: tuple[int, ...] = ()
    """Indices that lead here from the root of the nest."""
    life: tuple[int, ...] = ()
    above: tuple[Spatial, ...] = ()
    holders: tuple[Holder, ...] = ()
    """Storage nodes above, outermost first."""
    turning: frozenset[str] = frozenset()
    """Rank variables of the loops above."""

    def holders_of(self, tensor: str) -> tuple[Holder, ...]:
        return tuple(h for h in self.holders if h.tensor.name == tensor)


def steps_of(loop: Temporal | Spatial, active: Active) -> int:
    """How many tiles the loop splits the largest current extent of its rank variable into."""
    v = loop.rank_variable
    boxes = {name: box for boxes in active.values() for name, box in boxes.items()}
    extents = [len(box[v]) for boxes in active.values() for box in boxes.values() if v in box]
    steps = -(-max(extents) // loop.tile) if extents else 0
    missing = sorted(name for name, box in boxes.items() if v not in box)
    if missing and steps != 1:
        raise ValueError(f"'{loop}' stands above {', '.join(missing)}, without a rank variable {v}")
    return steps


def narrowed(active: Active, loop: Temporal | Spatial, position: int) -> Active:
    """The instances that have points at one position of a loop, each with its part of what was left."""
    v, busy = loop.rank_variable, Active()
    for instance, boxes in active.items():
        parts = {}
        for name, box in boxes.items():
            part = {**box, v: box[v][position * loop.tile : (position + 1) * loop.tile]} if v in box else box
            if all(part.values()):
                parts[name] = part
        if parts:
            busy[instance] = parts
    return busy
