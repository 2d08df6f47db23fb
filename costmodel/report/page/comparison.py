"""Two runs side by side on one HTML page: what differs, where the energy goes, one table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from costmodel.report import figures
from costmodel.report.comparison import Comparison, compare
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book
from costmodel.report.page.grid import Cell, Table
from costmodel.report.page.template import fill_template
from costmodel.report.run import Run
from costmodel.report.text.comparison import change_text, quantity


def write_comparison(path: Path, first: Run, second: Run, names: tuple[str, str]) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_comparison(first, second, names))
    return path


def render_comparison(first: Run, second: Run, names: tuple[str, str]) -> str:
    """Return the page. Raises ValueError if a run holds no evaluation."""
    found, book = compare(first, second), Book()
    titles = (f"1: {names[0]}", f"2: {names[1]}")
    components = [row for row in found.rows if row.of == "component"]
    order = [row.name.removeprefix("energy of ") for row in components]
    if components:
        bars = {
            title: pd.DataFrame({"component": order, "energy_pj": [value or 0.0 for value in values]})
            for title, values in (
                (titles[0], [row.first for row in components]),
                (titles[1], [row.second for row in components]),
            )
        }
        drawn = [book.figure("compare-energy", "Energy by component", "", figures.compare_bars(bars, order))]
    else:
        drawn = []
    made = [
        (title, f"{run.title}, {run.provenance.created}") for title, run in zip(titles, (first, second), strict=True)
    ]
    return fill_template(
        "compare.html.j2",
        book,
        title=f"{names[0]} and {names[1]}",
        made=made,
        differences=found.differences,
        figures=drawn,
        table=_table(found, titles),
    )


def _table(found: Comparison, titles: tuple[str, str]) -> Table:
    rows = tuple(
        (
            Cell(row.name, row.name),
            *(
                Cell(quantity(value, row.unit), float("-inf") if value is None else value, numeric=True)
                for value in (row.first, row.second)
            ),
            Cell(change_text(row), float("-inf") if row.change is None else row.change, numeric=True),
        )
        for row in found.rows
    )
    caption = f"Of what both computed: {', '.join(found.shared) or 'nothing'}."
    if found.whole:
        caption = "Of everything that was computed."
    return Table("compare-rows", "Side by side", caption, ("", *titles, "change"), rows)
