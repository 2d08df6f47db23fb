"""What constraints mean, and that the search keeps to them."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import exhaustive
import plain_rules
import pytest
from problems import random_architecture, random_einsum

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.constraints import Only, parse
from costmodel.mapper.exact import map_einsum
from costmodel.mapper.limits import Limits
from costmodel.mapper.obey import violations
from costmodel.mapper.plan import Plans
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Mapping, Spatial
from costmodel.spec.problems import SpecError

CONVOLUTION = load_workload("conv3x3").einsums[0]
CONVOLUTION_1D = load_workload("conv1d").einsums[0]
PE2D = load_architecture("pe2d")


def with_shape(**shape: int) -> Architecture:
    return replace(PE2D, levels=tuple(replace(x, shape=shape) if isinstance(x, Array) else x for x in PE2D.levels))


def test_row_stationary_lays_filter_rows_and_output_rows_along_different_dimensions():
    found = parse(["row_stationary"], PE2D, CONVOLUTION)
    assert found.only == (
        Only("PEs", "X", frozenset("mcp")),
        Only("PEs", "Y", frozenset("mcr")),
    )
    assert parse(["row_stationary"], with_shape(X=64), CONVOLUTION).only == (Only("PEs", "X", frozenset("mcpr")),)
    assert parse(["row_stationary"], PE2D, CONVOLUTION_1D).only == (
        Only("PEs", "X", frozenset("p")),
        Only("PEs", "Y", frozenset("r")),
    )


def test_row_stationary_mappings_are_row_stationary():
    result = map_einsum(CONVOLUTION, PE2D, constraints=["row_stationary"])
    assert str(result.certificate) == "optimal: proven"
    for point in result.front:
        for node in point.mapping.nest:
            if isinstance(node, Spatial):
                assert node.rank_variable in ("mcp" if node.dimension == "X" else "mcr")


def test_row_stationary_needs_a_window_and_an_array():
    with pytest.raises(SpecError, match="no sliding window"):
        parse(["row_stationary"], PE2D, load_workload("mm64").einsums[0])
    with pytest.raises(SpecError, match="no array"):
        parse(["row_stationary"], load_architecture("two_level"), CONVOLUTION)


# The meaning of every constraint


def problem_of(rng: random.Random, most: int) -> tuple[Einsum, Architecture, list[Mapping]]:
    """A random problem with its mapspace, smaller than so many mappings."""
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        listed = list(itertools.islice(exhaustive.mappings(problem, architecture), most))
        if 1 < len(listed) < most:
            return problem, architecture, listed


@pytest.mark.parametrize("seed", range(24))
def test_each_constraint_means_what_the_plain_reading_says(seed: int) -> None:
    rng = random.Random(30_000 + seed)
    problem, architecture, listed = problem_of(rng, 500)
    for sentence in plain_rules.sentences(rng, problem, architecture):
        rules = parse([sentence], architecture, problem)
        limits = Limits(Plans(problem, architecture, "MAC"), rules)
        for mapping in listed:
            broken = violations(mapping, problem, architecture, rules)
            obeys = plain_rules.obeys(sentence, mapping, problem, architecture)
            assert (broken == ()) == obeys, (sentence, broken, mapping)
            found = limits.findings(tuple(limits.plans.steps_of(mapping)))
            assert any(f.slack > 0 for f in found if not f.limit.endswith("capacity")) == bool(broken), sentence
