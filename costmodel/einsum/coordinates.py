"""How many words a tile has: distinct coordinates that the points of an iteration space touch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

from costmodel.einsum.algebra import Access, Affine, Einsum

Holes = Literal["skip", "fetch"]
"""Whether a tile is its distinct words, or its bounding box."""

ENUMERATED_MOST = 4096
"""Points that are listed to count coordinates of ranks that share rank variables."""


@lru_cache(maxsize=1 << 16)
def distinct(terms: tuple[tuple[int, int], ...], holes: Holes) -> int:
    """Number of distinct values of ``Σ coefficient·x`` over ``0 ≤ x < extent``.

    With ``fetch``, of the interval that they span.

    >>> distinct(((2, 3), (1, 1)), "skip"), distinct(((2, 3), (1, 1)), "fetch")
    (3, 5)
    """
    moving = [(abs(factor), extent) for factor, extent in terms if extent > 1]
    if not moving:
        return 1
    span = sum(factor * (extent - 1) for factor, extent in moving) + 1
    if holes == "fetch":
        return span
    reach, gapless = 1, True
    for factor, extent in sorted(moving):
        gapless = gapless and factor <= reach
        reach += factor * (extent - 1)
    if gapless:
        return span
    values = 1
    for factor, extent in moving:
        # A bit set of the values so far, shifted once per step.
        base = values
        for step in range(1, extent):
            values |= base << (factor * step)
    return values.bit_count()


def windowed(einsum: Einsum) -> frozenset[str]:
    """Rank variables of sliding windows: those of an index of an input that has one coordinate at several values.

    Not those of windows side by side (``P*p + r`` with R at most P), which only number what is there.
    """
    indices = [index for access in einsum.inputs for index in access.indices if len(index.terms) > 1]
    return frozenset(
        name
        for index in indices
        if distinct(tuple([(factor, einsum.shape[v]) for v, factor in index.terms]), "skip")
        < math.prod(einsum.shape[v] for v in index.rank_variables)
        for name in index.rank_variables
    )


def joined_indices(access: Access, einsum: Einsum) -> tuple[tuple[Affine, ...], ...]:
    """Group the indices of an access so that groups share no rank variable that moves."""
    groups: list[tuple[set[str], tuple[Affine, ...]]] = []
    for index in access.indices:
        names = {v for v in index.rank_variables if einsum.shape[v] > 1}
        joined = [group for group in groups if group[0] & names]
        groups = [group for group in groups if group not in joined]
        groups.append((names.union(*(g[0] for g in joined)), (*(i for g in joined for i in g[1]), index)))
    return tuple(indices for _, indices in groups)


def points_meet(einsum: Einsum) -> bool:
    """Whether points that differ in what indexes the output meet in a word of it (``O[p + r] = I[p] * F[r]``)."""
    groups = joined_indices(einsum.output, einsum)
    words = math.prod(_along(group, einsum.shape, "skip") for group in groups)
    return words < math.prod(einsum.shape[v] for v in einsum.output.rank_variables)


@lru_cache(maxsize=1 << 14)
def together(indices: tuple[tuple[tuple[int, int, str], ...], ...], holes: Holes) -> int:
    """Number of distinct points of indices that share rank variables; at most a bound where they have many."""
    if len(indices) == 1:
        return distinct(tuple((factor, extent) for factor, extent, _ in indices[0]), holes)
    extents = {v: extent for index in indices for _, extent, v in index}
    alone = math.prod(distinct(tuple((factor, extent) for factor, extent, _ in index), holes) for index in indices)
    most = math.prod(extents.values())
    if holes == "fetch" or most > ENUMERATED_MOST:
        return alone if holes == "fetch" else min(most, alone)
    points = set()
    for values in itertools.product(*(range(extent) for extent in extents.values())):
        at = dict(zip(extents, values, strict=True))
        points.add(tuple(sum(factor * at[v] for factor, _, v in index) for index in indices))
    return len(points)


def tile_boxes(
    accesses: Sequence[Sequence[Sequence[Affine]]], extent: Mapping[str, int], holes: Holes
) -> list[tuple[int, ...]]:
    """Return for each access the distinct coordinates along each group of its indices (see ``joined_indices``)."""
    return [tuple(_along(group, extent, holes) for group in access) for access in accesses]


def _along(group: Sequence[Affine], extent: Mapping[str, int], holes: Holes) -> int:
    """Distinct coordinates along a group of indices; of those that are looked up, at most."""
    if any(index.table for index in group):
        spans = math.prod(_most(index, extent, holes) for index in group)
        points = math.prod(extent[v] for v in {v for index in group for v in index.rank_variables})
        return spans if holes == "fetch" else min(spans, points)
    if len(group) == 1:
        return distinct(tuple([(factor, extent[v]) for v, factor in group[0].terms]), holes)
    return together(tuple(tuple((f, extent[v], v) for v, f in index.terms) for index in group), holes)


def _most(index: Affine, extent: Mapping[str, int], holes: Holes) -> int:
    """Distinct coordinates along one index; where they are looked up, those of the whole table, or of the points."""
    if not index.table:
        return distinct(tuple([(factor, extent[v]) for v, factor in index.terms]), holes)
    if holes == "fetch":
        return max(index.table) - min(index.table) + 1
    return min(len(set(index.table)), math.prod(extent[v] for v in index.rank_variables))


def tile_words(einsum: Einsum, tensor: str, extent: Mapping[str, int], holes: Holes) -> int:
    """Return the words of a tile with an extent along every rank variable.

    Several accesses touch at most the sum of their boxes; the exact union is the model's business.
    """
    accesses = [joined_indices(a, einsum) for a in dict.fromkeys(einsum.accesses_of(tensor))]
    boxes = tile_boxes(accesses, extent, holes)
    return min(sum(math.prod(box) for box in boxes), einsum.tensors[tensor].size_words)
