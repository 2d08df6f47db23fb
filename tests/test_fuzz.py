"""Whatever is in files, folders and command lines: an exit code that means something, in time, with a place."""

from __future__ import annotations

import fuzz
import pytest


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    fuzz.make_runs(folder)
    return folder


@pytest.mark.parametrize("first", range(0, 100, 50))
def test_a_few_hundred_cases(first, runs):
    assert fuzz.run_seeds(range(first, first + 50), runs) == {}


@pytest.mark.parametrize("first", range(0, 60, 60))
def test_a_hundred_command_lines(first, runs):
    assert fuzz.run_seeds(range(first, first + 60), runs, typed=True) == {}


@pytest.mark.parametrize("seed", [1160, 3777])
def test_cases_that_went_wrong(seed, runs):
    """A constraint with a line break; an Einsum of a damaged run that lacks a tensor which it accesses."""
    assert fuzz.run_seeds(range(seed, seed + 1), runs) == {}


@pytest.mark.long
@pytest.mark.parametrize("first", range(120, 2120, 500))
def test_two_thousand_command_lines(first, runs):
    assert fuzz.run_seeds(range(first, first + 500), runs, typed=True) == {}


@pytest.mark.long
@pytest.mark.parametrize("first", range(300, 10_300, 500))
def test_ten_thousand_cases(first, runs):
    assert fuzz.run_seeds(range(first, first + 500), runs) == {}
