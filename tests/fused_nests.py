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
from strategies import padded, workload_of

from costmodel.einsum.algebra import Access, Einsum, Workload
from costmodel.model.evaluate import OverCapacityError, evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal

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
    """Nodes that a shared part may have with loops over some rank variables."""
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
        whole = all(len(touched(e, tensor)) == e.tensors[tensor].size_words for e, _ in accesses)
        apart = all(tells(e, a, v) for e, a in accesses for v in variables)
        if len(shown) == 1 and whole and apart:
            found += [(tensor, place) for place in memories]
    return found


def points(einsum: Einsum) -> Iterator[dict[str, int]]:
    for point in itertools.product(*map(range, einsum.shape.values())):
        yield dict(zip(einsum.shape, point, strict=True))


def touched(einsum: Einsum, tensor: str) -> set[tuple[int, ...]]:
    """Coordinates inside of a tensor that an Einsum touches."""
    extents = einsum.tensors[tensor].shape
    every = {tuple(i.at(at) for i in a.indices) for a in einsum.accesses_of(tensor) for at in points(einsum)}
    return {c for c in every if all(0 <= x < n for x, n in zip(c, extents, strict=True))}


def tells(einsum: Einsum, access: Access, v: str) -> bool:
    """Whether each word of an access belongs to one place of a rank variable (if any), and no index with it leaves."""
    own = [(i, n) for i, n in zip(access.indices, einsum.tensors[access.tensor].shape, strict=True)]
    if any(v in i.rank_variables and not 0 <= i.at(at) < n for i, n in own for at in points(einsum)):
        return False
    places: dict[tuple[int, ...], set[int]] = {}
    for at in points(einsum):
        places.setdefault(tuple(i.at(at) for i in access.indices), set()).add(at[v])
    return v not in access.rank_variables or all(len(found) == 1 for found in places.values())


def branch_choices(einsum: Einsum, above: Architecture, shared: Shared) -> Iterator[tuple[Stored, ...]]:
    """Yield every set of storage nodes that a branch may have below the shared ones."""
    own = {node for node in shared if node[0] in einsum.tensors}
    for stored in choices_of_stored(einsum, above):
        rest = [node for node in stored if node not in own]
        deeper = all(place > other for tensor, place in rest for name, other in own if name == tensor)
        if own <= set(stored) and deeper:
            yield tuple(rest)


def branches_of(einsum: Einsum, architecture: Architecture, tiles: dict[str, int], shared: Shared) -> Iterator[Nest]:
    """Yield every branch of an Einsum below a boundary."""
    inside = replace(einsum, shape={**einsum.shape, **tiles})
    for unit, above in units(einsum, architecture):
        for mapping in mappings_on(inside, above, unit, branch_choices(einsum, above, shared)):
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

    def room(nest: Nest) -> tuple[int, int]:
        stored = [k for k, node in enumerate(nest) if isinstance(node, Storage)]
        return len(stored), sum(isinstance(node, Temporal | Spatial) for k in stored for node in nest[k:])

    return min(branches, key=room)


class TooManyError(Exception):
    """There are more to look at than was allowed."""


def sides(einsums: tuple[Einsum, ...], shared: Shared) -> Iterator[int]:
    """Yield the places at which a shared part may be cut in two: no tensor of it is touched on both sides.

    Either side is an Einsum, or Einsums that may be fused.
    """
    for cut in range(1, len(einsums)):
        both = (einsums[:cut], einsums[cut:])
        touched_by = [{t for e in side for t in e.tensors} for side in both]
        if any(t in touched_by[0] & touched_by[1] for t, _ in shared):
            continue
        if all(len(side) == 1 or connected(side) for side in both):
            yield cut


def connected(einsums: tuple[Einsum, ...]) -> bool:
    """Whether Einsums hang together by tensors that they touch."""
    known, left = set(einsums[0].tensors), list(einsums[1:])
    while near := [e for e in left if known & set(e.tensors)]:
        known |= {t for e in near for t in e.tensors}
        left = [e for e in left if e not in near]
    return not left


def fused(
    workload: Workload,
    einsums: tuple[Einsum, ...],
    architecture: Architecture,
    most: int,
    held: Iterable[str] = (),
    apart: list[tuple[int, list[list[Costs]]]] | None = None,
) -> Iterator[tuple[list[list[Costs]], int]]:
    """Yield, for each shared part, the costs of each Einsum's branches that fit; and how many nests it stands for.

    Of shared parts, those that hold some tensors. Those that may be cut in two go to ``apart`` where it is given, with
    the place of the cut.

    Raises TooManyError where more than ``most`` would have to be costed.
    """
    every = list(_every(einsums, architecture, most))
    for shared, part, branches in every:
        if not set(held) <= {tensor for tensor, _ in shared}:
            continue
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
        if apart is not None and (cut := next(sides(einsums, shared), None)):
            apart.append((cut, found))
        else:
            yield found, math.prod(map(len, branches))


def _every(
    einsums: tuple[Einsum, ...], architecture: Architecture, most: int
) -> Iterator[tuple[Shared, list[Node], list[list[Nest]]]]:
    """Yield (shared nodes, shared part, branches of each Einsum)."""
    if any(splits(e, architecture) > 50 * most for e in einsums):
        raise TooManyError
    variables = shared_variables(einsums)
    extents = dict(einsums[0].shape)
    below = {
        looped: storable(einsums, list(looped), architecture)
        for count in range(len(variables) + 1)
        for looped in itertools.combinations(variables, count)
    }
    costed = 0
    for count in range(len(below[()]) + 1):
        for chosen in itertools.combinations(below[()], count):
            shared = frozenset(chosen)
            served = [[above for _, above in units(e, architecture)] for e in einsums]
            able = zip(einsums, served, strict=True)
            if not all(any(True for a in mine for _ in branch_choices(e, a, shared)) for e, mine in able):
                continue
            known: dict[tuple[int, ...], list[list[Nest]]] = {}
            for tiles, part in shared_parts(variables, extents, shared, architecture):
                if not shared <= set(below[tuple(v for v in variables if tiles[v] < extents[v])]):
                    continue
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


def splits(einsum: Einsum, architecture: Architecture) -> int:
    """Ways to write the extents of an Einsum as loops around its most storage nodes: a listing tries them all."""
    most = max(map(len, choices_of_stored(einsum, architecture)), default=0)
    places = most + 1 + sum(len(level.shape) for level in architecture.levels if isinstance(level, Array))
    return math.prod(sum(1 for _ in factorisations(n, places)) for n in einsum.shape.values())


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
    ("Y[m, h] = X[m, d]", "Z[m, h] = Y[m, h] * X[m, h]"),
    ("Y[m, h] = X[m, d]", "Z[m, h] = Y[m, h]", "W[m, h] = Z[m, h] * X[m, h]"),
)
"""d and h are as long: what goes around in a residual addition has one rank for both."""
WINDOWS = (
    ("Y[m, p] = I[p + r] * F[m, r]", "Z[m, p] = Y[m, p]"),
    ("Y[m, p] = I[p + r] * F[m, r]", "Z[k, p] = Y[m, p] * G[k, m]"),
    ("Y[n, p] = I[n, p + r] * F[r]", "Z[n, p] = Y[n, p + s] * G[s]"),
    ("Y[n, p] = I[n, p]", "Z[n, q] = Y[n, 2*q + s] * G[s]"),
    ("Y[n, p] = I[n, 2*p]", "Z[n, p] = Y[n, p] * G[p]"),
    ("Y[p] = I[p + r] * F[r]", "Z[p] = Y[p] * I[p]"),
    ("Y[p] = I[p + r] * F[r]", "Z[p] = I[p + s] * G[s]"),
    ("Y[p] = I[p + r]", "Z[p] = Y[p] * C[p]", "W[p] = Z[p]"),
    ("Y[n, p + r] = I[n, p] * F[r]", "Z[n, q] = Y[n, q] * C[q]"),
)
OBJECTIVES = ("energy", "latency", "energy,latency", "energy,latency,capacity")


def random_cascade(rng: random.Random) -> tuple[Workload, Architecture]:
    """Two or three Einsums, on a machine with a memory that may hold what they share."""
    return _random(rng, rng.choice(CASCADES))


def random_convolutions(rng: random.Random) -> tuple[Workload, Architecture]:
    """Einsums with windows, of which some points may lie outside; what is made has the words that are written."""
    workload, architecture = _random(rng, rng.choice(WINDOWS))
    if rng.random() < 0.5:
        workload = padded(workload, rng)
    for writer in workload.einsums:
        name = writer.output.tensor
        shape = tuple(1 + max(i.at(at) for at in points(writer)) for i in writer.output.indices)
        workload = replace(workload, einsums=tuple(_resized(e, name, shape) for e in workload.einsums))
    return workload, architecture


def _resized(einsum: Einsum, tensor: str, shape: tuple[int, ...]) -> Einsum:
    if tensor not in einsum.tensors:
        return einsum
    return replace(einsum, tensors={**einsum.tensors, tensor: replace(einsum.tensors[tensor], shape=shape)})


def _random(rng: random.Random, statements: tuple[str, ...]) -> tuple[Workload, Architecture]:
    names = sorted(set(re.findall(r"[a-z]", " ".join(statements))))
    extents = {v: rng.choice([1, 2, 2]) for v in names}
    extents[rng.choice(names)] = rng.choice([2, 2, 3, 4])
    if "d" in extents:
        extents["d"] = extents["h"]
    bits = {t: rng.choice([8, 8, 16, 4]) for t in sorted(set(re.findall(r"[A-Z]", " ".join(statements))))}
    kinds = ((rng.choice(["mac", "exp", "add"]), 1),)
    while True:
        architecture = random_architecture(rng)
        if isinstance(architecture.levels[1], Memory) and len(architecture.levels) <= 4:
            return workload_of(*statements, bits=bits, kinds=kinds, **extents), architecture
