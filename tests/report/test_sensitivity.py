"""How costs follow the axes of a sweep, on costs that follow them by known laws."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from report import samples

from costmodel.report.sensitivity import knees, sensitivities


def swept(**more):
    """Energy falls with the root of the size, time with the columns; rows follow the columns, the name does nothing."""
    base = next(point for point in samples.sweep_run().design_points if point.feasible)
    points = [
        replace(
            base,
            axes={"GLB.size": size, "PEs.X": x, "PEs.Y": 2 * x, "DRAM.kind": kind},
            energy_pj=1e6 * (1 if "MiB" in size else 1024 / int(size.split()[0])) ** 0.5,
            latency_cycles=1e6 / x,
            pareto=n == 0,
        )
        for n, (size, x, kind) in enumerate(itertools.product(["512 KiB", "1 MiB", "128 KiB"], [1, 2, 4], "ab"))
    ]
    return replace(samples.sweep_run(), design_points=tuple(points), **more)


def test_neighbours_tell_the_law_that_costs_follow():
    size, x, y, kind = sensitivities(swept())
    assert (size.axis, size.neighbours) == ("GLB.size", 2 * 3 * 2)
    assert size.changes["energy"] == pytest.approx(1.1**-0.5 - 1)
    assert x.changes["latency"] == pytest.approx(1 / 1.1 - 1) == pytest.approx(y.changes["latency"])
    assert x.changes["EDP"] == pytest.approx(1 / 1.1 - 1)
    assert size.changes["latency"] == x.changes["energy"] == 0
    assert kind.changes == {}
    assert kind.importance < min(size.importance, x.importance)


def test_designs_that_compute_different_things_are_no_neighbours():
    run = swept()
    mixed = tuple(replace(p, computes=str(n % 2)) for n, p in enumerate(run.design_points))
    assert sensitivities(replace(run, design_points=mixed)) == []


def test_the_knee_is_nearest_to_the_best_of_all_objectives():
    run = swept()
    costs = [(1.0, 10.0), (2.0, 4.0), (9.0, 3.0)]
    front = tuple(
        replace(p, energy_pj=energy, latency_cycles=cycles, pareto=True)
        for p, (energy, cycles) in zip(run.design_points, costs, strict=False)
    )
    assert knees(replace(run, design_points=front)) == [1]
