"""The page of sweeps: designs as columns of numbers, which scatter, parallel coordinates and table show together.

Nothing but canvases and tables: 10,000 designs have to open as fast as ten.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from costmodel.mapper.front import on_front
from costmodel.report import human, tables
from costmodel.report.cards import cards
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book
from costmodel.report.page.downloads import held_tables
from costmodel.report.page.inputs import inputs_of
from costmodel.report.page.template import plain_page
from costmodel.report.run import DesignPoint, DesignState, Run
from costmodel.report.sensitivity import COSTS, DesignAxis, Sensitivity, axes_of, costed, sensitivities
from costmodel.report.text.sweep import change_text, named_knees
from costmodel.sweep.designs import ASIDE
from costmodel.sweep.standing import dominated

NEST_LINES = 200_000
"""Lines of nests that the page may name: designs on the front come first."""
STEPS = 160
"""Places of the history at which the hypervolume is computed."""
_COSTS = (
    ("energy_pj", "energy", "J", 1e-12),
    ("latency_s", "latency", "s", 1.0),
    ("edp_j_s", "EDP", "J·s", 1.0),
    ("area_mm2", "area", " mm²", 1.0),
    ("capacity_bits", "room used", "b", 1.0),
    ("utilisation", "utilisation", "%", 100.0),
    ("power_w", "power", "W", 1.0),
    ("peak_power_w", "peak power", "W", 1.0),
    ("tops_per_w", "TOPS/W", "", 1.0),
    ("tops_per_mm2", "TOPS/mm²", "", 1.0),
)
"""Column of the table, name, unit, and the factor to that unit. A unit of one letter takes prefixes."""
_WITHOUT: dict[DesignState, str] = {
    "aside": "Set aside by a condition",
    "beaten": "Beaten whatever their mappings: proven, not searched",
    "infeasible": "Nothing fits",
}
"""Why designs have no costs."""


def render_sweep(runs: Sequence[Run]) -> str:
    """The page of one sweep, or of several laid over each other."""
    first, book = runs[0], Book()
    several = len(runs) > 1
    found = sensitivities(first) if not several else []
    files = {} if several else held_tables(first)
    data = sweep_data(runs, book) | {"files": files}
    return plain_page(
        "sweep",
        ("copy.js", "sweep_views.js", "sweep.js"),
        data,
        title=" and ".join(dict.fromkeys(run.title for run in runs)),
        created=first.provenance.created.replace("T", " ")[:16],
        notes=list(dict.fromkeys(note for run in runs for note in run.notes)),
        cards=[] if several else cards(first),
        about=_about(runs),
        costed=any(point.feasible for run in runs for point in run.design_points),
        sensitivities=[_row(each) for each in found],
        changes=[name for name in COSTS if any(name in each.changes for each in found)],
        knees=[] if several else named_knees(first),
        groups=_groups(runs),
        heat=len(data["axes"]) > 1,
        **inputs_of(runs, files),
    )


def write_sweeps(path: Path, runs: Sequence[Run]) -> Path:
    """Write the page of several sweeps; the file appears complete or not at all."""
    write_text(path, render_sweep(runs))
    return path


def sweep_data(runs: Sequence[Run], book: Book) -> dict[str, Any]:
    """What the scripts of the page need: the place of each design on every axis, and every cost of it."""
    whole = pd.concat([costed(run).assign(run=n) for n, run in enumerate(runs)], ignore_index=True)
    names = list(dict.fromkeys(name for run in runs for name in tables.sweep_axes(run)))
    names = [name for name in names if len(runs) > 1 or len(set(map(str, whole[name]))) > 1] or names[:1]
    axes = axes_of(whole.fillna(dict.fromkeys(names, "")), names)
    if len(set(whole["computes"])) > 1 and "workload" not in names:
        axes.append(axes_of(whole, ["computes"])[0])
    if len(runs) > 1:
        labels = tuple(_name(run, n) for n, run in enumerate(runs))
        axes.insert(0, DesignAxis("run", labels, (), whole["run"].to_numpy(dtype=np.int64)))
    points = [point for run in runs for point in run.design_points]
    reasons = list(dict.fromkeys(point.note for point in points))
    places = {note: place for place, note in enumerate(reasons)}
    mappings = _mappings(runs, book)
    return {
        "axes": [{"name": a.name, "labels": list(a.labels), "places": a.codes.tolist()} for a in axes],
        "costs": [found for column in _COSTS if (found := _cost(whole, *column)) is not None],
        "state": [point.state for point in points],
        "numbers": [n + 1 for run in runs for n in range(len(run.design_points))],
        "notes": reasons,
        "note": [places[point.note] for point in points],
        "mappings": mappings,
        **book.kept,
        "history": [_history(_name(run, n), run) for n, run in enumerate(runs)],
    }


def _name(run: Run, place: int) -> str:
    study = next((each.name for each in run.inputs if each.role == "study"), "sweep")
    return f"{place + 1}: {study.removesuffix('.yaml')}, {run.provenance.settings.get('sampler', 'grid')}"


def _cost(table: pd.DataFrame, column: str, name: str, unit: str, factor: float) -> dict[str, Any] | None:
    if column not in table:
        return None
    values = table[column].astype(float).to_numpy() * factor
    if not np.isfinite(values).any():
        return None
    rounded = [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]
    return {"name": name, "unit": unit, "values": rounded}


def _mappings(runs: Sequence[Run], book: Book) -> list[list[int]]:
    """Of each design the number of its list of names, and of the nest of each; nothing where there is no more room."""
    places = [(run, point) for run in runs for point in run.design_points]
    found: list[list[int]] = [[] for _ in places]
    room = NEST_LINES
    for place in sorted(range(len(places)), key=lambda n: (not places[n][1].pareto, n)):
        run, point = places[place]
        if point.mappings and room > 0:
            before = book.size
            found[place] = book.nests_of([m.einsum or "nest" for m in point.mappings], point.mappings, run)
            room -= book.size - before
    return found


def _history(name: str, run: Run) -> dict[str, Any]:
    """How the front grew with the designs, in their order: the share of the box of all costs that it dominates."""
    table = costed(run)
    columns = ["energy_pj", "latency_s"]
    known = table.dropna(subset=columns)
    costs = known[columns].to_numpy(dtype=float)
    sides = np.ptp(costs, axis=0) if len(costs) else np.zeros(2)
    if len(set(table["computes"])) > 1 or not sides.all():
        return {"name": name, "points": []}
    scaled = (costs - costs.min(axis=0)) / sides
    tried = known["point"].to_numpy() + 1
    ends = np.unique(np.linspace(1, len(scaled), min(STEPS, len(scaled))).round().astype(int))
    points = []
    front = np.empty((0, 2))
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        front = np.concatenate([front, scaled[begin:end]])
        front = np.unique(front[on_front(front)], axis=0)
        points.append([int(tried[end - 1]), round(dominated([tuple(each) for each in front]), 5)])
    return {"name": name, "points": points}


def _about(runs: Sequence[Run]) -> str:
    states = Counter(point.state for run in runs for point in run.design_points)
    said = [f"{states.total():,} designs", f"{states['front']:,} on the front: no other design beats them"]
    told: dict[DesignState, str] = {
        "aside": "set aside by a condition",
        "beaten": "proven to be beaten, not searched",
        "infeasible": "infeasible",
    }
    said += [f"{states[state]:,} {what}" for state, what in told.items() if states[state]]
    several = len({point.computes for run in runs for point in run.design_points}) > 1
    apart = " Designs that compute different things do not beat each other: each computation has a front of its own."
    return f"{'; '.join(said)}.{apart if several else ''}"


def _groups(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Designs without costs by their reason: a condition of the study, a proof, or a limit that nothing fits."""
    points = [point for run in runs for point in run.design_points if not point.feasible]
    found = []
    for state, title in _WITHOUT.items():
        reasons = Counter(_reason(point) for point in points if point.state == state)
        if reasons:
            found.append({"title": title, "reasons": reasons.most_common()})
    return found


def _reason(point: DesignPoint) -> str:
    """The reason; of a condition without the figures, which differ from design to design."""
    if point.state == "aside":
        return "; ".join(part.removeprefix(f"{ASIDE}: ").partition(": ")[0] for part in point.note.split("; "))
    return point.note or "no reason stated"


def _row(found: Sensitivity) -> dict[str, Any]:
    changes = {name: change_text(change) for name, change in found.changes.items()}
    share = "" if found.importance is None else human.percent(found.importance)
    return {"axis": found.axis, "changes": changes, "neighbours": found.neighbours, "importance": share}
