"""The fast model gives the integers of the walk, on random Einsums, architectures and nests. No tolerance."""

import multiprocessing
import os
import random
import sys
import time
from dataclasses import replace

import pytest
from changes import idle_loop_inserted, renamed, twin_loops
from comparison import difference, first_difference, model_table, walk_table
from hypothesis import given, settings
from strategies import Case, cases, nest_of, random_case, workload_of

from costmodel.model.evaluate import evaluate
from costmodel.model.walk import walk
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

NORMAL = 750
LONG = 100_000
LONG_FIRST_SEED = 1_000_000
"""``make test-long`` takes other seeds than the normal suite."""
BLOCK = 250


@pytest.mark.parametrize("start", range(0, NORMAL, BLOCK))
def test_the_model_equals_the_walk(start):
    assert first_difference(range(start, start + BLOCK)) == ""


@settings(max_examples=50, deadline=None)
@given(cases())
def test_the_model_equals_the_walk_on_any_seed(case):
    assert difference(case) == {}


@pytest.mark.long
def test_the_model_equals_the_walk_a_hundred_thousand_times():
    began = time.monotonic()
    blocks = [range(at, at + BLOCK) for at in range(LONG_FIRST_SEED, LONG_FIRST_SEED + LONG, BLOCK)]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as workers:
        for done, found in enumerate(workers.imap(first_difference, blocks), 1):
            assert found == ""
            rate = done * BLOCK / (time.monotonic() - began)
            left = (LONG - done * BLOCK) / rate / 60
            print(f"\r{done * BLOCK:,} of {LONG:,} equal, {rate:.0f}/s, {left:.1f} min left ", end="", file=sys.stderr)


CONV = "O[m, p, q] = I[c, 2*p + r, 2*q + s] * W[m, c, r, s]"
ROW_STATIONARY = """
store W I O in DRAM
for p by 2
for q by 4
for m by 2
store I O in GLB
for p by 1
for q by 2
parallel q by 1 across columns.X
parallel c by 1 across PEs.Y
parallel s by 1 across PEs.Y
store I in I_spad
store W in W_spad
for r by 1
store O in O_spad
for m by 1
compute O on MAC
"""
WEIGHT_STATIONARY = """
store W I O in DRAM
for q by 3
store W I O in GLB
for s by 1
for p by 2
for m by 2
parallel m by 1 across PEs.Y
parallel c by 1 across PEs.Y
store W in W_spad
for r by 1
for q by 2
for p by 2
store W in O_spad
for p by 1
for q by 1
store I in I_spad
store O in O_spad
compute O on MAC
"""


@pytest.mark.parametrize("multicast", ["words", "tiles", "none"])
@pytest.mark.parametrize("halo", ["reuse", "refetch"])
@pytest.mark.parametrize("nest", [ROW_STATIONARY, WEIGHT_STATIONARY])
def test_the_two_published_convolution_nests_scaled_down(nest, halo, multicast):
    architecture = Architecture(
        name="a",
        levels=(
            Memory(name="DRAM", drain="free"),
            Memory(name="GLB", halo=halo, holes="fetch"),
            Array(name="columns", shape={"X": 2}, multicast=multicast),
            Array(name="PEs", shape={"Y": 9}, multicast=multicast),
            Memory(name="I_spad", halo=halo),
            Memory(name="W_spad"),
            Memory(name="O_spad", drain="free"),
            ComputeUnit(name="MAC"),
        ),
    )
    workload = workload_of(CONV, c=3, m=4, p=5, q=5, r=3, s=2)
    assert difference(Case(workload, architecture, Mapping(nest_of(nest)))) == {}


def test_capacity_is_what_the_walk_holds():
    """A level that has just the room that the walk needs fits; one bit less does not."""
    checked = 0
    for seed in range(20_000, 20_060):
        case = random_case(seed)
        bits = walk(case.workload, case.architecture, case.mapping).level_bits
        for at, level in enumerate(case.architecture.levels):
            if isinstance(level, Memory) and bits[level.name]:
                evaluate(case.workload, with_room(case, at, bits[level.name]), case.mapping)
                with pytest.raises(SpecError, match="over capacity"):
                    evaluate(case.workload, with_room(case, at, bits[level.name] - 1), case.mapping)
                checked += 1
    assert checked > 80


def with_room(case, at, bits):
    levels = list(case.architecture.levels)
    doubled = levels[at].double_buffered
    levels[at] = replace(levels[at], capacity_bits=2 * bits + 1 if doubled else bits)
    return replace(case.architecture, levels=tuple(levels))


# Metamorphic: changes of a case that must not change its counts


@pytest.mark.parametrize("table", [model_table, walk_table])
def test_names_of_tensors_and_rank_variables_do_not_matter(table):
    for seed in range(30_000, 30_040):
        case = random_case(seed)
        other, names = renamed(case)
        expected = {tuple(names.get(part, part) for part in key): value for key, value in table(case).items()}
        assert table(other) == expected, f"seed {seed}\n{case}"


@pytest.mark.parametrize("table", [model_table, walk_table])
def test_a_loop_of_one_step_is_not_a_loop(table):
    for seed in range(31_000, 31_040):
        case, rng = random_case(seed), random.Random(seed)
        other = case
        for _ in range(3):
            other = idle_loop_inserted(other, rng)
        assert table(other) == table(case), f"seed {seed}\n{case}\n{other}"


@pytest.mark.parametrize("table", [model_table, walk_table])
def test_adjacent_loops_that_no_tensor_distinguishes_may_be_swapped(table):
    checked = 0
    for seed in range(32_000, 32_080):
        for one, other in twin_loops(random_case(seed), random.Random(seed)):
            assert table(one) == table(other), f"seed {seed}\n{one}\n{other}"
            checked += 1
    assert checked > 20


# The generator


def shared_inputs(einsums):
    written = {e.output.tensor for e in einsums}
    read = [a for e in einsums for a in {a.tensor for a in e.inputs}]
    return {t for t in read if read.count(t) > 1} - written


def features(case: Case):
    """What a case exercises, so that a generator that has gone blind is noticed."""
    result = walk(case.workload, case.architecture, case.mapping)
    einsums = case.workload.einsums
    indices = [i for e in einsums for a in e.accesses for i in a.indices]
    written = {e.output.tensor for e in einsums}
    moved = {(r.flow, r.tensor in written) for r in result.traffic_rows if r.words}
    text = str(case)
    return {
        "a cascade": len(einsums) > 1,
        "a nested sequence": text.count("sequence:") > 1,
        "a parallel loop": "parallel" in text,
        "partial sums that return": ("fill", True) in moved,
        "inputs that are filled": ("fill", False) in moved,
        "drains": ("drain", True) in moved,
        "a window": any(len(i.terms) > 1 for i in indices),
        "a window in an output": any(len(i.terms) > 1 for e in einsums for i in e.output.indices),
        "a negative coefficient": any(c < 0 for i in indices for _, c in i.terms),
        "two accesses to a tensor": any(len(e.accesses_of(t)) > 1 for e in einsums for t in e.tensors),
        "two accesses that move apart": any(
            len({tuple(i.terms for i in a.indices) for a in e.accesses_of(t)}) > 1 for e in einsums for t in e.tensors
        ),
        "a tensor that two Einsums read in two ways": any(
            len({a for e in einsums for a in e.inputs if a.tensor == t}) > 1 for t in shared_inputs(einsums)
        ),
        "a term that is not reduced over": any(a.at_zero for e in einsums for a in e.inputs),
        "operations once a word": any(o.at_zero for e in einsums for o in e.operations),
        "no rank variable": any(not e.shape for e in einsums),
        "a rank variable in two ranks": any(
            sum(len(i.terms) for i in a.indices) > len(a.rank_variables) for e in einsums for a in e.accesses
        ),
        "an iterative rank": any(e.output.tensor in {a.tensor for a in e.inputs} for e in einsums),
        "a scalar": any(not a.indices for e in einsums for a in e.accesses),
        "a systolic array": bool(result.pass_rows),
    }


def test_the_generator_reaches_everything():
    seen = {}
    for seed in range(40_000, 40_200):
        for feature, here in features(random_case(seed)).items():
            seen[feature] = seen.get(feature, 0) + here
    assert min(seen.values()) >= 1, seen


def test_a_seed_gives_one_case():
    assert random_case(5) == random_case(5)
    assert random_case(5) != random_case(6)
