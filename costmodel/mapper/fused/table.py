"""The branches of Einsums in the numbers of a group: what they leave to its shared part, and at which tiles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.mapper.fused.branches import Found
from costmodel.mapper.fused.plan import Floats, Ints, Plan


@dataclass(frozen=True)
class BranchTable:
    """The branches of one Einsum, on whichever unit: one column each, those of one kind together."""

    kinds: dict[int, dict[int, slice]]
    """Nodes (bits) in the shared part that the Einsum touches → boundary → columns."""
    energy: Floats
    cycles: Floats
    """(limits of the whole chip, columns); compute cycles last."""
    slowest: Floats
    """Of these, the most."""
    room: Floats
    """(memories that may hold shared tiles, columns): bits."""
    capacity: Floats
    source: Ints
    """Among the units."""
    units: tuple[str, ...]
    number: Ints
    least: dict[int, tuple[Floats, Floats]]
    """For each kind, by boundary: least energy, and least cycles."""
    smallest: Floats
    """(kinds, memories that may hold shared tiles, boundaries): least bits; infinite without a branch."""


def table(plan: Plan, found: Sequence[Found], limits: Sequence[int], limits_of: Sequence[Sequence[int]]) -> BranchTable:
    """Put the branches of an Einsum on its units into one table.

    ``limits`` are the places of all limits of the chip; ``limits_of`` those that each unit's branches tell, in order.
    """
    pieces = [_piece(plan, one, at, limits, mine) for at, (one, mine) in enumerate(zip(found, limits_of, strict=True))]
    kind, shape, source, number = (np.concatenate([p[k] for p in pieces]) for k in range(4))
    energy, cycles, room, capacity = (np.concatenate([p[k] for p in pieces], axis=-1) for k in range(4, 8))
    order = np.lexsort((energy, shape, kind))
    kind, shape = kind[order], shape[order]
    energy, cycles, room, capacity = energy[order], cycles[:, order], room[:, order], capacity[order]
    starts = np.flatnonzero(np.concatenate(([True], (kind[1:] != kind[:-1]) | (shape[1:] != shape[:-1])))[: len(kind)])
    kinds: dict[int, dict[int, slice]] = {}
    for start, stop in itertools.pairwise([*starts.tolist(), len(kind)]):
        kinds.setdefault(int(kind[start]), {})[int(shape[start])] = slice(start, stop)
    slowest = cycles.max(axis=0, initial=0.0)
    every = np.concatenate((energy[None], slowest[None], room))
    lowest = np.full((len(kinds), len(every), plan.shapes), np.inf)
    if len(kind):
        row = np.unique(kind[starts], return_inverse=True)[1]  # in the order of ``kinds``, which are sorted
        lowest[row, :, shape[starts]] = np.minimum.reduceat(every, starts, axis=1).T
    least = {one: (mine[0], mine[1]) for one, mine in zip(kinds, lowest, strict=True)}
    units = tuple(one.part.space.unit.name for one in found)
    return BranchTable(
        kinds, energy, cycles, slowest, room, capacity, source[order], units, number[order], least, lowest[:, 2:]
    )


def _piece(
    plan: Plan, one: Found, at: int, limits: Sequence[int], mine: Sequence[int]
) -> tuple[Ints, Ints, Ints, Ints, Floats, Floats, Floats, Floats]:
    """Return (kind, shape, source, number, energy, cycles, room, capacity) of the branches that the group may use."""
    part, branches = one.part, one.branches
    space, lattice = part.space, one.search.lattice
    kind = np.zeros(branches.n, dtype=np.int64)
    good = np.ones(branches.n, dtype=bool)
    for node in space.nodes:
        lacks = (branches.lacking & node.bit) != 0
        bit = plan.bit.get(part.node(node.bit), 0)
        kind |= np.where(lacks, bit, 0)
        if not bit:
            good &= ~lacks
    shape = np.zeros(branches.n, dtype=np.int64)
    for v, name in enumerate(space.names):
        digit = lattice.digits[v, branches.shape].astype(np.int64)
        if name in plan.names:
            shape += digit * plan.strides[plan.names.index(name)]
        else:
            good &= digit == lattice.last_digit[v]
    for shared in plan.nodes:
        good &= ((kind & shared.bit) == 0) | plan.held_at(shared.tensor)[np.where(good, shape, 0)]
    rows = np.flatnonzero(good)
    cycles = np.zeros((len(limits) + 1, len(rows)))
    for row, place in enumerate(mine):
        cycles[limits.index(place)] = branches.cycles[row, rows]
    cycles[-1] = branches.cycles[-1, rows]
    room = np.zeros((len(plan.memories), len(rows)))
    for slot, m in enumerate(one.search.board.rooms):
        name = space.memories[m].level.name
        for row, memory in enumerate(plan.memories):
            if memory.name == name:
                room[row] = branches.room[slot, rows]
    return (
        kind[rows],
        shape[rows],
        np.full(len(rows), at),
        branches.number[rows],
        branches.energy[rows],
        cycles,
        room,
        branches.capacity[rows],
    )
