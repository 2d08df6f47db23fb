"""Moves from one vector of genes to another, and estimates of many such moves at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from costmodel.mapper.sample.encoding import Encoding
from costmodel.mapper.sample.genes import Genes
from costmodel.mapper.sample.tried import Tried
from costmodel.model.batch import Template
from costmodel.spec.objective import Objective

Move = tuple[tuple[int, int, int], ...]
"""(gene, value before, value after), one to three at once."""


class Screen:
    """Estimates of many mappings at once: those that differ in their tiles only share one template."""

    def __init__(self, tried: Tried) -> None:
        self.tried = tried
        self.screened = 0
        self._templates: dict[Genes, Template] = {}

    def better(self, genes: Genes, moves: Sequence[Move], goal: Objective, bound: float) -> list[Genes]:
        """Return what the moves of factors among moves lead to, if it fits and is below the bound; best first."""
        encoding = self.tried.encoding
        tiles = [move for move in moves if encoding.genes[move[0][0]].kind == "factor"]
        candidates = [found for move in tiles if (found := apply(genes, move)) is not None]
        if not candidates:
            return []
        template = self._template(genes)
        batch = template.evaluate([encoding.plans.tiles(encoding.steps(g, whole=True)) for g in candidates])
        self.screened += len(candidates)
        values = goal.first(batch.energy_pj, batch.latency_cycles, batch.capacity_bits.astype(np.float64))
        promising = [place for place in values.argsort(kind="stable").tolist() if batch.feasible[place]]
        return [candidates[place] for place in promising if values[place] < bound * (1 - 1e-9)]

    def _template(self, genes: Genes) -> Template:
        encoding = self.tried.encoding
        key = tuple(0 if g.kind == "factor" else value for g, value in zip(encoding.genes, genes, strict=True))
        found = self._templates.get(key)
        if found is None:
            mapping = encoding.plans.mapping(encoding.steps(genes, whole=True))
            found = self._templates[key] = Template(self.tried.workload, self.tried.architecture, mapping)
        return found


def apply(genes: Genes, move: Move) -> Genes | None:
    """Make a move; null if an earlier move has changed a gene that it is about."""
    changed = list(genes)
    for place, before, after in move:
        if changed[place] != before:
            return None
        changed[place] = after
    return tuple(changed)


def moves_from(encoding: Encoding, genes: Genes) -> list[Move]:
    """List the moves from a mapping.

    Change one gene; exchange the slots of two prime factors, or of one and two smaller ones of its rank variable.
    Equal primes of one rank variable in one slot are moved once.
    """
    alike: dict[tuple[str, int, int], list[int]] = {}
    single: list[Move] = []
    for place, gene in enumerate(encoding.genes):
        if gene.kind == "factor":
            key = (gene.rank_variable, int(gene.subject), gene.slots[genes[place]])
            alike.setdefault(key, []).append(place)
            if len(alike[key]) > 1:
                continue
        single += [((place, genes[place], value),) for value in range(gene.size) if value != genes[place]]
    several: list[Move] = []
    for (v, prime, here), first in alike.items():
        for (w, other, there), second in alike.items():
            if here == there or (v, prime) == (w, other):
                continue
            counts = [1] if first[0] < second[0] else []
            counts += [2] if v == w and prime > other and len(second) > 1 else []
            for count in counts:
                moved = [(place, there) for place in first[:1]] + [(place, here) for place in second[:count]]
                if all(slot in encoding.genes[place].slots for place, slot in moved):
                    several.append(
                        tuple((place, genes[place], encoding.genes[place].slots.index(slot)) for place, slot in moved)
                    )
    return single + several
