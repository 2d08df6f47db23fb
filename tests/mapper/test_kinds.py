"""Searches of Einsums of uncommon kinds against every mapping: what is proven is equal, else reason and gap hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import exhaustive
import pytest
from asking import map_einsum
from problems import einsum, in_two_ways, random_architecture, with_bias, working
from uncommon import written_window

from costmodel.einsum.algebra import Einsum, Operation, Workload
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import Certificate, InfeasibleError, Status
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.objective import objective_of
from costmodel.spec.request import Request

MAPPINGS_MOST = 400
NORMAL, LONG = 3, 100
LONG_FIRST_SEED = 10_000


def term_of_its_own(rng: random.Random) -> Einsum:
    """A term that is not reduced over, at times with an operator of its own."""
    problem = with_bias(rng)
    bias = problem.inputs[-1]
    own = rng.choice([(), (), (Operation("exp", 1, bias.at_zero),)])
    return replace(problem, operations=(*problem.operations, *own))


def without_ranks(rng: random.Random) -> Einsum:
    """Nothing to iterate over: one point."""
    read = rng.choice([("A[]",), ("A[]", "B[]"), ("A[]", "B[]", "C[]")])
    bits = {name: rng.choice([4, 8, 16, 24]) for name in "ABCZ"}
    return working(rng, einsum("Z[]", *read, bits=bits, weights=rng.choice(["", "B"])))


def looked_up(rng: random.Random) -> Einsum:
    """Rows of a table that words of another tensor choose, at times one row more than once."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    problem = n(
        einsum("E[m, d]", "T[m, d]", "K[m]", weights="T", m=n(3, 4), d=n(2, 3)),
        einsum("E[m, d]", "T[m, d]", "K[m]", weights="T", m=6, d=2),
        einsum("Z[m]", "T[m, k]", "K[m]", "B[k]", weights="T", m=4, k=n(2, 3)),
        einsum("Z[d]", "T[m, d]", "K[m]", weights="T", m=4, d=2),
    )
    first, *others = problem.inputs
    extent = problem.shape["m"]
    rows = rng.sample(range(9), extent) if rng.random() < 0.4 else [rng.randrange(extent - 1) for _ in range(extent)]
    lookup = replace(first.indices[0], table=tuple(rows))
    table = replace(first, indices=(lookup, *first.indices[1:]))
    shape = (max(rows) + 1, *problem.tensors["T"].shape[1:])
    tensors = {**problem.tensors, "T": replace(problem.tensors["T"], shape=shape)}
    return working(rng, replace(problem, inputs=(table, *others), tensors=tensors))


def with_an_array(rng: random.Random) -> Architecture:
    while True:
        architecture = random_architecture(rng)
        if any(isinstance(level, Array) for level in architecture.levels):
            return architecture


Draw = Callable[[random.Random], Einsum]
Chip = Callable[[random.Random], Architecture]
KINDS: dict[str, tuple[Draw, Chip]] = {
    "two ways": (in_two_ways, random_architecture),
    "a term of its own": (term_of_its_own, random_architecture),
    "no ranks": (without_ranks, random_architecture),
    "a written window": (written_window, with_an_array),
    "looked up": (looked_up, random_architecture),
}


def small_problem(rng: random.Random, draw: Draw, chip: Chip) -> tuple[Einsum, Architecture]:
    while True:
        problem, architecture = draw(rng), chip(rng)
        if exhaustive.size(problem, architecture, MAPPINGS_MOST) < MAPPINGS_MOST:
            return problem, architecture


def compare(kind: str, seed: int) -> str:
    """Hold the answer to one random problem against all mappings; how it ended."""
    rng = random.Random(f"{kind} {seed}")
    problem, architecture = small_problem(rng, *KINDS[kind])
    aim = objective_of(rng.choice(["energy", "latency", "edp"]))
    every = [aim.of(cost)[0] for _, cost in exhaustive.costed(problem, architecture)]
    try:
        found = map_einsum(problem, architecture, objective=aim, budget=2.0)
    except InfeasibleError:
        assert not every
        return "nothing fits"
    return judged(min(aim.of(point)[0] for point in found.front), min(every), found.certificate)


def judged(value: float, least: float, certificate: Certificate) -> str:
    """Hold a value and what its certificate says against the least value there is."""
    if certificate.status is Status.PROVEN:
        assert value == pytest.approx(least, rel=1e-9)
        return "proven"
    assert "unsupported" in certificate.method or "no form" in certificate.method
    assert certificate.gap is not None
    assert least * (1 - 1e-9) <= value <= least * (1 + certificate.gap) * (1 + 1e-9)
    return "found"


def compare_cascade(seed: int) -> str:
    """Two Einsums that read X in two ways, each mapped by itself: the least sum is the sum of the least."""
    rng = random.Random(f"cascade {seed}")
    n = rng.choice([2, 3])
    shared = einsum("P[m, n]", "X[m, k]", "W[k, n]", weights="W", m=n, n=n, k=n)
    second = rng.choice(
        [
            einsum("Q[m, n]", "P[m, n]", "X[n, m]", m=n, n=n),
            einsum("Q[m, n]", "X[m, n]", "X[n, m]", m=n, n=n),
            einsum("Q[m]", "P[m, n]", "X[n, n]", m=n, n=n),
        ]
    )
    while True:
        architecture = random_architecture(rng)
        if all(exhaustive.size(e, architecture, 4 * MAPPINGS_MOST) < 4 * MAPPINGS_MOST for e in (shared, second)):
            break
    workload = Workload("w", "", (replace(shared, name="P"), replace(second, name="Q")))
    every = [[cost.energy_pj for _, cost in exhaustive.costed(e, architecture)] for e in workload.einsums]
    found = map_workload(workload, architecture, Request(objective=("energy",), budget=4.0), jobs=1)
    assert bool(found.failures) == (not all(every))
    if found.failures:
        return "nothing fits"
    return judged(found.evaluation.energy_pj, sum(map(min, every)), found.certificate)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_a_kind_are_the_best_there_are_or_say_how_far(kind: str) -> None:
    outcomes = Counter(compare(kind, seed) for seed in range(NORMAL))
    assert outcomes["proven"] + outcomes["found"] >= 2, outcomes


def test_cascades_that_read_a_tensor_in_two_ways() -> None:
    outcomes = Counter(compare_cascade(seed) for seed in range(NORMAL))
    assert outcomes["proven"] + outcomes["found"] >= 2, outcomes


def test_a_sample_asks_the_model_where_two_accesses_may_share_room() -> None:
    """Two accesses in a memory that holds what lies between them: room for the whole tensor is not needed."""
    rng = random.Random("two ways 10090")
    problem, architecture = small_problem(rng, *KINDS["two ways"])
    least = min(cost.energy_pj for _, cost in exhaustive.costed(problem, architecture))
    found = map_einsum(problem, architecture, objective="energy", method="random", trials=100, bound=False)
    assert min(point.evaluation.energy_pj for point in found.front) >= least


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_answers_of_each_kind(kind: str) -> None:
    outcomes = Counter(compare(kind, seed) for seed in range(LONG_FIRST_SEED, LONG_FIRST_SEED + LONG))
    print(kind, outcomes)
    assert outcomes["proven"] + outcomes["found"] >= LONG // 2, outcomes


@pytest.mark.long
def test_a_hundred_cascades() -> None:
    outcomes = Counter(compare_cascade(seed) for seed in range(LONG_FIRST_SEED, LONG_FIRST_SEED + LONG))
    print(outcomes)
    assert outcomes["proven"] + outcomes["found"] >= LONG // 2, outcomes
