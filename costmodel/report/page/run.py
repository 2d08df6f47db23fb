"""A run → one self-contained HTML page: plotly.js inline once, no network, the same bytes for the same run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costmodel.describe.cascade import dependence
from costmodel.describe.picture import graph_svg
from costmodel.report import human, reasons
from costmodel.report.cards import cards
from costmodel.report.folder import write_text
from costmodel.report.page.advice import advice_card
from costmodel.report.page.book import Book
from costmodel.report.page.explorers import front_section, sweep_section
from costmodel.report.page.fibers import fibers_svg
from costmodel.report.page.figures import energy_figures, latency_figures
from costmodel.report.page.ledger import ledger
from costmodel.report.page.over_time import over_time
from costmodel.report.page.panels import einsum_panels
from costmodel.report.page.run_orders import run_orders
from costmodel.report.page.selection import packed, selection
from costmodel.report.page.tables import levels_table, run_tables
from costmodel.report.page.template import fill_template, template
from costmodel.report.page.why import why
from costmodel.report.points import Points, points_of
from costmodel.report.run import Run
from costmodel.report.text.sweep import failures
from costmodel.report.verdict import verdict

KINDS = {"map": "mapping search", "evaluate": "evaluation", "sweep": "design sweep"}


def render(run: Run, baseline: Run | None = None) -> str:
    """The page of a run; its totals are held against those of a baseline that is given."""
    book = Book()
    evaluated = run.evaluation is not None
    mapped = reasons.mapped(run) if evaluated else []
    points = points_of(run)
    at = points if isinstance(points, Points) else None
    chosen = selection(run, at, lambda other: _tiles(other, baseline), _panels) if evaluated else None
    names = [layer["name"] for layer in chosen["layers"]] if chosen else []
    return fill_template(
        "page.html.j2",
        book,
        parts=("run", "advice"),
        verdict=verdict(run) if evaluated else "",
        why=why(run, reasons.question(run), mapped) if mapped else None,
        title=run.title,
        kind=KINDS[run.kind],
        created=run.provenance.created.replace("T", " ")[:16],
        notes=run.notes,
        cards=cards(run, baseline),
        baseline="" if baseline is None else _named(baseline),
        advice=advice_card(run),
        energy=energy_figures(book, run) if evaluated else [],
        latency=latency_figures(book, run) if evaluated else [],
        ledger=ledger(run, alike=_alike(chosen)) if chosen and len(names) > 1 else None,
        einsums=chosen["layers"] if chosen else [],
        first=einsum_panels(run, names[:1])[0] if names else None,
        layers=packed(chosen) if chosen else "",
        time=over_time(run) if evaluated else None,
        orders=run_orders(run) if evaluated else None,
        graphs=_graphs(run) if evaluated else [],
        fibers=fibers_svg(run) if evaluated else "",
        front=front_section(book, run, points),
        sweep=sweep_section(book, run),
        failed=failures(run.design_points),
        tables=run_tables(run),
        levels=[levels_table(f"levels-{n}", a) for n, a in enumerate(run.architectures)],
        inputs=run.inputs,
        facts=_facts(run),
        sources=_sources(run),
    )


def _tiles(run: Run, baseline: Run | None) -> tuple[str, str]:
    """What a run comes to, in a sentence, and its headline numbers as HTML."""
    tiles = template("parts.html.j2").module.tiles  # type: ignore[attr-defined]
    return verdict(run), str(tiles(cards(run, baseline)))


def _panels(run: Run, names: Sequence[str]) -> dict[str, str]:
    """Einsum → its mapping as HTML."""
    panel = template("einsums.html.j2").module.panel  # type: ignore[attr-defined]
    return {one["name"]: str(panel(one)) for one in einsum_panels(run, names)}


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
            for number in ("energy", "area", "leakage"):
                if source := getattr(level, f"{number}_source", ""):
                    found.setdefault((f"{architecture.name}, {number} of {level.name}", source))
    return list(found)
