"""What an evaluation returns: exact counts as rows of tidy tables, and the totals that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

Flow = Literal["fill", "read", "update", "drain"]
FLOWS: tuple[Flow, ...] = get_args(Flow)
COMPUTE = "compute"
"""How the names of actions begin that are operations; the kind follows."""


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """Words that cross one boundary, over the whole Einsum and all instances of the level."""

    einsum: str
    level: str
    tensor: str
    flow: Flow
    words: int


@dataclass(frozen=True, slots=True)
class ActionRow:
    """What costs energy. ``tensor`` is empty for operations and leakage."""

    einsum: str
    component: str
    tensor: str
    action: str
    """``read``, ``write``, ``hop``, ``leak``, or ``compute`` with the kind of operation (``compute mac``)."""
    count: float
    """Accesses of the port's width, hops of the array's word, operations, or cycles of leakage."""
    energy_pj: float


WAITING = "waiting"
"""The row of an Einsum that lasts longer than what is busy longest: all of its cycles, with what waits."""


@dataclass(frozen=True, slots=True)
class BusyRow:
    """Cycles that the busiest instance of one resource, a compute unit or a port, needs for one Einsum."""

    einsum: str
    component: str
    port: str
    """``read`` or ``write`` or another limit's action; empty for a port that all share, and for a compute unit."""
    cycles: float

    @property
    def resource(self) -> str:
        """Its name among those of all Einsums: what one waits for, no other one has to."""
        return f"{self.einsum} {WAITING}" if self.component == WAITING else f"{self.component} {self.port}".rstrip()


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """Cycles that a pipelined sequence keeps a resource busy, or what it needs beyond for fill and drain.

    Its latency is the largest of its resources, and fill and drain.
    """

    einsum: str
    """The first Einsum of the sequence."""
    last: str
    """The last one."""
    resource: str
    """A compute unit, ``GLB`` or ``GLB read`` (a port), ``stage A, B`` (a branch that is a sequence), or
    ``FILL_AND_DRAIN``."""
    cycles: float


FILL_AND_DRAIN = "fill and drain"
"""What a pipelined sequence takes beyond the resource that is busy longest."""


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Cycles that the busiest instance of one component needs for one Einsum; of ``WAITING``, that all of it takes."""

    einsum: str
    component: str
    cycles: float


@dataclass(frozen=True, slots=True)
class OccupancyRow:
    """Room that the largest tile of a tensor takes in one instance of a level.

    Where a pipeline has several tiles of it at once: that they take together.
    """

    einsum: str
    level: str
    tensor: str
    words: int
    bits: int


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What a workload does for its energy, time and area. Null where that is zero, or not modelled."""

    power_w: float | None
    """Energy over latency, on average."""
    pj_per_mac: float | None
    """All energy over the multiply-accumulates; null where there are none."""
    tops_per_w: float | None
    """10^12 operations per second and watt: as is usual, a multiply-accumulate is two, anything else one."""
    tops_per_mm2: float | None


@dataclass(frozen=True)
class Evaluation:
    """The cost of one mapping. Every row is for one execution; ``counts`` says how often each Einsum runs."""

    traffic_rows: tuple[TrafficRow, ...]
    action_rows: tuple[ActionRow, ...]
    latency_rows: tuple[LatencyRow, ...]
    occupancy_rows: tuple[OccupancyRow, ...]
    points: dict[str, int]
    """Einsum → size of its iteration space."""
    counts: dict[str, int]
    """Einsum → identical layers."""
    capacity_bits_by_einsum: dict[str, int]
    """Einsum → bits that tiles occupy while it runs, in all memories inside the outermost one and over all physical
    instances of each, idle ones too; a tile that a double-buffered memory holds twice counts once."""
    clock_hz: float
    peak_by_einsum: dict[str, float]
    """Einsum → points per cycle if every instance of the compute unit that runs it worked all the time."""
    area_mm2: float | None
    """Null where no level states an area."""
    area_missing: tuple[str, ...]
    """Levels whose area is not modelled."""
    overlap_rows: tuple[OverlapRow, ...] = ()
    """Of each pipelined sequence, inner ones first."""

    @cached_property
    def energy_pj(self) -> float:
        """Energy of the workload."""
        return sum(row.energy_pj * self.counts[row.einsum] for row in self.action_rows)

    @cached_property
    def cycles_by_einsum(self) -> dict[str, float]:
        """Cycles of one execution: the slowest component. Those of Einsums that overlap do not add up."""
        worst = dict.fromkeys(self.points, 0.0)
        for row in self.latency_rows:
            worst[row.einsum] = max(worst[row.einsum], row.cycles)
        return worst

    @cached_property
    def bottlenecks(self) -> dict[str, str]:
        """Einsum → the component that decides its latency (compute wins a tie)."""
        worst = self.cycles_by_einsum
        names: dict[str, str] = {}
        for row in self.latency_rows:
            if row.cycles == worst[row.einsum]:
                names[row.einsum] = row.component
        return names

    @cached_property
    def pipelines(self) -> dict[tuple[str, ...], dict[str, float]]:
        """Einsums of a pipelined sequence → resource → cycles, inner sequences first."""
        names = list(self.points)
        found: dict[tuple[str, ...], dict[str, float]] = {}
        for row in self.overlap_rows:
            einsums = tuple(names[names.index(row.einsum) : names.index(row.last) + 1])
            found.setdefault(einsums, {})[row.resource] = row.cycles
        return found

    @cached_property
    def spans(self) -> dict[tuple[str, ...], float]:
        """What runs one after another, Einsums that overlap together → cycles of one execution."""
        spans: dict[tuple[str, ...], float] = {(name,): cycles for name, cycles in self.cycles_by_einsum.items()}
        for einsums, busy in self.pipelines.items():
            spans = {other: cycles for other, cycles in spans.items() if not set(other) <= set(einsums)}
            spans[einsums] = pipelined_cycles(busy)
        return spans

    @cached_property
    def latency_cycles(self) -> float:
        """Cycles of the workload: Einsums run one after another, but for pipelined ones."""
        return sum(cycles * self.counts[einsums[0]] for einsums, cycles in self.spans.items())

    @property
    def capacity_bits(self) -> int:
        """Room used: of several Einsums the most that one of them needs, with those that run at the same time."""
        return max(self.capacity_bits_by_einsum.values(), default=0)

    @property
    def latency_s(self) -> float:
        return self.latency_cycles / self.clock_hz

    @property
    def edp(self) -> float:
        """Total energy (pJ) × total latency (cycles)."""
        return self.energy_pj * self.latency_cycles

    @property
    def edp_j_s(self) -> float:
        """Total energy (J) × total latency (s)."""
        return self.energy_pj * 1e-12 * self.latency_s

    @cached_property
    def efficiency(self) -> Efficiency:
        """Power, and operations for energy and area."""
        counted = [
            (row.action == f"{COMPUTE} mac", row.count * self.counts[row.einsum])
            for row in self.action_rows
            if row.action.startswith(f"{COMPUTE} ")
        ]
        macs = sum(count for is_mac, count in counted if is_mac)
        operations = sum(count for _, count in counted) + macs
        energy, latency_s, area = self.energy_pj or None, self.latency_s or None, self.area_mm2 or None
        return Efficiency(
            power_w=energy * 1e-12 / latency_s if energy and latency_s else None,
            pj_per_mac=energy / macs if energy and macs else None,
            tops_per_w=operations / energy if energy and operations else None,
            tops_per_mm2=operations / latency_s * 1e-12 / area if latency_s and area and operations else None,
        )

    @property
    def total_points(self) -> int:
        return sum(points * self.counts[name] for name, points in self.points.items())

    def peak_of(self, einsums: Iterable[str]) -> float:
        """Points per cycle of some Einsums, one after another, if each had all instances of its unit at work."""
        names = list(einsums)
        peaks = {self.peak_by_einsum[name] for name in names}
        if len(peaks) < 2:
            return next(iter(peaks), 0.0)
        executed = {name: self.points[name] * self.counts[name] for name in names}
        return sum(executed.values()) / sum(points / self.peak_by_einsum[name] for name, points in executed.items())

    @property
    def peak_per_cycle(self) -> float:
        """Points per cycle of the workload if each Einsum had all instances of its unit at work."""
        return self.peak_of(self.points)

    def utilisation_of(self, einsums: Iterable[str]) -> float:
        """Share of the peak that some Einsums reach together: points / (cycles × peak).

        So it is the share of their time that would do, with all instances of the unit that computes always at work.
        """
        names = list(einsums)
        points = sum(self.points[name] * self.counts[name] for name in names)
        cycles = sum(self.cycles_by_einsum[name] * self.counts[name] for name in names)
        return points / (cycles * self.peak_of(names)) if cycles else 0.0

    @property
    def utilisation(self) -> float:
        """Share of its peak that the workload reaches; see ``utilisation_of``."""
        return self.utilisation_of(self.points)

    @cached_property
    def traffic(self) -> pd.DataFrame:
        """Columns: einsum, level, tensor, flow, words."""
        return _frame(self.traffic_rows, TrafficRow)

    @cached_property
    def actions(self) -> pd.DataFrame:
        """Columns: einsum, component, tensor, action, count, energy_pj."""
        return _frame(self.action_rows, ActionRow)

    @cached_property
    def latency(self) -> pd.DataFrame:
        """Columns: einsum, component, cycles."""
        return _frame(self.latency_rows, LatencyRow)

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """Columns: einsum, last, resource, cycles."""
        return _frame(self.overlap_rows, OverlapRow)

    @cached_property
    def occupancy(self) -> pd.DataFrame:
        """Columns: einsum, level, tensor, words, bits."""
        return _frame(self.occupancy_rows, OccupancyRow)

    def words(self, level: str, tensor: str, *flows: Flow) -> int:
        """Sum of the words of some flows of one tensor at one level.

        Sums over Einsums; zero where the level never holds the tensor.
        """
        return sum(r.words for r in self.traffic_rows if (r.level, r.tensor) == (level, tensor) and r.flow in flows)


def pipelined_cycles(busy: Mapping[str, float]) -> float:
    """Return the latency of a pipelined sequence from what it keeps busy."""
    return busy[FILL_AND_DRAIN] + busy[busiest_resource(busy)]


def busiest_resource(busy: Mapping[str, float]) -> str:
    """Return what decides the latency of a pipelined sequence, apart from fill and drain."""
    return max((resource for resource in busy if resource != FILL_AND_DRAIN), key=busy.__getitem__)


def _frame(rows: Sequence[object], kind: type) -> pd.DataFrame:
    import pandas as pd

    names = [f.name for f in fields(kind)]
    return pd.DataFrame.from_records([tuple(getattr(r, n) for n in names) for r in rows], columns=names)
