"""The same counts for arrays of tile shapes of one nest template, for use by every search.

A template is a nest whose loops have no fixed tiles. Rows whose tiles divide each other go through the closed forms
of ``closed.py`` as arrays, rows with residual tiles through the sums of ``events.py``, and what neither of them knows
is evaluated by the scalar model; so every row is exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.einsum.roles import stationary_tensor
from costmodel.model.axes import Axis, How
from costmodel.model.closed import Count, Modes, closed_arrivals, closed_first_words
from costmodel.model.evaluate import evaluate, systolic_arrays
from costmodel.model.evaluation import Flow
from costmodel.model.events import EventCounts, Rows, united
from costmodel.model.formats import stored_bits
from costmodel.model.groups import Group
from costmodel.model.meters import ENERGY, PriceBook, compute_pj, leak_pj_per_cycle, pass_cycles, point_cycles
from costmodel.model.motion import Motion, motion
from costmodel.model.nest import BoundEinsum, Holder, bind
from costmodel.model.tiles import Event, Loop
from costmodel.model.traffic import below_only, collect_modes, deliver_modes, holder_motion
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Mapping, Node, Spatial, Temporal
from costmodel.spec.problems import SpecError

_FLOWS = ("fill", "read", "update", "drain")
_MOST = 2**62
"""Numbers up to this one are counted in arrays of 64 bits, with room for one more addition."""
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BatchResult:
    """One entry per row of tiles."""

    energy_pj: Floats
    latency_cycles: Floats
    feasible: npt.NDArray[np.bool_]
    """Whether every level has room and every array is large enough. Costs of other rows are what they would be."""
    over_bits: dict[str, Integers]
    """Level → bits above its capacity (negative: room left; room above 2⁶² bits counts as 2⁶²)."""
    capacity_bits: Integers
    """Room used inside the outermost memory, as in ``Evaluation`` (2⁶³ − 1 bits and more as 2⁶³ − 1)."""
    words: dict[tuple[str, str, Flow], Integers]
    """(level, tensor, flow) → words of all instances."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """Tiles and steps of every loop, one array each."""

    tiles: Sequence[Integers]
    counts: Sequence[Integers]
    rows: int
    residual: Rows | None = None
    """Where tiles need not divide."""


@dataclass(eq=False)
class _Crossed:
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


@dataclass(eq=False)
class _WindowTable:
    """Sums over windows, looked up by the tiles of the loops over their rank variables.

    Few combinations of tiles occur, so each is summed once, exactly, and kept for later batches.
    """

    motion: Motion
    merged_from: int
    modes: Modes
    places: tuple[int, ...] = ()
    """Loops over the rank variables of the windows."""
    known: dict[tuple[tuple[int, ...], Event], tuple[int, int]] = field(default_factory=dict)
    scalars: dict[tuple[int, ...], Motion] = field(default_factory=dict)

    def bind(self, columns: _Columns) -> partial[tuple[Count, Count]]:
        keys = np.stack([columns.tiles[at] for at in self.places], axis=1) if self.places else None
        if keys is None:
            return partial(self._sums, [()], None)
        code: Any = np.zeros(columns.rows, dtype=np.int64)
        if math.prod(int(column.max()) + 1 for column in keys.T) > _MOST:
            code = code.astype(object)
        for column in keys.T:
            code = code * (int(column.max()) + 1) + column
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        return partial(self._sums, [tuple(int(x) for x in keys[i]) for i in first], inverse)

    def _sums(self, keys: Sequence[tuple[int, ...]], inverse: Integers | None, event: Event) -> tuple[Count, Count]:
        pairs = [self._sum(key, event) for key in keys]
        if inverse is None:
            return pairs[0]
        table = np.array(pairs, dtype=np.int64)
        return table[inverse, 0], table[inverse, 1]

    def _scalar(self, key: tuple[int, ...]) -> Motion:
        """Return the motion with these tiles."""
        found = self.scalars.get(key)
        if found is None:
            loops = list(self.motion.loops)
            for at, tile in zip(self.places, key, strict=True):
                loops[at] = replace(loops[at], tile=tile)
            found = self.scalars[key] = replace(self.motion, loops=tuple(loops))
        return found

    def largest(self, bound: partial[tuple[Count, Count]]) -> Count:
        """Words of the largest tile in the ranks with windows."""
        keys, inverse = bound.args
        sizes = [math.prod(map(self._scalar(key).largest_in, self.motion.windows)) for key in keys]
        return sizes[0] if inverse is None else np.array(sizes, dtype=self.kind)[inverse]

    @property
    def kind(self) -> type:
        """Of the entries of arrays of tiles: integers of any size where these do not fit."""
        return np.int64 if math.prod(g.width for g in self.motion.windows) < _MOST else object

    def _sum(self, key: tuple[int, ...], event: Event) -> tuple[int, int]:
        found = self.known.get((key, event))
        if found is None:
            found = self.known[key, event] = self._scalar(key).window_sums(event, self.merged_from, self.modes)
        return found


@dataclass(eq=False)
class _Moving:
    """A tensor's motion with tiles left open."""

    motion: Motion
    tables: dict[tuple[int, Modes], _WindowTable] = field(default_factory=dict)

    @cached_property
    def events(self) -> EventCounts:
        return EventCounts(self.motion)

    def tile(self, columns: _Columns) -> Count:
        """Words of the tile in the ranks without windows."""
        size: Count = 1
        for v in self.motion.structure.plain:
            places = [at for at, x in enumerate(self.motion.loops) if x.rank_variable == v]
            size = size * (columns.tiles[places[-1]] if places else self.motion.extents[v])
        return size

    def counts(self, columns: _Columns) -> Sequence[Count]:
        """Steps of every loop as the tensor sees them: those that are frozen have one."""
        if not self.motion.frozen:
            return columns.counts
        moving = zip(self.motion.loops, columns.counts, strict=False)  # loops further in are no loops of this one
        return [1 if loop.rank_variable in self.motion.frozen else count for loop, count in moving]

    def table(self, merged_from: int, modes: Modes) -> _WindowTable:
        found = self.tables.get((merged_from, modes))
        if found is None:
            windowed = self.motion.structure.windowed
            places = tuple(at for at, x in enumerate(self.motion.loops) if x.rank_variable in windowed)
            found = self.tables[merged_from, modes] = _WindowTable(self.motion, merged_from, modes, places)
        return found

    def arrivals(self, columns: _Columns, merged_from: int, modes: Modes, *, every_step: bool = False) -> Count:
        if columns.residual is not None:
            count = self.events.accesses if every_step else self.events.arrivals
            return count(columns.residual, merged_from, modes)
        windows = self.table(merged_from, modes).bind(columns) if self.motion.structure.windowed else None
        return closed_arrivals(
            self.motion.structure,
            self.counts(columns),
            self.tile(columns),
            windows,
            merged_from,
            modes,
            every_step=every_step,
        )

    def departures(self, columns: _Columns, merged_from: int, modes: Modes) -> Count:
        if columns.residual is not None:
            return self.events.departures(columns.residual, merged_from, modes)
        return self.arrivals(columns, merged_from, modes)  # the nest run backwards is the same nest

    def returns(self, columns: _Columns, merged_from: int, modes: Modes) -> Count:
        if columns.residual is not None:
            return self.events.returns(columns.residual, merged_from, modes)
        return self.arrivals(columns, merged_from, modes) - self.first_words(columns, merged_from, modes)

    def distinct(self, columns: _Columns, merged_from: int) -> Count:
        """Distinct words that each owner touches."""
        if columns.residual is not None:
            return self.events.distinct(columns.residual, merged_from)
        return self.first_words(columns, merged_from, ())

    def first_words(self, columns: _Columns, merged_from: int, modes: Modes) -> Count:
        return closed_first_words(self.motion.structure, self.counts(columns), self.tile(columns), merged_from, modes)

    def largest(self, columns: _Columns) -> Count:
        size = self.tile(columns)
        windowed = self.motion.structure.windowed
        if not windowed:
            return size
        table = self.table(len(self.motion.loops), ())
        keys = table.bind(columns)
        return size * table.largest(keys)


class Template:
    """A nest of one Einsum with open tiles.

    Columns of ``tiles`` are the loops of the nest, outermost first; entry (i, j) is the tile below loop j in row i.
    Tiles must not grow inwards along a rank variable, and the innermost tile of each must be 1.
    """

    def __init__(self, workload: Workload, architecture: Architecture, mapping: Mapping) -> None:
        """Bind the nest once. Raises SpecError if the structure (apart from tiles and sizes) is wrong."""
        self.workload, self.architecture, self.mapping = workload, architecture, mapping
        self._book = PriceBook(architecture)
        self._nest = bind(workload, architecture, mapping)
        if len(self._nest.einsums) != 1:
            msg = "a template has one Einsum"
            raise ValueError(msg)
        self._bound: BoundEinsum = self._nest.einsums[0]
        self.loops: tuple[Loop, ...] = self._bound.loops
        self._holders = [(h, _Moving(holder_motion(h))) for h in self._nest.holders]
        einsum = self._bound.einsum
        self._reads = [(a.tensor, _Moving(motion(self.loops, self._bound.scope, [(einsum, a)]))) for a in einsum.inputs]
        self._writes = _Moving(motion(self.loops, self._bound.scope, [(einsum, einsum.output)]))

    @property
    def einsum(self) -> Einsum:
        return self._bound.einsum

    def evaluate(self, tiles: npt.ArrayLike, *, words: bool = False) -> BatchResult:
        """Cost every row of tiles, exactly. ``words`` also returns the traffic table (rows must then divide)."""
        rows = self._rows(tiles)
        if self._wide:
            return self._scalar(rows)
        divides = self._divides(rows)
        if not self._closed:
            divides[:] = False
        if divides.all():
            return self._counted(self._columns(rows), words=words)
        chosen, others = np.flatnonzero(divides), np.flatnonzero(~divides)
        if self._by_events and self.exact_floor:
            parts = [(others, self._counted(self._columns_any(rows[others]), words=False))]
        else:
            parts = [(others, self._scalar(rows[others]))]
        if len(chosen):
            parts.append((chosen, self._counted(self._columns(rows[chosen]), words=False)))
        return self._joined(parts, len(rows))

    def floor(self, tiles: npt.ArrayLike) -> BatchResult | None:
        """Cost every row of tiles at least, by arrays alone; null where only the scalar model has the counts.

        Nothing is missing but the latency of memories inside arrays (and the leakage meanwhile): there the first
        instance counts, whether another one is busier or not. With ``exact_floor`` nothing is missing at all.
        """
        if self._wide:
            return None
        rows = self._rows(tiles)
        return self._counted(self._columns_any(rows), words=False) if self._by_events else None

    @cached_property
    def exact_floor(self) -> bool:
        """Whether nothing inside an array has a limit but the compute instances."""
        return not any(self._inside(self._book.meters[places[0]].level) for places in self._book.limits.values())

    def _rows(self, tiles: npt.ArrayLike) -> Integers:
        rows = np.asarray(tiles, dtype=np.int64)
        if rows.ndim != 2 or rows.shape[1] != len(self.loops):
            msg = f"tiles must have one column per loop, {len(self.loops)}; got shape {rows.shape}"
            raise ValueError(msg)
        return rows

    @cached_property
    def _closed(self) -> bool:
        """Whether the closed forms have all counts of tiles that divide.

        They lack those of written windows, of passes, and of accesses to a tensor that move apart.
        """
        return not self._written_windows and not self._systolic and self._rigid

    @property
    def _motions(self) -> list[_Moving]:
        return [*(m for _, m in self._holders), *(m for _, m in self._reads), self._writes]

    @cached_property
    def _rigid(self) -> bool:
        """Whether all accesses to a tensor move alike."""
        return all(m.motion.rigid for m in self._motions)

    @cached_property
    def _wide(self) -> bool:
        """Whether some number may not fit into 64 bits; then the scalar model counts, with integers of any size."""
        einsum = self.einsum
        bits = max(stored_bits(t, None, 1) for t in einsum.tensors.values())
        holes = 1
        if any(m.holes == "fetch" for m in self.architecture.memories):
            holes = max(t.size_words for t in einsum.tensors.values())
        moved = einsum.points * len(einsum.accesses) * len(_FLOWS) * bits * holes
        copies = sum(self.architecture.copies(m.name) for m in self.architecture.memories)
        held = sum(stored_bits(t, None, t.size_words) for t in einsum.tensors.values()) * copies
        return max(moved, held) > _MOST

    @cached_property
    def _by_events(self) -> bool:
        """Whether ``events.py`` has all counts.

        They lack those of written windows, of accesses that move apart, and where merging depends on tiles.
        """
        ends = [
            (self.architecture, *pair) for pair in itertools.combinations([x.name for x in self.architecture.levels], 2)
        ]
        modes = [m for x in ends for m in (deliver_modes(*x), collect_modes(*x))]
        merged = [united(m) for m in (*modes, *(below_only(m, name) for m in modes for name, _ in m))]
        windows = any(not g.plain for m in self._passes.values() for g in m.motion.groups)
        return not self._written_windows and not windows and None not in merged and self._rigid

    @cached_property
    def _written_windows(self) -> bool:
        written = [m for h, m in self._holders if h.output_like] + [self._writes]
        return any(m.motion.structure.windowed for m in written)

    @cached_property
    def _systolic(self) -> list[Array]:
        return systolic_arrays(self.architecture, self._bound)

    def _divides(self, rows: Integers) -> npt.NDArray[np.bool_]:
        left: dict[str, Any] = {v: np.int64(n) for v, n in self.einsum.shape.items()}
        good = np.ones(len(rows), dtype=np.bool_)
        for at, loop in enumerate(self.loops):
            good &= left[loop.rank_variable] % rows[:, at] == 0
            left[loop.rank_variable] = rows[:, at]
        return good

    def _columns(self, rows: Integers) -> _Columns:
        left: dict[str, Any] = dict(self.einsum.shape)
        tiles, counts = [], []
        for at, loop in enumerate(self.loops):
            tile = np.ascontiguousarray(rows[:, at])
            tiles.append(tile)
            counts.append(np.asarray(left[loop.rank_variable] // tile, dtype=np.int64))
            left[loop.rank_variable] = tile
        return _Columns(tiles, counts, len(rows))

    def _counted(self, columns: _Columns, *, words: bool) -> BatchResult:
        return self._totals(columns, list(self._crossed(columns)), words=words)

    def _crossed(self, columns: _Columns) -> Iterator[_Crossed]:
        """Count what crosses each boundary."""
        for holder, moving in self._holders:
            if holder.parent is not None:
                yield self._cross(holder, holder.parent, moving, columns)
        unit = self._bound.unit.name
        for tensor, moving in self._reads:
            parent = self._bound.holders[tensor][-1]
            down = deliver_modes(self.architecture, parent.level.name, unit)
            asked = partial(_every_step, moving, columns, len(parent.loops))
            hops = self._hops(down, asked)
            yield _Crossed(parent, unit, read=asked(down), hops=hops, frozen=moving.motion.frozen)
        parent = self._bound.holders[self.einsum.output.tensor][-1]
        start = len(parent.loops)
        up = collect_modes(self.architecture, parent.level.name, unit)
        asked = partial(_every_step, self._writes, columns, start)
        updates = asked(up)
        first = self._writes.distinct(columns, start)
        yield _Crossed(parent, unit, read=updates - first, update=updates, hops=self._hops(up, asked))

    def _hops(self, modes: Modes, *counts: partial[Count]) -> tuple[tuple[str, Count], ...]:
        """Words below each array, if a hop of any of them costs something: else they are not counted."""
        names = [name for name, _ in modes]
        if not self._book.prices_hops(names):
            return ()
        return tuple((name, count(below_only(modes, name))) for count in counts for name in names)

    def _cross(self, child: Holder, parent: Holder, moving: _Moving, columns: _Columns) -> _Crossed:
        start, alone = len(parent.loops), len(child.loops)
        down = deliver_modes(self.architecture, parent.level.name, child.level.name)
        if not child.output_like:
            arrived = moving.arrivals(columns, alone, ())
            asked = moving.arrivals(columns, start, down) if down else arrived
            hops = self._hops(down, partial(_arrivals, moving, columns, start))
            frozen = moving.motion.frozen
            return _Crossed(parent, child.level.name, read=asked, fill=arrived, hops=hops, frozen=frozen)
        up = collect_modes(self.architecture, parent.level.name, child.level.name)
        left = moving.departures(columns, alone, ())
        return _Crossed(
            parent,
            child.level.name,
            read=moving.returns(columns, start, down),
            fill=moving.returns(columns, alone, ()),
            update=moving.departures(columns, start, up) if up else left,
            drain=left,
            hops=(
                *self._hops(down, partial(_returns, moving, columns, start)),
                *self._hops(up, partial(_departures, moving, columns, start)),
            ),
            frozen=moving.motion.frozen,
        )

    def _costs(
        self, crossed: Iterable[_Crossed], rows: int, spread: Sequence[tuple[str, Integers]] = ()
    ) -> dict[int, Floats]:
        """Return the energy of what crosses, and the cycles of each limit for all instances together.

        ``spread``: (rank variable, steps) of the loops in space above some instances. What is frozen along one of them
        crosses in the first instances alone, and counts as if it did in all.
        """
        limits = [place for places in self._book.limits.values() for place in places]
        costs = {row: np.zeros(rows) for row in (ENERGY, *limits)}
        for c in crossed:
            share: Any = 1
            for v, steps in spread:
                if v in c.frozen:
                    share = share * steps
            for charge, weights in self._book.per_word(c.parent.tensor, c.parent.level.name, c.child):
                words = charge.words(c)
                for row, weight in weights.items():
                    costs[row] += words * (weight * share)
        return costs

    def _totals(self, columns: _Columns, crossed: Sequence[_Crossed], *, words: bool) -> BatchResult:
        n = columns.rows
        costs = self._costs(crossed, n)
        energy = costs[ENERGY] + compute_pj(self.einsum, self._bound.unit)
        cycles = np.zeros(n)
        for at_zero, each in point_cycles(self.einsum, self._bound.unit).items():
            cycles += each * self._points(columns, at_zero)
        for array in self._systolic:
            cycles += self._overhead(array, columns)
        for places in self._book.limits.values():
            cycles = np.maximum(cycles, self._limit_cycles(places, costs, crossed, columns))
        energy += leak_pj_per_cycle(self.architecture) * cycles
        over, used = self._rooms(columns)
        feasible = self._fits(columns)
        for more in over.values():
            feasible &= more <= 0
        return BatchResult(energy, cycles, feasible, over, used, _table(crossed, n) if words else {})

    def _limit_cycles(
        self, places: Sequence[int], costs: dict[int, Floats], crossed: Sequence[_Crossed], columns: _Columns
    ) -> Floats:
        """Cycles of the busiest instance (or of the first one, where instances differ) by the limits of a component."""
        level = self._book.meters[places[0]].level
        instances: Any = 1
        if columns.residual is not None and self._inside(level):
            costs = self._costs(self._first_instance(level, columns.residual), columns.rows)
        else:
            spread = [(self.loops[at].rank_variable, columns.counts[at]) for at in self._above(level)]
            instances = math.prod((steps for _, steps in spread), start=instances)
            if any(v in c.frozen for c in crossed for v, _ in spread):
                costs = self._costs(crossed, columns.rows, spread)
        return np.asarray(np.max([costs[place] for place in places], axis=0) / instances)

    def _rooms(self, columns: _Columns) -> tuple[dict[str, Integers], Integers]:
        """Bits above the capacity of each level that has one, and the room used."""
        over: dict[str, Integers] = {}
        total: Any = np.zeros(columns.rows, dtype=np.int64)
        for place, memory in enumerate(self.architecture.memories):
            if not place and memory.usable_bits is None:
                continue
            used: Any = np.zeros(columns.rows, dtype=np.int64)
            for holder, moving in self._holders:
                if holder.level is memory:
                    used = used + stored_bits(holder.tensor, memory, np.asarray(moving.largest(columns)))
            if memory.usable_bits is not None:
                over[memory.name] = _clipped(used - min(memory.usable_bits, _MOST))
            if place:
                total = total + used * self.architecture.copies(memory.name)
        return over, _clipped(total)

    def _fits(self, columns: _Columns) -> npt.NDArray[np.bool_]:
        good = np.ones(columns.rows, dtype=np.bool_)
        for array in self.architecture.arrays:
            for dimension, size in array.shape.items():
                used: Any = 1
                for at, loop in enumerate(self.loops):
                    if (loop.array, loop.dimension) == (array.name, dimension):
                        used = used * columns.counts[at]
                good &= used <= size
        return good

    def _points(self, columns: _Columns, at_zero: frozenset[str]) -> Count:
        """Points of the busiest compute instance, the first one, at which some rank variables are 0."""
        points: Count = 1
        if columns.residual is None:
            for at, loop in enumerate(self.loops):
                if not loop.spatial and loop.rank_variable not in at_zero:
                    points = points * columns.counts[at]
            return points
        for v in dict.fromkeys(x.rank_variable for x in self.loops if x.rank_variable not in at_zero):
            own = [at for at, x in enumerate(self.loops) if x.rank_variable == v]
            how: list[How] = ["first" if self.loops[at].spatial else "time" for at in own]
            tiles = tuple(columns.tiles[at] for at in own)
            points = points * Axis(self.einsum.shape[v], tiles, tuple(how), len(own)).arriving(counted=True)
        return points

    def _overhead(self, array: Array, columns: _Columns) -> Count:
        """Cycles that the passes of a systolic array pay, as ``systolic_overhead`` of the scalar model."""
        assert columns.residual is not None  # noqa: S101  (closed forms do not count passes)
        passes = self._passes[array.name].events.changes(columns.residual)
        reducing = []
        for dimension in array.shape:
            used = np.zeros(columns.rows, dtype=np.bool_)
            for at, loop in enumerate(self.loops):
                if (loop.array, loop.dimension) == (array.name, dimension):
                    used |= (columns.counts[at] > 1) & (loop.rank_variable in self.einsum.reduced)
            reducing.append(used)
        by_rows = np.array([pass_cycles(array, dimension) for dimension in array.shape])
        table = np.array(reducing)
        return np.asarray(passes * np.where(table.sum(axis=0) == 1, by_rows @ table, by_rows[0]))

    @cached_property
    def _passes(self) -> dict[str, _Moving]:
        """How the stationary tile of each systolic array moves."""
        found = {}
        for array in self._systolic:
            tensor = stationary_tensor(self.einsum, array.systolic or "output")
            place = self.architecture.index(array.name)
            inside = [h for h in self._bound.holders[tensor] if self.architecture.index(h.level.name) > place]
            accesses = [(self.einsum, a) for a in self.einsum.accesses_of(tensor)]
            found[array.name] = _Moving(
                holder_motion(inside[0]) if inside else motion(self.loops, self._bound.scope, accesses)
            )
        return found

    def _above(self, level: str) -> list[int]:
        """Return the loops in space above the nodes of a level."""
        place = self.architecture.index(level)
        every = enumerate(self.loops)
        return [at for at, x in every if x.array is not None and self.architecture.index(x.array) < place]

    def _inside(self, level: str) -> bool:
        """Whether loops in space stand above the nodes of a level."""
        return bool(self._above(level))

    def _first_instance(self, level: str, rows: Rows) -> Iterator[_Crossed]:
        """Count what crosses in the first instance of a level inside an array: at its own end of each boundary."""
        for holder, moving in self._holders:
            if holder.parent is not None:
                yield self._first_crossed(level, holder, holder.parent, moving.events, rows)
        unit = self._bound.unit.name
        for tensor, moving in self._reads:
            parent = self._bound.holders[tensor][-1]
            if parent.level.name == level:
                down = deliver_modes(self.architecture, level, unit)
                yield _Crossed(parent, unit, read=moving.events.accesses(rows, len(parent.loops), down, first=True))
        parent = self._bound.holders[self.einsum.output.tensor][-1]
        if parent.level.name == level:
            events, start = self._writes.events, len(parent.loops)
            asked = events.accesses(rows, start, collect_modes(self.architecture, level, unit), first=True)
            yield _Crossed(parent, unit, read=asked - events.distinct(rows, start, first=True), update=asked)

    def _first_crossed(self, level: str, child: Holder, parent: Holder, events: EventCounts, rows: Rows) -> _Crossed:
        found = _Crossed(parent, child.level.name)
        if parent.level.name == level:
            ends = (self.architecture, level, child.level.name)
            down, up, start = deliver_modes(*ends), collect_modes(*ends), len(parent.loops)
            if child.output_like:
                found.read = events.returns(rows, start, down, first=True)
                found.update = events.departures(rows, start, up, first=True)
            else:
                found.read = events.arrivals(rows, start, down, first=True)
        if child.level.name == level:
            alone = len(child.loops)
            if child.output_like:
                found.fill = events.returns(rows, alone, (), first=True)
                found.drain = events.departures(rows, alone, (), first=True)
            else:
                found.fill = events.arrivals(rows, alone, (), first=True)
        return found

    def _joined(self, parts: Sequence[tuple[Integers, BatchResult]], n: int) -> BatchResult:
        energy, cycles = np.full(n, np.inf), np.full(n, np.inf)
        feasible = np.zeros(n, dtype=np.bool_)
        over: dict[str, Integers] = {}
        used = np.zeros(n, dtype=np.int64)
        for chosen, part in parts:
            energy[chosen], cycles[chosen] = part.energy_pj, part.latency_cycles
            feasible[chosen], used[chosen] = part.feasible, part.capacity_bits
            for level, bits in part.over_bits.items():
                over.setdefault(level, np.zeros(n, dtype=np.int64))[chosen] = bits
        return BatchResult(energy, cycles, feasible, over, used, {})

    def _scalar(self, rows: Integers) -> BatchResult:
        n = len(rows)
        energy, cycles = np.full(n, np.inf), np.full(n, np.inf)
        feasible = np.zeros(n, dtype=np.bool_)
        over, used = self._rooms(self._columns_any(rows.astype(object) if self._wide else rows))
        for i in range(n):
            try:
                cost = evaluate(self.workload, self.architecture, self.mapping_of(rows[i]))
            except SpecError:
                continue
            energy[i], cycles[i], feasible[i] = cost.energy_pj, cost.latency_cycles, True
        return BatchResult(energy, cycles, feasible, over, used, {})

    def _columns_any(self, rows: Integers) -> _Columns:
        left: dict[str, Any] = dict(self.einsum.shape)
        tiles, counts = [], []
        for at, loop in enumerate(self.loops):
            tile = np.minimum(rows[:, at], left[loop.rank_variable])
            tiles.append(tile)
            counts.append(np.asarray(-(-left[loop.rank_variable] // tile), dtype=np.int64))
            left[loop.rank_variable] = tile
        return _Columns(tiles, counts, len(rows), Rows(tiles, counts, len(rows)))

    def mapping_of(self, tiles: Sequence[int] | Integers) -> Mapping:
        """Return the template with one row of tiles filled in."""
        row = iter(int(t) for t in tiles)
        nest: list[Node] = [
            replace(node, tile=next(row)) if isinstance(node, Temporal | Spatial) else node
            for node in self.mapping.nest
        ]
        return replace(self.mapping, nest=tuple(nest))


def _table(crossed: Sequence[_Crossed], rows: int) -> dict[tuple[str, str, Flow], Integers]:
    """(level, tensor, flow) → words of all instances."""
    found: dict[tuple[str, str, Flow], Integers] = {}
    for c in crossed:
        flows: list[tuple[str, Flow, Count]] = [(c.parent.level.name, "read", c.read)]
        flows += [(c.parent.level.name, "update", c.update), (c.child, "fill", c.fill), (c.child, "drain", c.drain)]
        for level, flow, count in flows:
            key = (level, c.parent.tensor.name, flow)
            more = np.broadcast_to(np.asarray(count, dtype=np.int64), (rows,))
            found[key] = found[key] + more if key in found else more
    return found


def _clipped(bits: Any) -> Integers:
    """Return integers of any size as 64 bits, larger ones as the largest."""
    clipped: Integers = np.minimum(bits, np.iinfo(np.int64).max).astype(np.int64)
    return clipped


def _every_step(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes, every_step=True)


def _arrivals(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes)


def _returns(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.returns(columns, start, modes)


def _departures(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.departures(columns, start, modes)


__all__ = ["BatchResult", "Group", "Template"]
