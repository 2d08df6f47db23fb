"""Where the energy goes, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import NEUTRAL_COLOURS, QUIET, component_colours, group_colours
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import (
    PJ,
    amounts_axis,
    components_axis,
    finish,
    label,
    layers_axis,
    layers_height,
    times,
    told,
    unit_of,
)


def energy_by_level(
    table: pd.DataFrame,
    roles: Mapping[str, str],
    height: int | None = None,
    *,
    how: Mapping[tuple[str, ...], Sequence[str]] | None = None,
    points: tuple[int, str] | None = None,
) -> Drawing:
    """Stacked bars: one bar per component, outermost on top, one colour per tensor.

    ``table``: component, group, energy_pj. ``how``: as ``tables.energy_how`` gives it, shown on hover. ``points``: how
    many there are, and what one is called, to say the energy of each.
    """
    components = list(dict.fromkeys(table["component"]))
    groups = list(dict.fromkeys(table["group"]))
    groups.sort(key=lambda g: g in NEUTRAL_COLOURS)
    colours = group_colours(groups, roles)
    total = float(table["energy_pj"].sum()) or 1.0
    sums = table.groupby("component", sort=False)["energy_pj"].sum()
    factor, unit = unit_of(float(sums.max()) * PJ if len(sums) else 0.0, "J")
    figure = Drawing()
    for group in groups:
        rows = table[table["group"] == group]
        figure.trace(
            "bar",
            y=[label(c) for c in rows["component"]],
            x=rows["energy_pj"].to_numpy(dtype=float) * PJ * factor,
            name=label(group),
            orientation="h",
            marker={"color": colours[group], "line": {"width": 0}},
            hovertext=[
                f"<b>{label(c)}</b> · {label(group)}<br>{human.joules(e)} ({human.percent(e / total)})"
                f"<br>{human.exact(e)} pJ{told((how or {}).get((c, group), ()))}"
                for c, e in zip(rows["component"], rows["energy_pj"], strict=True)
            ],
            hoverinfo="text",
        )
    figure.lay(
        barmode="stack",
        bargap=0.36,
        xaxis=amounts_axis(unit),
        yaxis=components_axis(
            components,
            [_amount(float(sums[c]), total, points) for c in components],
        ),
    )
    return finish(figure, height=height or 90 + 44 * max(len(components), 2), legend=True)


def _amount(energy_pj: float, total: float, points: tuple[int, str] | None) -> str:
    """What stands below the name of a component."""
    each = f"<br>{human.digits(energy_pj / points[0])} pJ/{points[1]}" if points and points[0] else ""
    return f"{human.joules(energy_pj)} · {human.percent(energy_pj / total)}{each}"


def energy_by_einsum(table: pd.DataFrame, order: Sequence[str], counts: Mapping[str, int]) -> Drawing:
    """Stacked bars over the layers of a network, one colour per component. ``table``: einsum, component, energy_pj."""
    names = [name for name in counts if name in set(table["einsum"])]
    colours = component_colours(order)
    totals = table.groupby("einsum")["energy_pj"].sum().to_dict()
    factor, unit = unit_of(max(totals.values(), default=0.0) * PJ, "J")
    figure = Drawing()
    for component in dict.fromkeys(table["component"]):
        rows = table[table["component"] == component]
        by_name = dict(zip(rows["einsum"], rows["energy_pj"], strict=True))
        values = [float(by_name.get(n, 0.0)) for n in names]
        if not any(values):
            continue
        figure.trace(
            "bar",
            y=[label(n) for n in names],
            x=np.array(values) * PJ * factor,
            orientation="h",
            name=label(component),
            marker={"color": colours.get(component, QUIET), "line": {"width": 0}},
            hovertext=[
                f"<b>{label(n)}</b>{times(counts[n])} · {label(component)}"
                f"<br>{human.joules(v)} of {human.joules(totals[n])}"
                f"<br>{human.exact(v)} pJ"
                for n, v in zip(names, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.lay(barmode="stack", bargap=0.25, xaxis=amounts_axis(unit), yaxis=layers_axis(names))
    return finish(figure, height=layers_height(names), legend=True)


def compare_bars(tables: Mapping[str, pd.DataFrame], order: Sequence[str]) -> Drawing:
    """Stacked energy of several runs, one bar each. ``tables``: run → component, group, energy_pj."""
    colours = component_colours(order)
    factor, unit = unit_of(max((float(t["energy_pj"].sum()) for t in tables.values()), default=0.0) * PJ, "J")
    figure = Drawing()
    for component in order:
        values = [float(t.loc[t["component"] == component, "energy_pj"].sum()) for t in tables.values()]
        if not any(values):
            continue
        figure.trace(
            "bar",
            x=np.array(values) * PJ * factor,
            y=[label(name) for name in tables],
            orientation="h",
            name=label(component),
            marker={"color": colours[component], "line": {"width": 0}},
            hovertext=[
                f"<b>{label(n)}</b> · {label(component)}<br>{human.joules(v)}"
                for n, v in zip(tables, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.lay(
        barmode="stack",
        xaxis={"ticksuffix": f" {unit}"},
        yaxis={"autorange": "reversed", "showgrid": False},
    )
    return finish(figure, height=110 + 44 * len(tables), legend=True)
