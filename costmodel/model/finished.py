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
    shapes = {producer.name: dict(producer.shape), consumer.name: dict(consumer.shape)}
    for loop, count in zip(loops, steps, strict=True):
        v = loop.rank_variable
        for shape in shapes.values():
            if v in shape:
                shape[v] = loop.tile
        if count == 1:
            continue
        for written, read in zip(producer.output.indices, access.indices, strict=True):
            if _meets_later(written, read, v, shapes[producer.name], shapes[consumer.name]):
                return v, written
    return None


def _meets_later(written: Affine, read: Affine, v: str, here: Mapping[str, int], there: Mapping[str, int]) -> bool:
    """Whether a coordinate that is read in a step of the loop over ``v`` is written in a later one, too."""
    step = dict(written.terms).get(v, 0)
    others = Affine(tuple(t for t in written.terms if t[0] != v), written.constant)
    if not step or all(here[u] == 1 for u in others.rank_variables):
        return False
    low, high = others.span(here)
    least, most = read.span(there)
    return most >= step * here[v] + low if step > 0 else least <= step * here[v] + high
