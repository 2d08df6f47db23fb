"""The numbers that can be asked for, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from costmodel.model.evaluation import Evaluation, Flow
from costmodel.model.explain.asked import Questioned
from costmodel.model.meters import (
    PriceBook,
)
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture

FLOWS: tuple[str, ...] = get_args(Flow)


TOTALS = ("energy", "latency", "edp", "utilisation", "area")


def subjects(architecture: Architecture, evaluation: Evaluation) -> tuple[str, ...]:
    """Every subject that ``explain`` knows for an evaluation."""
    found: list[str] = list(TOTALS)
    flows = {(r.level, r.tensor, r.flow) for r in evaluation.traffic_rows}
    for name in PriceBook(architecture).components():
        found += [f"{name}.energy"]
        if any(r.component == name for r in evaluation.latency_rows):
            found.append(f"{name}.latency")
        level = next((x for x in architecture.levels if x.name == name), None)
        if isinstance(level, Memory):
            tensors = sorted({t for name, t, _ in flows if name == level.name})
            found += [f"{level.name}.occupancy"] if tensors else []
            for t in tensors:
                found += [f"{level.name}.{flow}.{t}" for flow in FLOWS if (level.name, t, flow) in flows]
                found += [f"{level.name}.energy.{t}", f"{level.name}.occupancy.{t}"]
        if isinstance(level, Array):
            hops = {r.tensor for r in evaluation.action_rows if r.component == level.name and r.action == "hop"}
            found += [f"{level.name}.hop.{t}" for t in sorted(hops)]
    return tuple(found)


def unknown(asked: Questioned, subject: str) -> SpecError:
    known = subjects(asked.architecture, asked.evaluation)
    first = subject.split(".", maxsplit=1)[0]
    near = [s for s in known if s.split(".")[0] == first] or [s for s in known if s.endswith(subject)] or known
    suggestion = did_you_mean(subject, near)
    return SpecError([Problem(f"no such number: {subject!r}", hint=suggestion or f"known: {', '.join(near)}")])
