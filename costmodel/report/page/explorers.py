"""Scatters whose points show their nests: fronts of mappings, designs of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from costmodel.report import figures, human, tables
from costmodel.report.page import findings
from costmodel.report.page.book import Book
from costmodel.report.run import Run
from costmodel.spec.objective import choice_text, objective_of

FRONT_LIMIT = 300
"""Points of one front on the page, evenly spread over it."""


NEST_LIMIT = 400
"""Design points of a sweep whose nests are on the page: those on a front first."""


def front_section(book: Book, run: Run) -> dict[str, Any] | None:
    """Fronts of two points or more with the nests of their points; the whole workload first."""
    options = []
    shown = {s.einsum: _thinned(len(s.front), s.chosen) for s in run.searches}
    if len(run.network_front) > 1 and len(run.searches) > 1:
        id_ = "front-all"
        table = tables.network_front(run)
        chosen = table.index[table["chosen"]]
        points = _thinned(len(table), int(chosen[0]) if len(chosen) else None)
        names = [s.einsum for s in run.searches]
        nests = {}
        for point in points:
            choices = zip(run.searches, run.network_front[point].choices, strict=True)
            nests[point] = book.nests_of(names, [s.front[c].mapping for s, c in choices], run)
        book.front(id_, table.loc[points], nests, len(table))
        options.append(_option(id_, f"{run.workload.name} (all Einsums)", points, len(table)))
    for place, search in enumerate(run.searches):
        if len(search.front) < 2:
            continue
        id_ = f"front-{place}"
        points = shown[search.einsum]
        nests = {p: book.nests_of([search.einsum], [search.front[p].mapping], run) for p in points}
        book.front(id_, tables.front(run, search).loc[points], nests, len(search.front))
        options.append(_option(id_, search.einsum, points, len(search.front)))
    costs = "energy, latency and room used (its colour)" if run.uses_capacity else "energy and latency"
    finding = f"{findings.of_front(run.network_front)} " if len(run.network_front) > 1 else ""
    hint = f"{finding}Every point is the best mapping for some trade of {costs}. "
    hint += "Hover for its totals, click for its nest."
    settings = run.provenance.settings
    aim = objective_of(str(settings["objective"])) if "objective" in settings else None
    if aim is not None:
        choose = settings.get("choose")
        rule = choice_text(aim, None if choose is None else str(choose))
        hint = f"{hint} The point that the totals show is chosen by a rule: {rule}."
    return {"id": "front", "options": options, "hint": hint} if options else None


def _option(id_: str, name: str, points: Sequence[int], of: int) -> dict[str, str]:
    count = f"{of} points" if len(points) == of else f"{len(points)} of {of:,} points"
    return {"id": id_, "name": f"{name} – {count}"}


def _thinned(count: int, keep: int | None) -> list[int]:
    """Places of at most ``FRONT_LIMIT`` points, evenly spread, with the ends and the chosen one."""
    if count <= FRONT_LIMIT:
        return list(range(count))
    places = {round(n * (count - 1) / (FRONT_LIMIT - 1)) for n in range(FRONT_LIMIT)}
    return sorted(places | ({keep} if keep is not None else set()))


def sweep_section(book: Book, run: Run) -> dict[str, Any] | None:
    """The designs of a sweep with the nests of their mappings, coloured by any axis."""
    if not any(design.feasible for design in run.design_points):
        return None
    table = tables.sweep(run)
    front = tables.energy_latency_front(table)
    axes = tables.sweep_axes(run)
    options = []
    shown = sorted(range(len(table)), key=lambda n: (not table["pareto"][n], n not in set(front["point"]), n))
    with_nest = set(shown[:NEST_LIMIT])
    linked = []
    for n, design in enumerate(run.design_points):
        mappings = design.mappings if n in with_nest else ()
        linked.append(book.nests_of([m.einsum or "nest" for m in mappings], mappings, run))
    facts = [
        [*(f"{a} = {r[a]}" for a in axes), human.joules(r["energy_pj"]), human.seconds(r["latency_s"])]
        if pd.notna(r["energy_pj"])
        else [*(f"{a} = {r[a]}" for a in axes), r["note"]]
        for r in table.to_dict("records")
    ]
    best = int(front["point"].iloc[0]) if len(front) else 0
    for place, axis in enumerate(axes or [""]):
        id_ = f"sweep-{place}"
        book.figure(id_, "", "", figures.sweep_scatter(table, front, axes, axis))
        book.fronts[id_] = (
            {"facts": facts, "nests": linked, "start": best, "what": "Design", "points": len(table)}
            if place == 0
            else {"same": "sweep-0"}
        )
        options.append({"id": id_, "name": f"colour by {axis}" if axis else "designs", "points": len(table)})
    return {"id": "sweep", "options": options, "hint": _about_designs(table)}


def _about_designs(table: pd.DataFrame) -> str:
    """How to read the scatter of a sweep, as far as it holds what has to be explained."""
    feasible = table.dropna(subset=["energy_pj", "latency_s"])
    found = [f"No other design beats {int(feasible['pareto'].sum()):,} of {len(table):,}."]
    found.append("Every point is a design with its best mapping. Hover for its values, click for its nest.")
    if feasible.duplicated(["energy_pj", "latency_s"]).any():
        found.append("Rings are designs of the same costs.")
    if len(set(table["computes"])) > 1:
        apart = "Designs that compute different things do not beat each other: each computation has a front of its own."
        found.append(apart)
    return " ".join(found)
