"""The buffer-size curve of a cascade: against every way to cut it and every nest, and against what is known."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import replace

import exhaustive
import fused_nests
import pytest
from strategies import workload_of

from costmodel.einsum.algebra import Workload
from costmodel.mapper.cascade_curve import CascadePoint, cascade_curve
from costmodel.mapper.network import map_workload
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.request import Request

TWO = Architecture(name="two", levels=(Memory(name="Outer", read_pj=7), Memory(name="Buffer"), ComputeUnit(name="MAC")))
PRICED = replace(TWO, levels=(Memory(name="Outer", read_pj=1, write_pj=1, access_bits=1), *TWO.levels[1:]))
"""A bit that crosses costs 1 pJ."""
CORE = (
    "QK[h, m, p] = Q[h, p, e] * K[h, m, e]",
    "S[h, m, p] = QK[h, m, p]",
    "AV[h, p, f] = S[h, m, p] * V[h, m, f]",
)
CHAIN = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=64, k=32, n=32, p=32)


def small_cascade(rng: random.Random, extents_of: tuple[int, ...]) -> Workload:
    statements = rng.choice(fused_nests.CASCADES)
    text = " ".join(statements)
    extents = {v: rng.choice([1, 2, 2]) for v in sorted(set(re.findall(r"[a-z]", text)))}
    extents[rng.choice(sorted(extents))] = rng.choice(extents_of)
    if rng.random() < 0.4:  # as alike as can be: an Einsum may not tell apart what another one does
        extents = dict.fromkeys(extents, 2)
    bits = {t: rng.choice([8, 8, 16, 4]) for t in sorted(set(re.findall(r"[A-Z]", text)))}
    if "d" in extents:
        extents["d"] = extents["h"]
    found = workload_of(*statements, bits=bits, **extents)
    count = rng.choice([1, 1, 3])
    return replace(found, einsums=tuple(replace(e, count=count) for e in found.einsums))


Corners = list[tuple[float, float]]
"""(room, traffic) in bits."""


def every_nest(workload: Workload, first: int, stop: int, most: int) -> Corners:
    """The corners over all nests of a run of Einsums."""
    einsums = workload.einsums[first:stop]
    if len(einsums) == 1:
        found = [evaluate(workload, PRICED, m) for m in exhaustive.mappings(einsums[0], PRICED)]
        points = fused_nests.undominated(
            {(float(one.capacity_bits), one.energy_pj / einsums[0].count) for one in found}
        )
        return [(room, cost * einsums[0].count) for room, cost in points]
    once = replace(workload, einsums=tuple(replace(e, count=1) for e in workload.einsums))
    members = once.einsums[first:stop]
    parts = [fits for fits, _ in fused_nests.fused(once, members, PRICED, most)]
    front = fused_nests.front([fits for fits in parts if all(fits)], (2, 0))
    return [(room, einsums[0].count * energy) for room, energy in front]


def least(corners: Corners, room: float) -> float:
    return min((traffic for needs, traffic in corners if needs <= room), default=float("inf"))


def cuts(stop: int) -> list[list[tuple[int, int]]]:
    inner = itertools.chain.from_iterable(itertools.combinations(range(1, stop), k) for k in range(stop))
    return [list(itertools.pairwise((0, *between, stop))) for between in inner]


def same_curve(seed: int, most: int, *extents_of: int) -> None:
    rng = random.Random(seed)
    while True:
        workload = small_cascade(rng, extents_of)
        count = len(workload.einsums)
        runs = [(a, b) for a in range(count) for b in range(a + 1, count + 1)]
        try:
            known = {run: every_nest(workload, *run, most) for run in runs}
        except fused_nests.TooManyError:
            continue
        break
    curve = cascade_curve(workload, TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    assert curve.unfused.proven
    assert curve.fused.proven
    rooms = {room for corners in known.values() for room, _ in corners}
    for room in sorted(rooms):
        costs = [sum(least(known[run], room) for run in cut) for cut in cuts(count)]
        apart = sum(least(known[at, at + 1], room) for at in range(count))
        for staircase, expected in ((curve.unfused, apart), (curve.fused, min(costs))):
            here = staircase.at(int(room))
            assert (float("inf") if here is None else here.traffic_bits) == expected


@pytest.mark.parametrize("seed", range(4))
def test_an_enumeration_of_all_cuts_and_nests_finds_the_same_curve(seed: int) -> None:
    same_curve(50_000 + seed, 300, 2, 3, 4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60))
def test_an_enumeration_finds_the_same_curve_of_larger_ones(seed: int) -> None:
    same_curve(60_000 + seed, 3_000, 4, 6)


def check(point: CascadePoint, workload: Workload) -> None:
    """Cost the nests of a corner again, one after another."""
    names = [name for piece in point.pieces for name in piece.einsums]
    assert names == [e.name for e in workload.einsums]
    assert max(piece.corner.capacity_bits for piece in point.pieces) <= point.capacity_bits
    counts = {e.name: e.count for e in workload.einsums}
    assert sum(counts[p.einsums[0]] * p.corner.traffic_bits for p in point.pieces) == point.traffic_bits


@pytest.mark.parametrize("workload", [CHAIN, workload_of(*CORE, h=2, m=16, p=16, e=8, f=8)], ids=["chain", "core"])
def test_fusing_never_costs_more_and_ends_at_what_comes_from_outside(workload: Workload) -> None:
    curve = cascade_curve(workload, TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    assert curve.fused.proven
    for staircase in (curve.unfused, curve.fused):
        for a, b in itertools.pairwise(staircase.points):
            assert (a.capacity_bits < b.capacity_bits, a.traffic_bits > b.traffic_bits) == (True, True)
        for point in staircase.points:
            check(point, workload)
    sizes = [p.capacity_bits for p in (*curve.unfused.points, *curve.fused.points)]
    for size in sizes:
        here, there = curve.unfused.at(size), curve.fused.at(size)
        assert there is not None
        assert here is None or there.traffic_bits <= here.traffic_bits
    made = {e.output.tensor for e in workload.einsums[:-1]}
    outside = {t: tensor for e in workload.einsums for t, tensor in e.tensors.items() if t not in made}
    assert curve.fused.points[-1].traffic_words == sum(t.size_words for t in outside.values())
    assert curve.unfused.points[-1].traffic_words == sum(
        t.size_words for e in workload.einsums for t in e.tensors.values()
    )
    assert curve.fused.at(0) is None
    assert curve.fused.at(None) == curve.fused.points[-1]


def test_a_double_buffer_needs_twice_the_room() -> None:
    double = replace(TWO, levels=(TWO.levels[0], Memory(name="Buffer", double_buffered=True), TWO.levels[2]))
    work = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=16, k=8, n=8, p=8)
    one, two = (cascade_curve(work, a, "Buffer", fuse="auto").fused for a in (TWO, double))
    assert one is not None
    assert two is not None
    assert [(2 * p.capacity_bits, p.traffic_bits) for p in one.points] == [
        (p.capacity_bits, p.traffic_bits) for p in two.points
    ]


def test_a_curve_says_what_is_in_no_group_and_when_time_is_up() -> None:
    work = workload_of("Y[p + 1] = Y[p] * A[p]", "Z[p] = Y[p + 1] * C[p]", p=4)
    curve = cascade_curve(work, TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    assert dict(curve.alone) == {"Y": "it reads its own output"}
    assert curve.fused.points == curve.unfused.points
    late = cascade_curve(CHAIN, TWO, "Buffer", fuse="auto", budget_s=1e-9)
    assert late.fused is not None
    assert not late.fused.proven


@pytest.mark.long
@pytest.mark.parametrize(
    ("statements", "extents", "known"),
    [
        (
            CORE,
            {"h": 12, "m": 512, "p": 512, "e": 64, "f": 64},
            [(1 << 12, 25952256, 19660800), (1 << 16, 14155776, 2359296), (1 << 18, 14155776, 1572864)],
        ),
        (
            ("Y[m, j] = X[m, d] * A[d, j]", "Z[m, g] = Y[m, j] * B[j, g]"),
            {"m": 512, "d": 768, "j": 3072, "g": 768},
            [(1 << 18, 12582912, 12582912), (1 << 20, 8650752, 5505024)],
        ),
    ],
    ids=["attention", "mlp"],
)
def test_what_is_known_of_attention_and_of_a_pair_of_layers(
    statements: tuple[str, ...], extents: dict[str, int], known: list[tuple[int, int, int]]
) -> None:
    curve = cascade_curve(workload_of(*statements, **extents), TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    assert curve.fused.proven
    for size, *expected in known:
        here = [one.at(8 * size) for one in (curve.unfused, curve.fused)]
        assert [p.traffic_words if p else None for p in here] == expected


@pytest.mark.parametrize("fuse", ["off", "auto"])
def test_a_search_at_one_capacity_finds_what_the_curve_has(fuse: str) -> None:
    work = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=16, k=12, n=8, p=10)
    curve = cascade_curve(work, TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    staircase = curve.fused if fuse == "auto" else curve.unfused
    for point in staircase.points[1::3]:
        for size in (point.capacity_bits - 8, point.capacity_bits):
            levels = (PRICED.levels[0], Memory(name="Buffer", capacity_bits=size), PRICED.levels[2])
            request = Request(objective=("energy",), fuse=fuse)
            found = map_workload(work, replace(PRICED, levels=levels), request, jobs=1)
            here = staircase.at(size)
            assert here is not None
            assert found.evaluation.energy_pj == here.traffic_bits


def test_rank_variables_that_another_einsum_tells_apart_are_not_exchanged() -> None:
    """m and p are the same to S, and not to what makes its input and reads its output."""
    curve = cascade_curve(workload_of(*CORE, h=1, m=4, p=4, e=2, f=2), TWO, "Buffer", fuse="auto")
    assert curve.fused is not None
    corners = [(p.capacity_bits // 8, p.traffic_words) for p in curve.fused.points]
    assert {(10, 72), (13, 48)} <= set(corners)
