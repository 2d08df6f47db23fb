"""An evaluation as text: totals and every tidy table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.model.evaluation import pipelined_cycles
from costmodel.report.human import (
    NOT_MODELLED,
    digits,
    exact,
    joule_seconds,
    joules,
    memory,
    percent,
    prefixed,
    seconds,
)
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from costmodel.model.evaluation import Efficiency, Evaluation


def totals_text(evaluation: Evaluation, *, room: bool = False, brief: bool = False) -> str:
    """Energy, latency, EDP, utilisation, bottleneck and area, one per line, exact behind the rounded.

    ``room`` adds the room used; ``brief`` leaves out what a verdict says, and what is not modelled.
    """
    cycles, energy = evaluation.latency_cycles, evaluation.energy_pj
    per_point = energy / evaluation.total_points if evaluation.total_points else 0.0
    peak = evaluation.peak_per_cycle
    average = peak != int(peak)
    of = f"of {digits(peak) if average and peak < 1000 else f'{peak:,.0f}'} points per cycle"
    of += " on average" if average else ""
    rows = [
        ["energy", joules(energy), f"{exact(energy)} pJ, {digits(per_point)} pJ per point"],
        ["latency", seconds(evaluation.latency_s), f"{exact(cycles)} cycles at {prefixed(evaluation.clock_hz, 'Hz')}"],
        ["EDP", joule_seconds(evaluation.edp_j_s), f"{evaluation.edp:.6g} pJ·cycles"],
        ["utilisation", percent(evaluation.utilisation), of],
    ]
    if room:
        most = ", the most of the Einsums" if len(evaluation.points) > 1 else ""
        rows.insert(3, ["room used", memory(evaluation.capacity_bits), f"{exact(evaluation.capacity_bits)} b{most}"])
    if len(evaluation.points) == 1 and not brief:
        rows.append(["bottleneck", next(iter(evaluation.bottlenecks.values()), ""), ""])
    if evaluation.area_mm2 is not None:
        missing = f"without {', '.join(evaluation.area_missing)}" if evaluation.area_missing else ""
        rows.append(["area", f"{digits(evaluation.area_mm2)} mm2", missing])
    elif not brief:
        rows.append(["area", NOT_MODELLED, ""])
    rows += _efficiency_rows(evaluation.efficiency)
    first, second = (max(len(row[c]) for row in rows) for c in (0, 1))
    return "\n".join(f"{name:<{first}}  {value:<{second}}  {note}".rstrip() for name, value, note in rows)


def _efficiency_rows(found: Efficiency) -> Iterator[list[str]]:
    if found.power_w is not None:
        yield ["power", prefixed(found.power_w, "W"), "energy over latency"]
    if found.tops_per_w is not None:
        more = [
            f"{digits(value)} {unit}"
            for value, unit in ((found.pj_per_mac, "pJ per MAC"), (found.tops_per_mm2, "TOPS/mm2"))
            if value is not None
        ]
        yield ["efficiency", f"{digits(found.tops_per_w)} TOPS/W", ", ".join(more)]


def energy_text(evaluation: Evaluation) -> str:
    """Energy by component, largest first."""
    total = evaluation.energy_pj or 1.0
    ordered = sorted(energy_by_component(evaluation).items(), key=lambda item: -item[1])
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


def overlap_text(evaluation: Evaluation) -> str:
    """What pipelined sequences keep busy, with fill and drain, and how that compares with one Einsum after another."""
    parts = []
    for einsums, busy in evaluation.pipelines.items():
        own = pipelined_cycles(busy)
        alone = sum(evaluation.cycles_by_einsum[name] for name in einsums)
        gain = f"{exact(alone - own)} fewer than" if own < alone else "no fewer than"
        head = f"pipelined {einsums[0]} … {einsums[-1]}: {exact(own)} cycles, {gain} one after another"
        parts.append(head + "\n" + table(["resource", "cycles"], ([r, exact(c)] for r, c in busy.items())))
    return "\n\n".join(parts)


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
    if evaluation.overlap_rows:
        parts.append(overlap_text(evaluation))
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


def energy_by_component(evaluation: Evaluation) -> dict[str, float]:
    """Energy of each component, over all executions."""
    by_component: dict[str, float] = {}
    for row in evaluation.action_rows:
        energy = row.energy_pj * evaluation.counts[row.einsum]
        by_component[row.component] = by_component.get(row.component, 0.0) + energy
    return by_component
