"""Dominance: of two labels of which either can take the other's completions, the one that is no better goes."""

from __future__ import annotations

import math

import numpy as np

from costmodel.mapper.front import group_front
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.loops_between import Gaps
from costmodel.mapper.lattice.numbering import numbered
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space


class Dominance:
    """Compares labels of one segment."""

    def __init__(self, space: Space, lattice: Lattice, layout: Layout, combinations: Combinations, gaps: Gaps) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.combinations, self.gaps = combinations, gaps
        self.output = next(t for t, plan in enumerate(space.tensors) if plan.output)

    def undominated(self, labels: Labels, segment: int, *, timeless: bool = False) -> Ints:
        """Return the places of labels that are left; ``timeless``: where cycles do not matter."""
        return group_front(self.group(labels, segment), self.costs(labels, segment, timeless=timeless))

    def group(self, labels: Labels, segment: int) -> Ints:
        """Return a number of each label: only labels with the same one can be compared."""
        space, layout, s = self.space, self.layout, labels.s
        shape, codes = self._mirrored(s, segment)
        parts = [self.lattice.alike[shape], s[Layout.TODO], s[Layout.OPEN], s[Layout.ALIVE], s[Layout.MUST]]
        if self.gaps.sliding.nodes or space.eager:
            parts += [s[Layout.USED], s[Layout.LAST]]
        if self.gaps.orders:
            parts.append(s[Layout.BROKEN])  # what was seen follows from what was used, where no rule is broken
        if segment < self.gaps.top:
            parts.append(s[Layout.KEPT] & sum(space.nodes[i].bit for i in self.gaps.chain[self.output]))
            for a in range(segment):
                parts.append(self.combinations.sigma[a][s[layout.way[a]], self.output].astype(np.int64))
            parts += self._touched(s, segment)
            parts += self._unmerged(labels, segment)
        elif self.gaps.sliding.leftover.spread:
            parts += self.gaps.sliding.leftover.told(s)
        if space.systolic:
            parts.append((labels.f[Layout.PASSES] > 0).astype(np.int64))
            array = space.systolic[0]
            if segment > array:
                parts.append(space.arrays[array].overheads[s[layout.way[array]]].astype(np.int64))
        for w in range(len(self.gaps.sliding.nodes)):
            told = (codes[w], s[layout.noted[w]]) if segment < self.gaps.top else (codes[w],)
            parts += [np.unique(row, return_inverse=True)[1] for row in told if row.any()]
        return np.broadcast_to(numbered(parts), labels.n)

    def _mirrored(self, s: Ints, segment: int) -> tuple[Ints, Ints]:
        """Return shapes and codes of sliding tiles, of a label or of its mirror image: of either the same.

        Between loops of a gap their order matters, and of tiles that have moved the moves do: such have no image here.
        """
        layout, sliding = self.layout, self.gaps.sliding
        shape, codes, tiles = s[Layout.SHAPE], s[layout.block(layout.code)], s[layout.block(layout.tile)]
        exchanges = self.lattice.mirrored if segment in (0, self.gaps.top) else ()
        if not exchanges:
            return shape, codes
        there = codes != 0
        free = (s[Layout.USED] == 0) & ~(there & (codes != sliding.fresh_each(tiles))).any(axis=0)
        free &= ~s[layout.block(layout.noted)].any(axis=0)
        for exchange in exchanges:
            image = self.lattice.exchanged(exchange)
            rows = [shape, *np.where(there, tiles, 0)]
            less, same = np.zeros(len(shape), dtype=bool), free.copy()
            for row in rows:
                less |= same & (image[row] < row)
                same &= image[row] == row
            shape, tiles = np.where(less, image[shape], shape), np.where(less, image[tiles], tiles)
        return shape, np.where(there & free, sliding.fresh_each(tiles), codes)

    def _touched(self, s: Ints, segment: int) -> list[Ints]:
        """Return what tells how many words of an output with windows holders touch below the arrays that are spread."""
        if not self.space.tensors[self.output].windows:
            return []
        sliding, layout = self.gaps.sliding, self.layout
        parts = [s[layout.below[a]] for a in range(segment)]
        parts += [sliding.kinds[a][self.output][s[layout.way[a]]] for a in range(segment)]
        for i in self.gaps.chain[self.output]:
            if sliding.segment_of[i] < segment:
                held = (s[Layout.KEPT] & self.space.nodes[i].bit) != 0
                parts.append(np.where(held, s[layout.tile[sliding.slot[i]]], 0))
        return parts

    def _unmerged(self, labels: Labels, segment: int) -> list[Ints]:
        """Return what tells how much of what waits for a parent arrays to come may unite."""
        space, layout, s = self.space, self.layout, labels.s
        parts = []
        for t, plan in enumerate(space.tensors):
            if t == self.output:
                continue  # what is kept of it and how it is spread is told in any case
            waits = labels.f[layout.reads[t]] > 0
            if plan.windows:
                for a in range(segment):
                    parts.append(np.where(waits, s[layout.below[a]], 0))
                    parts.append(np.where(waits, self.gaps.sliding.kinds[a][t][s[layout.way[a]]], 0))
                continue
            apart = range(space.united(0, segment, up=False), segment)
            if apart and any(array.unites(up=False) for array in space.arrays[segment:]):
                parts += [self.combinations.sigma[a][s[layout.way[a]], t].astype(np.int64) for a in apart]
                parts.append(np.where(waits, space.child_segment(t, s[Layout.KEPT], segment - 1), 0))
        return parts

    def costs(self, labels: Labels, segment: int, *, timeless: bool) -> list[Floats]:
        """Return what makes a label better than another one: less of each."""
        space, s = self.space, labels.s
        cycles = {Layout.CYCLES, Layout.PASSES, *self.layout.limit} if timeless else set()
        costs = [row for k, row in enumerate(labels.f) if k not in cycles]
        settlement = self.combinations.settlements[segment]
        for i, node in enumerate(space.nodes):
            inside = range(self.gaps.segment_of[i], segment)
            if not inside:
                continue  # what it costs to settle is the same for all
            window = i in self.gaps.sliding.slot
            alive = ((s[Layout.OPEN] | s[Layout.ALIVE]) if window else s[Layout.OPEN]) & node.bit
            if not alive.any():
                continue
            if not window:
                # whatever closes the tile, and however arrays to come are spread, it costs so many times the same
                coefficients = [values[s[Layout.COMBO]] for row, values in settlement.close[i] if row not in cycles]
            else:
                instances = math.prod(space.arrays[a].product[s[self.layout.way[a]]] for a in inside)
                coefficients = [instances, 1 / instances] if space.prices.segments and not timeless else [instances]
            costs += [np.where(alive, values, 0.0) for values in coefficients]
        varying = [x for x in costs if x.min() != x.max()]
        return varying or costs[:1]
