"""Operations that zeros do not make vain: those of a product none of whose factors is 0."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from costmodel.einsum import notation
from costmodel.einsum.algebra import Einsum
from costmodel.einsum.operations import operations, terms
from costmodel.einsum.syntax import Expression, TensorAccess, factors, rank_variables
from costmodel.spec.nonzeros import Coordinates, Nonzeros

if TYPE_CHECKING:
    import numpy as np

    Marks = np.ndarray[Any, np.dtype[Any]]

MOST_POINTS = 10**8
"""Points of which those without a zero are counted one by one; beyond, their number is estimated from the shares."""


@dataclass(frozen=True, slots=True)
class Effectual:
    """Operations that are left where those with a zero are not done."""

    operations: Mapping[str, float]
    """By kind; whole where they are counted."""
    is_exact: bool
    """Whether they are counted, by coordinates; else they are to be expected where zeros stand independently."""


def effectual(einsum: Einsum, nonzeros: Nonzeros) -> Effectual | None:
    """Count effectual operations; null where nothing is said about the tensors that an Einsum reads."""
    said = {*nonzeros.density, *nonzeros.coordinates}
    if not said & {access.tensor for access in einsum.inputs}:
        return None
    statement = notation.parse(einsum.text)
    found: dict[str, float] = {}
    is_exact = True
    for term, lacking in terms(statement, einsum.reduced):
        share, exact = _share(term, lacking, einsum, nonzeros)
        is_exact = is_exact and exact
        alone = replace(statement, expression=term)
        for operation in operations(alone, einsum.reduced - lacking):
            done = operation.per_point * einsum.points_where_zero(lacking)
            kept = done * share[0] // share[1] if exact else done * share[0] / share[1]
            found[operation.kind] = found.get(operation.kind, 0) + kept
    return Effectual(found, is_exact)


def _share(
    term: Expression, lacking: frozenset[str], einsum: Einsum, nonzeros: Nonzeros
) -> tuple[tuple[float, int], bool]:
    """Points of a term at which no factor is 0, of how many; and whether they are counted."""
    read = [factor for factor in factors(term) if isinstance(factor, TensorAccess)]
    extents = {v: n for v, n in einsum.shape.items() if v not in lacking}
    points = math.prod(extents.values())
    density = math.prod(nonzeros.density[a.tensor] for a in read if a.tensor in nonzeros.density)
    listed = list(dict.fromkeys(a for a in read if a.tensor in nonzeros.coordinates))
    variables = sorted(frozenset().union(*(rank_variables(a) for a in listed)))
    if math.prod(extents[v] for v in variables) > MOST_POINTS:
        for access in listed:
            density *= len(nonzeros.coordinates[access.tensor]) / einsum.tensors[access.tensor].size_words
        return (points * density, points), False
    marks = [_marks(a, einsum, extents, nonzeros.coordinates[a.tensor]) for a in listed]
    met = _met(marks, [sorted(rank_variables(a)) for a in listed], variables)
    others = math.prod(n for v, n in extents.items() if v not in variables)
    return (met * others * density, points), density == 1


def _marks(access: TensorAccess, einsum: Einsum, extents: Mapping[str, int], points: Coordinates) -> Marks:
    """Whether the word that an access reads is listed, at each value of its rank variables (in alphabetical order)."""
    import numpy as np

    listed = np.zeros(einsum.tensors[access.tensor].shape, dtype=np.int64)
    if points:
        listed[tuple(np.array(points, dtype=np.int64).reshape(len(points), -1).T)] = 1
    variables = sorted(rank_variables(access))
    grid = dict(zip(variables, np.indices(tuple(extents[v] for v in variables), sparse=True), strict=True))
    inside: Any = True
    at = []
    for index, extent in zip(access.indices, listed.shape, strict=True):
        affine = index.affine(einsum.constants)
        coordinate = affine.constant + sum(c * grid[v] for v, c in affine.terms)
        inside = inside & (coordinate >= 0) & (coordinate < extent)
        at.append(np.clip(coordinate, 0, extent - 1))
    return np.broadcast_to(listed[tuple(at)] * inside, tuple(extents[v] for v in variables))


def _met(marks: Sequence[Marks], names: Sequence[Sequence[str]], variables: Sequence[str]) -> int:
    """Values of the rank variables at which all marks are set."""
    import numpy as np

    if not marks:
        return 1
    numbers = {v: number for number, v in enumerate(variables)}
    given: list[Any] = []
    for mark, own in zip(marks, names, strict=True):
        given += [mark, [numbers[v] for v in own]]
    return int(np.einsum(*given, [], optimize=True))
