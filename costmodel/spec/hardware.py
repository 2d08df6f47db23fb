"""Resolved architectures: what the counting model computes with. Units are in the names.

``architecture.py`` reads the YAML file and resolves it into the values of this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from costmodel.einsum.roles import Stationary

Multicast = Literal["words", "tiles", "none"]


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
    leakage_w: float = 0.0
    """Per instance."""
    area_mm2: float | None = None
    """Per instance; null means not modelled."""
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
    """Energy per ``hop_bits`` and hop."""
    hop_bits: int = 8
    multicast: Multicast = "words"
    reduce: bool = True
    systolic: Stationary | None = None
    leakage_w: float = 0.0
    area_mm2: float | None = None
    instances: int | None = None

    @property
    def fanout(self) -> int:
        return math.prod(self.shape.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeUnit:
    """What performs operations; the innermost level."""

    name: str
    energy_pj: Mapping[str, float] = field(default_factory=dict)
    """Per operation kind; ``default`` prices every kind that is not named."""
    energy_source: str = ""
    throughput_per_cycle: Mapping[str, float] = field(default_factory=dict)
    """Operations per cycle of one instance, per kind; ``default`` rates every kind that is not named."""
    leakage_w: float = 0.0
    area_mm2: float | None = None
    instances: int | None = None

    def energy_of(self, kind: str) -> float:
        return self.energy_pj.get(kind, self.energy_pj.get("default", 0.0))

    def rate_of(self, kind: str) -> float:
        return self.throughput_per_cycle.get(kind, self.throughput_per_cycle.get("default", 1.0))


Level = Memory | Array | ComputeUnit


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A hierarchy of levels, outermost first; the first is a memory that holds everything, the last computes."""

    name: str
    source: str = ""
    technology: str = ""
    clock_hz: float = 1e9
    word_bits: int = 8
    levels: tuple[Level, ...]
    constraints: tuple[str, ...] = ()
    """What the hardware cannot do (sentences; ``rules`` reads them)."""

    @property
    def memories(self) -> tuple[Memory, ...]:
        return tuple(x for x in self.levels if isinstance(x, Memory))

    @property
    def arrays(self) -> tuple[Array, ...]:
        return tuple(x for x in self.levels if isinstance(x, Array))

    @property
    def compute_units(self) -> tuple[ComputeUnit, ...]:
        return tuple(x for x in self.levels if isinstance(x, ComputeUnit))

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
