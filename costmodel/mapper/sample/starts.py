"""Mappings built by rule, as starting points of a search: arrays filled first, then each memory from the inside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from costmodel.mapper.sample.encoding import Encoding
from costmodel.mapper.sample.genes import Genes
from costmodel.mapper.sample.steps import Hold

ORDERS = 6
"""Orders of tensors that are tried; all of three tensors."""
LEAN = 60
"""Choices of one rank variable for each dimension of the arrays that are tried; all of five for three."""


def starts(encoding: Encoding) -> Iterator[Genes]:
    """Yield constructive mappings whose tiles fit, each once; none if none do.

    Each combines a way to fill the arrays (with rank variables of the output, with reduced ones, with both) and an
    order of the tensors. That order says whose tiles stand outermost in every memory; the loops below a tile are those
    that do not move it, as many as fit, from the inside or from the outside. One more kind gives all tensors of a
    memory one tile.
    """
    base = list(encoding.smallest)
    for relaxed in ([0 if g.kind == "bypass" else v for g, v in zip(encoding.genes, base, strict=True)], base):
        base = relaxed
        if _fits(encoding, base, at_least=True):
            break
    else:
        return
    yield from _once(_built(encoding, base))


def _built(encoding: Encoding, base: list[int]) -> Iterator[Genes]:
    einsum = encoding.plans.einsum
    output = [v for v in einsum.shape if v not in einsum.reduced]
    reduced = [v for v in einsum.shape if v in einsum.reduced]
    tensors = sorted(einsum.tensors, key=lambda t: t != einsum.output.tensor)
    for sides in ((output, reduced), (output, output), (reduced, output)):
        spread = _spread(encoding, base, sides)
        for order in itertools.islice(itertools.permutations(tensors), ORDERS):
            for inner_first in (True, False):
                yield _fill_in_turn(encoding, spread, order, inner_first=inner_first)
        yield _fill_evenly(encoding, spread)
        for tensor in tensors:
            yield _fill_around(encoding, spread, tensor)


def _once(found: Iterable[Genes]) -> Iterator[Genes]:
    seen: set[Genes] = set()
    for genes in found:
        if genes not in seen:
            seen.add(genes)
            yield genes


def _fits(encoding: Encoding, genes: Sequence[int], *, at_least: bool = False) -> bool:
    found = encoding.limits.capacities(encoding.plan(genes), at_least=at_least)
    return all(finding.slack <= 0 for finding in found)


def _obeys(encoding: Encoding, genes: Sequence[int]) -> bool:
    return all(finding.slack <= 0 for finding in encoding.limits.findings(encoding.plan(genes)))


def _spread(encoding: Encoding, base: list[int], sides: Sequence[Sequence[str]]) -> list[int]:
    """Fill the arrays, as far as it fits; where that breaks a rule, with one rank variable along each dimension."""
    full = _fill_arrays(encoding, base, sides)
    if not _fits(encoding, full):
        return base
    if _obeys(encoding, full):
        return full
    places = [place for place, slot in enumerate(encoding.slots) if slot.size]
    chosen = itertools.permutations(encoding.plans.einsum.shape, len(places))
    lean = (_fill_arrays(encoding, base, [[v] for v in one], rest=False) for one in itertools.islice(chosen, LEAN))
    kept = [genes for genes in lean if _obeys(encoding, genes)]
    return max(kept, key=lambda genes: math.prod(_used(encoding, genes, place) for place in places), default=full)


def _fill_arrays(
    encoding: Encoding, base: Sequence[int], sides: Sequence[Sequence[str]], *, rest: bool = True
) -> list[int]:
    """Spread factors over each array dimension: the preferred rank variables as far as they go, then any (``rest``)."""
    genes = list(base)
    for array, dimension, v, instances in encoding.allowed.asked:
        _spread_exactly(encoding, genes, (array.name, dimension), v, instances)
    dimensions = [place for place, slot in enumerate(encoding.slots) if slot.size]
    for number, place in enumerate(dimensions):
        room = encoding.slots[place].size // _used(encoding, genes, place)
        for preferred in (sides[number % len(sides)], list(encoding.plans.einsum.shape) if rest else []):
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


def _spread_exactly(encoding: Encoding, genes: list[int], where: tuple[str, str], v: str, instances: int) -> None:
    """Give a rule that asks for a number of instances what it asks for, as far as one dimension goes."""
    array, dimension = where
    for place, slot in enumerate(encoding.slots):
        if slot.size and slot.array == array and dimension in ("", slot.dimension):
            room = min(instances, slot.size // _used(encoding, genes, place))
            chosen, product = _best_product(encoding, genes, place, room, [v])
            for gene in chosen if product == instances else ():
                genes[gene] = encoding.genes[gene].slots.index(place)
            if product == instances:
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


def _fill_evenly(encoding: Encoding, base: Sequence[int]) -> Genes:
    """Grow the tiles of each memory from the innermost one, those of all tensors together."""
    genes = list(base)
    every = list(encoding.plans.einsum.shape)
    for number in reversed(range(len(encoding.segments))):
        layers, slot = _arranged(encoding, genes, number, ())
        for layer in reversed(layers):
            _grow(encoding, genes, slot, every)
            slot -= len(layer)
    return tuple(genes)


def _fill_around(encoding: Encoding, base: Sequence[int], tensor: str) -> Genes:
    """Give most of each memory to one tensor: what moves it stays below the tiles of all, what does not above."""
    genes = encoding.with_stationary(base, tensor)
    every = list(encoding.plans.einsum.shape)
    moving = [v for v in every if v in encoding.plans.relevant[tensor]]
    for number in reversed(range(len(encoding.segments))):
        layers, slot = _arranged(encoding, genes, number, (tensor,))
        for layer in reversed(layers):
            first = slot - len(layer) + 1
            if layer[0].tensor != tensor or first == slot:
                _grow(encoding, genes, slot, every)
            else:
                _grow(encoding, genes, slot, moving)
                _grow(encoding, genes, first, every)
            slot -= len(layer)
    return tuple(genes)


def _fill_in_turn(encoding: Encoding, base: Sequence[int], order: Sequence[str], *, inner_first: bool) -> Genes:
    """Give each storage node the loops that do not move its tile, the tensors in an order."""
    genes = encoding.with_stationary(base, order[0])
    for number in reversed(range(len(encoding.segments))):
        layers, slot = _arranged(encoding, genes, number, order)
        for layer in reversed(layers):
            places = [(slot - len(layer) + 1 + place, hold.tensor) for place, hold in enumerate(layer)]
            for place, tensor in reversed(places) if inner_first else places:
                still = [v for v in encoding.plans.einsum.shape if v not in encoding.plans.relevant[tensor]]
                _grow(encoding, genes, place, still)
            slot -= len(layer)
    return tuple(genes)


def _arranged(encoding: Encoding, genes: list[int], number: int, order: Sequence[str]) -> tuple[list[list[Hold]], int]:
    """Put a segment's storage nodes in layers of an order of tensors; return the layers and the innermost slot."""
    segment = encoding.segments[number]
    layers = _layers(segment.holds, order)
    genes[:] = encoding.with_order(genes, number, [hold for layer in layers for hold in layer])
    return layers, segment.first_slot + len(segment.holds) - 1


def _layers(holds: Sequence[Hold], order: Sequence[str]) -> list[list[Hold]]:
    """Group a segment's storage nodes: the first of each tensor, then the second; each group in the order given."""
    layers: list[list[Hold]] = []
    depth: dict[str, int] = {}
    for hold in holds:
        place = depth.get(hold.tensor, 0)
        depth[hold.tensor] = place + 1
        if place == len(layers):
            layers.append([])
        layers[place].append(hold)
    rank = {tensor: place for place, tensor in enumerate(order)}
    for layer in layers:
        layer.sort(key=lambda hold: rank.get(hold.tensor, len(rank)))
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
            break
        genes[best[1]] = encoding.genes[best[1]].slots.index(slot)
    for v in variables:
        _enlarge(encoding, genes, slot, v)


def _enlarge(encoding: Encoding, genes: list[int], slot: int, rank_variable: str) -> None:
    """Exchange primes of one rank variable with the outermost slot where another product is larger and still fits."""
    free = [
        number
        for number, gene in enumerate(encoding.genes)
        if gene.kind == "factor"
        and gene.rank_variable == rank_variable
        and slot in gene.slots
        and genes[number] in (0, gene.slots.index(slot))
    ]
    chosen: dict[int, tuple[int, ...]] = {1: ()}
    for number in free:
        prime = int(encoding.genes[number].subject)
        for product, members in list(chosen.items()):
            chosen.setdefault(product * prime, (*members, number))
    now = math.prod(int(encoding.genes[number].subject) for number in free if genes[number])
    for product in sorted(chosen, reverse=True):
        if product <= now:
            return
        trial = list(genes)
        for number in free:
            trial[number] = encoding.genes[number].slots.index(slot) if number in chosen[product] else 0
        if _fits(encoding, trial):
            genes[:] = trial
            return
