"""Mappings: the nodes of a nest, outermost first, as sentences that print as they parse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Overlap = Literal["off", "pipelined"]
"""Whether branches of a sequence run one after another, or on different steps of the shared loops at once."""


@dataclass(frozen=True, slots=True)
class Storage:
    """``store A B in GLB``: below this node, GLB holds the tiles of A and B."""

    tensors: tuple[str, ...]
    level: str

    def __str__(self) -> str:
        return f"store {' '.join(self.tensors)} in {self.level}"


@dataclass(frozen=True, slots=True)
class Temporal:
    """``for m by 4``: steps of 4 in time; the tile of m below this loop is 4."""

    rank_variable: str
    tile: int

    def __str__(self) -> str:
        return f"for {self.rank_variable} by {self.tile}"


@dataclass(frozen=True, slots=True)
class Spatial:
    """``parallel m by 4 across PEs.X``: instance i works on the i-th tile of 4.

    An array of one dimension may be named alone; the dimension is empty then, until the mapping is bound.
    """

    rank_variable: str
    tile: int
    array: str
    dimension: str

    def __str__(self) -> str:
        where = f"{self.array}.{self.dimension}" if self.dimension else self.array
        return f"parallel {self.rank_variable} by {self.tile} across {where}"


@dataclass(frozen=True, slots=True)
class Compute:
    """``compute Z on MAC``: one point of the Einsum Z."""

    einsum: str
    unit: str

    def __str__(self) -> str:
        return f"compute {self.einsum} on {self.unit}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Branches that run one after another below shared loops and storage, one or more Einsums each.

    With ``overlap: pipelined`` they are the stages of a pipeline: each works on another step of the shared loops.
    """

    branches: tuple[Nest, ...]
    overlap: Overlap = "off"

    @property
    def pipelined(self) -> bool:
        return self.overlap == "pipelined"


NodePath = tuple[int, ...]
"""Place of a node in a nest: positions, and for each sequence on the way the number of the branch."""

Node = Storage | Temporal | Spatial | Compute | Sequence
Nest = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A schedule of one Einsum, or of a cascade if the nest has sequences."""

    nest: Nest
    arch: str | None = None
    workload: str | None = None
    einsum: str | None = None


def einsums_in(nest: Nest) -> tuple[str, ...]:
    """Names of the Einsums that a nest computes, in order."""
    names: list[str] = []
    for node in nest:
        if isinstance(node, Compute):
            names.append(node.einsum)
        elif isinstance(node, Sequence):
            for branch in node.branches:
                names.extend(einsums_in(branch))
    return tuple(names)
