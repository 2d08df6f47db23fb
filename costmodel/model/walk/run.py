"""The nest, executed once: words move in and out of storage nodes, across arrays, and to operations."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from costmodel.model.walk.counted import PassedWords
from costmodel.model.walk.crossing import Delivery, children_of, merge_deliveries, merge_updates
from costmodel.model.walk.pipeline import PipelineLog
from costmodel.model.walk.state import Active, Holder, Instance, Scope, narrowed, steps_of
from costmodel.model.walk.stationary import stationary_tensor
from costmodel.model.walk.sums import Sums
from costmodel.model.walk.words import (
    Box,
    Coordinate,
    Tile,
    bounding_box,
    inside,
    is_evaluated,
    is_inside,
    is_updated,
    touched_words,
    word,
)
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.mapping import Compute, Sequence, Spatial, Storage, Temporal, einsums_in

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Einsum
    from costmodel.model.evaluation import Flow
    from costmodel.model.walk.watcher import Watcher
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Nest


class Run:
    """One execution of a nest. All state of the run lives here."""

    def __init__(self, einsums: Dict[str, Einsum], architecture: Architecture, nest: Nest, watcher: Watcher) -> None:
        self.einsums, self.architecture, self.nest, self.watcher = einsums, architecture, nest, watcher
        self.holders: dict[tuple[tuple[int, ...], str], Holder] = {}
        self.tiles: dict[object, tuple[Tile, Tile]] = {}
        self.hops = PassedWords()
        """To or from the children of an array."""
        self.entered = PassedWords()
        """To an array from above it, or out of it there."""
        self.operations: Counter[tuple[str, str, str]] = Counter()
        self.steps: dict[tuple[str, str], Counter[Instance]] = defaultdict(Counter)
        self.timed: dict[tuple[str, str, Instance], Counter[str]] = defaultdict(Counter)
        self.passes: Counter[tuple[str, str]] = Counter()
        self.across: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)  # (dimension, rank variable)
        self.stationary: dict[tuple[str, str, tuple[int, ...]], Tile] = {}
        self.pipelines = PipelineLog()
        self.sums = Sums(einsums, architecture, self.across)
        whole = {e.name: {v: range(extent) for v, extent in e.shape.items()} for e in einsums.values()}
        self.run(nest, Scope(), {(): whole})
        self.end_of_life(())

    # Executing the nest

    def run(self, nest: Nest, scope: Scope, active: Active) -> None:
        """Execute the rest of a nest, once, in all active instances in lock step."""
        if not nest:
            return
        node, rest = nest[0], nest[1:]
        below = replace(scope, place=(*scope.place, 0))
        if isinstance(node, Temporal | Spatial):
            below = replace(below, turning=scope.turning | {node.rank_variable})
        if isinstance(node, Temporal):
            for position in range(steps_of(node, active)):
                self.watcher.turned(scope.place, position)
                self.pipelines.now[scope.place] = (position, node.rank_variable)
                self.run(rest, below, narrowed(active, node, position))
        elif isinstance(node, Spatial):
            children = self.spread(node, active)
            self.run(rest, replace(below, above=(*below.above, node)), children)
        elif isinstance(node, Storage):
            new = tuple(self.holder(node, tensor, scope, rest) for tensor in node.tensors)
            for holder in new:
                self.take_tiles(holder, active)
            self.run(rest, replace(below, holders=(*below.holders, *new)), active)
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
        if node.pipelined:
            self.pipelines.iteration(scope.place, scope.life, node)
        for number, branch in enumerate(node.branches):
            place = (*scope.place, 0, number)
            names = einsums_in(branch)
            busy: Active = {}
            for instance, boxes in active.items():
                own = {name: box for name, box in boxes.items() if name in names}
                if own:
                    busy[instance] = own
            if busy:
                self.run(branch, replace(scope, place=place, life=place), busy)
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
                sums=any(v in scope.turning for name in writers for v in self.einsums[name].accumulated),
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
                self.count(holder, holder.owner, "fill", instance, len(delivery.asked), sums=holder.sums)
            self.deliver(demands, holder.above, holder.index, holder.parent, holder.owner, sums=holder.sums)
            self.drain(holder, drains)

    def end_of_life(self, life: tuple[int, ...]) -> None:
        """The run, or one execution of a branch, is over: its storage nodes drain and are empty."""
        self.watcher.ending()
        self.pipelines.end_of_life(life)
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
            done = self.sums.finished(holder.owner, ("drain", id(holder)), holder.above, drains)
            for instance, leaving in drains.items():
                finished = done[instance]
                self.count(
                    holder, holder.owner, "drain", instance, leaving.total(), sums=holder.sums, finished=finished
                )
            self.collect(drains, holder.above, holder.index, holder.parent, holder.owner, sums=holder.sums)

    def count(
        self,
        holder: Holder,
        einsum: str,
        flow: Flow,
        instance: Instance,
        words: int,
        *,
        sums: bool = False,
        finished: int = 0,
    ) -> None:
        """Add words that move at an instance of a storage node, and that belong to an Einsum.

        ``sums``: they are partial sums but for those that are finished.
        """
        holder.words[einsum, flow, instance] += words
        bits = self.sums.bits(holder.tensor, holder.memory, words, finished) if sums else words * holder.tensor.bits
        holder.bits[einsum, flow, instance] += bits
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
        *,
        sums: bool = False,
    ) -> None:
        """The parent reads what the children of one step ask for."""
        for array in self.arrays_between(parent.index, index):
            for deliveries in demands.values():
                self.passed(self.hops, owner, array, parent, sum(len(d.asked) for d in deliveries), sums=sums)
            groups = children_of(array, demands, above)
            demands = {outside: merge_deliveries(array.multicast, group) for outside, group in groups.items()}
            above = tuple(loop for loop in above if loop.array != array.name)
            for deliveries in demands.values():
                self.passed(self.entered, owner, array, parent, sum(len(d.asked) for d in deliveries), sums=sums)
        if above != parent.above:
            raise ValueError(f"'store {parent.tensor.name} in {parent.memory.name}': a spatial loop stands amiss")
        for instance, deliveries in demands.items():
            self.count(parent, owner, "read", instance, sum(len(d.asked) for d in deliveries), sums=sums)

    def passed(
        self,
        passing: PassedWords,
        einsum: str,
        array: Array,
        parent: Holder,
        words: int,
        *,
        sums: bool = False,
        finished: int = 0,
    ) -> None:
        """Add words that pass a side of an array."""
        key = (einsum, array.name, parent.tensor.name)
        passing.words[key] += words
        bits = self.sums.bits(parent.tensor, array, words, finished) if sums else words * parent.tensor.bits
        passing.bits[key] += bits

    def collect(
        self,
        updates: dict[Instance, Counter[Coordinate]],
        above: tuple[Spatial, ...],
        index: int,
        parent: Holder,
        owner: str,
        *,
        sums: bool,
    ) -> dict[Instance, Counter[Coordinate]]:
        """The parent is updated with what the children of one step send; returns what arrives."""
        for array in self.arrays_between(parent.index, index):
            done = self.sums.finished(owner, (array.name, id(parent), index), above, updates)
            for instance, sent in updates.items():
                self.passed(self.hops, owner, array, parent, sent.total(), sums=sums, finished=done[instance])
            groups = children_of(array, updates, above)
            updates = {outside: merge_updates(reduce=array.reduce, children=group) for outside, group in groups.items()}
            above = tuple(loop for loop in above if loop.array != array.name)
            done = self.sums.finished(owner, ("out of", array.name, id(parent), index), above, updates)
            for instance, sent in updates.items():
                self.passed(self.entered, owner, array, parent, sent.total(), sums=sums, finished=done[instance])
        if above != parent.above:
            raise ValueError(f"'store {parent.tensor.name} in {parent.memory.name}': a spatial loop stands amiss")
        done = self.sums.finished(owner, ("update", id(parent), index), parent.above, updates)
        for instance, arriving in updates.items():
            finished = done[instance]
            self.count(parent, owner, "update", instance, arriving.total(), sums=sums, finished=finished)
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
        sums = bool(einsum.accumulated)
        self.sums.updated(einsum.name, (word(einsum.output, point) for point in points.values()))
        for instance, arriving in self.collect(updates, scope.above, index, parent, einsum.name, sums=sums).items():
            first_touches = set(arriving) - parent.updated[einsum.name, instance]
            self.count(parent, einsum.name, "read", instance, arriving.total() - len(first_touches), sums=sums)
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
