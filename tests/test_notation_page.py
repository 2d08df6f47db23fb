"""What docs/notation.md shows is what the program reads and says."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from costmodel.cli.show import command
from costmodel.einsum.notation import parse
from costmodel.spec.catalog import load_workload
from costmodel.spec.problems import SpecError

PAGE = (Path(__file__).parent.parent / "docs" / "notation.md").read_text(encoding="utf-8")
ROWS = [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| (`.+) \|$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 2 and "_" in row[0] + row[1][:1]])
def test_what_a_slide_writes_reads_as_the_page_says(row):
    written, canonical = row
    assert str(parse(written)) == canonical


def test_the_page_has_rows():
    assert len([row for row in ROWS if len(row) == 2]) > 14


@pytest.mark.parametrize("row", ROWS)
def test_every_statement_in_a_table_reads(row):
    assert parse(str(parse(row[0]))) == parse(row[0])


def test_the_command_says_what_the_page_shows():
    asked, said = re.search(r'\$ costmodel show "(.+)"\n(.+?)\n```', PAGE, re.DOTALL).groups()
    assert CliRunner().invoke(command, [asked]).stdout.strip() == said


def test_the_error_is_the_one_of_the_page():
    ranks = {"P": "(H + 2*PAD - R) / U + 1", "H": 224, "PAD": 3, "R": 7, "U": 2}
    with pytest.raises(SpecError) as caught:
        load_workload({"name": "w", "ranks": ranks, "einsums": ["Z[p] = A[p]"]})
    (problem,) = caught.value.problems
    assert f"{problem.message}\n({problem.hint})" in PAGE
