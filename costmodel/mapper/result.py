"""What every search returns, whatever its method: a front of mappings and a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from costmodel.model.evaluation import Evaluation
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import Costs
from costmodel.spec.rules.finding import Reject


class Status(StrEnum):
    """How good an answer is known to be; the text is what people and files read."""

    PROVEN = "optimal: proven"
    GAP = "gap"
    FOUND = "best found"


@dataclass(frozen=True, slots=True)
class MappingPoint:
    """One mapping of the front with its exact cost, as the scalar model gives it."""

    mapping: Mapping
    evaluation: Evaluation

    @property
    def energy_pj(self) -> float:
        return self.evaluation.energy_pj

    @property
    def latency_cycles(self) -> float:
        return self.evaluation.latency_cycles

    @property
    def capacity_bits(self) -> int:
        return self.evaluation.capacity_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPoint(Costs):
    """One combination of mappings for a whole workload. Costs count every execution."""

    choices: tuple[int, ...]
    """Place in the front of each Einsum that was mapped, in their order."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known about an answer."""

    status: Status
    method: str
    """What searched, in words for people."""
    mapspace: int | None
    """Size of the mapspace, exact; null where the method does not count it."""
    evaluated: int
    """Mappings (or partial mappings) that were costed."""
    pruned: tuple[tuple[str, int], ...]
    """Rule → how many candidates it removed."""
    cpu_s: float
    gap: float | None = None
    """Upper bound of (answer − optimum) / optimum of the first objective; 0 when proven, null when unknown."""
    interrupted: bool = False
    """Whether Ctrl-C ended the search before its end."""
    budget_spent: bool = False
    """Whether time or memory ran out before the search was at its end."""

    def __str__(self) -> str:
        return f"gap ≤ {100 * (self.gap or 0):.2g} %" if self.status == Status.GAP else str(self.status)


@dataclass(frozen=True, slots=True)
class MapperResult:
    """The answer for one Einsum on one architecture."""

    einsum: str
    front: tuple[MappingPoint, ...]
    """Pareto front over the objectives, best of the first objective first; one point for a single objective."""
    certificate: Certificate


class InfeasibleError(Exception):
    """Nothing fits: which limits killed the candidates, and the nearest miss.

    ``proven`` says that nothing was left untried; ``mapspace`` counts what did not fit, null where that is not known.
    """

    def __init__(
        self,
        einsum: str,
        tally: Sequence[tuple[str, int]],
        nearest: Reject | None,
        proven: bool = False,  # noqa: FBT002  a pickle passes arguments by place
        mapspace: int | None = None,
    ) -> None:
        self.einsum, self.tally, self.nearest = einsum, tuple(tally), nearest
        self.proven, self.mapspace = proven, mapspace
        killers = "; ".join(f"{limit} ({count:,})" for limit, count in self.tally)
        miss = f"; nearest miss: {nearest}" if nearest else ""
        super().__init__(f"{einsum}: no mapping fits: {killers}{miss}")

    def __reduce__(self) -> tuple[type[InfeasibleError], tuple[object, ...]]:
        """Cross to another process whole."""
        return type(self), (self.einsum, self.tally, self.nearest, self.proven, self.mapspace)
