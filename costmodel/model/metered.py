"""What meters count of a crossing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costmodel.model.meters import PriceBook
from costmodel.model.nest import BoundNest
from costmodel.model.traffic import Crossing

Metered = tuple[Crossing, Sequence[tuple[int, int]]]
"""What crosses a boundary, and (place of a meter, bits that it counts)."""


def metered(book: PriceBook, nest: BoundNest, c: Crossing) -> Iterator[tuple[int, int]]:
    """Yield (place of a meter, bits that it counts) of what crosses one boundary."""
    if c.child is not None:
        receiver = c.child.level.name
    else:
        receiver = next(b.unit.name for b in nest.einsums if b.einsum is c.einsum)
    return book.bits(c.parent.tensor, c.parent.level.name, receiver, c, sums=c.sums)
