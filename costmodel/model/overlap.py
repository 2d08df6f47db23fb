"""The time of pipelined sequences: rounds, in which stages work on different iterations at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from costmodel.model.evaluation import FILL_AND_DRAIN, BusyRow, OverlapRow
from costmodel.model.iterations import iterations
from costmodel.model.nest import BoundNest, Path, Pipeline
from costmodel.spec.mapping import Compute, Nest
from costmodel.spec.mapping import Sequence as SequenceNode


@dataclass(frozen=True)
class BusyTime:
    """What an Einsum, or a sequence of them, keeps busy in the whole run of the nest. All numbers are exact cycles."""

    einsums: tuple[str, ...]
    cycles: Fraction
    """Its latency."""
    busy: Mapping[str, Fraction]
    """Resource (a compute unit, a port) → cycles."""
    stages: tuple[BusyTime, ...] = ()
    """Of a sequence: its branches."""

    @property
    def name(self) -> str:
        """The name of it as a resource of its own, where it is a stage."""
        return f"stage {', '.join(self.einsums)}"


def overlapped(nest: BoundNest, rows: Iterable[BusyRow]) -> tuple[list[OverlapRow], dict[str, float]]:
    """Return what each pipelined sequence takes, inner ones first, and how long each Einsum lasts.

    Einsums of a pipelined sequence share its latency out by what they would take alone.
    """
    busy: dict[str, dict[str, Fraction]] = {b.einsum.name: {} for b in nest.einsums}
    for row in rows:
        busy[row.einsum][row.resource] = Fraction(row.cycles)
    timing = _Timing(nest, busy)
    work = timing.work_of(nest.mapping.nest, ())
    return timing.rows, {name: float(cycles) for name, cycles in _lasting(work, Fraction(1))}


def pipeline_cycles(stages: Sequence[BusyTime], runs: Mapping[int, int]) -> Fraction:
    """Return the latency of all runs of a pipeline: iterations of a run → how many runs have so many.

    Every iteration takes its part of what the stages need for all of them.
    """
    total = sum(n * times for n, times in runs.items())
    cycles = Fraction(0)
    for n, times in runs.items():
        cycles += sum((times * often * _round(stages[a:b]) for a, b, often in _at_once(stages, n)), Fraction(0))
    return cycles / total


def _together(stages: Sequence[BusyTime]) -> dict[str, Fraction]:
    """Resource → cycles."""
    sums: dict[str, Fraction] = {}
    for stage in stages:
        for resource, cycles in stage.busy.items():
            sums[resource] = sums.get(resource, Fraction(0)) + cycles
    return sums


def _sums(stages: Sequence[BusyTime]) -> dict[str, Fraction]:
    """Resource → cycles; a stage that is a sequence is one of its own, for as long as it takes."""
    return _together(stages) | {stage.name: stage.cycles for stage in stages if stage.stages}


def _round(stages: Sequence[BusyTime]) -> Fraction:
    return max(_sums(stages).values(), default=Fraction(0))


def _at_once(stages: Sequence[BusyTime], n: int) -> Iterator[tuple[int, int, int]]:
    """Which stages work in the rounds of a run of ``n`` iterations (from, up to), and in how many rounds."""
    last, filling = len(stages), min(len(stages), n) - 1
    yield from ((0, k + 1, 1) for k in range(filling))
    if n >= last:
        yield 0, last, n - last + 1
    else:
        yield from ((k, k + n, 1) for k in range(last - n + 1))
    yield from ((last - filling + k, last, 1) for k in range(filling))


def _lasting(work: BusyTime, share: Fraction) -> Iterator[tuple[str, Fraction]]:
    if not work.stages:
        yield work.einsums[0], work.cycles * share
    alone = sum(stage.cycles for stage in work.stages)
    for stage in work.stages:
        yield from _lasting(stage, share * work.cycles / alone if alone else share)


class _Timing:
    """Goes up the sequences of a nest."""

    def __init__(self, nest: BoundNest, busy: Mapping[str, Mapping[str, Fraction]]) -> None:
        self.busy = busy
        self.pipelines = {pipeline.path: pipeline for pipeline in nest.pipelines}
        self.rows: list[OverlapRow] = []

    def work_of(self, nest: Nest, base: Path) -> BusyTime:
        node, path = nest[-1], (*base, len(nest) - 1)
        if isinstance(node, Compute):
            busy = self.busy[node.einsum]
            return BusyTime((node.einsum,), max(busy.values(), default=Fraction(0)), busy)
        if not isinstance(node, SequenceNode):
            raise TypeError(f"{node} does not end a nest")
        stages = tuple(self.work_of(branch, (*path, number)) for number, branch in enumerate(node.branches))
        cycles = sum((s.cycles for s in stages), Fraction(0))
        if path in self.pipelines:
            cycles = self.pipelined(self.pipelines[path], stages)
        return BusyTime(tuple(name for s in stages for name in s.einsums), cycles, _together(stages), stages)

    def pipelined(self, pipeline: Pipeline, stages: Sequence[BusyTime]) -> Fraction:
        cycles = pipeline_cycles(stages, iterations(pipeline.loops, pipeline.scope, pipeline.shape))
        first, last = stages[0].einsums[0], stages[-1].einsums[-1]
        sums = _sums(stages)
        sums[FILL_AND_DRAIN] = cycles - max(sums.values(), default=Fraction(0))
        self.rows += [OverlapRow(first, last, resource, float(part)) for resource, part in sums.items()]
        return cycles
