"""Labels with one loop more, and what that loop settles."""

from __future__ import annotations

from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import GROW, Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sieve import BATCH, Sieve


class Growth(Sieve):
    """The loops of one gap."""

    def grow(self, labels: Labels, segment: int, *, anything: bool = False, full: bool = False) -> Labels:
        """Return the labels with any loops of one gap above them."""
        if not labels.n:
            return labels
        frontier = labels
        if not self.sliding.nodes:
            frontier = Labels(labels.s.copy(), labels.f)
            frontier.s[Layout.LAST] = -1
        everything = [frontier]
        for _ in range(self.lattice.count):
            frontier = self.expand(frontier, segment, anything=anything, full=full)
            if not frontier.n:
                break
            if self.sliding.nodes:
                frontier = self.reduce(frontier, segment)
            everything.append(frontier)
        found = Labels.join(everything)
        return self.reduce(self.gaps.complete(found) if full else found, segment)

    def expand(self, labels: Labels, segment: int, *, anything: bool, full: bool) -> Labels:
        """Return the labels with one more loop."""
        may, must = self.gaps.candidates(labels, segment, anything=anything, full=full)
        variables, columns = np.nonzero(may)
        shapes = labels.s[Layout.SHAPE, columns]
        if full:
            which, into = np.arange(len(columns)), self.lattice.filled(variables, shapes)
        else:
            which, into = self.lattice.multiples(variables, shapes, segment)
        found = []
        for start in range(0, len(which), BATCH):
            if start and self.late():
                self.drop(labels.take(np.unique(columns[which[start:]])), segment)
                break
            piece = which[start : start + BATCH]
            found.append(
                self.loop(labels, columns[piece], variables[piece], into[start : start + BATCH], must, segment)
            )
        return Labels.join(found) if found else labels.take(np.empty(0, dtype=np.int64))

    def loop(self, labels: Labels, columns: Ints, v: Ints, into: Ints, must: Ints, segment: int) -> Labels:
        """Return labels with a loop over ``v`` that leads to the shape ``into``, as far as they are worth it."""
        fits = self.fits(labels, columns, into, segment)
        if not fits.all():
            columns, v, into = columns[fits], v[fits], into[fits]
        new = labels.take(columns)
        s = new.s
        low = s[Layout.SHAPE].copy()
        s[Layout.SHAPE] = into
        s[Layout.USED] |= 1 << v
        s[Layout.MUST] = must[v, columns]
        s[Layout.LAST] = v
        if self.sliding.nodes:
            s[Layout.LAST][self.sliding.active(new)] = -1
        if self.space.systolic:
            self.count_passes(new, v, low)
        closing = s[Layout.OPEN] & self.gaps.closed_by[v]
        rests = self.leftover.resting(v, low) if self.leftover.spread and segment == self.top else None
        s[Layout.OPEN] &= ~closing | self.close(new, closing, segment, rests)
        if self.sliding.nodes:
            if segment == self.top and not self.leftover.spread:
                # a tile that slides costs no less than one that is open still; and what it costs takes long to tell
                worth = self.hopeful_at_once(new)
                new, v, low = new.take(worth), v[worth], low[worth]
            self.sliding.move(new, v, low, segment)
        if self.gaps.stationary >= 0 or self.gaps.orders:
            new = self.gaps.obedient(new, v)
        new = self.survivors(new, segment)
        self.store(new, new.s[Layout.NUMBER], GROW)
        return new

    def fits(self, labels: Labels, columns: Ints, shape: Ints, segment: int) -> Any:
        """Whether the nodes still to be placed in this segment fit if their tiles grow no further."""
        ok = np.ones(len(columns), dtype=bool)
        todo = labels.s[Layout.TODO, columns]
        for m, row in self.room_slot.items():
            memory = self.space.memories[m]
            if memory.segment != segment:
                continue
            need = labels.f[row, columns]
            for i, node in enumerate(self.space.nodes):
                if node.memory == m:
                    bits = self.space.bits(node, self.lattice.node_words[i, shape])
                    need = need + np.where(todo & node.bit, bits, 0.0)
            ok &= need <= memory.room
        self.stats.over_capacity += len(ok) - int(ok.sum())
        return ok

    def close(self, labels: Labels, closing: Ints, segment: int, rests: Floats | None = None) -> Ints:
        """Settle plain tiles (bits of nodes) that a loop moves at the labels' shapes; return those of which some rests.

        ``rests``: the part of each tile below the arrays that the loop leaves in place; null: none.
        """
        settlement = self.combinations.settlements[segment]
        combination = labels.s[Layout.COMBO]
        left = np.zeros(labels.n, dtype=np.int64)
        for i in self.gaps.plain:
            node = self.space.nodes[i]
            here = (closing & node.bit) != 0
            if not here.any():
                continue
            words = np.where(here, self.lattice.rounds[node.tensor, labels.s[Layout.SHAPE]], 0.0)
            if i in self.layout.rest:
                part = labels.f[self.layout.rest[i]]
                stays = part * rests if rests is not None else np.zeros(labels.n)
                words *= part - stays
                part[here] = stays[here]
                left |= np.where(here & (stays > 0), node.bit, 0)
            for row, coefficient in settlement.close[i]:
                labels.f[row] += words * coefficient[combination]
            if settlement.active[i]:
                words *= self.leftover.filled(labels.s, node.tensor) - 1
                for row, coefficient in settlement.active[i]:
                    labels.f[row] += words * coefficient[combination]
        return left

    def count_passes(self, labels: Labels, v: Ints, low: Ints) -> None:
        """Note how often the stationary tile of a systolic array changes, when its outermost holder inside closes."""
        assert self.space.systolic is not None  # noqa: S101
        s = labels.s
        wanted = np.full(labels.n, self.gaps.virtual)
        for i in self.gaps.chain[self.gaps.pinned]:
            if self.gaps.segment_of[i] <= self.space.systolic[0]:
                bit = self.space.nodes[i].bit
                wanted = np.where(s[Layout.KEPT] & bit, bit, wanted)
        moves = self.gaps.pinned_by[v]
        passes = labels.f[Layout.PASSES]
        closes = moves & (passes == 0) & ((s[Layout.OPEN] & wanted) != 0)
        passes[closes] = self.lattice.repeats[low[closes]]
        s[Layout.OPEN] &= ~np.where(moves, self.gaps.virtual, 0)
