"""A row of a batch costs what the scalar model says."""

import numpy as np
import pytest

from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
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
