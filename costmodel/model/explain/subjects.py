"""The numbers that can be asked for, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.model.evaluation import FLOWS, WAITING, Evaluation
from costmodel.model.explain.asked import Questioned
from costmodel.model.meters import (
    PriceBook,
)
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from costmodel.einsum.algebra import Workload
    from costmodel.spec.hardware import Architecture


TOTALS = ("energy", "latency", "edp", "utilisation", "area")


def subjects(architecture: Architecture, evaluation: Evaluation) -> tuple[str, ...]:
    """Every subject that ``explain`` knows for an evaluation."""
    found: list[str] = list(TOTALS)
    if any(r.component == WAITING for r in evaluation.latency_rows):
        found.append(f"{WAITING}.latency")
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


def check_subject(architecture: Architecture, workload: Workload, subject: str) -> None:
    """Raise SpecError for what is no number of any mapping: a component, a kind or a tensor that is not there."""
    first, *rest = subject.split(".", 2)
    components = [*PriceBook(architecture).components(), WAITING]
    tensors = list(dict.fromkeys(tensor for einsum in workload.einsums for tensor in einsum.tensors))
    if not rest:
        ways: list[tuple[str, Sequence[str]]] = [(subject, TOTALS)]
    else:
        kinds = _kinds(architecture, first)
        whose = [] if rest[0] == "latency" else tensors
        ways = [(first, components), (rest[0], kinds), *((name, whose) for name in rest[1:])]
    for word, known in ways:
        if word not in known:
            what = f": there is no {word!r}" if rest else ""
            near = did_you_mean(word, known if rest else [*TOTALS, *_first_of(components)])
            raise SpecError([Problem(f"no such number: {subject!r}{what}", hint=near)])


def _first_of(components: Sequence[str]) -> Iterator[str]:
    """A number of each component, to be told who names the component alone."""
    return (f"{name}.{'latency' if name == WAITING else 'energy'}" for name in components)


def _kinds(architecture: Architecture, component: str) -> tuple[str, ...]:
    """Kinds of numbers of a component."""
    level = next((x for x in architecture.levels if x.name == component), None)
    own = ("occupancy", *FLOWS) if isinstance(level, Memory) else ("hop",) if isinstance(level, Array) else ()
    return ("latency",) if component == WAITING else ("energy", "latency", *own)


def unknown(asked: Questioned, subject: str) -> SpecError:
    known = subjects(asked.architecture, asked.evaluation)
    first = subject.split(".", maxsplit=1)[0]
    near = [s for s in known if s.split(".")[0] == first] or [s for s in known if s.endswith(subject)] or known
    suggestion = did_you_mean(subject, near)
    return SpecError([Problem(f"no such number: {subject!r}", hint=suggestion or f"known: {', '.join(near)}")])
