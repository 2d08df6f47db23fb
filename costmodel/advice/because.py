"""Why a change gains or costs what it does: where the energy goes less, and what decides the latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.model.evaluation import COMPUTE

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation

SLIGHT = 1e-3
"""Share of a cost below which nothing is said about it."""


def because(before: Evaluation, after: Evaluation) -> str:
    """Say in a line what is different."""
    told = [*_energy(before, after), *_latency(before, after)]
    return "; ".join(told) or "costs the same"


def _energy(before: Evaluation, after: Evaluation) -> list[str]:
    """The part of the energy that has changed most in the direction of the whole."""
    old, new = _parts(before), _parts(after)
    less = after.energy_pj < before.energy_pj
    saved = {part: (old.get(part, 0.0) - new.get(part, 0.0)) * (1 if less else -1) for part in {**old, **new}}
    part = max(saved, key=lambda one: saved[one], default=None)
    if part is None or abs(after.energy_pj - before.energy_pj) < SLIGHT * before.energy_pj:
        return []
    component, tensor = part
    whose, where = (f"{tensor} costs", f" at {component}") if tensor else (f"{component} spends", "")
    return [f"{whose} {'less' if less else 'more'}{where} ({_percent(saved[part] / before.energy_pj)} of the energy)"]


def _latency(before: Evaluation, after: Evaluation) -> list[str]:
    """What decides the latency, where that has changed."""
    old_s, new_s = before.latency_s, after.latency_s
    if abs(new_s - old_s) < SLIGHT * old_s:
        return []
    first, then = _decides(before), _decides(after)
    times = max(old_s, new_s) / min(old_s, new_s)
    pace = f"{times:.3g} times as {'fast' if new_s < old_s else 'slow'}"
    return [f"{pace}, bound by {then}{f' in place of {first}' if first != then else ' as before'}"]


def _parts(evaluation: Evaluation) -> dict[tuple[str, str], float]:
    """Energy by component and tensor; what computes has no tensor."""
    parts: dict[tuple[str, str], float] = {}
    for row in evaluation.action_rows:
        key = (row.component, "" if row.action.startswith(COMPUTE) else row.tensor)
        parts[key] = parts.get(key, 0.0) + row.energy_pj * evaluation.counts[row.einsum]
    return parts


def _decides(evaluation: Evaluation) -> str:
    """The component that decides most of the latency."""
    cycles: dict[str, float] = {}
    for name, component in evaluation.bottlenecks.items():
        cycles[component] = cycles.get(component, 0.0) + evaluation.cycles_by_einsum[name] * evaluation.counts[name]
    return max(cycles, key=lambda name: cycles[name], default="nothing")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
