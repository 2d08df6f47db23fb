"""Conditions of a study: designs that do not meet them are set aside, those that values and area tell unsearched."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from costmodel.model.actions import area_mm2
from costmodel.spec.amounts import Amount, condition
from costmodel.spec.study import FIGURES
from costmodel.sweep.designs import ASIDE
from costmodel.sweep.outcome import Outcome

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.study import Study
    from costmodel.sweep.designs import Design

BEFORE = ("area",)
"""Figures that need no mapping."""


def set_aside(study: Study, design: Design, architecture: Architecture) -> Outcome | None:
    """The outcome of a design that breaks a condition whatever its mappings; null where none is broken so far."""
    if not study.where:
        return None
    area = area_mm2(architecture)[0]
    known = _values(study, design) | _figures({"area": (area, "mm2")})
    said = _broken(study, known, [name for name in FIGURES if name not in BEFORE])
    return Outcome(design, note=said, area_mm2=area) if said else None


def judged(study: Study, outcome: Outcome) -> Outcome:
    """An outcome that meets the conditions, or one that says which it breaks."""
    if not study.where or outcome.energy_pj is None or outcome.latency_cycles is None:
        return outcome
    figures = {
        "area": (outcome.area_mm2, "mm2"),
        "energy": (outcome.energy_pj, "pJ"),
        "latency": (outcome.latency_cycles / (outcome.clock_hz or 1.0), "s"),
        "power": (outcome.power_w, "W"),
        "peak_power": (outcome.peak_power_w, "W"),
        "utilisation": (outcome.utilisation, ""),
    }
    said = _broken(study, _values(study, outcome.design) | _figures(figures), [])
    if not said:
        return outcome
    return Outcome(outcome.design, note=said, area_mm2=outcome.area_mm2, clock_hz=outcome.clock_hz)


def _broken(study: Study, known: Mapping[str, Amount], later: list[str]) -> str:
    """Say which conditions are broken; those that ask for something that is known ``later`` are left."""
    said = []
    for text in study.where:
        one = condition(text)
        if any(name in later for name in one.names):
            continue
        try:
            said.append(one.broken(known))
        except KeyError as lost:
            said.append(f"{text}: {lost.args[0]} is not modelled")
        except (ValueError, ZeroDivisionError) as error:
            said.append(f"{text}: {error}")
    return "; ".join(f"{ASIDE}: {each}" for each in said if each)


def _figures(values: Mapping[str, tuple[float | None, str]]) -> dict[str, Amount]:
    return {name: Amount(Fraction(number), unit) for name, (number, unit) in values.items() if number is not None}


def _values(study: Study, design: Design) -> dict[str, Amount]:
    """The values of a design that are amounts."""
    found: dict[str, Amount] = {}
    stated = study.from_files(design.arch, design.workload)
    for path, value in (*stated.items(), *study.set.items(), *design.axes):
        try:
            found[path] = Amount.of(value)
        except ValueError:
            continue
    return found
