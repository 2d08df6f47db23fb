"""Counts by hand of words that several points, instances or Einsums write, and of words that none does."""

from __future__ import annotations

import pytest
from comparison import difference
from strategies import Case, nest_of

from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.catalog import load_workload
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.load import parse
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

RECURRENCE = "Z[i+1, p] = Z[i, p] * A[i, p]"


def chip(*, reduce: bool = False, holes: str = "skip") -> Architecture:
    pes = Array(name="PEs", shape={"X": 2}, reduce=reduce)
    return Architecture(
        name="w", levels=(Memory(name="Main"), pes, Memory(name="Buf", holes=holes), ComputeUnit(name="MAC"))
    )


def counted(ranks: str, einsum: str, nest: str, architecture: Architecture) -> Evaluation:
    """The evaluation of a nest, with which the walk agrees."""
    made = load_workload(parse(f"name: w\nranks: {{{ranks}}}\neinsums: ['{einsum}']\n"))
    mapping = Mapping(nest_of(nest))
    assert difference(Case(made, architecture, mapping)) == {}
    return evaluate(made, architecture, mapping)


def test_a_tensor_has_one_writer():
    with pytest.raises(SpecError, match="Z is written by"):
        load_workload(parse("name: w\nranks: {M: 4}\neinsums: [{name: P, einsum: 'Z[m] = A[m]'}, 'Z[m] = B[m]']\n"))


def test_points_that_meet_in_a_word_add_to_it():
    """8 points write 5 words: all but the first touch of each read the old value."""
    nest = "store A B Z in Main\nfor p by 1\nfor r by 1\ncompute Z on MAC"
    cost = counted("P: 4, R: 2", "Z[p + r] = A[p] * B[r]", nest, chip())
    assert cost.words("Main", "Z", "update") == 8
    assert cost.words("Main", "Z", "read") == 8 - 5


@pytest.mark.parametrize(("reduce", "arrive"), [(True, 2), (False, 4)])
def test_partial_sums_of_instances_are_added_as_they_are_written(reduce, arrive):
    """Each of two instances has a sum of each of two words; the parent reads nothing for them."""
    nest = """
    store A Z in Main
    for m by 1
    parallel k by 2 across PEs.X
    store Z in Buf
    for k by 1
    compute Z on MAC
    """
    cost = counted("M: 2, K: 4", "Z[m] = A[m, k]", nest, chip(reduce=reduce))
    assert cost.words("Buf", "Z", "drain") == 4
    assert cost.words("Main", "Z", "update") == arrive
    assert cost.words("Main", "Z", "read") == 0


@pytest.mark.parametrize(("holes", "drained"), [("skip", 3), ("fetch", 5)])
def test_a_box_is_drained_with_its_holes(holes, drained):
    """Z[0], Z[2] and Z[4] are updated; the box around them has Z[1] and Z[3] too."""
    nest = "store A Z in Main\nstore Z in Buf\nfor p by 1\ncompute Z on MAC"
    cost = counted("P: 3", "Z[2*p] = A[p]", nest, chip(holes=holes))
    assert cost.words("Buf", "Z", "update") == 3
    assert cost.words("Main", "Z", "update") == cost.words("Buf", "Z", "drain") == drained


def test_the_start_of_a_recurrence_is_drained_with_its_tile():
    """Z[1] and Z[2] are updated, Z[0] is read alone: all six words leave."""
    nest = "store A Z in Main\nstore Z in Buf\nfor i by 1\nfor p by 1\ncompute Z on MAC"
    cost = counted("I: 2, P: 2", RECURRENCE, nest, chip())
    assert cost.words("Buf", "Z", "update") == 4
    assert cost.words("Buf", "Z", "drain") == 6
