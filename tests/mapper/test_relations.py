"""Relations that the best mapping keeps, whatever the numbers."""

from dataclasses import replace
from itertools import pairwise

import pytest
from asking import map_einsum

from costmodel.mapper.result import InfeasibleError
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Memory


def with_room(architecture, level, words):
    levels = tuple(
        replace(x, capacity_bits=8 * words) if isinstance(x, Memory) and x.name == level else x
        for x in architecture.levels
    )
    return replace(architecture, levels=levels)


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize(("arch", "level"), [("two_level", "Buffer"), ("pe2d", "RF"), ("pe2d", "GLB")])
def test_a_bigger_buffer_never_makes_the_best_worse(arch, level, objective):
    einsum = load_workload("mm64", ["ranks.M=16", "ranks.N=12", "ranks.K=16"]).einsums[0]
    best = []
    for words in (2, 3, 8, 40, 300, 5000):
        try:
            found = map_einsum(einsum, with_room(load_architecture(arch), level, words), objective=objective)
        except InfeasibleError:
            assert not best  # what fits once fits in more room
            continue
        (point,) = found.front
        value = {"energy": point.energy_pj, "latency": point.latency_cycles, "edp": point.evaluation.edp}[objective]
        best.append(value)
    assert len(best) >= 4
    assert all(after <= before for before, after in pairwise(best))
    assert best[-1] < best[0] or objective == "latency"


def test_a_proven_answer_is_the_same_every_time():
    einsum = load_workload("conv1d").einsums[0]
    architecture = load_architecture("two_level")
    first, second = (map_einsum(einsum, architecture, objective="energy,latency") for _ in range(2))
    assert [p.mapping for p in first.front] == [p.mapping for p in second.front]
