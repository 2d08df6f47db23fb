"""What the page shows of the mapping of each Einsum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.peak import dimensions_of
from costmodel.report import array_svg, chart, chart_svg, human, tables
from costmodel.report.figures.colours import QUIET, component_colours
from costmodel.report.nest_text import nest_lines
from costmodel.report.page.derivations import LIMIT, OF_AN_EINSUM, asked_in, derivation
from costmodel.report.page.why import why
from costmodel.report.reasons import question
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


class Panels:
    """The mappings of Einsums as the page shows them. Numbers of the run's own mappings are derived, as room allows.

    ``asked``: what is known of these.
    """

    def __init__(self, run: Run, asked: Questioned) -> None:
        self._own, self._asked = frozenset(run.mappings), asked
        self._left = LIMIT
        self._reasons = {one.einsum: one_text(one) for one in run.why}
        self._statements = {statement.name: statement for statement in run.workload.einsums}
        self._groups = tables.tensor_groups(run.workload)
        self._roles = tables.group_roles(run.workload)
        self._by_name = tables.by_name(run.workload)

    def panel(self, run: Run, name: str) -> dict[str, Any]:
        """What the page shows of one Einsum of a run: the one that the page is of, or that at another point."""
        e = tables.evaluation_of(run)
        statement, roles = self._statements.get(name), self._roles
        (row,) = tables.einsum_rows(run, [name])
        if statement is not None and not self._by_name:
            roles = {tensor: self._groups[name, tensor] for tensor in statement.tensors}
        found = {
            "name": name,
            "count": e.counts[name],
            "text": statement.text if statement else "",
            "shape": ", ".join(f"{v} {n:,}" for v, n in statement.shape.items()) if statement else "",
            "roles": ", ".join(f"{t.name} {role_text(t)}" for t in statement.tensors.values()) if statement else "",
            "energy": human.joules(row.energy_pj),
            "energy_exact": f"{human.exact(row.energy_pj)} pJ",
            "latency": human.seconds(row.latency_cycles / e.clock_hz),
            "latency_exact": f"{human.exact(row.latency_cycles)} cycles",
            "bottleneck": row.bottleneck,
            "utilisation": human.percent(row.utilisation),
            "certificate": row.certificate,
            "why": self._reasons.get(name, ""),
        }
        return found | self._mapped(run, name, roles)

    def _mapped(self, run: Run, name: str, roles: Mapping[str, str]) -> dict[str, Any]:
        """What follows from the mapping of an Einsum and from its counts."""
        mapping, drawn = run.mapping_of(name), chart.memory_chart(run, name, roles)
        svg = chart_svg.svg(drawn) if drawn else ""
        if mapping is None:
            return {"nest": (), "arrays": [], "causes": None, "yaml": "", "chart": svg, "derived": {}}
        asked = (self._asked if mapping in self._own else question(run)).of(name, tables.evaluation_of(run))
        return {
            "nest": nest_rows(run, mapping, drawn.colours if drawn else {}),
            "arrays": array_svg.arrays_svg(dimensions_of(asked, name)),
            "causes": why(asked, [name], self._groups) if len(run.workload.einsums) > 1 else None,
            "yaml": dump(mapping),
            "chart": svg,
            "derived": self._derived(asked, [*OF_AN_EINSUM, *asked_in(svg)]) if mapping in self._own else {},
        }

    def _derived(self, asked: Questioned, subjects: Sequence[str]) -> dict[str, str]:
        """How each number comes about; nothing where the page has no room for more."""
        if len(subjects) > self._left:
            return {}
        self._left -= len(subjects)
        return {subject: derivation(asked, subject) for subject in subjects}


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
