"""A run as runs of its mappings, each with its own rows alone: what is asked of one Einsum looks at no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from costmodel.model.evaluation import Evaluation
from costmodel.report.run import EinsumSearch, Run
from costmodel.report.tables import evaluation_of
from costmodel.spec.mapping import Mapping, einsums_in


class _Of(Protocol):
    @property
    def einsum(self) -> str: ...


Row = TypeVar("Row", bound=_Of)


def apart(run: Run) -> Iterator[Run]:
    """Yield a run for each mapping, with the Einsums that it computes; then one for each Einsum without a mapping."""
    e = evaluation_of(run)
    mapped: list[tuple[tuple[str, ...], tuple[Mapping, ...]]] = [
        (tuple(name for name in einsums_in(mapping.nest) if name in e.points), (mapping,)) for mapping in run.mappings
    ]
    known = {name for names, _ in mapped for name in names}
    mapped += [((name,), ()) for name in e.points if name not in known]
    searches: dict[str, EinsumSearch] = {name: search for search in run.searches for name in search.einsums}
    evaluations = _evaluations(e, [names for names, _ in mapped])
    for (names, mappings), evaluation in zip(mapped, evaluations, strict=True):
        own = {search.einsum: search for name in names if (search := searches.get(name)) is not None}
        yield replace(run, evaluation=evaluation, mappings=mappings, searches=tuple(own.values()))


def _evaluations(e: Evaluation, groups: Sequence[tuple[str, ...]]) -> list[Evaluation]:
    places = {name: place for place, names in enumerate(groups) for name in names}
    traffic, actions = _by_group(e.traffic_rows, places), _by_group(e.action_rows, places)
    latency, occupancy = _by_group(e.latency_rows, places), _by_group(e.occupancy_rows, places)
    overlap = _by_group(e.overlap_rows, places)
    return [
        replace(
            e,
            traffic_rows=tuple(traffic[place]),
            action_rows=tuple(actions[place]),
            latency_rows=tuple(latency[place]),
            occupancy_rows=tuple(occupancy[place]),
            overlap_rows=tuple(overlap[place]),
            points={name: e.points[name] for name in names},
            counts={name: e.counts[name] for name in names},
            capacity_bits_by_einsum={name: e.capacity_bits_by_einsum[name] for name in names},
            peak_by_einsum={name: e.peak_by_einsum[name] for name in names},
        )
        for place, names in enumerate(groups)
    ]


def _by_group(rows: Iterable[Row], places: dict[str, int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[places[row.einsum]].append(row)
    return found
