"""What a workload says of itself, as text: contracted ranks, reuse, totals by role, stages, growth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from costmodel.report.human import digits, memory, percent
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from costmodel.describe.cascade import DependenceGraph, Description, Need, RoleTotal
    from costmodel.describe.growth import GrowthRow, RankGrowth
    from costmodel.einsum.syntax import Statement


def description_text(found: Description) -> str:
    """All sections: each Einsum's ranks and reuse, totals by role, effectual operations, and who needs whom."""
    parts = [spaces_text(found), roles_text(found.roles)]
    if any(facts.effectual for facts in found.einsums):
        parts.append(effectual_text(found))
    if found.graph.needs:
        parts.append(graph_text(found.graph))
    return "\n\n".join(parts)


def spaces_text(found: Description) -> str:
    """One line for each Einsum: its iteration space, what is reduced, and how often each word is used."""
    rows = (
        [
            facts.einsum,
            f"{facts.points:,}",
            _extents(facts.uncontracted),
            _extents(facts.contracted) or "none",
            ", ".join(f"{use.tensor} {_times(use.reuse)}" for use in facts.tensors),
        ]
        for facts in found.einsums
    )
    return table(["einsum", "points", "uncontracted", "contracted", "reuse: uses of each word"], rows)


def roles_text(roles: tuple[RoleTotal, ...]) -> str:
    """Tensors, words and bytes by role."""
    rows = [[t.role.value, str(t.tensors), f"{t.words:,}", memory(t.size_bits)] for t in roles]
    if len(rows) > 1:
        words, bits = sum(t.words for t in roles), sum(t.size_bits for t in roles)
        rows.append(["all", str(sum(t.tensors for t in roles)), f"{words:,}", memory(bits)])
    return table(["role", "tensors", "words", "size"], rows)


def effectual_text(found: Description) -> str:
    """Words that are not zero, and operations that zeros do not make vain. Costs stay dense."""
    tensors = [f"{name} {_number(words)} words" for name, words in found.nonzero_words.items()]
    rows = (
        [facts.einsum, kind, f"{facts.operations[kind]:,}", _number(done), percent(done / facts.operations[kind]), how]
        for facts in found.einsums
        if facts.effectual is not None
        for how in ["counted" if facts.effectual.is_exact else "expected"]
        for kind, done in facts.effectual.operations.items()
    )
    lines = table(["einsum", "operations", "dense", "effectual", "share", ""], rows)
    return f"not zero: {', '.join(tensors)} (costs are those of dense tensors)\n{lines}"


def graph_text(graph: DependenceGraph) -> str:
    """Who needs whom: stages whose Einsums may run in parallel, and what each reads."""
    needs = {(need.reader, need.tensor): need for need in graph.needs}
    rows = []
    for node in sorted(graph.nodes, key=lambda node: node.stage):
        reads = [_read(tensor, needs.get((node.einsum, tensor))) for tensor in node.dynamic]
        rows.append([str(node.stage), node.einsum, ", ".join(reads), ", ".join(node.static), node.writes])
    parallel = [f"{', '.join(names)} (stage {n})" for n, names in enumerate(graph.stages, start=1) if len(names) > 1]
    head = f"in parallel: {'; '.join(parallel)}" if parallel else "in parallel: none, each Einsum needs the one before"
    return f"{table(['stage', 'einsum', 'dynamic', 'static', 'writes'], rows)}\n{head}"


def _read(tensor: str, need: Need | None) -> str:
    """A tensor, with the Einsum that writes it where that has another name."""
    if need is None:
        return tensor
    if need.is_iterative:
        return f"{tensor} (of a step before)"
    return tensor if need.writer == tensor else f"{tensor} of {need.writer}"


def growth_text(found: RankGrowth) -> str:
    """A table with a column for each extent."""
    rows = (
        [row.what, row.of, *(f"{n:,}" for n in row.amounts), "" if row.doubling is None else f"× {row.doubling:.3g}"]
        for row in _without_single_sums(found.rows)
    )
    columns = ["", "", *(f"{found.rank} {extent:,}" for extent in found.extents), f"when {found.rank} doubles"]
    return table(columns, rows)


def _without_single_sums(rows: tuple[GrowthRow, ...]) -> list[GrowthRow]:
    """Rows, less a sum of one."""
    parts = [row.what for row in rows if row.of != "all"]
    return [row for row in rows if row.of != "all" or parts.count(row.what) > 1]


def statement_object(statement: Statement) -> dict[str, object]:
    """What one statement says, without shapes."""
    from costmodel.einsum.latex import latex
    from costmodel.einsum.syntax import compact

    left = {v for index in statement.output.indices for v in index.rank_variables}
    return {
        "canonical": str(statement),
        "latex": latex(statement),
        "uncontracted": [v for v in statement.rank_variables if v in left],
        "contracted": [v for v in statement.rank_variables if v not in left],
        "reduction": statement.reducer,
        "constants": list(statement.constants),
        "shapes": {shape.rank: compact(shape.expression) for shape in statement.shapes},
    }


def statement_text(statement: Statement) -> str:
    """The same, a line each."""
    found = statement_object(statement)
    rows = [[name, _listed(said)] for name, said in found.items() if said]
    if not found["contracted"]:
        rows = [row for row in rows if row[0] != "reduction"]
    return table(["", ""], rows).lstrip("\n")


def _listed(said: object) -> str:
    if isinstance(said, dict):
        return ", ".join(f"{rank}: {shape}" for rank, shape in said.items())
    return ", ".join(said) if isinstance(said, list) else str(said)


def _extents(extents: Mapping[str, int]) -> str:
    return " ".join(f"{v}={extent}" for v, extent in extents.items())


def _times(reuse: float) -> str:
    return f"{reuse:,.0f}" if reuse == int(reuse) else digits(reuse)


def _number(words: float) -> str:
    return f"{words:,.0f}" if math.isclose(words, round(words)) else digits(words)
