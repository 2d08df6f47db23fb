"""How costs follow the axes of a sweep, on costs that follow them by known laws."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from report import samples

from costmodel.report.page.sweep import render_sweep
from costmodel.report.sensitivity import knees, sensitivities
from costmodel.report.text.sweep import sensitivity_text


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


def test_a_knee_says_which_front_it_is_of_and_names_its_design_as_the_table_does():
    run = swept()
    costs = [(1.0, 10.0), (2.0, 4.0), (9.0, 3.0)]
    points = [
        replace(p, energy_pj=energy, latency_cycles=cycles, pareto=True, computes=computes, workload=computes)
        for computes in ("net", "other")
        for p, (energy, cycles) in zip(run.design_points, costs, strict=False)
    ]
    own = "GLB.size 512 KiB, PEs.X 1, PEs.Y 2, DRAM.kind b"

    def said(points):
        return [x for x in sensitivity_text(replace(run, design_points=tuple(points))).splitlines() if "knee" in x]

    assert said(points) == [f"knee of the front (net): {own}", f"knee of the front (other): {own}"]
    assert said(points[:3]) == [f"knee of the front: {own}"]
    archs = [replace(p, arch=str(n)) for n, p in enumerate(points[:3])]
    assert said(archs) == [f"knee of the front: 1, {own}"]
    page = render_sweep([replace(run, design_points=tuple(points))])
    assert f"At the knee of the front (other) is design 5: {own}." in page
