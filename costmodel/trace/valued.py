"""The values of a trace: what each word is after each frame, in the order in which the walk visits points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from costmodel.einsum.algebra import Einsum
from costmodel.execute.execution import execute
from costmodel.execute.given import Given
from costmodel.execute.made import Stated, values_for
from costmodel.execute.nest_order import Listed
from costmodel.execute.traversal import Visit
from costmodel.trace.frames import Trace

Number = int | float


@dataclass(frozen=True)
class Valued:
    """Values that a trace was run with, and what comes of them."""

    given: Given
    """Of the tensors that no Einsum of the nest writes."""
    after: tuple[Mapping[tuple[int, ...], Number], ...]
    """For each frame: words of the output of its Einsum that it changed, and what they are then."""
    results: Mapping[str, Mapping[tuple[int, ...], Number]]
    """Einsum → point → what its word of the output is after that point."""


def valued(
    trace: Trace,
    stated: Stated,
    arrays: Mapping[str, object] | None = None,
    files: Iterable[str] = (),
    seed: int = 0,
) -> Valued:
    """Run the points of a trace in its order, on values from where ``values_for`` takes them.

    Raises SpecError for values that do not fit.
    """
    workload = replace(trace.workload, einsums=trace.einsums)
    given = values_for(trace.einsums, stated, arrays or {}, files, seed=seed)
    einsums = {einsum.name: einsum for einsum in trace.einsums}
    after: list[dict[tuple[int, ...], Number]] = [{} for _ in trace.frames]
    results: dict[str, dict[tuple[int, ...], Number]] = defaultdict(dict)
    now: tuple[int, tuple[int, ...]] = (0, ())

    def visited() -> Iterator[tuple[Einsum, tuple[int, ...]]]:
        nonlocal now
        for number, frame in enumerate(trace.frames):
            for point in frame.points:
                now = number, point
                yield einsums[frame.einsum], point

    def observe(visit: Visit) -> None:
        number, point = now
        after[number][visit.word] = results[visit.einsum][point] = visit.result

    order = Listed(frozenset(einsums), visited())
    execute(workload, given.arrays, engine="plain", schedules=order, observe=observe)
    return Valued(given, tuple(after), results)
