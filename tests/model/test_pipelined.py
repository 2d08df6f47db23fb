"""Pipelined sequences: rounds by hand, and the model equals the walk on random fused nests."""

import random
from dataclasses import replace

import pytest
from comparison import model_table, walk_table
from strategies import nest_of, random_case, workload_of
from waits import waiting

from costmodel.model.evaluate import evaluate, evaluate_bound
from costmodel.model.explain.answer import explain
from costmodel.model.nest import bind
from costmodel.model.walk import walk
from costmodel.report.read import read_run
from costmodel.report.run import Provenance, Run
from costmodel.report.tables import bottleneck_shares
from costmodel.report.write import write_run
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Sequence
from costmodel.spec.problems import SpecError

CASES = 30


def pipelined_case(seed):
    """A random fused nest with pipelined sequences, units of their own and bandwidths; null where there is none."""
    case, rng = random_case(seed), random.Random(seed)
    units = [ComputeUnit(name=f"U{n}", throughput_per_cycle={"default": float(rng.choice([1, 2, 4]))}) for n in (0, 1)]

    def overlapped(nest):
        nodes = []
        for node in nest:
            if isinstance(node, Sequence):
                overlap = "pipelined" if rng.random() < 0.8 else "off"
                nodes.append(Sequence(tuple(map(overlapped, node.branches)), overlap))
            elif isinstance(node, Compute):
                nodes.append(Compute(node.einsum, rng.choice(["U0", "U1", node.unit])))
            else:
                nodes.append(node)
        return tuple(nodes)

    levels = [
        replace(x, bandwidth_bits_per_cycle=rng.choice([None, 32.0]), read_bits_per_cycle=rng.choice([None, 16.0]))
        if isinstance(x, Memory)
        else x
        for x in case.architecture.levels
    ]
    architecture = replace(case.architecture, levels=(*levels, *units))
    found = replace(case, architecture=architecture, mapping=Mapping(overlapped(case.mapping.nest)))
    try:
        nest = bind(found.workload, found.architecture, found.mapping)
    except SpecError:
        return None
    return found if nest.pipelines else None


def differences(seeds):
    """Where model and walk differ on pipelined cases, leakage apart (the walk has none); and how many cases gain."""
    gains = cases = 0
    for seed in seeds:
        case = pipelined_case(seed)
        if case is None:
            continue
        model, walked = ({k: v for k, v in t(case).items() if "leak" not in k} for t in (model_table, walk_table))
        assert model == walked, f"seed {seed}\n{case}"
        cost = evaluate_freely(case)
        alone = sum(cost.cycles_by_einsum.values())
        assert cost.latency_cycles <= alone * (1 + 1e-12)
        gains += cost.latency_cycles < alone * (1 - 1e-9)
        cases += 1
    return cases, gains


def test_stages_wait_for_their_own_transfers_alone():
    told = seed = 0
    while told < 10:
        seed += 1
        case = pipelined_case(40_000 + seed)
        if case is None:
            continue
        case = replace(case, architecture=waiting(random.Random(seed), case.architecture))
        model, walked = ({k: v for k, v in t(case).items() if "leak" not in k} for t in (model_table, walk_table))
        assert model == walked, f"seed {seed}\n{case}"
        told += any("waiting" in key[-1] for key in model if key[0] == "overlap")


def evaluate_freely(case):
    """Of nests, too, that no hardware can do."""
    return evaluate_bound(bind(case.workload, case.architecture, case.mapping))


def test_the_model_equals_the_walk_on_pipelined_nests():
    cases, gains = differences(range(40_000, 40_000 + CASES * 8))
    assert cases > CASES
    assert gains > CASES // 4


@pytest.mark.long
def test_the_model_equals_the_walk_on_many_pipelined_nests():
    cases, _ = differences(range(2_000_000, 2_040_000))
    assert cases > 4_000


NEST = """
store A T Z in DRAM
for m by 1
store T in L1
sequence:
  branch:
    for k by 1
    compute T on U0
  branch:
    for k by 1
    compute Z on U1
"""


def two_stages(overlap, read=None, size=None):
    workload = workload_of("T[m, k] = A[m, k] * B[k]", "Z[m] = T[m, k] * C[k]", m=5, k=4)
    nest = nest_of(NEST.replace("store A T Z", "store A B C Z"))
    nest = (*nest[:-1], replace(nest[-1], overlap=overlap))
    architecture = Architecture(
        name="a",
        levels=(
            Memory(name="DRAM"),
            Memory(name="L1", read_bits_per_cycle=read, capacity_bits=size),
            ComputeUnit(name="U0"),
            ComputeUnit(name="U1", throughput_per_cycle={"default": 2.0}),
        ),
    )
    return workload, architecture, Mapping(nest)


def test_two_stages_on_units_of_their_own():
    assert evaluate(*two_stages("off")).latency_cycles == 20 + 10
    cost = evaluate(*two_stages("pipelined"))
    assert cost.latency_cycles == 4 * 5 + 2  # five rounds of the slower stage, and one of the faster one
    assert cost.pipelines == {("T", "Z"): {"U0": 20, "U1": 10, "fill and drain": 2}}
    assert walk(*two_stages("pipelined")).overlap_rows == cost.overlap_rows


def test_what_is_handed_on_has_two_tiles():
    bits = {overlap: _held(two_stages(overlap), "T") for overlap in ("off", "pipelined")}
    assert bits["pipelined"] == 2 * bits["off"]
    evaluate(*two_stages("pipelined", size=bits["pipelined"]))
    with pytest.raises(SpecError, match=r"T 2 × 4 × \d+ b"):
        evaluate(*two_stages("pipelined", size=bits["pipelined"] - 1))


def _held(case, tensor):
    return next(r.bits for r in evaluate(*case).occupancy_rows if (r.level, r.tensor) == ("L1", tensor))


def test_leakage_is_paid_for_the_latency():
    workload, architecture, mapping = two_stages("pipelined")
    levels = (replace(architecture.levels[0], leakage_w=1e-3), *architecture.levels[1:])
    cost = evaluate(workload, replace(architecture, levels=levels), mapping)
    assert sum(r.count for r in cost.action_rows if r.action == "leak") == pytest.approx(cost.latency_cycles)


def test_a_stage_does_not_read_what_a_later_one_wrote_before():
    statements = ("X[i, p] = Y[i, p] * A[p]", "Y[i+1, p] = X[i, p] * B[p]")
    workload = workload_of(*statements, i=3, p=2)
    nest = nest_of(
        """
        store A B X Y in DRAM
        for i by 1
        sequence:
          branch:
            for p by 1
            compute X on U0
          branch:
            for p by 1
            compute Y on U1
        """
    )
    _, architecture, _ = two_stages("off")
    bind(workload, architecture, Mapping(nest))
    with pytest.raises(SpecError, match=r"X reads Y\[i, p\] of an earlier iteration, which Y, a later stage"):
        bind(workload, architecture, Mapping((*nest[:-1], replace(nest[-1], overlap="pipelined"))))


def test_the_latency_is_explained():
    workload, architecture, mapping = two_stages("pipelined")
    said = explain(workload, architecture, [mapping], evaluate(workload, architecture, mapping), "latency")
    assert said.value == 22
    assert "U0 20, U1 10, fill and drain 2" in said.lines[0]


def test_a_run_keeps_what_overlaps(tmp_path):
    """The folder of a pipelined nest reads back with its latency; without its table it is damaged."""
    workload, architecture, mapping = case = two_stages("pipelined")
    evaluation = evaluate(*case)
    inputs = {"workloads": (workload,), "architectures": (architecture,), "mappings": (mapping,)}
    made = Provenance(created="2026-11-21T13:15:00")
    folder = write_run(tmp_path / "r", Run(kind="evaluate", **inputs, evaluation=evaluation, provenance=made))
    assert read_run(folder).evaluation == evaluation
    assert bottleneck_shares(read_run(folder)) == {"U0": 1}
    table = (folder / "overlap.csv").read_text()
    filling = "".join(line for line in table.splitlines(keepends=True) if not line.startswith("T,Z,U"))
    for damaged, what in ((table.replace("T,Z", "Z,T"), "'T' does not follow 'Z'"), (filling, "rows of what is busy")):
        (folder / "overlap.csv").write_text(damaged)
        with pytest.raises(SpecError, match=what):
            read_run(folder)
    (folder / "overlap.csv").unlink()
    with pytest.raises(SpecError, match="the rows sum to latency_cycles 30"):
        read_run(folder)
