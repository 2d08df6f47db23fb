"""One search for architectures that differ in bandwidths alone finds what a search of each finds."""

import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import (
    any_problem,
    nested_problem,
    padded_problem,
    sliding_problem,
    tight_problem,
    working,
    written,
)

from costmodel.mapper.engines import search, search_together
from costmodel.mapper.lattice import exact
from costmodel.mapper.lattice.exact import map_einsum, map_together
from costmodel.mapper.lattice.passes import widen
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture, Level, Memory
from costmodel.spec.objective import vector_of
from costmodel.spec.request import Request

GEMM = {"name": "g", "ranks": {"M": 6, "N": 8, "K": 4}, "einsums": ["Z[m, n] = A[m, k] * B[k, n]"]}
WINDOW = {"name": "w", "ranks": {"P": 6, "R": 3, "C": 2, "M": 4}, "einsums": ["O[m, p] = I[c, p+r] * F[m, c, r]"]}
PACES = ("bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle")
OBJECTIVES = ("energy", "latency", "edp", "energy,latency", "edp,capacity", "energy^2*latency")


@st.composite
def families(draw):
    """A workload, what is asked, and architectures of which each has no more bandwidth than the one before."""
    work = draw(st.sampled_from([GEMM, WINDOW]))
    buffer = draw(st.sampled_from([20, 48, 1024]))
    common = [("GLB.size", buffer), ("MAC.leakage", draw(st.sampled_from([0, 0.05, 3])))]
    common += [("GLB.double_buffered", draw(st.booleans())), ("GLB.overlap", draw(st.sampled_from(["all", "none"])))]
    common += [("PEs.multicast", draw(st.sampled_from(["words", "none"])))]
    paces = []
    for _ in range(draw(st.integers(1, 4))):
        slowest = paces[-1] if paces else (64.0, 64.0)
        paces.append(tuple(pace / draw(st.sampled_from([1, 2, 3, 8])) for pace in slowest))
    machines = [[*common, ("MainMemory.bandwidth", far), ("GLB.bandwidth", near)] for far, near in paces]
    return work, draw(st.sampled_from(OBJECTIVES)), machines


def family(work, machines, arch="pe2d"):
    pairs = [catalog.load_pair(arch, work, changes) for changes in machines]
    return pairs[0][1].einsums[0], [architecture for architecture, _ in pairs]


def costs(result, objective="edp"):
    """Of each mapping; room that is no objective may differ."""
    counted = 3 if "capacity" in objective else 2
    return [vector_of(point)[:counted] for point in result.front]


def differences(work, objective, machines) -> list:
    """Of each architecture, the costs that a common search and its own have found, where they are not the same."""
    einsum, every = family(work, machines)
    try:
        alone = [map_einsum(einsum, one, objective=objective) for one in every]
    except InfeasibleError:
        with pytest.raises(InfeasibleError):
            map_together(einsum, every, objective=objective)
        return []
    # beginning with what is best on the last one, of which some may be the answer for others, and some not fit
    for known in ((), [point.mapping for point in alone[-1].front]):
        found = map_together(einsum, every, objective=objective, known=known)
        assert {one.certificate.status for one in found} == {Status.PROVEN}
        pairs = [(costs(a, objective), costs(b, objective)) for a, b in zip(found, alone, strict=True)]
        wrong = [(a, b) for a, b in pairs if len(a) != len(b) or a != [pytest.approx(x, rel=1e-9) for x in b]]
        if wrong:
            return wrong
    return []


@settings(max_examples=15, deadline=None, derandomize=True)
@given(families())
def test_each_architecture_has_the_answer_of_its_own_search(drawn):
    assert differences(*drawn) == []


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(families())
def test_each_of_many_architectures_has_the_answer_of_its_own_search(drawn):
    assert differences(*drawn) == []


def slower(rng: random.Random, architecture: Architecture) -> Architecture:
    """The architecture with less bandwidth, here and there."""

    def less(level: Level) -> Level:
        stated = {name: getattr(level, name) for name in PACES} if isinstance(level, Memory) else {}
        return replace(level, **{name: None if n is None else n / rng.choice((1, 2, 5)) for name, n in stated.items()})

    return replace(architecture, levels=tuple(map(less, architecture.levels)))


def compare(seed: int) -> str:
    """Hold a common search of a random problem against one for each architecture; return what happened."""
    rng = random.Random(seed)
    make = rng.choice((tight_problem, sliding_problem, nested_problem, padded_problem, any_problem))
    problem, architecture = make(rng)
    problem, first = working(rng, problem), written(rng, architecture)
    every = list(itertools.accumulate(range(3), lambda one, _: slower(rng, one), initial=first))
    objective = rng.choice(OBJECTIVES)
    try:
        alone = [map_einsum(problem, one, objective=objective) for one in every]
    except (InfeasibleError, UnsupportedError) as error:
        with pytest.raises(type(error)):
            map_together(problem, every, objective=objective)
        return type(error).__name__
    known = [point.mapping for point in rng.choice(alone).front] if rng.random() < 0.5 else []
    found = map_together(problem, every, objective=objective, known=known)
    assert {one.certificate.status for one in found} == {Status.PROVEN}, seed
    for mine, theirs in zip(found, alone, strict=True):
        assert costs(mine, objective) == [pytest.approx(x, rel=1e-9) for x in costs(theirs, objective)], seed
    return "slower" if costs(alone[0], objective) != costs(alone[-1], objective) else "as fast"


def test_random_architectures_have_the_answers_of_their_own_searches():
    outcomes = Counter(compare(seed) for seed in range(40))
    assert min(outcomes["slower"], outcomes["as fast"]) >= 5, outcomes


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_many_random_architectures_have_the_answers_of_their_own_searches(part):
    outcomes = Counter(compare(seed) for seed in range(1000 + 200 * part, 1200 + 200 * part))
    assert min(outcomes["slower"], outcomes["as fast"]) >= 40, outcomes


def test_chips_of_the_field_are_searched_together():
    """Of several units the one that computes this, and an array whose partial sums wait for their parent."""
    for arch, path in (("eyeriss_v1", "DRAM.bandwidth"), ("gemmini", "DRAM.bandwidth")):
        einsum, every = family(GEMM, [[(path, f"{gbps} GB/s")] for gbps in (2, 0.5, 0.1)], arch)
        request = Request(objective=("edp",), jobs=1)
        found = search_together(einsum, every, request, ())
        own = [search(einsum, one, request) for one in every]
        assert [costs(one) for one in found] == [[pytest.approx(x) for x in costs(one)] for one in own]
        latencies = [one.front[0].latency_cycles for one in found]
        assert all(fast < slow for fast, slow in itertools.pairwise(latencies))


@pytest.mark.parametrize("other", [("MAC.energy", 2), ("GLB.size", 30), ("GLB.bandwidth", 100), ("MAC.leakage", 1)])
def test_architectures_that_differ_in_more_are_not(other):
    einsum, every = family(GEMM, [[("GLB.bandwidth", 16)], [("GLB.bandwidth", 8), other]])
    with pytest.raises(UnsupportedError, match="differ in more than bandwidths"):
        map_together(einsum, every)
    assert search_together(einsum, every, Request(), ()) is None


def test_what_is_not_proven_has_a_gap_for_each(monkeypatch):
    monkeypatch.setattr(exact, "widen", lambda *found, **said: widen(*found, **said | {"most_labels": 3}))
    einsum, every = family(GEMM, [[("MainMemory.bandwidth", pace)] for pace in (8, 1, 0.1)])
    request = Request(objective=("edp",), jobs=1)
    found = search_together(einsum, every, request, ())
    monkeypatch.undo()
    for one, architecture in zip(found, every, strict=True):
        assert one.certificate.status != Status.PROVEN
        least = search(einsum, architecture, request).front[0]
        edp, best = (point.energy_pj * point.latency_cycles for point in (one.front[0], least))
        assert edp / (1 + one.certificate.gap) <= best * (1 + 1e-9) <= edp * (1 + 2e-9)


def test_what_is_known_and_does_not_fit_is_no_answer():
    einsum, (roomy,) = family(GEMM, [[]])
    _, (tight,) = family(GEMM, [[("GLB.size", 16), ("PEs.shape.X", 2)]])
    known = [point.mapping for point in map_einsum(einsum, roomy).front]
    (found,) = map_together(einsum, [tight], known=known)
    assert costs(found) == [pytest.approx(x) for x in costs(map_einsum(einsum, tight))]
    (same,) = map_together(einsum, [roomy], known=known)
    assert [point.mapping for point in same.front] == known
    assert same.certificate.evaluated < map_einsum(einsum, roomy).certificate.evaluated
