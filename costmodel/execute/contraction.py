"""Sums of products of arrays, as matrix products.

Arrays have an axis for every rank variable, of length 1 where they do not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from itertools import combinations

import numpy as np

from costmodel.execute.arrays import Array

EXACT = 2**53
"""Integers below it are doubles, and sums of them exact: matrix products of doubles are the fast ones."""


def contract(factors: list[Array], keep: AbstractSet[int]) -> Array:
    """The product of some arrays, summed over all axes but ``keep``; pairs with the smallest product go first."""
    todo = list(factors)
    while len(todo) > 1:
        first, second = min(combinations(range(len(todo)), 2), key=lambda pair: _size(todo[pair[0]], todo[pair[1]]))
        others = [a for place, a in enumerate(todo) if place not in (first, second)]
        needed = keep | {axis for a in others for axis in axes_of(a)}
        todo = [*others, _product(todo[first], todo[second], needed)]
    return _sum(todo[0], set(axes_of(todo[0])) - keep)


def axes_of(array: Array) -> tuple[int, ...]:
    """Axes along which an array changes."""
    return tuple(axis for axis, extent in enumerate(array.shape) if extent > 1)


def _size(first: Array, second: Array) -> int:
    return math.prod(map(max, first.shape, second.shape))


def _sum(array: Array, axes: AbstractSet[int]) -> Array:
    return array.sum(axis=tuple(axes), keepdims=True) if axes else array


def _product(first: Array, second: Array, keep: AbstractSet[int]) -> Array:
    """The product of two arrays, summed over the axes that are not kept."""
    left, right = set(axes_of(first)), set(axes_of(second))
    first, second = _sum(first, left - right - keep), _sum(second, right - left - keep)
    left, right = left & (right | keep), right & (left | keep)
    contracted = sorted((left & right) - keep)
    if not contracted:
        return first * second
    batch = sorted(left & right & keep)
    rows, columns = sorted(left - right), sorted(right - left)
    shape = tuple(map(max, first.shape, second.shape))
    sizes = [math.prod(shape[axis] for axis in axes) for axes in (batch, rows, contracted, columns)]
    a = _matrices(first, [*batch, *rows, *contracted], (sizes[0], sizes[1], sizes[2]))
    b = _matrices(second, [*batch, *contracted, *columns], (sizes[0], sizes[2], sizes[3]))
    order = [*batch, *rows, *columns]
    found = _multiply(a, b, sizes[2]).reshape([shape[axis] for axis in order])
    final = [shape[axis] if axis in order else 1 for axis in range(len(shape))]
    return found.transpose(np.argsort(order) if order else ()).reshape(final)


def _matrices(array: Array, axes: list[int], shape: tuple[int, int, int]) -> Array:
    """A stack of matrices of an array's changing axes in this order."""
    rest = [axis for axis in range(array.ndim) if axis not in axes]
    return array.transpose([*axes, *rest]).reshape(shape)


def _multiply(a: Array, b: Array, added: int) -> Array:
    """Matrix products; integers go through doubles where these are exact."""
    if a.dtype.kind == b.dtype.kind == "i" and largest(a) * largest(b) * added < EXACT:
        exact: Array = np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int64)
        return exact
    product: Array = np.matmul(a, b)
    return product


def largest(array: Array) -> int:
    """Largest magnitude of integers."""
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0
