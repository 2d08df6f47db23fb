"""Tiles that need not divide: the whole mapspace where it is small, else climbing with a bound on what is left.

A small mapspace is enumerated with the batch model (``enumeration.py``), so its best mapping is proven. In a large one
the climb (``climb.py``) starts from the best mappings with perfect factors and of multiples, and from those of the
Einsum with rank variables padded to a size with more divisors. Each step takes the best of all changes of one tile, or
of two at once, or of the order of two nodes. What it finds is held against ``bound.py``.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint, Status, held_against
from costmodel.mapper.uneven.archive import Archive
from costmodel.mapper.uneven.bound import Bound, lower_bound
from costmodel.mapper.uneven.climb import SPREADS_CLIMBED, STEPS, climb, climb_towards, score_of
from costmodel.mapper.uneven.enumeration import EFFORT_MOST_S, Whole, small
from costmodel.mapper.uneven.padding import fitted, padded, paddings
from costmodel.spec.objective import Objective, objective_of

CLIMBED_MOST = 400_000
"""Mappings that climbing may cost."""
CLIMBED_S = 30.0
"""CPU seconds that padding may take where no budget is stated, and that climbing may."""
SHORT_S = 1.0
"""Less time than this computes no bound that takes long."""
PROVEN = 1e-8
"""A gap that rounding explains."""


def improve(
    allowed: Allowed,
    perfect: Callable[[Einsum], MapperResult],
    multiples: Callable[[Einsum], MapperResult],
    select: Callable[[Sequence[MappingPoint]], list[MappingPoint]],
    aim: Objective,
    *,
    deadline: float | None = None,
) -> MapperResult:
    """Return the best mapping (or the front) over all tiles, at least as good as that with perfect factors.

    ``perfect`` answers with perfect factors, ``multiples`` with those, ``select`` picks the answer to ``aim``.
    ``deadline`` is on the clock of ``time.monotonic``.

    Raises InfeasibleError if nothing that was tried fits.
    """
    began = time.process_time()
    einsum = allowed.einsum
    # what no budget ends goes by CPU time, so that the answer does not depend on how busy the machine is
    archive = Archive(allowed, deadline, aim, time.process_time if deadline is None else time.monotonic)
    short = deadline is not None and deadline - time.monotonic() < SHORT_S
    least = lower_bound(allowed, at_once=short)
    failure: InfeasibleError | None = None
    start: MapperResult | None = None
    whole: Whole | None = None
    complete = climbed = stopped = False
    try:
        try:
            start = perfect(einsum)
        except InfeasibleError as error:
            failure = error
        else:
            archive.take(start)
        whole = _small(archive, least)
        if whole is None and not archive.late:
            climbed = True
            _climb(archive, perfect, multiples)
            if archive.points and verdict(archive.points, least, aim)[0] is not Status.PROVEN:
                whole = _small(archive, least)
        if whole is not None:
            complete = archive.enumerate(whole)
            if not complete and not climbed:
                climbed = True
                _climb(archive, perfect, multiples)
    except KeyboardInterrupt:
        stopped = True
    if not archive.points:
        if stopped:
            raise KeyboardInterrupt
        raise archive.infeasible(failure, whole if complete else None)
    front = select(archive.points)
    status, gap = verdict(front, least, aim)
    if complete:
        status, gap = Status.PROVEN, 0.0
    how = [*(["climbing over all tiles"] if climbed else []), *(["enumeration of all tiles"] if complete else [])]
    before = "exact" if start is None else start.certificate.method
    evaluated = len(archive.known) + archive.in_arrays + (start.certificate.evaluated if start is not None else 0)
    joined: Counter[str] = Counter()
    for rule, count in (*(start.certificate.pruned if start is not None else ()), *sorted(archive.rejected.items())):
        joined[rule] += count
    certificate = Certificate(
        status,
        " + ".join([before, *how]),
        whole.size if complete and whole is not None else None,
        evaluated,
        tuple(joined.items()),
        time.process_time() - began,
        gap,
        interrupted=stopped,
        budget_spent=archive.late,
    )
    return MapperResult(einsum.name, tuple(front), certificate)


def _small(archive: Archive, least: Bound) -> Whole | None:
    """Return the whole mapspace where it is small enough for the time that is left."""
    if archive.deadline is None:
        return small(archive.allowed, archive.in_time(least))
    left_s = archive.deadline - archive.clock()
    if left_s <= 0:
        return None
    return small(archive.allowed, archive.in_time(least), effort_most_s=min(EFFORT_MOST_S, left_s))


def _climb(
    archive: Archive, perfect: Callable[[Einsum], MapperResult], multiples: Callable[[Einsum], MapperResult]
) -> None:
    """Climb from all starts there are, until the time is up."""
    before = archive.deadline
    with contextlib.suppress(InfeasibleError):
        archive.take(multiples(archive.einsum))
    if before is None:
        archive.deadline = time.process_time() + CLIMBED_S
    _pad(archive, perfect)
    if before is None:
        archive.deadline = time.process_time() + CLIMBED_S
    # a climb towards one objective passes by good mappings for another
    aim, others = archive.aim, objective_of("energy,latency").each
    wanted = list({goal.powers: goal for goal in (aim.product, *aim.each, *others)}.values())
    share = CLIMBED_MOST // ((4 + SPREADS_CLIMBED) * len(wanted) + 1)
    for goal in wanted:
        if archive.points and not archive.late:
            climb_towards(archive, goal, share)
    if archive.points and not archive.late:
        best = min(archive.points, key=score_of(wanted[0]))
        climb(archive, best.mapping, wanted[0], share, steps=STEPS)
    archive.deadline = before


def _pad(archive: Archive, perfect: Callable[[Einsum], MapperResult]) -> None:
    """Cost the best mappings of padded Einsums. Raises KeyboardInterrupt again if that ended a search."""
    for chosen in paddings(archive.einsum):
        if archive.late:
            return
        try:
            found = perfect(padded(archive.einsum, chosen))
        except InfeasibleError:
            continue
        for point in found.front:
            archive.cost(fitted(point.mapping, archive.einsum))
        if found.certificate.interrupted:
            raise KeyboardInterrupt


def verdict(front: Sequence[MappingPoint], least: Bound, aim: Objective) -> tuple[Status, float | None]:
    """Say how far the answer is from the optimum of the first objective at most.

    A front is proven where one point meets the bounds of all objectives: nothing else is on it.
    """
    bounds = aim.of(least)
    points = [aim.of(point) for point in front]
    if any(all(v <= b * (1 + PROVEN) for v, b in zip(values, bounds, strict=True)) for values in points):
        return Status.PROVEN, 0.0
    return held_against(min(first for first, *_ in points), bounds[0], front=aim.front, rounding=PROVEN)
