"""What one nest costs, in the terms of papers on attention."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from costmodel.api import evaluate
from costmodel.api.inputs import Arch, Settings, Work


class NestCost(NamedTuple):
    """What one nest costs."""

    traffic_bytes: int
    """Across the boundary of the outermost memory."""
    latency_s: float
    energy_pj: float
    room_bits: int
    """In all memories but the outermost."""

    @property
    def energy_j(self) -> float:
        return self.energy_pj * 1e-12


def nest_cost(
    arch: Arch, workload: Work, nest: Sequence[object], word_bits: int, settings: Settings | None = None
) -> NestCost:
    """Cost a nest all of whose tensors have words of so many bits."""
    content: dict[str, Any] = {"nest": nest}
    with warnings.catch_warnings(action="ignore"):  # of Einsums that the nest leaves out
        found = evaluate(arch, workload, mapping=content, set=settings)
    outermost = found.architecture.memories[0].name
    crossing = found.traffic.query(f"level == '{outermost}' and flow in ('read', 'update')")["words"].sum()
    return NestCost(int(crossing) * word_bits // 8, found.latency_s, found.energy_pj, found.capacity_bits)
