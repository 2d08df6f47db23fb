"""Numbers for rows of whole numbers: the same for rows that are equal."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
MOST = 2**62


def numbered(columns: Iterable[Ints]) -> Ints:
    """Return a number of each row of some columns; it is less where an earlier column is, and others are equal.

    >>> numbered([np.array([5, 7, 5]), np.array([1, 0, 1])]).tolist()
    [1, 4, 1]
    """
    found: Ints = np.zeros(1, dtype=np.int64)
    most = 1
    for column in columns:
        low, high = int(column.min()), int(column.max())
        if low == high:
            continue
        if most > MOST // (high - low + 1):
            found = np.unique(found, return_inverse=True)[1].astype(np.int64)
            most = len(found)
        found = found * (high - low + 1) + (column - low)
        most *= high - low + 1
    return found
