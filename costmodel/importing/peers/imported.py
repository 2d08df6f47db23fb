"""What comes of the files of another tool: an architecture, a workload and mappings, as our files hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.findings import Note
from costmodel.spec import catalog
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import dump, parse_nest, yaml_text
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rewriting.draft import flow_text

FILES = {"arch": "arch.yaml", "workload": "workload.yaml", "mapping": "mapping.yaml"}
"""Names of the files in a folder."""


@dataclass(frozen=True)
class Imported:
    """What was said by the files of another tool. Each part is absent where no file says it."""

    tool: str
    """What the tool is called, e.g. ``Timeloop``."""
    files: tuple[str, ...]
    arch: Mapping[str, Any] | None
    """An architecture, as a file holds it: ``costmodel.evaluate`` takes it as it is."""
    workload: Mapping[str, Any] | None
    mapping: Mapping[str, Any] | None
    """One mapping for each Einsum that has one: ``{"mappings": [{"einsum": …, "nest": […]}, …]}``."""
    notes: tuple[Note, ...] = ()
    """What has no counterpart here, and what is counted in another way; what bears on counts first."""

    @property
    def differs(self) -> bool:
        """Whether counts can differ from the tool's because of something that has no counterpart."""
        return any(note.counts for note in self.notes)

    def texts(self) -> dict[str, str]:
        """The files, by name."""
        about = [f"Imported from {self.tool}: {', '.join(self.files)}"]
        notes = [line for note in self.notes for line in str(note).split("\n")]
        found = {}
        if self.arch is not None:
            found[FILES["arch"]] = _arch_text(self.arch, [*about, *notes])
        if self.workload is not None:
            found[FILES["workload"]] = _workload_text(self.workload, about)
        if self.mapping is not None:
            found[FILES["mapping"]] = _mapping_text(self.mapping, about)
        return found


def checked(found: Imported) -> Imported:
    """The same, whose architecture, workload and nests are ours; SpecError tells what they cannot be."""
    problems: list[Problem] = []
    loaders = (("arch", catalog.load_architecture), ("workload", catalog.load_workload))
    for part, load in loaders:
        content = getattr(found, part)
        if content is None:
            continue
        try:
            load(dict(content))
        except SpecError as error:
            hint = f"made of {', '.join(found.files)}"
            problems += [Problem(f"{FILES[part]} would not be valid: {p}", hint=hint) for p in error.problems]
    if problems:
        raise SpecError(problems)
    return found


def mapping_of(nests: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """Nests by Einsum as the content of a mapping file; a nest of several Einsums has no name."""
    return {"mappings": [({"einsum": name} if name else {}) | {"nest": list(nest)} for name, nest in nests.items()]}


def _arch_text(content: Mapping[str, Any], comments: Iterable[str]) -> str:
    lines = [f"# {text}" for text in comments]
    for key, value in content.items():
        if key == "levels":
            lines += ["levels:", *(f"- {flow_text(level)}" for level in value)]
        elif key == "constraints":
            lines += ["constraints:", *(f"- {yaml_text(text)}" for text in value)]
        else:
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False) if key == 'source' else flow_text(value)}")
    return "\n".join(lines) + "\n"


def _workload_text(content: Mapping[str, Any], comments: Iterable[str]) -> str:
    lines = [f"# {text}" for text in comments]
    for key, value in content.items():
        if key == "einsums":
            lines += ["einsums:", *(f"- {flow_text(einsum)}" for einsum in value)]
        else:
            lines.append(f"{key}: {flow_text(value)}")
    return "\n".join(lines) + "\n"


def _mapping_text(content: Mapping[str, Any], comments: Iterable[str]) -> str:
    mappings = [
        Schedule(parse_nest(one["nest"]), arch=FILES["arch"], workload=FILES["workload"], einsum=one.get("einsum"))
        for one in content["mappings"]
    ]
    return "\n".join([*(f"# {text}" for text in comments), dump(mappings)])
