"""What points touch: words of tensors as sets of coordinates, and which points are inside."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Access, Einsum, Tensor

Coordinate = tuple[int, ...]
"""A word of a tensor: one integer per rank."""
Tile = frozenset[Coordinate]
Box = dict[str, range]
"""Rank variable → positions that are left to iterate."""


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
