"""What the page shows of the mapping of each Einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costmodel.report import chart, human, tables
from costmodel.report.nest_text import nest_lines
from costmodel.report.run import Run
from costmodel.report.text.why import one_text
from costmodel.report.text.workload import role_text


def einsum_panels(run: Run, names: Sequence[str]) -> list[dict[str, Any]]:
    """What the nest section shows of some Einsums."""
    e = run.evaluation
    assert e is not None  # noqa: S101
    statements = {s.name: s for s in run.workload.einsums}
    totals = {str(r["einsum"]): r for r in tables.einsums(run).to_dict("records")}
    colours = tables.group_roles(run.workload)
    why = {one.einsum: one_text(one) for one in run.why}
    panels = []
    several = len(run.workload.einsums) > 1
    for name in names:
        statement = statements.get(name)
        mapping = run.mapping_of(name)
        row = totals[name]
        roles = colours
        if statement is not None and several:
            groups = tables.tensor_groups(run.workload)
            roles = {tensor: groups[name, tensor] for tensor in statement.tensors}
        drawn = chart.memory_chart(run, name, roles)
        certificate = str(row["certificate"])
        panels.append(
            {
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
                "certificate": certificate,
                "why": why.get(name, ""),
                "nest": nest_lines(mapping, run.workload) if mapping else (),
                "chart": chart.svg(drawn) if drawn else "",
            }
        )
    return panels
