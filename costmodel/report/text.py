"""What the command line shows, as plain text: aligned tables and a few lines of totals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from costmodel.model.formats import stored_bits
from costmodel.model.meters import (
    charges_drain,
    hop_energy,
    leakage_w,
    operation_pj,
    operations_per_cycle,
    port_energy,
    port_limits,
    priced,
)
from costmodel.model.motion import touched_words
from costmodel.report.human import NOT_MODELLED, amount, digits, exact, joules, memory, percent, prefixed, seconds
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from costmodel.einsum.algebra import Einsum, Tensor, Workload
    from costmodel.mapper.curve import BufferCurve
    from costmodel.mapper.network import NetworkResult
    from costmodel.mapper.result import Certificate
    from costmodel.model.evaluation import Evaluation
    from costmodel.report.comparison import Comparison, Row, Unit
    from costmodel.report.run import DesignPoint
    from costmodel.sweep.designs import DesignCosts


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align cells: text to the left, a column of numbers to the right; empty columns are left out.

    >>> print(table(["level", "words"], [["GLB", "12"], ["DRAM", "3"]]))
    level  words
    GLB       12
    DRAM       3
    """
    body = [[_one_line(cell) for cell in row] for row in rows]
    kept = [c for c in range(len(columns)) if not body or any(row[c] for row in body)]
    lines = [[columns[c] for c in kept], *([row[c] for c in kept] for row in body)]
    widths = [max(len(line[c]) for line in lines) for c in range(len(kept))]
    right = [
        bool(body) and all(not line[c] or line[c][0].isdigit() or line[c][0] in "-+" for line in lines[1:])
        for c in range(len(kept))
    ]
    return "\n".join(
        "  ".join(
            f"{cell:>{w}}" if r else f"{cell:<{w}}" for cell, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _one_line(text: str) -> str:
    """A line break of a name begins no line."""
    return text.replace("\n", "\\n")


# Inputs


def architecture_text(architecture: Architecture) -> str:
    """Levels with sizes, energy per action, peak rates, area and constraints."""
    facts = (architecture.technology, prefixed(architecture.clock_hz, "Hz"), f"word {architecture.word_bits} b")
    lines = [_one_line(f"{architecture.name}: {', '.join(fact for fact in facts if fact)}")]
    if architecture.source:
        lines.append(_one_line(f"source: {architecture.source}"))
    columns = ["level", "kind", "copies", "size", "holds", "energy", "rate", "area", "notes"]
    lines += ["", table(columns, (_level_cells(architecture, level) for level in architecture.levels)), ""]
    lines += [unit_text(architecture, unit) for unit in architecture.compute_units]
    for unit in architecture.compute_units:
        copies = architecture.copies(unit.name)
        kinds = [k for k in unit.throughput_per_cycle if k != "default"] or ["default"]
        for kind in kinds:
            per_cycle = copies * operations_per_cycle(unit, kind)
            name = "operations" if kind == "default" else kind
            rate = prefixed(per_cycle * architecture.clock_hz, "op/s")
            lines.append(f"peak of {unit.name}: {amount(per_cycle)} {name} per cycle = {rate}")
    area, missing = _area(architecture)
    if area is not None:
        lines.append(f"area: {digits(area)} mm2" + (f" without {', '.join(missing)}" if missing else ""))
    if architecture.constraints:
        lines += ["constraints:", *(f"- {sentence}" for sentence in architecture.constraints)]
    return "\n".join(lines)


def unit_text(architecture: Architecture, unit: ComputeUnit) -> str:
    """How many instances a compute unit has, what multiplies them, and what it does: ``MAC: 8 = X 8; does …``."""
    arrays = architecture.part(unit.name).arrays
    names = [dimension for array in arrays for dimension in array.shape]
    sizes = [
        f"{dimension if names.count(dimension) == 1 else f'{array.name}.{dimension}'} {size:,}"
        for array in arrays
        for dimension, size in array.shape.items()
    ]
    made = "stated" if unit.instances is not None else " × ".join(sizes)
    count = f"{architecture.copies(unit.name):,}" + (f" = {made}" if made else "")
    return f"{unit.name}: {count}; does {_operations(unit)}"


def _operations(unit: ComputeUnit) -> str:
    """What a compute unit does, with the price and the rate of each kind."""
    kinds = [kind for kind in dict.fromkeys((*unit.energy_pj, *unit.throughput_per_cycle)) if kind != "default"]
    told = {kind: kind for kind in kinds if unit.does(kind)}
    if unit.does("default"):
        told["default"] = "every other kind of operation" if told else "every kind of operation"
    prices = {kind: f"{digits(operation_pj(unit, kind))} pJ" if unit.energy_pj else NOT_MODELLED for kind in told}
    return ", ".join(
        f"{name} ({prices[kind]}, {digits(operations_per_cycle(unit, kind))} /cycle)" for kind, name in told.items()
    )


def _area(architecture: Architecture) -> tuple[float | None, list[str]]:
    stated = [(x.area_mm2, architecture.copies(x.name)) for x in architecture.levels if x.area_mm2 is not None]
    missing = [x.name for x in architecture.levels if x.area_mm2 is None]
    return (sum(a * n for a, n in stated), missing) if stated else (None, missing)


def _level_cells(architecture: Architecture, level: Level) -> list[str]:
    area = "" if level.area_mm2 is None else f"{digits(level.area_mm2)} mm2"
    notes = [f"leaks {prefixed(leakage_w(level), 'W')}"] if leakage_w(level) else []
    copies = f"{architecture.copies(level.name):,}"
    if isinstance(level, Memory):
        size = "unlimited" if level.capacity_bits is None else memory(level.capacity_bits)
        if level.double_buffered:
            notes.append("double buffered")
        if level.halo != "reuse":
            notes.append("halo: refetch")
        if level.holes != "skip":
            notes.append("holes: fetch")
        if not charges_drain(level):
            notes.append("drain: free")
        kind, energy, rate, holds = "memory", _memory_energy(level), _bandwidth(level), _holds(level)
    elif isinstance(level, Array):
        kind, holds = "array", ""
        size = " × ".join(f"{name} {extent}" for name, extent in level.shape.items())
        meter = hop_energy(level)
        energy = f"hop {digits(meter.price)} pJ per {meter.width_bits:g} b" if priced(level) else ""
        rate = f"{level.systolic} stationary" if level.systolic else ""
        notes += ["multicast: " + level.multicast] if level.multicast != "words" else []
        notes += [] if level.reduce else ["reduce: false"]
    else:
        kind, size, holds = "compute", "", ""
        energy = ", ".join(f"{_kind(k)}{digits(pj)} pJ" for k, pj in level.energy_pj.items())
        rate = ", ".join(f"{_kind(k)}{digits(r)} /cycle" for k, r in level.throughput_per_cycle.items())
    return [level.name, kind, copies, size, holds, energy, rate, area, ", ".join(notes)]


def _kind(name: str) -> str:
    return "" if name == "default" else f"{name} "


def _memory_energy(level: Memory) -> str:
    read, write = port_energy(level)
    if not priced(level):
        return NOT_MODELLED
    amounts = digits(read.price)
    if read.price != write.price:
        amounts = f"read {amounts}, write {digits(write.price)}"
    return f"{amounts} pJ per {read.width_bits:g} b"


def _bandwidth(level: Memory) -> str:
    parts = [f"{limit.action} {digits(limit.width_bits)} b/cycle".strip() for limit in port_limits(level)]
    return ", ".join(parts) or "unlimited"


def _holds(level: Memory) -> str:
    if level.keep is None and not level.may_keep:
        return "all"
    may = f"may: {' '.join(level.may_keep)}" if level.may_keep else ""
    return "; ".join(part for part in (" ".join(level.keep or ()), may) if part) or "nothing"


def operations(einsum: Einsum) -> dict[str, int]:
    """Operations of one execution, by kind."""
    return dict(einsum.operation_counts)


def intensity(einsum: Einsum) -> float:
    """Operations per byte when every word that the Einsum touches crosses once."""
    size = sum(stored_bits(t, None, touched_words(einsum, t.name)) for t in einsum.tensors.values()) / 8
    return sum(operations(einsum).values()) / size if size else math.inf


def workload_text(workload: Workload) -> str:
    """Einsums with shapes and operations, and tensors with roles and sizes."""
    total: dict[str, int] = {}
    for einsum in workload.einsums:
        for kind, number in operations(einsum).items():
            total[kind] = total.get(kind, 0) + number * einsum.count
    executions = sum(e.count for e in workload.einsums)
    sums = ", ".join(f"{amount(number).strip()} {kind}" for kind, number in total.items())
    plural = "s" if executions != 1 else ""
    lines = [f"{_one_line(workload.name)}: {len(workload.einsums)} statements, {executions} Einsum{plural}, {sums}"]
    if len(workload.einsums) == executions:
        lines = [f"{_one_line(workload.name)}: {executions} Einsum{plural}, {sums}"]
    if workload.source:
        lines.append(_one_line(f"source: {workload.source}"))
    several = executions != len(workload.einsums)
    einsums = (
        [
            einsum.name,
            str(einsum.count) if several else "",
            " ".join(f"{v}={extent}" for v, extent in einsum.shape.items()),
            ", ".join(f"{number:,} {kind}" for kind, number in operations(einsum).items()),
            digits(intensity(einsum)),
            einsum.text,
        ]
        for einsum in workload.einsums
    )
    columns = ["einsum", "count", "shape", "operations", "op/B", "statement"]
    lines += ["", table(columns, einsums), ""]
    # Layers of a network may use one name for tensors of their own.
    users: dict[Tensor, list[str]] = {}
    for einsum in workload.einsums:
        for tensor in einsum.tensors.values():
            users.setdefault(tensor, []).append(einsum.name)
    own_names = len({t.name for t in users}) == len(users)
    rows = (
        [
            t.name,
            "" if own_names else f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}",
            role_text(t),
            " × ".join(f"{r} {x}" for r, x in zip(t.ranks, t.shape, strict=True)),
            str(stored_bits(t, None, 1)),
            f"{t.size_words:,}",
            memory(stored_bits(t, None, t.size_words)),
        ]
        for t, names in users.items()
    )
    lines.append(table(["tensor", "of", "role", "shape", "bits", "words", "size"], rows))
    return "\n".join(lines)


def role_text(tensor: Tensor) -> str:
    """``weight``, or ``weight (guessed)`` where the file does not say so."""
    return f"{tensor.role.value} (guessed)" if tensor.guessed else tensor.role.value


# Results


def totals_text(evaluation: Evaluation, *, room: bool = False) -> str:
    """Energy, latency, EDP, utilisation, bottleneck and area, one per line, exact behind the rounded.

    ``room`` adds the room used.
    """
    cycles, energy = evaluation.latency_cycles, evaluation.energy_pj
    per_point = energy / evaluation.total_points if evaluation.total_points else 0.0
    edp = energy * 1e-12 * evaluation.latency_s
    rows = [
        ["energy", joules(energy), f"{exact(energy)} pJ, {digits(per_point)} pJ per point"],
        ["latency", seconds(evaluation.latency_s), f"{exact(cycles)} cycles at {prefixed(evaluation.clock_hz, 'Hz')}"],
        ["EDP", f"{edp:.4g} J·s", f"{evaluation.edp:.6g} pJ·cycles"],
        ["utilisation", percent(evaluation.utilisation), f"of {exact(evaluation.peak_per_cycle)} points per cycle"],
    ]
    if room:
        most = ", the most of the Einsums" if len(evaluation.points) > 1 else ""
        rows.insert(3, ["room used", memory(evaluation.capacity_bits), f"{exact(evaluation.capacity_bits)} b{most}"])
    if len(evaluation.points) == 1:
        rows.append(["bottleneck", next(iter(evaluation.bottlenecks.values()), ""), ""])
    if evaluation.area_mm2 is not None:
        missing = f"without {', '.join(evaluation.area_missing)}" if evaluation.area_missing else ""
        rows.append(["area", f"{digits(evaluation.area_mm2)} mm2", missing])
    else:
        rows.append(["area", NOT_MODELLED, ""])
    first, second = (max(len(row[c]) for row in rows) for c in (0, 1))
    return "\n".join(f"{name:<{first}}  {value:<{second}}  {note}".rstrip() for name, value, note in rows)


def energy_text(evaluation: Evaluation) -> str:
    """Energy by component, largest first."""
    total = evaluation.energy_pj or 1.0
    ordered = sorted(_by_component(evaluation).items(), key=lambda item: -item[1])
    return table(["component", "energy", "share"], ([name, joules(pj), percent(pj / total)] for name, pj in ordered))


def einsums_text(evaluation: Evaluation) -> str:
    """One line of costs for each Einsum, all its executions."""
    energy = energy_by_einsum(evaluation)
    rows = (
        [
            name,
            str(count),
            joules(energy[name] * count),
            f"{exact(evaluation.cycles_by_einsum[name] * count)}",
            percent(evaluation.utilisation_of([name])),
            evaluation.bottlenecks.get(name, ""),
        ]
        for name, count in evaluation.counts.items()
    )
    return table(["einsum", "count", "energy", "cycles", "utilisation", "bottleneck"], rows)


def energy_by_einsum(evaluation: Evaluation) -> dict[str, float]:
    """Energy of one execution of each Einsum."""
    energy = dict.fromkeys(evaluation.points, 0.0)
    for row in evaluation.action_rows:
        energy[row.einsum] += row.energy_pj
    return energy


def evaluation_text(evaluation: Evaluation) -> str:
    """The totals and every tidy table."""
    parts = [totals_text(evaluation)]
    if len(evaluation.points) > 1:
        parts.append(einsums_text(evaluation))
    parts += [
        energy_text(evaluation),
        table(
            ["einsum", "level", "tensor", "flow", "words"],
            ([r.einsum, r.level, r.tensor, r.flow, f"{r.words:,}"] for r in evaluation.traffic_rows),
        ),
        table(
            ["einsum", "component", "tensor", "action", "count", "energy_pj"],
            (
                [r.einsum, r.component, r.tensor, r.action, exact(r.count), exact(r.energy_pj)]
                for r in evaluation.action_rows
            ),
        ),
        table(
            ["einsum", "component", "cycles"],
            ([r.einsum, r.component, exact(r.cycles)] for r in evaluation.latency_rows),
        ),
        table(
            ["einsum", "level", "tensor", "words", "bits"],
            ([r.einsum, r.level, r.tensor, f"{r.words:,}", f"{r.bits:,}"] for r in evaluation.occupancy_rows),
        ),
    ]
    return "\n\n".join(parts)


def certificate_text(certificate: Certificate) -> str:
    """What is known about an answer, in one line.

    >>> from costmodel.mapper.result import Certificate
    >>> certificate_text(Certificate("optimal: proven", "exact", 10**15, 1200, (("bound", 900),), 0.12, 0.0))
    'optimal: proven (exact): 1.00e+15 mappings, 1,200 costed in 0.12 CPU-s; pruned: bound 900'
    """
    size = "" if certificate.mapspace is None else f" {_big(certificate.mapspace)} mappings,"
    pruned = ", ".join(f"{rule} {_big(number)}" for rule, number in certificate.pruned)
    costed = f"{_big(certificate.evaluated)} costed in {digits(certificate.cpu_s)} CPU-s"
    text = f"{certificate} ({certificate.method}):{size} {costed}"
    return f"{text}; pruned: {pruned}" if pruned else text


def _big(number: int) -> str:
    if number < 10**9:
        return f"{number:,}"
    power = len(str(number)) - 1
    lead = number // 10 ** (power - 2)
    return f"{lead // 100}.{lead % 100:02d}e+{power}"


def network_text(result: NetworkResult) -> str:
    """One line per layer, and the totals; with the room used where it is an objective."""
    room = result.request.aim.uses_capacity
    rows = []
    for layer in result.layers:
        evaluation = layer.point.evaluation
        rows.append(
            [
                layer.einsum,
                str(layer.count) if layer.count != 1 else "",
                joules(layer.point.energy_pj * layer.count),
                seconds(evaluation.latency_cycles * layer.count / evaluation.clock_hz),
                memory(layer.point.capacity_bits) if room else "",
                percent(evaluation.utilisation),
                next(iter(evaluation.bottlenecks.values()), ""),
                str(len(layer.result.front)) if len(layer.result.front) > 1 else "",
                str(layer.result.certificate),
            ],
        )
    columns = ["einsum", "count", "energy", "latency", "room used", "utilisation", "bottleneck", "front", "certificate"]
    parts = [table(columns, rows)] if rows else []
    missing = len(result.failures) + len(result.unfinished)
    if result.layers:
        partial = f"of {len(result.layers)} of {len(result.layers) + missing} Einsums:\n" if missing else ""
        parts.append(partial + totals_text(result.evaluation, room=room))
        parts.append(f"certificate: {certificate_text(result.certificate)}")
    if len(result.front) > 1:
        clock = result.evaluation.clock_hz
        ends = [
            f"{joules(p.energy_pj)}, {seconds(p.latency_cycles / clock)}"
            + (f", {memory(p.capacity_bits)}" if room else "")
            for p in (result.front[0], result.front[-1])
        ]
        exactness = (
            f"; thinned, every point is within {percent(result.front_gap)} of a kept one" if result.front_gap else ""
        )
        shown = f"\nthe totals are of {_chosen(result)}{' (--choose)' if result.request.aim.front else ''}"
        parts.append(f"front: {len(result.front)} points from {' to '.join(ends)}{exactness}{shown}")
    return "\n\n".join(parts)


def _chosen(result: NetworkResult) -> str:
    """``point 3: least EDP``."""
    if result.chosen is None:
        return f"a point between those kept: {result.request.choice}"
    return f"point {result.chosen + 1}: {result.request.choice}"


def curve_text(curve: BufferCurve, einsum: Einsum, capacity_bits: int | None) -> str:
    """Corners of a buffer-size curve, and where on it the level is."""
    count, least = sum(operations(einsum).values()), curve.points[-1]
    status = "proven" if curve.proven else "best found"
    rows = [
        (
            f"{-(-p.capacity_bits // 8):,}",
            f"{p.traffic_words:,}",
            f"{-(-p.traffic_bits // 8):,}",
            digits(8 * count / p.traffic_bits),
            digits(p.traffic_bits / least.traffic_bits),
        )
        for p in curve.points
    ]
    lines = [f"{curve.einsum}: least traffic between {curve.above} and {curve.level}, {status}", ""]
    lines += [table(["bytes held", "words moved", "bytes moved", "op/B", "× compulsory"], rows), ""]
    here = curve.at(capacity_bits)
    has = f"{curve.level} has {'no limit' if capacity_bits is None else memory(capacity_bits)}"
    if here is None:
        lines.append(f"{has}: nothing fits")
    else:
        factor = digits(here.traffic_bits / least.traffic_bits)
        lines.append(f"{has}: {here.traffic_words:,} words, {factor} × compulsory")
    return "\n".join(lines)


def sweep_text(points: Sequence[DesignPoint], *, room: bool = False) -> str:
    """One line per design point; ``*`` marks the front. ``room`` adds the room used."""
    axes = list(dict.fromkeys(axis for p in points for axis in p.axes))
    several_archs = len({p.arch for p in points}) > 1
    several = len({p.computes for p in points}) > 1
    several_workloads = len({p.workload for p in points}) > 1
    rows = []
    for p in points:
        energy, latency, area = design_cells(p)
        cost = [
            "" if p.operations is None else amount(p.operations),
            energy,
            latency,
            memory(p.capacity_bits) if room and p.capacity_bits is not None else "",
            area,
            "" if p.utilisation is None else percent(p.utilisation),
        ]
        names = [p.arch or "" if several_archs else "", p.workload or "" if several_workloads else ""]
        rows.append(["*" if p.pareto else " ", *names, *(str(p.axes.get(a, "")) for a in axes), *cost, p.note])
    costs = ["operations", "energy", "latency", "room used", "area", "utilisation"]
    parts = [table(["", "architecture", "workload", *axes, *costs, "note"], rows)]
    if any(p.pareto for p in points):
        parts.append(
            "* on the front: no other design beats it" + (", of those that compute the same" if several else "")
        )
    return "\n\n".join(parts)


def design_cells(costs: DesignCosts) -> tuple[str, str, str]:
    """Energy, latency and area of a design as tables and progress show them; empty where there is none."""
    return (
        "" if costs.energy_pj is None else joules(costs.energy_pj),
        "" if costs.latency_cycles is None else seconds(costs.latency_cycles / (costs.clock_hz or 1.0)),
        "" if costs.area_mm2 is None else f"{digits(costs.area_mm2)} mm2",
    )


def compare_text(comparison: Comparison, names: tuple[str, str]) -> str:
    """What differs, then one table of what both computed, with the change from the first to the second."""
    parts = [f"differs: {_one_line(difference)}" for difference in comparison.differences]
    text = ["\n".join(parts)] if parts else []
    if not comparison.shared:
        return "\n\n".join([*text, "nothing to compare: no Einsum is the same in both"])
    if not comparison.whole:
        text.append(f"of what both computed: {', '.join(comparison.shared)}")
    rows = ([r.name, quantity(r.first, r.unit), quantity(r.second, r.unit), change_text(r)] for r in comparison.rows)
    return "\n\n".join([*text, table(["", *names, "change"], rows)])


def quantity(value: float | None, unit: Unit) -> str:
    """A number of a comparison, with its unit."""
    if value is None:
        return NOT_MODELLED if unit == "mm2" else ""
    shown = {"pJ": joules, "s": seconds, "b": memory, "share": percent}.get(unit)
    return shown(value) if shown else f"{value:.4g} {unit}" if unit == "J·s" else f"{digits(value)} {unit}"


def change_text(row: Row) -> str:
    """``+12.3 %``; empty where one of the numbers is missing or the first is nothing."""
    return "" if row.change is None else f"{100 * row.change:+.3g} %" if row.change else "0 %"


def _by_component(evaluation: Evaluation) -> dict[str, float]:
    by_component: dict[str, float] = {}
    for row in evaluation.action_rows:
        energy = row.energy_pj * evaluation.counts[row.einsum]
        by_component[row.component] = by_component.get(row.component, 0.0) + energy
    return by_component
