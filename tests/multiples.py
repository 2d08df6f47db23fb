"""Every mapping whose tiles are multiples of those below, one by one: the judge of the exact mapper where tiles need
not divide.

The mapspace is the one that ``mapper/lattice/sizes.py`` states. Costs come from the scalar model (or the walk).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import exhaustive
from plain_rules import flow

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal
from costmodel.spec.problems import SpecError

Slot = tuple[int, str, str]
"""(gap, array, dimension) of a place for loops; the array is empty for loops in time."""


def windowed(einsum: Einsum) -> set[str]:
    """Rank variables of sums in an index."""
    indices = [i for access in einsum.accesses for i in access.indices]
    return {v for index in indices if len(index.terms) > 1 for v in index.rank_variables}


def beside_windows(einsum: Einsum) -> set[str]:
    """Rank variables that index a tensor with a window."""
    several = [a for a in einsum.accesses if any(len(index.terms) > 1 for index in a.indices)]
    return {v for access in several for index in access.indices for v in index.rank_variables}


def chains(  # noqa: C901  one kind of place after the other
    n: int, slots: Sequence[Slot], outermost: str, *, whole: bool, steady: bool, few: bool
) -> Iterator[tuple[int, ...]]:
    """Yield every row of tiles below the slots, innermost first, and the whole extent.

    ``whole``: all of them divide; ``steady``: instances take at least two steps; ``few``: only the array leaves
    something over.
    """
    arrays = [k for k, slot in enumerate(slots) if slot[1] == outermost]

    def below(k: int) -> bool:
        return bool(arrays) and k < arrays[0]

    def go(k: int, row: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        tile = row[-1]
        if k == len(slots):
            if tile == n:
                yield row
            return
        if outermost and slots[k][1] == outermost:
            dimensions = sum(slot[1] == outermost for slot in slots)
            for split in itertools.product(range(1, n // tile + 1), repeat=dimensions):
                spread = math.prod(split)
                number = n // tile
                if whole and number % spread:
                    continue
                if spread > 1 and spread != least(number, spread):
                    continue
                if steady and n % (tile * spread) and n <= 2 * tile * spread:
                    continue
                yield from go(k + dimensions, (*row, *(tile * math.prod(split[: d + 1]) for d in range(dimensions))))
            return
        for larger in range(tile, n + 1):
            if whole or below(k) or (few and n % tile == 0):
                if larger % tile == 0 and n % larger == 0:
                    yield from go(k + 1, (*row, larger))
            elif larger == tile or (larger == n if few else fits(n, tile, larger)):
                yield from go(k + 1, (*row, larger))

    yield from go(0, (1,))


def least(number: int, joined: int) -> int:
    """The least number of tiles that may be joined into one so that there are as many as of so many."""
    return next(k for k in range(1, number + 1) if math.ceil(number / k) == math.ceil(number / joined))


def fits(n: int, tile: int, larger: int) -> bool:
    """Whether a loop in time may lead from one tile to another."""
    number = math.ceil(n / tile)
    if larger == n:
        return number > 1
    k, over = divmod(larger, tile)
    return not over and k == least(number, k) and n - (math.ceil(n / larger) - 1) * larger >= 2 * tile


def mappings(einsum: Einsum, architecture: Architecture, *, few: bool = False) -> Iterator[Mapping]:
    """Yield the mapspace."""
    for unit, above in exhaustive.units(einsum, architecture):
        arrays = [level for level in reversed(above.levels) if isinstance(level, Array)]
        outermost = arrays[-1].name if arrays else ""
        for stored in exhaustive.choices_of_stored(einsum, above):
            for stretches in exhaustive.arrangements(stored, above):
                yield from _nests(einsum, above, unit, stretches, outermost, arrays, few=few)


def _nests(
    einsum: Einsum,
    architecture: Architecture,
    unit: str,
    stretches: Sequence[Sequence[exhaustive.Stored]],
    outermost: str,
    arrays: Sequence[Array],
    *,
    few: bool,
) -> Iterator[Mapping]:
    flat = [(stretch, node) for stretch, nodes in enumerate(stretches) for node in nodes]
    slots: list[Slot] = []
    for gap in range(len(flat) + 1):
        for at, array in enumerate(arrays):
            if sum(stretch <= at for stretch, _ in flat) == gap:
                slots += [(gap, array.name, d) for d in array.shape]
        slots.append((gap, "", ""))
    sizes = {(a.name, d): n for a in arrays for d, n in a.shape.items()}
    windows, beside = windowed(einsum), beside_windows(einsum)
    rows = [
        list(chains(n, slots, outermost, whole=v in windows, steady=v in beside, few=few))
        for v, n in einsum.shape.items()
    ]
    for chosen in itertools.product(*rows):
        tiles = dict(zip(einsum.shape, chosen, strict=True))
        moving = [[v for v in tiles if tiles[v][k] < tiles[v][k + 1]] for k in range(len(slots))]
        used = [
            math.prod(tiles[v][k + 1] // tiles[v][k] for v in moving[k]) if a else 1
            for k, (_, a, _) in enumerate(slots)
        ]
        if any(a and used[k] > sizes[a, d] for k, (_, a, d) in enumerate(slots)):
            continue
        across = {(a, d): set(moving[k]) for k, (_, a, d) in enumerate(slots) if a}
        if not flow(across, einsum, architecture):
            continue
        orders = [
            [tuple(m)] if a else list(itertools.permutations(m)) for m, (_, a, _) in zip(moving, slots, strict=True)
        ]
        for order in itertools.product(*orders):
            nest: list[Node] = [Compute(einsum.name, unit)]
            for k, (gap, array, dimension) in enumerate(slots):
                if gap and (k == 0 or slots[k - 1][0] < gap):
                    name, place = flat[gap - 1][1]
                    nest.append(Storage((name,), architecture.levels[place].name))
                for v in order[k]:
                    tile = tiles[v][k]
                    nest.append(Spatial(v, tile, array, dimension) if array else Temporal(v, tile))
            nest.append(Storage(tuple(einsum.tensors), architecture.memories[0].name))
            yield Mapping(tuple(reversed(nest)), einsum=einsum.name)


def front(
    einsum: Einsum,
    architecture: Architecture,
    cost: Callable[[Workload, Architecture, Mapping, Evaluation], tuple[float, float]] = exhaustive.modelled,
    *,
    few: bool = False,
) -> list[tuple[float, float]]:
    """Return the energy–latency front, least energy first."""
    workload = Workload("multiples", "", (einsum,))
    seen: dict[tuple[float, float], Mapping] = {}
    for mapping in mappings(einsum, architecture, few=few):
        try:
            found = evaluate(workload, architecture, mapping)
        except SpecError as error:
            if not any(text in str(error) for text in ("over capacity", "cannot do this")):
                raise
            continue
        seen.setdefault(cost(workload, architecture, mapping, found), mapping)
    return exhaustive.undominated(seen)


def size(einsum: Einsum, architecture: Architecture, most: int, *, few: bool = False) -> int:
    """Count the mapspace, up to ``most``."""
    return sum(1 for _ in itertools.islice(mappings(einsum, architecture, few=few), most))
