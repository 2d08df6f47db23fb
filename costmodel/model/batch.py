"""The same counts for arrays of tile shapes of one nest template, for use by every search.

A template is a nest whose loops have no fixed tiles. Rows whose tiles divide each other go through the closed forms
of ``closed.py`` as arrays; a row with a residual tile is evaluated by the scalar model, so every row is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.model.closed import Count, Modes, closed_arrivals, closed_first_words
from costmodel.model.evaluate import evaluate, systolic_arrays
from costmodel.model.evaluation import Flow
from costmodel.model.nest import BoundEinsum, Holder, bind
from costmodel.model.tiles import Event, Group, Loop
from costmodel.model.traffic import Motion, below_only, collect_modes, deliver_modes, holder_motion, motion
from costmodel.spec.hardware import Architecture, Memory
from costmodel.spec.mapping import Mapping, Node, Spatial, Temporal
from costmodel.spec.problems import SpecError

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
    """Level → bits above its capacity (negative: room left)."""
    capacity_bits: Integers
    """Room used inside the outermost memory, as in ``Evaluation``."""
    words: dict[tuple[str, str, Flow], Integers]
    """(level, tensor, flow) → words of all instances."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """Tiles and steps of every loop, one array each."""

    tiles: Sequence[Integers]
    counts: Sequence[Integers]
    rows: int


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
        code = np.zeros(columns.rows, dtype=np.int64)
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
            found = self.scalars[key] = replace(self.motion, loops=tuple(loops), _classes={}, _sums={}, _arrivals={})
        return found

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

    def tile(self, columns: _Columns) -> Count:
        """Words of the tile in the ranks without windows."""
        size: Count = 1
        for v in self.motion.structure.plain:
            places = [at for at, x in enumerate(self.motion.loops) if x.rank_variable == v]
            size = size * (columns.tiles[places[-1]] if places else self.motion.extents[v])
        return size

    def table(self, merged_from: int, modes: Modes) -> _WindowTable:
        found = self.tables.get((merged_from, modes))
        if found is None:
            windowed = self.motion.structure.windowed
            places = tuple(at for at, x in enumerate(self.motion.loops) if x.rank_variable in windowed)
            found = self.tables[merged_from, modes] = _WindowTable(self.motion, merged_from, modes, places)
        return found

    def arrivals(self, columns: _Columns, merged_from: int, modes: Modes, *, every_step: bool = False) -> Count:
        windows = self.table(merged_from, modes).bind(columns) if self.motion.structure.windowed else None
        return closed_arrivals(
            self.motion.structure,
            columns.counts,
            self.tile(columns),
            windows,
            merged_from,
            modes,
            every_step=every_step,
        )

    def first_words(self, columns: _Columns, merged_from: int, modes: Modes) -> Count:
        return closed_first_words(self.motion.structure, columns.counts, self.tile(columns), merged_from, modes)

    def largest(self, columns: _Columns) -> Count:
        size = self.tile(columns)
        windowed = self.motion.structure.windowed
        if not windowed:
            return size
        table = self.table(len(self.motion.loops), ())
        keys = table.bind(columns)
        return size * _first_tiles(table, keys)


def _first_tiles(table: _WindowTable, bound: partial[tuple[Count, Count]]) -> Count:
    keys, inverse = bound.args
    sizes = []
    for key in keys:
        intervals = {v: (0, n) for v, n in table.motion.extents.items()}
        for at, tile in zip(table.places, key, strict=True):
            v = table.motion.loops[at].rank_variable
            intervals[v] = (0, min(tile, intervals[v][1]))
        words = 1
        for group in table.motion.windows:
            words *= group.bits({v: intervals[v] for v in group.rank_variables}).bit_count()
        sizes.append(words)
    return sizes[0] if inverse is None else np.array(sizes, dtype=np.int64)[inverse]


class Template:
    """A nest of one Einsum with open tiles.

    Columns of ``tiles`` are the loops of the nest, outermost first; entry (i, j) is the tile below loop j in row i.
    Tiles must not grow inwards along a rank variable, and the innermost tile of each must be 1.
    """

    def __init__(self, workload: Workload, architecture: Architecture, mapping: Mapping) -> None:
        """Bind the nest once. Raises SpecError if the structure (apart from tiles and sizes) is wrong."""
        self.workload, self.architecture, self.mapping = workload, architecture, mapping
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
        rows = np.asarray(tiles, dtype=np.int64)
        if rows.ndim != 2 or rows.shape[1] != len(self.loops):
            msg = f"tiles must have one column per loop, {len(self.loops)}; got shape {rows.shape}"
            raise ValueError(msg)
        divides = self._divides(rows)
        if divides.all() and not self._needs_scalar:
            return self._exact(rows, words=words)
        exact = self._exact(rows[divides], words=False) if divides.any() and not self._needs_scalar else None
        chosen = np.flatnonzero(divides) if exact is not None else np.array([], dtype=np.int64)
        return self._mixed(rows, chosen, exact)

    @property
    def _needs_scalar(self) -> bool:
        """Whether counts exist that only the scalar model has: written windows, systolic passes."""
        written = [m for h, m in self._holders if h.output_like] + [self._writes]
        return any(m.motion.structure.windowed for m in written) or bool(
            systolic_arrays(self.architecture, self._bound)
        )

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

    def _exact(self, rows: Integers, *, words: bool) -> BatchResult:
        columns = self._columns(rows)
        flows: dict[tuple[str, str, Flow], Count] = {}
        hops: dict[tuple[str, str], Count] = {}

        def add(level: str, tensor: str, flow: Flow, count: Count) -> None:
            key = (level, tensor, flow)
            flows[key] = flows[key] + count if key in flows else count

        def hop(tensor: str, modes: Modes, count: partial[Count]) -> None:
            for array, _ in modes:
                key = (array, tensor)
                more = count(below_only(modes, array))
                hops[key] = hops[key] + more if key in hops else more

        for holder, moving in self._holders:
            if holder.parent is not None:
                self._cross(holder, holder.parent, moving, columns, add, hop)
        for tensor, moving in self._reads:
            parent = self._bound.holders[tensor][-1]
            start = len(parent.loops)
            down = deliver_modes(self.architecture, parent.level.name, self._bound.unit.name)
            asked = partial(_every_step, moving, columns, start)
            add(parent.level.name, tensor, "read", asked(down))
            hop(tensor, self._priced(down), asked)
        tensor = self.einsum.output.tensor
        parent = self._bound.holders[tensor][-1]
        start = len(parent.loops)
        up = collect_modes(self.architecture, parent.level.name, self._bound.unit.name)
        asked = partial(_every_step, self._writes, columns, start)
        updates = asked(up)
        add(parent.level.name, tensor, "update", updates)
        add(parent.level.name, tensor, "read", updates - self._writes.first_words(columns, start, ()))
        hop(tensor, self._priced(up), asked)
        return self._totals(columns, flows, hops, words=words)

    def _priced(self, modes: Modes) -> Modes:
        """All arrays, if any of them has a price per hop: else hops cost nothing and are not counted."""
        priced = {a.name for a in self.architecture.arrays if a.hop_pj}
        return modes if any(name in priced for name, _ in modes) else ()

    def _cross(self, child: Holder, parent: Holder, moving: _Moving, columns: _Columns, add: Any, hop: Any) -> None:
        start, alone = len(parent.loops), len(child.loops)
        down = deliver_modes(self.architecture, parent.level.name, child.level.name)
        tensor = child.tensor.name
        arrived = moving.arrivals(columns, alone, ())
        asked = moving.arrivals(columns, start, down) if down else arrived
        if not child.output_like:
            add(parent.level.name, tensor, "read", asked)
            add(child.level.name, tensor, "fill", arrived)
            hop(tensor, self._priced(down), partial(_arrivals, moving, columns, start))
            return
        up = collect_modes(self.architecture, parent.level.name, child.level.name)
        add(parent.level.name, tensor, "read", asked - moving.first_words(columns, start, down))
        add(child.level.name, tensor, "fill", arrived - moving.first_words(columns, alone, ()))
        add(parent.level.name, tensor, "update", moving.arrivals(columns, start, up) if up else arrived)
        add(child.level.name, tensor, "drain", arrived)
        hop(tensor, self._priced(down), partial(_returns, moving, columns, start))
        hop(tensor, self._priced(up), partial(_arrivals, moving, columns, start))

    def _totals(
        self,
        columns: _Columns,
        flows: dict[tuple[str, str, Flow], Count],
        hops: dict[tuple[str, str], Count],
        *,
        words: bool,
    ) -> BatchResult:
        n = columns.rows
        energy = self._hop_energy(columns, hops)
        unit = self._bound.unit
        points: Any = 1
        for at, loop in enumerate(self.loops):
            if not loop.spatial:
                points = points * columns.counts[at]
        cycles = np.zeros(n) + sum(o.per_point / unit.rate_of(o.kind) for o in self.einsum.operations) * points
        for operation in self.einsum.operations:
            energy += operation.per_point * self.einsum.points * unit.energy_of(operation.kind)
        for memory in self.architecture.memories:
            read, write = self._port_bits(memory, flows, n)
            energy += (read * memory.read_pj + write * memory.write_pj) / memory.access_bits
            cycles = np.maximum(cycles, self._port_cycles(memory, read, write, columns))
        leaking_w = sum(x.leakage_w * self.architecture.copies(x.name) for x in self.architecture.levels)
        energy += leaking_w * 1e12 / self.architecture.clock_hz * cycles
        over, used = self._rooms(columns)
        feasible = self._fits(columns)
        for bits in over.values():
            feasible &= bits <= 0
        table = {k: np.broadcast_to(np.asarray(v, dtype=np.int64), (n,)) for k, v in flows.items()} if words else {}
        return BatchResult(energy, cycles, feasible, over, used, table)

    def _hop_energy(self, columns: _Columns, hops: dict[tuple[str, str], Count]) -> Floats:
        energy = np.zeros(columns.rows)
        for (name, tensor), count in hops.items():
            array = next(a for a in self.architecture.arrays if a.name == name)
            energy += count * (array.hop_pj * self.einsum.tensors[tensor].bits / array.hop_bits)
        return energy

    def _port_bits(self, memory: Memory, flows: dict[tuple[str, str, Flow], Count], rows: int) -> tuple[Floats, Floats]:
        read, write = np.zeros(rows), np.zeros(rows)
        for (level, tensor, flow), count in flows.items():
            if level != memory.name:
                continue
            bits = count * float(self.einsum.tensors[tensor].bits)
            if flow in ("fill", "update"):
                write += bits
            elif flow == "read" or memory.drain == "charged":
                read += bits
        return read, write

    def _port_cycles(self, memory: Memory, read: Floats, write: Floats, columns: _Columns) -> Floats:
        limits = (
            (memory.bandwidth_bits_per_cycle, read + write),
            (memory.read_bits_per_cycle, read),
            (memory.write_bits_per_cycle, write),
        )
        worst = np.zeros(columns.rows)
        if all(limit is None for limit, _ in limits):
            return worst
        place = self.architecture.index(memory.name)
        instances: Any = 1
        for at, loop in enumerate(self.loops):
            if loop.array is not None and self.architecture.index(loop.array) < place:
                instances = instances * columns.counts[at]
        for limit, amount in limits:
            if limit is not None:
                worst = np.maximum(worst, amount / instances / limit)
        return worst

    def _rooms(self, columns: _Columns) -> tuple[dict[str, Integers], Integers]:
        """Bits above the capacity of each level that has one, and the room used."""
        over: dict[str, Integers] = {}
        total = np.zeros(columns.rows, dtype=np.int64)
        for place, memory in enumerate(self.architecture.memories):
            if not place and memory.usable_bits is None:
                continue
            used: Any = np.zeros(columns.rows, dtype=np.int64)
            for holder, moving in self._holders:
                if holder.level is memory:
                    used = used + moving.largest(columns) * holder.tensor.bits
            if memory.usable_bits is not None:
                over[memory.name] = used - memory.usable_bits
            if place:
                total += used * self.architecture.copies(memory.name)
        return over, total

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

    def _mixed(self, rows: Integers, chosen: Integers, exact: BatchResult | None) -> BatchResult:
        n = len(rows)
        energy, cycles = np.full(n, np.inf), np.full(n, np.inf)
        feasible = np.zeros(n, dtype=np.bool_)
        columns = self._columns_any(rows)
        over, used = self._rooms(columns)
        done = np.zeros(n, dtype=np.bool_)
        if exact is not None:
            energy[chosen], cycles[chosen], feasible[chosen] = exact.energy_pj, exact.latency_cycles, exact.feasible
            done[chosen] = True
        for i in np.flatnonzero(~done):
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
        return _Columns(tiles, counts, len(rows))

    def mapping_of(self, tiles: Sequence[int] | Integers) -> Mapping:
        """Return the template with one row of tiles filled in."""
        row = iter(int(t) for t in tiles)
        nest: list[Node] = [
            replace(node, tile=next(row)) if isinstance(node, Temporal | Spatial) else node
            for node in self.mapping.nest
        ]
        return replace(self.mapping, nest=tuple(nest))


def _every_step(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes, every_step=True)


def _arrivals(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes)


def _returns(moving: _Moving, columns: _Columns, start: int, modes: Modes) -> Count:
    return moving.arrivals(columns, start, modes) - moving.first_words(columns, start, modes)


__all__ = ["BatchResult", "Group", "Template"]
