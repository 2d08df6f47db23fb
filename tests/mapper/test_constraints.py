"""What named dataflows restrict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from costmodel.mapper.constraints import Only, parse
from costmodel.mapper.exact import map_einsum
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Spatial
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
