"""The words of one flow of a level, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.boundary import derive
from costmodel.model.explain.explanation import Explanation, Part, number
from costmodel.model.explain.prices import amount_text, price_notes
from costmodel.model.explain.subjects import unknown
from costmodel.model.formats import moved_bits
from costmodel.model.meters import (
    port_energy,
)
from costmodel.model.traffic import (
    Crossing,
)
from costmodel.spec.hardware import Memory


def flow(asked: Questioned, subject: str, level: Memory, flow: str, tensor: str | None) -> Explanation:
    """Derive the words of a flow of a level: a tensor's from its boundaries, several as their sum."""
    rows = [
        r
        for r in asked.evaluation.traffic_rows
        if (r.level, r.flow) == (level.name, flow) and r.einsum in asked.einsums() and tensor in (None, r.tensor)
    ]
    if not rows:
        raise unknown(asked, subject)
    if len(rows) > 1:
        several = len({r.einsum for r in rows}) > 1
        parts = tuple(Part(f"{r.einsum}: {r.tensor}" if several else r.tensor, r.words) for r in rows)
        total = sum(r.words for r in rows)
        return Explanation(
            subject, total, "words", f"{subject} = {total:,} words (one execution of each Einsum)", (), parts
        )
    (row,) = rows
    return _one_flow(asked, subject, level, flow, row.einsum, row.tensor, row.words)


def _one_flow(
    asked: Questioned, subject: str, level: Memory, flow: str, einsum: str, tensor: str, words: int
) -> Explanation:
    lines: list[str] = []
    parts: list[Part] = []
    heads: list[str] = []
    relevant = [c for c in asked.crossings(einsum, tensor) if _touches(c, level, flow)]
    for c in relevant:
        derivation = derive(asked.architecture, c, flow, asked.bound(einsum).unit.name)
        lines += derivation.lines
        parts += derivation.parts
        heads.append(derivation.head)
    count = asked.evaluation.counts[einsum]
    often = f" in each of {count} executions of {einsum}" if count != 1 else ""
    if not relevant:
        head = f"{subject} = {words:,} words: {_no_traffic(asked, level, flow, einsum, tensor)}"
    elif len(heads) == 1:
        head = f"{subject} = {heads[0]} = {words:,} words{often}" if heads[0] else f"{subject} = {words:,} words{often}"
    else:
        head = f"{subject} = {words:,} words{often}, from {len(heads)} boundaries"
    return Explanation(
        subject,
        words,
        "words",
        head,
        tuple(lines),
        tuple(parts),
        notes=_flow_price(asked, level, flow, einsum, tensor, words, relevant),
    )


def _touches(c: Crossing, level: Memory, flow: str) -> bool:
    rises = bool(c.update) or (c.child is not None and c.child.output_like)
    if flow in ("read", "update"):
        return c.parent.level.name == level.name and (flow == "read" or rises)
    return c.child is not None and c.child.level.name == level.name and (flow == "fill" or rises)


def _no_traffic(asked: Questioned, level: Memory, flow: str, einsum: str, tensor: str) -> str:
    holder = asked.holder(einsum, level.name, tensor)
    if holder is None:
        return f"{tensor} is not held here"
    if flow in ("fill", "drain") and holder.parent is None:
        return f"{level.name} is the outermost holder of {tensor}: nothing is above it"
    if flow in ("update", "drain") and not holder.output_like:
        return f"{tensor} is only read below {level.name}"
    return "nothing moves"


def _flow_price(
    asked: Questioned, level: Memory, flow: str, einsum: str, tensor: str, words: int, crossings: Sequence[Crossing]
) -> tuple[str, ...]:
    meter = next((m for m in port_energy(level) if any(tap.flow == flow for tap in m.taps)), None)
    if meter is None:
        return (f"energy: {flow}s of {level.name} are free ({flow}: free)",)
    whose = asked.workload.einsum(einsum).tensors[tensor]
    terms, energy = [], 0.0
    for c in crossings:
        moved, finished = getattr(c, flow), getattr(c, f"last_{flow}", 0)
        terms.append(amount_text(whose, level, meter, moved, finished=finished, sums=c.sums))
        energy += meter.cost(moved_bits(whose, level, moved, finished, sums=c.sums))
    if len(crossings) != 1 and not any(c.sums for c in crossings):
        terms = [amount_text(whose, level, meter, words, finished=0, sums=False)]
    said = " + ".join(terms) if len(terms) == 1 else f"({' + '.join(terms)})"
    return (f"energy: {said} × {meter.price:g} pJ = {number(energy)} pJ", *price_notes(asked, level.name))
