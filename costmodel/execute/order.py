"""In which order Einsums run, and which of them iterate together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum
from costmodel.spec.problems import Problem, SpecError


@dataclass(frozen=True)
class Together:
    """Einsums that run together."""

    einsums: tuple[Einsum, ...]
    variable: str | None
    """The rank variable that they iterate over, one step at a time; null where one Einsum simply runs."""


def groups(einsums: tuple[Einsum, ...]) -> Iterator[Together]:
    """Einsums in an order that respects who needs what; those that need each other's outputs, or their own, iterate.

    Raises SpecError where they need each other and no rank is iterative.
    """
    writers: dict[str, set[int]] = {}
    for place, einsum in enumerate(einsums):
        writers.setdefault(einsum.output.tensor, set()).add(place)
    needs = [set().union(*(writers.get(a.tensor, set()) for a in einsum.inputs)) for einsum in einsums]
    reach = [_reachable(place, needs) for place in range(len(einsums))]
    done: set[int] = set()
    while len(done) < len(einsums):
        for place in range(len(einsums)):
            members = sorted({place} | {p for p in reach[place] if place in reach[p]})
            outside = set().union(*(needs[p] for p in members)) - set(members)
            if place not in done and outside <= done:
                group = tuple(einsums[p] for p in members)
                yield Together(group, _iterative_variable(group) if place in reach[place] else None)
                done |= set(members)
                break


def _reachable(start: int, needs: list[set[int]]) -> set[int]:
    found: set[int] = set()
    pending = list(needs[start])
    while pending:
        place = pending.pop()
        if place not in found:
            found.add(place)
            pending.extend(needs[place])
    return found


def _iterative_variable(group: tuple[Einsum, ...]) -> str:
    """The rank variable that a group of Einsums iterates over: some output is a step ahead on it."""
    for einsum in group:
        for index in einsum.output.indices:
            if index.constant > 0 and len(index.terms) == 1:
                variable = index.terms[0][0]
                if all(variable in e.shape for e in group):
                    return variable
    names = ", ".join(e.name for e in group)
    hint = "an iterative rank is written one step ahead, as in R[m+1] = R[m] + A[m]"
    raise SpecError([Problem(f"{names} need each other's outputs, and no rank is iterative", hint=hint)])
