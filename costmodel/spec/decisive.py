"""What of an architecture decides a search of mappings: neither names of chips, sources, notes nor areas do.

*Limits* are numbers of which more only allows more, or makes what is allowed no slower: room, bandwidths, and the sizes
of arrays where nothing else hangs on them. Of two architectures that differ in limits alone, the one that has no less
of any allows all the mappings of the other one, at no higher costs. That is what ``mapper/settled.py`` builds on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from costmodel.spec.hardware import Architecture, Array, Level, Memory
from costmodel.spec.same import Same

_OF_CHIPS: dict[str, Any] = {"name": "", "source": "", "technology": "", "warnings": ()}
_OF_LEVELS: dict[str, Any] = {"energy_source": "", "leakage_source": "", "area_mm2": None, "area_source": ""}
_ROOMS = ("capacity_bits",)
"""Of memories; null means no limit."""
_PACES = ("bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle")
"""Likewise."""
_MOST = 1e30
"""Stands for no limit, where limits are taken together."""


def decisive(architecture: Architecture) -> str:
    """Return a text that two architectures share whose searches are the same search."""
    return _decisive(Same(architecture))


@lru_cache(maxsize=8)
def _decisive(architecture: Same[Architecture]) -> str:
    return repr(_bare(architecture.value))


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture as one of those that differ from it in limits alone."""

    frame: str
    """Everything but the limits."""
    rooms: tuple[float, ...]
    """Rooms and sizes of arrays; infinite where there is no limit; in an order that all of the family share."""
    paces: tuple[float, ...]
    """Bandwidths, likewise."""

    @property
    def limits(self) -> tuple[float, ...]:
        return self.rooms + self.paces

    @property
    def size(self) -> float:
        """How much is allowed: more, where no limit is less and one is more."""
        return sum(math.log(min(limit, _MOST)) for limit in self.limits)

    def allows(self, other: Family) -> bool:
        """Whether all that the other one allows is allowed here, at no higher costs."""
        return self.frame == other.frame and all(map(float.__ge__, self.limits, other.limits))


def family_of(architecture: Architecture, *, arrays: bool) -> Family:
    """Return the family of an architecture; ``arrays``: whether the sizes of arrays may be limits.

    They are none where a level leaks, or an array is systolic or a network: then a larger one costs more.
    """
    return _family_of(Same(architecture), arrays=arrays)


@lru_cache(maxsize=8)
def _family_of(architecture: Same[Architecture], *, arrays: bool) -> Family:
    bare = _bare(architecture.value)
    leaks = any(level.leakage_w for level in bare.physical)
    sized = arrays and not leaks and not any(array.systolic or array.network for array in bare.arrays)
    rooms = tuple(room for level in bare.levels for room in _rooms(level, sized=sized))
    paces = tuple(pace for level in bare.levels for pace in _values(level, _PACES))
    return Family(repr(replace(bare, levels=tuple(_framed(x, sized=sized) for x in bare.levels))), rooms, paces)


def sizes_of(architecture: Architecture) -> tuple[float, ...]:
    """Return rooms, sizes of arrays and bandwidths, by which architectures with the same levels are near or far."""
    rooms = (room for level in architecture.levels for room in _rooms(level, sized=True))
    paces = (pace for level in architecture.levels for pace in _values(level, _PACES))
    return tuple(min(size, _MOST) for size in (*rooms, *paces))


def _bare(architecture: Architecture) -> Architecture:
    levels = tuple(_without(level, _OF_LEVELS) for level in architecture.levels)
    bare: Architecture = replace(_without(architecture, _OF_CHIPS), levels=levels)
    return bare


def _without(value: Any, told: dict[str, Any]) -> Any:
    known = {field.name for field in fields(value)}
    return replace(value, **{name: nothing for name, nothing in told.items() if name in known})


def _rooms(level: Level, *, sized: bool) -> Iterator[float]:
    yield from _values(level, _ROOMS)
    if isinstance(level, Array) and sized:
        yield from map(float, level.shape.values())


def _values(level: Level, names: tuple[str, ...]) -> Iterator[float]:
    if isinstance(level, Memory):
        values = (getattr(level, name) for name in names)
        yield from (math.inf if value is None else float(value) for value in values)


def _framed(level: Level, *, sized: bool) -> Level:
    if isinstance(level, Memory):
        return replace(level, **dict.fromkeys(_ROOMS + _PACES))  # type: ignore[arg-type]
    if isinstance(level, Array) and sized:
        return replace(level, shape=dict.fromkeys(level.shape, 0))
    return level
