"""A finished nest, as the rules see it: loops of more than one step, and the tiles that are stored.

Of a nest with sequences, the path to one Einsum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.coordinates import tile_words
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Compute, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in

Path = tuple[int, ...]
"""Place of a node: its place in the nest, or of a sequence, the branch, and the place in that branch."""


class TimeLoop(NamedTuple):
    """A loop in time."""

    rank_variable: str
    steps: int
    gap: int
    """Storage nodes above."""
    path: Path


class AcrossLoop(NamedTuple):
    """A loop in space."""

    rank_variable: str
    steps: int
    array: str
    dimension: str
    path: Path
    extent: int
    """What the instances share, at most."""


@dataclass(frozen=True)
class StoredTile:
    """One tensor of a storage node, with the largest of its tiles."""

    tensor: str
    level: str
    einsum: Einsum
    memory: Memory
    extents: Mapping[str, int]
    above: int
    """Loops in time above."""
    path: Path

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset[str]().union(*(a.rank_variables for a in self.einsum.accesses_of(self.tensor)))

    def extent(self, rank_variable: str) -> int:
        return self.extents[rank_variable]

    @property
    def words(self) -> int:
        return tile_words(self.einsum, self.tensor, self.extents, self.memory.holes)


@dataclass(frozen=True)
class FinishedNest:
    """What rules judge."""

    einsum: Einsum
    architecture: Architecture
    times: tuple[TimeLoop, ...]
    across: tuple[AcrossLoop, ...]
    stored: tuple[StoredTile, ...]
    owners: tuple[str, ...]
    """The level of each storage node."""
    working: int
    """Compute instances that have something to do."""
    unit: str

    @cached_property
    def instances(self) -> int:
        """Instances of the compute unit below the arrays."""
        above = self.architecture.levels[: self.architecture.index(self.unit)]
        return math.prod(level.fanout for level in above if isinstance(level, Array))

    @cached_property
    def inside(self) -> frozenset[str]:
        """The compute unit and the levels inside of it."""
        return frozenset(level.name for level in self.architecture.levels[self.architecture.index(self.unit) :])

    @classmethod
    def of(cls, nest: Nest, einsum: Einsum, architecture: Architecture) -> FinishedNest:
        """Read the nodes on the way to the compute node of an Einsum."""
        left = dict(einsum.shape)
        # extents that the instances have along each rank variable, as they differ where tiles do not divide
        shares = {v: [n] for v, n in einsum.shape.items()}
        times: list[TimeLoop] = []
        across: list[AcrossLoop] = []
        stored: list[StoredTile] = []
        owners: list[str] = []
        unit = architecture.unit.name
        for path, node in _way(nest, einsum.name):
            if isinstance(node, Storage):
                owners.append(node.level)
                memory = architecture.level(node.level)
                stored += [
                    StoredTile(tensor, node.level, einsum, memory, dict(left), len(times), path)
                    for tensor in node.tensors
                    if tensor in einsum.tensors and isinstance(memory, Memory)
                ]
            elif isinstance(node, Temporal | Spatial):
                v, tile = node.rank_variable, node.tile
                if v not in left:
                    continue  # of another Einsum of the cascade
                extent = left[v]
                steps = -(-extent // tile)
                left[v] = min(extent, tile)
                if isinstance(node, Temporal):
                    shares[v] = [min(n, tile) for n in shares[v]]
                    if steps > 1:
                        times.append(TimeLoop(v, steps, len(owners), path))
                else:
                    shares[v] = [min(tile, n - at) for n in shares[v] for at in range(0, n, tile)]
                    if steps > 1:
                        dimension = node.dimension or _sole(architecture, node.array)
                        across.append(AcrossLoop(v, steps, node.array, dimension, path, extent))
            elif isinstance(node, Compute):
                unit = node.unit
        working = math.prod(map(len, shares.values()))
        return cls(einsum, architecture, tuple(times), tuple(across), tuple(stored), tuple(owners), working, unit)


def _way(nest: Nest, einsum: str, base: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield the nodes from the outermost one to the compute node of an Einsum, without sequences."""
    for place, node in enumerate(nest):
        path = (*base, place)
        if isinstance(node, Sequence):
            for k, branch in enumerate(node.branches):
                if einsum in einsums_in(branch):
                    yield from _way(branch, einsum, (*path, k))
        else:
            yield path, node


def _sole(architecture: Architecture, array: str) -> str:
    """Return the dimension of an array that has one, which a mapping need not name."""
    level = architecture.level(array)
    return next(iter(level.shape)) if isinstance(level, Array) else ""
