"""Costs that no mapping undercuts, whatever its tiles."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from any_tiles import some_mappings
from asking import map_einsum
from problems import HOPPING, MAC, PE2D, TWO_LEVEL, einsum, gemm, in_wider_accesses, random_architecture, random_einsum

from costmodel.einsum.algebra import Einsum, Operation, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.uneven.bound import busiest_points, lower_bound
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError
from costmodel.spec.rules import parse

PE4X4 = replace(
    PE2D, name="pe4x4", levels=tuple(replace(x, shape={"X": 4, "Y": 4}) if x.name == "PEs" else x for x in PE2D.levels)
)
PRIME = gemm(13, 11, 7)


def cost(problem: Einsum, architecture: Architecture, mapping: Mapping) -> Evaluation | None:
    """Null where it does not fit."""
    try:
        return evaluate(Workload("w", "", (problem,)), architecture, mapping)
    except SpecError as error:
        if "over capacity" not in str(error):
            raise
        return None


@pytest.mark.parametrize("seed", range(60))
def test_no_mapping_undercuts_the_bound(seed: int) -> None:
    rng = random.Random(seed)
    problem, architecture = random_einsum(rng), random_architecture(rng)
    least = lower_bound(Allowed(problem, architecture))
    for mapping in some_mappings(rng, problem, architecture, 30):
        found = cost(problem, architecture, mapping)
        if found is not None:
            assert found.energy_pj >= least.energy_pj, (seed, mapping)
            assert found.latency_cycles >= least.latency_cycles, (seed, mapping)


@pytest.mark.parametrize("seed", range(12))
def test_no_optimum_undercuts_the_bound(seed: int) -> None:
    rng = random.Random(1000 + seed)
    problem, architecture = random_einsum(rng), random_architecture(rng)
    least = lower_bound(Allowed(problem, architecture))
    try:
        front = map_einsum(problem, architecture, objective="energy,latency").front
    except InfeasibleError:
        return
    assert min(p.energy_pj for p in front) >= least.energy_pj
    assert min(p.latency_cycles for p in front) >= least.latency_cycles


@pytest.mark.parametrize("seed", range(30))
def test_no_mapping_takes_less_room_than_the_bound(seed: int) -> None:
    rng = random.Random(2000 + seed)
    problem, architecture = random_einsum(rng), random_architecture(rng)
    least = lower_bound(Allowed(problem, architecture))
    for mapping in some_mappings(rng, problem, architecture, 10):
        found = cost(problem, architecture, mapping)
        assert found is None or found.capacity_bits >= least.capacity_bits


def test_the_busiest_instance_has_what_an_even_spread_leaves() -> None:
    # 7 over 7 of 16 instances and 13 over 2: 1 × 7 × 11 points
    assert busiest_points(Allowed(PRIME, PE4X4)) == 77
    only = parse(["PEs only [m]"], PE4X4, PRIME)
    assert busiest_points(Allowed(PRIME, PE4X4, only)) == 77
    assert busiest_points(Allowed(PRIME, PE4X4, parse(["PEs only [k]"], PE4X4, PRIME))) == 143
    assert busiest_points(Allowed(PRIME, TWO_LEVEL)) == PRIME.points


def test_the_bound_on_traffic_is_near_the_best_perfect_mapping() -> None:
    small_buffer = replace(TWO_LEVEL.levels[1], capacity_bits=8 * 300)
    architecture = replace(TWO_LEVEL, levels=(TWO_LEVEL.levels[0], small_buffer, TWO_LEVEL.levels[2]))
    problem = gemm(60, 60, 60)
    least = lower_bound(Allowed(problem, architecture))
    (best,) = map_einsum(problem, architecture, objective="energy").front
    assert least.energy_pj <= best.energy_pj <= 1.1 * least.energy_pj


def test_constraints_on_an_array_bound_the_instances_at_work() -> None:
    # 7 rows for k, and nothing else may lie along X: 4 × 1 of 4 × 4 instances
    rules = parse(["PEs.X only [k]", "PEs.Y only [k]"], PE4X4, gemm(13, 11, 2))
    assert busiest_points(Allowed(gemm(13, 11, 2), PE4X4, rules)) == 143


BROADCAST = Architecture(
    name="broadcast",
    levels=(
        Memory(name="M0", read_pj=64, write_pj=32, access_bits=64, read_bits_per_cycle=8, leakage_w=1e-3, instances=2),
        Array(name="A1", shape={"X": 4}, hop_pj=6, hop_bits=24),
        Memory(name="M1", read_pj=4, write_pj=2, access_bits=16, instances=3),
        ComputeUnit(name="MAC", energy_pj={"default": 1, "exp": 5}, throughput_per_cycle={"default": 2, "exp": 0.25}),
    ),
)


def test_a_bound_by_hand() -> None:
    """One mapping reaches it: m across the array, so that each instance keeps its words of A and Z, and B is shared."""
    problem = einsum("Z[m]", "A[m, k]", "B[k]", bits={"A": 8, "B": 16, "Z": 24}, m=4, k=2)
    problem = replace(problem, operations=(Operation("mac", 1), Operation("exp", 1)))
    a, b, z = 8 * 8, 2 * 16, 4 * 24
    into, out = a + b, z
    outermost = into * 64 / 64 + out * 32 / 64
    hops = (a + b + out) * 6 / 24
    # every point reads A and B; it updates Z, which is read back but at the first touch, and drained
    inner = (a + b) * 2 / 16 + 8 * (8 + 16) * 4 / 16 + 8 * 24 * 2 / 16 + 8 * 24 * 4 / 16
    cycles = max(2 * (1 / 2 + 1 / 0.25), into / 8)
    least = lower_bound(Allowed(problem, BROADCAST))
    assert least.latency_cycles == pytest.approx(cycles)
    assert least.energy_pj == pytest.approx(outermost + hops + inner + 8 * (1 + 5) + 2 * cycles)
    assert least.capacity_bits == 3 * (8 + 16 + 24)
    found = map_einsum(problem, BROADCAST, objective="latency").front[0]
    assert found.latency_cycles == pytest.approx(least.latency_cycles)


def test_what_is_read_back_at_most_once_for_each_instance() -> None:
    # without a memory inside, each update reads M0 but for the first of each word
    problem = einsum("Z[m]", "A[m, k]", bits={"A": 8, "Z": 8}, m=4, k=3)
    architecture = Architecture(name="bare", levels=(Memory(name="M0", read_pj=1, write_pj=10), MAC))
    assert lower_bound(Allowed(problem, architecture)).energy_pj == pytest.approx(12 + 12 * 10 + (12 - 4) + 12)


def test_each_instance_may_touch_a_word_for_the_first_time() -> None:
    # k over the instances: each updates its words once, reads none back and drains them for nothing
    problem = einsum("Z[m]", "A[m, k]", bits={"A": 8, "Z": 8}, m=4, k=3)
    inner = Memory(name="M1", read_pj=1, write_pj=0, drain="free", keep=("output",))
    levels = (Memory(name="M0", read_pj=0, write_pj=0), Array(name="A1", shape={"X": 3}), inner, MAC)
    architecture = Architecture(name="touching", levels=levels)
    (best,) = map_einsum(problem, architecture, objective="energy").front
    assert lower_bound(Allowed(problem, architecture)).energy_pj == pytest.approx(12)
    assert best.energy_pj == pytest.approx(12)


def test_nested_arrays_that_merge_share_one_delivery() -> None:
    problem = einsum("Z[m]", "A[k]", "B[m, k]", m=4, k=2)
    arrays = (Array(name="A1", shape={"X": 2}), Array(name="A2", shape={"X": 2}))
    outer = Memory(name="M0", read_pj=1, write_pj=0)
    shared = Architecture(name="n", levels=(outer, *arrays, MAC))
    apart = replace(shared, levels=(outer, *(replace(x, multicast="none") for x in arrays), MAC))
    points, sums = 8, 8 - 4
    # A: one word for four points at once, or each point its own; B has a word a point; sums of k are not merged here
    assert lower_bound(Allowed(problem, shared)).energy_pj <= points / 4 + points + sums + points
    assert lower_bound(Allowed(problem, shared)).energy_pj == pytest.approx(points / 4 + points + points)
    assert lower_bound(Allowed(problem, apart)).energy_pj == pytest.approx(points + points + points)


def test_the_width_of_an_access_only_says_what_prices_refer_to() -> None:
    problem = gemm(8, 8, 8)
    least = lower_bound(Allowed(problem, HOPPING))
    roomy = replace(
        HOPPING, levels=tuple(replace(x, capacity_bits=None) if isinstance(x, Memory) else x for x in HOPPING.levels)
    )
    assert lower_bound(Allowed(problem, in_wider_accesses(roomy))).energy_pj == pytest.approx(
        lower_bound(Allowed(problem, roomy)).energy_pj
    )
    assert lower_bound(Allowed(problem, in_wider_accesses(HOPPING))).energy_pj == pytest.approx(least.energy_pj)
    assert least.energy_pj > 1.1 * lower_bound(Allowed(problem, roomy)).energy_pj  # what capacities add has prices, too
