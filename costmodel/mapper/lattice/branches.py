"""The branches of one Einsum: partial nests up to every boundary that loops shared with others may leave.

A *branch* is a nest of the Einsum with the extents that shared loops leave to it: all of the rank variables that are
not shared, and some tile of those that are. Where it ends, what its tiles hold leaves them. So a label whose tile shape
has reached the boundary is a branch once its open tiles are closed there; the nodes that it still lacks stand in the
shared part. A branch that is dear alone may be cheap in company: what the nodes that it lacks cost at least is the
part of them that is this Einsum's (``Settings``), and it is held against what is known less the least of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.mapper.front import Incumbents, group_front
from costmodel.mapper.lattice.board import Board, timeless
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.settings import Judges, Settings
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.spec.mapping import Node
from costmodel.spec.objective import NAMED


@dataclass(frozen=True)
class Branches:
    """The branches of one Einsum that none dominates, one column each, sorted by what they lack and their boundary."""

    lacking: Ints
    """Nodes (bits) that have to stand in the shared part."""
    shape: Ints
    """Tile shape of the boundary, on the lattice of the Einsum."""
    energy: Floats
    """pJ of all executions, without leakage."""
    cycles: Floats
    """(limits, branches): of all executions; compute cycles last."""
    room: Floats
    """(memories with a limit of room, branches): bits."""
    capacity: Floats
    """Bits in all instances, where that was asked for."""
    number: Ints
    """Of the labels, to read the nests."""

    @property
    def n(self) -> int:
        return len(self.shape)

    def take(self, rows: Ints) -> Branches:
        return Branches(
            self.lacking[rows],
            self.shape[rows],
            self.energy[rows],
            self.cycles[:, rows],
            self.room[:, rows],
            self.capacity[rows],
            self.number[rows],
        )


class Branching(Search):
    """One pass that finds the branches that may be better than what is known, ``width`` of each stage at most."""

    least_share = 1

    def __init__(
        self,
        board: Board,
        settings: Settings,
        judges: Sequence[Incumbents],
        width: int,
        *,
        deadline: float | None = None,
    ) -> None:
        """``judges``: what a branch is held against in each setting."""
        self.settings, self.judges = settings, judges
        super().__init__(board, self.judge(np.zeros(len(judges))), width, deadline)
        self.timeless = timeless(self.space, self.aim)
        for across in self.completion.across:
            across.timeless = self.timeless
        self.pays_energy = self.aim.powers[0] == NAMED["energy"]
        """Whether the first objective is energy."""
        self.left_out = np.full(len(judges), np.inf)
        """For each setting: a bound of the first objective of what was dropped."""
        self.found: list[Labels] = []

    def judge(self, dues: Floats) -> Judges:
        """Return what a branch is held against that pays so much more, in each setting."""
        return Judges(self.judges[0].aim, self.judges, dues)

    def survivors(self, labels: Labels, segment: int) -> Labels:
        """Return the labels that may lead to something better than what is known, in some setting."""
        if not labels.n or not self.incumbents.items:
            return labels
        hopeful = np.empty(labels.n, dtype=bool)
        for part, mine in self.parts(labels, segment):
            todo = mine.s[Layout.TODO]
            told = todo & self.settings.telling
            good = np.empty(mine.n, dtype=bool)
            for bits in np.unique(told).tolist():
                rows = np.flatnonzero(told == bits)
                judge = self.judge(self.settings.dues(todo[rows[:1]])[:, 0])
                good[rows] = self.completion.hopeful(mine.take(rows), segment, judge)
            hopeful[part] = good
        self.stats.bounded += labels.n - int(hopeful.sum())
        return labels.where(hopeful)

    def drop(self, labels: Labels, segment: int, least: Floats | None = None) -> None:
        """Give labels up, and note what they might have led to in each setting."""
        if not labels.n:
            return
        self.stats.dropped += labels.n
        todo, which = np.unique(labels.s[Layout.TODO], return_inverse=True)
        dues = self.settings.dues(todo) if self.pays_energy else np.zeros((len(self.judges), len(todo)))
        if least is None:
            least = self.first(labels, segment)
        elif segment == self.top:
            matters = (self.left_out[:, None] - dues).max(axis=0)
            rows = np.flatnonzero(least < matters[which])
            least, which = self.first(labels.take(rows), segment), which[rows]
        lowest = np.full(len(todo), np.inf)
        np.minimum.at(lowest, which, least)
        self.left_out = np.minimum(self.left_out, (lowest + dues).min(axis=1))

    def branches(self) -> Branches:
        """Search. Raises OutOfTimeError where there was a deadline."""
        labels = self.start()
        for segment in range(self.top + 1):
            labels = self.pass_segment(labels, segment)
            if not labels.n:
                break
        ends = Labels.join(self.found) if self.found else labels.take(np.zeros(0, dtype=np.int64))
        s, f = ends.s, ends.f
        rooms = f[self.layout.block(self.layout.room)]
        cycles = np.concatenate((f[self.layout.block(self.layout.limit)], self.completion.compute_cycles(ends)[None]))
        found = Branches(
            s[Layout.TODO], s[Layout.SHAPE], f[Layout.ENERGY], cycles, rooms, f[Layout.CAPACITY], s[Layout.NUMBER]
        )
        key = s[Layout.TODO] * self.lattice.shapes + s[Layout.SHAPE]
        costs = [found.energy, *found.room, *(() if self.timeless else found.cycles)]
        if self.layout.counts_capacity:
            costs.append(found.capacity)
        varying = [cost for cost in costs if ends.n and cost.min() != cost.max()]
        return found.take(group_front(key, varying or costs[:1]))

    def nodes(self, number: int) -> list[Node]:
        """Return the nodes of a branch, innermost first."""
        return self.reader.part(number)

    def pass_segment(self, labels: Labels, segment: int) -> Labels:
        if segment < self.top:
            return super().pass_segment(labels, segment)
        while labels.n:
            self.end(labels.where((labels.s[Layout.TODO] & ~self.settings.movable) == 0))
            labels = labels.where(labels.s[Layout.TODO] != 0)
            if labels.n:
                labels = self.place_next(self.grow(labels, segment), segment)
        return labels

    def reduce(self, labels: Labels, segment: int) -> Labels:
        if labels.n < 2:
            return labels
        rows = self.board.dominance.undominated(labels, segment, timeless=self.timeless)
        self.stats.dominated += labels.n - len(rows)
        return self.limit(labels.take(rows) if len(rows) < labels.n else labels, segment)

    def end(self, labels: Labels) -> None:
        """Have branches end at all boundaries that loops without another node lead to."""
        if not labels.n:
            return
        frontier = Labels(labels.s.copy(), labels.f.copy())
        frontier.s[Layout.LAST] = -1
        everything = [frontier]
        for _ in range(self.lattice.count):
            frontier = self.reduce(self.outward(frontier), self.top)
            if not frontier.n:
                break
            everything.append(frontier)
        ends = Labels.join(everything)
        ends = ends.where(self.settings.ends_at[:, ends.s[Layout.SHAPE]].any(axis=0))
        ends = self.reduce(ends.where(self.has_room(ends)), self.top)
        if not ends.n:
            return
        ends = Labels(ends.s.copy(), ends.f.copy())
        if self.space.systolic:
            passes = ends.f[Layout.PASSES]
            passes[passes == 0] = self.lattice.repeats[ends.s[Layout.SHAPE][passes == 0]]
        self.close(ends, ends.s[Layout.OPEN], self.top)
        for i in self.sliding.nodes:
            rows = np.flatnonzero((ends.s[Layout.OPEN] | ends.s[Layout.ALIVE]) & self.space.nodes[i].bit)
            self.sliding.die(ends, rows, i, ends.s[Layout.SHAPE, rows], self.top)
        ends.s[Layout.OPEN], ends.s[Layout.ALIVE] = 0, 0
        self.found.append(self.ended(ends))

    def has_room(self, ends: Labels) -> npt.NDArray[np.bool_]:
        """Whether what branches lack, of tiles as they are at the boundary, has room beside what they hold."""
        fits = np.ones(ends.n, dtype=bool)
        for m, row in self.room_slot.items():
            need = ends.f[row].copy()
            for i, node in enumerate(self.space.nodes):
                if node.memory == m and not self.space.tensors[node.tensor].windows:
                    lacks = (ends.s[Layout.TODO] & node.bit) != 0
                    need += np.where(lacks, self.space.bits(node, self.lattice.node_words[i, ends.s[Layout.SHAPE]]), 0)
            fits &= need <= self.space.memories[m].room
        return fits

    def ended(self, ends: Labels) -> Labels:
        """Return the branches that are worth keeping."""
        energy, latency, capacity = (cost[:, 0] for cost in self.completion.bounds(ends, self.top))
        more = self.settings.dues(ends.s[Layout.TODO]) + self.settings.allowed(ends)
        beaten = np.ones(ends.n, dtype=bool)
        for judge, due in zip(self.judges, more, strict=True):
            rows = np.flatnonzero(beaten & np.isfinite(due))
            beaten[rows] = judge.beaten(energy[rows] + due[rows], latency[rows], capacity[rows])
        return ends.where(~beaten)

    def outward(self, labels: Labels) -> Labels:
        """Return the labels with one more loop: over a shared rank variable to any tile, over others to the end."""
        may, must = self.gaps.candidates(labels, self.top, anything=True, full=True)
        variables, columns = np.nonzero(may)
        whole = ~self.settings.is_shared[variables]
        shapes = labels.s[Layout.SHAPE, columns]
        some = np.flatnonzero(~whole)
        which, into = self.lattice.multiples(variables[some], shapes[some], self.top)
        rows = np.concatenate((np.flatnonzero(whole), some[which]))
        into = np.concatenate((self.lattice.filled(variables[whole], shapes[whole]), into))
        self.late()
        return self.loop(labels, columns[rows], variables[rows], into, must, self.top)

    def forget_room(self, labels: Labels) -> None:
        """Keep note of the room: nodes of the shared part need some, too."""


class Cheapest(Branching):
    """One pass for the least that an Einsum pays in each setting: its branch, and its part of what is shared.

    The judges are its own, of one objective, that learn what it finds.
    """

    def least(self) -> Floats:
        """Search; return a bound of the objective in each setting; infinite: nothing fits. Raises OutOfTimeError."""
        self.branches()
        known = np.array([judge.values.min(initial=np.inf) for judge in self.judges])
        found: Floats = np.minimum(known, self.left_out)
        return found

    def ended(self, ends: Labels) -> Labels:
        costs = np.stack([cost[:, 0] for cost in self.completion.bounds(ends, self.top)])
        more = self.settings.dues(ends.s[Layout.TODO]) + self.settings.allowed(ends)
        for judge, due in zip(self.judges, more, strict=True):
            mine = costs[:, np.isfinite(due)]
            if mine.size:
                mine[0] += due[np.isfinite(due)]
                judge.add(mine[:, [int(self.aim.first(*mine).argmin())]], [None])
        self.incumbents = self.judge(np.zeros(len(self.judges)))
        return ends.take(np.zeros(0, dtype=np.int64))
