"""Model, walk and a second walk that was written from ``docs/counting.md`` alone give one set of integers."""

import random
from dataclasses import replace

import pytest
from comparison import model_table, walk_table
from second_cost import SecondCost
from strategies import Case, nest_of, random_case, with_one_width, workload_of
from two_accesses import CONVOLUTION_AND_SKIP, ROWS_OF_A_GRAM_MATRIX, TWO_BRANCHES

from costmodel.einsum.algebra import Role
from costmodel.model.walk import walk
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Sequence, Spatial, Storage

NORMAL = 20
"""Seeds; each gives a case and its variants."""
LONG = 1_000
LONG_FIRST_SEED = 5_000_000
"""The long test takes other seeds than the normal suite."""


def with_levels(case, change):
    levels = tuple(change(level) for level in case.architecture.levels)
    return replace(case, architecture=replace(case.architecture, levels=levels))


def deliveries_in_two_stages(case, rng):
    """Arrays that share whole tiles around arrays that share nothing, and the other way round."""
    kinds = rng.choice([["tiles", "none"], ["none", "tiles"], ["tiles", "tiles"], ["words", "none"]])
    arrays = [a.name for a in case.architecture.arrays]
    return with_levels(
        case,
        lambda level: (
            replace(level, multicast=kinds[arrays.index(level.name) % 2], reduce=rng.random() < 0.5)
            if isinstance(level, Array)
            else level
        ),
    )


def all_systolic(case, rng):
    """Every array is systolic, some with a third dimension."""

    def systolic(level):
        if not isinstance(level, Array):
            return level
        shape = {**level.shape, "Z": rng.randint(1, 3)} if rng.random() < 0.3 else level.shape
        return replace(level, systolic=rng.choice(["output", "weight", "input"]), shape=shape)

    return with_levels(case, systolic)


def coarse_memories(case, rng):
    """Memories that fetch whole windows and boxes."""

    def coarse(level):
        if not isinstance(level, Memory):
            return level
        return replace(level, halo=rng.choice(["reuse", "refetch"]), holes=rng.choice(["skip", "fetch"]))

    return with_levels(case, coarse)


def units_of_their_own(case, rng):
    """Every Einsum on a compute unit of its own, anywhere below the levels that it uses."""
    levels = list(case.architecture.levels)

    def place(name):
        return next(at for at, level in enumerate(levels) if level.name == name)

    def moved(nest, lowest):
        """The nest on the new units; ``lowest`` is the innermost level that is used above it."""
        nodes = []
        for node in nest:
            match node:
                case Sequence():
                    nodes.append(replace(node, branches=tuple(moved(branch, lowest) for branch in node.branches)))
                case Compute():
                    rates = {"default": rng.choice([1.0, 2.0])}
                    unit = ComputeUnit(name=f"unit_of_{node.einsum}", throughput_per_cycle=rates, leakage_w=1e-3)
                    levels.insert(rng.randint(place(lowest) + 1, len(levels)), unit)
                    nodes.append(Compute(node.einsum, unit.name))
                case Storage() | Spatial():
                    lowest = max(lowest, node.level if isinstance(node, Storage) else node.array, key=place)
                    nodes.append(node)
                case _:
                    nodes.append(node)
        return tuple(nodes)

    nest = moved(case.mapping.nest, levels[0].name)
    if not isinstance(levels[-1], ComputeUnit):
        levels.append(ComputeUnit(name="last"))
    return replace(case, architecture=replace(case.architecture, levels=tuple(levels)), mapping=Mapping(nest))


VARIANTS = [lambda case, _: case, deliveries_in_two_stages, all_systolic, coarse_memories, units_of_their_own]


def difference(case: Case):
    """Where one of the three says something else: key → (model, walk, second walk)."""
    second = SecondCost(case.workload, case.architecture, case.mapping)
    tables = [model_table(case), walk_table(case), second.table()]
    bits = walk(case.workload, case.architecture, case.mapping).level_bits
    for memory in case.architecture.memories:
        tables[1]["level", memory.name] = bits[memory.name]
        tables[0]["level", memory.name] = tables[2]["level", memory.name] = second.level_bits(memory.name)
    found = {key: tuple(table.get(key, 0) for table in tables) for key in {k for table in tables for k in table}}
    return {key: numbers for key, numbers in found.items() if len(set(numbers)) > 1}


def differences(seeds):
    """The first case of some seeds on which the three differ; empty if they agree on all."""
    for seed in seeds:
        rng = random.Random(seed)
        for variant in VARIANTS:
            case = variant(with_one_width(random_case(seed)), rng)
            if found := difference(case):
                return f"seed {seed}\n{case}\n" + "\n".join(f"  {k}: {n}" for k, n in sorted(found.items(), key=str))
    return ""


def test_three_ways_of_counting_agree():
    assert differences(range(NORMAL)) == ""


@pytest.mark.long
def test_three_ways_of_counting_agree_a_thousand_times():
    assert differences(range(LONG_FIRST_SEED, LONG_FIRST_SEED + LONG)) == ""


# By hand

ONE_BUFFER = Architecture(name="a", levels=(Memory(name="Main"), Memory(name="Buf"), ComputeUnit(name="MAC")))


def test_rows_of_a_gram_matrix():
    """Each tile of two rows brings 24 words, and a row for each n that is none of the two, nor held from before."""
    gram = workload_of("Z[m, n] = X[m, k] * X[n, k]", m=12, n=12, k=12)
    assert main_reads(gram, ROWS_OF_A_GRAM_MATRIX, "X") == 4 * 144 + 2 * 132


def test_a_convolution_and_its_skip():
    """Tiles {0..4} {4..8} {1..4} {5..8} {1..5} {5..9}, each less the one before."""
    workload = workload_of("O[p] = I[p + r] * F[r] + I[p + 1]", p=8, r=3)
    (einsum,) = workload.einsums
    *rest, skip = einsum.inputs
    once = replace(einsum, inputs=(*rest, replace(skip, at_zero=frozenset("r"))))
    assert main_reads(replace(workload, einsums=(once,)), CONVOLUTION_AND_SKIP, "I") == 5 + 4 + 3 + 4 + 4 + 4


def test_two_branches_that_read_one_tensor_in_two_ways():
    """Rows 0, 1; then what lacks of rows and columns; rows 2, 3 less those; nothing new."""
    workload = workload_of("P[m, n] = X[m, k] * W[k, n]", "Q[m, n] = P[m, n] * X[n, m]", m=4, n=4, k=4)
    assert main_reads(workload, TWO_BRANCHES, "X") == 8 + 4 + 4 + 0


def main_reads(workload, nest, tensor):
    case = Case(workload, ONE_BUFFER, Mapping(nest_of(nest)))
    assert difference(case) == {}
    found = SecondCost(workload, ONE_BUFFER, case.mapping).words
    return sum(words for (_, *key), words in found.items() if key == ["Main", tensor, "read"])


def test_what_stays_is_the_weight_that_is_most_like_one():
    """A slides (m + p), so of the two weights C stays, in whatever order they stand: a pass for each of its 2 words."""
    array = Array(name="PEs", shape={"R": 1, "C": 3}, systolic="weight")
    architecture = Architecture(name="a", levels=(Memory(name="Main"), array, ComputeUnit(name="MAC")))
    roles = {"A": Role.WEIGHT, "C": Role.WEIGHT}
    workload = workload_of("Z[m] = A[m + p] * C[m] * A[m]", roles=roles, m=2, p=3)
    nest = nest_of("store A C Z in Main\nfor m by 1\nfor p by 1\ncompute Z on MAC")
    case = Case(workload, architecture, Mapping(nest))
    assert difference(case) == {}
    assert SecondCost(workload, architecture, case.mapping).cycles("Z")["MAC"] == 6 + 2 * (2 + 1)
