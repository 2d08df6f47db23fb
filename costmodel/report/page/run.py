"""A run → one self-contained HTML page: plotly.js inline once, no network, the same bytes for the same run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costmodel.describe.cascade import dependence
from costmodel.describe.picture import graph_svg
from costmodel.model.explain.asked import Questioned
from costmodel.report import reasons, tables
from costmodel.report.cards import cards
from costmodel.report.folder import write_text
from costmodel.report.page.advice import advice_card
from costmodel.report.page.book import Book
from costmodel.report.page.descent import descent_figure
from costmodel.report.page.downloads import held_tables
from costmodel.report.page.explorers import front_section
from costmodel.report.page.fibers import fibers_svg
from costmodel.report.page.figures import energy_figures, latency_figures
from costmodel.report.page.inputs import inputs_of
from costmodel.report.page.ledger import ledger
from costmodel.report.page.over_time import over_time
from costmodel.report.page.panels import Panels
from costmodel.report.page.rejected import rejected
from costmodel.report.page.run_orders import run_orders
from costmodel.report.page.selection import Panel, first_panel, selection
from costmodel.report.page.slope import slope_figure
from costmodel.report.page.sweep import render_sweep
from costmodel.report.page.tables import run_tables
from costmodel.report.page.template import fill_template, template
from costmodel.report.page.why import why
from costmodel.report.points import Points, points_of
from costmodel.report.run import Run
from costmodel.report.verdict import verdict

KINDS = {"map": "mapping search", "evaluate": "evaluation"}


def render(run: Run, baseline: Run | None = None) -> str:
    """The page of a run; its totals are held against those of a baseline that is given."""
    if run.kind == "sweep":
        return render_sweep([run])
    book = Book()
    evaluated = run.evaluation is not None
    mapped = reasons.mapped(run) if evaluated else []
    points = points_of(run)
    at = points if isinstance(points, Points) else None
    asked = reasons.question(run) if evaluated else None
    chosen = selection(run, at, lambda other: _tiles(other, baseline), _panels(run, asked)) if asked else None
    book.selection, book.files = chosen, held_tables(run)
    names = [layer["name"] for layer in chosen["layers"]] if chosen else []
    return fill_template(
        "page.html.j2",
        book,
        parts=("run",),
        verdict=verdict(run) if evaluated else "",
        why=why(asked, mapped, tables.tensor_groups(run.workload)) if asked and mapped else None,
        title=run.title,
        kind=KINDS[run.kind],
        created=run.provenance.created.replace("T", " ")[:16],
        notes=run.notes,
        cards=cards(run, baseline),
        baseline="" if baseline is None else _named(baseline),
        advice=advice_card(run),
        energy=energy_figures(book, run) if evaluated else [],
        latency=latency_figures(book, run) if evaluated else [],
        slope=slope_figure(book, run) if evaluated else None,
        ledger=ledger(run, alike=_alike(chosen)) if chosen and len(names) > 1 else None,
        einsums=chosen["layers"] if chosen else [],
        first=first_panel(chosen) if chosen else "",
        selects=chosen is not None,
        time=over_time(run) if evaluated else None,
        orders=run_orders(run) if evaluated else None,
        graphs=_graphs(run) if evaluated else [],
        fibers=fibers_svg(run) if evaluated else "",
        front=front_section(book, run, points),
        rejected=rejected(run) if run.searches else None,
        descent=descent_figure(book, run),
        tables=run_tables(run),
        **inputs_of([run], book.files),
    )


def _tiles(run: Run, baseline: Run | None) -> tuple[str, str]:
    """What a run comes to, in a sentence, and its headline numbers as HTML."""
    tiles = template("parts.html.j2").module.tiles  # type: ignore[attr-defined]
    return verdict(run), str(tiles(cards(run, baseline)))


def _panels(run: Run, asked: Questioned) -> Panel:
    """What shows the mappings of Einsums, at any point, as HTML."""
    shown, macro = Panels(run, asked), template("einsums.html.j2").module.panel  # type: ignore[attr-defined]

    def panels(other: Run, names: Sequence[str]) -> dict[str, str]:
        return {name: str(macro(shown.panel(other, name))) for name in names}

    return panels


def _alike(chosen: dict[str, Any]) -> bool:
    kinds = [layer["kind"] for layer in chosen["layers"]]
    return len(set(kinds)) < len(kinds)


def _graphs(run: Run) -> list[str]:
    """Who needs whom in a cascade; nothing of Einsums that need nothing of each other."""
    graphs = [(w.name, dependence(w)) for w in run.workloads]
    return [graph_svg(graph, f"{name}: who needs whom") for name, graph in graphs if graph.needs]


def _named(run: Run) -> str:
    """A baseline, as the page says it."""
    return f"{run.title}, {run.provenance.created.replace('T', ' ')[:16]}"


def write_report(path: Path, run: Run, baseline: Run | None = None) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(Path(path), render(run, baseline))
    return Path(path)
