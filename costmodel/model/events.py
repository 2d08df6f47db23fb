"""Counts of one tensor's words for arrays of tiles that need not divide: the sums over events of ``traffic.py``.

At every event a count is a product over rank variables (``axes.py``) and over groups of ranks with windows. Few
combinations of tiles occur along the rank variables of a window, so each is summed once, exactly, by the scalar model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from costmodel.model.axes import Axis, How, Integers
from costmodel.model.closed import Modes
from costmodel.model.groups import Group
from costmodel.model.motion import Motion
from costmodel.model.patience import check_time
from costmodel.model.tiles import Event


@dataclass(eq=False)
class Rows:
    """Tiles of every loop of a nest, one array each, with what was summed for them."""

    tiles: Sequence[Integers]
    """None larger than what the loops above leave."""
    steps: Sequence[Integers]
    count: int
    sums: dict[tuple[object, ...], Integers] = field(default_factory=dict)
    kinds: dict[tuple[int, ...], tuple[list[tuple[int, ...]], Integers]] = field(default_factory=dict)
    parts: dict[int, tuple[Integers, Rows]] = field(default_factory=dict)

    @cached_property
    def busy(self) -> tuple[bool, ...]:
        """Whether a loop has more than one step in any row; others change no sum."""
        return tuple(bool((n > 1).any()) for n in self.steps)

    def moving(self, at: int) -> tuple[Integers, Rows]:
        """Return the places of the rows in which a loop has more than one step, and these rows."""
        found = self.parts.get(at)
        if found is None:
            chosen = np.flatnonzero(self.steps[at] > 1)
            if len(chosen) == self.count:
                found = chosen, self
            else:
                found = chosen, Rows([t[chosen] for t in self.tiles], [n[chosen] for n in self.steps], len(chosen))
            self.parts[at] = found
        return found

    def distinct(self, places: tuple[int, ...]) -> tuple[list[tuple[int, ...]], Integers]:
        """Return the combinations of tiles that occur at some loops, and which of them each row has."""
        found = self.kinds.get(places)
        if found is None:
            code = np.zeros(self.count, dtype=np.int64)
            first = np.zeros(1, dtype=np.int64)
            for at in places:
                column = self.tiles[at]
                _, first, code = np.unique(
                    code * (int(column.max()) + 1) + column, return_index=True, return_inverse=True
                )
            listed = [tuple(int(self.tiles[at][i]) for at in places) for i in first]
            found = self.kinds[places] = listed, code
        return found


def united(modes: Modes) -> frozenset[str] | None:
    """Return the arrays whose children share one delivery of the same word; null where that depends on tiles."""
    names: set[str] = set()
    inside: set[str] = set()
    single, unclear = True, False
    for name, mode in reversed(modes):
        inside.add(name)
        if mode == "words":
            names, single, unclear = set(inside), True, False
        elif mode == "none":
            single = False
        elif single:
            names.add(name)
        else:
            unclear = True
    return None if unclear else frozenset(names)


@dataclass(eq=False)
class EventCounts:
    """Counts of a motion whose tiles are left open. ``first`` counts the first instance of the owner alone."""

    motion: Motion
    known: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict)
    scalars: dict[tuple[int, ...], Motion] = field(default_factory=dict)

    def arrivals(self, rows: Rows, merged_from: int, modes: Modes, *, first: bool = False) -> Integers:
        """Words that children ask for, after merging, over all lives."""
        return self._moved(rows, Event("start", self.motion.scope), merged_from, modes, leaving=False, first=first)

    def departures(self, rows: Rows, merged_from: int, modes: Modes, *, first: bool = False) -> Integers:
        """Words that children give back, after merging those that leave together."""
        return self._moved(rows, Event("end", self.motion.scope), merged_from, modes, leaving=True, first=first)

    def accesses(self, rows: Rows, merged_from: int, modes: Modes, *, first: bool = False) -> Integers:
        """Words of all steps, for children that hold nothing."""
        event = Event("all", len(self.motion.loops))
        return self._sums(rows, event, merged_from, modes, leaving=False, fresh=True, first=first)[0]

    def returns(self, rows: Rows, merged_from: int, modes: Modes, *, first: bool = False) -> Integers:
        """Words of arrivals that the asking child has touched before. Without windows."""
        touched = self._idle(rows, Event("start", 0), merged_from, modes, first=first)
        return self.arrivals(rows, merged_from, modes, first=first) - touched * self._plain_words(
            rows, merged_from, first=first
        )

    def distinct(self, rows: Rows, merged_from: int, *, first: bool = False) -> Integers:
        """Distinct words that each owner ever touches, summed over owners. Without windows."""
        total = self._plain_words(rows, merged_from, first=first)
        for v in self.motion.idle:
            total = total * self._axis(rows, v, Event("start", 0), merged_from, self._arrays, first=first, what="count")
        return total

    def changes(self, rows: Rows) -> Integers:
        """How often the first instance takes a tile that differs from the one before. Without windows."""
        alone = len(self.motion.loops)

        def count(event: Event, what: str) -> Integers:
            total = np.ones(1, dtype=np.int64)
            for v in self.motion.idle:
                total = total * self._axis(rows, v, event, alone, frozenset(), first=True, what="count")
            for group in self.motion.groups:
                (v,) = group.rank_variables
                total = total * self._axis(rows, v, event, alone, frozenset(), first=True, what=what)
            return total

        total = count(Event("start", self.motion.scope), "count")
        for event in self.motion.steps():
            if rows.busy[event.loop]:
                total = total + count(event, "count") - count(event, "same")
        return total

    @cached_property
    def _own(self) -> dict[str, list[int]]:
        """Loops of each rank variable."""
        own: dict[str, list[int]] = {v: [] for v in self.motion.extents}
        for at, loop in enumerate(self.motion.loops):
            own[loop.rank_variable].append(at)
        return own

    @cached_property
    def _arrays(self) -> frozenset[str]:
        return frozenset(x.array for x in self.motion.loops if x.array is not None)

    def _moved(
        self, rows: Rows, edge: Event, merged_from: int, modes: Modes, *, leaving: bool, first: bool
    ) -> Integers:
        start, _ = self._sums(rows, edge, merged_from, modes, leaving=leaving, fresh=True, first=first)
        total = np.array(np.broadcast_to(start, (rows.count,)))
        for event in self.motion.steps():
            chosen, part = rows.moving(event.loop)
            if len(chosen):
                whole, kept = self._sums(part, event, merged_from, modes, leaving=leaving, fresh=False, first=first)
                total[chosen] += whole - kept
        return total

    def _sums(
        self, rows: Rows, event: Event, merged_from: int, modes: Modes, *, leaving: bool, fresh: bool, first: bool
    ) -> tuple[Integers, Integers]:
        whole = kept = self._idle(rows, event, merged_from, modes, first=first)
        for group in self.motion.groups:
            if group.plain:
                (v,) = group.rank_variables
                what = "old" if leaving else "new"
                whole = whole * self._axis(rows, v, event, merged_from, frozenset(), first=first, what=what)
                if not fresh:
                    kept = kept * self._axis(rows, v, event, merged_from, frozenset(), first=first, what="kept")
            else:
                w, k = self._window(rows, group, event, merged_from, modes, leaving=leaving, fresh=fresh, first=first)
                whole, kept = whole * w, kept * k
        return whole, kept

    def _idle(self, rows: Rows, event: Event, merged_from: int, modes: Modes, *, first: bool) -> Integers:
        together = united(modes)
        if together is None:
            msg = f"how {modes} merge depends on tiles"
            raise ValueError(msg)
        total = np.ones(1, dtype=np.int64)
        for v in self.motion.idle:
            total = total * self._axis(rows, v, event, merged_from, together, first=first, what="count")
        return total

    def _plain_words(self, rows: Rows, merged_from: int, *, first: bool) -> Integers:
        event = Event("all", len(self.motion.loops))
        total = np.ones(1, dtype=np.int64)
        for group in self.motion.groups:
            (v,) = group.rank_variables
            total = total * self._axis(rows, v, event, merged_from, frozenset(), first=first, what="new")
        return total

    def _axis(
        self, rows: Rows, v: str, event: Event, merged_from: int, together: frozenset[str], *, first: bool, what: str
    ) -> Integers:
        """Return one factor; ``together`` are the arrays of whose merged children one stands for all."""
        own = [at for at in self._own[v] if rows.busy[at]]
        how: list[How] = []
        for at in own:
            array = self.motion.loops[at].array
            if array is None:
                how.append("time")
            else:
                how.append("first" if (first if at < merged_from else array in together) else "each")
        outside = len(own) if event.kind == "all" else sum(at < event.loop for at in own)
        steps = event.kind == "step" and event.loop in own
        key = (v, self.motion.extents[v], tuple(own), tuple(how), outside, steps, what)
        found = rows.sums.get(key)
        if found is None:
            axis = Axis(self.motion.extents[v], tuple(rows.tiles[at] for at in own), tuple(how), outside, steps)
            if what == "old":
                found = axis.leaving()
            elif what in ("kept", "same"):
                found = axis.staying(counted=what == "same")
            else:
                found = axis.arriving(counted=what == "count")
            rows.sums[key] = found
        return found

    def _window(
        self,
        rows: Rows,
        group: Group,
        event: Event,
        merged_from: int,
        modes: Modes,
        *,
        leaving: bool,
        fresh: bool,
        first: bool,
    ) -> tuple[Integers, Integers]:
        places = tuple(at for at, x in enumerate(self.motion.loops) if x.rank_variable in group.rank_variables)
        before = sum(at < event.loop for at in places)
        stepping = event.kind == "step" and event.loop in places
        merged = sum(at < merged_from for at in places)
        kind = (group.rank_variables, event.kind == "all", before, stepping, merged, modes, leaving, fresh, first)
        listed, which = rows.distinct(places)
        pairs = []
        for key in listed:
            found = self.known.get((kind, key))
            if found is None:
                check_time()
                scalar = self._scalar(places, key)
                fixed = self._first(group, merged_from) if first else None
                found = scalar._group_sums(group, event, merged_from, fixed, modes, leaving=leaving, fresh=fresh)  # noqa: SLF001
                self.known[kind, key] = found
            pairs.append(found)
        table: npt.NDArray[np.int64] = np.array(pairs, dtype=np.int64)
        return table[which, 0], table[which, 1]

    def _first(self, group: Group, merged_from: int) -> dict[str, tuple[int, ...]]:
        corner: dict[str, tuple[int, ...]] = dict.fromkeys(group.rank_variables, ())
        for loop in self.motion.loops[:merged_from]:
            if loop.spatial and loop.rank_variable in corner:
                corner[loop.rank_variable] += (0,)
        return corner

    def _scalar(self, places: tuple[int, ...], tiles: tuple[int, ...]) -> Motion:
        """Return the motion with these tiles."""
        key = (*places, *tiles)
        found = self.scalars.get(key)
        if found is None:
            loops = list(self.motion.loops)
            for at, tile in zip(places, tiles, strict=True):
                loops[at] = replace(loops[at], tile=tile)
            found = replace(self.motion, loops=tuple(loops))
            self.scalars[key] = found
        return found
