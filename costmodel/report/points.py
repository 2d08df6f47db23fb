"""A run at the other points of its front: their mappings are in its folder, so they are costed anew.

What is counted must be what the run says of the point. A folder of a version that counted otherwise is shown as it is:
its points cannot be chosen, and the page says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from costmodel.model.evaluate import combine, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.model.patience import PATIENCE
from costmodel.report.run import Run
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

SHOWN = 120
"""Points of the front of a whole workload that can be chosen on a page, evenly spread over it."""
COSTED = 400
"""Mappings that are costed for one page."""
PATIENT = 600
"""What the limits on counts that look at tiles one by one are divided by: one mapping takes 0.1 s at most."""


@dataclass(frozen=True)
class Points:
    """The points of the front of a workload, with what each of their mappings costs."""

    run: Run
    shown: tuple[int, ...]
    """Places of the points that can be chosen."""
    choices: tuple[tuple[int, ...], ...]
    """Of each of these: the place in the front of each search."""
    costs: dict[tuple[int, int], Evaluation]
    """(search, place in its front) → one execution, with how often it runs."""
    chosen: int | None
    """Place of the point that the run uses; null where it was thinned out of the front."""

    def at(self, place: int) -> Run:
        """The run, had it chosen the point at a place of ``choices``."""
        choices = self.choices[place]
        searches = tuple(replace(s, chosen=c) for s, c in zip(self.run.searches, choices, strict=True))
        return replace(
            self.run,
            evaluation=combine([self.costs[key] for key in enumerate(choices)]),
            mappings=tuple(s.front[c].mapping for s, c in zip(searches, choices, strict=True)),
            searches=searches,
        )


def points_of(run: Run) -> Points | str | None:
    """The points of a run; the reason where it has several and none can be chosen; null where it has no others."""
    if run.evaluation is None or len(run.network_front) < 2 or any(s.chosen is None for s in run.searches):
        return None
    own = tuple(s.chosen or 0 for s in run.searches)
    fronts = [point.choices for point in run.network_front]
    chosen = fronts.index(own) if own in fronts else None
    shown = thinned(len(fronts), chosen, SHOWN)
    wanted = dict.fromkeys(key for place in shown for key in enumerate(fronts[place]))
    if len(wanted) > COSTED:
        return f"its points use {len(wanted):,} mappings, and a page costs {COSTED}"
    before = PATIENCE.set(PATIENT)
    try:
        costs = {key: evaluate(run.workload, run.architecture, _mapping(run, key)) for key in wanted}
    except SpecError as error:
        return f"a mapping of it cannot be costed here: {error}".splitlines()[0]
    finally:
        PATIENCE.reset(before)
    points = Points(run, tuple(shown), tuple(fronts[place] for place in shown), costs, chosen)
    return next(_differences(points), points)


def _mapping(run: Run, key: tuple[int, int]) -> Mapping:
    return run.searches[key[0]].front[key[1]].mapping


def _differences(points: Points) -> Iterator[str]:
    """What a mapping costs and the run says otherwise: one reason to trust no choice."""
    for (search, place), counted in points.costs.items():
        stated = points.run.searches[search].front[place]
        once = combine([replace(counted, counts=dict.fromkeys(counted.counts, 1))])
        for name in ("energy_pj", "latency_cycles"):
            if not math.isclose(getattr(once, name), getattr(stated, name), rel_tol=1e-9, abs_tol=1e-9):
                whose = points.run.searches[search].einsum
                what = f"point {place + 1} of {whose} costs other than the run says"
                yield f"{what}: another version made it; run it again"


def thinned(count: int, keep: int | None, most: int) -> list[int]:
    """Places of at most ``most`` points, evenly spread, with the ends and one that is kept."""
    if count <= most:
        return list(range(count))
    places = {round(n * (count - 1) / (most - 1)) for n in range(most)}
    return sorted(places | ({keep} if keep is not None else set()))
