"""What constraints mean, and that the search keeps to them."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import exhaustive
import plain_rules
import pytest
from asking import map_einsum
from problems import (
    TWO_LEVEL,
    einsum,
    gemm,
    nested_problem,
    random_architecture,
    random_einsum,
    sliding_problem,
    tight_problem,
)
from strategies import nest_of

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import stationary_tensor
from costmodel.mapper import engines
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import exact
from costmodel.mapper.obey import violations
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.sample.limits import Limits
from costmodel.mapper.sample.mapspace import encoding_of
from costmodel.mapper.sample.search import search_einsum
from costmodel.mapper.sample.steps import Plans
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Spatial
from costmodel.spec.problems import SpecError
from costmodel.spec.rules import parse
from costmodel.spec.rules.holding import Keeping
from costmodel.spec.rules.spatial import Only

CONVOLUTION = load_workload("conv3x3").einsums[0]
CONVOLUTION_1D = load_workload("conv1d").einsums[0]
PE2D = load_architecture("pe2d")
GEMM = einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=8, n=8, k=4)


def with_shape(**shape: int) -> Architecture:
    return replace(PE2D, levels=tuple(replace(x, shape=shape) if isinstance(x, Array) else x for x in PE2D.levels))


def test_row_stationary_lays_filter_rows_and_output_rows_along_different_dimensions():
    found = parse(["row_stationary"], PE2D, CONVOLUTION)
    assert found.of(Only) == (
        Only("PEs", "X", frozenset("mcp")),
        Only("PEs", "Y", frozenset("mcr")),
    )
    assert parse(["row_stationary"], with_shape(X=64), CONVOLUTION).of(Only) == (Only("PEs", "X", frozenset("mcpr")),)
    assert parse(["row_stationary"], PE2D, CONVOLUTION_1D).of(Only) == (
        Only("PEs", "X", frozenset("p")),
        Only("PEs", "Y", frozenset("r")),
    )


def test_row_stationary_mappings_are_row_stationary():
    result = map_einsum(CONVOLUTION, PE2D, constraints=["row_stationary"])
    assert str(result.certificate) == "optimal: proven"
    for point in result.front:
        for node in point.mapping.nest:
            if isinstance(node, Spatial):
                assert node.rank_variable in ("mcp" if node.dimension == "X" else "mcr")


def test_row_stationary_needs_a_window_and_an_array():
    with pytest.raises(SpecError, match="no sliding window"):
        parse(["row_stationary"], PE2D, load_workload("mm64").einsums[0])
    with pytest.raises(SpecError, match="no array"):
        parse(["row_stationary"], load_architecture("two_level"), CONVOLUTION)


# The meaning of every constraint


def problem_of(rng: random.Random, most: int) -> tuple[Einsum, Architecture, list[Mapping]]:
    """A random problem with its mapspace, smaller than so many mappings."""
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        listed = list(itertools.islice(exhaustive.mappings(problem, architecture), most))
        if 1 < len(listed) < most:
            return problem, architecture, listed


@pytest.mark.parametrize("seed", range(24))
def test_each_constraint_means_what_the_plain_reading_says(seed: int) -> None:
    rng = random.Random(30_000 + seed)
    problem, architecture, listed = problem_of(rng, 500)
    for sentence in plain_rules.sentences(rng, problem, architecture):
        rules = parse([sentence], architecture, problem)
        limits = Limits(Plans(problem, architecture), rules)
        for mapping in listed:
            broken = violations(mapping, problem, architecture, rules)
            obeys = plain_rules.obeys(sentence, mapping, problem, architecture)
            assert (broken == ()) == obeys, (sentence, broken, mapping)
            found = limits.findings(tuple(limits.plans.steps_of(mapping)))
            assert any(f.slack > 0 for f in found if not f.limit.endswith("capacity")) == bool(broken), sentence


def broken_by(sentence: str, nest: str, problem: Einsum = GEMM, architecture: Architecture = PE2D) -> tuple[str, ...]:
    return violations(Mapping(nest_of(nest)), problem, architecture, parse([sentence], architecture, problem))


WRITTEN = """
    store A B Z in MainMemory
    for n by 4
    for m by 4
    store A B Z in GLB
    for m by 2
    parallel n by 1 across PEs.X
    for k by 1
    store A B Z in RF
    for m by 1
    compute E on MAC
"""


def test_loops_belong_to_the_nearest_storage_node_above() -> None:
    assert broken_by("order in GLB: m, k", WRITTEN) == ()
    assert broken_by("order in GLB: k, m", WRITTEN) == ("GLB: order k, m: `for m` stands outside of `for k`",)
    assert broken_by("order in MainMemory: m, n", WRITTEN) != ()
    assert broken_by("order in MainMemory: n, k, m", WRITTEN) == ()
    # a loop of n that steps in space is none in time, and one of m inside of the RF is in another gap
    assert broken_by("order in GLB: [k, n]", WRITTEN) == ()
    assert broken_by("order in RF: k, m", WRITTEN) == ()


def test_of_adjacent_storage_nodes_the_innermost_owns_the_loops() -> None:
    nest = """
        store A B Z in MainMemory
        {}
        for k by 1
        for m by 1
        for n by 1
        compute E on MAC
    """
    first = nest.format("store A B Z in GLB\n store A B Z in RF")
    assert broken_by("order in GLB: m, k", first) == ()
    assert broken_by("order in RF: m, k", first) != ()
    # of different tensors they may stand in either order, and the nest as written decides
    second = nest.format("store B Z in GLB\n store A in RF\n store A in GLB")
    assert broken_by("order in RF: m, k", second) == ()
    assert broken_by("order in GLB: m, k", second) != ()


def test_a_loop_of_one_step_and_a_loop_in_two_parts() -> None:
    idle = WRITTEN.replace("for n by 4\n", "for k by 4\n for n by 4\n")
    assert broken_by("order in MainMemory: m, k", idle) == ()
    parts = WRITTEN.replace("for n by 4\n    for m by 4\n", "for m by 6\n for n by 4\n for m by 4\n")
    assert broken_by("order in MainMemory: m, n", parts) != ()
    assert broken_by("order in MainMemory: n, m", parts) != ()


def test_what_no_einsum_has_orders_nothing() -> None:
    assert broken_by("order in MainMemory: m, x, y", WRITTEN) == ()
    assert broken_by("order in MainMemory: x, m, y, n", WRITTEN) != ()


def test_what_a_dataflow_forbids() -> None:
    # A is indexed by m and k: n of MainMemory brings each of its tiles twice
    assert broken_by("input_stationary", WRITTEN) == (
        "A: input_stationary: `for n` stands outside of `for m`, so each tile comes 2 times",
    )
    # Z: no k above m or n
    assert broken_by("output_stationary", WRITTEN) == ()
    # B is a weight: both loops of m stand above k; in GLB alone, m is inside of n and k does not count
    assert broken_by("weight_stationary", WRITTEN) == (
        "B: weight_stationary: `for m` stands outside of `for k`, so each tile comes 4 times",
    )
    assert broken_by("weight_stationary", WRITTEN.replace("store A B Z in RF", "store A Z in RF")) == (
        "RF: keeps B: B passes by",
    )


def test_the_stationary_tensor() -> None:
    two = einsum("Z[m, n]", "A[m]", "B[n]", "C[m, n]", "D[n]", weights="BC", m=2, n=2)
    assert [stationary_tensor(two, x) for x in ("weight", "input", "output")] == ["B", "A", "Z"]
    none = einsum("Z[m, n]", "A[m]", "B[n]", m=2, n=2)
    assert [stationary_tensor(none, x) for x in ("weight", "input")] == ["B", "A"]


def test_a_dataflow_keeps_its_tensor_in_the_innermost_memory_that_may_hold_it() -> None:
    def kept(*sentences: str, **rf: tuple[str, ...]) -> tuple[Keeping, ...]:
        levels = tuple(replace(x, **rf) if isinstance(x, Memory) and x.name == "RF" else x for x in PE2D.levels)
        return parse(sentences, replace(PE2D, levels=levels), GEMM).of(Keeping)

    assert kept("weight_stationary") == (Keeping("RF", "B", keeps=True),)
    assert kept("weight_stationary", keep=("output",), may_keep=("weight",)) == (Keeping("RF", "B", keeps=True),)
    assert kept("weight_stationary", keep=("output",)) == (Keeping("GLB", "B", keeps=True),)
    bypassing = kept("RF bypasses weight", "weight_stationary")
    assert bypassing == (Keeping("RF", "weight", keeps=False), Keeping("GLB", "B", keeps=True))
    assert kept("GLB bypasses B", "weight_stationary", keep=("output",)) == (Keeping("GLB", "B", keeps=False),)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("order in GLB: m, n, m", "m is listed twice"),
        ("order in GLB:", "no rank variable is listed"),
        ("order in GBL: m, n", r"GBL is no memory \(did you mean 'GLB'\?\)"),
        ("order in PEs: m, n", "PEs is no memory"),
        ("order of GLB: m, n", "order in LEVEL: a, b"),
        ("MainMemory bypasses weight", "MainMemory is the outermost memory, which holds every tensor"),
    ],
)
def test_sentences_that_cannot_be_meant(sentence: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse([sentence], PE2D, GEMM)


# The searches keep to it


@pytest.mark.parametrize("seed", range(60))
def test_vectors_of_genes_obey_what_they_spell(seed: int) -> None:
    """Orders, what is kept and what lies along a dimension hold for every vector; slack tells of the rest."""
    rng = random.Random(40_000 + seed)
    problem, architecture = random_einsum(rng), random_architecture(rng)
    for sentence in plain_rules.sentences(rng, problem, architecture):
        rules = parse([sentence], architecture, problem)
        try:
            encoding = encoding_of(Allowed(problem, architecture, rules))
        except InfeasibleError:
            continue
        for _ in range(20):
            plan = encoding.plan(tuple(rng.randrange(gene.size) for gene in encoding.genes))
            broken = violations(encoding.plans.mapping(plan), problem, architecture, rules)
            slacks = [f.slack for f in encoding.limits.findings(plan) if not f.limit.endswith("capacity")]
            assert any(slack > 0 for slack in slacks) == bool(broken), sentence
            if sentence.startswith("order") or " only " in sentence or re.match(r"\w+ (keeps|bypasses) ", sentence):
                assert broken == (), sentence


@pytest.mark.parametrize("sentence", ["order in GLB: k, m, n", "output_stationary"])
@pytest.mark.parametrize("tiles", ["perfect", "any"])
def test_answers_of_other_searches_obey(sentence: str, tiles: Literal["perfect", "any"]) -> None:
    problem = gemm(4, 6, 5)
    found = [search_einsum(problem, PE2D, constraints=[sentence], trials=40)]
    found.append(map_einsum(problem, PE2D, constraints=[sentence], tiles=tiles))
    for answer in found:
        assert answer.front
        for point in answer.front:
            assert plain_rules.obeys(sentence, point.mapping, problem, PE2D) or tiles == "any"
            assert violations(point.mapping, problem, PE2D, parse([sentence], PE2D, problem)) == ()


def test_an_answer_that_breaks_a_constraint_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Memory(name="M1", read_pj=1, write_pj=1, bandwidth_bits_per_cycle=8, may_keep=("input", "output"))
    architecture = replace(TWO_LEVEL, levels=(TWO_LEVEL.levels[0], slow, TWO_LEVEL.levels[-1]))
    whole = map_einsum(gemm(4, 4, 2), architecture, objective="energy,latency")
    assert len(whole.front) > 1
    assert str(whole.certificate) == "optimal: proven"
    least = whole.front[0]

    def breaks(mapping: Mapping, *_: object) -> tuple[str, ...]:
        return ("a rule",) if mapping == least.mapping else ()

    monkeypatch.setattr(exact, "violations", breaks)
    found = map_einsum(gemm(4, 4, 2), architecture, objective="energy,latency")
    assert least not in found.front
    assert found.certificate.status == "gap"
    gap = found.certificate.gap
    assert gap is not None
    assert found.front[0].energy_pj / (1 + gap) <= least.energy_pj  # held against what every mapping costs
    assert ("found, but breaks a constraint", 1) in found.certificate.pruned

    monkeypatch.setattr(exact, "violations", lambda *_: ("a rule",))
    monkeypatch.setattr(engines, "FALLBACK", engines.FALLBACK.asking(trials=20))
    found = map_einsum(gemm(4, 4, 2), architecture, objective="energy,latency")
    assert found.certificate.status == "gap"
    assert "breaks a constraint" in found.certificate.method


Maker = Callable[[random.Random], tuple[Einsum, Architecture]]


def agrees_with_the_whole_mapspace(problem: Einsum, architecture: Architecture, sentences: list[str]) -> None:
    def obeys(mapping: Mapping, _: object = None) -> bool:
        return all(plain_rules.obeys(s, mapping, problem, architecture) for s in sentences)

    expected = [(e, c) for e, c, _ in exhaustive.front(problem, architecture, obeys)]
    found = map_einsum(problem, architecture, objective="energy,latency", constraints=sentences)
    assert all(obeys(p.mapping) for p in found.front)
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(x, rel=1e-9) for x in expected]
    assert str(found.certificate) == "optimal: proven"


# Seeds at which a rule matters: the best mapping without it breaks it. Under orders, those of sliding problems cost
# more when they obey, those of tight ones only have another nest.


@pytest.mark.parametrize(
    ("make", "seed"),
    [(sliding_problem, seed) for seed in (7, 38, 133, 165, 183, 189, 252, 263, 369, 371)]
    + [(tight_problem, seed) for seed in (74, 117, 124, 166, 189, 202, 565, 578)],
)
def test_front_under_orders(make: Maker, seed: int) -> None:
    rng = random.Random(200_000 + seed)
    problem, architecture = make(rng)
    sentences = [plain_rules.order(rng, problem, m.name) for m in architecture.memories if rng.random() < 0.7]
    agrees_with_the_whole_mapspace(problem, architecture, sentences)


@pytest.mark.parametrize(
    ("dataflow", "make", "seed"),
    [
        (dataflow, make, seed)
        for dataflow, make, seeds in (
            ("weight", nested_problem, (142, 196, 238, 266, 345, 374)),
            ("output", nested_problem, (118, 224, 391, 758, 856, 2210)),
            ("input", nested_problem, (20, 61, 89, 92, 313, 649)),
            ("weight", tight_problem, (6, 35, 112, 174, 544, 1593)),
            ("output", tight_problem, (4, 26, 50, 80, 162, 283)),
            ("input", tight_problem, (4, 10, 14, 35)),
        )
        for seed in seeds
    ],
)
def test_front_under_dataflows(dataflow: str, make: Maker, seed: int) -> None:
    problem, architecture = make(random.Random((300_000 if make is nested_problem else 100_000) + seed))
    agrees_with_the_whole_mapspace(problem, architecture, [f"{dataflow}_stationary"])
