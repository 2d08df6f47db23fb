"""Answers of generous designs that settle tighter ones are what a search of the tighter one finds."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.mapper.cache import Inquiry, entry_of
from costmodel.mapper.engines import search
from costmodel.mapper.result import InfeasibleError
from costmodel.mapper.settled import proven, settled, settles
from costmodel.spec import catalog
from costmodel.spec.decisive import decisive, family_of
from costmodel.spec.objective import vector_of
from costmodel.spec.request import Request

GEMM = {"name": "g", "ranks": {"M": 6, "N": 8, "K": 4}, "einsums": ["Z[m, n] = A[m, k] * B[k, n]"]}
WINDOW = {"name": "w", "ranks": {"P": 6, "R": 3, "C": 2, "M": 4}, "einsums": ["O[m, p] = I[c, p+r] * F[m, c, r]"]}
BIAS = {"name": "b", "ranks": {"M": 4, "N": 6, "K": 4}, "einsums": ["Z[m, n] = B[m] + A[m, k] * W[k, n]"]}

LIMITS = {
    "GLB.size": [24, 48, 96, 1024],
    "RF.size": [3, 6, 24],
    "MainMemory.bandwidth": [1, 4, 64],
    "GLB.bandwidth": [2, 16],
    "PEs.shape.X": [1, 2, 4],
    "PEs.shape.Y": [1, 3, 8],
}
"""Values from the tightest to the most generous."""
OTHERS = {
    "GLB.double_buffered": [False, True],
    "GLB.halo": ["reuse", "refetch"],
    "PEs.hop": [0, 3],
    "PEs.multicast": ["words", "none"],
    "MAC.leakage": [0, 0.05],
    "constraints": [[], ["PEs.X only [m, p]"], ["utilisation >= 50 %"], ["weight_stationary"]],
}
"""What designs that are compared have in common."""


@st.composite
def pairs(draw):
    """A tight design and one with no less of anything, and what is asked of both."""
    common = [(path, draw(st.sampled_from(values))) for path, values in OTHERS.items()]
    tight, generous = [], []
    for path, values in LIMITS.items():
        low = draw(st.integers(0, len(values) - 1))
        high = draw(st.integers(low, len(values) - 1))
        tight.append((path, values[low]))
        generous.append((path, values[high]))
    work = draw(st.sampled_from([GEMM, WINDOW, BIAS]))
    objective = draw(st.sampled_from([("energy",), ("latency",), ("edp",), ("energy", "latency"), ("capacity",)]))
    request = Request(objective=objective, jobs=1)
    return [asked(work, request, [*common, *limits]) for limits in (tight, generous)]


def asked(work, request, changes) -> Inquiry:
    architecture, workload = catalog.load_pair("pe2d", work, changes)
    return Inquiry(workload.einsums[0], architecture, request)


def found(one: Inquiry):
    try:
        return search(one.einsum, one.architecture, one.request)
    except InfeasibleError:
        return None


def answer(one: Inquiry, generous: Inquiry):
    """What the answer for a generous design says of another one; null where that is nothing."""
    known = found(generous)
    if known is None or not generous.family().allows(one.family()):
        return None
    entry = entry_of(generous, known, generous.named()[1])
    judge = proven(json.dumps(entry), known)
    return None if judge is None else settled(one, [judge])


def differs(one: Inquiry, generous: Inquiry) -> list:
    """Costs that an answer which is taken over has, and those of a search, where they are not the same."""
    taken = answer(one, generous)
    if taken is None:
        return []
    direct = found(one)
    mine, theirs = ([vector_of(p)[:2] for p in each.front] for each in (taken, direct))
    same = len(mine) == len(theirs) and all(pytest.approx(a, rel=1e-9) == b for a, b in zip(mine, theirs, strict=True))
    return [] if same else [mine, theirs]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(pairs())
def test_what_a_generous_design_settles_is_what_a_search_finds(pair):
    assert differs(*pair) == []


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(pairs())
def test_what_a_generous_design_settles_is_what_a_search_finds_in_many(pair):
    assert differs(*pair) == []


EDP = Request(objective=("edp",), jobs=1)


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ([], True),
        ([("GLB.size", 512)], True),
        ([("GLB.bandwidth", "31 words/cycle")], True),
        ([("MainMemory.bandwidth", "0.1 words/cycle")], False),
        ([("GLB.size", 20)], False),
        ([("GLB.size", "1 MiB")], False),
        ([("MAC.energy", 2)], False),
        ([("PEs.hop", 1)], False),
    ],
)
def test_a_design_is_settled_by_one_that_allows_more_at_the_same_costs(changes, taken):
    one = asked(GEMM, EDP, changes)
    assert (answer(one, asked(GEMM, EDP, [])) is not None) == taken


def test_arrays_are_limits_where_a_larger_one_costs_nothing():
    plain, large = (catalog.load_architecture("pe2d", [("PEs.shape.X", x)]) for x in (8, 16))
    assert family_of(large, arrays=True).allows(family_of(plain, arrays=True))
    assert not family_of(plain, arrays=True).allows(family_of(large, arrays=True))
    assert not family_of(large, arrays=False).allows(family_of(plain, arrays=False))
    leaky = [catalog.load_architecture("pe2d", [("PEs.shape.X", x), ("RF.leakage", 1)]) for x in (16, 8)]
    assert not family_of(leaky[0], arrays=True).allows(family_of(leaky[1], arrays=True))
    half = asked(GEMM, EDP, [("constraints", ["utilisation >= 50 %"])])
    more = asked(GEMM, EDP, [("constraints", ["utilisation >= 50 %"]), ("PEs.shape.X", 16)])
    assert not more.family().allows(half.family())


def test_names_notes_and_areas_decide_nothing():
    plain = catalog.load_architecture("pe2d")
    other = catalog.load_architecture("pe2d", [("name", "x"), ("source", "y"), ("GLB.area", 3), ("MAC.area", 1)])
    assert decisive(plain) == decisive(other)
    for change in (("GLB.size", 100), ("RF.energy.read", 2), ("PEs.shape.X", 4), ("RF.leakage", 1), ("clock", "2 GHz")):
        assert decisive(plain) != decisive(catalog.load_architecture("pe2d", [change]))


def test_only_what_is_searched_whole_settles_others():
    assert settles(EDP)
    for other in ({"budget": 1.0}, {"tiles": "multiples"}, {"method": "random"}):
        assert not settles(EDP.asking(**other))
    one = asked(GEMM, EDP, [])
    known = found(one)
    entry = entry_of(one, known, one.named()[1])
    assert proven(entry, replace(known, certificate=replace(known.certificate, status="gap", gap=0.1))) is None
