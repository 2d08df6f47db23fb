"""A question as a study file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from costmodel.mapper.network import SearchOptions
from costmodel.report.assemble import Question
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.spec.mapping_file import yaml_text


def study_text(question: Question, options: SearchOptions, path: Path) -> str:
    """A study that asks the same, to be written to ``path``."""
    study: dict[str, Any] = {
        "name": path.stem,
        "arch": _reference(question.arch_ref, path),
        "workload": _reference(question.workload_ref, path),
    }
    study["objective"] = list(options.objective.names)
    study |= {"method": options.method, "seed": options.seed}
    if options.method != "exact":
        study["trials"] = options.trials
    if options.budget_s is not None:
        study["budget"] = f"{options.budget_s:g} s"
    if options.memory_bytes is not None:
        study["memory"] = options.memory_bytes
    if options.tiles != "perfect":
        study["tiles"] = options.tiles
    if options.constraints:
        study["constraints"] = list(options.constraints)
    if question.overrides:
        study["set"] = dict(override.split("=", 1) for override in question.overrides)
    if len(question.workload.einsums) != len(question.einsums):
        study["einsums"] = [e.name for e in question.workload.einsums]
    lines = []
    for key, value in study.items():
        if isinstance(value, list):
            lines.append(f"{key}: [{', '.join(yaml_text(str(item)) for item in value)}]")
        elif isinstance(value, dict):
            lines += [f"{key}:", *(f"  {k}: {v}" for k, v in value.items())]
        else:
            lines.append(f"{key}: {value if isinstance(value, int) else yaml_text(str(value))}")
    content = "\n".join(lines) + "\n"
    catalog.load_study(parse(content, str(path)))
    return content


def _reference(ref: str, study: Path) -> str:
    """A reference that means the same beside the study."""
    path = catalog.find(ref)
    if any(ref in names for names in catalog.shipped().values()) or path.is_absolute():
        return ref
    return os.path.relpath(path, study.parent)
