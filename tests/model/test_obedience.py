"""What the hardware cannot do has no cost."""

from dataclasses import replace

import pytest
from problems import PE2D, gemm
from strategies import nest_of

from costmodel.einsum.algebra import Workload
from costmodel.model.evaluate import OverCapacityError, evaluate
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

WORKLOAD = Workload("gemm", "", (gemm(8, 8, 4),))
NEST = """
    store A B Z in MainMemory
    for n by 4
    store A B Z in GLB
    parallel n by 1 across PEs.X
    for k by 1
    store A B Z in RF
    for m by 1
    compute E on MAC
"""


def broken_by(*constraints):
    with pytest.raises(SpecError) as caught:
        evaluate(WORKLOAD, replace(PE2D, constraints=constraints), Mapping(nest_of(NEST)), MARKS)
    return [(p.line, p.message) for p in caught.value.problems]


MARKS = {(place,): ("nest.yaml", 10 + place, 3) for place in range(8)}


@pytest.mark.parametrize(
    ("constraint", "line", "what"),
    [
        ("PEs.X only [m, k]", 13, "PEs.X: only [k, m]: n lies along it"),
        ("PEs.X at most n 2", 13, "PEs.X: at most n 2: n takes 4"),
        ("GLB tile n <= 2", 12, "GLB: tile n <= 2: 4 in the tile of B"),
        ("GLB bypasses B", 12, "GLB: bypasses B: B is held"),
        ("utilisation >= 50 %", 0, "MAC: utilisation >= 50 %: 4 of 64 instances at work"),
        ("output_stationary", 0, None),
        ("order in MainMemory: n, k", 0, None),
    ],
)
def test_a_nest_that_the_hardware_cannot_run_is_an_error_with_its_place(constraint, line, what):
    if what is None:
        mapping = Mapping(nest_of(NEST))
        free = evaluate(WORKLOAD, PE2D, mapping)
        assert evaluate(WORKLOAD, replace(PE2D, constraints=(constraint,)), mapping) == free
    else:
        assert broken_by(constraint) == [(line, f"{PE2D.name} cannot do this: {what}")]


def test_all_that_is_broken_is_said():
    assert len(broken_by("PEs.X only [m]", "GLB bypasses A", "GLB keeps Z")) == 2


def test_too_little_room_is_an_error_of_its_own_kind():
    levels = tuple(replace(x, capacity_bits=8) if x.name == "GLB" else x for x in PE2D.levels)
    with pytest.raises(OverCapacityError, match="GLB is over capacity"):
        evaluate(WORKLOAD, replace(PE2D, levels=levels), Mapping(nest_of(NEST)))
