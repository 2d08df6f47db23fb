"""Timeloop's reference runs: every count of every level, and the energy that its table makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from costmodel.api import evaluate
from costmodel.api.results import CostResult
from costmodel.model.evaluation import Flow
from costmodel.validate.data_files import published
from costmodel.validate.records import EXACT, Case, CaseGroup, within

FLOWS: dict[Flow, str] = {"read": "reads", "fill": "fills", "update": "updates"}
DIGITS = within(1e-5)
"""Energies are printed to a hundredth of a pJ, the table to a millionth; Timeloop rounds accesses of blocks up."""


def cases() -> Sequence[Case]:
    return [case for run in range(len(published("timeloop")["runs"])) for case in _cases_of(run)]


def _cases_of(number: int) -> Iterator[Case]:
    run = published("timeloop")["runs"][number]
    common = {"source": published("timeloop")["source"]}
    name = run["name"]
    totals = {
        "MACs": (run["macs"], EXACT, "", lambda: _cost(number).evaluation.total_points),
        "cycles": (run["cycles"], EXACT, "", lambda: _cost(number).latency_cycles),
        "utilisation": (run["utilisation_percent"], EXACT, "%", lambda: round(100 * _cost(number).utilisation, 2)),
        "energy of MACs": (run["mac_energy_pj"], DIGITS, "pJ", lambda: _energy(number, "mac", "")),
    }
    for quantity, (value, tolerance, unit, ours) in totals.items():
        yield Case(name=name, quantity=quantity, unit=unit, published=value, ours=ours, tolerance=tolerance, **common)
    for row in run["words"]:
        level, tensor = row["level"], row["tensor"]
        for (flow, shown), words in zip(FLOWS.items(), row["words"], strict=True):
            yield Case(
                name=f"{name}, {level}",
                quantity=f"{shown} of {tensor}",
                published=words,
                ours=partial(_words, number, level, tensor, flow),
                tolerance=EXACT,
                **common,
            )
        yield Case(
            name=f"{name}, {level}",
            quantity=f"energy of {tensor}",
            unit="pJ",
            published=row["energy_pj"],
            ours=partial(_energy, number, level, tensor),
            tolerance=DIGITS,
            **common,
        )


@cache
def _cost(number: int) -> CostResult:
    data: dict[str, Any] = published("timeloop")
    run = data["runs"][number]
    machine = {key: run[key] for key in ("name", "word", "levels")}
    return evaluate(machine, data["workload"], mapping={"nest": run["nest"]})


def _words(number: int, level: str, tensor: str, flow: Flow) -> float:
    return _cost(number).evaluation.words(level, tensor, flow)


def _energy(number: int, component: str, tensor: str) -> float:
    rows = _cost(number).evaluation.action_rows
    return sum(row.energy_pj for row in rows if row.component == component and tensor in {"", row.tensor})


GROUP = CaseGroup(
    name="timeloop",
    title="Timeloop: reference runs with their mappings",
    about="""
The first layer of MobileNet on two machines of Timeloop's exercises, with the mappings that its mapper printed. Every
count of every level and tensor is equal, and so is every energy with the same table of energies per access, to the
digits that are printed. One is 7 millionths less: 151,875 words are 37,968.75 accesses of four words here, and 37,969
there.
""",
    cases=cases,
)
