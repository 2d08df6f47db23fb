"""The plan of a group: which nodes may stand in its shared part, and the tiles that shared loops leave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.fused.group import FusedGroup
from costmodel.spec.hardware import Memory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
        tensors = [t for t in group.tensors if self.one_tile(t)]
        pairs = [(t, m) for t in tensors for m, memory in enumerate(self.memories) if group.may_hold(memory, t)]
        self.nodes = [SharedNode(t, m, 1 << at) for at, (t, m) in enumerate(pairs)]
        self.bit = {(n.tensor, self.memories[n.memory].name): n.bit for n in self.nodes}
        self.touched = [sum(n.bit for n in self.nodes if n.tensor in e.tensors) for e in group.einsums]
        """For each Einsum: nodes of tensors that it touches."""
        exchanged = dict.fromkeys(a.tensor for _, _, a in group.exchanged)
        self.handed_on = [sum(n.bit for n in self.of(t)) for t in exchanged]
        """Of each tensor that one Einsum writes and another reads, its nodes."""

    def one_tile(self, tensor: str) -> bool:
        """Whether all Einsums that touch a tensor touch the same tile of it in each step, that no other step touches.

        And all of it in all.
        """
        found = [mine[tensor] for mine in self.touches if tensor in mine]
        whole = all(one.words == self.group.size(tensor) for one in found)
        return self.group.alike(tensor) and whole and not any(one.windowed & set(self.names) for one in found)

    def apart(self, plans: Mapping[tuple[int, int], Plan]) -> Iterator[int]:
        """Yield the nodes of tensors that both sides touch, of each cut at which a fused nest without them falls apart.

        It is the fused nests of both sides then, one after another, with the same loops: each side lasts as long and
        moves as much as before, and has more room. Both have to be in the mapspace, of groups (``plans``, by their
        runs) or of single Einsums: with fewer Einsums more rank variables may be shared, and so fewer tensors held.
        """
        first, stop = self.group.run
        for cut in range(first + 1, stop):
            mine = [(t, self.group.touching(t)) for t in dict.fromkeys(n.tensor for n in self.nodes)]
            both = {t for t, at in mine if at[0] < cut - first <= at[-1]}
            sides = [((first, cut), [t for t, at in mine if at[-1] < cut - first])]
            sides += [((cut, stop), [t for t, at in mine if at[0] >= cut - first])]
            if all(end - begin == 1 or _holds(plans.get((begin, end)), tensors) for (begin, end), tensors in sides):
                yield sum(n.bit for n in self.nodes if n.tensor in both)

    def of(self, tensor: str) -> list[SharedNode]:
        """Return the nodes of a tensor, outermost first."""
        return [n for n in self.nodes if n.tensor == tensor]


def _holds(plan: Plan | None, tensors: Iterable[str]) -> bool:
    """Whether there is such a group, whose shared part may hold some tensors wherever a larger group's may."""
    return plan is not None and all(plan.of(tensor) for tensor in tensors)
