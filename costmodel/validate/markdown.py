"""Rows as the page ``docs/validation.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill

from costmodel.validate.records import CaseGroup, Judged
from costmodel.validate.view import COLUMNS, cells, notes, verdict

WIDTH = 150
"""Of paragraphs, in characters."""
TITLE = "# Validation: published numbers against the model"
HEAD = """
`costmodel validate` makes this page (`costmodel validate --out docs/validation.md`), and a test holds it to that. Each
row is a published number beside what the model says; *error* is ours over the published, less one. Errors are stated,
not tuned. Where a fixed cost or a factor is wanted that no specification states, it is one named number of the machine,
with its source, and the error without it stands beside the one with it. A measurement that beats a roof of its own
machine (operations or words at their greatest rate) is refused, with the arithmetic.

`costmodel validate --only GROUP/ROW` runs some rows, `--fast` leaves out those that take seconds, `--csv` and `--json`
print all fields, `--out FILE.html` draws the page with figures. The exit code is 1 if a row leaves its tolerance.
"""


def markdown(judged: Iterable[tuple[CaseGroup, Sequence[Judged]]]) -> str:
    """The page of some groups."""
    found = list(judged)
    overview = _table(
        ("group", "what is compared", "rows"),
        [(f"[{g.name}](#{g.name})", g.title, verdict(rows)) for g, rows in found],
    )
    return "\n".join([TITLE, "", paragraphs(HEAD), "", overview, *(section(group, rows) for group, rows in found)])


def section(group: CaseGroup, rows: Sequence[Judged]) -> str:
    """What the page says about one group."""
    said = [
        fill(f"{kind.capitalize()}: {text}", WIDTH, initial_indent="- ", subsequent_indent="  ")
        for kind, text in notes(rows)
    ]
    about = paragraphs(f"**{group.title}.** {group.about.strip()}")
    return "\n".join([f"## {group.name}", "", about, "", _table(COLUMNS, map(cells, rows)), *said, ""])


def paragraphs(text: str) -> str:
    """Text that is filled anew, a paragraph at a time."""
    return "\n\n".join(fill(part.strip(), WIDTH, break_on_hyphens=False) for part in text.strip().split("\n\n"))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without columns that are empty everywhere."""
    body = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    kept = [c for c in range(len(columns)) if any(row[c] for row in body)]
    lines = [[columns[c] for c in kept], ["---"] * len(kept), *([row[c] for c in kept] for row in body)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
