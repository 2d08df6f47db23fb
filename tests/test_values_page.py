"""docs/values.md: its files are fine, its commands print what it shows, its numbers are those of the program."""

import re

import pytest
from click.testing import CliRunner
from pages import Page, assert_prints

import costmodel as cm
from costmodel.cli import app
from costmodel.execute import execution, given
from costmodel.report.human import joules, seconds
from costmodel.spec.rewriting.sentences import FORMS

PAGE = Page("values.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return PAGE.write(tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("name", PAGE.files)
def test_a_file_of_the_page_is_fine(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(app, ["check", name]).exit_code == 0


@pytest.mark.parametrize(("command", "shown"), PAGE.commands)
def test_a_command_prints_what_is_shown(folder, command, shown, monkeypatch):
    monkeypatch.chdir(folder)
    assert_prints(command, shown)


def test_the_numbers_of_the_page_are_those_of_the_program():
    assert f"about {execution.POINTS_PER_S:,} in a second, and refuses more than {execution.MAX_POINTS:,}" in PAGE.text
    assert f"integers from −{given.LARGEST} to {given.LARGEST}" in PAGE.text
    assert execution.ROUNDING == 1e-9
    assert "to 10⁻⁹ of" in PAGE.text


def test_every_step_is_in_the_table():
    steps = re.findall(r"^\| `(\w+)[^`]*` \| [^|]+ \|$", PAGE.text, re.MULTILINE)
    assert sorted(set(steps)) == sorted(FORMS)


@pytest.mark.long
def test_what_im2col_costs_is_what_the_study_finds():
    """Energies and latencies of all nine designs; minutes."""
    space = cm.sweep("toeplitz_vs_direct").points
    found = {
        (row.architecture, row.toeplitz): f"{joules(row.energy_pj)}, {seconds(row.latency_s)}"
        for row in space.itertuples()
    }
    rows = re.findall(r"^\| `(\w+)` \| (.+ms|.+µs) \| (.+) \| (.+) \|$", PAGE.text, re.MULTILINE)
    assert len(rows) == 3
    for arch, *cells in rows:
        assert cells == [found[arch, form] for form in ("none", "given input", "input")]
