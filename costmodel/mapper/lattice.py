"""The exact search: partial mappings as labels on the lattice of tile shapes, grown from the inside out.

A label is a nest read from its innermost loop outward, up to a tile shape x. It carries what has been settled (energy,
cycles of every port, room used) and what is still open:

- a plain tensor's tile at a storage node is settled by the first loop in time that moves it, at shape c: the words
  that cross that boundary are |T| · Π over irrelevant rank variables of N/c, times the instances along irrelevant rank
  variables of the arrays in between (on the child's side; the parent's side merges them);
- a sliding tile pays |new words| at every later loop, until nothing of it can be left when it moves again.

Rules that leave labels out, none of which can lose a point of the front:

- *lazy growth*: a loop over a plain rank variable stands in the gap of a storage node whose tile it does not move, or
  directly below the nodes that stay open across an array; anywhere else it can move outward, at no cost and with
  smaller tiles. Rank variables of sliding windows may grow anywhere;
- *dominance*: of two labels of the same shape and the same open nodes, the one that is no better in anything goes;
- *bound*: a label goes when energy and latency of its best completion (every open tile settled at its best, every
  missing node by the best of all orders that the capacity of its level allows) are no better than a known mapping.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.mapper import windows
from costmodel.mapper.front import TIE, Floats, Incumbents, Ints, group_front
from costmodel.mapper.mapspace import Space, UnsupportedError
from costmodel.spec.mapping import Compute, Node, Spatial, Storage, Temporal

START, PLACE, GROW, SPREAD = range(4)
CHUNK = 400_000
BYTES_PER_LABEL = 400


class Table:
    """Labels as columns."""

    __slots__ = ("c", "n")

    def __init__(self, columns: dict[str, Any]) -> None:
        self.c = columns
        self.n = len(columns["E"])

    def take(self, rows: Any) -> Table:
        return Table({k: a[rows] for k, a in self.c.items()})

    @staticmethod
    def join(tables: Sequence[Table]) -> Table:
        full = [t for t in tables if t.n] or list(tables[:1])
        if len(full) == 1:
            return full[0]
        return Table({k: np.concatenate([t.c[k] for t in full]) for k in full[0].c})


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
    """Least bound of the objective (of a front: the first one) over what was left out."""


Score = Callable[[Floats, Floats], Floats]


def least_energy(energy: Floats, _latency: Floats) -> Floats:
    """Return the first objective of a front over energy and latency."""
    return energy


class Search:
    """One pass over the labels; ``beam`` limits the labels of each stage (then the pass proves nothing)."""

    def __init__(
        self,
        space: Space,
        incumbents: Incumbents,
        score: Score | None,
        beam: int | None = None,
        deadline: float | None = None,
        most_labels: int = 3_000_000,
        bounds: Bounds | None = None,
        rank: Score = least_energy,
    ) -> None:
        self.space, self.incumbents, self.score = space, incumbents, score
        self.rank = score or rank
        self.beam, self.deadline, self.most_labels = beam, deadline, most_labels
        self.stats = Stats()
        self.val = [d.astype(np.float64) for d in space.divisors]
        self.extents = space.extents.astype(np.float64)
        self.last_index = np.array([len(d) - 1 for d in space.divisors], dtype=np.uint8)
        self.count = len(space.names)
        self.top = len(space.arrays)
        self.history: list[dict[str, Any]] = []
        self.offsets: list[int] = []
        self.stored = 0
        tensors = space.tensors
        self.output = next(i for i, t in enumerate(tensors) if t.output)
        self.relevant = np.array([t.relevant for t in tensors])
        self.sliding = any(t.windows for t in tensors)
        self.window_nodes = [i for i, n in enumerate(space.nodes) if tensors[n.tensor].windows]
        self.slot = {i: w for w, i in enumerate(self.window_nodes)}
        self.segment_of = [space.memories[n.memory].segment for n in space.nodes]
        self.virtual = 1 << len(space.nodes)
        self.free_of = [
            sum(n.bit for n in space.nodes if not tensors[n.tensor].relevant[v])
            + (self.virtual if space.systolic and not tensors[space.systolic[1]].relevant[v] else 0)
            for v in range(self.count)
        ]
        self.window_bits = sum(space.nodes[i].bit for i in self.window_nodes)
        self.windows_of = [
            sum(space.nodes[i].bit for i in self.window_nodes if v in tensors[space.nodes[i].tensor].windowed)
            for v in range(self.count)
        ]
        sys_bits = 0
        if space.systolic:
            sys_bits = sum(
                n.bit
                for n, at in zip(space.nodes, self.segment_of, strict=True)
                if n.tensor == space.systolic[1] and at <= space.systolic[0]
            )
        self.wanted_by = [
            self.windows_of[v] | (sys_bits if space.systolic and tensors[space.systolic[1]].relevant[v] else 0)
            for v in range(self.count)
        ]
        self.moved_by = [
            sum(n.bit for n in space.nodes if tensors[n.tensor].relevant[v])
            | (self.virtual if space.systolic and tensors[space.systolic[1]].relevant[v] else 0)
            for v in range(self.count)
        ]
        self.fixed = {
            space.names.index(rule.rank_variable)
            for rule in space.rules.tiles
            if rule.relation == "==" and rule.rank_variable in space.names
        }
        spreadable = [any((a.factors[:, v] > 1).any() for a in space.arrays) for v in range(self.count)]
        self.shared = {
            v
            for t in tensors
            for w in t.windows
            if any(spreadable[u] for u in w.rank_variables)
            for v in w.rank_variables
        }
        self.segment_bits = [
            sum(n.bit for n, at in zip(space.nodes, self.segment_of, strict=True) if at == segment)
            for segment in range(self.top + 1)
        ]
        self.rooms = [m for m, plan in enumerate(space.memories[:-1]) if math.isfinite(plan.room)]
        self.room_slot = {m: k for k, m in enumerate(self.rooms)}
        self.sigma = [
            np.stack([a.factors[:, ~t.relevant].prod(axis=1).astype(np.float64) for t in tensors], axis=1)
            for a in space.arrays
        ]
        self.chain = [[i for i, n in enumerate(space.nodes) if n.tensor == t] for t in range(len(tensors))]
        self.nexts = []
        for d in space.divisors:
            lists = [
                np.array([j for j in range(i + 1, len(d)) if d[j] % d[i] == 0], dtype=np.uint8) for i in range(len(d))
            ]
            starts = np.cumsum([0, *(len(x) for x in lists)])
            self.nexts.append((np.concatenate(lists) if lists else np.empty(0, np.uint8), starts))
        self.bounds = bounds if bounds is not None else Bounds(self)
        self.finals = 0
        self.root = 0.0
        """A bound of the objective (of a front: the first one) for the whole mapspace."""
        self.filled = True
        """Whether the room used is forgotten when nothing more comes to a level."""
        self.now = 0
        """Arrays that have been passed: cycles of ports below them are those of one instance."""

    # -- labels ------------------------------------------------------------------------------------------------

    def start(self) -> Table:
        space = self.space
        masks = np.array(space.keeps, dtype=np.int64)
        n, t = len(masks), len(space.tensors)
        columns: dict[str, Any] = {
            "D": np.zeros((n, self.count), dtype=np.uint8),
            "todo": masks.copy(),
            "keep": masks,
            "opn": np.zeros(n, dtype=np.int64),
            "ali": np.zeros(n, dtype=np.int64),
            "used": np.zeros(n, dtype=np.int32),
            "last": np.full(n, -1, dtype=np.int8),
            "E": np.full(n, float(space.compute_pj)),
            "comp": np.full(n, float(space.points * space.cycles_per_point)),
            "port": np.zeros((n, len(space.ports))),
            "occ": np.zeros((n, len(self.rooms))),
            "pr": np.zeros((n, t)),
            "pu": np.zeros(n),
            "pass": np.zeros(n),
            "sp": np.zeros((n, self.top), dtype=np.int32),
            "gid": np.zeros(n, dtype=np.int64),
            "fresh": np.zeros(n, dtype=bool),
            "must": np.zeros(n, dtype=np.int64),
        }
        if self.sliding:
            columns["xa"] = np.zeros((n, self.top, self.count), dtype=np.uint8)
        if self.window_nodes:
            columns["ti"] = np.zeros((n, len(self.window_nodes), self.count), dtype=np.uint8)
            columns["tc"] = np.zeros((n, len(self.window_nodes)), dtype=np.uint64)
            columns["ww"] = np.zeros((n, len(self.window_nodes)))
            columns["we"] = np.zeros((n, len(self.window_nodes)), dtype=np.uint64)
        tab = Table(columns)
        if space.systolic:
            array, tensor = space.systolic
            inside = sum(space.nodes[i].bit for i in self.chain[tensor] if self.segment_of[i] <= array)
            columns["opn"] = np.where(masks & inside, 0, self.virtual)
        for i, tensor_plan in enumerate(space.tensors):
            # compute instances ask for a word at every point
            if tensor_plan.output:
                tab.c["pu"][:] = space.points
            else:
                tab.c["pr"][:, i] = space.points
            self.settle(tab, i, 0)
            if self.top:
                later = tab.c["pu"] if tensor_plan.output else tab.c["pr"][:, i]
                tab.c["E"] += later * space.arrays[0].hop_pj * tensor_plan.bits
        if self.top == 0:
            self.first_touches(tab)
        self.store(tab, None, START)
        return tab

    def store(self, tab: Table, parents: Ints | None, kind: int) -> None:
        """Remember how labels came about, and give them numbers."""
        self.offsets.append(self.stored)
        par = parents if parents is not None else np.full(tab.n, -1, dtype=np.int64)
        self.history.append({"par": par, "D": tab.c["D"], "todo": tab.c["todo"], "sp": tab.c["sp"], "kind": kind})
        tab.c["gid"] = np.arange(self.stored, self.stored + tab.n, dtype=np.int64)
        self.stored += tab.n
        self.stats.labels += tab.n

    def ancestor(self, gid: int) -> tuple[dict[str, Any], int]:
        import bisect

        at = bisect.bisect_right(self.offsets, gid) - 1
        while len(self.history[at]["par"]) == 0 or gid - self.offsets[at] >= len(self.history[at]["par"]):
            at -= 1
        return self.history[at], gid - self.offsets[at]

    def repeats(self, digits: Any) -> Floats:
        """R(x): how often a tile of shape x is worked on."""
        total = np.full(len(digits), self.space.points)
        for v in range(self.count):
            total /= self.val[v][digits[:, v]]
        return total

    def idle_repeats(self, tensor: int, digits: Any) -> Floats:
        total = np.ones(len(digits))
        for v in range(self.count):
            if not self.relevant[tensor][v]:
                total *= self.extents[v] / self.val[v][digits[:, v]]
        return total

    def flat(self, digits: Any) -> Ints:
        found: Ints = digits.astype(np.int64) @ self.space.strides
        return found

    # -- costs -------------------------------------------------------------------------------------------------

    def pay(self, tab: Table, rows: Any, memory: int, reads: Any, writes: Any, bits: int) -> None:
        plan = self.space.memories[memory]
        tab.c["E"][rows] += (reads * plan.read_pj + writes * plan.write_pj) * bits
        for p, port in enumerate(self.space.ports):
            if port.memory == memory:
                cycles = (reads * port.read + writes * port.write) * bits
                for a in range(plan.segment, self.now):
                    cycles = cycles / self.space.arrays[a].product[tab.c["sp"][rows, a]]
                tab.c["port"][rows, p] += cycles

    def parents(self, tab: Table, rows: Any, tensor: int, above: int) -> list[tuple[int, Any]]:
        """(memory, rows): where a tensor is held next, further out than its node at place ``above`` of its chain."""
        left = rows
        found = []
        for i in self.chain[tensor][above:]:
            if not len(left):
                break
            has = (tab.c["keep"][left] & self.space.nodes[i].bit) != 0
            if has.any():
                found.append((self.space.nodes[i].memory, left[has]))
                left = left[~has]
        if len(left):
            found.append((len(self.space.memories) - 1, left))
        return found

    def close(self, tab: Table, rows: Any, node: int, base: Any, segment: int) -> None:
        """Settle a plain tile: ``base`` is |T| · Π N/c over irrelevant rank variables."""
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        memory = self.space.memories[plan.memory]
        child = base.copy() if isinstance(base, np.ndarray) else np.full(len(rows), base)
        sigmas = [self.sigma[a][tab.c["sp"][rows, a], plan.tensor] for a in range(memory.segment, segment)]
        for s in sigmas:
            child = child * s
        if tensor.output:
            self.pay(tab, rows, plan.memory, 0.0 if memory.free_drain else child, child, tensor.bits)
        else:
            self.pay(tab, rows, plan.memory, 0.0, child, tensor.bits)
        place = self.chain[plan.tensor].index(node) + 1
        inverse = np.full(tab.n, -1, dtype=np.int64)
        inverse[rows] = np.arange(len(rows))
        for parent, theirs in self.parents(tab, rows, plan.tensor, place):
            at = inverse[theirs]
            outer = self.space.memories[parent].segment
            down, up = child[at], child[at]
            for a in range(memory.segment, min(outer, segment)):
                array, s = self.space.arrays[a], sigmas[a - memory.segment][at]
                if array.hop_pj:
                    tab.c["E"][theirs] += (down + up if tensor.output else down) * array.hop_pj * tensor.bits
                down = down / s if array.merges else down
                up = up / s if array.reduces else up
            if outer <= segment:
                self.pay(tab, theirs, parent, down, up if tensor.output else 0.0, tensor.bits)
            else:
                words = down + up if tensor.output else down
                tab.c["E"][theirs] += words * self.space.arrays[segment].hop_pj * tensor.bits
                tab.c["pr"][theirs, plan.tensor] = down
                if tensor.output:
                    tab.c["pu"][theirs] = up

    def settle(self, tab: Table, tensor: int, segment: int) -> None:
        """Charge what waits for a holder of ``tensor``, where that holder is not beyond another array."""
        plan = self.space.tensors[tensor]
        waiting = tab.c["pr"][:, tensor] > 0
        if plan.output:
            waiting |= tab.c["pu"] > 0
        rows = np.flatnonzero(waiting)
        if not len(rows):
            return
        below = [i for i in self.chain[tensor] if self.segment_of[i] < segment]
        held = sum(self.space.nodes[i].bit for i in below)
        for parent, theirs in self.parents(tab, rows, tensor, len(below)):
            if self.space.memories[parent].segment > segment:
                continue
            down = tab.c["pr"][theirs, tensor].copy()
            if plan.output:
                up = tab.c["pu"][theirs].copy()
                bare = (tab.c["keep"][theirs] & held) == 0
                down = np.where(bare, up, down)
                self.pay(tab, theirs, parent, down, up, plan.bits)
                tab.c["pu"][theirs] = 0.0
            else:
                self.pay(tab, theirs, parent, down, 0.0, plan.bits)
            tab.c["pr"][theirs, tensor] = 0.0

    def first_touches(self, tab: Table) -> None:
        """Take off what is never read back: the first touch of every word of the output by every holder."""
        space = self.space
        z = self.output
        plan = space.tensors[z]
        words = plan.words
        spread = [self.sigma[a][tab.c["sp"][:, a], z] for a in range(self.top)]
        above = [np.ones(tab.n) for _ in range(self.top + 1)]
        for a in range(self.top - 1, -1, -1):
            above[a] = above[a + 1] * spread[a]
        for place in range(-1, len(self.chain[z])):
            if place < 0:
                rows, segment = np.arange(tab.n), 0
            else:
                node = space.nodes[self.chain[z][place]]
                rows, segment = np.flatnonzero(tab.c["keep"] & node.bit), self.segment_of[self.chain[z][place]]
                self.pay(tab, rows, node.memory, 0.0, -words * above[segment][rows], plan.bits)
            for parent, theirs in self.parents(tab, rows, z, place + 1):
                outer = space.memories[parent].segment
                if place < 0:
                    self.pay(tab, theirs, parent, -words * above[outer][theirs], 0.0, plan.bits)
                    continue
                down = words * above[segment][theirs]
                for a in range(segment, outer):
                    array = space.arrays[a]
                    if array.hop_pj:
                        tab.c["E"][theirs] -= down * array.hop_pj * plan.bits
                    down = down / spread[a][theirs] if array.merges else down
                self.pay(tab, theirs, parent, -down, 0.0, plan.bits)

    # -- sliding windows ---------------------------------------------------------------------------------------

    def spans(self, tab: Table, rows: Any, node: int, segment: int, v: int) -> Floats:
        """Distance between the first and the last child along v, over the arrays above the node."""
        total = np.zeros(len(rows))
        for a in range(self.segment_of[node], segment):
            factor = self.space.arrays[a].factors[tab.c["sp"][rows, a], v]
            total += self.val[v][tab.c["xa"][rows, a, v]] * (factor - 1)
        return total

    def slide(  # noqa: C901  one step of the search, told in one place
        self, tab: Table, rows: Any, node: int, digits: Any, moving: int | None, segment: int, upto: int
    ) -> tuple[Floats, Floats, Any]:
        """(words together, words kept, number of the distance) of one move, over the children of arrays below ``upto``.

        ``digits`` is the tile shape just below the loop that moves; ``moving`` its rank variable (null: no move, so
        that only the first result means something).
        """
        space = self.space
        plan = space.nodes[node]
        tensor = space.tensors[plan.tensor]
        memory = space.memories[plan.memory]
        w = self.slot[node]
        tile = tab.c["ti"][rows, w]
        n = len(rows)
        union = np.ones(n)
        for v in tensor.plain:
            union *= self.val[v][tile[:, v]]
            for a in range(memory.segment, upto):
                union *= space.arrays[a].factors[tab.c["sp"][rows, a], v]
        kept = union.copy()
        still = np.ones(n, dtype=bool)
        distance_code = np.zeros(n, dtype=np.uint64)
        for window in tensor.windows:
            shift = np.zeros(n, dtype=np.int64)
            code = np.zeros(n, dtype=np.int64)
            parts: list[Any] = []
            for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                t = self.val[v][tile[:, v]]
                span = self.spans(tab, rows, node, segment, v)
                by = t + span if v == moving else -(self.val[v][digits[:, v]] - t - span)
                shift += (c * by).astype(np.int64)
                parts.append(tile[:, v].astype(np.int64))
                for a in range(memory.segment, upto):
                    parts.append(tab.c["xa"][rows, a, v].astype(np.int64))
                    parts.append(space.arrays[a].factors[tab.c["sp"][rows, a], v])
            still &= shift == 0
            distance_code = self.mix(distance_code ^ shift.view(np.uint64))
            parts.append(shift if moving is not None else np.zeros(n, dtype=np.int64))
            for part in parts:
                low = int(part.min()) if n else 0
                span_of = int(part.max()) - low + 1 if n else 1
                if n and int(code.max()) > 2**62 // span_of:
                    code = np.unique(code, return_inverse=True)[1].astype(np.int64)
                code = code * span_of + (part - low)
            _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
            found = np.empty((len(first), 2))
            for k, row in enumerate(first.tolist()):
                terms = []
                generators = []
                for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                    terms.append((c, int(space.divisors[v][tile[row, v]])))
                    for a in range(memory.segment, upto):
                        factor = int(space.arrays[a].factors[tab.c["sp"][rows[row], a], v])
                        if factor > 1:
                            distance = c * int(space.divisors[v][tab.c["xa"][rows[row], a, v]])
                            generators.append((distance, factor))
                found[k] = windows.union_and_kept(tuple(terms), tuple(generators), int(parts[-1][row]), memory.fetch)
            union *= found[inverse, 0]
            kept *= found[inverse, 1]
        if memory.refetch:
            kept = np.where(still, union, 0.0)
        return union, kept, distance_code

    def pay_window(
        self, tab: Table, rows: Any, node: int, weight: Floats, digits: Any, moving: int | None, segment: int
    ) -> None:
        """Charge ``weight`` (over all instances of what is above) moves of a sliding tile, or whole tiles."""
        space = self.space
        plan = space.nodes[node]
        tensor = space.tensors[plan.tensor]
        memory = space.memories[plan.memory]
        spread = tab.c["sp"][rows]
        outside = [np.ones(len(rows))]  # instances of what is above each array
        for a in range(segment - 1, memory.segment - 1, -1):
            outside.append(outside[-1] * space.arrays[a].product[spread[:, a]])
        outside.reverse()

        def words(upto: int) -> Floats:
            """Words below the array at place ``upto``, over all its instances."""
            down, _ = self.window_words(tab, rows, node, digits, moving, segment, upto)
            return down * weight * outside[upto - memory.segment]

        self.pay(tab, rows, plan.memory, 0.0, words(memory.segment), tensor.bits)
        place = self.chain[plan.tensor].index(node) + 1
        inverse = np.full(tab.n, -1, dtype=np.int64)
        inverse[rows] = np.arange(len(rows))
        for parent, theirs in self.parents(tab, rows, plan.tensor, place):
            at = inverse[theirs]
            outer = space.memories[parent].segment
            for a in range(memory.segment, min(outer, segment + 1)):
                if space.arrays[a].hop_pj:
                    tab.c["E"][theirs] += words(a)[at] * space.arrays[a].hop_pj * tensor.bits
            if outer <= segment:
                self.pay(tab, theirs, parent, words(outer)[at], 0.0, tensor.bits)

    def window_words(
        self, tab: Table, rows: Any, node: int, digits: Any, moving: int | None, segment: int, upto: int
    ) -> tuple[Floats, Floats]:
        """New words of one move, after merging over the arrays below place ``upto``, per parent there."""
        space = self.space
        memory = space.memories[space.nodes[node].memory]
        merged = memory.segment
        while merged < upto and space.arrays[merged].merges and not space.arrays[merged].tiles_only:
            merged += 1
        union, kept, _ = self.slide(tab, rows, node, digits, moving, segment, merged)
        words = union if moving is None else union - kept
        tensor = space.tensors[space.nodes[node].tensor]
        for a in range(merged, upto):
            array = space.arrays[a]
            if merged != memory.segment:
                msg = "arrays that merge differently between two holders of a sliding window"
                raise UnsupportedError(msg)
            if not array.merges:
                words = words * array.product[tab.c["sp"][rows, a]]
                continue
            if upto - memory.segment > 1:
                msg = "nested arrays that share whole tiles of a sliding window only"
                raise UnsupportedError(msg)
            copies = np.ones(len(rows))
            for v in tensor.plain:
                copies *= array.factors[tab.c["sp"][rows, a], v]
            for window in tensor.windows:
                different = [
                    windows.distinct_offsets(
                        tuple(
                            (
                                c * int(space.divisors[v][tab.c["xa"][r, a, v]]),
                                int(array.factors[tab.c["sp"][r, a], v]),
                            )
                            for v, c in zip(window.rank_variables, window.coefficients, strict=True)
                        )
                    )
                    for r in rows.tolist()
                ]
                copies *= np.array(different, dtype=np.float64)
            words = words * copies
        return words, union

    def die(self, tab: Table, rows: Any, node: int, digits: Any, segment: int) -> None:
        """Settle a sliding tile of which nothing is left whenever it moves from now on."""
        if not len(rows):
            return
        bit = self.space.nodes[node].bit
        self.pay_window(tab, rows, node, self.repeats(digits), digits, None, segment)
        tab.c["opn"][rows] &= ~bit
        tab.c["ali"][rows] &= ~bit
        waiting = self.waits(tab, rows, node, segment)
        w = self.slot[node]
        tab.c["ww"][rows[waiting], w] += self.repeats(digits)[waiting]
        self.forget(tab, rows[~waiting], w)

    @staticmethod
    def forget(tab: Table, rows: Any, slot: int) -> None:
        for name in ("tc", "ww", "we"):
            tab.c[name][rows, slot] = 0

    def waits(self, tab: Table, rows: Any, node: int, segment: int) -> Any:
        """Whether the parent of a node is beyond an array that is still to come."""
        plan = self.space.nodes[node]
        place = self.chain[plan.tensor].index(node) + 1
        found = np.zeros(tab.n, dtype=bool)
        for parent, theirs in self.parents(tab, rows, plan.tensor, place):
            found[theirs] = self.space.memories[parent].segment > segment
        return found[rows]

    def gone(self, tab: Table, rows: Any, node: int, segment: int) -> Any:
        """Whether nothing of a sliding tile can be left whenever it moves from now on."""
        space = self.space
        plan = space.nodes[node]
        tensor = space.tensors[plan.tensor]
        memory = space.memories[plan.memory]
        tile = tab.c["ti"][rows, self.slot[node]]
        digits = tab.c["D"][rows]
        resets = {}
        extents = {}
        for k, window in enumerate(tensor.windows):
            extent = np.ones(len(rows))
            for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                t = self.val[v][tile[:, v]]
                span = self.spans(tab, rows, node, segment, v)
                resets[v] = abs(c) * (self.val[v][digits[:, v]] - t - span)
                extent += abs(c) * (t - 1)
            extents[k] = np.ones(len(rows)) if memory.refetch else extent
        every = np.ones(len(rows), dtype=bool)
        for moving in range(self.count):
            can = digits[:, moving] < self.last_index[moving]
            never = ~can
            if tensor.relevant[moving] and moving in tensor.plain:
                continue
            for k, window in enumerate(tensor.windows):
                others = np.zeros(len(rows))
                step = np.zeros(len(rows))
                signs = {c > 0 for c in window.coefficients}
                for v, c in zip(window.rank_variables, window.coefficients, strict=True):
                    if v == moving:
                        span = self.spans(tab, rows, node, segment, v)
                        step = abs(c) * (self.val[v][tile[:, v]] + span)
                    elif len(signs) == 1:
                        others += resets[v]
                    else:
                        others = np.maximum(others, 0.0)
                never |= others - step >= extents[k]
            every &= never
        return every

    # -- growth ------------------------------------------------------------------------------------------------

    def allowed(self, tab: Table, v: int, segment: int, *, anything: bool) -> tuple[Any, Any]:
        """(whether a loop over v may come next, nodes of which one must follow then)."""
        c = tab.c
        ok = (c["D"][:, v] < self.last_index[v]) & ((c["used"] & (1 << v)) == 0)
        must = c["must"]
        if not anything and v not in self.fixed:
            free = (c["opn"] & self.free_of[v]) != 0
            if self.window_nodes:
                free |= ((c["ali"] & self.free_of[v]) | ((c["opn"] | c["ali"]) & self.windows_of[v])) != 0
            wanted = self.wanted_by[v] & self.segment_bits[segment]
            if wanted:
                next_ones = c["todo"] & wanted
                next_ones = np.where(c["must"] != 0, next_ones & c["must"], next_ones)
                must = np.where(free, c["must"], next_ones)
                free |= next_ones != 0
            ok &= free
        in_order = (v > c["last"]) | ((c["opn"] & self.moved_by[v]) != 0)
        if self.window_nodes:
            in_order |= ((c["opn"] | c["ali"]) & self.window_bits) != 0
        ok &= in_order
        return ok, must

    def useful(self, tab: Table, v: int, segment: int) -> Any:
        """Whether a loop directly below the nodes that stay open across an array may pay.

        It puts v into the tile of such a node X, so that X stays open while a node Y further out, to which v does not
        matter, closes: that needs a rank variable that closes Y but not X. Or it puts a window's variable into a tile
        of that window, or changes what neighbouring instances share of it.
        """
        if v in self.fixed or v in self.shared:
            return np.ones(tab.n, dtype=bool)
        ok = (tab.c["todo"] & self.wanted_by[v] & self.segment_bits[segment]) != 0
        for i, x in enumerate(self.space.nodes):
            if self.segment_of[i] != segment or not self.relevant[x.tensor][v]:
                continue
            outer = 0
            for j, y in enumerate(self.space.nodes):
                apart = ~self.relevant[x.tensor] & self.relevant[y.tensor]
                if self.segment_of[j] > segment and not self.relevant[y.tensor][v] and apart.any():
                    outer |= y.bit
            if outer:
                ok |= ((tab.c["todo"] & x.bit) != 0) & ((tab.c["todo"] & outer) != 0)
        return ok

    def expand(self, tab: Table, v: int, segment: int, *, anything: bool = False, full: bool = False) -> Table | None:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
        """Return the labels with one more loop over v."""
        ok, must = self.allowed(tab, v, segment, anything=anything)
        if anything and not full:
            ok &= self.useful(tab, v, segment)
        rows = np.flatnonzero(ok)
        if not len(rows):
            return None
        at = tab.c["D"][rows, v]
        if full:
            into = np.full(len(rows), self.last_index[v], dtype=np.uint8)
        else:
            lists, starts = self.nexts[v]
            counts = starts[at.astype(np.int64) + 1] - starts[at]
            total = int(counts.sum())
            within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
            into = lists[np.repeat(starts[at], counts) + within]
            rows = np.repeat(rows, counts)
        new = tab.take(rows)
        parents = tab.c["gid"][rows]
        before = new.c["D"].copy() if self.window_nodes or self.space.systolic else None
        new.c["D"][:, v] = into
        new.c["used"] |= 1 << v
        new.c["must"] = must[rows]
        alive = np.ones(new.n, dtype=bool)
        if self.space.rules.dataflow in ("weight_stationary", "output_stationary", "input_stationary"):
            alive &= ~self.breaks_dataflow(new, v)
            moved = new.c["fresh"] & (not self.stationary_relevant(v))
            new.c["fresh"][moved] = False
        if self.space.systolic:
            assert before is not None  # noqa: S101
            _, tensor = self.space.systolic
            if self.relevant[tensor][v]:
                bit = self.virtual
                for i in self.chain[tensor]:
                    bit |= self.space.nodes[i].bit
                self.count_passes(new, np.flatnonzero(new.c["opn"] & bit), before)
                new.c["opn"] &= ~self.virtual
        for i, node in enumerate(self.space.nodes):
            tensor_plan = self.space.tensors[node.tensor]
            if i in self.slot:
                continue
            if tensor_plan.relevant[v]:
                closing = np.flatnonzero(new.c["opn"] & node.bit)
                if len(closing):
                    base = tensor_plan.words * self.idle_repeats(node.tensor, new.c["D"][closing])
                    self.close(new, closing, i, base, segment)
                    new.c["opn"][closing] &= ~node.bit
        new.c["last"] = np.full(new.n, v, dtype=np.int8)
        if self.window_nodes:
            assert before is not None  # noqa: S101
            self.move_windows(new, v, before, segment)
            active = ((tab.c["opn"] | tab.c["ali"])[rows] & self.window_bits) != 0
            new.c["last"] = np.where(active, -1, v).astype(np.int8)
        alive &= self.fits(new, segment)
        kept = np.flatnonzero(alive)
        if len(kept) < new.n:
            new, parents = new.take(kept), parents[kept]
        if not new.n:
            return None
        good = self.survivors(new, segment)
        if len(good) < new.n:
            new, parents = new.take(good), parents[good]
        if not new.n:
            return None
        self.store(new, parents, GROW)
        return new

    def fits(self, tab: Table, segment: int) -> Any:
        """Whether the nodes still to be placed in this segment fit if their tiles grow no further."""
        ok = np.ones(tab.n, dtype=bool)
        for m, k in self.room_slot.items():
            memory = self.space.memories[m]
            if memory.segment != segment:
                continue
            need = tab.c["occ"][:, k].copy()
            for node in self.space.nodes:
                if node.memory == m:
                    rows = np.flatnonzero(tab.c["todo"] & node.bit)
                    if len(rows):
                        words = self.space.node_words(node, tab.c["D"][rows])
                        need[rows] += words * self.space.tensors[node.tensor].bits
            ok &= need <= memory.room
        self.stats.over_capacity += tab.n - int(ok.sum())
        return ok

    def count_passes(self, tab: Table, rows: Any, digits: Any) -> None:
        """Note how often the stationary tile of a systolic array changes, when its innermost holder inside closes."""
        if not len(rows):
            return
        assert self.space.systolic is not None  # noqa: S101
        _, tensor = self.space.systolic
        fresh = rows[tab.c["pass"][rows] == 0]
        if not len(fresh):
            return
        array = self.space.systolic[0]
        wanted = np.full(len(fresh), self.virtual)
        for i in self.chain[tensor]:
            if self.segment_of[i] <= array:
                bit = self.space.nodes[i].bit
                wanted = np.where((tab.c["keep"][fresh] & bit) != 0, bit, wanted)
        now = fresh[(tab.c["opn"][fresh] & wanted) != 0]
        tab.c["pass"][now] = self.repeats(digits[now])

    @staticmethod
    def mix(x: Any) -> Any:
        """Scramble 64 bits (so that a path has a number of its own)."""
        x = x.astype(np.uint64)
        with np.errstate(over="ignore"):
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))) | np.uint64(1)

    def move_windows(self, new: Table, v: int, before: Any, segment: int) -> None:
        space = self.space
        repeats = self.repeats(new.c["D"])
        steps = self.val[v][new.c["D"][:, v]] / self.val[v][before[:, v]]
        for i in self.window_nodes:
            node = space.nodes[i]
            tensor = space.tensors[node.tensor]
            if v in tensor.plain:
                rows = np.flatnonzero((new.c["opn"] | new.c["ali"]) & node.bit)
                self.die(new, rows, i, before[rows], segment)
                continue
            moved = new.c["opn"] | new.c["ali"] if tensor.relevant[v] else new.c["ali"]
            rows = np.flatnonzero(moved & node.bit)
            if not len(rows):
                continue
            times = (steps[rows] - 1) * repeats[rows]
            self.pay_window(new, rows, i, times, before[rows], v, segment)
            if segment < self.top:
                self.note_move(new, rows, i, times, before[rows], v, segment)
            new.c["opn"][rows] &= ~node.bit
            new.c["ali"][rows] |= node.bit
            dead = rows[self.gone(new, rows, i, segment)]
            self.die(new, dead, i, new.c["D"][dead], segment)

    def note_move(self, tab: Table, rows: Any, node: int, times: Floats, digits: Any, v: int, segment: int) -> None:
        """Sum up the moves of a tile whose parent is beyond an array: what they cost there is known only then.

        Moves that keep nothing differ by their number alone; the others by how far they go, too.
        """
        waiting = self.waits(tab, rows, node, segment)
        if not waiting.any():
            return
        rows, times, digits = rows[waiting], times[waiting], digits[waiting]
        w = self.slot[node]
        _, kept, shift = self.slide(tab, rows, node, digits, v, segment, self.segment_of[node])
        keeps = kept > 0
        tab.c["ww"][rows[~keeps], w] += times[~keeps]
        number = self.mix(self.mix(times[keeps].view(np.uint64)) ^ shift[keeps])
        with np.errstate(over="ignore"):
            tab.c["we"][rows[keeps], w] += number

    def grow(self, tab: Table, segment: int, *, anything: bool = False, full: bool = False) -> Table:
        """Return the labels with any loops of one gap above them."""
        if not tab.n:
            return tab
        everything = [tab]
        if not self.window_nodes:
            fresh = tab.take(np.arange(tab.n))
            fresh.c["last"] = np.full(tab.n, -1, dtype=np.int8)
            everything = [fresh]
            # each turn makes the sequences of loops with one more step back in the order of rank variables
            for _ in range(self.count):
                found = []
                for v in range(self.count):
                    new = self.expand(fresh, v, segment, anything=anything, full=full)
                    if new is not None:
                        found.append(new)
                        fresh = Table.join([fresh, new])
                everything += found
                if not found:
                    break
                fresh = Table.join(found)
                later = np.zeros(fresh.n, dtype=bool)
                for v in range(self.count):
                    later |= (v < fresh.c["last"]) & ((fresh.c["opn"] & self.moved_by[v]) != 0)
                fresh = fresh.take(np.flatnonzero(later))
                if not fresh.n:
                    break
                back = fresh
                fresh = Table(dict(back.c))
            return self.reduce(Table.join(everything), segment)
        frontier = tab
        for _ in range(self.count):
            grown = [self.expand(frontier, v, segment, anything=anything, full=full) for v in range(self.count)]
            tables = [t for t in grown if t is not None]
            if not tables:
                break
            frontier = self.reduce(Table.join(tables), segment)
            everything.append(frontier)
        if full:
            everything = [self.complete(t) for t in everything]
        return self.reduce(Table.join(everything), segment)

    def complete(self, tab: Table) -> Table:
        """Return the labels that may end here: nothing slides, or all loops are there."""
        active = ((tab.c["opn"] | tab.c["ali"]) & self.window_bits) != 0
        full = (tab.c["D"] == self.last_index).all(axis=1)
        return tab.take(np.flatnonzero(~active | full))

    # -- pruning -----------------------------------------------------------------------------------------------

    def reduce(self, tab: Table, segment: int) -> Table:  # noqa: C901, PLR0912  one step of the search, told in one place
        """Drop labels that are dominated (and, in a beam, those that promise least)."""
        if tab.n < 2:
            return tab
        c = tab.c
        code = self.flat(c["D"])
        parts = [c["todo"], c["opn"], c["ali"]]
        if self.window_nodes or not self.lazy:
            parts += [c["used"], c["last"]]
        parts.append(c["must"])
        if segment < self.top:
            below = sum(self.space.nodes[i].bit for i in self.chain[self.output])
            parts.append(c["keep"] & below)
            for a in range(segment):
                parts.append(self.sigma[a][c["sp"][:, a], self.output].astype(np.int64))
        if self.space.systolic and segment <= self.top:
            parts.append((c["pass"] > 0).astype(np.int64))
            array = self.space.systolic[0]
            if segment > array:
                parts.append(self.space.arrays[array].overheads[c["sp"][:, array]].astype(np.int64))
        if self.space.rules.dataflow:
            parts.append(c["fresh"])
        for i in self.window_nodes:
            for name in ("tc", "we") if segment < self.top else ("tc",):
                parts.append(np.unique(c[name][:, self.slot[i]], return_inverse=True)[1])
        for part in parts:
            low, high = int(part.min()), int(part.max())
            if low == high:
                continue
            if int(code.max()) > 2**62 // (high - low + 1):
                code = np.unique(code, return_inverse=True)[1].astype(np.int64)
            code = code * (high - low + 1) + (part.astype(np.int64) - low)
        costs = [c["E"], c["comp"], c["pass"]]
        for name in ("port", "occ", "pr"):
            costs += [c[name][:, k] for k in range(c[name].shape[1])]
        costs.append(c["pu"])
        if self.window_nodes:
            costs += [c["ww"][:, k] for k in range(c["ww"].shape[1])]
        if segment:
            for i, node in enumerate(self.space.nodes):
                if self.segment_of[i] < segment and i not in self.slot:
                    copies = np.ones(tab.n)
                    for a in range(self.segment_of[i], segment):
                        copies = copies * self.sigma[a][c["sp"][:, a], node.tensor]
                    costs.append(np.where(c["opn"] & node.bit, copies, 0.0))
            if self.window_nodes:
                for i in self.window_nodes:
                    if self.segment_of[i] < segment:
                        copies = np.ones(tab.n)
                        for a in range(self.segment_of[i], segment):
                            copies = copies * self.space.arrays[a].product[c["sp"][:, a]]
                        costs.append(np.where((c["opn"] | c["ali"]) & self.space.nodes[i].bit, copies, 0.0))
        costs = [x for x in costs if x.min() != x.max()]
        if not costs:
            costs = [c["E"]]
        rows = group_front(code, costs)
        self.stats.dominated += tab.n - len(rows)
        if len(rows) < tab.n:
            tab = tab.take(rows)
        return self.limit(tab, segment)

    @property
    def lazy(self) -> bool:
        return not self.space.eager

    def limit(self, tab: Table, segment: int) -> Table:
        most = self.beam or self.most_labels
        late = self.deadline is not None and time.process_time() > self.deadline
        if late and not self.beam:
            most = 200
        if tab.n <= most:
            return tab
        energy, latency = self.lower(tab, segment)
        kinds = np.unique(tab.c["todo"] * 1_000_003 + tab.c["opn"] * 1_009 + tab.c["ali"], return_inverse=True)[1]
        number = int(kinds.max()) + 1
        share = max(4, most // (3 * number) + 1)
        picked = []
        for order in (
            np.argsort(energy * latency, kind="stable"),
            np.argsort(energy, kind="stable"),
            np.lexsort((energy, latency)),
        ):
            grouped = order[np.argsort(kinds[order], kind="stable")]
            starts = np.searchsorted(kinds[grouped], np.arange(number))
            within = np.arange(len(grouped)) - starts[kinds[grouped]]
            picked.append(grouped[within < share])
        chosen = np.unique(np.concatenate(picked))
        if not self.beam:
            left = np.ones(tab.n, dtype=bool)
            left[chosen] = False
            self.stats.dropped += int(left.sum())
            if left.any():
                bound = float(self.rank(energy[left], latency[left]).min())
                self.stats.dropped_bound = min(self.stats.dropped_bound, bound)
        return tab.take(chosen)

    def lower(self, tab: Table, segment: int) -> tuple[Floats, Floats]:
        """Bounds of (energy, latency) of the best completion."""
        return self.bounds.lower(self, tab, segment)

    def survivors(self, tab: Table, segment: int) -> Any:
        """Rows whose best completion is better than what is known."""
        if not self.incumbents.items:
            return np.arange(tab.n)
        return np.flatnonzero(~self.beaten(*self.lower(tab, segment)))

    def beaten(self, energy: Floats, latency: Floats) -> Any:
        """Whether bounds are no better than what is known."""
        if not self.incumbents.items:
            return np.zeros(len(energy), dtype=bool)
        dead = self.incumbents.beaten(energy, latency)
        if self.score is not None:
            best = float(self.score(self.incumbents.energy, self.incumbents.latency).min())
            dead |= self.score(energy, latency) > best * (1 + TIE)
        self.stats.bounded += int(dead.sum())
        return dead

    # -- storage nodes and arrays ------------------------------------------------------------------------------

    def place(self, tab: Table, nodes: Sequence[int], rows: Any) -> tuple[Table, Ints]:  # noqa: C901  one step of the search, told in one place
        """Return rows with storage nodes put on top of them, where they fit."""
        new = tab.take(rows)
        ok = np.ones(new.n, dtype=bool)
        for i in nodes:
            node = self.space.nodes[i]
            tensor = self.space.tensors[node.tensor]
            here = np.flatnonzero(new.c["todo"] & node.bit)
            if not len(here):
                continue
            digits = new.c["D"][here]
            if node.memory in self.room_slot:
                words = self.space.node_words(node, digits)
                new.c["occ"][here, self.room_slot[node.memory]] += words * tensor.bits
            for rule in self.space.rules.tiles:
                if (
                    rule.level != self.space.memories[node.memory].level.name
                    or rule.rank_variable not in self.space.names
                ):
                    continue
                v = self.space.names.index(rule.rank_variable)
                if tensor.relevant[v]:
                    extent = self.val[v][digits[:, v]]
                    limit = min(rule.extent, self.space.extents[v])
                    ok[here] &= extent <= limit if rule.relation == "<=" else extent == limit
            new.c["opn"][here] |= node.bit
            if i in self.slot:
                w = self.slot[i]
                new.c["ti"][here, w] = digits
                own = digits * tensor.relevant
                new.c["tc"][here, w] = self.mix(self.flat(own) * 64 + i + 1)
                new.c["ww"][here, w] = 0
                new.c["we"][here, w] = 0
            if self.space.rules.dataflow and node.tensor == self.stationary():
                below = sum(self.space.nodes[j].bit for j in self.chain[node.tensor] if j < i)
                inner = (new.c["keep"][here] & below) == 0
                new.c["fresh"][here[inner]] = True
        for m, k in self.room_slot.items():
            ok &= new.c["occ"][:, k] <= self.space.memories[m].room
        done = sum(self.space.nodes[i].bit for i in nodes)
        for m, k in self.room_slot.items():
            held_here = sum(n.bit for n in self.space.nodes if n.memory == m)
            if held_here & done and self.filled:
                new.c["occ"][((new.c["todo"] & ~done) & held_here) == 0, k] = 0.0
        bits = sum(self.space.nodes[i].bit for i in nodes)
        new.c["todo"] &= ~bits
        new.c["used"][:] = 0
        new.c["last"][:] = -1
        if len(nodes) == 1:
            ok &= (new.c["must"] == 0) | ((new.c["must"] & bits) != 0)
        new.c["must"][:] = 0
        good = np.flatnonzero(ok)
        self.stats.over_capacity += new.n - len(good)
        return (new.take(good) if len(good) < new.n else new), rows[good]

    def stationary(self) -> int:
        tensors = self.space.tensors
        kind = self.space.rules.dataflow
        if kind == "output_stationary":
            return self.output
        inputs = [i for i, t in enumerate(tensors) if not t.output]
        weights = [i for i in inputs if self.space.einsum.tensors[tensors[i].name].role == "weight"]
        if kind == "weight_stationary":
            return weights[-1] if weights else (inputs[-1] if inputs else self.output)
        others = [i for i in inputs if i not in weights]
        return others[0] if others else (inputs[0] if inputs else self.output)

    def stationary_relevant(self, v: int) -> bool:
        return bool(self.relevant[self.stationary()][v])

    def breaks_dataflow(self, tab: Table, v: int) -> Any:
        """Whether a loop over v moves the stationary tile although another could stand there."""
        tensor = self.stationary()
        if not self.relevant[tensor][v]:
            return np.zeros(tab.n, dtype=bool)
        return tab.c["fresh"] & (self.idle_repeats(tensor, tab.c["D"]) > 1)

    def spread(self, tab: Table, a: int) -> Table:
        """Return the labels with the parallel loops of an array above them."""
        space = self.space
        array = space.arrays[a]
        pieces: list[Table] = []
        digits = tab.c["D"]
        flat = self.flat(digits)
        unique, inverse = np.unique(flat, return_inverse=True)
        shapes = digits[np.unique(flat, return_index=True)[1]]
        index_after = []
        fits_var = []
        for v in range(self.count):
            d = space.divisors[v]
            product = d[:, None] * array.factors[None, :, v]
            fits_var.append(space.extents[v] % product == 0)
            index_after.append(np.searchsorted(d, product).astype(np.uint8))
        ways = len(array.factors)
        if not ways:
            return tab.take(np.empty(0, dtype=np.int64))
        least = space.rules.utilisation * space.instances if a == self.top - 1 else 0.0
        fits = np.ones((len(unique), ways), dtype=bool)
        for v in range(self.count):
            fits &= fits_var[v][shapes[:, v]]
        lists = [np.flatnonzero(f) for f in fits]
        lengths = np.array([len(x) for x in lists])
        low_energy, low_latency = self.lower(tab, a)
        left = np.argsort(low_energy, kind="stable")
        settled = low_energy - space.leak_pj_per_cycle * low_latency
        fanout = math.prod(float(b.product.max()) for b in space.arrays[a + 1 :])
        batch = CHUNK // 40 if a == self.top - 1 and not self.beam else CHUNK
        while len(left):
            ends = np.cumsum(lengths[inverse[left]])
            count = max(1, int(np.searchsorted(ends, batch)))
            rows, left = left[:count], left[count:]
            chosen = np.concatenate([lists[k] for k in inverse[rows].tolist()])
            repeated = np.repeat(rows, lengths[inverse[rows]])
            cycles = tab.c["comp"][repeated] / (array.product[chosen] * fanout)
            hopeful = ~self.beaten(settled[repeated] + space.leak_pj_per_cycle * cycles, cycles)
            piece = self.spread_rows(tab, repeated[hopeful], chosen[hopeful], a, index_after, least)
            pieces.append(piece)
            if a == self.top - 1 and not self.beam:
                self.dive(piece, 30)
                self.now = a
                if len(left):
                    left = left[self.survivors(tab.take(left), a)]
                batch = min(CHUNK, batch * 4)
        kept = [p for p in pieces if p.n]
        if not kept:
            return tab.take(np.empty(0, dtype=np.int64))
        return self.reduce(Table.join(kept), a + 1)

    def spread_rows(self, tab: Table, rows: Any, ways: Any, a: int, index_after: Any, least: float) -> Table:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
        space = self.space
        self.now = a + 1
        array = space.arrays[a]
        new = tab.take(rows)
        if not new.n:
            return new
        parents = tab.c["gid"][rows]
        profiles: dict[int, Any] = {}
        if self.window_nodes:
            unique, inverse = np.unique(rows, return_inverse=True)
            for i, (numbers, moves) in self.profiles(tab.take(unique), a).items():
                profiles[i] = (numbers[inverse], moves)
        c = new.c
        before = c["D"]
        after = before.copy()
        for v in range(self.count):
            after[:, v] = index_after[v][before[:, v], ways]
        c["D"] = after
        c["sp"][:, a] = ways
        if self.sliding:
            c["xa"][:, a] = before
        product = array.product[ways]
        c["comp"] = c["comp"] / product
        if least:
            used = np.ones(new.n)
            for b in range(self.top):
                used *= space.arrays[b].product[c["sp"][:, b]]
            enough = np.flatnonzero(used >= least * (1 - TIE))
            if len(enough) < new.n:
                new, parents, ways = new.take(enough), parents[enough], ways[enough]
                profiles = {i: (numbers[enough], moves) for i, (numbers, moves) in profiles.items()}
                c, product = new.c, product[enough]
                if not new.n:
                    return new
        if space.systolic:
            c["pass"] = c["pass"] / product
        for p, port in enumerate(space.ports):
            if space.memories[port.memory].segment <= a:
                c["port"][:, p] /= product
        c["used"][:] = 0
        c["last"][:] = -1
        for t, tensor in enumerate(space.tensors):
            if tensor.windows:
                self.spread_window(new, t, a, profiles)
                continue
            sigma = self.sigma[a][ways, t]
            down = c["pr"][:, t]
            if array.merges:
                c["pr"][:, t] = down / sigma
            if tensor.output and array.reduces:
                c["pu"] = c["pu"] / sigma
            self.settle(new, t, a + 1)
            if a + 1 < self.top:
                later = c["pr"][:, t] + c["pu"] if tensor.output else c["pr"][:, t]
                c["E"] += later * self.space.arrays[a + 1].hop_pj * tensor.bits
        if a == self.top - 1:
            self.first_touches(new)
        good = self.survivors(new, a + 1)
        if len(good) < new.n:
            new, parents = new.take(good), parents[good]
        if new.n:
            reduced = self.reduce_with(new, parents, a + 1)
            new, parents = reduced
        self.store(new, parents, SPREAD)
        return new

    def reduce_with(self, tab: Table, parents: Ints, segment: int) -> tuple[Table, Ints]:
        """Reduce labels that are not stored yet."""
        tab.c["gid"] = np.arange(tab.n, dtype=np.int64)
        found = self.reduce(tab, segment)
        return found, parents[found.c["gid"]]

    def profiles(self, tab: Table, a: int) -> dict[int, tuple[Any, list[list[tuple[float, Any, int | None]]]]]:
        """For each window node below an array: the moves that its tile has made so far.

        Returns node → (profile number of every row, moves of every profile); a move is (times, shape just below the
        loop, rank variable), the last one (null) the tiles that were settled whole.
        """
        found: dict[int, tuple[Any, list[list[tuple[float, Any, int | None]]]]] = {}
        for i in self.window_nodes:
            node = self.space.nodes[i]
            if self.segment_of[i] > a:
                continue
            rows = np.flatnonzero((tab.c["keep"] & node.bit) != 0)
            numbers = np.full(tab.n, -1, dtype=np.int64)
            if not len(rows):
                found[i] = (numbers, [])
                continue
            w = self.slot[i]
            alive = ((tab.c["opn"] | tab.c["ali"])[rows] & node.bit).astype(np.uint64)
            code = self.mix(tab.c["tc"][rows, w] ^ self.mix(self.flat(tab.c["D"][rows])))
            code = self.mix(code ^ self.mix(tab.c["ww"][rows, w].view(np.uint64)))
            with np.errstate(over="ignore"):
                code = self.mix(code ^ tab.c["we"][rows, w]) + alive
            _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
            numbers[rows] = inverse
            moves = []
            for row in rows[first].tolist():
                moves.append(self.moves(tab, row, i))  # noqa: PERF401
            found[i] = (numbers, moves)
        return found

    def moves(self, tab: Table, row: int, node: int) -> list[tuple[float, Any, int | None]]:
        """Walk back to where a node was placed and list the moves of its tile, innermost first."""
        plan = self.space.nodes[node]
        tensor = self.space.tensors[plan.tensor]
        states: list[tuple[Any, int, Any]] = []
        gid = int(tab.c["gid"][row])
        while gid >= 0:
            entry, at = self.ancestor(gid)
            states.append((entry["D"][at], entry["kind"], entry["sp"][at]))
            if int(entry["todo"][at]) & plan.bit:
                states.pop()
                break
            gid = int(entry["par"][at])
        states.reverse()
        closed = alive = False
        dead = False
        listed: list[tuple[float, Any, int | None]] = []
        for (low, _, _), (high, kind, _) in itertools.pairwise(states):
            if kind != GROW or dead:
                continue
            changed = np.flatnonzero(low != high)
            (v,) = changed.tolist()
            if v in tensor.plain:
                if not dead:
                    listed.append((float(self.repeats(low[None, :])[0]), low, None))
                dead = True
                continue
            if tensor.relevant[v] or alive:
                closed = alive = True
                steps = self.val[v][high[v]] / self.val[v][low[v]]
                listed.append(((steps - 1) * float(self.repeats(high[None, :])[0]), low, v))
        still = (int(tab.c["opn"][row]) | int(tab.c["ali"][row])) & plan.bit
        if closed and not dead and not still:
            last = states[-1][0]
            listed.append((float(self.repeats(last[None, :])[0]), last, None))
        return listed

    def spread_window(self, new: Table, t: int, a: int, profiles: Any) -> None:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
        """Charge the parent's side (and the hops) of moves that were made below an array."""
        space = self.space
        array = space.arrays[a]
        tensor = space.tensors[t]
        c = new.c
        held = 0
        for i in self.chain[t]:
            if self.segment_of[i] <= a:
                held |= space.nodes[i].bit
        bare = np.flatnonzero((c["keep"] & held) == 0)
        if len(bare):
            self.spread_bare(new, bare, t, a)
        for i in self.chain[t]:
            if self.segment_of[i] > a:
                continue
            numbers, moves = profiles[i]
            if not moves:
                continue
            place = self.chain[t].index(i) + 1
            mine = numbers
            has = np.flatnonzero(mine >= 0)
            if not len(has):
                continue
            waiting = has[self.waits(new, has, i, a)]
            if not len(waiting):
                continue
            if a > self.segment_of[i]:
                msg = "a sliding window below nested arrays"
                raise UnsupportedError(msg)
            # one question per profile and way to spread the rank variables of the tensor
            ways = c["sp"][waiting, a].astype(np.int64)
            kinds = array.factors[ways][:, tensor.relevant]
            code = mine[waiting].copy()
            for k in range(kinds.shape[1]):
                high = int(kinds[:, k].max()) + 1
                if int(code.max()) > 2**62 // high:
                    code = np.unique(code, return_inverse=True)[1].astype(np.int64)
                code = code * high + kinds[:, k]
            _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
            sample = waiting[first]
            merged = np.zeros(len(sample))
            profile = mine[sample]
            longest = max((len(moves[p]) for p in profile.tolist()), default=0)
            for step in range(longest):
                listed = [(k, moves[p][step]) for k, p in enumerate(profile.tolist()) if len(moves[p]) > step]
                by_variable: dict[int | None, list[tuple[int, float, Any]]] = {}
                for k, (times, low, v) in listed:
                    by_variable.setdefault(v, []).append((k, times, low))
                for v, entries in by_variable.items():
                    ks = np.array([e[0] for e in entries])
                    times = np.array([e[1] for e in entries])
                    low = np.array([e[2] for e in entries])
                    theirs = sample[ks]
                    all_, _ = self.window_words(new, theirs, i, low, v, self.segment_of[i], a + 1)
                    merged[ks] += times * all_
            down = merged[inverse] / array.product[ways]
            where = np.full(new.n, -1, dtype=np.int64)
            where[waiting] = np.arange(len(waiting))
            for parent, theirs in self.parents(new, waiting, t, place):
                if space.memories[parent].segment <= a + 1:
                    self.pay(new, theirs, parent, down[where[theirs]], 0.0, tensor.bits)
                else:
                    msg = "a sliding window below nested arrays"
                    raise UnsupportedError(msg)
            # what is still alive goes on from here: what it keeps depends on the tile and how it is spread
            alive = np.flatnonzero((c["opn"] | c["ali"]) & space.nodes[i].bit)
            w = self.slot[i]
            self.forget(new, np.arange(new.n), w)
            if len(alive):
                number = np.full(len(alive), i + 1, dtype=np.uint64)
                with np.errstate(over="ignore"):
                    for v in np.flatnonzero(tensor.relevant).tolist():
                        number = self.mix(number + c["ti"][alive, w, v].astype(np.uint64))
                        number = self.mix(number + array.factors[c["sp"][alive, a], v].astype(np.uint64))
                        if v in tensor.windowed:
                            number = self.mix(number + c["xa"][alive, a, v].astype(np.uint64))
                c["tc"][alive, w] = number

    def spread_bare(self, new: Table, rows: Any, t: int, a: int) -> None:
        """Compute instances that ask for words of a window at every step."""
        space = self.space
        array = space.arrays[a]
        tensor = space.tensors[t]
        c = new.c
        pending = rows[c["pr"][rows, t] > 0]
        if not len(pending):
            return
        if array.merges:
            if a > 0 and (
                c["sp"][pending][:, :a].max() > 0
                and any((space.arrays[b].product[c["sp"][pending, b]] > 1).any() for b in range(a))
            ):
                msg = "a sliding window below nested arrays"
                raise UnsupportedError(msg)
            union = np.ones(len(pending))
            for v in tensor.plain:
                union *= array.factors[c["sp"][pending, a], v]
            for window in tensor.windows:
                code = np.zeros(len(pending), dtype=np.int64)
                for v in window.rank_variables:
                    code = code * 256 + c["xa"][pending, a, v]
                    code = np.unique(code * 100_000 + array.factors[c["sp"][pending, a], v], return_inverse=True)[
                        1
                    ].astype(np.int64)
                _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
                counts = []
                for k in first.tolist():
                    row = pending[k]
                    generators = tuple(
                        (co * int(space.divisors[v][c["xa"][row, a, v]]), int(array.factors[c["sp"][row, a], v]))
                        for v, co in zip(window.rank_variables, window.coefficients, strict=True)
                    )
                    counts.append(windows.distinct_offsets(generators))
                union *= np.array(counts, dtype=np.float64)[inverse]
            c["pr"][pending, t] *= union / array.product[c["sp"][pending, a]]
        self.settle(new, t, a + 1)
        if a + 1 < self.top:
            c["E"][pending] += c["pr"][pending, t] * space.arrays[a + 1].hop_pj * tensor.bits

    # -- the search --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Search; what is found goes to the incumbents."""
        tab = self.start()
        if tab.n:
            self.root = float(self.rank(*self.lower(tab, 0)).min())
        if self.top == 0 and not self.beam:
            self.dive(tab, 50)
        for segment in range(self.top + 1):
            tab = self.pass_segment(tab, segment)
            if segment == self.top - 1 and not self.beam and tab.n:
                self.dive(tab, 100)
                tab = tab.take(self.survivors(tab, segment + 1))
            if not tab.n:
                return

    def dive(self, tab: Table, labels: int) -> None:
        """Complete the most promising labels, so that better mappings are known before the others are looked at."""
        if not tab.n:
            return
        self.beam = labels
        self.pass_segment(self.limit(tab, self.top), self.top)
        self.beam = None

    def pass_segment(self, tab: Table, segment: int) -> Table:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
        self.now = segment
        nodes = [i for i in range(len(self.space.nodes)) if self.segment_of[i] == segment]
        mask = sum(self.space.nodes[i].bit for i in nodes)
        exits: list[Table] = []
        last = segment == self.top
        for stage in range(len(nodes) + 1):
            if last:
                done = np.flatnonzero((tab.c["todo"] & mask) == 0)
                if len(done):
                    self.finish(self.grow(tab.take(done), segment, anything=bool(self.window_nodes), full=True))
                    tab = tab.take(np.flatnonzero(tab.c["todo"] & mask))
            elif stage == 0:
                # levels that hold nothing: the loops go above the array
                done = np.flatnonzero((tab.c["todo"] & mask) == 0)
                if len(done):
                    exits.append(tab.take(done))
                    tab = tab.take(np.flatnonzero(tab.c["todo"] & mask))
            else:
                tab = tab.take(np.flatnonzero(tab.c["todo"] & mask))
            if not tab.n:
                break
            grown = self.grow(tab, segment)
            if not last:
                wide = self.grow(grown, segment, anything=True)
                out, from_rows = self.place(wide, nodes, np.arange(wide.n))
                if out.n:
                    self.store(out, wide.c["gid"][from_rows], PLACE)
                    exits.append(self.reduce(out, segment))
            found = []
            for k, i in enumerate(nodes):
                node = self.space.nodes[i]
                inner = sum(self.space.nodes[j].bit for j in nodes[:k] if self.space.nodes[j].tensor == node.tensor)
                rows = np.flatnonzero(((grown.c["todo"] & node.bit) != 0) & ((grown.c["todo"] & inner) == 0))
                if not len(rows):
                    continue
                new, from_rows = self.place(grown, [i], rows)
                if not new.n:
                    continue
                good = self.survivors(new, segment)
                new, from_rows = new.take(good), from_rows[good]
                if new.n:
                    self.store(new, grown.c["gid"][from_rows], PLACE)
                    found.append(new)
            if not found:
                tab = tab.take(np.empty(0, dtype=np.int64))
                break
            tab = self.reduce(Table.join(found), segment)
        if last:
            return tab
        kept = [t for t in exits if t.n]
        if not kept:
            return tab.take(np.empty(0, dtype=np.int64))
        out = Table.join(kept)
        for m, k in self.room_slot.items():
            if self.space.memories[m].segment <= segment:
                out.c["occ"][:, k] = 0.0
        out = self.reduce(out, segment)
        return self.spread(out, segment)

    def finish(self, tab: Table) -> None:
        """Close what is open and take the front of complete mappings."""
        if not tab.n:
            return
        active = ((tab.c["opn"] | tab.c["ali"]) & self.window_bits) != 0
        full = (tab.c["D"] == self.last_index).all(axis=1)
        tab = tab.take(np.flatnonzero(~active | full))
        if self.space.rules.dataflow and tab.n:
            tensor = self.stationary() if self.space.rules.dataflow != "row_stationary" else None
            if tensor is not None:
                tab = tab.take(np.flatnonzero(~(tab.c["fresh"] & (self.idle_repeats(tensor, tab.c["D"]) > 1))))
        if not tab.n:
            return
        if self.space.systolic:
            rows = np.flatnonzero(tab.c["pass"] == 0)
            tab.c["pass"][rows] = self.repeats(tab.c["D"][rows])
        for i, node in enumerate(self.space.nodes):
            rows = np.flatnonzero((tab.c["opn"] | tab.c["ali"]) & node.bit)
            if not len(rows):
                continue
            if i in self.slot:
                self.die(tab, rows, i, tab.c["D"][rows], self.top)
            else:
                base = self.space.tensors[node.tensor].words * self.idle_repeats(node.tensor, tab.c["D"][rows])
                self.close(tab, rows, i, base, self.top)
        self.finals += tab.n
        energy, latency = self.totals(tab)
        best = group_front(np.zeros(tab.n, dtype=np.int64), [latency, energy])
        fresh = best[~self.incumbents.beaten(energy[best], latency[best])]
        items = [self.nest(int(tab.c["gid"][r])) for r in fresh.tolist()]
        self.incumbents.add(energy[fresh], latency[fresh], items)

    def totals(self, tab: Table) -> tuple[Floats, Floats]:
        latency = self.compute_cycles(tab)
        if tab.c["port"].shape[1]:
            latency = np.maximum(latency, tab.c["port"].max(axis=1))
        return tab.c["E"] + self.space.leak_pj_per_cycle * latency, latency

    def compute_cycles(self, tab: Table) -> Floats:
        cycles: Floats = tab.c["comp"].copy()
        if self.space.systolic:
            array = self.space.systolic[0]
            cycles += self.space.arrays[array].overheads[tab.c["sp"][:, array]] * tab.c["pass"]
        return cycles

    def nest(self, gid: int) -> tuple[Node, ...]:  # noqa: C901  one step of the search, told in one place
        """Return the nest of a complete label."""
        space = self.space
        states: list[tuple[Any, int, int, Any]] = []
        while gid >= 0:
            entry, at = self.ancestor(gid)
            states.append((entry["D"][at], int(entry["todo"][at]), entry["kind"], entry["sp"][at]))
            gid = int(entry["par"][at])
        states.reverse()
        inside_out: list[Node] = [Compute(space.einsum.name, space.unit.name)]
        segment = 0
        for (low, before, _, _), (high, after, kind, ways) in itertools.pairwise(states):
            if kind == GROW:
                (v,) = np.flatnonzero(low != high).tolist()
                inside_out.append(Temporal(space.names[v], int(space.divisors[v][low[v]])))
            elif kind == PLACE:
                placed = [n for n in space.nodes if (before & ~after) & n.bit]
                if space.rules.dataflow not in (None, "row_stationary"):
                    placed.sort(key=lambda n: n.tensor == self.stationary())
                for node in placed:
                    inside_out.append(  # noqa: PERF401
                        Storage((space.tensors[node.tensor].name,), space.memories[node.memory].level.name)
                    )
            elif kind == SPREAD:
                array = space.arrays[segment]
                tile = [int(d[i]) for d, i in zip(space.divisors, low, strict=True)]
                for dimension, split in zip(array.level.shape, array.splits[int(ways[segment])], strict=True):
                    for v, factor in enumerate(split):
                        if factor > 1:
                            inside_out.append(Spatial(space.names[v], tile[v], array.level.name, dimension))
                            tile[v] *= factor
                segment += 1
        for v, index in enumerate(states[-1][0]):
            if int(index) < int(self.last_index[v]):
                inside_out.append(Temporal(space.names[v], int(space.divisors[v][index])))
        inside_out.append(Storage(tuple(t.name for t in space.tensors), space.memories[-1].level.name))
        return merged(tuple(reversed(inside_out)))


def merged(nest: tuple[Node, ...]) -> tuple[Node, ...]:
    """Join neighbouring storage nodes of one level."""
    found: list[Node] = []
    for node in nest:
        if isinstance(node, Storage) and found and isinstance(found[-1], Storage) and found[-1].level == node.level:
            found[-1] = Storage((*found[-1].tensors, *node.tensors), node.level)
        else:
            found.append(node)
    return tuple(found)


class Bounds:
    """Least cost of the storage nodes that are still to come above the last array, for every tile shape."""

    def __init__(self, search: Search) -> None:
        self.space = search.space
        self.search = search
        self.tables: dict[int, tuple[Floats, list[Floats]]] = {}

    def lower(self, search: Search, tab: Table, segment: int) -> tuple[Floats, Floats]:
        space = self.space
        c = tab.c
        energy = c["E"].copy()
        ports = c["port"].copy()
        if segment < search.top:
            fanout = math.prod(float(a.product.max()) if len(a.product) else 1.0 for a in space.arrays[segment:])
            comp = c["comp"] / fanout
            energy = energy - self.first_touch_slack(search, tab, segment) + self.waiting(search, tab, segment)
            ports = np.zeros_like(ports)
            self.add_tables(search, tab, energy, None)
        else:
            comp = search.compute_cycles(tab)
            probe = Table({"E": energy, "port": ports, "keep": c["keep"], "sp": c["sp"], "pr": c["pr"], "pu": c["pu"]})
            for i, node in enumerate(space.nodes):
                if i in search.slot:
                    rows = np.flatnonzero(c["opn"] & node.bit)
                    if len(rows):
                        energy[rows] += space.tensors[node.tensor].words * self.price(node)[0]
            self.add_open(search, probe, tab, segment)
            self.add_tables(search, tab, energy, ports)
        latency = np.maximum(comp, ports.max(axis=1)) if ports.shape[1] else comp
        leak_pj = space.leak_pj_per_cycle * latency if space.leak_pj_per_cycle else 0.0
        return energy + leak_pj, latency

    def add_open(self, search: Search, probe: Table, tab: Table, segment: int) -> None:
        """Add the least cost of settling the plain tiles that are open.

        One of them, X, closes last. Until another one, Y, closes, only what is irrelevant to both can have grown.
        """
        space = self.space
        plain = sum(n.bit for i, n in enumerate(space.nodes) if i not in search.slot)
        opened = tab.c["opn"] & plain
        for subset in np.unique(opened).tolist():
            if not subset:
                continue
            rows = np.flatnonzero(opened == subset)
            nodes = [i for i, n in enumerate(space.nodes) if n.bit & subset]
            digits = tab.c["D"][rows]
            best_energy: Any = None
            best_port: Any = None
            base = {k: probe.c[k][rows] for k in ("keep", "sp", "pr", "pu")}
            here = np.arange(len(rows))
            for last in nodes:
                trial = Table({**base, "E": np.zeros(len(rows)), "port": np.zeros((len(rows), len(space.ports)))})
                free = ~search.relevant[space.nodes[last].tensor]
                for i in nodes:
                    tensor = space.nodes[i].tensor
                    words = np.full(len(rows), space.tensors[tensor].words)
                    if i != last:
                        for v in range(search.count):
                            if not search.relevant[tensor][v] and not free[v]:
                                words *= search.extents[v] / search.val[v][digits[:, v]]
                    search.close(trial, here, i, words, segment)
                if best_energy is None:
                    best_energy, best_port = trial.c["E"], trial.c["port"]
                else:
                    best_energy = np.minimum(best_energy, trial.c["E"])
                    best_port = np.minimum(best_port, trial.c["port"])
            probe.c["E"][rows] += best_energy
            probe.c["port"][rows] += best_port

    def add_tables(self, search: Search, tab: Table, energy: Floats, ports: Floats | None) -> None:
        """Add the least costs of the nodes above the last array that are still to come."""
        space = self.space
        flat = None
        for m, memory in enumerate(space.memories[:-1]):
            if memory.segment != search.top:
                continue
            bits = sum(n.bit for n in space.nodes if n.memory == m)
            todo = tab.c["todo"] & bits
            if not todo.any():
                continue
            if flat is None:
                flat = search.flat(tab.c["D"])
            for subset in np.unique(todo).tolist():
                if not subset:
                    continue
                rows = np.flatnonzero(todo == subset)
                least, cycles = self.table(subset, m)
                energy[rows] += least[flat[rows]]
                if ports is not None:
                    for p, table in enumerate(cycles):
                        ports[rows, p] += table[flat[rows]]

    def waiting(self, search: Search, tab: Table, segment: int) -> Floats:
        """Least energy of what waits for its parent beyond an array, and of the nodes that are open or to come."""
        space = self.space
        total = np.zeros(tab.n)
        cheapest = min(m.read_pj for m in space.memories)
        for t, tensor in enumerate(space.tensors):
            if tensor.windows:
                continue
            most = math.prod(float(s[:, t].max()) if len(s) else 1.0 for s in search.sigma[segment:])
            most_here = np.minimum(most, search.idle_repeats(t, tab.c["D"])) if not tensor.output else most
            if tensor.output:
                continue
            total += tab.c["pr"][:, t] / np.maximum(most_here, 1.0) * cheapest * tensor.bits
        for i, node in enumerate(space.nodes):
            if search.segment_of[i] >= search.top:
                continue
            rows = np.flatnonzero((tab.c["opn"] | tab.c["todo"]) & node.bit)
            if len(rows):
                total[rows] += space.tensors[node.tensor].words * self.once(node)
        return total

    def first_touch_slack(self, search: Search, tab: Table, segment: int) -> Floats:
        """Most energy that first touches can still take off what is charged or counted already."""
        space = self.space
        z = search.output
        plan = space.tensors[z]
        limit = search.idle_repeats(z, tab.c["D"])
        for a in range(segment):
            limit = limit * search.sigma[a][tab.c["sp"][:, a], z]
        most = []
        for s in range(search.top + 1):
            product = math.prod(float(x[:, z].max()) if len(x) else 1.0 for x in search.sigma[s:])
            most.append(np.minimum(product, limit))
        per_word = np.zeros(tab.n)
        held = np.zeros(tab.n, dtype=bool)
        for i in search.chain[z]:
            node = space.nodes[i]
            memory = space.memories[node.memory]
            has = (tab.c["keep"] & node.bit) != 0
            if memory.segment <= segment:
                per_word += np.where(has & ~held, memory.read_pj * most[memory.segment], 0.0)
            held |= has
            outer = [space.memories[space.nodes[k].memory].read_pj for k in search.chain[z] if k > i]
            back = max([*outer, space.memories[-1].read_pj])
            if memory.segment >= search.top:
                per_word += np.where(has, memory.write_pj + back, 0.0)
                continue
            closed = has & (((tab.c["todo"] | tab.c["opn"]) & node.bit) == 0)
            cost = memory.write_pj + sum(a.hop_pj for a in space.arrays[memory.segment :])
            inside = [k for k in search.chain[z] if k > i and search.segment_of[k] <= segment]
            if inside:
                cost += max(space.memories[space.nodes[k].memory].read_pj for k in inside)
            if search.top and segment > memory.segment:
                cost += back
            per_word += np.where(closed, cost * most[memory.segment], 0.0)
        return plan.words * plan.bits * per_word

    def once(self, node: Any) -> float:
        """Least energy per word that crosses the boundary of a node once: in for inputs, out for outputs."""
        space = self.space
        tensor = space.tensors[node.tensor]
        memory = space.memories[node.memory]
        outer = [
            space.memories[space.nodes[i].memory]
            for i in self.search.chain[node.tensor]
            if space.nodes[i].memory > node.memory
        ]
        parents = [*outer, space.memories[-1]]
        if tensor.output:
            drain = 0.0 if memory.free_drain else memory.read_pj
            return float((min(p.write_pj for p in parents) + drain) * tensor.bits)
        return float((min(p.read_pj for p in parents) + memory.write_pj) * tensor.bits)

    def table(self, subset: int, memory: int) -> tuple[Floats, list[Floats]]:  # noqa: C901  one step of the search, told in one place
        """Return (energy, cycles of each port) over the lattice, flat, for the nodes of ``subset``."""
        found = self.tables.get(subset)
        if found is not None:
            return found
        space = self.space
        search = self.search
        nodes = [n for n in space.nodes if n.bit & subset]
        shape = tuple(len(d) for d in space.divisors)
        count = len(shape)
        values = [
            d.astype(np.float64).reshape([-1 if v == w else 1 for w in range(count)])
            for v, d in enumerate(space.divisors)
        ]
        outputs = 1 + len(space.ports)
        best = [np.full(shape, np.inf) for _ in range(outputs)]
        room = space.memories[memory].room
        prices = {n.bit: self.price(n) for n in nodes}
        orders = itertools.permutations(nodes) if len(nodes) <= 4 else [None]
        for order in orders:
            grown: set[int] = set()
            costs = [np.zeros((1,) * count) for _ in range(outputs)]
            need: Any = np.zeros((1,) * count)
            if order is None:
                for node in nodes:
                    tensor = space.tensors[node.tensor]
                    for k, price in enumerate(prices[node.bit]):
                        costs[k] = costs[k] + tensor.words * price
                for k in range(outputs):
                    best[k] = np.minimum(best[k], costs[k])
                continue
            free = [{v for v in range(count) if not space.tensors[n.tensor].relevant[v]} for n in order]
            for place, node in enumerate(order):
                tensor = space.tensors[node.tensor]
                later: set[int] = set().union(*free[place:-1]) if place < len(order) - 1 else set()
                known = [v for v in range(count) if v not in later]
                need = need + self.tile(node, values, known) * tensor.bits
                rounds: Any = np.ones((1,) * count)
                if place < len(order) - 1:
                    for v in free[place]:
                        rounds = rounds * (search.extents[v] / values[v])
                    grown |= free[place]
                beta = self.least_share(node)
                words = tensor.words * (1 + (rounds - 1) * beta)
                for k, price in enumerate(prices[node.bit]):
                    if price:
                        costs[k] = costs[k] + words * price
            fits = need <= room
            for k in range(outputs):
                cost = np.where(fits, costs[k], np.inf)
                cost = np.broadcast_to(cost, np.broadcast_shapes(cost.shape, (1,) * count))
                cost = self.up_set_minimum(cost, grown)
                best[k] = np.minimum(best[k], cost)
        flat = [np.ascontiguousarray(np.broadcast_to(b, shape)).ravel() for b in best]
        found = self.tables[subset] = (flat[0], flat[1:])
        return found

    def tile(self, node: Any, values: list[Any], known: Sequence[int]) -> Any:
        tensor = self.space.tensors[node.tensor]
        box = self.space.memories[node.memory].fetch
        words: Any = np.ones((1,) * len(values))
        for v in tensor.plain:
            if v in known:
                words = words * values[v]
        for w in tensor.windows:
            table = self.space.window_table(w, box)
            index = [slice(None) if v in known else slice(0, 1) for v in w.rank_variables]
            part = table[tuple(index)]
            order = np.argsort(w.rank_variables)
            part = part.transpose(order)
            shape = [1] * len(values)
            for axis, v in enumerate(sorted(w.rank_variables)):
                shape[v] = part.shape[axis]
            words = words * part.reshape(shape)
        return words

    def price(self, node: Any) -> list[float]:
        """Least (energy, cycles of each port) per word that fills a node once and, for outputs, leaves it once."""
        space = self.space
        tensor = space.tensors[node.tensor]
        memory = space.memories[node.memory]
        outer = [space.nodes[i].memory for i in self.search.chain[node.tensor] if space.nodes[i].memory > node.memory]
        must = [
            m
            for m in outer
            if all(
                k & next(n.bit for n in space.nodes if n.memory == m and n.tensor == node.tensor) for k in space.keeps
            )
        ]
        possible = [*outer, len(space.memories) - 1]
        if must:
            possible = [m for m in possible if m <= must[0]]
        flows = []
        for parent in possible:
            plan = space.memories[parent]
            row = [memory.write_pj + plan.read_pj]
            if tensor.output:
                row[0] += plan.write_pj + (0.0 if memory.free_drain else memory.read_pj)
            for port in space.ports:
                cycles = 0.0
                if port.memory == node.memory:
                    cycles += port.write + (port.read if tensor.output and not memory.free_drain else 0.0)
                if port.memory == parent:
                    cycles += port.read + (port.write if tensor.output else 0.0)
                row.append(cycles)
            flows.append(row)
        return [min(column) * tensor.bits for column in zip(*flows, strict=True)]

    def least_share(self, node: Any) -> float:
        """Least part of a round trip over a tensor that has to be fetched again (less than 1 for windows only).

        A tile that slides over a region and then starts again keeps at most what its last and its first position
        share; along one rank of extent E, sliding by D in all, that leaves 2·D of E + D words to fetch.
        """
        tensor = self.space.tensors[node.tensor]
        if not tensor.windows:
            return 1.0
        share = 1.0
        for w in tensor.windows:
            if any(abs(c) != 1 for c in w.coefficients):
                return 0.0
            for at in itertools.product(*(range(len(self.space.divisors[v])) for v in w.rank_variables)):
                terms = [int(self.space.divisors[v][i]) for v, i in zip(w.rank_variables, at, strict=True)]
                extent = 1 + sum(t - 1 for t in terms)
                for t, v in zip(terms, w.rank_variables, strict=True):
                    if t < self.space.extents[v]:
                        share = min(share, 2 * t / (extent + t))
        return share

    def up_set_minimum(self, cost: Any, axes: set[int]) -> Any:
        for v in axes:
            if cost.shape[v] == 1:
                continue
            moved = np.moveaxis(cost, v, 0).copy()
            divisors = self.space.divisors[v]
            for i in range(len(divisors) - 2, -1, -1):
                multiples = [j for j in range(i + 1, len(divisors)) if divisors[j] % divisors[i] == 0]
                moved[i] = np.minimum(moved[i], moved[multiples].min(axis=0))
            cost = np.moveaxis(moved, 0, v)
        return cost
