"""A run: what was asked, what came out, and everything needed to do it again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from costmodel.advice.advice import Advised
from costmodel.einsum.algebra import Workload
from costmodel.mapper.reasons import Why
from costmodel.mapper.result import Certificate, Improvement, MapperResult, NetworkPoint
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, einsums_in
from costmodel.spec.objective import Costs
from costmodel.sweep.designs import ASIDE, DOMINATED, DesignCosts, Scalar

Kind = Literal["evaluate", "map", "sweep"]
DesignState = Literal["front", "costed", "aside", "beaten", "infeasible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file as the user wrote it."""

    role: Literal["arch", "workload", "mapping", "study"]
    name: str
    """File name inside the run folder; no slashes."""
    origin: str
    """Where it came from: the path, ``shipped``, or ``given`` where its content was given in Python."""
    text: str

    def __post_init__(self) -> None:
        if Path(self.name).name != self.name or self.name in {"", ".", ".."}:
            raise ValueError(f"must be a file name, got {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How the run was made."""

    created: str
    """Local time, ISO 8601, e.g. ``2026-11-21T13:15:00+01:00``."""
    command: str = ""
    seed: int | None = None
    settings: dict[str, Scalar] = field(default_factory=dict)
    """Of the search: method, objective, trials, overrides …"""
    versions: dict[str, str] = field(default_factory=dict)
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint(Costs):
    """One mapping of the front of an Einsum (or of a fused cascade)."""

    mapping: Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EinsumSearch:
    """What the mapper found for one Einsum. Costs are of one execution."""

    einsum: str
    chosen: int | None = None
    """Place in ``front`` of the mapping that the run's evaluation uses."""
    certificate: Certificate
    front: tuple[FrontPoint, ...]
    improvements: tuple[Improvement, ...] = ()
    """Of a search that samples: how it came to its answer; nothing in a folder of a version before them."""

    @property
    def einsums(self) -> tuple[str, ...]:
        """Names of what is computed: of one Einsum, or of those that are fused."""
        return einsums_in(self.front[0].mapping.nest)

    @classmethod
    def from_result(cls, result: MapperResult, chosen: int | None = 0) -> EinsumSearch:
        """Keep the totals of each point; the chosen one is kept in full by ``Run.evaluation``."""
        front = tuple(FrontPoint.of(point, mapping=point.mapping) for point in result.front)
        return cls(
            einsum=result.einsum,
            front=front,
            certificate=result.certificate,
            chosen=chosen,
            improvements=result.improvements,
        )


@dataclass(frozen=True, kw_only=True)
class DesignPoint(DesignCosts):
    """One design of a sweep with the cost of its best mapping."""

    axes: dict[str, Scalar]
    """Axis (``GLB.size``) → value as the study wrote it."""
    pareto: bool = False
    """Whether no other point that computes the same is at least as good in every objective and better in one."""
    arch: str | None = None
    workload: str | None = None
    computes: str = ""
    """The workload, with the values of the axes that lead into it: points of one name compute the same."""
    operations: int | None = None
    """Of everything that is computed."""

    @property
    def state(self) -> DesignState:
        """Whether it is on the front, or has costs, and else why not: a condition, a proof, or nothing fits."""
        if self.feasible:
            return "front" if self.pareto else "costed"
        if self.note.startswith(ASIDE):
            return "aside"
        return "beaten" if self.note.startswith(DOMINATED) else "infeasible"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that a run folder holds."""

    kind: Kind
    workloads: tuple[Workload, ...]
    """More than one only in a sweep."""
    architectures: tuple[Architecture, ...]
    """The base designs; more than one only in a sweep."""
    mappings: tuple[Mapping, ...] = ()
    """The chosen mappings, in the order of the Einsums."""
    evaluation: Evaluation | None = None
    """Of the chosen mappings; null for a sweep that kept none."""
    searches: tuple[EinsumSearch, ...] = ()
    network_front: tuple[NetworkPoint, ...] = ()
    """Totals of the workload over combinations of the searches' fronts, as ``NetworkResult.front`` has them."""
    certificate: Certificate | None = None
    """What is known about the totals of a mapping search."""
    why: tuple[Why, ...] = ()
    """Of the first of each kind of Einsum, where it was asked for."""
    advice: Advised | None = None
    """What would change it, where that was asked or found beside the answer."""
    design_points: tuple[DesignPoint, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    notes: tuple[str, ...] = ()
    """What did not work out, e.g. an Einsum for which nothing fits, or a search cut short."""
    provenance: Provenance

    @property
    def workload(self) -> Workload:
        return self.workloads[0]

    @property
    def architecture(self) -> Architecture:
        return self.architectures[0]

    @property
    def title(self) -> str:
        """``resnet18 on eyeriss_v1``."""
        return f"{', '.join(w.name for w in self.workloads)} on {', '.join(a.name for a in self.architectures)}"

    @property
    def uses_capacity(self) -> bool:
        """Whether the room used is part of an objective, so that it is shown."""
        return "capacity" in str(self.provenance.settings.get("objective", ""))

    def search(self, einsum: str) -> EinsumSearch:
        """The search of that Einsum; KeyError if there was none."""
        for search in self.searches:
            if einsum in (search.einsum, *search.einsums):
                return search
        raise KeyError(einsum)

    def mapping_of(self, einsum: str) -> Mapping | None:
        """The chosen mapping that computes an Einsum."""
        return next((m for m in self.mappings if einsum == m.einsum or einsum in einsums_in(m.nest)), None)


def versions() -> dict[str, str]:
    """Versions of what a result depends on, as installed."""
    from importlib.metadata import PackageNotFoundError, version

    from costmodel import __version__

    found = {"costmodel": __version__, "python": sys.version.split()[0]}
    for package in ("numpy", "optuna", "pandas", "plotly"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
