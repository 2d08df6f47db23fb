"""What the search needs to know about each tensor: which rank variables move its tiles, and how.

A tile is what a box of points touches. Where different points of the box touch different words, tiles are *plain*: a
product of extents, disjoint when they move. A rank where they may meet is a *window*: an index that is a sum
(``p + r``), or one that several accesses shift by constants (``X[m] * X[m+1]``: one tile holds what both touch).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.mapper.lattice import edges, windows
from costmodel.mapper.lattice.edges import Edge
from costmodel.mapper.lattice.windows import Term
from costmodel.model.motion import touched_words


class UnsupportedError(Exception):
    """The lattice has no exact form for this Einsum or architecture; another method has to search."""


@dataclass(frozen=True)
class Window:
    """One rank whose index is a sum of rank variables with overlaps (or with holes that are fetched), or is padded."""

    rank_variables: tuple[int, ...]
    coefficients: tuple[int, ...]
    edge: Edge | None = None
    """Where it is inside; null where it never leaves its tensor."""
    shifts: tuple[Term, ...] = ()
    """(step, count) of the constants by which the accesses to the tensor differ: they are all sums of these."""


@dataclass(frozen=True)
class TensorPlan:
    """What the search needs to know about one tensor."""

    name: str
    plain: tuple[int, ...]
    """Rank variables whose tiles never overlap."""
    windows: tuple[Window, ...]
    relevant: npt.NDArray[np.bool_]
    idle: npt.NDArray[np.bool_]
    """Rank variables whose loops bring its tiles again: they do not index it, and it is asked for at all of them."""
    output: bool
    words: float
    """Distinct words of its tiles together."""
    used: float
    """Those that operations update, or ask for: fewer where points are outside (padding)."""
    asked: float
    """Words of it that are asked for, at all points: fewer than those where some are outside, or its term is not
    reduced; more where several accesses ask."""
    updated: float
    """Points at which a word of it is updated."""

    @property
    def windowed(self) -> tuple[int, ...]:
        return tuple(v for w in self.windows for v in w.rank_variables)

    @property
    def padded(self) -> bool:
        """Whether some tile ends at the edge of the tensor."""
        return any(w.edge is not None for w in self.windows)


def tensor_plan(einsum: Einsum, name: str, names: tuple[str, ...], *, boxed: bool) -> TensorPlan:
    """Return the plan of a tensor; ``boxed``: some memory fetches holes.

    Raises UnsupportedError where the lattice has no form of it.
    """
    accesses = tuple(dict.fromkeys(einsum.accesses_of(name)))
    access = accesses[0]
    shifts = _shifts(einsum, name, accesses)
    free = _free(einsum, access, shifts, boxed=boxed)
    leaving = {limit.index: limit.extent for limit in einsum.leaves(access)}
    plain = [names.index(v) for own in free if own is not None for v in own]
    found: list[Window] = []
    for index, own, along in zip(access.indices, free, shifts, strict=True):
        if own is None:
            left = _left(index, free)
            edge = Edge(index.constant, leaving[index]) if index in leaving else None
            found.append(Window(tuple(names.index(v) for v, _ in left), tuple(c for _, c in left), edge, along))
    ends = {limit.index.rank_variables for limit in einsum.limits if limit.index not in leaving}
    if any((names[v],) in ends for w in found for v in w.rank_variables):
        msg = f"{name} has a window over a rank variable along which another tensor ends"
        raise UnsupportedError(msg)
    if found and access.at_zero:
        msg = f"{name} has a window and is asked for at some points only"
        raise UnsupportedError(msg)
    output = einsum.output.tensor == name
    if output:
        _check_output(einsum, windowed=bool(found), boxed=boxed)
    relevant = np.array([v in access.rank_variables for v in names])
    idle = np.array([v not in access.rank_variables and v not in access.at_zero for v in names])
    asked = sum(einsum.points_of(a) for a in set(einsum.inputs) if a.tensor == name)
    size = math.prod(einsum.shape[names[v]] for v in plain)
    for w in found:
        whole = tuple(einsum.shape[names[v]] for v in w.rank_variables)
        terms = tuple(zip(w.coefficients, whole, strict=True))
        size *= windows.words((*terms, *w.shifts), False) if w.edge is None else edges.largest(w.edge, terms, whole)
    used = touched_words(einsum, name) if einsum.limits else size
    updated = einsum.points_of(einsum.output) if output else 0
    return TensorPlan(
        name,
        tuple(plain),
        tuple(found),
        relevant,
        idle,
        output,
        words=float(size),
        used=float(used),
        asked=float(asked),
        updated=float(updated),
    )


def _check_output(einsum: Einsum, *, windowed: bool, boxed: bool) -> None:
    """Refuse an output of which the order of loops says what is there, or the edge of another tensor."""
    name = einsum.output.tensor
    read = any(a.tensor == name for a in einsum.inputs)
    if windowed and boxed:
        msg = f"the output {name} has a window, and boxes of it are fetched"
        raise UnsupportedError(msg)
    if einsum.limits and (windowed or read):
        msg = f"the output {name} is {'read' if read else 'indexed by a window'} where another tensor is padded"
        raise UnsupportedError(msg)


def _shifts(einsum: Einsum, name: str, accesses: Sequence[Access]) -> list[tuple[Term, ...]]:
    """Return, for each rank, the constants by which accesses differ, as sums of progressions."""
    first, several = accesses[0], f"{name} is accessed in {len(accesses)} ways"
    ranks = range(len(first.indices))
    if len(accesses) == 1:
        return [() for _ in ranks]
    alike = all(
        a.at_zero == first.at_zero and [i.terms for i in a.indices] == [i.terms for i in first.indices]
        for a in accesses
    )
    if not alike or einsum.limits or any(i.table for a in accesses for i in a.indices):
        msg = f"{several} that differ by more than constants"
        raise UnsupportedError(msg)
    along = [frozenset(a.indices[k].constant - first.indices[k].constant for a in accesses) for k in ranks]
    found = [_progressions(sorted(offsets)) for offsets in along]
    if math.prod(map(len, along)) != len(accesses) or any(f is None for f in found):
        msg = f"{several}, which do not touch a sum of progressions"
        raise UnsupportedError(msg)
    return [f or () for f in found]


def _progressions(offsets: Sequence[int]) -> tuple[Term, ...] | None:
    """Write sorted numbers as all sums of progressions (step, count); null where that cannot be.

    >>> _progressions([0, 1, 4, 5]), _progressions([-1, 0, 1]), _progressions([0, 1, 3])
    (((1, 2), (4, 2)), ((1, 3),), None)
    """
    if len(offsets) == 1:
        return ()
    step = offsets[1] - offsets[0]
    for count in range(len(offsets), 1, -1):
        left, starts = set(offsets), []
        while left:
            start = min(left)
            run = {start + step * i for i in range(count)}
            if not run <= left:
                break
            left -= run
            starts.append(start)
        if not left and (more := _progressions(starts)) is not None:
            return ((step, count), *more)
    return None


def _free(
    einsum: Einsum, access: Access, shifts: Sequence[tuple[Term, ...]], *, boxed: bool
) -> list[tuple[str, ...] | None]:
    """Return, for each rank, the rank variables that it tells apart by itself; null for a window.

    Those that another rank tells apart already are left out: ``A[i, i]`` has a word for each i.
    """
    leaving = {limit.index for limit in einsum.leaves(access)}
    found: list[tuple[str, ...] | None] = [None for _ in access.indices]
    told: set[str] = set()
    for _ in access.indices:
        for k, index in enumerate(access.indices):
            left = [(v, c) for v, c in index.terms if v not in told]
            if index.table and (boxed or index.repeats):
                msg = f"words of {access.tensor} are looked up, and lie apart or are the same"
                raise UnsupportedError(msg)
            plain = index not in leaving and not shifts[k] and not (boxed and _holes(index, einsum))
            if found[k] is None and plain and _injective(left, einsum):
                found[k] = tuple(v for v, _ in left)
                told |= set(index.rank_variables)
    _check_twice(access, shifts, found, boxed=boxed, padded=bool(leaving))
    return found


def _check_twice(
    access: Access,
    shifts: Sequence[tuple[Term, ...]],
    free: Sequence[tuple[str, ...] | None],
    *,
    boxed: bool,
    padded: bool,
) -> None:
    """Refuse ranks that move together, where tiles are no product of what each rank says."""
    name = access.tensor
    ranks = Counter(v for index in access.indices for v in index.rank_variables)
    if (boxed or padded) and (twice := [v for v, n in ranks.items() if n > 1]):
        msg = f"{name} is indexed twice by {', '.join(twice)}, and " + ("boxes are fetched" if boxed else "padded")
        raise UnsupportedError(msg)
    windowed = [index for index, own in zip(access.indices, free, strict=True) if own is None]
    times = Counter(v for index in windowed for v, _ in _left(index, free))
    if meeting := [v for v, n in times.items() if n > 1]:
        msg = f"{name} has several windows over {', '.join(meeting)}"
        raise UnsupportedError(msg)
    for index, along in zip(access.indices, shifts, strict=True):
        if along and (not index.terms or len(_left(index, free)) < len(index.terms)):
            msg = f"{name} is read in several places that no rank variable of their own leads to"
            raise UnsupportedError(msg)


def _left(index: Affine, free: Sequence[tuple[str, ...] | None]) -> list[tuple[str, int]]:
    """Return the terms of an index whose rank variables no rank tells apart by itself."""
    told = {v for own in free for v in own or ()}
    return [(v, c) for v, c in index.terms if v not in told]


def _injective(terms: Sequence[tuple[str, int]], einsum: Einsum) -> bool:
    """Whether different values of the rank variables always give different coordinates."""
    span = 0
    for coefficient, v in sorted((abs(c), v) for v, c in terms):
        if einsum.shape[v] == 1:
            continue
        if coefficient <= span:
            return False
        span += coefficient * (einsum.shape[v] - 1)
    return True


def _holes(index: Affine, einsum: Einsum) -> bool:
    """Whether some tile along an index may have holes."""
    used = [(v, c) for v, c in index.terms if einsum.shape[v] > 1]
    return bool(used) and (len(used) > 1 or abs(used[0][1]) > 1)
