"""The search of the fused nests of a cascade: every group of neighbours, each against what is known without it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Mapping as MappingABC
from typing import NamedTuple

from costmodel.einsum.algebra import Workload
from costmodel.mapper.front import Floats
from costmodel.mapper.fused.cuts import fewest
from costmodel.mapper.fused.fusing import Fusing
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.fused.group import FusedGroup, hindrance, lacks_memory, lacks_room
from costmodel.mapper.fused.rounds import Rounds, Run, costs_of
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import Objective


class FusedQuery(NamedTuple):
    """What is asked of fused nests."""

    aim: Objective
    constraints: Sequence[str] = ()
    deadline: float | None = None
    widths: Sequence[int] | None = None
    """Labels of each stage, round by round; null: as many as the search takes."""
    soon: bool = False
    """Whether the search ends when it has good nests, with a bound, unless a proof takes little."""
    hear: Callable[[str], None] | None = None
    """Is told what is searched next."""
    every: bool = False
    """Whether all is to be fused that can be: the workload is cut into as few groups as can be, whatever is better."""


def fuse(
    workload: Workload,
    architecture: Architecture,
    asked: FusedQuery,
    alone: MappingABC[int, Floats],
    proven: Collection[int],
) -> Fusion:
    """Search all groups of a workload, those without windows before all, which take less time.

    ``alone`` has the costs of the front of each Einsum that was mapped by itself, by its place: a group counts where it
    is better than those; ``proven`` are the places where nothing is better. On Ctrl-C, or when time is up, what was
    found so far comes back.
    """
    began = time.process_time()
    fusing = Fusing(
        workload,
        architecture,
        asked.aim,
        asked.constraints,
        deadline=asked.deadline,
        every=asked.every,
        soon=asked.soon,
        hear=asked.hear,
    )
    found = Fusion({}, (), fusing.why)
    able = [g for g in fusing.groups if all(place in alone for place in range(*g.run))]
    costs = {(place, place + 1): front for place, front in alone.items()}
    try:
        if asked.every:
            _all(fusing, able, costs, proven, found)
        else:
            _search(Rounds(fusing, able, costs, proven, found, asked.widths), found)
    except OutOfTimeError:
        found.late = True
    except KeyboardInterrupt:
        found.interrupted = True
    if asked.every:
        _settle(fusing, able, found)
    elif not fusing.groups:
        found.hindrances = _hindrances(fusing)
    found.evaluated += fusing.labels
    found.cpu_s = time.process_time() - began
    return found


def _search(rounds: Rounds, found: Fusion) -> None:
    """Search groups, and note the bound of each, whatever ends the search."""
    try:
        rounds.run()
    finally:
        found.bounds = {g.run: rounds.bound(g) for g in rounds.groups}


def _all(
    fusing: Fusing,
    able: Sequence[FusedGroup],
    costs: dict[Run, Floats],
    proven: Collection[int],
    found: Fusion,
) -> None:
    """Search the groups of the cuts into as few pieces as can be, until each of these has a nest."""
    while True:
        pieces = fewest(len(fusing.workload.einsums), [g.run for g in able])
        mine = [g for g in able if g.run in pieces]
        costs |= {run: costs_of(points) for run, points in found.fronts.items()}
        known = {run: front for run, front in costs.items() if run in pieces}
        _search(Rounds(fusing, mine, known, proven, found), found)
        if all(g.run in found.fronts for g in mine):
            return
        able = [g for g in able if g not in mine or g.run in found.fronts]


def _settle(fusing: Fusing, able: Sequence[FusedGroup], found: Fusion) -> None:
    """Leave the cuts into as few pieces as the groups that were found allow, and say why neighbours are apart."""
    einsums = fusing.workload.einsums
    could = _inside(found.fronts)
    found.pieces = fewest(len(einsums), found.fronts)
    found.fronts = {run: front for run, front in found.fronts.items() if run in found.pieces}
    if found.late or found.interrupted:  # a group that time was not enough for may have a nest
        found.bounds = dict.fromkeys(found.bounds, 0.0)
    tried = _inside(g.run for g in able)
    between = []
    for at in sorted({stop for _, stop in found.pieces} - {len(einsums)}):
        if at in could:
            why = "no fewer groups would be left"
        elif at in tried and (found.late or found.interrupted):
            why = "there was no time to look"
        else:
            why = _why(fusing, at)
        between.append((einsums[at - 1].name, einsums[at].name, why))
    found.between = tuple(between)


def _hindrances(fusing: Fusing) -> tuple[tuple[str, int], ...]:
    """Say why no neighbours are a group, but for what hinders an Einsum by itself."""
    pairs = (_pair(fusing, at) for at in range(1, len(fusing.workload.einsums)))
    reasons = (_hindrance(fusing, pair) for pair in pairs if not any(e.name in fusing.why for e in pair.einsums))
    return tuple(Counter(why for why in reasons if why is not None).most_common())


def _pair(fusing: Fusing, at: int) -> FusedGroup:
    """Return an Einsum and the one before it."""
    return FusedGroup(fusing.workload, at - 1, fusing.workload.einsums[at - 1 : at + 1])


def _hindrance(fusing: Fusing, group: FusedGroup) -> str | None:
    return hindrance(group, fusing.counts) or lacks_memory(group, fusing.memories)


def _inside(groups: Iterable[Run]) -> set[int]:
    """Places of the Einsums that are in one group with the Einsum before them."""
    return {at for first, stop in groups for at in range(first + 1, stop)}


def _why(fusing: Fusing, at: int) -> str:
    """Say why an Einsum and the one before it cannot be fused."""
    pair = _pair(fusing, at)
    reasons = [f"{e.name}: {fusing.why[e.name]}" for e in pair.einsums if e.name in fusing.why]
    if not reasons and (why := _hindrance(fusing, pair)) is not None:
        return why
    if not pair.exchanged:
        return "neither uses what the other makes"
    reasons += [text for _, _, a in pair.exchanged for text in lacks_room(pair, a.tensor, fusing.memories)]
    return "; ".join(dict.fromkeys(reasons)) or "no nest of theirs was found that fits"
