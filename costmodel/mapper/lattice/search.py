"""The exact search: partial mappings as labels on the lattice of tile shapes, grown from the inside out.

A label is a nest read from its innermost loop outward, up to a tile shape x. It carries what has been settled (energy,
cycles of every limit, room used) and what is still open:

- a plain tensor's tile at a storage node is settled by the first loop in time that moves it, at shape c: the words
  that cross that boundary are |T| · Π over irrelevant rank variables of N/c, times the instances along irrelevant rank
  variables of the arrays in between (on the child's side; the parent's side merges them);
- a sliding tile pays |new words| at every later loop, until nothing of it can be left when it moves again.

Rules that leave labels out, none of which can lose a point of the front:

- *lazy growth*: a loop over a plain rank variable stands in the gap of a storage node whose tile it does not move, or
  directly below the nodes that stay open across an array; anywhere else it can move outward, at no cost and with
  smaller tiles. Rank variables of sliding windows, and those that a constraint names, may grow anywhere;
- *dominance*: of two labels of the same shape and the same open nodes, the one that is no better in anything goes;
- *bound*: a label goes when the best completion of it (see ``completion``) is no better than a known mapping.
"""

from __future__ import annotations

import numpy as np

from costmodel.mapper.front import group_front
from costmodel.mapper.lattice.labels import PLACE, START, Labels, Layout
from costmodel.mapper.lattice.shapes import Ints
from costmodel.mapper.lattice.spreading import Spreading

CLOSELY = 10_000
"""Labels of each stage from which on nodes below an array are bounded together, which pays where much is left."""


class Search(Spreading):
    """One pass over the labels; it proves if none is dropped because a stage has too many."""

    def run(self) -> None:
        """Search; what is found goes to the incumbents."""
        labels = self.start()
        if labels.n:
            closely = self.width >= CLOSELY
            hopeful = not self.incumbents.items or self.completion.narrow(labels, self.incumbents, closely=closely)
            self.root = float(self.first(labels, 0).min())
            labels = labels if hopeful else labels.take(np.empty(0, dtype=np.int64))
        for segment in range(self.top + 1):
            labels = self.pass_segment(labels, segment)
            if not labels.n:
                return

    def start(self) -> Labels:
        """Return a label for each choice of what is kept: compute instances that ask for a word at every point.

        Of choices that may lead to something better than what is known.
        """
        space, layout = self.space, self.layout
        kept = np.array(space.keeps, dtype=np.int64)
        s = np.zeros((layout.whole, len(kept)), dtype=np.int64)
        f = np.zeros((layout.floats, len(kept)))
        labels = Labels(s, f)
        s[Layout.TODO] = s[Layout.KEPT] = kept
        s[Layout.COMBO] = np.arange(len(kept))
        s[Layout.LAST] = -1
        s[layout.block(layout.seen)] = len(space.names)
        f[Layout.ENERGY] = space.compute_pj
        f[Layout.CYCLES] = space.points * space.cycles_per_point
        if space.systolic:
            array, tensor = space.systolic
            inside = sum(space.nodes[i].bit for i in self.gaps.chain[tensor] if self.gaps.segment_of[i] <= array)
            s[Layout.OPEN] = np.where(kept & inside, 0, self.gaps.virtual)
        for t, tensor_plan in enumerate(space.tensors):
            f[layout.reads[t]] = tensor_plan.asked
            if tensor_plan.output:
                f[Layout.UPDATES] = tensor_plan.updated
        self.deliver(labels, 0)
        if self.top == 0:
            self.first_touches(labels)
        labels = self.survivors(labels, 0)
        self.store(labels, -1, START)
        return labels

    def pass_segment(self, labels: Labels, segment: int) -> Labels:
        """Place the nodes between two arrays with all loops among them, and spread the array above."""
        mask = self.gaps.segment_bits[segment]
        last = segment == self.top
        exits: list[Labels] = []
        for stage in range(mask.bit_count() + 1):
            done = (labels.s[Layout.TODO] & mask) == 0
            if last and done.any():
                self.finish(self.grow(labels.where(done), segment, anything=bool(self.sliding.nodes), full=True))
            elif stage == 0 and done.any():
                exits.append(labels.where(done))  # levels that hold nothing: the loops go above the array
            labels = labels.where(~done)
            if not labels.n:
                break
            grown = self.grow(labels, segment)
            if not last:
                wide = self.grow(grown, segment, anything=True)
                out = self.place(wide, np.arange(wide.n), wide.s[Layout.TODO] & mask)
                exits.append(self.reduce(out, segment))
            labels = self.place_next(grown, segment)
        if last or not any(t.n for t in exits):
            return labels.take(np.empty(0, dtype=np.int64))
        out = Labels.join(exits)
        for m, row in self.room_slot.items():
            if self.space.memories[m].segment <= segment:
                out.f[row] = 0.0
        return self.spread(self.reduce(out, segment), segment)

    def place_next(self, labels: Labels, segment: int) -> Labels:
        """Return labels with one more node of a segment on top of them: of each tensor, the innermost one to come."""
        todo, mask = labels.s[Layout.TODO], self.gaps.segment_bits[segment]
        columns, placing = [], []
        for i, node in enumerate(self.space.nodes):
            if not node.bit & mask:
                continue
            inner = sum(self.space.nodes[j].bit for j in self.gaps.chain[node.tensor] if j < i) & mask
            rows = np.flatnonzero(((todo & node.bit) != 0) & ((todo & inner) == 0))
            columns.append(rows)
            placing.append(np.full(len(rows), node.bit))
        return self.reduce(self.place(labels, np.concatenate(columns), np.concatenate(placing)), segment)

    def place(self, labels: Labels, columns: Ints, placing: Ints) -> Labels:
        """Return labels with storage nodes (bits) put on top of them, where they fit."""
        space = self.space
        s = labels.s
        shape, broken, must = s[Layout.SHAPE, columns], s[Layout.BROKEN, columns], s[Layout.MUST, columns]
        ok = (must == 0) | ((must & placing) != 0)
        owned = np.full(len(columns), not self.gaps.orders)
        added = {row: labels.f[row, columns] for row in self.room_slot.values()}
        capacity = np.zeros(len(columns))
        for i, node in enumerate(space.nodes):
            here = (placing & node.bit) != 0
            if not here.any():
                continue
            bits = np.where(here, space.bits(node, self.lattice.node_words[i, shape]), 0.0)
            if node.memory in self.room_slot:
                added[self.room_slot[node.memory]] += bits
            capacity += bits * space.memories[node.memory].copies
            if self.gaps.allowed[i] is not None:
                ok &= ~here | self.gaps.allowed[i][shape]
            if self.gaps.orders:
                inner = sum(space.nodes[j].bit for j in self.gaps.chain[node.tensor] if j < i)
                owned |= here & ((placing & inner) == 0) & ((broken & self.gaps.broken_by[i]) == 0)
        ok &= owned
        for m, row in self.room_slot.items():
            ok &= added[row] <= space.memories[m].room
        self.stats.over_capacity += len(ok) - int(ok.sum())
        good = np.flatnonzero(ok)
        placing = placing[good]
        new = labels.take(columns[good])
        for row, bits in added.items():
            new.f[row] = bits[good]
        if self.layout.counts_capacity:
            new.f[Layout.CAPACITY] += capacity[good]
        s = new.s
        s[Layout.TODO] &= ~placing
        s[Layout.OPEN] |= placing
        s[Layout.USED], s[Layout.LAST], s[Layout.MUST], s[Layout.BROKEN] = 0, -1, 0, 0
        s[self.layout.block(self.layout.seen)] = len(space.names)
        self.forget_room(new)
        self.open(new, placing)
        segment = self.gaps.segment_of[int(placing[0]).bit_length() - 1] if len(placing) else self.top
        new = self.survivors(new, segment)
        self.store(new, new.s[Layout.NUMBER], PLACE)
        return new

    def forget_room(self, labels: Labels) -> None:
        """Take no more note of the room in memories whose nodes are all there."""
        for m, row in self.room_slot.items():
            full = (labels.s[Layout.TODO] & sum(n.bit for n in self.space.nodes if n.memory == m)) == 0
            labels.f[row][full] = 0.0

    def open(self, labels: Labels, placing: Ints) -> None:
        """Note of tiles (bits of nodes) that they have not moved."""
        for i, row in self.layout.rest.items():
            labels.f[row][(placing & self.space.nodes[i].bit) != 0] = 1.0
        for i in self.sliding.nodes:
            rows = np.flatnonzero(placing & self.space.nodes[i].bit)
            if len(rows):
                self.sliding.place(labels, i, rows)

    def finish(self, labels: Labels) -> None:
        """Close what is open and take the front of complete mappings."""
        if not labels.n:
            return
        s = labels.s
        shape = s[Layout.SHAPE]
        if self.space.systolic:
            passes = labels.f[Layout.PASSES]
            passes[passes == 0] = self.lattice.repeats[shape[passes == 0]]
        self.close(labels, s[Layout.OPEN], self.top)
        for i in self.sliding.nodes:
            rows = np.flatnonzero((s[Layout.OPEN] | s[Layout.ALIVE]) & self.space.nodes[i].bit)
            self.sliding.die(labels, rows, i, shape[rows], self.top)
        busy = labels.f[self.layout.block(self.layout.limit)]
        latency = self.space.prices.lasting(busy, self.completion.compute_cycles(labels))
        for judge, cycles in zip(self.incumbents.each, np.atleast_2d(latency), strict=True):
            energy = labels.f[Layout.ENERGY] + self.space.leak_pj_per_cycle * cycles
            costs = np.stack([energy, cycles, labels.f[Layout.CAPACITY]])
            ranked = [cycles, energy, *([costs[2]] if self.aim.uses_capacity else [])]
            best = group_front(np.zeros(labels.n, dtype=np.int64), ranked)
            fresh = best[~judge.beaten(*costs[:, best])]
            judge.add(costs[:, fresh], [self.reader.nest(int(n)) for n in s[Layout.NUMBER, fresh].tolist()])
        self.incumbents.learn()
