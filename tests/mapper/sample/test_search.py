"""Optuna search of mappings: reproducible, within limits, and near the known optima."""

import itertools
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from strategies import workload_of

from costmodel.einsum.algebra import Role
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.sample import search, tried
from costmodel.mapper.sample.mapspace import encoding_of
from costmodel.mapper.sample.moves import Screen, moves_from
from costmodel.mapper.sample.search import SamplingProgress, search_einsum
from costmodel.mapper.sample.starts import starts
from costmodel.mapper.sample.tried import Tried
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.evaluate import evaluate
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Spatial, Storage, Temporal
from costmodel.spec.methods import METHODS, SAMPLERS
from costmodel.spec.objective import objective_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rules import parse

ROOT = Path(__file__).resolve().parents[3]

MISSING = {method for method in SAMPLERS if any(find_spec(name) is None for name in METHODS[method].needs)}
every_method = pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=pytest.mark.skipif(m in MISSING, reason="its packages are missing")) for m in SAMPLERS],
)

GEMM = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=64, n=64, k=64, roles={"B": Role.WEIGHT})
SMALL = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=8, n=6, k=4, roles={"B": Role.WEIGHT})
CONV = workload_of("O[p] = I[p + r] * F[r]", p=16, r=3, roles={"F": Role.WEIGHT})


def two_level(words=1024, **buffer) -> Architecture:
    """As in the published cases: 100 pJ a word outside, 1 inside, 4 words a cycle."""
    return Architecture(
        name="two_level",
        levels=(
            Memory(name="DRAM", read_pj=100, write_pj=100, bandwidth_bits_per_cycle=32),
            Memory(name="Buffer", capacity_bits=8 * words, read_pj=1, write_pj=1, **buffer),
            ComputeUnit(name="MAC", energy_pj={"default": 1}),
        ),
    )


def array_of(*constraints, rf=64) -> Architecture:
    return Architecture(
        name="pe2d",
        levels=(
            Memory(name="DRAM", read_pj=200, write_pj=200, bandwidth_bits_per_cycle=64),
            Memory(name="GLB", capacity_bits=8 * 32768, read_pj=6, write_pj=6, bandwidth_bits_per_cycle=256),
            Array(name="PEs", shape={"X": 8, "Y": 8}),
            Memory(name="RF", capacity_bits=8 * rf, read_pj=1, write_pj=1),
            ComputeUnit(name="MAC", energy_pj={"default": 1}),
        ),
        constraints=constraints,
    )


def answer(result):
    return [(p.energy_pj, p.latency_cycles, [str(node) for node in p.mapping.nest]) for p in result.front]


@every_method
def test_every_method_finds_the_optimum_of_a_small_gemm(method):
    """The optimum of cases.yaml, which an exhaustive enumeration confirmed."""
    result = search_einsum(GEMM.einsums[0], two_level(), method=method, trials=48)
    assert result.front[0].evaluation.edp == 1101659111424
    assert result.certificate.status == "best found"
    assert result.certificate.method == f"{method} + hill climbing"


@pytest.mark.parametrize("method", ["tpe", "nsga2", "random"])
def test_near_the_optimum_with_an_array(method):
    result = search_einsum(GEMM.einsums[0], array_of(), method=method, trials=80)
    assert result.front[0].evaluation.edp <= 1.01 * 16190013440


@every_method
def test_seeds_reproduce(method):
    first, again, other = (
        search_einsum(SMALL.einsums[0], array_of(rf=12), method=method, trials=80, seed=seed) for seed in (1, 1, 2)
    )
    assert answer(first) == answer(again)
    assert first.certificate.pruned == again.certificate.pruned
    assert first.certificate.evaluated == again.certificate.evaluated
    assert other.certificate.pruned != first.certificate.pruned


def test_seeds_reproduce_in_every_process():
    """Sets of strings have another order in every process; no answer may depend on it."""
    script = (
        "from test_search import *\n"
        "for method in ('tpe', 'nsga2', 'cmaes'):\n"
        "    r = search_einsum(CONV.einsums[0], array_of(rf=6), objective='energy,latency', trials=80, method=method)\n"
        "    print(answer(r), r.certificate.pruned)"
    )
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(__file__).parent)))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().count("compute O on MAC") >= 3


@pytest.mark.parametrize("method", ["tpe", "nsga2", "cmaes", "random"])
def test_front(method):
    """Few words a cycle against cheap ones: energy and latency disagree, so a front has several points."""
    slow = Architecture(
        name="slow",
        levels=(
            Memory(name="DRAM", read_pj=10, write_pj=10, bandwidth_bits_per_cycle=64),
            Memory(
                name="Buffer",
                capacity_bits=8 * 40,
                read_pj=5,
                write_pj=5,
                bandwidth_bits_per_cycle=8,
                may_keep=("input", "weight", "output"),
            ),
            ComputeUnit(name="MAC", energy_pj={"default": 1}),
        ),
    )
    result = search_einsum(SMALL.einsums[0], slow, objective="energy,latency", method=method, trials=120)
    costs = [(p.energy_pj, p.latency_cycles) for p in result.front]
    assert len(costs) > 1
    assert costs == sorted(costs)
    for a, b in itertools.permutations(costs, 2):
        assert a[0] < b[0] or a[1] < b[1]
    for point in result.front:
        assert evaluate(SMALL, slow, point.mapping).energy_pj == point.energy_pj
    improvements = [(one.energy_pj, one.latency_cycles) for one in result.improvements]
    assert tuple(map(min, *improvements)) == tuple(map(min, *costs))
    for place, each in enumerate(improvements):
        assert place == 0 or any(a < b for a, b in zip(each, map(min, *[*improvements[:place]] * 2), strict=True))
    trials = [one.trial for one in result.improvements]
    assert trials == sorted(set(trials))
    assert 1 == trials[0] < trials[-1] <= result.certificate.evaluated


@pytest.mark.parametrize("method", ["tpe", "nsga2", "cmaes", "random"])
@pytest.mark.parametrize("objective", ["energy,latency,capacity", "edp,capacity"])
def test_a_front_with_room(method, objective):
    """Larger tiles cost less energy, so room and energy disagree. The least room is a word of each tensor."""
    aim = objective_of(objective)
    result = search_einsum(SMALL.einsums[0], two_level(), objective=objective, method=method, trials=80)
    values = [aim.of(p) for p in result.front]
    assert len(values) > 2
    assert values == sorted(values)
    for a, b in itertools.permutations(values, 2):
        assert any(x < y for x, y in zip(a, b, strict=True))
    rooms = [p.capacity_bits for p in result.front]
    assert min(rooms) == 3 * 8
    assert max(rooms) > 5 * min(rooms)
    for point in result.front:
        assert evaluate(SMALL, two_level(), point.mapping).capacity_bits == point.capacity_bits


def test_least_room_comes_with_the_least_energy_of_it():
    """One word of each tensor, and Z stays there while k runs."""
    (point,) = search_einsum(SMALL.einsums[0], two_level(), objective="capacity", trials=80).front
    assert point.capacity_bits == 24
    expected = search_einsum(SMALL.einsums[0], two_level(words=3), objective="energy", trials=80)
    assert point.energy_pj == expected.front[0].energy_pj


def test_ties_go_to_the_other_objective():
    """Any mapping is compute-bound here; the one returned must not waste energy."""
    result = search_einsum(GEMM.einsums[0], two_level(), objective="latency", trials=60)
    assert (result.front[0].latency_cycles, result.front[0].energy_pj) == (262144, 4202496)


def test_capacity_holds_on_the_answer():
    result = search_einsum(GEMM.einsums[0], array_of(rf=3), trials=60)
    evaluate(GEMM, array_of(rf=3), result.front[0].mapping)


def test_constraints_hold_on_the_answer():
    architecture = array_of("PEs.X only [m]")
    result = search_einsum(GEMM.einsums[0], architecture, constraints=["PEs.Y only [k]"], trials=60)
    spatial = [node for node in result.front[0].mapping.nest if isinstance(node, Spatial)]
    assert {(node.dimension, node.rank_variable) for node in spatial} == {("X", "m"), ("Y", "k")}


@pytest.mark.parametrize(
    "sentences",
    [
        ["PEs.X exact m 4", "PEs.Y at most k 2"],
        ["GLB tile m <= 16", "RF tile k == 2"],
        ["utilisation >= 100 %"],
        ["output_stationary"],
        ["weight_stationary", "PEs.X only [k]", "PEs.Y only [n]"],
    ],
    ids=" ".join,
)
def test_rules_hold_on_the_answer(sentences):
    architecture = array_of()
    result = search_einsum(GEMM.einsums[0], architecture, constraints=sentences, trials=80)
    limits = encoding_of(Allowed(GEMM.einsums[0], architecture, parse(sentences, architecture, GEMM.einsums[0]))).limits
    plan = tuple(limits.plans.steps_of(result.front[0].mapping))
    assert all(finding.slack <= 0 for finding in limits.findings(plan))
    evaluate(GEMM, architecture, result.front[0].mapping)


def test_stationary_tensors_stay():
    """Innermost loop in time above the registers of Z: over k, which Z does not have."""
    result = search_einsum(GEMM.einsums[0], array_of(), constraints=["output_stationary"], trials=60)
    nest = list(result.front[0].mapping.nest)
    holders = [k for k, node in enumerate(nest) if isinstance(node, Storage) and "Z" in node.tensors]
    loops = [node for node in nest[: holders[-1]] if isinstance(node, Temporal)]
    assert "k" not in {loop.rank_variable for loop in loops} or loops[-1].rank_variable == "k"


@pytest.mark.parametrize("objective", ["edp", "energy*capacity"])
def test_screened_estimates_are_the_models(objective):
    """Climbing picks moves by batch estimates; a wrong one would send it astray without a sign."""
    architecture = array_of()
    encoding = encoding_of(Allowed(GEMM.einsums[0], architecture))
    goal = objective_of(objective)
    tried = Tried(encoding, GEMM, architecture, goal)
    screen = Screen(tried)
    (start, *_) = starts(encoding)
    found = screen.better(start, moves_from(encoding, start), goal, bound=math.inf)
    assert len(found) > 20
    costs = [goal.of(tried.judge(genes).cost)[0] for genes in found[:20]]
    assert costs == sorted(costs)
    assert screen.better(start, moves_from(encoding, start), goal, bound=costs[0]) == []


def test_rules_that_contradict_the_hardware_are_infeasible():
    architecture = two_level(keep=("output",), may_keep=("input",))
    with pytest.raises(InfeasibleError, match="Buffer keeps weight"):
        search_einsum(GEMM.einsums[0], architecture, constraints=["Buffer keeps weight"])
    with pytest.raises(InfeasibleError, match="Buffer bypasses output"):
        search_einsum(GEMM.einsums[0], architecture, constraints=["Buffer bypasses output"])
    with pytest.raises(InfeasibleError, match=r"PEs\.X: exact m 5"):
        search_einsum(GEMM.einsums[0], array_of(), constraints=["PEs.X exact m 5"], trials=40)


def test_progress_is_reported():
    seen: list[SamplingProgress] = []
    search_einsum(SMALL.einsums[0], two_level(), trials=80, progress=seen.append)
    assert [p.done for p in seen if p.phase == "sampling"][-1] == 40
    assert seen[-1].phase == "climbing"
    assert all(0 < p.valid_share <= 1 and p.per_s > 0 for p in seen)
    best = [p.best[0] for p in seen if p.best]
    assert best == sorted(best, reverse=True)
    assert str(seen[0]).startswith("Z: tpe sampling 8/40, best ")


@pytest.mark.parametrize("phase", ["sampling", "climbing"])
def test_interrupt_returns_the_best_so_far(phase):
    def stop(progress):
        if progress.phase == phase:
            raise KeyboardInterrupt

    result = search_einsum(GEMM.einsums[0], array_of(), trials=200, progress=stop)
    assert result.front
    assert result.certificate.status == "best found"
    assert result.certificate.how.endswith("(interrupted)")
    assert result.certificate.evaluated < 300


def test_a_search_whose_time_is_up_before_it_starts_has_one_mapping(monkeypatch):
    """Constructive starts of a large problem can take longer than there is."""

    def never(_encoding):
        raise OutOfTimeError
        yield

    monkeypatch.setattr(search, "starts", never)
    found = search_einsum(CONV.einsums[0], two_level(), method="random", trials=10)
    assert (found.certificate.evaluated, found.certificate.budget_spent) == (1, True)


def test_a_mapping_that_takes_too_long_to_count_is_told_with_the_limit_that_holds(monkeypatch):
    def refuse(_bound):
        raise TooManyTilesError(9, 5, [Problem("too many tiles")])

    monkeypatch.setattr(tried, "evaluate_bound", refuse)
    with pytest.raises(InfeasibleError, match="tiles told one by one needs 9, has 5 "):
        search_einsum(CONV.einsums[0], two_level(), method="random", trials=10)


def test_infeasible_says_what_is_missing():
    """Three tensors of one word each need three words, whatever the tiles."""
    with pytest.raises(InfeasibleError) as caught:
        search_einsum(GEMM.einsums[0], two_level(words=2), trials=40)
    error = caught.value
    assert error.tally[0][0] == "Buffer: capacity in words"
    assert str(error.nearest) == "Buffer: capacity in words needs 3, has 2 (A 1×1 + B 1×1 + Z 1×1)"


def test_bypass_makes_room():
    """What may pass the buffer by does so where it must."""
    architecture = two_level(words=2, keep=("output",), may_keep=("input", "weight"))
    result = search_einsum(GEMM.einsums[0], architecture, trials=40)
    assert "store A B Z in Buffer" not in "\n".join(map(str, result.front[0].mapping.nest))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "enrgy"}, "no such objective: 'enrgy' (did you mean 'energy'?)"),
        ({"objective": ""}, "no objective is named"),
        ({"method": "tpee"}, "no such method: 'tpee' (did you mean 'tpe'?)"),
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"constraints": ["PEs.Z only [m]"]}, "PEs.Z"),
        ({"constraints": ["nonsense"]}, "nonsense"),
    ],
)
def test_bad_questions(options, message):
    with pytest.raises(SpecError) as caught:
        search_einsum(SMALL.einsums[0], array_of(), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("method", sorted(MISSING) or [pytest.param("", marks=pytest.mark.skip)])
def test_a_missing_package_is_named(method):
    with pytest.raises(SpecError, match="pip install"):
        search_einsum(SMALL.einsums[0], two_level(), method=method)


def test_an_einsum_of_one_point():
    """No gene has a choice."""
    one = workload_of("Z[m] = A[m]", m=1)
    architecture = Architecture(name="a", levels=(Memory(name="DRAM"), ComputeUnit(name="MAC")))
    assert len(search_einsum(one.einsums[0], architecture, trials=10).front) == 1


@every_method
@pytest.mark.parametrize("trials", [1, 7, 100])
def test_so_many_trials_cost_so_many_mappings(method, trials):
    found = search_einsum(CONV.einsums[0], array_of(rf=6), objective="energy,latency", method=method, trials=trials)
    assert 1 <= found.certificate.evaluated <= trials
    assert found.certificate.evaluated >= trials * 0.9 or trials < 100


def test_optuna_is_quiet(capfd):
    search_einsum(SMALL.einsums[0], two_level(), trials=20)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
