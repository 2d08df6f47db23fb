"""Machines on which not everything overlaps: transfers that all below waits for, first words, reads in flight."""

from __future__ import annotations

import random
from dataclasses import replace

import exhaustive
import numpy as np
import pytest
from asking import map_einsum
from comparison import difference, walk_table
from problems import MAC, einsum, gemm, random_architecture, random_einsum
from strategies import Case, random_case
from waits import waiting

from costmodel.einsum.algebra import Workload
from costmodel.mapper.result import InfeasibleError
from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import WAITING
from costmodel.model.explain.answer import explain
from costmodel.spec.catalog import load_architecture
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Temporal
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError

LATE = Architecture(
    name="late",
    levels=(
        Memory(name="DRAM", bandwidth_bits_per_cycle=16.0, latency_cycles=100.0, in_flight_bits=800),
        Memory(name="GLB", bandwidth_bits_per_cycle=64.0, read_bits_per_cycle=32.0, overlap="none", latency_cycles=3.0),
        MAC,
    ),
)
NEST = """\
store A B Z in DRAM
for m by 2
store A B Z in GLB
for m by 1
for n by 1
for k by 1
compute E on MAC
"""


def mapping(text: str) -> Mapping:
    return Mapping(parse_nest(text.strip().split("\n")))


def test_a_working_by_hand():
    """Z[m, n] = A[m, k] * B[k, n], M 4, N 3, K 5, 8 bit: 60 mac.

    DRAM: A 20 + B 15 words read, Z 12 updated: 376 b / 16 = 23.5 cycles; 800 b of reads in 100 cycles: 280 b / 8 = 35.
    GLB reads 120 words of operands and Z 60 - 12 again, and drains 12: 1440 b / 32 = 45; in all 27 fills and 60 updates
    more: (120 + 48 + 12 + 35 + 60) · 8 / 64 = 34.375. It exchanges 35 fills and 12 drains: 376 b / 64 = 5.875 in all,
    the drains alone 96 b / 32 = 3. So 60 (MAC) + 5.875 > 35 (DRAM), and 103 until the first word is there.
    """
    e = evaluate(Workload("w", "", (gemm(4, 3, 5),)), LATE, mapping(NEST))
    rows = {r.component: r.cycles for r in e.latency_rows}
    assert rows == {"DRAM": 35.0, "GLB": 45.0, "MAC": 60.0, WAITING: 60 + 5.875 + 103}
    assert e.latency_cycles == 168.875
    assert e.bottlenecks == {"E": WAITING}


def test_nothing_waits_where_nothing_is_said():
    plain = replace(LATE, levels=(Memory(name="DRAM"), Memory(name="GLB", read_bits_per_cycle=32.0), MAC))
    e = evaluate(Workload("w", "", (gemm(4, 3, 5),)), plain, mapping(NEST))
    assert {r.component for r in e.latency_rows} == {"GLB", "MAC"}


@pytest.mark.parametrize("start", range(0, 80, 40))
def test_the_walk_says_the_same(start: int) -> None:
    told = 0
    for seed in range(start, start + 40):
        case = random_case(seed)
        case = Case(case.workload, waiting(random.Random(seed), case.architecture), case.mapping)
        assert difference(case) == {}, f"seed {seed}\n{case}"
        told += any(key[-1] == WAITING for key in walk_table(case))
    assert told > 15


@pytest.mark.parametrize("seed", range(25))
def test_the_exact_search_finds_what_an_enumeration_finds(seed: int) -> None:
    rng = random.Random(seed)
    while True:
        problem, architecture = random_einsum(rng), waiting(rng, random_architecture(rng))
        if exhaustive.size(problem, architecture, 400) < 400:
            break
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not exhaustive.front(problem, architecture)
        return
    assert found.certificate.status == "optimal: proven"
    expected = exhaustive.front(problem, architecture)
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    assert got == [pytest.approx((energy, latency), rel=1e-9) for energy, latency, _ in expected]


@pytest.mark.parametrize("seed", range(12))
def test_a_row_of_a_batch_costs_what_the_scalar_model_says(seed: int) -> None:
    rng = random.Random(seed)
    architecture = waiting(rng, LATE)
    nest = mapping(NEST.replace("for k by 1", "for k by 2\nfor k by 1"))
    workload = Workload("w", "", (gemm(6, 4, 6),))
    template = Template(workload, architecture, nest)
    tiles = [[rng.choice([1, 2, 4, 6]), 1, 1, rng.choice([1, 2, 4, 6]), 1] for _ in range(6)]
    batch = template.evaluate(np.array(tiles))
    for row, cycles, pj in zip(tiles, batch.latency_cycles, batch.energy_pj, strict=True):
        loops = iter(row)
        own = tuple(replace(x, tile=next(loops)) if isinstance(x, Temporal) else x for x in nest.nest)
        e = evaluate(workload, architecture, Mapping(own))
        assert (cycles, pj) == (pytest.approx(e.latency_cycles), pytest.approx(e.energy_pj))


FILE = """
name: late
word: 8 b
clock: 1 GHz
levels:
- {memory: DRAM, energy: 1, bandwidth: 2 GB/s, latency: 100 ns, in_flight: 100 B}
- {memory: GLB, energy: 1, bandwidth: {total: 64 b/cycle, read: 32 b/cycle}, overlap: none, latency: 3 cycles}
- {compute: MAC, energy: 1}
"""


def test_a_file_says_it(tmp_path) -> None:
    (tmp_path / "late.yaml").write_text(FILE)
    found = load_architecture(str(tmp_path / "late.yaml"))
    wanted = ("bandwidth_bits_per_cycle", "read_bits_per_cycle", "overlap", "latency_cycles", "in_flight_bits")
    for mine, theirs in zip(found.levels[:2], LATE.levels[:2], strict=True):
        assert [getattr(mine, name) for name in wanted] == [getattr(theirs, name) for name in wanted]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("latency: 100 ns, ", "latency: 0, ", "`in_flight` needs a `latency` above 0"),
        ("latency: 100 ns, ", "", "`in_flight` needs a `latency`"),
        ("bandwidth: {total: 64 b/cycle, read: 32 b/cycle}, ", "", "`overlap: none` needs a bandwidth"),
        ("- {compute", "- {array: PEs, shape: 2, overlap: all}\n- {compute", "is about the passes of a systolic array"),
        ("100 ns", "100 GHz", "must be a latency"),
        ("overlap: none", "overlap: some", "'all' or 'none'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, old: str, new: str, said: str) -> None:
    (tmp_path / "late.yaml").write_text(FILE.replace(old, new))
    with pytest.raises(SpecError, match=said):
        load_architecture(str(tmp_path / "late.yaml"))


def test_an_explanation_names_what_waits_level_by_level() -> None:
    workload = Workload("w", "", (gemm(4, 3, 5),))
    e = evaluate(workload, LATE, mapping(NEST))
    found = explain(workload, LATE, (mapping(NEST),), e, f"{WAITING}.latency")
    assert [(p.text, p.value) for p in found.parts] == [
        ("MAC computes", 60.0),
        ("tiles come to GLB and leave it, nothing overlaps", 5.875),
        ("the first word of DRAM", 100.0),
        ("the first word of GLB", 3.0),
    ]
    assert found.value == e.latency_cycles


def test_passes_without_a_gap_pay_the_skew_once() -> None:
    """A 4 × 4 array of stationary weights: 4 + 4 - 2 cycles of skew, and per pass 4 more to load, unless hidden."""
    problem = einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=8, n=8, k=8)
    nest = mapping("""\
store A B Z in DRAM
for n by 4
for k by 4
parallel k by 1 across PEs.X
parallel n by 1 across PEs.Y
for m by 1
compute E on MAC
""")
    cycles = {}
    for overlap in ("none", "all"):
        array = Array(name="PEs", shape={"X": 4, "Y": 4}, systolic="weight", overlap=overlap)
        machine = Architecture(name="a", levels=(Memory(name="DRAM"), array, MAC))
        cycles[overlap] = evaluate(Workload("w", "", (problem,)), machine, nest).latency_cycles
    assert cycles == {"none": 32 + 4 * (6 + 4), "all": 32 + 6}
