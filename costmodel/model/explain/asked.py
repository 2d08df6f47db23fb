"""What a question is about: an evaluation, and the nests that made it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from costmodel.model.evaluation import Evaluation
from costmodel.model.meters import (
    PriceBook,
)
from costmodel.model.nest import BoundEinsum, BoundNest, Holder, bind
from costmodel.model.traffic import (
    Crossing,
    cross,
    cross_access,
)
from costmodel.spec.mapping import einsums_in
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.model.explain.returned import Returning
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping


@dataclass
class Questioned:
    """What is asked about: an evaluation of mappings, of all its Einsums or of one."""

    workload: Workload
    architecture: Architecture
    mappings: tuple[Mapping, ...]
    evaluation: Evaluation
    einsum: str | None
    _nests: dict[str, BoundNest] = field(default_factory=dict)
    _crossings: dict[tuple[str, str], list[Crossing]] = field(default_factory=dict)
    returning: dict[str, tuple[Returning, ...]] = field(default_factory=dict)
    """Of Einsums that it was asked of."""

    def of(self, einsum: str, evaluation: Evaluation) -> Questioned:
        """Ask about one Einsum, of an evaluation of the same mappings that may hold its rows alone."""
        return replace(self, einsum=einsum, evaluation=evaluation)  # what was derived is shared

    @cached_property
    def book(self) -> PriceBook:
        return PriceBook(self.architecture)

    def einsums(self) -> list[str]:
        return [self.einsum] if self.einsum is not None else list(self.evaluation.points)

    def times(self, einsum: str) -> str:
        """How often an Einsum runs, for arithmetic: empty for once."""
        count = self.evaluation.counts[einsum]
        return "" if count == 1 else f"{count} × "

    def nest(self, einsum: str) -> BoundNest:
        found = self._nests.get(einsum)
        if found is None:
            mapping = next((m for m in self.mappings if einsum in einsums_in(m.nest)), None)
            if mapping is None:
                raise SpecError([Problem(f"no mapping computes {einsum}")])
            found = bind(self.workload, self.architecture, mapping)
            self._nests.update(dict.fromkeys(einsums_in(mapping.nest), found))
        return found

    def bound(self, einsum: str) -> BoundEinsum:
        return next(b for b in self.nest(einsum).einsums if b.einsum.name == einsum)

    def crossings(self, einsum: str, tensor: str) -> list[Crossing]:
        """Boundaries of a tensor whose traffic belongs to an Einsum."""
        if (einsum, tensor) in self._crossings:
            return self._crossings[einsum, tensor]
        nest = self.nest(einsum)
        found = [
            cross(self.architecture, h)
            for h in nest.holders
            if h.parent is not None and h.tensor.name == tensor and h.owner.name == einsum
        ]
        if tensor in self.bound(einsum).einsum.tensors:
            bound = self.bound(einsum)
            found += [cross_access(self.architecture, bound, a) for a in bound.einsum.accesses_of(tensor)]
        self._crossings[einsum, tensor] = found
        return found

    def holder(self, einsum: str, level: str, tensor: str) -> Holder | None:
        for h in self.nest(einsum).holders:
            if (h.level.name, h.tensor.name, h.owner.name) == (level, tensor, einsum):
                return h
        return None
