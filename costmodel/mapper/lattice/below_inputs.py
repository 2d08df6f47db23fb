"""What labels carry across the arrays to come: a row of numbers each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.tensor_plan import Window


@dataclass(frozen=True)
class Carried:
    """What labels carry across the arrays to come."""

    inputs: Floats
    """(inputs, labels)."""
    kinds: Ints
    to_come: Floats
    """(energy and limits, labels): of nodes above the last array, at the shapes below it."""
    reach: Floats
    """(sliding ranks, labels): how far tiles of neighbouring instances are apart; 1: with nothing in common."""

    def take(self, rows: Ints) -> Carried:
        return Carried(self.inputs[:, rows], self.kinds[rows], self.to_come[:, rows], self.reach[:, rows])

    def times(self, values: Floats, rows: range) -> Floats:
        """Return (labels, choices): some of the inputs times (kinds, inputs, choices)."""
        inputs = self.inputs[rows.start : rows.stop]
        values = values[:, rows.start : rows.stop]
        if len(self.alike) == 1:
            return product(inputs, values[self.alike[0][0]])
        found = np.empty((inputs.shape[1], values.shape[-1]))
        for kind, labels in self.alike:
            found[labels] = product(inputs[:, labels], values[kind])
        return found

    @cached_property
    def alike(self) -> list[tuple[int, Ints]]:
        """Kinds, and the labels of each."""
        return [(kind, np.flatnonzero(self.kinds == kind)) for kind in np.unique(self.kinds).tolist()]


@dataclass(frozen=True)
class SlidingRank:
    """One rank variable of a window of a sliding tile."""

    slot: int
    window: Window
    rank_variable: int
    coefficient: int


class Inputs:
    """What a label carries: the rows of ``Carried.inputs``."""

    def __init__(self, space: Space, sliding: Sliding, top: int) -> None:
        self.space = space
        tensors = len(space.tensors)
        self.nodes = [i for i in range(len(space.nodes)) if sliding.segment_of[i] < top]
        plain = [i for i in self.nodes if i not in sliding.slot]
        self.lasts = sorted({space.nodes[i].tensor for i in plain})
        """Tensors of which a plain tile may be the last one that closes."""
        self.reads = range(tensors)
        """Reads of each tensor that wait for their parent."""
        self.updates = tensors
        self.waiting = range(tensors + 1, tensors + 1 + len(sliding.nodes))
        """Words of each sliding tile that wait."""
        self.crossing = range(self.waiting.stop, self.waiting.stop + len(self.nodes))
        """Whether each node is to come, or the sliding tile in it open."""
        self.one = self.crossing.stop
        self.plain = plain
        self.open = [
            range(start, start + len(plain))
            for start in range(self.one + 1, self.one + 1 + len(plain) * len(self.lasts), max(1, len(plain)))
        ]
        """For each of ``lasts``, if it closes last: words of each plain tile that is open."""
        self.count = self.one + 1 + len(plain) * len(self.lasts)
        self.sliding_nodes = set(sliding.slot)

    def of(self, labels: Labels, layout: Layout, against: list[list[Floats]]) -> Floats:
        """Return (inputs, labels)."""
        nodes = self.space.nodes
        todo, opened, shape = labels.s[Layout.TODO], labels.s[Layout.OPEN], labels.s[Layout.SHAPE]
        found = np.empty((self.count, labels.n))
        found[self.reads.start : self.reads.stop] = labels.f[layout.block(layout.reads)]
        found[self.updates] = labels.f[Layout.UPDATES]
        found[self.waiting.start : self.waiting.stop] = labels.f[layout.block(layout.waits)]
        for row, i in zip(self.crossing, self.nodes, strict=True):
            found[row] = ((todo | opened if i in self.sliding_nodes else todo) & nodes[i].bit) != 0
        found[self.one] = 1.0
        for last, rows in zip(self.lasts, self.open, strict=True):
            for row, i in zip(rows, self.plain, strict=True):
                found[row] = np.where(opened & nodes[i].bit, against[last][nodes[i].tensor][shape], 0.0)
        return found


def product(inputs: Floats, values: Floats) -> Floats:
    """Return (labels, choices) of (inputs, labels) and (inputs, choices)."""
    # a matrix product would do, but most inputs are nothing, and libraries spread small ones over all processors
    same = np.zeros(inputs.shape[1])
    varying = []
    alike: list[bool] = np.all(values == values[:, :1], axis=1).tolist()
    there: list[bool] = np.any(inputs != 0, axis=1).tolist()
    for column, row, is_same, is_there in zip(inputs, values, alike, there, strict=True):
        if is_there and is_same:
            same += column * row[0]
        elif is_there:
            varying.append((column[:, None], row))
    found = np.empty((inputs.shape[1], values.shape[-1]))
    found[:] = same[:, None]
    term = np.empty_like(found)  # once, for large arrays are dear to allocate
    for column, row in varying:
        np.multiply(column, row, out=term)
        found += term
    return found
