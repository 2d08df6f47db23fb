"""A buffer-size curve as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.describe.facts import operations
from costmodel.report.human import digits, memory
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum
    from costmodel.mapper.curve import BufferCurve


def curve_text(curve: BufferCurve, einsum: Einsum, capacity_bits: int | None) -> str:
    """Corners of a buffer-size curve, and where on it the level is."""
    count, least = sum(operations(einsum).values()), curve.points[-1]
    status = "proven" if curve.proven else "best found"
    rows = [
        (
            f"{-(-p.capacity_bits // 8):,}",
            f"{p.traffic_words:,}",
            f"{-(-p.traffic_bits // 8):,}",
            digits(8 * count / p.traffic_bits),
            digits(p.traffic_bits / least.traffic_bits),
        )
        for p in curve.points
    ]
    lines = [f"{curve.einsum}: least traffic between {curve.above} and {curve.level}, {status}", ""]
    lines += [table(["bytes held", "words moved", "bytes moved", "op/B", "× compulsory"], rows), ""]
    here = curve.at(capacity_bits)
    has = f"{curve.level} has {'no limit' if capacity_bits is None else memory(capacity_bits)}"
    if here is None:
        lines.append(f"{has}: nothing fits")
    else:
        factor = digits(here.traffic_bits / least.traffic_bits)
        lines.append(f"{has}: {here.traffic_words:,} words, {factor} × compulsory")
    return "\n".join(lines)
