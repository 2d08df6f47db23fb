"""Which words that move are partial sums, and how wide they are."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from costmodel.model.walk.words import Coordinate, is_updated, word
from costmodel.spec.hardware import ComputeUnit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Einsum, Tensor
    from costmodel.model.walk.state import Instance
    from costmodel.spec.hardware import Architecture, Level
    from costmodel.spec.mapping import Spatial


class Sums:
    """What is still to be added to each word, and who adds to it.

    A sum is finished by the last update of its word, where one instance has all of it: that one time, words have the
    width of their tensor. All other words that cross on behalf of the output are partial sums.
    """

    def __init__(
        self,
        einsums: Dict[str, Einsum],
        architecture: Architecture,
        across: Dict[tuple[str, str], set[tuple[str, str]]],
    ) -> None:
        """``across``: (Einsum, array) → (dimension, rank variable) of parallel loops of several steps, as they come."""
        self.einsums, self.across = einsums, across
        self.to_come: dict[str, Counter[Coordinate]] = {}
        """Einsum → word of its output → points that are still to update it."""
        self.ended: dict[tuple[object, ...], set[Coordinate]] = defaultdict(set)
        """Einsum and where → words that have crossed finished."""
        if any(width_of(level) is not None for level in architecture.levels):
            for einsum in einsums.values():
                every = itertools.product(*(range(n) for n in einsum.shape.values()))
                points = (dict(zip(einsum.shape, values, strict=True)) for values in every)
                self.to_come[einsum.name] = Counter(word(einsum.output, p) for p in points if is_updated(einsum, p))

    def updated(self, einsum: str, words: Iterable[Coordinate]) -> None:
        """Points have updated these words."""
        if einsum in self.to_come:
            self.to_come[einsum].subtract(words)

    def bits(self, tensor: Tensor, level: Level, words: int, finished: int = 0) -> int:
        """Return the bits of partial sums, some of which are finished."""
        wide = max(width_of(level) or 0, tensor.bits)
        return finished * tensor.bits + (words - finished) * wide

    def finished(
        self,
        einsum: str,
        where: tuple[object, ...],
        above: tuple[Spatial, ...],
        sent: Dict[Instance, Counter[Coordinate]],
    ) -> Counter[Instance]:
        """Return how many of the words that cross somewhere, below some parallel loops, are finished by that."""
        along = self.einsums[einsum].accumulated
        shared = any(
            x.rank_variable in along and (x.dimension, x.rank_variable) in self.across[einsum, x.array] for x in above
        )
        found: Counter[Instance] = Counter()
        if einsum in self.to_come and not shared:
            for instance, words in sent.items():
                ended = self.ended[(einsum, *where, instance)]
                done = {w for w in words if self.to_come[einsum][w] <= 0} - ended
                ended |= done
                found[instance] = len(done)
        return found


def width_of(level: Level) -> int | None:
    """The width that a level states for partial sums."""
    return None if isinstance(level, ComputeUnit) else level.partial_bits
