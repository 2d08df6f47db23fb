"""Rank variables that are interchangeable: exchanging them in a nest changes nothing that it costs.

They have the same extent and index the same tensors, as ``b`` and ``h`` do of as many batches as heads. Of nests that
differ by such an exchange alone one is enough, however many orders of the rank variables there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable

from costmodel.mapper.lattice.space import Space


def interchangeable(space: Space, apart: Collection[int]) -> list[list[int]]:
    """Return groups of two or more rank variables of which any two are interchangeable.

    None of those ``apart``, which others tell from each other. None where rules may name them, where they may stand in
    a window or at an edge, or where a remainder falls to the outermost loops.
    """
    named = space.eager or space.allowed.rules.said
    if named or space.uneven or space.einsum.limits or space.einsum.addends:
        return []
    groups: dict[tuple[int, Hashable], list[int]] = defaultdict(list)
    for v, extent in enumerate(space.extents.tolist()):
        part = tuple((bool(t.relevant[v]), bool(t.idle[v]), t.plain.count(v)) for t in space.tensors)
        if v not in apart:
            groups[extent, part].append(v)
    return [group for (extent, _), group in groups.items() if len(group) > 1 and extent > 1]
