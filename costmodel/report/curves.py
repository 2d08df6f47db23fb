"""Buffer-size curves in one form, of Einsums and of a whole workload: what text, tables and pages are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costmodel.describe.facts import operations
from costmodel.report.nest_text import short_text
from costmodel.spec.mapping_file import sentences

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.einsum.algebra import Einsum, Workload
    from costmodel.mapper.cascade_curve import CascadeCurve, CascadePoint, Staircase
    from costmodel.mapper.curve import BufferCurve
    from costmodel.spec.mapping import Nest

UNFUSED, FUSED = "whole workload, unfused", "whole workload, fused"


@dataclass(frozen=True, slots=True)
class ShownCorner:
    """A corner with its nests, in order."""

    capacity_bits: int
    traffic_words: int
    traffic_bits: int
    nests: tuple[tuple[str, Nest], ...]
    """(name of the Einsum, or of those that are fused, nest)."""


@dataclass(frozen=True, slots=True)
class ShownCurve:
    """A curve by a name, with the operations that its traffic serves."""

    name: str
    operations: int
    corners: tuple[ShownCorner, ...]
    proven: bool

    def at(self, capacity_bits: int | None) -> ShownCorner | None:
        """Return the corner that holds for a capacity (null: unbounded); null where nothing fits."""
        fits = [c for c in self.corners if capacity_bits is None or c.capacity_bits <= capacity_bits]
        return fits[-1] if fits else None

    @property
    def compulsory_bits(self) -> int:
        """What moves however large the level is."""
        return self.corners[-1].traffic_bits


def shown_einsum(curve: BufferCurve, einsum: Einsum, name: str = "") -> ShownCurve:
    """Return the curve of one execution of an Einsum."""
    corners = tuple(
        ShownCorner(p.capacity_bits, p.traffic_words, p.traffic_bits, ((curve.einsum, p.nest),)) for p in curve.points
    )
    return ShownCurve(name or curve.einsum, sum(operations(einsum).values()), corners, curve.proven)


def shown_whole(whole: CascadeCurve, workload: Workload) -> list[ShownCurve]:
    """Return the curves of all executions of a workload: unfused, and fused where that was asked for."""
    count = sum(e.count * sum(operations(e).values()) for e in workload.einsums)
    named: list[tuple[str, Staircase | None]] = [(UNFUSED, whole.unfused), (FUSED, whole.fused)]
    return [
        ShownCurve(name, count, tuple(_corner(p) for p in one.points), one.proven)
        for name, one in named
        if one is not None
    ]


def _corner(point: CascadePoint) -> ShownCorner:
    nests = tuple((" + ".join(piece.einsums), piece.corner.nest) for piece in point.pieces)
    return ShownCorner(point.capacity_bits, point.traffic_words, point.traffic_bits, nests)


def curves_of(
    curves: Sequence[BufferCurve], whole: CascadeCurve | None, workload: Workload, *, alike: bool = False
) -> list[ShownCurve]:
    """Return all curves, that of the whole workload first. ``alike``: equal ones of Einsums once."""
    found = [] if whole is None else shown_whole(whole, workload)
    groups: dict[object, list[BufferCurve]] = {}
    for curve in curves:
        key = tuple((p.capacity_bits, p.traffic_bits) for p in curve.points) if alike else curve.einsum
        groups.setdefault(key, []).append(curve)
    for group in groups.values():
        more = f" and {len(group) - 1} alike" if len(group) > 1 else ""
        einsum = workload.einsum(group[0].einsum)
        found.append(shown_einsum(group[0], einsum, f"{einsum.name}{more}"))
    return found


def curve_table(curves: Sequence[ShownCurve]) -> pd.DataFrame:
    """Return a row for each corner.

    Columns: point, curve, capacity_bits, traffic_bits, traffic_words, operations_per_byte, compulsory_bits, nest (in
    short), fused (groups of Einsums).
    """
    import pandas as pd

    rows = [
        {
            "curve": curve.name,
            "capacity_bits": c.capacity_bits,
            "traffic_bits": c.traffic_bits,
            "traffic_words": c.traffic_words,
            "operations_per_byte": 8 * curve.operations / c.traffic_bits,
            "compulsory_bits": curve.compulsory_bits,
            "nest": "; ".join(short_text(nest) for _, nest in c.nests),
            "fused": fused_text(c),
        }
        for curve in curves
        for c in curve.corners
    ]
    table = pd.DataFrame(rows)
    table.insert(0, "point", range(len(table)))
    return table


def fused_text(corner: ShownCorner) -> str:
    """Name the groups of a corner."""
    return ", ".join(name for name, _ in corner.nests if " + " in name)


def beside(unfused: ShownCurve, fused: ShownCurve) -> list[tuple[int, ShownCorner | None, ShownCorner]]:
    """Return (capacity, unfused, fused) wherever either has a corner."""
    sizes = sorted({c.capacity_bits for c in itertools.chain(unfused.corners, fused.corners)})
    both = [(size, unfused.at(size), fused.at(size)) for size in sizes]
    return [(size, one, two) for size, one, two in both if two is not None]


def curves_object(level: str, curves: Sequence[BufferCurve], whole: CascadeCurve | None) -> dict[str, Any]:
    """All of it as plain values, as `costmodel curve --json` prints it."""
    shown = [
        {
            "einsum": curve.einsum,
            "above": curve.above,
            "proven": curve.proven,
            "points": [
                {
                    "capacity_bits": p.capacity_bits,
                    "traffic_words": p.traffic_words,
                    "traffic_bits": p.traffic_bits,
                    "nest": sentences(p.nest),
                }
                for p in curve.points
            ],
        }
        for curve in curves
    ]
    found: dict[str, Any] = {"level": level, "curves": shown}
    if whole is not None:
        told = {"unfused": _staircase_object(whole.unfused)}
        if whole.fused is not None:
            told["fused"] = _staircase_object(whole.fused) | {"in_no_group": dict(whole.alone)}
        found["whole"] = told
    return found


def _staircase_object(staircase: Staircase) -> dict[str, Any]:
    """Of a whole workload: its corners, with the groups that are fused, and their nests."""
    points = [
        {
            "capacity_bits": p.capacity_bits,
            "traffic_words": p.traffic_words,
            "traffic_bits": p.traffic_bits,
            "fused": [
                {"einsums": list(piece.einsums), "nest": sentences(piece.corner.nest)}
                for piece in p.pieces
                if len(piece.einsums) > 1
            ],
        }
        for p in staircase.points
    ]
    return {"proven": staircase.proven, "points": points}
