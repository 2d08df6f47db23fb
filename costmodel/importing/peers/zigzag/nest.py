"""An order of loops of ZigZag as a nest: each tensor rests where it fits, as far out as it does.

ZigZag places tensors itself, from the innermost memory outwards; so it is done here: a memory takes as many of the
inner loops of each of its tensors as leave room for all of them, and gives up those of the largest first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.zigzag.formats import ZigLayer, ZigMapping, ZigMemory
from costmodel.importing.peers.zigzag.machine import AXIS, ZigLevel, spread_of
from costmodel.spec import catalog
from costmodel.spec.problems import Path

Steps = tuple[str, int]
"""A loop: its dimension and how many steps it has."""


@dataclass(frozen=True)
class _PlacedLayer:
    """What placing the tensors of a layer needs to know."""

    called: str
    extents: Mapping[str, int]
    bits: Mapping[str, int]
    held: Mapping[str, str]
    """What memories call a tensor → its name."""
    indices: Mapping[str, Sequence[Mapping[str, int]]]
    """Of each tensor: coefficients of the dimensions in each of its indices."""
    spread: Mapping[str, Sequence[Steps]]
    """Loops in space by dimension of the array."""
    loops: Sequence[Steps]
    """Loops in time, innermost first."""

    def bits_of(self, tensor: str, inner: int, served: Sequence[str]) -> int:
        """Bits of a tile: the inner loops in time, and those in space that one memory serves."""
        tiles = dict.fromkeys(self.extents, 1)
        for name, steps in [*self.loops[:inner], *(loop for one in served for loop in self.spread.get(one, ()))]:
            tiles[name] = min(tiles[name] * steps, self.extents[name])
        words = math.prod(sum(c * (tiles[d] - 1) for d, c in index.items()) + 1 for index in self.indices[tensor])
        return words * self.bits[tensor]


def nest_of(
    layer: ZigLayer,
    entry: Mapping[str, Any],
    mapping: ZigMapping,
    levels: Sequence[ZigLevel],
    path: Path,
    section: Section,
    findings: ImportFindings,
) -> list[str] | None:
    """Make a nest of the order of a layer's loops; null where that is not complete, as in ZigZag."""
    known = _layer(layer, entry, mapping, path, section, findings)
    if known is None:
        return None
    places = _places(known, levels)
    moved = _ordered(places, levels)
    if moved:
        message = f"further in than ZigZag would let it rest, since a nest has one order: {', '.join(moved)}"
        findings.note(section.marks, (*path, "temporal_ordering"), message, of=known.called, counts=True)
    return _sentences(known, places, levels)


def _layer(
    layer: ZigLayer,
    entry: Mapping[str, Any],
    mapping: ZigMapping,
    path: Path,
    section: Section,
    findings: ImportFindings,
) -> _PlacedLayer | None:
    extents = dict(zip(map(str.upper, layer.dimensions), layer.sizes, strict=True))
    spread = {
        one: [loop for loop in loops if loop[1] > 1 and loop[0] in extents] for one, loops in spread_of(mapping).items()
    }
    spread = {one: [(d, min(n, extents[d])) for d, n in loops] for one, loops in spread.items()}
    spaced = {name: math.prod(n for loops in spread.values() for d, n in loops if d == name) for name in extents}
    loops: list[Steps] = []
    for number, (name, steps) in enumerate(mapping.ordering):
        if name not in extents:
            findings.note(
                section.marks, (*path, "temporal_ordering", number), "no dimension of the layer", of=str(name)
            )
            continue
        if steps == "*":
            others = math.prod(int(n) for d, n in mapping.ordering if d == name and n != "*")
            loops.append((name, -(-extents[name] // (others * spaced[name]))))
        else:
            loops.append((name, int(steps)))
    for name, extent in extents.items():
        covered = spaced[name] * math.prod(n for d, n in loops if d == name)
        if covered < extent:
            message = f"the loops over {name} make {covered} of {extent}: ZigZag drops an order that is not complete"
            findings.note(section.marks, (*path, "temporal_ordering"), message, of=layer.called)
            return None
    content = {"name": "one", "einsums": [dict(entry)]}
    einsum = catalog.load_workload(content).einsums[0]
    indices = {
        access.tensor: [{d.upper(): abs(c) for d, c in index.terms} for index in access.indices]
        for access in (*einsum.inputs, einsum.output)
    }
    bits = {name: layer.bits.get(name, 8) for name in indices}
    held = {memory: tensor for tensor, memory in mapping.links.items() if tensor in indices}
    return _PlacedLayer(layer.called, extents, bits, held, indices, spread, [loop for loop in loops if loop[1] > 1])


def _places(known: _PlacedLayer, levels: Sequence[ZigLevel]) -> dict[tuple[str, str], int]:
    """By memory and tensor: how many loops in time stand inside its storage node."""
    found: dict[tuple[str, str], int] = {}
    inmost = dict.fromkeys(known.indices, 0)
    memories = [level for level in levels if level.memory is not None]
    for level in reversed(memories):
        memory = level.memory or memories[0].memory
        assert memory is not None  # noqa: S101  of memories alone
        tensors = [known.held[one] for one in memory.holds if one in known.held]
        inner = dict.fromkeys(tensors, len(known.loops))
        if level is not memories[0]:
            _fit(inner, inmost, memory, known)
        for tensor in tensors:
            inmost[tensor] = found[level.name, tensor] = inner[tensor]
    return found


def _fit(inner: dict[str, int], least: Mapping[str, int], memory: ZigMemory, known: _PlacedLayer) -> None:
    """Give up loops, those of the largest tile first, until all tiles have room."""
    while True:
        sizes = {tensor: known.bits_of(tensor, n, memory.served) for tensor, n in inner.items()}
        free = [tensor for tensor, n in inner.items() if n > least[tensor]]
        if sum(sizes.values()) <= memory.size or not free:
            return
        inner[max(free, key=lambda tensor: (sizes[tensor], tensor))] -= 1


def _ordered(places: dict[tuple[str, str], int], levels: Sequence[ZigLevel]) -> list[str]:
    """Move nodes inwards that would stand outside of an array that their memory is in; the tensors that moved."""
    moved, limit = [], math.inf
    inside = frozenset[str]()
    lowest = math.inf
    for level in levels:
        if level.memory is None:
            continue
        if level.inside != inside:
            inside, limit = level.inside, lowest
        for (name, tensor), place in list(places.items()):
            if name == level.name:
                if place > limit:
                    places[name, tensor] = int(limit)
                    moved.append(tensor)
                lowest = min(lowest, places[name, tensor])
    return list(dict.fromkeys(moved))


def _sentences(known: _PlacedLayer, places: Mapping[tuple[str, str], int], levels: Sequence[ZigLevel]) -> list[str]:
    """The nest, outermost first."""
    opened = _opened(places, levels)
    items: list[tuple[str, str, int, str]] = []
    for left in range(len(known.loops), -1, -1):
        for level in levels:
            if level.memory is not None:
                tensors = [tensor for (name, tensor), n in places.items() if name == level.name and n == left]
                items += [("store", f"store {' '.join(sorted(tensors))} in {level.name}", 0, "")] if tensors else []
            elif opened[level.name] == left:
                items += [("parallel", d, n, level.name) for d, n in known.spread.get(level.name, ())]
        if left:
            name, steps = known.loops[left - 1]
            items.append(("for", name, steps, ""))
    found = []
    for number, (kind, text, _, array) in enumerate(items):
        if kind == "store":
            found.append(text)
            continue
        by = math.prod(n for other, d, n, _ in items[number + 1 :] if other != "store" and d == text)
        where = f" across {array}.{AXIS}" if array else ""
        found.append(f"{kind} {text.lower()} by {min(by, known.extents[text])}{where}")
    return [*found, f"compute {known.called} on MAC"]


def _opened(places: Mapping[tuple[str, str], int], levels: Sequence[ZigLevel]) -> dict[str, int]:
    """Of each dimension of the array: how many loops in time stand inside its loops in space."""
    found = {}
    for number, level in enumerate(levels):
        if level.memory is None:
            inner = {one.name for one in levels[number + 1 :] if one.memory is not None}
            found[level.name] = max((n for (name, _), n in places.items() if name in inner), default=0)
    return found
