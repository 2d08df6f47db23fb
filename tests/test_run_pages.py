"""Pages that are followed step by step: their files are fine, and their commands print what they show."""

import pytest
from click.testing import CliRunner
from pages import Page, assert_prints

from costmodel.cli import app


@pytest.mark.parametrize(("name", "commands"), [("lecture.md", 15), ("tutorial.md", 9)])
def test_the_commands_print_what_is_shown(name, commands, tmp_path, monkeypatch):
    page = Page(name)
    page.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    checked = CliRunner().invoke(app, ["check", *page.files])
    assert checked.exit_code == 0, checked.stderr
    assert len(page.commands) > commands
    for command, shown in page.commands:
        assert_prints(command, shown)
