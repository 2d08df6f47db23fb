"""docs/values.md: its files are fine, its commands print what it shows, its numbers are those of the program."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import costmodel as cm
from costmodel.cli import app
from costmodel.execute import execution, given
from costmodel.report.human import joules, seconds
from costmodel.spec.rewriting.sentences import FORMS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "values.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {re.match(r"# (\w+\.yaml)\n", text)[1]: text for language, text in BLOCKS if language == "yaml"}
CONSOLE = "".join(text for language, text in BLOCKS if language == "console")
COMMANDS = [part.split("\n", 1) for part in re.split(r"^\$ ", CONSOLE, flags=re.MULTILINE) if part]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("page")
    for name, text in FILES.items():
        (path / name).write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_page_is_fine(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(app, ["check", name]).exit_code == 0


@pytest.mark.parametrize(("command", "shown"), COMMANDS)
def test_a_command_prints_what_is_shown(folder, command, shown, monkeypatch):
    monkeypatch.chdir(folder)
    program, *words = shlex.split(command)
    assert program == "costmodel"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    assert re.fullmatch(pattern, result.stdout.strip(), re.DOTALL), result.stdout


def test_the_numbers_of_the_page_are_those_of_the_program():
    assert f"about {execution.POINTS_PER_S:,} in a second, and refuses more than {execution.MAX_POINTS:,}" in PAGE
    assert f"integers from −{given.LARGEST} to {given.LARGEST}" in PAGE
    assert execution.ROUNDING == 1e-9
    assert "to 10⁻⁹ of" in PAGE


def test_every_step_is_in_the_table():
    steps = re.findall(r"^\| `(\w+)[^`]*` \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert sorted(set(steps)) == sorted(FORMS)


@pytest.mark.long
def test_what_im2col_costs_is_what_the_study_finds():
    """Energies and latencies of all nine designs; minutes."""
    space = cm.sweep("toeplitz_vs_direct").points
    found = {
        (row.architecture, row.toeplitz): f"{joules(row.energy_pj)}, {seconds(row.latency_s)}"
        for row in space.itertuples()
    }
    rows = re.findall(r"^\| `(\w+)` \| (.+ms|.+µs) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for arch, *cells in rows:
        assert cells == [found[arch, form] for form in ("none", "given input", "input")]
