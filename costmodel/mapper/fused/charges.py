"""What storage in the shared part costs and takes, for every choice of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from costmodel.mapper.fused.plan import Floats, Ints, Plan, SharedNode
from costmodel.mapper.fused.shared import Charges
from costmodel.model.formats import stored_bits
from costmodel.model.lasting import Lasting
from costmodel.model.meters import ENERGY, PriceBook


class SharedPrices:
    """Prices of a word above shared nodes: pJ, and cycles of each limit of each Einsum."""

    def __init__(self, plan: Plan, book: PriceBook) -> None:
        self.plan, self.book, self.together = plan, book, Lasting(book)
        self.limits = [place for places in book.limits.values() for place in places]
        group = plan.group
        self.rows = 1 + len(group.einsums) * len(self.limits)
        self.outermost = book.architecture.memories[0].name
        self.tensor = {t: group.einsums[group.owner(t)].tensors[t] for t in group.tensors}
        self.words = {t: float(tensor.size_words) for t, tensor in self.tensor.items()}
        self.sums = {t: group.einsums[group.owner(t)].accumulates(t) for t in group.tensors}
        """Whether what moves of a tensor are partial sums."""
        levels = [plan.memories[n.memory] for n in plan.nodes]
        self.bits: Floats = np.array(
            [
                stored_bits(self.tensor[n.tensor], level, self.words[n.tensor], sums=self.sums[n.tensor])
                for n, level in zip(plan.nodes, levels, strict=True)
            ]
        )
        """(nodes): of the whole tensor in the node's memory."""
        indexed = {t: group.indexed(t) for t in group.tensors}
        moved = [[v in indexed[n.tensor] for v in plan.names] for n in plan.nodes]
        self.moved = np.array(moved, dtype=bool).reshape(len(plan.nodes), len(plan.names))
        """(nodes, rank variables): whether a loop over it moves the tile."""
        left = [plan.left[mine].prod(axis=0) for mine in self.moved]
        self.tiles: Floats = self.bits[:, None] / np.array(left).reshape(len(plan.nodes), plan.shapes)
        """(nodes, boundaries): bits of a tile that no loop above stands below."""
        self.room: Floats = np.array(
            [math.inf if m.usable_bits is None else float(m.usable_bits) for m in plan.memories]
        )
        """(memories): usable bits."""
        self._least: dict[tuple[str, int], float] = {}
        self._moves: dict[tuple[int, str | None], Floats] = {}
        self._at_home: dict[tuple[str, int], Floats] = {}

    def slot(self, einsum: int, limit: int) -> int:
        """Return the row of a limit's cycles of one Einsum."""
        return 1 + einsum * len(self.limits) + limit

    def lasting(self, cycles: Floats, units: Sequence[str], source: Ints) -> Floats:
        """Return how long an Einsum lasts: (limits, compute cycles last; columns), each column on one of some units."""
        if not self.together.waits:
            return np.asarray(cycles.max(axis=0))
        found = np.empty(cycles.shape[1])
        for at, unit in enumerate(units):
            mine = cycles[:, source == at]
            busy = dict(zip(self.limits, mine, strict=False))  # compute cycles are no limit
            found[source == at] = self.together.cycles(busy, mine[-1], unit, np.maximum)
        return found

    def parent(self, node: SharedNode, kept: int) -> str | None:
        """Return what holds the tensor next, further out, with a choice (bits) of shared nodes; null where nothing."""
        outer = [n for n in self.plan.of(node.tensor) if n.memory < node.memory and n.bit & kept]
        if outer:
            return self.plan.memories[outer[-1].memory].name
        return None if node.tensor in self.plan.group.internal else self.outermost

    def word(self, node: SharedNode, parent: str, flows: Sequence[str]) -> Floats:
        """Return what a word of each of some flows costs between a node and its parent."""
        found = np.zeros(self.rows)
        owner = self.plan.group.owner(node.tensor)
        child = self.plan.memories[node.memory].name
        for charge, costs in self.book.per_word(self.tensor[node.tensor], parent, child, sums=self.sums[node.tensor]):
            if charge.flow in flows:
                for place, cost in costs.items():
                    row = 0 if place == ENERGY else self.slot(owner, self.limits.index(place))
                    found[row] += cost
        return found

    def moves(self, node: SharedNode, kept: int) -> Floats:
        """Return what one word costs that comes to a node's tile, and leaves it where it is written below."""
        parent = self.parent(node, kept)
        if (node.bit, parent) not in self._moves:
            written = self.plan.group.writer(node.tensor) is not None
            flows = ("fill", "read", "update", "drain") if written else ("fill", "read")
            self._moves[node.bit, parent] = np.zeros(self.rows) if parent is None else self.word(node, parent, flows)
        return self._moves[node.bit, parent]

    def at_home(self, tensor: str, kept: int) -> Floats:
        """Return what to add where a tensor has no home outside of the shared part.

        The branches that write it are told that its first touches are not read back from the outermost memory, and
        that what goes there last is finished: there is nothing to take off.
        """
        outermost = next((n for n in self.plan.of(tensor) if n.bit & kept), None)
        if outermost is None or tensor not in self.plan.group.internal:
            return np.zeros(self.rows)
        key = tensor, outermost.bit
        if key not in self._at_home:
            first = self.word(outermost, self.outermost, ("fill", "read"))
            last = self.word(outermost, self.outermost, ("last_update", "last_drain"))
            self._at_home[key] = self.words[tensor] * (first - last)
        return self._at_home[key]

    def least(self, tensor: str, kept: int) -> float:
        """Return the least pJ above the shared nodes of a tensor: each word comes once."""
        nodes = [n for n in self.plan.of(tensor) if n.bit & kept]
        key = tensor, sum(n.bit for n in nodes)
        if key not in self._least:
            once = sum(float(self.moves(n, kept)[0]) for n in nodes) * self.words[tensor]
            self._least[key] = once + float(self.at_home(tensor, kept)[0])
        return self._least[key]

    def charges(self, choices: Sequence[int]) -> Charges:
        """Return all of it for choices of shared nodes."""
        plan = self.plan
        shape = (len(choices), len(plan.nodes), self.rows)
        price = np.zeros(shape)
        for at, kept in enumerate(choices):
            for k, node in enumerate(plan.nodes):
                if node.bit & kept:
                    price[at, k] = self.moves(node, kept)
        asked = {t: plan.group.asked_where_zero(t) for t in plan.group.tensors}
        again = [
            [not moves and v not in asked[n.tensor] for v, moves in zip(plan.names, mine, strict=True)]
            for n, mine in zip(plan.nodes, self.moved.tolist(), strict=True)
        ]
        copies = [float(self.book.architecture.copies(plan.memories[n.memory].name)) for n in plan.nodes]
        return Charges(
            words=np.array([self.words[n.tensor] for n in plan.nodes]),
            price=price,
            bits=self.bits,
            copies=np.array(copies),
            room=self.room,
            moved=self.moved,
            again=np.array(again, dtype=bool).reshape(len(plan.nodes), len(plan.names)),
        )
