"""The headline numbers of a run: what a reader sees first on its page and in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costmodel.model.evaluation import Evaluation
from costmodel.report import human, tables
from costmodel.report.run import DesignPoint, DesignState, Run

SAME = 5e-5
"""Share below which two numbers read the same."""
KINDS_LIMIT = 4
"""Computations of a sweep that have cards of their own."""


@dataclass(frozen=True, slots=True)
class Card:
    """One headline number."""

    title: str
    value: str
    detail: str = ""
    exact: str = ""
    """All digits, on hover."""
    amount: float | None = None
    """The number itself, in a unit that two runs share; null where it is not known."""
    change: str = ""
    """How it differs from that of a baseline."""


def cards(run: Run, baseline: Run | None = None) -> list[Card]:
    """The headline numbers of a run; of an evaluation with how they differ from those of a baseline that is given."""
    if run.evaluation is None:
        return _sweep_cards(run)
    found = list(_evaluation_cards(run, run.evaluation))
    if baseline is None or baseline.evaluation is None:
        return found
    before = {card.title: card.amount for card in _evaluation_cards(baseline, baseline.evaluation)}
    return [replace(card, change=_change(card.amount, before.get(card.title))) for card in found]


def _change(now: float | None, before: float | None) -> str:
    """How much more or less than before; empty where that says nothing."""
    if now is None or not before:
        return ""
    change = now / before - 1
    return "as the baseline" if abs(change) < SAME else f"{'+' if change > 0 else '−'}{human.percent(abs(change))}"


def edp_text(row: Mapping[Any, Any]) -> str:
    """The EDP of a row of a front or a sweep, for people."""
    return human.joule_seconds(row["energy_pj"] * 1e-12 * row["latency_s"])


def _evaluation_cards(run: Run, e: Evaluation) -> Iterator[Card]:
    word = tables.point_word(run)
    cycles = f"{human.amount(e.latency_cycles)} cycles at {human.prefixed(e.clock_hz, 'Hz')}"
    peak = f"of {human.amount(e.peak_per_cycle)} {word}s per cycle"
    points = f"{human.exact(e.total_points)} {word}s"
    yield Card("Energy", human.joules(e.energy_pj), _most(run), f"{human.exact(e.energy_pj)} pJ", e.energy_pj)
    yield Card("Latency", human.seconds(e.latency_s), cycles, f"{human.exact(e.latency_cycles)} cycles", e.latency_s)
    yield Card("EDP", human.joule_seconds(e.edp_j_s), "energy × latency", f"{e.edp:.6g} pJ·cycles", e.edp_j_s)
    if run.uses_capacity:
        detail = "the most of the Einsums" if len(e.points) > 1 else "by tiles inside the outermost memory"
        yield Card("Room used", human.memory(e.capacity_bits), detail, f"{e.capacity_bits:,} b", e.capacity_bits)
    yield Card("Utilisation", human.percent(e.utilisation), peak, points, e.utilisation)
    yield from _efficiency_cards(e, word)


def _efficiency_cards(e: Evaluation, word: str) -> Iterator[Card]:
    """What the energy, the time and the area are spent for."""
    found = e.efficiency
    if word == "MAC" or found.pj_per_mac is None:
        each = e.energy_pj / e.total_points if e.total_points else 0.0
    else:
        word, each = "MAC", found.pj_per_mac
    yield Card(f"pJ per {word}", human.digits(each), f"{human.amount(e.total_points)} points", f"{each:.9g} pJ", each)
    if found.power_w is not None:
        watts = human.prefixed(found.power_w, "W")
        yield Card("Power", watts, "energy over latency", f"{found.power_w:.9g} W", found.power_w)
    if e.area_mm2 is None:
        yield Card("Area", human.NOT_MODELLED, "no level states an area")
    else:
        missing = f"without {', '.join(e.area_missing)}" if e.area_missing else ""
        yield Card("Area", f"{human.digits(e.area_mm2)} mm²", missing, f"{e.area_mm2:.9g} mm²", e.area_mm2)
    if found.tops_per_w is not None:
        area = f"{human.digits(found.tops_per_mm2)} TOPS/mm²" if found.tops_per_mm2 is not None else "a MAC is two"
        exact = f"{found.tops_per_w:.9g} TOPS/W"
        yield Card("TOPS/W", human.digits(found.tops_per_w), area, exact, found.tops_per_w)


def _most(run: Run) -> str:
    """The component that takes the most energy."""
    most = tables.largest(run)
    return f"{human.percent(most[1])} in {most[0]}" if most else ""


def _sweep_cards(run: Run) -> list[Card]:
    table = tables.sweep(run)
    feasible = table.dropna(subset=["energy_pj", "latency_s"])
    if feasible.empty:
        return [Card("Designs", str(len(table)), "none is feasible")]
    cards = [
        Card("Designs", f"{len(table):,}", _without_costs(run.design_points)),
        Card("Pareto front", f"{int(feasible['pareto'].sum()):,}", "designs that no other beats"),
    ]
    axes = tables.sweep_axes(run)
    kinds = [(str(name), same.to_dict("records")) for name, same in feasible.groupby("computes", sort=False)]
    if len(kinds) > KINDS_LIMIT:
        return [*cards, Card("Computations", f"{len(kinds):,}", "costs of different ones do not compare")]
    for name, records in kinds:
        cards += _least_cards(records, axes, f" of {name}" if len(kinds) > 1 else "")
    return cards


def _without_costs(points: Sequence[DesignPoint]) -> str:
    """Say why designs have no costs: for a condition, for a proof, or since nothing fits."""
    counts = Counter(point.state for point in points)
    told: dict[DesignState, str] = {"aside": "set aside", "beaten": "beaten, proven", "infeasible": "infeasible"}
    return ", ".join(f"{counts[state]:,} {what}" for state, what in told.items() if counts[state]) or "all feasible"


def _least_cards(records: Sequence[Mapping[Any, Any]], axes: Sequence[str], of: str) -> Iterator[Card]:
    """The best designs of those that compute the same."""
    for title, column, unit, show in (
        ("Least energy", "energy_pj", "pJ", lambda r: human.joules(r["energy_pj"])),
        ("Least latency", "latency_s", "s", lambda r: human.seconds(r["latency_s"])),
        ("Least EDP", "edp_pj_s", "pJ·s", edp_text),
    ):
        # Clocks differ, so seconds count. Of equals one that no other beats, if there is one.
        timed = [{**r, "edp_pj_s": float(r["energy_pj"]) * float(r["latency_s"])} for r in records]
        best = min(timed, key=lambda r: (float(r[column]), not r["pareto"], r["edp_pj_s"]))
        which = ", ".join(f"{a} {best[a]}" for a in axes)
        yield Card(f"{title}{of}", show(best), which, f"{best[column]:,.9g} {unit}")
