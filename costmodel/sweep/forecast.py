"""What a sweep will take, before it begins: points, distinct searches, and the time of some of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.mapper.engines import search
from costmodel.mapper.result import InfeasibleError, MapperResult
from costmodel.spec.problems import SpecError
from costmodel.sweep.bench import Bench
from costmodel.sweep.conditions import set_aside
from costmodel.sweep.designs import asked, source_of
from costmodel.sweep.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Container

    from costmodel.mapper.cache import Cache, Inquiry
    from costmodel.spec.study import Study

SAMPLE = 8
"""Searches that are made for an estimate."""
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
    """Estimate of the time of all that are left, at most: an answer may settle others. Null where none was sampled."""
    longer: bool
    """Whether a sampled search was given up, so that it may take longer."""


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
    left = bench.left
    some = left[:: -(-len(left) // SAMPLE)] if left else []
    spent = [_timed(one, cache) for one in some]
    return Forecast(
        points=asked(study),
        known=done,
        broken=broken,
        searches=bench.distinct,
        answered=bench.found,
        sampled=len(some),
        cpu_s=sum(cpu_s for cpu_s, _ in spent) / len(spent) * len(left) if spent else None,
        longer=any(given_up for _, given_up in spent),
    )


def _timed(asked: Inquiry, cache: Cache | None) -> tuple[float, bool]:
    """Search for a while; return the time, and whether it was given up. A whole answer is kept."""
    started = time.process_time()
    answer: MapperResult | InfeasibleError
    try:
        answer = search(asked.einsum, asked.architecture, asked.request.asking(budget=LONGEST_S))
    except InfeasibleError as error:
        answer = error
    cpu_s = time.process_time() - started
    given_up = isinstance(answer, MapperResult) and answer.certificate.budget_spent
    if cache is not None and not given_up and asked.request.tiles != "multiples":
        cache.keep(asked, answer, None)
    return cpu_s, given_up
