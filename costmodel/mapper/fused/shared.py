"""The shared part of fused nests: loops and storage above the branches, grown from the boundary outward.

A label starts at a boundary with the nodes that have to stand above it. A loop over a shared rank variable moves the
open tiles that it indexes and settles them: |T| · Π over the rank variables that bring them again of N/tile words, as
inside of a branch. A loop that leaves no open tile in place can as well stand further out, where tiles below it are
smaller; so it is not tried further in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.mapper.front import group_front
from costmodel.mapper.fused.plan import Floats, Ints, Plan
from costmodel.mapper.lattice import numbered
from costmodel.model.patience import check_time
from costmodel.spec.mapping import Node, Storage, Temporal

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Charges:
    """What crosses above shared nodes, and what room they take."""

    words: Floats
    """(nodes): of the whole tensor."""
    price: Floats
    """(choices of shared nodes, nodes, rows): of a word that comes to the tile, and leaves it again; see ``Heads``.
    Nothing where the tensor has no other home."""
    bits: Floats
    """(nodes): of the whole tensor in the node's memory."""
    copies: Floats
    """(nodes): instances of the memory."""
    room: Floats
    """(memories): usable bits."""
    moved: Bools
    """(nodes, rank variables): whether a loop over it moves the tile."""
    again: Bools
    """(nodes, rank variables): whether a loop over it brings the tile again."""


class Heads:
    """Heads of nests, partial shared parts, as columns: whole numbers ``s``, and floats ``f``.

    Rows of ``f`` are pJ and cycles (of each limit of each Einsum), then bits in each memory, last those in all.
    """

    CHOICE, START, SHAPE, TODO, OPEN, USED, NUMBER = range(7)

    def __init__(self, s: Ints, f: Floats) -> None:
        self.s, self.f = s, f

    @property
    def n(self) -> int:
        return int(self.s.shape[1])

    def take(self, rows: Ints | Bools) -> Heads:
        return Heads(self.s[:, rows], self.f[:, rows])

    @staticmethod
    def join(parts: list[Heads]) -> Heads:
        return Heads(np.concatenate([p.s for p in parts], axis=1), np.concatenate([p.f for p in parts], axis=1))


Hopeful = Callable[[Heads], Bools]
"""Whether what a label may lead to can be better than what is known."""


class SharedParts:
    """The search of all shared parts of a group."""

    def __init__(self, plan: Plan, charges: Charges, hopeful: Hopeful) -> None:
        self.plan, self.charges, self.hopeful = plan, charges, hopeful
        self.rows = charges.price.shape[2]
        self.paid: Bools = np.any(charges.price, axis=2)
        """(choices, nodes): whether what crosses costs anything."""
        self.history: list[Ints] = []
        self.stored = 0

    def run(self, choice: Ints, kept: Ints, start: Ints) -> Heads:
        """Return the shared parts that none dominates; their ``number`` reads them.

        For each choice of shared nodes (its number, and the nodes as bits) the boundary where it starts.
        """
        n = len(choice)
        s = np.zeros((7, n), dtype=np.int64)
        s[Heads.CHOICE], s[Heads.START], s[Heads.SHAPE], s[Heads.TODO] = (
            choice,
            start,
            start,
            kept,
        )
        labels = self.store(Heads(s, np.zeros((self.rows + len(self.charges.room) + 1, n))), -1, -1, -1)
        ends = [labels.take(np.zeros(0, dtype=np.int64))]
        while labels.n:
            check_time()
            labels = self.grow(labels)
            done = labels.s[Heads.TODO] == 0
            ends.append(self.closed(labels.take(done)))
            labels = self.place(labels.take(~done))
        found = Heads.join(ends)
        key = found.s[Heads.CHOICE] * self.plan.shapes + found.s[Heads.START]
        return found.take(group_front(key, self.costs(found)))

    def store(self, labels: Heads, parents: Ints | int, node: Ints | int, variable: Ints | int) -> Heads:
        rows = np.empty((4, labels.n), dtype=np.int64)
        rows[0], rows[1], rows[2], rows[3] = parents, labels.s[Heads.SHAPE], node, variable
        self.history.append(rows)
        labels.s[Heads.NUMBER] = np.arange(self.stored, self.stored + labels.n)
        self.stored += labels.n
        return labels

    def costs(self, labels: Heads) -> list[Floats]:
        varying = [row for row in labels.f if labels.n and row.min() != row.max()]
        return varying or [labels.f[0]]

    def reduce(self, labels: Heads) -> Heads:
        """Leave out labels that others dominate, or that cannot be better than what is known."""
        labels = labels.take(self.hopeful(labels))
        if labels.n < 2:
            return labels
        s = labels.s
        state = s[
            [
                Heads.CHOICE,
                Heads.START,
                Heads.SHAPE,
                Heads.TODO,
                Heads.OPEN,
                Heads.USED,
            ]
        ]
        return labels.take(group_front(np.broadcast_to(numbered(state), labels.n), self.costs(labels)))

    def grow(self, labels: Heads) -> Heads:
        """Return the labels with any loops of one gap above them."""
        everything = [labels]
        frontier = labels
        for _ in self.plan.names:
            frontier = self.reduce(self.looped(frontier))
            if not frontier.n:
                break
            everything.append(frontier)
        return self.reduce(Heads.join(everything))

    def looped(self, labels: Heads) -> Heads:
        """Return the labels with one more loop."""
        found = [labels.take(np.zeros(0, dtype=np.int64))]
        for v, divisors in enumerate(self.plan.divisors):
            kept = sum(node.bit for at, node in enumerate(self.plan.nodes) if not self.charges.moved[at, v])
            closing = sum(node.bit for at, node in enumerate(self.plan.nodes) if self.charges.moved[at, v])
            s = labels.s
            rows = np.flatnonzero(((s[Heads.OPEN] & kept) != 0) & ((s[Heads.USED] >> v) & 1 == 0))
            if not len(rows):
                continue
            settled = self.close(labels.take(rows), closing)
            digit = self.plan.digits[v, settled.s[Heads.SHAPE]]
            for low in np.unique(digit).tolist():
                mine = np.flatnonzero(digit == low)
                for high in range(low + 1, len(divisors)):
                    if divisors[high] % divisors[low] == 0:
                        new = settled.take(mine)
                        new.s[Heads.SHAPE] += (high - low) * self.plan.strides[v]
                        new.s[Heads.USED] |= 1 << v
                        found.append(self.store(new, new.s[Heads.NUMBER].copy(), -1, v))
        return Heads.join(found)

    def close(self, labels: Heads, nodes: int) -> Heads:
        """Settle open tiles (bits) at the shapes of the labels."""
        s, f = labels.s.copy(), labels.f.copy()
        for at, node in enumerate(self.plan.nodes):
            if not node.bit & nodes:
                continue
            here = (s[Heads.OPEN] & node.bit) != 0
            if here.any():
                times = self.plan.left[self.charges.again[at]].prod(axis=0)[s[Heads.SHAPE]]
                words = np.where(here, self.charges.words[at] * times, 0.0)
                f[: self.rows] += self.charges.price[s[Heads.CHOICE], at].T * words
        s[Heads.OPEN] &= ~nodes
        return Heads(s, f)

    def closed(self, labels: Heads) -> Heads:
        return self.close(labels, (1 << len(self.plan.nodes)) - 1)

    def place(self, labels: Heads) -> Heads:
        """Return the labels with one node more on top: of each tensor, the innermost one to come."""
        found = [labels.take(np.zeros(0, dtype=np.int64))]
        for at, node in enumerate(self.plan.nodes):
            inner = sum(n.bit for n in self.plan.of(node.tensor) if n.memory > node.memory)
            todo = labels.s[Heads.TODO]
            new = labels.take(np.flatnonzero(((todo & node.bit) != 0) & ((todo & inner) == 0)))
            s, f = new.s, new.f
            share = self.plan.left[self.charges.moved[at]].prod(axis=0)[s[Heads.SHAPE]]
            bits = self.charges.bits[at] / share
            room = self.rows + node.memory
            f[room] += bits
            f[-1] += bits * self.charges.copies[at]
            s[Heads.TODO] &= ~node.bit
            s[Heads.OPEN] |= np.where(self.paid[s[Heads.CHOICE], at], node.bit, 0)
            s[Heads.USED] = 0
            fits = f[room] <= self.charges.room[node.memory]
            new = new.take(fits)
            found.append(self.store(new, new.s[Heads.NUMBER].copy(), at, -1))
        return self.reduce(Heads.join(found))

    def nodes(self, number: int) -> list[Node]:
        """Return the nodes of a shared part, innermost first; loops that are still missing move nothing open."""
        history = np.concatenate(self.history, axis=1)
        path = []
        while number >= 0:
            path.append(history[1:, number])
            number = int(history[0, number])
        path.reverse()
        found: list[Node] = []
        shape = int(path[0][0])
        for into, node, v in (step.tolist() for step in path[1:]):
            if node >= 0:
                one = self.plan.nodes[node]
                found.append(Storage((one.tensor,), self.plan.memories[one.memory].name))
            else:
                found.append(Temporal(self.plan.names[v], int(self.plan.tile[v, shape])))
            shape = into
        for v, name in enumerate(self.plan.names):
            if self.plan.left[v, shape] > 1:
                found.append(Temporal(name, int(self.plan.tile[v, shape])))
        return found
