"""The values of a trace: what a run of the same nest gives, word by word, in lock step too."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import random_case, workload_of

from costmodel.execute.execution import differences, execute
from costmodel.execute.given import given_values
from costmodel.spec.catalog import load_architecture, load_pair
from costmodel.spec.mapping import Mapping, Sequence
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError
from costmodel.trace.record import MAX_POINTS, trace
from costmodel.trace.valued import valued


def nodes(nest):
    for node in nest:
        if isinstance(node, Sequence):
            for branch in node.branches:
                yield from nodes(branch)
        else:
            yield node


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([7, 2_000]))
def test_the_last_values_are_those_of_a_run(seed, frames):
    case = random_case(seed)
    assume(sum(e.points for e in case.workload.einsums) <= min(MAX_POINTS, 3_000))
    try:
        found = trace(case.workload, case.architecture, case.mapping, frames=frames)
    except SpecError:
        assume(False)
    given_here = given_values(case.workload, {}, {}, seed=seed).arrays
    try:
        expected = execute(case.workload, given_here).tensors
    except SpecError:  # integers that leave 64 bits
        assume(False)
    ran = valued(found, {}, seed=seed)
    writes = {einsum.name: einsum.output.tensor for einsum in found.einsums}
    last = {tensor: np.zeros_like(expected[tensor]) for tensor in writes.values()}
    for frame, changed in zip(found.frames, ran.after, strict=True):
        for word, value in changed.items():
            last[writes[frame.einsum]][word] = value
    assert differences(last, expected, list(last)) == []


def test_a_recurrence_goes_on_from_what_it_made():
    workload, architecture = workload_of("Z[i + 1] = Z[i] * A[i]", i=4), load_architecture("two_level")
    nest = Mapping(parse_nest(["store A Z in MainMemory", "for i by 1", "compute Z on MAC"]))
    ran = valued(trace(workload, architecture, nest), {}, {"A": [2, 3, 5, 7], "Z": [1, 0, 0, 0, 0]})
    assert [*ran.after[:4]] == [{(1,): 2}, {(2,): 6}, {(3,): 30}, {(4,): 210}]


def test_every_word_has_its_partial_sum_after_each_step():
    workload = workload_of("Z[m] = A[m, k] * B[k]", m=2, k=3)
    nest = ["store A B Z in MainMemory", "for k by 1", "for m by 1", "compute Z on MAC"]
    found = trace(workload, load_architecture("two_level"), Mapping(parse_nest(nest)))
    ran = valued(found, {}, {"A": [[1, 2, 3], [4, 5, 6]], "B": [1, 10, 100]})
    assert [*ran.after[:6]] == [{(0,): 1}, {(1,): 4}, {(0,): 21}, {(1,): 54}, {(0,): 321}, {(1,): 654}]
    assert ran.results["Z"][1, 1] == 54


def test_instances_that_add_up_work_in_lock_step():
    """k is spread: each step adds both halves, the first instance's word before the second's."""
    workload, architecture = workload_of("Z[m] = A[m, k]", m=2, k=2), load_pair("pe2d", "mm64")[0]
    nest = ["store A Z in MainMemory", "parallel k by 1 across PEs.X", "for m by 1", "compute Z on MAC"]
    found = trace(workload, architecture, Mapping(parse_nest(nest)))
    ran = valued(found, {}, {"A": [[1, 2], [30, 40]]})
    assert [frame.points for frame in found.frames if frame.steps] == [((0, 0), (0, 1)), ((1, 0), (1, 1))]
    assert [*ran.after[:2]] == [{(0,): 3}, {(1,): 70}]


def test_values_that_do_not_fit_are_told():
    workload = workload_of("Z[m] = A[m]", m=2)
    nest = ["store A Z in MainMemory", "for m by 1", "compute Z on MAC"]
    found = trace(workload, load_architecture("two_level"), Mapping(parse_nest(nest)))
    with pytest.raises(SpecError, match=r"values of A: .*\(3\)|A.*3"):
        valued(found, {}, {"A": [1, 2, 3]})
