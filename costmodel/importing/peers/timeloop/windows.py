"""When Timeloop finds the words of a sliding window in place.

It takes what a step of the innermost loop that moves a tile adds, and forgets what was there when the step is another
one than the step before. So a window that one loop alone moves fills its new words only; where further loops move it,
it is fetched anew at each step of a loop of two, and in between with longer ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.timeloop.nest import FactorLoop, MappedNest
from costmodel.importing.peers.timeloop.problem import TimeloopProblem


def refetched(mapped: MappedNest, problem: TimeloopProblem, section: Section, findings: ImportFindings) -> set[str]:
    """Memories whose windows are fetched anew; those where Timeloop does something between are named."""
    found = set()
    for memory, tensors in mapped.held.items():
        above = mapped.loops[: mapped.above[memory]]
        inside = mapped.loops[mapped.above[memory] :]
        for tensor in tensors:
            moving = [x for x in above if x.array is None and _moves(x, tensor, problem)]
            if len(moving) < 2 or not any(len(index) > 1 for index in problem.indices[tensor]):
                continue
            found.add(memory)
            last = moving[-1]
            if last.steps > 2 and _overlaps(last, inside, tensor, problem):
                message = (
                    f"windows of {tensor} in {memory}: Timeloop finds some of their words in place at `for "
                    f"{last.dimension}`; here each is fetched anew (halo: refetch), so its fills can be more"
                )
                findings.note(section.marks, last.path, message, counts=True)
    return found


def _moves(loop: FactorLoop, tensor: str, problem: TimeloopProblem) -> bool:
    return any(name == loop.dimension for index in problem.indices[tensor] for name, _ in index)


def _overlaps(loop: FactorLoop, inside: Sequence[FactorLoop], tensor: str, problem: TimeloopProblem) -> bool:
    """Whether the tiles of two neighbouring steps have words in common."""
    tiles = dict.fromkeys(problem.extents, 1)
    for one in reversed(inside):
        tiles[one.dimension] *= one.steps
    for index in problem.indices[tensor]:
        step = sum(factor * loop.by for name, factor in index if name == loop.dimension)
        extent = sum(factor * (tiles[name] - 1) for name, factor in index) + 1
        if step and len(index) > 1:
            return step < extent
    return False
