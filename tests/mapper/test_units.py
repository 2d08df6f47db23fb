"""Which compute unit runs an Einsum: every engine chooses among the same ones, against the enumeration of all."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import exhaustive
import pytest
from asking import map_einsum
from comparison import difference
from problems import einsum, gemm, random_architecture, random_einsum, several_units
from strategies import Case

from costmodel.einsum.algebra import Einsum, Operation, Workload
from costmodel.mapper.curve import buffer_curve
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import Improvement, InfeasibleError, MapperResult, one_after_another
from costmodel.mapper.sample.search import SamplingProgress
from costmodel.model.evaluate import combine, evaluate
from costmodel.model.nest import bind
from costmodel.spec.computing import units_for
from costmodel.spec.hardware import Architecture, Array, ChipPart, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping
from costmodel.spec.objective import objective_of
from costmodel.spec.problems import SpecError

DRAM = Memory(name="DRAM", read_pj=100, write_pj=100)
GLB = Memory(name="GLB", capacity_bits=8192, read_pj=1, write_pj=1)
MAC = ComputeUnit(name="MAC", energy_pj={"mac": 1})
VEC = ComputeUnit(name="VEC", energy_pj={"exp": 10})
EXP = replace(einsum("S[m, p]", "Q[m, p]", m=64, p=64), operations=(Operation("exp", 1),))
GEMM = gemm(64, 64, 64)


def chip(*levels: Memory | Array | ComputeUnit) -> Architecture:
    return Architecture(name="chip", levels=levels)


def test_improvements_of_searches_one_after_another_are_those_of_one_search() -> None:
    def step(trial: int, energy: int, latency: int) -> Improvement:
        return Improvement(trial=trial, by="sample", energy_pj=energy, latency_cycles=latency, capacity_bits=0)

    parts = [(10, [step(1, 9, 9), step(4, 7, 9)]), (5, []), (20, [step(1, 8, 9), step(2, 8, 5), step(20, 1, 6)])]
    found = one_after_another(parts, objective_of("energy,latency"))
    assert found == (step(1, 9, 9), step(4, 7, 9), step(17, 8, 5), step(35, 1, 6))


def unit_of(mapping: Mapping) -> str:
    (unit,) = (node.unit for node in mapping.nest if isinstance(node, Compute))
    return unit


def units_used(found: MapperResult) -> set[str]:
    return {unit_of(point.mapping) for point in found.front}


# An operation is done by a unit that prices it


@pytest.mark.parametrize("units", [(VEC, MAC), (MAC, VEC)], ids=["MAC last", "VEC last"])
@pytest.mark.parametrize("tiles", ["perfect", "any"])
@pytest.mark.parametrize(
    ("problem", "unit", "energy"), [(EXP, "VEC", 876_544), (GEMM, "MAC", None)], ids=["exp", "mac"]
)
def test_the_unit_that_prices_an_operation_does_it(
    units: tuple[ComputeUnit, ...], tiles: str, problem: Einsum, unit: str, energy: float | None
) -> None:
    """(2 · 4096 words · (100 + 1) pJ + 4096 · 10 pJ: every word crosses once, and an exp is never free.)"""
    found = map_einsum(problem, chip(DRAM, GLB, *units), objective="energy", tiles=tiles, budget=5)
    assert units_used(found) == {unit}
    (compute,) = (row for row in found.front[0].evaluation.action_rows if row.action.startswith("compute"))
    assert compute.energy_pj == problem.points * {"VEC": 10, "MAC": 1}[unit]
    if energy is not None:
        assert (found.front[0].energy_pj, str(found.certificate)) == (energy, "optimal: proven")


def test_what_no_unit_prices_is_refused_by_every_engine() -> None:
    root = replace(EXP, operations=(Operation("sqrt", 1),))
    architecture = chip(DRAM, GLB, VEC, MAC)
    message = r"E: no unit of chip computes it: VEC does no sqrt; MAC does no sqrt \(price sqrt"
    for search in (
        lambda: map_einsum(root, architecture),
        lambda: map_einsum(root, architecture, tiles="any"),
        lambda: map_einsum(root, architecture, method="tpe", trials=3),
        lambda: buffer_curve(root, architecture, "GLB"),
    ):
        with pytest.raises(SpecError, match=message):
            search()


def test_a_nest_must_name_a_unit_that_does_the_operations() -> None:
    mapping = map_einsum(EXP, chip(DRAM, GLB, VEC)).front[0].mapping
    workload = Workload("w", "", (EXP,))
    elsewhere = replace(mapping, nest=(*mapping.nest[:-1], Compute("E", "MAC")))
    with pytest.raises(SpecError, match=r"compute E on MAC: MAC does no exp \(compute it on VEC\)"):
        bind(workload, chip(DRAM, GLB, VEC, MAC), elsewhere)
    with pytest.raises(SpecError, match=r"MAC does no exp \(price exp in the `energy:`"):
        bind(workload, chip(DRAM, GLB, MAC), elsewhere)


def test_all_operations_of_an_einsum_need_one_unit() -> None:
    both = replace(EXP, operations=(Operation("add", 1), Operation("exp", 1)))
    with pytest.raises(SpecError, match=r"VEC does no add; MAC does no add or exp \(price add in"):
        units_for(both, chip(DRAM, VEC, MAC))
    every = ComputeUnit(name="ANY", energy_pj={"default": 2})
    assert [u.name for u in units_for(both, chip(DRAM, every, VEC, MAC))] == ["ANY"]
    with pytest.raises(KeyError):
        MAC.energy_of("exp")
    assert not MAC.does("exp")
    assert ComputeUnit(name="free").does("exp")


# What serves a unit


def test_a_part_is_the_levels_above_the_unit() -> None:
    array = Array(name="PEs", shape={"X": 4}, leakage_w=1.0)
    rf = Memory(name="RF", leakage_w=0.5)
    whole = chip(DRAM, VEC, array, rf, MAC)
    part = whole.part("VEC")
    assert isinstance(part, ChipPart)
    assert [x.name for x in part.levels] == ["DRAM", "VEC"]
    assert [(x.name, x.instances) for x in part.idle] == [("PEs", 1), ("RF", 4), ("MAC", 4)]
    assert part.copies("RF") == whole.copies("RF") == 4
    assert [x.name for x in whole.part("MAC").levels] == ["DRAM", "PEs", "RF", "MAC"]
    assert chip(DRAM, array, MAC).part("MAC").unit is MAC
    single = chip(DRAM, array, rf, MAC)
    assert single.part("MAC") is single
    with pytest.raises(ValueError, match="several compute units: VEC, MAC"):
        _ = whole.unit


def test_what_a_chip_must_keep_and_obey_below_a_unit_does_not_bind_it() -> None:
    array, rf = Array(name="PEs", shape={"X": 4}), Memory(name="RF", capacity_bits=8, leakage_w=1e-3)
    architecture = replace(
        chip(DRAM, GLB, VEC, array, rf, MAC),
        constraints=(
            "PEs.X exact m 4",
            "RF keeps output",
            "RF tile m == 1",
            "order in RF: m, p",
            "utilisation >= 50 %",
        ),
    )
    for found in (map_einsum(EXP, architecture), map_einsum(EXP, architecture, method="tpe", trials=5)):
        assert units_used(found) == {"VEC"}
        (point,) = found.front
        assert point.evaluation == evaluate(Workload("w", "", (EXP,)), architecture, point.mapping)
        (leak,) = (r for r in point.evaluation.action_rows if r.action == "leak")
        assert leak.energy_pj == pytest.approx(4 * 1e-3 * point.latency_cycles / 1e9 * 1e12)


def test_a_curve_is_that_of_a_level_that_serves_a_unit() -> None:
    architecture = chip(DRAM, VEC, GLB, MAC)
    with pytest.raises(SpecError, match="GLB of chip serves no unit that computes E"):
        buffer_curve(EXP, architecture, "GLB")
    curve = buffer_curve(gemm(4, 4, 4), architecture, "GLB")
    assert curve.points[0].nest[-1] == Compute("E", "MAC")
    assert curve.points == buffer_curve(gemm(4, 4, 4), chip(DRAM, GLB, MAC), "GLB").points


def test_workers_tell_what_no_unit_does() -> None:
    problems = tuple(
        replace(EXP, name=n, operations=(Operation(kind, 1),)) for n, kind in (("S", "exp"), ("T", "sqrt"))
    )
    with pytest.raises(SpecError, match="T: no unit of chip computes it"):
        map_workload(Workload("w", "", problems), chip(DRAM, VEC, MAC), jobs=2)


# Several units that can compute are a choice of the mapspace


def drawn(seed: int, most: int) -> tuple[Einsum, Architecture]:
    """Draw a problem that at least one of two or three units can run, in most cases several."""
    rng = random.Random(30_000 + seed)
    while True:
        problem, architecture = random_einsum(rng), several_units(rng, random_architecture(rng))
        kinds = rng.choice([("mac",), ("exp",), ("add", "exp")])
        problem = replace(problem, operations=tuple(Operation(kind, rng.choice([1, 1, 2])) for kind in kinds))
        several = len(list(exhaustive.units(problem, architecture)))
        if several > (rng.random() < 0.8) and exhaustive.size(problem, architecture, most) < most:
            return problem, architecture


def compare(seed: int, most: int = 250) -> str:
    problem, architecture = drawn(seed, most)
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError as error:
        proven = error.proven and not expected
        assert proven, (seed, expected)
        return "infeasible"
    assert found.certificate.status == "optimal: proven", seed
    assert found.certificate.mapspace == exhaustive.size(problem, architecture, most), seed
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (seed, problem.text, problem.shape, architecture)
    point = found.front[0]
    assert difference(Case(Workload("w", "", (problem,)), architecture, point.mapping)) == {}
    able = {unit.name for unit in units_for(problem, architecture)}
    assert units_used(found) <= able
    return f"front of {len(able)} units"


def test_fronts_are_those_of_all_units() -> None:
    outcomes = Counter(compare(seed) for seed in range(20))
    assert outcomes["front of 2 units"] + outcomes["front of 3 units"] >= 12, outcomes


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_fronts_are_those_of_all_units_of_a_thousand_chips(part: int) -> None:
    outcomes = Counter(compare(seed, most=600) for seed in range(1000 + 100 * part, 1100 + 100 * part))
    assert outcomes["front of 2 units"] + outcomes["front of 3 units"] >= 50, outcomes


@pytest.mark.parametrize("seed", range(10))
def test_all_tiles_are_those_of_all_units(seed: int) -> None:
    """With extents of 2 every tile divides, so the enumeration has all."""
    problem, architecture = drawn(100 + seed, 250)
    problem = twos(problem)
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency", tiles="any")
    except InfeasibleError as error:
        proven = error.proven and not expected
        assert proven, expected
        return
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    assert got == [pytest.approx((energy, latency), rel=1e-9) for energy, latency, _ in expected]
    assert found.certificate.status == "optimal: proven"


def twos(problem: Einsum) -> Einsum:
    small = einsum(
        problem.text.partition(" = ")[0],
        *problem.text.partition(" = ")[2].split(" * "),
        **dict.fromkeys(problem.shape, 2),
    )
    return replace(small, operations=problem.operations)


# Samplers


def test_samplers_share_their_trials_among_the_units() -> None:
    every = [ComputeUnit(name=f"U{k}", energy_pj={"default": k}) for k in (3, 1, 2)]
    architecture = chip(DRAM, every[0], GLB, every[1], Array(name="PEs", shape={"X": 4}), every[2])
    seen: list[SamplingProgress] = []
    asked: dict[str, Any] = {"method": "random", "bound": False}
    found = map_einsum(gemm(8, 8, 8), architecture, trials=31, progress=seen.append, **asked)
    assert 3 <= found.certificate.evaluated <= 31
    assert all(p.total <= 11 for p in seen)
    proven = map_einsum(gemm(8, 8, 8), architecture)
    assert found.front[0].evaluation.edp >= proven.front[0].evaluation.edp * (1 - 1e-12)
    assert unit_of(found.front[0].mapping) == unit_of(proven.front[0].mapping) == "U2"
    few = map_einsum(gemm(8, 8, 8), architecture, trials=1, **asked)
    assert few.front


def test_units_share_the_time_of_a_sampler() -> None:
    every = [ComputeUnit(name=f"U{k}", energy_pj={"default": k}) for k in (2, 1)]
    architecture = chip(DRAM, every[0], GLB, every[1])
    began = time.monotonic()
    found = map_einsum(gemm(64, 64, 64), architecture, trials=10**6, method="random", budget=1.0, bound=False)
    assert time.monotonic() - began < 60
    assert units_used(found) == {"U1"}
    assert found.certificate.budget_spent
    assert not found.certificate.interrupted


# Interruptions


def test_an_interrupted_search_says_that_it_left_units_out() -> None:
    def stop(_text: object) -> None:
        raise KeyboardInterrupt

    every = [ComputeUnit(name=f"U{k}", energy_pj={"default": 1}) for k in (1, 2)]
    architecture = chip(DRAM, GLB, every[0], Array(name="PEs", shape={"X": 4}), every[1])
    found = map_einsum(gemm(16, 16, 16), architecture, progress=stop)
    assert units_used(found) == {"U1"}
    assert found.certificate.interrupted
    assert (found.certificate.status, found.certificate.gap, found.certificate.mapspace) == ("best found", None, None)


# Utilisation


def test_utilisation_is_that_of_the_unit_that_computes() -> None:
    """The GEMM keeps 4 of 8 MACs at work, the exp 1 of 2 lanes that take 4 cycles each: half of either peak."""
    lanes = Array(name="lanes", shape={"L": 8})
    mac = ComputeUnit(name="MAC", energy_pj={"mac": 1})
    vec = ComputeUnit(name="VEC", energy_pj={"exp": 1}, throughput_per_cycle={"exp": 0.25}, instances=2)
    architecture = chip(DRAM, vec, lanes, mac)
    product = gemm(4, 1, 3)
    curve = replace(einsum("S[m]", "Q[m]", m=5), name="S", operations=(Operation("exp", 1),))
    first = map_einsum(
        product, architecture, objective="latency", constraints=["lanes.L at most m 4", "lanes.L only [m]"]
    )
    second = map_einsum(curve, architecture, objective="latency")
    both = combine([first.front[0].evaluation, second.front[0].evaluation])
    assert both.peak_by_einsum == {"E": 8.0, "S": 0.5}
    assert both.cycles_by_einsum == {"E": 3.0, "S": 20.0}
    assert [both.utilisation_of([name]) for name in ("E", "S")] == [0.5, 0.5]
    assert both.utilisation == pytest.approx((12 / 8 + 5 / 0.5) / 23)
