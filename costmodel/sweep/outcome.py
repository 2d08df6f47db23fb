"""What is known about one design: the costs of its best mappings, or why there are none."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from costmodel.mapper.result import Status
from costmodel.mapper.tasks import LostError
from costmodel.spec.objective import costs_of, objective_of
from costmodel.sweep.designs import Design, DesignCosts, Values

if TYPE_CHECKING:
    from costmodel.mapper.network import NetworkResult
    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.problems import SpecError
    from costmodel.spec.study import Study


@dataclass(frozen=True)
class Outcome(DesignCosts):
    """What is known about one design."""

    design: Design
    certificate: str = field(default="", kw_only=True)
    """What is known about its mappings, in words."""
    proven: bool = field(default=False, kw_only=True)
    """Whether no mappings are better."""

    def costs(self, objectives: tuple[str, ...]) -> Values:
        """The values of objectives; infinite where one is not modelled, null where nothing fits."""
        totals = self.totals
        if totals is None:
            return None
        # designs differ in their clocks, so seconds count
        timed = replace(totals, latency_cycles=totals.latency_cycles / (self.clock_hz or 1.0))
        own = {
            "area": self.area_mm2,
            "power": self.power_w,
            "tops/w": None if self.tops_per_w is None else 1.0 / self.tops_per_w,
        }
        values = (own[name] if name in own else objective_of(name).of(timed)[0] for name in objectives)
        return tuple(math.inf if value is None else value for value in values)


def competing(study: Study) -> tuple[str, ...]:
    """The objectives in which designs compete: for a single one, energy, latency and area."""
    return study.objective if len(study.objective) > 1 else ("energy", "latency", "area")


def outcome_of(design: Design, result: NetworkResult) -> Outcome:
    """Take what a design costs from its mappings. Raises LostError if a search has no answer."""
    if died := [failure.reason for failure in result.failures if failure.infeasible is None]:
        raise LostError("; ".join(died))
    if result.failures or not result.layers:
        return Outcome(design, note="; ".join(failure.reason for failure in result.failures) or "nothing to map")
    evaluation = result.evaluation
    return Outcome(
        design,
        **costs_of(evaluation),
        clock_hz=evaluation.clock_hz,
        area_mm2=evaluation.area_mm2,
        utilisation=evaluation.utilisation,
        **asdict(evaluation.efficiency),
        peak_power_w=_peak_power_w(evaluation),
        certificate=str(result.certificate),
        proven=result.certificate.status == Status.PROVEN,
        mappings=result.mappings,
    )


def _peak_power_w(evaluation: Evaluation) -> float | None:
    """Of the Einsum that draws most; null where Einsums overlap, or none takes time."""
    if evaluation.overlap_rows:
        return None
    energy_pj = dict.fromkeys(evaluation.points, 0.0)
    for row in evaluation.action_rows:
        energy_pj[row.einsum] += row.energy_pj
    times_s = {name: cycles / evaluation.clock_hz for name, cycles in evaluation.cycles_by_einsum.items() if cycles}
    return max((energy_pj[name] * 1e-12 / seconds for name, seconds in times_s.items()), default=None)


def averaged(study: Study, outcome: Outcome) -> Outcome:
    """An outcome of all runs that a study asks for as that of one, on average."""
    runs = study.runs
    if runs == 1 or outcome.energy_pj is None or outcome.latency_cycles is None:
        return outcome
    return replace(outcome, energy_pj=outcome.energy_pj / runs, latency_cycles=outcome.latency_cycles / runs)


def no_outcome(design: Design, error: SpecError) -> Outcome:
    """Say what is wrong with the values of a design."""
    return Outcome(design, note="; ".join(str(problem).split("\n", 1)[0] for problem in error.problems))
