"""A question as a study file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from costmodel.mapper.network import fuse_of
from costmodel.report.assemble import Question
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.spec.mapping_file import yaml_text
from costmodel.spec.request import Request


def study_text(question: Question, request: Request, path: Path) -> str:
    """A study that asks the same, to be written to ``path``."""
    study: dict[str, Any] = {
        "name": path.stem,
        "arch": _reference(question.arch_ref, path),
        "workload": _reference(question.workload_ref, path),
    }
    fuse = fuse_of(request, question.workload, question.architecture)  # a study fuses where it says so alone
    study |= request.stated() | ({} if fuse == "off" else {"fuse": fuse})
    if question.overrides:
        study["set"] = dict(override.split("=", 1) for override in question.overrides)
    if len(question.workload.einsums) != len(question.whole.einsums):
        study["einsums"] = [e.name for e in question.workload.einsums]
    lines = []
    for key, value in study.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {k}: {v}" for k, v in value.items())]
        else:
            lines.append(f"{key}: {_written(value)}")
    content = "\n".join(lines) + "\n"
    catalog.load_study(parse(content, str(path)))
    return content


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}" if isinstance(value, int | float) else yaml_text(str(value))


def _reference(ref: str, study: Path) -> str:
    """A reference that means the same beside the study."""
    path = catalog.find(ref)
    if any(ref in names for names in catalog.shipped().values()) or path.is_absolute():
        return ref
    return os.path.relpath(path, study.parent)
