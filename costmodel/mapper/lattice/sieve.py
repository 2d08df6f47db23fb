"""What a pass leaves out: labels that are dominated, that the bound beats, or that are too many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.completion import Costs
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.read_back import Reader
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.model.patience import check_time

BATCH = 60_000
"""Labels that are grown, or pairs of label and way that are looked at, in one go."""
CELLS = 250_000
"""Numbers in one matrix of bounds."""
LATE, LATE_AT_FIRST = 200, 20
"""Labels of each stage when the time is up, where a mapping is known and where none is."""


@dataclass
class Stats:
    """What a search did."""

    labels: int = 0
    dominated: int = 0
    bounded: int = 0
    over_capacity: int = 0
    dropped: int = 0
    """Labels that were left out for want of time or memory; the answer is not proven then."""
    dropped_bound: float = math.inf
    """Least bound of the first objective over what was left out."""


def of_first(energy: Floats, latency: Floats, capacity: Floats) -> Costs:
    """Return the costs on the first of several architectures: nothing costs more there than on others."""
    energy, latency = (cost[0] if cost.ndim > capacity.ndim else cost for cost in (energy, latency))
    return energy, latency, capacity


class Sieve:
    """One pass's choice of labels: ``width`` of them at each stage that has more than ``most``."""

    least_share = 4
    """Labels of like nodes to come and open that are kept, even if that is more than ``width``."""
    timeless = False
    """Whether cycles do not matter, not even among equals."""

    def __init__(
        self,
        board: Board,
        incumbents: Incumbents,
        width: int,
        deadline: float | None = None,
        *,
        most: int | None = None,
    ) -> None:
        """``most`` is ``width`` where it is not given."""
        self.board, self.incumbents = board, incumbents
        self.width, self.most, self.deadline = width, width if most is None else most, deadline
        self.space, self.lattice, self.layout = board.space, board.lattice, board.layout
        self.combinations, self.sliding, self.completion = board.combinations, board.sliding, board.completion
        self.gaps, self.history, self.leftover = board.gaps, board.history, board.leftover
        self.aim = incumbents.aim
        self.history.clear()
        self.reader = Reader(board.space, board.lattice, board.history)
        self.stats = Stats()
        self.root = 0.0
        """A bound of the first objective for the whole mapspace."""
        self.top = len(self.space.arrays)
        self.room_slot = dict(zip(board.rooms, self.layout.room, strict=True))

    def store(self, labels: Labels, parents: Ints | int, kind: int, way: Ints | int = -1) -> None:
        """Remember how labels came about, and give them numbers."""
        numbers = self.history.add(parents, labels.s[Layout.SHAPE], labels.s[Layout.TODO], kind, way)
        labels.s[Layout.NUMBER] = numbers
        self.stats.labels += labels.n

    def reduce(self, labels: Labels, segment: int) -> Labels:
        """Drop labels that are dominated (and, where there are too many, those that promise least)."""
        if labels.n < 2:
            return labels
        rows = self.board.dominance.undominated(labels, segment)
        self.stats.dominated += labels.n - len(rows)
        if len(rows) < labels.n:
            labels = labels.take(rows)
        return self.limit(labels, segment)

    def limit(self, labels: Labels, segment: int) -> Labels:
        """Keep the most promising labels where there are too many."""
        late = self.late()
        width, most, least_share = self.width, self.most, self.least_share
        if late:
            width = most = min(width, LATE if self.incumbents.items else LATE_AT_FIRST)
            least_share = 1
        if labels.n <= most:
            return labels
        s = labels.s
        energy, latency, capacity, least = self.best(labels, segment)
        latency = energy if self.timeless else latency
        state = s[Layout.TODO] * 1_000_003 + s[Layout.OPEN] * 1_009 + s[Layout.ALIVE]
        states = np.unique(state, return_inverse=True)[1].ravel()
        number = int(states.max()) + 1
        keys: list[Sequence[Floats]]
        if self.aim.front:
            # What is paid says more than what will be paid at least: on the way to the least EDP of VGG-16's CONV2-2
            # on pe2d, labels below the array are among the first ten of their state by the one, 500 by the other.
            paid = np.where(np.isfinite(energy), labels.f[Layout.ENERGY], np.inf)
            keys = [(energy * latency,), (paid * latency,), (latency, paid), (energy, latency)]
            if self.aim.uses_capacity:
                keys += [(energy * latency * capacity,), (energy, capacity)]
        else:
            keys = [(self.aim.values(energy, latency, capacity)[0],)]
        share = max(least_share, width // (min(4, len(keys)) * number) + 1)
        left = np.ones(labels.n, dtype=bool)
        to_go = self.lattice.repeats[s[Layout.SHAPE]]  # of labels that promise the same, the larger tiles are kept
        for key in keys:
            order = np.lexsort((to_go, *key, states))
            starts = np.searchsorted(states[order], np.arange(number))
            left[order[np.arange(len(order)) - starts[states[order]] < share]] = False
        self.drop(labels.where(left), segment, least[left])
        return labels.where(~left)

    def late(self) -> bool:
        """Whether it is time to complete what is most promising. Raises OutOfTimeError where there is none for that."""
        check_time()
        return self.deadline is not None and time.monotonic() > self.deadline

    def drop(self, labels: Labels, segment: int, least: Floats | None = None) -> None:
        """Give labels up, for want of time or memory, and note what they might have led to.

        ``least``: quick bounds of the first objective, as far as they are known.
        """
        if labels.n:
            self.stats.dropped += labels.n
            if least is None:
                least = self.first(labels, segment)
            elif segment == self.top:
                least = self.first(labels.where(least < self.stats.dropped_bound), segment)
            self.stats.dropped_bound = float(least.min(initial=self.stats.dropped_bound))

    def parts(self, labels: Labels, segment: int) -> Iterator[tuple[slice, Labels]]:
        """Yield the labels in parts whose matrices of bounds are not too large."""
        step = BATCH if segment == self.top else max(1, CELLS // len(self.completion.across[segment].coarse))
        for start in range(0, labels.n, step):
            self.late()
            part = slice(start, min(labels.n, start + step))
            yield part, labels if labels.n <= step else Labels(labels.s[:, part], labels.f[:, part])

    def floor(self, labels: Labels, segment: int, *, quick: bool) -> Costs:
        """Return bounds of the three costs; of several architectures, of the first one, on which nothing costs more."""
        return of_first(*self.completion.bounds(labels, segment, quick=quick))

    def first(self, labels: Labels, segment: int) -> Floats:
        """Return bounds of the first objective; below an array by groups of ways to spread it."""
        found = np.empty(labels.n)
        for part, mine in self.parts(labels, segment):
            found[part] = self.aim.first(*self.floor(mine, segment, quick=segment < self.top)).min(axis=1)
        return found

    def best(self, labels: Labels, segment: int) -> Floats:
        """Return quick bounds of (energy, latency, capacity, first objective).

        The costs are those of the choice with the least product of energy and latency, or the least energy where that
        matters alone; the last bound is of any choice.
        """
        found = np.empty((4, labels.n))
        for part, mine in self.parts(labels, segment):
            costs = self.floor(mine, segment, quick=True)
            at = (costs[0] if self.timeless else costs[0] * costs[1]).argmin(axis=1)[:, None]
            for row, cost in zip(found[:3], costs, strict=True):
                row[part] = np.take_along_axis(cost, at, axis=1)[:, 0]
            found[3, part] = self.aim.first(*costs).min(axis=1)
        return found

    def survivors(self, labels: Labels, segment: int) -> Labels:
        """Return the labels whose best completion may be better than what is known."""
        if not self.incumbents.items or not labels.n:
            return labels
        hopeful = np.empty(labels.n, dtype=bool)
        for part, mine in self.parts(labels, segment):
            hopeful[part] = self.completion.hopeful(mine, segment, self.incumbents)
        self.stats.bounded += labels.n - int(hopeful.sum())
        return labels.where(hopeful)

    def hopeful_at_once(self, labels: Labels) -> Ints:
        """Return the places of labels above the last array that quick bounds do not rule out."""
        if not self.incumbents.items:
            return np.arange(labels.n)
        beaten = self.beaten(*self.completion.bounds(labels, self.top, quick=True))
        return np.flatnonzero(~beaten[:, 0])

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> Any:
        found = self.incumbents.beaten(energy, latency, capacity)
        self.stats.bounded += int(found.sum())
        return found
