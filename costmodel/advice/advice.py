"""What advice is: a change, what it costs then, and what is known about that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costmodel.model.actions import area_mm2
from costmodel.spec.objective import objective_of

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.hardware import Architecture

SAME = 1e-9
"""Relative difference of two costs that rounding explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceCosts:
    """What a run costs, before a change or after it."""

    energy_pj: float
    latency_cycles: float
    capacity_bits: int
    clock_hz: float
    area_mm2: float | None = None
    """Null where no level states one."""

    @property
    def latency_s(self) -> float:
        return self.latency_cycles / self.clock_hz

    @property
    def edp(self) -> float:
        """Energy (pJ) × latency (s): of designs with other clocks, cycles are no measure."""
        return self.energy_pj * self.latency_s

    def value(self, objective: str) -> float:
        """The value of an objective, with latency in seconds."""
        return objective_of(objective).of_one(self.energy_pj, self.latency_s, self.capacity_bits)[0]


def costs_after(evaluation: Evaluation, architecture: Architecture) -> AdviceCosts:
    """Take what advice is about from an evaluation."""
    return AdviceCosts(
        energy_pj=evaluation.energy_pj,
        latency_cycles=evaluation.latency_cycles,
        capacity_bits=evaluation.capacity_bits,
        clock_hz=evaluation.clock_hz,
        area_mm2=area_mm2(architecture)[0],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One change that was tried."""

    change: str
    """What is changed, in words: ``GLB 32 KiB → 64 KiB``."""
    why: str
    """What it does, in a line; where it gives nothing, why it does not."""
    settings: tuple[str, ...] = ()
    """As ``--set`` takes them."""
    options: dict[str, str] = field(default_factory=dict)
    """Keys of the request that it changes, as text."""
    command: str = ""
    """What gives these costs when it is typed."""
    costs: AdviceCosts | None = None
    """Null where a bound says that nothing is gained, without a search."""
    proven: bool = False
    """Whether the costs after the change are proven to be the best, or, without costs, that nothing is gained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """All that is known about what would change a run."""

    objective: str
    """By which gains are ranked: that of the run, or the product of those that span its front."""
    before: AdviceCosts
    proven: bool
    """Whether the costs before are proven to be the best."""
    gains: tuple[Advice, ...]
    """What gains something, the best first."""
    nothing: tuple[Advice, ...]
    """What gains nothing, the most tempting first."""
    untried: tuple[str, ...] = ()
    """Changes whose search was not at its end when time ran out or Ctrl-C came."""
    interrupted: bool = False

    def gain(self, advice: Advice, measure: str = "") -> float | None:
        """Share by which a cost falls (negative: it grows): the objective, ``energy``, ``latency``, ``edp``, ``area``.

        Null where the cost is not known.
        """
        if advice.costs is None:
            return None
        if measure == "area":
            old, new = self.before.area_mm2, advice.costs.area_mm2
        else:
            old, new = (costs.value(measure or self.objective) for costs in (self.before, advice.costs))
        return None if old is None or new is None or not old else 1.0 - new / old


def rank(objective: str, before: AdviceCosts, after: AdviceCosts) -> float:
    """Return the gain of an objective, for as much area where the chip grows; more is better."""
    value = before.value(objective)
    gain = 1.0 - after.value(objective) / value if value else 0.0
    if gain > 0 and before.area_mm2 and after.area_mm2 and after.area_mm2 > before.area_mm2:
        return gain * before.area_mm2 / after.area_mm2
    return gain
