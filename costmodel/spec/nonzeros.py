"""Which words of a tensor are not zero, as a workload says it: a density, or coordinates.

Costs stay dense: no level skips what is zero. ``describe/`` carries them into sizes and effectual operations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from costmodel.einsum.algebra import Einsum
from costmodel.spec.problems import Path, did_you_mean
from costmodel.spec.values import Values, shape_of
from costmodel.spec.workload_spec import WorkloadSpec

Coordinates = tuple[tuple[int, ...], ...]
"""Points, in the order of the ranks."""


@dataclass(frozen=True)
class Nonzeros:
    """Words that are not zero, by tensor; a tensor in neither map is dense."""

    density: Mapping[str, float] = field(default_factory=dict)
    """Share of the words that are not zero, wherever they are."""
    coordinates: Mapping[str, Coordinates] = field(default_factory=dict)

    def words(self, tensor: str, size_words: int) -> int | float | None:
        """Words that are not zero, those of a density as they are to be expected; null where all are taken to be."""
        if tensor in self.coordinates:
            return len(self.coordinates[tensor])
        return self.density[tensor] * size_words if tensor in self.density else None


def nonzeros_of(spec: WorkloadSpec) -> Nonzeros:
    """What a workload says: ``density:``, ``coordinates:``, and the non-zeros of ``values:``."""
    given = {name: tuple(sorted(_nonzero(values))) for name, values in spec.values.items()}
    partly = {name: found for name, found in given.items() if len(found) < math.prod(shape_of(spec.values[name]))}
    stated = {name: tuple(sorted(set(points))) for name, points in spec.coordinates.items()}
    return Nonzeros(dict(spec.density), {**partly, **stated})


def _nonzero(values: Values) -> Iterator[tuple[int, ...]]:
    for point in itertools.product(*(range(extent) for extent in shape_of(values))):
        word = values
        for coordinate in point:
            word = word[coordinate] if isinstance(word, tuple) else word
        if word != 0:
            yield point


def nonzero_problems(spec: WorkloadSpec, einsums: Iterable[Einsum]) -> Iterator[tuple[Path, str, str]]:
    """Yield what is wrong with densities and coordinates: the place, what, and a hint."""
    tensors = {name: tensor for einsum in einsums for name, tensor in einsum.tensors.items()}
    for key in ("density", "coordinates"):
        for name in getattr(spec, key):
            if name not in tensors:
                yield (key, name), f"no tensor {name!r}", did_you_mean(name, sorted(tensors))
            elif name in spec.values:
                yield (key, name), f"{name} has values, which say what is zero", f"leave one of values and {key} out"
            elif key == "coordinates" and name in spec.density:
                yield (key, name), f"{name} has a density and coordinates", "say one of them"
    for name, points in spec.coordinates.items():
        shape = tensors[name].shape if name in tensors else ()
        for place, point in enumerate(points if name in tensors else ()):
            inside = len(point) == len(shape) and all(0 <= at < extent for at, extent in zip(point, shape, strict=True))
            if not inside:
                ranks = " × ".join(f"{r} {n}" for r, n in zip(tensors[name].ranks, shape, strict=True))
                message = f"{list(point)} is no point of {name} ({ranks or 'a scalar'})"
                yield ("coordinates", name, place), message, "one coordinate for each rank, from 0"
