"""The arithmetic of prices: a row of the energy table, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.model.evaluation import ActionRow
from costmodel.model.explain.asked import Questioned
from costmodel.model.explain.explanation import number
from costmodel.model.formats import stored_bits
from costmodel.model.meters import (
    Meter,
    drain_text,
    hop_energy,
    leakage_w,
    links_text,
    network_text,
    operation_pj,
    port_energy,
    price_text,
)
from costmodel.spec.hardware import Array, ComputeUnit, Memory

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Tensor
    from costmodel.spec.hardware import Level


def action_text(asked: Questioned, row: ActionRow) -> str:
    """The arithmetic of one action."""
    meter = _meter_of(asked, row.component, row.action)
    if meter is not None:
        of = {"hop": "hops", "enter": "words that enter or leave,"}.get(row.action, "accesses")
        return f"{number(row.count)} {of} of {meter.width_bits:g} b × {meter.price:g} pJ"
    level = asked.architecture.level(row.component)
    if row.action == "leak":
        copies = f"{asked.architecture.copies(level.name):,} × {leakage_w(level):g} W"
        return f"{copies} × {number(row.count)} cycles / {asked.evaluation.clock_hz:g} Hz"
    kind = row.action.removeprefix("compute ")
    unit = next(u for u in asked.architecture.compute_units if u.name == row.component)
    return f"{number(row.count)} {kind} operations × {operation_pj(unit, kind):g} pJ"


def _meter_of(asked: Questioned, component: str, action: str) -> Meter | None:
    """The meter of energy of an action; null for operations and leakage."""
    every = (asked.book.meters[place] for place in asked.book.energy)
    return next((m for m in every if (m.component, m.action) == (component, action)), None)


def price_notes(asked: Questioned, component: str) -> tuple[str, ...]:
    """The row of the energy table of a component, and where it comes from."""
    level = next((x for x in asked.architecture.levels if x.name == component), None)
    if isinstance(level, ComputeUnit):
        row = price_text(level) or "no energy stated: not modelled"
    else:
        row = "; ".join(
            price_text(asked.book.meters[at])
            for at in asked.book.energy
            if asked.book.meters[at].component == component
        )
    if isinstance(level, Array):
        meter = hop_energy(level)
        network = f"{network_text(level)}; {links_text(level)}" if network_text(level) else ""
        return (f"{component}: {network or f'{meter.price:g} pJ per {meter.width_bits:g} b and hop'}",)
    if level is None:
        return (f"{component}: {row}",)
    if isinstance(level, Memory):
        read, write = port_energy(level)
        row = f"read {read.price:g} pJ, write {write.price:g} pJ per access of {read.width_bits:g} b"
        row += f" (read = read + drain, write = fill + update{drain_text(level)})"
    return (f"{component}: {row}", f"source: {level.energy_source or 'stated in the architecture file'}")


def amount_text(tensor: Tensor, level: Level, meter: Meter, words: int, *, finished: int, sums: bool) -> str:
    """How words make accesses or hops, for arithmetic: `` words``, with their width where that is not the meter's.

    ``sums``: they are partial sums, apart from those that are finished.
    """
    own, wide = (stored_bits(tensor, level, 1, sums=x) for x in (False, sums))
    if wide == own:
        scale = "" if own == meter.width_bits else f" × {own} b / {meter.width_bits:g} b"
        return f"{words:,} {meter.action} words{scale}"
    parts = [f"{n:,} {what} × {bits} b" for n, what, bits in _parts(words, finished, own, wide) if n]
    if not parts:
        return f"0 {meter.action} words"
    return f"({' + '.join(parts)}) / {meter.width_bits:g} b"


def _parts(words: int, finished: int, own: int, wide: int) -> tuple[tuple[int, str, int], ...]:
    return (words - finished, "partial sums", wide), (finished, "finished words", own)
