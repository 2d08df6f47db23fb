"""Runs side by side on one HTML page: what differs, where the energy goes, their fronts in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from costmodel.report import figures, tables
from costmodel.report.comparison import Comparison, compare
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book, Figure
from costmodel.report.page.descent import descent_overlay
from costmodel.report.page.grid import Cell, Table, number, table_of
from costmodel.report.page.template import fill_template
from costmodel.report.run import Run
from costmodel.report.text.comparison import change_text, quantity


def write_comparison(path: Path, runs: Sequence[Run], names: Sequence[str]) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_comparison(runs, names))
    return path


def render_comparison(runs: Sequence[Run], names: Sequence[str]) -> str:
    """Return the page: every run against the first. Raises ValueError if a run holds no evaluation."""
    book = Book()
    titles = [f"{place}: {name}" for place, name in enumerate(names, 1)]
    pairs = [compare(runs[0], other) for other in runs[1:]]
    fronts = {title: _points(run) for title, run in zip(titles, runs, strict=True)}
    unlike = frozenset(title for title, pair in zip(titles[1:], pairs, strict=True) if not pair.whole)
    drawn = [*_energies(book, runs, pairs, titles), _fronts(book, fronts, unlike)]
    overlaid = list(descent_overlay(book, runs))
    return fill_template(
        "compare.html.j2",
        book,
        title=f"{', '.join(names[:-1])} and {names[-1]}",
        made=[(title, f"{run.title}, {run.provenance.created}") for title, run in zip(titles, runs, strict=True)],
        pairs=[_pair(n, pair, (titles[0], titles[n])) for n, pair in enumerate(pairs, 1)],
        overview=_overview(runs, titles),
        figures=[*drawn, *(figure for figure, _ in overlaid)],
        tables=[_front_table(fronts), *(table for _, table in overlaid)],
    )


def _pair(place: int, found: Comparison, titles: tuple[str, str]) -> dict[str, Any]:
    return {
        "title": f"{titles[0]} and {titles[1]}",
        "differences": found.differences,
        "table": _table(place, found, titles),
    }


def _overview(runs: Sequence[Run], titles: Sequence[str]) -> Table:
    """Each run as a whole, whatever it computes."""
    rows = []
    for title, run in zip(titles, runs, strict=True):
        e = tables.evaluation_of(run)
        costs = {
            "energy_pj": e.energy_pj,
            "latency_s": e.latency_s,
            "edp_j_s": e.edp_j_s,
            "utilisation": e.utilisation,
            "points": e.total_points,
            "pj_per_point": e.energy_pj / e.total_points if e.total_points else None,
            "power_w": e.efficiency.power_w,
            "area_mm2": e.area_mm2,
        }
        certificate = "" if run.certificate is None else str(run.certificate)
        made = [Cell(text, text) for text in (title, run.workload.name, run.architecture.name)]
        rows.append((*made, *(number(name, value) for name, value in costs.items()), Cell(certificate, certificate)))
    columns = ("run", "workload", "architecture", "energy", "latency", "EDP", "utilisation", "points")
    more = ("pJ per point", "power", "area", "certificate")
    return Table("compare-runs", "The runs", "Each as a whole, whatever it computes.", (*columns, *more), tuple(rows))


def _points(run: Run) -> pd.DataFrame:
    """The front of a run; what it uses, where it has no front."""
    if run.network_front:
        return pd.DataFrame(tables.network_front(run))[["point", "energy_pj", "latency_s", "chosen"]]
    e = tables.evaluation_of(run)
    return pd.DataFrame({"point": [0], "energy_pj": [e.energy_pj], "latency_s": [e.latency_s], "chosen": [True]})


def _energies(book: Book, runs: Sequence[Run], pairs: Sequence[Comparison], titles: Sequence[str]) -> list[Figure]:
    """Energy by component: of what all computed; where there is no such thing, of each run."""
    shared = [e for e in tables.evaluation_of(runs[0]).points if all(e in pair.shared for pair in pairs)]
    parts = {}
    for title, run in zip(titles, runs, strict=True):
        table = tables.energy(run)
        kept = table[table["einsum"].isin(shared)] if shared else table
        parts[title] = kept.groupby("component", sort=False)["energy_pj"].sum().reset_index()
    order = list(dict.fromkeys(c for run in runs for c in tables.component_order(run)))
    if not any(len(table) for table in parts.values()):
        return []
    caption = f"Of what all computed: {', '.join(shared)}."
    if not shared:
        caption = "They compute different things: each bar is all of its run."
    elif all(pair.whole for pair in pairs):
        caption = "Of everything that was computed."
    drawn = figures.compare_bars(parts, order)
    return [book.figure("compare-energy", "Energy by component", caption, drawn, "compare-runs")]


def _fronts(book: Book, fronts: dict[str, pd.DataFrame], unlike: frozenset[str]) -> Figure:
    caption = "Points that no other of the same run beats; the one that a run uses is larger."
    if unlike:
        caption += f" Dashed: what does not compute the same as the first ({', '.join(sorted(unlike))})."
    drawn = figures.overlaid_fronts(fronts, unlike)
    return book.figure("compare-fronts", "Fronts, one over the other", caption, drawn, "compare-points")


def _front_table(fronts: dict[str, pd.DataFrame]) -> Table:
    parts = [table.assign(run=title, point=table["point"] + 1) for title, table in fronts.items()]
    columns = ["run", "point", "energy_pj", "latency_s", "chosen"]
    return table_of("compare-points", "Points of the fronts", "All executions.", pd.concat(parts)[columns])


def _table(place: int, found: Comparison, titles: tuple[str, str]) -> Table:
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
    return Table(f"compare-rows-{place}", "Side by side", caption, ("", *titles, "change"), rows)
