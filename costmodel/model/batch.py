"""The same counts for arrays of tile shapes of one nest template, for use by every search.

A template is a nest whose loops have no fixed tiles. Rows whose tiles divide each other go through the closed forms
of ``closed.py`` as arrays, rows with residual tiles through the sums of ``events.py``, and what neither of them knows
is evaluated by the scalar model; so every row is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.model.axes import Axis, How
from costmodel.model.closed import Count
from costmodel.model.columns import MOST, Columns, Floats, Integers
from costmodel.model.evaluate import evaluate_bound
from costmodel.model.evaluation import Flow
from costmodel.model.formats import stored_bits
from costmodel.model.meters import ENERGY, compute_pj, leak_pj_per_cycle, pass_cycles, point_cycles
from costmodel.model.nest import bind
from costmodel.model.open_traffic import BoundaryWords, OpenTraffic
from costmodel.spec.hardware import Array
from costmodel.spec.problems import SpecError


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


class Template(OpenTraffic):
    """A nest of one Einsum with open tiles, and the costs of rows of them.

    Columns of ``tiles`` are the loops of the nest, outermost first; entry (i, j) is the tile below loop j in row i.
    Tiles must not grow inwards along a rank variable, and the innermost tile of each must be 1.
    """

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
        if self._by_events:
            return self._counted(self._columns_any(rows), words=False)
        if self._closed_words and self._divides(rows).all():
            return self._counted(self._columns(rows), words=False)
        return None

    def _counted(self, columns: Columns, *, words: bool) -> BatchResult:
        return self._totals(columns, list(self._crossed(columns)), words=words)

    def _costs(
        self, crossed: Iterable[BoundaryWords], rows: int, spread: Sequence[tuple[str, Integers]] = ()
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
            for charge, weights in self._book.per_word(c.parent.tensor, c.parent.level.name, c.child, sums=c.sums):
                words = charge.words(c)
                for row, weight in weights.items():
                    costs[row] += words * (weight * share)
        return costs

    def _totals(self, columns: Columns, crossed: Sequence[BoundaryWords], *, words: bool) -> BatchResult:
        n = columns.rows
        costs = self._costs(crossed, n)
        energy = costs[ENERGY] + compute_pj(self.einsum, self._bound.unit)
        cycles = np.zeros(n)
        for at_zero, each in point_cycles(self.einsum, self._bound.unit).items():
            cycles += each * self._points(columns, at_zero)
        for array in self._systolic:
            cycles += self._overhead(array, columns)
        busy: dict[int, Floats] = {}
        for places in self._book.limits.values():
            busy |= self._limit_cycles(places, costs, crossed, columns)
        cycles = self._lasting.cycles(busy, cycles, self._bound.unit.name, np.maximum)
        energy += leak_pj_per_cycle(self.architecture) * cycles
        over, used = self._rooms(columns)
        feasible = self._fits(columns)
        for more in over.values():
            feasible &= more <= 0
        return BatchResult(energy, cycles, feasible, over, used, _table(crossed, n) if words else {})

    def _limit_cycles(
        self, places: Sequence[int], costs: dict[int, Floats], crossed: Sequence[BoundaryWords], columns: Columns
    ) -> dict[int, Floats]:
        """Cycles of the busiest instance (or of the first one, where instances differ) by each limit of a component."""
        level = self._book.meters[places[0]].level
        instances: Any = 1
        if columns.residual is not None and self._inside(level):
            costs = self._costs(self._first_instance(level, columns, columns.residual), columns.rows)
        else:
            spread = [(self.loops[at].rank_variable, columns.counts[at]) for at in self._above(level)]
            instances = math.prod((steps for _, steps in spread), start=instances)
            if any(v in c.frozen for c in crossed for v, _ in spread):
                costs = self._costs(crossed, columns.rows, spread)
        return {place: costs[place] / instances for place in places}

    def _rooms(self, columns: Columns) -> tuple[dict[str, Integers], Integers]:
        """Bits above the capacity of each level that has one, and the room used."""
        over: dict[str, Integers] = {}
        total: Any = np.zeros(columns.rows, dtype=np.int64)
        for place, memory in enumerate(self.architecture.memories):
            if not place and memory.usable_bits is None:
                continue
            used: Any = np.zeros(columns.rows, dtype=np.int64)
            for holder, moving in self._holders:
                if holder.level is memory:
                    used = used + stored_bits(
                        holder.tensor, memory, np.asarray(moving.largest(columns)), sums=holder.sums
                    )
            if memory.usable_bits is not None:
                over[memory.name] = _clipped(used - min(memory.usable_bits, MOST))
            if place:
                total = total + used * self.architecture.copies(memory.name)
        return over, _clipped(total)

    def _fits(self, columns: Columns) -> npt.NDArray[np.bool_]:
        good = np.ones(columns.rows, dtype=np.bool_)
        for array in self.architecture.arrays:
            for dimension, size in array.shape.items():
                used: Any = 1
                for at, loop in enumerate(self.loops):
                    if (loop.array, loop.dimension) == (array.name, dimension):
                        used = used * columns.counts[at]
                good &= used <= size
        return good

    def _points(self, columns: Columns, at_zero: frozenset[str]) -> Count:
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

    def _overhead(self, array: Array, columns: Columns) -> Count:
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
                cost = evaluate_bound(bind(self.workload, self.architecture, self.mapping_of(rows[i])))
            except SpecError:
                continue
            energy[i], cycles[i], feasible[i] = cost.energy_pj, cost.latency_cycles, True
        return BatchResult(energy, cycles, feasible, over, used, {})


def _table(crossed: Sequence[BoundaryWords], rows: int) -> dict[tuple[str, str, Flow], Integers]:
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
