"""Choices of what the shared part of a group keeps, put together Einsum by Einsum.

What one Einsum keeps of a tensor in the shared part, all others find there. A choice goes at a boundary where its
cheapest branches are no better than what is known, or where its tiles and the smallest branches have no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.mapper.front import Incumbents
from costmodel.mapper.fused.charges import SharedPrices
from costmodel.mapper.fused.plan import Floats, Ints, Plan
from costmodel.mapper.fused.table import BranchTable

CELLS = 500_000
"""Choices times boundaries that are looked at in one go."""


@dataclass(frozen=True)
class SharedChoices:
    """Choices of shared nodes, one row each, with what a fused nest costs at least at each boundary."""

    kept: Ints
    """Nodes (bits)."""
    energy: Floats
    """(choices, boundaries): pJ; infinite where nothing is better than what is known."""
    cycles: Floats
    """(choices, boundaries)."""

    def __len__(self) -> int:
        return len(self.kept)


class Choosing:
    """The choices of one group that may be better than what is known at some boundary."""

    def __init__(
        self, plan: Plan, prices: SharedPrices, tables: Sequence[BranchTable], incumbents: Incumbents, leak: float
    ) -> None:
        self.plan, self.prices, self.tables = plan, prices, tables
        self.incumbents, self.leak = incumbents, leak
        self.bits: Ints = np.array([node.bit for node in plan.nodes], dtype=np.int64)

    def run(self) -> SharedChoices:
        """Return them."""
        nothing = np.zeros((1, self.plan.shapes))
        found, seen = SharedChoices(np.zeros(1, dtype=np.int64), nothing, nothing), 0
        for at, touched in enumerate(self.plan.touched):
            parts = list(self.grown(found, at, seen))
            found = SharedChoices(
                np.concatenate([p.kept for p in parts]),
                np.concatenate([p.energy for p in parts]),
                np.concatenate([p.cycles for p in parts]),
            )
            seen |= touched
        return found

    def grown(self, partial: SharedChoices, at: int, seen: int) -> Iterator[SharedChoices]:
        """Yield choices with what one more Einsum keeps; ``seen``: nodes about which others have said something."""
        table, touched, shapes = self.tables[at], self.plan.touched[at], self.plan.shapes
        kinds = np.array(list(table.least), dtype=np.int64)
        yield SharedChoices(kinds[:0], np.zeros((0, shapes)), np.zeros((0, shapes)))
        if not len(kinds):
            return
        energy = np.array([e for e, _ in table.least.values()])
        cycles = np.array([c for _, c in table.least.values()])
        own = np.array([self.prices_of(kind, at) for kind in kinds.tolist()])
        rest_energy, rest_cycles = self.rest(at + 1)
        alike = ((kinds[None, :] ^ partial.kept[:, None]) & touched & seen) == 0
        for nodes in self.plan.demanded:
            if not nodes & ~(seen | touched):
                alike &= ((partial.kept[:, None] | kinds[None, :]) & nodes) != 0
        before, kind = np.nonzero(alike)
        step = max(1, CELLS // shapes)
        for start in range(0, len(before), step):
            p, k = before[start : start + step], kind[start : start + step]
            kept = partial.kept[p] | kinds[k]
            total, time = partial.energy[p] + energy[k] + own[k, None], partial.cycles[p] + cycles[k]
            latency = time + rest_cycles
            bound = total + rest_energy + (self.leak * latency if self.leak else 0.0)
            good = np.isfinite(bound) & self.has_room(kept, table.smallest, k)
            good[good] = ~self.incumbents.beaten(bound[good], latency[good], np.zeros(int(good.sum())))
            rows = good.any(axis=1)
            yield SharedChoices(kept[rows], np.where(good, total, np.inf)[rows], time[rows])

    def has_room(self, kept: Ints, smallest: Floats, kinds: Ints) -> np.ndarray:
        """Return (choices, boundaries): whether shared tiles leave room for the smallest branches of these kinds."""
        fits = np.ones((len(kept), self.plan.shapes), dtype=bool)
        held = ((kept[:, None] & self.bits) != 0).astype(np.float64)
        for m, room in enumerate(self.prices.room.tolist()):
            mine = [k for k, node in enumerate(self.plan.nodes) if node.memory == m]
            if np.isfinite(room):
                fits &= held[:, mine] @ self.prices.tiles[mine] + smallest[kinds, m] <= room
        return fits

    def prices_of(self, kind: int, at: int) -> float:
        """Return the least pJ above what one Einsum keeps of the tensors that it touches first."""
        group = self.plan.group
        return sum(self.prices.least(t, kind) for t in group.einsums[at].tensors if group.touching(t)[0] == at)

    def rest(self, first: int) -> tuple[Floats, Floats]:
        """Return what the branches of later Einsums cost at least, by boundary, whatever is kept above them."""
        energy, cycles = np.zeros(self.plan.shapes), np.zeros(self.plan.shapes)
        for table in self.tables[first:]:
            least = list(table.least.items())
            dues = [e + min(0.0, self.due(kind)) for kind, (e, _) in least]
            energy = energy + (np.minimum.reduce(dues) if dues else np.inf)
            cycles = cycles + (np.minimum.reduce([c for _, (_, c) in least]) if least else np.inf)
        return energy, cycles

    def due(self, kept: int) -> float:
        """Return what the shared nodes of tensors would cost at least, where that is less than nothing."""
        return sum(min(0.0, self.prices.least(t, kept)) for t in self.plan.group.tensors)
