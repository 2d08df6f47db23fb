"""Tiles that divide, where the lattice has no exact form: every mapping of a small mapspace is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import Certificate, MapperResult, MappingPoint, Status
from costmodel.mapper.uneven.archive import Archive
from costmodel.mapper.uneven.bound import Bound
from costmodel.mapper.uneven.enumeration import small
from costmodel.mapper.uneven.search import verdict
from costmodel.spec.objective import Objective

EFFORT_MOST_S = 12.0
"""CPU seconds that looking at every mapping may take, as foreseen."""
ROW_S = 2e-3
"""CPU seconds of one mapping in the batch model, where it has to tell tiles one by one."""
LONGEST_S = 30.0
"""Seconds after which looking ends where it takes longer than foreseen."""


def exhaust(
    allowed: Allowed,
    select: Callable[[Sequence[MappingPoint]], list[MappingPoint]],
    aim: Objective,
    why: str,
    least: Bound,
    *,
    deadline: float | None = None,
) -> MapperResult | None:
    """Return the best mapping (or the front) by looking at every one; null where there are too many, or time is up.

    ``select`` picks the answer to ``aim``; ``why`` says what the lattice lacks; nothing costs less than ``least``.
    ``deadline`` is on the clock of
    ``time.monotonic``.

    Raises InfeasibleError if nothing fits.
    """
    began = time.process_time()
    until = time.monotonic() + LONGEST_S
    archive = Archive(allowed, until if deadline is None else min(until, deadline), aim, time.monotonic)
    left_s = EFFORT_MOST_S if deadline is None else min(EFFORT_MOST_S, (deadline - time.monotonic()) / 4)
    complete = stopped = False
    whole = small(allowed, archive.in_time(least), divide=True, effort_most_s=left_s, row_s=ROW_S)
    if whole is None:
        return None
    try:
        complete = archive.enumerate(whole)
    except KeyboardInterrupt:
        if not archive.points:
            raise
        stopped = True
    if not archive.points:
        if not complete:
            return None
        raise archive.infeasible(None, whole)
    front = select(archive.points)
    status, gap = (Status.PROVEN, 0.0) if complete else verdict(front, least, aim)
    certificate = Certificate(
        status,
        f"enumeration (the lattice has no form: {why})",
        whole.size if complete else None,
        len(archive.known) + archive.in_arrays,
        tuple(sorted(archive.rejected.items())),
        time.process_time() - began,
        gap,
        interrupted=stopped,
        budget_spent=archive.late and not stopped,
    )
    return MapperResult(allowed.einsum.name, tuple(front), certificate)
