"""Sizes of sums of progressions: ``{c1·i1 + c2·i2 + … : 0 ≤ ik < nk}``, for many sums at once.

A tile of a window (``p + r``), the tiles of neighbouring instances together, what a move brings in: all are such sums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from costmodel.mapper.lattice.shapes import Floats, Ints


def sizes(steps: Ints, counts: Ints, exactly: Callable[[int], int]) -> Floats:
    """Return how many different numbers each sum has. ``steps`` and ``counts`` are (terms, sums), steps at least 0.

    Taken by growing step, each term either puts copies side by side that do not interleave, or lengthens a progression
    without gaps by a multiple of its grain. Where neither holds, ``exactly(column)`` counts.

    Fourteen and three in a row make 14 + 3 - 1; 0, 2, 4 and again four on are 0, 2, 4, 6, 8.

    >>> sizes(np.array([[1, 2], [1, 4]]), np.array([[14, 3], [3, 2]]), lambda _: 0).tolist()
    [16.0, 5.0]
    """
    works = counts > 1
    steps = np.where(works, steps, np.iinfo(np.int64).max)
    order = np.argsort(steps, axis=0, kind="stable")
    steps, counts = np.take_along_axis(steps, order, axis=0), np.take_along_axis(counts, order, axis=0)
    size = np.ones(steps.shape[1], dtype=np.int64)
    extent, grain = size, size
    dense = np.ones(steps.shape[1], dtype=bool)
    odd = ~dense
    for step, count in zip(steps, counts, strict=True):
        works = count > 1
        if not works.any():
            break
        by = np.where(works, step, 0)
        grain = np.where(size == 1, np.maximum(by, 1), grain)
        longer = dense & (by % grain == 0) & (by <= size * grain)
        odd |= works & ~longer & (by < extent)
        size = np.where(longer, size + by // grain * (count - 1), np.where(works, size * count, size))
        dense &= longer | ~works
        extent = extent + by * (count - 1)
    found = size.astype(np.float64)
    for column in np.flatnonzero(odd).tolist():
        found[column] = exactly(column)
    return found
