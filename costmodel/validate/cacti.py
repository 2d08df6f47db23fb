"""SRAM: a tenth of CACTI's points, predicted from the other nine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

from costmodel.components.sram import COLUMNS, Column, SramPoint, Surface, cacti_points, surface
from costmodel.components.tables import table
from costmodel.validate.records import Case, CaseGroup, CaseSummary, median_error, within

FIRST, EVERY = 4, 10
"""The points that are held out, in the order of the table: nodes, then widths, then sizes."""
QUANTITIES: dict[Column, str] = {"read_pj": "energy of a read", "write_pj": "energy of a write", "area_mm2": "area"}


def cases() -> Sequence[Case]:
    """The held-out points, three quantities each."""
    return [
        Case(
            name=f"{point.size_kib:g} KiB, {point.width_bits:g} b, {point.node_nm:g} nm",
            quantity=quantity,
            unit=COLUMNS[column][1],
            published=getattr(point, column),
            ours=partial(_ours, column, point),
            tolerance=within(0.25),
            source=table("cacti")["source"],
            assumed="power laws between the nearest points of the other nine tenths",
        )
        for point in _points()[1]
        for column, quantity in QUANTITIES.items()
    ]


@cache
def _points() -> tuple[list[SramPoint], list[SramPoint]]:
    """The points that are known, and those that are held out."""
    points = cacti_points()
    held = points[FIRST::EVERY]
    return [point for point in points if point not in held], held


@cache
def _known() -> Surface:
    return surface("nine tenths", _points()[0])


def _ours(column: Column, point: SramPoint) -> float:
    return _known().figure(column, point.size_kib, point.width_bits, point.node_nm).value


GROUP = CaseGroup(
    name="cacti",
    title="CACTI: a held-out tenth of the SRAMs",
    about="""
Every tenth of the 204 points of CACTI 7 that come with the package (0.5 KiB to 16 MiB, ports of 16, 64 and 256 b, 65 to
22 nm), predicted by the component library from the other nine tenths. Single points are off by up to a fifth where
CACTI changes the shape of the array from one size to the next; the medians are what has to hold.
""",
    cases=cases,
    summaries=tuple(
        CaseSummary(name="median of the errors", quantity=quantity, of=median_error, at_most=0.1)
        for quantity in QUANTITIES.values()
    ),
)
