"""Every mapping of the canonical mapspace, one by one: the judge of the exact mapper, sharing no cost code with it.

The mapspace is the one that ``mapper/lattice/space.py`` states. Costs come from the scalar model (or the walk).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from comparison import walk_table
from plain_rules import chained, flow, means, obeys
from strategies import Case

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.einsum.roles import keeps
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal
from costmodel.spec.problems import SpecError

Stored = tuple[str, int]
"""(tensor, place of the level in the architecture)."""


def factorisations(n: int, places: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to write n as an ordered product."""
    if places == 0:
        if n == 1:
            yield ()
        return
    for first in range(1, n + 1):
        if n % first == 0:
            for rest in factorisations(n // first, places - 1):
                yield (first, *rest)


def choices_of_stored(einsum: Einsum, architecture: Architecture) -> Iterator[tuple[Stored, ...]]:
    """Yield every set of storage nodes below the outermost memory."""
    must: list[Stored] = []
    may: list[Stored] = []
    for place, level in enumerate(architecture.levels):
        if place == 0 or not isinstance(level, Memory):
            continue
        for name, tensor in einsum.tensors.items():
            if level.keep is None and not level.may_keep:
                if not passes_by(name, level, einsum, architecture):
                    must.append((name, place))
            elif level.keep is not None and keeps(level.keep, tensor, einsum):
                must.append((name, place))
            elif keeps(level.may_keep, tensor, einsum):
                may.append((name, place))
    for count in range(len(may) + 1):
        for more in itertools.combinations(may, count):
            yield (*must, *more)


def passes_by(tensor: str, level: Memory, einsum: Einsum, architecture: Architecture) -> bool:
    """Whether a rule of the architecture keeps a tensor out of a memory that says nothing itself of what it holds."""
    rules = [sentence.split() for sentence in architecture.constraints]
    return any(
        rule[:2] == [level.name, "bypasses"] and len(rule) == 3 and means(rule[2], tensor, einsum) for rule in rules
    )


def arrangements(stored: Sequence[Stored], architecture: Architecture) -> Iterator[list[list[Stored]]]:
    """Yield, for every stretch between arrays from the inside out, an order of its nodes from the inside out."""
    arrays = [i for i, level in enumerate(architecture.levels) if isinstance(level, Array)]
    borders = [len(architecture.levels), *reversed(arrays), -1]
    stretches = []
    for below, above in itertools.pairwise(borders):
        mine = [s for s in stored if above < s[1] < below]
        orders = [
            list(order)
            for order in itertools.permutations(mine)
            if all(not (a[0] == b[0] and a[1] < b[1]) for i, a in enumerate(order) for b in order[i + 1 :])
        ]
        stretches.append(orders)
    for chosen in itertools.product(*stretches):
        yield list(chosen)


def units(einsum: Einsum, architecture: Architecture) -> Iterator[tuple[str, Architecture]]:
    """Yield every unit that prices all operations of an Einsum, with the levels that serve it alone."""
    for place, level in enumerate(architecture.levels):
        if isinstance(level, ComputeUnit) and all(
            not level.energy_pj or {o.kind, "default"} & set(level.energy_pj) for o in einsum.operations
        ):
            above = [x for x in architecture.levels[:place] if not isinstance(x, ComputeUnit)]
            yield level.name, replace(architecture, levels=tuple(above))


def mappings(einsum: Einsum, architecture: Architecture) -> Iterator[Mapping]:
    """Yield the canonical mapspace: that of every unit that can compute."""
    for unit, above in units(einsum, architecture):
        yield from mappings_on(einsum, above, unit)


def mappings_on(  # noqa: C901, PLR0912  one step of the search, told in one place
    einsum: Einsum, architecture: Architecture, unit: str, choices: Iterable[tuple[Stored, ...]] | None = None
) -> Iterator[Mapping]:
    """Yield the canonical mapspace of one unit below the levels of an architecture; of some choices of nodes."""
    arrays = [level for level in reversed(architecture.levels) if isinstance(level, Array)]
    slots = [(a, d) for a in arrays for d in a.shape]
    for stored in choices_of_stored(einsum, architecture) if choices is None else choices:
        for stretches in arrangements(stored, architecture):
            flat = [(stretch, node) for stretch, nodes in enumerate(stretches) for node in nodes]
            gaps = len(flat) + 1
            # the gap above node i; gap 0 is below the first node. Arrays lie at the bottom of the gap they are in.
            array_gap = []
            for at in range(len(arrays)):
                array_gap.append(sum(stretch <= at for stretch, _ in flat))  # noqa: PERF401
            for split in itertools.product(*(factorisations(n, gaps + len(slots)) for n in einsum.shape.values())):
                loops = dict(zip(einsum.shape, split, strict=True))
                if any(math.prod(loops[v][gaps + k] for v in loops) > a.shape[d] for k, (a, d) in enumerate(slots)):
                    continue
                across = {(a.name, d): {v for v in loops if loops[v][gaps + k] > 1} for k, (a, d) in enumerate(slots)}
                if not (flow(across, einsum, architecture) and chained(across, einsum)):
                    continue
                orders = [list(itertools.permutations([v for v in loops if loops[v][g] > 1])) for g in range(gaps)]
                for chosen in itertools.product(*orders):
                    tile = dict.fromkeys(einsum.shape, 1)
                    nest: list[Node] = [Compute(einsum.name, unit)]
                    for g in range(gaps):
                        if g:
                            name, place = flat[g - 1][1]
                            nest.append(Storage((name,), architecture.levels[place].name))
                        for at, array in enumerate(arrays):
                            if array_gap[at] != g:
                                continue
                            for k, (a, d) in enumerate(slots):
                                if a is array:
                                    for v in loops:
                                        if loops[v][gaps + k] > 1:
                                            nest.append(Spatial(v, tile[v], a.name, d))
                                            tile[v] *= loops[v][gaps + k]
                        for v in chosen[g]:
                            nest.append(Temporal(v, tile[v]))
                            tile[v] *= loops[v][g]
                    nest.append(Storage(tuple(einsum.tensors), architecture.memories[0].name))
                    yield Mapping(tuple(reversed(nest)), einsum=einsum.name)


def size(einsum: Einsum, architecture: Architecture, most: int) -> int:
    """Count the mapspace, up to ``most``."""
    return sum(1 for _ in itertools.islice(mappings(einsum, architecture), most))


def modelled(
    _workload: Workload, _architecture: Architecture, _mapping: Mapping, found: Evaluation
) -> tuple[float, float]:
    """Energy and latency as the scalar model has them."""
    return found.energy_pj, found.latency_cycles


def walked(workload: Workload, architecture: Architecture, mapping: Mapping, _found: Evaluation) -> tuple[float, float]:
    """Energy and latency from the words of the walk."""
    table = walk_table(Case(workload, architecture, mapping))
    latency = max(cycles for key, cycles in table.items() if key[0] == "cycles")
    return sum(pj for key, pj in table.items() if key[0] == "energy"), latency


def costed(
    einsum: Einsum, architecture: Architecture, allowed: Callable[[Mapping, Evaluation], bool] = lambda _m, _e: True
) -> Iterator[tuple[Mapping, Evaluation]]:
    """Yield every mapping that fits and obeys the architecture's rules, with what the scalar model says of it."""
    workload = Workload("exhaustive", "", (einsum,))
    for mapping in mappings(einsum, architecture):
        if not all(obeys(sentence, mapping, einsum, architecture) for sentence in architecture.constraints):
            continue
        try:
            found = evaluate(workload, architecture, mapping)
        except SpecError as error:
            if "over capacity" not in str(error):
                raise
            continue
        if allowed(mapping, found):
            yield mapping, found


def best(
    found: Iterable[tuple[Mapping, Evaluation]], objectives: Sequence[Callable[[Evaluation], float]]
) -> list[tuple[float, ...]]:
    """Return the values of the objectives that none beats, in order."""
    return undominated(tuple(value(evaluation) for value in objectives) for _, evaluation in found)


SAME = 1e-9
"""Values that differ by less are one: sums of floats in another order."""


def undominated(values: Iterable[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return the values that no others beat, each once, in order."""
    every = sorted(set(values))

    def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        no_worse = all(a <= b * (1 + SAME) for a, b in zip(one, other, strict=True))
        return no_worse and any(a < b * (1 - SAME) for a, b in zip(one, other, strict=True))

    def same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return all(abs(a - b) <= SAME * abs(b) for a, b in zip(one, other, strict=True))

    found: list[tuple[float, ...]] = []
    for one in every:
        if not any(same(known, one) for known in found) and not any(beats(other, one) for other in every):
            found.append(one)
    return found


def front(
    einsum: Einsum,
    architecture: Architecture,
    allowed: Callable[[Mapping, Evaluation], bool] = lambda _m, _e: True,
    cost: Callable[[Workload, Architecture, Mapping, Evaluation], tuple[float, float]] = modelled,
) -> list[tuple[float, float, Mapping]]:
    """Return the energy–latency front, least energy first."""
    workload = Workload("exhaustive", "", (einsum,))
    seen: dict[tuple[float, float], Mapping] = {}
    for mapping, found in costed(einsum, architecture, allowed):
        seen.setdefault(cost(workload, architecture, mapping, found), mapping)
    return [(energy, latency, seen[energy, latency]) for energy, latency in undominated(seen)]
