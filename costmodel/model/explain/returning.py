"""What crosses a boundary more than once, and the loops that make it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.boundary import events_of
from costmodel.model.explain.loops import sentence, steps_of
from costmodel.model.explain.returned import Returning
from costmodel.model.formats import moved_bits
from costmodel.model.meters import charges_drain, port_energy
from costmodel.model.traffic import Crossing, collect_modes, deliver_modes


def returning(asked: Questioned, einsum: str) -> tuple[Returning, ...]:
    """Every boundary of an Einsum between two memories that tiles cross more than once; the most energy first."""
    if einsum in asked.returning:
        return asked.returning[einsum]
    found = []
    for tensor in asked.bound(einsum).einsum.tensors:
        for c in asked.crossings(einsum, tensor):
            if c.child is None:
                continue  # every operation asks a register for its word: that is what it is for
            leaving = c.child.output_like
            loops = tuple(_repeating(asked, c, leaving=leaving))
            if loops:
                ends = (c.parent.level.name, c.child.level.name)
                times = math.prod(steps for _, steps in loops)
                found.append(Returning(einsum, tensor, *ends, times, loops, leaving, _energy(c)))
    asked.returning[einsum] = tuple(sorted(found, key=lambda r: -r.extra_pj))
    return asked.returning[einsum]


def _repeating(asked: Questioned, c: Crossing, *, leaving: bool) -> Iterator[tuple[str, int]]:
    """Loops in time that do not index the tensor and have one inside that moves its tile."""
    assert c.child is not None  # noqa: S101  (the caller leaves compute units out)
    ends = (asked.architecture, c.parent.level.name, c.child.level.name)
    modes = (collect_modes if leaving else deliver_modes)(*ends)
    events = events_of(c.down, len(c.parent.loops), modes, leaving=leaving)
    movers = [e.loop for e, whole, kept in events if e.kind == "step" and kept < whole]
    indexing = {v for g in c.down.groups for v in g.rank_variables}
    for at, loop in enumerate(c.down.loops):
        idle = loop.rank_variable in indexing or loop.rank_variable in c.down.frozen
        if idle or loop.spatial or at < c.down.scope or not any(m > at for m in movers):
            continue
        steps = steps_of(c.down.loops, at, c.down.extents)
        if steps > 1:
            yield sentence(loop), steps


def _energy(c: Crossing) -> float:
    """Energy of the words of a boundary, at the parent and at the child."""
    assert c.child is not None  # noqa: S101
    drain = c.drain if charges_drain(c.child.level) else 0
    ends = (
        (c.parent.level, (c.read, 0), (c.update, c.last_update)),
        (c.child.level, (drain, min(c.last_drain, drain)), (c.fill, 0)),
    )
    total = 0.0
    for level, *ways in ends:
        for meter, (words, finished) in zip(port_energy(level), ways, strict=True):
            total += meter.cost(moved_bits(c.parent.tensor, level, words, finished, sums=c.sums))
    return total
