"""The exact search on Einsums with points outside of a tensor, against every mapping that there is."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import replace

import exhaustive
import pytest
from asking import map_einsum
from comparison import difference
from problems import PE2D, TWO_LEVEL, einsum, padded_problem
from strategies import Case

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper import engines
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.border import bordered
from costmodel.mapper.lattice.edges import Edge, Places, average, largest
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.uneven import lower_bound
from costmodel.spec.rules import parse

NO_FORM = re.compile("differ at the edge of a padded tensor|moves whole windows or boxes of I|below nested arrays")
"""Why the lattice may have no exact form."""
MOST = 150
"""Mappings of a problem."""
SEEDS = 120
BLOCK = 40


def small(seed: int):
    """A padded problem, or null where it has too many mappings."""
    problem, architecture = padded_problem(random.Random(seed))
    return None if exhaustive.size(problem, architecture, MOST) == MOST else (problem, architecture)


@pytest.mark.parametrize("start", range(0, SEEDS, BLOCK))
def test_the_search_finds_the_front_of_all_mappings(start: int) -> None:
    exact = 0
    for seed in range(start, start + BLOCK):
        if (found := small(seed)) is None:
            continue
        problem, architecture = found
        expected = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
        try:
            result = map_einsum(problem, architecture, objective="energy,latency")
        except InfeasibleError:
            assert expected == [], f"seed {seed}"
            continue
        certificate = result.certificate
        assert certificate.status == "optimal: proven", f"seed {seed}: {certificate}"
        assert certificate.method == "exact" or NO_FORM.search(certificate.method), f"seed {seed}: {certificate}"
        got = [(p.energy_pj, p.latency_cycles) for p in result.front]
        assert got == [pytest.approx(costs, rel=1e-9) for costs in expected], f"seed {seed}"
        exact += certificate.method == "exact"
    assert exact >= 5


def test_the_bound_for_all_tiles_is_below_every_mapping() -> None:
    checked = 0
    for seed in range(1000, 1050):
        if (found := small(seed)) is None:
            continue
        problem, architecture = found
        least = lower_bound(Allowed(problem, architecture, parse(architecture.constraints, architecture, problem)))
        for _, cost in exhaustive.costed(problem, architecture):
            assert least.energy_pj <= cost.energy_pj * (1 + 1e-9), f"seed {seed}"
            assert least.latency_cycles <= cost.latency_cycles * (1 + 1e-9), f"seed {seed}"
            assert least.capacity_bits <= cost.capacity_bits, f"seed {seed}"
        checked += 1
    assert checked > 12


def one_row_of_padding(problem: Einsum) -> Einsum:
    """A convolution of 4 rows by a kernel of 3, with a border of one on either side that is not stored."""
    (c, window), i = problem.inputs[0].indices, problem.tensors["I"]
    inputs = (replace(problem.inputs[0], indices=(c, replace(window, constant=-1))), *problem.inputs[1:])
    return replace(problem, inputs=inputs, tensors={**problem.tensors, "I": replace(i, shape=(4, 4))})


@pytest.mark.parametrize(
    "architecture",
    [TWO_LEVEL, replace(PE2D, constraints=("PEs.X only [m]", "PEs.Y only [c]"))],
    ids=["two_level", "pe2d"],
)
def test_the_walk_confirms_a_padded_convolution(architecture) -> None:
    problem = einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", weights="F", m=4, c=4, p=4, r=3)
    problem = one_row_of_padding(problem)
    assert problem.points_inside == 4 * 4 * (4 * 3 - 2)
    found = map_einsum(problem, architecture, objective="edp")
    assert found.certificate.method == "exact"
    (point,) = found.front
    assert difference(Case(Workload("W", "", (problem,)), architecture, point.mapping)) == {}


def test_words_inside_are_counted_over_all_places() -> None:
    """Tiles of sets of numbers, one by one."""
    rng = random.Random(0)
    for _ in range(200):
        whole = [rng.choice([2, 4, 6]) for _ in range(2)]
        tile = [rng.choice([d for d in (1, 2, 3, 6) if n % d == 0]) for n in whole]
        low = [rng.choice([d for d in range(t, n + 1, t) if n % d == 0]) for t, n in zip(tile, whole, strict=True)]
        high = [0, rng.choice([0, *(d for d in range(2 * low[1], whole[1] + 1) if whole[1] % d == 0 == d % low[1])])]
        factors, edge = [rng.choice([1, 2, 3, -1]) for _ in range(2)], Edge(rng.randint(-4, 3), rng.randint(1, 7))
        starts = [[x for x in range(0, n, s) if not h or x % h] for n, s, h in zip(whole, low, high, strict=True)]
        if not all(starts):
            continue
        shift = rng.randint(-3, 3)

        def tile_at(at, by=0):
            points = itertools.product(*(range(s, s + t) for s, t in zip(at, tile, strict=True)))  # noqa: B023
            every = {edge.constant - by + sum(c * x for c, x in zip(factors, p, strict=True)) for p in points}  # noqa: B023
            return {w for w in every if 0 <= w < edge.extent}  # noqa: B023

        places = list(itertools.product(*starts))
        terms = tuple(zip(factors, tile, strict=True))
        expected = [sum(len(tile_at(at)) for at in places) / len(places)]
        expected.append(sum(len(tile_at(at) & tile_at(at, shift)) for at in places) / len(places))
        along = tuple(Places(*x) for x in zip(whole, low, high, strict=True))
        assert average(edge, terms, along, shift) == pytest.approx(tuple(expected))
        grid = itertools.product(*(range(0, n, t) for n, t in zip(whole, tile, strict=True)))
        assert largest(edge, terms, tuple(whole)) == max(len(tile_at(at)) for at in grid)


def test_a_border_that_is_stored_costs_no_less() -> None:
    """Every mapping of the bordered Einsum is one of the padded one, at no more cost and in no more room."""
    checked = 0
    for seed in range(2000, 2060):
        if (found := small(seed)) is None:
            continue
        problem, architecture = found
        stored = bordered(problem)
        assert not stored.limits
        padded = {m.nest: cost for m, cost in exhaustive.costed(problem, architecture)}
        for mapping, cost in exhaustive.costed(stored, architecture):
            own = padded[mapping.nest]
            assert own.energy_pj <= cost.energy_pj * (1 + 1e-9), f"seed {seed}"
            assert own.latency_cycles <= cost.latency_cycles, f"seed {seed}"
            assert own.capacity_bits <= cost.capacity_bits, f"seed {seed}"
            checked += 1
    assert checked > 100


def test_what_is_too_large_to_prove_is_begun_from_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "FALLBACK", engines.FALLBACK.asking(trials=20))
    monkeypatch.setattr("costmodel.mapper.uneven.exhaustion.EFFORT_MOST_S", 0.0)
    problem = one_row_of_padding(einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", weights="F", m=4, c=4, p=4, r=3))
    found = map_einsum(problem, PE2D, objective="energy")
    assert found.certificate.method.startswith("random + exact with a border (unsupported: instances of PEs differ")
    assert found.certificate.gap is not None
    (point,) = found.front
    stored = map_einsum(bordered(problem), PE2D, objective="energy")
    assert stored.certificate.status == "optimal: proven"
    assert point.energy_pj < stored.front[0].energy_pj
