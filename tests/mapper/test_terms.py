"""Searches of Einsums with a term that is not reduced over, or with a tensor that is accessed in two ways."""

from __future__ import annotations

import random
from dataclasses import replace

import exhaustive
import pytest
from asking import map_einsum
from problems import PE2D, TWO_LEVEL, access, einsum, in_two_ways, random_architecture, with_bias

from costmodel.einsum.algebra import Operation, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice.space import build
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.uneven import exhaustion
from costmodel.mapper.uneven.bound import lower_bound
from costmodel.model.evaluate import evaluate
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError


def small_problem(rng: random.Random, draw, most: int):
    while True:
        problem, architecture = draw(rng), random_architecture(rng)
        if exhaustive.size(problem, architecture, most) < most:
            return problem, architecture


@pytest.mark.parametrize("seed", range(25))
def test_the_front_with_a_bias_is_that_of_the_whole_mapspace(seed: int) -> None:
    problem, architecture = small_problem(random.Random(seed), with_bias, 400)
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not expected
        return
    assert found.certificate.status == "optimal: proven"
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    assert got == [pytest.approx((energy, latency), rel=1e-9) for energy, latency, _ in expected]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_sampled_comes_with_a_valid_gap(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustion, "EFFORT_MOST_S", 0.0)
    rng = random.Random(2_000 + seed)
    expected: list[tuple[float, float, Mapping]] = []
    while not expected:
        problem, architecture = small_problem(rng, in_two_ways, 300)
        expected = exhaustive.front(problem, architecture)
    certificate = (found := map_einsum(problem, architecture, objective="energy,latency")).certificate
    assert "enumeration" not in certificate.method
    assert certificate.gap is not None
    assert expected[0][0] <= found.front[0].energy_pj * (1 + 1e-9)
    assert found.front[0].energy_pj <= expected[0][0] * (1 + certificate.gap) * (1 + 1e-9)


@pytest.mark.parametrize("draw", [with_bias, in_two_ways])
@pytest.mark.parametrize("seed", range(25))
def test_no_mapping_undercuts_the_bound(seed: int, draw) -> None:
    problem, architecture = small_problem(random.Random(1_000 + seed), draw, 300)
    least = lower_bound(Allowed(problem, architecture))
    workload, checked = Workload("w", "", (problem,)), 0
    for mapping in exhaustive.mappings(problem, architecture):
        try:
            cost = evaluate(workload, architecture, mapping)
        except SpecError:
            continue
        assert cost.energy_pj >= least.energy_pj * (1 - 1e-9)
        assert cost.latency_cycles >= least.latency_cycles * (1 - 1e-9)
        checked += 1
    assert checked or not exhaustive.front(problem, architecture)


def test_a_bias_is_read_once_for_each_word_of_the_output() -> None:
    """Fully connected, M 4, C 2, H 3, W 3: four words of the bias, however the sum is made."""
    fc = einsum("O[m]", "B[m]", "I[c, h, w]", "F[m, c, h, w]", m=4, c=2, h=3, w=3)
    fc = replace(fc, inputs=(replace(fc.inputs[0], at_zero=fc.reduced), *fc.inputs[1:]))
    for architecture in (TWO_LEVEL, PE2D):
        found = map_einsum(fc, architecture)
        assert found.certificate.status == "optimal: proven"
        cost = found.front[0].evaluation
        innermost = [m.name for m in architecture.memories][-1]
        assert cost.words(architecture.memories[0].name, "B", "read") == 4
        assert cost.words(innermost, "B", "read") == 4


def test_what_the_lattice_cannot_count_is_found_otherwise_and_says_so() -> None:
    gram = einsum("Z[m, n]", "X[m, k]", "X[n, k]", m=4, n=4, k=2)
    found = map_einsum(gram, TWO_LEVEL, budget=0.5)
    least = lower_bound(Allowed(gram, TWO_LEVEL))
    edp = found.front[0].evaluation.energy_pj * found.front[0].evaluation.latency_cycles
    assert found.certificate.gap == pytest.approx(edp / (least.energy_pj * least.latency_cycles) - 1, abs=1e-8)
    assert "accessed in 2 ways" in found.certificate.method
    inner = replace(
        PE2D, levels=tuple(replace(x, read_bits_per_cycle=8.0) if x.name == "RF" else x for x in PE2D.levels)
    )
    bias = replace(access("B[m]"), at_zero=frozenset("k"))
    biased = einsum("O[m]", "B[m]", "I[k]", "F[m, k]", m=4, k=4)
    biased = replace(biased, inputs=(bias, *biased.inputs[1:]))
    with pytest.raises(UnsupportedError, match="only some instances"):
        build(Allowed(biased, inner))
    powers = (Operation("exp", 1, frozenset("k")), *biased.operations)
    with pytest.raises(UnsupportedError, match="operations of its own"):
        build(Allowed(replace(biased, operations=powers), TWO_LEVEL))


def test_an_einsum_without_rank_variables_has_an_optimum() -> None:
    scalar = einsum("Z[]", "A[]", "B[]")
    found = map_einsum(replace(scalar, operations=(Operation("div", 1),)), PE2D)
    assert found.certificate.status == "optimal: proven"
    assert found.front[0].evaluation.words("MainMemory", "A", "read") == 1
