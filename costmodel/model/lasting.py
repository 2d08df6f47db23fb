"""How long an Einsum lasts: what of its limits overlaps, and what waits for something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

from costmodel.model.meters import EXCHANGES, PriceBook, first_word_cycles


class Lasting:
    """Puts together what keeps the components of an architecture busy.

    From the inside out: what works at the same time takes as long as what is busy longest, and where nothing goes on
    while tiles come and leave, that is added; in the end the first words. It never falls where something is busy for
    longer, so bounds of what is busy make a bound.
    """

    def __init__(self, book: PriceBook) -> None:
        self.architecture = book.architecture
        self._ports: dict[str, list[int]] = {}
        """Level → places of the limits of which each of its instances has one; likewise of exchanges."""
        self._exchanges: dict[str, list[int]] = {}
        for place, meter in enumerate(book.meters):
            if meter.unit == "cycles":
                kept = self._exchanges if meter.action in EXCHANGES.values() else self._ports
                kept.setdefault(meter.level, []).append(place)
        self.waits = bool(self._exchanges or any(first_word_cycles(x) for x in self.architecture.levels))
        """Whether an Einsum may last longer than what is busy longest."""

    def cycles(self, busy: Mapping[int, Any], computing: Any, unit: str, most: Callable[[Any, Any], Any] = max) -> Any:
        """Return how long an Einsum lasts that keeps the limits (by their places) and its unit busy for so many cycles.

        ``most``: of two numbers, or arrays of them.
        """
        total = computing
        for _, ports, exchanged in self._outward(busy):
            total = reduce(most, ports, total)
            if exchanged:
                total = total + reduce(most, exchanged)
        above = self.architecture.levels[: self.architecture.index(unit)]
        start = sum(first_word_cycles(x) for x in above)
        return total + start if start else total

    def terms(self, busy: Mapping[int, float], computing: float, unit: str) -> list[tuple[str, float]]:
        """Return what ``cycles`` adds up: what is busy longest, what waits for it, and the first words."""
        terms = [(f"{unit} computes", computing)]
        for name, ports, exchanged in self._outward(busy):
            if max(ports, default=0.0) > sum(cycles for _, cycles in terms):
                terms = [(f"{name} is busy", max(ports))]
            if exchanged:
                terms.append((f"tiles come to {name} and leave it, nothing overlaps", max(exchanged)))
        above = self.architecture.levels[: self.architecture.index(unit)]
        return terms + [(f"the first word of {x.name}", first_word_cycles(x)) for x in above if first_word_cycles(x)]

    def _outward(self, busy: Mapping[int, Any]) -> Iterator[tuple[str, list[Any], list[Any]]]:
        """Yield (level, cycles of its ports, cycles of its exchanges that nothing overlaps), innermost first."""
        for level in reversed(self.architecture.levels):
            ports, exchanges = self._ports.get(level.name, ()), self._exchanges.get(level.name, ())
            yield level.name, [busy[at] for at in ports], [busy[at] for at in exchanges]
