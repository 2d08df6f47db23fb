"""A nest whose tiles are open: its loops, its motions, and which counts have which form."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.einsum.roles import stationary_tensor
from costmodel.model.columns import MOST, Columns, Integers
from costmodel.model.evaluation import FLOWS
from costmodel.model.events import Rows, united
from costmodel.model.formats import stored_bits
from costmodel.model.lasting import Lasting
from costmodel.model.meters import PriceBook
from costmodel.model.motion import motion
from costmodel.model.nest import BoundEinsum, bind
from costmodel.model.open_motion import OpenMotion
from costmodel.model.systolic import systolic_arrays
from costmodel.model.tiles import Loop
from costmodel.model.traffic import below_only, collect_modes, deliver_modes, holder_motion
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Mapping, Node, Spatial, Temporal


class OpenLoops:
    """A nest of one Einsum with open tiles.

    Columns of ``tiles`` are the loops of the nest, outermost first; entry (i, j) is the tile below loop j in row i.
    Tiles must not grow inwards along a rank variable, and the innermost tile of each must be 1.
    """

    def __init__(self, workload: Workload, architecture: Architecture, mapping: Mapping) -> None:
        """Bind the nest once. Raises SpecError if the structure (apart from tiles and sizes) is wrong."""
        self.workload, self.architecture, self.mapping = workload, architecture, mapping
        self._book = PriceBook(architecture)
        self._lasting = Lasting(self._book)
        self._nest = bind(workload, architecture, mapping)
        if len(self._nest.einsums) != 1:
            msg = "a template has one Einsum"
            raise ValueError(msg)
        self._bound: BoundEinsum = self._nest.einsums[0]
        self.loops: tuple[Loop, ...] = self._bound.loops
        self._holders = [(h, OpenMotion(holder_motion(h))) for h in self._nest.holders]
        einsum = self._bound.einsum
        self._reads = [
            (a.tensor, OpenMotion(motion(self.loops, self._bound.scope, [(einsum, a)], "work"))) for a in einsum.inputs
        ]
        self._writes = OpenMotion(motion(self.loops, self._bound.scope, [(einsum, einsum.output)], "work"))

    @property
    def einsum(self) -> Einsum:
        return self._bound.einsum

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

    @cached_property
    def _closed_words(self) -> bool:
        """Whether the closed forms have the words of tiles that divide, all instances together.

        Instances differ where accesses to a tensor move apart; and if it is written, too, its motion is not that of
        the nest run backwards.
        """
        written = [m for h, m in self._holders if h.output_like] + [self._writes]
        return not self._written_windows and not self._systolic and all(m.motion.rigid for m in written)

    @property
    def _motions(self) -> list[OpenMotion]:
        return [*(m for _, m in self._holders), *(m for _, m in self._reads), self._writes]

    @cached_property
    def _rigid(self) -> bool:
        """Whether all accesses to a tensor move alike."""
        return all(m.motion.rigid for m in self._motions)

    @cached_property
    def _wide(self) -> bool:
        """Whether some number may not fit into 64 bits; then the scalar model counts, with integers of any size."""
        einsum = self.einsum
        levels = (None, *self.architecture.levels)
        bits = max(stored_bits(t, level, 1, sums=True) for t in einsum.tensors.values() for level in levels)
        holes = 1
        if any(m.holes == "fetch" for m in self.architecture.memories):
            holes = max(t.size_words for t in einsum.tensors.values())
        moved = einsum.points * len(einsum.accesses) * len(FLOWS) * bits * holes
        copies = sum(self.architecture.copies(m.name) for m in self.architecture.memories)
        held = sum(t.size_words for t in einsum.tensors.values()) * bits * copies
        return max(moved, held) > MOST

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

    @cached_property
    def _passes(self) -> dict[str, OpenMotion]:
        """How the stationary tile of each systolic array moves."""
        found = {}
        for array in self._systolic:
            tensor = stationary_tensor(self.einsum, array.systolic or "output")
            place = self.architecture.index(array.name)
            inside = [h for h in self._bound.holders[tensor] if self.architecture.index(h.level.name) > place]
            accesses = [(self.einsum, a) for a in self.einsum.accesses_of(tensor)]
            found[array.name] = OpenMotion(
                holder_motion(inside[0], "time") if inside else motion(self.loops, self._bound.scope, accesses, "time")
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

    def _divides(self, rows: Integers) -> npt.NDArray[np.bool_]:
        left: dict[str, Any] = {v: np.int64(n) for v, n in self.einsum.shape.items()}
        good = np.ones(len(rows), dtype=np.bool_)
        for at, loop in enumerate(self.loops):
            good &= left[loop.rank_variable] % rows[:, at] == 0
            left[loop.rank_variable] = rows[:, at]
        return good

    def _columns(self, rows: Integers) -> Columns:
        left: dict[str, Any] = dict(self.einsum.shape)
        tiles, counts = [], []
        for at, loop in enumerate(self.loops):
            tile = np.ascontiguousarray(rows[:, at])
            tiles.append(tile)
            counts.append(np.asarray(left[loop.rank_variable] // tile, dtype=np.int64))
            left[loop.rank_variable] = tile
        return Columns(tiles, counts, len(rows))

    def _columns_any(self, rows: Integers) -> Columns:
        left: dict[str, Any] = dict(self.einsum.shape)
        tiles, counts = [], []
        for at, loop in enumerate(self.loops):
            tile = np.minimum(rows[:, at], left[loop.rank_variable])
            tiles.append(tile)
            counts.append(np.asarray(-(-left[loop.rank_variable] // tile), dtype=np.int64))
            left[loop.rank_variable] = tile
        return Columns(tiles, counts, len(rows), Rows(tiles, counts, len(rows)))

    def mapping_of(self, tiles: Sequence[int] | Integers) -> Mapping:
        """Return the template with one row of tiles filled in."""
        row = iter(int(t) for t in tiles)
        nest: list[Node] = [
            replace(node, tile=next(row)) if isinstance(node, Temporal | Spatial) else node
            for node in self.mapping.nest
        ]
        return replace(self.mapping, nest=tuple(nest))
