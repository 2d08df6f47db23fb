"""The buffer-size curve: against every tiling, and against what is known of matrix multiplication."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import exhaustive
import pytest

from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor, Workload
from costmodel.mapper.curve import BufferCurve, buffer_curve
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.problems import SpecError
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import WorkloadSpec

TWO = Architecture(
    name="two",
    levels=(
        Memory(name="Outer", read_pj=7),
        Array(name="PEs", shape={"X": 4}),
        Memory(name="Buffer", capacity_bits=800, read_pj=3, keep=("input",), leakage_w=1),
        ComputeUnit(name="MAC", energy_pj={"default": 5}),
    ),
)


def gemm(m: int, n: int, k: int, *, z_bits: int = 8) -> Einsum:
    shape = {"m": m, "n": n, "k": k}
    inside = {"A": "mk", "B": "kn", "Z": "mn"}
    access = {t: Access(t, tuple(Affine(((v, 1),)) for v in vs)) for t, vs in inside.items()}
    roles = {"A": Role.INPUT, "B": Role.WEIGHT, "Z": Role.OUTPUT}
    bits = {"A": 8, "B": 8, "Z": z_bits}
    tensors = {
        t: Tensor(t, tuple(v.upper() for v in vs), tuple(shape[v] for v in vs), bits[t], roles[t])
        for t, vs in inside.items()
    }
    inputs = (access["A"], access["B"])
    return Einsum("E", "Z[m, n] = A[m, k] * B[k, n]", shape, access["Z"], inputs, tensors, (Operation("mac", 1),))


def convolution(p: int, r: int, c: int) -> Einsum:
    shape = {"p": p, "r": r, "c": c}
    image = Access("I", (Affine((("c", 1),)), Affine((("p", 1), ("r", 1)))))
    taps = Access("F", (Affine((("c", 1),)), Affine((("r", 1),))))
    out = Access("O", (Affine((("p", 1),)),))
    tensors = {
        "I": Tensor("I", ("C", "W"), (c, p + r - 1), 8, Role.INPUT),
        "F": Tensor("F", ("C", "R"), (c, r), 8, Role.WEIGHT),
        "O": Tensor("O", ("P",), (p,), 16, Role.OUTPUT),
    }
    operations = (Operation("mac", 1),)
    return Einsum("E", "O[p] = I[c, p + r] * F[c, r]", shape, out, (image, taps), tensors, operations)


def corners(curve: BufferCurve) -> list[tuple[int, int]]:
    return [(p.capacity_bits, p.traffic_bits) for p in curve.points]


def every_tiling(einsum: Einsum) -> list[tuple[int, int]]:
    """The corners over all nests of two memories, each costed by the scalar model."""
    alone = Architecture(
        name="alone", levels=(Memory(name="Outer"), Memory(name="Buffer"), ComputeUnit(name="MAC"))
    )  # fmt: skip
    workload = Workload("w", "", (einsum,))
    pairs = set()
    for mapping in exhaustive.mappings(einsum, alone):
        found = evaluate(workload, alone, mapping)
        room = sum(r.bits for r in found.occupancy_rows if r.level == "Buffer")
        rows = [r for r in found.traffic_rows if r.level == "Outer" and r.flow in {"read", "update"}]
        pairs.add((room, sum(r.words * einsum.tensors[r.tensor].bits for r in rows)))
    best: list[tuple[int, int]] = []
    for room, traffic in sorted(pairs):
        if not best or traffic < best[-1][1]:
            best.append((room, traffic))
    return best


@pytest.mark.parametrize(
    "einsum",
    [gemm(4, 2, 2), gemm(6, 2, 1), gemm(1, 6, 2, z_bits=32), gemm(3, 5, 2, z_bits=16), convolution(3, 2, 2)],
    ids=["powers", "uneven", "vector", "primes", "window"],
)
def test_no_tiling_is_below_the_curve_and_every_corner_is_one(einsum):
    curve = buffer_curve(einsum, TWO, "Buffer")
    assert curve.proven
    assert corners(curve) == every_tiling(einsum)


def lookup(*tokens: int) -> Einsum:
    """Rows of a table of four words each, some of them the same."""
    text = "E[m, d] = TABLE[V=TOKEN[m], d]"
    ranks = {"M": len(tokens), "D": 4, "V": 8}
    spec = {"name": "w", "ranks": ranks, "values": {"TOKEN": list(tokens)}, "einsums": [text]}
    return resolve(WorkloadSpec.model_validate(spec)).einsums[0]


def test_rows_that_are_looked_up_again_have_a_curve():
    curve = buffer_curve(lookup(3, 1, 3, 7), TWO, "Buffer")
    assert curve.proven
    assert corners(curve) == every_tiling(lookup(3, 1, 3, 7))
    assert curve.points[-1].traffic_words == 4 + 3 * 4 + 4 * 4


@pytest.mark.parametrize("einsum", [gemm(64, 64, 64), gemm(48, 36, 60, z_bits=16), convolution(64, 4, 8)])
def test_more_room_never_costs_traffic_and_ends_at_what_is_compulsory(einsum):
    points = buffer_curve(einsum, TWO, "Buffer").points
    for a, b in itertools.pairwise(points):
        assert a.capacity_bits < b.capacity_bits
        assert a.traffic_bits > b.traffic_bits
    assert points[0].capacity_bits == sum(t.bits for t in einsum.tensors.values())
    assert points[-1].traffic_bits == sum(t.size_words * t.bits for t in einsum.tensors.values())


def test_matrix_multiplication_follows_the_closed_form():
    """Output-stationary m0 × n0 moves MNK (1/m0 + 1/n0) + MN words and holds m0·n0 + m0 + n0 of them or one less."""
    n = 256
    curve = buffer_curve(gemm(n, n, n), TWO, "Buffer")
    for m0, n0 in itertools.product([2**i for i in range(9)], repeat=2):
        here = curve.at(8 * (m0 * n0 + m0 + n0))
        assert here is not None
        assert here.traffic_words <= n**3 // m0 + n**3 // n0 + n * n
    for point in curve.points:
        words = point.capacity_bits // 8
        assert point.traffic_words >= 2 * n**3 / math.sqrt(words) - 2 * words
        assert point.traffic_words <= 6 * n**3 / math.sqrt(words)


def test_a_double_buffer_needs_twice_the_room():
    levels = tuple(replace(x, double_buffered=True) if isinstance(x, Memory) else x for x in TWO.levels)
    single, double = (buffer_curve(gemm(8, 4, 8), a, "Buffer") for a in (TWO, replace(TWO, levels=levels)))
    assert corners(double) == [(2 * room, traffic) for room, traffic in corners(single)]


def test_where_a_capacity_is_on_the_curve():
    curve = buffer_curve(gemm(8, 8, 8), TWO, "Buffer")
    assert curve.at(16) is None
    assert curve.at(curve.points[3].capacity_bits) == curve.points[3]
    assert curve.at(curve.points[3].capacity_bits - 1) == curve.points[2]
    assert curve.at(None) == curve.points[-1]


@pytest.mark.parametrize(
    ("level", "said"), [("Bufer", "did you mean 'Buffer'"), ("Outer", "outermost"), ("PEs", "no memory")]
)
def test_levels_without_a_curve(level, said):
    with pytest.raises(SpecError, match=said):
        buffer_curve(gemm(2, 2, 2), TWO, level)
