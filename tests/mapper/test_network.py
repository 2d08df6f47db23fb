"""The network driver: identical layers once, the same answer with any number of workers, exact totals."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_search, gemm, network, point, two_level
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.mapper import workers
from costmodel.mapper.canonical import groups_of
from costmodel.mapper.engines import against
from costmodel.mapper.layers import layer_objective
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult
from costmodel.mapper.sums import best_choice, sum_fronts
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.objective import NAMED, objective_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.request import Request
from costmodel.spec.rules.finding import Reject

COSTS = st.lists(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=5), min_size=1, max_size=4
)


def arrays(costs):
    """Fronts as rows of energy, latency and, where not given, no room."""
    return [np.array([(*row, 0)[:3] for row in front], dtype=float) for front in costs]


@given(COSTS)
@settings(max_examples=200, deadline=None)
def test_front_of_sums_equals_the_front_of_every_combination(costs):
    total = sum_fronts(arrays(costs))
    every = {tuple(map(sum, zip(*combination, strict=True))) for combination in itertools.product(*costs)}
    front = {p for p in every if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in every)}
    assert set(map(tuple, total.costs[:, :2].tolist())) == front
    assert total.gap == 0.0
    for (energy, latency, _), row in zip(total.costs.tolist(), total.choices, strict=True):
        picked = [front[place] for front, place in zip(costs, row, strict=True)]
        assert (energy, latency) == (sum(p[0] for p in picked), sum(p[1] for p in picked))


@given(COSTS, st.sampled_from(sorted(NAMED.keys() - {"capacity"})))
@settings(max_examples=300, deadline=None)
def test_best_product_of_totals_is_the_best_of_every_combination(costs, objective):
    a, b, _ = NAMED[objective]

    def cost(combination):
        energy, latency = map(sum, zip(*combination, strict=True))
        return energy**a * latency**b

    picked = [front[place] for front, place in zip(costs, best_choice(arrays(costs), (a, b, 0.0)), strict=True)]
    assert cost(picked) == min(map(cost, itertools.product(*costs)))


ROOMS = st.lists(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)


def total(combination):
    """Energy and latency of layers that run one after another, and the room of the one that needs most."""
    energies, latencies, rooms = zip(*combination, strict=True)
    return sum(energies), sum(latencies), max(rooms)


def dominates(one, other):
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(ROOMS)
@settings(max_examples=200, deadline=None)
def test_front_with_room_equals_the_front_of_every_combination(costs):
    found = sum_fronts(arrays(costs), room=True)
    every = set(map(total, itertools.product(*costs)))
    rows = list(map(tuple, found.costs.tolist()))
    assert set(rows) == {p for p in every if not any(dominates(q, p) for q in every)}
    assert len(rows) == len(set(rows))
    for row, choice in zip(rows, found.choices, strict=True):
        assert row == total([front[place] for front, place in zip(costs, choice, strict=True)])


POWERS = [(1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 2.0, 0.5), (1.0, 2.0, 3.0)]


@given(ROOMS, st.sampled_from(POWERS))
@settings(max_examples=300, deadline=None)
def test_best_product_with_room_is_the_best_of_every_combination(costs, powers):
    def rank(combination):
        energy, latency, room = total(combination)
        return (round(energy ** powers[0] * latency ** powers[1] * room ** powers[2], 9), energy)

    picked = [front[place] for front, place in zip(costs, best_choice(arrays(costs), powers), strict=True)]
    least = min(map(rank, itertools.product(*costs)))
    assert rank(picked)[0] == least[0]
    if powers[:2] == (0.0, 0.0):
        assert rank(picked) == least


@pytest.mark.parametrize(("objective", "tie"), [("energy", 1), ("latency", 0)])
def test_an_optimum_of_one_cost_comes_with_the_best_of_the_other(objective, tie):
    fronts = arrays([[(5, 5), (5, 4), (4, 5)]])
    (place,) = best_choice(fronts, NAMED[objective])
    expected = min(fronts[0], key=lambda p: (p[1 - tie], p[tie]))
    assert fronts[0][place].tolist() == expected.tolist()


def test_a_thinned_front_says_how_much_it_may_lose():
    generator = np.random.default_rng(0)
    fronts = []
    for _ in range(8):
        energy = np.sort(generator.uniform(1, 10, 30))
        fronts.append(np.column_stack((energy, np.sort(generator.uniform(1, 10, 30))[::-1], np.zeros(30))))
    full, thin = sum_fronts(fronts, limit=10**6), sum_fronts(fronts, limit=200)
    assert full.gap == 0.0
    assert 0.0 < thin.gap < 0.1
    assert len(thin.costs) <= 200
    factor = 1 + thin.gap
    for energy, latency, _ in full.costs.tolist():
        near = (thin.costs[:, 0] <= energy * factor * (1 + 1e-12)) & (
            thin.costs[:, 1] <= latency * factor * (1 + 1e-12)
        )
        assert near.any()


def test_a_thinned_front_with_room_says_how_much_it_may_lose():
    generator = np.random.default_rng(1)
    fronts = []
    for _ in range(5):
        spread = generator.dirichlet((1, 1, 1), 12)
        fronts.append(np.column_stack((10 ** spread[:, 0], 10 ** spread[:, 1], np.round(1000 * 10 ** spread[:, 2]))))
    full, thin = (sum_fronts(fronts, limit=limit, room=True) for limit in (10**6, 150))
    assert full.gap == 0.0
    assert 0.0 < thin.gap < 1.0
    assert len(thin.costs) <= 150
    rows = [f.costs for f in (full, thin)]
    near = rows[1][None] <= rows[0][:, None] * (1 + thin.gap) * (1 + 1e-12)
    assert near.all(axis=2).any(axis=1).all()
    assert rows[1].min(axis=0) == pytest.approx(rows[0].min(axis=0))


def test_layers_that_differ_in_names_only_are_searched_once():
    same = [gemm("one"), gemm("two", names="PQR", variables="xyz"), gemm("three", count=5)]
    other = [gemm("four", (4, 4, 8)), gemm("five", bits=16)]
    searched = []

    def search(einsum, *rest):
        searched.append(einsum.name)
        return fake_search(einsum, *rest)

    result = map_workload(network(*same, *other), two_level(), jobs=1, search_one=search)
    assert sorted(searched) == ["five", "four", "one"]
    assert [layer.group for layer in result.layers] == [0, 0, 0, 1, 2]
    second = result.layers[1].point
    assert [str(node) for node in second.mapping.nest] == [
        "store Ptwo Qtwo Rtwo in DRAM",
        "for x by 1",
        "for y by 1",
        "for z by 1",
        "compute two on MAC",
    ]
    assert second.mapping.einsum == "two"
    assert {row.tensor for row in second.evaluation.traffic_rows} == {"Ptwo", "Qtwo", "Rtwo"}
    assert {row.einsum for row in second.evaluation.action_rows} == {"two"}


def test_names_that_the_architecture_or_a_constraint_uses_are_not_interchangeable():
    workload = network(gemm("one"), gemm("two", names="PQR"), gemm("three", variables="xyz"))
    assert [len(g) for g in groups_of(workload, two_level())] == [3]
    assert list(groups_of(workload, two_level(keep=("Aone",)))) == [["one"], ["two", "three"]]
    assert list(groups_of(workload, two_level(), ["Buffer tile m <= 4"])) == [["one", "two"], ["three"]]
    for rule in ("Buffer keeps something", "weight_stationary"):
        assert [len(g) for g in groups_of(workload, two_level(), [rule])] == [3]


def test_einsums_in_which_another_operand_stays_are_two():
    """Where no role says it, names do: W1 is the weight of the first, W2 of the second."""
    spec = {"name": "w", "ranks": {"M": 8, "N": 4, "K": 4}, "weights": []}
    spec["einsums"] = ["Y[m, n] = A[m, k] * W1[k, n]", "Z[m, n] = W2[m, k] * B[k, n]"]
    workload, architecture = load_workload(spec), load_architecture("systolic4_weight")
    assert list(groups_of(workload, architecture)) == [["Y"], ["Z"]]


def test_totals_are_sums_over_layers_and_their_counts():
    workload = network(gemm("one", count=3), gemm("two", (2, 2, 2)))
    result = map_workload(
        workload, two_level(), Request(objective=objective_of("energy")), jobs=1, search_one=fake_search
    )
    assert result.evaluation.energy_pj == 3 * 64 + 8
    assert result.evaluation.latency_cycles == 3 * (64 * 4 + 4) + (8 * 4 + 2)
    assert result.front[0].energy_pj == result.evaluation.energy_pj
    assert result.certificate.status == "optimal: proven"
    assert result.certificate.mapspace == 20
    assert result.certificate.pruned == (("bound", 10),)


def test_the_chosen_mappings_make_the_network_edp_least():
    workload = network(gemm("one", count=3), gemm("two", (2, 8, 2)), gemm("three", (3, 5, 7)))
    result = map_workload(workload, two_level(), Request(objective=objective_of("edp")), jobs=1, search_one=fake_search)
    assert result.evaluation.edp == min(p.energy_pj * p.latency_cycles for p in result.front)


def test_the_answer_does_not_depend_on_the_number_of_workers():
    workload = network(*(gemm(f"layer{i}", (i + 2, 3, 4)) for i in range(5)), gemm("again", (3, 3, 4)))
    one = map_workload(workload, two_level(), jobs=1, search_one=fake_search)
    two = map_workload(workload, two_level(), jobs=2, search_one=fake_search)
    assert replace(one, wall_s=0) == replace(two, wall_s=0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_layer_that_nothing_fits_keeps_its_reason_and_spares_the_others(jobs):
    workload = network(gemm("good"), gemm("bad", (13, 2, 2)), gemm("bad2", (13, 2, 2)), gemm("ok", (2, 2, 2)))
    result = map_workload(workload, two_level(), jobs=jobs, search_one=fake_search)
    assert [layer.einsum for layer in result.layers] == ["good", "ok"]
    assert [failure.einsum for failure in result.failures] == ["bad", "bad2"]
    assert result.failures[1].reason == (
        "bad2: no mapping was found: capacity of Buffer (7); nearest miss: Buffer: capacity needs 10, has 8 (A 10)"
    )
    assert result.failures[1].infeasible.nearest.need == 10


def test_a_worker_that_dies_is_reported():
    workload = network(gemm("dies", (17, 9, 9)), gemm("good"))
    result = map_workload(workload, two_level(), jobs=2, search_one=fake_search)
    assert "dies: its worker process died 2 times (out of memory, or stopped?)" in {
        failure.reason for failure in result.failures
    }
    assert not result.interrupted


def test_workers_that_cannot_begin_at_first_cost_nothing(monkeypatch):
    """As when the server that makes them has just been killed."""
    real, left = workers._Worker, [3]

    def refused(context):
        if left[0]:
            left[0] -= 1
            raise ConnectionRefusedError
        return real(context)

    monkeypatch.setattr(workers, "_Worker", refused)
    monkeypatch.setattr(workers, "PAUSES_S", (0.0,))
    result = map_workload(network(gemm("a"), gemm("b", (2, 2, 2))), two_level(), jobs=2, search_one=fake_search)
    assert (len(result.layers), result.failures, left) == (2, (), [0])


def interrupt_soon(delay_s: float = 1.5) -> threading.Timer:
    timer = threading.Timer(delay_s, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_keeps_what_is_done(jobs):
    """The first search answers with its best so far when interrupted, the second has nothing, the third never began."""
    workload = network(gemm("slow", (19, 9, 9)), gemm("stuck", (29, 5, 5)), gemm("late", (2, 2, 2)))
    before = signal.getsignal(signal.SIGINT)  # ignored, where the suite runs in the background of a shell
    timer = interrupt_soon()
    result = map_workload(workload, two_level(), jobs=jobs, search_one=fake_search)
    timer.join()
    assert result.interrupted
    assert [layer.einsum for layer in result.layers] == ["slow"]
    assert result.unfinished == (("stuck", "late") if jobs == 1 else ("late",))
    assert [failure.einsum for failure in result.failures] == ([] if jobs == 1 else ["stuck"])
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "objective",
    [
        "energy,latency,capacity",
        "capacity,energy",
        "edp,capacity",
        "latency,edp",
        "energy*capacity,latency",
        "capacity",
    ],
)
def test_the_front_of_a_network_is_that_of_its_totals(objective):
    aim = objective_of(objective)
    workload = network(gemm("one", count=3), gemm("two", (2, 8, 2)), gemm("three", (3, 5, 7)))
    result = map_workload(workload, two_level(), Request(objective=aim), jobs=1, search_one=fake_search)
    fronts = [
        [(p.energy_pj * x.count, p.latency_cycles * x.count, p.capacity_bits) for p in x.result.front]
        for x in result.layers
    ]
    every = [aim.of_one(*total(c)) for c in itertools.product(*fronts)]
    found = [aim.of(p) for p in result.front]
    if aim.front:
        assert found == sorted(set(found))
        assert set(found) == {v for v in every if not any(dominates(w, v) for w in every)}
    assert min(found)[0] == min(every)[0]
    for p in result.front:
        picked = [front[place] for front, place in zip(fronts, p.choices, strict=True)]
        assert (p.energy_pj, p.latency_cycles, p.capacity_bits) == total(picked)
    product = aim.product
    chosen = product.of(result.evaluation)[0]
    assert chosen == pytest.approx(min(product.of_one(*total(c))[0] for c in itertools.product(*fronts)))
    assert result.evaluation.capacity_bits == max(layer.point.capacity_bits for layer in result.layers)


@pytest.mark.parametrize(
    ("objective", "method", "layers", "searched"),
    [
        ("edp", "exact", 3, "edp,energy,latency"),
        ("edp", "exact", 1, "edp"),
        ("edp", "tpe", 3, "edp"),
        ("latency,energy", "exact", 3, "latency,energy"),
        ("energy^2,capacity", "exact", 3, "energy^2,capacity"),
        ("energy*capacity", "exact", 3, "energy*capacity,energy,capacity"),
        ("edp,capacity", "exact", 3, "edp,energy,latency,capacity"),
        ("latency,edp", "exact", 2, "latency,energy"),
    ],
)
def test_layers_are_searched_for_what_the_totals_need_and_the_same_first_objective(objective, method, layers, searched):
    options = Request(objective=objective_of(objective), method=method)
    assert str(layer_objective(options, layers)) == searched


@given(ROOMS.filter(lambda costs: all(row[2] for front in costs for row in front)), st.data())
@settings(max_examples=150, deadline=None)
def test_the_gap_of_a_network_is_one_of_its_first_objective(costs, data):
    """Layers keep part of what there is, with the gap of their own first objective; the totals never claim too much."""
    objective = data.draw(st.sampled_from(["energy", "edp", "capacity", "ed2p", "energy*capacity", "latency,energy"]))
    aim = objective_of(objective)
    sizes = range(2, 2 + len(costs))
    workload = network(*(gemm(f"layer{n}", (n, 4, 4), count=n) for n in sizes))
    kept = [data.draw(st.lists(st.sampled_from(front), min_size=1, unique=True)) for front in costs]

    def search(einsum, architecture, *_):
        place = einsum.shape["m"] - 2
        least, best = (min(aim.of_one(*row)[0] for row in rows[place]) for rows in (costs, kept))
        gap = best / least - 1
        points = tuple(point(einsum, architecture, *row) for row in kept[place])
        return MapperResult(einsum.name, points, Certificate("gap", "fake", None, 1, (), 0.0, gap))

    options = Request(objective=aim, method="random")
    result = map_workload(workload, two_level(), options, jobs=1, search_one=search)
    counted = [[(e * n, c * n, bits) for e, c, bits in front] for n, front in zip(sizes, costs, strict=True)]
    optimum = min(aim.of_one(*total(c))[0] for c in itertools.product(*counted))
    found = min(aim.of(p)[0] for p in (*result.front, result.evaluation))
    certificate = result.certificate
    assert certificate.gap is not None
    assert found <= optimum * (1 + certificate.gap) * (1 + 1e-9)
    assert (certificate.status == "optimal: proven") <= (found <= optimum * (1 + 1e-9) and not aim.front)


def test_proven_layers_do_not_prove_a_product_of_totals():
    """Each layer has its best EDP, and other mappings a better one together: 6 · 12.02 < 11 · 11."""
    costs = {2: [(1, 10), (5, 2.01)], 3: [(10, 1), (1, 10.01)]}
    workload = network(gemm("one", (2, 4, 4)), gemm("two", (3, 4, 4)))

    def search(einsum, architecture, options, _progress):
        rows = costs[einsum.shape["m"]]
        if not options.aim.front:
            rows = [min(rows, key=lambda row: row[0] * row[1])]
        points = tuple(point(einsum, architecture, *row) for row in rows)
        return MapperResult(einsum.name, points, Certificate("optimal: proven", "fake", None, 1, (), 0.0, 0.0))

    def answer(method):
        options = Request(objective=objective_of("edp"), method=method)
        return map_workload(workload, two_level(), options, jobs=1, search_one=search)

    sampled, exact = answer("random"), answer("exact")
    assert exact.certificate.status == "optimal: proven"
    assert sampled.certificate.status == "gap"
    assert exact.evaluation.edp < sampled.evaluation.edp <= exact.evaluation.edp * (1 + sampled.certificate.gap)


@pytest.mark.parametrize(
    ("found_pj", "optimum_gap", "front", "status", "gap"),
    [
        (120.0, 0.0, False, "gap", 0.2),
        (120.0, 0.5, False, "gap", 0.8),
        (100.0, 0.0, False, "optimal: proven", 0.0),
        (100.0 * (1 + 1e-13), 0.0, False, "optimal: proven", 0.0),
        (100.0, 0.0, True, "gap", 0.0),
        (120.0, None, False, "best found", None),
    ],
)
def test_the_answer_of_a_sampler_is_held_against_the_optimum(found_pj, optimum_gap, front, status, gap):
    einsum = gemm()

    def result(energy_pj, status, gap):
        certificate = Certificate(status, "x", None, 1, (), 0.0, gap)
        return MapperResult(einsum.name, (point(einsum, two_level(), energy_pj, 7.0),), certificate)

    optimum = result(100.0, "gap", optimum_gap)
    aim = objective_of("energy,latency" if front else "energy")
    certificate = against(result(found_pj, "best found", None), optimum, aim).certificate
    assert certificate.status == status
    assert certificate.gap == (None if gap is None else pytest.approx(gap))


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_reported(jobs):
    events = []
    workload = network(gemm("one"), gemm("two", (2, 2, 2)))
    map_workload(workload, two_level(), jobs=jobs, search_one=fake_search, report=events.append)
    for name in ("one", "two"):
        assert [e.state for e in events if e.einsum == name] == ["started", "progress", "done"]


def test_time_and_memory_are_shared_out():
    seen = []

    def search(einsum, architecture, options, progress):
        seen.append((options.budget, options.memory))
        return fake_search(einsum, architecture, options, progress)

    workload = network(gemm("one"), gemm("two", (2, 2, 2)))
    map_workload(workload, two_level(), Request(budget=10.0, memory=100), jobs=1, search_one=search)
    # half of the time is for a second round, where one is needed
    assert seen[0][0] == pytest.approx(2.5, abs=0.5)
    assert seen[1][0] == pytest.approx(5.0, abs=0.5)
    assert [memory for _, memory in seen] == [100, 100]


@pytest.mark.parametrize(
    "error",
    [SpecError([Problem("wrong", line=3)]), InfeasibleError("Z", [("capacity", 2)], Reject("GLB", "capacity", 2, 1))],
)
def test_errors_cross_processes_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert type(again) is type(error)
