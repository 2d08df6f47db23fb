"""Which point of a front is used, where the request names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from costmodel.spec.objective import objective_of

if TYPE_CHECKING:
    from costmodel.mapper.front import Floats
    from costmodel.spec.objective import Objective


def chosen_place(choose: str, aim: Objective, costs: Floats) -> int:
    """Place of the chosen point among ``costs``: one row per point, one column per cost as ``Costs`` has them.

    A number past the end means the last point.
    """
    if choose.isdecimal():
        return min(int(choose), len(costs)) - 1
    ties = aim.product.values(*costs.T)[0]
    if choose == "knee":
        return int(np.lexsort((ties, _distances(aim.values(*costs.T))))[0])
    return int(np.lexsort((ties, objective_of(choose).values(*costs.T)[0]))[0])


def _distances(values: Floats) -> Floats:
    """Distance of each point from the best of all objectives, where each runs from 0 (its best) to 1 (its worst)."""
    best, worst = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    distances: Floats = np.linalg.norm((values - best) / np.where(worst > best, worst - best, 1.0), axis=0)
    return distances
