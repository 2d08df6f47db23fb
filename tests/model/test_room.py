"""Room used: what the tiles of a mapping occupy inside the outermost memory, in all instances."""

from __future__ import annotations

from dataclasses import replace

import pytest
from problems import PE2D, TWO_LEVEL, einsum, gemm

from costmodel.einsum.algebra import Workload
from costmodel.model.evaluate import combine, evaluate
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest


def room(workload: Workload, architecture: Architecture, nest: str) -> dict[str, int]:
    lines = [line.strip() for line in nest.strip().splitlines()]
    return evaluate(workload, architecture, Mapping(parse_nest(lines))).capacity_bits_by_einsum


INNER = """
    store A B Z in MainMemory
    for m by 8
    store A B Z in GLB
    parallel n by 1 across PEs.X
    store B Z in RF
    for k by 1
    for m by 1
    compute E on MAC
"""


def test_every_instance_counts_idle_ones_too():
    """GLB: 8 m × 16 k of A, 16 k × 8 n of B, 8 m × 8 n of Z. RF: 16 k of B and 8 m of Z in each of 8 × 8 instances."""
    problem = gemm(16, 8, 16, Z=16)
    glb = (8 * 16) * 8 + (16 * 8) * 8 + (8 * 8) * 16
    registers = 16 * 8 + 8 * 16
    assert room(Workload("w", "", (problem,)), PE2D, INNER) == {"E": glb + 64 * registers}


def test_stated_instances_are_the_physical_ones():
    levels = tuple(replace(x, instances=10) if x.name == "RF" else x for x in PE2D.levels)
    problem = gemm(16, 8, 16)
    one = room(Workload("w", "", (problem,)), PE2D, INNER)["E"]
    assert room(Workload("w", "", (problem,)), replace(PE2D, levels=levels), INNER)["E"] == one - 54 * (16 + 8) * 8


def test_what_stays_outside_takes_no_room():
    nest = "store A B Z in MainMemory\nfor m by 1\nfor n by 1\nfor k by 1\ncompute E on MAC"
    assert room(Workload("w", "", (gemm(4, 4, 4),)), TWO_LEVEL, nest) == {"E": 0}


def test_a_double_buffered_tile_counts_once():
    levels = tuple(replace(x, double_buffered=True) if x.name == "Buffer" else x for x in TWO_LEVEL.levels)
    nest = "store A B Z in MainMemory\nstore A in Buffer\nfor m by 1\nfor n by 1\nfor k by 1\ncompute E on MAC"
    workload = Workload("w", "", (gemm(4, 4, 4),))
    assert room(workload, TWO_LEVEL, nest) == room(workload, replace(TWO_LEVEL, levels=levels), nest) == {"E": 128}


def fused() -> tuple[Workload, Mapping]:
    first = replace(einsum("X[m]", "A[m, k]", m=4, k=3), name="E1")
    second = replace(einsum("Y[m]", "X[m]", m=4), name="E2")
    branches = [
        ["store A in Buffer", "for k by 1", "for m by 1", "compute E1 on MAC"],
        ["for m by 1", "compute E2 on MAC"],
    ]
    nest = ["store A Y X in MainMemory", "for m by 2", "store X in Buffer", {"sequence": branches}]
    return Workload("w", "", (first, second)), Mapping(parse_nest(nest))


def test_what_branches_share_counts_with_each_of_them():
    """2 words of X stay while either runs; the 2 × 3 words of A only while the first does."""
    workload, mapping = fused()
    found = evaluate(workload, TWO_LEVEL, mapping)
    assert found.capacity_bits_by_einsum == {"E1": (2 + 6) * 8, "E2": 2 * 8}
    assert found.capacity_bits == 64


def test_of_einsums_one_after_another_the_most_counts():
    small, large = (replace(gemm(n, 4, 4), name=f"E{n}") for n in (4, 8))
    found = []
    for problem in (small, large):
        lines = ["store A B Z in MainMemory", "store A in Buffer", "for m by 1", "for n by 1", "for k by 1"]
        nest = parse_nest([*lines, f"compute {problem.name} on MAC"])
        found.append(evaluate(Workload("w", "", (small, large)), TWO_LEVEL, Mapping(nest, einsum=problem.name)))
    assert [e.capacity_bits for e in found] == [128, 256]
    assert combine(found).capacity_bits == 256
    assert combine(found[:1]).capacity_bits == 128


@pytest.mark.parametrize("extent", [3, 5])
def test_of_tiles_that_do_not_divide_the_largest_counts(extent):
    nest = f"store A Z in MainMemory\nfor m by {extent}\nstore A in Buffer\nfor m by 1\ncompute E on MAC"
    assert room(Workload("w", "", (einsum("Z[m]", "A[m]", m=7),)), TWO_LEVEL, nest) == {"E": 8 * extent}
