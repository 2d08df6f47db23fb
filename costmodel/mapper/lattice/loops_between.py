"""Which loops may stand in a gap between two neighbouring storage nodes, and what constraints say of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.leftover import spread
from costmodel.mapper.lattice.shapes import Ints, Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import NodePlan, Space


class Gaps:
    """The loops in time that may come next.

    A loop that lets no open tile stay in place can as well stand further out. So it comes where there is a tile that it
    does not move, or where its rank variable is wanted in a tile: of a window, of a systolic array, of the tensor that
    a dataflow keeps, or of a node that a constraint is about. Of loops that move nothing one order is enough.
    """

    def __init__(self, space: Space, lattice: Lattice, layout: Layout, sliding: Sliding) -> None:
        self.space, self.lattice, self.layout, self.sliding = space, lattice, layout, sliding
        self.top = len(space.arrays)
        self.segment_of, self.chain = space.segment_of, space.chain
        self._masks()
        self._rules()

    def _masks(self) -> None:
        """Bits of nodes, for each rank variable."""
        space, nodes = self.space, self.space.nodes
        count = self.lattice.count
        relevant = [t.relevant for t in space.tensors]
        self.variables = np.arange(count)
        self.plain = [i for i in range(len(nodes)) if i not in self.sliding.slot]
        self.virtual = 1 << len(nodes)
        """Stands for the tile of a systolic array that no memory below it holds."""
        self.pinned = space.systolic[1] if space.systolic else -1
        pinned = [space.systolic is not None and bool(relevant[self.pinned][v]) for v in range(count)]
        virtual = [self.virtual if space.systolic else 0] * count

        def bits(wanted: Callable[[int, int], bool]) -> Ints:
            return np.array(
                [sum(n.bit for i, n in enumerate(nodes) if wanted(i, v)) for v in range(count)], dtype=np.int64
            )

        windows_of = np.array(self.sliding.moved_by, dtype=np.int64)
        free = bits(lambda i, v: not relevant[nodes[i].tensor][v])
        self.reused_by = free | windows_of | np.where(pinned, 0, virtual)
        """Open nodes that may stay where they are when there is a loop over the variable."""
        self.moved_by = bits(lambda i, v: bool(relevant[nodes[i].tensor][v])) | np.where(pinned, virtual, 0)
        self.closed_by = bits(lambda i, v: i in self.plain and bool(relevant[nodes[i].tensor][v]))
        self.pinned_by = np.array(pinned)
        self.segment_bits = [
            sum(n.bit for n, at in zip(nodes, self.segment_of, strict=True) if at == s) for s in range(self.top + 1)
        ]
        inside = 0
        if space.systolic:
            inside = sum(nodes[i].bit for i in self.chain[self.pinned] if self.segment_of[i] <= space.systolic[0])
        self.wanted_by = windows_of | np.where(pinned, inside, 0)
        """Nodes in whose tile a variable may be wanted although nothing that is open is reused."""

    def _rules(self) -> None:
        """What constraints forbid, and which rank variables may grow anywhere because of them."""
        space, allowed = self.space, self.space.allowed
        names = {name: v for v, name in enumerate(space.names)}
        self.orders = []
        for level, order in allowed.orders:
            listed = np.full(self.lattice.count, -1)
            for place, name in enumerate(n for n in order if n in names):
                listed[names[name]] = place
            self.orders.append((level, listed))
        self.eager = np.isin(self.variables, [names[v] for v in allowed.wanted])
        spreadable = [any((a.factors[:, v] > 1).any() for a in space.arrays) for v in range(self.lattice.count)]
        shared = {
            v
            for t in space.tensors
            for w in t.windows
            if any(spreadable[u] for u in w.rank_variables)
            for v in w.rank_variables
        }
        self.shared = np.isin(self.variables, [*shared, *spread(space)])
        self.broken_by = [
            sum(1 << r for r, (level, _) in enumerate(self.orders) if level == space.memories[n.memory].level.name)
            for n in space.nodes
        ]
        """For each node: rules about the order of loops below it."""
        self.stationary = space.still
        if self.stationary >= 0:
            relevant = space.tensors[self.stationary].relevant
            mine = sum(space.nodes[i].bit for i in space.chain[self.stationary])
            self.wanted_by = self.wanted_by | np.where(relevant, mine, 0)
        self.allowed = [self._allowed(node) for node in space.nodes]
        """For each node: which tile shapes it may hold; null where all."""
        self.pays: list[list[list[tuple[int, int]]]] = [
            [self._pays_across(v, s) for v in range(self.lattice.count)] for s in range(self.top)
        ]

    def _allowed(self, node: NodePlan) -> Any:
        space, lattice = self.space, self.lattice
        place, tensor = space.memories[node.memory].place, space.tensors[node.tensor].name
        limits = space.allowed.limits(
            place, tensor, lambda v: lattice.tile[space.names.index(v)], lambda: lattice.words_of(node)
        )
        return np.logical_and.reduce([measured.obeyed for measured in limits]) if limits else None

    def _pays_across(self, v: int, segment: int) -> list[tuple[int, int]]:
        """Pairs (node X, nodes Y): a loop over v directly below X may pay as long as X and one of Y are to come.

        It puts v into the tile of X, which stays open across the array, so that X stays open while a node Y further
        out, to which v does not matter, closes: that needs a rank variable that closes Y but not X.
        """
        space = self.space
        found = []
        for i, x in enumerate(space.nodes):
            if self.segment_of[i] != segment or not space.tensors[x.tensor].relevant[v]:
                continue
            outer = 0
            for j, y in enumerate(space.nodes):
                apart = ~space.tensors[x.tensor].relevant & space.tensors[y.tensor].relevant
                if self.segment_of[j] > segment and not space.tensors[y.tensor].relevant[v] and apart.any():
                    outer |= y.bit
            if outer:
                found.append((x.bit, outer))
        return found

    def candidates(self, labels: Labels, segment: int, *, anything: bool, full: bool) -> tuple[Any, Ints]:
        """Return (rank variables, labels): whether a loop may come next, and nodes of which one has to follow it."""
        s = labels.s
        opened, todo, sliding = s[Layout.OPEN], s[Layout.TODO], s[Layout.OPEN] | s[Layout.ALIVE]
        column = self.variables[:, None]
        may = self.lattice.digits[:, s[Layout.SHAPE]] < self.lattice.last_digit[:, None]
        may &= ((s[Layout.USED] >> column) & 1) == 0
        must = np.broadcast_to(s[Layout.MUST], may.shape)
        if not self.orders:
            in_order = (column > s[Layout.LAST]) | ((opened & self.moved_by[:, None]) != 0)
            if self.sliding.nodes:
                in_order |= (sliding & self.sliding.bits) != 0
            may &= in_order
        if not anything:
            reused = (sliding & self.reused_by[:, None]) != 0
            reused[self.eager] = True
            wanted = self.wanted_by & self.segment_bits[segment]
            if wanted.any():
                following = todo & wanted[:, None]
                following = np.where(must != 0, following & must, following)
                must = np.where(reused, must, following)
                reused |= following != 0
            may &= reused
        elif not full:
            pays = np.zeros(may.shape, dtype=bool)
            pays[self.shared] = True
            pays |= (todo & (self.wanted_by & self.segment_bits[segment])[:, None]) != 0
            for v, pairs in enumerate(self.pays[segment]):
                for x, outer in pairs:
                    pays[v] |= ((todo & x) != 0) & ((todo & outer) != 0)
            may &= pays
        self._once(may, s[Layout.SHAPE])
        return may, must

    def _once(self, may: Any, shape: Ints) -> None:
        """Of loops that an exchange of rank variables turns into one another, leave the first (in place)."""
        size = self.lattice.digits[:, shape]
        for group in self.lattice.interchangeable:
            for u, v in itertools.combinations(group, 2):
                may[v] &= ~(may[u] & (size[u] == size[v]))
        for exchange in self.lattice.mirrored:
            # what slides remembers its loops, so a nest is its own mirror image where none of them is there yet
            bare = ~size[[*exchange, *exchange.values()]].any(axis=0)
            for u, v in exchange.items():
                may[v] &= ~(may[u] & bare)

    def obedient(self, new: Labels, v: Ints) -> Labels:
        """Return the labels that keep to the dataflow, and note whether the gap keeps to the rules of order."""
        s = new.s
        for r, (_, listed) in enumerate(self.orders):
            place = listed[v]
            seen = s[self.layout.seen[r]]
            s[Layout.BROKEN] |= np.where((place >= 0) & (place > seen), 1 << r, 0)
            seen[:] = np.where(place >= 0, place, seen)
        if self.stationary < 0:
            return new
        return new.where(self.space.tensors[self.stationary].relevant[v] | ~self.moved(new))

    def moved(self, labels: Labels) -> Any:
        """Whether the tensor that is held still has been moved in its innermost memory: its tile is there, not open."""
        s = labels.s
        innermost = np.zeros(labels.n, dtype=np.int64)
        for i in reversed(self.chain[self.stationary]):
            bit = self.space.nodes[i].bit
            innermost = np.where(s[Layout.KEPT] & bit, bit, innermost)
        return ((s[Layout.TODO] | s[Layout.OPEN]) & innermost) != innermost

    def complete(self, labels: Labels) -> Labels:
        """Return the labels that may end here: nothing slides, or all loops are there."""
        ends = ~self.sliding.active(labels) | (labels.s[Layout.SHAPE] == self.lattice.full)
        left = self.lattice.digits[:, labels.s[Layout.SHAPE]] < self.lattice.last_digit[:, None]
        if self.stationary >= 0:
            others = ~self.space.tensors[self.stationary].relevant
            ends &= ~self.moved(labels) | ~left[others].any(axis=0)
        outermost = self.space.memories[-1].level.name
        for r, (level, listed) in enumerate(self.orders):
            if level == outermost:
                ends &= ((labels.s[Layout.BROKEN] >> r) & 1 == 0) & ~left[listed >= 0].any(axis=0)
        return labels.where(ends)
