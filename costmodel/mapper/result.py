"""What every search returns, whatever its method: a front of mappings and a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from costmodel.model.evaluation import Evaluation
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import Costs, Objective
from costmodel.spec.rules.finding import Reject

ROUNDING = 1e-9
"""Relative difference of two costs that are the same but for the order of their sums."""
SMALL = 1e-4
"""Gaps below it are printed as such."""


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


Found = Literal["start", "sample", "climb"]
"""What found a mapping: a construction, the sampler, or the climb from the best of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement(Costs):
    """A mapping that, when it was costed, was better in an objective than all before it."""

    trial: int
    """Different mappings costed until then, with this one."""
    by: Found


@dataclass(slots=True)
class LeastSoFar:
    """The least value of each objective among all that was costed."""

    values: tuple[float, ...] | None = None
    """Null where nothing was."""

    def lowered(self, values: Sequence[float]) -> bool:
        """Take the values of another cost; whether one of them is less than all before it."""
        known = self.values
        self.values = tuple(values) if known is None else tuple(map(min, values, known))
        return self.values != known


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known about an answer."""

    status: Status
    method: str
    """What searched, in words for people; ``how`` says whether it came to its end."""
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
    """Whether time ran out before the search was at its end, so that more of it may find better."""

    @property
    def how(self) -> str:
        """What searched, and whether Ctrl-C ended it."""
        return f"{self.method} (interrupted)" if self.interrupted else self.method

    def __str__(self) -> str:
        """Print what is known.

        >>> [str(Certificate(Status.GAP, "exact", None, 1, (), 0.1, gap)) for gap in (0.0321, 1e-7, 0.0, 43.21)]
        ['gap ≤ 3.2 %', 'gap < 0.01 %', 'first objective: proven', 'gap ≤ 4,321 %']
        """
        if self.status != Status.GAP or self.gap is None:
            return str(self.status)
        if not self.gap:
            return "first objective: proven"
        if self.gap < SMALL:
            return "gap < 0.01 %"
        return f"gap ≤ {100 * self.gap:.2g} %" if self.gap < 0.995 else f"gap ≤ {100 * self.gap:,.0f} %"


def one_after_another(parts: Sequence[tuple[int, Sequence[Improvement]]], aim: Objective) -> tuple[Improvement, ...]:
    """Return the improvements of several searches as those of one.

    ``parts`` are in the order in which they were searched, each with how many mappings it costed.
    """
    kept: list[Improvement] = []
    least = LeastSoFar()
    before = 0
    for costed, improvements in parts:
        kept += [replace(one, trial=before + one.trial) for one in improvements if least.lowered(aim.of(one))]
        before += costed
    return tuple(kept)


def held_against(best: float, bound: float, *, front: bool, rounding: float = ROUNDING) -> tuple[Status, float | None]:
    """Say what is known of an answer that is ``best`` in its first objective, where nothing is less than ``bound``.

    Of a front that is never that it is proven, for the other objectives may have better ones. Costs are never negative,
    so nothing undercuts 0.

    >>> [held_against(best, bound, front=False)[0].value for best, bound in ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0))]
    ['optimal: proven', 'best found', 'optimal: proven']
    """
    if best > 0.0 >= bound:
        return Status.FOUND, None
    gap = best / bound - 1.0 if best > 0.0 else 0.0
    if gap > rounding:
        return Status.GAP, gap
    return Status.GAP if front else Status.PROVEN, 0.0


@dataclass(frozen=True, slots=True)
class MapperResult:
    """The answer for one Einsum on one architecture."""

    einsum: str
    front: tuple[MappingPoint, ...]
    """Pareto front over the objectives, best of the first objective first; one point for a single objective."""
    certificate: Certificate
    improvements: tuple[Improvement, ...] = ()
    """Of a search that samples: how it came to its answer."""

    def bound(self, aim: Objective) -> float:
        """Return what the first objective is at least, whatever the mapping; 0 where that is not known."""
        gap = self.certificate.gap
        return 0.0 if gap is None else min(aim.of(point)[0] for point in self.front) / (1 + gap)


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
        verdict = "no mapping fits" if proven else "no mapping was found"
        super().__init__(f"{einsum}: {verdict}: {killers}{miss}")

    def __reduce__(self) -> tuple[type[InfeasibleError], tuple[object, ...]]:
        """Cross to another process whole."""
        return type(self), (self.einsum, self.tally, self.nearest, self.proven, self.mapspace)
