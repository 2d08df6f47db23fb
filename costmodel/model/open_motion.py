"""How a tensor moves where tiles are open: the closed forms and the sums of events, by columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from costmodel.model.closed import Count, Modes, closed_arrivals, closed_first_words
from costmodel.model.columns import Columns
from costmodel.model.events import EventCounts
from costmodel.model.motion import Motion
from costmodel.model.window_table import WindowSums, WindowTable


@dataclass(eq=False)
class OpenMotion:
    """A tensor's motion with tiles left open."""

    motion: Motion

    @cached_property
    def tables(self) -> list[WindowTable]:
        """Sums over each window."""
        return [WindowTable(self.motion, group) for group in self.motion.windows]

    @cached_property
    def events(self) -> EventCounts:
        return EventCounts(self.motion)

    def tile(self, columns: Columns) -> Count:
        """Words of the tile in the ranks without windows."""
        size: Count = 1
        for v in self.motion.structure.plain:
            places = [at for at, x in enumerate(self.motion.loops) if x.rank_variable == v]
            size = size * (columns.tiles[places[-1]] if places else self.motion.extents[v])
        return size

    def counts(self, columns: Columns) -> Sequence[Count]:
        """Steps of every loop as the tensor sees them: those that are frozen have one."""
        if not self.motion.frozen:
            return columns.counts
        moving = zip(self.motion.loops, columns.counts, strict=False)  # loops further in are no loops of this one
        return [1 if loop.rank_variable in self.motion.frozen else count for loop, count in moving]

    def arrivals(self, columns: Columns, merged_from: int, modes: Modes, *, every_step: bool = False) -> Count:
        if columns.residual is not None:
            count = self.events.accesses if every_step else self.events.arrivals
            return count(columns.residual, merged_from, modes)
        windows = WindowSums(self.tables, columns, merged_from, modes) if self.tables else None
        return closed_arrivals(
            self.motion.structure,
            self.counts(columns),
            self.tile(columns),
            windows,
            merged_from,
            modes,
            every_step=every_step,
        )

    def departures(self, columns: Columns, merged_from: int, modes: Modes) -> Count:
        if columns.residual is not None:
            return self.events.departures(columns.residual, merged_from, modes)
        return self.arrivals(columns, merged_from, modes)  # the nest run backwards is the same nest

    def returns(self, columns: Columns, merged_from: int, modes: Modes) -> Count:
        if columns.residual is not None:
            return self.events.returns(columns.residual, merged_from, modes)
        return self.arrivals(columns, merged_from, modes) - self.first_words(columns, merged_from, modes)

    def distinct(self, columns: Columns, merged_from: int) -> Count:
        """Distinct words that each owner touches."""
        if columns.residual is not None:
            return self.events.distinct(columns.residual, merged_from)
        return self.first_words(columns, merged_from, ())

    def first_words(self, columns: Columns, merged_from: int, modes: Modes) -> Count:
        return closed_first_words(self.motion.structure, self.counts(columns), self.tile(columns), merged_from, modes)

    def largest(self, columns: Columns) -> Count:
        size = self.tile(columns)
        for table in self.tables:
            size = size * table.largest(columns)
        return size


def every_step_of(moving: OpenMotion, columns: Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes, every_step=True)


def arrivals_of(moving: OpenMotion, columns: Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes)


def returns_of(moving: OpenMotion, columns: Columns, start: int, modes: Modes) -> Count:
    return moving.returns(columns, start, modes)


def departures_of(moving: OpenMotion, columns: Columns, start: int, modes: Modes) -> Count:
    return moving.departures(columns, start, modes)
