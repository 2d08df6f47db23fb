"""When the words that an Einsum writes under shared loops are finished: nothing that comes later reduces into them.

Where several rank variables meet in an index of the output (``T[p + r]``), steps of one loop reduce into the same word.
With tiles of extents ``n`` below the loop over ``v``, later steps write the coordinates from ``c[v] * n[v]`` on,
counted from where this step begins; those before it are finished when this step is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.model.tiles import Loop


def unfinished(
    producer: Einsum,
    consumer: Einsum,
    access: Access,
    loops: Sequence[Loop],
    steps: Sequence[int],
) -> tuple[str, Affine] | None:
    """Return the first shared loop after whose step the consumer may read a word that is not finished yet.

    ``loops`` (with their ``steps``) are above both, outermost first. Returns the loop's rank variable, and the index of
    the output where words meet; null if all that is read is finished.
    """
    for place, (loop, count) in enumerate(zip(loops, steps, strict=True), 1):
        if count > 1:
            v, here, there = loop.rank_variable, _within(producer, loops[:place]), _within(consumer, loops[:place])
            for written, read in zip(producer.output.indices, access.indices, strict=True):
                if _meets_later(written, read, v, here, there):
                    return v, written
    return None


def written_later(
    producer: Einsum,
    consumer: Einsum,
    access: Access,
    loops: Sequence[Loop],
    steps: Sequence[int],
) -> bool:
    """Whether a consumer that runs before its producer in each step reads a word that the producer is still to write.

    That is a word of this step, or one of a later step of a shared loop. ``loops`` and ``steps`` as in `unfinished`.
    """
    pairs = list(zip(producer.output.indices, access.indices, strict=True))
    for place, (loop, count) in enumerate(zip(loops, steps, strict=True), 1):
        here, there = _within(producer, loops[:place]), _within(consumer, loops[:place])
        if count > 1 and all(_overlap(_after(w, loop.rank_variable, count, here), r.span(there)) for w, r in pairs):
            return True
    here, there = _within(producer, loops), _within(consumer, loops)
    return all(_overlap(w.span(here), r.span(there)) for w, r in pairs)


def _within(einsum: Einsum, loops: Sequence[Loop]) -> dict[str, int]:
    """Extents of an Einsum's rank variables in one step of loops, outermost first."""
    return {**einsum.shape, **{x.rank_variable: x.tile for x in loops if x.rank_variable in einsum.shape}}


def _after(written: Affine, v: str, count: int, here: Mapping[str, int]) -> tuple[int, int]:
    """Least and largest coordinate that the steps after the first of the loop over ``v`` write, of ``count``."""
    low, high = written.span({**here, v: (count - 1) * here.get(v, 1)})
    moved = dict(written.terms).get(v, 0) * here.get(v, 1)
    return low + moved, high + moved


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _meets_later(written: Affine, read: Affine, v: str, here: Mapping[str, int], there: Mapping[str, int]) -> bool:
    """Whether a coordinate that is read in a step of the loop over ``v`` is written in a later one, too."""
    step = dict(written.terms).get(v, 0)
    others = Affine(tuple(t for t in written.terms if t[0] != v), written.constant)
    if not step or all(here[u] == 1 for u in others.rank_variables):
        return False
    low, high = others.span(here)
    least, most = read.span(there)
    return most >= step * here[v] + low if step > 0 else least <= step * here[v] + high
