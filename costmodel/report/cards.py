"""The headline numbers of a run: what a reader sees first on its page and in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.mapper.result import Certificate, Status
from costmodel.model.evaluation import Evaluation
from costmodel.report import human, tables
from costmodel.report.run import DesignPoint, DesignState, EinsumSearch, Run

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


def cards(run: Run) -> list[Card]:
    """The headline numbers of a run."""
    return _sweep_cards(run) if run.evaluation is None else _evaluation_cards(run, run.evaluation)


def joule_seconds(row: Mapping[Any, Any]) -> str:
    """The EDP of a row of a front or a sweep, for people."""
    return human.prefixed(row["energy_pj"] * 1e-12 * row["latency_s"], "J·s", smallest=1e-18)


def _evaluation_cards(run: Run, e: Evaluation) -> list[Card]:
    shares = tables.bottleneck_shares(run)
    bound, share = next(iter(shares.items()), ("none", 0.0))
    several = len(e.points) > 1
    word = "MAC" if all([o.kind for o in s.operations] == ["mac"] for s in run.workload.einsums) else "point"
    others = ", ".join(f"{name} {human.percent(s)}" for name, s in list(shares.items())[1:4])
    per_point = e.energy_pj / e.total_points if e.total_points else 0.0
    cards = [
        Card(
            "Energy",
            human.joules(e.energy_pj),
            f"{human.digits(per_point)} pJ per {word}",
            f"{human.exact(e.energy_pj)} pJ",
        ),
        Card(
            "Latency",
            human.seconds(e.latency_s),
            f"{human.amount(e.latency_cycles)} cycles at {human.prefixed(e.clock_hz, 'Hz')}",
            f"{human.exact(e.latency_cycles)} cycles",
        ),
        Card(
            "EDP",
            human.prefixed(e.energy_pj * 1e-12 * e.latency_s, "J·s", smallest=1e-18),
            "energy × latency",
            f"{e.edp:.6g} pJ·cycles",
        ),
        Card(
            "Utilisation",
            human.percent(e.utilisation),
            f"{human.amount(e.total_points)} {word}s, peak {human.amount(e.peak_per_cycle)} per cycle",
            f"{human.exact(e.total_points)} {word}s",
        ),
        Card(
            "Bottleneck",
            bound,
            (f"{human.percent(share)} of the time" + (f"; {others}" if others else "")) if several else "",
        ),
        _area_card(e),
        *_power_cards(e),
    ]
    if run.uses_capacity:
        detail = "the most of the Einsums" if several else "by tiles inside the outermost memory"
        cards.insert(3, Card("Room used", human.memory(e.capacity_bits), detail, f"{e.capacity_bits:,} b"))
    if run.certificate is not None:
        cards.append(_certificate_card(run.certificate, run.searches))
    return cards


def _area_card(e: Evaluation) -> Card:
    if e.area_mm2 is None:
        return Card("Area", human.NOT_MODELLED, "no level states an area")
    missing = f"without {', '.join(e.area_missing)}" if e.area_missing else ""
    return Card("Area", f"{human.digits(e.area_mm2)} mm²", missing, f"{e.area_mm2:.9g} mm²")


def _power_cards(e: Evaluation) -> Iterator[Card]:
    found = e.efficiency
    if found.power_w is not None and found.tops_per_w is not None:
        area = f"; {human.digits(found.tops_per_mm2)} TOPS/mm²" if found.tops_per_mm2 is not None else ""
        detail = f"{human.digits(found.tops_per_w)} TOPS/W{area}"
        yield Card("Power", human.prefixed(found.power_w, "W"), detail, f"{found.power_w:.9g} W")


def _certificate_card(certificate: Certificate, searches: Sequence[EinsumSearch]) -> Card:
    """What is known about the totals, and how many of several Einsums are proven."""
    detail = f"{human.amount(certificate.evaluated)} mapping{'' if certificate.evaluated == 1 else 's'} costed"
    proven = [s.certificate.status for s in searches].count(Status.PROVEN)
    if certificate.status != Status.PROVEN and proven:
        detail = f"{proven} of {len(searches)} proven; {detail}"
    return Card("Certificate", str(certificate), detail, f"{certificate.evaluated:,} costed")


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
        ("Least EDP", "edp_pj_s", "pJ·s", joule_seconds),
    ):
        # Clocks differ, so seconds count. Of equals one that no other beats, if there is one.
        timed = [{**r, "edp_pj_s": float(r["energy_pj"]) * float(r["latency_s"])} for r in records]
        best = min(timed, key=lambda r: (float(r[column]), not r["pareto"], r["edp_pj_s"]))
        which = ", ".join(f"{a} {best[a]}" for a in axes)
        yield Card(f"{title}{of}", show(best), which, f"{best[column]:,.9g} {unit}")
