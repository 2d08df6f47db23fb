"""What a word costs that crosses between two memories: the price book in the numbers of the lattice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Tensor
from costmodel.model.lasting import Lasting
from costmodel.model.meters import ENERGY, Moved, PriceBook
from costmodel.spec.hardware import Array

Floats = npt.NDArray[np.float64]
SAME = 1e-13
"""Relative difference of two prices that rounding explains."""


@dataclass(frozen=True)
class Prices:
    """Costs of a word: row 0 in pJ, each further row in cycles of one limit (of one instance, if it has all words).

    Children are the memories, innermost first, and after them the compute unit; parents are the memories.
    """

    flow: dict[Moved, Floats]
    """(rows, tensors, children, parents)."""
    hop: Floats
    """(rows, arrays, tensors, children, parents)."""
    last_hop: Floats
    """The same: what a word costs less that is finished."""
    segments: tuple[int, ...]
    """For each limit: how many arrays are inside the level of whose instances each has its own."""
    together: Lasting
    limits: tuple[int, ...]
    """Place of each limit in the price book."""
    unit: str
    """The compute unit."""
    slower: tuple[Floats, ...] = ()
    """Of further architectures that are searched for in one go: how many times as long each limit is busy."""

    @property
    def rows(self) -> int:
        return 1 + len(self.segments)

    @cached_property
    def finishing(self) -> bool:
        """Whether a word costs less for being finished, somewhere."""
        return bool(self.flow["last_update"].any() or self.flow["last_drain"].any() or self.last_hop.any())

    @property
    def compute(self) -> int:
        """The compute unit among the children."""
        return int(self.hop.shape[3]) - 1

    def lasting(self, busy: Iterable[Floats], computing: Floats) -> Floats:
        """Return how long labels last: ``busy`` are the cycles of each limit. Of bounds, a bound.

        Where there are ``slower`` architectures, one more axis comes first, with all of them.
        """
        if not self.slower:
            return self._lasting(busy, computing)
        every = list(busy)
        paces = ([cycles * longer for cycles, longer in zip(every, pace, strict=True)] for pace in self.slower)
        return np.stack([self._lasting(each, computing) for each in (every, *paces)])

    def _lasting(self, busy: Iterable[Floats], computing: Floats) -> Floats:
        if not self.together.waits:
            return reduce(np.maximum, busy, computing)
        cycles = dict(zip(self.limits, busy, strict=True))
        return np.asarray(self.together.cycles(cycles, computing, self.unit, np.maximum))


def pace(fast: Prices, slow: Prices) -> Floats | None:
    """Return how many times as long each limit is busy with the slow ones; null where they differ in more than that."""
    if (fast.limits, fast.segments, fast.unit) != (slow.limits, slow.segments, slow.unit):
        return None
    both = [(fast.flow[kind], slow.flow[kind]) for kind in fast.flow]
    both += [(fast.hop, slow.hop), (fast.last_hop, slow.last_hop)]
    found = np.ones(fast.rows)
    for quick, late in both:
        for row in range(fast.rows):
            charged = quick[row] != 0
            if charged.any():
                found[row] = max(found[row], float((late[row][charged] / quick[row][charged]).max()))
    for quick, late in both:
        for row, longer in enumerate(found.tolist()):
            if not np.allclose(quick[row] * longer, late[row], rtol=SAME, atol=0.0):
                return None
    return found[1:] if found[0] == 1.0 else None


def prices(
    book: PriceBook,
    tensors: Sequence[Tensor],
    sums: Sequence[bool],
    memories: Sequence[str],
    arrays: Sequence[str],
    unit: str,
) -> Prices:
    """Return the prices between memories (names, innermost first) across arrays (likewise) above a compute unit.

    ``sums``: for each tensor, whether what moves are partial sums.
    """
    levels = book.architecture.levels
    inside = levels[: book.architecture.index(unit)]
    limits = tuple(place for places in book.limits.values() for place in places)
    row = {place: k for k, place in enumerate((ENERGY, *limits))}
    shape = (len(row), len(tensors), len(memories) + 1, len(memories))
    kinds: tuple[Moved, ...] = ("read", "update", "fill", "drain", "last_update", "last_drain")
    flows = {flow: np.zeros(shape) for flow in kinds}
    hop, last_hop = (np.zeros((shape[0], len(arrays), *shape[1:])) for _ in range(2))
    for t, tensor in enumerate(tensors):
        for c, child in enumerate((*memories, unit)):
            for p, parent in enumerate(memories):
                if c < len(memories) and p <= c:
                    continue
                for charge, costs in book.per_word(tensor, parent, child, sums=sums[t]):
                    for place, cost in costs.items():
                        if charge.flow in {"hop", "last_hop"}:
                            hops = hop if charge.flow == "hop" else last_hop
                            hops[row[place], arrays.index(charge.at), t, c, p] += cost
                        else:
                            flows[charge.flow][row[place], t, c, p] += cost
    segments = []
    for place in limits:
        outside = levels[: book.architecture.index(book.meters[place].level)]
        segments.append(sum(isinstance(x, Array) for x in inside) - sum(isinstance(x, Array) for x in outside))
    return Prices(flows, hop, last_hop, tuple(segments), Lasting(book), limits, unit)
