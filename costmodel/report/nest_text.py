"""A mapping as an indented loop nest, with the sizes of what each storage node holds.

Without a workload the loops say only their tile (``for m by 64``); with one they say their range in tiles
(``for m in [0:16)  by 64``) and storage nodes say their tiles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from costmodel.einsum.algebra import Access, Affine, Einsum, Workload
from costmodel.model.formats import stored_bits
from costmodel.report.human import memory
from costmodel.spec.mapping import Compute, Mapping, Nest, Sequence, Spatial, Storage, Temporal, einsums_in

LineKind = Literal["for", "parallel", "store", "compute", "sequence", "branch"]


@dataclass(frozen=True, slots=True)
class NestLine:
    """One node of a nest, as a reader sees it."""

    depth: int
    kind: LineKind
    text: str
    note: str = ""
    """Tile sizes, or the last step of a loop that does not divide."""
    level: str = ""
    """The level that serves what the line does: of a loop the last one that stores something above it."""
    tensors: tuple[str, ...] = ()
    """What a storage node holds."""


def nest_lines(mapping: Mapping, workload: Workload | None = None) -> tuple[NestLine, ...]:
    """The lines of a nest, outermost first."""
    shapes = _einsums(mapping, workload)
    extents: dict[str, int] = {}
    for einsum in shapes.values():
        for variable, extent in einsum.shape.items():
            extents.setdefault(variable, extent)
    lines: list[NestLine] = []
    _append(lines, mapping.nest, 0, extents, shapes)
    return tuple(lines)


def nest_text(mapping: Mapping, workload: Workload | None = None) -> str:
    """The indented nest as plain text; notes stand in a column of their own after ``#``."""
    lines = nest_lines(mapping, workload)
    bodies = ["  " * line.depth + line.text for line in lines]
    column = max((len(b) for b, line in zip(bodies, lines, strict=True) if line.note), default=0) + 2
    return "\n".join(
        f"{body:<{column}}# {line.note}" if line.note else body for body, line in zip(bodies, lines, strict=True)
    )


def short_text(nest: Nest) -> str:
    """A nest in one line, for hover texts: loops between levels, ``×`` marks a parallel one.

    Only branches of a sequence name their Einsums; `` | `` stands between those of a pipelined one.

    >>> short_text((Storage(("A", "Z"), "DRAM"), Temporal("m", 4), Spatial("k", 1, "PEs", "X"), Compute("Z", "MAC")))
    'DRAM[A Z] m4 k1×X MAC'
    """
    words = []
    for node in nest:
        match node:
            case Storage():
                words.append(f"{node.level}[{' '.join(node.tensors)}]")
            case Temporal():
                words.append(f"{node.rank_variable}{node.tile}")
            case Spatial():
                words.append(f"{node.rank_variable}{node.tile}×{node.dimension}")
            case Compute():
                words.append(node.unit)
            case Sequence():
                branches = (f"{', '.join(einsums_in(branch))}: {short_text(branch)}" for branch in node.branches)
                words.append("{" + (" | " if node.pipelined else " ; ").join(branches) + "}")
    return " ".join(words)


def _einsums(mapping: Mapping, workload: Workload | None) -> dict[str, Einsum]:
    if workload is None:
        return {}
    by_name = {einsum.name: einsum for einsum in workload.einsums}
    return {name: by_name[name] for name in einsums_in(mapping.nest) if name in by_name}


def _append(lines: list[NestLine], nest: Nest, depth: int, extents: dict[str, int], shapes: dict[str, Einsum]) -> None:
    extents = dict(extents)
    level = lines[-1].level if lines else ""
    for place, node in enumerate(nest):
        match node:
            case Storage():
                below = [shapes[name] for name in einsums_in(nest[place:]) if name in shapes]
                level = node.level
                lines.append(NestLine(depth, "store", str(node), _tiles(node, extents, below), level, node.tensors))
            case Temporal() | Spatial():
                lines.append(replace(_loop(node, depth, extents), level=level))
                if node.rank_variable in extents:
                    extents[node.rank_variable] = min(node.tile, extents[node.rank_variable])
                depth += 1
            case Compute():
                lines.append(NestLine(depth, "compute", str(node), "", node.unit))
            case Sequence():
                lines.append(NestLine(depth, "sequence", f"sequence{', overlap pipelined' if node.pipelined else ''}"))
                for number, branch in enumerate(node.branches, 1):
                    names = ", ".join(einsums_in(branch))
                    lines.append(NestLine(depth + 1, "branch", f"branch {number}: {names}", "", level))
                    _append(lines, branch, depth + 2, extents, shapes)


def _loop(node: Temporal | Spatial, depth: int, extents: dict[str, int]) -> NestLine:
    kind: LineKind = "for" if isinstance(node, Temporal) else "parallel"
    extent = extents.get(node.rank_variable)
    where = f" across {node.array}.{node.dimension}" if isinstance(node, Spatial) else ""
    if extent is None:
        return NestLine(depth, kind, f"{kind} {node.rank_variable} by {node.tile}{where}")
    steps = -(-extent // node.tile)
    rest = extent - (steps - 1) * node.tile
    note = f"last tile {rest}" if steps > 1 and rest != node.tile else ""
    gap = " " if where else "  "
    return NestLine(depth, kind, f"{kind} {node.rank_variable} in [0:{steps}){gap}by {node.tile}{where}", note)


def _tiles(node: Storage, extents: dict[str, int], below: list[Einsum]) -> str:
    """Size of the tile of each tensor: extents of its ranks, words, and room where the width is known."""
    parts, bits = [], 0
    for name in node.tensors:
        accesses = [(a, e) for e in below for a in e.accesses_of(name)]
        if not accesses:
            continue
        sizes = max((_shape(access, extents) for access, _ in accesses), key=_words)
        parts.append(f"{name} {'×'.join(map(str, sizes)) or '1'}")
        bits += stored_bits(accesses[0][1].tensors[name], None, _words(sizes))
    return f"{', '.join(parts)}: {memory(bits)}" if parts else ""


def _words(sizes: tuple[int, ...]) -> int:
    words = 1
    for size in sizes:
        words *= size
    return words


def _shape(access: Access, extents: dict[str, int]) -> tuple[int, ...]:
    return tuple(distinct(index, extents) for index in access.indices)


def distinct(index: Affine, extents: dict[str, int]) -> int:
    """How many values an index takes while each rank variable runs over its tile.

    >>> distinct(Affine((("p", 2), ("r", 1))), {"p": 4, "r": 3})
    9
    >>> distinct(Affine((("p", 4), ("r", 1))), {"p": 3, "r": 2})
    6
    """
    steps = [(abs(a), extents.get(v, 1)) for v, a in index.terms if extents.get(v, 1) > 1]
    if len(steps) <= 1:
        return steps[0][1] if steps else 1
    values = 1  # a set of integers, one bit each
    for coefficient, extent in steps:
        reached = 1
        while reached < extent:
            more = min(reached, extent - reached)
            values |= values << (coefficient * more)
            reached += more
    return values.bit_count()
