"""The room that tiles take in a level, and the shape of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.explanation import Explanation, Part, number
from costmodel.model.explain.subjects import unknown
from costmodel.model.nest import Holder
from costmodel.spec.hardware import Memory

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Access


def occupancy(asked: Questioned, subject: str, level: Memory, tensor: str | None) -> Explanation:
    """Derive the bits that tiles take in one instance of a level."""
    rows = [
        r
        for r in asked.evaluation.occupancy_rows
        if r.level == level.name and r.einsum in asked.einsums() and tensor in (None, r.tensor)
    ]
    if not rows:
        raise unknown(asked, subject)
    parts = []
    for r in rows:
        holder = asked.holder(r.einsum, level.name, r.tensor)
        shape = f" = {tile_text(holder)}" if holder is not None else ""
        width = r.bits // r.words if r.words else 0
        name = f"{r.einsum}: " if len({x.einsum for x in rows}) > 1 else ""
        parts.append(Part(f"{name}{r.tensor}: {r.words:,} words{shape}, {width} b each", float(r.bits)))
    if len({r.einsum for r in rows}) > 1:
        largest: dict[str, float] = {}
        for r in rows:
            largest[r.einsum] = largest.get(r.einsum, 0.0) + r.bits
        parts = [Part(name, bits) for name, bits in largest.items()]
    combine: Literal["sum", "max"] = "max" if len({r.einsum for r in rows}) > 1 else "sum"
    value = sum(p.value for p in parts) if combine == "sum" else max(p.value for p in parts)
    room = (
        f"{level.name} has no size stated: unbounded"
        if level.usable_bits is None
        else f"room in one instance: {level.usable_bits:,} b, {100 * value / level.usable_bits:.3g} % used"
    )
    half = ("double buffered: half of its size is usable",) if level.double_buffered else ()
    head = f"{subject} = {number(value)} b in one instance"
    return Explanation(subject, value, "b", head, (), tuple(parts), combine, (room, *half))


def tile_text(holder: Holder) -> str:
    """The largest tile of a holder as a product over ranks, or the union of one for each way it is accessed.

    A rank that is indexed by a sum shows the rank variables of its window.
    """
    left: dict[str, int] = {}
    for einsum in holder.einsums:
        for v, extent in einsum.shape.items():
            left.setdefault(v, extent)
    for loop in holder.loops:
        left[loop.rank_variable] = min(left.get(loop.rank_variable, loop.tile), loop.tile)
    accesses = dict.fromkeys(a for e in holder.einsums for a in e.accesses_of(holder.tensor.name))
    images = dict.fromkeys(
        " × ".join(_extent_text(access, rank, left) for rank in range(len(access.indices))) or "1"
        for access in accesses
    )
    return " ∪ ".join(images)


def _extent_text(access: Access, rank: int, left: dict[str, int]) -> str:
    index = access.indices[rank]
    if not index.terms:
        return "1"
    if len(index.terms) == 1:
        v, _ = index.terms[0]
        return f"{v} {left[v]}"
    shown = " + ".join(v if a == 1 else f"{a}*{v}" for v, a in index.terms)
    inside = ", ".join(f"{v} {left[v]}" for v, _ in index.terms)
    return f"[{shown} with {inside}]"
