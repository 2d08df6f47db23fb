"""How often the loops in time between two places of a nest step, in the first instance, which has most to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence

from costmodel.model.tiles import Loop


def iterations(loops: Sequence[Loop], scope: int, shape: MappingABC[str, int]) -> Counter[int]:
    """Return how many steps the loops from ``scope`` on make together in a step of those before → how often so many.

    Tiles need not divide: 64 in tiles of 24 and these in tiles of 10 makes 3 steps twice, and once 2.

    >>> iterations([Loop("m", 24), Loop("m", 10)], 1, {"m": 64}) == {3: 2, 2: 1}
    True
    """
    found = Counter({1: 1})
    for v in dict.fromkeys(x.rank_variable for x in loops):
        own = [(x, at < scope) for at, x in enumerate(loops) if x.rank_variable == v]
        each = _along(shape[v], own)
        found = _product(found, each)
    return found


def _product(one: Counter[int], other: Counter[int]) -> Counter[int]:
    found: Counter[int] = Counter()
    for steps, times in one.items():
        for more, often in other.items():
            found[steps * more] += times * often
    return found


def _along(extent: int, loops: Sequence[tuple[Loop, bool]]) -> Counter[int]:
    """The same along one rank variable; of each loop, whether it stands before the scope."""
    if not loops:
        return Counter({1: 1})
    (loop, outside), *rest = loops
    if loop.spatial:
        return _along(min(loop.tile, extent), rest)
    whole, left = divmod(extent, loop.tile)
    parts = [(_along(tile, rest), times) for tile, times in ((loop.tile, whole), (left, 1)) if tile and times]
    found: Counter[int] = Counter()
    if outside:
        for inner, times in parts:
            for steps, often in inner.items():
                found[steps] += often * times
        return found
    found[sum(steps * times for inner, times in parts for steps in inner)] = 1
    return found
