"""Two runs side by side: first what differs in what was asked, then the costs of what both computed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from costmodel.model.actions import area_lacks
from costmodel.model.evaluation import Evaluation
from costmodel.report.human import some
from costmodel.report.run import Run

NAMED = 8
"""Einsums that only one of two runs has, of which so many are named."""

Unit = Literal["pJ", "s", "J·s", "b", "share", "mm2"]


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both runs."""

    name: str
    """``energy``, ``energy of GLB``, ``latency of conv1`` …"""
    of: Literal["total", "component", "einsum"]
    unit: Unit
    first: float | None
    """Null where that run has no such number."""
    second: float | None

    @property
    def change(self) -> float | None:
        """How much more the second is, as a share of the first; null where that says nothing."""
        if self.first is None or self.second is None or not self.first:
            return None
        return self.second / self.first - 1.0


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, and what not."""

    differences: tuple[str, ...]
    """What was asked of one and not of the other, a sentence each."""
    shared: tuple[str, ...]
    """Einsums that both computed, in the order of the first: all numbers are of these."""
    whole: bool
    """Whether that is all that either computed."""
    rows: tuple[Row, ...]


def compare(first: Run, second: Run) -> Comparison:
    """Compare the costs of two runs. Raises ValueError if one holds no evaluation."""
    a, b = first.evaluation, second.evaluation
    if a is None or b is None:
        raise ValueError("a sweep cannot be compared; compare runs of evaluate or map")
    shared = [name for name in a.points if name in b.points and _computed(first, name) == _computed(second, name)]
    whole = len(shared) == len(a.points) == len(b.points)
    differences = tuple(_differences(first, second, a, b, shared))
    return Comparison(differences, tuple(shared), whole, tuple(_rows(first, second, shared)))


# What was asked


def _differences(first: Run, second: Run, a: Evaluation, b: Evaluation, shared: Sequence[str]) -> Iterator[str]:
    yield from _unlike("kind", first.kind, second.kind)
    yield from _unlike("architecture", first.architecture.name, second.architecture.name)
    yield from _unlike("workload", first.workload.name, second.workload.name)
    for name in (name for name in a.points if name in b.points and name not in shared):
        yield f"Einsum {name} computes {_computed(first, name)} in the first, {_computed(second, name)} in the second"
    for which, own, other in (("first", a, b), ("second", b, a)):
        if only := [name for name in own.points if name not in other.points]:
            yield f"Einsums in the {which} only: {some(only, NAMED)}"
    lacking = [area_lacks(run.architecture) for run in (first, second)]
    if None not in lacking:
        yield from _unlike("parts without an area", *(", ".join(names or ()) or None for names in lacking))
    settings, others = ({"seed": r.provenance.seed} | r.provenance.settings for r in (first, second))
    for key in dict.fromkeys((*settings, *others)) if first.kind == second.kind else ("set",):
        yield from _unlike("--set" if key == "set" else key, settings.get(key), others.get(key))
    yield from _files(first, second)
    versions = (run.provenance.versions.get("costmodel") for run in (first, second))
    yield from _unlike("version of costmodel", *versions)


def _unlike(what: str, first: object, second: object) -> Iterator[str]:
    if first != second:
        a, b = ("none" if value is None else value for value in (first, second))
        yield f"{what}: {a} in the first, {b} in the second"


def _files(first: Run, second: Run) -> Iterator[str]:
    """Files of one role whose text differs. Mappings are answers where they were searched for, not given."""
    a, b = ({(given.role, given.name): given.text for given in run.inputs} for run in (first, second))
    for key in dict.fromkeys((*a, *b)):
        role, name = key
        if key in a and key in b:
            if a[key] != b[key]:
                yield f"{role} file {name}: another text in the second"
        else:
            yield f"{role} file {name}: of the {'first' if key in a else 'second'} only"


def _computed(run: Run, name: str) -> str:
    """What an Einsum of a run computes, in words."""
    einsum = run.workload.einsum(name)
    shape = ", ".join(f"{variable} {extent:,}" for variable, extent in einsum.shape.items())
    return f"{einsum.text} ({shape})" + (f" × {einsum.count}" if einsum.count > 1 else "")


# What it cost


def _rows(first: Run, second: Run, shared: Sequence[str]) -> Iterator[Row]:
    a, b = (run.evaluation for run in (first, second))
    if a is None or b is None or not shared:
        return
    energies, times = ([_energies(e, shared) for e in (a, b)], [_times(e, shared) for e in (a, b)])
    (energy, other_energy), (time, other_time) = (
        [math.fsum(each.values()) for each in pair] for pair in (energies, times)
    )
    yield Row("energy", "total", "pJ", energy, other_energy)
    yield Row("latency", "total", "s", time, other_time)
    yield Row("EDP", "total", "J·s", energy * 1e-12 * time, other_energy * 1e-12 * other_time)
    if first.uses_capacity or second.uses_capacity:
        rooms = [max((e.capacity_bits_by_einsum[n] for n in shared), default=0) for e in (a, b)]
        yield Row("room used", "total", "b", *rooms)
    yield Row("utilisation", "total", "share", a.utilisation_of(shared), b.utilisation_of(shared))
    if a.area_mm2 is not None or b.area_mm2 is not None:
        yield Row("area", "total", "mm2", a.area_mm2, b.area_mm2)
    parts = [_by_component(e, set(shared)) for e in (a, b)]
    for name in dict.fromkeys((*parts[0], *parts[1])):
        yield Row(f"energy of {name}", "component", "pJ", parts[0].get(name), parts[1].get(name))
    for name in shared if len(shared) > 1 else ():
        yield Row(f"energy of Einsum {name}", "einsum", "pJ", energies[0][name], energies[1][name])
        yield Row(f"latency of Einsum {name}", "einsum", "s", times[0][name], times[1][name])


def _energies(evaluation: Evaluation, names: Sequence[str]) -> dict[str, float]:
    found = dict.fromkeys(names, 0.0)
    for row in evaluation.action_rows:
        if row.einsum in found:
            found[row.einsum] += row.energy_pj * evaluation.counts[row.einsum]
    return found


def _times(evaluation: Evaluation, names: Sequence[str]) -> dict[str, float]:
    cycles, counts = evaluation.cycles_by_einsum, evaluation.counts
    return {name: cycles[name] * counts[name] / evaluation.clock_hz for name in names}


def _by_component(evaluation: Evaluation, names: AbstractSet[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in evaluation.action_rows:
        if row.einsum in names:
            energy = row.energy_pj * evaluation.counts[row.einsum]
            found[row.component] = found.get(row.component, 0.0) + energy
    return found
