"""ZigZag's files, put together: an accelerator, a workload, a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from costmodel.importing.peers.documents import Section, listed, read_foreign
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.imported import Imported, mapping_of
from costmodel.importing.peers.models import name_leftovers
from costmodel.importing.peers.zigzag.formats import ZigFile, ZigLayer, ZigMapping
from costmodel.importing.peers.zigzag.layers import workload_of
from costmodel.importing.peers.zigzag.machine import architecture, levels_of
from costmodel.importing.peers.zigzag.nest import nest_of
from costmodel.spec.load import Document
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.validation import validate

_CHARGES = "ZigZag also charges the first read of each output, and whole accesses of a port; here neither is counted"


def read(files: Sequence[Path], *, values: Mapping[str, str] | None = None, free: bool = False) -> Imported:
    """Read files of ZigZag. ``free``: what no file prices costs nothing. Raises SpecError with all that is wrong."""
    findings = ImportFindings()
    found: dict[str, Section] = {}
    for file in files:
        section = _section(read_foreign(file, values), file)
        if section.key in found:
            raise SpecError(
                [Problem(f"is a second {section.key}", str(file), hint=f"first in {found[section.key].marks.file}")]
            )
        found[section.key] = section
    said = {key: validate(ZigFile, section.document, section.marks) for key, section in found.items()}
    for key, section in found.items():
        name_leftovers(said[key], section.document, (), section.marks, findings)
    machine = said["accelerator"].accelerator if "accelerator" in said else None
    layers = said["layers"].layers if "layers" in said else []
    mappings = said["mappings"].mappings if "mappings" in said else []
    workload = workload_of(found["layers"].stem, layers, found["layers"], findings) if layers else None
    arch: dict[str, Any] | None = None
    nests: dict[str, list[str]] = {}
    if machine is not None:
        levels = levels_of(machine, found["accelerator"], findings)
        arch = architecture(machine, levels, layers, mappings, found["accelerator"], findings, free=free)
        for layer, entry in zip(layers, workload["einsums"] if workload else (), strict=True):
            place = _mapping_for(layer, mappings)
            if place is not None and mappings[place].ordering:
                path, section = ("mappings", place), found["mappings"]
                nest = nest_of(layer, entry, mappings[place], levels, path, section, findings)
                nests |= {layer.called: nest} if nest else {}
    if nests:
        findings.note(found["mappings"].marks, (), _CHARGES, counts=True)
    findings.check()
    return Imported(
        tool="ZigZag",
        files=tuple(map(str, files)),
        arch=arch,
        workload=workload,
        mapping=mapping_of(nests) if nests else None,
        notes=findings.grouped(),
    )


def _section(document: Document, file: Path) -> Section:
    """What a file is: an accelerator is a map, workloads and mappings are lists."""
    data = document.data
    if isinstance(data, dict) and "memories" in data:
        return listed(document, "accelerator")
    if isinstance(data, list) and data and all(isinstance(one, dict) for one in data):
        return listed(document, "layers" if "equation" in data[0] else "mappings")
    hint = "an accelerator has `memories:`; workloads and mappings are lists of maps"
    raise SpecError([Problem("is no accelerator, workload or mapping of ZigZag", str(file), 1, 1, hint=hint)])


def _mapping_for(layer: ZigLayer, mappings: Sequence[ZigMapping]) -> int | None:
    """Place of the mapping of a layer: of its name, of its kind, or the default."""
    names = [mapping.name for mapping in mappings]
    return next((names.index(name) for name in (layer.called, layer.kind, "default") if name in names), None)
