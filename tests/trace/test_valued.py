"""The values of a trace: what a run of the same nest gives, word by word, in lock step too."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import random_case, workload_of

import costmodel as cm
from costmodel.execute import made
from costmodel.execute.execution import differences, execute
from costmodel.execute.given import given_values
from costmodel.execute.made import Stated
from costmodel.spec.catalog import load_architecture, load_nonzeros, load_pair, load_values, load_workload
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
    ran = valued(found, Stated(workload=found.workload), seed=seed)
    writes = {einsum.name: einsum.output.tensor for einsum in found.einsums}
    last = {tensor: np.zeros_like(expected[tensor]) for tensor in writes.values()}
    for frame, changed in zip(found.frames, ran.after, strict=True):
        for word, value in changed.items():
            last[writes[frame.einsum]][word] = value
    assert differences(last, expected, list(last)) == []


def test_a_recurrence_goes_on_from_what_it_made():
    workload, architecture = workload_of("Z[i + 1] = Z[i] * A[i]", i=4), load_architecture("two_level")
    nest = Mapping(parse_nest(["store A Z in MainMemory", "for i by 1", "compute Z on MAC"]))
    ran = valued(
        trace(workload, architecture, nest), Stated(workload=workload), {"A": [2, 3, 5, 7], "Z": [1, 0, 0, 0, 0]}
    )
    assert [*ran.after[:4]] == [{(1,): 2}, {(2,): 6}, {(3,): 30}, {(4,): 210}]


def test_every_word_has_its_partial_sum_after_each_step():
    workload = workload_of("Z[m] = A[m, k] * B[k]", m=2, k=3)
    nest = ["store A B Z in MainMemory", "for k by 1", "for m by 1", "compute Z on MAC"]
    found = trace(workload, load_architecture("two_level"), Mapping(parse_nest(nest)))
    ran = valued(found, Stated(workload=found.workload), {"A": [[1, 2, 3], [4, 5, 6]], "B": [1, 10, 100]})
    assert [*ran.after[:6]] == [{(0,): 1}, {(1,): 4}, {(0,): 21}, {(1,): 54}, {(0,): 321}, {(1,): 654}]
    assert ran.results["Z"][1, 1] == 54


def test_instances_that_add_up_work_in_lock_step():
    """k is spread: each step adds both halves, the first instance's word before the second's."""
    workload, architecture = workload_of("Z[m] = A[m, k]", m=2, k=2), load_pair("pe2d", "mm64")[0]
    nest = ["store A Z in MainMemory", "parallel k by 1 across PEs.X", "for m by 1", "compute Z on MAC"]
    found = trace(workload, architecture, Mapping(parse_nest(nest)))
    ran = valued(found, Stated(workload=found.workload), {"A": [[1, 2], [30, 40]]})
    assert [frame.points for frame in found.frames if frame.steps] == [((0, 0), (0, 1)), ((1, 0), (1, 1))]
    assert [*ran.after[:2]] == [{(0,): 3}, {(1,): 70}]


def test_values_that_do_not_fit_are_told():
    workload = workload_of("Z[m] = A[m]", m=2)
    nest = ["store A Z in MainMemory", "for m by 1", "compute Z on MAC"]
    found = trace(workload, load_architecture("two_level"), Mapping(parse_nest(nest)))
    with pytest.raises(SpecError, match=r"values of A: .*\(3\)|A.*3"):
        valued(found, Stated(workload=found.workload), {"A": [1, 2, 3]})


CASCADE = {
    "name": "softmax",
    "ranks": {"M": 4, "K": 3},
    "values": {"X": [[1, 2, 3], [0, -1, 4], [2, 2, 2], [5, 0, 1]]},
    "einsums": ["S[m] = X[m, k] * W[k]", "G[] max= S[m]", "E[m] = exp(S[m] - G[])", "D[] = E[m]", "A[m] = E[m] / D[]"],
}
LAST = ["store E D A in MainMemory", "for m by 1", "compute A on MAC"]


def stated_of(content, **more):
    return Stated(
        workload=load_workload(content), literals=load_values(content), nonzeros=load_nonzeros(content), **more
    )


def last_of(**asked):
    """The last Einsum of the cascade alone, on values that the others make."""
    stated = stated_of(CASCADE)
    alone = replace(stated.workload, einsums=stated.workload.einsums[-1:])
    found = trace(alone, load_architecture("two_level"), Mapping(parse_nest(LAST)))
    return valued(found, stated, **asked)


def test_what_other_einsums_make_are_the_values_of_a_run_of_them_all():
    ran, whole = last_of(seed=5), cm.run(CASCADE, seed=5)
    assert ran.given.sources == {"E": "made by other Einsums", "D": "made by other Einsums"}
    assert np.array_equal(ran.given.arrays["E"], whole["E"])
    assert ran.given.arrays["D"] == whole["D"]
    assert [ran.results["A"][(m,)] for m in range(4)] == pytest.approx(whole["A"].tolist(), rel=1e-12)


def test_what_is_given_is_not_made(tmp_path):
    np.savez(tmp_path / "all.npz", E=[1.0, 2.0, 3.0, 4.0])
    for asked in ({"arrays": {"E": [1, 2, 3, 4]}}, {"files": [str(tmp_path / "all.npz")]}):
        ran = last_of(**asked)
        assert ran.given.arrays["E"].tolist() == [1, 2, 3, 4]
        assert ran.given.arrays["D"] == 10  # of what was given
    assert last_of(arrays={"W": [0, 0, 0]}).given.arrays["D"] == 4


def test_what_takes_long_to_make_is_random(monkeypatch):
    monkeypatch.setattr(made, "MOST", 30)
    assert last_of().given.sources["E"] == "random numbers from -1 to 1 (seed 0)"


def test_random_values_are_zero_where_the_workload_says_so():
    content = {
        "name": "g",
        "ranks": {"S": 3, "D": 3},
        "coordinates": {"G": [[0, 1], [2, 0]]},
        "einsums": ["N[s] = G[s, d]"],
    }
    stated = stated_of(content)
    nest = Mapping(parse_nest(["store G N in MainMemory", "for s by 1", "for d by 1", "compute N on MAC"]))
    ran = valued(trace(stated.workload, load_architecture("two_level"), nest), stated)
    assert list(zip(*np.nonzero(ran.given.arrays["G"]), strict=True)) == [(0, 1), (2, 0)]
