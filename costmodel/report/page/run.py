"""A run → one self-contained HTML page: plotly.js inline once, no network, the same bytes for the same run."""

from __future__ import annotations

from pathlib import Path

from costmodel.describe.cascade import dependence
from costmodel.describe.picture import graph_svg
from costmodel.report import tables
from costmodel.report.cards import cards
from costmodel.report.folder import write_text
from costmodel.report.page.advice import advice_card
from costmodel.report.page.book import Book
from costmodel.report.page.explorers import front_section
from costmodel.report.page.fibers import fibers_svg
from costmodel.report.page.figures import energy_figures, latency_figures
from costmodel.report.page.inputs import inputs_of
from costmodel.report.page.ledger import ledger
from costmodel.report.page.panels import einsum_panels
from costmodel.report.page.run_orders import run_orders
from costmodel.report.page.sweep import render_sweep
from costmodel.report.page.tables import run_tables
from costmodel.report.page.template import fill_template
from costmodel.report.run import Run

KINDS = {"map": "mapping search", "evaluate": "evaluation"}


def render(run: Run) -> str:
    """The page of a run."""
    if run.kind == "sweep":
        return render_sweep([run])
    book = Book()
    evaluated = run.evaluation is not None
    return fill_template(
        "page.html.j2",
        book,
        parts=("advice",),
        title=run.title,
        kind=KINDS[run.kind],
        created=run.provenance.created.replace("T", " ")[:16],
        notes=run.notes,
        cards=cards(run),
        advice=advice_card(run),
        energy=energy_figures(book, run) if evaluated else [],
        latency=latency_figures(book, run) if evaluated else [],
        ledger=ledger(run) if evaluated and len(tables.evaluation_of(run).points) > 1 else None,
        einsums=einsum_panels(run) if evaluated else [],
        orders=run_orders(run) if evaluated else None,
        graphs=_graphs(run) if evaluated else [],
        fibers=fibers_svg(run) if evaluated else "",
        front=front_section(book, run),
        tables=run_tables(run),
        **inputs_of([run]),
    )


def _graphs(run: Run) -> list[str]:
    """Who needs whom in a cascade; nothing of Einsums that need nothing of each other."""
    graphs = [(w.name, dependence(w)) for w in run.workloads]
    return [graph_svg(graph, f"{name}: who needs whom") for name, graph in graphs if graph.needs]


def write_report(path: Path, run: Run, *others: Run) -> Path:
    """Write the page, of sweeps also that of several; the file appears complete or not at all."""
    write_text(Path(path), render_sweep([run, *others]) if others else render(run))
    return Path(path)
