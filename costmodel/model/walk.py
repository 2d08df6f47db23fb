"""The walk: run a nest point by point and count every word that moves. Slow, plain, and the definition.

Nothing here is computed in closed form. Loops are loops, tiles are Python sets of coordinates, every instance of every
storage node keeps the set it holds, and a count is the size of a set that moved. ``docs/counting.md`` says what is
counted; this module says it again in a form that runs. It shares no formula with the fast model, which must give
the same integers (``tests/model/test_against_walk.py``).

How to read it: ``_Walk.run`` executes the nest, ``_Walk.take_tiles`` moves words in and out of one storage node,
``_Walk.compute`` performs one step of one Einsum, ``_Walk.deliver`` and ``_Walk.collect`` cross the arrays. A
``Watcher`` is told of all of it as it happens.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from costmodel.einsum.algebra import Role
from costmodel.model.evaluation import Flow, LatencyRow, OccupancyRow, TrafficRow
from costmodel.spec.hardware import Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Sequence, Spatial, Storage, Temporal, einsums_in

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Access, Einsum, Tensor, Workload
    from costmodel.spec.hardware import Architecture, Multicast
    from costmodel.spec.mapping import Mapping, Nest

FLOWS: tuple[Flow, ...] = ("fill", "read", "update", "drain")

Coordinate = tuple[int, ...]
"""A word of a tensor: one integer per rank."""
Tile = frozenset[Coordinate]
Box = dict[str, range]
"""Rank variable → positions that are left to iterate."""
Instance = tuple[int, ...]
"""Positions of the spatial loops above a node, outermost loop first."""
Active = dict[Instance, dict[str, Box]]
"""Instances that have work at this step → for each Einsum below that has points, what is left to iterate."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HopRow:
    """Words that travel to or from the children of an array, over the whole Einsum."""

    einsum: str
    array: str
    tensor: str
    words: int


@dataclass(frozen=True, slots=True)
class OperationRow:
    """Operations of one kind that an Einsum performs on one compute unit."""

    einsum: str
    unit: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class PortRow:
    """Bits that cross the ports of the busiest instance of a memory; each column has its own busiest instance."""

    einsum: str
    level: str
    read_bits: int
    """By reads and drains that are charged."""
    write_bits: int
    """By fills and updates."""
    both_bits: int
    """By reads and writes of one instance together."""


@dataclass(frozen=True, slots=True)
class PassRow:
    """Passes of a systolic array, as its first child sees them."""

    einsum: str
    array: str
    passes: int


@dataclass(frozen=True)
class WalkResult:
    """What happened while a nest was executed once. All counts are exact integers."""

    traffic_rows: tuple[TrafficRow, ...]
    """Four flows for every storage node and tensor, zeros too."""
    hop_rows: tuple[HopRow, ...]
    operation_rows: tuple[OperationRow, ...]
    port_rows: tuple[PortRow, ...]
    pass_rows: tuple[PassRow, ...]
    latency_rows: tuple[LatencyRow, ...]
    """Compute units, and memories that have a bandwidth."""
    occupancy_rows: tuple[OccupancyRow, ...]
    compute_steps: Dict[str, int]
    """Einsum → steps at which its busiest compute instance works."""
    level_bits: Dict[str, int]
    """Memory → room that one instance needs, with branches sharing space."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Words that one child, or a group of children served together, is given at one step."""

    tile: Tile
    """All that the receivers hold from this step on."""
    asked: Tile
    """The part of it that is not there yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """One tensor at one storage node: what its instances hold, have ever held, and the words they moved."""

    tensor: Tensor
    memory: Memory
    index: int
    """Place of the memory in the architecture."""
    above: tuple[Spatial, ...]
    """Spatial loops above the node."""
    parent: Holder | None
    """The nearest storage node of the tensor above this one."""
    life: tuple[int, ...]
    """The branch in which the node stands; empty outside every sequence."""
    accesses: Dict[str, tuple[Access, ...]]
    """Einsum below the node → its accesses to the tensor, for those that have some."""
    output_like: bool
    """Whether the tensor is written below the node."""
    owner: str
    """The Einsum to which the words that cross between this node and its parent belong."""
    held: dict[Instance, Tile] = field(default_factory=dict)
    window: dict[Instance, Tile] = field(default_factory=dict)
    """What is held, with the coordinates that lie outside the tensor."""
    touched: dict[Instance, set[Coordinate]] = field(default_factory=lambda: defaultdict(set))
    """Every word that was ever in a tile of the instance."""
    updated: dict[tuple[str, Instance], set[Coordinate]] = field(default_factory=lambda: defaultdict(set))
    """Every word that the operations of an Einsum ever updated in an instance."""
    words: Counter[tuple[str, Flow, Instance]] = field(default_factory=Counter)
    """Einsum to which the words belong, flow, instance → words moved so far."""
    sizes: set[int] = field(default_factory=set)
    """Words of the tiles held so far."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What stands above the current place of the nest."""

    place: tuple[int, ...] = ()
    """Indices that lead here from the root of the nest."""
    life: tuple[int, ...] = ()
    above: tuple[Spatial, ...] = ()
    holders: tuple[Holder, ...] = ()
    """Storage nodes above, outermost first."""

    def holders_of(self, tensor: str) -> tuple[Holder, ...]:
        return tuple(h for h in self.holders if h.tensor.name == tensor)


class Watcher:
    """Is told what happens while a nest is executed, in its order; this one does nothing with it."""

    def turned(self, place: tuple[int, ...], position: int) -> None:
        """Hear that a loop in time takes a position; ``place`` leads to its node, as in ``Scope``."""

    def took(self, holder: Holder, instance: Instance, tile: Tile, arriving: Tile, leaving: Tile) -> None:
        """Hear that an instance of a storage node takes a tile, perhaps the one that it held.

        ``arriving`` are the words of it that are filled, ``leaving`` those that are held no more.
        """

    def moved(self, holder: Holder, flow: Flow, instance: Instance, words: int) -> None:
        """Hear of words that count at an instance of a storage node."""

    def passed(self, array: Array) -> None:
        """Hear that the first child of a systolic array takes another tile of what stays: a pass begins."""

    def computing(self) -> None:
        """Hear that all instances have their tiles: what moves next is asked for by operations."""

    def computed(self, einsum: Einsum, points: Dict[Instance, dict[str, int]], busy: frozenset[Instance]) -> None:
        """Hear that a step is over: the point of each active compute instance, and which of them are inside."""

    def ending(self) -> None:
        """Hear that the run, or one execution of a branch, is over: what comes next leaves its storage nodes."""

    def ended(self) -> None:
        """Hear that all of that has left."""


def walk(
    workload: Workload, architecture: Architecture, mapping: Mapping, watcher: Watcher | None = None
) -> WalkResult:
    """Execute the nest of a mapping once and count.

    The mapping must be one that fits the workload and the architecture; the fast model checks that. What the walk
    itself cannot execute raises ValueError. Time and memory grow with the number of iteration points.
    """
    einsums = {name: workload.einsum(name) for name in einsums_in(mapping.nest)}
    return _Walk(einsums, architecture, mapping.nest, watcher or Watcher()).result()


def word(access: Access, point: Dict[str, int]) -> Coordinate:
    """The coordinate that an access touches at a point."""
    values = [(index, sum(a * point[v] for v, a in index.terms) + index.constant) for index in access.indices]
    return tuple(index.table[value] if index.table else value for index, value in values)


def touched_words(access: Access, box: Box) -> set[Coordinate]:
    """The coordinates that an access touches at the points of a box."""
    variables = sorted(access.rank_variables)
    points = itertools.product(*(box[v] for v in variables))
    return {word(access, dict(zip(variables, point, strict=True))) for point in points}


def inside(tensor: Tensor, coordinate: Coordinate) -> bool:
    """Whether a coordinate is one of its tensor: where ``pad:`` allows it, an access may leave the tensor."""
    return all(0 <= c < extent for c, extent in zip(coordinate, tensor.shape, strict=True))


def is_inside(einsum: Einsum, lacking: frozenset[str], point: Dict[str, int]) -> bool:
    """Whether every access of an Einsum is inside its tensor at a point; elsewhere nothing is done.

    Where terms of a sum leave their tensors each for itself: every access of the terms that lack some rank variables.
    """
    own = [a for a in einsum.inputs if not einsum.addends or a.at_zero == lacking]
    return all(inside(einsum.tensors[a.tensor], word(a, point)) for a in (*own, einsum.output))


def is_updated(einsum: Einsum, point: Dict[str, int]) -> bool:
    """Whether a point updates its word of the output: all that are inside do, where terms differ in that for some."""
    if not einsum.addends:
        return is_inside(einsum, frozenset(), point)
    return any(is_evaluated(lacking, point) and is_inside(einsum, lacking, point) for lacking in einsum.addends)


def is_evaluated(at_zero: frozenset[str], point: Dict[str, int]) -> bool:
    """Whether a term of a sum that lacks these reduced rank variables is evaluated at a point."""
    return all(point[v] == 0 for v in at_zero)


def bounding_box(words: set[Coordinate]) -> set[Coordinate]:
    """All coordinates between the least and the largest of each rank.

    >>> sorted(bounding_box({(0,), (3,)}))
    [(0,), (1,), (2,), (3,)]
    """
    if not words:
        return set()
    return set(itertools.product(*(range(min(rank), max(rank) + 1) for rank in zip(*words, strict=True))))


def merge_deliveries(multicast: Multicast, children: list[tuple[Delivery, ...]]) -> tuple[Delivery, ...]:
    """What an array asks for, so that each of its children gets its own list of deliveries."""
    if multicast == "words":
        return (unite([delivery for deliveries in children for delivery in deliveries]),)
    if multicast == "none":
        return tuple(delivery for deliveries in children for delivery in deliveries)
    alike: dict[tuple[Tile, ...], list[tuple[Delivery, ...]]] = defaultdict(list)
    for deliveries in children:
        alike[tuple(delivery.tile for delivery in deliveries)].append(deliveries)
    return tuple(unite(list(same)) for group in alike.values() for same in zip(*group, strict=True))


def unite(deliveries: list[Delivery]) -> Delivery:
    """One delivery in place of several: a word that several ask for is sent once."""
    if len(deliveries) == 1:
        return deliveries[0]
    return Delivery(
        frozenset[Coordinate]().union(*(delivery.tile for delivery in deliveries)),
        frozenset[Coordinate]().union(*(delivery.asked for delivery in deliveries)),
    )


def merge_updates(*, reduce: bool, children: list[Counter[Coordinate]]) -> Counter[Coordinate]:
    """What an array sends outwards of the words that its children send it at one step, with how often."""
    total: Counter[Coordinate] = Counter()
    for sent in children:
        total.update(sent)
    return Counter(dict.fromkeys(total, 1)) if reduce else total


class _Walk:
    """One execution of a nest. All state of the run lives here."""

    def __init__(self, einsums: Dict[str, Einsum], architecture: Architecture, nest: Nest, watcher: Watcher) -> None:
        self.einsums, self.architecture, self.nest, self.watcher = einsums, architecture, nest, watcher
        self.holders: dict[tuple[tuple[int, ...], str], Holder] = {}
        self.tiles: dict[object, tuple[Tile, Tile]] = {}
        self.hops: Counter[tuple[str, str, str]] = Counter()
        self.operations: Counter[tuple[str, str, str]] = Counter()
        self.steps: dict[tuple[str, str], Counter[Instance]] = defaultdict(Counter)
        self.timed: dict[tuple[str, str, Instance], Counter[str]] = defaultdict(Counter)
        self.passes: Counter[tuple[str, str]] = Counter()
        self.across: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)  # (dimension, rank variable)
        self.stationary: dict[tuple[str, str, tuple[int, ...]], Tile] = {}
        whole = {e.name: {v: range(extent) for v, extent in e.shape.items()} for e in einsums.values()}
        self.run(nest, Scope(), {(): whole})
        self.end_of_life(())

    # Executing the nest

    def run(self, nest: Nest, scope: Scope, active: Active) -> None:
        """Execute the rest of a nest, once, in all active instances in lock step."""
        if not nest:
            return
        node, rest = nest[0], nest[1:]
        below = Scope((*scope.place, 0), scope.life, scope.above, scope.holders)
        if isinstance(node, Temporal):
            for position in range(steps_of(node, active)):
                self.watcher.turned(scope.place, position)
                self.run(rest, below, narrowed(active, node, position))
        elif isinstance(node, Spatial):
            children = self.spread(node, active)
            self.run(rest, Scope(below.place, below.life, (*below.above, node), below.holders), children)
        elif isinstance(node, Storage):
            new = tuple(self.holder(node, tensor, scope, rest) for tensor in node.tensors)
            for holder in new:
                self.take_tiles(holder, active)
            self.run(rest, Scope(below.place, below.life, below.above, (*below.holders, *new)), active)
        elif isinstance(node, Sequence):
            self.run_branches(node, scope, active)
            if rest:
                raise ValueError("a sequence must be the last node of its nest")
        else:
            self.compute(node, scope, active)

    def spread(self, node: Spatial, active: Active) -> Active:
        """Split every active instance into the children that a parallel loop makes of it."""
        children: Active = {}
        steps = steps_of(node, active)
        for position in range(steps):
            for instance, boxes in narrowed(active, node, position).items():
                children[(*instance, position)] = boxes
                if steps > 1:
                    for name in boxes:
                        self.across[name, node.array].add((node.dimension, node.rank_variable))
        return children

    def run_branches(self, node: Sequence, scope: Scope, active: Active) -> None:
        """Execute the branches of a sequence one after another; each ends the life of what stands in it."""
        for number, branch in enumerate(node.branches):
            place = (*scope.place, 0, number)
            names = einsums_in(branch)
            busy: Active = {}
            for instance, boxes in active.items():
                own = {name: box for name, box in boxes.items() if name in names}
                if own:
                    busy[instance] = own
            if busy:
                self.run(branch, Scope(place, place, scope.above, scope.holders), busy)
            self.end_of_life(place)

    def holder(self, node: Storage, tensor: str, scope: Scope, rest: Nest) -> Holder:
        """The state of one tensor at one storage node; the same object at every visit."""
        key = (scope.place, tensor)
        if key not in self.holders:
            memory = self.architecture.level(node.level)
            if not isinstance(memory, Memory):
                raise TypeError(f"{node.level} is not a memory")
            below = [self.einsums[name] for name in einsums_in(rest)]
            accesses = {e.name: e.accesses_of(tensor) for e in below if e.accesses_of(tensor)}
            if not accesses:
                raise ValueError(f"nothing below '{node}' touches {tensor}")
            writers = [e.name for e in below if e.output.tensor == tensor]
            parents = scope.holders_of(tensor)
            self.holders[key] = Holder(
                tensor=self.einsums[next(iter(accesses))].tensors[tensor],
                memory=memory,
                index=self.architecture.index(node.level),
                above=scope.above,
                parent=parents[-1] if parents else None,
                life=scope.life,
                accesses=accesses,
                output_like=bool(writers),
                owner=next(iter(writers or accesses)),
            )
        return self.holders[key]

    def tile(self, holder: Holder, boxes: Dict[str, Box]) -> tuple[Tile, Tile]:
        """What the points of the boxes touch: all coordinates, and the words of the tensor among them.

        Where the memory moves boxes, the bounding box of each. The same boxes give the same: it is remembered.
        """
        key = (id(holder), *((e, v, box[v]) for e, box in boxes.items() for v in box))
        if key not in self.tiles:
            words: set[Coordinate] = set()
            waits_for = self.waits_for(holder)
            for name, accesses in holder.accesses.items():
                if name in boxes and all(0 in boxes[name][v] for v in waits_for):
                    words.update(*(touched_words(access, boxes[name]) for access in accesses))
            there = {coordinate for coordinate in words if inside(holder.tensor, coordinate)}
            if holder.memory.holes == "fetch":
                words, there = bounding_box(words), bounding_box(there)
            self.tiles[key] = frozenset(words), frozenset(there)
        return self.tiles[key]

    def waits_for(self, holder: Holder) -> set[str]:
        """Rank variables that all accesses of a holder wait for: elsewhere than where they are 0 none is asked for."""
        each = [
            {(v, self.einsums[name].shape[v]) for v in access.at_zero}
            for name, accesses in holder.accesses.items()
            for access in accesses
        ]
        return {v for v, _ in set.intersection(*each)}

    # Storage nodes

    def take_tiles(self, holder: Holder, active: Active) -> None:
        """Every active instance of a storage node takes its tile of this step."""
        demands: dict[Instance, tuple[Delivery, ...]] = {}
        drains: dict[Instance, Counter[Coordinate]] = {}
        for instance, boxes in active.items():
            window, new = self.tile(holder, boxes)
            if not window:
                continue  # none of the Einsums that touch the tensor has a point here
            old = holder.held.get(instance, frozenset())
            if holder.memory.halo == "refetch" and new != old:
                arriving, leaving = new, old
            else:
                arriving, leaving = new - old, old - new
            if holder.output_like:
                drains[instance] = Counter(leaving)
                arriving &= holder.touched[instance]  # what was never touched does not exist yet
            demands[instance] = (Delivery(new, arriving),)
            holder.touched[instance] |= new
            holder.held[instance], holder.window[instance] = new, window
            holder.sizes.add(len(new))
            self.watcher.took(holder, instance, new, arriving, leaving)
        if holder.parent:
            for instance, (delivery,) in demands.items():
                self.count(holder, holder.owner, "fill", instance, len(delivery.asked))
            self.deliver(demands, holder.above, holder.index, holder.parent, holder.owner)
            self.drain(holder, drains)

    def end_of_life(self, life: tuple[int, ...]) -> None:
        """The run, or one execution of a branch, is over: its storage nodes drain and are empty."""
        self.watcher.ending()
        for holder in self.holders.values():
            if holder.life == life:
                if holder.output_like and holder.parent:
                    self.drain(holder, {instance: Counter(tile) for instance, tile in holder.held.items()})
                for instance, tile in holder.held.items():
                    self.watcher.took(holder, instance, frozenset(), frozenset(), tile)
                holder.held.clear()
                holder.window.clear()
        for key in [key for key in self.stationary if key[2] == life]:
            del self.stationary[key]
        self.watcher.ended()

    def drain(self, holder: Holder, drains: dict[Instance, Counter[Coordinate]]) -> None:
        """Words leave the instances of a storage node together and update its parent."""
        if holder.parent:
            for instance, leaving in drains.items():
                self.count(holder, holder.owner, "drain", instance, leaving.total())
            self.collect(drains, holder.above, holder.index, holder.parent, holder.owner)

    def count(self, holder: Holder, einsum: str, flow: Flow, instance: Instance, words: int) -> None:
        """Add words that move at an instance of a storage node, and that belong to an Einsum."""
        holder.words[einsum, flow, instance] += words
        self.watcher.moved(holder, flow, instance, words)

    # Crossing arrays

    def arrays_between(self, parent: int, child: int) -> list[Array]:
        """Arrays between two levels, innermost first."""
        between = self.architecture.levels[parent + 1 : child]
        return [level for level in reversed(between) if isinstance(level, Array)]

    def deliver(
        self,
        demands: dict[Instance, tuple[Delivery, ...]],
        above: tuple[Spatial, ...],
        index: int,
        parent: Holder,
        owner: str,
    ) -> None:
        """The parent reads what the children of one step ask for."""
        for array in self.arrays_between(parent.index, index):
            for deliveries in demands.values():
                self.hops[owner, array.name, parent.tensor.name] += sum(len(d.asked) for d in deliveries)
            groups = children_of(array, demands, above)
            demands = {outside: merge_deliveries(array.multicast, group) for outside, group in groups.items()}
            above = tuple(loop for loop in above if loop.array != array.name)
        if above != parent.above:
            raise ValueError(f"'store {parent.tensor.name} in {parent.memory.name}': a spatial loop stands amiss")
        for instance, deliveries in demands.items():
            self.count(parent, owner, "read", instance, sum(len(d.asked) for d in deliveries))

    def collect(
        self,
        updates: dict[Instance, Counter[Coordinate]],
        above: tuple[Spatial, ...],
        index: int,
        parent: Holder,
        owner: str,
    ) -> dict[Instance, Counter[Coordinate]]:
        """The parent is updated with what the children of one step send; returns what arrives."""
        for array in self.arrays_between(parent.index, index):
            for sent in updates.values():
                self.hops[owner, array.name, parent.tensor.name] += sent.total()
            groups = children_of(array, updates, above)
            updates = {outside: merge_updates(reduce=array.reduce, children=group) for outside, group in groups.items()}
            above = tuple(loop for loop in above if loop.array != array.name)
        if above != parent.above:
            raise ValueError(f"'store {parent.tensor.name} in {parent.memory.name}': a spatial loop stands amiss")
        for instance, arriving in updates.items():
            self.count(parent, owner, "update", instance, arriving.total())
        return updates

    # Compute nodes

    def compute(self, node: Compute, scope: Scope, active: Active) -> None:
        """One step of an Einsum: every active instance performs the operations of one point, if that is inside."""
        einsum, index = self.einsums[node.einsum], self.architecture.index(node.unit)
        every: dict[Instance, dict[str, int]] = {}
        for instance, boxes in active.items():
            for v, left in boxes[einsum.name].items():
                if len(left) != 1:
                    raise ValueError(f"{einsum.name}: {v} is left with {len(left)} positions at '{node}'")
            every[instance] = {v: left[0] for v, left in boxes[einsum.name].items()}
            self.steps[einsum.name, node.unit][instance] += 1
        points = {instance: point for instance, point in every.items() if is_updated(einsum, point)}

        self.watcher.computing()
        for operation in einsum.operations:
            here = [instance for instance, point in every.items() if is_evaluated(operation.at_zero, point)]
            for instance in here:
                self.timed[einsum.name, node.unit, instance][operation.kind] += operation.per_point
            done = sum(is_inside(einsum, operation.at_zero, every[instance]) for instance in here)
            self.operations[einsum.name, node.unit, operation.kind] += operation.per_point * done

        for access in dict.fromkeys(einsum.inputs):
            demands: dict[Instance, tuple[Delivery, ...]] = {}
            for instance, point in points.items():
                if not is_evaluated(access.at_zero, point) or not is_inside(einsum, access.at_zero, point):
                    continue
                asked = frozenset([word(access, point)])
                demands[instance] = (Delivery(asked, asked),)
            self.deliver(demands, scope.above, index, self.innermost(einsum, access.tensor, scope), einsum.name)

        parent = self.innermost(einsum, einsum.output.tensor, scope)
        updates = {instance: Counter([word(einsum.output, point)]) for instance, point in points.items()}
        for instance, arriving in self.collect(updates, scope.above, index, parent, einsum.name).items():
            first_touches = set(arriving) - parent.updated[einsum.name, instance]
            self.count(parent, einsum.name, "read", instance, arriving.total() - len(first_touches))
            parent.updated[einsum.name, instance] |= first_touches
        self.note_passes(einsum, index, scope, every)
        self.watcher.computed(einsum, every, frozenset(points))

    def innermost(self, einsum: Einsum, tensor: str, scope: Scope) -> Holder:
        """The storage node that serves the compute node."""
        holders = scope.holders_of(tensor)
        if not holders:
            raise ValueError(f"{einsum.name}: {tensor} is stored nowhere above its compute node")
        return holders[-1]

    def note_passes(self, einsum: Einsum, index: int, scope: Scope, points: Dict[Instance, Dict[str, int]]) -> None:
        """A pass begins where the first child of a systolic array takes another tile of what stays in the array."""
        first = (0,) * len(scope.above)
        for place, array in enumerate(self.architecture.levels[:index]):
            if not isinstance(array, Array) or array.systolic is None:
                continue
            tensor = stationary_tensor(einsum, array)
            below = [h for h in scope.holders_of(tensor) if h.index > place]
            if below:
                tile, life = below[0].window.get(first[: len(below[0].above)], frozenset()), below[0].life
            else:
                accesses = einsum.accesses_of(tensor)
                read = is_evaluated(frozenset.intersection(*(a.at_zero for a in accesses)), points[first])
                tile = frozenset(word(access, points[first]) for access in accesses) if read else frozenset()
                life = scope.life
            if not tile:
                continue  # it is not asked for: what is there stays
            if self.stationary.get((einsum.name, array.name, life)) != tile:
                self.stationary[einsum.name, array.name, life] = tile
                self.passes[einsum.name, array.name] += 1
                self.watcher.passed(array)

    # Results

    def result(self) -> WalkResult:
        holders = list(self.holders.values())
        traffic: Counter[tuple[str, str, str, Flow]] = Counter()
        for h in holders:
            for einsum in dict.fromkeys([h.owner, *(einsum for einsum, _, _ in h.words)]):
                traffic.update({(einsum, h.memory.name, h.tensor.name, flow): 0 for flow in FLOWS})
            for (einsum, flow, _), words in h.words.items():
                traffic[einsum, h.memory.name, h.tensor.name, flow] += words
        ports = self.port_rows()
        occupancy = [(h.owner, h.memory.name, h.tensor, max(h.sizes)) for h in holders]
        return WalkResult(
            traffic_rows=tuple(TrafficRow(*key, words) for key, words in traffic.items()),
            hop_rows=tuple(HopRow(*key, words) for key, words in self.hops.items()),
            operation_rows=tuple(OperationRow(*key, count) for key, count in self.operations.items()),
            port_rows=ports,
            pass_rows=tuple(PassRow(*key, passes) for key, passes in self.passes.items()),
            latency_rows=(*self.compute_latency(), *self.memory_latency(ports)),
            occupancy_rows=tuple(OccupancyRow(e, m, t.name, n, n * t.bits) for e, m, t, n in occupancy),
            compute_steps={einsum: max(steps.values()) for (einsum, _), steps in self.steps.items()},
            level_bits={m.name: self.room(self.nest, m.name, ()) for m in self.architecture.memories},
        )

    def port_rows(self) -> tuple[PortRow, ...]:
        reads: dict[tuple[str, str], Counter[Instance]] = defaultdict(Counter)
        writes: dict[tuple[str, str], Counter[Instance]] = defaultdict(Counter)
        for h in self.holders.values():
            for (einsum, flow, instance), words in h.words.items():
                action = reads if flow in {"read", "drain"} else writes
                if flow != "drain" or h.memory.drain == "charged":
                    action[einsum, h.memory.name][instance] += words * h.tensor.bits
        rows = []
        for key in dict.fromkeys([*reads, *writes]):
            both = reads[key] + writes[key]
            busiest = (max(bits.values(), default=0) for bits in (reads[key], writes[key], both))
            rows.append(PortRow(*key, *busiest))
        return tuple(rows)

    def compute_latency(self) -> list[LatencyRow]:
        found = []
        for (name, unit_name), steps in self.steps.items():
            unit = self.architecture.level(unit_name)
            if not isinstance(unit, ComputeUnit):
                raise TypeError(f"{unit_name} is not a compute unit")
            cycles = max(
                sum(n / unit.rate_of(kind) for kind, n in self.timed[name, unit_name, instance].items())
                for instance in steps
            )
            for array in self.architecture.arrays:
                skew = sum(size - 1 for size in array.shape.values())
                load = self.rows_of(array, self.einsums[name]) if array.systolic in {"weight", "input"} else 0
                cycles += self.passes[name, array.name] * (skew + load)
            found.append(LatencyRow(name, unit_name, cycles))
        return found

    def rows_of(self, array: Array, einsum: Einsum) -> int:
        """Rows of a systolic array: partial sums flow down them, so a reduced rank variable is unrolled there."""
        names = {dimension for dimension, v in self.across[einsum.name, array.name] if v in einsum.reduced}
        first = next(iter(array.shape))
        return array.shape[names.pop() or first if len(names) == 1 else first]

    def memory_latency(self, ports: tuple[PortRow, ...]) -> list[LatencyRow]:
        rows = []
        for port in ports:
            memory = self.architecture.level(port.level)
            if not isinstance(memory, Memory):
                raise TypeError(f"{port.level} is not a memory")
            limits = (
                (port.read_bits, memory.read_bits_per_cycle),
                (port.write_bits, memory.write_bits_per_cycle),
                (port.both_bits, memory.bandwidth_bits_per_cycle),
            )
            cycles = [bits / rate for bits, rate in limits if rate is not None]
            if cycles:
                rows.append(LatencyRow(port.einsum, port.level, max(cycles)))
        return rows

    def room(self, nest: Nest, level: str, place: tuple[int, ...]) -> int:
        """Bits that one instance of a level needs: nodes on a path add up, branches are never alive together."""
        bits = 0
        for node in nest:
            if isinstance(node, Storage) and node.level == level:
                for tensor in node.tensors:
                    holder = self.holders[place, tensor]
                    bits += max(holder.sizes) * holder.tensor.bits
            elif isinstance(node, Sequence):
                branches = enumerate(node.branches)
                bits += max(self.room(branch, level, (*place, 0, number)) for number, branch in branches)
            place = (*place, 0)
        return bits


def steps_of(loop: Temporal | Spatial, active: Active) -> int:
    """How many tiles the loop splits the largest current extent of its rank variable into."""
    v = loop.rank_variable
    boxes = {name: box for boxes in active.values() for name, box in boxes.items()}
    extents = [len(box[v]) for boxes in active.values() for box in boxes.values() if v in box]
    steps = -(-max(extents) // loop.tile) if extents else 0
    missing = sorted(name for name, box in boxes.items() if v not in box)
    if missing and steps != 1:
        raise ValueError(f"'{loop}' stands above {', '.join(missing)}, without a rank variable {v}")
    return steps


def narrowed(active: Active, loop: Temporal | Spatial, position: int) -> Active:
    """The instances that have points at one position of a loop, each with its part of what was left."""
    v, busy = loop.rank_variable, Active()
    for instance, boxes in active.items():
        parts = {}
        for name, box in boxes.items():
            part = {**box, v: box[v][position * loop.tile : (position + 1) * loop.tile]} if v in box else box
            if all(part.values()):
                parts[name] = part
        if parts:
            busy[instance] = parts
    return busy


def children_of(array: Array, children: dict[Instance, T], above: tuple[Spatial, ...]) -> dict[Instance, list[T]]:
    """Group the children of an array by the instance of the array to which they belong."""
    groups: dict[Instance, list[T]] = defaultdict(list)
    for instance, child in children.items():
        outside = tuple(i for i, loop in zip(instance, above, strict=True) if loop.array != array.name)
        groups[outside].append(child)
    return groups


def stationary_tensor(einsum: Einsum, array: Array) -> str:
    """The tensor that a systolic array holds still."""
    given = [access for access in einsum.inputs if access.tensor != einsum.output.tensor]
    everywhere = [access for access in given if not access.at_zero]
    read = inputs_first(everywhere or given, einsum.output)
    weights = [tensor for tensor in read if einsum.tensors[tensor].role is Role.WEIGHT]
    if array.systolic == "output" or not read:
        return einsum.output.tensor
    if array.systolic == "weight":
        return [*read, *weights][-1]
    return [*(tensor for tensor in read if tensor not in weights), *read][0]


def inputs_first(given: list[Access], output: Access) -> list[str]:
    """The tensors that are read, those most like an input first: a sort for each rule of the page, the last first."""
    left = [v for index in output.indices for v in index.rank_variables]
    indices = {name: [i for a in given if a.tensor == name for i in a.indices] for name in {a.tensor for a in given}}
    uses = {name: {v for i in own for v in i.rank_variables} for name, own in indices.items()}
    apart = {v for own in uses.values() for v in own if any(v not in other for other in uses.values())}
    added = {name: [v for v in left if v in own & apart] for name, own in uses.items()}
    slide = {n: any({v in left for v in i.rank_variables} == {True, False} for i in indices[n]) for n in uses}
    found = sorted(uses)
    found.sort(key=lambda name: left.index(added[name][0]) if added[name] else -1)
    found.sort(key=lambda name: -len(added[name]))
    if len(found) == 2:
        found.sort(key=lambda name: bool(added[name]))
    found.sort(key=lambda name: name.startswith("W") or name.rstrip("0123456789") == "F")
    found.sort(key=lambda name: not slide[name])
    return found
