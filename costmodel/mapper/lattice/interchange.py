"""What may be interchanged: rank variables whose exchange in a nest changes nothing that it costs.

``b`` and ``h`` do where there are as many batches as heads, for they index the same tensors. Rows and columns of a
square convolution do together: p with q and r with s. Of nests that differ by such an exchange alone one is enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping

from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.tensor_plan import TensorPlan, Window


def interchangeable(space: Space, apart: Collection[int] = ()) -> list[list[int]]:
    """Return groups of two or more rank variables of which any two are interchangeable, where nothing slides.

    None of those ``apart``, which others tell from each other.
    """
    if _told_apart(space) or space.eager:
        return []
    groups: dict[tuple[int, Hashable], list[int]] = defaultdict(list)
    for v, extent in enumerate(space.extents.tolist()):
        part = tuple(_part(tensor, v) for tensor in space.tensors)
        if v not in apart:
            groups[extent, part].append(v)
    return [group for (extent, _), group in groups.items() if len(group) > 1 and extent > 1]


def mirrored(space: Space, apart: Collection[int] = ()) -> list[dict[int, int]]:
    """Return exchanges of all rank variables of one window for those of another: earlier one → later one.

    None with one of those ``apart``, which others tell from each other.
    """
    if _told_apart(space):
        return []
    found: list[dict[int, int]] = []
    for tensor in space.tensors:
        for place, one in enumerate(tensor.windows):
            for other in tensor.windows[place + 1 :]:
                exchange = {
                    min(pair): max(pair) for pair in zip(one.rank_variables, other.rank_variables, strict=False)
                }
                told = set(apart) & {*exchange, *exchange.values()}
                if exchange not in found and not told and _changes_nothing(space, exchange):
                    found.append(exchange)
    return found


def _told_apart(space: Space) -> bool:
    """Whether rank variables may be named by a rule, or stand at an edge, or leave a remainder to the last loops."""
    return bool(space.allowed.rules.said or space.uneven or space.einsum.limits or space.einsum.addends)


def _part(tensor: TensorPlan, v: int) -> Hashable:
    """Return what a rank variable is to a tensor, outside of windows."""
    return bool(tensor.relevant[v]), bool(tensor.idle[v]), tensor.plain.count(v)


def _changes_nothing(space: Space, exchange: Mapping[int, int]) -> bool:
    """Whether every tensor stays as it is."""
    to = {**exchange, **{v: u for u, v in exchange.items()}}
    if len(to) < 2 * len(exchange) or any(space.extents[u] != space.extents[v] for u, v in exchange.items()):
        return False
    return all(
        all(_part(tensor, u) == _part(tensor, v) for u, v in exchange.items())
        and {_seen(w, to) for w in tensor.windows} == {_seen(w, {}) for w in tensor.windows}
        for tensor in space.tensors
    )


def _seen(window: Window, to: Mapping[int, int]) -> Hashable:
    """Return a window with its rank variables exchanged."""
    terms = zip((to.get(v, v) for v in window.rank_variables), window.coefficients, strict=True)
    return frozenset(terms), window.edge, window.shifts
