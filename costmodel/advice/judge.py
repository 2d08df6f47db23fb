"""Advice from trials: what gains, ranked, and what tempts and gives nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from costmodel.advice.advice import SAME, Advice, Advised, rank
from costmodel.advice.because import because
from costmodel.advice.trials import Report, Trial, Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.advice.base import Base
    from costmodel.mapper.cache import Cache


def advise(
    base: Base,
    *,
    budget_s: float | None = None,
    jobs: int | None = None,
    cache: Cache | None = None,
    report: Report | None = None,
) -> Advised:
    """Find what would change a run, and what it gains.

    With ``budget_s`` (wall time) later changes may be left untried, and are named; no answer depends on how long its
    search had. Ctrl-C returns what is known. Raises SpecError where the run cannot be had again.
    """
    deadline = float("inf") if budget_s is None else time.monotonic() + budget_s
    trials = Trials(base, cache, deadline, report)
    trials.run(jobs)
    return judged(base, trials)


def judged(base: Base, trials: Trials) -> Advised:
    """Rank what was tried."""
    tried = _least(base, trials.tried)
    told = [(trial, _advice(base, trial)) for trial in tried]
    gains = [advice for trial, advice in told if _gains(base, advice)]
    gains.sort(key=lambda advice: -_rank(base, advice))
    nothing = [advice for trial, advice in told if not _gains(base, advice) and not trial.change.spares]
    return Advised(
        objective=base.objective,
        before=base.costs,
        proven=base.proven,
        gains=tuple(gains),
        nothing=tuple(nothing),
        untried=tuple(dict.fromkeys(change.title for change in trials.untried)),
        interrupted=trials.interrupted,
    )


def _least(base: Base, tried: Sequence[Trial]) -> list[Trial]:
    """Leave out changes of one thing that a smaller one does as well."""

    def value(trial: Trial) -> float:
        return float("inf") if trial.costs is None else trial.costs.value(base.objective)

    return [
        trial
        for trial in tried
        if not any(
            other.change.about == trial.change.about
            and other.change.amount < trial.change.amount
            and value(other) <= value(trial) * (1 + SAME)
            for other in tried
        )
    ]


def _advice(base: Base, trial: Trial) -> Advice:
    change = trial.change
    why = "no mapping is better: a bound says so before any search"
    if trial.evaluation is not None:
        why = because(base.evaluation, trial.evaluation)
    return Advice(
        change=change.title,
        why=why,
        settings=change.settings,
        options={
            key: ", ".join(value) if isinstance(value, tuple) else str(value) for key, value in change.options.items()
        },
        command=base.command(change),
        costs=trial.costs,
        proven=trial.proven,
    )


def _gains(base: Base, advice: Advice) -> bool:
    """Whether the objective gains, or area or energy where it stays as it is."""
    before, after = base.costs, advice.costs
    if after is None:
        return False
    gain = rank(base.objective, before, after)
    if abs(gain) > SAME:
        return gain > 0
    smaller = before.area_mm2 is not None and after.area_mm2 is not None and after.area_mm2 < before.area_mm2
    return smaller or after.energy_pj < before.energy_pj * (1 - SAME)


def _rank(base: Base, advice: Advice) -> float:
    return float("-inf") if advice.costs is None else rank(base.objective, base.costs, advice.costs)
