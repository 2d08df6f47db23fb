"""The energy of a component, and the hops of an array."""

from __future__ import annotations

from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.explanation import Explanation, Part, number
from costmodel.model.explain.prices import action_text, amount_text, price_notes
from costmodel.model.explain.subjects import unknown
from costmodel.model.formats import moved_bits
from costmodel.model.meters import (
    hop_energy,
)
from costmodel.spec.hardware import Array


def component_energy(asked: Questioned, subject: str, component: str, tensor: str | None) -> Explanation:
    """Derive the energy of a component, all of it or a tensor's, from its actions."""
    rows = [
        r
        for r in asked.evaluation.action_rows
        if r.component == component and r.einsum in asked.einsums() and tensor in (None, r.tensor)
    ]
    if tensor is not None and not rows:
        raise unknown(asked, subject)
    several = len(asked.einsums()) > 1
    parts = []
    for r in rows:
        name = f"{r.einsum}: " if several else ""
        what = " ".join(x for x in (r.tensor, r.action) if x)
        text = f"{name}{what}: {asked.times(r.einsum)}{action_text(asked, r)}"
        parts.append(Part(text, r.energy_pj * asked.evaluation.counts[r.einsum]))
    value = sum(p.value for p in parts)
    notes = price_notes(asked, component)
    return Explanation(subject, value, "pJ", f"{subject} = {number(value)} pJ", (), tuple(parts), notes=notes)


def hops(asked: Questioned, subject: str, array: Array, tensor: str | None) -> Explanation:
    """Derive the hops of an array from the words that each boundary moves through it."""
    rows = [
        r
        for r in asked.evaluation.action_rows
        if (r.component, r.action) == (array.name, "hop") and r.einsum in asked.einsums() and tensor in (None, r.tensor)
    ]
    if not rows:
        raise unknown(asked, subject)
    meter = hop_energy(array)
    parts = []
    for r in rows:
        for c in asked.crossings(r.einsum, r.tensor):
            words = sum(n for name, n in c.hops if name == array.name)
            if words:
                finished = sum(n for name, n in c.last_hops if name == array.name)
                child = c.child.level.name if c.child is not None else asked.bound(r.einsum).unit.name
                whose = c.parent.tensor
                said = amount_text(whose, array, meter, words, finished=finished, sums=c.sums)
                bits = moved_bits(whose, array, words, finished, sums=c.sums)
                what = f"{said} of {r.tensor} delivered to or collected from {child}"
                parts.append(Part(what, meter.amount(bits)))
    value = sum(r.count for r in rows)
    return Explanation(
        subject,
        value,
        "hops",
        f"{subject} = {number(value)} hops",
        ("one hop per receiver of a word below the array, one per sender on the way up",),
        tuple(parts),
        notes=price_notes(asked, array.name),
    )
