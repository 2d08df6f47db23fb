"""Counts worked out by hand where a tensor is met twice, where nothing is reduced, and where windows are written."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from comparison import difference
from strategies import Case, nest_of
from two_accesses import CONVOLUTION_AND_SKIP, ROWS_OF_A_GRAM_MATRIX, TWO_BRANCHES

from costmodel.einsum.algebra import Workload
from costmodel.model.evaluate import evaluate
from costmodel.model.motion import touched_words
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.load import parse
from costmodel.spec.mapping import Mapping

BUFFERED = Architecture(name="buffered", levels=(Memory(name="Main"), Memory(name="Buf"), ComputeUnit(name="MAC")))


def workload(ranks: str, *einsums: str) -> Workload:
    return load_workload(parse(f"name: w\nranks: {{{ranks}}}\neinsums: {list(einsums)}\n"))


def counted(made: Workload, nest: str, architecture: Architecture = BUFFERED):
    """The evaluation of a nest, with which the walk agrees."""
    mapping = Mapping(nest_of(nest))
    assert difference(Case(made, architecture, mapping)) == {}
    return evaluate(made, architecture, mapping)


def test_gram_matrix_brings_each_row_unless_it_is_held():
    """Rows {2i, 2i+1} and n: 24 + 10 · 12 = 144 at first, 132 where row 0 is still held, … in all 840 words."""
    cost = counted(
        workload("M: 12, N: 12, K: 12", "Z[m, n] = X[m, k] * X[n, k]"),
        ROWS_OF_A_GRAM_MATRIX,
    )
    assert cost.words("Buf", "X", "fill") == 144 + 132 + 144 * 3 + 132 == 840
    assert next(r.words for r in cost.occupancy_rows if r.tensor == "X" and r.level == "Buf") == 36


def test_convolution_and_skip():
    """Tiles {0..4} {4..8} {1..4} {5..8} {1..5} {5..9}, each minus the one before: 5 + 4 + 3 + 4 + 4 + 4.

    The unit reads the skip at r = 0 alone, but the tile of I is the union of what both accesses touch.
    """
    cost = counted(
        workload("P: 8, R: 3", "O[p] = I[p + r] * F[r] + I[p + 1]"),
        CONVOLUTION_AND_SKIP,
    )
    assert cost.words("Main", "I", "read") == 24
    assert cost.words("Buf", "I", "read") == 8 * 3 + 8


def test_convolution_times_skip():
    """A product reads both at every point: {0..4} {4..8} {1..4} {5..8} {1..5} {5..9}: 5 + 4 + 3 + 4 + 4 + 4."""
    cost = counted(
        workload("P: 8, R: 3", "O[p] = I[p + r] * F[r] * I[p + 1]"),
        CONVOLUTION_AND_SKIP,
    )
    assert cost.words("Main", "I", "read") == 24


def test_two_branches_that_read_a_tensor_in_two_ways():
    """Rows 0–1; and X[2–3, 0–1]; rows 2–3 without those; nothing new: 8 + 4 + 4 + 0."""
    cost = counted(
        workload("M: 4, N: 4, K: 4", "P[m, n] = X[m, k] * W[k, n]", "Q[m, n] = P[m, n] * X[n, m]"),
        TWO_BRANCHES,
    )
    assert cost.words("Main", "X", "read") == 16


@pytest.mark.parametrize(
    ("ranks", "text", "tensor", "words"),
    [
        ("M: 6, K: 6, N: 6", "Z[m, n] = A[m, k] * A[k, n]", "A", 36),
        ("M: 5, N: 5", "Z[m, n] = A[m, n] * A[n, m]", "A", 25),
        ("M: 3, P: 4", "Z[m, p] = X[0, p] * X[m, p]", "X", 12),
        ("P: 6, R: 3", "Z[p] = I[p + r] * I[p]", "I", 8),
        ("D: 4", "X[0, d] = CLS[d]", "X", 4),
        ("D: 4", "Y[d] = X[0, d] * X[2, d]", "X", 8),
    ],
)
def test_words_that_an_einsum_touches(ranks, text, tensor, words):
    (einsum,) = workload(ranks, text).einsums
    assert touched_words(einsum, tensor) == words


def test_a_bias_is_read_once_for_each_word_of_the_output():
    made = workload("M: 4, C: 2, H: 3, W: 3", "O[m] = B[m] + I[c, h, w] * F[m, c, h, w]")
    for order in ("m c h w", "w h c m", "c m w h"):
        nest = "store B I F O in Main\n" + "\n".join(f"for {v} by 1" for v in order.split()) + "\ncompute O on MAC"
        cost = counted(made, nest)
        assert cost.words("Main", "B", "read") == 4
        assert cost.words("Main", "I", "read") == 72
        assert {r.action: r.count for r in cost.action_rows if r.component == "MAC"} == {"compute mac": 72}


def test_operators_of_a_bias_count_once_for_each_word_of_the_output():
    made = workload("M: 4, K: 5", "O[m] = exp(B[m]) + I[k] * F[m, k]")
    cost = counted(made, "store B I F O in Main\nfor k by 1\nfor m by 1\ncompute O on MAC")
    counts = {r.action: r.count for r in cost.action_rows if r.component == "MAC"}
    assert counts == {"compute exp": 4, "compute mac": 20}
    assert cost.latency_cycles == 24


def test_a_bias_of_a_convolution_on_an_array():
    """3 × 3, 32 filters, 14 × 14 outputs: 6,272 words of the bias from RF, not one for each of 903,168 points."""
    made = workload("M: 32, C: 16, P: 14, Q: 14, R: 3, S: 3", "O[m, p, q] = B[m] + I[c, p + r, q + s] * F[m, c, r, s]")
    nest = """
    store B I F O in MainMemory
    for m by 8
    store B I F O in GLB
    parallel m by 1 across PEs.X
    parallel c by 2 across PEs.Y
    for p by 1
    store B O in RF
    for q by 1
    for c by 1
    store I F in RF
    for r by 1
    for s by 1
    compute O on MAC
    """
    cost = evaluate(made, load_architecture("pe2d"), Mapping(nest_of(nest)))
    assert cost.words("RF", "B", "read") == 32 * 14 * 14 == 6272
    assert cost.words("MainMemory", "B", "read") == 32
    assert cost.words("RF", "B", "fill") == 32


def test_an_einsum_without_rank_variables():
    cost = counted(workload("", "Alpha[] = RR[] / PAP[]"), "store RR PAP Alpha in Main\ncompute Alpha on MAC")
    assert {r.action: r.count for r in cost.action_rows if r.component == "MAC"} == {"compute div": 1}
    assert cost.words("Main", "RR", "read") == 1


TRANSPOSED = """
store I K Y in MainMemory
for m by {m}
for c by {c}
store I K Y in GLB
parallel m by 4 across PEs.X
parallel h by 1 across PEs.Y
for c by 1
for w by 1
store I in RF
for m by 1
for r by 1
store Y in RF
for s by 1
store K in RF
compute Y on MAC
"""
TRANSPOSED_EINSUM = "Y[m, 2*h + r, 2*w + s] = I[c, h, w] * K[c, m, r, s]"


def test_windows_written_on_an_array_small():
    made = workload("C: 2, M: 4, H: 3, W: 2, R: 4, S: 3", TRANSPOSED_EINSUM)
    mapping = Mapping(nest_of(TRANSPOSED.format(m=4, c=1)))
    assert difference(Case(made, load_architecture("pe2d"), mapping)) == {}


@pytest.mark.parametrize("outer", ["words", "tiles", "none"])
@pytest.mark.parametrize("inner", ["words", "tiles", "none"])
def test_windows_written_by_instances_that_do_the_same(outer, inner):
    """Instances along c hold the same words of Y: one stands for those that an array serves on their own."""
    made = workload("C: 4, M: 2, H: 4, R: 3", "Y[m, h + r] = I[c, h] * K[c, m, r]")
    nest = """
    store I K Y in Main
    for m by 1
    for r by 1
    parallel c by 2 across Rows.Y
    parallel h by 2 across Rows.X
    for h by 1
    parallel c by 1 across PEs.X
    store Y in Buf
    compute Y on MAC
    """
    rows = Array(name="Rows", shape={"X": 2, "Y": 2}, multicast=outer, reduce=outer == "words")
    pes = Array(name="PEs", shape={"X": 2}, multicast=inner, reduce=inner == "words")
    levels = (Memory(name="Main"), rows, pes, Memory(name="Buf"), ComputeUnit(name="MAC"))
    counted(made, nest, Architecture(name="nested", levels=levels))


def test_a_layer_of_dcgan_with_rows_of_windows_on_pes_takes_no_time():
    made = workload("C: 512, M: 256, H: 8, W: 8, R: 4, S: 4", TRANSPOSED_EINSUM)
    began = time.process_time()
    cost = evaluate(made, load_architecture("pe2d"), Mapping(nest_of(TRANSPOSED.format(m=32, c=8))))
    assert time.process_time() - began < 1
    assert cost.words("MainMemory", "Y", "update") == 256 * 18 * 18
    assert cost.words("RF", "Y", "drain") == 512 * 256 * 8 * 8 * 4 * 4


TWICE = [
    ("M: 7, N: 7, K: 5", "Z[m, n] = X[m, k] * X[n, k]"),
    ("M: 8, N: 8, K: 4", "Z[m, n] = X[m, k] * X[n, k]"),
    ("M: 5, N: 5, K: 5", "Z[m, n] = A[m, k] * A[k, n]"),
    ("M: 4, N: 4, K: 4", "Z[m, n] = A[m, k] * A[k, n]"),
    ("M: 6, N: 6, K: 3", "Z[m, n] = A[m, n] * A[n, m] * W[k]"),
    ("M: 6, K: 6", "Z[m] = A[m] + A[k] * F[m, k]"),
    ("M: 4, N: 4, P: 4", "Z[m, n, p] = X[m, n] * X[n, p] * X[p, 2]"),
    ("P: 8, R: 4", "O[p] = I[p + r] * I[p]"),
    ("P: 6, R: 3", "O[p] = I[p + r] * F[r] + I[p + 1]"),
    ("P: 4, R: 4", "O[p] = I[2*p + r] * I[3*p]"),
    ("P: 6, R: 6", "O[p] = I[p, p] * I[r, p]"),
    ("P: 6, M: 4", "O[p] = X[0, p] * X[m, p]"),
]
GRID = Architecture(
    name="grid",
    levels=(
        Memory(name="Main"),
        Array(name="PEs", shape={"X": 2, "Y": 2}),
        Memory(name="Buf"),
        ComputeUnit(name="MAC"),
    ),
)


def changed(architecture: Architecture, **keys: object) -> Architecture:
    levels = tuple(replace(x, **{k: v for k, v in keys.items() if hasattr(x, k)}) for x in architecture.levels)
    return replace(architecture, levels=levels)


@pytest.mark.parametrize("architecture", [BUFFERED, changed(BUFFERED, halo="refetch", holes="fetch")])
@pytest.mark.parametrize(("ranks", "text"), TWICE)
@pytest.mark.parametrize("few", [1, 10**9])
def test_positions_that_count_alike_are_told_once(monkeypatch, architecture, ranks, text, few):
    for module in ("alike", "unions"):
        monkeypatch.setattr(f"costmodel.model.{module}.FEW", few)
    monkeypatch.setattr("costmodel.model.alike.TOGETHER", 16)
    made = workload(ranks, text)
    (einsum,) = made.einsums
    twice = next(t for t in einsum.tensors if len(einsum.accesses_of(t)) > 1)
    variables = list(einsum.shape)
    for order in (variables, variables[::-1]):
        loops = [f"for {v} by {tile}" for tile in (3, 1) for v in order]
        stored = f"store {' '.join(einsum.tensors)} in Main"
        for at in (2, len(loops)):
            nest = [stored, *loops[:at], f"store {twice} in Buf", *loops[at:], f"compute {einsum.name} on MAC"]
            counted(made, "\n".join(nest), architecture)


@pytest.mark.parametrize("multicast", ["words", "tiles", "none"])
@pytest.mark.parametrize("halo", ["reuse", "refetch"])
@pytest.mark.parametrize(("ranks", "text"), TWICE)
def test_instances_share_what_is_accessed_twice(monkeypatch, multicast, halo, ranks, text):
    monkeypatch.setattr("costmodel.model.alike.FEW", 1)
    made = workload(ranks, text)
    (einsum,) = made.einsums
    twice = next(t for t in einsum.tensors if len(einsum.accesses_of(t)) > 1)
    first, last = next(iter(einsum.shape)), list(einsum.shape)[-1]
    for v, w in ((first, last), (last, first)):
        stored = f"store {' '.join(einsum.tensors)} in Main"
        spread = [f"parallel {v} by 2 across PEs.X", f"parallel {w} by 1 across PEs.Y"]
        tiles = ((4, [v]), (2, [w]), (1, einsum.shape))
        loops = [f"for {u} by {min(tile, einsum.shape[u])}" for tile, vs in tiles for u in vs]
        nest = [stored, *loops[:2], *spread, f"store {twice} in Buf", *loops[2:], f"compute {einsum.name} on MAC"]
        counted(made, "\n".join(nest), changed(GRID, multicast=multicast, halo=halo))


def test_a_gram_matrix_of_a_thousand_rows_is_counted_at_once():
    """Every row comes for every m but where it is m or the last one: 1 + (m ≠ n) words each time."""
    made = workload("M: 1024, N: 1024, K: 4", "Z[m, n] = X[m, k] * X[n, k]")
    nest = "store X Z in Main\nfor m by 1\nfor n by 1\nstore X in Buf\nfor k by 1\ncompute Z on MAC"
    began = time.process_time()
    cost = evaluate(made, BUFFERED, Mapping(nest_of(nest)))
    assert time.process_time() - began < 2
    rows, held = 0, set()
    for m in range(1024):
        for n in range(1024):
            rows += len({m, n} - held)
            held = {m, n}
    assert cost.words("Buf", "X", "fill") == 4 * rows


STILL = Architecture(
    name="still",
    levels=(
        Memory(name="Main"),
        Array(name="PEs", shape={"X": 2, "Y": 2}, systolic="weight"),
        Memory(name="Buf"),
        ComputeUnit(name="MAC"),
    ),
)


@pytest.mark.parametrize("few", [1, 10**9])
@pytest.mark.parametrize(("ranks", "text"), TWICE)
def test_passes_of_a_tensor_that_is_accessed_twice(monkeypatch, few, ranks, text):
    for module in ("alike", "unions"):
        monkeypatch.setattr(f"costmodel.model.{module}.FEW", few)
    made = workload(ranks, text)
    (einsum,) = made.einsums
    twice = next(t for t in einsum.tensors if len(einsum.accesses_of(t)) > 1)
    held = f"name: w\nranks: {{{ranks}}}\neinsums: [{{einsum: '{text}', weights: [{twice}]}}]\n"
    made = load_workload(parse(held))
    spread, *rest = einsum.shape
    loops = [f"for {v} by {tile}" for tile in (3, 2) for v in (*rest, spread)]
    below = [f"parallel {spread} by 1 across PEs.X", f"store {twice} in Buf", *(f"for {v} by 1" for v in rest)]
    stored = f"store {' '.join(einsum.tensors)} in Main"
    counted(made, "\n".join([stored, *loops, *below, f"compute {einsum.name} on MAC"]), STILL)


def test_passes_of_a_gram_matrix_of_a_thousand_rows_are_counted_at_once():
    """Of the 1024² pairs (m, n) the tile stays only where the next pair names the same rows, which none does."""
    made = workload("M: 1024, N: 1024, K: 4", "Z[m, n] = X[m, k] * X[n, k]")
    nest = "store X Z in Main\nfor m by 1\nfor n by 1\nstore X in Buf\nfor k by 1\ncompute Z on MAC"
    began = time.process_time()
    cost = evaluate(made, STILL, Mapping(nest_of(nest)))
    assert time.process_time() - began < 2
    assert cost.latency_cycles == 1024 * 1024 * (4 + 2 + 2 - 2 + 2)
