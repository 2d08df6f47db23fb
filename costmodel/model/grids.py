"""Tiles that are unions of boxes, as bit sets over the pieces into which the ends of the boxes cut each rank.

So a set is as large as there are boxes, however large these are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product

from costmodel.model.alike import MOST, Combination
from costmodel.model.groups import Group, Intervals, span, spread

Box = tuple[tuple[int, int], ...]
"""(least, greatest) coordinate along each rank."""
Key = tuple[object, ...]
"""(number of the box, intervals of its rank variables)."""


class Pieces:
    """The tiles of a group at the positions of one kind, now and before, in every instance."""

    def __init__(self, group: Group, combination: Combination) -> None:
        self.group = group
        self.boxes = dict(_boxes(group, combination))
        self.known: dict[Key, int] = {}
        self.places: list[dict[int, int]] = []
        self.sizes: list[list[int]] = []
        self.strides: list[int] = []
        self.cells = 1
        for rank in zip(*self.boxes.values(), strict=True):
            cuts = sorted({end for low, high in rank for end in (low, high + 1)})
            self.places.append({cut: at for at, cut in enumerate(cuts)})
            self.sizes.append([after - cut for cut, after in pairwise(cuts)])
            self.strides.append(self.cells)
            self.cells *= len(cuts) - 1
        self.weights: object = None

    def bits(self, intervals: Intervals) -> int:
        """Return a tile as a bit set, from (low, extent) of each rank variable."""
        found = 0
        for k, variables in enumerate(_parts(self.group)):
            key = (k, *[intervals[v] for v in variables])
            bits = self.known.get(key)
            if bits is None:
                bits = self.known[key] = self._bits(self.boxes[key])
            found |= bits
        return found

    def words(self, bits: int) -> int:
        """Words of a bit set."""
        import numpy as np

        if self.weights is None:
            kind = np.int64 if math.prod(map(sum, self.sizes)) < MOST else object
            weights = np.ones(1, dtype=kind)
            for sizes in self.sizes:
                weights = np.multiply.outer(np.array(sizes, dtype=kind), weights).ravel()
            self.weights = weights
        row = np.frombuffer(bits.to_bytes(-(-self.cells // 8), "little"), dtype=np.uint8)
        taken = np.unpackbits(row, count=self.cells, bitorder="little").astype(np.bool_)
        return int(self.weights[taken].sum())  # type: ignore[index]

    def _bits(self, box: Box) -> int:
        ends = [(places[low], places[high + 1]) for places, (low, high) in zip(self.places, box, strict=True)]
        bits = 1 << sum(stride * first for stride, (first, _) in zip(self.strides, ends, strict=True))
        for stride, (first, after) in zip(self.strides, ends, strict=True):
            bits = spread(bits, stride, after - first)
        return bits


def _parts(group: Group) -> Sequence[tuple[str, ...]]:
    """Rank variables of each box of a tile: one for each image, or one around all."""
    return (group.rank_variables,) if group.boxes else group.variables


def _boxes(group: Group, combination: Combination) -> Iterator[tuple[Key, Box]]:
    """Yield every box that is part of a tile, now or before, in some instance."""
    classes = dict(zip(group.rank_variables, combination, strict=True))
    for k, variables in enumerate(_parts(group)):
        images = group.images if group.boxes else group.images[k : k + 1]
        for states in product(*(classes[v].states for v in variables)):
            for intervals in ([(s.low, s.extent) for s in states], [(s.old_low, s.old_extent) for s in states]):
                named = dict(zip(variables, intervals, strict=True))
                spans = [[span(form, named) for form in image] for image in images]
                ranks = zip(*spans, strict=True)
                yield (k, *intervals), tuple((min(x for x, _ in r), max(x for _, x in r)) for r in ranks)


def in_boxes(group: Group, positions: Sequence[Combination]) -> bool:
    """Whether all tiles at some positions are unions of boxes without holes."""
    if group.edges or group.is_looked_up:
        return False
    if group.boxes:
        return True
    named = [[v for form in image for v in form.rank_variables] for image in group.images]
    if any(len(set(variables)) < len(variables) for variables in named):
        return False
    extents = {
        v: {n for c in listed for s in c.states for n in (s.extent, s.old_extent)}
        for v, listed in zip(group.rank_variables, map(set, zip(*positions, strict=True)), strict=True)
    }
    return all(_solid(form.terms, extents) for image in group.images for form in image)


def _solid(terms: Iterable[tuple[str, int]], extents: dict[str, set[int]]) -> bool:
    """Whether an index takes every value between its ends, whichever of their extents its rank variables have."""
    reach = 1
    for c, v in sorted((abs(c), v) for v, c in terms):
        if max(extents[v]) > 1 and c > reach:
            return False
        reach += c * (min(extents[v]) - 1)
    return True
