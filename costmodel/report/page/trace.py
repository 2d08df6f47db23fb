"""Traces → one self-contained HTML page: an animation that plays, steps and scrubs through one nest, or two."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping as MappingABC
from pathlib import Path
from typing import Any

from costmodel.einsum.algebra import Access, Einsum, Role, Tensor
from costmodel.report.figures.colours import group_colours
from costmodel.report.folder import write_text
from costmodel.report.nest_text import nest_lines
from costmodel.report.page.template import plain_page
from costmodel.report.page.trace_values import frame_values, point_values, start_values
from costmodel.spec.mapping import Storage, Temporal
from costmodel.trace.arrays import ArrayPicture, passes, picture
from costmodel.trace.frames import Frame, Trace
from costmodel.trace.granularity import placed
from costmodel.trace.valued import Valued

LEVEL_COLOURS = ("#8a93a3", "#d1495b", "#8d6fd1", "#e07a3f", "#3d9970", "#b0668a")
"""Outlines of tiles, outermost level first; none is a colour of a tensor."""


def write_traces(
    path: Path,
    traces: MappingABC[str, Trace],
    command: str,
    values: MappingABC[str, Valued] | None = None,
    *,
    show_values: bool = False,
) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_traces(traces, command, values, show_values=show_values))
    return path


def render_traces(
    traces: MappingABC[str, Trace],
    command: str,
    values: MappingABC[str, Valued] | None = None,
    *,
    show_values: bool = False,
) -> str:
    """Return the page of one named trace, or of two side by side.

    ``command`` says how it was made; ``values`` are those of some of the traces, by their names. They are shown at
    first where some were not made up, or where ``show_values`` says so.
    """
    if not traces:
        raise ValueError("a page of traces needs at least one")
    scenes = {name: scene(trace, (values or {}).get(name)) for name, trace in traces.items()}
    first = next(iter(traces.values()))
    return plain_page(
        "trace",
        ("trace_tensors.js", "trace_arrays.js", "trace.js"),
        {"scenes": list(scenes.values())},
        title=f"{first.workload.name} on {first.bound.architecture.name}, step by step",
        stages=[_stage(name, trace, scenes[name]) for name, trace in traces.items()],
        levels=scenes[next(iter(scenes))]["levels"],
        values=bool(values),
        shown=show_values or _stated(values or {}),
        command=command,
    )


def _stated(values: MappingABC[str, Valued]) -> bool:
    """Whether some values were not made up."""
    sources = (source for valued in values.values() for source in valued.given.sources.values())
    return any(not source.startswith("random") for source in sources)


def _stage(name: str, trace: Trace, drawn: MappingABC[str, Any]) -> dict[str, Any]:
    """What stands on the page before any script runs."""
    return {
        "name": name,
        "einsums": [einsum.text for einsum in trace.einsums],
        "shape": ", ".join(f"{v} {n:,}" for v, n in {v: n for e in trace.einsums for v, n in e.shape.items()}.items()),
        "summary": trace.summary,
        "sources": drawn["sources"],
        "lines": drawn["lines"],
        "tensors": drawn["tensors"],
        "counters": _counter_rows(trace),
        "arrays": bool(drawn["arrays"]),
    }


def _counter_rows(trace: Trace) -> list[dict[str, Any]]:
    """One row for each level and tensor, outermost level first, with the numbers of its counters by flow."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    totals = trace.totals()
    levels = [memory.name for memory in trace.bound.architecture.memories]
    tensors = list(dict.fromkeys(name for einsum in trace.einsums for name in einsum.tensors))
    order = {(level, tensor): place for place, (level, tensor) in enumerate(itertools.product(levels, tensors))}
    for number, counter in sorted(enumerate(trace.counters), key=lambda item: order[item[1].level, item[1].tensor]):
        row = rows.setdefault((counter.level, counter.tensor), {"level": counter.level, "tensor": counter.tensor})
        row[counter.flow] = {"number": number, "total": totals[counter]}
        row["total"] = row.get("total", 0) + totals[counter]
    return list(rows.values())


class _Cells:
    """Sets of words as runs of cells: first cell, how many, first cell, …; each set of a tensor once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.numbers: dict[tuple[str, int], int] = {}
        self.runs: list[list[int]] = []

    def number(self, tensor: Tensor, tile: int) -> int:
        key = (tensor.name, tile)
        if key not in self.numbers:
            self.numbers[key] = len(self.runs)
            self.runs.append(self._runs(tensor.shape, tile))
        return self.numbers[key]

    def _runs(self, shape: tuple[int, ...], tile: int) -> list[int]:
        strides = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
        runs: list[int] = []
        for cell in sorted(sum(x * s for x, s in zip(word, strides, strict=True)) for word in self.trace.tiles[tile]):
            if runs and runs[-2] + runs[-1] == cell:
                runs[-1] += 1
            else:
                runs += [cell, 1]
        return runs


def scene(trace: Trace, valued: Valued | None = None) -> dict[str, Any]:
    """All that the animation needs, as plain values."""
    cells = _Cells(trace)
    tensors = {t.name: t for e in trace.einsums for t in e.tensors.values()}
    places = {name: number for number, name in enumerate(tensors)}
    memories = [memory.name for memory in trace.bound.architecture.memories]
    pictures = {e.einsum.name: picture(trace, e) for e in trace.bound.einsums}
    return {
        "tensors": _tensors(trace, tensors),
        "levels": [{"name": n, "colour": LEVEL_COLOURS[p % len(LEVEL_COLOURS)]} for p, n in enumerate(memories)],
        "lines": _lines(trace, memories),
        "loops": [loop.steps for loop in trace.loops],
        "holders": [
            {"level": memories.index(h.level), "tensor": places[h.tensor.name], "instances": len(h.instances)}
            for h in trace.holders
        ],
        "einsums": {e.name: _einsum(trace, e, places, valued if pictures[e.name] else None) for e in trace.einsums},
        "arrays": {name: _array(found) for name, found in pictures.items() if found},
        "frames": [
            _frame(trace, frame, cells, tensors)
            | ({"values": frame_values(valued, trace, place)} if valued is not None else {})
            for place, frame in enumerate(trace.frames)
        ],
        "ticks": _ticks(trace, next(iter(pictures.values()))),
        "counters": [[c.level, c.tensor, c.flow] for c in trace.counters],
        "cells": cells.runs,
        "values": None if valued is None else start_values(valued, tensors.values()),
        "sources": {} if valued is None else dict(valued.given.sources),
    }


def _tensors(trace: Trace, tensors: MappingABC[str, Tensor]) -> list[dict[str, Any]]:
    written = {e.output.tensor for e in trace.einsums}
    shown = {Role.WEIGHT: "weight", Role.INPUT: "input"}
    roles = {name: "output" if name in written else shown.get(t.role, "input") for name, t in tensors.items()}
    colours = group_colours(list(tensors), roles)
    return [
        {"name": t.name, "role": str(t.role), "ranks": t.ranks, "shape": t.shape, "colour": colours[t.name]}
        for t in tensors.values()
    ]


def _lines(trace: Trace, memories: list[str]) -> list[dict[str, Any]]:
    """The nest as it is shown, each line with the loop or the level that it is about."""
    nodes = placed(trace.bound.mapping.nest)
    loops = {loop.place: number for number, loop in enumerate(trace.loops)}
    found = []
    for line in nest_lines(trace.bound.mapping, trace.workload):
        place, node = next(nodes) if line.kind != "branch" else ((), None)
        found.append(
            {
                "depth": line.depth,
                "kind": line.kind,
                "text": line.text,
                "note": line.note,
                "loop": loops[place] if isinstance(node, Temporal) else -1,
                "level": memories.index(node.level) if isinstance(node, Storage) else -1,
            }
        )
    return found


def _einsum(trace: Trace, einsum: Einsum, places: MappingABC[str, int], valued: Valued | None) -> dict[str, Any]:
    return {
        "shape": list(einsum.shape.values()),
        "values": None if valued is None else point_values(valued, einsum.name, einsum.shape),
        "variables": list(einsum.shape),
        "accesses": [_access(a, einsum, places) for a in trace.accesses[einsum.name]],
        "offsets": trace.offsets[einsum.name],
    }


def _access(access: Access, einsum: Einsum, places: MappingABC[str, int]) -> dict[str, Any]:
    variables = list(einsum.shape)
    return {
        "tensor": places[access.tensor],
        "text": str(access),
        "indices": [[i.constant, *([variables.index(v), c] for v, c in i.terms)] for i in access.indices],
        "at_zero": [variables.index(v) for v in access.at_zero],
        "written": access is einsum.output,
    }


def _array(found: ArrayPicture) -> dict[str, Any]:
    return {
        "name": " × ".join(found.names),
        "rows": found.rows,
        "columns": found.columns,
        "places": found.places,
        "ways": found.ways,
        "systolic": found.systolic,
        "load": found.load,
    }


def _frame(trace: Trace, frame: Frame, cells: _Cells, tensors: MappingABC[str, Tensor]) -> dict[str, Any]:
    accesses = trace.accesses.get(frame.einsum, ())
    return {
        "e": frame.einsum,
        "at": frame.positions,
        "turned": frame.turned,
        "steps": frame.steps,
        "point": frame.point,
        "ranges": frame.ranges,
        "touched": [cells.number(tensors[a.tensor], n) for a, n in zip(accesses, frame.touched, strict=True)],
        "active": frame.active,
        "idle": frame.idle,
        "taken": [
            (
                t.holder,
                t.instance,
                *(cells.number(trace.holders[t.holder].tensor, n) for n in (t.tile, t.arriving, t.leaving)),
            )
            for t in frame.taken
        ],
        "words": frame.words,
        "filled": frame.filled,
    }


def _ticks(trace: Trace, drawn: ArrayPicture | None) -> list[tuple[int, int, int, int]]:
    """Cycles of a systolic array: frame, first frame of the pass, its steps, cycle in it; then what is left to do.

    Empty where frames follow one another in lock step.
    """
    if drawn is None or not drawn.systolic:
        return []
    ticks = []
    for run in passes(trace):
        for cycle in range(drawn.load + run.steps + drawn.skew):
            step = min(max(cycle - drawn.load, 0), run.steps - 1)
            ticks.append((run.first + step, run.first, run.steps, cycle))
    done = ticks[-1][0]
    return [*ticks, *((frame, -1, 0, 0) for frame in range(done + 1, len(trace.frames)))]
