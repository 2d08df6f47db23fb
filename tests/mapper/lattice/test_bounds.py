"""Bounds of partial mappings: on the way to a mapping none exceeds what it costs."""

from __future__ import annotations

import random

import numpy as np
import pytest
import uncommon
from building import board_of, one_label
from problems import (
    CONV3X3,
    MAC,
    PE2D,
    around_two_memories,
    buffered_problem,
    einsum,
    leaving_something_over,
    nested_problem,
    random_architecture,
    random_einsum,
    sliding_problem,
    tight_problem,
    working,
    written,
)

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.exact import map_einsum
from costmodel.mapper.lattice.labels import SPREAD, History, Labels
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.shapes import Ints
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.objective import objective_of


class Recording(Search):
    """Remembers every label, and the numbers of those that became incumbents."""

    def store(self, labels: Labels, parents: Ints | int, kind: int, way: Ints | int = -1) -> None:
        super().store(labels, parents, kind, way)
        self.recorded = [*getattr(self, "recorded", []), Labels(labels.s.copy(), labels.f.copy())]


def bounds_along_the_way(problem: Einsum, architecture: Architecture, objective: str, *, multiples: int = 0) -> int:
    """Check the bounds of all labels that led to the answer against it; return how many there were."""
    aim = objective_of(objective)
    board, incumbents = board_of(problem, architecture, objective, multiples=multiples), Incumbents(aim)
    for across in board.completion.across:
        across.joint = True
    search = Recording(board, incumbents, width=1000)
    nest = search.reader.nest

    def noting(number: int) -> object:
        return (number, nest(number))

    search.reader.nest = noting  # type: ignore[method-assign, assignment]
    search.run()
    checked = 0
    starts = np.cumsum([0, *(t.n for t in search.recorded)])
    for (final, _), costs in zip(incumbents.items, incumbents.costs.T, strict=True):
        path, number = [], final
        while number >= 0:
            path.append(number)
            number = int(board.history.rows[History.PARENT, number])
        segment = 0
        for label in reversed(path):
            segment += int(board.history.rows[History.KIND, label]) == SPREAD
            table = int(np.searchsorted(starts, label, side="right")) - 1
            one = one_label(search.recorded[table], label - int(starts[table]))
            for quick in (False, True):
                bounds = np.stack(board.completion.bounds(one, segment, quick=quick))[:, 0]
                # some choice of how to spread has to allow for what came of it
                assert (bounds <= costs[:, None] * (1 + 1e-12)).all(axis=0).any(), (bounds, costs)
            assert board.completion.hopeful(one, segment, beaten_by_nothing(aim, costs)).all()
            checked += 1
    return checked


def beaten_by_nothing(aim: object, costs: np.ndarray) -> Incumbents:
    """Return a mapping that costs a little more in everything."""
    known = Incumbents(aim)  # type: ignore[arg-type]
    known.add(costs[:, None] * (1 + 1e-6) + 1e-6, ["a little worse"])
    return known


def uncommon_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """A problem of a kind that few workloads have."""
    return rng.choice(list(uncommon.KINDS.values()))(rng)


class TooWideError(Exception):
    """A stage of a pass had more labels than the pass may keep."""


def fronts_found(
    problem: Einsum, architecture: Architecture, objective: str, *, multiples: int = 0, width: int = 100_000
) -> tuple[np.ndarray, np.ndarray]:
    """The costs that a pass finds which knows nothing, and one which knows mappings that are a little worse.

    Raises TooWideError where the first pass had to drop labels, so that it proves nothing to compare with.
    """
    aim = objective_of(objective)
    first, second = Incumbents(aim), Incumbents(aim)
    for known in (first, second):
        search = Search(board_of(problem, architecture, objective, multiples=multiples), known, width=width)
        search.run()
        if search.stats.dropped and known is first:
            raise TooWideError
        assert not search.stats.dropped
        if known is first:
            second.add(first.costs * (1 + 1e-6) + 1e-6, ["a little worse"] * len(first.items))
    return first.costs, second.costs


@pytest.mark.parametrize("seed", range(30))
def test_what_is_known_leaves_out_nothing_better(seed: int) -> None:
    problem, architecture = buffered_problem(random.Random(80_000 + seed))
    first, second = fronts_found(problem, architecture, ("energy,latency", "edp", "energy,capacity")[seed % 3])
    assert second == pytest.approx(first, rel=1e-9)
    assert bounds_along_the_way(problem, architecture, "energy") > 0


@pytest.mark.parametrize("seed", range(40))
def test_what_is_known_leaves_out_nothing_better_of_windows_below_arrays(seed: int) -> None:
    """Once mappings are known, nodes are bounded together for each way to spread an array: of windows, tight rooms."""
    rng = random.Random(60_000 + seed)
    make = (sliding_problem, tight_problem, nested_problem, uncommon_problem)[seed % 4]
    for _ in range(20):
        try:
            first, second = fronts_found(*make(rng), ("energy,latency", "edp", "energy")[seed % 3])
        except UnsupportedError:
            continue
        assert second == pytest.approx(first, rel=1e-9)
        return
    pytest.fail("no problem that the lattice treats exactly")


@pytest.mark.parametrize("seed", range(20))
def test_what_is_known_leaves_out_no_better_multiples(seed: int) -> None:
    problem, architecture = leaving_something_over(random.Random(85_000 + seed))
    objective = ("energy,latency", "edp", "energy,capacity")[seed % 3]
    first, second = fronts_found(problem, architecture, objective, multiples=10**6)
    assert second == pytest.approx(first, rel=1e-9)
    bounds_along_the_way(problem, architecture, "energy", multiples=10**6)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_what_is_known_leaves_out_nothing_better_of_many_problems(part: int) -> None:
    """Problems of which a pass keeps every label at 10,000 a stage; the seeds are as many as it takes for 100 such."""
    judged = 0
    for seed in range(90_000 + 1_000 * part, 90_200 + 1_000 * part):
        problem, architecture = buffered_problem(random.Random(seed))
        try:
            first, second = fronts_found(problem, architecture, ("energy,latency", "edp")[seed % 2], width=10_000)
        except TooWideError:
            continue
        assert second == pytest.approx(first, rel=1e-9), seed
        judged += 1
        if judged == 100:
            return
    pytest.fail(f"only {judged} of 200 problems were judged")


@pytest.mark.parametrize("objective", ["energy,latency", "edp", "energy,capacity"])
@pytest.mark.parametrize("seed", range(60))
def test_a_bound_never_exceeds_what_came_of_the_label(seed: int, objective: str) -> None:
    rng = random.Random(70_000 + seed)
    make = (None, sliding_problem, tight_problem, nested_problem)[seed % 4] if seed < 40 else uncommon_problem
    for _ in range(20):
        if make:
            problem, architecture = make(rng)
            problem, architecture = working(rng, problem), written(rng, architecture)
        else:
            problem, architecture = random_einsum(rng), random_architecture(rng)
        try:
            if bounds_along_the_way(problem, architecture, objective):
                return
        except UnsupportedError:
            continue
    pytest.fail("no problem that the lattice treats exactly")


def test_bounds_of_a_convolution_on_an_array() -> None:
    assert bounds_along_the_way(CONV3X3, PE2D, "edp") > 5


def test_neighbours_share_words_of_a_window_that_arrays_inside_have_made_longer() -> None:
    # three apart, each point of p has a word of its own; but two of them want the same one once r has grown to four
    problem = einsum("O[p]", "I[3*p+r]", "F[r]", weights="F", p=4, r=4)
    arrays = (
        Array(name="A1", shape={"X": 2}),
        Array(name="A2", shape={"X": 2, "Y": 2}),
        Array(name="A3", shape={"X": 2}, multicast="none"),
    )
    memory = Memory(name="M0", read_pj=50, write_pj=60, bandwidth_bits_per_cycle=16)
    architecture = Architecture(name="nested", levels=(memory, *arrays, MAC))
    assert bounds_along_the_way(problem, architecture, "edp") == 4


def test_instances_beyond_share_the_cycles_of_a_port_between_two_arrays() -> None:
    # each of three instances of M1 reads two words of A, two of B and, when it drains, one of Z
    problem = einsum("Z[p]", "A[p, r]", "B[r]", p=3, r=2)
    architecture = Architecture(
        name="nested",
        levels=(
            Memory(name="M0", read_pj=1, write_pj=1),
            Array(name="A1", shape={"X": 3}),
            Memory(name="M1", read_pj=1, write_pj=1, read_bits_per_cycle=8),
            Array(name="A2", shape={"X": 2}),
            MAC,
        ),
    )
    board = board_of(problem, architecture)
    search = Search(board, Incumbents(objective_of("latency")), width=1000)
    _, latency, _ = board.completion.bounds(search.start(), 0)
    (point,) = map_einsum(problem, architecture, objective="latency").front
    assert latency.min() <= point.latency_cycles == 5


@pytest.mark.parametrize("seed", range(12))
def test_passes_of_a_systolic_array_along_the_way(seed: int) -> None:
    rng = random.Random(95_000 + seed)
    checked = 0
    while not checked:
        problem, architecture = random_einsum(rng), around_two_memories(rng)
        try:
            checked = bounds_along_the_way(problem, architecture, ("latency", "edp", "energy,latency")[seed % 3])
        except UnsupportedError:
            continue
    first, second = fronts_found(problem, architecture, "energy,latency")
    assert second == pytest.approx(first, rel=1e-9)


def test_a_tile_below_an_array_further_in_takes_no_more_room_there_than_its_part() -> None:
    # four of the eight words of F that both instances of M3 have together fit into each
    problem = einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=4, p=8, r=2)
    architecture = Architecture(
        name="nested",
        levels=(
            Memory(name="M0", read_pj=40, write_pj=50, bandwidth_bits_per_cycle=8),
            Array(name="A1", shape={"X": 2}),
            Memory(name="M2", read_pj=3, write_pj=1, capacity_bits=160),
            Array(name="A2", shape={"X": 2}),
            Memory(name="M3", read_pj=4, write_pj=1, capacity_bits=48),
            MAC,
        ),
    )
    first, second = fronts_found(problem, architecture, "energy,latency")
    assert second == pytest.approx(first, rel=1e-9)


def test_ways_to_spread_two_arrays_that_cost_the_same_are_looked_at_once() -> None:
    # of 289 × 76 ways with 8 choices of what is kept; one that is no worse than any has less than no energy
    problem = einsum("O[m, p, q]", "I[c, p, q]", "F[m, c]", weights="F", m=32, c=192, p=28, q=28)
    levels = (
        Memory(name="M0", read_pj=40, write_pj=40),
        Memory(name="M1", capacity_bits=1 << 26, read_pj=6, write_pj=6, may_keep=("input", "weight", "output")),
        Array(name="A1", shape={"X": 4, "Y": 4}),
        Memory(name="M2", capacity_bits=1 << 17, read_pj=1, write_pj=1, keep=("weight",)),
        Array(name="A2", shape={"X": 64}),
        Memory(name="M3", capacity_bits=128, read_pj=0.05, write_pj=0.05, keep=("output",)),
        MAC,
    )
    board = board_of(problem, Architecture(name="tiles", levels=levels))
    search = Search(board, Incumbents(objective_of("edp")), width=300)
    energy, _, _ = board.completion.bounds(search.start(), 0)
    assert energy.min() > board.space.compute_pj


@pytest.mark.parametrize(
    ("levels", "latency"),
    [
        # 64 weights in 16 instances: 4 passes of 1 step, 2 cycles of skew in each direction and 4 to load
        ((Array(name="A1", shape={"X": 4, "Y": 4}, systolic="weight"),), 4 * (1 + 6 + 4)),
        # of which each of two instances further out makes two
        ((Array(name="A0", shape={"X": 2}), Array(name="A1", shape={"X": 4, "Y": 4}, systolic="weight")), 2 * 11),
        # a register of two words holds the weights of two steps
        (
            (
                Array(name="A1", shape={"X": 4, "Y": 4}, systolic="weight"),
                Memory(name="M1", capacity_bits=16, read_pj=1, write_pj=1, keep=("weight",)),
            ),
            2 * (2 + 10),
        ),
    ],
)
def test_a_systolic_array_makes_a_pass_for_each_tile(levels: tuple[Array | Memory, ...], latency: int) -> None:
    problem = einsum("Z[m]", "A[k]", "B[m, k]", weights="B", m=8, k=8)
    architecture = Architecture(name="nested", levels=(Memory(name="M0", read_pj=1, write_pj=1), *levels, MAC))
    board = board_of(problem, architecture)
    search = Search(board, Incumbents(objective_of("latency")), width=1000)
    _, least, _ = board.completion.bounds(search.start(), 0)
    (point,) = map_einsum(problem, architecture, objective="latency").front
    assert least.min() == point.latency_cycles == latency


def test_the_least_over_multiples() -> None:
    """Of every divisor, by all of its multiples: of a rank with three primes, and of one with none."""
    board = board_of(einsum("Z[m, n]", "A[m, k]", "B[k, n]", m=60, n=1, k=8), PE2D)
    rng = np.random.default_rng(0)
    for v, divisors in enumerate(board.space.divisors):
        values = rng.random((2, len(divisors), 3))
        for itself in (True, False):
            found = board.lattice.upward(values, v, 1, itself=itself)
            alone = board.lattice.upward(values[0, :, 0], v, 0, itself=itself)
            for i, d in enumerate(divisors):
                multiples = [j for j, more in enumerate(divisors) if more % d == 0 and (itself or j != i)]
                assert (found[:, i] == values[:, multiples].min(axis=1, initial=np.inf)).all()
            assert (alone == found[0, :, 0]).all()
