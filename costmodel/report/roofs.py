"""What every memory allows, and how many operations each Einsum does for a bit that passes its ports, as mapped."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from costmodel.model.meters import port_energy, port_limits
from costmodel.report.run import Run
from costmodel.report.tables import evaluation_of
from costmodel.spec.hardware import Memory


@dataclass(frozen=True, slots=True)
class MemoryRoof:
    """The bandwidth of a memory, all its instances together."""

    level: str
    bits_per_cycle: float
    actions: tuple[str, ...]
    """The accesses that it counts: ``read``, ``write`` or both."""


def roofs(run: Run) -> tuple[MemoryRoof, ...]:
    """The roof of every memory that states a bandwidth, outermost first."""
    found = (_roof(memory, run.architecture.copies(memory.name)) for memory in run.architecture.memories)
    return tuple(roof for roof in found if roof is not None)


def _roof(memory: Memory, copies: int) -> MemoryRoof | None:
    rates = {limit.action: limit.width_bits for limit in port_limits(memory)}
    if "" in rates:
        return MemoryRoof(memory.name, rates[""] * copies, ("read", "write"))
    own = {action: rates[action] for action in ("read", "write") if action in rates}
    return MemoryRoof(memory.name, sum(own.values()) * copies, tuple(own)) if own else None


def peaks(run: Run) -> dict[str, float]:
    """Compute unit → most operations per cycle, of those that some Einsum uses."""
    evaluation = evaluation_of(run)
    units = {row.einsum: row.component for row in evaluation.action_rows if row.action.startswith("compute")}
    found: dict[str, float] = {}
    for name, peak in evaluation.peak_by_einsum.items():
        unit = units.get(name, "compute")
        found[unit] = max(found.get(unit, 0.0), peak)
    return found


def intensities(run: Run) -> pd.DataFrame:
    """Columns: einsum, level, operations_per_bit, points_per_cycle, bottleneck, decides.

    A row for each memory with a roof that an Einsum uses. ``decides`` marks one row of each Einsum: of the memory that
    binds it, else of the outermost.
    """
    evaluation = evaluation_of(run)
    every = {roof.level: roof for roof in roofs(run)}
    widths = {(m.component, m.action): m.width_bits for x in run.architecture.memories for m in port_energy(x)}
    moved: dict[tuple[str, str], float] = {}
    for row in evaluation.action_rows:
        roof = every.get(row.component)
        if roof is not None and row.action in roof.actions:
            at = (row.einsum, row.component)
            moved[at] = moved.get(at, 0.0) + row.count * widths[row.component, row.action]
    rows = []
    for name, points in evaluation.points.items():
        cycles, binds = evaluation.cycles_by_einsum[name], evaluation.bottlenecks.get(name, "")
        levels = [level for level in every if moved.get((name, level))] if cycles else []
        shown = binds if binds in levels else next(iter(levels), "")
        rows += [(name, x, points / moved[name, x], points / cycles, binds, x == shown) for x in levels]
    columns = ["einsum", "level", "operations_per_bit", "points_per_cycle", "bottleneck", "decides"]
    return pd.DataFrame.from_records(rows, columns=columns)
