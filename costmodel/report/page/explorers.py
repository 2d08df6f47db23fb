"""Scatters whose points show their nests: fronts of mappings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costmodel.report import tables
from costmodel.report.page import findings
from costmodel.report.page.book import Book
from costmodel.report.run import Run
from costmodel.spec.objective import choice_text, objective_of

FRONT_LIMIT = 300
"""Points of one front on the page, evenly spread over it."""


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
