"""Einsums with other extents: the best mapping of a padded one is a start for the one that was asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from costmodel.einsum.algebra import Affine, Einsum
from costmodel.mapper.divisors import divisor_counts, divisors_of
from costmodel.spec.mapping import Mapping, Node, Spatial, Temporal

SIZES_MOST = 2**20
"""Sizes that are looked at for one extent."""
PADDED_MOST = 2**32
"""Largest extent that is padded."""


def padded(einsum: Einsum, sizes: dict[str, int]) -> Einsum:
    """Return the Einsum with other extents; what is looked up beyond its table are further rows."""
    shape = {**einsum.shape, **sizes}

    def wider(index: Affine) -> Affine:
        if not index.table:
            return index
        last = max(index.table)
        values = 1 + index.constant + sum(max(0, c * (shape[v] - 1)) for v, c in index.terms)
        return replace(index, table=(*index.table, *range(last + 1, last + 1 + values - len(index.table))))

    inputs = tuple(replace(a, indices=tuple(map(wider, a.indices))) for a in einsum.inputs)
    tensors = dict(einsum.tensors)
    for access in (*inputs, einsum.output):
        tensor = tensors[access.tensor]
        reach = (1 + index.span(shape)[1] for index in access.indices)
        tensors[access.tensor] = replace(tensor, shape=tuple(map(max, tensor.shape, reach)))
    return replace(einsum, shape=shape, inputs=inputs, tensors=tensors)


def richer(extent: int) -> int:
    """Return the size, at most a third larger, with the most divisors for its padding; the extent if none has more.

    >>> [richer(n) for n in (7, 13, 16, 55)]
    [8, 16, 18, 60]
    """
    if extent > PADDED_MOST:
        return extent
    own = len(divisors_of(extent))
    sizes = np.arange(extent + 1, extent + min(max(1, extent // 3), SIZES_MOST) + 1)
    counts = divisor_counts(extent + 1, int(sizes[-1]) + 1)
    gain = np.where(counts > own, counts / own * extent / sizes, 0.0)
    return int(sizes[gain.argmax()]) if gain.any() else extent


def paddings(einsum: Einsum) -> list[dict[str, int]]:
    """Return sizes of rank variables that lack divisors, one by one and, if few mappings come of it, all at once."""

    def count(sizes: Iterable[int]) -> int:
        return math.prod(len(divisors_of(n)) for n in sizes)

    wider = {v: richer(n) for v, n in einsum.shape.items()}
    sizes = {v: n for v, n in wider.items() if einsum.shape[v] > 4 and count([n]) >= 2 * count([einsum.shape[v]])}
    found = [{v: n} for v, n in sizes.items()]
    if len(sizes) > 1 and count({**einsum.shape, **sizes}.values()) <= 20 * count(einsum.shape.values()):
        found.append(sizes)
    return found


def fitted(mapping: Mapping, einsum: Einsum) -> Mapping:
    """Return a mapping of a padded Einsum with the same tiles as far as there is something left for them."""
    left = dict(einsum.shape)
    nest: list[Node] = []
    for node in mapping.nest:
        if isinstance(node, Temporal | Spatial):
            tile = min(node.tile, left[node.rank_variable])
            if tile == left[node.rank_variable]:
                continue
            left[node.rank_variable] = tile
            nest.append(replace(node, tile=tile))
        else:
            nest.append(node)
    return replace(mapping, nest=tuple(nest))
