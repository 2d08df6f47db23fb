"""Runs → one self-contained HTML page: plotly.js inline once, no network, the same bytes for the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costmodel.report import figures, human, tables
from costmodel.report.cards import cards
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book
from costmodel.report.page.explorers import front_section, sweep_section
from costmodel.report.page.figures import energy_figures, latency_figures
from costmodel.report.page.grid import Cell, Table, number
from costmodel.report.page.panels import einsum_panels
from costmodel.report.page.tables import levels_table, run_tables
from costmodel.report.page.template import fill_template
from costmodel.report.run import Run


def render(*runs: Run) -> str:
    """The page of one run, or of several side by side with a comparison on top."""
    if not runs:
        raise ValueError("a report needs at least one run")
    book = Book()
    articles = [_article(book, run, f"r{place}") for place, run in enumerate(runs)]
    return fill_template(
        "page.html.j2",
        book,
        title=runs[0].title if len(runs) == 1 else f"{len(runs)} runs",
        articles=articles,
        comparison=_comparison(book, runs) if len(runs) > 1 else None,
    )


def write_report(path: Path, *runs: Run) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(Path(path), render(*runs))
    return Path(path)


def _article(book: Book, run: Run, prefix: str) -> dict[str, Any]:
    evaluated = run.evaluation is not None
    provenance = run.provenance
    return {
        "prefix": prefix,
        "title": run.title,
        "kind": {"map": "mapping search", "evaluate": "evaluation", "sweep": "design sweep"}[run.kind],
        "created": provenance.created.replace("T", " ")[:16],
        "notes": run.notes,
        "cards": cards(run),
        "energy": energy_figures(book, run, prefix) if evaluated else [],
        "latency": latency_figures(book, run, prefix) if evaluated else [],
        "einsums": einsum_panels(run, prefix) if evaluated else [],
        "front": front_section(book, run, prefix),
        "sweep": sweep_section(book, run, prefix),
        "tables": run_tables(run, prefix),
        "levels": [levels_table(f"{prefix}-levels-{n}", a) for n, a in enumerate(run.architectures)],
        "inputs": run.inputs,
        "facts": _facts(run),
        "sources": _sources(run),
    }


def _comparison(book: Book, runs: Sequence[Run]) -> dict[str, Any]:
    table = tables.compare(runs)
    names, energies = [], {}
    for place, run in enumerate(runs):
        if run.evaluation is not None:
            name = f"{place + 1}: {run.title}"
            energies[name] = tables.energy_by_level(run)
            names.append(name)
    order = list(dict.fromkeys(c for run in runs for c in tables.component_order(run)))
    found = []
    if energies:
        found.append(book.figure("compare-energy", "Energy by component", "", figures.compare_bars(energies, order)))
    rows = []
    first = table.iloc[0] if len(table) else None
    for name, row in zip(names, table.to_dict("records"), strict=True):
        cells = [Cell(name, name), Cell(row["created"].replace("T", " ")[:16], row["created"])]
        for column, show in (("energy_pj", human.joules), ("latency_s", human.seconds)):
            ratio = f" ({row[column] / first[column]:.3g}×)" if first is not None and first[column] else ""
            cells.append(Cell(f"{show(row[column])}{ratio}", float(row[column]), f"{row[column]:,.9g}", numeric=True))
        cells.append(Cell(f"{row['edp']:.4g}", float(row["edp"]), f"{row['edp']:,.9g} pJ·cycles", numeric=True))
        cells += [number("capacity_bits", row["capacity_bits"])] if "capacity_bits" in row else []
        cells.append(number("area_mm2", row["area_mm2"]))
        cells.append(Cell(human.percent(row["utilisation"]), float(row["utilisation"]), numeric=True))
        rows.append(tuple(cells))
    room = ("room used",) if "capacity_bits" in table else ()
    columns = ("run", "made", "energy", "latency", "EDP (pJ·cycles)", *room, "area", "utilisation")
    return {
        "figures": found,
        "table": Table("compare-totals", "Totals", "Ratios to the first run.", columns, tuple(rows)),
    }


def _facts(run: Run) -> list[tuple[str, str]]:
    p = run.provenance
    facts = [("made", p.created), ("command", p.command)]
    facts.append(("seed", "none" if p.seed is None else str(p.seed)))
    facts += [(key, str(value)) for key, value in p.settings.items()]
    if p.elapsed_s is not None:
        facts.append(("elapsed", human.seconds(p.elapsed_s)))
    facts += [(f"{name} version", number) for name, number in p.versions.items()]
    return [(key, value) for key, value in facts if value]


def _sources(run: Run) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    named = [(a.name, a.source) for a in run.architectures] + [(w.name, w.source) for w in run.workloads]
    for name, source in named:
        found.setdefault((name, source or "no source stated"))
    for architecture in run.architectures:
        for level in architecture.levels:
            if source := getattr(level, "energy_source", ""):
                found.setdefault((f"{architecture.name}, energy of {level.name}", source))
    return list(found)
