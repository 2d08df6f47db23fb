"""Which rank variables may have tiles that leave something over, and why others may not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice.sizes import Sizes
from costmodel.mapper.lattice.tensor_plan import TensorPlan
from costmodel.model.meters import port_limits
from costmodel.spec.hardware import Array, Memory

EXTENT_MOST = 10_000
"""Largest extent of which all multiples are looked at."""
SIZES_MOST = 1_000
"""Tiles of one rank variable; of more, only an array may leave something over."""


def sizes_of(
    allowed: Allowed, shape: Mapping[str, int], tensors: Sequence[TensorPlan], shapes_most: int
) -> tuple[list[Sizes], dict[str, str]]:
    """Return the tiles of each rank variable of an iteration space, and what those that keep to a rule do, and why.

    Multiples where there are no more than so many tile shapes; else fewer for the rank variables that have most tiles.
    """
    found = [Sizes(n) for n in shape.values()]
    if not shapes_most:
        return found, {}
    arrays = [level for level in allowed.levels if isinstance(level, Array)]
    whole = {name: f"divide: {why}" for name, why in why_whole(allowed, tensors).items()}
    windowed = [t for t in tensors if t.windows]
    for v, (name, extent) in enumerate(shape.items()):
        if name not in whole:
            most = _most(allowed, arrays[0], name) if arrays else 1
            steady = any(v in t.plain for t in windowed)
            found[v] = Sizes(extent, multiples=True, below=bool(arrays), most=most, steady=steady)
            if extent > EXTENT_MOST or len(found[v].values) > SIZES_MOST:
                found[v] = _fewer(found[v])
    while math.prod(len(s.values) for s in found) > shapes_most and any(s.multiples for s in found):
        richest = max((v for v, s in enumerate(found) if s.multiples), key=lambda v: len(found[v].values))
        found[richest] = _fewer(found[richest])
    for name, sizes in zip(shape, found, strict=True):
        if name not in whole and not sizes.multiples:
            whole[name] = "divide: too many tiles"
        elif sizes.few:
            whole[name] = "divide above the array: too many tiles"
    return found, {name: whole[name] for name, n in shape.items() if n > 1 and name in whole}


def _fewer(sizes: Sizes) -> Sizes:
    """Return multiples of which there are not as many, or tiles that divide."""
    if sizes.below and sizes.most > 1 and not sizes.few:
        return replace(sizes, few=True)
    return Sizes(sizes.extent)


def searched(sizes: Sequence[Sizes], whole: Mapping[str, str]) -> str:
    """Say which mapspace was searched.

    >>> searched([Sizes(5, multiples=True), Sizes(3), Sizes(2)], {"r": "divide: a window", "s": "divide: a window"})
    'exact on multiples (r, s divide: a window)'
    """
    if not any(s.multiples for s in sizes):
        return f"exact (tiles {', '.join(dict.fromkeys(whole.values()))})" if whole else "exact"
    rules = dict.fromkeys(whole.values())
    said = [f"{', '.join(name for name, rule in whole.items() if rule == one)} {one}" for one in rules]
    return f"exact on multiples ({'; '.join(said)})" if said else "exact on multiples"


def _most(allowed: Allowed, array: Array, name: str) -> int:
    """Return how many instances of an array a rank variable may take at most."""
    along = math.prod(allowed.along(array, dimension, name).most for dimension in array.shape)
    return int(max(1, min(along, allowed.over(array, name).most)))


def why_whole(allowed: Allowed, tensors: Sequence[TensorPlan]) -> dict[str, str]:
    """Return the rank variables whose tiles divide in any case, with the reason."""
    einsum = allowed.einsum
    every = dict.fromkeys(einsum.shape, "")
    why = next(_of_all(allowed, tensors), None)
    if why is not None:
        return dict.fromkeys(every, why)
    names = list(einsum.shape)
    found = {names[v]: "a window" for t in tensors for v in t.windowed}
    found |= dict.fromkeys(_evaluated_apart(einsum), "terms that lack it")
    found |= dict.fromkeys(allowed.wanted, "a constraint")
    return found | {v: "a constraint" for _, _, v, _ in allowed.asked}


def _of_all(allowed: Allowed, tensors: Sequence[TensorPlan]) -> Iterator[str]:
    """Yield what says of all rank variables that their tiles divide."""
    arrays = [place for place, level in enumerate(allowed.levels) if isinstance(level, Array)]
    for place, level in enumerate(allowed.levels):
        if isinstance(level, Memory) and arrays and place > arrays[0] and port_limits(level):
            yield f"the bandwidth of {level.name}"
    if allowed.ordered:
        yield "a constraint on the order of loops"
    if allowed.working_least > 1:
        yield "a constraint on the instances at work"
    if any(t.output and t.windows for t in tensors):
        yield "an output with a window"


def _evaluated_apart(einsum: Einsum) -> set[str]:
    """Return rank variables of which some terms are evaluated at 0 alone."""
    accesses = frozenset[str]().union(*(a.at_zero for a in einsum.accesses), *einsum.addends)
    return set(accesses)
