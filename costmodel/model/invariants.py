"""What holds of the counts of every nest."""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.model.motion import motion, touched_words
from costmodel.model.nest import BoundNest
from costmodel.model.traffic import Crossing


class ModelError(Exception):
    """A count broke an invariant: a defect of the model, not of the input."""


def check(nest: BoundNest, crossings: Sequence[Crossing]) -> None:
    """Raise ModelError if a count breaks an invariant that holds for every nest."""
    for c in crossings:
        if min(c.read, c.update, c.fill, c.drain) < 0:
            msg = f"negative count: {c.parent.tensor.name} at {c.parent.level.name}: {_told(c)}"
            raise ModelError(msg)
        if c.child is not None and (c.read > c.fill or c.update > c.drain):
            msg = (
                f"{c.parent.level.name} serves more words of {c.parent.tensor.name} than its children take: {_told(c)}"
            )
            raise ModelError(msg)
    for b in nest.einsums:
        done = motion(b.loops, 0, [(b.einsum, b.einsum.output)], "work").accesses(len(b.loops), ())
        every = b.einsum.points_of(b.einsum.output)
        if done != every:
            msg = f"{b.einsum.name}: the nest performs {done} points of {every}"
            raise ModelError(msg)
        for tensor in dict.fromkeys(access.tensor for access in b.einsum.inputs):
            outermost = b.holders[tensor][0]
            if outermost.output_like:
                continue
            words = touched_words(b.einsum, tensor)
            read = sum(c.read for c in crossings if c.parent is outermost)
            if read < words:
                msg = f"{tensor}: {read} words leave {outermost.level.name}, {words} are used"
                raise ModelError(msg)


def _told(c: Crossing) -> str:
    child = c.child.level.name if c.child is not None else "compute"
    return f"read {c.read}, updated {c.update}; {child} filled {c.fill}, drained {c.drain}"
