"""The designs of a sweep as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from costmodel.report.human import amount, digits, joules, memory, percent, seconds
from costmodel.report.sensitivity import COSTS, knees, sensitivities
from costmodel.report.text.aligned import one_line, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.report.run import DesignPoint, Run
    from costmodel.sweep.designs import DesignCosts

SLIGHT = 5e-5
"""A relative change below which a cost counts as the same, where changes are told."""


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
            *("" if value is None else digits(value) for value in (p.tops_per_w, p.tops_per_mm2)),
        ]
        names = [p.arch or "" if several_archs else "", p.workload or "" if several_workloads else ""]
        rows.append(["*" if p.pareto else " ", *names, *(str(p.axes.get(a, "")) for a in axes), *cost, p.note])
    costs = ["operations", "energy", "latency", "room used", "area", "utilisation", "TOPS/W", "TOPS/mm2"]
    parts = [table(["", "architecture", "workload", *axes, *costs, "note"], rows)]
    if any(p.pareto for p in points):
        parts.append(
            "* on the front: no other design beats it" + (", of those that compute the same" if several else "")
        )
    return "\n\n".join(parts)


def sensitivity_text(run: Run) -> str:
    """What 10 % more of each axis changes, and the knee of the front; empty where neither says anything."""
    found = sensitivities(run)
    told = [each for each in found if each.changes or each.importance is not None]
    parts = []
    if told:
        names = [name for name in COSTS if any(name in each.changes for each in told)]
        rows = [
            [
                each.axis,
                *(change_text(each.changes[name]) if name in each.changes else "" for name in names),
                f"{each.neighbours:,}" if each.neighbours else "",
                "" if each.importance is None else percent(each.importance),
            ]
            for each in told
        ]
        parts.append(table(["+10 % of", *names, "neighbours", "importance"], rows))
    parts += [f"knee of {front}: {design}" for _, front, design in named_knees(run)]
    return "\n\n".join(parts)


def named_knees(run: Run) -> list[tuple[int, str, str]]:
    """Of each knee the place of its design, which front it is of, and by what the table tells the design from others.

    A front is called by what its designs compute where there are several.
    """
    points = run.design_points
    several, several_archs = len({p.computes for p in points}) > 1, len({p.arch for p in points}) > 1
    found = []
    for place in knees(run):
        point = points[place]
        names = [point.arch] if several_archs and point.arch else []
        design = ", ".join([*names, *(f"{axis} {value}" for axis, value in point.axes.items())])
        found.append((place, f"the front ({point.computes})" if several else "the front", design))
    return found


def change_text(change: float) -> str:
    """A relative change for people.

    >>> change_text(-0.0312), change_text(2e-7)
    ('−3.1 %', '≈ 0 %')
    """
    if 0.0 < abs(change) < SLIGHT:
        return "≈ 0 %"
    return f"{change * 100:+.2g} %".replace("-", "\N{MINUS SIGN}")


def failures(points: Sequence[DesignPoint]) -> list[tuple[str, int]]:
    """Why designs are not feasible, and how many for each reason; the commonest first."""
    return Counter(p.note or "no reason stated" for p in points if not p.feasible).most_common()


def nothing_text(points: Sequence[DesignPoint]) -> str:
    """What to say where no design is feasible: every reason once, the commonest first."""
    reasons = [f"{count:,} of them: {one_line(reason)}" for reason, count in failures(points)]
    return "\n".join([f"nothing is feasible: {len(points):,} design{'' if len(points) == 1 else 's'}", *reasons])


def design_cells(costs: DesignCosts) -> tuple[str, str, str]:
    """Energy, latency and area of a design as tables and progress show them; empty where there is none."""
    return (
        "" if costs.energy_pj is None else joules(costs.energy_pj),
        "" if costs.latency_cycles is None else seconds(costs.latency_cycles / (costs.clock_hz or 1.0)),
        "" if costs.area_mm2 is None else f"{digits(costs.area_mm2)} mm2",
    )
