"""Mappings built by rule, as starting points of a search: arrays filled first, then each memory from the inside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from costmodel.mapper.constraints import Spread
from costmodel.mapper.encoding import Encoding, Genes
from costmodel.mapper.plan import Hold


def starts(encoding: Encoding) -> tuple[Genes, ...]:
    """Return constructive mappings that fit, most promising kinds first; empty if nothing fits.

    Each combines a way to fill the arrays (with rank variables of the output, with reduced ones, with both) and a
    tensor whose tiles are to stay longest, or none (all tensors of a memory share one tile).
    """
    base = list(encoding.smallest)
    for relaxed in ([0 if g.kind == "bypass" else v for g, v in zip(encoding.genes, base, strict=True)], base):
        base = relaxed
        if _fits(encoding, base):
            break
    else:
        return ()
    tensors = list(encoding.plans.einsum.tensors)
    tensors.sort(key=lambda t: t != encoding.plans.einsum.output.tensor)
    output = [v for v in encoding.plans.einsum.shape if v not in encoding.plans.einsum.reduced]
    reduced = [v for v in encoding.plans.einsum.shape if v in encoding.plans.einsum.reduced]
    found: list[Genes] = []
    for sides in ((output, reduced), (output, output), (reduced, output)):
        spread = _fill_arrays(encoding, base, sides)
        if not _fits(encoding, spread):
            spread = base
        for tensor in (*tensors, None):
            genes = _fill_memories(encoding, spread, tensor)
            if genes not in found:
                found.append(genes)
    return tuple(found)


def _fits(encoding: Encoding, genes: Sequence[int]) -> bool:
    return all(finding.slack <= 0 for finding in encoding.limits.capacities(encoding.plan(genes)))


def _fill_arrays(encoding: Encoding, base: Sequence[int], sides: Sequence[Sequence[str]]) -> list[int]:
    """Spread factors over each array dimension: the preferred rank variables as far as they go, then any."""
    genes = list(base)
    for rule in encoding.limits.rules.spreads:
        if rule.relation == "==":
            _spread_exactly(encoding, genes, rule)
    dimensions = [place for place, slot in enumerate(encoding.slots) if slot.size]
    for number, place in enumerate(dimensions):
        room = encoding.slots[place].size // _used(encoding, genes, place)
        for preferred in (sides[number % len(sides)], list(encoding.plans.einsum.shape)):
            chosen, product = _best_product(encoding, genes, place, room, preferred)
            for gene in chosen:
                genes[gene] = encoding.genes[gene].slots.index(place)
            room //= product
    return genes


def _used(encoding: Encoding, genes: Sequence[int], place: int) -> int:
    return math.prod(
        int(gene.subject)
        for gene, value in zip(encoding.genes, genes, strict=True)
        if gene.kind == "factor" and gene.slots[value] == place
    )


def _spread_exactly(encoding: Encoding, genes: list[int], rule: Spread) -> None:
    """Give a rule that asks for a number of instances what it asks for, as far as one dimension goes."""
    for place, slot in enumerate(encoding.slots):
        if slot.size and slot.array == rule.array and rule.dimension in ("", slot.dimension):
            room = min(rule.instances, slot.size // _used(encoding, genes, place))
            chosen, product = _best_product(encoding, genes, place, room, [rule.rank_variable])
            for gene in chosen if product == rule.instances else ():
                genes[gene] = encoding.genes[gene].slots.index(place)
            if product == rule.instances:
                return


def _best_product(
    encoding: Encoding, genes: Sequence[int], place: int, room: int, variables: Iterable[str]
) -> tuple[tuple[int, ...], int]:
    """Return unassigned factors with the largest product within the room, and that product."""
    wanted = set(variables)
    best: dict[int, tuple[int, ...]] = {1: ()}
    for number, gene in enumerate(encoding.genes):
        if gene.kind != "factor" or genes[number] or gene.rank_variable not in wanted or place not in gene.slots:
            continue
        for product, chosen in list(best.items()):
            grown = product * int(gene.subject)
            if grown <= room and grown not in best:
                best[grown] = (*chosen, number)
    product = max(best)
    return best[product], product


def _fill_memories(encoding: Encoding, base: Sequence[int], stationary: str | None) -> Genes:
    """Grow the tiles of each memory from the innermost one, as long as everything fits."""
    genes = list(base)
    if stationary is not None:
        genes = encoding.with_stationary(genes, stationary)
    every = list(encoding.plans.einsum.shape)
    moving = every
    if stationary is not None:
        accesses = encoding.plans.einsum.accesses_of(stationary)
        moving = [v for v in every if any(v in access.rank_variables for access in accesses)]
    for number in reversed(range(len(encoding.segments))):
        segment = encoding.segments[number]
        order = _layers(segment.holds, stationary)
        genes = encoding.with_order(genes, number, [hold for layer in order for hold in layer])
        last = segment.first_slot + len(segment.holds)
        for layer in reversed(order):
            first = last - len(layer)
            if stationary is None or len(layer) == 1:
                _grow(encoding, genes, last - 1, every)
            else:
                _grow(encoding, genes, last - 1, moving)
                _grow(encoding, genes, first, every)
            last = first
    return tuple(genes)


def _layers(holds: Sequence[Hold], stationary: str | None) -> list[list[Hold]]:
    """Group a segment's storage nodes: the first of each tensor, then the second; the stationary tensor leads."""
    layers: list[list[Hold]] = []
    depth: dict[str, int] = {}
    for hold in holds:
        place = depth.get(hold.tensor, 0)
        depth[hold.tensor] = place + 1
        if place == len(layers):
            layers.append([])
        layers[place].append(hold)
    for layer in layers:
        layer.sort(key=lambda hold: hold.tensor != stationary)
    return layers


def _grow(encoding: Encoding, genes: list[int], slot: int, variables: Sequence[str]) -> None:
    """Move factors from the outermost slot to this one while they fit, those that cost the least room first."""
    dead: set[tuple[str, int]] = set()
    while True:
        best: tuple[float, int] | None = None
        tried: set[tuple[str, int]] = set()
        for number, gene in enumerate(encoding.genes):
            if gene.kind != "factor" or genes[number] or gene.rank_variable not in variables or slot not in gene.slots:
                continue
            key = (gene.rank_variable, int(gene.subject))
            if key in tried or key in dead:
                continue
            tried.add(key)
            genes[number] = gene.slots.index(slot)
            plan = encoding.plan(genes)
            genes[number] = 0
            if any(finding.slack > 0 for finding in encoding.limits.capacities(plan)):
                # Tiles only grow from here on, so what does not fit now never will.
                dead.add(key)
                continue
            cost = sum(share.bits for share in encoding.plans.shares(plan) if share.level) / int(gene.subject)
            if best is None or cost < best[0]:
                best = (cost, number)
        if best is None:
            return
        genes[best[1]] = encoding.genes[best[1]].slots.index(slot)
