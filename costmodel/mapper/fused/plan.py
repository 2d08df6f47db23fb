"""The plan of a group: which nodes may stand in its shared part, and the tiles that shared loops leave."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.fused.group import FusedGroup, step_bits
from costmodel.spec.hardware import Memory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Touched(NamedTuple):
    """What an Einsum touches of a tensor."""

    words: float
    windowed: frozenset[str]
    """Rank variables along which its tiles may have words together."""


@dataclass(frozen=True)
class SharedNode:
    """A storage node that may stand in the shared part."""

    tensor: str
    memory: int
    """Among the memories that may hold shared tiles, outermost 0."""
    bit: int


class Plan:
    """What the shared part of a group may hold, and the lattice of the tiles that its loops leave."""

    def __init__(self, group: FusedGroup, memories: Sequence[Memory], touched: Sequence[Mapping[str, Touched]]) -> None:
        """``touched``: of each Einsum of the group, its tensors."""
        self.group, self.memories, self.touches = group, tuple(memories), touched
        self.names = group.shared
        self.extents = [group.einsums[0].shape[v] for v in self.names]
        self.divisors = [divisors_of(n) for n in self.extents]
        self.sizes = tuple(len(d) for d in self.divisors)
        self.shapes = math.prod(self.sizes)
        grid = np.indices(self.sizes, dtype=np.int64).reshape(len(self.sizes), self.shapes)
        self.digits: Ints = grid
        tiles = [d[g] for d, g in zip(self.divisors, grid, strict=True)]
        self.tile: Floats = np.array(tiles, dtype=np.float64).reshape(len(self.sizes), self.shapes)
        self.left = np.array(self.extents, dtype=np.float64)[:, None] / self.tile
        self.strides = [math.prod(self.sizes[v + 1 :]) for v in range(len(self.sizes))]
        whole = [t for t in group.tensors if all(mine[t].words == group.size(t) for mine in touched if t in mine)]
        self.whole_along = {t: self._whole_along(t) for t in whole}
        """Tensor that all Einsums touch whole → rank variables over which no shared loop may be where it is held."""
        pairs = [(t, m) for t in whole for m, memory in enumerate(self.memories) if self._has_place(memory, t)]
        self.nodes = [SharedNode(t, m, 1 << at) for at, (t, m) in enumerate(pairs)]
        self.bit = {(n.tensor, self.memories[n.memory].name): n.bit for n in self.nodes}
        self.touched = [sum(n.bit for n in self.nodes if n.tensor in e.tensors) for e in group.einsums]
        """For each Einsum: nodes of tensors that it touches."""
        exchanged = dict.fromkeys(a.tensor for _, _, a in group.exchanged)
        self.handed_on = [sum(n.bit for n in self.of(t)) for t in exchanged]
        """Of each tensor that one Einsum writes and another reads, its nodes."""
        self.demanded: tuple[int, ...] = ()
        """Sets of nodes, of each of which the shared part has one at least: what the search of all groups asks."""

    def _whole_along(self, tensor: str) -> frozenset[str]:
        """Return the shared rank variables of which a loop would part a tensor differently for some Einsums.

        Or into tiles that have words together.
        """
        windowed = (mine[tensor].windowed for mine in self.touches if tensor in mine)
        return self.group.told_apart(tensor).union(*windowed) & set(self.names)

    def _has_place(self, memory: Memory, tensor: str) -> bool:
        """Whether a memory may hold a tensor, and has room for its smallest tile."""
        room = memory.usable_bits
        need = step_bits(self.group, tensor, memory, self.whole_along[tensor])
        return self.group.may_hold(memory, tensor) and (room is None or need <= room)

    def held_at(self, tensor: str) -> Bools:
        """Return (boundaries): whether the shared part above may hold a tensor."""
        whole = [v in self.whole_along[tensor] for v in self.names]
        found: Bools = (self.left[np.array(whole, dtype=bool)] == 1).all(axis=0)
        return found

    def apart(self, plans: Container[tuple[int, int]]) -> Iterator[int]:
        """Yield the nodes of tensors that both sides touch, of each cut at which a fused nest without them falls apart.

        It is the fused nests of both sides then, one after another, with the same loops: each side lasts as long and
        moves as much as before, and has more room. Both have to be in the mapspace, of groups (``plans``, by their
        runs) or of single Einsums.
        """
        first, stop = self.group.run
        touching = {n.bit: self.group.touching(n.tensor) for n in self.nodes}
        for cut in range(first + 1, stop):
            if all(end - begin == 1 or (begin, end) in plans for begin, end in ((first, cut), (cut, stop))):
                yield sum(bit for bit, at in touching.items() if at[0] < cut - first <= at[-1])

    def of(self, tensor: str) -> list[SharedNode]:
        """Return the nodes of a tensor, outermost first."""
        return [n for n in self.nodes if n.tensor == tensor]
