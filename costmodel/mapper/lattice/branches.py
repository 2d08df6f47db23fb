"""The branches of one Einsum: partial nests up to every boundary that loops shared with others may leave.

A *branch* is a nest of the Einsum with the extents that shared loops leave to it: all of the rank variables that are
not shared, and some tile of those that are. Where it ends, what its tiles hold leaves them. So a label whose tile shape
has reached the boundary is a branch once its open tiles are closed there; the nodes that it still lacks stand in the
shared part. A branch that is dear alone may be cheap in company: what the nodes that it lacks cost at least is the
part of them that is this Einsum's (``Board``), and the incumbents have to be such that the company of a branch may be.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from costmodel.mapper.front import Incumbents, group_front
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.search import Search
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.spec.mapping import Node


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
    """One pass that finds the branches that may be better than what is known, ``width`` of each stage at most.

    ``shared``: places of the rank variables that loops above may split, of each group that the Einsum may be in;
    ``movable`` nodes (bits) may stand in the shared part.
    """

    def __init__(
        self,
        board: Board,
        incumbents: Incumbents,
        shared: Collection[tuple[int, ...]],
        movable: int,
        width: int,
        *,
        deadline: float | None = None,
    ) -> None:
        super().__init__(board, incumbents, width, deadline)
        self.movable = movable
        self.timeless = "latency" not in self.aim.costs and not self.space.leak_pj_per_cycle
        """Whether cycles do not matter."""
        places = np.arange(self.lattice.count)
        self.is_shared = np.isin(places, [v for group in shared for v in group])
        full = self.lattice.digits == self.lattice.last_digit[:, None]
        self.ends_at = np.any([full[~np.isin(places, group)].all(axis=0) for group in shared], axis=0)
        """Whether a shape is a boundary."""
        self.found: list[Labels] = []

    def branches(self) -> Branches:
        """Search. Raises OutOfTimeError where there was a deadline."""
        labels = self.start()
        if labels.n:
            self.root = float(self.first(labels, 0).min())
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
            self.end(labels.where((labels.s[Layout.TODO] & ~self.movable) == 0))
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
        ends = self.reduce(ends.where(self.ends_at[ends.s[Layout.SHAPE]]), self.top)
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

    def ended(self, ends: Labels) -> Labels:
        """Return the branches that are worth keeping."""
        return self.survivors(ends, self.top)

    def outward(self, labels: Labels) -> Labels:
        """Return the labels with one more loop: over a shared rank variable to any tile, over others to the end."""
        may, must = self.gaps.candidates(labels, self.top, anything=True, full=True)
        variables, columns = np.nonzero(may)
        whole = ~self.is_shared[variables]
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
    """One pass for the least that the Einsum pays in any company: its branch, and its part of the nodes that are shared.

    The incumbents are its own, of one objective.
    """

    def least(self) -> float:
        """Search; return a bound of the objective, infinite where nothing fits. Raises OutOfTimeError."""
        self.branches()
        return min(self.stats.dropped_bound, float(self.incumbents.values.min(initial=np.inf)))

    def ended(self, ends: Labels) -> Labels:
        ends = super().ended(ends)
        if ends.n:
            costs = np.stack([cost[:, 0] for cost in self.completion.bounds(ends, self.top)])
            best = costs[:, [int(self.aim.first(*costs).argmin())]]
            self.incumbents.add(best, [None])
        return ends.take(np.zeros(0, dtype=np.int64))
