"""The designs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import ACCENT, SCALE, SERIES, blend
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import PJ, cost_axes, finish, label, spread


def sweep_scatter(table: pd.DataFrame, front: pd.DataFrame, axes: Sequence[str], colour_by: str) -> Drawing:
    """Energy against latency of every feasible design, coloured by one axis, with the Pareto front drawn.

    ``table`` and ``front``: as ``tables.sweep`` gives them.
    """
    rows = table.dropna(subset=["energy_pj", "latency_s"])
    x_factor, y_factor, axes_of_costs = cost_axes(rows["latency_s"], rows["energy_pj"])
    figure = Drawing()
    lines = [line for _, line in front.groupby("computes", sort=False)] or [front]
    for place, line in enumerate(lines):
        figure.trace(
            "scatter",
            x=line["latency_s"].to_numpy(dtype=float) * x_factor,
            y=line["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
            mode="lines",
            name="Pareto front" if len(lines) == 1 else "Pareto fronts, of each computation",
            legendgroup="fronts",
            showlegend=place == 0,
            line={"shape": "hv", "color": ACCENT, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    on_front = set(front["point"])
    values = list(dict.fromkeys(rows[colour_by])) if colour_by in rows else []
    numeric = bool(values) and all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in values)
    scaled = numeric and len(values) > 8
    values = sorted(values) if numeric else values
    drawn = rows if scaled or not values else pd.concat([rows[rows[colour_by] == value] for value in values])
    alike = {costs: same.to_dict("records") for costs, same in drawn.groupby(["latency_s", "energy_pj"], sort=False)}
    if scaled:
        scale = {
            "color": [float(v) for v in rows[colour_by]],
            "colorscale": SCALE,
            "showscale": True,
            "colorbar": {"title": {"text": label(colour_by), "side": "right"}, "thickness": 12, "outlinewidth": 0},
        }
        figure.trace("scatter", **_designs(rows, axes, on_front, colour_by, scale, (x_factor, y_factor), alike))
    else:
        for place, value in enumerate(values):
            part = rows[rows[colour_by] == value]
            colour = {"color": blend(place / max(len(values) - 1, 1))}
            name = f"{colour_by} = {value}"
            figure.trace("scatter", **_designs(part, axes, on_front, name, colour, (x_factor, y_factor), alike))
    if not values and len(rows):
        colour = {"color": SERIES[0]}
        figure.trace("scatter", **_designs(rows, axes, on_front, "designs", colour, (x_factor, y_factor), alike))
    figure.lay(**axes_of_costs, hovermode="closest")
    spread(figure, rows["latency_s"].tolist(), rows["energy_pj"].tolist())
    figure.lay(legend={"itemsizing": "constant"})
    return finish(figure, height=480, legend=True)


def _designs(
    rows: pd.DataFrame,
    axes: Sequence[str],
    on_front: set[int],
    name: str,
    colour: Mapping[str, object],
    factors: tuple[float, float],
    alike: Mapping[Any, list[dict[Any, Any]]],
) -> dict[str, Any]:
    """Marks of designs, with what colours them. Of those with the same costs (``alike``) the earlier ones are rings."""
    x_factor, y_factor = factors
    texts, rings = [], []
    for record in rows.to_dict("records"):
        same = alike[record["latency_s"], record["energy_pj"]]
        place = next(n for n, other in enumerate(same) if other["point"] == record["point"])
        others = [other for other in same if other["point"] != record["point"]]
        rings.append(5 * min(len(same) - 1 - place, 4))
        lines = [f"{label(a)} = {label(record[a])}" for a in axes]
        lines += [f"{human.joules(record['energy_pj'])}, {human.seconds(record['latency_s'])}"]
        lines += [f"room used {human.memory(record['capacity_bits'])}"] if "capacity_bits" in record else []
        lines += [] if pd.isna(record["area_mm2"]) else [f"{human.digits(record['area_mm2'])} mm²"]
        lines += ["on the Pareto front"] if record["point"] in on_front else []
        lines += [
            f"the same costs: {', '.join(f'{label(a)} = {label(other[a])}' for a in axes)}" for other in others[:3]
        ]
        lines += [f"and {len(others) - 3} more"] if len(others) > 3 else []
        texts.append("<br>".join(lines))
    marks = [p in on_front for p in rows["point"]]
    return {
        "x": rows["latency_s"].to_numpy(dtype=float) * x_factor,
        "y": rows["energy_pj"].to_numpy(dtype=float) * PJ * y_factor,
        "mode": "markers",
        "name": label(name),
        "customdata": [int(p) for p in rows["point"]],
        "marker": {
            **colour,
            "size": [(11 if m else 8) + ring for m, ring in zip(marks, rings, strict=True)],
            "line": {"width": [1.5 if m else 0.5 for m in marks], "color": [ACCENT if m else "#ffffff" for m in marks]},
        },
        "hovertext": texts,
        "hoverinfo": "text",
    }
