"""Partial sums have a width of their own: counted by hand."""

from __future__ import annotations

import pytest
from comparison import difference
from strategies import Case, nest_of, workload_of

from costmodel.model.evaluate import evaluate
from costmodel.model.explain.answer import explain
from costmodel.model.explain.prices import amount_text
from costmodel.model.meters import port_energy
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping

GEMM = "Z[m, n] = A[m, k] * B[k, n]"


def evaluated(statement: str, nest: str, *levels: Memory | Array, **extents: int):
    workload = workload_of(statement, **extents)
    architecture = Architecture(name="a", levels=(*levels, ComputeUnit(name="MAC")))
    mapping = Mapping(nest_of(nest))
    assert difference(Case(workload, architecture, mapping)) == {}
    return evaluate(workload, architecture, mapping)


def accesses(evaluation, component: str, tensor: str) -> dict[str, float]:
    """Action → accesses of 8 b, of one tensor in a component."""
    rows = (r for r in evaluation.action_rows if (r.component, r.tensor) == (component, tensor))
    return {r.action: r.count for r in rows}


SPILLED = "store A B Z in Main\nfor k by 4\nfor m by 1\nfor n by 1\nstore Z in Buf\nfor k by 1\ncompute Z on MAC"


def test_what_is_spilled_is_wide_and_what_is_finished_is_not() -> None:
    """Of 2 × 16 updates 16 finish a word; 16 sums are read back."""
    main = Memory(name="Main", read_pj=1, write_pj=1, partial_bits=32)
    found = evaluated(GEMM, SPILLED, main, Memory(name="Buf", read_pj=1, write_pj=1), m=4, n=4, k=8)
    assert accesses(found, "Main", "Z") == {"read": 16 * 4, "write": 16 * 4 + 16}
    assert accesses(found, "Buf", "Z") == {"read": 128 - 16 + 32, "write": 128 + 16}
    assert accesses(found, "Main", "A") == {"read": 128, "write": 0}


def test_an_accumulator_is_wide_and_sends_its_words_up_narrow() -> None:
    """128 updates of which 16 finish a word, 112 reads of sums; what is drained is finished: no k above."""
    nest = "store A B Z in Main\nfor m by 1\nfor n by 1\nstore Z in Buf\nfor k by 1\ncompute Z on MAC"
    buffer = Memory(name="Buf", read_pj=1, write_pj=1, partial_bits=32)
    found = evaluated(GEMM, nest, Memory(name="Main", read_pj=1, write_pj=1), buffer, m=4, n=4, k=8)
    assert accesses(found, "Buf", "Z") == {"read": 112 * 4 + 16, "write": 112 * 4 + 16}
    assert accesses(found, "Main", "Z") == {"read": 0, "write": 16}
    (room,) = (r for r in found.occupancy_rows if (r.level, r.tensor) == ("Buf", "Z"))
    assert room.bits == 32


def test_instances_that_share_a_sum_send_partial_sums_to_where_it_is_united() -> None:
    """Two instances each send 16 words over the array; 16 come out of it, finished."""
    nest = "store A B Z in Main\nparallel k by 4 across PEs.X\nfor m by 1\nfor n by 1\nstore Z in Buf\n"
    nest += "for k by 1\ncompute Z on MAC"
    levels = (
        Memory(name="Main", read_pj=1, write_pj=1, partial_bits=24),
        Array(name="PEs", shape={"X": 2}, hop_pj=1, partial_bits=24),
        Memory(name="Buf", read_pj=1, write_pj=1, partial_bits=24),
    )
    found = evaluated(GEMM, nest, *levels, m=4, n=4, k=8)
    assert accesses(found, "PEs", "Z") == {"hop": 32 * 3}
    assert accesses(found, "Main", "Z") == {"read": 0, "write": 16}
    assert accesses(found, "Buf", "Z") == {"read": (96 + 32) * 3, "write": 128 * 3}


def test_what_is_no_sum_has_no_partial_sums() -> None:
    nest = "store A B Z in Main\nstore Z in Buf\nfor m by 1\ncompute Z on MAC"
    levels = tuple(Memory(name=name, read_pj=1, write_pj=1, partial_bits=32) for name in ("Main", "Buf"))
    found = evaluated("Z[m] = A[m] * B[m]", nest, *levels, m=4)
    assert accesses(found, "Buf", "Z") == {"read": 4, "write": 4}
    assert found.occupancy_rows[-1].bits == 4 * 8


def test_a_partial_sum_is_no_narrower_than_what_becomes_of_it() -> None:
    main = Memory(name="Main", read_pj=1, write_pj=1, partial_bits=4)
    found = evaluated(GEMM, SPILLED, main, Memory(name="Buf"), m=4, n=4, k=8)
    assert accesses(found, "Main", "Z") == {"read": 16, "write": 32}


def test_what_one_einsum_finished_is_finished_when_another_sends_it_up_again() -> None:
    """The recurrence drains Z[0], which it only reads, beside Z[1], its sum: both are words by then, of two Einsums."""
    workload = workload_of("Z[0, p] = A[p]", "Z[m + 1, p] = Z[m, p] * B[m, p, k]", m=1, p=1, k=2)
    one, two = (e.name for e in workload.einsums)
    levels = tuple(Memory(name=name, read_pj=1, write_pj=1, partial_bits=32) for name in ("Main", "Buf"))
    architecture = Architecture(name="a", levels=(*levels, ComputeUnit(name="MAC")))
    nest = f"""
store A Z B in Main
sequence:
  branch:
    store Z in Buf
    compute {one} on MAC
  branch:
    for k by 1
    store Z in Buf
    compute {two} on MAC
"""
    assert difference(Case(workload, architecture, Mapping(nest_of(nest)))) == {}


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("Main.update.Z", "energy: (16 partial sums × 32 b + 16 finished words × 8 b) / 8 b × 1 pJ = 80 pJ"),
        ("Main.read.Z", "energy: (16 partial sums × 32 b) / 8 b × 1 pJ = 64 pJ"),
        ("Main.read.A", "energy: 128 read words × 1 pJ = 128 pJ"),
    ],
)
def test_an_explanation_tells_them_apart(subject: str, said: str) -> None:
    main = Memory(name="Main", read_pj=1, write_pj=1, partial_bits=32)
    workload = workload_of(GEMM, m=4, n=4, k=8)
    architecture = Architecture(name="a", levels=(main, Memory(name="Buf"), ComputeUnit(name="MAC")))
    mapping = Mapping(nest_of(SPILLED))
    found = evaluate(workload, architecture, mapping)
    assert said in explain(workload, architecture, [mapping], found, subject).notes


def test_no_words_are_neither() -> None:
    main = Memory(name="Main", read_pj=1, write_pj=1, partial_bits=32)
    tensor = workload_of(GEMM, m=4, n=4, k=8).einsums[0].tensors["Z"]
    assert amount_text(tensor, main, port_energy(main)[0], 0, finished=0, sums=True) == "0 read words"
