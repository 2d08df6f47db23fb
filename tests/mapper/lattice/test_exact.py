"""The exact mapper finds what an enumeration of its whole mapspace finds."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import exhaustive
import fakes
import pytest
from asking import map_einsum
from comparison import difference
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_rules import obeys
from problems import CONV3X3, PE2D, TWO_LEVEL, einsum, gemm, random_architecture, random_einsum
from strategies import Case

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.front import select
from costmodel.mapper.result import InfeasibleError, MappingPoint
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import objective_of


@pytest.mark.parametrize(
    ("workload", "architecture", "energy", "latency", "edp"),
    [
        (gemm(64, 64, 64), TWO_LEVEL, 4202496, 262144, 1101659111424),
        (gemm(48, 36, 60, Z=16), TWO_LEVEL, 2016720, 103680, 209093529600),
        (einsum("O[p]", "I[p+r]", "F[r]", p=16, r=3), TWO_LEVEL, 3961, 48, 190128),
        (CONV3X3, TWO_LEVEL, 7935488, 903168, 7167078825984),
        (gemm(64, 64, 64), PE2D, 3952640, 4096, 16190013440),
    ],
    ids=["mm64-two_level", "mm_rect-two_level", "conv1d-two_level", "conv3x3-two_level", "mm64-pe2d"],
)
def test_published_optima(
    workload: Einsum, architecture: Architecture, energy: float, latency: float, edp: float
) -> None:
    for objective, value in (("energy", energy), ("latency", latency), ("edp", edp)):
        found = map_einsum(workload, architecture, objective=objective)
        (point,) = found.front
        assert found.certificate.status == "optimal: proven"
        got = {"energy": point.energy_pj, "latency": point.latency_cycles, "edp": point.evaluation.edp}
        assert got[objective] == value


@pytest.mark.parametrize(
    ("workload", "architecture"),
    [
        (einsum("O[p]", "I[p+r]", "F[r]", p=16, r=3), TWO_LEVEL),
        (gemm(24, 18, 30, Z=16), TWO_LEVEL),
        (gemm(16, 16, 16), PE2D),
        pytest.param(gemm(48, 36, 60, Z=16), TWO_LEVEL, marks=pytest.mark.long),
        pytest.param(gemm(64, 64, 64), TWO_LEVEL, marks=pytest.mark.long),
    ],
    ids=["conv1d-two_level", "half_rect-two_level", "mm16-pe2d", "mm_rect-two_level", "mm64-two_level"],
)
@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_the_walk_confirms_the_winners(workload: Einsum, architecture: Architecture, objective: str) -> None:
    (point,) = map_einsum(workload, architecture, objective=objective).front
    assert difference(Case(Workload("W", "", (workload,)), architecture, point.mapping)) == {}


@pytest.mark.parametrize("seed", range(20))
def test_the_walk_finds_the_same_front(seed: int) -> None:
    rng = random.Random(20_000 + seed)
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if exhaustive.size(problem, architecture, 120) < 120:
            break
    expected = exhaustive.front(problem, architecture, cost=exhaustive.walked)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not expected
        return
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    if found.certificate.status == "optimal: proven":
        assert got == [pytest.approx((energy, latency), rel=1e-9) for energy, latency, _ in expected]


def interrupt(_text: str) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("objective", ["edp", "energy", "energy,latency", "latency,energy", "ed2p,energy"])
def test_an_interrupted_search_gives_its_best_with_a_valid_gap(objective: str) -> None:
    problem = gemm(16, 16, 16)
    best = map_einsum(problem, PE2D, objective=objective)
    found = map_einsum(problem, PE2D, objective=objective, progress=interrupt)
    assert found.front
    assert found.certificate.status == "gap"
    assert found.certificate.gap is not None
    aim = objective_of(objective)
    least, known = (min(aim.of(p)[0] for p in r.front) for r in (best, found))
    assert known <= least * (1 + found.certificate.gap) * (1 + 1e-9)


def test_a_search_out_of_time_gives_its_best_with_a_valid_gap() -> None:
    problem = gemm(64, 64, 64)
    best = map_einsum(problem, PE2D, objective="energy,latency")
    found = map_einsum(problem, PE2D, objective="energy,latency", budget=0)
    least, known = (min(p.energy_pj for p in r.front) for r in (best, found))
    if found.certificate.status == "optimal: proven":
        assert known == least
    else:
        assert found.certificate.gap is not None
        assert known <= least * (1 + found.certificate.gap) * (1 + 1e-9)


OBJECTIVES = [
    "energy,capacity",
    "energy,latency,capacity",
    "capacity",
    "latency,capacity",
    "edp,capacity",
    "energy*capacity",
]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(5))
def test_room_is_searched_as_well(objective: str, seed: int) -> None:
    rng = random.Random(40_000 + seed)
    aim = objective_of(objective)
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if exhaustive.size(problem, architecture, 1000) < 1000:
            break
    values = [lambda e, one=one: one.of_one(e.energy_pj, e.latency_cycles, e.capacity_bits)[0] for one in aim.each]
    want = exhaustive.best(exhaustive.costed(problem, architecture), values)
    try:
        found = map_einsum(problem, architecture, objective=objective)
    except InfeasibleError:
        assert not want
        return
    if found.certificate.method == "exact":
        assert found.certificate.status == "optimal: proven"
        assert [aim.of(p) for p in found.front] == [pytest.approx(v, rel=1e-9) for v in want]


@pytest.mark.parametrize("objective", ["edp,latency", "energy^2*latency,latency", "latency,energy", "ed2p,energy,e2dp"])
@pytest.mark.parametrize("seed", range(6))
def test_any_products_of_energy_and_latency_make_a_front(objective: str, seed: int) -> None:
    rng = random.Random(30_000 + seed)
    aim = objective_of(objective)
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if exhaustive.size(problem, architecture, 1500) < 1500:
            break
    every = {aim.of_one(energy, latency, 0.0) for energy, latency, _ in exhaustive.front(problem, architecture)}
    try:
        found = map_einsum(problem, architecture, objective=objective)
    except InfeasibleError:
        assert not every
        return
    if found.certificate.status != "optimal: proven":
        return
    want = sorted(v for v in every if not any(w != v and all(a <= b for a, b in zip(w, v, strict=True)) for w in every))
    assert [aim.of(p) for p in found.front] == [pytest.approx(v, rel=1e-9) for v in want]


COSTS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=20)


@given(COSTS, st.sampled_from(["capacity", "edp", "energy*capacity", "energy,capacity", "edp,capacity,latency"]))
@settings(max_examples=200, deadline=None)
def test_what_is_selected_is_the_front_of_the_objectives(costs: list[tuple[int, int, int]], objective: str) -> None:
    aim = objective_of(objective)
    points = [fakes.point(fakes.gemm(), fakes.two_level(), float(e), float(c), room) for e, c, room in costs]

    def beats(one: MappingPoint, other: MappingPoint) -> bool:
        a, b = aim.of(one), aim.of(other)
        return a != b and all(x <= y for x, y in zip(a, b, strict=True))

    def tie(p: MappingPoint) -> tuple[float, float, int]:
        return (p.energy_pj, p.latency_cycles, p.capacity_bits)

    best = [p for p in points if not any(beats(q, p) for q in points)]
    values = sorted({aim.of(p) for p in best})
    found = select(points, aim)
    assert [aim.of(p) for p in found] == values
    assert [tie(p) for p in found] == [min(tie(p) for p in best if aim.of(p) == v) for v in values]


def test_rounding_does_not_decide_a_tie() -> None:
    more = 10 * (1 + 1e-14)
    first, second = (fakes.point(fakes.gemm(), fakes.two_level(), e, c) for e, c in ((10.0, 7.0), (more, 6.0)))
    assert select([first, second], objective_of("energy")) == [second]
    assert select([first, second], objective_of("energy,latency")) == [second]


def test_area_beside_an_objective_changes_nothing() -> None:
    assert objective_of("energy,area") == objective_of("energy")
    assert objective_of("energy,latency,area").front


def compare(seed: int, most: int = 2500) -> str:
    """Compare one random problem; returns what happened."""
    rng = random.Random(seed)
    for _ in range(200):
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if rng.random() < 0.15 and architecture.arrays:
            stationary = rng.choice(["output", "weight", "input"])
            levels = tuple(replace(x, systolic=stationary) if x.name == "A1" else x for x in architecture.levels)
            architecture = replace(architecture, levels=levels)
        if exhaustive.size(problem, architecture, most) < most:
            break
    else:
        return "too large"
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not expected, (seed, expected)
        return "infeasible"
    assert found.certificate.status == "optimal: proven" or "unsupported" in found.certificate.method, seed
    if found.certificate.status != "optimal: proven":
        return "unsupported"
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (seed, problem.text, problem.shape, architecture)
    return "front"


@pytest.mark.parametrize("seed", range(40))
def test_front_is_that_of_the_whole_mapspace(seed: int) -> None:
    compare(seed)


@pytest.mark.long
def test_fronts_of_five_hundred_problems() -> None:
    outcomes = Counter(compare(seed, most=1500) for seed in range(2000, 2700))
    assert outcomes["front"] >= 500, outcomes


@pytest.mark.parametrize("seed", range(40))
def test_front_under_constraints(seed: int) -> None:
    rng = random.Random(10_000 + seed)
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        names = list(problem.shape)
        level = architecture.memories[-1].name
        options = [f"{level} tile {rng.choice(names)} {rng.choice(['<=', '=='])} {rng.choice([1, 2])}"]
        if architecture.arrays:
            options.append(f"A1.X only [{rng.choice(names)}]")
        sentence = rng.choice(options)
        if level != "M0" and exhaustive.size(problem, architecture, 1500) < 1500:
            break
    expected = exhaustive.front(problem, architecture, lambda m, _: obeys(sentence, m, problem, architecture))
    try:
        found = map_einsum(problem, architecture, objective="energy,latency", constraints=[sentence])
    except InfeasibleError:
        assert not expected, (seed, sentence, expected)
        return
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert all(obeys(sentence, p.mapping, problem, architecture) for p in found.front), (seed, sentence)
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (
        seed,
        sentence,
        problem.text,
        problem.shape,
        architecture,
    )
