"""What one Einsum asks of any machine: its iteration space, its operations, and how often each word is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.describe.effectual import Effectual, effectual
from costmodel.einsum.algebra import Einsum, Role
from costmodel.model.formats import stored_bits
from costmodel.model.motion import touched_words
from costmodel.spec.nonzeros import Nonzeros


@dataclass(frozen=True, slots=True)
class TensorUse:
    """One tensor of one Einsum."""

    tensor: str
    role: Role
    is_static: bool
    """Whether it stays the same from input to input, as weights do."""
    words: int
    """Distinct words that the Einsum touches."""
    uses: int
    """How often a word is asked for, or reduced into, all points together."""

    @property
    def reuse(self) -> float:
        """Uses of each word: what a buffer that never evicts saves."""
        return self.uses / self.words


@dataclass(frozen=True, slots=True)
class EinsumFacts:
    """One Einsum, once, however often its layer occurs."""

    einsum: str
    statement: str
    count: int
    points: int
    """Points at which something is done."""
    uncontracted: Mapping[str, int]
    """Rank variables that index the output, with their extents."""
    contracted: Mapping[str, int]
    """Those that do not: what is reduced."""
    operations: Mapping[str, int]
    tensors: tuple[TensorUse, ...]
    """Output last."""
    operations_per_byte: float
    """Best possible intensity: each word that is touched crosses once. Infinite where nothing is touched."""
    effectual: Effectual | None
    """Null where nothing is said about zeros."""


def operations(einsum: Einsum) -> dict[str, int]:
    """Operations of one execution, by kind."""
    return dict(einsum.operation_counts)


def intensity(einsum: Einsum) -> float:
    """Operations per byte when every word that the Einsum touches crosses once."""
    size = sum(stored_bits(t, None, touched_words(einsum, t.name)) for t in einsum.tensors.values()) / 8
    return sum(operations(einsum).values()) / size if size else math.inf


def einsum_facts(einsum: Einsum, nonzeros: Nonzeros) -> EinsumFacts:
    """Gather what follows from an Einsum alone."""
    reduced = einsum.reduced
    return EinsumFacts(
        einsum=einsum.name,
        statement=einsum.text,
        count=einsum.count,
        points=einsum.points_inside,
        uncontracted={v: extent for v, extent in einsum.shape.items() if v not in reduced},
        contracted={v: extent for v, extent in einsum.shape.items() if v in reduced},
        operations=operations(einsum),
        tensors=tuple(_use(einsum, name) for name in einsum.tensors),
        operations_per_byte=intensity(einsum),
        effectual=effectual(einsum, nonzeros),
    )


def _use(einsum: Einsum, name: str) -> TensorUse:
    tensor = einsum.tensors[name]
    uses = sum(einsum.points_of(access) for access in einsum.accesses_of(name))
    return TensorUse(name, tensor.role, tensor.role is Role.WEIGHT, touched_words(einsum, name), uses)
