"""Timeloop's files, put together: an architecture, a problem, a mapping, an energy table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from costmodel.importing.peers.documents import Section, read_foreign, sections
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.imported import Imported, mapping_of
from costmodel.importing.peers.models import PeerModel, name_leftovers
from costmodel.importing.peers.timeloop.energies import KEYS, energies_of
from costmodel.importing.peers.timeloop.formats import Attributes, Variables
from costmodel.importing.peers.timeloop.hierarchy import Level, hierarchy
from costmodel.importing.peers.timeloop.levels import architecture, holdings
from costmodel.importing.peers.timeloop.nest import MappedNest, nest_of
from costmodel.importing.peers.timeloop.problem import TimeloopProblem, problem_of
from costmodel.importing.peers.timeloop.windows import refetched
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.validation import validate

KNOWN = {
    "architecture": "the levels",
    "arch": "the levels (0.1)",
    "problem": "what is computed",
    "mapping": "the nest",
    **dict.fromkeys(KEYS, "energies"),
}
_ELSEWHERE = {
    "mapper": "how to search is said to `costmodel map`",
    "mapspace": "constraints of a search are not imported",
    "architecture_constraints": "constraints of a search are not imported; a mapping stands without them",
    "mapspace_constraints": "constraints of a search are not imported",
    "compound_components": "energies are those of the ERT",
    "components": "energies are those of the ERT",
    "ART": "areas are not imported",
    "globals": "is about Timeloop's front end",
    "dumped_by_timeloop_front_end": "is about Timeloop's front end",
}


def read(files: Sequence[Path], *, values: Mapping[str, str] | None = None, free: bool = False) -> Imported:
    """Read files of Timeloop. ``free``: components whose energies no file says cost nothing. Raises SpecError."""
    found = sections((read_foreign(file, values) for file in files), KNOWN)
    findings = ImportFindings()
    for key in found.keys() - KNOWN.keys() - {"variables"}:
        _elsewhere(found[key], findings)
    problem = problem_of(found["problem"], findings) if "problem" in found else None
    tree = found.get("architecture") or found.get("arch")
    levels = hierarchy(tree, _around(found.get("variables"), findings), findings) if tree else ()
    energies = energies_of(next((found[key] for key in KEYS if key in found), None), findings, free=free)
    mapped = _mapped(found.get("mapping"), levels, problem, findings)
    arch = None
    if tree is not None:
        again = refetched(mapped, problem, found["mapping"], findings) if mapped and problem else set()
        arch = architecture(tree.stem, levels, problem, energies, again, tree, findings)
    findings.check()
    return Imported(
        tool="Timeloop",
        files=tuple(map(str, files)),
        arch=arch,
        workload=problem.content if problem else None,
        mapping=mapping_of({problem.output: mapped.nest}) if problem and mapped else None,
        notes=findings.grouped(),
    )


class _VariablesFile(PeerModel):
    variables: Variables


def _around(section: Section | None, findings: ImportFindings) -> Attributes:
    """Clock and process that the variables of version 0.4 give to all levels."""
    if section is None:
        return Attributes()
    said = validate(_VariablesFile, section.document, section.marks).variables
    name_leftovers(said, section.data, (section.key,), section.marks, findings)
    return Attributes(technology=said.technology, cycle_s=said.cycle_s)


def _mapped(
    section: Section | None, levels: Sequence[Level], problem: TimeloopProblem | None, findings: ImportFindings
) -> MappedNest | None:
    if section is None:
        return None
    if not levels or problem is None:
        missing = "architecture" if not levels else "problem"
        file = section.marks.file
        hint = "its levels and dimensions are needed"
        raise SpecError([Problem(f"a mapping needs the {missing} beside it", file, hint=hint)])
    held = {}
    for name, holding in holdings(levels, problem).items():
        held[name] = [t for t in problem.tensors if t in holding.keep or t in holding.may_keep]
    return nest_of(section, levels, problem, held, findings)


def _elsewhere(section: Section, findings: ImportFindings) -> None:
    """Name a top-level key that is not read."""
    at = (section.key,)
    if section.key.startswith("sparse"):
        message = "sparse optimisations: words and operations are those of dense tensors here"
        findings.note(section.marks, at, message, counts=True, key=True)
        return
    if section.key == "architecture_constraints" and not (section.data or {}).get("targets"):
        return
    why = _ELSEWHERE.get(section.key, "has no counterpart here")
    findings.note(section.marks, at, f"{section.key!r}: {why}", key=True)
