"""A workload as text: Einsums with shapes and operations, tensors with roles and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.describe.facts import intensity, operations
from costmodel.model.formats import stored_bits
from costmodel.report.human import amount, digits, memory
from costmodel.report.text.aligned import one_line, table

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Tensor, Workload


def workload_text(workload: Workload) -> str:
    """Einsums with shapes and operations, and tensors with roles and sizes."""
    total: dict[str, int] = {}
    for einsum in workload.einsums:
        for kind, number in operations(einsum).items():
            total[kind] = total.get(kind, 0) + number * einsum.count
    executions = sum(e.count for e in workload.einsums)
    sums = ", ".join(f"{amount(number).strip()} {kind}" for kind, number in total.items())
    plural = "s" if executions != 1 else ""
    lines = [f"{one_line(workload.name)}: {len(workload.einsums)} statements, {executions} Einsum{plural}, {sums}"]
    if len(workload.einsums) == executions:
        lines = [f"{one_line(workload.name)}: {executions} Einsum{plural}, {sums}"]
    if workload.source:
        lines.append(one_line(f"source: {workload.source}"))
    several = executions != len(workload.einsums)
    einsums = (
        [
            einsum.name,
            str(einsum.count) if several else "",
            " ".join(f"{v}={extent}" for v, extent in einsum.shape.items()),
            ", ".join(f"{number:,} {kind}" for kind, number in operations(einsum).items()),
            digits(intensity(einsum)),
            einsum.text,
        ]
        for einsum in workload.einsums
    )
    columns = ["einsum", "count", "shape", "operations", "op/B", "statement"]
    lines += ["", table(columns, einsums), ""]
    # Layers of a network may use one name for tensors of their own.
    users: dict[Tensor, list[str]] = {}
    for einsum in workload.einsums:
        for tensor in einsum.tensors.values():
            users.setdefault(tensor, []).append(einsum.name)
    own_names = len({t.name for t in users}) == len(users)
    rows = (
        [
            t.name,
            "" if own_names else f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}",
            role_text(t),
            " × ".join(f"{r} {x}" for r, x in zip(t.ranks, t.shape, strict=True)),
            str(stored_bits(t, None, 1)),
            f"{t.size_words:,}",
            memory(stored_bits(t, None, t.size_words)),
        ]
        for t, names in users.items()
    )
    lines.append(table(["tensor", "of", "role", "shape", "bits", "words", "size"], rows))
    return "\n".join(lines)


def role_text(tensor: Tensor) -> str:
    """``weight``, or ``weight (guessed)`` where the file does not say so."""
    return f"{tensor.role.value} (guessed)" if tensor.guessed else tensor.role.value
