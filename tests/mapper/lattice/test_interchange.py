"""Rank variables that are interchangeable: of all orders of them the search looks at one, and misses nothing."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace

import exhaustive
import pytest
from asking import map_einsum
from problems import MAC, PE2D, TWO_LEVEL, einsum, random_architecture, working, written

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.interchange import interchangeable, mirrored
from costmodel.mapper.lattice.space import build
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.objective import objective_of
from costmodel.spec.rules import parse

TWICE = {
    "reduced over": ("Z[m, n]", "A[m, i, j]", "B[i, j, n]"),
    "of one input": ("Z[i, j]", "A[i, j, k]", "B[k]"),
    "of everything": ("Z[i, j, m]", "A[i, j, m, k]", "B[i, j, k]"),
    "moved by all loops": ("Z[i, j]", "A[i, j]"),
    "of no output": ("Z[m]", "A[i, j]", "B[m, i, j]"),
    "two pairs": ("Z[i, j]", "A[i, j, k, l]", "B[k, l]"),
    "three": ("Z[i, j, k]", "A[i, j, k]", "B[m]"),
}


def doubled(rng: random.Random, accesses: tuple[str, ...]) -> Einsum:
    """An Einsum of these accesses in which i and j, and k and l where both are, have the same extents."""
    shape = {v: rng.choice([1, 2]) for v in "kmn"} | dict.fromkeys("ij", rng.choice([2, 2, 4]))
    if any("l" in text for text in accesses):
        shape["l"] = shape["k"]
    used = {v: n for v, n in shape.items() if any(v in text for text in accesses)}
    return einsum(*accesses, **dict(rng.sample(sorted(used.items()), len(used))))


@pytest.mark.parametrize("case", TWICE)
@pytest.mark.parametrize("seed", range(8))
def test_front_is_that_of_all_orders_of_interchangeable_rank_variables(case: str, seed: int) -> None:
    rng = random.Random(f"{case} {seed}")
    while True:
        problem, architecture = working(rng, doubled(rng, TWICE[case])), written(rng, random_architecture(rng))
        if exhaustive.size(problem, architecture, 1000) < 1000:
            break
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    if not want:
        with pytest.raises(InfeasibleError):
            map_einsum(problem, architecture)
        return
    found = map_einsum(problem, architecture, objective="energy,latency")
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]
    assert found.certificate.status == "optimal: proven"


SQUARE = {
    "a filter": (("O[p, q]", "I[p+r, q+s]", "F[r, s]"), {"p": 2, "q": 2, "r": 2, "s": 2}),
    "rows last": (("O[q, p]", "I[q+s, p+r]", "F[s, r]"), {"s": 2, "q": 2, "r": 2, "p": 2}),
    "no filter": (("O[p, q]", "I[p+r, q+s]"), {"p": 4, "q": 4, "r": 2, "s": 2}),
    "a stride": (("O[p, q]", "I[2*p+r, 2*q+s]", "F[r, s]"), {"r": 3, "p": 2, "s": 3, "q": 2}),
    "transposed": (("O[p+r, q+s]", "I[p, q]", "F[r, s]"), {"p": 2, "q": 2, "r": 2, "s": 2}),
    "two windows": (("O[p, q]", "I[p+r, q+s]", "J[p+r, q+s]"), {"p": 2, "q": 2, "r": 2, "s": 2}),
}
SMALL = {
    "a buffer": (
        Memory(name="M1", capacity_bits=72, read_pj=2, write_pj=1, keep=("input",), may_keep=("output",)),
        MAC,
    ),
    "registers below an array": (
        Array(name="A1", shape={"X": 2}, hop_pj=1),
        Memory(name="M1", capacity_bits=40, read_pj=2, write_pj=1, keep=("input",)),
        MAC,
    ),
    "a buffer above an array": (
        Memory(name="M1", capacity_bits=96, read_pj=2, write_pj=1, keep=("input",)),
        Array(name="A1", shape={"X": 2, "Y": 2}, multicast="words"),
        MAC,
    ),
}


@pytest.mark.parametrize(
    ("case", "levels"),
    [
        ("a filter", "registers below an array"),
        ("rows last", "registers below an array"),
        ("a stride", "registers below an array"),
        ("transposed", "registers below an array"),
        ("no filter", "a buffer above an array"),
        pytest.param("two windows", "registers below an array", marks=pytest.mark.long),
        pytest.param("a filter", "a buffer", marks=pytest.mark.long),
        pytest.param("transposed", "a buffer above an array", marks=pytest.mark.long),
        pytest.param("no filter", "a buffer", marks=pytest.mark.long),
    ],
)
def test_front_is_that_of_a_square_convolution_and_its_mirror_image(case: str, levels: str) -> None:
    accesses, shape = SQUARE[case]
    outer = Memory(name="M0", read_pj=40, write_pj=50, bandwidth_bits_per_cycle=16)
    problem, architecture = einsum(*accesses, **shape), Architecture(name="small", levels=(outer, *SMALL[levels]))
    assert mirrored(build(Allowed(problem, architecture)))
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    found = map_einsum(problem, architecture, objective="energy,latency")
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]


def groups(problem: Einsum, *sentences: str) -> list[str]:
    space = build(Allowed(problem, PE2D, parse(sentences, PE2D, problem)))
    return ["".join(space.names[v] for v in group) for group in interchangeable(space)]


def test_what_is_interchangeable() -> None:
    accesses = ("Z[a, b, m]", "A[a, b, c, m, k, l]", "B[k, l]")
    assert groups(einsum(*accesses, a=4, b=4, c=4, m=2, k=4, l=4)) == ["ab", "kl"]
    assert groups(einsum(*accesses, a=4, b=4, c=4, m=4, k=4, l=2)) == ["abm"]
    assert groups(einsum(*accesses, a=1, b=1, c=1, m=1, k=1, l=1)) == []
    assert groups(einsum(*accesses, a=4, b=4, c=4, m=2, k=4, l=4), "PEs.X only [a]") == []
    assert groups(einsum("O[p, q]", "I[p+r, q]", "F[r]", weights="F", p=4, q=4, r=4)) == []


def mirrors(*accesses: str, **shape: int) -> list[dict[str, str]]:
    space = build(Allowed(einsum(*accesses, **shape), TWO_LEVEL))
    return [{space.names[u]: space.names[v] for u, v in exchange.items()} for exchange in mirrored(space)]


def test_what_is_a_mirror_image() -> None:
    square = {"m": 2, "c": 2, "p": 8, "q": 8, "r": 3, "s": 3}
    convolution = ("O[m, p, q]", "I[c, p+r, q+s]", "F[m, c, r, s]")
    assert mirrors(*convolution, **square) == [{"p": "q", "r": "s"}]
    assert mirrors(*convolution, **{**square, "q": 4}) == []
    assert mirrors("O[p, q]", "I[p+r, 2*q+s]", "F[r, s]", p=8, q=8, r=3, s=3) == []
    assert mirrors("O[p]", "I[p+r, q+s]", "F[r, s]", p=8, q=8, r=3, s=3) == []


def test_one_shape_stands_for_those_that_differ_by_an_exchange() -> None:
    problem = einsum("Z[i, j]", "A[i, j, k]", "B[k]", i=4, k=4, j=4)
    lattice = Board(build(Allowed(problem, TWO_LEVEL)), objective_of("edp")).lattice
    i, k, j = lattice.digits
    kinds = Counter((min(pair), max(pair), at) for *pair, at in zip(i.tolist(), j.tolist(), k.tolist(), strict=True))
    assert len(set(lattice.alike.tolist())) == len(kinds)
    for one, other in itertools.combinations(range(lattice.shapes), 2):
        exchanged = (i[one], j[one], k[one]) == (j[other], i[other], k[other])
        assert (lattice.alike[one] == lattice.alike[other]) == exchanged


def test_rank_variables_of_a_kind_are_not_looked_at_in_all_their_orders() -> None:
    problem = einsum("Z[m]", "A[m, i, j, k]", "B[i, j, k]", m=4, i=4, j=4, k=4)
    named = replace(TWO_LEVEL, constraints=("Buffer tile i <= 4",))  # which allows all, but tells i from the others
    any_order, told_apart = (
        map_einsum(problem, architecture, objective="energy,latency") for architecture in (TWO_LEVEL, named)
    )
    assert any_order.front[0].energy_pj == told_apart.front[0].energy_pj == 34_000
    assert 3 * any_order.certificate.evaluated < told_apart.certificate.evaluated
