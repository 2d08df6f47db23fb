"""Why the best mapping costs what it does: its parts, what any mapping pays, what leaving constraints out gains."""

import random
from dataclasses import replace

import pytest
from asking import map_einsum
from problems import PE2D, gemm, random_architecture, random_einsum

from costmodel.mapper.network import map_workload
from costmodel.mapper.why import reasons, why
from costmodel.spec import catalog
from costmodel.spec.request import Request

EDP = Request(objective=("edp",))


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 6, 8, 10, 11])  # for which something fits
def test_parts_add_up_and_are_no_less_than_what_every_mapping_pays(seed):
    rng = random.Random(seed)
    problem, machine = random_einsum(rng), random_architecture(rng)
    found = map_einsum(problem, machine, objective="edp")
    told = why(found, problem, machine, EDP)
    assert sum(part.spent for part in told.energy) == pytest.approx(told.energy_pj.spent)
    assert told.cycles[0].spent == told.latency_cycles.spent
    for part in (*told.energy, *told.cycles, told.energy_pj, told.latency_cycles):
        assert 0 <= part.least <= part.spent * (1 + 1e-9)
    assert max(part.least for part in told.cycles) == pytest.approx(told.latency_cycles.least)


def test_what_a_constraint_costs_is_what_is_gained_without_it():
    problem = gemm(32, 32, 32)
    fixed = replace(PE2D, constraints=("PEs.X at most m 2", "GLB tile zz <= 4"))
    request = EDP.asking(constraints=("PEs.Y only []", "utilisation >= 1 %"))
    found = map_einsum(problem, fixed, objective="edp", constraints=request.constraints)
    told = why(found, problem, fixed, request)
    # a sentence about a rank variable that the Einsum lacks says nothing about it
    assert [left.constraint for left in told.constraints] == [
        "PEs.X at most m 2",
        "PEs.Y only []",
        "utilisation >= 1 %",
    ]
    best = found.front[0].evaluation.edp
    for left in told.constraints:
        others = [s for s in (*fixed.constraints, *request.constraints) if s != left.constraint]
        free = map_einsum(problem, replace(fixed, constraints=()), objective="edp", constraints=others)
        assert left.proven
        assert left.gain == pytest.approx(1 - free.front[0].evaluation.edp / best, abs=1e-9)
    assert told.constraints[1].gain > 0.5
    assert told.constraints[2].gain == 0


def test_layers_that_are_alike_are_told_once_and_others_hear_of_rules_on_what_they_use():
    machine = catalog.load_architecture("nvdla_large")
    work = {"name": "w", "ranks": {"M": 8, "N": 8, "K": 8}, "weights": ["B", "D"]}
    work["einsums"] = ["Z[m, n] = A[m, k] * B[k, n]", "Y[m, n] = C[m, k] * D[k, n]", "X[m, n] = Z[m, n] + Y[m, n]"]
    workload = catalog.load_workload(work)
    result = map_workload(workload, machine, EDP, jobs=1)
    heard = []
    told = list(reasons(result.layers, workload.einsums, machine, result.request, heard.append))
    assert [one.einsum for one in told] == ["Z", "X"]
    assert heard == [f"Z: without {sentence}" for sentence in machine.constraints]
    assert told[1].constraints == ()  # the array stands idle
    assert (told[1].cycles[0].name, told[1].cycles[0].computes) == ("SDP", True)
