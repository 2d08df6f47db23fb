"""Joining the journals of shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from costmodel.sweep.bench import Bench
from costmodel.sweep.designs import source_of
from costmodel.sweep.execute import SweepResult

if TYPE_CHECKING:
    from costmodel.spec.study import Study
    from costmodel.sweep.journal import Content, Journal


def merged(study: Study, journal: Journal, others: Sequence[Content]) -> SweepResult:
    """Append to a journal the points of a study that other ones hold and it does not; return all that are known.

    The points of a grid are in its order, others as they finished.
    """
    known = journal.outcomes
    resumed = len(known)
    for content in others:
        for point in content.of(journal.question):
            outcome = content.outcome(point)
            if outcome is not None and outcome.design.key not in known:
                journal.append(outcome)
                known[outcome.design.key] = outcome
    if study.sampler == "grid":
        source = source_of(study)
        places = {design.key: place for place, design in enumerate(iter(source.ask, None))}
        known = {key: known[key] for key in sorted((k for k in known if k in places), key=places.__getitem__)}
    return SweepResult(tuple(known.values()), resumed, interrupted=False, lost=(), searches=Bench(None))
