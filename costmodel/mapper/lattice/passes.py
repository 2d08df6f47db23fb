"""Passes of growing width, until one proves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.sieve import Stats
from costmodel.model.patience import OutOfTimeError, until

BYTES_PER_LABEL = 300
FIRST, SECOND, FACTOR = 100, 1_800, 6
"""Labels of each stage of the first pass (three times as many of a front) and of the second one; how many times more
each further pass has, and how many times more labels a stage of the second one and on may have before any is dropped:
little that is dropped makes a whole pass more."""
FINISHING, FINISHING_S = 0.15, (0.4, 0.5)
"""Share of the time that a search out of time has for its most promising labels; seconds, at least and at most."""


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
    late: bool = False
    """Whether it did not for want of time."""


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

    A narrow pass finds good mappings, which leave the next one little to look at. After a pass that found nothing
    better, only the proof is likely to be left, so the width after the next one is tried at once. ``told`` is called
    with the width of each pass that ended. What came of it goes to the incumbents and to ``progress``, also where
    Ctrl-C ends it.
    """
    width, spare = 3 * FIRST if incumbents.aim.front else FIRST, 1
    if incumbents.items:  # the search begins with what is good elsewhere
        width, spare = SECOND, FACTOR
    finishing = end = None
    if deadline is not None:
        shortest_s, longest_s = FINISHING_S
        share_s = FINISHING * (deadline - time.monotonic())
        finishing = deadline - min(share_s, longest_s)
        end = max(deadline, finishing + shortest_s)
    while True:
        width = min(width, most_labels)
        search = Search(board, incumbents, width, finishing, most=min(spare * width, most_labels))
        known = incumbents.costs
        try:
            with until(end):
                search.run()
        except OutOfTimeError:
            progress.late = True
            return
        finally:
            progress.labels += search.stats.labels
            progress.bound = max(progress.bound, search.root)
        progress.last = search.stats
        progress.bound = max(progress.bound, search.stats.dropped_bound)
        progress.complete = not search.stats.dropped
        told(width)
        progress.late = not progress.complete and finishing is not None and time.monotonic() > finishing
        if progress.complete or progress.late or width == most_labels:
            return
        settled = spare > 1 and np.array_equal(known, incumbents.costs)
        width, spare = max(SECOND, width * (FACTOR**2 if settled else FACTOR)), FACTOR
