"""Passes of growing width, until one proves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.sieve import Stats
from costmodel.model.patience import OutOfTimeError

BYTES_PER_LABEL = 300
WIDTHS = (300, 6)
"""Labels of each stage of the first pass, and how many times more each further pass has."""


@dataclass
class Progress:
    """What the passes of a search came to."""

    labels: int = 0
    """Of all passes."""
    bound: float = 0.0
    """A bound of the first objective, as far as what is known is not better."""
    last: Stats = field(default_factory=Stats)
    """Of the pass that ended last."""
    complete: bool = False
    """Whether the last pass left out only what cannot be better than what is known."""


def widen(
    board: Board,
    incumbents: Incumbents,
    progress: Progress,
    *,
    deadline: float | None = None,
    most_labels: int = 4_000_000,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Search with more and more labels until a pass proves, or time or memory is up.

    A narrow pass finds good mappings, which leave the next one little to look at. ``told`` is called with the width of
    each pass that ended. What came of it goes to the incumbents and to ``progress``, also where Ctrl-C ends it.
    """
    width, factor = WIDTHS
    while True:
        width = min(width, most_labels)
        search = Search(board, incumbents, width, deadline)
        try:
            search.run()
        except OutOfTimeError:
            return
        finally:
            progress.labels += search.stats.labels
            progress.bound = max(progress.bound, search.root)
        progress.last = search.stats
        progress.bound = max(progress.bound, search.stats.dropped_bound)
        progress.complete = not search.stats.dropped
        told(width)
        if progress.complete or search.late() or width == most_labels:
            return
        width *= factor
