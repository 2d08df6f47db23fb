"""Which designs of a sweep compete: those that compute the same. Of these, the ones that no other beats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from costmodel.mapper.front import on_front
from costmodel.spec import catalog
from costmodel.spec.load import Document
from costmodel.spec.problems import SpecError
from costmodel.spec.study import Study
from costmodel.sweep.designs import Design, overrides
from costmodel.sweep.outcome import Outcome, competing

KEEP = frozenset({"toeplitz", "lower"})
"""Keys of a workload that change how it is computed, and no value: designs that differ in them compete."""


class Computed(NamedTuple):
    """What a design computes."""

    name: str
    """The workload, with the values of those axes that lead into it: designs of one name compute the same."""
    operations: int | None
    """Of all Einsums that are asked for, over all their executions, of a mean over its runs; null where the workload
    cannot be read so."""


def computed_by(study: Study, designs: Sequence[Design]) -> list[Computed]:
    """Return what each design computes; equal workloads are read once."""
    found: dict[str, Computed] = {}
    names = []
    for design in designs:
        parts = study.mean or {design.workload: 1}
        works = {ref: study.documents["workload", ref] for ref in parts}
        arch = study.documents["arch", design.arch]
        try:
            every = overrides(study, design)
        except SpecError:  # what cannot be derived belongs to no file; the note of the design says why
            every = [*study.set.items(), *design.axes]
        changes = {ref: catalog.share(every, arch, work)[1] for ref, work in works.items()}
        own = {path for some in changes.values() for path, _ in some}
        moved = {path: value for path, value in design.axes if path in own}
        axes = ", ".join(f"{path} = {value}" for path, value in moved.items() if path not in KEEP)
        name = f"{design.workload}: {axes}" if axes else design.workload
        key = f"{name}: {', '.join(f'{path} = {value}' for path, value in moved.items())}"
        if key not in found:
            try:
                done = sum(runs * _operations(study, works[ref], changes[ref]) for ref, runs in parts.items())
            except SpecError:  # the note of the design says why
                found[key] = Computed(name, None)
            else:
                found[key] = Computed(name, round(done / study.runs))
        names.append(key)
    return [found[name] for name in names]


def _operations(study: Study, work: Document, changes: list[tuple[str, object]]) -> int:
    whole = catalog.load_workload(work, changes)
    einsums = [e for e in whole.einsums if study.einsums is None or e.name in study.einsums]
    return sum(e.count * sum(e.operation_counts.values()) for e in einsums)


def unbeaten(study: Study, outcomes: Sequence[Outcome], computed: Sequence[Computed]) -> list[bool]:
    """Tell of each design whether no other that computes the same beats it.

    It is beaten by one that is as good in all objectives (a single one: in energy, latency and area) and better in one.
    """
    objectives = competing(study)
    if all(o.area_mm2 is None for o in outcomes):
        objectives = tuple(name for name in objectives if name != "area")
    groups: dict[str, list[int]] = defaultdict(list)
    costs = [o.costs(objectives) for o in outcomes]
    for place, (cost, what) in enumerate(zip(costs, computed, strict=True)):
        if cost is not None:
            groups[what.name].append(place)
    found = [False] * len(outcomes)
    for places in groups.values():
        for place, flag in zip(places, on_front(np.array([costs[p] for p in places], dtype=float)), strict=True):
            found[place] = bool(flag)
    return found
