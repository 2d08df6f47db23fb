"""Labels with the parallel loops of an array above them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from costmodel.mapper.lattice.growth import Growth
from costmodel.mapper.lattice.labels import SPREAD, Labels, Layout
from costmodel.mapper.lattice.settlement import Settlement
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sieve import BATCH, CELLS, of_first


class Spreading(Growth):
    """The step over an array."""

    def spread(self, labels: Labels, array: int) -> Labels:
        """Return the labels with the parallel loops of an array above them."""
        space = self.space
        if not labels.n or not len(space.arrays[array].factors):
            return labels.take(np.empty(0, dtype=np.int64))
        rows, ways, costs = self.pairs(labels, array)
        promise = costs[0] * costs[1] * (costs[2] if self.aim.uses_capacity else 1.0)
        order = np.argsort(promise if self.aim.front else self.aim.values(*costs)[0], kind="stable")
        rows, ways = rows[order], ways[order]
        pieces: list[Labels] = []
        for start in range(0, len(rows), BATCH):
            if start and self.late():
                self.drop(labels.take(np.unique(rows[start:])), array)
                break
            pieces.append(self.spread_pairs(labels, rows[start : start + BATCH], ways[start : start + BATCH], array))
        return self.reduce(Labels.join(pieces), array + 1) if pieces else labels.take(np.empty(0, dtype=np.int64))

    def pairs(self, labels: Labels, array: int) -> tuple[Ints, Ints, Floats]:
        """Return (labels, ways to spread, bounds of the three costs) of pairs that fit and may be better than known."""
        space, completion = self.space, self.completion
        plan = space.arrays[array]
        across = completion.across[array]
        fanout = math.prod(float(a.product.max()) for a in space.arrays[array + 1 :] if len(a.factors))
        found = []
        step = max(1, CELLS // max(1, len(plan.factors)))
        for start in range(0, labels.n, step):
            if start and self.late():
                self.drop(labels.take(np.arange(start, labels.n)), array)
                break
            part = labels.take(np.arange(start, min(labels.n, start + step)))
            ways = np.arange(len(plan.factors)) if across.by_way is None else across.by_way.ways
            if across.by_way is not None:
                costs = completion.bounds(part, array)
                fits = np.isfinite(of_first(*costs)[0])
            else:
                fits = self.lattice.spread_each(across.steps, part.s[Layout.SHAPE]) >= 0
                energy, latency, capacity = self.floor(part, array, quick=False)
                leak = space.leak_pj_per_cycle
                energy = (energy - leak * latency).min(axis=1)[:, None]
                latency = part.f[Layout.CYCLES][:, None] / (plan.product * fanout)
                costs = energy + leak * latency, latency, capacity[:, :1]
            if space.allowed.working_least and array == self.top - 1:
                used = np.ones(part.n)
                for b in range(array):
                    used *= space.arrays[b].product[part.s[self.layout.way[b]]]
                fits &= used[:, None] * plan.product[ways] >= space.allowed.working_least
            rows, columns = np.nonzero(fits)
            energy, latency, bits = (
                np.broadcast_to(cost, (*cost.shape[:-2], *fits.shape))[..., rows, columns] for cost in costs
            )
            first = np.stack(of_first(energy, latency, bits))
            hopeful = np.isfinite(first[0]) & ~self.beaten(energy, latency, bits)
            found.append((rows[hopeful] + start, ways[columns[hopeful]], first[:, hopeful]))
        rows, ways = (np.concatenate([f[k] for f in found]) for k in (0, 1))
        return rows, ways, np.concatenate([f[2] for f in found], axis=1)

    def spread_pairs(self, labels: Labels, rows: Ints, ways: Ints, array: int) -> Labels:
        """Return the labels of pairs of a label and a way to spread."""
        space, layout = self.space, self.layout
        plan = space.arrays[array]
        numbers = {}
        if self.sliding.nodes:
            unique, inverse = np.unique(rows, return_inverse=True)
            profiles = self.sliding.profiles(labels.take(unique), array)
            numbers = {i: found[inverse.ravel()] for i, found in profiles.items()}
        new = labels.take(rows)
        s, f = new.s, new.f
        parents = s[Layout.NUMBER].copy()
        s[layout.below[array]] = s[Layout.SHAPE]
        s[layout.way[array]] = ways
        s[Layout.SHAPE] = self.lattice.spread(self.completion.across[array].steps, s[Layout.SHAPE], ways)
        s[Layout.COMBO] = self.combinations.after(array, s[Layout.COMBO], ways)
        s[Layout.USED], s[Layout.LAST] = 0, -1
        product = plan.product[ways]
        if self.leftover.spread and array == self.top - 1:
            product = product / self.leftover.steps(s)
        f[Layout.CYCLES] /= product
        f[Layout.PASSES] /= product
        for row, inside in zip(layout.limit, space.prices.segments, strict=True):
            if inside <= array:
                f[row] /= product
        for t, tensor in enumerate(space.tensors):
            if tensor.windows:
                self.merge_bare(new, t, array)
                self.sliding.spread(new, t, array, numbers, parents)
                continue
            self.merge_plain(new, t, array)
        self.deliver(new, array + 1)
        if array == self.top - 1:
            self.first_touches(new)
        new = self.survivors(new, array + 1)
        new = self.reduce(new, array + 1)
        self.store(new, new.s[Layout.NUMBER], SPREAD, new.s[layout.way[array]])
        return new

    def merge_plain(self, labels: Labels, tensor: int, array: int) -> None:
        """Merge the reads and updates of a plain tensor that wait for its holder."""
        space, s = self.space, labels.s
        for up in (False, True) if space.tensors[tensor].output else (False,):
            alike: Any = 1.0
            for a in range(space.united(0, array, up=up), array):
                sharing = self.combinations.sigma[a][s[self.layout.way[a]], tensor]
                held = space.child_segment(tensor, s[Layout.KEPT], array) > a
                _, alike = space.arrays[a].merged(np.where(held, 1.0, sharing), alike, up=up)
            sharing = self.combinations.sigma[array][s[self.layout.way[array]], tensor]
            if array == space.edge_array:
                inside = sum(space.nodes[i].bit for i in self.gaps.chain[tensor] if self.gaps.segment_of[i] <= array)
                bare = np.flatnonzero((s[Layout.KEPT] & inside) == 0)
                sharing[bare] = self.sliding.edges.merged(s[:, bare], tensor, array)
            if self.leftover.spread and array == self.top - 1:
                sharing = sharing / self.leftover.steps(s, tensor)
            by, _ = space.arrays[array].merged(sharing, alike, up=up)
            labels.f[Layout.UPDATES if up else self.layout.reads[tensor]] /= by

    def merge_bare(self, labels: Labels, tensor: int, array: int) -> None:
        """Merge what compute instances ask for, or update, of a tensor with windows that no memory inside holds."""
        space, plan = self.space, self.space.arrays[array]
        held = sum(space.nodes[i].bit for i in self.gaps.chain[tensor] if self.gaps.segment_of[i] <= array)
        flows = [(self.layout.reads[tensor], False, plan.merges)]
        if space.tensors[tensor].output:
            flows.append((Layout.UPDATES, True, plan.reduces))
        for row, up, merged in flows:
            bare = np.flatnonzero(((labels.s[Layout.KEPT] & held) == 0) & (labels.f[row] > 0))
            if merged and len(bare):
                labels.f[row, bare] /= self.sliding.bare(labels, bare, tensor, array, up=up)
                if self.leftover.spread and array == self.top - 1:
                    labels.f[row, bare] *= self.leftover.steps(labels.s[:, bare], tensor)

    def deliver(self, labels: Labels, segment: int) -> None:
        """Charge what waits for a holder in this segment, and the hops to it."""
        settlement = self.combinations.settlements[segment]
        combination = labels.s[Layout.COMBO]
        for t, tensor in enumerate(self.space.tensors):
            waiting = [(self.layout.reads[t], settlement.reads[t])]
            if tensor.output:
                waiting.append((Layout.UPDATES, settlement.updates))
            for source, effect in waiting:
                words = labels.f[source].copy()
                if not words.any():
                    continue
                for row, coefficient in effect:
                    labels.f[row] += words * coefficient[combination]
                labels.f[source] = np.where(settlement.settled[t][combination], 0.0, words)

    def first_touches(self, labels: Labels) -> None:
        """Take off what is never read back, and what is finished and so no partial sum."""
        output = next(t for t, plan in enumerate(self.space.tensors) if plan.output)
        settlement = self.combinations.settlements[self.top]
        for row, amount in settlement.finished:
            labels.f[row] += amount[labels.s[Layout.COMBO]]
        if self.space.tensors[output].windows:
            self.sliding.first_touches(labels, output)
            return
        for row, amount in settlement.first_touches:
            labels.f[row] += amount[labels.s[Layout.COMBO]]
        if self.space.edge_array >= 0:
            self.touched_at_edges(labels, settlement)

    def touched_at_edges(self, labels: Labels, settlement: Settlement) -> None:
        """Put back what was taken off for words that no operation of a holder inside of an array ever updates."""
        space, s = self.space, labels.s
        t = next(t for t, plan in enumerate(space.tensors) if plan.output)
        holder = settlement.holder(t, 0)[s[Layout.COMBO]]
        for m in np.unique(holder).tolist():
            start = space.memories[m].segment
            if start > space.edge_array:
                continue
            columns = np.flatnonzero(holder == m)
            mine = s[:, columns]
            taken = np.full(len(columns), space.tensors[t].used)
            for a in range(start, self.top):
                taken *= self.combinations.sigma[a][mine[self.layout.way[a]], t]
            price = space.prices.flow["read"][0, t, space.prices.compute, m]
            labels.f[Layout.ENERGY, columns] += price * (taken - self.sliding.edges.updated(mine, t, start))
