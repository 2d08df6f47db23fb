"""The documents as a whole: nothing is left out of the contents, and pictures are of the commands beside them."""

import re

import pytest
from pages import DOCS

from costmodel.cli import app


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))


def test_every_page_is_in_the_contents():
    listed = set(re.findall(r"^(\w+)$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {page.stem for page in DOCS.glob("*.md")} | {"commands"} == listed | {"index"}


def test_pictures_are_of_the_commands_that_the_gallery_names():
    import screenshots

    gallery = (DOCS / "gallery.md").read_text(encoding="utf-8")
    for picture in screenshots.PICTURES:
        assert f"({picture.name})" in gallery
        assert "".join(f"costmodel {command}\n" for command in picture.commands) in gallery
        assert (DOCS / picture.name).exists()


def test_the_page_of_commands_has_all_of_them():
    import command_help

    text = command_help.page()
    assert [f"## costmodel {name}\n" in text for name in app.commands].count(False) == 0
    assert "### " not in text
