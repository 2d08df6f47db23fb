"""The memory chart as inline SVG. Colours of text and boxes come from CSS classes of the page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import pairwise

from costmodel.report import human
from costmodel.report.chart import Box, Flows, MemoryChart
from costmodel.report.figures.colours import QUIET

_LEFT, _LANE, _BOX, _BAND, _GAP = 162, 156, 82, 30, 78
_EDGE = 44
"""Beside the last lane, for what stands on its arrow up."""
_ROOM = _LEFT - 30
"""Width of the bar of what is held."""


def svg(chart: MemoryChart) -> str:
    """The chart as an SVG element; what carries ``data-ask`` names a number that ``explain`` derives."""
    tops, y = [], 4
    for box in chart.boxes:
        tops.append(y)
        y += (_BAND if box.kind == "array" else _BOX) + (_GAP if box.kind != "array" else 18)
    height = y - _GAP + 4
    width = _LEFT + _LANE * max(len(chart.lanes), 1) + _EDGE
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [f'<svg class="memory-chart" {size} role="group" aria-label="Words that move between the levels">']
    for box, top in zip(chart.boxes, tops, strict=True):
        parts.append(_box(chart, box, top, width))
    for place, lane in enumerate(chart.lanes):
        parts += _lane(chart, lane, _LEFT + _LANE * place + _LANE // 2, tops)
    return "".join([*parts, "</svg>"])


def _ask(subject: str) -> str:
    """Attributes of what can be asked for its derivation."""
    name = html.escape(subject, quote=True)
    return f'data-ask="{name}" tabindex="0" role="button" aria-label="how {name} comes about"'


def _box(chart: MemoryChart, box: Box, top: int, width: int) -> str:
    high = _BAND if box.kind == "array" else _BOX
    name, caption = html.escape(_cut(box.name, 19)), html.escape(box.caption)
    shape = f'<rect class="box {box.kind}" x="1" y="{top}" width="{width - 2}" height="{high}" rx="6"/>'
    if box.kind == "array":
        return (
            f'{shape}<text class="level" x="14" y="{top + 20}">{name} <tspan class="caption">{caption}</tspan></text>'
        )
    text = f'<text class="level" x="14" y="{top + 21}">{name}</text>'
    text += f'<text class="caption" x="14" y="{top + 37}">{caption}</text>'
    if box.room:
        subject = _ask(f"{box.name}.occupancy")
        told = f'<text class="caption" x="14" y="{top + 61}">{box.room}</text>'
        text += f"<g {subject}>{_held(chart, box, top + 44)}{told}</g>"
    if box.busy is not None:
        subject = _ask(f"{box.name}.latency")
        text += f'<text class="caption" x="14" y="{top + 76}" {subject}>ports {human.percent(box.busy)} busy</text>'
    return f"<g><title>{html.escape(box.name)}: {caption}</title>{shape}{text}</g>"


def _held(chart: MemoryChart, box: Box, y: int) -> str:
    """What each tensor takes of the room of one instance."""
    parts, x = [f'<rect class="room" x="14" y="{y}" width="{_ROOM}" height="6" rx="2"/>'], 14.0
    for lane, share in box.held:
        wide = min(share * _ROOM, _ROOM + 14 - x)
        colour = chart.colours.get(lane, QUIET)
        title = f"<title>{html.escape(lane)}: {human.percent(share)}</title>"
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(wide, 1):.1f}" height="6" fill="{colour}">{title}</rect>')
        x += wide
    return "".join(parts)


def _lane(chart: MemoryChart, lane: str, x: int, tops: Sequence[int]) -> Iterator[str]:
    """One tensor from the outermost level that holds it down to the compute units."""
    colour = chart.colours.get(lane, QUIET)
    stops = [
        place
        for place, box in enumerate(chart.boxes)
        if box.kind == "compute" or (box.kind == "memory" and (box.name, lane) in chart.flows)
    ]
    for place, below in pairwise(stops):
        box = chart.boxes[place]
        parent = chart.flows.get((box.name, lane), Flows())
        child = chart.flows.get((chart.boxes[below].name, lane), Flows())
        start, end = tops[place] + _BOX, tops[below]
        at = start + 22 if below > place + 1 else (start + end) // 2 - 10
        if parent.read:
            more = f", {child.fill:,} filled below" if child.fill else ""
            told = _told(chart, box, lane, parent.read)
            detail = f"{parent.read:,} words read{more}"
            yield _arrow(x - 8, (start, end), at, colour, told, detail, f"{box.name}.read.{lane}")
        if parent.update:
            more = f", {child.drain:,} drained below" if child.drain else ""
            told = _told(chart, box, lane, parent.update)
            detail = f"{parent.update:,} words updated{more}"
            yield _arrow(x + 8, (end, start), at, colour, told, detail, f"{box.name}.update.{lane}")
    for place in stops:
        box = chart.boxes[place]
        if box.kind == "memory":
            yield _chip(chart, box, lane, x, tops[place])
    for place, box in enumerate(chart.boxes):
        hops = chart.flows.get((box.name, lane))
        if box.kind == "array" and hops:
            yield (
                f'<text class="hop" x="{x + 16}" y="{tops[place] + 20}" {_ask(f"{box.name}.hop.{lane}")}>'
                f"{human.joules(hops.energy_pj)}"
                f"<title>{html.escape(lane)}: hops {human.exact(hops.energy_pj)} pJ</title></text>"
            )


def _told(chart: MemoryChart, box: Box, lane: str, words: int) -> tuple[str, ...]:
    """What stands on an arrow: words, bytes, and words per cycle of what the ports let pass."""
    told = [human.amount(words)]
    if lane in chart.widths:
        told.append(human.memory(words * chart.widths[lane]))
    if chart.cycles:
        rate = human.digits(words / chart.cycles, 2)
        most = (box.words_per_cycle or {}).get(lane)
        told.append(f"{rate} /cycle" if most is None else f"{rate} of {human.digits(most, 2)} /cycle")
    return tuple(told)


def _arrow(x: int, ends: tuple[int, int], at: int, colour: str, told: Sequence[str], detail: str, subject: str) -> str:
    """An arrow down has its numbers on the left, one up on the right."""
    start, end = ends
    tip, side, dx = (end - 7, "end", -8) if end > start else (end + 7, "start", 8)
    lines = "".join(
        f'<tspan x="{x + dx}" dy="{14 if n else 0}" class="{"caption" if n else "count"}">{line}</tspan>'
        for n, line in enumerate(told)
    )
    return (
        f'<g class="arrow" {_ask(subject)}><title>{detail}</title>'
        f'<line x1="{x}" y1="{start}" x2="{x}" y2="{tip}" stroke="{colour}" stroke-width="2"/>'
        f'<path d="M{x - 5},{tip} L{x + 5},{tip} L{x},{end} Z" fill="{colour}"/>'
        f'<text class="words" x="{x + dx}" y="{at}" text-anchor="{side}">{lines}</text></g>'
    )


def _chip(chart: MemoryChart, box: Box, lane: str, x: int, top: int) -> str:
    flows = chart.flows[box.name, lane]
    colour, name = chart.colours.get(lane, QUIET), html.escape(_cut(lane, 17))
    detail = f"{lane}: {human.exact(flows.energy_pj)} pJ; read {flows.read:,}, filled {flows.fill:,}, "
    detail += f"updated {flows.update:,}, drained {flows.drain:,} words"
    reuse = flows.reuse(chart.sizes.get(lane, 0))
    used = "" if reuse is None else f"each word used {human.digits(reuse)} ×"
    return (
        f"<g {_ask(f'{box.name}.energy.{lane}')}><title>{html.escape(detail)}</title>"
        f'<rect class="chip" x="{x - 69}" y="{top + 9}" width="138" height="{_BOX - 18}" rx="6" stroke="{colour}"/>'
        f'<text class="tensor" x="{x}" y="{top + 28}" text-anchor="middle">{name}</text>'
        f'<text class="caption" x="{x}" y="{top + 44}" text-anchor="middle">{human.joules(flows.energy_pj)}</text>'
        f'<text class="caption" x="{x}" y="{top + 60}" text-anchor="middle">{used}</text></g>'
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
