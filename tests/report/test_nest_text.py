import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report import samples

from costmodel.einsum.algebra import Affine, Workload
from costmodel.report.nest_text import distinct, nest_lines, nest_text, short_text
from costmodel.spec.mapping import Compute, Mapping, Sequence, Spatial, Storage, Temporal
from costmodel.spec.mapping_file import parse_nest, sentences

EINSUM = samples.gemm_einsum("Z", 256, 96, 100)
WORKLOAD = Workload("gemm", "", (EINSUM,))
MAPPING = Mapping(samples.nest(EINSUM), einsum="Z")


def test_a_nest_with_its_workload():
    assert nest_text(MAPPING, WORKLOAD).splitlines() == [
        "store A B Z in DRAM      # A 256×100, B 100×96, Z 256×96: 117 KiB",
        "for m in [0:4)  by 64",
        "  store A Z in GLB       # A 64×100, Z 64×96: 24.5 KiB",
        "  for k in [0:7)  by 16  # last tile 4",
        "    parallel n in [0:12) by 8 across PEs.X",
        "      parallel m in [0:8) by 8 across PEs.Y",
        "        store B in spad  # B 16×8: 256 B",
        "        for m in [0:8)  by 1",
        "          for n in [0:8)  by 1",
        "            for k in [0:16)  by 1",
        "              compute Z on MAC",
    ]


def test_a_nest_without_a_workload_says_its_sentences():
    lines = nest_lines(MAPPING)
    assert [line.text for line in lines] == sentences(MAPPING.nest)
    assert not any(line.note for line in lines)


def test_an_einsum_that_the_workload_does_not_have_is_no_fault():
    assert nest_text(Mapping((Compute("other", "MAC"),)), WORKLOAD) == "compute other on MAC"


def test_branches_of_a_sequence_are_indented_below_the_shared_loops():
    nest = (
        Storage(("A",), "DRAM"),
        Temporal("m", 2),
        Sequence(((Temporal("m", 1), Compute("Y", "MAC")), (Temporal("m", 1), Compute("Z", "MAC")))),
    )
    assert nest_text(Mapping(nest)).splitlines() == [
        "store A in DRAM",
        "for m by 2",
        "  sequence",
        "    branch 1: Y",
        "      for m by 1",
        "        compute Y on MAC",
        "    branch 2: Z",
        "      for m by 1",
        "        compute Z on MAC",
    ]
    assert parse_nest(sentences(nest)) == nest
    assert short_text(nest) == "DRAM[A] m2 {Y: m1 MAC ; Z: m1 MAC}"


def test_a_parallel_loop_that_does_not_divide_says_its_rest():
    mapping = Mapping((Spatial("k", 24, "PEs", "X"), Compute("Z", "MAC")), einsum="Z")
    assert nest_lines(mapping, WORKLOAD)[0].note == "last tile 4"


@given(st.lists(st.tuples(st.integers(-5, 5).filter(bool), st.integers(1, 7)), max_size=3), st.integers(-3, 3))
def test_values_of_an_index_are_counted_one_by_one(terms, constant):
    names = "pqr"[: len(terms)]
    index = Affine(tuple((n, a) for n, (a, _) in zip(names, terms, strict=True)), constant)
    extents = {n: e for n, (_, e) in zip(names, terms, strict=True)}
    ranges = [[a * i for i in range(e)] for a, e in terms]
    assert distinct(index, extents) == len({sum(point) for point in itertools.product(*ranges)})


@pytest.mark.parametrize("extent", [1, 10**12])
def test_large_extents_cost_nothing(extent):
    assert distinct(Affine((("m", 1),)), {"m": extent}) == extent
