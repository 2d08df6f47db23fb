"""Every fused nest of a group, one by one: the judge of the search of fused nests, sharing no code with it.

The mapspace is the one that docs/mapper.md states. Costs come from the scalar model. What a branch costs depends on the
shared part and on itself alone, so branches are costed one at a time, in company of the others' smallest.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from exhaustive import Stored, choices_of_stored, factorisations, mappings_on, undominated, units
from problems import random_architecture
from strategies import workload_of

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.model.evaluate import OverCapacityError, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Nest, Node, Sequence, Storage, Temporal

Shared = frozenset[Stored]
"""Storage nodes of the shared part."""
Costs = tuple[float, float, float]
"""Energy, latency, room."""


def shared_variables(einsums: tuple[Einsum, ...]) -> list[str]:
    """Rank variables over which shared loops may run."""
    found = []
    for v in einsums[0].shape:
        if any(e.shape.get(v) != einsums[0].shape[v] for e in einsums):
            continue
        fine = True
        for producer, consumer in itertools.permutations(einsums, 2):
            for read in consumer.accesses_of(producer.output.tensor):
                places = [
                    (str(w) == v, str(r) == v)
                    for w, r in zip(producer.output.indices, read.indices, strict=True)
                    if v in w.rank_variables + r.rank_variables
                ]
                fine = fine and places == [(True, True)]
        if fine:
            found.append(v)
    return found


def storable(einsums: tuple[Einsum, ...], variables: list[str], architecture: Architecture) -> list[Stored]:
    """Nodes that the shared part may have."""
    memories = []
    for place, level in enumerate(architecture.levels):
        if isinstance(level, Array):
            break
        if place and isinstance(level, Memory):
            memories.append(place)
    found = []
    for tensor in dict.fromkeys(t for e in einsums for t in e.tensors):
        accesses = [(e, a) for e in einsums for a in e.accesses_of(tensor)]
        shown = {
            (
                tuple(str(i) if set(i.rank_variables) & set(variables) else "" for i in a.indices),
                a.at_zero & set(variables),
            )
            for _, a in accesses
        }
        whole = all(
            len(
                {
                    tuple(i.at(dict(zip(e.shape, point, strict=True))) for i in a.indices)
                    for point in itertools.product(*map(range, e.shape.values()))
                }
            )
            == e.tensors[tensor].size_words
            for e, a in accesses
        )
        if len(shown) == 1 and whole:
            found += [(tensor, place) for place in memories]
    return found


def branches_of(einsum: Einsum, architecture: Architecture, tiles: dict[str, int], shared: Shared) -> Iterator[Nest]:
    """Yield every branch of an Einsum below a boundary."""
    own = {node for node in shared if node[0] in einsum.tensors}
    inside = replace(einsum, shape={**einsum.shape, **tiles})
    for unit, above in units(einsum, architecture):
        choices = []
        for stored in choices_of_stored(einsum, above):
            rest = [node for node in stored if node not in own]
            deeper = all(place > other for tensor, place in rest for name, other in own if name == tensor)
            if own <= set(stored) and deeper:
                choices.append(tuple(rest))
        for mapping in mappings_on(inside, above, unit, choices):
            yield mapping.nest[1:]


def shared_parts(
    variables: list[str], extents: dict[str, int], shared: Shared, architecture: Architecture
) -> Iterator[tuple[dict[str, int], list[Node]]]:
    """Yield (boundary, shared part from the outside in)."""
    for order in itertools.permutations(sorted(shared)):
        if any(a[0] == b[0] and a[1] > b[1] for i, a in enumerate(order) for b in order[i + 1 :]):
            continue
        gaps = len(order) + 1
        for split in itertools.product(*(factorisations(extents[v], gaps + 1) for v in variables)):
            loops = dict(zip(variables, split, strict=True))
            moving = [[v for v in variables if loops[v][g] > 1] for g in range(gaps)]
            for chosen in itertools.product(*(itertools.permutations(names) for names in moving)):
                left = {v: extents[v] for v in variables}
                nest: list[Node] = []
                for g in range(gaps):
                    for v in chosen[g]:
                        left[v] //= loops[v][g]
                        nest.append(Temporal(v, left[v]))
                    if g < len(order):
                        nest.append(Storage((order[g][0],), architecture.levels[order[g][1]].name))
                yield left, nest


def staying(workload: Workload, einsums: tuple[Einsum, ...], shared: Shared) -> set[str]:
    """Tensors that the outermost memory does not hold."""
    found = set()
    for producer in einsums:
        name = producer.output.tensor
        touching = [e for e in workload.einsums if name in e.tensors]
        if len(touching) > 1 and all(e in einsums for e in touching) and any(t == name for t, _ in shared):
            found.add(name)
    return found


def costs_of(found: Evaluation, einsum: str) -> Costs:
    """What belongs to one Einsum of a fused nest."""
    latency = max(row.cycles for row in found.latency_rows if row.einsum == einsum)
    energy = sum(row.energy_pj for row in found.action_rows if row.einsum == einsum)
    return energy, latency, found.capacity_bits_by_einsum[einsum]


def smallest(branches: list[Nest]) -> Nest:
    """The branch with the fewest nodes and the least room: all loops stand above all nodes."""

    def height(nest: Nest) -> tuple[int, int]:
        stored = [k for k, node in enumerate(nest) if isinstance(node, Storage)]
        return len(stored), -sum(stored)

    return min(branches, key=height)


class TooManyError(Exception):
    """There are more to look at than was allowed."""


def fused(
    workload: Workload, einsums: tuple[Einsum, ...], architecture: Architecture, most: int
) -> Iterator[tuple[list[list[Costs]], int]]:
    """Yield, for each shared part, the costs of each Einsum's branches that fit; and how many nests it stands for.

    Raises TooManyError where more than ``most`` would have to be costed.
    """
    every = list(_every(einsums, architecture, most))
    for shared, part, branches in every:
        stays = staying(workload, einsums, shared)
        tensors = dict.fromkeys(t for e in einsums for t in e.tensors if t not in stays)
        above = (Storage(tuple(tensors), architecture.memories[0].name), *part)
        least = [smallest(mine) for mine in branches]
        found = []
        for k, einsum in enumerate(einsums):
            mine = []
            for branch in branches[k]:
                together = (*least[:k], branch, *least[k + 1 :])
                try:
                    costs = evaluate(workload, architecture, Mapping((*above, Sequence(together))))
                except OverCapacityError:
                    continue
                mine.append(costs_of(costs, einsum.name))
            found.append(mine)
        yield found, math.prod(map(len, branches))


def _every(
    einsums: tuple[Einsum, ...], architecture: Architecture, most: int
) -> Iterator[tuple[Shared, list[Node], list[list[Nest]]]]:
    """Yield (shared nodes, shared part, branches of each Einsum)."""
    variables = shared_variables(einsums)
    nodes = storable(einsums, variables, architecture)
    costed = 0
    for count in range(len(nodes) + 1):
        for chosen in itertools.combinations(nodes, count):
            shared = frozenset(chosen)
            known: dict[tuple[int, ...], list[list[Nest]]] = {}
            for tiles, part in shared_parts(variables, dict(einsums[0].shape), shared, architecture):
                key = tuple(tiles.values())
                if key not in known:
                    known[key] = [
                        list(itertools.islice(branches_of(e, architecture, tiles, shared), most)) for e in einsums
                    ]
                if all(known[key]):
                    costed += sum(map(len, known[key]))
                    if costed > most:
                        raise TooManyError
                    yield shared, part, known[key]


def front(parts: Iterable[list[list[Costs]]], asked: tuple[int, ...]) -> list[tuple[float, ...]]:
    """Return the front of some of (energy, latency, room) over all fused nests, in order."""
    found: set[tuple[float, ...]] = set()
    for fits in parts:
        sums: set[Costs] = {(0.0, 0.0, 0.0)}
        for mine in fits:
            kept = undominated({tuple(c[k] for k in asked) for c in mine})
            full = [next(c for c in mine if tuple(c[k] for k in asked) == one) for one in kept]
            sums = {(a[0] + b[0], a[1] + b[1], max(a[2], b[2])) for a in sums for b in full}
        found |= {tuple(c[k] for k in asked) for c in sums}
    return undominated(found)


# Random cascades

CASCADES = (
    ("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]"),
    ("Y[m] = A[m, k]", "Z[m, n] = Y[m] * C[n]"),
    ("Y[m, n] = A[m] * B[n]", "Z[m] = Y[m, n]"),
    ("Y[m, n] = A[m, n]", "Z[n] = Y[m, n] * C[m]"),
    ("Y[m, k] = X[m, k]", "Z[m] = X[m, k] * Y[m, k]"),
    ("Y[m] = X[m, k]", "Z[m] = X[m, k] * C[k]"),
    ("Y[m] = A[m]", "Z[m] = Y[m]", "W[m, n] = Z[m] * Y[m] * C[n]"),
    ("Y[m] = A[m, k]", "Z[m] = Y[m]", "W[m] = Z[m] * A[m, k]"),
    ("Q[m] = X[m]", "K[m] = X[m]", "S[m] = Q[m] * K[m]"),
    ("Y[m, n] = A[m, n]", "Z[m, n] = Y[n, m]"),
)
OBJECTIVES = ("energy", "latency", "energy,latency", "energy,latency,capacity")


def random_cascade(rng: random.Random) -> tuple[Workload, Architecture]:
    """Two or three Einsums, on a machine with a memory that may hold what they share."""
    statements = rng.choice(CASCADES)
    names = sorted(set(re.findall(r"[a-z]", " ".join(statements))))
    extents = {v: rng.choice([1, 2, 2]) for v in names}
    extents[rng.choice(names)] = rng.choice([2, 2, 3, 4])
    bits = {t: rng.choice([8, 8, 16, 4]) for t in sorted(set(re.findall(r"[A-Z]", " ".join(statements))))}
    kinds = ((rng.choice(["mac", "exp", "add"]), 1),)
    while True:
        architecture = random_architecture(rng)
        if isinstance(architecture.levels[1], Memory) and len(architecture.levels) <= 4:
            return workload_of(*statements, bits=bits, kinds=kinds, **extents), architecture
