"""The numbers of all components together: energy, latency, EDP, utilisation, area."""

from __future__ import annotations

import math
from collections.abc import Sequence

from costmodel.model.evaluation import pipelined_cycles
from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.explanation import Explanation, Part, number
from costmodel.model.meters import (
    priced,
)
from costmodel.spec.hardware import Array


def total(asked: Questioned, subject: str) -> Explanation:
    """Derive one of ``TOTALS``."""
    match subject:
        case "energy":
            return energy(asked)
        case "latency":
            return latency(asked)
        case "area":
            return area(asked)
        case "edp":
            return _edp(asked)
        case _:
            return _utilisation(asked)


def _edp(asked: Questioned) -> Explanation:
    pj, cycles = energy(asked).value, latency(asked).value
    value = pj * cycles
    text = f"EDP = {number(pj)} pJ × {number(cycles)} cycles = {value:.6g} pJ·cycles"
    return Explanation("edp", value, "pJ·cycles", text)


def _utilisation(asked: Questioned) -> Explanation:
    e = asked.evaluation
    names = asked.einsums()
    cycles = sum(e.cycles_by_einsum[name] * e.counts[name] for name in names)
    points, peak = sum(e.points[n] * e.counts[n] for n in names), e.peak_of(names)
    value = points / (cycles * peak) if cycles else 0.0
    head = (
        f"utilisation = {points:,} points / ({number(cycles)} cycles × {number(peak)} per cycle) = {100 * value:.4g} %"
    )
    return Explanation("utilisation", value, "", head, notes=("See `latency` for what the cycles are spent on.",))


def energy(asked: Questioned) -> Explanation:
    """Derive the energy of all components."""
    e = asked.evaluation
    by_part: dict[tuple[str, str], float] = {}
    for row in e.action_rows:
        if row.einsum in asked.einsums():
            key = (row.component, row.action.split(" ")[0])
            by_part[key] = by_part.get(key, 0.0) + row.energy_pj * e.counts[row.einsum]
    parts = tuple(Part(f"{component} {action}", pj) for (component, action), pj in by_part.items())
    value = e.energy_pj if asked.einsum is None else sum(p.value for p in parts)
    largest = max(parts, key=lambda p: p.value, default=None)
    lines = []
    if largest is not None and value:
        lines.append(f"{100 * largest.value / value:.1f} % of it is {largest.text}")
    free = _unpriced(asked)
    notes = (f"not modelled (no energy stated): {', '.join(free)}",) if free else ()
    return Explanation("energy", value, "pJ", f"energy = {number(value)} pJ", tuple(lines), parts, notes=notes)


def _unpriced(asked: Questioned) -> list[str]:
    """Levels that state no energy, hops apart."""
    return [x.name for x in asked.architecture.levels if not isinstance(x, Array) and not priced(x)]


def latency(asked: Questioned) -> Explanation:
    """Derive the cycles: of one Einsum its slowest component, of several their sum."""
    e = asked.evaluation
    names = asked.einsums()
    if len(names) == 1:
        (name,) = names
        rows = [r for r in e.latency_rows if r.einsum == name]
        cycles = e.cycles_by_einsum[name]
        value = cycles * e.counts[name]
        parts = tuple(Part(f"{asked.times(name)}{r.component}", r.cycles * e.counts[name]) for r in rows)
        lines = [f"bottleneck: {e.bottlenecks.get(name, 'none')}; see `{e.bottlenecks.get(name, '')}.latency`"]
        notes = _unlimited(asked, rows)
        return Explanation(
            "latency", value, "cycles", f"latency = {number(value)} cycles", tuple(lines), parts, "max", notes
        )
    if e.pipelines:
        return _pipelined(asked)
    parts = tuple(
        Part(f"{asked.times(n)}{n} ({e.bottlenecks.get(n, 'none')})", e.cycles_by_einsum[n] * e.counts[n])
        for n in names
    )
    lines = ["Einsums run one after another; each takes as long as its slowest component"]
    value = e.latency_cycles
    return Explanation("latency", value, "cycles", f"latency = {number(value)} cycles", tuple(lines), parts)


def _pipelined(asked: Questioned) -> Explanation:
    """Derive the cycles where Einsums overlap: a sum over what runs one after another."""
    e = asked.evaluation
    parts = tuple(
        Part(f"{asked.times(names[0])}{', '.join(names)}", cycles * e.counts[names[0]])
        for names, cycles in e.spans.items()
    )
    lines = []
    for names, busy in e.pipelines.items():
        alone = sum(e.cycles_by_einsum[name] for name in names)
        terms = ", ".join(f"{resource} {number(cycles)}" for resource, cycles in busy.items())
        lines.append(
            f"{', '.join(names)} are pipelined: {number(pipelined_cycles(busy))} cycles, the longest of what is busy, "
            f"and fill and drain ({terms}); one after another {number(alone)}"
        )
    head = f"latency = {number(e.latency_cycles)} cycles"
    return Explanation("latency", e.latency_cycles, "cycles", head, tuple(lines), parts)


def _unlimited(asked: Questioned, rows: Sequence[object]) -> tuple[str, ...]:
    limited = {getattr(r, "component", "") for r in rows}
    free = [m.name for m in asked.architecture.memories if m.name not in limited]
    return (f"no bandwidth stated, so no limit: {', '.join(free)}",) if free else ()


def area(asked: Questioned) -> Explanation:
    """Derive the area of all instances of all levels that state one."""
    stated = [x for x in asked.architecture.levels if x.area_mm2 is not None]
    missing = [x.name for x in asked.architecture.levels if x.area_mm2 is None]
    notes = (f"not modelled (no area stated): {', '.join(missing)}",) if missing else ()
    if not stated:
        return Explanation("area", math.nan, "mm2", "area: not modelled, no level states one", notes=notes)
    parts = tuple(
        Part(
            f"{x.name}: {asked.architecture.copies(x.name):,} × {number(x.area_mm2 or 0.0)} mm2",
            (x.area_mm2 or 0.0) * asked.architecture.copies(x.name),
        )
        for x in stated
    )
    value = asked.evaluation.area_mm2 if asked.evaluation.area_mm2 is not None else sum(p.value for p in parts)
    return Explanation("area", value, "mm2", f"area = {number(value)} mm2", (), parts, notes=notes)
