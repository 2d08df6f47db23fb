"""The buffer-size curve (ski-slope): least traffic into a level as a function of its capacity, from one run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from costmodel.einsum.algebra import Einsum
from costmodel.mapper import constraints as rules_module
from costmodel.mapper import mapspace
from costmodel.mapper.front import Floats, Incumbents
from costmodel.mapper.lattice import Search, Table
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.mapping import Node


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One corner of the curve: with this capacity, this many bits have to cross the boundary."""

    capacity_bits: int
    traffic_bits: int
    nest: tuple[Node, ...]


class _Needs(Incumbents):
    """(words, bits needed) pairs instead of (energy, cycles)."""


def buffer_curve(einsum: Einsum, architecture: Architecture, level: str) -> tuple[CurvePoint, ...]:
    """Return the corners of least traffic between a memory and everything above it, by growing capacity.

    The level is taken alone: one buffer that holds every tensor below an unbounded memory, whatever lies below it. The
    traffic is bits filled plus bits drained, the bound that no mapping with that capacity can beat.

    Raises:
        KeyError: no such level.
        UnsupportedError: the lattice has no exact form for this Einsum.
    """
    memory = architecture.level(level)
    if not isinstance(memory, Memory):
        raise KeyError(level)
    outer = Memory(name="outer", read_pj=1.0, write_pj=1.0, access_bits=1)
    inner = replace(
        memory, capacity_bits=None, read_pj=0.0, write_pj=0.0, access_bits=1, keep=None, may_keep=(),
        bandwidth_bits_per_cycle=None, read_bits_per_cycle=None, write_bits_per_cycle=None,
        leakage_w=0.0, instances=None,
    )  # fmt: skip
    unit = ComputeUnit(name="unit")
    alone = Architecture(name="curve", levels=(outer, inner, unit))
    words = replace(einsum, tensors={n: replace(t, bits=t.bits) for n, t in einsum.tensors.items()})
    space = mapspace.build(words, alone, rules_module.parse((), alone, einsum))
    needs = _Needs()
    search = _CurveSearch(space, needs, None)
    search.run()
    corners = []
    for energy, bits, nest in zip(needs.energy, needs.latency, needs.items, strict=True):
        corners.append(CurvePoint(round(bits), round(energy), nest))
    return tuple(sorted(corners, key=lambda c: c.capacity_bits))


class _CurveSearch(Search):
    """Search with the room that a mapping needs in place of its latency."""

    def __init__(self, space: mapspace.Space, incumbents: Incumbents, score: None) -> None:
        super().__init__(space, incumbents, score)
        self.rooms = [0]
        self.room_slot = {0: 0}
        self.filled = False

    def totals(self, tab: Table) -> tuple[Floats, Floats]:
        return tab.c["E"], tab.c["occ"][:, 0].copy()

    def lower(self, tab: Table, segment: int) -> tuple[Floats, Floats]:
        energy, _ = super().lower(tab, segment)
        return energy, np.asarray(tab.c["occ"][:, 0])
