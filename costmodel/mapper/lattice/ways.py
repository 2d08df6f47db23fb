"""Every way to spread rank variables over an array, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.lattice.numbering import Ints, numbered
from costmodel.mapper.lattice.sizes import NO_RANKS, Sizes, parts
from costmodel.model.meters import pass_cycles
from costmodel.spec.hardware import Array
from costmodel.spec.rules.finding import Span

Floats = npt.NDArray[np.float64]
PAIRS = 200_000
"""Pairs of what is spread over some dimensions and over the next one that are looked at in one go."""


@dataclass(frozen=True)
class ArrayPlan:
    """One array with every way to spread rank variables over it."""

    level: Array
    factors: Ints
    """(ways, rank variables): instances along each rank variable."""
    splits: Ints
    """(ways, dimensions, rank variables): instances along each dimension; of those with the same factors, one."""
    overheads: Floats
    """For each way: cycles that a pass of a systolic array pays."""
    merges: bool
    tiles_only: bool
    reduces: bool

    def unites(self, *, up: bool) -> bool:
        """Whether a word that several instances want is sent once, or (``up``) one that they send arrives once."""
        return self.reduces if up else self.merges and not self.tiles_only

    def merged(self, sharing: Any, alike: Any, *, up: bool) -> tuple[Any, Any]:
        """Return (by what merging divides the words of a plain tensor, copies of each that are left in one delivery).

        ``sharing``: instances that want the same tile; ``alike``: copies that arrays further in have left apart, which
        an array that unites words finds, too.
        """
        if self.unites(up=up):
            return sharing * alike, 1.0
        if not up and self.merges:
            return sharing, alike
        return 1.0, alike * sharing

    @cached_property
    def product(self) -> Floats:
        """For each way: instances at work."""
        found: Floats = self.factors.prod(axis=1).astype(np.float64)
        return found

    @cached_property
    def most(self) -> list[int]:
        """For each rank variable: instances at most."""
        return [int(n) for n in self.factors.max(axis=0, initial=1)]


def array_plan(level: Array, allowed: Allowed, sizes: Sequence[Sizes], *, outermost: bool) -> ArrayPlan:
    """Return the ways to spread that rules and tile sizes of the rank variables allow."""
    shape = tuple(allowed.einsum.shape or NO_RANKS)
    whole = [s.instances() if outermost else divisors_of(s.extent).tolist() for s in sizes]
    some = [parts(numbers) for numbers in whole]
    systolic = level.systolic is not None
    summed = np.array([systolic and v in allowed.einsum.reduced for v in shape])
    spans = allowed.spans(level)
    most = np.array([span.most for span in spans], dtype=np.int64)
    factors, splits = np.ones((1, len(shape)), dtype=np.int64), np.ones((1, 0, len(shape)), dtype=np.int64)
    rows = np.zeros(1, dtype=np.int64)
    """Dimensions along which partial sums flow (bits), where they matter to a pass."""
    along = np.zeros((1, len(spans)), dtype=np.int64)
    """Of each way, for each span: dimensions that it lies along."""
    for place, (dimension, size) in enumerate(level.shape.items()):
        along_it = [allowed.along(level, dimension, v) for v in shape]
        more = _within([[n for n in own if n in may] for own, may in zip(some, along_it, strict=True)], size)
        summing = np.left_shift((more[:, summed] > 1).any(axis=1), place, dtype=np.int64)
        lying = _lying(spans, list(shape), more)
        first, second = _pairs(factors, more, some)
        fits = (along[first] + lying[second] <= most).all(axis=1)
        first, second = first[fits], second[fits]
        factors, rows = factors[first] * more[second], rows[first] | summing[second]
        along = along[first] + lying[second]
        splits = np.concatenate((splits[first], more[second][:, None]), axis=1)
        different = _first_of_each((*factors.T, rows, *along.T))
        factors, rows, splits, along = factors[different], rows[different], splits[different], along[different]
    different = _first_of_each((*factors.T, rows))
    factors, rows, splits = factors[different], rows[different], splits[different]
    over = [allowed.over(level, v).contains(of_one) for v, of_one in zip(shape, factors.T, strict=True)]
    good = np.logical_and.reduce(
        [*over, *(np.isin(of_one, all_) for all_, of_one in zip(whole, factors.T, strict=True))]
    )
    return ArrayPlan(
        level,
        factors[good],
        splits[good],
        _overheads(level, rows[good]),
        level.multicast != "none",
        level.multicast == "tiles",
        level.reduce,
    )


def _lying(spans: Sequence[Span], names: Sequence[str], ways: Ints) -> Ints:
    """Return (ways, spans): 1 where one of a span's rank variables is spread."""
    found = np.zeros((len(ways), len(spans)), dtype=np.int64)
    for at, span in enumerate(spans):
        own = [k for k, v in enumerate(names) if v in span.rank_variables]
        found[:, at] = (ways[:, own] > 1).any(axis=1)
    return found


def _within(choices: Sequence[Sequence[int]], limit: int) -> Ints:
    """Return (ways, rank variables): every choice of a number for each whose product is within a limit."""
    found = np.ones((1, 0), dtype=np.int64)
    for factors in choices:
        own = np.array(factors, dtype=np.int64)
        found = np.column_stack((found.repeat(len(own), axis=0), np.tile(own, len(found))))
        found = found[found.prod(axis=1) <= limit]
    return found


def _pairs(some: Ints, others: Ints, products: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return (places among some, places among others) of pairs whose products are among those of a rank variable."""
    divisors = [np.array(own, dtype=np.int64) for own in products]
    fit = [np.isin(d[:, None] * d[None, :], d) for d in divisors]
    left, right = (
        [np.searchsorted(d, column) for d, column in zip(divisors, table.T, strict=True)] for table in (some, others)
    )
    firsts, seconds = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for start in range(0, len(some), step := max(1, PAIRS // max(1, len(others)))):
        good = np.ones((len(some[start : start + step]), len(others)), dtype=bool)
        for table, mine, its in zip(fit, left, right, strict=True):
            good &= table[mine[start : start + step]][:, its]
        first, second = np.nonzero(good)
        firsts.append(first + start)
        seconds.append(second)
    return np.concatenate(firsts), np.concatenate(seconds)


def _first_of_each(columns: Sequence[Ints]) -> Ints:
    """Return the places of rows that equal none before them."""
    if not len(columns[0]):
        return np.empty(0, dtype=np.int64)
    numbers = np.broadcast_to(numbered(columns), len(columns[0]))
    places: Ints = np.sort(np.unique(numbers, return_index=True)[1])
    return places


def _overheads(level: Array, rows: Ints) -> Floats:
    """Return the cycles that a pass pays where partial sums flow along these dimensions (bits)."""
    dimensions = list(level.shape)
    kinds, which = np.unique(rows, return_inverse=True)
    alone = [bits.bit_length() - 1 if bits.bit_count() == 1 else 0 for bits in kinds.tolist()]
    return np.array([float(pass_cycles(level, dimensions[place])) for place in alone])[which.ravel()]
