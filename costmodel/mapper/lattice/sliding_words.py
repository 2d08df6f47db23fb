"""Words of sliding windows: how many tiles have together, and how many a move brings in."""

from __future__ import annotations

from typing import Any

import numpy as np

from costmodel.mapper.lattice import sumset, windows
from costmodel.mapper.lattice.edge_sharing import EdgeSharing
from costmodel.mapper.lattice.edges import Along, Digit, average
from costmodel.mapper.lattice.labels import History, Labels, Layout
from costmodel.mapper.lattice.leftover import Leftover
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.tensor_plan import TensorPlan, Window
from costmodel.mapper.lattice.ways import ArrayPlan
from costmodel.model.patience import check_time


def mix(x: Any) -> Ints:
    """Scramble 64 bits (so that a path has a number of its own)."""
    x = x.astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = (x ^ (x >> np.uint64(31))) | np.uint64(1)
    found: Ints = x.view(np.int64)
    return found


class SlidingWords:
    """Sliding tiles, and the words in them."""

    def __init__(
        self, space: Space, lattice: Lattice, layout: Layout, combinations: Combinations, history: History
    ) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.combinations, self.history = combinations, history
        self.edges, self.leftover = EdgeSharing(space, lattice, layout), Leftover(space, lattice, layout)
        self.top = len(space.arrays)
        self.nodes = [i for i, n in enumerate(space.nodes) if space.tensors[n.tensor].windows]
        self.slot = {i: w for w, i in enumerate(self.nodes)}
        self.segment_of = space.segment_of
        self.bits = sum(space.nodes[i].bit for i in self.nodes)
        self.plain_of = [self._bits(v, plain=True) for v in range(lattice.count)]
        self.moved_by = [self._bits(v, plain=False) for v in range(lattice.count)]
        self.kinds = [[self._kinds(a, t) for t in space.tensors] for a in space.arrays]
        """For each array and tensor: ways to spread that send the same words of it have one number."""

    def _kinds(self, array: ArrayPlan, tensor: TensorPlan) -> Ints:
        told = array.factors[:, tensor.relevant]
        if not array.merges or (tensor.output and not array.reduces):
            told = np.column_stack((told, array.factors.prod(axis=1)))  # instances with the same words get their own
        found: Ints = np.unique(told, axis=0, return_inverse=True)[1].ravel()
        return found

    def _bits(self, v: int, *, plain: bool) -> int:
        found = 0
        for i in self.nodes:
            tensor = self.space.tensors[self.space.nodes[i].tensor]
            if (v in tensor.plain) if plain else (v in tensor.windowed):
                found |= self.space.nodes[i].bit
        return found

    def active(self, labels: Labels) -> Any:
        """Whether a tile of a window is open or sliding."""
        return ((labels.s[Layout.OPEN] | labels.s[Layout.ALIVE]) & self.bits) != 0

    def children(self, s: Ints, window: Window, arrays: range) -> tuple[list[Ints], list[Ints]]:
        """Return (steps, counts) of the instances of arrays along a window."""
        steps, counts = [], []
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            for a in arrays:
                steps.append(abs(c) * self.lattice.tile[v][s[self.layout.below[a]]].astype(np.int64))
                counts.append(self.space.arrays[a].factors[s[self.layout.way[a]], v])
        return steps, counts

    def span(self, s: Ints, v: int, arrays: range) -> Floats:
        """Distance between the first and the last instance along ``v``."""
        total = np.zeros(s.shape[1])
        for a in arrays:
            factor = self.space.arrays[a].factors[s[self.layout.way[a]], v]
            total += self.lattice.tile[v][s[self.layout.below[a]]] * (factor - 1)
        return total

    def slide(
        self, s: Ints, node: int, low: Ints, moving: Ints | None, segment: int, upto: int
    ) -> tuple[Floats, Floats, Ints]:
        """Return (words together, words kept, hash of the distance) of one move.

        Of the instances of arrays from the node's up to ``upto`` together. ``low`` is the shape below the loop that
        moves, ``moving`` its rank variable (null: no move; then only the first result means something).
        """
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        memory = self.space.memories[plan.memory]
        tile = s[self.layout.tile[self.slot[node]]]
        together = np.ones(s.shape[1])
        inside = range(memory.segment, upto)
        for v in tensor.plain:
            together *= self.lattice.tile[v][tile]
            for a in inside:
                together *= self.space.arrays[a].factors[s[self.layout.way[a]], v]
        kept = together.copy()
        still = np.ones(s.shape[1], dtype=bool)
        distance = np.zeros(s.shape[1], dtype=np.int64)
        for window in tensor.windows:
            shift = np.zeros(s.shape[1])
            for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                if moving is not None:
                    reach = self.lattice.tile[v][tile] + self.span(s, v, range(memory.segment, segment))
                    shift += c * np.where(moving == v, reach, reach - self.lattice.tile[v][low])
            whole = shift.astype(np.int64)
            if window.edge is None:
                union, stays = self._together(s, window, tile, inside, whole, memory.fetch)
            else:
                union, stays = self._inside(s, window, tile, low, moving, whole, (inside, segment))
            together *= union
            kept *= stays
            still &= whole == 0
            distance = mix(distance ^ whole)
        if memory.refetch:
            kept = np.where(still, together, 0.0)
        return together, kept, distance

    def _inside(
        self,
        s: Ints,
        window: Window,
        tile: Ints,
        low: Ints,
        moving: Ints | None,
        shift: Ints,
        arrays: tuple[range, int],
    ) -> tuple[Floats, Floats]:
        """Return (words together, words kept) along a padded window, on average over the moves of a loop.

        It moves to every multiple of its tile that is none of the next loop's; whatever stands inside starts again,
        and what stands outside is anywhere. So are instances that are not looked at together. ``arrays``: those whose
        instances are, and how many are inside of the loop.
        """
        edge, (inside, segment) = window.edge, arrays
        assert edge is not None  # noqa: S101
        a = self.space.edge_array
        spread = a in inside or inside.start <= a < segment
        rows: list[Any] = [shift]
        for v in window.rank_variables:
            next_tile = np.zeros(len(tile)) if moving is None else self.lattice.tile[v][s[Layout.SHAPE]] * (moving == v)
            rows += [self.lattice.tile[v][tile], self.lattice.tile[v][low], next_tile]
            if spread:
                rows.append(self.lattice.tile[v][s[self.layout.below[a]]])
                rows.append(self.space.arrays[a].factors[s[self.layout.way[a]], v])
            else:
                rows += [np.ones(len(tile)), np.ones(len(tile))]
        keys, which = np.unique(np.stack(rows, axis=1).astype(np.int64), axis=0, return_inverse=True)
        found = []
        for by, *rest in keys.tolist():
            check_time()
            terms = tuple(zip(window.coefficients, rest[::5], strict=True))
            children, along = [], []
            loops = zip(window.rank_variables, window.coefficients, *(rest[k::5] for k in range(1, 5)), strict=True)
            for v, c, step, next_step, below, number in loops:
                if a in inside and number > 1:
                    children.append((c * below, number))
                parted = (below, number) if a in inside and a >= segment else (1, 1)
                digits = _places(int(self.space.extents[v]), step, next_step, *parted)
                along.append(digits if a in inside else (*digits, Digit(number, below)))
            found.append(average(edge, terms, tuple(children), tuple(along), by))
        table = np.array(found)[which.ravel()]
        return table[:, 0], table[:, 1]

    def _together(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: Ints, box: bool
    ) -> tuple[Floats, Floats]:
        """Return (words together, words that no instance has to be sent after a move) along one window."""
        at = tuple(self.lattice.digits[v, tile] for v in window.rank_variables)
        own, length = (table[at] for table in self.tables(window, box))
        by = np.abs(shift)
        # an interval brings in its end; what more there is to say needs a closer look
        union, asked = own.copy(), np.minimum(by, length).astype(np.float64)
        closer = (own != length) & (by > 0)
        for v in window.rank_variables:
            for a in inside:
                closer |= self.space.arrays[a].factors[s[self.layout.way[a]], v] > 1
        columns = np.flatnonzero(closer)
        if len(columns):
            union[columns], asked[columns] = self._closer(
                s[:, columns], window, tile[columns], inside, shift[columns], box
            )
        return union, union - asked

    def tables(self, window: Window, box: bool) -> tuple[Floats, Floats]:
        """Return (words, distance from the first to the last) of every tile along a window, by divisor indices."""
        return self.space.window_table(window, box), self.space.window_table(window, True)

    def _closer(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: Ints, box: bool
    ) -> tuple[Floats, Floats]:
        """Return (words together, words asked for after a move) of tiles with gaps, or of several instances."""
        pairs = list(zip(window.rank_variables, window.coefficients, strict=True))
        extents = np.stack([self.lattice.tile[v][tile] for v, _ in pairs]).astype(np.int64)
        grains = np.array([[abs(c)] for _, c in pairs])
        shifts = np.array(window.shifts, dtype=np.int64).reshape(-1, 2)
        grains = np.concatenate((grains, shifts[:, :1]))
        extents = np.concatenate((extents, np.broadcast_to(shifts[:, 1:], (len(shifts), len(tile)))))
        length = 1 + (grains * (extents - 1)).sum(axis=0)
        steps, counts = np.broadcast_to(grains, extents.shape).copy(), extents.copy()
        if box:
            steps[0], counts[0], counts[1:] = 1, length, 1
        own = self.tables(window, box)[0][tuple(self.lattice.digits[v, tile] for v, _ in pairs)]
        more_steps, more_counts = self.children(s, window, inside)
        no_steps = np.empty((0, len(tile)), dtype=np.int64)
        more = np.stack(more_steps) if more_steps else no_steps
        instances = np.stack(more_counts) if more_counts else no_steps

        def exactly(column: int) -> tuple[int, int]:
            return self._exactly(s, window, tile, inside, int(shift[column]), box, column)

        union = sumset.sizes(
            np.concatenate((steps, more)), np.concatenate((counts, instances)), lambda column: exactly(column)[0]
        )
        by = np.abs(shift)
        dense = own == length
        single = ((counts > 1).sum(axis=0) == 1) & ~dense
        grain = np.maximum(np.where(counts > 1, steps, 0).max(axis=0), 1)
        # what a move brings in: the end of an interval or of a progression, or all of it
        partial = single & (np.mod(by, grain) == 0) & (by < length)
        fresh = np.where((counts > 1) & partial, by // grain, counts)
        fresh = np.where(dense, 1, fresh)
        fresh[0] = np.where(dense, np.minimum(by, length), fresh[0])
        steps[0] = np.where(dense, 1, steps[0])

        def asked_exactly(column: int) -> int:
            together, stays = exactly(column)
            return together - stays

        asked = sumset.sizes(np.concatenate((steps, more)), np.concatenate((fresh, instances)), asked_exactly)
        asked[by == 0] = 0.0
        for column in np.flatnonzero(~dense & ~single & (by < length) & (by > 0)).tolist():
            asked[column] = asked_exactly(column)
        return union, asked

    def _exactly(
        self, s: Ints, window: Window, tile: Ints, inside: range, shift: int, box: bool, column: int
    ) -> tuple[int, int]:
        """Count coordinate by coordinate."""
        terms, generators = list(window.shifts), []
        for v, c in zip(window.rank_variables, window.coefficients, strict=True):
            terms.append((c, int(self.lattice.tile[v][tile[column]])))
            for a in inside:
                factor = int(self.space.arrays[a].factors[s[self.layout.way[a], column], v])
                if factor > 1:
                    generators.append((c * int(self.lattice.tile[v][s[self.layout.below[a], column]]), factor))
        return windows.union_and_kept(tuple(terms), tuple(generators), shift, box)

    def words(
        self,
        s: Ints,
        node: int,
        low: Ints,
        moving: Ints | None,
        segment: int,
        upto: int,
        *,
        dead: Any = False,
        up: bool = False,
    ) -> Floats:
        """Return the new words of one move, after merging over the arrays inside of ``upto``, per parent there.

        Of a tile that is ``dead`` nothing is left when it moves. ``up``: those that leave, of which there are as many:
        tiles are symmetric.
        """
        plan = self.space.nodes[node]
        start = self.segment_of[node]
        united = self.space.united(start, upto, up=up)
        together, kept, _ = self.slide(s, node, low, moving, segment, united)
        found = together if moving is None else together - np.where(dead, 0.0, kept)
        for a in range(united, upto):
            found = found * self.apart(s, plan.tensor, a, up=up)
        return found

    def apart(self, s: Ints, tensor: int, array: int, *, up: bool) -> Floats:
        """Return how many children of an array that does not unite words are served by themselves."""
        plan, ways = self.space.arrays[array], s[self.layout.way[array]]
        if up or not plan.merges:
            every: Floats = plan.product[ways]
            return every
        found: Floats = plan.factors[ways][:, self.space.tensors[tensor].plain].prod(axis=1).astype(np.float64)
        for window in self.space.tensors[tensor].windows:
            found *= self.different(s, window, range(array, array + 1))
        return found

    def different(self, s: Ints, window: Window, arrays: range) -> Floats:
        """Return how many instances along a window work on different tiles."""
        steps, counts = self.children(s, window, arrays)

        def exactly(column: int) -> int:
            return windows.distinct_offsets(
                tuple((int(d[column]), int(n[column])) for d, n in zip(steps, counts, strict=True))
            )

        return sumset.sizes(np.stack(steps), np.stack(counts), exactly)


def _places(whole: int, step: int, next_step: int, below: int, number: int) -> Along:
    """Positions to which a loop of some step moves a rank variable, or (no next step) where anything of a step starts.

    Without the ``number`` instances of an array further out, which are told by their distance ``below``.
    """
    digits: list[Digit] = [Digit(next_step // step, step, 1)] if next_step else []
    start = next_step or step
    if number > 1 and start <= below:
        digits += [Digit(below // start, start), Digit(whole // (below * number), below * number)]
    else:
        digits.append(Digit(whole // start, start))
    return tuple(digits)
