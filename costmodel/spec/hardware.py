"""Resolved architectures: what the counting model computes with. Units are in the names.

``architecture.py`` reads the YAML file and resolves it into the values of this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from costmodel.components.network import Network
from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import Stationary

Multicast = Literal["words", "tiles", "none"]
Accepts = Literal["gemm"]
Overlapping = Literal["all", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A level of the hierarchy that stores words."""

    name: str
    capacity_bits: int | None = None
    """Room in one instance; null means unbounded."""
    read_pj: float = 0.0
    """Energy of one read access of ``access_bits``."""
    write_pj: float = 0.0
    access_bits: int = 8
    """Width of the access that the energies refer to: w words of b bits are w·b/access_bits accesses."""
    energy_source: str = ""
    """Where the energies come from (for ``explain``)."""
    bandwidth_bits_per_cycle: float | None = None
    """Shared by reads and writes of one instance; null means no limit."""
    read_bits_per_cycle: float | None = None
    """Reads alone; null means no limit of their own."""
    write_bits_per_cycle: float | None = None
    keep: tuple[str, ...] | None = None
    """Roles or tensor names that are held here; null means every tensor (unless ``may_keep`` is given)."""
    may_keep: tuple[str, ...] = ()
    """Roles or tensor names that a mapping may hold here or pass by."""
    halo: Literal["reuse", "refetch"] = "reuse"
    """Whether a sliding tile is filled with its new words only, or wholly."""
    holes: Literal["skip", "fetch"] = "skip"
    """Whether a tile is its distinct words, or its bounding box."""
    drain: Literal["charged", "free"] = "charged"
    """Whether a drain costs this level a read."""
    double_buffered: bool = False
    partial_bits: int | None = None
    """Width of a partial sum here; null: that of its tensor."""
    overlap: Overlapping = "all"
    """What goes on while tiles come and leave: everything, or nothing."""
    latency_cycles: float = 0.0
    """From asking for a word to its arrival."""
    in_flight_bits: int | None = None
    """Asked of one instance and not yet sent, at most; null means no limit."""
    leakage_w: float = 0.0
    """Per instance."""
    leakage_source: str = ""
    """Where it comes from; empty where there is none."""
    area_mm2: float | None = None
    """Per instance; null means not modelled."""
    area_source: str = ""
    instances: int | None = None
    """Physical copies on the chip, where they are not the product of the arrays above."""

    @property
    def usable_bits(self) -> int | None:
        if self.capacity_bits is None or not self.double_buffered:
            return self.capacity_bits
        return self.capacity_bits // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A spatial array of what is below it."""

    name: str
    shape: Mapping[str, int]
    """Dimension name → size. The first dimension counts the rows, the second the columns of a systolic array."""
    hop_pj: float = 0.0
    """Energy per ``hop_bits`` and hop; with a network, of one link."""
    hop_bits: int = 8
    network: Network | None = None
    """How many links words take, and what links carry; null: one hop for each child, and no limit."""
    multicast: Multicast = "words"
    reduce: bool = True
    partial_bits: int | None = None
    """Width of a partial sum that passes; null: that of its tensor."""
    systolic: Stationary | None = None
    overlap: Overlapping = "none"
    """Whether passes of a systolic array follow each other without a gap."""
    accepts: Accepts | None = None
    """What it can multiply; null: anything."""
    leakage_w: float = 0.0
    leakage_source: str = ""
    area_mm2: float | None = None
    area_source: str = ""
    instances: int | None = None

    @property
    def fanout(self) -> int:
        return math.prod(self.shape.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeUnit:
    """What performs operations. The levels above serve it; those below it serve other units.

    It does the kinds of operation that its energy prices: those named, or every kind where there is a ``default``. A
    unit without any energy does every kind, and its energy is not modelled (no file says so: there, 0 is a price).
    """

    name: str
    energy_pj: Mapping[str, float] = field(default_factory=dict)
    """Per operation kind; ``default`` prices every kind that is not named."""
    energy_source: str = ""
    throughput_per_cycle: Mapping[str, float] = field(default_factory=dict)
    """Operations per cycle of one instance, per kind; ``default`` rates every kind that is not named, 1 without it.

    It rates what the energy prices, and never lets a unit do more.
    """
    leakage_w: float = 0.0
    leakage_source: str = ""
    area_mm2: float | None = None
    area_source: str = ""
    instances: int | None = None

    def does(self, kind: str) -> bool:
        """Whether it performs operations of a kind."""
        return not self.energy_pj or kind in self.energy_pj or "default" in self.energy_pj

    def computes(self, einsum: Einsum) -> bool:
        """Whether it performs every operation of an Einsum."""
        return all(self.does(operation.kind) for operation in einsum.operations)

    def energy_of(self, kind: str) -> float:
        """Energy of one operation in pJ; 0 where no energy is modelled. KeyError for a kind that the unit lacks."""
        if not self.energy_pj:
            return 0.0
        return self.energy_pj[kind if kind in self.energy_pj else "default"]

    def rate_of(self, kind: str) -> float:
        """Operations of a kind that one instance performs in a cycle."""
        return self.throughput_per_cycle.get(kind, self.throughput_per_cycle.get("default", 1.0))


Level = Memory | Array | ComputeUnit


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A hierarchy of levels, outermost first; the first is a memory that holds everything, the last computes.

    Compute units may stand at any place. What one of them works with is a *part* of the chip; see ``part``.
    """

    name: str
    source: str = ""
    technology: str = ""
    clock_hz: float = 1e9
    word_bits: int = 8
    levels: tuple[Level, ...]
    constraints: tuple[str, ...] = ()
    """What the hardware cannot do (sentences; ``rules`` reads them)."""
    warnings: tuple[str, ...] = ()
    """What to tell whoever uses its numbers: ranges of the component library that are left."""

    @property
    def memories(self) -> tuple[Memory, ...]:
        return tuple(x for x in self.levels if isinstance(x, Memory))

    @property
    def arrays(self) -> tuple[Array, ...]:
        return tuple(x for x in self.levels if isinstance(x, Array))

    @property
    def compute_units(self) -> tuple[ComputeUnit, ...]:
        return tuple(x for x in self.levels if isinstance(x, ComputeUnit))

    @property
    def physical(self) -> tuple[Level, ...]:
        """Every level of the chip, those that stand idle too."""
        return self.levels

    @property
    def unit(self) -> ComputeUnit:
        """The only compute unit; ValueError where there are several, each with a part of its own."""
        units = self.compute_units
        if len(units) > 1:
            msg = f"{self.name} has several compute units: {', '.join(u.name for u in units)}"
            raise ValueError(msg)
        return units[0]

    @property
    def serving(self) -> tuple[Memory | Array, ...]:
        """Levels above the only compute unit, outermost first; ValueError where there are several."""
        above = self.levels[: self.index(self.unit.name)]
        return tuple(x for x in above if not isinstance(x, ComputeUnit))

    def part(self, unit: str) -> Architecture:
        """Return the chip as one compute unit uses it: the levels above it and the unit, all others idle.

        That is the chip itself where nothing is idle. KeyError if there is no such unit.
        """
        place = self.index(unit)
        used = [x for x in self.levels[:place] if not isinstance(x, ComputeUnit)]
        if len(used) + 1 == len(self.levels):
            return self
        idle = (x for k, x in enumerate(self.levels) if k > place or (k < place and isinstance(x, ComputeUnit)))
        return ChipPart(
            name=self.name,
            source=self.source,
            technology=self.technology,
            clock_hz=self.clock_hz,
            word_bits=self.word_bits,
            levels=(*used, self.levels[place]),
            constraints=self.constraints,
            idle=tuple(replace(x, instances=self.copies(x.name)) for x in idle),
        )

    def level(self, name: str) -> Level:
        """Return the level of that name; KeyError if there is none."""
        for level in self.levels:
            if level.name == name:
                return level
        raise KeyError(name)

    def index(self, name: str) -> int:
        """Position of a level, outermost 0; KeyError if there is none."""
        for place, level in enumerate(self.levels):
            if level.name == name:
                return place
        raise KeyError(name)

    def copies(self, name: str) -> int:
        """Physical instances of a level on the chip."""
        place = self.index(name)
        stated = self.levels[place].instances
        if stated is not None:
            return stated
        return math.prod(a.fanout for a in self.levels[:place] if isinstance(a, Array))


@dataclass(frozen=True, kw_only=True)
class ChipPart(Architecture):
    """What one compute unit of a chip works with: the levels above it, and the unit as the last."""

    idle: tuple[Level, ...]
    """The other levels: they leak, and take area. Each states its instances."""

    @property
    def physical(self) -> tuple[Level, ...]:
        return (*self.levels, *self.idle)

    def copies(self, name: str) -> int:
        stated = next((x.instances for x in self.idle if x.name == name), None)
        return super().copies(name) if stated is None else stated
