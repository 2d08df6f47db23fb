"""The values of a trace, as its page shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from costmodel.einsum.algebra import Tensor
from costmodel.execute.made import Stated
from costmodel.trace.frames import Trace
from costmodel.trace.valued import Valued, valued

WORDS_MOST = 2_000
"""Words of a tensor whose values are shown: a grid of more has cells that no number fits into."""

ASKED_MOST = 50_000
"""Words of all tensors together up to which values are told though nobody asked for any."""

Shown = int | float | str


def values_of(
    trace: Trace,
    stated: Stated,
    arrays: Mapping[str, object] | None = None,
    files: Iterable[str] = (),
    *,
    seed: int | None,
    asked: bool,
) -> Valued | None:
    """Values that are told of a trace, from where ``valued`` takes them.

    Null where nobody ``asked`` for any, and there are many words.
    """
    words = {t.name: t.size_words for e in trace.einsums for t in e.tensors.values()}
    if not asked and sum(words.values()) > ASKED_MOST:
        return None
    return valued(trace, stated, arrays, files, seed=seed or 0)


def start_values(told: Valued, tensors: Iterable[Tensor]) -> list[list[Shown] | None]:
    """For each tensor what is given, cell by cell; null where it is written, or too large to show."""
    arrays = told.given.arrays
    return [
        [number(x) for x in arrays[tensor.name].ravel().tolist()]
        if tensor.name in arrays and tensor.size_words <= WORDS_MOST
        else None
        for tensor in tensors
    ]


def frame_values(told: Valued, trace: Trace, place: int) -> list[Shown]:
    """Cell, value, cell, value, …: words of its output that a frame leaves changed."""
    frame = trace.frames[place]
    if not frame.einsum:
        return []
    (tensor,) = (e.tensors[e.output.tensor] for e in trace.einsums if e.name == frame.einsum)
    if tensor.size_words > WORDS_MOST:
        return []
    found: list[Shown] = []
    for word, value in told.after[place].items():
        found += [int(np.ravel_multi_index(word, tensor.shape)) if word else 0, number(value)]
    return found


def point_values(told: Valued, einsum: str, shape: Mapping[str, int]) -> list[Shown | None]:
    """For each point of an Einsum, the last rank variable fastest: what its word of the output is after it."""
    found: list[Shown | None] = [None] * math.prod(shape.values())
    extents = tuple(shape.values())
    for point, value in told.results.get(einsum, {}).items():
        found[int(np.ravel_multi_index(point, extents)) if point else 0] = number(value)
    return found


def number(value: float) -> Shown:
    """A number in a few characters; JSON has no infinities.

    >>> number(14), number(0.123456), number(float("inf"))
    (14, 0.123, 'inf')
    """
    if isinstance(value, int):
        return value
    return float(f"{value:.3g}") if math.isfinite(value) else str(value)
