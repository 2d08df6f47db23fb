"""What labels below an array carry across it, times what each way to spread makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from costmodel.mapper.lattice.below_choices import Choices
from costmodel.mapper.lattice.below_inputs import Carried, Inputs, SlidingRank
from costmodel.mapper.lattice.shapes import Floats
from costmodel.mapper.lattice.tensor_plan import Window


@dataclass(frozen=True)
class AcrossBy:
    """Some labels and some choices; energy and each limit are asked for in turn."""

    inputs: Inputs
    sliding_ranks: Sequence[SlidingRank]
    carried: Carried
    choices: Choices

    def of(self, output: int) -> tuple[Floats, Floats]:
        """Return what the labels carry times the coefficients: what waits for a parent, and what nodes cost at least.

        Those that are to come, once, and those that are open, with the best one moving last. ``output``: energy (0) or
        a limit (1, …).
        """
        carried, choices, inputs = self.carried, self.choices, self.inputs
        total = carried.times(choices, output, inputs.at_once)
        own = carried.times(choices, output, inputs.crossing)
        for row, apart in self._apart:
            total += carried.times(choices, output, (row,)) * apart
        best: Floats | None = None
        for place, impossible in self._last:
            closing = carried.times(choices, output, inputs.closing(place))
            closing[impossible] = np.inf
            best = closing if best is None else np.minimum(best, closing)
        if best is not None:
            best[np.isinf(best[:, 0])] = 0.0  # nothing is open
            own += best
        return total, own

    @cached_property
    def _last(self) -> list[tuple[int, Any]]:
        """The places of tensors that may move last, and the labels where none of its tiles is open."""
        possible = [(place, self.carried.inputs[rows].any(axis=0)) for place, rows in enumerate(self.inputs.of_last)]
        return [(place, ~some) for place, some in possible if some.any()]

    @cached_property
    def _apart(self) -> list[tuple[int, Any]]:
        """Rows of sliding tiles that wait, and (labels, choices) of each: how many times its words count at least.

        Two tiles of length L at a distance d have min(d, L) words of their own, and what moves bring in shares no more
        than the tiles do. Of two rank variables of a window only the one that separates more counts: together their
        instances may coincide.
        """
        waiting = [(slot, row) for slot, row in enumerate(self.inputs.waiting) if self.carried.there[row]]
        return [(row, self._copies(slot)) for slot, row in waiting]

    def _copies(self, slot: int) -> Any:
        best: dict[Window, Any] = {}
        for reach, rank in zip(self.carried.reach, self.sliding_ranks, strict=True):
            if rank.slot != slot:
                continue
            more = self.choices.along[rank.rank_variable] - 1
            if more.any():
                copies = 1 + reach[:, None] * more
                known = best.get(rank.window)
                best[rank.window] = copies if known is None else np.maximum(known, copies)
        total: Any = 1.0
        for copies in best.values():
            total = total * copies
        return total
