"""The search of one group: shared parts above every boundary, for each choice of nodes, and branches that fit below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.mapper.front import Incumbents, pareto
from costmodel.mapper.fused.charges import SharedPrices
from costmodel.mapper.fused.choices import Choosing
from costmodel.mapper.fused.plan import Floats, Ints, Plan
from costmodel.mapper.fused.shared import Bools, Heads, SharedParts
from costmodel.mapper.fused.table import BranchTable
from costmodel.mapper.sums import sum_fronts
from costmodel.model.patience import check_time
from costmodel.spec.mapping import Node
from costmodel.spec.objective import AXES

FIRST, MORE = 32, 4
"""Pairs of a choice and a boundary that are looked at first, and how many times more the next time."""
PROMISING = FIRST * MORE
"""Pairs that are looked at where the search is to end soon."""


@dataclass(frozen=True)
class FusedNest:
    """One answer."""

    shared: int
    """The shared part."""
    branches: tuple[int, ...]
    """Of each Einsum, a column of its table."""
    staying: frozenset[str]
    """Tensors that the outermost memory does not hold."""


class Join:
    """Finds the fused nests of a group that are better than the incumbents, and adds them."""

    def __init__(
        self,
        plan: Plan,
        prices: SharedPrices,
        tables: Sequence[BranchTable],
        incumbents: Incumbents,
        leak: float,
        *,
        soon: bool = False,
    ) -> None:
        """``soon``: only the most promising pairs of a choice and a boundary are looked at."""
        self.plan, self.prices, self.tables = plan, prices, tables
        self.incumbents, self.leak, self.soon = incumbents, leak, soon
        self.aim = incumbents.aim
        self.left_out = np.inf
        """What the first objective is at least of what was not looked at; infinite: nothing that may be better."""
        self.asked = [k for k, axis in enumerate(AXES) if axis.name in self.aim.costs]
        self.exact = True
        """Whether nothing was thinned out."""
        self.looked = 0
        """Shared parts that branches were put below."""

    def run(self) -> None:
        """Search. What is found goes to the incumbents as ``FusedNest``. Raises OutOfTimeError."""
        choices = Choosing(self.plan, self.prices, self.tables, self.incumbents, self.leak).run()
        if not len(choices):
            return
        self.kept = choices.kept
        kept = self.kept.tolist()
        self.home = np.array([sum(self.prices.at_home(t, one) for t in self.plan.group.tensors) for one in kept])
        self.charges = self.prices.charges(kept)
        self.parts = SharedParts(self.plan, self.charges, self.hopeful)
        self.base = np.array([self.branch_sum(one) for one in kept]) + self.home[:, :1]
        self.base_cycles = choices.cycles
        once = self.least_above(np.arange(len(choices)))
        bound = self.base + once[:, None] + self.leak * np.where(np.isfinite(self.base), self.base_cycles, 0.0)
        which, start = np.nonzero(np.isfinite(choices.energy) & np.isfinite(bound))
        order = np.argsort(bound[which, start], kind="stable")
        which, start = which[order], start[order]
        begin, stop = 0, FIRST
        while begin < (min(len(which), PROMISING) if self.soon else len(which)):
            self.some(which[begin:stop], start[begin:stop])
            begin, stop = stop, stop * MORE
        self.leave(which[begin:], start[begin:], bound[which[begin:], start[begin:]])

    def leave(self, which: Ints, start: Ints, energy: Floats) -> None:
        """Note what some choices above some boundaries cost at least, which are not looked at."""
        costs = np.stack([energy, self.base_cycles[which, start], np.zeros(len(which))])
        rest = costs[:, ~self.incumbents.beaten(*costs)]
        self.left_out = float(self.aim.first(*rest).min(initial=np.inf))

    def some(self, which: Ints, start: Ints) -> None:
        """Search the shared parts of some choices above some boundaries."""
        alive = self.tighten(which, start)
        found = self.parts.run(which[alive], self.kept[which[alive]], start[alive])
        order = np.argsort(self.bounds(found)[0], kind="stable")
        for at in order.tolist():
            self.finish(found.take(np.array([at])))

    def tighten(self, which: Ints, start: Ints) -> Bools:
        """Raise bounds by the room that shared tiles take at least; whether branches fit that leave hope."""
        plan = self.plan
        energy, cycles, once = np.zeros(len(which)), np.zeros(len(which)), self.least_above(which)
        for at, (choice, shape) in enumerate(zip(which.tolist(), start.tolist(), strict=True)):
            kept = int(self.kept[choice])
            free = self.charges.room.copy()
            for k, node in enumerate(plan.nodes):
                if node.bit & kept:
                    free[node.memory] -= self.prices.tiles[k][shape]
            for table, touched in zip(self.tables, plan.touched, strict=True):
                here = table.kinds[kept & touched][shape]
                fits = (table.room[:, here] <= free[:, None]).all(axis=0)
                if not fits.any():
                    energy[at] = np.inf
                    break
                energy[at] += table.energy[here][fits.argmax()]  # they are sorted by it
                cycles[at] += table.slowest[here][fits].min()
        energy += self.home[which, 0]
        self.base[which, start], self.base_cycles[which, start] = energy, cycles
        good = np.isfinite(energy)
        latency = cycles[good]
        bound = energy[good] + once[good] + self.leak * latency
        good[good] = ~self.incumbents.beaten(bound, latency, np.zeros(len(latency)))
        return good

    def least_above(self, which: Ints) -> Floats:
        """Return the least pJ above shared nodes, of choices: each word comes once."""
        found: Floats = (self.charges.price[which, :, 0] * self.charges.words).sum(axis=1)
        return found

    def branch_sum(self, kept: int) -> Floats:
        """Return the sum over the Einsums of the least energy of their branches, by boundary."""
        total = np.zeros(self.plan.shapes)
        for table, touched in zip(self.tables, self.plan.touched, strict=True):
            total = total + table.least[kept & touched][0]
        return total

    def bounds(self, labels: Heads) -> tuple[Floats, Floats, Floats]:
        """Return the least (energy, latency, capacity) of what shared parts may lead to."""
        s, f = labels.s, labels.f
        choice, start = s[Heads.CHOICE], s[Heads.START]
        energy = self.base[choice, start] + f[0]
        for at, node in enumerate(self.plan.nodes):
            waits = ((s[Heads.TODO] | s[Heads.OPEN]) & node.bit) != 0
            energy = energy + np.where(waits, self.charges.price[choice, at, 0] * self.charges.words[at], 0.0)
        latency = self.base_cycles[choice, start]
        return energy + self.leak * latency, latency, f[-1]

    def hopeful(self, labels: Heads) -> Bools:
        """Whether what shared parts may lead to can be better than what is known."""
        return ~self.incumbents.beaten(*self.bounds(labels))

    def nodes(self, found: FusedNest) -> list[Node]:
        """Return the shared part of an answer, innermost first."""
        return self.parts.nodes(found.shared)

    def finish(self, option: Heads) -> None:
        """Put the best branches below one shared part."""
        if not self.hopeful(option)[0]:
            return
        check_time()
        self.looked += 1
        choice, start, number = (int(option.s[k, 0]) for k in (Heads.CHOICE, Heads.START, Heads.NUMBER))
        kept, rows = int(self.kept[choice]), self.prices.rows
        above = option.f[:rows, 0] + self.home[choice]
        used, capacity = option.f[rows:-1, 0], float(option.f[-1, 0])
        fronts: list[Floats] = []
        columns: list[Ints] = []
        for at, (table, touched) in enumerate(zip(self.tables, self.plan.touched, strict=True)):
            here = table.kinds[kept & touched].get(start)
            if here is None:
                return
            room = table.room[:, here] + used[:, None]
            fits = np.flatnonzero((room <= self.charges.room[:, None]).all(axis=0))
            if not len(fits):
                return
            mine = fits + here.start
            limits = above[self.prices.slot(at, 0) : self.prices.slot(at + 1, 0)]
            cycles = table.cycles[:, mine] + np.append(limits, 0.0)[:, None]
            latency = self.prices.lasting(cycles, table.units, table.source[mine])
            energy = table.energy[mine] + self.leak * latency
            costs = np.stack([energy, latency, table.capacity[mine] + capacity], axis=1)
            best = pareto(costs[:, self.asked], costs)
            fronts.append(costs[best])
            columns.append(mine[best])
        total = sum_fronts(fronts, room=self.aim.uses_capacity)
        self.exact &= not total.gap
        costs = total.costs.T.copy()
        costs[0] += above[0]
        fresh = np.flatnonzero(~self.incumbents.beaten(*costs))
        staying = frozenset(t for t in self.plan.group.internal if any(n.bit & kept for n in self.plan.of(t)))
        items = [
            FusedNest(number, tuple(int(c[k]) for c, k in zip(columns, total.choices[i], strict=True)), staying)
            for i in fresh.tolist()
        ]
        if items:
            self.incumbents.add(costs[:, fresh], items)
