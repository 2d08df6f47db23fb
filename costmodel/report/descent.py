"""How searches that sample came to their answers, held against what is the least that is possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costmodel.mapper.result import ROUNDING, Improvement, Status
from costmodel.spec.objective import objective_of

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.report.run import Run


@dataclass(frozen=True, slots=True)
class Descent:
    """The best so far of one search, in its first objective."""

    name: str
    """Of the Einsum, or of the first of those that share the search."""
    alike: int
    """How many others share it."""
    objective: str
    steps: tuple[tuple[Improvement, float], ...]
    """Each mapping that was better than all before it, and what it is of ``least``: 1 where no mapping is better."""
    costed: int
    """Different mappings in all."""
    least: float
    """What no mapping undercuts; where that is not known, the best that was found."""
    bounded: bool
    """Whether no mapping undercuts it."""
    proven: bool
    """Whether one attains it."""

    @property
    def last(self) -> float:
        """What the answer is of ``least``; 1 where it is equal but for rounding."""
        return self.steps[-1][1] if self.steps[-1][1] > 1 + ROUNDING else 1.0


def descents(run: Run) -> list[Descent]:
    """Return the descents of a run, farthest from the least first; of Einsums that share a search one."""
    shared: dict[object, list[Descent]] = {}
    for found in _all(run):
        shared.setdefault((found.steps, found.costed, found.bounded), []).append(found)
    return farthest_first(replace(same[0], alike=len(same) - 1) for same in shared.values())


def farthest_first(found: Iterable[Descent]) -> list[Descent]:
    """Sort by how far the answer is from the least that is known; those for which nothing is known come last."""
    return sorted(found, key=lambda one: (not one.bounded, -one.last))


def _all(run: Run) -> Iterator[Descent]:
    aim = objective_of(str(run.provenance.settings.get("objective", "edp"))).each[0]
    for search in run.searches:
        gap = search.certificate.gap
        best = min(aim.of(point)[0] for point in search.front)
        least = best if gap is None else best / (1 + gap)
        if not search.improvements or not least:  # of a cost of nothing there are no multiples
            continue
        steps: list[tuple[Improvement, float]] = []
        for one in search.improvements:
            times = max(aim.of(one)[0] / least, 1.0)
            if not steps or times < steps[-1][1]:
                steps.append((one, times))
        proven = search.certificate.status == Status.PROVEN or gap == 0
        costed = max(search.certificate.evaluated, steps[-1][0].trial)
        yield Descent(search.einsum, 0, str(aim), tuple(steps), costed, least, gap is not None, proven)


def descent_table(found: list[Descent], *, room: bool) -> pd.DataFrame:
    """Return a row for each step: einsum, trial, by, times, energy_pj, latency_cycles; with ``room`` capacity_bits."""
    import pandas as pd

    table = pd.DataFrame(
        [
            {
                "einsum": one.name,
                "trial": step.trial,
                "by": step.by,
                "times": times,
                "energy_pj": step.energy_pj,
                "latency_cycles": step.latency_cycles,
                "capacity_bits": step.capacity_bits,
            }
            for one in found
            for step, times in one.steps
        ]
    )
    return table if room else table.drop(columns="capacity_bits")
