"""How the words that cross one boundary come about: what each loop above does to the tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.model.closed import Modes
from costmodel.model.explain.explanation import Part, number
from costmodel.model.explain.loops import where_zero
from costmodel.model.explain.occupancies import tile_text
from costmodel.model.explain.tiles import event_parts, loop_lines, tile_count
from costmodel.model.motion import Motion
from costmodel.model.tiles import Event
from costmodel.model.traffic import (
    Crossing,
    collect_modes,
    deliver_modes,
)

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture


@dataclass(frozen=True, slots=True)
class Derivation:
    """How the words of one flow across one boundary come about."""

    head: str
    """Their number as a product or a difference; empty where it is neither."""
    lines: tuple[str, ...]
    parts: tuple[Part, ...]


def derive(architecture: Architecture, c: Crossing, flow: str, unit: str) -> Derivation:
    """How the words of one flow across one boundary come about."""
    start = len(c.parent.loops)
    receiver = c.child.level.name if c.child is not None else unit
    down = deliver_modes(architecture, c.parent.level.name, receiver)
    up = collect_modes(architecture, c.parent.level.name, receiver)
    if c.child is None:
        return _derive_compute(c, flow, down, up, unit)
    alone = len(c.child.loops)
    at_child = flow in ("fill", "drain")
    merged_from = alone if at_child else start
    modes: Modes = () if at_child else (down if flow == "read" else up)
    leaving = flow in ("update", "drain")
    value = {"fill": c.fill, "read": c.read, "update": c.update, "drain": c.drain}[flow]
    events = events_of(c.down, merged_from, modes, leaving=leaving)
    lines = [_boundary(c, receiver), *loop_lines(c, events, leaving=leaving)]
    parts = event_parts(c, events, merged_from, leaving=leaving)
    moved = sum(whole - kept for _, whole, kept in events)
    tile = c.down.largest()
    word = "drained" if leaving else "asked for"
    head = ""
    alike = c.down.exact and c.down.rigid and all(kept in (0, whole) for _, whole, kept in events)
    if moved == value and moved % tile == 0 and alike:
        tiles = moved // tile
        head = f"{tiles:,} tile{'s' if tiles != 1 else ''} × {tile:,} words"
        lines += tile_count(c, events, merged_from, tiles)
    if not leaving and c.child.output_like:
        firsts = moved - value
        what = "first touches: nothing is there yet" if firsts else "first touches"
        parts.append(Part(f"− {what} (words {receiver} never had before)", -firsts))
        head = f"{moved:,} {word} − {firsts:,} first touches"
    if not at_child:
        whole_chip = {"read": c.fill, "update": c.drain}[flow]
        lines.append(_merging(c, flow, whole_chip, value))
    return Derivation(head, tuple(lines), tuple(parts))


def _derive_compute(c: Crossing, flow: str, down: Modes, up: Modes, unit: str) -> Derivation:
    """Words between the innermost holder and the compute instances: one per access at every step."""
    start, alone = len(c.parent.loops), len(c.down.loops)
    modes = up if c.update else down
    merged = c.down.accesses(start, modes)
    points = c.down.accesses(alone, ())
    tensor = c.parent.tensor.name
    zero = where_zero(c.access.at_zero if c.access is not None else frozenset())
    lines = [f"{c.parent.level.name} → {unit}: every operation{zero} asks for its word of {tensor}, {points:,} in all"]
    if merged != points:
        factor = number(points / merged)
        how = "spatial reduction" if c.update else "multicast"
        lines.append(f"{how} across {', '.join(n for n, _ in modes)}: {points:,} become {merged:,} ({factor} to one)")
    parts = [Part("words of all steps" if merged == points else f"words of all steps after {_how(c)}", merged)]
    head = f"{merged:,}"
    if flow == "read" and c.update:
        firsts = merged - c.read
        parts[0] = Part("updates, each of which reads the old value first", merged)
        parts.append(Part("− first touches: there is no old value", -firsts))
        head = f"{merged:,} updates − {firsts:,} first touches"
    return Derivation(
        head if len(parts) > 1 or merged != points else f"{points:,} operations × 1", tuple(lines), tuple(parts)
    )


def _how(c: Crossing) -> str:
    return "spatial reduction" if c.update else "multicast"


def events_of(moving: Motion, merged_from: int, modes: Modes, *, leaving: bool) -> list[tuple[Event, int, int]]:
    """(event, words of the tiles, words that need not move), which sum to what moves."""
    backwards = leaving and not (moving.exact and moving.rigid)
    edge = Event("end" if backwards else "start", moving.scope)
    found = []
    for event, fresh in [(edge, True), *((e, False) for e in moving.steps())]:
        whole, kept = moving.event_sums(event, merged_from, None, modes, leaving=backwards, fresh=fresh)
        found.append((event, whole, 0 if fresh else kept))
    return found


def _boundary(c: Crossing, receiver: str) -> str:
    words = c.down.largest()
    shape = tile_text(c.child) if c.child is not None else ""
    if shape and any(g.edges for g in c.down.groups):
        shape += ", as far as it is inside,"
    size = f"{shape} = {words:,}" if shape else f"{words:,}"
    plural = "" if words == 1 else "s"
    return f"{c.parent.level.name} → {receiver}: the tile of {c.parent.tensor.name} has {size} word{plural}"


def _merging(c: Crossing, flow: str, below: int, above: int) -> str:
    names = [x.array for x in c.down.loops[len(c.parent.loops) :] if x.array is not None]
    names = list(dict.fromkeys(names))
    child = c.child.level.name if c.child is not None else "compute"
    word = "filled" if flow == "read" else "drained"
    if not names or below == above:
        return f"{child}: {below:,} words {word}, one for each here"
    how = "multicast" if flow == "read" else "spatial reduction"
    ratio = f"{below / above:.4g}" if above else "0"
    return f"{how} across {', '.join(names)}: {above:,} words serve {below:,} words {word} in {child} ({ratio} to one)"
