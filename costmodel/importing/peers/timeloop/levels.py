"""Levels of Timeloop as ours, with the switches of its conventions.

Timeloop counts words, whatever their width: sizes, accesses and bandwidths stay in words here, and the width of the
outermost memory stands for all of them. Its buffers move bounding boxes (``holes: fetch``), do not pay for what they
drain (``drain: free``), and its networks share whole equal tiles (``multicast: tiles``).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.pricing import DEFAULT_NODE_NM, clock_text
from costmodel.importing.peers.timeloop.energies import Energies, compute_energy, memory_energy, node_of
from costmodel.importing.peers.timeloop.hierarchy import Level
from costmodel.importing.peers.timeloop.nest import factors_of, names_in
from costmodel.importing.peers.timeloop.problem import ROLES, TimeloopProblem

DEFAULT_WORD_BITS = 8
DEFAULT_TENSORS = tuple(ROLES)


@dataclass(frozen=True)
class Holding:
    """What a memory holds."""

    keep: Sequence[str]
    may_keep: Sequence[str] = ()
    """What a mapping may hold there or pass by."""


def holdings(levels: Sequence[Level], problem: TimeloopProblem | None) -> dict[str, Holding]:
    """What each memory holds, as the constraints of the architecture say; without any, a mapping chooses."""
    tensors = problem.tensors if problem else DEFAULT_TENSORS
    memories = [level for level in levels if level.role == "memory"]
    return {level.name: _held(level, tensors, outermost=level is memories[0]) for level in memories}


def architecture(
    name: str,
    levels: Sequence[Level],
    problem: TimeloopProblem | None,
    energies: Energies,
    refetched: AbstractSet[str],
    section: Section,
    findings: ImportFindings,
) -> dict[str, Any]:
    """Make an architecture of levels; ``refetched`` are memories whose windows are fetched anew."""
    tensors = problem.tensors if problem else DEFAULT_TENSORS
    output = problem.output if problem else "Outputs"
    memories = [level for level in levels if level.role == "memory"]
    word_bits = (memories[0].attributes.word_bits if memories else None) or DEFAULT_WORD_BITS
    held = holdings(levels, problem)
    written: list[dict[str, Any]] = []
    for place, level in enumerate(levels):
        if level.role == "array":
            written.append(_array(level))
        elif level.role == "compute":
            written.append({"compute": level.name, **compute_energy(level, energies, section, findings)})
        else:
            holding = held[level.name]
            alone = list(holding.keep) == [output] and not holding.may_keep
            energy = memory_energy(level, energies, holds_outputs=alone, section=section, findings=findings)
            memory = {"memory": level.name, **_room(level, word_bits, section, findings), **energy}
            memory |= _bandwidth(level, stated="energy" in energy) | {"drain": "free", "holes": "fetch"}
            memory |= {"halo": "refetch"} if level.name in refetched else {}
            written.append(memory | ({} if place == 0 else _kept(holding, tensors)))
    content: dict[str, Any] = {"name": name, "word": f"{word_bits} b", **_around(levels, energies, section, findings)}
    content["levels"] = written
    if sentences := _sentences(levels, problem, section, findings):
        content["constraints"] = sentences
    return content


def _around(levels: Sequence[Level], energies: Energies, section: Section, findings: ImportFindings) -> dict[str, Any]:
    """Clock and process of the whole chip."""
    cycles = [level.attributes.cycle_s for level in levels if level.attributes.cycle_s]
    found: dict[str, Any] = {"clock": clock_text(1 / cycles[0])} if cycles else {}
    nodes = [node for level in levels if (node := node_of(level))]
    if nodes:
        found["technology"] = f"{nodes[0]} nm"
    elif not energies.of and not energies.free:
        message = f"no technology is said: {DEFAULT_NODE_NM} nm is assumed for the component library"
        findings.note(section.marks, (section.key,), message)
        found["technology"] = f"{DEFAULT_NODE_NM} nm"
    return found


def _room(level: Level, word_bits: int, section: Section, findings: ImportFindings) -> dict[str, Any]:
    """Size and width of the access of a memory, in words."""
    about = level.attributes
    found: dict[str, Any] = {}
    own_bits = about.word_bits or word_bits
    name = level.name
    if own_bits != word_bits:
        message = f"words of another width count as words of {word_bits} b: Timeloop counts words, too"
        findings.note(section.marks, level.path, message, of=f"{name} ({own_bits} b)")
    wide = about.width // own_bits if about.width else 0
    block = about.block or (wide // about.cluster if wide else 1) or 1
    words = about.entries or 0
    if about.size_kb:
        words = int(about.size_kb * 1024 * 8) // own_bits
    elif about.depth and not words:
        words = about.depth * block
    if words and "dram" not in level.kind.lower():
        if about.buffers not in {1, 2}:
            words = int(words / about.buffers)
            message = "its multiple_buffering is in the size here"
            findings.note(section.marks, level.path, message, of=name)
        found["size"] = f"{words} words"
        if about.buffers == 2:
            found["double_buffered"] = True
    if (access := wide or block) > 1:
        found["access"] = f"{access * word_bits} b"
    return found


def _bandwidth(level: Level, *, stated: bool) -> dict[str, Any]:
    """NodeLimits of the ports; none where Timeloop has none, whatever the component library would say."""
    about = level.attributes
    ports = {"read": about.read, "write": about.write, "total": about.shared}
    found = {port: f"{words:g} words/cycle" for port, words in ports.items() if words}
    return {"bandwidth": found} if found or not stated else {}


def _array(level: Level) -> dict[str, Any]:
    found: dict[str, Any] = {"array": level.name, "shape": dict(level.shape)}
    found["multicast"] = "tiles" if level.attributes.multicasts else "none"
    return found if level.attributes.reduces else found | {"reduce": False}


def _held(level: Level, tensors: Sequence[str], *, outermost: bool) -> Holding:
    """Tensors that a memory holds."""
    said = level.limits.tensors if level.limits else None
    if outermost:
        return Holding(tensors)
    if said is None:
        return Holding((), tensors)
    keep = [*names_in(said.keep, tensors), *names_in(said.keep_only, tensors)]
    bypass = names_in(said.bypass, tensors)
    if level.beside or said.keep_only is not None:
        return Holding(keep)
    return Holding(keep, [t for t in tensors if t not in keep and t not in bypass])


def _kept(holding: Holding, tensors: Sequence[str]) -> dict[str, Any]:
    if len(holding.keep) == len(tensors):
        return {}
    keep = {"keep": [_said(t, tensors) for t in holding.keep]} if holding.keep or not holding.may_keep else {}
    may_keep = {"may_keep": [_said(t, tensors) for t in holding.may_keep]} if holding.may_keep else {}
    return keep | may_keep


def _said(tensor: str, tensors: Sequence[str]) -> str:
    """The role of a tensor where all have Timeloop's usual names, so that other workloads fit too; else its name."""
    return ROLES[tensor] if set(tensors) == set(ROLES) else tensor


def _sentences(
    levels: Sequence[Level], problem: TimeloopProblem | None, section: Section, findings: ImportFindings
) -> list[str]:
    """What the constraints of the hardware mean for its arrays; those on loops in time are named."""
    found = []
    for level in levels:
        if level.limits is None:
            continue
        if level.limits.temporal is not None:
            message = "constraints on loops in time are not imported: a mapping says them, a search here is free"
            findings.note(section.marks, (*level.path, "constraints", "temporal"), message)
        said = level.limits.spatial
        if said is None or level.role != "array":
            continue
        ones = {name for name, (steps, _) in factors_of(said.factors).items() if steps == 1}
        rest = [rank for rank in (problem.dimensions if problem else ()) if rank not in ones]
        if ones and rest:
            found += [f"{level.name}.{axis} only [{', '.join(map(str.lower, rest))}]" for axis in level.shape]
        elif ones:
            message = "constraints on loops in space need the problem beside the architecture"
            findings.note(section.marks, (*level.path, "constraints", "spatial"), message)
    return found
