"""The least that completing a label can still cost.

Above the last array: every tile that is open is settled at its best, and the nodes to come at the best shapes further up
that fit their memory, in the best order, for all tile shapes at once. Below an array: for each way to spread it, what
waits for a parent is charged there, and nodes that are open or to come cross once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.labels import Labels, Layout
from costmodel.mapper.lattice import Floats, Ints, Lattice
from costmodel.mapper.mapspace import NodePlan, Space
from costmodel.mapper.settlement import Combinations, Effect, Settlement, Sharing
from costmodel.mapper.sliding import Sliding

Costs = tuple[Floats, Floats, Floats]
"""(energy, latency, capacity), each (labels, choices)."""
MOST_CHOICES = 100_000
"""Ways to spread the arrays to come, times choices of what is kept, that are looked at one by one; of more, each quantity
has a least value of its own."""
MOST_WAYS = 300
"""Ways to spread of which it is looked up where they fit and what the shape above the array says, label by label."""
FAVOURITES = 8
"""Choices that are tried before all others, as one that may be better is enough to keep a label."""


class Completion:
    """Lower bounds of (energy, latency, capacity)."""

    def __init__(
        self, space: Space, lattice: Lattice, layout: Layout, combinations: Combinations, sliding: Sliding
    ) -> None:
        self.space, self.lattice, self.layout = space, lattice, layout
        self.combinations, self.sliding = combinations, sliding
        self.top = len(space.arrays)
        self.segment_of = sliding.segment_of
        self.chain = [[i for i, n in enumerate(space.nodes) if n.tensor == t] for t in range(len(space.tensors))]
        self.tables: dict[int, list[Floats | None]] = {}
        self.prices = {n.bit: self.price(n) for n in space.nodes}
        relevant = [t.relevant for t in space.tensors]
        self.against: list[list[Floats]] = [
            [
                space.tensors[t].words * lattice.left[~relevant[t] & relevant[u]].prod(axis=0)
                for t in range(len(space.tensors))
            ]
            for u in range(len(space.tensors))
        ]
        """[u][t]: (shapes) words of t that have to cross before a tile of u can close last."""
        self.choices = [self.ways_to_come(s) for s in range(self.top)]
        self.steps = [lattice.steps(a) for a in range(self.top)]
        self.kinds = [Kinds(self, s) for s in range(self.top)]

    # -- bounds of labels ---------------------------------------------------------------------------------------

    def bounds(self, labels: Labels, segment: int) -> Costs:
        """Return the least (energy, latency, capacity) of each label, for each choice of how the arrays are spread."""
        capacity = labels.f[Layout.CAPACITY] + self.room_to_come(labels)
        if segment < self.top:
            energy, latency = self.kinds[segment].bounds(labels)
            return energy, latency, np.broadcast_to(capacity[:, None], energy.shape)
        energy = labels.f[Layout.ENERGY].copy()
        ports = [labels.f[row] for row in self.layout.port]
        self.add_open(labels, energy, ports)
        self.add_to_come(labels, energy, ports)
        latency = self.compute_cycles(labels)
        for cycles in ports:
            latency = np.maximum(latency, cycles)
        if self.space.leak_pj_per_cycle:
            energy = energy + self.space.leak_pj_per_cycle * latency
        return energy[:, None], latency[:, None], capacity[:, None]

    def hopeful(self, labels: Labels, segment: int, incumbents: Incumbents) -> Any:
        """Whether some completion of each label may be better than what is known."""
        if segment == self.top:
            return ~incumbents.beaten(*self.bounds(labels, segment)).all(axis=1)
        capacity = labels.f[Layout.CAPACITY] + self.room_to_come(labels)
        return self.kinds[segment].hopeful(labels, capacity, incumbents)

    def room_to_come(self, labels: Labels) -> Floats:
        """Bits that the tiles to come will take at least."""
        total = np.zeros(labels.n)
        if not self.layout.counts_capacity:
            return total
        shape, todo = labels.s[Layout.SHAPE], labels.s[Layout.TODO]
        for i, node in enumerate(self.space.nodes):
            bits = self.space.tensors[node.tensor].bits * self.space.memories[node.memory].copies
            total += np.where(todo & node.bit, self.lattice.node_words[i, shape] * bits, 0.0)
        return total

    def compute_cycles(self, labels: Labels) -> Floats:
        cycles = labels.f[Layout.CYCLES]
        if self.space.systolic:
            array = self.space.systolic[0]
            overheads = self.space.arrays[array].overheads[labels.s[self.layout.way[array]]]
            cycles = cycles + overheads * labels.f[Layout.PASSES]
        return cycles

    def add_open(self, labels: Labels, energy: Floats, ports: list[Floats]) -> None:
        """Add the least cost of settling the tiles that are open.

        One of the plain ones, X, closes last. Until another one, Y, closes, only what is irrelevant to both can have
        grown. A window's tile crosses once more at least.
        """
        opened, shape, combination = labels.s[Layout.OPEN], labels.s[Layout.SHAPE], labels.s[Layout.COMBO]
        settlement = self.combinations.settlements[self.top]
        masks = {}
        for i, node in enumerate(self.space.nodes):
            here = (opened & node.bit) != 0
            if not here.any():
                continue
            if i in self.sliding.slot:
                energy += np.where(here, self.space.tensors[node.tensor].words * self.prices[node.bit][0], 0.0)
            else:
                masks[i] = here
        if not masks:
            return
        lasts = sorted({self.space.nodes[i].tensor for i in masks})
        coefficients: dict[int, list[tuple[int, Floats]]] = {
            i: [(row, np.where(here, values[combination], 0.0)) for row, values in settlement.close[i]]
            for i, here in masks.items()
        }
        best: list[Floats | None] = [None] * (1 + len(ports))
        first = self.layout.port.start
        for last in lasts:
            possible = np.zeros(labels.n, dtype=bool)
            totals: list[Any] = [0.0] * len(best)
            for i, here in masks.items():
                tensor = self.space.nodes[i].tensor
                if tensor == last:
                    possible |= here
                words = self.against[last][tensor][shape]
                for row, values in coefficients[i]:
                    k = 0 if row == Layout.ENERGY else row - first + 1
                    totals[k] = totals[k] + words * values
            for k, total in enumerate(totals):
                value = np.where(possible, total, np.inf)
                known = best[k]
                best[k] = value if known is None else np.minimum(known, value)
        for k, value in enumerate(best):
            assert value is not None  # noqa: S101
            finite = np.where(np.isfinite(value), value, 0.0)
            if k:
                ports[k - 1] = ports[k - 1] + finite
            else:
                energy += finite

    def add_to_come(self, labels: Labels, energy: Floats, ports: list[Floats] | None) -> None:
        """Add the least cost of the nodes above the last array that are still to come."""
        shape = labels.s[Layout.SHAPE]
        for m, memory in enumerate(self.space.memories[:-1]):
            if memory.segment != self.top:
                continue
            bits = sum(n.bit for n in self.space.nodes if n.memory == m)
            todo = labels.s[Layout.TODO] & bits
            for subset in np.unique(todo).tolist():
                if not subset:
                    continue
                table = self.table(subset, m)
                rows: Any = slice(None) if (todo == subset).all() else np.flatnonzero(todo == subset)
                for k, values in enumerate(table):
                    if values is None:
                        continue
                    if k == 0:
                        energy[rows] += values[shape[rows]]
                    elif ports is not None:
                        ports[k - 1] = ports[k - 1].copy()
                        ports[k - 1][rows] += values[shape[rows]]

    def of_subsets(self, labels: Labels) -> Iterator[tuple[Any, Floats]]:
        """Yield (which labels have these nodes above the last array to come, least energy of them at every shape)."""
        for m, memory in enumerate(self.space.memories[:-1]):
            if memory.segment == self.top:
                todo = labels.s[Layout.TODO] & sum(n.bit for n in self.space.nodes if n.memory == m)
                for subset in np.unique(todo).tolist():
                    energy = self.table(subset, m)[0] if subset else None
                    if energy is not None:
                        yield todo == subset, energy

    # -- nodes above the last array --------------------------------------------------------------------------------

    def table(self, subset: int, memory: int) -> list[Floats | None]:
        """Return (energy, cycles of each port) over the lattice, flat, for nodes of one memory."""
        found = self.tables.get(subset)
        if found is not None:
            return found
        space, lattice = self.space, self.lattice
        nodes = [n for n in space.nodes if n.bit & subset]
        count = lattice.count
        values = [
            d.astype(np.float64).reshape([-1 if v == w else 1 for w in range(count)])
            for v, d in enumerate(space.divisors)
        ]
        wanted = [k for k in range(1 + len(space.ports)) if any(self.prices[n.bit][k] for n in nodes)]
        best = {k: np.full(lattice.sizes, np.inf) for k in wanted}
        room = space.memories[memory].room
        orders: list[tuple[NodePlan, ...]] = list(itertools.permutations(nodes)) if len(nodes) <= 4 else []
        for order in orders:
            grown: set[int] = set()
            costs: dict[int, Any] = {k: np.zeros((1,) * count) for k in wanted}
            need: Any = np.zeros((1,) * count)
            free = [{v for v in range(count) if not space.tensors[n.tensor].relevant[v]} for n in order]
            for place, node in enumerate(order):
                tensor = space.tensors[node.tensor]
                later: set[int] = set().union(*free[place:-1]) if place < len(order) - 1 else set()
                known = [v for v in range(count) if v not in later]
                need = need + self.tile(node, values, known) * tensor.bits
                rounds: Any = np.ones((1,) * count)
                if place < len(order) - 1:
                    for v in free[place]:
                        rounds = rounds * (lattice.extents[v] / values[v])
                    grown |= free[place]
                words = tensor.words * (1 + (rounds - 1) * self.least_share(node))
                for k in wanted:
                    costs[k] = costs[k] + words * self.prices[node.bit][k]
            fits = need <= room
            for k in wanted:
                cost = np.where(fits, costs[k], np.inf)
                best[k] = np.minimum(best[k], self.up_set_minimum(cost, grown))
        if not orders:
            for k in wanted:
                best[k] = np.full(
                    lattice.sizes, sum(space.tensors[n.tensor].words * self.prices[n.bit][k] for n in nodes)
                )
        found = self.tables[subset] = [
            np.ascontiguousarray(best[k]).ravel() if k in best else None for k in range(1 + len(space.ports))
        ]
        return found

    def tile(self, node: NodePlan, values: list[Any], known: Sequence[int]) -> Any:
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

    def price(self, node: NodePlan) -> list[float]:
        """Least (energy, cycles of each port) per word that fills a node once and, for outputs, leaves it once."""
        space = self.space
        tensor = space.tensors[node.tensor]
        memory = space.memories[node.memory]
        outer = [space.nodes[i].memory for i in self.chain[node.tensor] if space.nodes[i].memory > node.memory]
        bits = {m: next(n.bit for n in space.nodes if n.memory == m and n.tensor == node.tensor) for m in outer}
        must = [m for m in outer if all(kept & bits[m] for kept in space.keeps)]
        possible = [m for m in (*outer, len(space.memories) - 1) if not must or m <= must[0]]
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

    def least_share(self, node: NodePlan) -> float:
        """Least part of a round trip over a tensor that has to be fetched again (less than 1 for windows only).

        A tile that slides over a region and then starts again keeps at most what its last and its first position
        share; along one rank of extent E, sliding by D in all, that leaves 2·D of E + D words to fetch.
        """
        share = 1.0
        for w in self.space.tensors[node.tensor].windows:
            if any(abs(c) != 1 for c in w.coefficients):
                return 0.0
            for at in itertools.product(*(range(self.lattice.sizes[v]) for v in w.rank_variables)):
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

    # -- arrays to come -------------------------------------------------------------------------------------------

    def ways_to_come(self, segment: int) -> Ints | None:
        """Return (choices, arrays to come): ways to spread them, or null where they are too many."""
        counts = [len(a.factors) for a in self.space.arrays[segment:]]
        if math.prod(counts) * len(self.space.keeps) > MOST_CHOICES:
            return None
        return np.array(list(itertools.product(*(range(n) for n in counts))), dtype=np.int64).reshape(-1, len(counts))


@dataclass(frozen=True)
class Choices:
    """How the arrays to come may be spread."""

    values: Floats
    """(kinds, energy and ports, inputs, choices)."""
    divisor: Floats
    """(choices): instances over which compute cycles are divided."""
    shares: Floats
    """(ports, choices): instances over which the cycles of each port are divided."""
    along: Floats
    """(rank variables, choices): instances of the next array."""
    ways: Ints | None
    """(choices): the way to spread the one array to come; null where a choice stands for several."""

    def take(self, chosen: Ints) -> Choices:
        return Choices(
            np.ascontiguousarray(self.values[..., chosen]),
            self.divisor[chosen],
            np.ascontiguousarray(self.shares[:, chosen]),
            np.ascontiguousarray(self.along[:, chosen]),
            None if self.ways is None else self.ways[chosen],
        )

    def least(self, starts: Ints) -> Choices:
        """Return one choice for each group, no worse than any of it."""
        return Choices(
            np.minimum.reduceat(self.values, starts, axis=-1),
            np.maximum.reduceat(self.divisor, starts),
            np.maximum.reduceat(self.shares, starts, axis=-1),
            np.minimum.reduceat(self.along, starts, axis=-1),
            None,
        )


@dataclass(frozen=True)
class Carried:
    """What labels carry across the arrays to come."""

    inputs: Floats
    """(inputs, labels)."""
    kinds: Ints
    to_come: Floats
    """Energy so far and that of nodes above the last array."""
    ports: Floats
    """(ports, labels): cycles of nodes above the last array."""
    reach: Floats
    """(windows of sliding tiles and their rank variables, labels): how far neighbouring instances are apart, at most 1:
    so that their tiles have nothing in common."""

    def take(self, rows: Ints) -> Carried:
        return Carried(
            self.inputs[:, rows], self.kinds[rows], self.to_come[rows], self.ports[:, rows], self.reach[:, rows]
        )

    def times(self, values: Floats, start: int, end: int) -> Floats:
        """Return (labels, choices): some of the inputs times (kinds, inputs, choices)."""
        kinds = np.unique(self.kinds)
        inputs = self.inputs[start:end]
        if len(kinds) == 1:
            return self._times(inputs, values[kinds[0], start:end])
        found = np.empty((inputs.shape[1], values.shape[-1]))
        for kind in kinds.tolist():
            rows = np.flatnonzero(self.kinds == kind)
            found[rows] = self._times(inputs[:, rows], values[kind, start:end])
        return found

    @staticmethod
    def _times(inputs: Floats, values: Floats) -> Floats:
        # a matrix product would do, but most inputs are nothing, and libraries spread small ones over all processors
        found = np.zeros((inputs.shape[1], values.shape[-1]))
        same = np.zeros(inputs.shape[1])
        for column, row in zip(inputs, values, strict=True):
            if row[0] == row[-1] and (row == row[0]).all():
                same += column * row[0]
            elif column.any():
                found += column[:, None] * row
        found += same[:, None]
        return found


def different(rows: Floats) -> Ints:
    """Return the places of rows of which each is the first of its like."""
    seen: dict[bytes, int] = {}
    for place, row in enumerate(rows):
        seen.setdefault(row.tobytes(), place)
    return np.array(list(seen.values()), dtype=np.int64)


class Kinds:
    """Bounds of labels below an array, by what is kept: products of what a label carries and coefficients.

    What a label carries: reads of each tensor that wait, updates that wait, words of sliding tiles that wait, and which
    nodes are open or to come. There is one coefficient for each kind of label and each choice of how to spread the arrays
    to come; for the energy and for the cycles of each port.
    """

    def __init__(self, completion: Completion, segment: int) -> None:
        self.of, self.segment = completion, segment
        space, layout = completion.space, completion.layout
        choices = completion.choices[segment]
        kept = np.array(space.keeps, dtype=np.int64)
        self.exact = choices is not None
        rows = 1 if choices is None else len(choices)
        self.choices = choices
        sharing = self._sharing(rows, choices)
        tiled = Sharing(
            np.tile(sharing.least, (len(kept), 1, 1)),
            np.tile(sharing.most, (len(kept), 1, 1)),
            np.tile(sharing.instances, (len(kept), 1)),
        )
        self.nodes = [i for i in range(len(space.nodes)) if completion.segment_of[i] < completion.top]
        plain = [i for i in self.nodes if i not in completion.sliding.slot]
        lasts = sorted({space.nodes[i].tensor for i in plain})
        self.pairs = [(i, last) for last in lasts for i in plain]
        """Plain nodes, each with every tensor that may close last."""
        self.base = len(space.tensors) + 1 + len(completion.sliding.nodes) + len(self.nodes) + 1
        inputs = self.base + len(self.pairs)
        first_waiting = len(space.tensors) + 1
        self.waiting = range(first_waiting, first_waiting + len(completion.sliding.nodes))
        """Inputs: words of sliding tiles that wait."""
        self._windows = [
            (w, window, v, c)
            for w, i in enumerate(completion.sliding.nodes)
            for window in space.tensors[space.nodes[i].tensor].windows
            for v, c in zip(window.rank_variables, window.coefficients, strict=True)
        ]
        outputs = 1 + len(space.ports)
        values = np.zeros((outputs, inputs, len(kept) * rows))
        self._fill(values, np.repeat(kept, rows), tiled, rows * len(kept), choices)
        by_kind = values.reshape(outputs, inputs, len(kept), rows).transpose(2, 0, 1, 3)
        flat = by_kind.reshape(len(kept), outputs * inputs * rows)
        first = different(flat)
        kinds = {flat[i].tobytes(): kind for kind, i in enumerate(first.tolist())}
        self.kind_of = {int(k): kinds[row.tobytes()] for k, row in zip(kept, flat, strict=True)}
        shares = np.stack(
            [
                sharing.instances[:, max(segment, space.memories[p.memory].segment) :].prod(axis=1)
                for p in space.ports
            ]
        ) if space.ports else np.ones((0, rows))
        along = np.ones((completion.lattice.count, rows))
        if choices is not None:
            along = space.arrays[segment].factors[choices[:, 0]].T.astype(np.float64)
        self.every = Choices(
            np.ascontiguousarray(by_kind[first]), sharing.instances[:, segment:].prod(axis=1), shares, along,
            choices[:, 0] if choices is not None and segment == completion.top - 1 else None,
        )
        """All ways to spread."""
        self.few, self.coarse = self.thin()
        self.detailed = self.every if self.every.ways is not None and rows <= MOST_WAYS else self.few
        """Those by which labels are judged in the end."""
        self.served = np.zeros(len(self.detailed.divisor), dtype=np.int64)
        """How often each choice was the best one for a label."""
        self.favourites: Ints = np.empty(0, dtype=np.int64)
        """Those of which no other one is better in every coefficient; and the least values of groups of them."""

    def _sharing(self, rows: int, choices: Ints | None) -> Sharing:
        space, sigma = self.of.space, self.of.combinations.sigma
        shape = (rows, self.of.top, len(space.tensors))
        least, most, instances = np.ones(shape), np.ones(shape), np.ones(shape[:2])
        for a, array in enumerate(space.arrays):
            if not len(array.factors):
                continue
            if choices is None or a < self.segment:
                most[:, a] = sigma[a].max(axis=0)
                instances[:, a] = array.product.max()
            else:
                ways = choices[:, a - self.segment]
                least[:, a] = most[:, a] = sigma[a][ways]
                instances[:, a] = array.product[ways]
        return Sharing(least, most, instances)

    def _fill(self, values: Floats, kept: Ints, sharing: Sharing, n: int, choices: Ints | None) -> None:
        of, space, layout = self.of, self.of.space, self.of.layout
        first_port = layout.port.start

        def add(row: int, effect: Effect, amount: Any) -> None:
            for target, coefficient in effect:
                if target == Layout.ENERGY:
                    values[0, row] += coefficient * amount
                elif target in layout.port:
                    values[target - first_port + 1, row] += coefficient * amount

        stages = [
            Settlement(
                space, layout, s, kept, Sharing(sharing.least[:, :s], sharing.most[:, :s], sharing.instances[:, :s])
            )
            for s in range(self.segment + 1, of.top + 1)
        ]
        for t, tensor in enumerate(space.tensors):
            for updates in (False, True) if tensor.output else (False,):
                amount: Any = np.ones(n)
                for stage in stages:
                    array = space.arrays[stage.segment - 1]
                    if tensor.windows:
                        amount = amount / self._overlap(t, stage.segment - 1, n, choices, points=True)
                    elif array.reduces if updates else array.merges:
                        amount = amount / sharing.most[:, stage.segment - 1, t]
                    add(len(space.tensors) if updates else t, stage.updates if updates else stage.reads[t], amount)
                    amount = np.where(stage.settled[t], 0.0, amount)
        at = len(space.tensors) + 1
        for w, i in enumerate(of.sliding.nodes):
            node = space.nodes[i]
            bits = space.tensors[node.tensor].bits
            parent = stages[-1].parent[i]
            read = np.array([m.read_pj for m in space.memories])[parent]
            amount = np.ones(n)
            for a in range(self.segment, of.top):
                crossing = stages[-1].outer[i] > a
                amount = np.where(crossing, amount / self._overlap(node.tensor, a, n, choices), amount)
            values[0, at + w] += amount * read * bits
            for p, port in enumerate(space.ports):
                instances = sharing.instances[:, space.memories[port.memory].segment :].prod(axis=1)
                values[p + 1, at + w] += np.where(parent == port.memory, amount * bits * port.read / instances, 0.0)
        at += len(of.sliding.nodes)
        for k, i in enumerate(self.nodes):
            add(at + k, stages[-1].close[i], space.tensors[space.nodes[i].tensor].words)
        add(at + len(self.nodes), stages[-1].first_touches, 1.0)
        for k, (i, last) in enumerate(self.pairs):
            tensor = space.nodes[i].tensor
            idle = ~space.tensors[tensor].relevant & space.tensors[last].relevant
            add(self.base + k, stages[-1].close[i], 1 / self._spread_along(idle, n, choices))

    def _spread_along(self, variables: Any, n: int, choices: Ints | None) -> Floats:
        """Instances along rank variables, over the arrays to come."""
        found = np.ones(n)
        for a in range(self.segment, self.of.top):
            along = self.of.space.arrays[a].factors[:, variables].prod(axis=1).astype(np.float64)
            if not len(along):
                continue
            if choices is None:
                found = found * along.max()
            else:
                found = found * np.tile(along[choices[:, a - self.segment]], n // len(choices))
        return found

    def _overlap(self, tensor: int, array: int, n: int, choices: Ints | None, *, points: bool = False) -> Floats:
        """Instances over which words of a window may be shared at most (of tiles of one point: less)."""
        plan, ways = self.of.space.tensors[tensor], self.of.space.arrays[array]
        if not ways.merges or not len(ways.factors):
            return np.ones(n)
        share = np.ones(len(ways.factors))
        for v in range(self.of.lattice.count):
            if v not in plan.plain:
                share = share * ways.factors[:, v]
        if points:
            for window in plan.windows:
                share = share / ways.factors[:, list(window.rank_variables)].max(axis=1)
        if choices is None or array < self.segment:
            return np.full(n, share.max())
        chosen = share[choices[:, array - self.segment]]
        return np.tile(chosen, n // len(chosen))

    def thin(self) -> tuple[Choices, Choices]:
        """Leave out choices that are no better than another one in any coefficient."""
        every = self.every
        rows = len(every.divisor)
        parts = [every.values.reshape(-1, rows), 1 / every.divisor[None], 1 / every.shares]
        windowed = sorted({v for t in self.of.space.tensors for v in t.windowed})
        parts.append(every.along[windowed])
        features = np.concatenate(parts)
        features = features[features.min(axis=1) < features.max(axis=1)]
        features = features[different(features)]
        first = different(np.ascontiguousarray(features.T))
        features = features[:, first]
        kept = np.ones(len(first), dtype=bool)
        if len(first) ** 2 * len(features) < 20_000_000:
            for c in range(len(first)):
                no_worse = (features <= features[:, c : c + 1]).all(axis=0)
                no_worse[c] = False
                kept[c] = not (no_worse & kept).any()
        chosen = first[kept]
        # neighbours have like numbers of instances and like coefficients, so that their least values say something
        few = replace(every.take(chosen[np.lexsort((*features[:, kept], every.divisor[chosen]))]), ways=None)
        group = math.isqrt(len(chosen) - 1) + 1
        return few, few.least(np.arange(0, len(chosen), group))

    def inputs(self, labels: Labels) -> Floats:
        """Return (inputs, labels)."""
        space, layout = self.of.space, self.of.layout
        todo, opened, shape = labels.s[Layout.TODO], labels.s[Layout.OPEN], labels.s[Layout.SHAPE]
        rows = [labels.f[r] for r in layout.reads]
        rows.append(labels.f[Layout.UPDATES])
        rows += [labels.f[r] for r in layout.waits]
        for i in self.nodes:
            # of the plain tiles that are open more is known
            crossing = (todo | opened) if i in self.of.sliding.slot else todo
            rows.append(((crossing & space.nodes[i].bit) != 0).astype(np.float64))
        rows.append(np.ones(labels.n))
        for i, last in self.pairs:
            words = self.of.against[last][space.nodes[i].tensor][shape]
            rows.append(np.where(opened & space.nodes[i].bit, words, 0.0))
        return np.stack(rows)

    def bounds(self, labels: Labels) -> tuple[Floats, Floats]:
        """Return (energy, latency) of each label for each choice that may be best."""
        carried = self.carried(labels)
        energy, latency = self._costs(labels, carried, self.few)
        return energy, self._ports(labels, carried, self.few, energy, latency)

    def of_ways(self, labels: Labels) -> tuple[Floats, Floats]:
        """Return (energy, latency) of each label for each way to spread the one array to come; infinite: no fit."""
        carried = self.carried(labels)
        energy, latency = self._costs(labels, carried, self.every)
        return energy, self._ports(labels, carried, self.every, energy, latency)

    def hopeful(self, labels: Labels, capacity: Floats, incumbents: Incumbents) -> Any:
        """Whether a completion of each label may be better than what is known."""
        found = np.zeros(labels.n, dtype=bool)
        carried = self.carried(labels)
        rows = np.arange(labels.n)

        def alive(choices: Choices, *, ports: bool) -> tuple[Any, Floats]:
            part, mine = (labels, carried) if len(rows) == labels.n else (labels.take(rows), carried.take(rows))
            energy, latency = self._costs(part, mine, choices)
            if ports:
                latency = self._ports(part, mine, choices, energy, latency)
            bits = np.broadcast_to(capacity[rows][:, None], energy.shape)
            hope = ~incumbents.beaten(energy, latency, bits)
            return hope, np.where(hope, energy, np.inf)

        # most labels are settled by the least values of groups of choices, or by a choice that served others well
        if len(self.coarse.divisor) < len(self.detailed.divisor):
            rows = rows[alive(self.coarse, ports=False)[0].any(axis=1)]
            if len(rows) and len(self.favourites):
                hope = alive(self.detailed.take(self.favourites), ports=True)[0].any(axis=1)
                found[rows[hope]] = True
                rows = rows[~hope]
        for ports in (False, True) if self.of.layout.port else (True,):
            if not len(rows):
                break
            hope, energy = alive(self.detailed, ports=ports)
            some = hope.any(axis=1)
            rows = rows[some]
            if ports and len(rows):
                found[rows] = True
                self.served += np.bincount(energy[some].argmin(axis=1), minlength=len(self.served))
                self.favourites = np.sort(np.argsort(-self.served, kind="stable")[:FAVOURITES])
        return found

    def carried(self, labels: Labels) -> Carried:
        to_come = labels.f[Layout.ENERGY].copy()
        ports = [np.zeros(labels.n) for _ in self.of.layout.port]
        self.of.add_to_come(labels, to_come, ports)
        return Carried(self.inputs(labels), self._kinds(labels.s[Layout.KEPT]), to_come, np.array(ports).reshape(-1, labels.n), self.reach(labels))

    def _costs(self, labels: Labels, carried: Carried, choices: Choices) -> tuple[Floats, Floats]:
        """Energy, and latency as far as it is that of the compute instances."""
        energy = self._words(carried, choices, 0)
        if choices.ways is None:
            energy += carried.to_come[:, None]
        else:
            fits, shape = self.of.lattice.spread(
                self.of.steps[self.segment], labels.s[Layout.SHAPE][:, None], choices.ways[None, :]
            )
            energy += labels.f[Layout.ENERGY][:, None]
            for mine, table in self.of.of_subsets(labels):
                energy += np.where(mine[:, None], table[shape], 0.0)
            energy[~fits] = np.inf
        latency: Floats = labels.f[Layout.CYCLES][:, None] / choices.divisor
        if self.of.space.leak_pj_per_cycle:
            energy += self.of.space.leak_pj_per_cycle * latency
        return energy, latency

    def _ports(
        self, labels: Labels, carried: Carried, choices: Choices, energy: Floats, compute: Floats
    ) -> Floats:
        """Return the latency with the cycles of every port; the energy of the time by which it is longer is added."""
        latency = compute
        for k, row in enumerate(self.of.layout.port):
            cycles = self._words(carried, choices, k + 1)
            cycles += labels.f[row][:, None] / choices.shares[k]
            cycles += carried.ports[k][:, None]
            latency = np.maximum(latency, cycles)
        if self.of.space.leak_pj_per_cycle:
            energy += self.of.space.leak_pj_per_cycle * (latency - compute)
        return latency

    def _words(self, carried: Carried, choices: Choices, output: int) -> Floats:
        """Return what the labels carry times the coefficients, with the best plain tile that is open closing last."""
        values = choices.values[:, output]
        windows = self.waiting.start, self.waiting.stop
        total = carried.times(values, 0, windows[0])
        total += carried.times(values, windows[1], self.base)
        for w in self.waiting:
            if carried.inputs[w].any():
                total += carried.times(values, w, w + 1) * self._apart(carried, choices, w - self.waiting.start)
        per_last = len({i for i, _ in self.pairs})
        best = None
        for start in range(self.base, self.base + len(self.pairs), max(1, per_last)):
            last = self.pairs[start - self.base][1]
            mine = [k for k, (i, _) in enumerate(self.pairs) if self.of.space.nodes[i].tensor == last]
            possible = carried.inputs[[self.base + k for k in mine if self.pairs[k][1] == last]].any(axis=0)
            if not possible.any():
                continue
            closing = carried.times(values, start, start + per_last)
            closing[~possible] = np.inf
            best = closing if best is None else np.minimum(best, closing)
        if best is not None:
            best[np.isinf(best[:, 0])] = 0.0
            total += best
        return total

    def reach(self, labels: Labels) -> Floats:
        """Return by how much of their length tiles of neighbouring instances are apart at least, for each ``_windows``."""
        of = self.of
        found = np.ones((len(self._windows), labels.n))
        shape = labels.s[Layout.SHAPE]
        for row, (w, window, v, c) in zip(found, self._windows, strict=True):
            box = of.space.memories[of.space.nodes[of.sliding.nodes[w]].memory].fetch
            tile = labels.s[self.of.layout.tile[w]]
            own, length = (
                table[tuple(of.lattice.digits[u, tile] for u in window.rank_variables)]
                for table in of.sliding.tables(window, box)
            )
            apart = abs(c) * of.lattice.tile[v, shape] / length
            # tiles with gaps may interleave without a word in common, or have all in common
            row[:] = np.where(own == length, np.minimum(apart, 1.0), apart >= 1.0)
        return found

    def _apart(self, carried: Carried, choices: Choices, w: int) -> Floats:
        """Return (labels, choices): at least so many times the words of one tile have the instances along a window.

        Of two rank variables of a window the one that separates more counts: together their instances may coincide.
        """
        total: Any = 1.0
        for window in self.of.space.tensors[self.of.space.nodes[self.of.sliding.nodes[w]].tensor].windows:
            best: Any = None
            for reach, (slot, own, v, _) in zip(carried.reach, self._windows, strict=True):
                if slot != w or own != window or choices.along[v].max() == 1:
                    continue
                copies = 1 + reach[:, None] * (choices.along[v] - 1)
                best = copies if best is None else np.maximum(best, copies)
            total = total if best is None else total * best
        return np.asarray(total)

    def _kinds(self, kept: Ints) -> Ints:
        unique, inverse = np.unique(kept, return_inverse=True)
        return np.array([self.kind_of[int(k)] for k in unique], dtype=np.int64)[inverse.ravel()]
