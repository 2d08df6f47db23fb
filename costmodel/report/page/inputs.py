"""What a page says of the inputs of a run, how it was made, and where its numbers are from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costmodel.report import human
from costmodel.report.page.tables import levels_table
from costmodel.report.run import Run


def inputs_of(runs: Sequence[Run], files: Mapping[str, str]) -> dict[str, Any]:
    """Architectures, inputs, facts and sources of the runs that stand on one page, and the tables that it holds."""
    architectures = list(dict.fromkeys(a.name for run in runs for a in run.architectures))
    known = {a.name: a for run in reversed(runs) for a in run.architectures}
    return {
        "levels": [levels_table(f"levels-{n}", known[name]) for n, name in enumerate(architectures)],
        "inputs": list(dict.fromkeys(item for run in runs for item in run.inputs)),
        "facts": [fact for run in runs for fact in _facts(run)],
        "files": [(name, bool(text)) for name, text in files.items()],
        "sources": list(dict.fromkeys(source for run in runs for source in _sources(run))),
    }


def _facts(run: Run) -> list[tuple[str, str]]:
    p = run.provenance
    facts = [("made", p.created), ("command", p.command)]
    facts.append(("seed", "none" if p.seed is None else str(p.seed)))
    facts += [(key, str(value)) for key, value in p.settings.items()]
    if p.elapsed_s is not None:
        facts.append(("elapsed", human.seconds(p.elapsed_s)))
    facts += [(f"{name} version", number) for name, number in p.versions.items()]
    return [(key, value) for key, value in facts if value]


def _sources(run: Run) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    named = [(a.name, a.source) for a in run.architectures] + [(w.name, w.source) for w in run.workloads]
    for name, source in named:
        found.setdefault((name, source or "no source stated"))
    for architecture in run.architectures:
        for level in architecture.levels:
            for number in ("energy", "area", "leakage"):
                if source := getattr(level, f"{number}_source", ""):
                    found.setdefault((f"{architecture.name}, {number} of {level.name}", source))
    return list(found)
