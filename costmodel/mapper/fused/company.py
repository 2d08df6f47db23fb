"""What a branch is held against: it pays its part of what is shared, and the others of its group at least theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from costmodel.mapper.front import Floats, Incumbents
from costmodel.spec.objective import Objective


class Least(NamedTuple):
    """What an Einsum pays at least, in any of its groups or by itself: its branch, and its part of what is shared."""

    energy: float
    """pJ, with leakage."""
    latency: float
    first: float
    """Of the first objective."""


class Company(Incumbents):
    """The incumbents of every group that an Einsum may be in, as they are for its branches.

    A branch is beaten if it is in every group, together with the least of the others.
    """

    def __init__(self, aim: Objective, groups: Iterable[tuple[Incumbents, Sequence[Least]]]) -> None:
        """``groups``: what is known of each, and the least of the others."""
        super().__init__(aim)
        self.items = [None]
        self.groups = [
            (known, sum(one.energy for one in others), sum(one.latency for one in others)) for known, others in groups
        ]

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> Any:
        found = np.ones(energy.shape, dtype=bool)
        for known, more_energy, more_latency in self.groups:
            rows = found.nonzero()
            found[rows] = known.beaten(energy[rows] + more_energy, latency[rows] + more_latency, capacity[rows])
        return found
