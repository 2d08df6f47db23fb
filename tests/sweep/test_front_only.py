"""Designs that are set aside by what they cost at least: the front is that of the whole grid."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run

from costmodel.mapper.engines import least_costs, search
from costmodel.mapper.front import on_front
from costmodel.mapper.result import InfeasibleError
from costmodel.spec import catalog
from costmodel.spec.objective import vector_of
from costmodel.spec.problems import SpecError
from costmodel.sweep.execute import run_sweep
from costmodel.sweep.outcome import competing

NET = {
    "name": "net",
    "ranks": {"M": 8, "N": 6, "K": 4, "P": 6, "R": 3},
    "einsums": ["Z[m, n] = A[m, k] * B[k, n]", {"einsum": "O[m, p] = I[p+r] * F[m, r]", "count": 2}],
}
GRID = {
    "arch": "pe2d",
    "workload": "net.yaml",
    "axes": {
        "GLB.size": [24, 200],
        "PEs.shape.X": [2, 8],
        "MainMemory.bandwidth": [1, 8],
    },
    "derive": {"GLB.area": "GLB.size / 100", "MAC.area": "PEs.shape.X / 16"},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(json.dumps(NET), encoding="utf-8")


def front(study, outcomes):
    feasible = [outcome for outcome in outcomes if outcome.feasible]
    flags = on_front(np.array([outcome.costs(competing(study)) for outcome in feasible]))
    return [(str(o.design), o.energy_pj, o.latency_cycles) for o, best in zip(feasible, flags, strict=True) if best]


@pytest.mark.parametrize("objective", [["energy", "latency", "area"], ["edp", "power"], "energy"])
def test_the_front_is_that_of_the_whole_grid(objective):
    study = catalog.load_study(GRID | {"objective": objective})
    whole, some = run_sweep(study, jobs=1), run_sweep(study, jobs=1, front_only=True)
    assert front(study, some.outcomes) == front(study, whole.outcomes)
    assert [o.design for o in some.outcomes] == [o.design for o in whole.outcomes]
    aside = [o for o in some.outcomes if o.note == "dominated: proven"]
    assert (len(aside) > 0) == ("area" in objective)
    assert some.searches.distinct <= whole.searches.distinct


@pytest.mark.parametrize("changes", [[], [("GLB.size", 24)], [("RF.size", 3)], [("MAC.leakage", 1)], [("PEs.hop", 2)]])
def test_no_mapping_undercuts_what_a_layer_costs_at_least(changes):
    architecture, workload = catalog.load_pair("pe2d", "net.yaml", changes)
    study = catalog.load_study(GRID | {"objective": ["energy", "latency", "capacity"]})
    for einsum in workload.einsums:
        least = least_costs(einsum, architecture, study.asking())
        try:
            found = search(einsum, architecture, study.asking())
        except InfeasibleError:
            continue
        assert all((np.array(vector_of(least)) <= np.array(vector_of(p))).all() for p in found.front)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sampler": "tpe"}, "is for a grid"),
        ({"budget": "1 min"}, "needs layers that are searched alone"),
        ({"axes": {"ranks.M": [4, 8]}, "derive": {}}, "needs designs that compute the same"),
    ],
)
def test_what_cannot_be_set_aside_so_is_said(more, said):
    with pytest.raises(SpecError, match=said):
        run_sweep(catalog.load_study(GRID | {"objective": "energy"} | more), jobs=1, front_only=True)


def test_a_sweep_goes_on_with_what_was_set_aside():
    Path("study.yaml").write_text(json.dumps(GRID | {"objective": ["energy", "latency", "area"]}), encoding="utf-8")
    first = run("sweep", "study.yaml", "-q", "--jobs", "1", "--front-only", "--out", "s").stdout
    assert "dominated: proven" in first
    assert "dominated" not in run("sweep", "study.yaml", "-q", "--jobs", "1", "--out", "s").stdout
