"""What the page shows of the mapping of each Einsum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.peak import dimensions_of
from costmodel.report import array_svg, chart, chart_svg, human, tables
from costmodel.report.figures.colours import QUIET, component_colours
from costmodel.report.nest_text import nest_lines
from costmodel.report.page.book import Book
from costmodel.report.page.derivations import OF_AN_EINSUM, Derivations, asked_in, by_energy
from costmodel.report.page.why import why
from costmodel.report.run import Run
from costmodel.report.text.why import one_text
from costmodel.report.text.workload import role_text
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import dump


@dataclass(frozen=True, slots=True)
class NestRow:
    """A line of a nest as the page draws it."""

    depth: int
    kind: str
    parts: tuple[tuple[str, str], ...]
    """(text, colour); the first is the word that says what the line is, tensors have a colour of their own."""
    note: str
    level: str
    colour: str
    """Of the level that serves it."""


def einsum_panels(run: Run, book: Book, asked: Questioned) -> list[dict[str, Any]]:
    """What the nest section shows of each Einsum; what is derived of it goes into the book."""
    e = tables.evaluation_of(run)
    statements = {s.name: s for s in run.workload.einsums}
    totals = {str(r["einsum"]): r for r in tables.einsums(run).to_dict("records")}
    roles = tables.group_roles(run.workload)
    groups = tables.tensor_groups(run.workload)
    reasons = {one.einsum: one_text(one) for one in run.why}
    panels = []
    for place, name in enumerate(e.points):
        statement, row = statements.get(name), totals[name]
        if statement is not None and len(e.points) > 1:
            roles = {tensor: groups[name, tensor] for tensor in statement.tensors}
        panels.append(
            {
                "id": f"e{place}",
                "name": name,
                "count": e.counts[name],
                "text": statement.text if statement else "",
                "shape": ", ".join(f"{v} {n:,}" for v, n in statement.shape.items()) if statement else "",
                "roles": ", ".join(f"{t.name} {role_text(t)}" for t in statement.tensors.values()) if statement else "",
                "energy": human.joules(row["energy_pj"]),
                "energy_exact": f"{human.exact(row['energy_pj'])} pJ",
                "latency": human.seconds(row["latency_cycles"] / e.clock_hz),
                "latency_exact": f"{human.exact(row['latency_cycles'])} cycles",
                "bottleneck": row["bottleneck"],
                "utilisation": human.percent(row["utilisation"]),
                "certificate": str(row["certificate"]),
                "why": reasons.get(name, ""),
                **_mapped(run, book, asked, name, roles),
            }
        )
    _derive(book, asked, panels, {name: float(row["energy_pj"]) for name, row in totals.items()})
    return panels


def _mapped(run: Run, book: Book, asked: Questioned, name: str, roles: Mapping[str, str]) -> dict[str, Any]:
    """What follows from the mapping of an Einsum and from its counts."""
    mapping = run.mapping_of(name)
    drawn = chart.memory_chart(run, name, roles)
    found: dict[str, Any] = {"nest": (), "arrays": [], "causes": None, "yaml": None}
    found["chart"] = chart_svg.svg(drawn) if drawn else ""
    if mapping is not None:
        found["nest"] = nest_rows(run, mapping, drawn.colours if drawn else {})
        found["arrays"] = array_svg.arrays_svg(dimensions_of(asked, name))
        found["causes"] = why(run, asked, [name]) if len(tables.evaluation_of(run).points) > 1 else None
        found["yaml"] = book.text(dump(mapping))
    return found


def nest_rows(run: Run, mapping: Schedule, colours: Mapping[str, str]) -> tuple[NestRow, ...]:
    """The lines of a nest: levels by the colour of their component, tensors by theirs."""
    by_level = component_colours(tables.component_order(run))
    rows = []
    for line in nest_lines(mapping, run.workload):
        first, *others = line.text.split(" ")
        parts = [(first, "")]
        parts += [(word, colours.get(word, "") if word in line.tensors else "") for word in others]
        colour = by_level.get(line.level, QUIET)
        rows.append(NestRow(line.depth, line.kind, tuple(parts), line.note, line.level, colour))
    return tuple(rows)


def _derive(book: Book, asked: Questioned, panels: list[dict[str, Any]], energies: Mapping[str, float]) -> None:
    """Derive the numbers of each panel, of those that take the most energy first; say which panels have them."""
    derivations = Derivations(asked)
    by_name = {panel["name"]: panel for panel in panels}
    for name in by_energy(energies.items()):
        panel = by_name[name]
        subjects = [*OF_AN_EINSUM, *asked_in(panel["chart"])]
        panel["derived"] = bool(panel["nest"]) and derivations.derive(panel["id"], name, subjects)
    book.derived = derivations.data()
