"""Einsums of AccelForge as a workload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from costmodel.importing.peers.accelforge.formats import ForgeAccess, ForgeEinsum, ForgeWorkload
from costmodel.importing.peers.accelforge.sets import SetError, set_of
from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import value_of
from costmodel.spec.problems import Path

_BOUNDS = re.compile(r"\s*(?:(\S+)\s*<=\s*)?([A-Za-z]\w*)\s*(<=?)\s*(.+?)\s*")
_RENAMED = re.compile(r"\b([A-Z]\w*)\s*:\s*")
_COPY = re.compile(r"=\s*copy\((.*)\)\s*$")
_NAME = re.compile(r"[A-Za-z]\w*")


def workload_of(name: str, said: ForgeWorkload, section: Section, findings: ImportFindings) -> dict[str, Any]:
    """Make a workload; ranks are those of the rank variables that its Einsums name."""
    at: Path = (section.key,)
    if said.densities:
        message = "densities: words and operations are those of dense tensors here"
        findings.note(section.marks, (*at, "densities"), message, counts=True)
    extents = {rank.upper(): extent for rank, extent in said.rank_sizes.items()}
    extents |= dict(_shapes(said.iteration_space_shape.values(), (*at, "iteration_space_shape"), section, findings))
    einsums, used = [], dict[str, int]()
    for place, einsum in enumerate(said.einsums):
        path = (*at, "einsums", place)
        own = {rank.upper(): extent for rank, extent in einsum.rank_sizes.items()}
        shapes = einsum.iteration_space_shape
        lines = shapes.values() if isinstance(shapes, dict) else shapes
        own |= dict(_shapes(lines, (*path, "iteration_space_shape"), section, findings))
        statement = _statement(einsum)
        variables = _variables(statement)
        used |= {v.upper(): extents[v.upper()] for v in variables if v.upper() in extents}
        entry: dict[str, Any] = {"name": einsum.name} if einsum.name else {}
        entry["einsum"] = statement
        if own:
            entry["ranks"] = own
        if weights := _weights(einsum):
            entry["weights"] = weights
        if einsum.n_instances * said.n_instances > 1:
            entry["count"] = einsum.n_instances * said.n_instances
        einsums.append(entry)
    content: dict[str, Any] = {"name": said.name or name, "ranks": used}
    if bits := _bits(said, section, findings):
        content["bits"] = bits
    return content | {"einsums": einsums}


def tensors_of(said: ForgeWorkload) -> set[str]:
    """Names of all tensors."""
    return {name for einsum in said.einsums for name in re.findall(r"([A-Za-z]\w*)\s*\[", _statement(einsum))}


def output_of(statement: str) -> str:
    """The tensor that a statement writes, which names an Einsum that has no name."""
    return statement.partition("[")[0].strip()


def _statement(einsum: ForgeEinsum) -> str:
    if einsum.einsum is not None:
        text = _RENAMED.sub(r"\1=", _COPY.sub(r"= \1", einsum.einsum.strip()))
        return re.sub(r"\[([^\]]*)\]", lambda match: f"[{_lower(match[1])}]", text)
    output = next((access for access in einsum.tensor_accesses if access.output), None)
    read = [_access(access) for access in einsum.tensor_accesses if access is not output]
    return f"{_access(output) if output else ''} = {' * '.join(read)}"


def _access(access: ForgeAccess) -> str:
    if isinstance(access.projection, dict):
        indices = [_index(rank, _lower(str(index))) for rank, index in access.projection.items()]
    else:
        indices = [_lower(str(index)) for index in access.projection]
    return f"{access.name}[{', '.join(indices)}]"


def _index(rank: str, index: str) -> str:
    """An index of a named rank: the rank is left out where a rank variable of its name runs alone."""
    return index if index == rank.lower() else f"{rank.upper()}={index}"


def _lower(text: str) -> str:
    """Rank variables in small letters; a rank before ``=`` stays."""
    return _NAME.sub(
        lambda match: match[0].lower() if not text[match.end() :].lstrip().startswith("=") else match[0], text
    )


def _variables(statement: str) -> list[str]:
    inside = " ".join(re.findall(r"\[([^\]]*)\]", statement))
    return list(dict.fromkeys(name for name in _NAME.findall(inside) if name.islower()))


def _shapes(lines: Any, at: Path, section: Section, findings: ImportFindings) -> Iterator[tuple[str, int]]:
    """Extents that lines such as ``0 <= m < 128`` say."""
    for line in lines:
        match = _BOUNDS.fullmatch(str(line))
        if match is None:
            findings.refuse(section.marks, at, f"must be such as '0 <= m < 128', got {line!r}")
            continue
        try:
            first, last = value_of(match[1] or "0"), value_of(match[4])
        except ValueError as error:
            findings.refuse(section.marks, at, f"{line}: {error}")
            continue
        if first:
            message = f"{match[2]} starts at {first:g}: here a rank variable runs from 0, so its windows begin there"
            findings.note(section.marks, at, message, counts=True)
        yield match[2].upper(), int(last - first + (match[3] == "<="))


def _weights(einsum: ForgeEinsum) -> list[str]:
    """What the renames of an Einsum call its weight."""
    renames = einsum.renames
    named = renames.get("weight") if isinstance(renames, Mapping) else None
    return [named] if isinstance(named, str) and _NAME.fullmatch(named) else []


def _bits(said: ForgeWorkload, section: Section, findings: ImportFindings) -> dict[str, int]:
    found: dict[str, int] = {}
    tensors = tensors_of(said)
    for text, bits in said.bits_per_value.items():
        try:
            named = {"default"} if text.strip() == "All" else set_of(text, {}, tensors)
        except SetError as error:
            findings.refuse(section.marks, (section.key, "bits_per_value", text), str(error), key=True)
            continue
        found |= dict.fromkeys(sorted(named), bits)
    return found
