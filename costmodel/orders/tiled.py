"""A nest from tile sizes alone: loops in time, and in each memory that is named the tile that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import keeps
from costmodel.spec.computing import units_for
from costmodel.spec.hardware import Architecture, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Storage, Temporal
from costmodel.spec.problems import Problem, SpecError, did_you_mean

FORM = "the form is: LEVEL.VARIABLE=SIZE, several with commas, e.g. Buffer.m=16,n=16"
_TILE = re.compile(r"(?:(?P<level>[A-Za-z_]\w*)\.)?(?P<variable>[A-Za-z_]\w*)=(?P<size>[0-9]{1,13})")

Tiles = MappingABC[str, MappingABC[str, int]]
"""Memory → rank variable → extent of the tile."""


def read_tiles(texts: Iterable[str], architecture: Architecture) -> Tiles:
    """Read tiles such as ``Buffer.m=16,n=16``; SpecError says all that is wrong.

    A rank variable without a level belongs to the level before it, at first to the second memory.
    """
    memories = [m.name for m in architecture.memories]
    tiles: dict[str, dict[str, int]] = {}
    problems: list[Problem] = []
    for text in texts:
        level = memories[min(1, len(memories) - 1)]
        for part in text.split(","):
            match = _TILE.fullmatch(part.strip())
            if match is None:
                problems.append(Problem(f"{part.strip()!r} is no tile", f"--tile {text}", hint=FORM))
                continue
            level = match["level"] or level
            if level not in memories[1:]:
                why = "holds whole tensors" if level in memories else f"is no memory of {architecture.name}"
                problems.append(Problem(f"{level} {why}", f"--tile {text}", hint=did_you_mean(level, memories[1:])))
            elif match["variable"] in tiles.setdefault(level, {}):
                problems.append(Problem(f"{level}.{match['variable']} is given twice", f"--tile {text}"))
            else:
                tiles[level][match["variable"]] = int(match["size"])
    if problems:
        raise SpecError(problems)
    return tiles


def tiled(einsum: Einsum, architecture: Architecture, tiles: Tiles) -> Mapping:
    """The nest of an Einsum with loops in time alone, in the order in which the statement names its rank variables.

    The outermost memory holds everything, a memory with tiles whatever it may keep, others nothing. A rank variable
    that a level does not name keeps the extent that it has there. SpecError where a name or a size is wrong.
    """
    problems = [
        Problem(
            f"{einsum.name} has no rank variable {v!r}", f"--tile {level}.{v}", hint=did_you_mean(v, list(einsum.shape))
        )
        for level, sizes in tiles.items()
        for v in sizes
        if v not in einsum.shape
    ]
    unit = units_for(einsum, architecture)[0]
    left = dict(einsum.shape)
    nodes: list[Node] = []
    for place, memory in enumerate(architecture.memories):
        if place and memory.name not in tiles:
            continue
        for v, size in tiles.get(memory.name, {}).items():
            if v in left and not 1 <= size <= left[v]:
                why = f"{einsum.name}: a tile of {size:,} in {memory.name}, where {left[v]:,} of {v} are left"
                problems.append(Problem(why, f"--tile {memory.name}.{v}={size}"))
        nodes += [Temporal(v, size) for v, size in _in_order(einsum, tiles.get(memory.name, {})) if 1 <= size < left[v]]
        left.update({v: size for v, size in tiles.get(memory.name, {}).items() if v in left})
        if held := _held(einsum, memory, outermost=not place):
            nodes.append(Storage(held, memory.name))
    if problems:
        raise SpecError(problems)
    nodes += [Temporal(v, 1) for v, extent in left.items() if extent > 1]
    return Mapping((*nodes, Compute(einsum.name, unit.name)), arch=architecture.name, einsum=einsum.name)


def _in_order(einsum: Einsum, sizes: MappingABC[str, int]) -> list[tuple[str, int]]:
    return [(v, sizes[v]) for v in einsum.shape if v in sizes]


def _held(einsum: Einsum, memory: Memory, *, outermost: bool) -> tuple[str, ...]:
    """Tensors that a memory may hold, in the order of the Einsum."""
    listed = (*(memory.keep or ()), *memory.may_keep)
    every = outermost or (memory.keep is None and not memory.may_keep)
    return tuple(name for name, tensor in einsum.tensors.items() if every or keeps(listed, tensor, einsum))
