"""Traffic that capacities force: never above the least that any mapping has."""

from __future__ import annotations

import math
import random

import pytest
from any_tiles import some_mappings
from problems import MAC, einsum

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.uneven import reuse
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, Memory, Multicast
from costmodel.spec.problems import SpecError


def test_a_matrix_multiplication_moves_what_is_known_at_least() -> None:
    n, room_words = 512, 1024
    shape = {"m": n, "n": n, "k": n}
    nodes = [
        reuse.Node("A", "S", ("m", "k"), ("n",), 1, 8),
        reuse.Node("B", "S", ("k", "n"), ("m",), 1, 8),
        reuse.Node("Z", "S", ("m", "n"), ("k",), 1, 8),
    ]
    prices = [reuse.Price(1.0, 0.0), reuse.Price(1.0, 0.0), reuse.Price(2.0, 0.0)]
    least = reuse.least_traffic(nodes, prices, shape, {"S": 8.0 * room_words})
    # the known asymptote 2 n³ / √S, with inputs that stream past a square of outputs and room for them
    assert 2 * n**3 / room_words**0.5 <= least <= 2.25 * n**3 / room_words**0.5


def test_memories_with_room_for_everything_force_nothing() -> None:
    nodes = [reuse.Node("A", "S", ("m",), (), 1, 8)]
    assert reuse.least_traffic(nodes, [reuse.Price(1.0, 0.0)], {"m": 4}, {"S": 32.0}) == 0.0
    assert reuse.least_traffic(nodes, [reuse.Price(1.0, 0.0)], {"m": 4}, {"S": math.inf}) == 0.0


# Against brute force

PROBLEMS = (
    einsum("Z[m, n]", "A[m, k]", "B[k, n]", bits={"A": 16, "B": 8, "Z": 8}, m=4, n=4, k=4),
    einsum("Z[m, n]", "A[m]", "B[n]", m=8, n=8),
    einsum("Z[m]", "A[m, k]", "B[k]", bits={"Z": 24}, m=8, k=8),
    einsum("O[m, p]", "I[p+r]", "F[m, r]", m=4, p=4, r=2),
)


def flat(words: int, array: tuple[Array, ...] = ()) -> Architecture:
    memory = Memory(name="S", capacity_bits=8 * words)
    return Architecture(name="flat", levels=(Memory(name="M0"), *array, memory, MAC))


def nodes_of(problem: Einsum) -> list[reuse.Node]:
    """Every tensor in the one memory, as the definition of a node says."""
    found = []
    for name, tensor in problem.tensors.items():
        (access,) = problem.accesses_of(name)
        plain = tuple(i.rank_variables[0] for i in access.indices if len(i.terms) == 1)
        sliding = [v for i in access.indices if len(i.terms) > 1 for v in i.rank_variables]
        served = tuple(v for v in problem.shape if v not in access.rank_variables)
        # one word of I[p+r] belongs to as many points as there are pairs p, r with that sum: min(P, R)
        most = min((problem.shape[v] for v in sliding), default=1)
        shared = tuple(v for v in problem.shape if v not in plain)
        found.append(reuse.Node(name, "S", plain, served, most, tensor.bits, shared))
    return found


def arrivals(problem: Einsum, found: Evaluation, tensor: str) -> int:
    """Words that arrive in the memory; of an output, that leave it."""
    flow = "drain" if tensor == problem.output.tensor else "fill"
    return sum(r.words for r in found.traffic_rows if (r.level, r.tensor, r.flow) == ("S", tensor, flow))


def deliveries(problem: Einsum, found: Evaluation, tensor: str) -> int:
    """Words that the outermost memory sends or takes for them."""
    flow = "update" if tensor == problem.output.tensor else "read"
    return sum(r.words for r in found.traffic_rows if (r.level, r.tensor, r.flow) == ("M0", tensor, flow))


@pytest.mark.parametrize("words", [5, 8, 14])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.text)
def test_no_traffic_is_below_the_least(problem: Einsum, words: int) -> None:
    rng = random.Random(words)
    prices = [reuse.Price(float(rng.randint(1, 5)), 0.0) for _ in problem.tensors]
    least = reuse.least_traffic(nodes_of(problem), prices, problem.shape, {"S": 8.0 * words})
    best = math.inf
    for found in tried(rng, problem, flat(words)):
        traffic = sum(p.each * arrivals(problem, found, t) for t, p in zip(problem.tensors, prices, strict=True))
        assert traffic >= least * (1 - 1e-9)
        best = min(best, traffic)
    once = sum(p.each * t.size_words for t, p in zip(problem.tensors.values(), prices, strict=True))
    # a bound that says nothing would hold as well: where much comes twice it has to be near
    assert best < 2 * once or best <= 3 * least


@pytest.mark.parametrize("multicast", ["words", "none"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.text)
def test_no_traffic_through_an_array_is_below_the_least(problem: Einsum, multicast: Multicast) -> None:
    rng = random.Random(problem.text + multicast)
    array = Array(name="A", shape={"X": 2}, multicast=multicast, reduce=multicast == "words")
    price = [(1.0, 3.0) if multicast == "words" else (4.0, 0.0) for _ in problem.tensors]
    prices = [reuse.Price(*p) for p in price]
    for words in (5, 9):
        spreads = [(2, frozenset(problem.shape))]
        least = reuse.least_traffic(nodes_of(problem), prices, problem.shape, {"S": 8.0 * words}, spreads)
        for found in tried(rng, problem, flat(words, (array,))):
            traffic = sum(
                p.each * arrivals(problem, found, t) + p.delivery * deliveries(problem, found, t)
                for t, p in zip(problem.tensors, prices, strict=True)
            )
            assert traffic >= least * (1 - 1e-9)


def tried(rng: random.Random, problem: Einsum, architecture: Architecture) -> list[Evaluation]:
    """What many mappings with any tiles cost, those that fit."""
    workload, found = Workload("w", "", (problem,)), []
    for mapping in some_mappings(rng, problem, architecture, 250):
        try:
            found.append(evaluate(workload, architecture, mapping))
        except SpecError as error:
            assert "over capacity" in str(error)  # noqa: PT017  the only reason why one may be refused
    assert found
    return found
