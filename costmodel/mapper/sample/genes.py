"""Genes: the choices that make a mapping, and the places of a nest that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from costmodel.mapper.sample.steps import Hold

Genes = tuple[int, ...]
"""One choice per gene of an encoding, each an index into what the gene offers."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a factor may go: between two storage nodes, or across a dimension of an array."""

    segment: int
    """Number of arrays above."""
    array: str = ""
    dimension: str = ""
    size: int = 0
    """Of the dimension; 0 for a temporal slot."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The memories between two arrays."""

    dimensions: tuple[int, ...]
    """Slots of the arrays that end the segment above."""
    holds: tuple[Hold, ...]
    """Storage nodes that may stand here, in the order of levels."""
    first_slot: int
    """The slot below the storage node that comes first; the others follow."""


@dataclass(frozen=True, slots=True)
class Gene:
    """One choice of an encoding."""

    name: str
    kind: Literal["factor", "nodes", "priority", "bypass", "order", "slide"]
    size: int
    """How many values it has."""
    subject: int | str
    """The prime, the segment, the storage node or the slot that it is about."""
    rank_variable: str = ""
    slots: tuple[int, ...] = ()
    """What the values of a factor mean."""
