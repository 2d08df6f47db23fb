"""The memory chart: levels as boxes, tensors as lanes, words on the arrows (reads down, updates up).

``chart_svg`` draws it. Numbers are of one execution of an Einsum, over all instances of a level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.model.formats import stored_bits
from costmodel.report import human
from costmodel.report.figures.colours import group_colours
from costmodel.report.roofs import MemoryRoof, roofs
from costmodel.report.run import Run
from costmodel.report.tables import evaluation_of
from costmodel.spec.hardware import Array, Level, Memory


@dataclass(frozen=True, slots=True)
class Flows:
    """Words of one tensor at one level."""

    fill: int = 0
    read: int = 0
    update: int = 0
    drain: int = 0
    energy_pj: float = 0.0

    def reuse(self, size_words: int) -> float | None:
        """How often a word that is brought here, or taken away, is used; of the outermost memory, a word of the tensor.

        Null where nothing is used.
        """
        used, brought = (self.update, self.drain) if self.update else (self.read, self.fill)
        return used / (brought or size_words) if used and (brought or size_words) else None


@dataclass(frozen=True, slots=True)
class Box:
    """One level of the chart, outermost first."""

    name: str
    kind: str
    """``memory``, ``array`` or ``compute``."""
    caption: str
    held: tuple[tuple[str, float], ...] = ()
    """(lane, share of the usable capacity of one instance); empty where unbounded or not known."""
    room: str = ""
    """What is held of how much, in words."""
    busy: float | None = None
    """Share of the time that the ports of the busiest instance are; null without a bandwidth."""
    words_per_cycle: Mapping[str, float] | None = None
    """Lane → words that the ports let pass in a cycle, all instances together."""


@dataclass(frozen=True, slots=True)
class MemoryChart:
    """What the chart shows."""

    boxes: tuple[Box, ...]
    lanes: tuple[str, ...]
    """Tensors, or groups of them."""
    flows: Mapping[tuple[str, str], Flows]
    """(level, lane) → words; a lane passes by the levels that are not here."""
    colours: Mapping[str, str]
    sizes: Mapping[str, int]
    """Lane → words of the tensor."""
    widths: Mapping[str, int]
    """Lane → bits of a word."""
    cycles: float


def memory_chart(run: Run, einsum: str, roles: Mapping[str, str]) -> MemoryChart | None:
    """The chart of one Einsum, for one execution; null where the run has no counts for it."""
    evaluation = run.evaluation
    if evaluation is None or einsum not in evaluation.points:
        return None
    words: dict[tuple[str, str], dict[str, int]] = {}
    lanes: dict[str, None] = {}
    for row in evaluation.traffic_rows:
        if row.einsum == einsum:
            at = words.setdefault((row.level, row.tensor), {})
            at[row.flow] = at.get(row.flow, 0) + row.words
            lanes.setdefault(row.tensor)
    energy: dict[tuple[str, str], float] = {}
    for action in evaluation.action_rows:
        if action.einsum == einsum:
            key = (action.component, action.tensor)
            energy[key] = energy.get(key, 0.0) + action.energy_pj
    flows = {key: Flows(**at, energy_pj=energy.get(key, 0.0)) for key, at in words.items()}
    for array in run.architecture.arrays:
        flows |= {(array.name, t): Flows(energy_pj=energy[array.name, t]) for t in lanes if energy.get((array.name, t))}
    tensors = next((s.tensors for s in run.workload.einsums if s.name == einsum), {})
    widths = {lane: stored_bits(tensors[lane], None, 1) for lane in lanes if lane in tensors}
    active = {action.component for action in evaluation.action_rows if action.einsum == einsum}
    boxes = (_box(run, einsum, level, widths, energy) for level in run.architecture.levels)
    return MemoryChart(
        boxes=tuple(box for box in boxes if box.kind != "compute" or box.name in active),
        lanes=tuple(lanes),
        flows=flows,
        colours=group_colours(list(lanes), roles),
        sizes={lane: tensors[lane].size_words for lane in widths},
        widths=widths,
        cycles=evaluation.cycles_by_einsum[einsum],
    )


def _box(
    run: Run, einsum: str, level: Level, widths: Mapping[str, int], energy: Mapping[tuple[str, str], float]
) -> Box:
    copies = run.architecture.copies(level.name)
    if isinstance(level, Memory):
        return _memory_box(run, einsum, level, widths)
    if isinstance(level, Array):
        return Box(level.name, "array", " × ".join(f"{n} {size:,}" for n, size in level.shape.items()))
    spent = sum(pj for (component, _), pj in energy.items() if component == level.name)
    units = f"{copies:,} unit{'s' if copies > 1 else ''}"
    return Box(level.name, "compute", f"{units} · {human.joules(spent)}")


def _memory_box(run: Run, einsum: str, level: Memory, widths: Mapping[str, int]) -> Box:
    e = evaluation_of(run)
    copies = run.architecture.copies(level.name)
    size = "unlimited" if level.capacity_bits is None else human.memory(level.capacity_bits)
    held = [(r.tensor, r.bits) for r in e.occupancy_rows if (r.einsum, r.level) == (einsum, level.name)]
    usable = level.usable_bits
    taken = sum(bits for _, bits in held)
    shares = tuple((tensor, taken_bits / usable) for tensor, taken_bits in held) if usable else ()
    room = f"{human.memory(taken)} held, {human.percent(taken / usable)}" if usable and held else ""
    whole = e.cycles_by_einsum[einsum]
    cycles = [r.cycles for r in e.latency_rows if (r.einsum, r.component) == (einsum, level.name)]
    roof: MemoryRoof | None = next((roof for roof in roofs(run) if roof.level == level.name), None)
    return Box(
        level.name,
        "memory",
        f"{copies:,} × {size}" if copies > 1 else size,
        held=shares,
        room=room,
        busy=cycles[0] / whole if cycles and whole else None,
        words_per_cycle=None if roof is None else {t: roof.bits_per_cycle / bits for t, bits in widths.items()},
    )
