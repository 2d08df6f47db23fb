"""Larger and smaller memories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from costmodel.advice.amounts import size_text
from costmodel.advice.base import Base, Change

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.hardware import Memory

LESS = 0.98
"""A size that is no smaller than this share of another one is the same to an architect."""


def larger(base: Base) -> Iterator[Change]:
    """Yield twice the size of each memory on the chip; what suffices of it is told by what is found."""
    for memory in base.inner:
        if memory.capacity_bits is not None:
            yield _sized(memory, 2 * memory.capacity_bits)


def smaller(base: Base) -> Iterator[Change]:
    """Yield what the run needs of each memory, and half of it, where a smaller memory costs less."""
    for memory in base.inner:
        priced = "component" in base.levels[memory.name] or memory.area_mm2 is not None
        if memory.capacity_bits is None or not priced:
            continue
        if (needed := needed_bits(base, memory, base.evaluation)) < LESS * memory.capacity_bits:
            yield _sized(memory, needed, spares=True)
        yield _sized(memory, memory.capacity_bits // 2, spares=True)


def sufficient(base: Base, change: Change, found: Evaluation) -> Iterator[Change]:
    """Yield the size that the mappings need which were found for a larger one."""
    for memory in base.inner:
        old = memory.capacity_bits
        if change.about != _about(memory, more=True) or old is None:
            continue
        needed = needed_bits(base, memory, found)
        if old < needed < LESS * change.amount:
            yield _sized(memory, needed)


def needed_bits(base: Base, memory: Memory, found: Evaluation) -> int:
    """Return the size that has room for what mappings hold in one instance, in whole words."""
    word = base.architecture.word_bits
    held = base.occupied_bits(memory.name, found) * (2 if memory.double_buffered else 1)
    return max(1, -(-held // word)) * word


def _about(memory: Memory, *, more: bool) -> str:
    return f"{'more' if more else 'less'} {memory.name}"


def _sized(memory: Memory, bits: int, *, spares: bool = False) -> Change:
    old = memory.capacity_bits or 0
    return Change(
        about=_about(memory, more=bits > old),
        title=f"{memory.name} {size_text(old)} → {size_text(bits)}",
        settings=(f"{memory.name}.size={size_text(bits)}",),
        amount=bits,
        spares=spares,
    )
