"""A row of a batch costs what the scalar model says."""

import random
from dataclasses import replace

import numpy as np
import pytest
from problems import MAC, einsum, random_architecture, random_einsum

from costmodel.einsum.algebra import Access, Affine, Workload
from costmodel.model.axes import Axis
from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate, evaluate_bound
from costmodel.model.events import united
from costmodel.model.nest import bind
from costmodel.model.tiles import Chain, Event, Loop, position_classes
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.load import parse
from costmodel.spec.mapping import Compute, Mapping, Spatial, Storage, Temporal
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError

GEMM = (
    "mm64",
    "pe2d",
    """
store A B Z in MainMemory
for m by 32
for n by 32
store A B in GLB
for k by 16
store Z in GLB
parallel m by 8 across PEs.X
parallel n by 8 across PEs.Y
for n by 4
store A B Z in RF
for k by 1
for m by 1
for n by 1
compute Z on MAC
""",
)
CONV = (
    "conv3x3",
    "two_level",
    """
store I F O in MainMemory
for m by 8
for c by 4
store F I in Buffer
for p by 2
for q by 7
store O in Buffer
for q by 1
for m by 1
for c by 1
for r by 1
for s by 1
for p by 1
compute O on MAC
""",
)


def template(workload, arch, nest):
    return Template(load_workload(workload), load_architecture(arch), Mapping(parse_nest(nest.strip().split("\n"))))


def random_rows(made, count, *, divide, seed=0):
    rng = np.random.default_rng(seed)
    last = {loop.rank_variable: at for at, loop in enumerate(made.loops)}
    rows = []
    for _ in range(count):
        left = dict(made.einsum.shape)
        row = []
        for at, loop in enumerate(made.loops):
            v = loop.rank_variable
            choices = [t for t in range(1, left[v] + 1) if not divide or left[v] % t == 0]
            left[v] = 1 if last[v] == at else int(rng.choice(choices))
            row.append(left[v])
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(("workload", "arch", "nest"), [GEMM, CONV])
@pytest.mark.parametrize("divide", [True, False])
def test_a_batch_equals_the_scalar_model(workload, arch, nest, divide):
    made = template(workload, arch, nest)
    rows = random_rows(made, 150, divide=divide)
    result = made.evaluate(rows)
    assert result.feasible.any()
    for row, energy, cycles, feasible, room in zip(
        rows, result.energy_pj, result.latency_cycles, result.feasible, result.capacity_bits, strict=True
    ):
        try:
            cost = evaluate(made.workload, made.architecture, made.mapping_of(row))
        except SpecError:
            assert not feasible
            continue
        assert feasible
        assert energy == pytest.approx(cost.energy_pj, rel=1e-12)
        assert cycles == cost.latency_cycles
        assert room == cost.capacity_bits


def test_words_of_a_batch_equal_the_traffic_table():
    made = template(*GEMM)
    rows = random_rows(made, 40, divide=True)
    result = made.evaluate(rows, words=True)
    checked = 0
    for i, row in enumerate(rows):
        if result.feasible[i]:
            cost = evaluate(made.workload, made.architecture, made.mapping_of(row))
            for (level, tensor, flow), words in result.words.items():
                assert cost.words(level, tensor, flow) == words[i]
                checked += 1
    assert checked > 100


def test_over_capacity_is_a_slack_in_bits():
    made = template(*GEMM)
    row = random_rows(made, 1, divide=True)
    row[:] = [[64, 64, 64, 64, 64, 64, 1, 1, 1]] if row.shape[1] == 9 else row
    over = made.evaluate(row).over_bits
    assert over["RF"][0] > 0
    assert not made.evaluate(row).feasible[0]


def test_tiles_need_one_column_per_loop():
    with pytest.raises(ValueError, match="one column per loop"):
        template(*GEMM).evaluate([[1, 2]])


# Tiles that need not divide


def random_chain(rng):
    """Loops of one rank variable, with tiles of any size."""
    extent = rng.randint(1, 14)
    left, loops = extent, []
    for at in range(rng.randint(0, 5)):
        left = rng.randint(1, left)
        loops.append((at, Loop("v", left, "A" if rng.random() < 0.5 else None, "X")))
    return extent, tuple(loops)


@pytest.mark.parametrize("seed", range(40))
def test_sums_along_an_axis_equal_those_over_classes_of_positions(seed):
    rng = random.Random(seed)
    for _ in range(12):
        extent, loops = random_chain(rng)
        merged_from, first = rng.randint(0, len(loops)), rng.random() < 0.3
        fixed = tuple(0 for at, x in loops if x.spatial and at < merged_from) if first else None
        how = ["time" if not x.spatial else "first" if first and at < merged_from else "each" for at, x in loops]
        tiles = tuple(np.array([x.tile]) for _, x in loops)
        for outside in range(len(loops) + 1):
            for kind in ("start", "step", "all"):
                if kind == "step" and (outside == len(loops) or loops[outside][1].spatial):
                    continue
                event = Event(kind, len(loops) if kind == "all" else outside)
                axis = Axis(extent, tiles, tuple(how), event.loop, kind == "step")
                classes = position_classes(Chain(extent, loops, merged_from, fixed), event)
                states = [(c.multiplicity, s) for c in classes for s in c.states]
                assert axis.arriving() == sum(n * s.extent for n, s in states)
                assert axis.arriving(counted=True) == sum(n for n, _ in states)
                assert axis.leaving() == sum(n * s.old_extent for n, s in states)
                shared = [min(s.low + s.extent, s.old_low + s.old_extent) - max(s.low, s.old_low) for _, s in states]
                assert axis.staying() == sum(n * max(0, k) for (n, _), k in zip(states, shared, strict=True))
                same = [n for n, s in states if (s.low, s.extent) == (s.old_low, s.old_extent)]
                assert axis.staying(counted=True) == sum(same)


def test_a_loop_that_no_row_moves_begins_no_pass():
    # the stationary F changes with each step of r, whatever idle loops stand between
    problem = einsum("O[p]", "I[p]", "F[r]", weights="F", p=2, r=2)
    levels = (Memory(name="M0"), Array(name="A1", shape={"X": 4}, systolic="weight"), Memory(name="M1"), MAC)
    nest = parse_nest(
        ["store I F O in M0", "for p by 1", "for p by 1", "for r by 1", "for p by 1", "store I F O in M1",
         "compute E on MAC"]
    )  # fmt: skip
    made = Template(Workload("w", "", (problem,)), Architecture(name="a", levels=levels), Mapping(tuple(nest)))
    row = [1, 1, 1, 1]
    passes, points = 4, 4
    assert made.evaluate([row]).latency_cycles.tolist() == [points + passes * (3 + 4)]
    assert evaluate(made.workload, made.architecture, made.mapping_of(row)).latency_cycles == points + passes * 7


def random_template(rng, change=lambda _, einsum: einsum):
    """A random nest of a random Einsum, with loops in any place."""
    problem, architecture = change(rng, random_einsum(rng)), random_architecture(rng)
    if rng.random() < 0.25:
        stays = rng.choice(["output", "weight", "input"])
        levels = [replace(x, systolic=stays) if isinstance(x, Array) else x for x in architecture.levels]
        architecture = replace(architecture, levels=tuple(levels))
    names = list(problem.shape)
    nest = [Storage(tuple(problem.tensors), architecture.memories[0].name)]
    for level in architecture.levels[1:]:
        some = rng.sample(names, rng.randint(0, len(names)))
        if isinstance(level, Memory):
            for tensor in rng.sample(list(problem.tensors), len(problem.tensors)):
                if level.keep is None and not level.may_keep:
                    nest += [Temporal(v, 1) for v in rng.sample(names, rng.randint(0, len(names)))]
                    nest.append(Storage((tensor,), level.name))
        elif isinstance(level, Array):
            nest += [Temporal(v, 1) for v in some]
            nest += [Spatial(v, 1, level.name, d) for d in level.shape for v in rng.sample(names, 1)]
    nest += [Temporal(v, 1) for v in names]
    nest.append(Compute(problem.name, architecture.compute_units[-1].name))
    # tiles that leave every loop idle, for binding
    left = dict(problem.shape)
    last = {n.rank_variable: k for k, n in enumerate(nest) if isinstance(n, Temporal | Spatial)}
    nest = [
        replace(n, tile=1 if last[n.rank_variable] == k else left[n.rank_variable])
        if isinstance(n, Temporal | Spatial)
        else n
        for k, n in enumerate(nest)
    ]
    kept = [m for m in architecture.memories[1:] if m.keep is not None or m.may_keep]
    levels = tuple(x for x in architecture.levels if x not in kept)
    return Template(
        Workload("w", "", (problem,)), replace(architecture, levels=levels), Mapping(tuple(nest), einsum=problem.name)
    )


def in_two_ways(rng, einsum):
    """The Einsum with a tensor accessed a second time, by other rank variables, or with terms that are not reduced."""
    inputs = list(einsum.inputs)
    chosen = rng.choice(inputs)
    if rng.random() < 0.5:
        names = list(einsum.shape)
        indices = tuple(Affine(((rng.choice(names), 1),), rng.randint(0, 1)) for _ in chosen.indices)
        inputs.append(Access(chosen.tensor, indices))
    else:
        left = einsum.reduced - chosen.rank_variables
        if not left:  # a bias
            kept = [v for v in einsum.shape if v not in einsum.reduced]
            bias = Access(chosen.tensor, tuple(Affine(((rng.choice(kept), 1),)) for _ in chosen.indices))
            inputs[inputs.index(chosen)] = chosen = bias
            left = einsum.reduced
        inputs = [replace(a, at_zero=left) if a == chosen else a for a in inputs]
    conditions = sorted({a.at_zero for a in inputs}, key=sorted)
    operations = tuple(replace(o, at_zero=rng.choice(conditions)) for o in einsum.operations)
    return replace(einsum, inputs=tuple(dict.fromkeys(inputs)), operations=operations)


def falling_rows(rng, made, count):
    """Rows of tiles of any size, most of them the same as the tile above."""
    last = {loop.rank_variable: at for at, loop in enumerate(made.loops)}
    rows = []
    for _ in range(count):
        left, row = dict(made.einsum.shape), []
        for at, loop in enumerate(made.loops):
            v = loop.rank_variable
            if last[v] == at:
                left[v] = 1
            elif rng.random() < 0.5:
                left[v] = rng.randint(1, left[v])
            row.append(left[v])
        rows.append(row)
    return np.array(rows)


def compare_with_the_scalar_model(seed, change=lambda _, einsum: einsum, rows_of=falling_rows):
    rng = random.Random(seed)
    made = random_template(rng, change)
    rows = rows_of(rng, made, 12)
    found, floor = made.evaluate(rows), made.floor(rows)
    compared = 0
    for at, row in enumerate(rows):
        try:  # rules, such as what flows through a systolic array, are not for the model to judge
            cost = evaluate_bound(bind(made.workload, made.architecture, made.mapping_of(row)))
        except SpecError:
            assert not found.feasible[at]
            continue
        compared += 1
        assert found.feasible[at]
        assert found.energy_pj[at] == pytest.approx(cost.energy_pj, rel=1e-9), seed
        assert found.latency_cycles[at] == pytest.approx(cost.latency_cycles, rel=1e-9), seed
        assert found.capacity_bits[at] == cost.capacity_bits, seed
        if floor is not None:
            assert floor.capacity_bits[at] == cost.capacity_bits, seed
            assert floor.latency_cycles[at] <= cost.latency_cycles * (1 + 1e-9)
            assert floor.energy_pj[at] <= cost.energy_pj * (1 + 1e-9)
            if made.exact_floor:
                assert floor.latency_cycles[at] == pytest.approx(cost.latency_cycles, rel=1e-9)
    return compared


@pytest.mark.parametrize("seed", range(60))
def test_any_tiles_of_random_nests_equal_the_scalar_model(seed):
    compare_with_the_scalar_model(seed)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("divide", [True, False])
def test_accesses_that_move_apart_and_terms_once_a_word_equal_the_scalar_model(seed, divide):
    def rows_of(rng, made, count):
        return random_rows(made, count, divide=True, seed=seed) if divide else falling_rows(rng, made, count)

    compare_with_the_scalar_model(7_000 + seed, in_two_ways, rows_of)


@pytest.mark.parametrize("seed", range(30))
def test_rows_one_by_one_equal_the_scalar_model(seed):
    """Loops that have one step in every row of a batch are no loops: a batch of one row has most of these."""
    rng = random.Random(8_000 + seed)
    made = random_template(rng)
    for row in falling_rows(rng, made, 8):
        try:
            cost = evaluate(made.workload, made.architecture, made.mapping_of(row))
        except SpecError:
            continue
        found = made.evaluate([row])
        assert found.latency_cycles[0] == pytest.approx(cost.latency_cycles, rel=1e-9)
        assert found.energy_pj[0] == pytest.approx(cost.energy_pj, rel=1e-9)


@pytest.mark.long
def test_any_tiles_of_many_random_nests_equal_the_scalar_model():
    assert sum(compare_with_the_scalar_model(seed) for seed in range(1000, 3000)) > 10_000


def test_what_shares_a_delivery():
    assert united((("A", "words"), ("B", "none"))) == {"A", "B"}
    assert united((("A", "none"), ("B", "words"))) == {"B"}
    assert united((("A", "tiles"), ("B", "words"))) == {"A", "B"}
    # instances of A with another number of children in B have other deliveries
    assert united((("A", "tiles"), ("B", "none"))) is None
    assert united(()) == frozenset()


# Numbers beyond 64 bits

CUBE_NEST = [
    "store A B Z in MainMemory",
    "for m by 32",
    "for n by 16",
    "store Z in Buffer",
    "for k by 1",
    "store A in Buffer",
    "for n by 1",
    "store B in Buffer",
    "for m by 1",
    "compute Z on MAC",
]


@pytest.mark.parametrize("power", [16, 20, 21, 22, 32, 39])
def test_counts_beyond_64_bits_are_exact(power):
    n = 2**power
    text = f"{{name: cube, ranks: {{M: {n}, N: {n}, K: {n}}}, einsums: ['Z[m, n] = A[m, k] * B[k, n]']}}"
    cube = load_workload(parse(text))
    made = Template(cube, load_architecture("two_level"), Mapping(parse_nest(CUBE_NEST)))
    found = made.evaluate([[loop.tile for loop in made.loops]])
    cost = evaluate(made.workload, made.architecture, made.mapping)
    assert found.energy_pj[0] == pytest.approx(cost.energy_pj, rel=1e-12)
    assert found.latency_cycles[0] == cost.latency_cycles
    assert (made.floor([[loop.tile for loop in made.loops]]) is None) == (power > 18)


def test_room_beyond_64_bits_is_room():
    levels = [
        replace(x, capacity_bits=10**21) if x.name == "Buffer" else x for x in load_architecture("two_level").levels
    ]
    roomy = replace(load_architecture("two_level"), levels=tuple(levels))
    made = Template(load_workload("mm64"), roomy, Mapping(parse_nest(CUBE_NEST)))
    found = made.evaluate([[loop.tile for loop in made.loops]])
    assert found.feasible.all()
    assert found.over_bits["Buffer"][0] < 0
