"""What costs of designs hang on: neighbours in the design space, importance over all of it, the knee of the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from costmodel.report import tables
from costmodel.report.figures.parts import PJ
from costmodel.spec import units

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from costmodel.report.run import Run

    Codes = npt.NDArray[np.int64]

COSTS = {"energy": "energy_pj", "latency": "latency_s", "EDP": "edp_j_s", "area": "area_mm2"}
"""Costs whose changes are told, by the column that they are in."""
MORE = 1.1
"""The factor by which a value is thought to grow."""
FEW = 10
"""Designs below which no importance is told: its method looks at the best tenth."""
_COLUMNS = {
    **COSTS,
    "edp": "edp_j_s",
    "power": "power_w",
    "capacity": "capacity_bits",
}


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How costs follow the values of one axis."""

    axis: str
    changes: dict[str, float]
    """Cost → its relative change where the value grows by a tenth: the median over neighbours, taken as a power law.
    Empty where values are no numbers."""
    neighbours: int
    """Pairs of feasible designs that differ in this axis alone, by one place."""
    importance: float | None
    """Share that the axis has in whether a design is among the best tenth in EDP (Optuna's PED-ANOVA)."""


@dataclass(frozen=True, slots=True)
class DesignAxis:
    """A column of values, as places on an axis."""

    name: str
    labels: tuple[str, ...]
    """The different values in order: by size where they are amounts of one kind, else as they come."""
    numbers: tuple[float, ...]
    """These as numbers; empty where they are no amounts of one kind."""
    codes: Codes
    """The place of each design's value."""


def axes_of(table: pd.DataFrame, names: Sequence[str]) -> list[DesignAxis]:
    """The axes of the designs of a sweep."""
    return [_axis(name, [str(value) for value in table[name]]) for name in names]


def _axis(name: str, values: Sequence[str]) -> DesignAxis:
    labels = list(dict.fromkeys(values))
    numbers = _numbers(labels)
    if numbers:
        order = np.argsort(numbers, kind="stable")
        labels, numbers = [labels[n] for n in order], [numbers[n] for n in order]
    places = {label: place for place, label in enumerate(labels)}
    return DesignAxis(
        name, tuple(labels), tuple(numbers), np.array([places[value] for value in values], dtype=np.int64)
    )


def _numbers(labels: Sequence[str]) -> list[float]:
    """Amounts in the unit of the first; none where one is no amount, or measures something else."""
    try:
        amounts = [units.split(label) for label in labels]
        return [float(units.convert(number, unit, amounts[0][1])) for number, unit in amounts]
    except ValueError:
        return []


def costed(run: Run) -> pd.DataFrame:
    """The designs of a sweep with EDP in J·s: the cycles of designs with other clocks are not the same."""
    table = tables.sweep(run)
    return table.assign(edp_j_s=table["energy_pj"].astype(float) * PJ * table["latency_s"].astype(float))


def sensitivities(run: Run) -> list[Sensitivity]:
    """Of every axis with more than one value; none where designs compute different things."""
    table = costed(run)
    if len(set(table["computes"])) > 1:
        return []
    axes = [axis for axis in axes_of(table, tables.sweep_axes(run)) if len(axis.labels) > 1]
    importance = _importance(table, axes)
    found = []
    for axis in axes:
        changes, pairs = _changes(table, axis, [other for other in axes if other is not axis])
        found.append(Sensitivity(axis.name, changes, pairs, importance.get(axis.name)))
    return found


def _changes(table: pd.DataFrame, axis: DesignAxis, others: Sequence[DesignAxis]) -> tuple[dict[str, float], int]:
    """Changes of costs between neighbours, and how many there are. What follows the axis may differ between them."""
    if not axis.numbers or axis.numbers[0] <= 0:
        return {}, 0
    free = [other.codes for other in others if not _follows(other.codes, axis.codes)]
    order = np.lexsort((axis.codes, *free))
    near = np.diff(axis.codes[order]) == 1
    for codes in free:
        near &= np.diff(codes[order]) == 0
    feasible = table["energy_pj"].notna().to_numpy()[order]
    near &= feasible[1:] & feasible[:-1]
    if not near.any():
        return {}, 0
    growth = np.diff(np.log(np.array(axis.numbers))[axis.codes[order]])[near]
    changes = {}
    for name, column in COSTS.items():
        costs = table[column].to_numpy(dtype=float)[order]
        before, after = costs[:-1][near], costs[1:][near]
        told = np.isfinite(before) & np.isfinite(after) & (before > 0) & (after > 0)
        if told.any():
            powers = np.log(after[told] / before[told]) / growth[told]
            changes[name] = float(MORE ** np.median(powers) - 1.0)
    return changes, int(near.sum())


def _follows(codes: Codes, axis: Codes) -> bool:
    """Whether values are the same wherever those of an axis are."""
    pairs = np.unique(np.stack([axis, codes]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(axis)))


def _importance(table: pd.DataFrame, axes: Sequence[DesignAxis]) -> dict[str, float]:
    """The share of each axis in what makes a design one of the best; none of few designs."""
    feasible = np.flatnonzero(table["energy_pj"].notna().to_numpy())
    if len(feasible) < FEW or not axes:
        return {}
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spaces: dict[str, Any] = {
        axis.name: optuna.distributions.IntDistribution(0, len(axis.labels) - 1)
        if axis.numbers
        else optuna.distributions.CategoricalDistribution(range(len(axis.labels)))
        for axis in axes
    }
    costs = table["edp_j_s"].to_numpy(dtype=float)
    study = optuna.create_study()
    study.add_trials(
        create_trial(value=costs[n], params={axis.name: int(axis.codes[n]) for axis in axes}, distributions=spaces)
        for n in feasible
    )
    return dict(get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()))


def knees(run: Run) -> list[int]:
    """Places of the designs at the knee of each front: nearest to the best of all objectives, each from 0 to 1."""
    table = costed(run)
    names = str(run.provenance.settings.get("objective", "")).lower().split(",")
    columns = list(dict.fromkeys(_COLUMNS[name] for name in names if _COLUMNS.get(name) in table))
    columns = columns if len(columns) > 1 else ["energy_pj", "latency_s"]
    found = []
    for _, front in table[table["pareto"]].dropna(subset=columns).groupby("computes", sort=False):
        values = front[columns].to_numpy(dtype=float)
        sides = np.where(np.ptp(values, axis=0) > 0, np.ptp(values, axis=0), 1.0)
        distances = np.linalg.norm((values - values.min(axis=0)) / sides, axis=1)
        if len(front) > 1:
            found.append(int(front["point"].iloc[int(np.argmin(distances))]))
    return found
