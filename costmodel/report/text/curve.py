"""Buffer-size curves as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.curves import beside, fused_text, shown_einsum, shown_whole
from costmodel.report.human import digits, memory
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum, Workload
    from costmodel.mapper.cascade_curve import CascadeCurve
    from costmodel.mapper.curve import BufferCurve
    from costmodel.report.curves import ShownCurve


def curve_text(curve: BufferCurve, einsum: Einsum, capacity_bits: int | None) -> str:
    """Corners of the curve of an Einsum, and where on it the level is."""
    shown = shown_einsum(curve, einsum)
    lines = [*_corners(shown, curve.above, curve.level), "", _here(shown, curve.level, capacity_bits)]
    return "\n".join(lines)


def whole_text(whole: CascadeCurve, workload: Workload, capacity_bits: int | None) -> str:
    """Corners of the curve of a workload, fused beside unfused, and where on it the level is."""
    unfused, *rest = shown_whole(whole, workload)
    if not rest:
        lines = [*_corners(unfused, whole.above, whole.level), "", _here(unfused, whole.level, capacity_bits)]
        return "\n".join(lines)
    (fused,) = rest
    rows = [
        (
            f"{-(-size // 8):,}",
            "-" if one is None else f"{one.traffic_words:,}",
            f"{two.traffic_words:,}",
            "" if one is None else f"{digits(one.traffic_bits / two.traffic_bits)} ×",
            fused_text(two),
        )
        for size, one, two in beside(unfused, fused)
    ]
    names = ["bytes held", "words, unfused", "words, fused", "less", "what is fused"]
    lines = [
        f"whole workload: least traffic between {whole.above} and {whole.level}, {_status(fused)}",
        "",
        table(names, rows),
        "",
        *(f"not fused: {name}: {why}" for name, why in whole.alone),
        *([""] if whole.alone else []),
        f"unfused: {_here(unfused, whole.level, capacity_bits)}",
        f"fused: {_here(fused, whole.level, capacity_bits)}",
    ]
    return "\n".join(lines)


def _status(curve: ShownCurve) -> str:
    return "proven" if curve.proven else "best found"


def _corners(curve: ShownCurve, above: str, level: str) -> list[str]:
    rows = [
        (
            f"{-(-c.capacity_bits // 8):,}",
            f"{c.traffic_words:,}",
            f"{-(-c.traffic_bits // 8):,}",
            digits(8 * curve.operations / c.traffic_bits),
            digits(c.traffic_bits / curve.compulsory_bits),
        )
        for c in curve.corners
    ]
    names = ["bytes held", "words moved", "bytes moved", "op/B", "× compulsory"]
    return [f"{curve.name}: least traffic between {above} and {level}, {_status(curve)}", "", table(names, rows)]


def _here(curve: ShownCurve, level: str, capacity_bits: int | None) -> str:
    """Say what the level needs as large as it is."""
    has = f"{level} has {'no limit' if capacity_bits is None else memory(capacity_bits)}"
    here = curve.at(capacity_bits)
    if here is None:
        return f"{has}: nothing fits"
    factor = digits(here.traffic_bits / curve.compulsory_bits)
    return f"{has}: {here.traffic_words:,} words, {factor} × compulsory"
