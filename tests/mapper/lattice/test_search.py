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
from problems import CONV3X3, PE2D, gemm, random_architecture, random_einsum, sliding_problem, tight_problem

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice import sumset
from costmodel.mapper.lattice.dominance import Dominance
from costmodel.mapper.lattice.labels import SPREAD, History, Labels
from costmodel.mapper.lattice.search import Board, Search
from costmodel.mapper.lattice.shapes import Ints, Lattice
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import objective_of
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
    which, into = lattice.multiples(np.array([m, n]), np.array([0, 0]))
    assert sorted(lattice.tile[m, into[which == 0]].tolist()) == [2, 4]
    assert sorted(lattice.tile[n, into[which == 1]].tolist()) == [2, 3, 6]
    assert lattice.repeats[0] == problem.points
    assert lattice.repeats[lattice.full] == 1


class Recording(Search):
    """Remembers every label, and the numbers of those that became incumbents."""

    def store(self, labels: Labels, parents: Ints | int, kind: int, way: Ints | int = -1) -> None:
        super().store(labels, parents, kind, way)
        self.recorded = [*getattr(self, "recorded", []), Labels(labels.s.copy(), labels.f.copy())]


def bounds_along_the_way(problem: Einsum, architecture: Architecture, objective: str) -> int:
    """Check the bounds of all labels that led to the answer against it; return how many there were."""
    aim = objective_of(objective)
    rules = parse(architecture.constraints, architecture, problem)
    space = mapspace.build(Allowed(problem, architecture, rules))
    if not space.keeps or any(not len(a.factors) for a in space.arrays):
        return 0
    board, incumbents = Board(space, aim), Incumbents(aim)
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
            one = search.recorded[table].take(np.array([label - starts[table]]))
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


@pytest.mark.parametrize("objective", ["energy,latency", "edp", "energy,capacity"])
@pytest.mark.parametrize("seed", range(40))
def test_a_bound_never_exceeds_what_came_of_the_label(seed: int, objective: str) -> None:
    rng = random.Random(70_000 + seed)
    make = (None, sliding_problem, tight_problem)[seed % 3]
    for _ in range(20):
        problem, architecture = make(rng) if make else (random_einsum(rng), random_architecture(rng))
        try:
            if bounds_along_the_way(problem, architecture, objective):
                return
        except mapspace.UnsupportedError:
            continue
    pytest.fail("no problem that the lattice treats exactly")


def test_bounds_of_a_convolution_on_an_array() -> None:
    assert bounds_along_the_way(CONV3X3, PE2D, "edp") > 5


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
    while True:
        problem, architecture = make(rng) if make else (random_einsum(rng), random_architecture(rng))
        if exhaustive.size(problem, architecture, 400) < 400:
            break
    expected = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
    less(monkeypatch)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not expected
        return
    if found.certificate.method == "exact":
        assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(e, rel=1e-9) for e in expected]


@pytest.mark.parametrize("sentence", ["PEs.X exact m 3", "RF bypasses A"])
def test_nothing_is_left_by_constraints(sentence: str) -> None:
    with pytest.raises(InfeasibleError):
        map_einsum(gemm(4, 4, 4), PE2D, constraints=[sentence, "RF keeps A"])
