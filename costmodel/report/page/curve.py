"""Buffer-size curves → one self-contained HTML page: the figure, the nest of each corner, tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from costmodel.einsum.algebra import Workload
from costmodel.mapper.cascade_curve import CascadeCurve
from costmodel.mapper.curve import BufferCurve
from costmodel.report import figures, human
from costmodel.report.cards import Card
from costmodel.report.curves import FUSED, ShownCurve, curve_table, curves_of
from costmodel.report.folder import write_text
from costmodel.report.page.book import Book
from costmodel.report.page.grid import Cell, Table
from costmodel.report.page.template import fill_template
from costmodel.spec.hardware import Memory
from costmodel.spec.mapping import Mapping

ABOUT = (
    "Each corner is the least capacity with which no more has to move. The level is taken alone: one instance that "
    "holds every tensor, below an unbounded memory, with tiles that divide. Click a corner for its nest."
)
ABOUT_WHOLE = (
    "The whole workload is all of its executions, one after another, each with the whole level; where neighbours are "
    "fused, they share loops, and what they hand on may stay in the level."
)


def render_curves(
    curves: Sequence[BufferCurve],
    workload: Workload,
    level: Memory,
    arch: str,
    facts: Sequence[tuple[str, str]],
    whole: CascadeCurve | None = None,
) -> str:
    """Return the page. ``curves`` are those of Einsums of the workload; ``facts`` tell how they were made.

    ``whole`` is the curve of the workload, all executions of it. Raises ValueError without a curve.
    """
    if not curves:
        raise ValueError("a page of curves needs at least one")
    book = Book()
    drawn = curves_of(curves, whole, workload, alike=True)
    table = curve_table(drawn)
    above = ", ".join(dict.fromkeys(c.above for c in curves))
    book.figure("curve", "", "", figures.buffer_curves(table, level.name, above, level.capacity_bits))
    book.fronts["curve"] = _explored(drawn, table, workload, level, arch, book)
    every = curves_of(curves, whole, workload)
    open_ended = [c.name for c in every if not c.proven]
    notes = [f"best found, not proven, for want of time: {', '.join(open_ended)}"] if open_ended else []
    notes += [f"in no fused group: {name} ({why})" for name, why in (whole.alone if whole else ())]
    return fill_template(
        "curve.html.j2",
        book,
        title=f"{level.name} of {arch}, {workload.name}",
        subtitle=f"words between {above} and {level.name}, by the capacity of {level.name}",
        notes=notes,
        cards=_cards(every, level, whole),
        curve={
            "id": "curve",
            "options": [{"id": "curve", "name": "curve"}],
            "about": "Words moved against capacity; the numbers are in the table of corners",
        },
        about=f"{ABOUT} {ABOUT_WHOLE}" if whole else ABOUT,
        tables=[_standing(every, level), _corner_table(table)],
        facts=list(facts),
    )


def write_curves(
    path: Path,
    curves: Sequence[BufferCurve],
    workload: Workload,
    level: Memory,
    arch: str,
    facts: Sequence[tuple[str, str]],
    whole: CascadeCurve | None = None,
) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_curves(curves, workload, level, arch, facts, whole))
    return path


def _explored(
    drawn: Sequence[ShownCurve], table: pd.DataFrame, workload: Workload, level: Memory, arch: str, book: Book
) -> dict[str, object]:
    """Return what a click on each corner shows: its numbers and its nests."""
    nests: dict[str, list[int]] = {}
    shown: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    names = {e.name for e in workload.einsums}
    corners = [c for curve in drawn for c in curve.corners]
    for place, (corner, row) in enumerate(zip(corners, table.to_dict("records"), strict=True)):
        mappings = [
            (name, Mapping(nest, arch=arch, workload=None, einsum=name if name in names else None))
            for name, nest in corner.nests
        ]
        group = book.group([name for name, _ in mappings])
        nests[str(place)] = [group, *(book.lines(mapping, workload) for _, mapping in mappings)]
        titles[str(place)] = f"{row['curve']}: {human.memory(corner.capacity_bits)} or more"
        shown[str(place)] = [
            f"{human.memory(corner.traffic_bits)} moved",
            f"{human.exact(corner.traffic_words)} words",
            f"{human.digits(row['traffic_bits'] / row['compulsory_bits'])} × compulsory",
            f"{human.digits(row['operations_per_byte'])} operations per byte",
        ]
    main = next((curve for curve in drawn if curve.name == FUSED), drawn[0])
    here = main.at(level.capacity_bits)
    before = sum(len(curve.corners) for curve in drawn[: drawn.index(main)])
    start = 0 if here is None else before + main.corners.index(here)
    return {"facts": shown, "nests": nests, "titles": titles, "start": start, "points": len(corners)}


def _cards(curves: Sequence[ShownCurve], level: Memory, whole: CascadeCurve | None) -> list[Card]:
    """``curves``: of a workload of several Einsums its own first."""
    main = curves[:1]
    if whole is not None and whole.fused is not None:
        main = curves[1:2]
    elif whole is None:
        main = curves
    size = "no limit" if level.capacity_bits is None else human.memory(level.capacity_bits)
    double = "half of it usable: double-buffered" if level.double_buffered else ""
    here = [c.at(level.capacity_bits) for c in main]
    least = sum(c.compulsory_bits for c in main)
    enough = max(c.corners[-1].capacity_bits for c in main)
    cards = [Card(f"{level.name} has", size, double)]
    title = "Least traffic with it" if whole is None or whole.fused is None else "Least traffic with it, fused"
    if all(c is not None for c in here):
        bits = sum(c.traffic_bits for c in here if c is not None)
        words = sum(c.traffic_words for c in here if c is not None)
        cards.append(Card(title, human.memory(bits), f"{human.digits(bits / least)} × compulsory", f"{words:,} words"))
        if whole is not None and whole.fused is not None and (apart := curves[0].at(level.capacity_bits)) is not None:
            times = f"{human.digits(apart.traffic_bits / bits)} × as much"
            cards.append(Card("Unfused", human.memory(apart.traffic_bits), times, f"{apart.traffic_words:,} words"))
    else:
        cards.append(Card(title, "nothing fits"))
    words = sum(c.corners[-1].traffic_words for c in main)
    once = "each tensor once" if len(curves) == 1 else "however large the level is"
    cards.append(Card("Compulsory traffic", human.memory(least), once, f"{words:,} words"))
    cards.append(Card("Reached with", human.memory(enough), "no more than compulsory moves", f"{enough:,} bits"))
    proven = all(c.proven for c in curves)
    cards.append(
        Card("Certificate", "optimal: proven" if proven else "best found", "of every corner" if proven else "")
    )
    return cards


def _standing(curves: Sequence[ShownCurve], level: Memory) -> Table:
    rows = []
    for curve in curves:
        here, last = curve.at(level.capacity_bits), curve.corners[-1]
        rows.append(
            (
                Cell(curve.name, curve.name),
                _size(here.traffic_bits) if here else Cell("nothing fits", 0.0),
                _number(here.traffic_bits / last.traffic_bits) if here else Cell("", 0.0),
                _size(last.traffic_bits),
                _size(last.capacity_bits),
                Cell("proven" if curve.proven else "best found", str(curve.proven)),
            )
        )
    size = "without limit" if level.capacity_bits is None else f"of {human.memory(level.capacity_bits)}"
    columns = ("Einsum", "least traffic", "× compulsory", "compulsory", "reached with", "certificate")
    caption = "One row per curve: of one execution of an Einsum, of all of a whole workload."
    return Table("curve-standing", f"With {level.name} {size}", caption, columns, tuple(rows))


def _corner_table(table: pd.DataFrame) -> Table:
    rows = tuple(
        (
            Cell(str(r["curve"]), str(r["curve"])),
            _size(int(r["capacity_bits"])),
            Cell(f"{r['traffic_words']:,}", int(r["traffic_words"]), numeric=True),
            _size(int(r["traffic_bits"])),
            _number(float(r["operations_per_byte"])),
            _number(r["traffic_bits"] / r["compulsory_bits"]),
            Cell(str(r["fused"]), str(r["fused"])),
        )
        for r in table.to_dict("records")
    )
    columns = ("Einsum", "capacity", "words moved", "bytes moved", "operations per byte", "× compulsory", "fused")
    return Table("curve-corners", "Corners", f"{len(rows):,} in all.", columns, rows)


def _size(bits: int) -> Cell:
    return Cell(human.memory(bits), bits, f"{bits:,} bits", numeric=True)


def _number(value: float) -> Cell:
    return Cell(human.digits(value), value, f"{value:.9g}", numeric=True)
