"""What a sliding tile has to fetch again: whenever a loop that leaves it in place starts its moves once more.

A tile that was at two places holds, over one round of its moves, no word all the time but those that it has at both:
the others come once a round at least, and what the nearer end of a round lacks comes back too. Where S are the words of
the tile at one place and k of them are also in it at the other, a round brings 2·(S − k) words of 2·S − k. Loops
further out only add places, and a region of more places shares less. So with R rounds of a tensor of W words,

    words ≥ W · (1 + (R − 1) · share),  share = 2·(S − k) / (2·S − k).

The nearest place is one step of the first loop that moves the tile away: by its extent along the loop's rank variable,
or further where instances stand in between. For intervals and progressions the same holds of what neighbouring
instances have together: to lengthen one by the distances between them adds the less, the longer it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from costmodel.mapper.lattice import windows
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.mapper.lattice.tensor_plan import Window
from costmodel.model.patience import check_time


class Returns:
    """Least parts of a round that have to be fetched again, of every tile."""

    def __init__(self, space: Space, lattice: Lattice) -> None:
        self.space, self.lattice = space, lattice
        self.known: dict[tuple[int, int, int], Floats] = {}
        self.tables: dict[tuple[Window, bool, bool], dict[int, Floats]] = {}

    def least(self, node: int, last: int) -> Floats:
        """Return (shapes): the least part for the tile of a node that moves before one of tensor ``last`` does.

        So a loop over a rank variable of ``last`` does not move it first; unless that is a window, too, and both move.
        """
        plan = self.space.nodes[node]
        key = (plan.tensor, plan.memory, last)
        found = self.known.get(key)
        if found is None:
            other = self.space.tensors[last]
            moving = [v for v in range(self.lattice.count) if other.windows or not other.relevant[v]]
            found = np.ones(self.lattice.shapes)
            for window in self.space.tensors[plan.tensor].windows:
                at = tuple(self.lattice.digits[v] for v in window.rank_variables)
                np.minimum(found, self.along(plan, window, moving)[at], out=found)
            self.known[key] = found
        return found

    def words(self, node: NodePlan, v: int) -> Floats:
        """Return an array over the rank variables: words of an open tile at least, if ``v`` moves it first."""
        lattice = self.lattice
        rounds: Floats = lattice.rounds[node.tensor].reshape(lattice.sizes)
        for window in self.space.tensors[node.tensor].windows:
            if v in window.rank_variables:
                at = tuple(lattice.digits[u] for u in window.rank_variables)
                share = self.along(node, window, [v])[at].reshape(lattice.sizes)
                rounds = self.space.tensors[node.tensor].words * (1 - share) + rounds * share
        return rounds

    def along(self, node: NodePlan, window: Window, moving: Iterable[int]) -> Floats:
        """Return the least part of every tile along a window, if a loop over one of ``moving`` moves it first."""
        memory = self.space.memories[node.memory]
        shape = [len(self.space.divisors[v]) for v in window.rank_variables]
        if memory.refetch:
            return np.ones(shape)
        spread = memory.segment < len(self.space.arrays)
        key = (window, memory.fetch, spread)
        if key not in self.tables:
            self.tables[key] = self._tables(window, box=memory.fetch, spread=spread)
        tables = self.tables[key]
        found: Floats = np.minimum.reduce([np.ones(shape), *(tables[v] for v in moving if v in tables)])
        return found

    def _tables(self, window: Window, *, box: bool, spread: bool) -> dict[int, Floats]:
        """For each rank variable that moves it first: the least part of every tile; ``spread``: below an array."""
        divisors = [self.space.divisors[v] for v in window.rank_variables]
        found = {v: np.ones([len(d) for d in divisors]) for v in window.rank_variables}
        if window.edge is not None:
            return {v: np.zeros_like(table) for v, table in found.items()}  # what it leaves may be outside
        for at in itertools.product(*(range(len(d)) for d in divisors)):
            check_time()
            extents = [int(d[i]) for d, i in zip(divisors, at, strict=True)]
            terms = (*zip(window.coefficients, extents, strict=True), *window.shifts)
            shared = _shared(terms, box=box)
            regular = len(shared) == shared[0] or sum(extent > 1 for _, extent in terms) < 2
            for v, c, extent in zip(window.rank_variables, window.coefficients, extents, strict=True):
                if extent < self.space.extents[v]:
                    step = abs(c) * extent
                    kept = int(shared[step : None if spread else step + 1].max(initial=0))
                    share = 2 * (shared[0] - kept) / (2 * shared[0] - kept)
                    found[v][at] = share if regular or not spread or not kept else 0.0
        return found


def _shared(terms: tuple[windows.Term, ...], *, box: bool) -> Ints:
    """Return, for each distance up to its length, the words that a tile has in common with itself moved so far.

    >>> _shared(((2, 3),), box=False).tolist(), _shared(((1, 3),), box=False).tolist()
    ([3, 0, 2, 0, 1], [3, 2, 1])
    """
    bits, _ = windows.tile_bits(terms, box)
    length = bits.bit_length()
    if bits.bit_count() == length:
        return np.arange(length, 0, -1)
    here = np.array([bit == "1" for bit in f"{bits:b}"], dtype=np.float64)
    found: Ints = np.rint(np.fft.irfft(np.abs(np.fft.rfft(here, 2 * length)) ** 2, 2 * length)[:length]).astype(
        np.int64
    )
    return found
