"""An architecture as text: levels with sizes, energies, rates, area."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from costmodel.model.formats import partial_bits
from costmodel.model.meters import (
    charges_drain,
    hop_energy,
    leakage_w,
    links_text,
    network_text,
    operation_pj,
    operations_per_cycle,
    port_energy,
    port_limits,
    priced,
    waits_text,
)
from costmodel.report.human import NOT_MODELLED, amount, digits, memory, percent, prefixed
from costmodel.report.text.aligned import one_line, table
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.sources import NumberSource

SHOWN_KINDS = 4
"""Kinds of operation whose numbers are told one by one in the table."""

Value = TypeVar("Value", bound=Hashable)


def architecture_text(architecture: Architecture) -> str:
    """Levels with sizes, energy per action, peak rates, area and constraints."""
    facts = (architecture.technology, prefixed(architecture.clock_hz, "Hz"), f"word {architecture.word_bits} b")
    lines = [one_line(f"{architecture.name}: {', '.join(fact for fact in facts if fact)}")]
    if architecture.source:
        lines.append(one_line(f"source: {architecture.source}"))
    columns = ["level", "kind", "copies", "size", "holds", "energy", "rate", "area", "notes"]
    lines += ["", table(columns, (_level_cells(architecture, level) for level in architecture.levels)), ""]
    lines += [unit_text(architecture, unit) for unit in architecture.compute_units]
    for unit in architecture.compute_units:
        copies = architecture.copies(unit.name)
        rated = _rated(unit)
        for one, alike in _alike({kind: operations_per_cycle(unit, kind) for kind in rated}):
            per_cycle = copies * one
            rest = "operations" if rated == ["default"] else "other operations"
            name = " or ".join(rest if kind == "default" else kind for kind in alike)
            rate = prefixed(per_cycle * architecture.clock_hz, "op/s")
            lines.append(f"peak of {unit.name}: {amount(per_cycle)} {name} per cycle = {rate}")
    lines += area_lines(architecture)
    if architecture.constraints:
        lines += ["constraints:", *(f"- {sentence}" for sentence in architecture.constraints)]
    return "\n".join(lines)


def unit_text(architecture: Architecture, unit: ComputeUnit) -> str:
    """How many instances a compute unit has, what multiplies them, and what it does: ``MAC: 8 = X 8; does …``."""
    arrays = architecture.part(unit.name).arrays
    names = [dimension for array in arrays for dimension in array.shape]
    sizes = [
        f"{dimension if names.count(dimension) == 1 else f'{array.name}.{dimension}'} {size:,}"
        for array in arrays
        for dimension, size in array.shape.items()
    ]
    made = "stated" if unit.instances is not None else " × ".join(sizes)
    count = f"{architecture.copies(unit.name):,}" + (f" = {made}" if made else "")
    return f"{unit.name}: {count}; does {_operations(unit)}"


def _rated(unit: ComputeUnit) -> list[str]:
    """The kinds of operation whose rates are told; all others together, and where no kind has a rate of its own."""
    own = [kind for kind in unit.throughput_per_cycle if kind != "default"]
    others = unit.does("default") or any(kind not in own for kind in unit.energy_pj)
    return [*own, "default"] if others or not own else own


def _operations(unit: ComputeUnit) -> str:
    """What a compute unit does, with the price and the rate of each kind."""
    kinds = [kind for kind in dict.fromkeys((*unit.energy_pj, *unit.throughput_per_cycle)) if kind != "default"]
    told = {kind: kind for kind in kinds if unit.does(kind)}
    if unit.does("default"):
        told["default"] = "every other kind of operation" if told else "every kind of operation"
    prices = {kind: f"{digits(operation_pj(unit, kind))} pJ" if unit.energy_pj else NOT_MODELLED for kind in told}
    costs = {
        name: f"({prices[kind]}, {digits(operations_per_cycle(unit, kind))} /cycle)" for kind, name in told.items()
    }
    return ", ".join(f"{' '.join(alike)} {cost}" for cost, alike in _alike(costs))


def area_lines(architecture: Architecture) -> list[str]:
    """Say the area of the chip, and what part each level takes, the largest first; nothing where none is known."""
    taken = {x.name: x.area_mm2 * architecture.copies(x.name) for x in architecture.levels if x.area_mm2 is not None}
    missing = [x.name for x in architecture.levels if x.area_mm2 is None]
    if not taken:
        return []
    whole = sum(taken.values())
    lines = [f"area: {digits(whole)} mm2" + (f" without {', '.join(missing)}" if missing else "")]
    parts = sorted((part for part in taken.items() if part[1]), key=lambda part: -part[1])
    if len(parts) > 1:
        lines += [f"- {name}: {digits(mm2)} mm2, {percent(mm2 / whole)}" for name, mm2 in parts]
    return lines


def sources_text(sources: Sequence[NumberSource]) -> str:
    """Every number with its value, how it was found, and its source; what leaves a range of the library says so.

    Kinds of operation that differ in nothing else share a line.
    """
    rows = []
    for (level, what, value, basis, source), alike in groupby(sources, _but_for_its_kind):
        kinds = " ".join(number.name.partition(" ")[2] for number in alike) if what in _OF_KINDS else ""
        rows.append([level, f"{what} {kinds}".rstrip(), value, basis, source])
    return table(["level", "number", "value", "basis", "source"], rows)


_OF_KINDS = ("compute", "throughput")
"""Numbers that each kind of operation has."""


def _but_for_its_kind(number: NumberSource) -> tuple[str, str, str, str, str]:
    what = number.name.partition(" ")[0]
    told = "; ".join((number.source or "no source stated", *(f"beyond: {text}" for text in number.beyond)))
    return number.level, what if what in _OF_KINDS else number.name, number_text(number), number.basis, told


def number_text(number: NumberSource) -> str:
    """The value with its unit.

    >>> number_text(NumberSource("GLB", "read", 6.0, "pJ", 16, "stated", ""))
    '6 pJ per 16 b'
    """
    if number.unit == "b" and number.name == "size":
        return memory(int(number.value))
    if number.unit in {"Hz", "W"}:
        return prefixed(number.value, number.unit)
    per = f" per {number.per_bits} b" if number.per_bits is not None else ""
    return f"{digits(number.value)} {number.unit}".rstrip() + per


def _level_cells(architecture: Architecture, level: Level) -> list[str]:
    area = "" if level.area_mm2 is None else f"{digits(level.area_mm2)} mm2"
    notes = [f"leaks {prefixed(leakage_w(level), 'W')}"] if leakage_w(level) else []
    notes += [] if (sums := partial_bits(level)) is None else [f"partial sums {sums} b"]
    copies = f"{architecture.copies(level.name):,}"
    if isinstance(level, Memory):
        size = "unlimited" if level.capacity_bits is None else memory(level.capacity_bits)
        if level.double_buffered:
            notes.append("double buffered")
        if level.halo != "reuse":
            notes.append("halo: refetch")
        if level.holes != "skip":
            notes.append("holes: fetch")
        if not charges_drain(level):
            notes.append("drain: free")
        kind, energy, rate, holds = "memory", _memory_energy(level), _bandwidth(level), _holds(level)
    elif isinstance(level, Array):
        kind, holds = "array", ""
        size = " × ".join(f"{name} {extent}" for name, extent in level.shape.items())
        meter = hop_energy(level)
        hop = f"hop {digits(meter.price)} pJ per {meter.width_bits:g} b" if priced(level) else ""
        energy = network_text(level) or hop
        rate = f"{level.systolic} stationary" if level.systolic else ""
        notes += [links_text(level)] if links_text(level) else []
        notes += ["multicast: " + level.multicast] if level.multicast != "words" else []
        notes += [] if level.reduce else ["reduce: false"]
        notes += [f"accepts {level.accepts}"] if level.accepts else []
    else:
        kind, size, holds = "compute", "", ""
        energy, rate = _by_kind(level.energy_pj, "pJ"), _by_kind(level.throughput_per_cycle, "/cycle")
    return [level.name, kind, copies, size, holds, energy, rate, area, ", ".join(notes)]


def _by_kind(numbers: Mapping[str, float], unit: str) -> str:
    """Numbers of kinds of operation; of many their range: what the unit does is told below the table.

    >>> _by_kind({"add": 0.1, "default": 2.0}, "pJ"), _by_kind(dict(zip("abcde", range(5), strict=True)), "/cycle")
    ('add 0.1 pJ, 2 pJ', '0 to 4 /cycle')
    """
    if len(numbers) > SHOWN_KINDS:
        least, most = min(numbers.values()), max(numbers.values())
        return f"{digits(least)} to {digits(most)} {unit}"
    return ", ".join(f"{'' if kind == 'default' else f'{kind} '}{digits(n)} {unit}" for kind, n in numbers.items())


def _alike(told: Mapping[str, Value]) -> list[tuple[Value, list[str]]]:
    """Names of which the same is told, together.

    >>> _alike({"add": 1, "exp": 4, "max": 1})
    [(1, ['add', 'max']), (4, ['exp'])]
    """
    return [(value, [name for name in told if told[name] == value]) for value in dict.fromkeys(told.values())]


def _memory_energy(level: Memory) -> str:
    read, write = port_energy(level)
    amounts = digits(read.price)
    if read.price != write.price:
        amounts = f"read {amounts}, write {digits(write.price)}"
    return f"{amounts} pJ per {read.width_bits:g} b"


def _bandwidth(level: Memory) -> str:
    parts = [f"{limit.action} {digits(limit.width_bits)} b/cycle".strip() for limit in port_limits(level)]
    return ", ".join(filter(None, (", ".join(parts) or "unlimited", waits_text(level))))


def _holds(level: Memory) -> str:
    if level.keep is None and not level.may_keep:
        return "all"
    may = f"may: {' '.join(level.may_keep)}" if level.may_keep else ""
    return "; ".join(part for part in (" ".join(level.keep or ()), may) if part) or "nothing"
