"""The parts of the exact search: sums of progressions, histories, bounds that never exceed what they bound."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import exhaustive
import numpy as np
import pytest
from asking import map_einsum
from hypothesis import given
from hypothesis import strategies as st
from problems import MAC, PE2D, einsum, gemm, random_architecture, random_einsum, sliding_problem, tight_problem

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice import sumset
from costmodel.mapper.lattice.dominance import Dominance
from costmodel.mapper.lattice.labels import History
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.shapes import Lattice
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.rules import parse


def counted(steps: list[int], counts: list[int]) -> int:
    return len({sum(s * i for s, i in zip(steps, at, strict=True)) for at in itertools.product(*map(range, counts))})


SUM = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 4)), min_size=1, max_size=4)


@given(st.lists(SUM, min_size=1, max_size=6))
def test_sizes_of_sums(sums: list[list[tuple[int, int]]]) -> None:
    longest = max(map(len, sums))
    padded = [s + [(1, 1)] * (longest - len(s)) for s in sums]
    steps = np.array([[term[0] for term in s] for s in padded]).T
    counts = np.array([[term[1] for term in s] for s in padded]).T
    want = [counted([t[0] for t in s], [t[1] for t in s]) for s in sums]
    asked: list[int] = []

    def exactly(column: int) -> int:
        asked.append(column)
        return want[column]

    assert sumset.sizes(steps, counts, exactly).tolist() == want
    # what a window makes needs no closer look: an interval, copies of it that overlap, copies that do not
    plain = [(1, 3), (1, 2), (2, 4), (20, 3)]
    asked.clear()
    column = [np.array([[x[k]] for x in plain]) for k in (0, 1)]
    assert sumset.sizes(*column, exactly).tolist() == [30]
    assert not asked


def test_a_history_gives_the_path_of_a_label() -> None:
    history = History()
    (root,) = history.add(-1, np.array([0]), np.array([3]), 0)
    first = history.add(np.full(5000, root), np.arange(5000), np.full(5000, 3), 2)
    last = history.add(first[[7, 4999]], np.array([70, 80]), np.array([1, 2]), 3, np.array([5, 6]))
    assert history.path(int(last[1]))[History.SHAPE].tolist() == [0, 4999, 80]
    assert history.path(int(last[0]))[History.WAY].tolist() == [-1, -1, 5]


def test_the_lattice_of_tile_shapes() -> None:
    problem = gemm(4, 6, 1)
    lattice = Lattice(mapspace.build(Allowed(problem, PE2D, parse([], PE2D, problem))))
    assert lattice.shapes == 3 * 4
    names = list(problem.shape)
    m, n = names.index("m"), names.index("n")
    which, into = lattice.multiples(np.array([m, n]), np.array([0, 0]), 0)
    assert sorted(lattice.tile[m, into[which == 0]].tolist()) == [2, 4]
    assert sorted(lattice.tile[n, into[which == 1]].tolist()) == [2, 3, 6]
    assert lattice.repeats[0] == problem.points
    assert lattice.repeats[lattice.full] == 1


def no_bounds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Search, "survivors", lambda _self, labels, _segment: labels)
    patch.setattr(Search, "beaten", lambda _self, energy, *_: np.zeros(energy.shape, dtype=bool))


def no_dominance(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dominance, "undominated", lambda _self, labels, _segment: np.arange(labels.n))


@pytest.mark.parametrize("less", [no_bounds, no_dominance])
@pytest.mark.parametrize("seed", range(30))
def test_each_rule_alone_loses_nothing(
    seed: int, less: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(80_000 + seed)
    make = (None, None, sliding_problem, tight_problem)[seed % 4]
    less(monkeypatch)
    while True:
        problem, architecture = make(rng) if make else (random_einsum(rng), random_architecture(rng))
        if exhaustive.size(problem, architecture, 400) == 400:
            continue
        try:
            found = map_einsum(problem, architecture, objective="energy,latency")
        except InfeasibleError:
            continue
        if found.certificate.method == "exact":
            break
    expected = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(e, rel=1e-9) for e in expected]


@pytest.mark.parametrize("sentence", ["PEs.X exact m 3", "RF bypasses A"])
def test_nothing_is_left_by_constraints(sentence: str) -> None:
    with pytest.raises(InfeasibleError):
        map_einsum(gemm(4, 4, 4), PE2D, constraints=[sentence, "RF keeps A"])


def test_a_loop_that_reuses_nothing_yet_may_pay_beyond_an_array() -> None:
    # with m in the tile of A, which stays while n moves B, each word of A and of B leaves M0 once
    architecture = Architecture(
        name="waiting",
        levels=(
            Memory(name="M0", read_pj=50),
            Memory(name="M1", read_pj=1, capacity_bits=16, keep=("B",)),
            Array(name="A1", shape={"X": 2}),
            Memory(name="M2", capacity_bits=16, keep=("A",)),
            MAC,
        ),
    )
    (point,) = map_einsum(gemm(2, 2, 2), architecture, objective="energy").front
    assert point.energy_pj == 50 * (4 + 4) + 8 * 1 + 8


def test_a_stride_alone_leaves_holes_that_may_be_fetched() -> None:
    # two tiles of two steps of 2: words 0 … 2 and 4 … 6
    problem = einsum("Z[p]", "I[2*p]", "F[p]", p=4)
    buffer = Memory(name="M1", capacity_bits=24, holes="fetch", keep=("I",))
    architecture = Architecture(name="boxes", levels=(Memory(name="M0", read_pj=10), buffer, MAC))
    found = map_einsum(problem, architecture, objective="energy", constraints=["M1 tile p == 2"])
    assert found.front[0].energy_pj == 10 * (2 * 3 + 4) + 4
    assert found.certificate.status == "optimal: proven"


@pytest.mark.parametrize(
    ("shape", "rows"), [({"X": 2, "Y": 4}, 4), ({"X": 8, "Y": 2, "Z": 2}, 8)], ids=["along Y", "along Y and Z"]
)
def test_partial_sums_flow_along_the_one_dimension_that_has_the_reduced_rank_variable(
    shape: dict[str, int], rows: int
) -> None:
    array = Array(name="A1", shape=shape, systolic="weight")
    architecture = Architecture(name="systolic", levels=(Memory(name="M0", read_pj=1), array, MAC))
    problem = gemm(4, 1, 4)
    found = map_einsum(problem, architecture, objective="latency", constraints=["A1.X only []"])
    skew = sum(size - 1 for size in shape.values())
    assert found.front[0].latency_cycles == 4 + skew + rows
    assert found.certificate.status == "optimal: proven"
