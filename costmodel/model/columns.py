"""Rows of tiles as columns: one array for each loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.model.events import Rows

MOST = 2**62
"""Numbers up to this one are counted in arrays of 64 bits, with room for one more addition."""
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Columns:
    """Tiles and steps of every loop, one array each."""

    tiles: Sequence[Integers]
    counts: Sequence[Integers]
    rows: int
    residual: Rows | None = None
    """Where tiles need not divide."""
