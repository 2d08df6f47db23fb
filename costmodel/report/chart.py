"""The memory chart: levels as boxes, tensors as lanes, words on the arrows (reads down, updates up). Inline SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from costmodel.report import human
from costmodel.report.figures.colours import QUIET, group_colours
from costmodel.report.run import Run
from costmodel.spec.hardware import Array, Memory

_LEFT, _LANE, _BOX, _BAND, _GAP = 166, 140, 62, 30, 58


@dataclass(frozen=True, slots=True)
class Flows:
    """Words of one tensor (or group of tensors) at one level, over all instances and executions."""

    fill: int = 0
    read: int = 0
    update: int = 0
    drain: int = 0
    energy_pj: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """One level of the chart, outermost first."""

    name: str
    kind: str
    """``memory``, ``array`` or ``compute``."""
    caption: str
    used: float | None = None
    """Share of the usable capacity that the tiles take; null where unbounded or not known."""


@dataclass(frozen=True, slots=True)
class MemoryChart:
    """What the chart shows; ``svg`` draws it."""

    boxes: tuple[Box, ...]
    lanes: tuple[str, ...]
    """Tensors, or groups of them."""
    flows: Mapping[tuple[str, str], Flows]
    """(level, lane) → words; a lane passes by the levels that are not here."""
    colours: Mapping[str, str]


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
    used: dict[str, int] = {}
    for held in evaluation.occupancy_rows:
        if held.einsum == einsum:
            used[held.level] = used.get(held.level, 0) + held.bits
    flows = {key: Flows(**at, energy_pj=energy.get(key, 0.0)) for key, at in words.items()}
    for array in run.architecture.arrays:
        flows |= {(array.name, t): Flows(energy_pj=energy[array.name, t]) for t in lanes if energy.get((array.name, t))}
    active = {action.component for action in evaluation.action_rows if action.einsum == einsum}
    return MemoryChart(
        boxes=tuple(box for box in _boxes(run, used, energy) if box.kind != "compute" or box.name in active),
        lanes=tuple(lanes),
        flows=flows,
        colours=group_colours(list(lanes), roles),
    )


def _boxes(run: Run, used: Mapping[str, int], energy: Mapping[tuple[str, str], float]) -> list[Box]:
    architecture = run.architecture
    boxes = []
    for level in architecture.levels:
        copies = architecture.copies(level.name)
        times = f"{copies:,} × " if copies > 1 else ""
        match level:
            case Memory():
                share = used[level.name] / level.usable_bits if level.usable_bits and level.name in used else None
                size = "unlimited" if level.capacity_bits is None else human.memory(level.capacity_bits)
                boxes.append(Box(level.name, "memory", f"{times}{size}", share))
            case Array():
                boxes.append(Box(level.name, "array", " × ".join(f"{n} {size}" for n, size in level.shape.items())))
            case _:
                spent = sum(pj for (component, _), pj in energy.items() if component == level.name)
                boxes.append(
                    Box(level.name, "compute", f"{copies:,} unit{'s' if copies > 1 else ''} · {human.joules(spent)}")
                )
    return boxes


def svg(chart: MemoryChart) -> str:
    """The chart as an SVG element. Colours of text and boxes come from CSS classes of the page."""
    tops, y = [], 30
    for box in chart.boxes:
        tops.append(y)
        y += (_BAND if box.kind == "array" else _BOX) + (_GAP if box.kind != "array" else 18)
    height = y - _GAP + 14
    width = _LEFT + _LANE * max(len(chart.lanes), 1) + 8
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [f'<svg class="memory-chart" {size} role="img" aria-label="Words that move between the levels">']
    for box, top in zip(chart.boxes, tops, strict=True):
        parts.append(_box(box, top, width))
    for place, lane in enumerate(chart.lanes):
        parts += _lane(chart, lane, _LEFT + _LANE * place + _LANE // 2, tops)
    return "".join([*parts, "</svg>"])


def _box(box: Box, top: int, width: int) -> str:
    high = _BAND if box.kind == "array" else _BOX
    name, caption = html.escape(_cut(box.name, 19)), html.escape(box.caption)
    shape = f'<rect class="box {box.kind}" x="1" y="{top}" width="{width - 2}" height="{high}" rx="6"/>'
    if box.kind == "array":
        return (
            f'{shape}<text class="level" x="14" y="{top + 20}">{name} <tspan class="caption">{caption}</tspan></text>'
        )
    text = f'<text class="level" x="14" y="{top + 24}">{name}</text>'
    text += f'<text class="caption" x="14" y="{top + 41}">{caption}</text>'
    bar = ""
    if box.used is not None:
        room = _LEFT - 60
        filled = max(room * min(box.used, 1.0), 2)
        bar = (
            f'<rect class="room" x="14" y="{top + 49}" width="{room}" height="5" rx="2.5"/>'
            f'<rect class="used" x="14" y="{top + 49}" width="{filled:.1f}" height="5" rx="2.5"/>'
            f'<text class="caption" x="{room + 20}" y="{top + 55}">{human.percent(box.used)}</text>'
        )
    return f"<g><title>{html.escape(box.name)}: {caption}</title>{shape}{text}{bar}</g>"


def _lane(chart: MemoryChart, lane: str, x: int, tops: Sequence[int]) -> list[str]:
    """One tensor from the outermost level that holds it down to the compute units."""
    colour = chart.colours.get(lane, QUIET)
    stops = [
        place
        for place, box in enumerate(chart.boxes)
        if box.kind == "compute" or (box.kind == "memory" and (box.name, lane) in chart.flows)
    ]
    parts = []
    for place, below in pairwise(stops):
        parent = chart.flows.get((chart.boxes[place].name, lane), Flows())
        child = chart.flows.get((chart.boxes[below].name, lane), Flows())
        start, end = tops[place] + _BOX, tops[below]
        at = start + 33 if below > place + 1 else (start + end) // 2 + 4
        if parent.read:
            detail = f"{parent.read:,} words read" + (f", {child.fill:,} filled below" if child.fill else "")
            parts.append(_arrow(x - 9, (start, end), at, colour, human.amount(parent.read), detail))
        if parent.update:
            detail = f"{parent.update:,} words updated" + (f", {child.drain:,} drained below" if child.drain else "")
            parts.append(_arrow(x + 9, (end, start), at, colour, human.amount(parent.update), detail))
    for place in stops:
        box = chart.boxes[place]
        if box.kind == "memory":
            parts.append(_chip(lane, x, tops[place], colour, chart.flows[box.name, lane]))
    for place, box in enumerate(chart.boxes):
        hops = chart.flows.get((box.name, lane))
        if box.kind == "array" and hops:
            parts.append(
                f'<text class="hop" x="{x + 16}" y="{tops[place] + 20}">{human.joules(hops.energy_pj)}'
                f"<title>{html.escape(lane)}: hops {human.exact(hops.energy_pj)} pJ</title></text>"
            )
    return parts


def _arrow(x: int, ends: tuple[int, int], at: int, colour: str, words: str, detail: str) -> str:
    """An arrow down has its number on the left, one up on the right."""
    start, end = ends
    tip, side, dx = (end - 7, "end", -8) if end > start else (end + 7, "start", 8)
    return (
        f'<g class="arrow"><title>{detail}</title>'
        f'<line x1="{x}" y1="{start}" x2="{x}" y2="{tip}" stroke="{colour}" stroke-width="2"/>'
        f'<path d="M{x - 5},{tip} L{x + 5},{tip} L{x},{end} Z" fill="{colour}"/>'
        f'<text class="words" x="{x + dx}" y="{at}" text-anchor="{side}">{words}</text></g>'
    )


def _chip(lane: str, x: int, top: int, colour: str, flows: Flows) -> str:
    name = html.escape(_cut(lane, 15))
    detail = f"{lane}: {human.exact(flows.energy_pj)} pJ; read {flows.read:,}, filled {flows.fill:,}, "
    detail += f"updated {flows.update:,}, drained {flows.drain:,} words"
    return (
        f"<g><title>{html.escape(detail)}</title>"
        f'<rect class="chip" x="{x - 62}" y="{top + 10}" width="124" height="{_BOX - 20}" rx="6" stroke="{colour}"/>'
        f'<text class="tensor" x="{x}" y="{top + 29}" text-anchor="middle">{name}</text>'
        f'<text class="caption" x="{x}" y="{top + 44}" text-anchor="middle">{human.joules(flows.energy_pj)}</text></g>'
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
