"""Energies per access: those of an energy table (ERT), or of the component library where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import PeerModel, name_leftovers
from costmodel.importing.peers.pricing import BY_LIBRARY, FREE, component_of
from costmodel.importing.peers.timeloop.formats import EnergyTables
from costmodel.importing.peers.timeloop.hierarchy import Level, plain
from costmodel.spec.problems import Path
from costmodel.spec.validation import validate

KEYS = ("ERT", "energy_reference_table")
_NODE = re.compile(r"\s*(\d+)\s*nm\s*")
WITHOUT_ERT = "give Timeloop's ERT (timeloop-mapper.ERT.yaml) beside it, or say --free to count words alone"


class _ErtFile(PeerModel):
    ERT: EnergyTables


@dataclass(frozen=True)
class Energies:
    """What an action of each component costs, in pJ."""

    of: Mapping[str, Mapping[str, float]]
    """By component and action."""
    paths: Mapping[str, Path]
    """Where each component stands in the ERT."""
    section: Section | None = None
    free: bool = False
    """Whether components without energies cost nothing."""


def energies_of(section: Section | None, findings: ImportFindings, *, free: bool) -> Energies:
    """Read an ERT; the costliest row of an action is the one that Timeloop takes. Raises SpecError."""
    if section is None:
        return Energies({}, {}, free=free)
    tables = validate(_ErtFile, {"ERT": section.data}, section.marks).ERT
    name_leftovers(tables, section.data, (section.key,), section.marks, findings)
    found: dict[str, dict[str, float]] = {}
    paths: dict[str, Path] = {}
    for place, table in enumerate(tables.tables):
        name = plain(table.name.rpartition(".")[2] if ".." not in table.name else _base(table.name))[0]
        actions = found.setdefault(name, {})
        paths[name] = (section.key, "tables", place)
        for action in table.actions:
            actions[action.name] = max(action.energy, actions.get(action.name, 0.0))
    return Energies(found, paths, section)


def _base(name: str) -> str:
    """The last part of ``system.PE[0..3].RF[1..2]``."""
    return re.split(r"\.(?=[A-Za-z_])", name)[-1]


def memory_energy(
    level: Level, energies: Energies, *, holds_outputs: bool, section: Section, findings: ImportFindings
) -> dict[str, Any]:
    """The keys of a memory that price it."""
    actions = energies.of.get(level.name)
    if actions is None:
        return _of_library(level, energies, section, findings)
    write, update = actions.get("write", 0.0), actions.get("update", actions.get("write", 0.0))
    if write != update and energies.section is not None:
        used = "update" if holds_outputs else "write"
        message = (
            f"{level.name}: a write costs {write:g} pJ and an update {update:g} pJ; here they cost the same: {used}"
        )
        findings.note(energies.section.marks, energies.paths[level.name], message)
    wrote = update if holds_outputs else write
    return {"energy": {"read": f"{actions.get('read', 0.0):g} pJ", "write": f"{wrote:g} pJ"}} | _leaks(level, energies)


def compute_energy(level: Level, energies: Energies, section: Section, findings: ImportFindings) -> dict[str, Any]:
    """The keys of a compute unit that price it."""
    actions = energies.of.get(level.name)
    if actions is None:
        if energies.free:
            return dict(FREE)
        findings.note(section.marks, level.path, BY_LIBRARY, of=f"{level.name} (mac)")
        return {"component": {"class": "mac"}}
    return {"energy": f"{actions.get('compute', actions.get('mac_random', 0.0)):g} pJ"} | _leaks(level, energies)


def _leaks(level: Level, energies: Energies) -> dict[str, Any]:
    """Leakage: an ERT has the energy of one cycle."""
    leak_pj = energies.of[level.name].get("leak", 0.0)
    cycle_s = level.attributes.cycle_s or 1e-9
    return {"leakage": f"{leak_pj * 1e-12 / cycle_s * 1e3:.6g} mW"} if leak_pj else {}


def _of_library(level: Level, energies: Energies, section: Section, findings: ImportFindings) -> dict[str, Any]:
    if energies.free:
        return dict(FREE)
    component = component_of(level.kind, level.attributes.dram)
    if component is None:
        message = f"{level.name}: no energies are known of class {level.kind or 'nothing'!r}"
        findings.refuse(section.marks, level.path, message, WITHOUT_ERT)
        return dict(FREE)
    findings.note(section.marks, level.path, BY_LIBRARY, of=f"{level.name} ({component['class']})")
    return {"component": component}


def node_of(level: Level) -> int | None:
    """The process of a component, in nm."""
    stated = level.attributes.technology
    found = _NODE.fullmatch(str(stated)) if stated is not None else None
    return int(found[1]) if found else None
