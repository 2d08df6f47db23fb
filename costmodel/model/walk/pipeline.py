"""Pipelined sequences, as a run has seen them: which iterations there were, round by round, and the tiles they need."""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from costmodel.model.evaluation import FILL_AND_DRAIN, OverlapRow
from costmodel.spec.mapping import Compute, Sequence, einsums_in

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.model.walk.state import Holder
    from costmodel.spec.mapping import Nest

Place = tuple[int, ...]
Busy = dict[str, Fraction]
"""Resource → cycles."""


class PipelineLog:
    """Where the loops in time stand at each iteration of every pipelined sequence."""

    def __init__(self) -> None:
        self.nodes: dict[Place, Sequence] = {}
        self.lives: dict[Place, Place] = {}
        self.now: dict[Place, tuple[int, str]] = {}
        """Loop in time → its position and rank variable."""
        self.runs: dict[Place, list[list[Dict[Place, tuple[int, str]]]]] = defaultdict(list)
        """Sequence → its runs → of each iteration, the loops above it in this run."""
        self.open: set[Place] = set()

    def iteration(self, place: Place, life: Place, node: Sequence) -> None:
        """Note that all stages are to be executed once."""
        self.nodes[place], self.lives[place] = node, life
        if place not in self.open:
            self.open.add(place)
            self.runs[place].append([])
        own = {p: at for p, at in self.now.items() if len(life) <= len(p) < len(place) and place[: len(p)] == p}
        self.runs[place][-1].append(own)

    def end_of_life(self, life: Place) -> None:
        """Note that runs of the sequences that stand in this branch are over."""
        self.open -= {place for place, own in self.lives.items() if own == life}

    def tiles_at_once(self, place: Place, holder: Holder) -> int:
        """Tiles of a storage node at ``place`` that the iterations in flight need."""
        found = [p for p, life in self.lives.items() if life == holder.life and p[: len(place)] == place]
        if not found:
            return 1
        runs, branches = self.runs[found[0]], self.nodes[found[0]].branches
        used = {v for accesses in holder.accesses.values() for a in accesses for v in a.rank_variables}
        turned = {p for run in runs for loops in run for p, (at, v) in loops.items() if at and v in used}
        deepest = max((len(p) for p in turned if len(p) < len(place)), default=-1)
        if deepest < 0:
            return 1
        touching = [at for at, branch in enumerate(branches) if set(einsums_in(branch)) & set(holder.accesses)]
        tiles = [
            [len(list(same)) for _, same in itertools.groupby(run, key=lambda loops: _until(loops, deepest))]
            for run in runs
        ]
        stays = min(min(lengths) for lengths in tiles)
        later = -(-(touching[-1] - touching[0]) // stays)
        return min(1 + later, max(len(lengths) for lengths in tiles))


def _until(loops: Dict[Place, tuple[int, str]], deepest: int) -> list[int]:
    return [at for p, (at, _) in sorted(loops.items()) if len(p) <= deepest]


def overlap_rows(nest: Nest, log: PipelineLog, busy: Dict[str, Busy]) -> tuple[OverlapRow, ...]:
    """Let the stages of every pipelined sequence work, round by round; ``busy``: Einsum → what it keeps busy."""
    rows: list[OverlapRow] = []
    _work(log, nest, (), busy, rows)
    return tuple(rows)


def _work(
    log: PipelineLog, nest: Nest, place: Place, busy: Dict[str, Busy], rows: list[OverlapRow]
) -> tuple[Fraction, Busy]:
    """The latency of a nest and what it keeps busy."""
    node, place = nest[-1], (*place, *(0,) * (len(nest) - 1))
    if isinstance(node, Compute):
        return max(busy[node.einsum].values(), default=Fraction(0)), busy[node.einsum]
    if not isinstance(node, Sequence):
        raise TypeError(f"{node} does not end a nest")
    works = [_work(log, branch, (*place, 0, n), busy, rows) for n, branch in enumerate(node.branches)]
    total: Busy = defaultdict(Fraction)
    for _, own in works:
        for resource, cycles in own.items():
            total[resource] += cycles
    if not node.pipelined:
        return sum((cycles for cycles, _ in works), Fraction(0)), total
    runs = [len(iterations) for iterations in log.runs[place]]
    latency = sum((_pipeline(works, n, sum(runs)) for n in runs), Fraction(0))
    names = einsums_in(nest)
    said = dict(total)
    for branch, (cycles, _) in zip(node.branches, works, strict=True):
        if isinstance(branch[-1], Sequence):
            said[f"stage {', '.join(einsums_in(branch))}"] = cycles
    said[FILL_AND_DRAIN] = latency - max(said.values())
    rows += [OverlapRow(names[0], names[-1], resource, float(cycles)) for resource, cycles in said.items()]
    return latency, total


def _pipeline(works: list[tuple[Fraction, Busy]], iterations: int, of: int) -> Fraction:
    """One run: each stage takes its next iteration as soon as the one before it is done with it, all together."""
    done, now = [0] * len(works), Fraction(0)
    while done[-1] < iterations:
        ready = [k for k, n in enumerate(done) if n < iterations and (not k or done[k - 1] > n)]
        asked: Busy = defaultdict(Fraction)
        for k in ready:
            for resource, cycles in works[k][1].items():
                asked[resource] += cycles / of
        now += max([*asked.values(), *(works[k][0] / of for k in ready)])
        for k in ready:
            done[k] += 1
    return now
