"""Operations and storage as functions of one rank: what grows with its square, and what with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costmodel.describe.cascade import role_totals
from costmodel.describe.facts import operations
from costmodel.einsum.algebra import Workload


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """One amount, at each extent of the rank."""

    what: str
    """``operations`` or ``words``."""
    of: str
    """An Einsum, or a role; ``all`` for their sum."""
    amounts: tuple[int, ...]
    doubling: float | None
    """How many times as much there is when the extent doubles, by the last two extents; null where there is one."""


@dataclass(frozen=True, slots=True)
class RankGrowth:
    """A workload at several extents of one rank."""

    rank: str
    extents: tuple[int, ...]
    rows: tuple[GrowthRow, ...]

    @property
    def is_constant(self) -> bool:
        """Whether several extents make no difference."""
        return len(set(self.extents)) > 1 and all(len(set(row.amounts)) == 1 for row in self.rows)


def growth(rank: str, extents: Sequence[int], load: Callable[[int], Workload]) -> RankGrowth:
    """Tabulate a workload; ``load`` gives it at one extent of the rank."""
    at = [load(extent) for extent in extents]
    rows: list[GrowthRow] = []

    def add(what: str, of: str, amounts: Sequence[int]) -> None:
        rows.append(GrowthRow(what, of, tuple(amounts), doubling(extents, amounts)))

    for place, einsum in enumerate(at[0].einsums):
        add("operations", einsum.name, [_operations(workload, place) for workload in at])
    add("operations", "all", [sum(_operations(w, place) for place in range(len(w.einsums))) for w in at])
    totals = [{total.role: total.words for total in role_totals(workload)} for workload in at]
    for role in totals[0]:
        add("words", role.value, [total.get(role, 0) for total in totals])
    add("words", "all", [sum(total.values()) for total in totals])
    return RankGrowth(rank, tuple(extents), tuple(rows))


def doubling(extents: Sequence[int], amounts: Sequence[int]) -> float | None:
    """The factor by which an amount grows when the extent doubles, as the last two say.

    >>> doubling([128, 256, 1024], [3, 5, 80])
    4.0
    """
    if len(extents) < 2 or extents[-1] == extents[-2] or not min(amounts[-2:]):
        return None
    return 2 ** (math.log(amounts[-1] / amounts[-2]) / math.log(extents[-1] / extents[-2]))


def _operations(workload: Workload, place: int) -> int:
    einsum = workload.einsums[place]
    return sum(operations(einsum).values()) * einsum.count
