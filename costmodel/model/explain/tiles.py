"""The loops above a tile, in words: what each does to it, and how many tiles that makes."""

from __future__ import annotations

import math

from costmodel.model.explain.explanation import Part
from costmodel.model.explain.loops import instances_of, lives_of, sentence, steps_of, transitions_of, where_zero
from costmodel.model.motion import Motion
from costmodel.model.tiles import Event
from costmodel.model.traffic import Crossing


def loop_lines(c: Crossing, events: list[tuple[Event, int, int]], *, leaving: bool) -> list[str]:
    """One line per loop above the tile: what it does to it."""
    tensor = c.parent.tensor.name
    moves = {event.loop: (whole, kept) for event, whole, kept in events if event.kind == "step"}
    indexing = {v for g in c.down.groups for v in g.rank_variables}
    movers = [at for at, (whole, kept) in moves.items() if kept < whole]
    lines = []
    for at, loop in enumerate(c.down.loops):
        if loop.rank_variable in c.down.frozen:
            stated = c.child.loops[at] if c.child is not None else loop
            asked = f"{tensor} is asked for{where_zero(frozenset((loop.rank_variable,)))}"
            lines.append(f"`{sentence(stated)}` costs nothing: {asked}, once for each output word")
            continue
        steps = steps_of(c.down.loops, at, c.down.extents)
        text = f"`{sentence(loop)}` ({steps} step{'s' if steps != 1 else ''})"
        index = loop.rank_variable in indexing
        inner = next((m for m in movers if m > at), None)
        if steps == 1:
            does = "is not a loop"
        elif loop.spatial:
            does = f"gives {steps} instances {'their own tile' if index else f'the same tile of {tensor}'}"
        elif at < c.down.scope:
            does = "is outside the sequence: every step starts the branch, and the level, afresh"
        elif index and at in movers:
            whole, kept = moves[at]
            does = "moves the tile" if not kept else f"slides the tile: {kept:,} of {whole:,} words stay"
        elif inner is not None:
            inside = f"`for {c.down.loops[inner].rank_variable}` inside it"
            does = f"does not index {tensor}: {inside} {'takes' if leaving else 'brings'} each tile"
            does += f" {'away' if leaving else 'back'} {steps} times"
        else:
            does = f"does not index {tensor} and nothing inside it moves the tile: costs nothing"
        lines.append(f"{text} {does}")
    return lines


def tile_count(c: Crossing, events: list[tuple[Event, int, int]], merged_from: int, tiles: int) -> list[str]:
    """The number of tiles as a product over loops, where it is one."""
    movers = [event.loop for event, whole, kept in events if event.kind == "step" and kept < whole]
    loops = c.down.loops
    factors = []
    for at, loop in enumerate(loops):
        steps = steps_of(loops, at, c.down.extents)
        if steps > 1 and (at < merged_from if loop.spatial else at <= max(movers, default=-1)):
            factors.append((steps, f"{steps} ({'parallel' if loop.spatial else 'for'} {loop.rank_variable})"))
    if len(factors) < 2 or math.prod(steps for steps, _ in factors) != tiles:
        return []
    return [f"{tiles:,} tiles = {' × '.join(text for _, text in factors)}"]


def event_parts(c: Crossing, events: list[tuple[Event, int, int]], merged_from: int, *, leaving: bool) -> list[Part]:
    """One term for each event that moves words: how often it happens, and what it moves."""
    parts = []
    loops = c.down.loops
    merged = merged_from < len(loops) and any(x.spatial for x in loops[merged_from:])
    for event, whole, kept in events:
        moved = whole - kept
        if event.kind == "step" and moved == 0:
            continue
        if event.kind == "step":
            happens = transitions_of(c.down, event.loop)
            text = f"`for {loops[event.loop].rank_variable}` steps"
        else:
            happens = lives_of(c.down)
            text = f"the {'last' if leaving else 'first'} tile{' of each run of the branch' if happens > 1 else ''}"
        copies = instances_of(loops, merged_from, c.down.extents)
        times = happens * copies
        after = " after merging the instances" if merged else ""
        if c.down.exact and c.down.rigid and times and moved % times == 0:
            where = f" × {copies:,} instances" if copies > 1 else ""
            text += f": {happens:,} time{'s' if happens != 1 else ''}{where} × {moved // times:,} words{after}"
        elif kept:
            text += f": {whole:,} words of the new tiles − {kept:,} that are there already{after}"
        else:
            text += f": {whole:,} words{_uneven(c.down)}{after}"
        parts.append(Part(text, moved))
    return parts


def _uneven(moving: Motion) -> str:
    """Say why tiles differ in size."""
    if not moving.exact:
        return " in all (tiles differ: they do not divide)"
    return " in all (tiles differ: they end at the edge of the tensor)" if any(g.edges for g in moving.groups) else ""
