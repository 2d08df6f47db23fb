"""How Sphinx builds these pages: ``make docs``, where warnings are errors."""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import costmodel

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "costmodel"
author = "the costmodel team"
project_copyright = f"{author}, Apache 2.0"
release = version = costmodel.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
autodoc_typehints = "none"
"""A signature with the aliases spelt out is longer than what it says; the docstrings name what is taken."""
myst_heading_anchors = 4
"""Headings down to this depth have the address that a forge gives them, so that links work in both."""

html_theme = "furo"
html_title = "costmodel"
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Write the page of the commands before any page is read; it says what the program says, so it is not kept."""
    import command_help

    app.connect("builder-inited", lambda _: command_help.main())
