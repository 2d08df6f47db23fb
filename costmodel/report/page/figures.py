"""The figures of an evaluation with what they show, for its page."""

from __future__ import annotations

from costmodel.report import pictures, roofs, tables
from costmodel.report.page import findings
from costmodel.report.page.book import Book, Figure
from costmodel.report.run import Run


def energy_figures(book: Book, run: Run) -> list[Figure]:
    """Where the energy goes."""
    what = "kind of tensor" if not tables.by_name(run.workload) else "tensor"
    levels = f"Energy by level and {what}"
    return [
        book.figure("energy-levels", levels, findings.of_levels(run), pictures.energy(run), "t-energy"),
        book.figure("energy-icicle", "Where the energy goes", findings.of_parts(run), pictures.icicle(run), "t-energy"),
    ]


def latency_figures(book: Book, run: Run) -> list[Figure]:
    """Where the time goes."""
    busy = pictures.latency_by_component(run)
    found = [book.figure("latency-components", "Latency by component", findings.of_time(run), busy, "t-latency")]
    if len(roofs.intensities(run)):
        found.append(
            book.figure("roofline", "Roofline", findings.of_roofline(run), pictures.roofline(run), "t-einsums")
        )
    return found
