"""What a branch is held against: it pays its part of what is shared, and the others of its group at least theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from costmodel.mapper.front import TIE, Floats, Incumbents
from costmodel.spec.objective import COSTS, Objective


class Least(NamedTuple):
    """What an Einsum pays at least, in one of its groups: its branch, and its part of what is shared."""

    energy: float
    """pJ, with leakage."""
    latency: float
    first: float
    """Of the first objective."""


class Company(Incumbents):
    """The incumbents of a group as they are for the branches of one of its Einsums.

    A branch is beaten if the group is, with the least of the others, or if the run of Einsums around the group is, with
    the least of the rest of it.
    """

    def __init__(
        self, aim: Objective, group: Incumbents, around: Incumbents, others: Sequence[Least], rest: Least
    ) -> None:
        super().__init__(aim)
        self.group, self.around, self.rest = group, around, rest
        self.items = [*group.items, *around.items]
        self.energy = sum(one.energy for one in others)
        self.latency = sum(one.latency for one in others)

    def limit(self) -> float:
        at = COSTS.index(self.aim.costs[0])
        own = (self.energy, self.latency)[at]
        held = ((self.group, own), (self.around, own + self.rest[at]))
        least = [(known.costs[at].min(initial=np.inf) * (1 - TIE), others) for known, others in held]
        # where the others have nothing that fits, no branch is of use, whatever is known
        return float(min(known - others if others < np.inf else -np.inf for known, others in least))

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> Any:
        energy, latency = energy + self.energy, latency + self.latency
        found = self.group.beaten(energy, latency, capacity)
        return found | self.around.beaten(energy + self.rest.energy, latency + self.rest.latency, capacity)
