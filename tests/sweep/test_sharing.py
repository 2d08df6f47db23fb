"""Searches are made once; a sweep says what mapping every design by itself says."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from costmodel.mapper import workers
from costmodel.mapper.cache import Cache
from costmodel.mapper.network import map_workload
from costmodel.spec import catalog
from costmodel.spec.objective import vector_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep import bench
from costmodel.sweep import errand as errands_of
from costmodel.sweep.designs import overrides
from costmodel.sweep.errand import answers_to
from costmodel.sweep.execute import run_sweep

NET = {
    "name": "net",
    "ranks": {"M": 8, "N": 6, "K": 4, "P": 6, "R": 3},
    "einsums": [
        "Z[m, n] = A[m, k] * B[k, n]",
        "Y[m, p] = Z[m, n] * C[n, p]",
        {"einsum": "O[m, p] = I[p+r] * F[m, r]", "count": 2},
    ],
}
GRID = {
    "arch": "pe2d",
    "workload": NET,
    "axes": {
        "GLB.size": [24, 200],
        "PEs.shape.X": [2, 8],
        "MainMemory.bandwidth": [1, 8],
        "GLB.area": [1, 2],
    },
}


def study(**keys):
    Path("net.yaml").write_text(json.dumps(NET), encoding="utf-8")
    return catalog.load_study(GRID | {"workload": "net.yaml"} | keys)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("objective", [["energy", "latency"], "edp"])
def test_a_sweep_says_what_mapping_each_design_says(objective):
    asked = study(objective=objective)
    result = run_sweep(asked, jobs=1)
    assert len(result.outcomes) == 16
    for outcome in result.outcomes[::6]:
        changes = overrides(asked, outcome.design)
        architecture, workload = catalog.load_pair("pe2d", "net.yaml", changes)
        direct = map_workload(workload, architecture, asked.asking(jobs=1))
        assert vector_of(outcome.totals)[:2] == pytest.approx(vector_of(direct.evaluation)[:2], rel=1e-9)
        assert outcome.proven == (direct.certificate.status == "optimal: proven")
        assert outcome.area_mm2 == dict(changes)["GLB.area"]
    counted = result.searches
    assert counted.distinct == 3 * 8  # areas decide nothing; the first two Einsums are not the same
    assert counted.searched + counted.settled == counted.distinct
    assert counted.settled > 0


def test_answers_are_shared_with_other_runs_and_commands(tmp_path):
    said = []
    cache = Cache(tmp_path / "answers", said.append)
    asked = study(objective="edp")
    first = run_sweep(asked, jobs=1, cache=cache)
    again = run_sweep(asked, jobs=1, cache=cache)
    assert again.outcomes == first.outcomes
    assert again.searches.found == first.searches.searched
    assert again.searches.searched == 0
    outcome = first.outcomes[-1]
    architecture, workload = catalog.load_pair("pe2d", "net.yaml", overrides(asked, outcome.design))
    mapped = map_workload(workload, architecture, asked.asking(jobs=1), search_one=no_search, cache=cache)
    assert vector_of(mapped.evaluation) == vector_of(outcome.totals)
    assert said == []


PACES = {"PEs.shape.X": [4, 8], "MainMemory.bandwidth": [0.25, 0.5, 1, 8]}


def test_designs_that_differ_in_bandwidth_alone_are_searched_together(monkeypatch):
    errands = []

    def noted(errand):
        errands.append(errand)
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", noted)
    asked = study(objective="energy", axes=PACES, set={"MAC.leakage": 2.0})
    result = run_sweep(asked, jobs=1)
    assert sorted(len(errand.searches) for errand in errands) == [1] * 6 + [3] * 6
    assert [len(errand.near) for errand in errands].count(0) == 3  # each Einsum once
    for outcome in result.outcomes:
        architecture, workload = catalog.load_pair("pe2d", "net.yaml", overrides(asked, outcome.design))
        direct = map_workload(workload, architecture, asked.asking(jobs=1)).evaluation
        assert outcome.energy_pj == pytest.approx(direct.energy_pj, rel=1e-9)
        assert outcome.proven


def test_searches_that_were_lost_together_are_made_one_by_one(monkeypatch):
    asked = study(objective="energy", axes=PACES, set={"MAC.leakage": 2.0})
    whole = run_sweep(asked, jobs=1)
    lost = []

    def too_large(errand):
        if len(errand.searches) > 1 or errand.first.architecture.level("MainMemory").bandwidth_bits_per_cycle == 4:
            lost.append(errand)
            raise MemoryError
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", too_large)
    result = run_sweep(asked, jobs=1)
    assert {str(design) for design in result.lost} == {f"PEs.shape.X={x}, MainMemory.bandwidth=0.5" for x in (4, 8)}
    left = [(mine, theirs) for mine, theirs in zip(result.outcomes, whole.outcomes, strict=True) if mine.feasible]
    assert len(left) == 6
    assert all(priced(mine) == priced(theirs) for mine, theirs in left)
    assert sorted(len(errand.searches) for errand in lost) == [1] * 6 + [3] * 6


def priced(outcome):
    """What an outcome costs, but for rounding; room that is no objective is that of any of the best mappings."""
    return f"{outcome.energy_pj:.9g} pJ, {outcome.latency_cycles:.9g} cycles", outcome.proven


def no_search(*_):
    raise AssertionError("what was searched is searched again")


def test_conditions_set_designs_aside_and_change_no_other():
    whole = {str(o.design): o for o in run_sweep(study(objective="energy")).outcomes}
    middle = sorted(o.latency_cycles for o in whole.values())[len(whole) // 2]
    slow = f"latency <= {middle / 1e6} ms"
    some = run_sweep(study(objective="energy", where=["area <= 1 mm2", "GLB.size >= 5 * PEs.shape.X", slow]))
    kept = [o for o in some.outcomes if o.feasible]
    assert kept
    assert [priced(whole[str(o.design)]) for o in kept] == list(map(priced, kept))
    for outcome in some.outcomes:
        size, x, _, area = (value for _, value in outcome.design.axes)
        before = area > 1 or size < 5 * x
        assert outcome.feasible == (not before and whole[str(outcome.design)].latency_cycles <= middle)
        assert outcome.note.startswith(f"set aside: {slow}: ") or before or outcome.feasible
    assert some.searches.distinct < 3 * 8


def test_a_mean_is_over_the_runs_of_all_workloads():
    for name, ranks in (("one", {"M": 8, "N": 6, "K": 4}), ("two", {"M": 2, "N": 9, "K": 5})):
        content = {"name": name, "ranks": ranks, "einsums": ["Z[m, n] = A[m, k] * B[k, n]"]}
        Path(f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")
    works = {"one.yaml": 3, "two.yaml": 1}
    asked = {"arch": "pe2d", "objective": ["energy", "latency"], "axes": {"GLB.size": [24, 40]}}
    apart = run_sweep(catalog.load_study(asked | {"workload": list(works)})).outcomes
    mixed = catalog.load_study(asked | {"workload": list(works), "mean": works})
    mean = run_sweep(mixed).outcomes
    for one, parts in zip(mean, zip(apart[:2], apart[2:], strict=True), strict=True):
        assert one.design.workload == "3 one.yaml + 1 two.yaml"
        assert one.energy_pj == pytest.approx(sum(works[p.design.workload] * p.energy_pj for p in parts) / 4)
        assert one.peak_power_w == pytest.approx(max(p.power_w for p in parts))
    kept = [o.costs(mixed.objective) for o in run_sweep(mixed, front_only=True).outcomes if o.feasible]
    assert min(kept) == min(o.costs(mixed.objective) for o in mean)
    with pytest.raises(SpecError, match="is no workload of this study"):
        catalog.load_study(asked | {"workload": "one.yaml", "mean": {"ones.yaml": 2, "one.yaml": 1}})


def test_axes_may_go_together_and_values_follow_others():
    asked = study(
        objective="energy",
        axes={"PEs.shape.X, PEs.shape.Y": [[2, 4], [8, 1]]},
        derive={"GLB.size": "24 * PEs.shape.X", "RF.size": "GLB.size / 3"},
    )
    outcomes = run_sweep(asked).outcomes
    assert [dict(o.design.axes) for o in outcomes] == [
        {"PEs.shape.X": 2, "PEs.shape.Y": 4, "GLB.size": 48, "RF.size": 16},
        {"PEs.shape.X": 8, "PEs.shape.Y": 1, "GLB.size": 192, "RF.size": 64},
    ]
    assert dict(overrides(asked, outcomes[1].design))["RF.size"] == 64


def test_answers_for_a_chip_with_several_units_are_held_against_the_rules_of_the_unit_that_computes(tmp_path):
    levels = [
        {"memory": "DRAM", "energy": 2, "area": 1},
        {"compute": "VEC", "energy": {"max": 1}, "area": 1},
        {"memory": "GLB", "size": 16, "energy": 1, "area": 1},
        {"compute": "MAC", "energy": 1, "area": 1},
    ]
    chip = {"name": "chip", "word": "8 b", "clock": "1 GHz", "levels": levels, "constraints": ["GLB tile m <= 2"]}
    Path("chip.yaml").write_text(json.dumps(chip), encoding="utf-8")
    asked = study(arch="chip.yaml", objective="energy", axes={"GLB.area": [1, 2]}, einsums=["Z"])
    said = []
    cache = Cache(tmp_path / "answers", said.append)
    first, again = (run_sweep(asked, jobs=1, cache=cache) for _ in range(2))
    assert [o.certificate for o in first.outcomes] == ["optimal: proven"] * 2
    assert (again.outcomes, again.searches.found, said) == (first.outcomes, 1, [])


def test_why_nothing_fits_is_said_in_no_other_names():
    other = {"name": "other", "ranks": {"I": 8, "J": 6, "L": 4}, "einsums": ["R[i, j] = S[i, l] * T[l, j]"]}
    Path("other.yaml").write_text(json.dumps(other), encoding="utf-8")
    asked = study(arch="two_level", objective="energy", axes={"Buffer.size": ["1 B"]}, einsums=None)
    both = asked.model_copy(update={"workload": ("net.yaml", "other.yaml")})
    first, second = run_sweep(both, jobs=1).outcomes
    assert "nearest miss: Buffer: capacity in bits needs 24, has 8 (A 1" in first.note
    assert second.note.startswith("R: no mapping fits: capacity")
    assert "A 1" not in second.note


def test_designs_compete_in_power_and_efficiency_too():
    asked = study(objective=["energy", "power", "tops/w"])
    assert asked.objective == ("energy", "power", "tops/w")
    outcome = run_sweep(asked.model_copy(update={"points": 1})).outcomes[0]
    assert outcome.costs(asked.objective) == (outcome.energy_pj, outcome.power_w, 1 / outcome.tops_per_w)


def test_a_constraint_that_cannot_be_read_is_said_of_each_design(monkeypatch):
    def wrong(*_):
        raise SpecError([Problem("as you like it")])

    monkeypatch.setattr(errands_of, "search_together", wrong)
    result = run_sweep(study(objective="energy"), jobs=1)
    assert {outcome.note for outcome in result.outcomes} == {"as you like it"}
    assert result.lost == ()


def stopped_once(errand):
    """Stops its process as long as a grave is open."""
    for grave in Path("graves").iterdir():
        grave.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)
    return answers_to(errand)


def test_a_worker_that_hangs_is_ended_and_its_task_done_again(monkeypatch):
    monkeypatch.setattr(bench, "answers_to", stopped_once)
    monkeypatch.setattr(workers, "SILENT_S", 2.5)
    monkeypatch.setattr(workers, "BEAT_S", 0.1)
    Path("graves").mkdir()
    Path("graves", "one").touch()
    asked = study(objective="energy", points=2)
    result = run_sweep(asked, jobs=2)
    assert list(Path("graves").iterdir()) == []
    assert list(map(priced, result.outcomes)) == list(map(priced, run_sweep(asked, jobs=1).outcomes))


def test_a_file_that_cannot_be_read_is_no_infeasible_design(monkeypatch):
    def unreadable(*_):
        raise OSError(5, "Input/output error", "x.yaml")

    asked = study(objective="energy")
    monkeypatch.setattr(catalog, "load_architecture", unreadable)
    with pytest.raises(OSError, match="Input/output error"):
        run_sweep(asked, jobs=1)
