"""docs/lecture.md: its files are fine, and its commands print what it shows."""

import pytest
from click.testing import CliRunner
from pages import Page, assert_prints

from costmodel.cli import app

PAGE = Page("lecture.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return PAGE.write(tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("name", PAGE.files)
def test_a_file_of_the_page_is_fine(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(app, ["check", name]).exit_code == 0


def test_the_commands_print_what_is_shown(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(PAGE.commands) > 15
    for command, shown in PAGE.commands:
        assert_prints(command, shown)
