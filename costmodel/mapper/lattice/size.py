"""The exact size of the canonical mapspace (see ``mapspace``), counted without enumerating it.

One mapping is a choice of what is kept where, an order of the storage nodes, for each rank variable a factorisation
over the gaps and the dimensions of the arrays, and for each gap an order of the loops with more than one step. So the
number of mappings with g gaps is a sum, over the gaps in which each rank variable moves, of

    Π over rank variables (factorisations with factors > 1 in just these gaps) · Π over gaps (moving variables)!

The factorials tie all rank variables together. Since c! = ∫ tᶜ e⁻ᵗ dt, the sum is an integral over one number t per
gap, of a product with one polynomial per rank variable; and as no t has a power beyond the number V of rank variables,
Gauss–Laguerre quadrature with more than V/2 nodes gives it exactly. The polynomials are symmetric in the gaps: only how
many gaps take each node matters. All terms are positive, so decimal numbers with enough digits give the exact integer.

Where tiles are multiples (see ``sizes.py``) what a rank variable may do depends on whether a gap is inside of the
outermost array; then the gaps are two *blocks*, and the polynomials are symmetric in the gaps of each.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from operator import floordiv, ge, or_
from typing import Any

import numpy as np

from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.lattice.sizes import parts
from costmodel.mapper.lattice.space import Space

SPARE_DIGITS = 30


def size(space: Space) -> int:
    """Return the number of mappings in the canonical mapspace, before capacities.

    Constraints on what is kept and on the arrays (``only``, ``at most``, ``exact``, what flows through systolic
    ones) are counted; limits of tiles, the utilisation and dataflows are not: they only leave less.
    """
    arrangements = _arrangements(space)
    moves = [_Moves(space, v, tuple(map(max, zip(*arrangements, strict=True)))) for v in range(len(space.extents))]
    sizes = [limit for array in space.arrays for limit in array.level.shape.values()]
    spans = list(_spans(space))
    moving = max(1, sum(int(n) > 1 for n in space.extents))
    most = math.prod(m.most for m in moves) * max(math.factorial(moving) ** sum(gaps) for gaps in arrangements)
    with localcontext() as context:
        context.prec = len(str(most * sum(arrangements.values()))) + SPARE_DIGITS
        nodes = _laguerre(moving // 2 + 1, context.prec)
        weights, symmetric = _points(arrangements, nodes, max(m.longest for m in moves))
        total = _sum(weights, symmetric, moves, sizes, spans)
        return int(total.to_integral_value())


Option = tuple[int, ...]
"""Instances of a rank variable along every dimension of every array."""


class _Moves:
    """In how many ways one rank variable comes from a tile of 1 to its extent."""

    def __init__(self, space: Space, v: int, gaps: tuple[int, ...]) -> None:
        self.sizes, self.gaps = space.sizes[v], gaps
        self.outermost = len(space.arrays[-1].level.shape) if space.arrays else 0
        """Dimensions of the outermost array."""
        self.options = list(_spreads(space, v))
        ordinary = not self.sizes.multiples
        self.longest = _prime_factors(self.sizes.extent) if ordinary else max(gaps)
        """Gaps of one block in which it moves, at most."""
        self._chains = [] if ordinary else self.sizes.chains(gaps[-1]).tolist()
        places = sum(gaps) + (len(self.options[0]) if self.options else 0)
        self.most = _factorisations(self.sizes.extent, places) if ordinary else self._most()
        """Ways in all, at most."""

    def rest(self, option: Option) -> tuple[int, int]:
        """Return what of an option says in how many ways there may be loops in time."""
        split = len(option) - self.outermost
        inner, outer = math.prod(option[:split]), math.prod(option[split:])
        return (inner, outer) if self.sizes.multiples else (inner * outer, 1)

    def ways(self, rest: tuple[int, int], times: Sequence[int]) -> int:
        """Return the ways with loops in time in so many gaps of each block."""
        inner, outer = rest
        if not self.sizes.multiples:
            return _moving(self.sizes.extent // inner, sum(times))
        found, (below, above) = 0, times
        for i, size in enumerate(self.sizes.values.tolist()):
            if self.sizes.dividing[i] and size % inner == 0 and outer in self.sizes.spreads(size):
                at = int(np.searchsorted(self.sizes.values, size * outer))
                inside = _moving(size // inner, below) if self.sizes.below else int(size == 1 and not below)
                found += inside * self._chains[at][above]
        return found

    def polynomial(self, rest: tuple[int, int], symmetric: Sequence[Sequence[Any]]) -> Any:
        """Return the ways, each times what its gaps contribute, at all points."""
        counts = (range(min(self.longest, len(s) - 1, g) + 1) for s, g in zip(symmetric, self.gaps, strict=True))
        total: Any = 0
        for times in itertools.product(*counts):
            if number := self.ways(rest, times):
                total = total + number * math.prod(s[k] for s, k in zip(symmetric, times, strict=True))
        return total

    def _most(self) -> int:
        rests = {self.rest(option) for option in self.options}
        counts = list(itertools.product(*(range(g + 1) for g in self.gaps)))
        each = {
            rest: sum(self.ways(rest, times) * math.prod(map(math.comb, self.gaps, times)) for times in counts)
            for rest in rests
        }
        return max(1, sum(each[self.rest(option)] for option in self.options))


def _arrangements(space: Space) -> dict[tuple[int, ...], int]:
    """Gaps of each block → choices and orders of storage nodes with so many."""
    if not space.uneven:
        return {(n + 1,): ways for n, ways in _orders(space, range(len(space.arrays) + 1)).items()}
    top = len(space.arrays)
    pairs = itertools.product(_orders(space, range(top)).items(), _orders(space, range(top, top + 1)).items())
    return {(inside, outside + 1): a * b for (inside, a), (outside, b) in pairs}


def _orders(space: Space, segments: range) -> dict[int, int]:
    """Number of storage nodes of some segments below the outermost memory → choices and orders of so many."""
    always = space.keeps[0]
    for mask in space.keeps:
        always &= mask
    total = {0: 1}
    for segment in segments:
        mine = [n for n in space.nodes if space.memories[n.memory].segment == segment]
        orders = {0: 1}
        for tensor in range(len(space.tensors)):
            must = sum(bool(always & n.bit) for n in mine if n.tensor == tensor)
            free = sum(not always & n.bit for n in mine if n.tensor == tensor)
            grown: dict[int, int] = {}
            for others, ways in orders.items():
                for more in range(free + 1):
                    # the nodes of one tensor have one order; they are shuffled with the others
                    n = others + must + more
                    grown[n] = grown.get(n, 0) + ways * math.comb(free, more) * math.comb(n, others)
            orders = grown
        joined: dict[int, int] = {}
        for (a, ways), (b, more) in itertools.product(total.items(), orders.items()):
            joined[a + b] = joined.get(a + b, 0) + ways * more
        total = joined
    return total


def _spreads(space: Space, v: int) -> Iterator[tuple[int, ...]]:
    """Yield instances of a rank variable along every dimension of every array."""
    sizes, name = space.sizes[v], space.names[v]
    found: list[Option] = [()]
    for array in space.arrays:
        last = array is space.arrays[-1] and sizes.multiples
        whole = sizes.instances() if last else divisors_of(sizes.extent).tolist()
        some = parts(whole)
        split: list[Option] = [()]
        for dimension in array.level.shape:
            allowed = space.allowed.along(array.level, dimension, name)
            along = [a for a in some if a in allowed]
            split = [(*s, a) for s in split for a in along if math.prod(s) * a in some]
        over = space.allowed.over(array.level, name)
        split = [s for s in split if math.prod(s) in over and math.prod(s) in whole]
        found = [(*f, *s) for f in found for s in split if last or sizes.extent % math.prod((*f, *s)) == 0]
    yield from found


@dataclass(frozen=True)
class _Lying:
    """Rank variables that may lie along some dimensions of an array together."""

    rank_variables: tuple[bool, ...]
    dimensions: range
    """Of all arrays, those of this one."""
    most: int

    def along(self, v: int, option: tuple[int, ...]) -> int:
        """Return the dimensions (bits) that a rank variable lies along when spread so."""
        if not self.rank_variables[v]:
            return 0
        return sum(1 << k for k in self.dimensions if option[k] > 1)


def _spans(space: Space) -> Iterator[_Lying]:
    first = 0
    for array in space.arrays:
        dimensions = range(first, first := first + len(array.level.shape))
        for span in space.allowed.spans(array.level):
            yield _Lying(tuple(name in span.rank_variables for name in space.names), dimensions, span.most)


@lru_cache(maxsize=1 << 14)
def _factorisations(n: int, places: int) -> int:
    """Ordered factorisations of n into so many factors.

    >>> _factorisations(12, 2)
    6
    """
    if places == 0:
        return int(n == 1)
    return math.prod(math.comb(e + places - 1, e) for e in _exponents(n))


@lru_cache(maxsize=1 << 14)
def _moving(n: int, places: int) -> int:
    """Ordered factorisations of n into so many factors, each more than one.

    >>> _moving(12, 2)
    4
    """
    return sum((-1) ** (places - j) * math.comb(places, j) * _factorisations(n, j) for j in range(places + 1))


@lru_cache(maxsize=1 << 12)
def _exponents(n: int) -> tuple[int, ...]:
    found, p = [], 2
    while p * p <= n:
        e = 0
        while n % p == 0:
            n, e = n // p, e + 1
        if e:
            found.append(e)
        p += 1
    return (*found, 1) if n > 1 else tuple(found)


def _prime_factors(n: int) -> int:
    return sum(_exponents(n))


@lru_cache(maxsize=64)
def _laguerre(n: int, digits: int) -> tuple[tuple[Decimal, Decimal], ...]:
    """Nodes and weights that integrate every polynomial of degree < 2n times e⁻ᵗ over t ≥ 0 exactly."""
    with localcontext() as context:
        context.prec = digits
        found = []
        for start in np.polynomial.laguerre.laggauss(n)[0]:
            x = Decimal(float(start))
            for _ in range(digits.bit_length()):
                # Newton: each step doubles the digits that are right
                value, before = _values(n, x)
                x -= value * x / (n * (value - before))
            found.append((x, x / ((n + 1) * _values(n + 1, x)[0]) ** 2))
        return tuple(found)


def _values(n: int, x: Decimal) -> tuple[Decimal, Decimal]:
    """Return the Laguerre polynomials of degree n and n − 1 at x."""
    value, before = Decimal(1), Decimal(0)
    for k in range(n):
        value, before = ((2 * k + 1 - x) * value - k * before) / (k + 1), value
    return value, before


def _points(
    arrangements: dict[tuple[int, ...], int], nodes: Sequence[tuple[Decimal, Decimal]], longest: int
) -> tuple[Any, list[list[Any]]]:
    """Return weights of the quadrature's points, and elementary symmetric polynomials of the gaps of each block there.

    A point says how many gaps of each block take each node. The polynomials are by their degree.
    """
    blocks = [_block(set(gaps), nodes, longest) for gaps in zip(*arrangements, strict=True)]
    weights: list[Decimal] = []
    rows: list[tuple[list[Decimal], ...]] = []
    for points in itertools.product(*blocks):
        number = arrangements.get(tuple(gaps for gaps, _, _ in points), 0)
        if number:
            weights.append(number * math.prod((weight for _, weight, _ in points), start=Decimal(1)))
            rows.append(tuple(row for _, _, row in points))
    symmetric = [
        [
            np.array([row[k] if k < len(row) else Decimal(0) for row in of_block], dtype=object)
            for k in range(longest + 1)
        ]
        for of_block in zip(*rows, strict=True)
    ]
    return np.array(weights, dtype=object), symmetric


def _block(
    gaps: set[int], nodes: Sequence[tuple[Decimal, Decimal]], longest: int
) -> list[tuple[int, Decimal, list[Decimal]]]:
    """Return (gaps, weight, elementary symmetric polynomials) for every way in which so many gaps take nodes."""
    found: list[tuple[int, Decimal, list[Decimal]]] = []
    most = max(gaps)
    factors = [
        [[math.comb(times, k) * node**k for k in range(min(times, longest) + 1)] for times in range(most + 1)]
        for node, _ in nodes
    ]
    shares = [[share**times / math.factorial(times) for times in range(most + 1)] for _, share in nodes]

    def go(at: int, taken: int, weight: Decimal, row: list[Decimal]) -> None:
        if at == len(nodes):
            found.append((taken, weight * math.factorial(taken), row))
            return
        for times in range(most - taken + 1):
            if at == len(nodes) - 1 and taken + times not in gaps:
                continue
            factor = factors[at][times]
            grown = [Decimal(0)] * min(longest + 1, len(row) + len(factor) - 1)
            for i, a in enumerate(row):
                for k, b in enumerate(factor[: len(grown) - i], i):
                    grown[k] += a * b
            go(at + 1, taken + times, weight * shares[at][times], grown)

    go(0, 0, Decimal(1), [Decimal(1)])
    return found


def _sum(
    weights: Any,
    symmetric: Sequence[Sequence[Any]],
    moves: Sequence[_Moves],
    sizes: Sequence[int],
    spans: Sequence[_Lying],
) -> Decimal:
    """Add up all factorisations, one rank variable after the other.

    A state says what room the dimensions have left, and for each span along which of them (bits) it lies.
    """
    order = sorted(range(len(moves)), key=lambda v: -len(moves[v].options))
    # room beyond what the rank variables still to come can take makes no difference
    caps = [(1,) * len(sizes)]
    for v in reversed(order):
        largest = [max((o[k] for o in moves[v].options), default=1) for k in range(len(sizes))]
        caps.insert(0, tuple(a * b for a, b in zip(caps[0], largest, strict=True)))
    start = tuple(min(a, b) for a, b in zip(sizes, caps[0], strict=True))
    states: dict[tuple[tuple[int, ...], tuple[int, ...]], Any] = {(start, (0,) * len(spans)): weights}
    for step, v in enumerate(order):
        by_rest: dict[tuple[int, int], list[Option]] = {}
        for option in moves[v].options:
            by_rest.setdefault(moves[v].rest(option), []).append(option)
        polynomials = {rest: moves[v].polynomial(rest, symmetric) for rest in by_rest}
        lies = {option: [span.along(v, option) for span in spans] for option in moves[v].options}
        sums: dict[tuple[tuple[int, ...], tuple[int, ...], tuple[int, int]], Any] = {}
        for (room, lying), value in states.items():
            for rest, listed in by_rest.items():
                for option in listed:
                    if not all(map(ge, room, option)):
                        continue
                    along = tuple(map(or_, lying, lies[option]))
                    if any(bits.bit_count() > span.most for bits, span in zip(along, spans, strict=True)):
                        continue
                    left = tuple(map(min, map(floordiv, room, option), caps[step + 1]))
                    key = (left, along, rest)
                    sums[key] = sums[key] + value if key in sums else value
        states = {}
        for (left, along, rest), value in sums.items():
            product = value * polynomials[rest]
            states[left, along] = states[left, along] + product if (left, along) in states else product
    return sum((value.sum() for value in states.values()), Decimal(0))
