"""The room that tiles take: in each level, and whether there is any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence

from costmodel.model.evaluation import OccupancyRow
from costmodel.model.formats import stored_bits
from costmodel.model.in_flight import tiles_at_once
from costmodel.model.motion import Motion
from costmodel.model.nest import BoundNest, Holder, Path, Place
from costmodel.spec.hardware import Memory
from costmodel.spec.mapping import Compute, Nest, Storage, einsums_in
from costmodel.spec.mapping import Sequence as SequenceNode
from costmodel.spec.problems import Problem


def occupancy_rows(
    nest: BoundNest, motions: MappingABC[Holder, Motion], marks: MappingABC[Path, Place]
) -> tuple[list[OccupancyRow], list[Problem]]:
    tiles = {h: tiles_at_once(nest, h) if nest.pipelines else 1 for h in nest.holders}
    largest = {h: motions[h].largest() * tiles[h] for h in nest.holders}
    rows = [
        OccupancyRow(
            h.owner.name, h.level.name, h.tensor.name, words, stored_bits(h.tensor, h.level, words, sums=h.sums)
        )
        for h, words in largest.items()
    ]
    at_path: dict[Path, list[Holder]] = defaultdict(list)
    for h in nest.holders:
        at_path[h.path].append(h)

    def fullest(level: Memory, nodes: Nest, base: Path) -> tuple[int, list[Holder]]:
        used, held = 0, []
        for place, node in enumerate(nodes):
            path = (*base, place)
            if isinstance(node, Storage) and node.level == level.name:
                held += at_path[path]
                used += sum(stored_bits(h.tensor, h.level, largest[h], sums=h.sums) for h in at_path[path])
            elif isinstance(node, SequenceNode):
                inner = [fullest(level, branch, (*path, k)) for k, branch in enumerate(node.branches)]
                for more, theirs in inner if node.pipelined else [max(inner, key=lambda x: x[0])]:
                    used, held = used + more, held + theirs
        return used, held

    problems = []
    for level in nest.architecture.memories:
        if level.usable_bits is None:
            continue
        used, held = fullest(level, nest.mapping.nest, ())
        if used > level.usable_bits:
            file, line, column = marks.get(held[-1].path, ("", 0, 0))
            sums = " + ".join(
                f"{h.tensor.name} {f'{tiles[h]} × ' if tiles[h] > 1 else ''}{largest[h] // tiles[h]:,} × "
                f"{stored_bits(h.tensor, level, 1, sums=h.sums)} b"
                for h in held
            )
            half = " (half of it: double-buffered)" if level.double_buffered else ""
            problems.append(
                Problem(
                    f"{level.name} is over capacity: {sums} = {used:,} b, "
                    f"there is room for {level.usable_bits:,} b{half}",
                    file,
                    line,
                    column,
                    hint="use smaller tiles above the storage node, or let a tensor pass the level by",
                )
            )
    return rows, problems


def room_used(nest: BoundNest, occupancy: Sequence[OccupancyRow]) -> dict[str, int]:
    """Bits that are held while an Einsum runs, in all instances of the memories inside the outermost.

    By the storage nodes around it, and by other stages of a pipeline around it.
    """
    architecture = nest.architecture
    copies = {memory.name: architecture.copies(memory.name) for memory in architecture.memories[1:]}
    at_path: dict[Path, int] = defaultdict(int)
    for h, row in zip(nest.holders, occupancy, strict=True):
        at_path[h.path] += row.bits * copies.get(row.level, 0)
    used: dict[str, int] = {}

    def visit(nodes: Nest, base: Path, above: int) -> int:
        """Return the most that is held below, and the nodes themselves hold."""
        for place, node in enumerate(nodes):
            path = (*base, place)
            above += at_path[path]
            if isinstance(node, Compute):
                used[node.einsum] = above
            elif isinstance(node, SequenceNode):
                most = [visit(branch, (*path, k), above) for k, branch in enumerate(node.branches)]
                if node.pipelined:
                    for branch, own in zip(node.branches, most, strict=True):
                        others = sum(most) - own - above * (len(most) - 1)
                        used.update({name: used[name] + others for name in einsums_in(branch)})
                return max(used[name] for name in einsums_in((node,)))
        return above

    visit(nest.mapping.nest, (), 0)
    return used
