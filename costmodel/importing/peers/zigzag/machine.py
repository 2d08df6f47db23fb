"""An accelerator of ZigZag as ours: memories that serve fewer dimensions of the array stand inside more of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.pricing import DEFAULT_NODE_NM, FREE
from costmodel.importing.peers.zigzag.formats import ZigLayer, ZigMachine, ZigMapping, ZigMemory
from costmodel.spec.problems import Path

ROLES = {"I": "input", "W": "weight", "O": "output"}
AXIS = "X"
DEFAULT_WORD_BITS = 8


@dataclass(frozen=True)
class ZigLevel:
    """A memory or a dimension of the array, outermost first."""

    name: str
    memory: ZigMemory | None = None
    """Null for a dimension of the array."""
    inside: frozenset[str] = frozenset()
    """Of a memory: dimensions of the array that it stands in."""


def levels_of(machine: ZigMachine, section: Section, findings: ImportFindings) -> tuple[ZigLevel, ...]:
    """Memories and dimensions of the array in one row."""
    at: Path = (section.key,)
    array = machine.array
    if array.is_imc:
        message = "computing inside a memory cannot be said here"
        findings.refuse(section.marks, (*at, "operational_array", "is_imc"), message)
    if len(array.dimensions) != len(array.sizes):
        findings.refuse(section.marks, at, f"{len(array.dimensions)} dimensions have {len(array.sizes)} sizes")
    for name, memory in machine.memories.items():
        if unknown := [one for one in memory.served if one not in array.dimensions]:
            hint = f"known: {', '.join(array.dimensions)}"
            path = (*at, "memories", name, "served_dimensions")
            findings.refuse(section.marks, path, f"{name}: no such dimension: {', '.join(unknown)}", hint)
    findings.check()
    return tuple(_row(machine, section, findings))


def _row(machine: ZigMachine, section: Section, findings: ImportFindings) -> Iterator[ZigLevel]:
    dimensions = machine.array.dimensions
    open_ones = set[str]()
    outward = list(machine.memories.items())
    outward.reverse()
    outward.sort(key=lambda item: -len(item[1].served))
    for name, memory in outward:
        alone = [one for one in dimensions if one not in memory.served]
        if spread := open_ones & set(memory.served):
            message = (
                f"serves {', '.join(sorted(spread))} alone, beside one that does not: here it stands in both, one for "
                "each unit, and its fills count in each"
            )
            path = (section.key, "memories", name, "served_dimensions")
            findings.note(section.marks, path, message, of=name, counts=True)
        for one in alone:
            if one not in open_ones:
                open_ones.add(one)
                yield ZigLevel(one)
        yield ZigLevel(name, memory, frozenset(open_ones))
    yield from (ZigLevel(one) for one in dimensions if one not in open_ones)


def architecture(
    machine: ZigMachine,
    levels: Sequence[ZigLevel],
    layers: Sequence[ZigLayer],
    mappings: Sequence[ZigMapping],
    section: Section,
    findings: ImportFindings,
    *,
    free: bool,
) -> dict[str, Any]:
    """Make an architecture; widths are those of the layers."""
    sizes = dict(zip(machine.array.dimensions, machine.array.sizes, strict=True))
    roles = _roles(mappings, section, findings)
    partial = {layer.bits["O"] for layer in layers if layer.bits.get("O_final", layer.bits["O"]) != layer.bits["O"]}
    if len(partial) > 1:
        findings.note(section.marks, (section.key,), "partial sums of several widths: the widest is that of all here")
    written: list[dict[str, Any]] = []
    for place, level in enumerate(levels):
        if level.memory is None:
            written.append({"array": level.name, "shape": {AXIS: sizes[level.name]}, "multicast": "tiles"})
            continue
        path = (section.key, "memories", level.name)
        keep = [roles[one] for one in level.memory.holds if one in roles]
        found: dict[str, Any] = {"memory": level.name}
        if place:
            found["size"] = f"{level.memory.size} b"
        found |= _priced(level, path, section, findings, free=free) | {"holes": "fetch", "halo": "refetch"}
        if partial and "output" in keep:
            found["partial"] = f"{max(partial)} b"
        written.append(found | ({"keep": keep} if place and len(set(keep)) < len(ROLES) else {}))
    unit: dict[str, Any] = {"compute": "MAC", "energy": f"{machine.array.energy:.12g} pJ"}
    by_library = any("component" in level for level in written)
    bits = [layer.bits["I"] for layer in layers if layer.bits.get("I")]
    content: dict[str, Any] = {"name": machine.name, "word": f"{bits[0] if bits else DEFAULT_WORD_BITS} b"}
    content |= {"technology": f"{DEFAULT_NODE_NM} nm"} if by_library else {}
    content["levels"] = [*written, unit]
    if sentences := _sentences(machine, mappings):
        content["constraints"] = sentences
    return content


def _roles(mappings: Sequence[ZigMapping], section: Section, findings: ImportFindings) -> dict[str, str]:
    """Roles of what memories hold."""
    links = mappings[0].links if mappings else ZigMapping(name="").links
    if any(one.links != links for one in mappings):
        message = "memory_operand_links of the first mapping stand for all"
        findings.note(section.marks, (section.key,), message, counts=True)
    return {held: ROLES[tensor] for tensor, held in links.items() if tensor in ROLES}


def _priced(level: ZigLevel, path: Path, section: Section, findings: ImportFindings, *, free: bool) -> dict[str, Any]:
    memory = level.memory
    assert memory is not None  # noqa: S101  of memories alone
    widths = {way: _width(memory, way) for way in ("read", "write")}
    wide = widths["read"] or widths["write"] or DEFAULT_WORD_BITS
    bandwidth = {"bandwidth": _bandwidth(memory)}
    if memory.latency > 1:
        findings.note(section.marks, (*path, "latency"), "the latency of an access is not counted", of=level.name)
    if memory.r_cost is None or memory.w_cost is None or memory.auto_cost_extraction:
        if free:
            return dict(FREE) | bandwidth
        message = f"the component library prices it at {DEFAULT_NODE_NM} nm (assumed), by CACTI as ZigZag does"
        findings.note(section.marks, path, message, of=level.name)
        return {"access": f"{wide} b", "component": {"class": "sram", "table": "cacti"}} | bandwidth
    write_pj = memory.w_cost * wide / (widths["write"] or wide)
    energy = {"read": f"{memory.r_cost:.12g} pJ", "write": f"{write_pj:.12g} pJ"}
    return {"energy": energy, "access": f"{wide} b"} | bandwidth


def _width(memory: ZigMemory, way: str) -> int:
    """Bits of the port that an access uses."""
    stated = memory.r_bw if way == "read" else memory.w_bw
    return stated or max((port.most or 0 for port in memory.ports if port.type in {way, "read_write"}), default=0)


def _bandwidth(memory: ZigMemory) -> dict[str, str]:
    """Bits per cycle of the ports of each way, and of those that serve both."""
    named = {"read": "read", "write": "write", "total": "read_write"}
    limits = {way: sum(port.most or 0 for port in memory.ports if port.type == kind) for way, kind in named.items()}
    if memory.r_bw and memory.w_bw:
        both = memory.rw_port * max(memory.r_bw, memory.w_bw)
        limits = {"read": memory.r_port * memory.r_bw, "write": memory.w_port * memory.w_bw, "total": both}
    shared = limits.pop("total")
    if any(limits.values()):  # ports of both ways add to those of one
        limits = {way: limit + shared for way, limit in limits.items()}
    elif shared:
        limits = {"total": shared}
    return {way: f"{limit} b/cycle" for way, limit in limits.items() if limit}


def _sentences(machine: ZigMachine, mappings: Sequence[ZigMapping]) -> list[str]:
    """What runs along each dimension of the array, in any of the mappings."""
    found: dict[str, list[str]] = {}
    for mapping in mappings:
        for dimension, loops in spread_of(mapping).items():
            found.setdefault(dimension, []).extend(name.lower() for name, _ in loops)
    known = [one for one in machine.array.dimensions if found.get(one)]
    return [f"{one}.{AXIS} only [{', '.join(dict.fromkeys(found[one]))}]" for one in known]


def spread_of(mapping: ZigMapping) -> Mapping[str, list[tuple[str, int]]]:
    """Loops in space along each dimension of the array, with their steps.

    >>> spread_of(ZigMapping(name="x", spatial_mapping={"D1": ["K, 32"]}))
    {'D1': [('K', 32)]}
    """
    found = {}
    for dimension, loops in (mapping.spatial or {}).items():
        parts = [loop.split(",") if isinstance(loop, str) else list(loop) for loop in loops]
        found[dimension] = [(str(part[0]).strip(), int(part[-1])) for part in parts]
    return found
