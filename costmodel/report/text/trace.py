"""A trace as a table, and as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from costmodel.model.evaluation import Flow
from costmodel.model.walk.words import Tile
from costmodel.report.text.aligned import table
from costmodel.spec.mapping_file import sentences
from costmodel.trace.frames import Frame, Trace
from costmodel.trace.valued import Valued

ROWS = 200
"""Steps that the terminal lists."""


def tile_text(tile: Tile) -> str:
    """Coordinates of a set of words, rank by rank; how many they are where they leave holes.

    >>> tile_text(frozenset({(0, 1), (0, 2)})), tile_text(frozenset({(0,), (2,)})), tile_text(frozenset())
    ('0,1..2', '2 of 0..2', '')
    """
    if not tile:
        return ""
    bounds = [(min(rank), max(rank)) for rank in zip(*tile, strict=True)]
    box = 1
    for low, high in bounds:
        box *= high - low + 1
    text = ",".join(str(low) if low == high else f"{low}..{high}" for low, high in bounds)
    return text if box == len(tile) else f"{len(tile)} of {text}"


def trace_text(trace: Trace) -> str:
    """One row for each step in its order, and the words that moved in the end."""
    parts = [f"{e.name}: {e.text}" for e in trace.einsums]
    steps = sum(bool(frame.steps) for frame in trace.frames)
    parts.append(f"{steps:,} steps" + (f"; {trace.summary}" if trace.summary else ""))
    columns, rows = _steps(trace)
    parts += ["", table(columns, rows[:ROWS])]
    if len(rows) > ROWS:
        parts.append(f"and {len(rows) - ROWS:,} more: --json has them all")
    return "\n".join([*parts, "", "words in the end", _words(trace)])


def _steps(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: the point, what is touched, what inner levels hold, and what moves between levels."""
    variables = _variables(trace)
    single = len(trace.einsums) == 1
    accesses = trace.accesses[trace.einsums[0].name] if single else ()
    inner = [n for n, h in enumerate(trace.holders) if h.level != trace.holders[0].level and len(h.instances) == 1]
    held = dict.fromkeys(inner, "")
    rows = []
    number = 0
    for frame in trace.frames:
        number += bool(frame.steps)
        if not (frame.steps or frame.words):
            continue
        held |= {t.holder: tile_text(trace.tiles[t.tile]) for t in frame.taken if t.holder in held}
        row = [str(number) if frame.steps else "", frame.einsum if frame.einsum or single else "end"]
        row += [_range(trace, frame, v) for v in variables]
        if single:
            row += [tile_text(trace.tiles[n]) for n in frame.touched] or [""] * len(accesses)
        else:
            pairs = zip(trace.accesses.get(frame.einsum, ()), frame.touched, strict=True)
            row.append(" ".join(f"{access.tensor}[{tile_text(trace.tiles[n])}]" for access, n in pairs))
        rows.append([*row, *held.values(), _moves(trace, frame)])
    touched = [str(access) for access in accesses] if single else ["touches"]
    names = [f"{trace.holders[n].level}.{trace.holders[n].tensor.name}" for n in inner]
    columns = ["step", "" if single else "einsum", *variables, *touched, *names, "moves"]
    if single:
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    return columns, rows


def _variables(trace: Trace) -> list[str]:
    """Rank variables in the order of the loops, outermost first; then those that no loop runs over."""
    looped = [loop.rank_variable for loop in trace.loops]
    return list(dict.fromkeys([*looped, *(v for e in trace.einsums for v in e.shape)]))


def _range(trace: Trace, frame: Frame, variable: str) -> str:
    shape = list(trace.workload.einsum(frame.einsum).shape) if frame.einsum else []
    if variable not in shape:
        return ""
    low, high = frame.ranges[shape.index(variable)]
    return str(low) if low == high else f"{low}..{high}"


def _moves(trace: Trace, frame: Frame) -> str:
    """Fills and drains of a frame."""
    moved = [(trace.counters[n], words) for n, words in frame.words]
    return ", ".join(f"{c.flow} {c.level} {c.tensor} {n:,}" for c, n in moved if c.flow in {"fill", "drain"})


def _words(trace: Trace) -> str:
    totals = {(c.level, c.tensor, c.flow): n for c, n in trace.totals().items()}
    flows: tuple[Flow, ...] = ("fill", "read", "update", "drain")
    places = dict.fromkeys((level, tensor) for level, tensor, _ in totals)
    rows = [[*place, *(f"{totals.get((*place, flow), 0):,}" for flow in flows)] for place in places]
    return table(["level", "tensor", *flows], rows)


def trace_object(trace: Trace, told: Valued | None = None) -> dict[str, Any]:
    """All of it as plain values; a set of words is the list of their coordinates."""

    def words(number: int) -> list[list[int]]:
        return [list(coordinate) for coordinate in sorted(trace.tiles[number])]

    def step(place: int, frame: Frame) -> dict[str, Any]:
        shape = list(trace.workload.einsum(frame.einsum).shape) if frame.einsum else []
        loops = zip(trace.loops, frame.positions, strict=True)
        holds = [(trace.holders[t.holder], t) for t in frame.taken]
        return {
            "einsum": frame.einsum or None,
            "loops": [
                {"rank_variable": loop.rank_variable, "position": at, "steps": loop.steps}
                for loop, at in loops
                if at >= 0
            ],
            "steps": frame.steps,
            "ranges": {v: list(ends) for v, ends in zip(shape, frame.ranges, strict=True)},
            "active": frame.active,
            "touched": {
                str(a): words(n) for a, n in zip(trace.accesses.get(frame.einsum, ()), frame.touched, strict=True)
            },
            "holds": [
                {
                    "level": h.level,
                    "tensor": h.tensor.name,
                    "instance": list(h.instances[t.instance]),
                    "words": words(t.tile),
                    "filled": words(t.arriving),
                }
                for h, t in holds
            ],
            "moves": [
                {"level": c.level, "tensor": c.tensor, "flow": c.flow, "words": n}
                for c, n in ((trace.counters[number], n) for number, n in frame.words)
            ],
            **({} if told is None else {"values": _changed(told.after[place])}),
        }

    return {
        "einsums": [{"name": e.name, "einsum": e.text, "shape": dict(e.shape)} for e in trace.einsums],
        "nest": sentences(trace.bound.mapping.nest),
        "summary": trace.summary or None,
        **({} if told is None else {"values": _given(told)}),
        "steps": [step(place, frame) for place, frame in enumerate(trace.frames)],
        "words": [
            {"level": c.level, "tensor": c.tensor, "flow": c.flow, "words": n} for c, n in trace.totals().items()
        ],
    }


def _given(told: Valued) -> dict[str, Any]:
    """Tensor → where its values are from, and the values, as deep as it has ranks."""
    arrays, sources = told.given.arrays, told.given.sources
    return {name: {"from": sources[name], "values": _finite(array.tolist())} for name, array in arrays.items()}


def _changed(after: Mapping[tuple[int, ...], float]) -> list[dict[str, Any]]:
    """Words of the output that a step changed, and what they are then."""
    return [{"word": list(word), "value": _finite(value)} for word, value in after.items()]


def _finite(value: Any) -> Any:
    """JSON has no infinities, and nothing that is no number: these are texts."""
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return value if isinstance(value, int) or math.isfinite(value) else str(value)
