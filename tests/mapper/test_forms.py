"""Forms that the lattice has of uncommon Einsums, each against every mapping: the front is equal, and proven."""

from __future__ import annotations

import random
from collections import Counter

import exhaustive
import pytest
from problems import MAC, einsum
from uncommon import KINDS, iterative

from costmodel.mapper.engines import search
from costmodel.mapper.lattice import UnsupportedError, map_einsum
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.request import Request

MAPPINGS_MOST = 1200
NORMAL, LONG = 5, 50
PARTS = range(4)
"""Of a thousand problems in all."""
LONG_FIRST_SEED = 50_000


def compare(kind: str, seed: int) -> str:
    """Hold the front of one random problem against all mappings; how it ended."""
    rng = random.Random(f"{kind} {seed}")
    while True:
        problem, architecture = KINDS[kind](rng)
        if exhaustive.size(problem, architecture, MAPPINGS_MOST) < MAPPINGS_MOST:
            break
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except UnsupportedError as why:
        return str(why)
    except InfeasibleError:
        assert not exhaustive.front(problem, architecture)
        return "nothing fits"
    assert found.certificate.status is Status.PROVEN, (seed, found.certificate)
    assert found.certificate.mapspace == exhaustive.size(problem, architecture, MAPPINGS_MOST)
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (seed, problem.text, problem.shape, architecture)
    return "front"


@pytest.mark.parametrize("name", ["RM", "PRM"])
@pytest.mark.parametrize("chip", ["pe2d", "tpu_v1", "simba_chip", "two_level"])
def test_iterative_ranks_of_attention_are_proven(chip: str, name: str) -> None:
    found = search(load_workload("flash_attention").einsum(name), load_architecture(chip), Request())
    assert found.certificate.status is Status.PROVEN
    assert {*found.certificate.method.split(" / ")} == {"exact"}


def test_a_live_tile_is_told_by_all_arrays_inside_of_which_it_stands() -> None:
    problem = einsum("Y[2*h+r]", "I[c, h]", "F[c, r]", weights="F", bits={"I": 4, "F": 16}, c=2, h=2, r=3)
    architecture = Architecture(
        name="three arrays",
        levels=(
            Memory(name="M0", read_pj=50, write_pj=60, access_bits=64, bandwidth_bits_per_cycle=16),
            Array(name="A1", shape={"X": 2, "Y": 2}),
            Array(name="A2", shape={"X": 3}, hop_pj=2, hop_bits=8, multicast="none", reduce=False),
            Array(name="A3", shape={"X": 2, "Y": 2}, hop_pj=2, hop_bits=24, multicast="none"),
            Memory(
                name="M1",
                read_pj=1,
                write_pj=1,
                access_bits=64,
                bandwidth_bits_per_cycle=8,
                may_keep=("input", "output"),
            ),
            MAC,
        ),
    )
    found = map_einsum(problem, architecture, objective="energy,latency")
    want = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]


def test_a_long_iterative_rank_is_proven_on_an_array() -> None:
    problem = iterative(einsum("Z[t, p]", "A[t, p]", t=32768, p=64), 0, 1)
    found = search(problem, load_architecture("pe2d"), Request(budget=20.0))
    assert found.certificate.status is Status.PROVEN


def test_a_transposed_convolution_is_proven_below_an_array_that_merges() -> None:
    chip = load_architecture("eyeriss_v1")
    for stride, kernel in ((2, 3), (2, 4), (1, 3)):
        text = f"Y[m, {stride}*h+r]"
        problem = einsum(text, "I[c, h]", "F[c, m, r]", weights="F", m=4, c=4, h=8, r=kernel)
        certificate = search(problem, chip, Request()).certificate
        assert (certificate.status, certificate.method) == (Status.PROVEN, "exact")


@pytest.mark.parametrize("kind", KINDS)
def test_the_front_of_a_kind_is_that_of_all_mappings(kind: str) -> None:
    outcomes = Counter(compare(kind, seed) for seed in range(NORMAL))
    assert outcomes["front"] >= NORMAL // 2, outcomes


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_fronts_of_many_problems_of_each_kind(kind: str, part: int) -> None:
    first = LONG_FIRST_SEED + LONG * part
    outcomes = Counter(compare(kind, seed) for seed in range(first, first + LONG))
    print(kind, outcomes)
    assert outcomes["front"] >= LONG // 2, outcomes
