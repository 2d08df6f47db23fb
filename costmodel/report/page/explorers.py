"""Scatters whose points show their nests: fronts of mappings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costmodel.report import tables
from costmodel.report.page import findings
from costmodel.report.page.book import Book
from costmodel.report.points import Points, thinned
from costmodel.report.run import Run
from costmodel.spec.objective import choice_text, objective_of

WHOLE = "front-all"
"""The front of the whole workload."""
FRONT_LIMIT = 300
"""Points of one front on the page, evenly spread over it."""


def front_section(book: Book, run: Run, points: Points | str | None) -> dict[str, Any] | None:
    """Fronts of two points or more with the nests of their points; the whole workload first."""
    options = []
    if len(run.network_front) > 1 and run.searches:
        options.append(_whole_front(book, run, points))
    for place, search in enumerate(run.searches):
        if len(search.front) < 2 or (options and len(run.searches) == 1):
            continue
        id_ = f"front-{place}"
        rows = tables.front(run, search)
        shown = thinned(len(search.front), search.chosen, FRONT_LIMIT)
        nests = {p: book.nests_of([search.einsum], [search.front[p].mapping], run) for p in shown}
        book.front(id_, [rows[p] for p in shown], nests, len(search.front))
        options.append(_option(id_, search.einsum, shown, len(search.front)))
    if not options:
        return None
    main = WHOLE if isinstance(points, Points) else ""
    about = "Energy against latency of the points of the front; the numbers are in the table of fronts"
    return {"id": "front", "options": options, "hint": _about_front(run, points), "main": main, "about": about}


def _whole_front(book: Book, run: Run, points: Points | str | None) -> dict[str, str]:
    """The front of the whole workload."""
    rows = tables.network_front(run)
    kept = next((row["point"] for row in rows if row["chosen"]), None)
    shown = list(points.shown) if isinstance(points, Points) else thinned(len(rows), kept, FRONT_LIMIT)
    names = [s.einsum for s in run.searches]
    choices = {point: run.network_front[point].choices for point in shown}
    group = book.group(names)
    used = dict.fromkeys(key for chosen_ones in choices.values() for key in enumerate(chosen_ones))
    known = {(s, c): book.nest(run.searches[s].front[c].mapping, run) for s, c in used}
    nests = {point: [group, *(known[key] for key in enumerate(ones))] for point, ones in choices.items()}
    book.front(WHOLE, [rows[p] for p in shown], nests, len(rows))
    name = f"{run.workload.name} (all Einsums)" if len(names) > 1 else names[0]
    return _option(WHOLE, name, shown, len(rows))


def _about_front(run: Run, points: Points | str | None) -> str:
    costs = "energy, latency and room used (its colour)" if run.uses_capacity else "energy and latency"
    finding = f"{findings.of_front(run.network_front)} " if len(run.network_front) > 1 else ""
    hint = f"{finding}Every point is the best mapping for some trade of {costs}. "
    if isinstance(points, Points):
        hint += "Hover for its totals; choose one, with the mouse or the slider, and the whole page shows it."
    else:
        hint += "Hover for its totals, click for its nest."
        hint += f" The rest of the page stays as it is: {points}." if points else ""
    settings = run.provenance.settings
    aim = objective_of(str(settings["objective"])) if "objective" in settings else None
    if aim is not None:
        choose = settings.get("choose")
        rule = choice_text(aim, None if choose is None else str(choose))
        hint = f"{hint} The point that the run uses is chosen by a rule: {rule}."
    return hint


def _option(id_: str, name: str, points: Sequence[int], of: int) -> dict[str, str]:
    count = f"{of} points" if len(points) == of else f"{len(points)} of {of:,} points"
    return {"id": id_, "name": f"{name} – {count}"}
