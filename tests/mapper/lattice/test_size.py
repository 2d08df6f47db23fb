"""The counted size of a mapspace is the number of mappings that an enumeration of it lists."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from math import comb

import exhaustive
import pytest
from asking import map_einsum
from problems import MAC, PE2D, TWO_LEVEL, einsum, gemm, random_architecture, random_einsum
from timing import within

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import size as counting
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Spatial, Storage
from costmodel.spec.rules import parse


def small(rng: random.Random, most: int) -> tuple[Einsum, Architecture, mapspace.Space]:
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        try:
            space = mapspace.build(Allowed(problem, architecture))
        except UnsupportedError:
            continue
        if exhaustive.size(problem, architecture, most) < most:
            return problem, architecture, space


@pytest.mark.parametrize("seed", range(40))
def test_size_is_the_number_of_mappings(seed: int) -> None:
    problem, architecture, space = small(random.Random(seed), 3000)
    assert counting.size(space) == exhaustive.size(problem, architecture, 3000)


def steps_along(mapping: Mapping, problem: Einsum, rank_variable: str, dimension: str) -> int:
    left, found = problem.shape[rank_variable], 1
    for node in mapping.nest:
        if not isinstance(node, Storage) and getattr(node, "rank_variable", "") == rank_variable:
            if isinstance(node, Spatial) and node.dimension == dimension:
                found *= left // node.tile
            left = node.tile
    return found


CONSTRAINTS: dict[str, Callable[[Mapping, Einsum], bool]] = {
    "A1.X only [m]": lambda m, e: steps_along(m, e, "k", "X") == steps_along(m, e, "n", "X") == 1,
    "A1.X at most m 2": lambda m, e: steps_along(m, e, "m", "X") <= 2,
    "A1.X exact m 2": lambda m, e: steps_along(m, e, "m", "X") == 2,
    "A1 at most m 2": lambda m, e: steps_along(m, e, "m", "X") * steps_along(m, e, "m", "Y") <= 2,
    "M1 keeps A": lambda m, _: any(isinstance(n, Storage) and n.level == "M1" and "A" in n.tensors for n in m.nest),
    "M1 bypasses B": lambda m, _: (
        not any(isinstance(n, Storage) and n.level == "M1" and "B" in n.tensors for n in m.nest)
    ),
}


@pytest.mark.parametrize("sentence", CONSTRAINTS)
def test_constraints_on_arrays_and_keeping_are_counted(sentence: str) -> None:
    problem = einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=4, n=2, k=2)
    architecture = Architecture(
        name="small",
        levels=(
            Memory(name="M0", read_pj=1, write_pj=1),
            Memory(name="M1", capacity_bits=64, read_pj=1, write_pj=1, may_keep=("input", "weight")),
            Array(name="A1", shape={"X": 4, "Y": 2}),
            MAC,
        ),
    )
    allowed = CONSTRAINTS[sentence]
    expected = sum(allowed(m, problem) for m in exhaustive.mappings(problem, architecture))
    space = mapspace.build(Allowed(problem, architecture, parse([sentence], architecture, problem)))
    assert counting.size(space) == expected > 0


def test_a_tensor_may_be_kept_in_either_of_two_memories() -> None:
    may = {"read_pj": 1, "write_pj": 1, "may_keep": ("input", "output")}
    levels = (Memory(name="M0"), Memory(name="M1", **may), Memory(name="M2", **may), MAC)
    problem, architecture = einsum("Z[m]", "A[m]", m=4), Architecture(name="two", levels=levels)
    expected = exhaustive.size(problem, architecture, 10_000)
    assert counting.size(mapspace.build(Allowed(problem, architecture))) == expected > 100


def test_a_size_by_hand() -> None:
    # four nests keep Z and A in either order, with one step of m in one of three gaps
    space = mapspace.build(Allowed(einsum("Z[m]", "A[m]", m=5), TWO_LEVEL))
    assert counting.size(space) == 2 * 3


def test_a_single_point_leaves_the_orders_of_nodes() -> None:
    space = mapspace.build(Allowed(einsum("Z[m]", "A[m]", m=1), TWO_LEVEL))
    assert counting.size(space) == 2


def test_a_large_size_is_exact() -> None:
    # two rank variables in the gaps of two orders of two nodes: where both move, two orders of loops
    m, k, gaps = 24, 15, 3
    ways = lambda e, n: sum((-1) ** (n - j) * comb(n, j) * comb(e + j - 1, e) for j in range(1, n + 1))  # noqa: E731
    expected = sum(
        ways(m, a) * ways(k, b) * comb(gaps, a) * comb(a, both) * comb(gaps - a, b - both) * 2**both
        for a in range(1, gaps + 1)
        for b in range(1, gaps + 1)
        for both in range(b + 1)
    )
    problem = einsum("Z[m]", "A[m, k]", m=2**m, k=3**k)
    levels = (TWO_LEVEL.levels[0], TWO_LEVEL.levels[1], MAC)
    space = mapspace.build(Allowed(problem, Architecture(name="two", levels=levels)))
    assert counting.size(space) == 2 * expected > 10**5


def test_certificate_states_the_size() -> None:
    problem = gemm(4, 4, 4)
    space = mapspace.build(Allowed(problem, TWO_LEVEL))
    assert map_einsum(problem, TWO_LEVEL).certificate.mapspace == counting.size(space)


def test_large_sizes_take_no_time() -> None:
    # grows with every factor, and is a whole number far beyond what floats can hold
    sizes = [counting.size(mapspace.build(Allowed(gemm(n, n, n), PE2D))) for n in (64, 1024, 1 << 16)]
    assert all(a < b for a, b in itertools.pairwise(sizes))
    assert sizes[-1] > 1 << 64
    architecture = load_architecture("eyeriss_v1").part("MAC")
    layers = load_workload("resnet18").einsums[:8]
    with within(0.25 * len(layers)):
        for layer in layers:
            counting.size(
                mapspace.build(Allowed(layer, architecture, parse(architecture.constraints, architecture, layer)))
            )
