"""An architecture of AccelForge as ours.

Energies are in joules, times in seconds, sizes in bits. Its buffers move bounding boxes (``holes: fetch``), and its
networks share whole equal tiles (``multicast: tiles``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.accelforge.formats import Fan, ForgeAction, ForgeArch, ForgeNode
from costmodel.importing.peers.accelforge.sets import ROLES, SetError, set_of
from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import value_of
from costmodel.importing.peers.pricing import BY_LIBRARY, DEFAULT_NODE_NM, FREE, clock_text, component_of
from costmodel.spec.problems import Path

DEFAULT_CLOCK_HZ = 1e9
_ARRAYS = {"Container", "Fanout", "Array"}
_INSIDE = {"Hierarchical"}
_OF_ACTIONS = re.compile(r"\(?\s*(?:read_actions\s*\+\s*write_actions|compute_actions)\s*\)?\s*/\s*(.+)")
_OF_THE_SLOWER = re.compile(r"max\(\s*(read|write)_latency\s*,\s*(read|write)_latency\s*\)")


@dataclass(frozen=True)
class ForgedMachine:
    """An architecture, and what mappings call its arrays."""

    content: dict[str, Any]
    arrays: Mapping[str, str]
    """By component: the array that spreads it."""
    memories: tuple[str, ...]
    units: tuple[str, ...]


class _Maker:
    def __init__(self, section: Section, tensors: Collection[str], findings: ImportFindings, *, free: bool) -> None:
        self.section, self.tensors, self.findings, self.free = section, tensors, findings, free
        self.clock_hz = DEFAULT_CLOCK_HZ
        self.held: dict[str, frozenset[str]] = {}
        self.by_library = False

    def note(self, path: Path, message: str, *, of: str = "", counts: bool = False) -> None:
        self.findings.note(self.section.marks, path, message, of=of, counts=counts)

    # -- levels

    def levels(self, nodes: Sequence[ForgeNode], at: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        """Levels with the component that each belongs to, outermost first."""
        for place, node in enumerate(nodes):
            path = (*at, place)
            if node.enabled is not True:
                message = "is enabled for some Einsums; here what a unit does is the kinds of operation that it prices"
                self.note((*path, "enabled"), message, of=node.name, counts=True)
            if node.spatial:
                called = node.name if node.tag in _ARRAYS else f"{node.name}_array"
                yield node.name, self.array(called, node.spatial, path)
            if node.tag in _INSIDE:
                yield from self.levels(node.nodes, (*path, "nodes"))
            elif node.tag == "Memory":
                yield node.name, self.memory(node, path, outermost=not self.held)
            elif node.tag == "Compute":
                yield node.name, self.compute(node, path)
            elif node.tag == "Toll":
                self.note(path, "passes words on at no cost here (Toll)", of=node.name)
            elif node.tag not in _ARRAYS:
                hint = "known: Memory, Compute, Container, Fanout, Array, Toll, Hierarchical"
                self.findings.refuse(self.section.marks, path, f"!{node.tag} cannot be said here", hint)

    def array(self, name: str, fans: Sequence[Fan], path: Path) -> dict[str, Any]:
        shared = [fan for fan in fans if str(fan.may_reuse).strip() not in {"Nothing", "~All"}]
        for number, fan in enumerate(fans):
            if str(fan.may_reuse).strip() not in {"All", "Nothing", "~All"}:
                message = "may_reuse is for some tensors: here an array shares the words of all, or of none"
                self.note((*path, "spatial", number), message, of=f"{name}.{fan.name}", counts=True)
        found: dict[str, Any] = {"array": name, "shape": {fan.name: fan.fanout for fan in fans}}
        return found | ({"multicast": "tiles"} if shared else {"multicast": "none", "reduce": False})

    def memory(self, node: ForgeNode, path: Path, *, outermost: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"memory": node.name}
        if math.isfinite(size := self.size(node, path)):
            found["size"] = f"{size:.12g} b"
        actions = {action.name: action for action in node.actions}
        for number, action in enumerate(node.actions):
            if action.name not in {"read", "write"}:
                self.note((*path, "actions", number), "actions beside read and write cost nothing here", of=action.name)
        bits = self.bits(node, actions, path)
        found |= self.priced(node, actions, path, bits)
        found |= {"bandwidth": self.bandwidth(node, actions, path, bits), "holes": "fetch"}
        return found | self.around(node) | self.kept(node, path, outermost=outermost)

    def size(self, node: ForgeNode, path: Path) -> float:
        """Bits of room; without end where a formula has to know the Einsum."""
        try:
            return value_of(node.size)
        except ValueError:
            message = f"a size that depends on the Einsum is none here: {node.size!r}"
            self.note((*path, "size"), message, of=node.name, counts=True)
            return math.inf

    def bits(self, node: ForgeNode, actions: Mapping[str, ForgeAction], path: Path) -> float:
        """Bits of an access: those of a read."""
        of = {name: actions[name].bits_per_action or node.bits_per_action or 1 for name in actions}
        read, write = of.get("read", node.bits_per_action or 1), of.get("write", node.bits_per_action or 1)
        if read != write:
            self.note(path, "bits of a write that differ from those of a read are in the energy here", of=node.name)
        return read

    def priced(self, node: ForgeNode, actions: Mapping[str, ForgeAction], path: Path, bits: float) -> dict[str, Any]:
        energies = {}
        for name in ("read", "write"):
            action = actions.get(name)
            if action is None or action.energy is None:
                return self.of_library(node, path)
            own = action.bits_per_action or node.bits_per_action or 1
            pj = action.energy * action.energy_scale * node.energy_scale * 1e12 * bits / own
            energies[name] = f"{pj:.12g} pJ"
        return {"energy": energies, "access": f"{bits:g} b"}

    def of_library(self, node: ForgeNode, path: Path) -> dict[str, Any]:
        component = component_of(node.component_class or "")
        if self.free:
            return dict(FREE)
        if component is None:
            hint = "say energy for each action, or --free to count words alone"
            message = f"{node.name}: no energies are known of class {node.component_class or 'nothing'!r}"
            self.findings.refuse(self.section.marks, path, message, hint)
            return dict(FREE)
        self.by_library = True
        self.note(path, BY_LIBRARY, of=f"{node.name} ({component['class']})")
        return {"component": component}

    def bandwidth(self, node: ForgeNode, actions: Mapping[str, ForgeAction], path: Path, bits: float) -> dict[str, Any]:
        """Limits of the ports in bits per cycle; by itself, the times of reads and writes add up."""
        rates = {name: _per_s(actions[name], node) for name in ("read", "write") if name in actions}
        said = node.total_latency
        if said is not None and (match := _OF_ACTIONS.fullmatch(str(said).strip())):
            return self.ports(total=bits / value_of(f"1 / {match[1]}"))
        limits = {name: rate * bits for name, rate in rates.items() if math.isfinite(rate)}
        if said is not None and not _OF_THE_SLOWER.fullmatch(str(said).strip()):
            if str(said).strip() not in {"0", "0.0"}:
                message = "total_latency is a formula that cannot be said here: no limit stands for it"
                self.note((*path, "total_latency"), message, of=node.name, counts=True)
            return {}
        if said is None and len(limits) == 2 and limits["read"] == limits["write"]:
            return self.ports(total=limits["read"])
        if said is None and len(limits) == 2:
            message = "reads and writes of unlike speed add up there; here the slower of them is the limit"
            self.note((*path, "actions"), message, of=node.name, counts=True)
        return self.ports(**limits)

    def ports(self, **limits: float) -> dict[str, Any]:
        return {name: f"{limit / self.clock_hz:.12g} b/cycle" for name, limit in limits.items()}

    def kept(self, node: ForgeNode, path: Path, *, outermost: bool) -> dict[str, Any]:
        keep, may = (ROLES, frozenset[str]()) if outermost else (frozenset[str](), ROLES)
        said = node.tensors
        try:
            if said is not None and (said.keep is not None or said.may_keep is not None):
                keep = set_of(said.keep if said.keep is not None else "Nothing", self.held, self.tensors)
                may = set_of(said.may_keep if said.may_keep is not None else "Nothing", self.held, self.tensors) - keep
        except SetError as error:
            self.findings.refuse(self.section.marks, (*path, "tensors"), str(error))
        self.held[node.name] = keep
        if outermost or keep == ROLES:
            return {}
        found: dict[str, Any] = {"keep": sorted(keep)} if keep or not may else {}
        return found | ({"may_keep": sorted(may)} if may else {})

    def compute(self, node: ForgeNode, path: Path) -> dict[str, Any]:
        action = next((one for one in node.actions if one.name == "compute"), None)
        found: dict[str, Any] = {"compute": node.name}
        if action is None or action.energy is None:
            found |= self.of_library(node, path)
        else:
            pj = action.energy * action.energy_scale * node.energy_scale * 1e12
            found["energy"] = f"{pj:.12g} pJ"
        rate = _compute_per_s(node)
        if math.isfinite(rate) and rate != self.clock_hz:
            found["throughput"] = f"{rate / self.clock_hz:.12g} /cycle"
        return found | self.around(node)

    @staticmethod
    def around(node: ForgeNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if node.leak_power:
            found["leakage"] = f"{node.leak_power * node.leak_power_scale * 1e3:.12g} mW"
        if node.area:
            found["area"] = f"{node.area * node.area_scale * 1e6:.12g} mm2"
        return found


def machine_of(
    name: str, arch: ForgeArch, section: Section, tensors: Collection[str], findings: ImportFindings, *, free: bool
) -> ForgedMachine:
    """Make an architecture; ``tensors`` are the names that sets may use."""
    maker = _Maker(section, tensors, findings, free=free)
    units = [node for node in _all(arch.nodes) if node.tag == "Compute"]
    rates = [rate for node in units if math.isfinite(rate := _compute_per_s(node))]
    if rates:
        maker.clock_hz = max(rates)
    else:
        message = f"no unit says how fast it is: one operation a cycle at {DEFAULT_CLOCK_HZ:g} Hz"
        findings.note(section.marks, (section.key,), message)
    found = list(maker.levels(arch.nodes, (section.key, "nodes")))
    content: dict[str, Any] = {"name": arch.name or name, "clock": clock_text(maker.clock_hz)}
    content |= {"word": "8 b"} | _process(arch, maker, section, findings)
    return ForgedMachine(
        content=content | {"levels": [level for _, level in found]},
        arrays={component: level["array"] for component, level in found if "array" in level},
        memories=tuple(node.name for node in _all(arch.nodes) if node.tag == "Memory"),
        units=tuple(node.name for node in units),
    )


def _process(arch: ForgeArch, maker: _Maker, section: Section, findings: ImportFindings) -> dict[str, Any]:
    stated = arch.extra_attributes_for_all_component_models.get("tech_node")
    if stated is not None:
        return {"technology": f"{value_of(stated) * 1e9:.6g} nm"}
    if maker.by_library:
        message = f"no technology is said: {DEFAULT_NODE_NM} nm is assumed for the component library"
        findings.note(section.marks, (section.key,), message)
        return {"technology": f"{DEFAULT_NODE_NM} nm"}
    return {}


def _all(nodes: Sequence[ForgeNode]) -> Iterator[ForgeNode]:
    for node in nodes:
        yield node
        yield from _all(node.nodes)


def _per_s(action: ForgeAction, node: ForgeNode) -> float:
    """Actions per second; without end where none is said."""
    if action.throughput is not None and math.isfinite(action.throughput):
        return action.throughput
    latency = (action.latency or 0.0) * action.latency_scale * node.latency_scale
    return 1 / latency if latency else math.inf


def _compute_per_s(node: ForgeNode) -> float:
    said = node.total_latency
    if said is not None and (match := _OF_ACTIONS.fullmatch(str(said).strip())):
        return 1 / value_of(f"1 / {match[1]}")
    action = next((one for one in node.actions if one.name == "compute"), None)
    return _per_s(action, node) if action else math.inf
