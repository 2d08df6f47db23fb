"""What the files of a run folder hold.

==================  ==================================================================================
``result.json``     one versioned object: kind, totals, totals of each Einsum, fronts, certificates,
                    design points, search settings, seed, versions
``workload.json``   the resolved workloads          ``architecture.json``  the resolved architectures
``inputs/``         the files as the user wrote them
``mapping.yaml``    the chosen mappings, to be fed back with ``--mapping``
``traffic.csv``     einsum, level, tensor, flow, words              ⎫ of the chosen mappings, for one
``actions.csv``     einsum, component, tensor, action, count, energy_pj  ⎬ execution of each Einsum;
``latency.csv``     einsum, component, cycles                       ⎪ ``einsums.csv`` says how often
``occupancy.csv``   einsum, level, tensor, words, bits              ⎭ each of them runs
``overlap.csv``     einsum, last, resource, cycles                  (of pipelined sequences, if any)
``einsums.csv``     one line of totals for each Einsum (all its executions)
``front.csv``       every point of every front                      (map)
``advice.json``     what would change it, where that is known       (map, evaluate)
``sweep.csv``       every design point with its axes                (sweep)
==================  ==================================================================================

``einsums.csv``, ``front.csv`` and ``sweep.csv`` repeat ``result.json`` for spreadsheets; they are never read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from costmodel.advice.advice import Advised
from costmodel.mapper.reasons import Why
from costmodel.mapper.result import Certificate, NetworkPoint
from costmodel.report.run import DesignPoint, EinsumSearch, Kind, Provenance
from costmodel.spec.mapping import Mapping

RESULT = "result.json"
WORKLOADS = "workload.json"
ARCHITECTURES = "architecture.json"
INPUTS = "inputs"
ADVICE = "advice.json"
MAPPING = "mapping.yaml"
TABLES = ("traffic.csv", "actions.csv", "latency.csv", "occupancy.csv")
OVERLAP = "overlap.csv"
EINSUMS, FRONT, SWEEP = "einsums.csv", "front.csv", "sweep.csv"
FILES = frozenset({RESULT, ADVICE, WORKLOADS, ARCHITECTURES, MAPPING, *TABLES, OVERLAP, EINSUMS, FRONT, SWEEP})
"""Every file that a run folder may have, but for its inputs and its report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of the whole workload; in ``result.json`` and in what ``--json`` prints."""

    energy_pj: float
    latency_cycles: float
    latency_s: float
    edp: float
    capacity_bits: int
    area_mm2: float | None
    area_missing: tuple[str, ...]
    utilisation: float
    points: int
    clock_hz: float
    peak_per_cycle: float
    power_w: float | None = None
    pj_per_mac: float | None = None
    tops_per_w: float | None = None
    tops_per_mm2: float | None = None
    """The last four are null where they are not known, and in a folder of a version before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EinsumTotals:
    """Of all executions of one Einsum."""

    einsum: str
    count: int
    points: int
    energy_pj: float
    latency_cycles: float
    capacity_bits: int
    bottleneck: str
    peak_per_cycle: float | None = None
    """Points per cycle at most; null in a folder of the version before, which has one peak for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """Which file of ``inputs`` is what."""

    role: Literal["arch", "workload", "mapping", "study"]
    name: str
    origin: str
    file: str

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file or self.file in {"", ".", ".."} or "\0" in self.file:
            raise ValueError(f"must be a file name, got {self.file!r}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The content of ``result.json``."""

    format: Literal["costmodel run"] = "costmodel run"
    version: Literal[1] = 1
    kind: Kind
    title: str
    totals: Totals | None
    einsums: tuple[EinsumTotals, ...]
    mappings: tuple[Mapping, ...]
    searches: tuple[EinsumSearch, ...]
    network_front: tuple[NetworkPoint, ...]
    certificate: Certificate | None
    design_points: tuple[DesignPoint, ...]
    """In the file they name their mappings, which many of them share."""
    design_mappings: dict[str, Mapping] = field(default_factory=dict)
    """By these names."""
    inputs: tuple[InputRecord, ...]
    notes: tuple[str, ...]
    why: tuple[Why, ...] = ()
    provenance: Provenance


@dataclass(frozen=True, kw_only=True)
class AdviceContent:
    """The content of ``advice.json``."""

    format: Literal["costmodel advice"] = "costmodel advice"
    version: Literal[1] = 1
    advice: Advised
