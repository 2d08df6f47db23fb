"""One search over all compute units that can run an Einsum: the mapspace is the union of theirs.

The mapspace of one unit uses the levels above it and none below, so each engine searches one part of the chip at a
time (``Architecture.part``). The answer is the front over the answers for the parts, and it is proven where each is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.front import select
from costmodel.mapper.result import (
    Certificate,
    InfeasibleError,
    MapperResult,
    MappingPoint,
    Status,
    held_against,
    one_after_another,
)
from costmodel.model.evaluate import evaluate
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import Objective

SearchPart = Callable[[Architecture, int], MapperResult]
"""Searches one part; the number says how many parts, this one among them, share what is left of a budget."""


def search_units(einsum: Einsum, architecture: Architecture, aim: Objective, search: SearchPart) -> MapperResult:
    """Return the front over all units that can run an Einsum.

    What Ctrl-C ends has the units so far for its answer; while there is none, the KeyboardInterrupt goes on.

    Raises:
        SpecError: no unit can run the Einsum.
        InfeasibleError: nothing fits on any of them.
    """
    parts = parts_for(einsum, architecture)
    if len(parts) == 1:
        return of_the_chip(search(parts[0], 1), einsum, architecture, parts[0])
    answers = _Answers()
    for number, part in enumerate(parts):
        try:
            found = search(part, len(parts) - number)
        except InfeasibleError as failure:
            answers.failures.append(failure)
            continue
        except KeyboardInterrupt:
            if not answers.results:
                raise
            answers.stopped, answers.left = True, len(parts) - number
            break
        answers.results.append(of_the_chip(found, einsum, architecture, part))
        if found.certificate.interrupted:
            answers.stopped, answers.left = True, len(parts) - number - 1
            break
    if not answers.results:
        raise _nowhere(einsum, answers.failures)
    front = select([point for result in answers.results for point in result.front], aim)
    history = one_after_another([(r.certificate.evaluated, r.improvements) for r in answers.results], aim)
    return MapperResult(einsum.name, tuple(front), answers.certificate(front, aim), history)


def of_the_chip(result: MapperResult, einsum: Einsum, architecture: Architecture, part: Architecture) -> MapperResult:
    """Have the mappings of a part costed as those of the whole chip: the same costs, with a row for every memory."""
    if part is architecture:
        return result
    workload = Workload(einsum.name, "", (einsum,))
    points = (MappingPoint(p.mapping, evaluate(workload, architecture, p.mapping)) for p in result.front)
    return replace(result, front=tuple(points))


@dataclass
class _Answers:
    """What is known about each unit so far."""

    results: list[MapperResult] = field(default_factory=list)
    failures: list[InfeasibleError] = field(default_factory=list)
    stopped: bool = False
    """Whether Ctrl-C ended the search."""
    left: int = 0
    """Units that it left without an answer."""

    def certificate(self, front: Sequence[MappingPoint], aim: Objective) -> Certificate:
        parts = [result.certificate for result in self.results]
        sizes = [*(c.mapspace for c in parts), *(f.mapspace for f in self.failures), *([None] * self.left)]
        known = [size for size in sizes if size is not None]
        pruned: Counter[str] = Counter()
        for rule, count in (pair for c in parts for pair in c.pruned):
            pruned[rule] += count
        status, gap = self._verdict(front, aim)
        methods = dict.fromkeys(c.method for c in parts)
        return Certificate(
            status=status,
            method=" / ".join(methods),
            mapspace=sum(known) if len(known) == len(sizes) else None,
            evaluated=sum(c.evaluated for c in parts),
            pruned=tuple(pruned.items()),
            cpu_s=sum(c.cpu_s for c in parts),
            gap=gap,
            interrupted=self.stopped,
            budget_spent=any(c.budget_spent for c in parts),
        )

    def _verdict(self, front: Sequence[MappingPoint], aim: Objective) -> tuple[Status, float | None]:
        """Say how far the answer is from the optimum of the first objective at most, over all units."""
        if self.left or not all(failure.proven for failure in self.failures):
            return Status.FOUND, None
        if all(result.certificate.status == Status.PROVEN for result in self.results):
            return Status.PROVEN, 0.0
        bound = min(result.bound(aim) for result in self.results)
        best = min(aim.of(point)[0] for point in front)
        return held_against(best, bound, front=aim.front)


def _nowhere(einsum: Einsum, failures: Sequence[InfeasibleError]) -> InfeasibleError:
    """Say why nothing fits on any unit."""
    tally: Counter[str] = Counter()
    for limit, count in (pair for failure in failures for pair in failure.tally):
        tally[limit] += count
    nearest = next((failure.nearest for failure in failures if failure.nearest is not None), None)
    known = [failure.mapspace for failure in failures if failure.mapspace is not None]
    size = sum(known) if len(known) == len(failures) else None
    return InfeasibleError(einsum.name, tally.most_common(), nearest, all(f.proven for f in failures), size)
