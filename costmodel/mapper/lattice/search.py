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

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents, group_front
from costmodel.mapper.lattice.completion import Completion
from costmodel.mapper.lattice.dominance import Dominance
from costmodel.mapper.lattice.labels import GROW, PLACE, SPREAD, START, History, Labels, Layout
from costmodel.mapper.lattice.loops_between import Gaps
from costmodel.mapper.lattice.read_back import Reader
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space
from costmodel.spec.objective import Objective

BATCH = 60_000
"""Labels that are grown, or pairs of label and way that are looked at, in one go."""
CELLS = 250_000
"""Numbers in one matrix of bounds."""
BYTES_PER_LABEL = 300
WIDTHS = (300, 6)
"""Labels of each stage of the first pass, and how many times more each further pass has."""
LATE = 200
"""Labels of each stage when the time is up."""


@dataclass
class Stats:
    """What a search did."""

    labels: int = 0
    dominated: int = 0
    bounded: int = 0
    over_capacity: int = 0
    dropped: int = 0
    """Labels that were left out for want of time or memory; the answer is not proven then."""
    dropped_bound: float = math.inf
    """Least bound of the first objective over what was left out."""


@dataclass
class Progress:
    """What the passes of a search came to."""

    labels: int = 0
    """Of all passes."""
    bound: float = 0.0
    """A bound of the first objective, as far as what is known is not better."""
    last: Stats = field(default_factory=Stats)
    """Of the pass that ended last."""
    complete: bool = False
    """Whether the last pass left out only what cannot be better than what is known."""


def widen(
    board: Board,
    incumbents: Incumbents,
    progress: Progress,
    *,
    deadline: float | None = None,
    most_labels: int = 4_000_000,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Search with more and more labels until a pass proves, or time or memory is up.

    A narrow pass finds good mappings, which leave the next one little to look at. ``told`` is called with the width of
    each pass that ended. What came of it goes to the incumbents and to ``progress``, also where Ctrl-C ends it.
    """
    width, factor = WIDTHS
    while True:
        width = min(width, most_labels)
        search = Search(board, incumbents, width, deadline)
        try:
            search.run()
        finally:
            progress.labels += search.stats.labels
            progress.bound = max(progress.bound, search.root)
        progress.last = search.stats
        progress.bound = max(progress.bound, search.stats.dropped_bound)
        progress.complete = not search.stats.dropped
        told(width)
        if progress.complete or search.late() or width == most_labels:
            return
        width *= factor


class Board:
    """What all passes of one search share: the tables."""

    def __init__(self, space: Space, aim: Objective) -> None:
        self.space, self.aim = space, aim
        windows = sum(1 for n in space.nodes if space.tensors[n.tensor].windows)
        self.rooms = [m for m, plan in enumerate(space.memories[:-1]) if math.isfinite(plan.room)]
        self.layout = Layout(
            arrays=len(space.arrays),
            windows=windows,
            orders=len(space.allowed.orders),
            limits=len(space.prices.segments),
            rooms=len(self.rooms),
            tensors=len(space.tensors),
            counts_capacity=aim.uses_capacity,
        )
        self.lattice = Lattice(space)
        self.history = History()
        self.combinations = Combinations(space, self.layout)
        self.sliding = Sliding(space, self.lattice, self.layout, self.combinations, self.history)
        self.completion = Completion(space, self.lattice, self.layout, self.combinations, self.sliding)
        self.gaps = Gaps(space, self.lattice, self.layout, self.sliding)
        self.dominance = Dominance(space, self.lattice, self.layout, self.combinations, self.gaps)


class Search:
    """One pass over the labels, with at most ``width`` of them at each stage; it proves if none is dropped for that."""

    def __init__(self, board: Board, incumbents: Incumbents, width: int, deadline: float | None = None) -> None:
        self.board, self.incumbents = board, incumbents
        self.width, self.deadline = width, deadline
        self.space, self.lattice, self.layout = board.space, board.lattice, board.layout
        self.combinations, self.sliding, self.completion = board.combinations, board.sliding, board.completion
        self.gaps, self.history = board.gaps, board.history
        self.aim = incumbents.aim
        self.history.clear()
        self.reader = Reader(board.space, board.lattice, board.history)
        self.stats = Stats()
        self.root = 0.0
        """A bound of the first objective for the whole mapspace."""
        self.top = len(self.space.arrays)
        self.room_slot = dict(zip(board.rooms, self.layout.room, strict=True))

    # -- the search --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Search; what is found goes to the incumbents."""
        labels = self.start()
        if labels.n:
            self.root = float(self.first(labels, 0).min())
        for segment in range(self.top + 1):
            labels = self.pass_segment(labels, segment)
            if not labels.n:
                return

    def start(self) -> Labels:
        """Return a label for each choice of what is kept: compute instances that ask for a word at every point."""
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
            f[Layout.UPDATES if tensor_plan.output else layout.reads[t]] = tensor_plan.asked
        self.deliver(labels, 0)
        if self.top == 0:
            self.first_touches(labels)
        self.store(labels, -1, START)
        return labels

    def store(self, labels: Labels, parents: Ints | int, kind: int, way: Ints | int = -1) -> None:
        """Remember how labels came about, and give them numbers."""
        numbers = self.history.add(parents, labels.s[Layout.SHAPE], labels.s[Layout.TODO], kind, way)
        labels.s[Layout.NUMBER] = numbers
        self.stats.labels += labels.n

    def pass_segment(self, labels: Labels, segment: int) -> Labels:
        """Place the nodes between two arrays with all loops among them, and spread the array above."""
        nodes = [i for i in range(len(self.space.nodes)) if self.gaps.segment_of[i] == segment]
        mask = self.gaps.segment_bits[segment]
        last = segment == self.top
        exits: list[Labels] = []
        for stage in range(len(nodes) + 1):
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
            todo = grown.s[Layout.TODO]
            columns, placing = [], []
            for i in nodes:
                node = self.space.nodes[i]
                inner = sum(self.space.nodes[j].bit for j in self.gaps.chain[node.tensor] if j < i) & mask
                rows = np.flatnonzero(((todo & node.bit) != 0) & ((todo & inner) == 0))
                columns.append(rows)
                placing.append(np.full(len(rows), node.bit))
            labels = self.reduce(self.place(grown, np.concatenate(columns), np.concatenate(placing)), segment)
        if last or not any(t.n for t in exits):
            return labels.take(np.empty(0, dtype=np.int64))
        out = Labels.join(exits)
        for m, row in self.room_slot.items():
            if self.space.memories[m].segment <= segment:
                out.f[row] = 0.0
        return self.spread(self.reduce(out, segment), segment)

    # -- growth ------------------------------------------------------------------------------------------------

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
            which, into = self.lattice.multiples(variables, shapes)
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
        self.close(new, closing, segment)
        s[Layout.OPEN] &= ~closing
        if self.sliding.nodes:
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

    def close(self, labels: Labels, closing: Ints, segment: int) -> None:
        """Settle plain tiles (bits of nodes) that a loop moves at the labels' shapes."""
        settlement = self.combinations.settlements[segment]
        combination = labels.s[Layout.COMBO]
        for i in self.gaps.plain:
            here = (closing & self.space.nodes[i].bit) != 0
            if here.any():
                words = np.where(here, self.lattice.rounds[self.space.nodes[i].tensor, labels.s[Layout.SHAPE]], 0.0)
                for row, coefficient in settlement.close[i]:
                    labels.f[row] += words * coefficient[combination]

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
        """Take off what is never read back."""
        for row, amount in self.combinations.settlements[self.top].first_touches:
            labels.f[row] += amount[labels.s[Layout.COMBO]]

    def count_passes(self, labels: Labels, v: Ints, low: Ints) -> None:
        """Note how often the stationary tile of a systolic array changes, when its innermost holder inside closes."""
        assert self.space.systolic is not None  # noqa: S101
        s = labels.s
        wanted = np.full(labels.n, self.gaps.virtual)
        for i in reversed(self.gaps.chain[self.gaps.pinned]):
            if self.gaps.segment_of[i] <= self.space.systolic[0]:
                bit = self.space.nodes[i].bit
                wanted = np.where(s[Layout.KEPT] & bit, bit, wanted)
        moves = self.gaps.pinned_by[v]
        passes = labels.f[Layout.PASSES]
        closes = moves & (passes == 0) & ((s[Layout.OPEN] & wanted) != 0)
        passes[closes] = self.lattice.repeats[low[closes]]
        s[Layout.OPEN] &= ~np.where(moves, self.gaps.virtual, 0)

    # -- storage nodes and arrays ------------------------------------------------------------------------------

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
        for m, row in self.room_slot.items():
            full = (s[Layout.TODO] & sum(n.bit for n in space.nodes if n.memory == m)) == 0
            new.f[row][full] = 0.0
        for i in self.sliding.nodes:
            rows = np.flatnonzero(placing & space.nodes[i].bit)
            if len(rows):
                self.sliding.place(new, i, rows)
        segment = self.gaps.segment_of[int(placing[0]).bit_length() - 1] if len(placing) else self.top
        new = self.survivors(new, segment)
        self.store(new, new.s[Layout.NUMBER], PLACE)
        return new

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
        step = max(1, CELLS // len(plan.factors))
        for start in range(0, labels.n, step):
            part = labels.take(np.arange(start, min(labels.n, start + step)))
            shape = part.s[Layout.SHAPE]
            ways = np.arange(len(plan.factors))
            fits, _ = self.lattice.spread(across.steps, shape[:, None], ways[None, :])
            if space.allowed.working_least and array == self.top - 1:
                used = np.ones(part.n)
                for b in range(array):
                    used *= space.arrays[b].product[part.s[self.layout.way[b]]]
                fits &= used[:, None] * plan.product >= space.allowed.working_least
            if across.every.ways is not None:
                energy, latency = across.of_ways(part)
                capacity = part.f[Layout.CAPACITY] + completion.room_to_come(part)
            else:
                energy, latency, capacity = completion.bounds(part, array)
                leak = space.leak_pj_per_cycle
                energy, capacity = (energy - leak * latency).min(axis=1)[:, None], capacity[:, 0]
                latency = part.f[Layout.CYCLES][:, None] / (plan.product * fanout)
                energy = energy + leak * latency
            energy, latency, bits = np.broadcast_arrays(energy, latency, capacity[:, None])
            rows, ways = np.nonzero(fits)
            costs = np.stack([energy[rows, ways], latency[rows, ways], bits[rows, ways]])
            hopeful = np.isfinite(costs[0]) & ~self.beaten(*costs)
            found.append((rows[hopeful] + start, ways[hopeful], costs[:, hopeful]))
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
        s[Layout.SHAPE] = self.lattice.spread(self.completion.across[array].steps, s[Layout.SHAPE], ways)[1]
        s[Layout.COMBO] = self.combinations.after(array, s[Layout.COMBO], ways)
        s[Layout.USED], s[Layout.LAST] = 0, -1
        product = plan.product[ways]
        f[Layout.CYCLES] /= product
        f[Layout.PASSES] /= product
        for row, inside in zip(layout.limit, space.prices.segments, strict=True):
            if inside <= array:
                f[row] /= product
        sigma = self.combinations.sigma[array][ways]
        for t, tensor in enumerate(space.tensors):
            reads = f[layout.reads[t]]
            if tensor.windows:
                held = sum(space.nodes[i].bit for i in self.gaps.chain[t] if self.gaps.segment_of[i] <= array)
                bare = np.flatnonzero(((s[Layout.KEPT] & held) == 0) & (reads > 0))
                if len(bare):
                    reads[bare] /= self.sliding.bare(new, bare, t, array)
                self.sliding.spread(new, t, array, numbers, parents)
                continue
            if plan.merges:
                reads /= sigma[:, t]
            if tensor.output and plan.reduces:
                f[Layout.UPDATES] /= sigma[:, t]
        self.deliver(new, array + 1)
        if array == self.top - 1:
            self.first_touches(new)
        new = self.survivors(new, array + 1)
        new = self.reduce(new, array + 1)
        self.store(new, new.s[Layout.NUMBER], SPREAD, new.s[layout.way[array]])
        return new

    # -- pruning -----------------------------------------------------------------------------------------------

    def reduce(self, labels: Labels, segment: int) -> Labels:
        """Drop labels that are dominated (and, where there are too many, those that promise least)."""
        if labels.n < 2:
            return labels
        rows = self.board.dominance.undominated(labels, segment)
        self.stats.dominated += labels.n - len(rows)
        if len(rows) < labels.n:
            labels = labels.take(rows)
        return self.limit(labels, segment)

    def limit(self, labels: Labels, segment: int) -> Labels:
        """Keep the most promising labels where there are too many."""
        width = min(self.width, LATE) if self.late() else self.width
        if labels.n <= width:
            return labels
        s = labels.s
        energy, latency, capacity = self.best(labels, segment)
        state = s[Layout.TODO] * 1_000_003 + s[Layout.OPEN] * 1_009 + s[Layout.ALIVE]
        states = np.unique(state, return_inverse=True)[1].ravel()
        number = int(states.max()) + 1
        share = max(4, width // (3 * number) + 1)
        keys: list[Sequence[Floats]] = [(energy * latency,), (energy,), (energy, latency)]
        if self.aim.uses_capacity:
            keys += [(energy * latency * capacity,), (energy, capacity)]
        left = np.ones(labels.n, dtype=bool)
        for key in keys:
            order = np.lexsort((*key, states))
            starts = np.searchsorted(states[order], np.arange(number))
            left[order[np.arange(len(order)) - starts[states[order]] < share]] = False
        self.drop(labels.where(left), segment)
        return labels.where(~left)

    def late(self) -> bool:
        return self.deadline is not None and time.process_time() > self.deadline

    def drop(self, labels: Labels, segment: int) -> None:
        """Give labels up, for want of time or memory, and note what they might have led to."""
        if labels.n:
            self.stats.dropped += labels.n
            self.stats.dropped_bound = min(self.stats.dropped_bound, float(self.first(labels, segment).min()))

    def parts(self, labels: Labels, segment: int) -> Iterator[tuple[slice, Labels]]:
        """Yield the labels in parts whose matrices of bounds are not too large."""
        step = BATCH if segment == self.top else max(1, CELLS // len(self.completion.across[segment].detailed))
        for start in range(0, labels.n, step):
            part = slice(start, min(labels.n, start + step))
            yield part, labels if labels.n <= step else Labels(labels.s[:, part], labels.f[:, part])

    def first(self, labels: Labels, segment: int) -> Floats:
        """Return bounds of the first objective, quickly."""
        found = np.empty(labels.n)
        for part, mine in self.parts(labels, segment):
            costs = self.completion.bounds(mine, segment, quick=True)
            found[part] = self.aim.first(*costs).min(axis=1)
        return found

    def best(self, labels: Labels, segment: int) -> Floats:
        """Return the bounds of (energy, latency, capacity) for the choice with the least product of the first two."""
        found = np.empty((3, labels.n))
        for part, mine in self.parts(labels, segment):
            costs = self.completion.bounds(mine, segment, quick=True)
            at = (costs[0] * costs[1]).argmin(axis=1)[:, None]
            for row, cost in zip(found, costs, strict=True):
                row[part] = np.take_along_axis(cost, at, axis=1)[:, 0]
        return found

    def survivors(self, labels: Labels, segment: int) -> Labels:
        """Return the labels whose best completion may be better than what is known."""
        if not self.incumbents.items or not labels.n:
            return labels
        hopeful = np.empty(labels.n, dtype=bool)
        for part, mine in self.parts(labels, segment):
            hopeful[part] = self.completion.hopeful(mine, segment, self.incumbents)
        self.stats.bounded += labels.n - int(hopeful.sum())
        return labels.where(hopeful)

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> Any:
        found = self.incumbents.beaten(energy, latency, capacity)
        self.stats.bounded += int(found.sum())
        return found

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
        latency = self.completion.compute_cycles(labels)
        for row in self.layout.limit:
            latency = np.maximum(latency, labels.f[row])
        energy = labels.f[Layout.ENERGY] + self.space.leak_pj_per_cycle * latency
        costs = np.stack([energy, latency, labels.f[Layout.CAPACITY]])
        ranked = [latency, energy, *([costs[2]] if self.aim.uses_capacity else [])]
        best = group_front(np.zeros(labels.n, dtype=np.int64), ranked)
        fresh = best[~self.incumbents.beaten(*costs[:, best])]
        self.incumbents.add(costs[:, fresh], [self.reader.nest(int(n)) for n in s[Layout.NUMBER, fresh].tolist()])
