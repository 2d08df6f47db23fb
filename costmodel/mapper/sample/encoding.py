"""Encodings of the mappings of one Einsum on one architecture: every vector of genes is a mapping, none is rejected.

A nest is read as a row of *slots*, outermost first: one temporal slot below the outermost memory and below each
storage node, one spatial slot per array dimension. Each prime factor of each rank variable goes to one slot, so
tiles always divide and every rank variable comes down to 1. Other genes choose the order of the storage nodes
between two arrays (uneven tiles), what is held where the architecture leaves that open, and the order of the loops
of a slot, which rules on that order then correct. What does not fit an array falls to the temporal slot above.
Capacity is the only limit of the architecture that a mapping may break; it is reported as slack, as are rules.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import primes
from costmodel.mapper.sample.genes import Gene, Genes, Segment, Slot
from costmodel.mapper.sample.limits import Limits
from costmodel.mapper.sample.orders import by_priority, extensions, in_order
from costmodel.mapper.sample.steps import Hold, Plan, Plans, Split
from costmodel.spec import mapping as nodes


@dataclass(frozen=True)
class Encoding:
    """The mapspace of one Einsum on one architecture as a box of genes."""

    allowed: Allowed
    limits: Limits
    slots: tuple[Slot, ...]
    segments: tuple[Segment, ...]
    choices: frozenset[Hold]
    """Storage nodes that a mapping may leave out."""
    genes: tuple[Gene, ...]
    orders: tuple[tuple[str, ...], ...]
    """Loop orders of a temporal slot, outermost first."""
    slides: tuple[str, ...]
    """Rank variables of windows: which of them slides first (innermost) matters."""
    most: Mapping[tuple[int, str], float]
    """(slot of a dimension, rank variable) → the most steps."""

    @property
    def plans(self) -> Plans:
        return self.limits.plans

    # From genes to mappings

    def plan(self, genes: Sequence[int]) -> Plan:
        """Return the canonical nest that a vector of genes stands for."""
        return self.plans.canonical(self.steps(genes))

    def steps(self, genes: Sequence[int], *, whole: bool = False) -> Plan:
        """Return the nest that a vector of genes spells, before equal nests become one.

        ``whole`` spells loops of one step too, so that vectors that differ in their factors only have nests that
        differ in their tiles only.
        """
        inside, bypassed = self._placed(genes)
        orders = [self._order_of_nodes(number, genes) for number in range(len(self.segments))]
        slot = 0
        for segment, order in zip(self.segments, orders, strict=True):
            for place, hold in enumerate(order, segment.first_slot):
                if hold not in bypassed:
                    slot = place
                    continue
                # Without its node, a slot is a part of the one above.
                for v, n in inside[place].items():
                    inside[slot][v] = inside[slot].get(v, 1) * n
        if whole:
            for place, rank_variables in enumerate(self._open):
                inside[place] = {v: inside[place].get(v, 1) for v in rank_variables}
        steps: list[Hold | Split] = [Hold(0, tensor) for tensor in self.plans.einsum.tensors]
        steps += self._loops(0, 0, inside[0], genes)
        for segment, order in zip(self.segments, orders, strict=True):
            for place in segment.dimensions:
                across = self.slots[place]
                steps += [Split(v, n, across.array, across.dimension) for v, n in inside[place].items()]
            for place, hold in enumerate(order, segment.first_slot):
                if hold not in bypassed:
                    steps += [hold, *self._loops(place, hold.level, inside[place], genes)]
        return tuple(steps)

    def decode(self, genes: Sequence[int]) -> nodes.Mapping:
        """Return the mapping that a vector of genes stands for."""
        return self.plans.mapping(self.plan(genes))

    # From mappings to genes

    def encode(self, mapping: nodes.Mapping) -> Genes:
        """Return genes that decode to a mapping, for a warm start.

        Raises ValueError for a mapping outside of the mapspace (tiles that do not divide, a tensor held where the
        architecture does not hold it). Loop orders that the genes cannot say are approximated by the nearest.
        """
        kept = self._kept_by(mapping)
        orders = [self._full_order(segment, kept) for segment in self.segments]
        loops: dict[int, list[tuple[str, int]]] = {}
        slot = 0
        for step in self.plans.steps_of(mapping):
            if isinstance(step, Hold):
                if step in self._segment_of:
                    segment = self._segment_of[step]
                    slot = self.segments[segment].first_slot + orders[segment].index(step)
            elif step.steps > 1:
                place = self._dimension_slots[step.array, step.dimension] if step.array else slot
                loops.setdefault(place, []).append((step.rank_variable, step.steps))
        genes = self._genes_for(kept, orders, loops)
        wanted = self.plans.canonical(self.plans.steps_of(mapping))
        # From the inside, because what commutes in a slot depends on what is further in.
        for place in sorted(loops, reverse=True):
            if not self.slots[place].size and len(loops[place]) > 1:
                self._set_order(genes, place, [v for v, _ in loops[place]], wanted)
        return tuple(genes)

    # Vectors of genes

    def with_order(self, genes: Sequence[int], number: int, order: Sequence[Hold]) -> list[int]:
        """Return genes that put a segment's storage nodes in an order (each tensor's levels outermost first)."""
        changed = list(genes)
        place = self._gene_place.get(("nodes", number))
        if place is not None:
            changed[place] = extensions(self.segments[number].holds).index(tuple(order))
        for rank, hold in enumerate(order):
            place = self._gene_place.get(("priority", self._holds.index(hold)))
            if place is not None:
                changed[place] = rank
        return changed

    def with_stationary(self, genes: Sequence[int], tensor: str) -> list[int]:
        """Return genes that put the loops that do not move a tensor innermost in every slot."""
        moving = self.plans.relevant[tensor]
        best = min(
            range(len(self.orders)),
            key=lambda k: sum(place for place, v in enumerate(self.orders[k]) if v in moving),
        )
        return [best if gene.kind == "order" else value for gene, value in zip(self.genes, genes, strict=True)]

    @property
    def smallest(self) -> Genes:
        """Genes of the mapping that takes the least room: all loops outside, nothing held that need not be."""
        return tuple(1 if gene.kind == "bypass" else 0 for gene in self.genes)

    @property
    def size(self) -> int:
        """Number of gene vectors; several may stand for one mapping."""
        return math.prod(gene.size for gene in self.genes)

    # Inner workings

    @cached_property
    def _holds(self) -> tuple[Hold, ...]:
        return tuple(hold for segment in self.segments for hold in segment.holds)

    @cached_property
    def _open(self) -> tuple[tuple[str, ...], ...]:
        """Rank variables that may stand in each slot."""
        return tuple(
            tuple(dict.fromkeys(g.rank_variable for g in self.genes if g.kind == "factor" and place in g.slots))
            for place in range(len(self.slots))
        )

    @cached_property
    def _segment_of(self) -> dict[Hold, int]:
        return {hold: number for number, segment in enumerate(self.segments) for hold in segment.holds}

    @cached_property
    def _dimension_slots(self) -> dict[tuple[str, str], int]:
        return {(slot.array, slot.dimension): place for place, slot in enumerate(self.slots) if slot.size}

    @cached_property
    def _gene_place(self) -> dict[tuple[str, int | str], int]:
        return {(gene.kind, gene.subject): place for place, gene in enumerate(self.genes) if gene.kind != "factor"}

    @cached_property
    def _slot_orders(self) -> dict[tuple[int, int], tuple[str, ...]]:
        """(order, slide) → rank variables, outermost first."""
        found: dict[tuple[int, int], tuple[str, ...]] = {}
        for place, order in enumerate(self.orders):
            found[place, 0] = order
            for number, slide in enumerate(self.slides, 1):
                mark = self.plans.signature(slide)
                peers = [v for v in order if self.plans.signature(v) == mark]
                peers.append(peers.pop(peers.index(slide)))
                turn = iter(peers)
                found[place, number] = tuple(next(turn) if self.plans.signature(v) == mark else v for v in order)
        return found

    def _value(self, genes: Sequence[int], kind: str, subject: int | str) -> int:
        place = self._gene_place.get((kind, subject))
        return 0 if place is None else genes[place]

    def _placed(self, genes: Sequence[int]) -> tuple[list[dict[str, int]], set[Hold]]:
        """Return what the genes put in each slot (rank variable → steps), and the storage nodes they leave out."""
        inside: list[dict[str, int]] = [{} for _ in self.slots]
        used = [1] * len(self.slots)
        bypassed: set[Hold] = set()
        for gene, value in zip(self.genes, genes, strict=True):
            if gene.kind == "factor":
                prime = int(gene.subject)
                slot = gene.slots[value]
                v = gene.rank_variable
                size = self.slots[slot].size
                if size:
                    cap = self.most[slot, v]
                    while size and (used[slot] * prime > size or inside[slot].get(v, 1) * prime > cap):
                        slot = self._above(slot, gene.slots)
                        size = 0
                used[slot] *= prime
                inside[slot][v] = inside[slot].get(v, 1) * prime
            elif gene.kind == "bypass" and value:
                bypassed.add(self._holds[int(gene.subject)])
        return inside, bypassed

    def _above(self, slot: int, allowed: tuple[int, ...]) -> int:
        """Return the nearest temporal slot above that a rank variable may use."""
        return max(place for place in allowed if place < slot and not self.slots[place].size)

    def _loops(self, slot: int, level: int, inside: dict[str, int], genes: Sequence[int]) -> list[Split]:
        """Return the loops of a slot below a storage node of a level."""
        if len(inside) < 2:
            return [Split(v, n) for v, n in inside.items()]
        order = self._slot_orders[self._value(genes, "order", slot), self._value(genes, "slide", slot)]
        row = [v for v in order if v in inside]
        for below, listed in self.allowed.orders:
            if below == self.allowed.levels[level].name:
                row = in_order(row, listed)
        return [Split(v, inside[v]) for v in row]

    def _order_of_nodes(self, number: int, genes: Sequence[int]) -> tuple[Hold, ...]:
        holds = self.segments[number].holds
        if len(holds) < 2:
            return holds
        place = self._gene_place.get(("nodes", number))
        if place is not None:
            return extensions(holds)[genes[place]]
        start = self._holds.index(holds[0])
        return by_priority(holds, [self._value(genes, "priority", start + k) for k in range(len(holds))])

    def _kept_by(self, mapping: nodes.Mapping) -> tuple[Hold, ...]:
        """Return the storage nodes of a mapping, outermost first, without those of the outermost memory."""
        kept = tuple(
            Hold(self.plans.architecture.index(node.level), tensor)
            for node in mapping.nest
            if isinstance(node, nodes.Storage)
            for tensor in node.tensors
            if self.plans.architecture.index(node.level)
        )
        for hold in kept:
            if hold not in self._segment_of:
                raise ValueError(f"{self.plans.architecture.levels[hold.level].name} does not hold {hold.tensor}")
        for hold in self._holds:
            if hold not in kept and hold not in self.choices:
                raise ValueError(f"{self.plans.architecture.levels[hold.level].name} must hold {hold.tensor}")
        return kept

    @staticmethod
    def _full_order(segment: Segment, kept: Sequence[Hold]) -> tuple[Hold, ...]:
        """Order a segment's storage nodes: the kept ones as they stand, each other one as late as it may come."""
        rank: dict[Hold, int] = {}
        following: dict[str, int] = {}
        for hold in reversed(segment.holds):
            if hold in kept:
                rank[hold] = 2 * kept.index(hold) + 1
                following[hold.tensor] = rank[hold] - 1
            else:
                rank[hold] = following.get(hold.tensor, 2 * len(kept) + 1)
        return by_priority(segment.holds, [rank[hold] for hold in segment.holds])

    def _genes_for(
        self, kept: Sequence[Hold], orders: Sequence[tuple[Hold, ...]], loops: dict[int, list[tuple[str, int]]]
    ) -> list[int]:
        genes = [0] * len(self.genes)
        pending: dict[tuple[str, int], list[int]] = {}
        for slot in sorted(loops):
            for v, steps in loops[slot]:
                for prime in primes(steps):
                    pending.setdefault((v, prime), []).append(slot)
        for place, gene in enumerate(self.genes):
            if gene.kind == "factor":
                slot = pending[gene.rank_variable, int(gene.subject)].pop(0)
                if slot not in gene.slots:
                    raise ValueError(f"{gene.rank_variable} may not stand in slot {slot}: {self.slots[slot]}")
                genes[place] = gene.slots.index(slot)
            elif gene.kind == "bypass":
                genes[place] = int(self._holds[int(gene.subject)] not in kept)
            elif gene.kind == "nodes":
                number = int(gene.subject)
                genes[place] = extensions(self.segments[number].holds).index(orders[number])
            elif gene.kind == "priority":
                hold = self._holds[int(gene.subject)]
                genes[place] = orders[self._segment_of[hold]].index(hold)
        return genes

    def _set_order(self, genes: list[int], slot: int, row: list[str], wanted: Plan) -> None:
        """Set the loop order of a slot so that the nest is as wanted from the inside up to there, or nearly so."""
        order_gene, slide_gene = self._gene_place.get(("order", slot)), self._gene_place.get(("slide", slot))
        best: tuple[int, int] | None = None
        chosen = list(genes)
        for order, slide in self._slot_orders:
            if (order and order_gene is None) or (slide and slide_gene is None):
                continue
            trial = list(genes)
            for gene, value in ((order_gene, order), (slide_gene, slide)):
                if gene is not None:
                    trial[gene] = value
            plan = self.plan(trial)
            agree = sum(1 for _ in itertools.takewhile(_same, zip(reversed(plan), reversed(wanted), strict=False)))
            position = {v: place for place, v in enumerate(self._slot_orders[order, slide])}
            score = (-agree, sum(position[a] > position[b] for a, b in itertools.combinations(row, 2)))
            if best is None or score < best:
                best, chosen = score, trial
        genes[:] = chosen


def _same(pair: tuple[Hold | Split, Hold | Split]) -> bool:
    return pair[0] == pair[1]
