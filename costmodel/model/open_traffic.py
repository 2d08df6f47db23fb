"""The words that cross the boundaries of a nest with open tiles, in every row of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

from costmodel.model.closed import Count, Modes
from costmodel.model.columns import Columns
from costmodel.model.events import EventCounts, Rows
from costmodel.model.nest import Holder
from costmodel.model.open_loops import OpenLoops
from costmodel.model.open_motion import OpenMotion, arrivals_of, departures_of, every_step_of, returns_of
from costmodel.model.traffic import adding_loops, below_only, collect_modes, deliver_modes


@dataclass(eq=False)
class BoundaryWords:
    """Words across one boundary, in every mapping."""

    parent: Holder
    child: str
    """The level below: one that holds words, or the compute unit."""
    read: Count = 0
    update: Count = 0
    fill: Count = 0
    drain: Count = 0
    hops: tuple[tuple[str, Count], ...] = ()
    frozen: frozenset[str] = frozenset()
    """Rank variables along which only the first instances ask for anything."""
    sums: bool = False
    last_update: Count = 0
    """Of the updates, those that finish a word; likewise of drains and hops (as in ``Crossing``)."""
    last_drain: Count = 0
    last_hops: tuple[tuple[str, Count], ...] = ()


class OpenTraffic(OpenLoops):
    """The traffic of a nest with open tiles, of all instances or of the first."""

    def _crossed(self, columns: Columns) -> Iterator[BoundaryWords]:
        """Count what crosses each boundary."""
        for holder, moving in self._holders:
            if holder.parent is not None:
                yield self._cross(holder, holder.parent, moving, columns)
        unit = self._bound.unit.name
        for tensor, moving in self._reads:
            parent = self._bound.holders[tensor][-1]
            down = deliver_modes(self.architecture, parent.level.name, unit)
            asked = partial(every_step_of, moving, columns, len(parent.loops))
            hops = self._hops(down, asked)
            yield BoundaryWords(parent, unit, read=asked(down), hops=hops, frozen=moving.motion.frozen)
        parent = self._bound.holders[self.einsum.output.tensor][-1]
        start = len(parent.loops)
        up = collect_modes(self.architecture, parent.level.name, unit)
        asked = partial(every_step_of, self._writes, columns, start)
        updates = asked(up)
        first = self._writes.distinct(columns, start)
        found = BoundaryWords(parent, unit, read=updates - first, update=updates, hops=self._hops(up, asked))
        if self.einsum.accumulated:
            found.sums = True
            found.last_update = self._ended(columns, first, start)
            found.last_hops = self._ended_hops(columns, first, start, up)
        yield found

    def _hops(self, modes: Modes, *counts: partial[Count]) -> tuple[tuple[str, Count], ...]:
        """Words below each array, if a hop of any of them costs something: else they are not counted."""
        names = [name for name, _ in modes]
        if not self._book.prices_hops(names):
            return ()
        return tuple((name, count(below_only(modes, name))) for count in counts for name in names)

    def _ended(self, columns: Columns, words: Count, until: int, arrays: Collection[str] = ()) -> Count:
        """Return the words that are finished where no instances share their sums, as ``Ended`` of the scalar model."""
        shared: Count = 1
        for at in adding_loops(self.einsum, self.loops, until, arrays):
            shared = shared * columns.counts[at]
        return words * (shared == 1)

    def _ended_hops(self, columns: Columns, words: Count, start: int, modes: Modes) -> tuple[tuple[str, Count], ...]:
        names = [name for name, _ in modes]
        if not self._book.prices_hops(names):
            return ()
        return tuple((n, self._ended(columns, words, start, names[: at + 1])) for at, n in enumerate(names))

    def _cross(self, child: Holder, parent: Holder, moving: OpenMotion, columns: Columns) -> BoundaryWords:
        start, alone = len(parent.loops), len(child.loops)
        down = deliver_modes(self.architecture, parent.level.name, child.level.name)
        if not child.output_like:
            arrived = moving.arrivals(columns, alone, ())
            asked = moving.arrivals(columns, start, down) if down else arrived
            hops = self._hops(down, partial(arrivals_of, moving, columns, start))
            frozen = moving.motion.frozen
            return BoundaryWords(parent, child.level.name, read=asked, fill=arrived, hops=hops, frozen=frozen)
        up = collect_modes(self.architecture, parent.level.name, child.level.name)
        left = moving.departures(columns, alone, ())
        found = BoundaryWords(
            parent,
            child.level.name,
            read=moving.returns(columns, start, down),
            fill=moving.returns(columns, alone, ()),
            update=moving.departures(columns, start, up) if up else left,
            drain=left,
            hops=(
                *self._hops(down, partial(returns_of, moving, columns, start)),
                *self._hops(up, partial(departures_of, moving, columns, start)),
            ),
            frozen=moving.motion.frozen,
        )
        if child.partial:
            found.sums = True
            found.last_update = self._ended(columns, moving.distinct(columns, start), start)
            found.last_drain = self._ended(columns, moving.distinct(columns, alone), alone)
            found.last_hops = self._ended_hops(columns, moving.distinct(columns, start), start, up)
        return found

    def _first_instance(self, level: str, columns: Columns, rows: Rows) -> Iterator[BoundaryWords]:
        """Count what crosses in the first instance of a level inside an array: at its own end of each boundary."""
        for holder, moving in self._holders:
            if holder.parent is not None:
                yield self._first_crossed(level, holder, holder.parent, moving.events, columns, rows)
        unit = self._bound.unit.name
        for tensor, moving in self._reads:
            parent = self._bound.holders[tensor][-1]
            if parent.level.name == level:
                down = deliver_modes(self.architecture, level, unit)
                yield BoundaryWords(
                    parent, unit, read=moving.events.accesses(rows, len(parent.loops), down, first=True)
                )
        parent = self._bound.holders[self.einsum.output.tensor][-1]
        if parent.level.name == level:
            events, start = self._writes.events, len(parent.loops)
            asked = events.accesses(rows, start, collect_modes(self.architecture, level, unit), first=True)
            first = events.distinct(rows, start, first=True)
            found = BoundaryWords(parent, unit, read=asked - first, update=asked, sums=bool(self.einsum.accumulated))
            if found.sums:
                found.last_update = self._ended(columns, first, start)
            yield found

    def _first_crossed(
        self, level: str, child: Holder, parent: Holder, events: EventCounts, columns: Columns, rows: Rows
    ) -> BoundaryWords:
        found = BoundaryWords(parent, child.level.name, sums=child.partial)
        if parent.level.name == level:
            ends = (self.architecture, level, child.level.name)
            down, up, start = deliver_modes(*ends), collect_modes(*ends), len(parent.loops)
            if child.output_like:
                found.read = events.returns(rows, start, down, first=True)
                found.update = events.departures(rows, start, up, first=True)
                if child.partial:
                    found.last_update = self._ended(columns, events.distinct(rows, start, first=True), start)
            else:
                found.read = events.arrivals(rows, start, down, first=True)
        if child.level.name == level:
            alone = len(child.loops)
            if child.output_like:
                found.fill = events.returns(rows, alone, (), first=True)
                found.drain = events.departures(rows, alone, (), first=True)
                if child.partial:
                    found.last_drain = self._ended(columns, events.distinct(rows, alone, first=True), alone)
            else:
                found.fill = events.arrivals(rows, alone, (), first=True)
        return found
