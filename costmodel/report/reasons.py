"""Why a run takes what it takes: what the peak is lost to, and what crosses a boundary more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.peak import Loss, losses
from costmodel.model.explain.returned import Returning
from costmodel.model.explain.returning import returning
from costmodel.report import tables
from costmodel.report.run import Run

USEFUL = "useful"
LEAST = 0.0005
"""PeakShare of the energy below which nothing is said of what comes back."""


@dataclass(frozen=True, slots=True)
class PeakShare:
    """A part of the cycles at peak: useful, or lost to a cause."""

    kind: str
    """``useful``, or the kind of a loss."""
    where: str
    cycles: float
    share: float
    """Of all cycles."""
    text: str
    """The cause where it costs the most."""
    einsum: str
    """That Einsum."""
    einsums: int
    """How many have this cause."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What crosses a boundary several times, over the executions of all Einsums that have it."""

    returning: Returning
    """Where it costs the most."""
    extra_pj: float
    """Beyond crossing once, all together."""
    share: float
    """Of the energy of all that is asked about."""
    einsums: int


def question(run: Run) -> Questioned:
    """What numbers of a run are asked of."""
    return Questioned(run.workload, run.architecture, run.mappings, tables.evaluation_of(run), None)


def mapped(run: Run) -> list[str]:
    """The Einsums whose mapping a run holds."""
    return [name for name in tables.evaluation_of(run).points if run.mapping_of(name) is not None]


def where_the_peak_goes(asked: Questioned, einsums: Iterable[str]) -> tuple[PeakShare, ...]:
    """Split the cycles of some Einsums, over all executions: what is useful first, then causes, the largest first.

    Einsums that overlap count by themselves, as for ``utilisation``.
    """
    e = asked.evaluation
    found: dict[tuple[str, str], list[tuple[Loss, str, float]]] = {}
    total = lost = 0.0
    for name in einsums:
        total += e.cycles_by_einsum[name] * e.counts[name]
        for loss in losses(asked, name):
            cycles = loss.cycles * e.counts[name]
            lost += cycles
            found.setdefault((loss.kind, loss.where), []).append((loss, name, cycles))
    if not total:
        return ()
    shares = [PeakShare(USEFUL, "", total - lost, (total - lost) / total, "", "", 0)]
    for (kind, where), parts in found.items():
        worst, name, _ = max(parts, key=lambda part: part[2])
        cycles = sum(part[2] for part in parts)
        shares.append(PeakShare(kind, where, cycles, cycles / total, worst.text, name, len(parts)))
    return (shares[0], *sorted(shares[1:], key=lambda s: -s.cycles))


def what_comes_back(
    asked: Questioned, einsums: Iterable[str], groups: Mapping[tuple[str, str], str]
) -> tuple[Reason, ...]:
    """What crosses a boundary several times, by kind of tensor and boundary; the most energy first.

    ``groups``: (Einsum, tensor) → its kind.
    """
    e = asked.evaluation
    found: dict[tuple[str, str, str, bool], list[tuple[Returning, float]]] = {}
    for name in einsums:
        for one in returning(asked, name):
            key = (groups.get((name, one.tensor), one.tensor), one.parent, one.child, one.leaving)
            found.setdefault(key, []).append((one, one.extra_pj * e.counts[name]))
    return tuple(sorted(_reasons(found.values(), e.energy_pj), key=lambda r: -r.extra_pj))


def _reasons(groups: Iterable[list[tuple[Returning, float]]], energy_pj: float) -> Iterator[Reason]:
    for parts in groups:
        worst, _ = max(parts, key=lambda part: part[1])
        extra = sum(pj for _, pj in parts)
        share = extra / energy_pj if energy_pj else 0.0
        if share >= LEAST:
            yield Reason(worst, extra, share, len(parts))
