"""Answers for designs of about the same sizes, whose mappings are a good beginning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NEAR = 4
"""Answers that a search begins with."""


class Nearby:
    """Answers for designs with the same levels, by their sizes."""

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._sizes: Floats = np.empty((0, 0))
        """Logarithms, with room for more rows."""

    def add(self, sizes: tuple[float, ...], entry: str) -> None:
        """Take in an answer."""
        number = len(self._entries)
        if number == len(self._sizes):
            grown = np.empty((max(8, 2 * number), len(sizes)))
            if number:
                grown[:number] = self._sizes
            self._sizes = grown
        self._sizes[number] = np.log(sizes)
        self._entries.append(entry)

    def nearest(self, sizes: tuple[float, ...]) -> tuple[str, ...]:
        """Answers for designs of about these sizes."""
        if not self._entries:
            return ()
        away = np.abs(self._sizes[: len(self._entries)] - np.log(sizes)).sum(axis=1)
        near = (self._entries[place] for place in np.argsort(away, kind="stable")[:NEAR].tolist())
        return tuple(dict.fromkeys(near))
