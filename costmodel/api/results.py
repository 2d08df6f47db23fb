"""What the API returns: a run, read as numbers, tables, loops, figures and a page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.advice.judge import advise
from costmodel.api.advising import AdviceResult
from costmodel.api.text import Text
from costmodel.einsum.algebra import Workload
from costmodel.mapper.result import Certificate
from costmodel.model.evaluation import Efficiency, Evaluation
from costmodel.report import human, pictures, tables
from costmodel.report.advising import base_of
from costmodel.report.folder import claim
from costmodel.report.nest_text import nest_text
from costmodel.report.page.inline import inline_html
from costmodel.report.run import Run
from costmodel.report.sensitivity import knees, sensitivities
from costmodel.report.text.sweep import sweep_text
from costmodel.report.text.totals import evaluation_text
from costmodel.report.text.why import why_text
from costmodel.report.write import write_run
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import did_you_mean
from costmodel.spec.request import budget_seconds

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, repr=False)
class RunResult:
    """What every result can do: be shown, and be kept."""

    run: Run
    """All of it, as a run folder holds it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What did not work out, e.g. a search cut short."""
        return self.run.notes

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the run folder, as ``--out``; return where it is.

        A new folder, or one beside a run that is there; ``force`` renews that run. Raises SpecError.
        """
        return write_run(claim(Path(folder), self.run.kind, renew=force), self.run, renew=force)

    def _repr_html_(self) -> str:
        return inline_html(self.run)


class CostResult(RunResult):
    """The cost of a workload on an architecture with chosen mappings.

    Totals count every execution of every Einsum. The tables ``traffic``, ``energy``, ``latency`` and ``occupancy`` are
    for one execution of each Einsum, as in a run folder; ``einsums`` says how often each runs.
    """

    @property
    def evaluation(self) -> Evaluation:
        """All rows and totals."""
        return tables.evaluation_of(self.run)

    @property
    def architecture(self) -> Architecture:
        return self.run.architecture

    @property
    def workload(self) -> Workload:
        return self.run.workload

    @property
    def energy_pj(self) -> float:
        """Energy of the workload."""
        return self.evaluation.energy_pj

    @property
    def latency_cycles(self) -> float:
        """Cycles of the workload."""
        return self.evaluation.latency_cycles

    @property
    def latency_s(self) -> float:
        """Time of the workload."""
        return self.evaluation.latency_s

    @property
    def edp(self) -> float:
        """Total energy (pJ) × total latency (cycles)."""
        return self.evaluation.edp

    @property
    def utilisation(self) -> float:
        """Share of the peak of the units that compute."""
        return self.evaluation.utilisation

    @property
    def capacity_bits(self) -> int:
        """Room that tiles take inside the outermost memory."""
        return self.evaluation.capacity_bits

    @property
    def area_mm2(self) -> float | None:
        """Area; null where no level states one."""
        return self.evaluation.area_mm2

    @property
    def efficiency(self) -> Efficiency:
        """Power (``power_w``), ``pj_per_mac``, ``tops_per_w`` and ``tops_per_mm2``; null where not known."""
        return self.evaluation.efficiency

    @property
    def certificate(self) -> Certificate | None:
        """What is known about the totals; null for mappings that were given."""
        return self.run.certificate

    @property
    def traffic(self) -> pd.DataFrame:
        """Columns: einsum, level, tensor, flow, words."""
        return self.evaluation.traffic.copy()

    @property
    def energy(self) -> pd.DataFrame:
        """Columns: einsum, component, tensor, action, count, energy_pj."""
        return self.evaluation.actions.copy()

    @property
    def latency(self) -> pd.DataFrame:
        """Columns: einsum, component, cycles; the largest of an Einsum is its latency."""
        return self.evaluation.latency.copy()

    @property
    def occupancy(self) -> pd.DataFrame:
        """Columns: einsum, level, tensor, words, bits; of the largest tile in one instance."""
        return self.evaluation.occupancy.copy()

    @property
    def einsums(self) -> pd.DataFrame:
        """One row of totals per Einsum, over all its executions.

        Columns: einsum, count, points, energy_pj, pj_per_point, latency_cycles, utilisation, bottleneck, certificate;
        and capacity_bits where it is an objective.
        """
        return tables.einsums(self.run)

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """The chosen mapping of each Einsum, to be given to ``evaluate``."""
        return self.run.mappings

    @property
    def mapping(self) -> Mapping:
        """The chosen mapping; ValueError where there are several."""
        if len(self.run.mappings) != 1:
            raise ValueError(f"there are {len(self.run.mappings)} mappings: see .mappings")
        return self.run.mappings[0]

    @property
    def nest(self) -> Text:
        """The loops of the chosen mappings, with their tiles."""
        return Text("\n\n".join(nest_text(mapping, self.run.workload) for mapping in self.run.mappings))

    def advice(self, *, budget: float | str | None = None, jobs: int | None = None) -> AdviceResult:
        """Find what would change the result: hardware, tiles, fusion, constraints, each tried by a search of its own.

        ``budget`` (seconds, or text with a unit) is the time for all of it. Raises SpecError where the architecture and
        the workload were given as resolved values, or not all Einsums have a mapping.
        """
        budget_s = None if budget is None else budget_seconds(budget)
        return AdviceResult(advise(base_of(self.run), budget_s=budget_s, jobs=jobs))

    def figure(self, name: str = "energy") -> go.Figure:
        """A figure: ``energy``, ``icicle``, ``energy_by_einsum``, ``latency``, ``load`` or ``roofline``."""
        if name not in pictures.EVALUATED:
            raise ValueError(f"no figure is called {name!r} ({did_you_mean(name, list(pictures.EVALUATED))})")
        return pictures.EVALUATED[name](self.run).figure()

    def __repr__(self) -> str:
        known = "" if self.certificate is None else f", {self.certificate}"
        partial = "".join(f"; {note}" for note in self.notes)
        cost = f"{human.joules(self.energy_pj)}, {human.seconds(self.latency_s)}"
        return f"<{self.run.title}: {cost}{known}{partial}>"

    def __str__(self) -> str:
        return evaluation_text(self.evaluation)


class MapResult(CostResult):
    """The best mappings that a search found, with what is known about them, and the cost of the chosen ones."""

    @property
    def front(self) -> pd.DataFrame:
        """The front of the totals, best of the first objective first.

        Columns: point, energy_pj, latency_cycles, edp, chosen, mapping (of a single Einsum), latency_s; and
        capacity_bits where it is an objective.
        """
        import pandas as pd

        return pd.DataFrame(tables.network_front(self.run))

    @property
    def why(self) -> Text:
        """What holds the least cost of each distinct Einsum, and what each constraint costs.

        Raises ValueError where ``map`` was not asked for it.
        """
        if not self.run.why:
            raise ValueError("the search was not asked why: cm.map(…, why=True)")
        return Text(why_text(self.run.why))

    @property
    def sensitivity(self) -> pd.DataFrame:
        """How costs follow the axes.

        Columns: axis; energy, latency, EDP and area, each its relative change for 10 % more; neighbours, importance.
        """
        import pandas as pd

        found = sensitivities(self.run)
        rows = [{"axis": s.axis, **s.changes, "neighbours": s.neighbours, "importance": s.importance} for s in found]
        return pd.DataFrame(rows)

    @property
    def knees(self) -> list[int]:
        """Points at the knee of each front."""
        return knees(self.run)

    def mappings_at(self, point: int) -> tuple[Mapping, ...]:
        """The mappings of one point of the front, to be given to ``evaluate``."""
        choices = self.run.network_front[point].choices
        return tuple(s.front[c].mapping for s, c in zip(self.run.searches, choices, strict=True))

    def figure(self, name: str = "") -> go.Figure:
        """A figure: ``front``, or one of ``CostResult.figure``; the front where it has several points."""
        name = name or ("front" if len(self.run.network_front) > 1 else "energy")
        return pictures.front(self.run).figure() if name == "front" else super().figure(name)


class SpaceResult(RunResult):
    """The points of a design space, each an architecture and a workload with its best mappings."""

    @property
    def points(self) -> pd.DataFrame:
        """One row per design.

        Columns: point, each axis, energy_pj, latency_cycles, latency_s, edp, area_mm2, utilisation, power_w,
        pj_per_mac, tops_per_w, tops_per_mm2, peak_power_w, pareto, note; and capacity_bits where it is an
        objective. Where nothing fits, costs are null and ``note`` says why.
        """
        return tables.sweep(self.run)

    @property
    def front(self) -> pd.DataFrame:
        """The points that no other point of their workload beats."""
        points = self.points
        return points[points["pareto"]].reset_index(drop=True)

    def mappings_at(self, point: int) -> tuple[Mapping, ...]:
        """The best mappings of one design."""
        return self.run.design_points[point].mappings

    def figure(self) -> go.Figure:
        """Energy against latency of the designs, coloured by the first axis; ValueError where nothing fits."""
        if not any(point.feasible for point in self.run.design_points):
            raise ValueError("no design is feasible: .points says why in the column note")
        return pictures.designs(self.run).figure()

    def __repr__(self) -> str:
        feasible = sum(point.feasible for point in self.run.design_points)
        designs = f"{len(self.run.design_points)} designs, {feasible} feasible, {len(self.front)} on the front"
        return f"<sweep of {self.run.title}: {designs}{''.join(f'; {note}' for note in self.notes)}>"

    def __str__(self) -> str:
        return sweep_text(self.run.design_points, room=self.run.uses_capacity)
