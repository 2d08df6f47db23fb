"""The figures of a run, each drawn from its tables alone."""

from __future__ import annotations

from collections.abc import Callable

from costmodel.report import figures, roofs, tables
from costmodel.report.figures.drawing import Drawing
from costmodel.report.run import Run


def energy(run: Run) -> Drawing:
    """Energy by level, split by tensor, or by kind of tensor where there are many."""
    evaluation, table = tables.evaluation_of(run), tables.energy_by_level(run)
    height = 560 if len(evaluation.points) > 1 else max(360, 80 + 54 * table["component"].nunique())
    points = (evaluation.total_points, tables.point_word(run))
    how = tables.energy_how(run)
    return figures.energy_by_level(table, tables.group_roles(run.workload), height, how=how, points=points)


def icicle(run: Run) -> Drawing:
    """Energy by component, tensor and action, to go into."""
    roles, order = tables.group_roles(run.workload), tables.component_order(run)
    return figures.energy_icicle(tables.energy(run), roles, order, run.workload.name, tables.energy_how(run))


def energy_by_einsum(run: Run) -> Drawing:
    """Energy of each Einsum by component, over all its executions."""
    counts = tables.evaluation_of(run).counts
    return figures.energy_by_einsum(tables.energy_by_einsum(run), tables.component_order(run), counts)


def latency(run: Run) -> Drawing:
    """Time of each Einsum; of a single one, the time that each component needs."""
    evaluation = tables.evaluation_of(run)
    if len(evaluation.points) > 1:
        return figures.latency_by_einsum(tables.einsums(run), tables.component_order(run), evaluation.clock_hz)
    return latency_by_component(run)


def latency_by_component(run: Run) -> Drawing:
    """Time that each component is busy, and the time that it decides."""
    return figures.latency_by_component(tables.busy(run), tables.evaluation_of(run).clock_hz, 340)


def load(run: Run) -> Drawing:
    """Share of the time that each component is busy, for each Einsum."""
    return figures.load_by_component(tables.latency(run), list(tables.evaluation_of(run).points))


def roofline(run: Run) -> Drawing:
    """Operations per cycle against the intensity of each Einsum as mapped, below the roof of every memory."""
    order = tables.component_order(run)
    return figures.roofline(roofs.intensities(run), roofs.roofs(run), roofs.peaks(run), order)


def front(run: Run) -> Drawing:
    """Energy against latency of the mappings that no other beats."""
    return figures.front(tables.network_front(run))


def designs(run: Run) -> Drawing:
    """Energy against latency of the designs of a sweep, coloured by its first axis."""
    table, axes = tables.sweep(run), tables.sweep_axes(run)
    return figures.sweep_scatter(table, tables.energy_latency_front(table), axes, axes[0] if axes else "")


EVALUATED: dict[str, Callable[[Run], Drawing]] = {
    "energy": energy,
    "icicle": icicle,
    "energy_by_einsum": energy_by_einsum,
    "latency": latency,
    "load": load,
    "roofline": roofline,
}
"""Name → figure of a run that holds an evaluation."""
