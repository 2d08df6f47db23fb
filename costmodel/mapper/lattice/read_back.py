"""Reading a nest back from the labels that led to it."""

from __future__ import annotations

import itertools

from costmodel.mapper.lattice.labels import GROW, PLACE, SPREAD, History
from costmodel.mapper.lattice.shapes import Lattice
from costmodel.mapper.lattice.space import NodePlan, Space
from costmodel.spec.mapping import Compute, Node, Spatial, Storage, Temporal


class Reader:
    """Reads nests from the history of labels."""

    def __init__(self, space: Space, lattice: Lattice, history: History) -> None:
        self.space, self.lattice, self.history = space, lattice, history

    def nest(self, number: int) -> tuple[Node, ...]:
        """Return the nest of a complete label; loops that are still missing move nothing and stand outermost."""
        inside_out = self.part(number)
        inside_out += self.outermost(int(self.history.rows[History.SHAPE, number]))
        inside_out.append(Storage(tuple(t.name for t in self.space.tensors), self.space.memories[-1].level.name))
        return merged(tuple(reversed(inside_out)))

    def part(self, number: int) -> list[Node]:
        """Return the nodes of a partial nest, innermost first."""
        space = self.space
        path = self.history.path(number)
        shapes, todo, kinds, ways = (path[k] for k in (History.SHAPE, History.TODO, History.KIND, History.WAY))
        inside_out: list[Node] = [Compute(space.einsum.name, space.unit.name)]
        gap: list[str] = []
        segment = 0
        for at, (low, high) in enumerate(itertools.pairwise(shapes.tolist()), start=1):
            tile = self.lattice.tile[:, low].astype(int).tolist()
            if kinds[at] == GROW:
                v = int((self.lattice.digits[:, low] != self.lattice.digits[:, high]).argmax())
                inside_out.append(Temporal(space.names[v], tile[v]))
                gap.append(space.names[v])
            elif kinds[at] == PLACE:
                placed = [n for n in space.nodes if int(todo[at - 1]) & ~int(todo[at]) & n.bit]
                inside_out += [
                    Storage((space.tensors[n.tensor].name,), space.memories[n.memory].level.name)
                    for n in self.in_order(placed, gap)
                ]
                gap = []
            elif kinds[at] == SPREAD:
                array = space.arrays[segment]
                for dimension, split in zip(array.level.shape, array.splits[ways[at]].tolist(), strict=True):
                    for v, factor in enumerate(split):
                        if factor > 1:
                            inside_out.append(Spatial(space.names[v], tile[v], array.level.name, dimension))
                            tile[v] *= factor
                segment += 1
        return inside_out

    def outermost(self, shape: int) -> list[Node]:
        """Return the loops above the last one that moves anything, innermost first."""
        space = self.space
        left = [v for v in range(self.lattice.count) if self.lattice.digits[v, shape] < self.lattice.last_digit[v]]
        if space.still >= 0:
            left.sort(key=lambda v: bool(space.tensors[space.still].relevant[v]))
        return [Temporal(space.names[v], int(self.lattice.tile[v, shape])) for v in left]

    def in_order(self, placed: list[NodePlan], gap: list[str]) -> list[NodePlan]:
        """Put nodes without loops between them in order, innermost first: the lowest one owns the loops below."""
        space = self.space
        order = sorted(placed, key=lambda n: n.memory)
        for node in order:
            inner = any(n.tensor == node.tensor and n.memory < node.memory for n in order)
            level = space.memories[node.memory].level.name
            if not inner and all(kept_by(gap, listed) for below, listed in space.allowed.orders if below == level):
                return [node, *(n for n in order if n is not node)]
        return order


def kept_by(inside_out: list[str], order: tuple[str, ...]) -> bool:
    """Whether the loops of a gap, innermost first, stand in an order that is listed outermost first."""
    places = [order.index(v) for v in inside_out if v in order]
    return all(a > b for a, b in itertools.pairwise(places))


def merged(nest: tuple[Node, ...]) -> tuple[Node, ...]:
    """Join neighbouring storage nodes of one level."""
    found: list[Node] = []
    for node in nest:
        if isinstance(node, Storage) and found and isinstance(found[-1], Storage) and found[-1].level == node.level:
            found[-1] = Storage((*found[-1].tensors, *node.tensors), node.level)
        else:
            found.append(node)
    return tuple(found)
