"""What a run comes to, in a sentence: what binds it, how far from the peak, where the energy goes, what is proven."""

from __future__ import annotations

from collections.abc import Iterable

from costmodel.mapper.result import Certificate, Status
from costmodel.model.evaluation import WAITING, Evaluation
from costmodel.model.meters import port_limits
from costmodel.report import human, tables
from costmodel.report.run import Run
from costmodel.spec.hardware import Architecture, Array, Memory

PROOFS = {Status.PROVEN: "proven optimal", Status.FOUND: "the best found, without a proof"}


def verdict(run: Run) -> str:
    """Say the result of an evaluation in words; ValueError for a sweep.

    E.g. ``Bound by GLB → PEs bandwidth, 82 % of the peak; 61 % of the energy is DRAM; proven optimal.``
    """
    evaluation = tables.evaluation_of(run)
    parts = [_bound(run, evaluation), _energy(run)]
    if run.certificate is not None:
        parts.append(proof(run.certificate))
    said = "; ".join(filter(None, parts))
    return f"{said[:1].upper()}{said[1:]}."


def proof(certificate: Certificate) -> str:
    """What is known about an answer, as a part of a sentence."""
    if certificate.status in PROOFS:
        return PROOFS[certificate.status]
    known = str(certificate)
    return f"within {known.removeprefix('gap ≤ ')} of the optimum" if known.startswith("gap ≤ ") else known


def _bound(run: Run, evaluation: Evaluation) -> str:
    shares = [(name, share) for name, share in tables.bottleneck_shares(run).items() if share]
    if not shares:
        return ""
    named = [(_limit(run.architecture, evaluation, name), share) for name, share in shares]
    peak = f"{human.percent(evaluation.utilisation)} of the peak"
    if len(named) == 1 or named[0][1] > 0.995:
        return f"bound by {named[0][0]}, {peak}"
    told = ", ".join(f"by {name} for {human.percent(share)}" for name, share in named[1:3])
    return f"bound by {named[0][0]} for {human.percent(named[0][1])} of the time, {told}, {peak}"


def _limit(architecture: Architecture, evaluation: Evaluation, component: str) -> str:
    """What binds, by the port that is busiest: ``GLB → PEs bandwidth``."""
    name, _, port = component.partition(" ")
    level = next((x for x in architecture.levels if x.name in (component, name)), None)
    if component == WAITING or component.endswith(f" {WAITING}"):
        return "waiting: nothing overlaps"
    if isinstance(level, Array):
        return f"the network of {level.name}"
    if not isinstance(level, Memory):
        return f"compute ({component})" if level is not None else component
    port = _busiest_port(evaluation, level, component) if level.name == component else port
    if port == "read":
        below = architecture.levels[architecture.index(level.name) + 1].name
        return f"{level.name} → {below} bandwidth"
    return f"{level.name} {'write ' if port == 'write' else ''}bandwidth"


def _busiest_port(evaluation: Evaluation, level: Memory, component: str) -> str:
    """The limit of a memory that takes longest, by the words of the Einsums that it binds."""
    limits = [limit for limit in port_limits(level) if limit.action in ("", "read", "write")]
    if len(limits) < 2:
        return limits[0].action if limits else ""
    bound = {name for name, decides in evaluation.bottlenecks.items() if decides == component}
    moved = {
        limit.action: _words(evaluation, bound, level.name, {tap.flow for tap in limit.taps}) / limit.width_bits
        for limit in limits
    }
    return max(moved, key=moved.__getitem__)


def _words(evaluation: Evaluation, einsums: Iterable[str], level: str, flows: Iterable[str]) -> int:
    rows = evaluation.traffic_rows
    return sum(r.words for r in rows if r.level == level and r.einsum in set(einsums) and r.flow in set(flows))


def _energy(run: Run) -> str:
    """The component that takes the most energy."""
    most = tables.largest(run)
    return f"{human.percent(most[1])} of the energy is {most[0]}" if most else ""
