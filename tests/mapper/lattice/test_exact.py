"""The exact mapper finds what an enumeration of its whole mapspace finds."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import exhaustive
import fakes
import pytest
from asking import map_einsum
from building import board_of
from comparison import difference
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_rules import obeys, sentences
from problems import (
    CONV3X3,
    HOPPING,
    MAC,
    PE2D,
    TWO_LEVEL,
    any_problem,
    around_two_memories,
    einsum,
    gemm,
    in_wider_accesses,
    nested_problem,
    random_architecture,
    random_einsum,
    sliding_problem,
    tight_problem,
    working,
    written,
)
from strategies import Case

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.engines import bounded
from costmodel.mapper.front import Incumbents, select
from costmodel.mapper.lattice import exact
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.mapper.result import InfeasibleError, MappingPoint, Status
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import objective_of
from costmodel.spec.problems import Problem
from costmodel.spec.request import Request


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


def proven(rng: random.Random, most: int, objective: str) -> tuple[Einsum, Architecture, tuple[MappingPoint, ...]]:
    """A random problem with fewer than ``most`` mappings, and its front."""
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if exhaustive.size(problem, architecture, most) == most:
            continue
        try:
            found = map_einsum(problem, architecture, objective=objective)
        except InfeasibleError:
            return problem, architecture, ()
        assert found.certificate.status == "optimal: proven"
        return problem, architecture, found.front


@pytest.mark.parametrize("seed", range(10))
def test_the_walk_finds_the_same_front(seed: int) -> None:
    problem, architecture, front = proven(random.Random(20_000 + seed), 120, "energy,latency")
    expected = exhaustive.front(problem, architecture, cost=exhaustive.walked)
    got = [(p.energy_pj, p.latency_cycles) for p in front]
    assert got == [pytest.approx((energy, latency), rel=1e-9) for energy, latency, _ in expected]


def test_the_width_of_an_access_only_says_what_prices_refer_to() -> None:
    fronts = [
        [(p.energy_pj, p.latency_cycles) for p in map_einsum(gemm(8, 8, 8), a, objective="energy,latency").front]
        for a in (HOPPING, in_wider_accesses(HOPPING))
    ]
    assert fronts[0] == [pytest.approx(p) for p in fronts[1]]
    assert map_einsum(gemm(8, 8, 8), in_wider_accesses(HOPPING)).certificate.status == "optimal: proven"


def test_a_double_buffered_memory_has_room_for_half() -> None:
    def with_buffer(bits: int, *, double: bool) -> Architecture:
        buffer = replace(TWO_LEVEL.levels[1], capacity_bits=bits, double_buffered=double)
        return replace(TWO_LEVEL, levels=(TWO_LEVEL.levels[0], buffer, TWO_LEVEL.levels[2]))

    half, double, whole = (
        map_einsum(gemm(8, 8, 8), with_buffer(bits, double=double), objective="energy").front[0].energy_pj
        for bits, double in ((512, False), (1025, True), (1025, False))
    )
    assert double == half > whole


SEARCHED = {
    "systolic passes that differ in what they pay": (
        einsum("Z[m]", "A[m, k]", "B[k]", weights="B", m=4, k=2),
        (
            Memory(name="M0", read_pj=20, write_pj=20),
            Array(name="A1", shape={"X": 2, "Y": 3}, hop_pj=3, multicast="none", systolic="weight"),
            Memory(name="M2", capacity_bits=24, read_pj=4),
        ),
    ),
    "systolic passes of a tensor that no memory holds": (
        gemm(4, 2, 2),
        (
            Memory(name="M0", read_pj=20),
            Array(name="A1", shape={"X": 2}, systolic="input"),
            Memory(name="M2", capacity_bits=32, keep=("B", "Z")),
        ),
    ),
    "systolic passes of a tile that nothing else asks to grow": (
        einsum("Z[m]", "A[m, k]", "B[k]", weights="B", m=2, k=4),
        (
            Memory(name="M0", read_pj=5),
            Array(name="A1", shape={"X": 2}, systolic="input"),
            Memory(name="M2", capacity_bits=32, read_pj=4, write_pj=1, keep=("A",)),
        ),
    ),
    "systolic passes of the outer of two tiles in an instance": (
        einsum("Z[m]", "A[m]", m=5),
        (
            Memory(name="M0", read_pj=40, write_pj=60),
            Array(name="A1", shape={"X": 2, "Y": 3}, systolic="input"),
            Memory(name="M2", capacity_bits=64, read_pj=1, write_pj=2),
            Memory(name="M3", capacity_bits=24, read_pj=1, write_pj=2),
        ),
    ),
    "a window that no memory below an array holds, whose words instances share": (
        einsum("O[p]", "I[2*p+r]", "F[r]", weights="F", p=6, r=4),
        (
            Memory(name="M0", read_pj=50, write_pj=20),
            Array(name="A1", shape={"X": 2, "Y": 2}),
            Memory(name="M1", capacity_bits=16, read_pj=3.5, write_pj=3.5, keep=("output",)),
        ),
    ),
    "an output that an inner memory may keep, which decides what is read back": (
        einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=2, r=2),
        (
            Memory(name="M0", read_pj=10, write_pj=10),
            Array(name="A1", shape={"X": 2}),
            Memory(name="M2", read_pj=60, write_pj=1),
            Memory(name="M3", capacity_bits=8, read_pj=10, write_pj=20, may_keep=("output",)),
        ),
    ),
    "loops of one gap in any order": (
        einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=4, r=2),
        (
            Memory(name="M0", read_pj=50, write_pj=60, bandwidth_bits_per_cycle=8),
            Array(name="A1", shape={"X": 2}, hop_pj=2),
            Memory(name="M1", capacity_bits=32, read_pj=2, write_pj=3, may_keep=("input", "output")),
        ),
    ),
}


RULED = {
    "loops of one gap that broke an order, and others that keep to it": (
        einsum("Z[m, n, j]", "A[m, n, j]", m=2, n=2, j=2),
        (Memory(name="M0", read_pj=20, write_pj=30), Memory(name="M1", read_pj=1, write_pj=2, keep=("input",))),
        ("order in M1: m, j, n", "M1 tile m == 2", "M1 tile n == 2", "M1 tile j == 2"),
    ),
    "loops that are left at the end, below an order": (
        einsum("O[p]", "I[c, p+r]", "F[c, r]", weights="F", c=2, p=2, r=2),
        (
            Memory(name="M0", read_pj=20, write_pj=30),
            Memory(name="M1", capacity_bits=24, read_pj=1, write_pj=2, keep=("weight",)),
        ),
        ("order in M0: c, r",),
    ),
    "loops that are left at the end, below a tile that stays": (
        gemm(2, 2, 2),
        (
            Memory(name="M0", read_pj=20, write_pj=30),
            Memory(name="M1", capacity_bits=32, read_pj=1, write_pj=2),
        ),
        ("input_stationary",),
    ),
}


@pytest.mark.parametrize("case", RULED)
def test_front_where_a_rule_about_loops_decides(case: str) -> None:
    problem, levels, rules = RULED[case]
    architecture = Architecture(name="small", levels=(*levels, MAC), constraints=rules)
    found = map_einsum(problem, architecture, objective="energy,latency")
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]
    assert (found.certificate.status, found.certificate.method) == ("optimal: proven", "exact")


@pytest.mark.parametrize("case", SEARCHED)
def test_front_where_a_rule_of_the_search_decides(case: str) -> None:
    problem, levels = SEARCHED[case]
    architecture = Architecture(name="small", levels=(*levels, MAC))
    found = map_einsum(problem, architecture, objective="energy,latency")
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]


@pytest.mark.parametrize("seed", range(4))
def test_passes_are_those_of_the_outermost_tile_in_an_instance(seed: int) -> None:
    rng = random.Random(30_000 + seed)
    while True:
        problem, architecture = random_einsum(rng), around_two_memories(rng)
        windows = any(len(index.terms) > 1 for access in problem.accesses for index in access.indices)
        if not windows and exhaustive.size(problem, architecture, 900) < 900:
            break
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    if want:
        front = map_einsum(problem, architecture, objective="energy,latency").front
        assert [(p.energy_pj, p.latency_cycles) for p in front] == [pytest.approx(w, rel=1e-9) for w in want]
    else:
        with pytest.raises(InfeasibleError):
            map_einsum(problem, architecture)


def test_an_array_that_shares_nothing_is_sent_a_window_for_each_instance() -> None:
    problem = einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=4, r=2)
    levels = (
        Memory(name="M0", read_pj=200, write_pj=100),
        Array(name="A1", shape={"X": 4}, multicast="none"),
        Memory(name="M2", capacity_bits=32, read_pj=1, write_pj=2),
    )
    found = map_einsum(problem, Architecture(name="apart", levels=(*levels, MAC)), objective="energy")
    assert (str(found.certificate), found.front[0].energy_pj) == ("optimal: proven", 3320)


def interrupt(_text: str) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("objective", ["edp", "energy", "energy,latency", "latency,energy", "ed2p,energy"])
def test_an_interrupted_search_gives_its_best_with_a_valid_gap(objective: str) -> None:
    problem = gemm(16, 16, 16)
    best = map_einsum(problem, PE2D, objective=objective)
    found = map_einsum(problem, PE2D, objective=objective, progress=interrupt)
    assert found.front
    assert found.certificate.interrupted
    assert found.certificate.gap is not None  # of energy nothing: what is found meets what every mapping costs
    assert (found.certificate.status == "optimal: proven") == (objective == "energy")
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


@pytest.mark.parametrize(("known", "better"), [(99.0, True), (None, True), (1e-6, False)])
def test_a_gap_is_never_larger_than_that_to_what_every_mapping_costs(known: float | None, better: bool) -> None:
    problem, request = gemm(64, 64, 64), Request(objective=("edp",))
    proven = map_einsum(problem, PE2D, objective="edp")
    found = replace(proven, certificate=replace(proven.certificate, status=Status.GAP, gap=known))
    certificate = bounded(found, problem, PE2D, request).certificate
    if better:
        assert certificate.gap is not None
        assert certificate.gap < 0.2
    else:
        assert certificate == found.certificate


OBJECTIVES = [
    "energy,capacity",
    "energy,latency,capacity",
    "capacity",
    "latency,capacity",
    "edp,capacity",
    "energy*capacity",
]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(2))
def test_room_is_searched_as_well(objective: str, seed: int) -> None:
    aim = objective_of(objective)
    problem, architecture, front = proven(random.Random(40_000 + seed), 1000, objective)
    values = [lambda e, one=one: one.of_one(e.energy_pj, e.latency_cycles, e.capacity_bits)[0] for one in aim.each]
    want = exhaustive.best(exhaustive.costed(problem, architecture), values)
    assert [aim.of(p) for p in front] == [pytest.approx(v, rel=1e-9) for v in want]


@pytest.mark.parametrize("objective", ["edp,latency", "energy^2*latency,latency", "latency,energy", "ed2p,energy,e2dp"])
@pytest.mark.parametrize("seed", range(3))
def test_any_products_of_energy_and_latency_make_a_front(objective: str, seed: int) -> None:
    aim = objective_of(objective)
    problem, architecture, front = proven(random.Random(30_000 + seed), 1000, objective)
    every = {aim.of_one(energy, latency, 0.0) for energy, latency, _ in exhaustive.front(problem, architecture)}
    assert [aim.of(p) for p in front] == [pytest.approx(v, rel=1e-9) for v in exhaustive.undominated(every)]


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


def small_problem(rng: random.Random, most: int) -> tuple[Einsum, Architecture]:
    """A random problem with fewer than ``most`` mappings, a quarter of them under a rule of the architecture."""
    while True:
        make = rng.choice((any_problem, any_problem, tight_problem, sliding_problem, nested_problem))
        problem, architecture = make(rng)
        if make is not any_problem:
            problem, architecture = working(rng, problem), written(rng, architecture)
        if exhaustive.size(problem, architecture, most) < most:
            break
    if rng.random() < 0.25:
        rule = rng.choice(sentences(rng, problem, architecture))
        architecture = replace(architecture, constraints=(rule,))
    return problem, architecture


def compare(seed: int, most: int) -> str:
    """Hold the front of one random problem against the enumeration; return what happened."""
    problem, architecture = small_problem(random.Random(seed), most)
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError as error:
        proven = error.proven and not expected
        assert proven, (seed, expected)
        return "infeasible"
    assert found.certificate.status == "optimal: proven", (seed, found.certificate)
    if not architecture.constraints:
        assert found.certificate.mapspace == exhaustive.size(problem, architecture, most), seed
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (seed, problem.text, problem.shape, architecture)
    rules = architecture.constraints
    assert all(obeys(sentence, p.mapping, problem, architecture) for sentence in rules for p in found.front), seed
    return "front" if found.certificate.method == "exact" else "enumerated"


@pytest.mark.parametrize("part", range(2))
def test_front_is_that_of_the_whole_mapspace(part: int) -> None:
    outcomes = Counter(compare(seed, most=1000) for seed in range(20 * part, 20 * part + 20))
    assert outcomes["front"] >= 14, outcomes


@pytest.mark.long
@pytest.mark.parametrize("part", range(7))
def test_fronts_of_many_problems(part: int) -> None:
    outcomes = Counter(compare(seed, most=1500) for seed in range(2000 + 100 * part, 2100 + 100 * part))
    assert outcomes["front"] >= 70, outcomes


@pytest.mark.parametrize("seed", range(20))
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


@pytest.mark.parametrize("error", [OutOfTimeError(), TooManyTilesError(9, 5, [Problem("too many tiles")])])
def test_what_takes_too_long_to_count_leaves_the_next_best_with_a_gap(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    problem = gemm(8, 6, 4)
    whole = map_einsum(problem, PE2D, objective="energy,latency")
    least = whole.front[0]

    def evaluated(workload: Workload, architecture: Architecture, mapping: Mapping) -> Evaluation:
        if architecture is TWO_LEVEL or mapping.nest == least.mapping.nest:
            raise error
        return evaluate(workload, architecture, mapping)

    monkeypatch.setattr(exact, "evaluate", evaluated)
    found = exact.map_einsum(problem, PE2D, objective="energy,latency")
    assert found.certificate.status == Status.GAP
    assert found.front[0].energy_pj / (1 + found.certificate.gap) == pytest.approx(least.energy_pj)
    assert dict(found.certificate.pruned)["takes too long to count"] == 1
    with pytest.raises(UnsupportedError, match="takes too long to count"):
        exact.map_einsum(problem, TWO_LEVEL, objective="energy,latency")


def test_a_search_without_time_finds_something_soon():
    made = {}
    for deadline in (None, 0.0):
        board, incumbents = board_of(CONV3X3, PE2D), Incumbents(objective_of("energy,latency"))
        search = Search(board, incumbents, 300, deadline)
        search.run()
        assert incumbents.items
        made[deadline] = search.stats.labels
    assert made[0.0] < made[None] / 4
