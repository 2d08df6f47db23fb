"""A second walk, written from ``docs/counting.md`` alone: plain, slow, and without a line of ``costmodel.model``.

Every point of every Einsum is placed first: at which step it is done, and in which instance. What a storage node holds
is then a set of coordinates for each step and instance, and what crosses a boundary is the difference of two such sets.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from costmodel.spec.hardware import Array, Memory
from costmodel.spec.mapping import Compute, Sequence, Spatial, Storage, Temporal


@dataclass(frozen=True)
class Holder:
    """A tensor in a storage node; in a compute node, which holds nothing, what its points touch."""

    place: tuple
    """Which node it is: indices of the nodes from the root; the same for all Einsums below it."""
    tensor: str
    level: str
    life: int
    """How much of a time names one life of the node: up to the innermost branch in which it stands."""


@dataclass(frozen=True)
class Delivery:
    """What one or more children want at a step."""

    whole: frozenset
    """The whole tile."""
    asked: frozenset
    """Those of its words that have to come."""


class SecondWalk:
    """Words that cross each boundary, and operations, of one mapping."""

    def __init__(self, workload, architecture, mapping) -> None:
        self.workload, self.architecture = workload, architecture
        self.levels = {level.name: level for level in architecture.levels}
        self.bits = {t.name: t.bits for e in workload.einsums for t in e.tensors.values()}
        self.shapes = {t.name: t.shape for e in workload.einsums for t in e.tensors.values()}
        self.words = defaultdict(int)
        """(Einsum, level, tensor, flow) → words."""
        self.in_instance = defaultdict(int)
        """The same in one instance of the level: (Einsum, level, tensor, flow, instance) → words."""
        self.hops = defaultdict(int)
        """(Einsum, array, tensor) → words."""
        self.enters = defaultdict(int)
        """The same of what comes to an array from above it, or leaves it there."""
        self.operations = defaultdict(int)
        """(Einsum, unit, kind, instance) → operations."""
        self.slots = defaultdict(int)
        """The same with those of points outside, which take their time."""
        self.occupancy = defaultdict(int)
        """(Einsum, holder) → words of its largest tile."""
        self.paths = {}
        """Einsum → [(place, node)] from the root to its compute node; of a sequence, the number of the branch."""
        self.find_paths(mapping.nest, (), [])
        self.tiles = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
        """Holder → time → instance → coordinates; when all are there, the words of the tensor among them."""
        self.windows = {}
        """Holder → the same with the coordinates outside the tensor."""
        self.computes = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
        """(Einsum, number of the access, the output last) → time → instance → the word."""
        for name in self.paths:
            self.run(workload.einsum(name))
        for holder, steps in self.tiles.items():
            self.windows[holder] = {t: {i: self.filled(holder, c) for i, c in at.items()} for t, at in steps.items()}
            if isinstance(self.levels[holder.level], Memory):
                for tiles in steps.values():
                    for instance, tile in tiles.items():
                        there = {w for w in tile if self.exists(holder.tensor, w)}
                        tiles[instance] = self.filled(holder, there)
                self.cross(holder, steps)
        for (name, number), steps in self.computes.items():
            self.compute(workload.einsum(name), number, steps)

    # Where every point is

    def find_paths(self, nest, place, above) -> None:
        path = list(above)
        for number, node in enumerate(nest):
            here = (*place, number)
            if isinstance(node, Sequence):
                for branch, inner in enumerate(node.branches):
                    self.find_paths(inner, (*here, branch), [*path, (here, branch)])
                return
            path.append((here, node))
        self.paths[path[-1][1].einsum] = path

    def run(self, einsum) -> None:
        """Do every point: put its words into the tiles above it, and its operations into its instance."""
        lacking = {(p, t): self.lacking(p, t) for p, _ in self.paths[einsum.name] for t in einsum.tensors}
        for values in itertools.product(*(range(n) for n in einsum.shape.values())):
            point = dict(zip(einsum.shape, values, strict=True))
            words = [(a, word(a, point)) for a in einsum.accesses]
            inside = {lacking: self.inside(einsum, words, lacking) for lacking in einsum.addends or (None,)}
            done = any(here and at(point, lacking or ()) for lacking, here in inside.items())
            for place, node, time, instance, life in self.route(einsum, point):
                held, level = (node.tensors, node.level) if isinstance(node, Storage) else (einsum.tensors, node.unit)
                for a, w in words:
                    if a.tensor in held and at(point, lacking[place, a.tensor]):
                        self.tiles[Holder(place, a.tensor, level, life)][time][instance].add(w)
                if isinstance(node, Compute):
                    for number, (a, w) in enumerate(words):
                        asked = inside.get(a.at_zero, done) if number < len(einsum.inputs) else done
                        if asked and at(point, a.at_zero):
                            self.computes[einsum.name, number][time][instance].add(w)
                    for o in einsum.operations:
                        if at(point, o.at_zero):
                            self.operations[einsum.name, node.unit, o.kind, instance] += o.per_point * inside.get(
                                o.at_zero, done
                            )
                            self.slots[einsum.name, node.unit, o.kind, instance] += o.per_point

    def route(self, einsum, point):
        """Storage and compute nodes that a point passes, each with the time, the instance and the life."""
        start = dict.fromkeys(point, 0)
        time, instance, life = (), (), 0
        for place, node in self.paths[einsum.name]:
            if isinstance(node, Temporal | Spatial):
                v, size = node.rank_variable, node.tile
                position = (point[v] - start[v]) // size
                start[v] += position * size
                if isinstance(node, Temporal):
                    time = (*time, position)
                else:
                    instance = (*instance, (node.array, node.dimension, position))
            elif isinstance(node, Storage | Compute):
                yield place, node, time, instance, life
            else:
                time = (*time, node)
                life = len(time)
        assert start == point, "a rank variable is not iterated down to one"

    def inside(self, einsum, words, lacking):
        """Whether the accesses of the terms that lack some rank variables (of all: None) exist, and the output."""
        read = [(a, w) for a, w in words[:-1] if lacking is None or a.at_zero == lacking]
        return all(self.exists(a.tensor, w) for a, w in (*read, words[-1]))

    def exists(self, tensor, coordinate):
        """Whether a tensor has a coordinate."""
        return all(0 <= c < n for c, n in zip(coordinate, self.shapes[tensor], strict=True))

    def filled(self, holder, tile):
        """The tile, with its holes where the level fetches them."""
        level = self.levels[holder.level]
        if not tile or not isinstance(level, Memory) or level.holes == "skip":
            return tile
        return set(itertools.product(*(range(min(rank), max(rank) + 1) for rank in zip(*tile, strict=True))))

    # Who stands where

    def einsums_below(self, place):
        """Einsums below a node, in the order in which they run."""
        return [self.workload.einsum(name) for name, path in self.paths.items() if place in [p for p, _ in path]]

    def lacking(self, place, tensor):
        """Rank variables that the terms of all accesses to a tensor below a node lack."""
        return frozenset.intersection(*(a.at_zero for e in self.einsums_below(place) for a in e.accesses_of(tensor)))

    def holders_above(self, name, tensor, place):
        """Storage nodes of a tensor above a place on the path of an Einsum, outermost first."""
        above = [(p, n) for p, n in self.paths[name] if p < place]
        return [(p, n.level) for p, n in above if isinstance(n, Storage) and tensor in n.tensors]

    def parent(self, name, tensor, place):
        """The nearest storage node of the tensor above: its level and how many parallel loops are above it."""
        above = self.holders_above(name, tensor, place)
        if not above:
            return None
        place, level = above[-1]
        return level, sum(isinstance(n, Spatial) for p, n in self.paths[name] if p < place)

    def arrays_between(self, outer, inner):
        between = self.architecture.levels[self.architecture.index(outer) + 1 : self.architecture.index(inner)]
        return [level for level in between if isinstance(level, Array)]

    def owner(self, holder):
        """The Einsum to which the words of a storage node belong."""
        below = self.einsums_below(holder.place)
        if len(below) == 1:
            return below[0].name
        writers = [e.name for e in below if e.output.tensor == holder.tensor]
        readers = [e.name for e in below if any(a.tensor == holder.tensor for a in e.inputs)]
        return (writers or readers)[0]

    def count(self, name, level, tensor, flow, instance, words) -> None:
        self.words[name, level, tensor, flow] += words
        self.in_instance[name, level, tensor, flow, instance] += words

    # What crosses a boundary

    def cross(self, holder, steps) -> None:
        """Hold the tiles of a storage node one after another: fills, drains, and what its parent sees of them."""
        name = self.owner(holder)
        written = any(e.output.tensor == holder.tensor for e in self.einsums_below(holder.place))
        refetch = self.levels[holder.level].halo == "refetch"
        self.occupancy[name, holder] = max(len(tile) for tiles in steps.values() for tile in tiles.values())
        touched = defaultdict(set)
        for _, life in itertools.groupby(sorted(steps), key=lambda time: time[: holder.life]):
            held = {}
            for time in life:
                wanted, leaving = {}, {}
                for instance, tile in steps[time].items():
                    old = held.get(instance, set())
                    moves = tile != old
                    come = tile if refetch and moves else tile - old
                    if written:
                        come = come & touched[instance]
                        leaving[instance] = old if refetch and moves else old - tile
                    touched[instance] |= tile
                    held[instance] = tile
                    wanted[instance] = [Delivery(frozenset(tile), frozenset(come))]
                self.deliver(name, holder, wanted)
                self.drain(name, holder, leaving)
            if written:
                self.drain(name, holder, held)

    def deliver(self, name, holder, wanted) -> None:
        parent = self.parent(name, holder.tensor, holder.place)
        if parent is not None:
            for instance, deliveries in wanted.items():
                self.count(name, holder.level, holder.tensor, "fill", instance, sizes(deliveries))
            self.serve(name, holder.tensor, parent, holder.level, wanted)

    def drain(self, name, holder, leaving) -> None:
        parent = self.parent(name, holder.tensor, holder.place)
        if parent is not None:
            for instance, words in leaving.items():
                self.count(name, holder.level, holder.tensor, "drain", instance, len(words))
            self.update(name, holder.tensor, parent, holder.level, {i: list(words) for i, words in leaving.items()})

    def serve(self, name, tensor, parent, level, wanted) -> None:
        """Reads of the parent's instances for what their children want at one step."""
        outer, depth = parent
        arrays = self.arrays_between(outer, level)
        for instance, children in grouped(wanted, lambda instance: instance[:depth]):
            words = sizes(self.multicast(name, tensor, arrays, children))
            self.count(name, outer, tensor, "read", instance, words)

    def multicast(self, name, tensor, arrays, children):
        """Merge what the children below some arrays want, from the innermost array outwards."""
        if not arrays:
            (deliveries,) = children.values()
            return deliveries
        array, *inner = arrays
        lists = []
        for _, below in grouped(children, lambda instance: position(instance, array)):
            lists.append(self.multicast(name, tensor, inner, below))
            self.hops[name, array.name, tensor] += sizes(lists[-1])
        merged = together(array.multicast, lists)
        self.enters[name, array.name, tensor] += sizes(merged)
        return merged

    def update(self, name, tensor, parent, level, leaving):
        """Updates of the parent's instances by what leaves their children at one step: instance → words."""
        outer, depth = parent
        arrays = self.arrays_between(outer, level)
        arriving = {}
        for instance, children in grouped(leaving, lambda instance: instance[:depth]):
            arriving[instance] = self.reduce(name, tensor, arrays, children)
            self.count(name, outer, tensor, "update", instance, len(arriving[instance]))
        return arriving

    def reduce(self, name, tensor, arrays, children):
        """Merge what leaves the children below some arrays, from the innermost array outwards: a list of words."""
        if not arrays:
            (words,) = children.values()
            return words
        array, *inner = arrays
        arriving = []
        for _, below in grouped(children, lambda instance: position(instance, array)):
            words = self.reduce(name, tensor, inner, below)
            self.hops[name, array.name, tensor] += len(words)
            arriving += words
        arriving = list(set(arriving)) if array.reduce else arriving
        self.enters[name, array.name, tensor] += len(arriving)
        return arriving

    def compute(self, einsum, number, steps) -> None:
        """What the points of an Einsum ask for through one access, or update."""
        name, tensor = einsum.name, einsum.accesses[number].tensor
        place, node = self.paths[name][-1]
        parent = self.parent(name, tensor, place)
        if number < len(einsum.inputs):
            for words in steps.values():
                wanted = {i: [Delivery(frozenset(w), frozenset(w))] for i, w in words.items()}
                self.serve(name, tensor, parent, node.unit, wanted)
            return
        seen = defaultdict(set)
        for words in steps.values():
            arriving = self.update(name, tensor, parent, node.unit, {i: list(w) for i, w in words.items()})
            for instance, updated in arriving.items():
                seen[instance] |= set(updated)
                self.count(name, parent[0], tensor, "read", instance, len(updated))
        for instance, first in seen.items():
            self.count(name, parent[0], tensor, "read", instance, -len(first))


def word(access, point):
    """Coordinates that an access touches at a point."""
    return tuple(i.constant + sum(c * point[v] for v, c in i.terms) for i in access.indices)


def at(point, zeros):
    """Whether a term that lacks some reduced rank variables is evaluated at a point."""
    return all(point[v] == 0 for v in zeros)


def position(instance, array):
    """Which child of the array an instance is in."""
    return tuple((dimension, at) for name, dimension, at in instance if name == array.name)


def grouped(children, key):
    """Children by a key of their instance, both in order."""
    groups = defaultdict(dict)
    for instance in sorted(children):
        groups[key(instance)][instance] = children[instance]
    return sorted(groups.items())


def together(multicast, lists):
    """Merge the lists of deliveries of an array's children as it can."""
    if multicast == "words":
        return [united([d for deliveries in lists for d in deliveries])]
    if multicast == "none":
        return [d for deliveries in lists for d in deliveries]
    alike = defaultdict(list)
    for deliveries in lists:
        alike[tuple(d.whole for d in deliveries)].append(deliveries)
    return [united(same) for group in alike.values() for same in zip(*group, strict=True)]


def sizes(deliveries):
    return sum(len(d.asked) for d in deliveries)


def united(deliveries):
    whole = frozenset().union(*(d.whole for d in deliveries))
    return Delivery(whole, frozenset().union(*(d.asked for d in deliveries)))
