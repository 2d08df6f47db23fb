"""Run → tidy pandas tables, one per kind of fact. Totals count every execution of an Einsum unless said otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from costmodel.einsum.algebra import Role, Workload
from costmodel.mapper.front import on_front
from costmodel.mapper.result import NetworkPoint
from costmodel.model.evaluation import Evaluation, busiest_resource
from costmodel.model.meters import PriceBook, links_text, port_limits, price_text, waits_text
from costmodel.report import human
from costmodel.report.nest_text import short_text
from costmodel.report.run import DesignPoint, EinsumSearch, FrontPoint, Run
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory

COMPUTE = "compute"
LEAKAGE = "leakage"
FEW = 4
"""Tensors of one role that are told apart: as many as its hue has shades."""


def by_name(workload: Workload) -> bool:
    """Whether each tensor of a workload stands for itself in sums and has a colour of its own.

    So where a reader can tell them apart, at most ``FEW`` of each role, and where a name means one tensor: the layers
    of a network often call all of their outputs alike.
    """
    roles, written = Counter(_roles(workload).values()), Counter(e.output.tensor for e in workload.einsums)
    return len(workload.einsums) == 1 or max(*roles.values(), *(FEW * n for n in written.values())) <= FEW


def _roles(workload: Workload) -> dict[str, str]:
    """Tensor → ``weight``, ``input``, ``output``, or ``intermediate`` if one Einsum hands it to another."""
    written = {einsum.output.tensor for einsum in workload.einsums}
    read = {access.tensor for einsum in workload.einsums for access in einsum.inputs}
    roles = {}
    for einsum in workload.einsums:
        for name, tensor in einsum.tensors.items():
            if name in written:
                between = name in read and len(workload.einsums) > 1
                roles[name] = (Role.INTERMEDIATE if between else Role.OUTPUT).value
            else:
                roles[name] = (Role.WEIGHT if tensor.role is Role.WEIGHT else Role.INPUT).value
    return roles


def tensor_groups(workload: Workload) -> dict[tuple[str, str], str]:
    """(Einsum, tensor) → how it is named in sums over the workload.

    The tensor itself where there are few (``by_name``); else ``weight``, ``output`` (written) or ``input`` (read), as
    ``keep:`` of an architecture has it.
    """
    named, groups = by_name(workload), {}
    for einsum in workload.einsums:
        for name, tensor in einsum.tensors.items():
            if named:
                group = name
            elif name == einsum.output.tensor:
                group = Role.OUTPUT.value
            else:
                group = Role.WEIGHT.value if tensor.role is Role.WEIGHT else Role.INPUT.value
            groups[einsum.name, name] = group
    return groups


def group_roles(workload: Workload) -> dict[str, str]:
    """Group of ``tensor_groups`` → its role, to colour it."""
    return _roles(workload) if by_name(workload) else {role: role for role in ("weight", "input", "output")}


def energy(run: Run) -> pd.DataFrame:
    """Columns: einsum, component, tensor, group, action, count, energy_pj; over all executions."""
    evaluation = evaluation_of(run)
    groups = tensor_groups(run.workload)
    rows = []
    for row in evaluation.action_rows:
        kind = row.action.split(" ")[0]
        group = groups.get((row.einsum, row.tensor), row.tensor) or (LEAKAGE if kind == "leak" else COMPUTE)
        times = evaluation.counts[row.einsum]
        rows.append(
            (row.einsum, row.component, row.tensor, group, row.action, row.count * times, row.energy_pj * times)
        )
    return pd.DataFrame.from_records(
        rows, columns=["einsum", "component", "tensor", "group", "action", "count", "energy_pj"]
    )


def energy_sums(run: Run) -> dict[str, float]:
    """Component → energy over all executions, in the order of its actions; a page asks this of every point."""
    evaluation = evaluation_of(run)
    sums: dict[str, float] = {}
    for row in evaluation.action_rows:
        sums[row.component] = sums.get(row.component, 0.0) + row.energy_pj * evaluation.counts[row.einsum]
    return sums


def largest(run: Run) -> tuple[str, float] | None:
    """The component that takes the most energy, with its share; null where nothing takes any."""
    sums = energy_sums(run)
    total = sum(sums.values())
    if not total:
        return None
    name = min(sums, key=lambda name: (-sums[name], name))
    return name, sums[name] / total


def energy_by_level(run: Run) -> pd.DataFrame:
    """Columns: component, group, energy_pj; components from the outermost in, zero rows left out."""
    spent = energy(run).query("energy_pj > 0")
    table = spent.groupby(["component", "group"], sort=False)["energy_pj"].sum().reset_index()
    return _in_order(table, component_order(run), "component")


def energy_how(run: Run) -> dict[tuple[str, ...], list[str]]:
    """What made the energy: (component, group) and (component, group, action) → a line for each action.

    ``8,192 reads × 6 pJ``; and where the price comes from.
    """
    sources = {level.name: getattr(level, "energy_source", "") for level in run.architecture.levels}
    found: dict[tuple[str, ...], list[str]] = {}
    sums = energy(run).groupby(["component", "group", "action"], sort=False)[["count", "energy_pj"]].sum()
    for key, (count, pj) in zip(sums.index, sums.to_numpy(dtype=float), strict=True):
        if not count or not pj:
            continue
        component, group, action = map(str, key)
        lines = [f"{human.amount(count)} × {action} of {human.digits(pj / count)} pJ"]
        found.setdefault((component, group), []).extend(lines)
        found[component, group, action] = lines
    for (component, *_), lines in found.items():
        if sources.get(component):
            lines.append(sources[component])
    return found


def energy_by_einsum(run: Run) -> pd.DataFrame:
    """Columns: einsum, component, energy_pj; Einsums in the order of the workload."""
    table = energy(run).groupby(["einsum", "component"], sort=False)["energy_pj"].sum().reset_index()
    return _in_order(table, component_order(run), "component")


@dataclass(frozen=True, slots=True)
class EinsumRow:
    """Totals of one Einsum, over all its executions."""

    einsum: str
    count: int
    points: int
    energy_pj: float
    pj_per_point: float
    latency_cycles: float
    utilisation: float
    bottleneck: str
    certificate: str


def einsum_rows(run: Run, names: Iterable[str]) -> list[EinsumRow]:
    """Totals of some Einsums, in their order."""
    e = evaluation_of(run)
    spent = dict.fromkeys(names, 0.0)
    for row in e.action_rows:
        if row.einsum in spent:
            spent[row.einsum] += row.energy_pj * e.counts[row.einsum]
    certificates = {name: str(s.certificate) for s in run.searches for name in s.einsums}
    return [
        EinsumRow(
            einsum=name,
            count=e.counts[name],
            points=e.points[name] * e.counts[name],
            energy_pj=pj,
            pj_per_point=pj / (e.points[name] * e.counts[name]),
            latency_cycles=e.cycles_by_einsum[name] * e.counts[name],
            utilisation=e.utilisation_of([name]),
            bottleneck=e.bottlenecks.get(name, ""),
            certificate=certificates.get(name, ""),
        )
        for name, pj in spent.items()
    ]


def einsums(run: Run) -> pd.DataFrame:
    """One row of totals per Einsum.

    Columns: einsum, count, points, energy_pj, pj_per_point, latency_cycles, utilisation, bottleneck, certificate; and
    capacity_bits where it is an objective.
    """
    evaluation = evaluation_of(run)
    rows = einsum_rows(run, evaluation.points)
    names = [field.name for field in fields(EinsumRow)]
    table = pd.DataFrame(rows, columns=names)
    if run.uses_capacity:
        rooms = [evaluation.capacity_bits_by_einsum[name] for name in table["einsum"]]
        table.insert(names.index("utilisation"), "capacity_bits", rooms)
    return table


def latency(run: Run) -> pd.DataFrame:
    """Columns: einsum, component, cycles, share, bottleneck; all executions; share is of the Einsum's cycles."""
    evaluation = evaluation_of(run)
    rows = []
    for row in evaluation.latency_rows:
        whole = evaluation.cycles_by_einsum[row.einsum]
        decides = evaluation.bottlenecks.get(row.einsum) == row.component
        share = row.cycles / whole if whole else 0.0
        rows.append((row.einsum, row.component, row.cycles * evaluation.counts[row.einsum], share, decides))
    table = pd.DataFrame.from_records(rows, columns=["einsum", "component", "cycles", "share", "bottleneck"])
    return _in_order(table, component_order(run), "component")


def busy(run: Run) -> pd.DataFrame:
    """Columns: component, cycles, deciding_cycles; all executions, those that a component decides as the slowest."""
    table = latency(run)
    table = table.assign(deciding_cycles=table["cycles"].where(table["bottleneck"], 0.0))
    return table.groupby("component", sort=False)[["cycles", "deciding_cycles"]].sum().reset_index()


def bottleneck_shares(run: Run) -> dict[str, float]:
    """Component → share of the workload's cycles that it decides, largest first.

    A pipelined sequence counts for its busiest resource.
    """
    evaluation = evaluation_of(run)
    shares: dict[str, float] = {}
    for einsums, cycles in evaluation.spans.items():
        busy = evaluation.pipelines.get(einsums)
        component = busiest_resource(busy) if busy else evaluation.bottlenecks[einsums[0]]
        share = cycles * evaluation.counts[einsums[0]] / evaluation.latency_cycles if cycles else 0.0
        shares[component] = shares.get(component, 0.0) + share
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def occupancy(run: Run) -> pd.DataFrame:
    """Columns: einsum, level, tensor, words, bits, share; share is of the usable capacity, null where unbounded."""
    evaluation = evaluation_of(run)
    room = {m.name: m.usable_bits for m in run.architecture.memories}
    rows = []
    for row in evaluation.occupancy_rows:
        capacity = room.get(row.level)
        rows.append((row.einsum, row.level, row.tensor, row.words, row.bits, row.bits / capacity if capacity else None))
    return pd.DataFrame.from_records(rows, columns=["einsum", "level", "tensor", "words", "bits", "share"])


FrontRow = dict[str, Any]
"""Of a point of a front: point, energy_pj, latency_cycles, edp, chosen, mapping, latency_s; and capacity_bits where it
is an objective. A page has hundreds of fronts of a few points each: data frames of them would take longest of all."""


def front(run: Run, search: EinsumSearch) -> list[FrontRow]:
    """The front of an Einsum, for one execution of it."""
    points = [(p, n == search.chosen, short_text(p.mapping.nest)) for n, p in enumerate(search.front)]
    return _front(run, points)


def network_front(run: Run) -> list[FrontRow]:
    """The front of the whole workload, with the mapping where it has one."""
    chosen = tuple(s.chosen for s in run.searches)
    single = run.searches[0].front if len(run.searches) == 1 else None
    texts = ["" if single is None else short_text(single[p.choices[0]].mapping.nest) for p in run.network_front]
    points = [(p, p.choices == chosen, text) for p, text in zip(run.network_front, texts, strict=True)]
    return _front(run, points)


def _front(run: Run, points: Sequence[tuple[FrontPoint | NetworkPoint, bool, str]]) -> list[FrontRow]:
    clock_hz, room = run.architecture.clock_hz, run.uses_capacity
    return [
        {
            "point": place,
            "energy_pj": p.energy_pj,
            "latency_cycles": p.latency_cycles,
            "edp": p.energy_pj * p.latency_cycles,
            **({"capacity_bits": p.capacity_bits} if room else {}),
            "chosen": chosen,
            "mapping": mapping,
            "latency_s": p.latency_cycles / clock_hz,
        }
        for place, (p, chosen, mapping) in enumerate(points)
    ]


def sweep_axes(run: Run) -> list[str]:
    """What tells designs apart: architecture and workload, where there are several, and the axes, as in the study."""
    several = [name for name in ("architecture", "workload") if len({_axis(d, name) for d in run.design_points}) > 1]
    return [*several, *dict.fromkeys(axis for d in run.design_points for axis in d.axes)]


def _axis(design: DesignPoint, axis: str) -> object:
    if axis in design.axes:
        return design.axes[axis]
    return {"architecture": design.arch, "workload": design.workload}.get(axis)


def sweep(run: Run) -> pd.DataFrame:
    """One row per design.

    Columns: point, each axis, operations, energy_pj, latency_cycles, latency_s, edp, area_mm2, utilisation, power_w,
    pj_per_mac, tops_per_w, tops_per_mm2, peak_power_w, pareto; note; capacity_bits where it is an objective; and
    computes: those that differ there do not compute the same.
    """
    axes = sweep_axes(run)
    rows = []
    for place, d in enumerate(run.design_points):
        clock_hz = d.clock_hz or run.architecture.clock_hz
        seconds = None if d.latency_cycles is None else d.latency_cycles / clock_hz
        edp = None if d.energy_pj is None or d.latency_cycles is None else d.energy_pj * d.latency_cycles
        costs = (
            d.operations,
            d.energy_pj,
            d.latency_cycles,
            seconds,
            edp,
            d.capacity_bits,
            d.area_mm2,
            d.utilisation,
            d.power_w,
            d.pj_per_mac,
            d.tops_per_w,
            d.tops_per_mm2,
            d.peak_power_w,
            d.pareto,
            d.note,
            d.computes,
        )
        rows.append((place, *(_axis(d, a) for a in axes), *costs))
    names = [
        "operations",
        "energy_pj",
        "latency_cycles",
        "latency_s",
        "edp",
        "capacity_bits",
        "area_mm2",
        "utilisation",
        "power_w",
        "pj_per_mac",
        "tops_per_w",
        "tops_per_mm2",
        "peak_power_w",
    ]
    table = pd.DataFrame.from_records(rows, columns=["point", *axes, *names, "pareto", "note", "computes"])
    return table if run.uses_capacity else table.drop(columns="capacity_bits")


def energy_latency_front(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that no other beats in energy and time, in order of time: the line that a figure draws.

    Designs of a sweep that compute different things do not beat each other: those that compute the same stand together.
    """
    feasible = table.dropna(subset=["energy_pj", "latency_s"])
    if "computes" in feasible and len(set(feasible["computes"])) > 1:
        fronts = [energy_latency_front(same) for _, same in feasible.groupby("computes", sort=False)]
        return pd.concat(fronts)
    costs = feasible[["latency_s", "energy_pj"]].to_numpy(dtype=float)
    return feasible[on_front(costs)].sort_values(["latency_s", "energy_pj"], kind="stable")


def levels(architecture: Architecture) -> pd.DataFrame:
    """Columns: level, kind, size, instances, energy, rate, area; text for people."""
    rows = []
    for level in architecture.levels:
        match level:
            case Memory():
                kind, rate = "memory", _rate(level)
                size = "unlimited" if level.capacity_bits is None else human.memory(level.capacity_bits)
            case Array():
                kind, size = "array", " × ".join(f"{name} {extent}" for name, extent in level.shape.items())
                how = f"multicast {level.multicast}, reduce {'yes' if level.reduce else 'no'}"
                rate = "; ".join(filter(None, (how, links_text(level))))
            case ComputeUnit():
                kind, size = "compute", ""
                rates = (f"{kind} {human.digits(r)} /cycle" for kind, r in level.throughput_per_cycle.items())
                rate = ", ".join(rates) or "1 /cycle"
        area = human.NOT_MODELLED if level.area_mm2 is None else f"{human.digits(level.area_mm2)} mm²"
        rows.append((level.name, kind, size, architecture.copies(level.name), price_text(level), rate, area))
    return pd.DataFrame.from_records(rows, columns=["level", "kind", "size", "instances", "energy", "rate", "area"])


def point_word(run: Run) -> str:
    """What a point of the iteration space is called: a MAC where each is nothing else."""
    macs = all([o.kind for o in s.operations] == ["mac"] for s in run.workload.einsums)
    return "MAC" if macs else "point"


def component_order(run: Run) -> list[str]:
    """Components as the architecture lists them, outermost first, and after them what else has a meter."""
    return PriceBook(run.architecture).components()


def _rate(memory: Memory) -> str:
    parts = [f"{limit.action} {human.digits(limit.width_bits)} b/cycle".strip() for limit in port_limits(memory)]
    return ", ".join(filter(None, (", ".join(parts) or "unlimited", waits_text(memory))))


def _in_order(table: pd.DataFrame, order: Sequence[str], column: str) -> pd.DataFrame:
    """Sort by the place of a component (compute rows may be named after a unit that is not a level: last)."""
    place = {name: n for n, name in enumerate(order)}
    keys = table[column].map(lambda name: place.get(name, len(place)))
    return table.assign(_place=keys).sort_values("_place", kind="stable").drop(columns="_place").reset_index(drop=True)


def evaluation_of(run: Run) -> Evaluation:
    """The evaluation that a run holds; ValueError for a sweep."""
    if run.evaluation is None:
        raise ValueError(f"run {run.title!r} holds no evaluation")
    return run.evaluation
