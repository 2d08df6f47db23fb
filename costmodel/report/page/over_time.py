"""The timeline of a cascade on its page: bars on compute units, and below them what each memory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.report import human, tables
from costmodel.report.cascade import Held, Stage, Timeline, timeline
from costmodel.report.figures.colours import NEUTRAL_COLOURS, QUIET, SERIES, group_colours, ink
from costmodel.report.page.grid import Cell, Table
from costmodel.report.run import Run


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle, in per cent of its lane."""

    left: float
    width: float
    bottom: float
    height: float
    colour: str
    text: str
    einsum: str = ""
    pale: bool = False

    @property
    def ink(self) -> str:
        """The colour of its text."""
        return ink(self.colour)


@dataclass(frozen=True, slots=True)
class Lane:
    """One compute unit, or one memory."""

    name: str
    about: str
    kind: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OverTime:
    """What the section shows."""

    hint: str
    lanes: tuple[Lane, ...]
    end: str
    colours: tuple[tuple[str, str], ...]
    table: Table


def over_time(run: Run) -> OverTime | None:
    """The timeline of a run of several Einsums, if it has one."""
    found = timeline(run)
    total = sum(stage.cycles for stage in found.stages) if found else 0.0
    if found is None or not total:
        return None
    clock = run.architecture.clock_hz
    groups = list(dict.fromkeys(held.group for held in found.held))
    colours = group_colours(groups, tables.group_roles(run.workload))
    units = [_unit_lane(unit, found, total, clock) for unit in dict.fromkeys(found.units.values())]
    stages = _Stages(found)
    levels = [_level_lane(run, level, stages, total, colours) for level in _levels(run, found)]
    return OverTime(
        hint=_hint(found),
        lanes=(*units, *levels),
        end=human.seconds(total / clock),
        colours=tuple((name, colours[name]) for name in groups),
        table=_table(stages, clock, [lane.name for lane in levels]),
    )


def _hint(found: Timeline) -> str:
    fused = [f"{', '.join(one.einsums)} are fused: they take turns, {_often(one.passes)}" for one in found.fused]
    said = "Nothing is fused: one Einsum after another. "
    if fused:
        said = f"{'. '.join(fused)}; a bar is all of the turns of an Einsum together. "
    if any(len(stage.einsums) > 1 for stage in found.stages):
        said += "Pipelined Einsums share their time, each busy for a part of it. "
    said += "Below: what memories hold, the most of each as high as its lane. "
    return said + "Pale: room kept for a tensor that is of no use at that time of a pass."


def _often(passes: int) -> str:
    return "once" if passes == 1 else f"{passes:,} times"


def _levels(run: Run, found: Timeline) -> list[str]:
    """Memories inside the outermost one that hold something."""
    held = {one.level for one in found.held}
    return [m.name for m in run.architecture.memories[1:] if m.name in held]


def _unit_lane(unit: str, found: Timeline, total: float, clock_hz: float) -> Lane:
    blocks = []
    for stage in found.stages:
        at = stage.start_cycles
        for name, busy in zip(stage.einsums, stage.busy_cycles, strict=True):
            if found.units[name] != unit:
                continue
            place = stage.group if stage.group >= 0 else len(found.fused)
            colour = SERIES[place % len(SERIES)] if stage.group >= 0 else NEUTRAL_COLOURS[tables.COMPUTE]
            text = f"{name} on {unit}: busy {human.seconds(busy / clock_hz)}"
            blocks.append(Block(100 * at / total, 100 * busy / total, 0, 100, colour, text, name))
            at += busy
    return Lane(unit, "", "unit", tuple(blocks))


class _Stages:
    """What memories hold in each stage."""

    def __init__(self, found: Timeline) -> None:
        self.found = found
        self._held: dict[tuple[str, str], dict[int, Held]] = {}
        for place, held in enumerate(found.held):
            for name in held.einsums:
                self._held.setdefault((held.level, name), {})[place] = held

    def held_in(self, stage: Stage, level: str) -> list[Held]:
        """What a memory holds while one of the Einsums of a stage runs."""
        together = {p: held for name in stage.einsums for p, held in self._held.get((level, name), {}).items()}
        return [together[place] for place in sorted(together)]


def _level_lane(run: Run, level: str, stages: _Stages, total: float, colours: dict[str, str]) -> Lane:
    room = next(m.usable_bits for m in run.architecture.memories if m.name == level)
    stacks = [(stage, stages.held_in(stage, level)) for stage in stages.found.stages]
    most = max((sum(one.room_bits for one in held) for _, held in stacks), default=0)
    scale = most or 1  # of the most that it holds: of a large memory all would be a line
    blocks = [block for stage, held in stacks for block in _stack(stage, held, total, scale, colours)]
    share = f"{human.percent(most / room)} of {human.memory(room)}" if room else human.memory(most)
    return Lane(level, f"at most {share}", "memory", tuple(blocks))


def _stack(stage: Stage, held: list[Held], total: float, scale: float, colours: dict[str, str]) -> Iterator[Block]:
    bottom = 0.0
    for one in held:
        height = 100 * one.room_bits / scale
        live = bool(one.live & set(stage.einsums))
        text = f"{one.tensor} in {one.level}: {human.memory(one.room_bits)} while {', '.join(stage.einsums)} runs"
        colour = colours.get(one.group, QUIET)
        left, width = 100 * stage.start_cycles / total, 100 * stage.cycles / total
        yield Block(left, width, bottom, height, colour, text if live else f"{text}, kept only", pale=not live)
        bottom += height


def _table(stages: _Stages, clock_hz: float, levels: list[str]) -> Table:
    found, rows = stages.found, []
    for stage in found.stages:
        held = {level: stages.held_in(stage, level) for level in levels}
        for name, busy in zip(stage.einsums, stage.busy_cycles, strict=True):
            cells = [Cell(name, name), Cell(found.units[name], found.units[name])]
            times = [cycles / clock_hz for cycles in (stage.start_cycles, stage.cycles, busy)]
            cells += [Cell(human.seconds(t), t, f"{t:.9g} s", numeric=True) for t in times]
            rooms = [sum(one.room_bits for one in held[level]) for level in levels]
            cells += [Cell(human.memory(bits), float(bits), f"{bits:,} bits", numeric=True) for bits in rooms]
            rows.append(tuple(cells))
    columns = ("einsum", "unit", "from", "for", "busy", *(f"in {level}" for level in levels))
    return Table("t-time", "Over time", "", columns, tuple(rows))
