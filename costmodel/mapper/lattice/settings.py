"""What groups make of an Einsum: where its branches may end, and what it pays of what is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from costmodel.mapper.front import Incumbents, beaten_by_all
from costmodel.mapper.lattice.bound_above import Above
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.shapes import Floats, Ints, Lattice
from costmodel.mapper.lattice.space import Space
from costmodel.spec.objective import Objective


@dataclass(frozen=True)
class Setting:
    """What one group makes of an Einsum, or several groups alike."""

    shared: tuple[int, ...]
    """Places of the rank variables that loops above may split."""
    movable: int
    """Nodes (bits) that may stand in the shared part."""
    whole: tuple[tuple[int, tuple[int, ...]], ...]
    """Of these, nodes that may do so only where no loop above splits some rank variables → their places."""
    elsewhere: tuple[tuple[int, float], ...]
    """Of these, nodes that other Einsums pay for as well → the part of their energy that is this one's. An output then
    is not written to the outermost memory."""


def least_elsewhere(settings: Sequence[Setting]) -> dict[int, float]:
    """Return the least part that an Einsum pays of each node that it need not pay for by itself, in any setting."""
    found: dict[int, float] = {}
    for setting in settings:
        for bit, part in setting.elsewhere:
            found[bit] = min(part, found.get(bit, part))
    return found


class Settings:
    """All settings of an Einsum. Bounds are the least of any; each setting adds dues to them."""

    def __init__(self, space: Space, lattice: Lattice, above: Above, settings: Sequence[Setting]) -> None:
        self.each = tuple(settings)
        self.movable = 0
        """In any setting, at some boundary."""
        self.movable_at: Ints = np.zeros((len(settings), lattice.shapes), dtype=np.int64)
        """(settings, shapes): nodes (bits) that may stand above a boundary."""
        self.ends_at = np.zeros((len(settings), lattice.shapes), dtype=bool)
        """(settings, shapes): whether a shape is a boundary."""
        self.is_shared = np.zeros(lattice.count, dtype=bool)
        self.more = np.zeros((len(settings), len(space.nodes)))
        """(settings, nodes): pJ that a node costs more at least, where it is still to come."""
        self.bits: Ints = np.array([n.bit for n in space.nodes], dtype=np.int64)
        full = lattice.digits == lattice.last_digit[:, None]
        for k, setting in enumerate(self.each):
            mine = np.isin(np.arange(lattice.count), setting.shared)
            self.movable |= setting.movable
            self.is_shared |= mine
            self.ends_at[k] = full[~mine].all(axis=0)
            self.movable_at[k] = setting.movable
            for bit, along in setting.whole:
                self.movable_at[k, ~full[list(along)].all(axis=0)] &= ~bit
            for i, node in enumerate(space.nodes):
                more = above.price(node, dict(setting.elsewhere))[0] - above.prices[node.bit][0]
                self.more[k, i] = more * space.tensors[node.tensor].words
        differing = (self.more != self.more[:1]).any(axis=0)
        self.telling = int(self.bits[differing].sum())
        """Nodes (bits) by which settings differ."""

    def dues(self, todo: Ints) -> Floats:
        """Return (settings, labels): pJ to add to bounds, where these nodes (bits) are to come."""
        found: Floats = self.more @ ((todo[None, :] & self.bits[:, None]) != 0)
        return found

    def allowed(self, labels: Labels) -> Floats:
        """Return (settings, labels): 0 where a branch may end, what is to come being shared; else infinite."""
        shapes, todo = labels.s[Layout.SHAPE], labels.s[Layout.TODO]
        may = self.ends_at[:, shapes] & ((todo[None, :] & ~self.movable_at[:, shapes]) == 0)
        return np.where(may, 0.0, np.inf)


class Judges(Incumbents):
    """The incumbents of each setting: what costs so much is beaten where it is in all, with the dues of each."""

    def __init__(self, aim: Objective, judges: Sequence[Incumbents], dues: Floats) -> None:
        """``dues``: pJ, of each setting."""
        super().__init__(aim)
        self.judges, self.dues = tuple(judges), dues
        self.items = [None] if all(judge.items for judge in judges) else []
        if aim.alone:
            limits = np.array([judge.limit() for judge in judges])
            self.most = float((limits - dues * (aim.alone == "energy")).max(initial=-np.inf))

    def limit(self) -> float:
        return self.most

    def beaten(self, energy: Floats, latency: Floats, capacity: Floats) -> Any:
        if self.aim.alone:
            return (energy if self.aim.alone == "energy" else latency) >= self.most
        return beaten_by_all(self.judges, (energy + due for due in self.dues.tolist()), repeat(latency), capacity)
