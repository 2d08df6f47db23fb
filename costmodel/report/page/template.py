"""A page is a template with the style, the scripts and the data in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.report.page.book import Book, packed

if TYPE_CHECKING:
    import jinja2


TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("data", "units", "page", "tables", "charts", "select", "layers", "front", "copy")
"""In this order they are one script, and what a page has beyond others follows: the first has what all share."""

LICENCE = 1000
"""Characters before the first line of Plotly: its licence, and how it is loaded."""


def fill_template(name: str, book: Book, *, parts: Sequence[str] = (), **content: object) -> str:
    """Return a page of its own: a template with style, scripts and what the book has collected.

    ``parts`` names what the page has beyond others: ``run`` adds ``run.css`` and ``run.js``.
    """
    return template(name).render(
        **content,
        later=book.later,
        style="".join((TEMPLATES / f"{part}.css").read_text(encoding="utf-8") for part in ("page", *parts)),
        script="".join((TEMPLATES / f"{part}.js").read_text(encoding="utf-8") for part in (*SCRIPTS, *parts)),
        plotly=plotly_script(),
        data=book.data,
    )


def plain_page(name: str, scripts: Sequence[str], data: object, **content: object) -> str:
    """Return a page without figures: template and style of that name; the scripts are one, and unpack ``data``."""
    style = "".join((TEMPLATES / part).read_text(encoding="utf-8") for part in ("page.css", f"{name}.css"))
    script = "".join((TEMPLATES / part).read_text(encoding="utf-8") for part in ("data.js", *scripts))
    page = template(f"{name}.html.j2")
    return page.render(**content, style=style, script=script, plotly="", data=lambda: packed(data))


def template(name: str) -> jinja2.Template:
    """A template of the package; what it shows is escaped."""
    return _environment().get_template(name)


@cache
def plotly_script() -> str:
    """Plotly for a page, without the function around it that loads it as a module.

    A browser reads a function twice, first to find its end, and here the function is all of it: 5 MB. Where the text
    is of another form, it stays as it is.
    """
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    head, opened, rest = text.partition('() => {\n"use strict";var Plotly=')
    body, closed, end = rest.rpartition("\nreturn Plotly;\n}));")
    if not (opened and closed) or len(head) > LICENCE or end.strip():
        return text
    licence = head.partition("*/")[0]
    return f'{licence}*/\n"use strict";var Plotly={body}'


@cache
def _environment() -> jinja2.Environment:
    """One for all pages: it remembers the templates that it has compiled."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
