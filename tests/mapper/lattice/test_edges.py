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
from costmodel.mapper.lattice.edges import Digit, Edge, average, largest, met
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.mapper.uneven import lower_bound
from costmodel.spec.hardware import Array
from costmodel.spec.rules import parse

NO_FORM = re.compile(
    "several arrays lie along the edge of I|shares whole tiles of I, which is padded|differ at the edge of I"
    "|terms differ at the edge of I|only some instances of .. need [DI]"
    "|moves whole windows or boxes of I|below nested arrays|merges what .. inside it does not"
    "|stationary tensor I has a sliding window"
)
"""Why the lattice may have no exact form."""
MOST = 150
"""Mappings of a problem."""
SEEDS = 80
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
    for seed in range(1000, 1018):
        if (found := small(seed)) is None:
            continue
        problem, architecture = found
        least = lower_bound(Allowed(problem, architecture, parse(architecture.constraints, architecture, problem)))
        for _, cost in exhaustive.costed(problem, architecture):
            assert least.energy_pj <= cost.energy_pj * (1 + 1e-9), f"seed {seed}"
            assert least.latency_cycles <= cost.latency_cycles * (1 + 1e-9), f"seed {seed}"
            assert least.capacity_bits <= cost.capacity_bits, f"seed {seed}"
        checked += 1
    assert checked > 4


def one_row_of_padding(problem: Einsum) -> Einsum:
    """A convolution of 4 rows by a kernel of 3, with a border of one on either side that is not stored."""
    (c, window), i = problem.inputs[0].indices, problem.tensors["I"]
    inputs = (replace(problem.inputs[0], indices=(c, replace(window, constant=-1))), *problem.inputs[1:])
    return replace(problem, inputs=inputs, tensors={**problem.tensors, "I": replace(i, shape=(4, 4))})


@pytest.mark.parametrize(
    "architecture",
    [TWO_LEVEL, PE2D, replace(PE2D, constraints=("PEs.X only [p]", "PEs.Y only [r]"))],
    ids=["two_level", "pe2d", "rows"],
)
def test_the_walk_confirms_a_padded_convolution(architecture) -> None:
    problem = einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", weights="F", m=4, c=4, p=4, r=3)
    problem = one_row_of_padding(problem)
    assert problem.points_inside == 4 * 4 * (4 * 3 - 2)
    found = map_einsum(problem, architecture, objective="edp")
    assert found.certificate.method == "exact"
    (point,) = found.front
    assert difference(Case(Workload("W", "", (problem,)), architecture, point.mapping)) == {}


def test_words_inside_are_counted_over_all_positions() -> None:
    """Tiles of several children as sets of numbers, one by one."""
    rng = random.Random(0)
    for _ in range(300):
        edge = Edge(rng.randint(-4, 3), rng.randint(1, 7))
        terms = tuple((rng.choice([1, 2, 3, -1]), rng.randint(1, 3)) for _ in range(2))
        along = tuple(
            tuple(Digit(rng.randint(2, 3), rng.randint(1, 3), rng.choice([0, 0, 1])) for _ in range(rng.randint(0, 2)))
            for _ in range(2)
        )
        children = tuple((rng.randint(-3, 3), rng.randint(2, 3)) for _ in range(rng.randint(0, 2)))
        shift = rng.randint(-3, 3)
        values = [listed(digits, c) for digits, (c, _) in zip(along, terms, strict=True)]
        bases = [edge.constant + sum(x) for x in itertools.product(*values)]
        offsets = [sum(x) for x in itertools.product(*(range(0, d * n, d) if d else [0] for d, n in children))]
        tile = {sum(x) for x in itertools.product(*(range(0, c * n, c) for c, n in terms))}
        union = kept = 0
        for base in bases:
            now = [{base + o + t for t in tile} for o in set(offsets)]
            asked = set[int]().union(*({w for w in words if w + shift not in words} for words in now))
            there = {w for w in set[int]().union(*now) if 0 <= w < edge.extent}
            union, kept = union + len(there), kept + len(there - asked)
        found = average(edge, terms, children, along, shift)
        assert found == pytest.approx((union / len(bases), kept / len(bases)))


def test_positions_at_which_some_point_is_inside() -> None:
    edge, factors = Edge(-2, 3), (1, 2)
    told, some = ((Digit(4, 1),), (Digit(2, 2),)), ((Digit(2, 4),), ())
    inside = 0
    for p, r in itertools.product(range(4), (0, 2)):
        inside += any(0 <= edge.constant + p + more + 2 * r < edge.extent for more in (0, 4))
    assert met(edge, factors, told, some) == inside == 4


def listed(along: tuple[Digit, ...], coefficient: int) -> list[int]:
    """Values that the positions along a rank variable give an index."""
    ranges = (range(d.first, d.until) for d in along)
    return [coefficient * sum(d.step * i for d, i in zip(along, x, strict=True)) for x in itertools.product(*ranges)]


def test_the_largest_tile_stands_anywhere() -> None:
    assert largest(Edge(-1, 3), ((1, 1), (1, 3)), (3, 3)) == 3
    assert largest(Edge(-1, 3), ((1, 3), (1, 1)), (3, 3)) == 3
    assert largest(Edge(-2, 9), ((2, 2), (1, 1)), (4, 1)) == 2
    assert largest(Edge(0, 1), ((1, 2),), (4,)) == 1


def test_a_border_that_is_stored_costs_no_less() -> None:
    """Every mapping of the bordered Einsum is one of the padded one, at no more cost and in no more room."""
    checked = 0
    for seed in range(2000, 2015):
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
    assert checked > 50


def test_what_is_too_large_to_prove_is_begun_from_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "FALLBACK", engines.FALLBACK.asking(trials=20))
    monkeypatch.setattr("costmodel.mapper.uneven.exhaustion.EFFORT_MOST_S", 0.0)
    problem = one_row_of_padding(einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", weights="F", m=4, c=4, p=4, r=3))
    outer, buffer, unit = TWO_LEVEL.levels
    coarse = replace(TWO_LEVEL, levels=(outer, replace(buffer, halo="refetch"), unit))
    found = map_einsum(problem, coarse, objective="energy")
    assert found.certificate.method.startswith("random + exact with a border (unsupported: Buffer moves whole windows")
    assert found.certificate.gap is not None
    (point,) = found.front
    stored = map_einsum(bordered(problem), coarse, objective="energy")
    assert stored.certificate.status == "optimal: proven"
    assert point.energy_pj < stored.front[0].energy_pj


def test_a_window_over_a_rank_variable_along_which_another_tensor_ends_has_no_form() -> None:
    """Of F there is only F[0]: what I moves is still all that r reaches, though no product needs the last word."""
    whole = einsum("Y[p]", "I[p + r]", "F[r]", p=2, r=2)
    problem = replace(whole, tensors={**whole.tensors, "F": replace(whole.tensors["F"], shape=(1,))})
    levels = (*TWO_LEVEL.levels[:2], Array(name="PEs", shape={"X": 2, "Y": 2}), TWO_LEVEL.levels[2])
    machine = replace(TWO_LEVEL, levels=levels)
    found = map_einsum(problem, machine, objective="energy")
    assert found.certificate.method.startswith(
        "enumeration (the lattice has no form: I has a window over a rank variable"
    )
    assert found.certificate.status is Status.PROVEN
    assert found.front[0].energy_pj == min(energy for energy, _, _ in exhaustive.front(problem, machine))
