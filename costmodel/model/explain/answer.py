"""One question answered: the subject names a number, its room derives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from costmodel.model.evaluation import FLOWS, WAITING, Evaluation
from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.energies import component_energy, hops
from costmodel.model.explain.explanation import Explanation
from costmodel.model.explain.flows import flow
from costmodel.model.explain.latencies import component_latency
from costmodel.model.explain.occupancies import occupancy
from costmodel.model.explain.subjects import TOTALS, unknown
from costmodel.model.explain.totals import total
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping


def explain(
    workload: Workload,
    architecture: Architecture,
    mappings: Sequence[Mapping],
    evaluation: Evaluation,
    subject: str,
    einsum: str | None = None,
) -> Explanation:
    """Derive one number of an evaluation of these mappings.

    ``einsum`` restricts it to one Einsum; without it, numbers are those of the whole workload, except that a flow of a
    tensor belongs to the Einsum that moves it.

    Raises:
        SpecError: there is no such number, with what there is.
    """
    return answer(Questioned(workload, architecture, tuple(mappings), evaluation, einsum), subject)


def answer(asked: Questioned, subject: str) -> Explanation:
    """Derive one number of what is asked about. Raises SpecError: there is no such number, with what there is."""
    if asked.einsum is not None and asked.einsum not in asked.evaluation.points:
        known = list(asked.evaluation.points)
        raise SpecError([Problem(f"no such Einsum here: {asked.einsum!r}", hint=did_you_mean(asked.einsum, known))])
    words = subject.split(".")
    if len(words) == 1 and subject in TOTALS:
        return total(asked, subject)
    if words == [WAITING, "latency"]:
        return component_latency(asked, subject, WAITING)
    level = next((x for x in asked.architecture.levels if x.name == words[0]), None)
    if words[0] not in asked.book.components() or len(words) not in (2, 3):
        raise unknown(asked, subject)
    tensor = words[2] if len(words) == 3 else None
    if words[1] == "energy":
        return component_energy(asked, subject, words[0], tensor)
    if words[1] == "latency" and tensor is None:
        return component_latency(asked, subject, words[0])
    if words[1] == "occupancy" and isinstance(level, Memory):
        return occupancy(asked, subject, level, tensor)
    if words[1] == "hop" and isinstance(level, Array):
        return hops(asked, subject, level, tensor)
    if words[1] in FLOWS and isinstance(level, Memory):
        return flow(asked, subject, level, words[1], tensor)
    raise unknown(asked, subject)
