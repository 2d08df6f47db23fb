"""Buffer-size curves → one self-contained HTML page: the figure, the nest of each corner, tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from costmodel.describe.facts import operations
from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.curve import BufferCurve
from costmodel.report import figures, human
from costmodel.report.cards import Card
from costmodel.report.folder import write_text
from costmodel.report.nest_text import short_text
from costmodel.report.page.book import Book
from costmodel.report.page.grid import Cell, Table
from costmodel.report.page.template import fill_template
from costmodel.spec.hardware import Memory
from costmodel.spec.mapping import Mapping

ABOUT = (
    "Each corner is the least capacity with which no more has to move. The level is taken alone: one instance that "
    "holds every tensor, below an unbounded memory, with tiles that divide. Click a corner for its nest."
)


def render_curves(
    curves: Sequence[BufferCurve], workload: Workload, level: Memory, arch: str, facts: Sequence[tuple[str, str]]
) -> str:
    """Return the page. ``curves`` are those of Einsums of the workload; ``facts`` tell how they were made.

    Raises ValueError without a curve.
    """
    if not curves:
        raise ValueError("a page of curves needs at least one")
    book = Book()
    drawn = _alike(curves)
    table = _corners(drawn, workload)
    above = ", ".join(dict.fromkeys(c.above for c in curves))
    book.figure("curve", "", "", figures.buffer_curves(table, level.name, above, level.capacity_bits))
    nests: dict[str, list[int]] = {}
    shown: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    start = 0
    records = table.to_dict("records")
    points = [(curve, p) for _, curve in drawn for p in curve.points]
    for place, ((curve, corner), row) in enumerate(zip(points, records, strict=True)):
        mapping = Mapping(corner.nest, arch=arch, workload=None, einsum=curve.einsum)
        nests[str(place)] = [book.group([curve.einsum]), book.lines(mapping, workload)]
        titles[str(place)] = f"{row['curve']}: {human.memory(corner.capacity_bits)} or more"
        shown[str(place)] = [
            f"{human.memory(corner.traffic_bits)} moved",
            f"{human.exact(corner.traffic_words)} words",
            f"{human.digits(row['traffic_bits'] / row['compulsory_bits'])} × compulsory",
            f"{human.digits(row['operations_per_byte'])} operations per byte",
        ]
        if curve is drawn[0][1] and corner is curve.at(level.capacity_bits):
            start = place
    book.fronts["curve"] = {"facts": shown, "nests": nests, "titles": titles, "start": start, "points": len(points)}
    open_ended = [c.einsum for c in curves if not c.proven]
    return fill_template(
        "curve.html.j2",
        book,
        title=f"{level.name} of {arch}, {workload.name}",
        subtitle=f"words between {above} and {level.name}, by the capacity of {level.name}",
        notes=[f"best found, not proven, for want of time: {', '.join(open_ended)}"] if open_ended else [],
        cards=_cards(curves, level),
        curve={"id": "curve", "options": [{"id": "curve", "name": "curve"}]},
        about=ABOUT,
        tables=[_standing(curves, level), _corner_table(table)],
        facts=list(facts),
    )


def write_curves(
    path: Path,
    curves: Sequence[BufferCurve],
    workload: Workload,
    level: Memory,
    arch: str,
    facts: Sequence[tuple[str, str]],
) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_curves(curves, workload, level, arch, facts))
    return path


def _alike(curves: Sequence[BufferCurve]) -> list[tuple[str, BufferCurve]]:
    """Return each curve once, named after the Einsums that have it."""
    same: dict[tuple[tuple[int, int], ...], list[BufferCurve]] = {}
    for curve in curves:
        same.setdefault(tuple((p.capacity_bits, p.traffic_bits) for p in curve.points), []).append(curve)
    found = []
    for group in same.values():
        more = f" and {len(group) - 1} alike" if len(group) > 1 else ""
        found.append((f"{group[0].einsum}{more}", group[0]))
    return found


def _corners(drawn: Sequence[tuple[str, BufferCurve]], workload: Workload) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for name, curve in drawn:
        count = _operations(workload.einsum(curve.einsum))
        for p in curve.points:
            rows.append(
                {
                    "point": len(rows),
                    "curve": name,
                    "capacity_bits": p.capacity_bits,
                    "traffic_bits": p.traffic_bits,
                    "traffic_words": p.traffic_words,
                    "operations_per_byte": 8 * count / p.traffic_bits,
                    "compulsory_bits": curve.points[-1].traffic_bits,
                    "nest": short_text(p.nest),
                }
            )
    return pd.DataFrame(rows)


def _operations(einsum: Einsum) -> int:
    return sum(operations(einsum).values())


def _cards(curves: Sequence[BufferCurve], level: Memory) -> list[Card]:
    size = "no limit" if level.capacity_bits is None else human.memory(level.capacity_bits)
    double = "half of it usable: double-buffered" if level.double_buffered else ""
    here = [c.at(level.capacity_bits) for c in curves]
    least = sum(c.points[-1].traffic_bits for c in curves)
    enough = max(c.points[-1].capacity_bits for c in curves)
    cards = [Card(f"{level.name} has", size, double)]
    if all(p is not None for p in here):
        bits = sum(p.traffic_bits for p in here if p is not None)
        words = sum(p.traffic_words for p in here if p is not None)
        detail = f"{human.digits(bits / least)} × compulsory"
        cards.append(Card("Least traffic with it", human.memory(bits), detail, f"{words:,} words"))
    else:
        cards.append(Card("Least traffic with it", "nothing fits"))
    words = sum(c.points[-1].traffic_words for c in curves)
    once = "each tensor once" if len(curves) == 1 else f"each tensor of {len(curves)} Einsums once"
    cards.append(Card("Compulsory traffic", human.memory(least), once, f"{words:,} words"))
    cards.append(Card("Reached with", human.memory(enough), "no more than compulsory moves", f"{enough:,} bits"))
    proven = all(c.proven for c in curves)
    cards.append(
        Card("Certificate", "optimal: proven" if proven else "best found", "of every corner" if proven else "")
    )
    return cards


def _standing(curves: Sequence[BufferCurve], level: Memory) -> Table:
    rows = []
    for curve in curves:
        here, last = curve.at(level.capacity_bits), curve.points[-1]
        rows.append(
            (
                Cell(curve.einsum, curve.einsum),
                _size(here.traffic_bits) if here else Cell("nothing fits", 0.0),
                _number(here.traffic_bits / last.traffic_bits) if here else Cell("", 0.0),
                _size(last.traffic_bits),
                _size(last.capacity_bits),
                Cell("proven" if curve.proven else "best found", str(curve.proven)),
            )
        )
    size = "without limit" if level.capacity_bits is None else f"of {human.memory(level.capacity_bits)}"
    columns = ("Einsum", "least traffic", "× compulsory", "compulsory", "reached with", "certificate")
    return Table("curve-standing", f"With {level.name} {size}", "One row per Einsum.", columns, tuple(rows))


def _corner_table(table: pd.DataFrame) -> Table:
    rows = tuple(
        (
            Cell(str(r["curve"]), str(r["curve"])),
            _size(int(r["capacity_bits"])),
            Cell(f"{r['traffic_words']:,}", int(r["traffic_words"]), numeric=True),
            _size(int(r["traffic_bits"])),
            _number(float(r["operations_per_byte"])),
            _number(r["traffic_bits"] / r["compulsory_bits"]),
        )
        for r in table.to_dict("records")
    )
    columns = ("Einsum", "capacity", "words moved", "bytes moved", "operations per byte", "× compulsory")
    return Table("curve-corners", "Corners", f"{len(rows):,} in all.", columns, rows)


def _size(bits: int) -> Cell:
    return Cell(human.memory(bits), bits, f"{bits:,} bits", numeric=True)


def _number(value: float) -> Cell:
    return Cell(human.digits(value), value, f"{value:.9g}", numeric=True)
