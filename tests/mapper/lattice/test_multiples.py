"""Tiles that leave something over: the exact mapper finds what an enumeration of its whole mapspace finds."""

from __future__ import annotations

import random
from dataclasses import replace

import multiples
import pytest
from asking import map_einsum
from comparison import difference
from problems import MAC, PE2D, einsum, gemm, leaving_something_over
from strategies import Case

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import multiples as lattice_multiples
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice.sizes import Sizes, joined
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Architecture, Array, Memory

PE4X4 = replace(
    PE2D, levels=tuple(replace(x, shape={"X": 4, "Y": 4}) if isinstance(x, Array) else x for x in PE2D.levels)
)


def check(problem: Einsum, architecture: Architecture, *, few: bool = False) -> None:
    """Hold the front, its proof and the size of the mapspace against the enumeration."""
    want = multiples.front(problem, architecture, few=few)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency", tiles="multiples")
    except InfeasibleError:
        assert not want
        return
    assert found.certificate.status == "optimal: proven"
    assert few or found.certificate.method.startswith("exact on multiples")
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(w, rel=1e-9) for w in want]
    if not architecture.constraints:
        assert found.certificate.mapspace == multiples.size(problem, architecture, 10**6, few=few)


def small(seed: int, most: int) -> tuple[Einsum, Architecture]:
    rng = random.Random(seed)
    while True:
        problem, architecture = leaving_something_over(rng)
        if multiples.size(problem, architecture, most) < most:
            return problem, architecture


@pytest.mark.parametrize("seed", range(24))
def test_the_front_is_that_of_an_enumeration(seed: int) -> None:
    check(*small(seed, 250))


@pytest.mark.parametrize("seed", range(12))
def test_the_front_is_that_of_an_enumeration_where_only_an_array_leaves_something_over(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lattice_multiples, "SIZES_MOST", 0)
    check(*small(seed + 500, 300), few=True)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_the_front_is_that_of_an_enumeration_of_many(part: int) -> None:
    for seed in range(40):
        check(*small(1_000 * (part + 1) + seed, 2_000))


@pytest.mark.parametrize("seed", range(5))
def test_rules_of_arrays_and_tiles_leave_the_best_of_those_that_obey(seed: int) -> None:
    rng = random.Random(90_000 + seed)
    n, rules = rng.choice([5, 7]), ("A1 at most m 3", "M1 tile m <= 5", "A1.X only [k]", "A1 at most k 2")
    architecture = Architecture(
        name="ruled",
        levels=(
            Memory(name="M0", read_pj=50, write_pj=50, bandwidth_bits_per_cycle=8),
            Memory(name="M1", read_pj=5, write_pj=6, capacity_bits=rng.choice([64, 128])),
            Array(name="A1", shape={"X": 4}),
            MAC,
        ),
        constraints=tuple(rng.sample(rules, 2)),
    )
    problem = einsum("Z[m]", "A[m, k]", "B[k]", m=n, k=2)
    check(problem, architecture)


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_the_walk_confirms_the_winners(objective: str) -> None:
    for problem in (gemm(10, 7, 13), einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", m=7, c=13, p=4, r=3)):
        (point,) = map_einsum(problem, PE4X4, objective=objective, tiles="multiples").front
        assert difference(Case(Workload("W", "", (problem,)), PE4X4, point.mapping)) == {}


def test_thirteen_on_four_instances_work_in_four_steps() -> None:
    problem = gemm(13, 1, 1)
    cycles = [
        map_einsum(problem, PE4X4, objective="latency", tiles=tiles).front[0].latency_cycles
        for tiles in ("perfect", "multiples")
    ]
    assert cycles == [13, 4]


def test_a_gemm_whose_extents_do_not_fit_an_array() -> None:
    perfect, multiple = (
        map_einsum(gemm(100, 70, 130), PE4X4, objective="energy", tiles=tiles) for tiles in ("perfect", "multiples")
    )
    assert perfect.certificate.status == multiple.certificate.status == "optimal: proven"
    assert (perfect.front[0].energy_pj, multiple.front[0].energy_pj) == (11_561_600, 11_288_600)
    assert perfect.certificate.mapspace is not None
    assert multiple.certificate.mapspace is not None
    assert multiple.certificate.mapspace > perfect.certificate.mapspace


def test_sizes_that_are_joined() -> None:
    assert joined(13, 13) == (2, 3, 4, 5, 7, 13)
    sizes = Sizes(13, multiples=True)
    assert sizes.values.tolist() == [1, 5, 7, 13]
    assert [[int(sizes.values[j]) for j in above] for above in sizes.outside] == [[5, 7, 13], [13], [13], []]


@pytest.mark.parametrize("most", [1, 1_000, 5_000, 100_000])
def test_no_more_tile_shapes_than_asked_for_unless_all_tiles_divide(most: int) -> None:
    space = mapspace.build(Allowed(gemm(100, 70, 130), PE4X4), multiples=most)
    assert space.lattice <= most or not space.uneven
    assert bool(space.whole) == (most < 100_000)
