"""How runs that sampled came to their answers, beside the proven optimum, on their pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from costmodel.report import figures, human
from costmodel.report.descent import Descent, descent_table, descents, farthest_first
from costmodel.report.figures.descent import least_text
from costmodel.report.page.book import Book, Figure
from costmodel.report.page.grid import Table, table_of
from costmodel.report.run import Run

SHOWN = 10
"""Searches in one figure: those that are farthest from the least that is known."""


def descent_figure(book: Book, run: Run) -> Figure | None:
    """The figure; null where nothing was sampled."""
    found = descents(run)
    if not found:
        return None
    drawn = figures.descent(found[:SHOWN])
    return book.figure("descent", "Best so far, beside the least that is possible", _finding(found), drawn, "t-descent")


def descent_rows(run: Run) -> list[Table]:
    """The numbers of the figure, of all searches."""
    found = descents(run)
    if not found:
        return []
    table = descent_table(found, room=run.uses_capacity)
    return [table_of("t-descent", "Best so far", "Each mapping that was better than all before it.", table)]


def descent_overlay(book: Book, runs: Sequence[Run]) -> Iterator[tuple[Figure, Table]]:
    """For each objective in which runs sampled, a figure with the descents of all of them, and its numbers."""
    caption = "Each mapping that was better than all before it; the number before an Einsum is that of its run."
    room = any(run.uses_capacity for run in runs)
    for place, (objective, found) in enumerate(by_objective(runs).items(), 1):
        numbers = f"compare-steps-{place}"
        drawn = figures.descent(found[:SHOWN])
        title = "Best so far, one over the other"
        figure = book.figure(f"compare-descent-{place}", title, _finding(found), drawn, numbers)
        yield figure, table_of(numbers, f"Best so far ({objective})", caption, descent_table(found, room=room))


def by_objective(runs: Sequence[Run]) -> dict[str, list[Descent]]:
    """The descents of all runs, named by the run's number and the Einsum, farthest from the least first."""
    groups: dict[str, list[Descent]] = {}
    for place, run in enumerate(runs, 1):
        for one in descents(run):
            groups.setdefault(one.objective, []).append(replace(one, name=f"{place}: {one.name}"))
    return {objective: farthest_first(found) for objective, found in groups.items()}


def _distance(one: Descent) -> str:
    if not one.bounded:
        return "and nothing is known below it"
    return f"{human.percent(one.last - 1)} above {least_text([one])}" if one.last > 1 else least_text([one])


def _finding(found: list[Descent]) -> str:
    far = found[0]
    shown = f"; the {SHOWN} farthest of {len(found)} searches are drawn" if len(found) > SHOWN else ""
    step, _ = far.steps[-1]
    said = f"{far.name}: best after {step.trial:,} of {far.costed:,} mappings, {_distance(far)}{shown}. "
    dotted = "Dotted: held against the best that was found, for want of a bound. "
    mixed = any(one.bounded for one in found) and not all(one.bounded for one in found)
    return f"{said}{dotted if mixed else ''}Rings were constructed, squares sampled, diamonds found by climbing."
