"""What a sweep will take, before it begins: points, distinct searches, and the time of some of them."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.mapper.result import MapperResult
from costmodel.mapper.tasks import StoppedError
from costmodel.spec.problems import SpecError
from costmodel.sweep.bench import Bench
from costmodel.sweep.conditions import set_aside
from costmodel.sweep.designs import asked, source_of
from costmodel.sweep.errand import answers_to
from costmodel.sweep.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from costmodel.mapper.cache import Cache, Inquiry
    from costmodel.spec.study import Study

SAMPLE = 24
"""Batches of searches that are made for an estimate: of each Einsum as many."""
LONGEST_S = 10.0
"""Time of one of them, after which it is given up."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of a sweep that has not begun."""

    points: int
    known: int
    """Points that an earlier run has done."""
    broken: int
    """Points whose values make no architecture, or that a condition sets aside."""
    searches: int | None
    """Distinct searches of the others; null where a sampler chooses points, or layers are not searched alone."""
    answered: int
    """Those whose answers are kept."""
    sampled: int
    """Searches that the estimate is from; their answers are kept too."""
    cpu_s: float | None
    """Estimate of the time of all that are left. Null where none was sampled."""
    longer: bool
    """Whether sampled searches were given up, so that it may take longer."""


def forecast(study: Study, known: Container[str], cache: Cache | None) -> Forecast:
    """Plan a sweep, and time some of its searches. ``known``: keys of designs whose points are done."""
    if study.sampler != "grid" or not study.layered:
        return Forecast(asked(study), 0, 0, None, 0, 0, None, longer=False)
    bench, resolver, source = Bench(cache), Resolver(study), source_of(study)
    done = broken = 0
    while (design := source.ask()) is not None:
        if design.key in known:
            done += 1
            continue
        try:
            plan = resolver.plan(design)
            if set_aside(study, design, plan.architecture) is not None:
                broken += 1
                continue
            for one in plan.asked:
                bench.need(one)
        except SpecError:
            broken += 1
    kinds = bench.batches
    each = max(1, SAMPLE // max(1, len(kinds)))
    trial = Bench(cache if study.tiles != "multiples" else None)  # a proof about those holds for the time that it had
    found = [_of_kind(batches, each, trial) for batches in kinds.values()]
    return Forecast(
        points=asked(study),
        known=done,
        broken=broken,
        searches=bench.distinct,
        answered=bench.found,
        sampled=sum(kind.sampled for kind in found),
        cpu_s=sum(kind.cpu_s for kind in found) if found else None,
        longer=any(kind.longer for kind in found),
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """Searches of one Einsum, some of which were made."""

    sampled: int
    cpu_s: float
    """Estimate of the time of all."""
    longer: bool


def _of_kind(batches: Sequence[Sequence[Inquiry]], most: int, bench: Bench) -> _Kind:
    """Make some batches of searches of one Einsum, drawn at random."""
    some = random.Random(0).sample(batches, min(most, len(batches)))  # noqa: S311  no secret depends on it
    spent = [_timed(one, bench) for one in some]
    made, every = (sum(map(len, listed)) for listed in (some, batches))
    return _Kind(made, sum(cpu_s for cpu_s, _ in spent) / made * every, any(given_up for _, given_up in spent))


def _timed(batch: Sequence[Inquiry], bench: Bench) -> tuple[float, bool]:
    """Make searches as a sweep does, for a while; return the time, and whether one was given up."""
    for one in batch:
        bench.need(one)
    started = time.process_time()
    late = False
    while (task := bench.next_task()) is not None:
        (errand,) = task.arguments
        answers = answers_to(errand.within(LONGEST_S))
        cut_short = [
            key for key, one in answers.items() if isinstance(one, MapperResult) and one.certificate.budget_spent
        ]
        late |= bool(cut_short)
        bench.keep(task.key, answers | dict.fromkeys(cut_short, StoppedError()))
    return time.process_time() - started, late
