"""Operations that zeros do not make vain: those of a product none of whose factors is 0."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from costmodel.einsum import notation
from costmodel.einsum.algebra import Affine, Einsum, Limit
from costmodel.einsum.coordinates import points_meet
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
    """Count effectual operations; null where nothing is said about the tensors that an Einsum multiplies."""
    statement = notation.parse(einsum.text)
    said = {*nonzeros.density, *nonzeros.coordinates}
    parts = [(term, lacking, _factors(term)) for term, lacking in terms(statement, einsum.reduced)]
    if not said & {access.tensor for _, _, read in parts for access in read}:
        return None
    found: dict[str, float] = {}
    is_exact = True
    for term, lacking, read in parts:
        points, exact = _points(read, lacking, einsum, nonzeros)
        is_exact = is_exact and exact
        alone = replace(statement, expression=term)
        for operation in operations(alone, einsum.reduced - lacking, meet=points_meet(einsum)):
            found[operation.kind] = found.get(operation.kind, 0) + operation.per_point * points
    return Effectual(found, is_exact)


def _factors(term: Expression) -> list[TensorAccess]:
    return [factor for factor in factors(term) if isinstance(factor, TensorAccess)]


def _points(
    read: Sequence[TensorAccess], lacking: frozenset[str], einsum: Einsum, nonzeros: Nonzeros
) -> tuple[float, bool]:
    """Points at which a term is evaluated and none of its factors is 0; and whether they are counted."""
    extents = {v: 1 if v in lacking else n for v, n in einsum.shape.items()}
    shares = [nonzeros.density[a.tensor] for a in read if a.tensor in nonzeros.density]
    listed: list[TensorAccess] = []
    for access in dict.fromkeys(a for a in read if a.tensor in nonzeros.coordinates):
        if any(index.lookup for index in access.indices):  # which words are looked up is left to chance
            shares.append(_listed_share(access, einsum, nonzeros))
        else:
            listed.append(access)
    limits = einsum.limits_where(lacking)
    named = [*map(rank_variables, listed), *(frozenset(limit.index.rank_variables) for limit in limits)]
    variables = sorted(frozenset[str]().union(*named))
    if math.prod(extents[v] for v in variables) > MOST_POINTS:
        shares += [_listed_share(access, einsum, nonzeros) for access in listed]
        return einsum.points_where_zero(lacking) * math.prod(shares), False
    marks = [_marks(a, einsum, extents, nonzeros.coordinates[a.tensor]) for a in listed]
    marks += [_inside(limit, extents) for limit in limits]
    met = _met(marks, [sorted(names) for names in named], variables)
    met *= math.prod(n for v, n in extents.items() if v not in variables)
    return (met * math.prod(shares), False) if shares else (met, True)


def _listed_share(access: TensorAccess, einsum: Einsum, nonzeros: Nonzeros) -> float:
    return len(nonzeros.coordinates[access.tensor]) / einsum.tensors[access.tensor].size_words


def _marks(access: TensorAccess, einsum: Einsum, extents: Mapping[str, int], points: Coordinates) -> Marks:
    """Whether the word that an access reads is listed, at each value of its rank variables (in alphabetical order)."""
    import numpy as np

    listed = np.zeros(einsum.tensors[access.tensor].shape, dtype=np.int64)
    if points:
        listed[tuple(np.array(points, dtype=np.int64).reshape(len(points), -1).T)] = 1
    variables = sorted(rank_variables(access))
    at = []
    inside: Any = True
    for index, extent in zip(access.indices, listed.shape, strict=True):
        coordinate = _along(index.affine(einsum.constants), variables, extents)
        inside = inside & (coordinate >= 0) & (coordinate < extent)
        at.append(np.clip(coordinate, 0, extent - 1))
    return np.broadcast_to(listed[tuple(at)] * inside, tuple(extents[v] for v in variables))


def _inside(limit: Limit, extents: Mapping[str, int]) -> Marks:
    """Whether a limit holds, at each value of its rank variables (in alphabetical order)."""
    import numpy as np

    variables = sorted(limit.index.rank_variables)
    coordinate = _along(limit.index, variables, extents)
    holds = ((coordinate >= 0) & (coordinate < limit.extent)).astype(np.int64)
    return np.broadcast_to(holds, tuple(extents[v] for v in variables))


def _along(index: Affine, variables: Sequence[str], extents: Mapping[str, int]) -> Any:
    """An index at each value of some rank variables, an axis each."""
    import numpy as np

    grid = dict(zip(variables, np.indices(tuple(extents[v] for v in variables), sparse=True), strict=True))
    return index.constant + sum(c * grid[v] for v, c in index.terms)


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
