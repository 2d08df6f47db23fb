"""Labels, the partial mappings of the search, as columns; and how each came about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from costmodel.mapper.lattice.shapes import Floats, Ints

START, PLACE, GROW, SPREAD = range(4)


class Layout:
    """Where each quantity of a label stands among its whole numbers (``.s``) and its floats (``.f``)."""

    SHAPE, TODO, OPEN, ALIVE, KEPT, COMBO, USED, LAST, MUST, BROKEN, NUMBER = range(11)
    """Tile shape; nodes to be placed, open, sliding, kept (bits); what is kept and the ways to spread so far, as one
    number; and of the present gap: rank variables used (bits), the last one, nodes of which one has to follow (bits),
    rules of order that are broken (bits); the label's own number."""
    ENERGY, CYCLES, PASSES, CAPACITY, UPDATES = range(5)
    """pJ; compute cycles; passes of a systolic array; bits in all; updates that wait for their parent."""

    def __init__(
        self,
        *,
        arrays: int,
        windows: int,
        orders: int,
        limits: int,
        rooms: int,
        tensors: int,
        resting: Sequence[int],
        counting: Collection[str],
    ) -> None:
        """``counting``: the costs that matter."""
        self.counts_capacity = "capacity" in counting
        """Whether capacity is an objective; else it is not summed up."""
        self.timeless = "latency" not in counting
        """Whether cycles do not matter, not even among equals (which they tell apart where an Einsum is alone)."""
        at = 11
        self.way = range(at, at := at + arrays)
        """Way to spread over each array."""
        self.below = range(at, at := at + arrays)
        """Tile shape below each array."""
        self.tile = range(at, at := at + windows)
        """Shape of each sliding tile."""
        self.code = range(at, at := at + windows)
        """What tells sliding tiles apart (hash)."""
        self.noted = range(at, at := at + windows)
        """Moves of each sliding tile below an array that keep words, in any order (hash)."""
        self.seen = range(at, at := at + orders)
        """Place of the last loop that a rule of order lists, in the present gap."""
        self.whole = at
        at = 5
        self.limit = range(at, at := at + limits)
        """Cycles of each limit of bandwidth."""
        self.room = range(at, at := at + rooms)
        """Bits used of each limited memory."""
        self.reads = range(at, at := at + tensors)
        """Reads of each tensor that wait for its parent."""
        self.asked = range(at, at := at + windows)
        """Moves of each sliding tile below an array that keep nothing."""
        self.waits = range(at, at := at + windows)
        """Words that a sliding tile below an array has been sent, which its parent is not charged for yet."""
        self.rest = dict(zip(resting, range(at, at := at + len(resting)), strict=True))
        """Node whose tile may stay in some instances when others move theirs → part of it that has not moved yet."""
        self.floats = at

    def block(self, rows: range) -> slice:
        return slice(rows.start, rows.stop)


class Labels:
    """Columns of labels: ``s`` (whole numbers, labels) and ``f`` (floats, labels)."""

    __slots__ = ("f", "s")

    def __init__(self, s: Ints, f: Floats) -> None:
        self.s, self.f = s, f

    @property
    def n(self) -> int:
        return int(self.s.shape[1])

    def take(self, rows: Any) -> Labels:
        return Labels(self.s.take(rows, axis=1), self.f.take(rows, axis=1))

    def where(self, mask: Any) -> Labels:
        return self if mask.all() else self.take(np.flatnonzero(mask))

    @staticmethod
    def join(tables: Sequence[Labels]) -> Labels:
        full = [t for t in tables if t.n] or list(tables[:1])
        if len(full) == 1:
            return full[0]
        return Labels(np.concatenate([t.s for t in full], axis=1), np.concatenate([t.f for t in full], axis=1))


class History:
    """How labels came about: (parent, shape, nodes to be placed, kind of step, way to spread) of every label."""

    PARENT, SHAPE, TODO, KIND, WAY = range(5)

    def __init__(self) -> None:
        self.rows = np.empty((5, 4096), dtype=np.int64)
        self.n = 0

    def clear(self) -> None:
        """Forget all labels."""
        self.n = 0

    def add(self, parents: Ints | int, shape: Ints, todo: Ints, kind: int, way: Ints | int = -1) -> Ints:
        """Store labels and return their numbers."""
        end = self.n + len(shape)
        if end > self.rows.shape[1]:
            grown = np.empty((5, max(end, 2 * self.rows.shape[1])), dtype=np.int64)
            grown[:, : self.n] = self.rows[:, : self.n]
            self.rows = grown
        new = self.rows[:, self.n : end]
        new[self.PARENT], new[self.SHAPE], new[self.TODO], new[self.KIND], new[self.WAY] = (
            parents,
            shape,
            todo,
            kind,
            way,
        )
        self.n = end
        return np.arange(end - len(shape), end)

    def path(self, number: int) -> Ints:
        """Return the columns of a label and of all that it came from, the first one first."""
        found = []
        while number >= 0:
            found.append(self.rows[:, number])
            number = int(self.rows[self.PARENT, number])
        return np.stack(found[::-1], axis=1)
