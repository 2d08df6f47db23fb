"""Every vector of genes is a mapping, and equal mappings are one."""

import itertools
import math
import random
from dataclasses import replace

import pytest
from strategies import nest_of, random_case, workload_of

from costmodel.einsum.algebra import Role
from costmodel.einsum.coordinates import distinct
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import primes
from costmodel.mapper.sample.mapspace import encoding_of
from costmodel.mapper.sample.orders import loop_orders
from costmodel.mapper.sample.starts import starts
from costmodel.mapper.sample.steps import Hold, Plans, Split, windowed
from costmodel.model.evaluate import evaluate, evaluate_bound
from costmodel.model.nest import bind
from costmodel.spec.catalog import load_workload
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping, Spatial, Temporal
from costmodel.spec.rules import parse
from costmodel.spec.rules.holding import held

KINDS = ("input", "output", "weight")


def problem(seed):
    """One Einsum and the part of a unit that runs it, with random keep lists and sizes."""
    draw = random.Random(seed)
    while True:
        case = random_case(draw.randrange(2**32))
        if len(case.workload.einsums) == 1:
            break
    levels = []
    for place, level in enumerate(case.architecture.levels):
        if isinstance(level, Memory) and place:
            keep = tuple(draw.sample(KINDS, draw.randint(1, 3))) if draw.random() < 0.4 else None
            may_keep = tuple(draw.sample(KINDS, draw.randint(1, 3))) if draw.random() < 0.4 else ()
            size = draw.choice([None, 64, 256, 1024])
            levels.append(replace(level, keep=keep, may_keep=may_keep, capacity_bits=size))
        else:
            levels.append(level)
    part = parts_for(case.workload.einsums[0], replace(case.architecture, levels=tuple(levels)))[-1]
    return case.workload, part, draw


def unbounded(architecture):
    return replace(
        architecture,
        levels=tuple(replace(x, capacity_bits=None) if isinstance(x, Memory) else x for x in architecture.levels),
    )


def genes_of(encoding, draw):
    return tuple(draw.randrange(gene.size) for gene in encoding.genes)


def costs(workload, architecture, mapping):
    """What a nest costs, allowed or not."""
    evaluation = evaluate_bound(bind(workload, architecture, mapping))
    traffic = sorted((r.level, r.tensor, r.flow, r.words) for r in evaluation.traffic_rows)
    return traffic, evaluation.energy_pj, evaluation.latency_cycles


@pytest.mark.parametrize("seed", range(150))
def test_random_genes_are_valid_mappings(seed):
    """A trial must never be wasted on a nest that the model refuses; capacity is the slack's business."""
    workload, architecture, draw = problem(seed)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    for _ in range(5):
        mapping = encoding.decode(genes_of(encoding, draw))
        bind(workload, architecture, mapping)


@pytest.mark.parametrize("seed", range(150))
def test_canonical_nests_cost_the_same(seed):
    """Merging two nests that cost differently would hide the better one."""
    workload, architecture, draw = problem(1000 + seed)
    architecture = unbounded(architecture)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    for _ in range(3):
        steps = encoding.steps(genes_of(encoding, draw))
        spelt = costs(workload, architecture, encoding.plans.mapping(steps))
        assert costs(workload, architecture, encoding.plans.mapping(encoding.plans.canonical(steps))) == spelt


@pytest.mark.parametrize("seed", range(60))
def test_whole_nests_cost_the_same_and_share_a_template(seed):
    """Batches rely on it: vectors with equal orders and bypasses differ in tiles only."""
    workload, architecture, draw = problem(6000 + seed)
    architecture = unbounded(architecture)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    genes = genes_of(encoding, draw)
    other = tuple(
        draw.randrange(g.size) if g.kind == "factor" else value for g, value in zip(encoding.genes, genes, strict=True)
    )
    whole, others = encoding.steps(genes, whole=True), encoding.steps(other, whole=True)
    assert [s[:1] + s[2:] for s in whole] == [s[:1] + s[2:] for s in others]
    mapping = encoding.plans.mapping(whole)
    tiles = [node.tile for node in mapping.nest if isinstance(node, Temporal | Spatial)]
    assert tiles == encoding.plans.tiles(whole)
    assert costs(workload, architecture, mapping) == costs(workload, architecture, encoding.decode(genes))


@pytest.mark.parametrize("seed", range(100))
def test_canonical_is_idempotent(seed):
    workload, architecture, draw = problem(2000 + seed)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    plan = encoding.plan(genes_of(encoding, draw))
    assert encoding.plans.canonical(plan) == plan


@pytest.mark.parametrize("seed", range(150))
def test_encode_round_trip(seed):
    """A warm start must begin where it says."""
    workload, architecture, draw = problem(3000 + seed)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    for _ in range(3):
        genes = genes_of(encoding, draw)
        plan = encoding.plan(genes)
        assert encoding.plan(encoding.encode(encoding.plans.mapping(plan))) == plan


@pytest.mark.parametrize("seed", range(150))
def test_shares_are_the_models_occupancy(seed):
    """The slack must be zero exactly where the model finds no room."""
    workload, architecture, draw = problem(4000 + seed)
    einsum = workload.einsums[0]
    encoding = encoding_of(Allowed(einsum, architecture))
    plan = encoding.plan(genes_of(encoding, draw))
    evaluation = evaluate_bound(bind(workload, unbounded(architecture), encoding.plans.mapping(plan)))
    ours = sorted((architecture.levels[s.level].name, s.tensor, s.words, s.bits) for s in encoding.plans.shares(plan))
    models = sorted((r.level, r.tensor, r.words, r.bits) for r in evaluation.occupancy_rows)
    if all(len(set(einsum.accesses_of(t))) == 1 for t in einsum.tensors):
        assert ours == models
    else:  # of several accesses the sum, at most
        assert all(o[:2] == m[:2] and o[2] >= m[2] for o, m in zip(ours, models, strict=True))


@pytest.mark.parametrize("seed", range(60))
def test_starts_fit(seed):
    workload, architecture, _ = problem(5000 + seed)
    encoding = encoding_of(Allowed(workload.einsums[0], architecture))
    for genes in starts(encoding):
        assert all(finding.slack <= 0 for finding in encoding.limits.findings(encoding.plan(genes)))
        bind(workload, architecture, encoding.decode(genes))


def test_starts_are_empty_when_nothing_fits():
    encoding = encoding_of(Allowed(GEMM.einsums[0], small(capacity_bits=16)))
    assert list(starts(encoding)) == []


GEMM = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=8, n=6, k=4, roles={"B": Role.WEIGHT})
CONV = workload_of("O[m, p] = I[c, p + r] * F[m, c, r]", m=4, p=6, c=3, r=3, roles={"F": Role.WEIGHT})


def small(**buffer) -> Architecture:
    return Architecture(
        name="small",
        levels=(
            Memory(name="DRAM"),
            Memory(name="GLB", **buffer),
            Array(name="PEs", shape={"X": 4, "Y": 3}),
            Memory(name="RF"),
            ComputeUnit(name="MAC"),
        ),
    )


def test_overflow_falls_to_the_slot_above():
    """Three factors 2 do not fit a dimension of 4: the third steps in time, above the array."""
    encoding = encoding_of(Allowed(GEMM.einsums[0], small()))
    place = next(k for k, slot in enumerate(encoding.slots) if slot.dimension == "X")
    genes = list(encoding.smallest)
    for number, gene in enumerate(encoding.genes):
        if gene.rank_variable == "m":
            genes[number] = gene.slots.index(place)
    plan = encoding.plan(genes)
    above = plan[: plan.index(Split("m", 4, "PEs", "X"))]
    assert Split("m", 2) in above
    spatial = [n for n in encoding.decode(genes).nest if isinstance(n, Spatial)]
    assert spatial == [Spatial("m", 1, "PEs", "X")]


def test_a_closed_slot_stays_empty():
    rules = parse(["PEs.X only [m]", "PEs.Y only [n, k]"], small(), GEMM.einsums[0])
    encoding = encoding_of(Allowed(GEMM.einsums[0], small(), rules))
    draw = random.Random(0)
    for _ in range(50):
        for step in encoding.plan(genes_of(encoding, draw)):
            if isinstance(step, Split) and step.array:
                assert (step.dimension == "X") == (step.rank_variable == "m")


def test_bypass_is_a_gene_where_the_architecture_leaves_it_open():
    architecture = small(keep=("output",), may_keep=("input", "weight"))
    encoding = encoding_of(Allowed(GEMM.einsums[0], architecture))
    assert encoding.choices == {Hold(1, "A"), Hold(1, "B")}
    assert encoding.smallest.count(1) == 2
    text = "\n".join(map(str, encoding.decode(encoding.smallest).nest))
    assert "store Z in GLB" in text


def test_encode_refuses_what_the_mapspace_lacks():
    encoding = encoding_of(Allowed(GEMM.einsums[0], small(keep=("output",))))
    ragged = nest_of("""
        store A B Z in DRAM
        for m by 3
        store Z in GLB
        store A B Z in RF
        compute Z on MAC
    """)
    with pytest.raises(ValueError, match="does not divide"):
        encoding.encode(Mapping(ragged))
    foreign = nest_of("""
        store A B Z in DRAM
        store A Z in GLB
        compute Z on MAC
    """)
    with pytest.raises(ValueError, match="GLB does not hold A"):
        encoding.encode(Mapping(foreign))


def test_rejects_show_the_arithmetic():
    encoding = encoding_of(Allowed(GEMM.einsums[0], small(capacity_bits=64)))
    genes = list(encoding.smallest)
    last = encoding.segments[0].first_slot + 2
    for number, gene in enumerate(encoding.genes):
        if gene.kind == "factor":
            genes[number] = gene.slots.index(last)
    (finding,) = encoding.limits.findings(encoding.plan(genes))
    assert finding.slack > 3
    assert str(finding.reject) == "GLB: capacity in words needs 104, has 8 (A 8×4 + B 4×6 + Z 8×6)"


def test_half_of_a_double_buffered_memory_is_usable():
    for double, room in ((False, 8), (True, 4)):
        encoding = encoding_of(Allowed(GEMM.einsums[0], small(capacity_bits=64, double_buffered=double)))
        (finding,) = encoding.limits.findings(encoding.plan(encoding.smallest))
        assert finding.slack == pytest.approx(math.log2(3 / room))


def test_the_order_of_loops_counts_where_a_systolic_array_makes_passes():
    workload = load_workload("mm64", ["ranks.M=4", "ranks.N=1", "ranks.K=2"])
    array = Array(name="PEs", shape={"X": 2, "Y": 2}, systolic="weight")
    plans = Plans(
        workload.einsums[0], Architecture(name="m", levels=(Memory(name="DRAM"), array, ComputeUnit(name="MAC")))
    )
    for steps in itertools.permutations([Split("m", 4), Split("k", 2)]):
        plan = (*(Hold(0, tensor) for tensor in plans.einsum.tensors), *steps)
        written, canonical = (
            evaluate(workload, plans.architecture, plans.mapping(x)) for x in (plan, plans.canonical(plan))
        )
        # 8 points, and 4 cycles for each time that another word of the weight comes
        assert written.latency_cycles == canonical.latency_cycles == 8 + 4 * (8 if steps[1] == Split("k", 2) else 2)


def test_pieces():
    assert primes(1) == ()
    assert primes(360) == (5, 3, 3, 2, 2, 2)
    for terms in (((2, 4), (1, 2)), ((3, 4), (2, 3)), ((5, 2), (1, 3)), ((-2, 3), (1, 2))):
        values = {0}
        for factor, extent in terms:
            values = {v + factor * x for v in values for x in range(extent)}
        assert distinct(terms, "skip") == len(values)
        assert distinct(terms, "fetch") == max(values) - min(values) + 1
    einsum = CONV.einsums[0]
    assert windowed(einsum) == {"p", "r"}
    assert held(Memory(name="x", keep=("weight",)), einsum, "F") == "yes"
    assert held(Memory(name="x", keep=("input",)), einsum, "F") == "no"
    assert held(Memory(name="x", may_keep=("input",)), einsum, "I") == "choice"
    innermost = {order[-1] for order in loop_orders(GEMM.einsums[0], ["m", "n", "k"])}
    assert innermost == {"m", "n", "k"}
