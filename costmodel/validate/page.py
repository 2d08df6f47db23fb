"""Rows → one self-contained HTML page: published against modelled, and every row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from costmodel.report.figures.colours import ACCENT, QUIET, SERIES
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import finish, label, log_ticks
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book
from costmodel.report.page.grid import Cell, Table
from costmodel.report.page.template import fill_template
from costmodel.validate.records import CaseGroup, Judged
from costmodel.validate.view import COLUMNS, cells, notes, verdict

Facts = Sequence[tuple[str, str]]


def write_validation(path: Path, judged: Sequence[tuple[CaseGroup, Sequence[Judged]]], facts: Facts) -> Path:
    """Write the page; the file appears complete or not at all. ``facts``: how it was made."""
    write_text(path, render_validation(judged, facts))
    return path


def render_validation(judged: Sequence[tuple[CaseGroup, Sequence[Judged]]], facts: Facts) -> str:
    """Return the page."""
    book = Book()
    everything = [row for _, rows in judged for row in rows]
    return fill_template(
        "validation.html.j2",
        book,
        title="Validation",
        verdict=verdict(everything),
        figure=book.figure("agreement", "Published and modelled", _CAPTION, agreement(everything)),
        sections=[_section(group, rows) for group, rows in judged],
        facts=list(facts),
    )


_CAPTION = (
    "Ours over the published value, against the published value in the unit of its row; on the line both are equal."
)


def agreement(rows: Sequence[Judged]) -> Drawing:
    """Ours over published against published, a colour per group; what is outside of its tolerance is ringed."""
    figure = Drawing()
    drawn = [row for row in rows if row.published and row.ours and row.published > 0]
    if drawn:
        ends = [min(row.published or 1 for row in drawn), max(row.published or 1 for row in drawn)]
        line = {"color": QUIET, "width": 2}
        figure.trace("scatter", x=ends, y=[1, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)
    for place, group in enumerate(dict.fromkeys(row.group for row in drawn)):
        some = [row for row in drawn if row.group == group]
        rings = [ACCENT if row.status == "outside" else "#ffffff" for row in some]
        figure.trace(
            "scatter",
            x=[row.published for row in some],
            y=[(row.ours or 0) / (row.published or 1) for row in some],
            mode="markers",
            name=label(group),
            marker={"color": SERIES[place % len(SERIES)], "size": 9, "line": {"width": 1.5, "color": rings}},
            hovertext=[_hover(row) for row in some],
            hoverinfo="text",
        )
    figure.lay(
        xaxis={
            "type": "log",
            "title": {"text": "published", "font": {"size": 12.5}},
            "dtick": 3,
            "exponentformat": "power",
        },
        yaxis={
            "type": "log",
            "title": {"text": "ours / published", "font": {"size": 12.5}},
            **log_ticks((row.ours or 1) / (row.published or 1) for row in drawn),
        },
    )
    return finish(figure, height=460, legend=True)


def _hover(row: Judged) -> str:
    name, what, known, ours, error, _, tolerance, outside = map(label, cells(row))
    return f"<b>{name}</b><br>{what}: published {known}, ours {ours}<br>{error}, {tolerance} {outside}"


def _section(group: CaseGroup, rows: Sequence[Judged]) -> dict[str, object]:
    numbers = [(row.published, row.ours, row.error, row.error_uncalibrated) for row in rows]
    body = []
    for row, (known, ours, error, without) in zip(rows, numbers, strict=True):
        texts = cells(row)
        keys = (row.name, row.quantity, known, ours, error, without, row.tolerance, texts[7])
        body.append(tuple(_cell(text, key, column) for column, (text, key) in enumerate(zip(texts, keys, strict=True))))
    return {
        "id": group.name,
        "title": group.title,
        "about": group.about.replace("`", "").split("\n\n"),
        "table": Table(f"t-{group.name}", group.title, verdict(rows), COLUMNS, tuple(body)),
        "notes": list(notes(rows)),
    }


def _cell(text: str, key: float | str | None, column: int) -> Cell:
    numeric = 2 <= column <= 5
    exact = f"{key:.12g}" if isinstance(key, float) else ""
    return Cell(text, float("-inf") if key is None else key, exact, numeric=numeric)
