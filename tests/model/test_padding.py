"""Indices that leave their tensors: what lies outside is not done, not stored, not moved. Integers, no tolerance."""

import itertools
import random
from dataclasses import replace

import exhaustive
import numpy as np
import pytest
from comparison import difference, model_table, walk_table
from problems import random_architecture, random_einsum, with_bias
from second_cost import SecondCost
from strategies import Case, nest_of, padded, padded_case, with_one_width

import costmodel as cm
from costmodel.einsum.algebra import Affine, Limit, Workload, points_within
from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate
from costmodel.model.walk import walk
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping, Spatial, Temporal
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import WorkloadSpec

PROBLEMS = 250
BLOCK = 125
"""Problems of one test."""


def convolution(extent=3, kernel=3, pad=1, **keys):
    ranks = {"H": extent, "W": extent, "P": extent, "Q": extent, "R": kernel, "S": kernel, "PAD": pad}
    statement = "O[p, q] = I[H=p + r - PAD, W=q + s - PAD] * F[r, s]"
    spec = {"name": "padded", "ranks": ranks, "pad": "zero", "einsums": [statement], **keys}
    return resolve(WorkloadSpec.model_validate(spec))


def machine(*inside):
    outer = Memory(name="DRAM", read_pj=10, write_pj=10)
    return Architecture(name="a", levels=(outer, *inside, ComputeUnit(name="MAC", energy_pj={"default": 1})))


ALL_AT_ONCE = """
store I F O in DRAM
store I F O in BUF
for p by 1
for q by 1
for r by 1
for s by 1
compute O on MAC
"""


def both(workload, architecture, nest):
    """The walk and the model of a mapping, which have to agree."""
    mapping = Mapping(nest_of(nest))
    assert difference(Case(workload, architecture, mapping)) == {}
    return walk(workload, architecture, mapping), evaluate(workload, architecture, mapping)


def test_a_padded_convolution_does_what_is_inside_in_the_time_of_all():
    walked, found = both(convolution(), machine(Memory(name="BUF")), ALL_AT_ONCE)
    assert {r.kind: r.count for r in walked.operation_rows} == {"mac": 49}
    assert found.words("DRAM", "I", "read") == 9
    assert found.words("BUF", "I", "read") == found.words("BUF", "F", "read") == found.words("BUF", "O", "update") == 49
    assert [r.words for r in found.occupancy_rows if r.level == "BUF"] == [9, 9, 9]
    assert found.latency_cycles == walked.compute_steps["O"] == 81
    assert sum(r.energy_pj for r in found.action_rows if r.component == "MAC") == 49
    assert found.utilisation == 49 / 81


def test_a_bias_is_added_once_to_every_word_whatever_is_padded():
    """Of 9 points with r = s = 0 the input is inside at 4; at the other 5 the bias alone updates its word."""
    statement = "O[p, q] = B[q] + I[H=p + r - PAD, W=q + s - PAD] * F[r, s]"
    workload = convolution(einsums=[statement])
    nest = ALL_AT_ONCE.replace("I F O", "B I F O")
    walked, found = both(workload, machine(Memory(name="BUF")), nest)
    assert {r.kind: r.count for r in walked.operation_rows} == {"mac": 49}
    assert [found.words("BUF", t, "read") for t in "BIF"] == [9, 49, 49]
    assert (found.words("BUF", "O", "update"), found.words("BUF", "O", "read")) == (54, 54 - 9)
    assert found.latency_cycles == 81
    assert found.utilisation == 49 / 81
    values = {"I": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "F": [[1] * 3] * 3, "B": [100, 200, 300]}
    ran = {engine: cm.run(workload, values=values, engine=engine)["O"].tolist() for engine in ("numpy", "plain")}
    assert ran["numpy"] == ran["plain"] == [[112, 221, 316], [127, 245, 333], [124, 239, 328]]


def test_tiles_are_cut_off_at_the_edge_and_others_are_moved_whole():
    """Rows of the output one by one: 2, 3 and 2 rows of the input are inside, of which 2, 1 and 0 are new."""
    nest = ALL_AT_ONCE.replace("store I F O in BUF\nfor p by 1", "for p by 1\nstore I F O in BUF")
    _, found = both(convolution(), machine(Memory(name="BUF")), nest)
    assert found.words("BUF", "I", "fill") == 3 * (2 + 1 + 0)
    assert found.words("BUF", "F", "fill") == 9
    assert found.words("BUF", "O", "drain") == 9
    assert [r.words for r in found.occupancy_rows if r.level == "BUF"] == [9, 9, 3]
    _, found = both(convolution(), machine(Memory(name="BUF", halo="refetch")), nest)
    assert found.words("BUF", "I", "fill") == 3 * (2 + 3 + 2)


def test_words_that_no_point_inside_needs_are_in_their_tiles_all_the_same():
    """A 1 × 1 kernel in a border of one: 16 of 25 output words are zeros, which are drained and never updated."""
    workload = resolve(
        WorkloadSpec.model_validate(
            {
                "name": "border",
                "ranks": {"H": 3, "W": 3, "P": 5, "Q": 5, "R": 1, "S": 1, "PAD": 1},
                "pad": "zero",
                "einsums": ["O[p, q] = I[H=p + r - PAD, W=q + s - PAD] * F[r, s]"],
            }
        )
    )
    _, found = both(workload, machine(Memory(name="BUF")), ALL_AT_ONCE)
    assert found.words("BUF", "O", "drain") == 25
    assert found.words("BUF", "O", "update") == 9
    assert found.words("DRAM", "I", "read") == 9


def test_a_transposed_convolution_drops_what_it_writes_outside():
    spec = {
        "name": "transposed",
        "ranks": {"H": 4, "P": 3, "R": 3, "PAD": 1},
        "pad": "zero",
        "einsums": ["O[H=p + r - PAD] = I[p] * F[r]"],
    }
    workload = resolve(WorkloadSpec.model_validate(spec))
    (einsum,) = workload.einsums
    assert einsum.tensors["O"].shape == (4,)
    assert einsum.operation_counts == {"mac": 8}
    nest = "store I F O in DRAM\nfor p by 1\nstore O in BUF\nfor r by 1\ncompute O on MAC"
    _, found = both(workload, machine(Memory(name="BUF")), nest)
    assert found.words("DRAM", "O", "update") == 2 + 1 + 1 + 0 + 0 + 0 + 0


def test_an_instance_whose_points_are_outside_asks_for_nothing_and_holds_its_place():
    """Row-stationary: of three rows of the kernel at a step, only those inside are served, by words or by tiles."""
    nest = """
store I F O in DRAM
for p by 1
parallel r by 1 across PEs.X
store I in SPAD
for q by 1
for s by 1
compute O on MAC
"""
    for multicast, rows in (("words", 2 + 1 + 0), ("none", 2 + 3 + 2)):
        array = Array(name="PEs", shape={"X": 3}, multicast=multicast)
        _, found = both(convolution(), machine(array, Memory(name="SPAD")), nest)
        assert found.words("SPAD", "I", "fill") == 3 * (2 + 3 + 2)
        assert found.words("DRAM", "I", "read") == 3 * (rows if multicast == "none" else 2 + 3 + 2)
        assert found.latency_cycles == 27


@pytest.mark.parametrize("start", range(0, PROBLEMS // 2, BLOCK))
def test_model_and_walk_agree_on_random_padded_cascades(start):
    for seed in range(start, start + BLOCK):
        assert difference(padded_case(seed)) == {}, f"seed {seed}\n{padded_case(seed)}"


def test_a_second_walk_agrees():
    """The one that was written from ``docs/counting.md`` alone."""
    for seed in range(60):
        case = with_one_width(padded_case(seed))
        table = SecondCost(case.workload, case.architecture, case.mapping).table()
        assert table == walk_table(case), f"seed {seed}\n{case}"


def padded_problem(rng):
    """A small Einsum with points outside, and an architecture that has room for all of it."""
    while True:
        workload = padded(Workload("w", "", (random_einsum(rng),)), rng)
        if workload.einsums[0].limits:
            return workload, roomy(rng)


def roomy(rng):
    """An architecture whose memories have no limit."""
    architecture = random_architecture(rng)
    levels = (replace(x, capacity_bits=None) if isinstance(x, Memory) else x for x in architecture.levels)
    return replace(architecture, levels=tuple(levels))


def biased_problem(rng):
    """A small sum of terms of which some are outside where others are not, and an architecture with room for it."""
    while True:
        workload = padded(Workload("w", "", (with_bias(rng),)), rng)
        if workload.einsums[0].addends:
            return workload, roomy(rng)


@pytest.mark.parametrize("start", range(0, PROBLEMS, BLOCK))
def test_walk_model_and_batch_agree_on_what_the_enumerator_lists(start):
    for seed in range(start, start + BLOCK):
        rng = random.Random(seed)
        biased = seed % 5 == 0
        workload, architecture = biased_problem(rng) if biased else padded_problem(rng)
        mapping = rng.choice(list(itertools.islice(exhaustive.mappings(workload.einsums[0], architecture), 60)))
        case = Case(workload, architecture, mapping)
        table = walk_table(case)
        assert model_table(case) == table, f"seed {seed}\n{case}"
        if biased:
            plain = with_one_width(case)
            second = SecondCost(workload, plain.architecture, mapping).table()
            assert second == walk_table(plain), f"seed {seed}\n{case}"
        tiles = [node.tile for node in mapping.nest if isinstance(node, Temporal | Spatial)]
        row = Template(workload, architecture, mapping).evaluate(np.array([tiles], dtype=np.int64).reshape(1, -1))
        energy = sum(pj for key, pj in table.items() if key[0] == "energy")
        assert row.energy_pj[0] == pytest.approx(energy, rel=1e-12)
        assert row.latency_cycles[0] == max(cycles for key, cycles in table.items() if key[0] == "cycles")
        assert row.capacity_bits[0] == evaluate(workload, architecture, mapping).capacity_bits


def test_points_inside_are_counted_without_looking_at_each():
    rng = random.Random(0)
    for _ in range(300):
        extents = {v: rng.randint(1, 5) for v in "pqr"}
        limits = [
            Limit(
                Affine(tuple((v, rng.choice([-2, -1, 1, 2, 3])) for v in rng.sample("pqr", rng.randint(0, 3))), -2),
                rng.randint(1, 6),
            )
            for _ in range(rng.randint(1, 3))
        ]
        inside = 0
        for values in itertools.product(*map(range, extents.values())):
            at = dict(zip(extents, values, strict=True))
            indices = [x.index.constant + sum(c * at[v] for v, c in x.index.terms) for x in limits]
            inside += all(0 <= i < x.extent for i, x in zip(indices, limits, strict=True))
        assert points_within(limits, extents) == inside
