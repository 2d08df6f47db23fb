"""The words of a tensor that are not zero, as a workload gives them, drawn as a fibertree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from costmodel.describe.fibertree import MOST_WORDS, Fibertree, fibertree
from costmodel.einsum.algebra import Workload
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.values import Values


def tree_of(name: str, workload: Workload, nonzeros: Nonzeros, values: Mapping[str, Values]) -> Fibertree:
    """Hang up a tensor: its non-zeros, with their values where they are given; a dense one with every word.

    Raises SpecError where there is no such tensor, or it is too large to draw.
    """
    tensors = {t: tensor for einsum in workload.einsums for t, tensor in einsum.tensors.items()}
    if name not in tensors:
        raise SpecError([Problem(f"no tensor {name!r}", hint=did_you_mean(name, sorted(tensors)))])
    tensor = tensors[name]
    points = nonzeros.coordinates.get(name)
    if points is None:
        if tensor.size_words > MOST_WORDS:
            message = f"{name} has {tensor.size_words:,} words: a tree is drawn of up to {MOST_WORDS}"
            raise SpecError(
                [Problem(message, hint="give smaller ranks with --set, or `coordinates:` of what is not 0")]
            )
        points = tuple(itertools.product(*(range(extent) for extent in tensor.shape)))
    words = {point: _value(values.get(name), point) for point in points}
    try:
        return fibertree(name, tensor.ranks, words, math.prod(tensor.shape))
    except ValueError as error:
        raise SpecError([Problem(str(error))]) from None


def _value(values: Values | None, point: tuple[int, ...]) -> Values | None:
    for coordinate in point:
        values = values[coordinate] if isinstance(values, tuple) else values
    return values
