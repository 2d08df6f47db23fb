"""The figures of an evaluation with what they show, for its page."""

from __future__ import annotations

from costmodel.report import pictures, tables
from costmodel.report.page.book import Book, Figure
from costmodel.report.run import Run


def energy_figures(book: Book, run: Run, prefix: str) -> list[Figure]:
    """Where the energy goes."""
    several = len(tables.evaluation_of(run).points) > 1
    what = "kind of tensor" if several else "tensor"
    found = [
        book.figure(
            f"{prefix}-energy-levels", f"Energy by level and {what}", "Outermost level on top.", pictures.energy(run)
        ),
        book.figure(
            f"{prefix}-energy-icicle",
            "Where the energy goes",
            "Click a part to go into it, the bar on top to come back.",
            pictures.icicle(run),
        ),
    ]
    if several:
        caption = "Over all its executions."
        found.append(
            book.figure(f"{prefix}-energy-einsums", "Energy of each Einsum", caption, pictures.energy_by_einsum(run))
        )
    return found


def latency_figures(book: Book, run: Run, prefix: str) -> list[Figure]:
    """Where the time goes."""
    found = []
    if len(tables.evaluation_of(run).points) > 1:
        caption = "Over all its executions."
        found.append(book.figure(f"{prefix}-latency-einsums", "Latency of each Einsum", caption, pictures.latency(run)))
        caption = "Share of the time that each component is busy; the dot marks the bottleneck."
        found.append(book.figure(f"{prefix}-load", "How busy each component is", caption, pictures.load(run)))
    else:
        caption = "Components work at the same time; the slowest decides."
        found.append(
            book.figure(f"{prefix}-latency-components", "Latency by component", caption, pictures.latency(run))
        )
    if len(tables.roofline(run)):
        caption = f"Operations per bit that crosses the ports of {run.architecture.memories[0].name}, as mapped."
        found.append(book.figure(f"{prefix}-roofline", "Roofline", caption, pictures.roofline(run)))
    return found
