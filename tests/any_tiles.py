"""Random mappings whose tiles need not divide."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.uneven import enumeration as all_tiles
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping


def some_mappings(rng: random.Random, problem: Einsum, architecture: Architecture, most: int) -> Iterator[Mapping]:
    """Random mappings with any tiles."""
    skeletons = list(all_tiles.skeletons(Allowed(problem, architecture)))
    for _ in range(most):
        skeleton = rng.choice(skeletons)
        rows = {v: random_tiles(rng, n, skeleton) for v, n in problem.shape.items()}
        moving = [[v for v in rows if rows[v][k] < rows[v][k + 1]] for k in range(len(skeleton.slots))]
        orders = [rng.sample(names, len(names)) for names in moving]
        sizes = [slot[3] for slot in skeleton.slots]
        steps = [math.prod(-(-row[k + 1] // row[k]) for row in rows.values()) for k in range(len(sizes))]
        if all(not size or n <= size for size, n in zip(sizes, steps, strict=True)):
            yield all_tiles.assemble(Allowed(problem, architecture), skeleton, rows, orders)


def random_tiles(rng: random.Random, extent: int, skeleton: all_tiles.Skeleton) -> tuple[int, ...]:
    """A row of tiles, innermost first, most of them the same as a neighbour."""
    row = [1]
    for _ in skeleton.slots[1:]:
        row.append(row[-1] if rng.random() < 0.5 else rng.randint(row[-1], extent))
    return (*row, extent)
