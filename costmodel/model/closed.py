"""The closed forms where every tile divides the one above it: one formula for one mapping and for a million.

A count is an integer or a NumPy array of integers (one per mapping); the rules are written once for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from costmodel.model.tiles import Event, Loop
from costmodel.spec.hardware import Multicast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Count = int | npt.NDArray[np.int64]
    Truth = bool | npt.NDArray[np.bool_]
else:
    Count = Truth = Any

Modes = tuple[tuple[str, Multicast], ...]
"""(array, how it merges), outermost first."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The loops above a node and which rank variables index a tensor, without any tile size."""

    loops: tuple[Loop, ...]
    scope: int
    plain: frozenset[str]
    """Rank variables that alone index a rank: tiles at different positions are disjoint."""
    windowed: frozenset[str]
    """Rank variables that share a rank with others."""


def select(condition: Truth, then: Count, otherwise: Count) -> Count:
    """Choose per mapping."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    import numpy as np

    return np.where(condition, then, otherwise)


def served_apart(modes: Modes) -> set[str]:
    """Arrays whose children are served on their own, though they ask for the same."""
    outside_words = takewhile(lambda x: x[1] != "words", modes)  # such an array unites all deliveries below it
    return {name for name, mode in outside_words if mode == "none"}


def copies(structure: Structure, counts: Sequence[Count], merged_from: int, modes: Modes) -> Count:
    """Deliveries that differ by the spatial loops over rank variables that are in no window."""
    apart = served_apart(modes)
    product: Count = 1
    for at, loop in enumerate(structure.loops):
        v = loop.rank_variable
        if (
            loop.spatial
            and v not in structure.windowed
            and (at < merged_from or v in structure.plain or loop.array in apart)
        ):
            product = product * counts[at]
    return product


def closed_arrivals(
    structure: Structure,
    counts: Sequence[Count],
    tile: Count,
    windows: Callable[[Event], tuple[Count, Count]] | None,
    merged_from: int,
    modes: Modes,
    *,
    every_step: bool = False,
) -> Count:
    """Words that children ask for over the whole run, after merging.

    Without windows: |tile| times every loop from the outermost down to the innermost that moves the tensor.
    ``counts`` are the steps of each loop, ``tile`` the words of the tile in the ranks without windows, and
    ``windows`` sums (|tile|, |kept|) of the ranks with windows over their positions at an event. With
    ``every_step`` the children hold nothing and ask at every step.
    """
    loops = structure.loops
    scope = len(loops) if every_step else structure.scope
    size = tile * copies(structure, counts, merged_from, modes)
    temporal = [
        at
        for at, loop in enumerate(loops)
        if not loop.spatial and not (isinstance(counts[at], int) and counts[at] == 1)
    ]
    if windows is None:
        moved: Truth = False
        for at in reversed(temporal):
            if loops[at].rank_variable in structure.plain:
                moved = moved | (counts[at] > 1)
            size = size * (counts[at] if at < scope else select(moved, counts[at], 1))
        return size
    total: Count = 0
    first = Event("all", len(loops)) if every_step else Event("start", scope)
    for event in (first, *(Event("step", at) for at in temporal if at >= scope)):
        here = size
        stays: Truth = True
        for at in temporal:
            v = loops[at].rank_variable
            if v not in structure.windowed:
                if at < event.loop:
                    here = here * counts[at]
                elif at == event.loop and event.kind == "step":
                    here = here * (counts[at] - 1)
            if at >= event.loop and v in structure.plain:
                stays = stays & (counts[at] == 1)
        whole, kept = windows(event)
        total = total + here * (whole if event.kind != "step" else whole - select(stays, kept, 0))
    return total


def closed_first_words(
    structure: Structure, counts: Sequence[Count], tile: Count, merged_from: int, modes: Modes
) -> Count:
    """First touches without windows: every tile of the tensor once, times the copies that ask on their own."""
    words = tile * copies(structure, counts, merged_from, modes)
    for at, loop in enumerate(structure.loops):
        if not loop.spatial and loop.rank_variable in structure.plain:
            words = words * counts[at]
    return words
