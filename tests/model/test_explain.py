"""Every number explains itself: terms that sum to it exactly, and the loop to blame."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Case, cases, nest_of, padded_case, workload_of

from costmodel.model.evaluate import evaluate
from costmodel.model.explain.answer import explain
from costmodel.model.explain.explanation import Explanation, number
from costmodel.model.explain.subjects import subjects
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

ARCHITECTURE = Architecture(
    name="small",
    levels=(
        Memory(name="DRAM", read_pj=200.0, write_pj=100.0, access_bits=16, bandwidth_bits_per_cycle=64.0),
        Memory(name="GLB", capacity_bits=2**16, read_pj=6.0, write_pj=6.0, energy_source="a table", area_mm2=2.0),
        Array(name="PEs", shape={"X": 4, "Y": 4}, hop_pj=0.5),
        Memory(name="RF", capacity_bits=2**10, read_pj=1.0, write_pj=1.0),
        ComputeUnit(name="MAC", energy_pj={"default": 1.0}, area_mm2=0.5),
    ),
)


def ask(workload, nest: str, subject: str, architecture: Architecture = ARCHITECTURE) -> Explanation:
    mapping = Mapping(nest_of(nest))
    return explain(workload, architecture, [mapping], evaluate(workload, architecture, mapping), subject)


def value_of(case: Case, evaluation, subject: str) -> float:
    """The number as the tables have it."""
    words = subject.split(".")
    if len(words) == 1:
        totals = {
            "energy": evaluation.energy_pj,
            "latency": evaluation.latency_cycles,
            "edp": evaluation.edp,
            "utilisation": evaluation.utilisation,
            "area": evaluation.area_mm2,
        }
        return totals[subject]
    level, what, tensor = (*words, None)[:3]
    if what in ("fill", "read", "update", "drain"):
        return sum(
            r.words
            for r in evaluation.traffic_rows
            if (r.level, r.flow) == (level, what) and tensor in (None, r.tensor)
        )
    if what == "energy":
        return sum(
            r.energy_pj * evaluation.counts[r.einsum]
            for r in evaluation.action_rows
            if r.component == level and tensor in (None, r.tensor)
        )
    if what == "hop":
        return sum(
            r.count
            for r in evaluation.action_rows
            if (r.component, r.action) == (level, "hop") and tensor in (None, r.tensor)
        )
    if what == "latency":
        return sum(r.cycles * evaluation.counts[r.einsum] for r in evaluation.latency_rows if r.component == level)
    return math.nan


@given(st.one_of(cases(), st.integers(0, 2**32).map(padded_case)))
@settings(max_examples=35, deadline=None)
def test_the_terms_of_every_number_sum_to_it(case):
    evaluation = evaluate(case.workload, case.architecture, case.mapping)
    for subject in subjects(case.architecture, evaluation):
        found = explain(case.workload, case.architecture, [case.mapping], evaluation, subject)
        expected = value_of(case, evaluation, subject)
        where = f"{subject}\n{case}\n{found}"
        if expected is None:
            assert "not modelled" in found.headline
            continue
        if not math.isnan(expected):
            assert found.value == pytest.approx(expected, rel=1e-12), where
        exact = isinstance(found.value, int)
        if found.parts and found.combine == "sum":
            total = sum(part.value for part in found.parts)
            assert total == found.value if exact else math.isclose(total, found.value, rel_tol=1e-9), where
        elif found.parts:
            assert max(part.value for part in found.parts) == found.value, where
        assert str(found).startswith(found.headline)


GEMM = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=64, n=64, k=64)
OUTER_N = """
store A B Z in DRAM
for n by 4
store B Z in GLB
for m by 16
for k by 16
store A in GLB
for m by 1
for n by 1
for k by 1
compute Z on MAC
"""


def test_the_loop_that_brings_a_tile_back_is_named():
    found = ask(GEMM, OUTER_N, "GLB.fill.A")
    assert found.headline == "GLB.fill.A = 256 tiles × 256 words = 65,536 words"
    assert "256 tiles = 16 (for n) × 4 (for m) × 4 (for k)" in found.lines
    assert "`for n by 4` (16 steps) does not index A: `for m` inside it brings each tile back 16 times" in found.lines
    assert found.notes[0] == "energy: 65,536 write words × 8 b / 8 b × 6 pJ = 393,216 pJ".replace(" × 8 b / 8 b", "")
    assert "source: a table" in found.notes


def test_a_loop_that_moves_nothing_inside_costs_nothing():
    found = ask(GEMM, OUTER_N, "GLB.fill.B")
    assert found.value == 64 * 64
    nest = "store A B Z in DRAM\nfor m by 1\nfor n by 4\nstore A B Z in GLB\nfor n by 1\nfor k by 1\ncompute Z on MAC"
    lines = ask(GEMM, nest, "GLB.fill.A").lines
    assert "`for n by 4` (16 steps) does not index A and nothing inside it moves the tile: costs nothing" in lines


def test_the_width_of_the_port_is_part_of_the_price():
    note = ask(GEMM, OUTER_N, "DRAM.read.A").notes[0]
    assert note == "energy: 65,536 read words × 8 b / 16 b × 200 pJ = 6,553,600 pJ"


def test_partial_sums_that_return_leave_out_the_first_touch():
    nest = "store A B Z in DRAM\nfor k by 16\nfor m by 16\nstore A B Z in GLB\n"
    nest += "for m by 1\nfor n by 1\nfor k by 1\ncompute Z on MAC"
    found = ask(GEMM, nest, "GLB.fill.Z")
    assert found.headline == "GLB.fill.Z = 16,384 asked for − 4,096 first touches = 12,288 words"
    assert ask(GEMM, nest, "GLB.drain.Z").value == 16384


def test_multicast_and_spatial_reduction_say_how_many_they_serve():
    nest = """
    store A B Z in DRAM
    for m by 4
    store A B Z in GLB
    parallel m by 1 across PEs.X
    parallel k by 16 across PEs.Y
    store A B Z in RF
    for n by 1
    for k by 1
    compute Z on MAC
    """.replace("store A B Z in RF\n    for n by 1", "for n by 1\n    store A B Z in RF")
    workload = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=8, n=8, k=64)
    read = ask(workload, nest, "GLB.read.B")
    assert any(line.startswith("multicast across PEs: ") and line.endswith("(4 to one)") for line in read.lines)
    update = ask(workload, nest, "GLB.update.Z")
    assert any(line.startswith("spatial reduction across PEs: ") and "(4 to one)" in line for line in update.lines)


def test_a_window_that_slides_says_what_stays():
    workload = workload_of("O[p] = I[p + r] * F[r]", p=16, r=3)
    nest = "store O I F in DRAM\nfor p by 4\nstore O I F in GLB\nfor p by 1\nfor r by 1\ncompute O on MAC"
    found = ask(workload, nest, "GLB.fill.I")
    assert found.value == 18
    assert "`for p by 4` (4 steps) slides the tile: 6 of 18 words stay" in found.lines
    assert found.parts[-1].text == "`for p` steps: 3 times × 4 words"


def test_latency_names_the_bottleneck_and_what_has_no_limit():
    found = ask(GEMM, OUTER_N, "latency")
    assert found.combine == "max"
    assert "bottleneck: MAC" in found.lines[0]
    assert found.notes == ("no bandwidth stated, so no limit: GLB, RF",)
    assert "64 b per cycle" in ask(GEMM, OUTER_N, "DRAM.latency").parts[0].text


def test_what_is_not_modelled_is_said():
    area = ask(GEMM, OUTER_N, "area")
    assert area.value == 2.0 + 16 * 0.5
    assert area.notes == ("not modelled (no area stated): DRAM, PEs, RF",)


def test_zero_has_a_reason():
    assert "outermost holder" in ask(GEMM, OUTER_N, "DRAM.fill.A").headline
    assert "only read" in ask(GEMM, OUTER_N, "GLB.drain.A").headline


@pytest.mark.parametrize(
    ("subject", "hint"),
    [
        ("GLB.fil.A", "did you mean 'GLB.fill.A'?"),
        ("GBL.fill.A", "did you mean 'GLB.fill.A'?"),
        ("energie", "did you mean 'energy'?"),
        ("GLB.latency", "states no bandwidth"),
        ("", "known: "),
    ],
)
def test_a_number_that_does_not_exist_is_an_error_with_a_hint(subject, hint):
    with pytest.raises(SpecError) as caught:
        ask(GEMM, OUTER_N, subject)
    assert hint in str(caught.value)


def test_numbers_print_all_digits_that_matter():
    assert [number(x) for x in (0, 12, 1234567, 0.1, 2.0, 1e20)] == [
        "0",
        "12",
        "1,234,567",
        "0.1",
        "2",
        "100,000,000,000,000,000,000",
    ]
