"""Orders that a gene chooses among: of the storage nodes between two arrays, of the loops of a slot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.sample.steps import Hold


@lru_cache(maxsize=256)
def extensions(holds: tuple[Hold, ...]) -> tuple[tuple[Hold, ...], ...]:
    """Return all orders of storage nodes in which each tensor's levels stand outermost first."""
    if not holds:
        return ((),)
    found: list[tuple[Hold, ...]] = []
    seen: set[str] = set()
    for hold in holds:
        if hold.tensor in seen:
            continue
        seen.add(hold.tensor)
        rest = tuple(other for other in holds if other != hold)
        found += [(hold, *tail) for tail in extensions(rest)]
    return tuple(found)


def count_extensions(holds: Sequence[Hold]) -> int:
    """Count the orders: a multinomial, since each tensor's nodes form a chain."""
    per_tensor: dict[str, int] = {}
    for hold in holds:
        per_tensor[hold.tensor] = per_tensor.get(hold.tensor, 0) + 1
    return math.factorial(len(holds)) // math.prod(math.factorial(n) for n in per_tensor.values())


def by_priority(holds: Sequence[Hold], priority: Sequence[int]) -> tuple[Hold, ...]:
    """Order storage nodes by priority, each tensor's levels outermost first."""
    left = list(range(len(holds)))
    order: list[Hold] = []
    while left:
        heads: dict[str, int] = {}
        for k in left:
            heads.setdefault(holds[k].tensor, k)
        best = min(heads.values(), key=lambda k: (priority[k], k))
        order.append(holds[best])
        left.remove(best)
    return tuple(order)


def loop_orders(einsum: Einsum, variables: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the loop orders of a block that differ for some tensor, outermost first.

    What matters is which tensor's tile stays longest: loops that do not move it go innermost, and among them
    those that do not move the next one. One order per priority of tensors says it all.
    """
    extent = einsum.shape
    marks: list[frozenset[str]] = []
    for tensor in einsum.tensors:
        relevant = frozenset(v for a in einsum.accesses_of(tensor) for v in a.rank_variables if extent[v] > 1)
        if relevant not in marks and len(relevant) < len(variables):
            marks.append(relevant)
    # The output first: partial sums cost twice.
    own = frozenset(v for v in einsum.output.rank_variables if extent[v] > 1)
    marks.sort(key=lambda relevant: relevant != own)
    depth = len(marks) if len(marks) <= 4 else 2
    found: list[tuple[str, ...]] = []
    for priority in itertools.permutations(marks, depth):
        order = tuple(
            sorted(variables, key=lambda v, priority=priority: [v in m for m in priority], reverse=True)  # type: ignore[misc]
        )
        if order not in found:
            found.append(order)
    return tuple(found)


def in_order(row: Sequence[str], names: Sequence[str]) -> list[str]:
    """Put what is listed in the listed order, in the places that it takes.

    >>> in_order(["k", "p", "m"], ["m", "k"])
    ['m', 'p', 'k']
    """
    turn = iter(sorted((v for v in row if v in names), key=list(names).index))
    return [next(turn) if v in names else v for v in row]
