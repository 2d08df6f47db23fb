"""What is read below a shared loop must be finished: later steps reduce into no word of it."""

import pytest

from costmodel.model.nest import bind
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError


def bound(written: str, loops: list[str], first: list[str], second: list[str]) -> None:
    workload = load_workload(
        {
            "name": "w",
            "ranks": {"P": 4, "R": 2},
            "einsums": [f"T[{written}] = A[p, r]", f"U[p] = T[{written}] * B[r]"],
        }
    )
    branches = [[*first, "compute T on MAC"], [*second, "compute U on MAC"]]
    nest = parse_nest(["store A B U T in MainMemory", *loops, {"sequence": branches}])
    bind(workload, load_architecture("two_level"), Mapping(nest))


@pytest.mark.parametrize(
    ("written", "loops", "inner"),
    [
        ("p + r", ["for p by 1"], ["for r by 1"]),
        ("p + r", ["for p by 2"], ["for p by 1", "for r by 1"]),
        ("r - p + 3", ["for p by 1"], ["for r by 1"]),
        ("p + r", ["for r by 1", "for p by 1"], []),
        ("p + r", ["for p by 1", "for r by 1"], []),
    ],
)
def test_what_later_steps_reduce_into_is_not_read(written, loops, inner):
    with pytest.raises(SpecError, match=r"U reads T under the shared loop over \w before it is finished"):
        bound(written, loops, inner, inner)


@pytest.mark.parametrize(
    ("written", "loops", "inner"),
    [
        ("p + r", [], ["for p by 1", "for r by 1"]),
        ("2*p + r", ["for p by 1"], ["for r by 1"]),
        ("2*p + r", ["for p by 2", "for p by 1"], ["for r by 1"]),
        ("r - 2*p + 6", ["for p by 1"], ["for r by 1"]),
    ],
)
def test_what_is_finished_is_read(written, loops, inner):
    bound(written, loops, inner, inner)


def consumer_first(written: str, loops: list[str], inner: list[str]) -> None:
    workload = load_workload(
        {
            "name": "w",
            "ranks": {"P": 4, "R": 2, "W": 8},
            "tensors": {"T": ["W"]},
            "einsums": [f"T[W={written}] = A[p, r]", "U[p] = T[W=p] * B[r]"],
        }
    )
    branches = [[*inner, "compute U on MAC"], [*inner, "compute T on MAC"]]
    nest = parse_nest(["store A B U T in MainMemory", *loops, {"sequence": branches}])
    bind(workload, load_architecture("two_level"), Mapping(nest))


@pytest.mark.parametrize(
    ("written", "loops", "inner"),
    [
        ("p + r", [], ["for p by 1", "for r by 1"]),
        ("p + r", ["for p by 1"], ["for r by 1"]),
        ("p + r + 1", ["for p by 2"], ["for p by 1", "for r by 1"]),
    ],
)
def test_a_consumer_that_stands_first_reads_nothing_that_is_still_to_be_written(written, loops, inner):
    with pytest.raises(SpecError, match=r"U reads T\[p\] before T has written it"):
        consumer_first(written, loops, inner)


@pytest.mark.parametrize(
    ("written", "loops", "inner"),
    [
        ("p + r + 1", ["for p by 1"], ["for r by 1"]),
        ("p + r + 2", ["for p by 2"], ["for p by 1", "for r by 1"]),
    ],
)
def test_a_consumer_that_stands_first_reads_what_earlier_steps_wrote(written, loops, inner):
    consumer_first(written, loops, inner)
