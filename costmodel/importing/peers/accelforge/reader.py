"""AccelForge's files, put together: an architecture, a workload, a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from costmodel.importing.peers.accelforge.einsums import output_of, tensors_of, workload_of
from costmodel.importing.peers.accelforge.formats import ForgeFile
from costmodel.importing.peers.accelforge.machine import machine_of
from costmodel.importing.peers.accelforge.nest import nest_of
from costmodel.importing.peers.documents import Section, read_foreign, sections
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.imported import Imported, mapping_of
from costmodel.importing.peers.models import name_leftovers
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.validation import validate

KNOWN = {"arch": "the levels", "workload": "what is computed", "mapping": "the nest"}
_ELSEWHERE = {
    "renames": "names for tensors of all Einsums are not read: roles are inferred where an Einsum renames none",
    "mapper": "how to search is said to `costmodel map`",
    "model": "how to evaluate is not imported",
    "variables": "values of templates are said by --set",
    "config": "about the installation",
}


def read(files: Sequence[Path], *, values: Mapping[str, str] | None = None, free: bool = False) -> Imported:
    """Read files of AccelForge. ``free``: components whose energies no file says cost nothing. Raises SpecError."""
    found = sections((read_foreign(file, values) for file in files), KNOWN)
    findings = ImportFindings()
    for key in found.keys() - KNOWN.keys():
        section = found[key]
        counts = key.startswith("sparse")
        why = "words and operations are those of dense tensors here" if counts else "no counterpart here"
        findings.note(section.marks, (key,), _ELSEWHERE.get(key, why), of=key, key=True, counts=counts)
    said = {key: _said(found[key], findings) for key in KNOWN if key in found}
    workload = said["workload"].workload if "workload" in said else None
    content = workload_of(found["workload"].stem, workload, found["workload"], findings) if workload else None
    arch = said["arch"].arch if "arch" in said else None
    named = tensors_of(workload) if workload else ()
    machine = machine_of(found["arch"].stem, arch, found["arch"], named, findings, free=free) if arch else None
    mapping = None
    if "mapping" in said and said["mapping"].mapping is not None:
        if machine is None or content is None:
            missing = "architecture" if machine is None else "workload"
            raise SpecError([Problem(f"a mapping needs the {missing} beside it", found["mapping"].marks.file)])
        nest = nest_of(said["mapping"].mapping.nodes, machine, content, found["mapping"], findings)
        one = content["einsums"][0]
        alone = len(content["einsums"]) == 1
        mapping = mapping_of({(one.get("name") or output_of(one["einsum"])) if alone else "": nest})
    findings.check()
    return Imported(
        tool="AccelForge",
        files=tuple(map(str, files)),
        arch=machine.content if machine else None,
        workload=content,
        mapping=mapping,
        notes=findings.grouped(),
    )


def _said(section: Section, findings: ImportFindings) -> ForgeFile:
    said = validate(ForgeFile, section.document, section.marks)
    name_leftovers(getattr(said, section.key), section.data, (section.key,), section.marks, findings)
    return said
