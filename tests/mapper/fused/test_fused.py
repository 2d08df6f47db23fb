"""The search of fused nests finds what an enumeration of its whole mapspace finds, and says what it knows."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fused_nests
import numpy as np
import pytest
from asking import map_einsum
from commands import run
from comparison import difference
from problems import MAC, TWO_LEVEL
from strategies import Case, workload_of
from waits import waiting

from costmodel.einsum.algebra import Workload
from costmodel.mapper.front import Incumbents, StrictIncumbents
from costmodel.mapper.fused.branches import LeastInSettings
from costmodel.mapper.fused.company import Company, Least
from costmodel.mapper.fused.fusing import Fusing
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.fused.group import could_stay, groups, in_groups
from costmodel.mapper.fused.rounds import Rounds
from costmodel.mapper.fused.search import FusedQuery, fuse
from costmodel.mapper.layers import fuse_layers
from costmodel.mapper.network import NetworkResult, map_workload, plan_of
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.model.evaluate import evaluate
from costmodel.model.patience import OutOfTimeError
from costmodel.report.text.fused import fused_lines
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Storage, einsums_in
from costmodel.spec.objective import Objective, objective_of, vector_of
from costmodel.spec.request import Request

ROOM = 2
AXES = "energy,latency"
Drawing = Callable[[random.Random], tuple[Workload, Architecture]]
WIDTHS = (2, 1_000_000)
"""A round that finds something, and one that has to be held against it."""
CHAIN = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=64, k=32, n=32, p=32)
SIBLINGS = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = A[m, k] * C[k, p]", m=8, k=8, n=8, p=8)
CORE = workload_of(
    "QK[h, m, p] = Q[h, p, e] * K[h, m, e]",
    "S[h, m, p] = QK[h, m, p]",
    "AV[h, p, f] = S[h, m, p] * V[h, m, f]",
    h=4,
    m=64,
    p=64,
    e=16,
    f=16,
)


def with_buffer(words: int) -> Architecture:
    buffer = replace(TWO_LEVEL.levels[1], capacity_bits=8 * words)
    return replace(TWO_LEVEL, levels=(TWO_LEVEL.levels[0], buffer, TWO_LEVEL.levels[2]))


def mapped(workload: Workload, words: int, objective: str = "energy", **asked: object) -> NetworkResult:
    request = Request(objective=objective, **{"fuse": "auto", **asked})
    return map_workload(workload, with_buffer(words), request, jobs=1)


def same_front(
    seed: int, most: int, draw: Drawing = fused_nests.random_cascade, *, every: bool = False
) -> list[tuple[float, ...]]:
    rng = random.Random(seed)
    while True:
        workload, architecture = draw(rng)
        aim = objective_of(rng.choice(fused_nests.OBJECTIVES))
        fusing = Fusing(workload, architecture, aim, every=every)
        whole = [g for g in fusing.groups if len(g.einsums) == len(workload.einsums)]
        if not whole:
            continue
        held = {
            e.output.tensor
            for e in workload.einsums
            for o in workload.einsums
            if e.output.tensor in o.tensors and o != e
        }
        asked_to_hold = held if every else ()
        apart: list[tuple[int, list[list[fused_nests.Costs]]]] = []
        try:
            nests = fused_nests.fused(workload, workload.einsums, architecture, most, asked_to_hold, apart)
            parts = [fits for fits, _ in nests]
        except fused_nests.TooManyError:
            continue
        break
    asked = tuple(k for k, name in enumerate(("energy", "latency", "capacity")) if name in aim.costs)
    expected = fused_nests.front([fits for fits in parts if all(fits)], asked)
    known = Fusion({}, (), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("costmodel.mapper.fused.rounds.WIDTHS", WIDTHS)
        Rounds(fusing, whole, {}, (), known).run()
    assert known.proven
    found = known.fronts.get((0, len(workload.einsums)), ())
    got = sorted(tuple(vector_of(point)[k] for k in asked) for point in found)
    assert got == [pytest.approx(values, rel=1e-9) for values in expected]
    pieces = Pieces(workload, architecture, aim, asked, most)
    for cut, fits in apart:
        better = pieces.after(cut, 0, len(workload.einsums))
        for values in fused_nests.front([fits], asked) if all(fits) else []:
            assert any(no_worse(one, values) for one in better), "what falls apart is no better than its parts"
    return expected


@dataclass
class Pieces:
    """The fronts of runs of Einsums, fused or not: of one by the mapper, of more by enumeration."""

    workload: Workload
    architecture: Architecture
    aim: Objective
    asked: tuple[int, ...]
    most: int
    known: dict[tuple[int, int], list[tuple[float, ...]]] = field(default_factory=dict)

    def of(self, first: int, stop: int) -> list[tuple[float, ...]]:
        if (first, stop) not in self.known:
            self.known[first, stop] = self.alone(first) if stop - first == 1 else self.together(first, stop)
        return self.known[first, stop]

    def alone(self, place: int) -> list[tuple[float, ...]]:
        try:
            found = map_einsum(self.workload.einsums[place], self.architecture, objective=self.aim)
        except InfeasibleError:
            return []
        assert found.certificate.status == Status.PROVEN
        return [tuple(vector_of(point)[k] for k in self.asked) for point in found.front]

    def together(self, first: int, stop: int) -> list[tuple[float, ...]]:
        nests = fused_nests.fused(self.workload, self.workload.einsums[first:stop], self.architecture, 10 * self.most)
        found = set(fused_nests.front([fits for fits, _ in nests if all(fits)], self.asked))
        return fused_nests.undominated(found.union(*(self.after(cut, first, stop) for cut in range(first + 1, stop))))

    def after(self, cut: int, first: int, stop: int) -> list[tuple[float, ...]]:
        """One run after another: energy and time add up, of the room the larger one counts."""
        both = itertools.product(self.of(first, cut), self.of(cut, stop))
        return [
            tuple(max(a, b) if k == ROOM else a + b for k, a, b in zip(self.asked, *pair, strict=True)) for pair in both
        ]


def no_worse(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b * (1 + 1e-9) for a, b in zip(one, other, strict=True))


def test_neighbours_without_a_memory_for_what_both_touch_are_no_group() -> None:
    """One memory for what goes into a unit, one for what comes out of it: nothing stays between two Einsums."""
    outer, buffer, unit = TWO_LEVEL.levels
    assert isinstance(buffer, Memory)
    apart = (replace(buffer, name="In", keep=("input", "weight")), replace(buffer, name="Out", keep=("output",)))
    for chain, together in ((CHAIN, False), (SIBLINGS, True)):
        machine = replace(TWO_LEVEL, levels=(outer, *apart, unit))
        assert bool(Fusing(chain, machine, objective_of("energy")).groups) == together
        assert bool(in_groups(chain, machine)) == together
        assert not could_stay(chain, machine)
    found = map_workload(CHAIN, machine, Request(objective="energy", fuse="auto"), jobs=1)
    assert found.certificate.status == Status.PROVEN
    why = "no memory outside of the arrays may hold what they have in common"
    assert fused_lines(found) == [f"fused: nothing; {why} (neighbours: 1)"]


def test_rank_variables_that_are_interchangeable_in_one_einsum_are_told_apart_by_another() -> None:
    workload = workload_of("Y[n, p] = A[n, p]", "Z[n, p] = Y[n, p] * G[p]", n=2, p=2)
    levels = (
        Memory(name="Main", read_pj=50, write_pj=1),
        Memory(name="Buffer", capacity_bits=148, read_pj=6, write_pj=1),
        Array(name="PEs", shape={"X": 2}),
        MAC,
    )
    aim = objective_of("energy,latency,capacity")
    fusing = Fusing(workload, Architecture(name="small", levels=levels), aim)
    (searcher,) = fusing.searchers_of("Y")
    _, found = searcher.branches([Incumbents(aim) for _ in searcher.places], 1_000, None)
    fastest = {shape: found.cycles[-1, found.shape == shape].min() for shape in np.unique(found.shape).tolist()}
    assert list(fastest.values()) == [4, 2, 2, 2]


def test_no_branch_is_of_use_where_another_einsum_has_none() -> None:
    aim = objective_of("latency")
    nothing = StrictIncumbents(aim)
    impossible = Company(aim, nothing, nothing, [Least(np.inf, np.inf, np.inf)], Least(0.0, 0.0, 0.0))
    with np.errstate(all="raise"):
        assert impossible.limit() == -np.inf


@pytest.mark.parametrize("seed", range(12))
def test_an_enumeration_finds_the_same_front(seed: int) -> None:
    same_front(30_000 + seed, 800)


@pytest.mark.parametrize("seed", range(6))
def test_an_enumeration_finds_the_same_front_where_not_all_overlaps(seed: int) -> None:
    def draw(rng: random.Random) -> tuple[Workload, Architecture]:
        workload, architecture = fused_nests.random_cascade(rng)
        return workload, waiting(rng, architecture)

    same_front(60_000 + seed, 800, draw)


@pytest.mark.parametrize("seed", range(8))
def test_an_enumeration_finds_the_same_front_with_windows(seed: int) -> None:
    same_front(50_000 + seed, 800, fused_nests.random_convolutions)


def test_an_enumeration_finds_the_same_front_where_all_that_is_handed_on_is_held() -> None:
    assert [len(same_front(seed, 800, every=True)) for seed in (70_005, 70_013, 70_019)] == [0, 6, 1]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_an_enumeration_finds_the_same_front_of_larger_ones_where_all_is_held(seed: int) -> None:
    same_front(80_000 + seed, 4_000, every=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_an_enumeration_finds_the_same_front_of_larger_ones_with_windows(seed: int) -> None:
    same_front(60_000 + seed, 4_000, fused_nests.random_convolutions)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_an_enumeration_finds_the_same_front_of_larger_ones(seed: int) -> None:
    same_front(40_000 + seed, 4_000)


@pytest.mark.parametrize(
    ("workload", "alone", "together"), [(CHAIN, 1685504, 1478656), (CORE, 10924032, 5132288)], ids=["chain", "core"]
)
def test_what_is_known_to_be_fused_well(workload: Workload, alone: int, together: int) -> None:
    assert mapped(workload, 2048, fuse="off").evaluation.energy_pj == alone
    found = mapped(workload, 2048)
    assert found.evaluation.energy_pj == together
    assert found.certificate.status == Status.PROVEN
    (layer,) = found.layers
    assert einsums_in(layer.point.mapping.nest) == tuple(e.name for e in workload.einsums)


def test_the_walk_confirms_a_fused_nest() -> None:
    small = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=8, k=4, n=4, p=4)
    found = mapped(small, 40)
    (layer,) = found.layers
    assert difference(Case(small, with_buffer(40), layer.point.mapping)) == {}


@pytest.mark.parametrize("objective", ["energy", "edp"])
def test_fusing_never_costs_more(objective: str) -> None:
    (aim,) = objective_of(objective).each
    small = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=16, k=8, n=8, p=8)
    last = float("inf")
    for words in (3, 8, 20, 50, 120, 300, 1000):
        alone, together = (mapped(small, words, objective, fuse=fuse) for fuse in ("off", "auto"))
        cost = aim.of(together.evaluation)[0]
        assert cost <= aim.of(alone.evaluation)[0]
        assert cost <= last
        assert together.certificate.status == Status.PROVEN
        last = cost


def test_a_front_has_fused_and_separate_mappings_in_one_layer() -> None:
    workload = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=8, k=8, n=8, p=8)
    found = mapped(workload, 60, "energy,capacity")
    (layer,) = found.layers
    assert layer.einsum == "Y + Z"
    assert len(found.front) == len(layer.result.front) > 1
    for point, total in zip(layer.result.front, found.front, strict=True):
        assert (point.energy_pj, point.capacity_bits) == (total.energy_pj, total.capacity_bits)
        assert evaluate(workload, with_buffer(60), point.mapping).energy_pj == point.energy_pj
    least = layer.result.front[-1]
    assert least.capacity_bits == mapped(workload, 60, "capacity", fuse="off").evaluation.capacity_bits


@pytest.mark.parametrize("choose", [None, "energy", "latency"])
def test_what_is_fused_is_held_against_what_would_be_used_unfused(choose: str | None) -> None:
    workload = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=8, k=8, n=8, p=8)
    alone, together = (mapped(workload, 60, "energy,capacity", choose=choose, fuse=fuse) for fuse in ("off", "auto"))
    (layer,) = together.layers
    assert max(one.chosen for one in alone.layers) > 0 or choose == "energy"
    assert [vector_of(one.point) for one in layer.instead] == [vector_of(one.point) for one in alone.layers]


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_names_of_rank_variables_do_not_decide_what_is_proven(objective: str) -> None:
    """A residual addition may call the columns of what goes around as those of what came out, or of what went in."""
    product, activation = "Y[m, h] = X[m, d] * W[d, h]", "A[m, h] = relu(Y[m, h])"
    out = workload_of(product, activation, "R[m, h] = A[m, h] + X[m, h]", m=32, d=16, h=16)
    into = workload_of(product, activation, "R[m, d] = A[m, d] + X[m, d]", m=32, d=16, h=16)
    known, other = (mapped(one, 1024, objective) for one in (out, into))
    assert known.certificate.status == other.certificate.status == Status.PROVEN
    assert known.evaluation.energy_pj == pytest.approx(other.evaluation.energy_pj)
    assert known.evaluation.latency_cycles == pytest.approx(other.evaluation.latency_cycles)


def test_what_alike_layers_share_is_counted_once_where_both_are_fused() -> None:
    """Two pairs that differ in names alone: each Einsum of a pair is searched once, whatever its layer is part of."""
    twice = workload_of(
        "Y[m, n] = A[m, k] * B[k, n]",
        "Z[m, p] = Y[m, n] * C[n, p]",
        "U[m, n] = D[m, k] * E[k, n]",
        "V[m, p] = U[m, n] * F[n, p]",
        m=64,
        k=32,
        n=32,
        p=32,
    )
    alone, fused = mapped(twice, 2048, fuse="off"), mapped(twice, 2048)
    assert [layer.einsum for layer in fused.layers] == ["Y + Z", "U + V"]
    assert fused.fusion is not None
    assert fused.certificate.evaluated == alone.certificate.evaluated + fused.fusion.evaluated
    assert dict(fused.certificate.pruned) == dict(alone.certificate.pruned)


def test_einsums_that_gain_nothing_keep_their_layers() -> None:
    chain = workload_of("Y[m] = A[m] * B[m]", "Z[m] = Y[m] * C[m]", "W[k] = Z[m] * D[m, k]", m=8, k=4)
    apart = replace(chain, einsums=(*chain.einsums[:2], replace(chain.einsums[2], count=3)))
    found = mapped(apart, 1000)
    assert [(layer.einsum, layer.count) for layer in found.layers] == [("Y + Z", 1), ("W", 3)]
    assert found.evaluation.counts == {"Y": 1, "Z": 1, "W": 3}


def test_what_may_be_a_group() -> None:
    def of(*statements: str, counts: tuple[int, ...] = (1, 1, 1), **extents: int) -> list[tuple[str, tuple[str, ...]]]:
        workload = workload_of(*statements, **extents)
        able = [e.name for e in workload.einsums]
        return [("".join(e.name for e in g.einsums), g.shared) for g in groups(workload, able, counts[: len(able)])]

    assert of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=2, n=3, k=2, p=2) == [("YZ", ("m", "n"))]
    assert of("Y[m] = A[m, k]", "Z[k, m] = Y[m] * A[m, k]", m=2, k=2) == [("YZ", ("m",))], "k is reduced into Y"
    assert of("Y[m, n] = A[m, n]", "Z[m, n] = Y[n, m]", m=2, n=2) == [("YZ", ())], (
        "Y is read across: it may be held, but no loop can be shared"
    )
    assert of("Y[m] = A[m]", "Z[k] = B[k]", m=2, k=2) == [], "they share no tensor"
    assert of("Y[m] = A[m]", "Z[m] = Y[m]", m=2, counts=(1, 2, 1)) == []
    assert of("Z[m] = Y[m]", "Y[m] = A[m]", m=2) == [], "Z stands before what it reads"
    assert of("Y[m] = A[m]", "Y[m + 2] = A[m]", m=2) == [], "two make parts of Y"


def test_layers_that_name_their_tensors_alike_are_no_group() -> None:
    assert not in_groups(load_workload("resnet50"), TWO_LEVEL)
    assert in_groups(CHAIN, TWO_LEVEL) == {"Y", "Z"}
    assert not in_groups(CHAIN, replace(TWO_LEVEL, levels=(TWO_LEVEL.levels[0], TWO_LEVEL.levels[2]))), "no Buffer"


def test_a_budget_is_halved_only_where_something_may_be_fused() -> None:
    apart = replace(CHAIN, einsums=CHAIN.einsums[:1])
    request = Request(fuse="auto", budget="8 s")
    assert [plan_of(w, TWO_LEVEL, request).asking.budget for w in (apart, CHAIN)] == [8, 4]


def test_a_convolution_is_fused_with_what_uses_its_output() -> None:
    windows = workload_of("Y[p] = I[p + r] * F[r]", "Z[p] = Y[p] * C[p]", p=8, r=3)
    found = mapped(windows, 8)
    (layer,) = found.layers
    assert found.certificate.status == Status.PROVEN
    assert found.evaluation.energy_pj < mapped(windows, 8, fuse="off").evaluation.energy_pj
    assert difference(Case(windows, with_buffer(8), layer.point.mapping)) == {}


def test_sentences_about_loops_are_not_fused() -> None:
    ruled = mapped(CHAIN, 2048, constraints=("Buffer tile m <= 4",))
    assert ruled.fusion is not None
    assert set(ruled.fusion.alone) == {"Y", "Z"}
    assert len(ruled.layers) == 2


def test_out_of_time_nothing_is_said_to_be_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mapped(CORE, 2048, budget=1e-9)
    assert found.fusion is not None
    assert found.fusion.late
    assert found.certificate.status != Status.PROVEN

    alone = mapped(CORE, 2048, fuse="off").layers
    request = Request(objective="energy", fuse="auto", budget=1e-9)
    layers, fusion = fuse_layers(CORE, with_buffer(2048), request, alone, time.monotonic())
    assert layers == alone
    assert fusion.late
    assert 0 < fusion.bound < 5_132_288, "operations take something"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fusing, "search", stop)
    stopped = mapped(CHAIN, 2048)
    assert stopped.interrupted
    assert stopped.certificate.status != Status.PROVEN
    assert len(stopped.layers) == 2


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_what_an_einsum_pays_at_least_rises_to_what_is_attained(objective: str) -> None:
    (aim,) = objective_of(objective).each
    fusing = Fusing(CORE, with_buffer(2048), aim)
    for leader in dict.fromkeys(fusing.alike.values()):
        for searcher in fusing.searchers_of(leader):
            without = np.full(len(searcher.places), np.inf)
            known = searcher.least(aim)
            bounds = []
            for width in (1, 10, 100, 1_000_000):
                known.widen(without, width, None)
                bounds.append(known.bounds.copy())
            assert (np.diff(bounds, axis=0) >= 0).all()
            attained = [judge.values.min() for judge in known.judges]
            assert bounds[-1] == pytest.approx(attained, rel=1e-12)
            assert not len(known.rising(without))
            assert known.widen(without, 10, None) == 0  # nothing is looked for that is known
            if objective == "edp":
                continue
            some = bounds[-1] * np.linspace(0.5, 1.5, len(attained))
            limited = LeastInSettings(searcher.board, aim, searcher.settings.each)
            limited.widen(some, 1_000_000, None)
            assert limited.bounds == pytest.approx(np.minimum(bounds[-1], some), rel=1e-9)
            assert not len(limited.rising(some))


def test_wider_passes_for_the_least_leave_less_of_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def bound(*widths: int) -> float:
        monkeypatch.setattr("costmodel.mapper.fused.rounds.WIDTHS", widths)
        found = map_workload(CORE, load_architecture("pe2d"), Request(objective="energy", fuse="auto"), jobs=1).fusion
        assert found is not None
        return found.bound

    best = bound(300, 5_000)
    monkeypatch.setattr("costmodel.mapper.fused.rounds.FIRST_LEAST", (1,))
    assert bound(20) < 0.9 * best
    assert bound(20, 20) == pytest.approx(best)


@pytest.fixture
def very_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pair of a choice and a boundary in each group, and one round."""
    for name, value in (("join.FIRST", 1), ("join.PROMISING", 1), ("rounds.SOON", 0)):
        monkeypatch.setattr(f"costmodel.mapper.fused.{name}", value)


@pytest.mark.parametrize("seeds", [range(15), pytest.param(range(15, 300), marks=pytest.mark.long)])
@pytest.mark.usefixtures("very_soon")
def test_a_search_that_ends_soon_has_a_bound_that_holds(seeds: range) -> None:
    ends, worse = 0, 0
    for seed in seeds:
        rng = random.Random(seed)
        workload, architecture = fused_nests.random_cascade(rng)
        asked = {"objective": rng.choice(("energy", "latency", "edp", "energy,latency"))}
        aim = objective_of(asked["objective"])
        try:
            whole, soon = (
                map_workload(workload, architecture, Request(fuse=fuse, **asked), jobs=1) for fuse in ("auto", None)
            )
        except InfeasibleError:
            continue
        if whole.failures or soon.fusion is None:
            continue
        best, found = (min(aim.of(p)[0] for p in one.front) for one in (whole, soon))
        assert soon.fusion.bound <= best * (1 + 1e-9)
        assert best <= found * (1 + 1e-9)
        if soon.certificate.status == Status.PROVEN:
            assert found == pytest.approx(best, rel=1e-9)
        if soon.certificate.status == Status.PROVEN and aim.front:
            assert [vector_of(p) for p in soon.front] == [pytest.approx(vector_of(p), rel=1e-9) for p in whole.front]
        ends += soon.fusion.soon
        worse += found > best * (1 + 1e-9)
    assert ends > 0
    assert worse > 0 or len(seeds) < 100


@pytest.mark.usefixtures("very_soon")
def test_that_a_search_ended_soon_is_said() -> None:
    soon = mapped(CORE, 2048, "edp", fuse=None)
    assert soon.fusion is not None
    assert soon.fusion.soon
    (said,) = [line for line in fused_lines(soon) if line.startswith("not searched")]
    assert said.startswith("not searched to the end, as --fuse auto does, with what each may save")
    timed = mapped(CORE, 2048, "edp", fuse=None, budget=60)
    assert timed.fusion is not None
    assert timed.fusion.soon, "a budget is a limit"
    assert [vector_of(p) for p in timed.front] == [vector_of(p) for p in soon.front]
    assert mapped(CORE, 2048, "edp", budget=60).certificate.status == Status.PROVEN, "asked for, it goes on"


@pytest.mark.parametrize("objective", ["energy", "edp"])
def test_what_is_left_out_leaves_a_gap_that_holds(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (aim,) = objective_of(objective).each
    small = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=16, k=8, n=8, p=8)
    best = aim.of(mapped(small, 60, objective).evaluation)[0]
    monkeypatch.setattr("costmodel.mapper.fused.rounds.WIDTHS", (1,))
    found = mapped(small, 60, objective)
    assert found.fusion is not None
    assert not found.fusion.proven
    assert found.certificate.gap is not None
    assert 0 < found.fusion.bound <= best <= aim.of(found.evaluation)[0]
    assert aim.of(found.evaluation)[0] == pytest.approx(found.fusion.bound * (1 + found.certificate.gap))
    ((_, share),) = found.fusion.lacking
    assert 1 - share == pytest.approx(1 / (1 + found.certificate.gap)), "of the totals, also where they are a product"


def test_a_room_of_nothing_is_proven() -> None:
    outer, buffer, unit = TWO_LEVEL.levels
    assert isinstance(buffer, Memory)
    machine = replace(TWO_LEVEL, levels=(outer, replace(buffer, keep=(), may_keep=("input", "output")), unit))
    found = map_workload(
        workload_of("Y[m] = A[m]", "Z[m] = Y[m]", m=4), machine, Request(objective="capacity", fuse="auto"), jobs=1
    )
    assert found.certificate.status == Status.PROVEN
    assert found.evaluation.capacity_bits == 0


def test_time_may_be_up_before_anything_is_known_of_an_einsum(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = workload_of("Y[m] = A[m] * X[m]", "Z[m] = Y[m]", "W[m] = Z[m] * B[m]", "V[m] = W[m] * D[m] * E[m]", m=4)
    known, looks = Fusing.least, itertools.count()

    def least(fusing: Fusing, *asked: Any) -> Any:
        if next(looks) > 4:
            raise OutOfTimeError
        return known(fusing, *asked)

    monkeypatch.setattr(Fusing, "least", least)
    alone = {at: np.array([[1e6, 1e6, 1e6]]) for at in range(4)}
    for objective in ("energy", "edp"):
        looks = itertools.count()
        found = fuse(chain, TWO_LEVEL, FusedQuery(objective_of(objective)), alone, ())
        assert found.late
        assert all(bound >= 0 for bound in found.bounds.values())


def test_edp_is_proven_where_all_becomes_one_layer() -> None:
    """The totals are the layer's, whose front is proven: no bound by parts is asked."""
    levels = (
        Memory(name="M0", read_pj=6, write_pj=6, access_bits=24, read_bits_per_cycle=8, partial_bits=12),
        Memory(
            name="M1",
            capacity_bits=105,
            read_pj=50,
            write_pj=1,
            access_bits=8,
            bandwidth_bits_per_cycle=16,
            read_bits_per_cycle=8,
            keep=("output",),
            may_keep=("input",),
            drain="free",
            partial_bits=12,
        ),
        MAC,
    )
    bits = {"X": 8, "Y": 16, "Z": 16}
    chain = workload_of("Y[m, h] = X[m, d]", "Z[m, d] = Y[m, d] * X[m, h]", bits=bits, m=4, h=1, d=1)
    machine = Architecture(name="small", levels=levels)
    found = {o: map_workload(chain, machine, Request(objective=o, fuse="auto"), jobs=1) for o in ("edp", AXES)}
    assert [one.certificate.status for one in found.values()] == [Status.PROVEN] * 2
    assert [len(one.layers) for one in found.values()] == [1, 1]


def test_all_is_fused_that_can_be_whatever_it_costs() -> None:
    last = "W[h, g] = AV[h, p, f] * G[p, f, g]"
    core = workload_of(*(e.text for e in CORE.einsums), last, h=4, m=64, p=64, e=16, f=16, g=8)
    found = mapped(core, 2048, fuse="all")
    (layer,) = found.layers
    assert found.certificate.status == Status.PROVEN
    (home, *_) = layer.point.mapping.nest
    assert isinstance(home, Storage)
    assert not {"QK", "S", "AV"} & set(home.tensors)
    assert found.evaluation.energy_pj > mapped(core, 2048, fuse="off").evaluation.energy_pj
    tight = mapped(core, 50, fuse="all")
    assert [layer.einsum for layer in tight.layers] == ["QK + S", "AV + W"]
    assert tight.fusion is not None
    assert ("S", "AV", "no fewer groups would be left") in tight.fusion.between
    apart = workload_of("Y[m, n] = A[m, n]", "Z[m, n] = Y[n, m]", "W[m] = Z[m, n]", m=2, n=2)
    assert [layer.einsum for layer in mapped(apart, 20, fuse="all").layers] == ["Y + Z + W"], "all of Y stays"
    mixed = mapped(apart, 3, fuse="all")
    assert [layer.einsum for layer in mixed.layers] == ["Y", "Z + W"]
    assert mixed.fusion is not None
    ((_, _, why),) = mixed.fusion.between
    assert why.startswith("Y takes at least 0.003906 KiB of Buffer, 0.0009766 KiB more")


def test_what_could_stay_on_chip_is_told_where_nothing_was_fused() -> None:
    assert mapped(CHAIN, 2048, fuse="off").could_stay == ("Y",)
    assert mapped(CHAIN, 2048, fuse="off", tiles="multiples").could_stay == ()
    across = workload_of(
        "Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = exp(Y[m, n]) * C[n, p] * Y[m, p]", m=4, k=2, n=4, p=4
    )
    assert mapped(across, 3, fuse="off").could_stay == (), "a row of Y has no room"
    assert mapped(across, 4, fuse="off").could_stay == ("Y",)


def test_what_can_stay_on_chip_is_fused_unless_the_request_says_otherwise() -> None:
    unsaid, fused = mapped(CHAIN, 2048, fuse=None), mapped(CHAIN, 2048)
    assert (
        unsaid.evaluation.energy_pj == fused.evaluation.energy_pj < mapped(CHAIN, 2048, fuse="off").evaluation.energy_pj
    )
    assert unsaid.request.fuse is None, "what was asked, not what came of it"
    assert mapped(CHAIN, 2048, fuse=None, tiles="multiples").fusion is None
    assert mapped(CHAIN, 2048, fuse=None, method="random", trials=20, bound=False).fusion is None
    assert mapped(replace(CHAIN, einsums=CHAIN.einsums[:1]), 2048, fuse=None).fusion is None


FILE = """
name: chain
ranks: {M: 64, K: 32, N: 32, P: 32}
einsums:
- {name: Y, einsum: "Y[m, n] = A[m, k] * B[k, n]", weights: [B]}
- {name: Z, einsum: "Z[m, p] = Y[m, n] * C[n, p]", weights: [C]}
"""


def test_a_run_says_what_is_fused_and_its_mapping_can_be_fed_back(tmp_path: Path) -> None:
    workload, out = tmp_path / "chain.yaml", tmp_path / "run"
    workload.write_text(FILE)
    asked = ("two_level", workload, "--set", "Buffer.size=2048 words")
    found = run("map", *asked, "--objective", "energy", "--fuse", "auto", "--out", out)
    assert "fused: Y + Z below m; only on chip: Y in Buffer" in found.stdout
    assert "energy 1.48 µJ instead of 1.69 µJ (87.7 %)" in found.stdout
    assert "optimal: proven" in found.stdout
    assert "1,478,656 pJ" in run("evaluate", *asked, "--mapping", out / "mapping.yaml").stdout
    assert "Y + Z" in json.loads((out / "result.json").read_text())["searches"][0]["einsum"]
    assert (out / "report.html").exists()


def test_text_tells_where_nothing_is_fused(tmp_path: Path) -> None:
    workload = tmp_path / "chain.yaml"
    workload.write_text(FILE)
    rule = ("--constraint", "Buffer tile m <= 4")
    alone = run("map", "two_level", workload, "--objective", "energy", "--fuse", "off", "--no-run")
    assert "--fuse auto may keep Y on chip: " in alone.stdout
    found = run("map", "two_level", workload, "--objective", "energy", "--fuse", "auto", "--no-run", *rule)
    assert "fused: nothing; no group of neighbours was searched" in found.stdout
    assert "a constraint is about its loops or tiles" in found.stdout
