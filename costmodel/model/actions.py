"""Tables of what moves and what it costs: words, actions, area."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence

from costmodel.einsum.functions import KINDS
from costmodel.model.evaluation import COMPUTE, FLOWS, ActionRow, Flow, TrafficRow
from costmodel.model.metered import Metered
from costmodel.model.meters import PriceBook, operation_pj
from costmodel.model.nest import BoundEinsum, BoundNest
from costmodel.model.traffic import Crossing
from costmodel.spec.hardware import Architecture


def area_mm2(architecture: Architecture) -> tuple[float | None, tuple[str, ...]]:
    """Return the chip's area and the levels whose area is not modelled."""
    stated = [x for x in architecture.physical if x.area_mm2 is not None]
    missing = tuple(x.name for x in architecture.physical if x.area_mm2 is None)
    if not stated:
        return None, missing
    return sum((x.area_mm2 or 0.0) * architecture.copies(x.name) for x in stated), missing


def area_lacks(architecture: Architecture) -> tuple[str, ...] | None:
    """Return the levels on the chip whose area is not modelled; null where none is. The outermost memory is no part."""
    area, missing = area_mm2(architecture)
    return None if area is None else tuple(name for name in missing if name != architecture.levels[0].name)


def traffic_rows_of(nest: BoundNest, crossings: Sequence[Crossing]) -> list[TrafficRow]:
    words: dict[tuple[str, str, str], dict[Flow, int]] = {}
    for h in nest.holders:
        words[h.owner.name, h.level.name, h.tensor.name] = dict.fromkeys(FLOWS, 0)
    for c in crossings:
        tensor = c.parent.tensor.name
        above = words.setdefault((c.einsum.name, c.parent.level.name, tensor), dict.fromkeys(FLOWS, 0))
        above["read"] += c.read
        above["update"] += c.update
        if c.child is not None:
            below = words.setdefault((c.einsum.name, c.child.level.name, tensor), dict.fromkeys(FLOWS, 0))
            below["fill"] += c.fill
            below["drain"] += c.drain
    return [
        TrafficRow(einsum, level, tensor, flow, flows[flow])
        for (einsum, level, tensor), flows in words.items()
        for flow in FLOWS
    ]


def action_rows_of(
    book: PriceBook, nest: BoundNest, counted: Sequence[Metered], cycles: MappingABC[str, float]
) -> list[ActionRow]:
    """Price what crosses, what is computed and what leaks; rows of memories stand before those of other components."""
    bits: dict[tuple[str, str, int], int] = {}
    ports = {
        h.level.name: [at for at in book.energy if book.meters[at].component == h.level.name] for h in nest.holders
    }
    for h in nest.holders:
        for at in ports[h.level.name]:
            bits[h.owner.name, h.tensor.name, at] = 0
    energy = set(book.energy)
    for c, amounts in counted:
        einsum, tensor = c.einsum.name, c.parent.tensor.name
        for at, more in amounts:
            if at in energy:
                key = (einsum, tensor, at)
                bits[key] = bits.get(key, 0) + more
    rows = []
    for (name, held, at), moved in sorted(bits.items(), key=lambda x: book.meters[x[0][2]].component not in ports):
        meter = book.meters[at]
        rows.append(ActionRow(name, meter.component, held, meter.action, meter.amount(moved), meter.cost(moved)))
    for b in nest.einsums:
        rows += _compute_actions(b)
        rows += [
            ActionRow(b.einsum.name, name, "", "leak", cycles[b.einsum.name], pj * cycles[b.einsum.name])
            for name, pj in book.leaks
        ]
    return rows


def actions_known(architecture: Architecture) -> frozenset[tuple[str, str]]:
    """Return (component, action) of every row that an architecture may have in a table of actions."""
    book = PriceBook(architecture)
    priced = {(book.meters[at].component, book.meters[at].action) for at in book.energy}
    computed = {(unit.name, f"{COMPUTE} {kind}") for unit in architecture.compute_units for kind in KINDS}
    return frozenset(priced | computed | {(name, "leak") for name, _ in book.leaks})


def _compute_actions(bound: BoundEinsum) -> list[ActionRow]:
    rows = []
    for kind, count in bound.einsum.operation_counts.items():
        energy = count * operation_pj(bound.unit, kind)
        rows.append(ActionRow(bound.einsum.name, bound.unit.name, "", f"{COMPUTE} {kind}", float(count), energy))
    return rows
