"""The order of a nest: which points come first, as its loops say, whatever the architecture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.execute.program import Box
from costmodel.spec.endings import wrong_endings
from costmodel.spec.mapping import Compute, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.problems import Problem, SpecError, did_you_mean

Boxes = Iterator[tuple[Einsum, Box]]

Left = Mapping[str, dict[str, int]]
"""Einsum → rank variable → extent that no loop above has split."""

MAX_BOXES = 2_000
"""Boxes into which a nest is taken apart where a box is run at once: loops below them are not told apart."""


@dataclass(frozen=True)
class Schedules:
    """The nests of a mapping file, for one workload."""

    schedules: tuple[Schedule, ...]
    einsums: Mapping[str, Einsum]

    def of(self, einsum: str) -> Schedule | None:
        """The nest that computes an Einsum."""
        return next((s for s in self.schedules if einsum in einsums_in(s.nest)), None)

    def boxes(self, einsum: str, *, points: bool) -> Boxes | None:
        """What the nest that computes an Einsum visits; null where none does."""
        schedule = self.of(einsum)
        return None if schedule is None else boxes_of(schedule, self.einsums, points=points)


@dataclass(frozen=True)
class Listed:
    """Points one by one, as something else visits them: a walk of a nest, in which instances work in lock step."""

    einsums: frozenset[str]
    points: Iterable[tuple[Einsum, tuple[int, ...]]]
    """Einsum, and the position of each of its rank variables; taken once."""

    def boxes(self, einsum: str, *, points: bool) -> Boxes | None:  # noqa: ARG002  they are points in any case
        """All points, where the Einsum is among theirs."""
        if einsum not in self.einsums:
            return None
        return ((e, {v: range(x, x + 1) for v, x in zip(e.shape, at, strict=True)}) for e, at in self.points)


def schedules_of(pairs: tuple[tuple[Schedule, NestMarks], ...], workload: Workload) -> Schedules:
    """Hold nests against a workload: SpecError where loops do not visit every point of its Einsums just once."""
    einsums = {e.name: e for e in workload.einsums}
    problems: list[Problem] = []
    for schedule, marks in pairs:
        endings = [marks.problem(what, path, hint=hint) for path, what, hint in wrong_endings(schedule.nest, einsums)]
        problems += endings
        if endings:
            continue
        left = {n: dict(einsums[n].shape) for n in einsums_in(schedule.nest)}
        problems += _Check(marks, einsums).nest(schedule.nest, (), left)
        problems += marks.range_problems(schedule.nest, einsums)
    computed = [n for schedule, _ in pairs for n in dict.fromkeys(einsums_in(schedule.nest))]
    again = sorted({n for n in computed if computed.count(n) > 1})
    problems += [Problem(f"Einsum {n} is computed more than once") for n in again]
    if problems:
        raise SpecError(problems)
    return Schedules(tuple(schedule for schedule, _ in pairs), einsums)


@dataclass(frozen=True)
class _Check:
    """Looks for loops that leave points out, or visit them again."""

    marks: NestMarks
    einsums: Mapping[str, Einsum]

    def nest(self, nest: Nest, base: tuple[int, ...], left: Left) -> Iterator[Problem]:
        for place, node in enumerate(nest):
            path = (*base, place)
            below = einsums_in(nest[place:])
            if isinstance(node, Temporal | Spatial):
                yield from self.loop(node, path, below, left)
            elif isinstance(node, Sequence):
                for number, branch in enumerate(node.branches):
                    inner = {n: dict(extents) for n, extents in left.items()}
                    yield from self.nest(branch, (*path, number), inner)
            elif isinstance(node, Compute):
                yield from self.compute(node, path, left)

    def loop(
        self,
        node: Temporal | Spatial,
        path: tuple[int, ...],
        below: tuple[str, ...],
        left: Left,
    ) -> Iterator[Problem]:
        v = node.rank_variable
        having = [n for n in below if v in left[n]]
        if not having:
            known = sorted({x for n in below for x in left[n]})
            elsewhere = any(v in e.shape for e in self.einsums.values())
            what = f"no Einsum below has the rank variable {v}" if elsewhere else f"unknown rank variable {v!r}"
            yield self.marks.problem(f"{node}: {what}", path, hint=did_you_mean(v, known))
            if not elsewhere:  # which one was meant is not known, so of none is said that it is left
                for n in below:
                    left[n].update(dict.fromkeys(left[n], 1))
            return
        again = [n for n in below if v not in left[n]]
        if again and any(left[n][v] > node.tile for n in having):
            yield self.marks.problem(f"{node}: {', '.join(again)} has no rank variable {v}: it would run again", path)
        for n in having:
            left[n][v] = min(left[n][v], node.tile)

    def compute(self, node: Compute, path: tuple[int, ...], left: Left) -> Iterator[Problem]:
        for v, extent in left[node.einsum].items():
            if extent > 1:
                message = f"{node}: rank variable {v} is not brought down to 1: {extent} are left"
                yield self.marks.problem(message, path, hint=f"add `for {v} by 1`")


def boxes_of(schedule: Schedule, einsums: Mapping[str, Einsum], *, points: bool) -> Boxes:
    """What a nest visits, in its order: points, or boxes of them (no more than ``MAX_BOXES``).

    Instances of an array are visited one after another.
    """
    start = {n: {v: range(extent) for v, extent in einsums[n].shape.items()} for n in einsums_in(schedule.nest)}
    return _visit(schedule.nest, einsums, start, None if points else MAX_BOXES)


def _visit(nest: Nest, einsums: Mapping[str, Einsum], boxes: Mapping[str, Box], most: int | None) -> Boxes:
    node: Node
    for place, node in enumerate(nest):
        if isinstance(node, Storage):
            continue
        if isinstance(node, Sequence):
            for branch in node.branches:
                inner = {n: boxes[n] for n in einsums_in(branch)}
                yield from _visit(branch, einsums, inner, most)
        elif isinstance(node, Compute):
            yield einsums[node.einsum], boxes[node.einsum]
        else:
            yield from _loop(node, nest[place + 1 :], einsums, boxes, most)
        return


def _loop(
    node: Temporal | Spatial, below: Nest, einsums: Mapping[str, Einsum], boxes: Mapping[str, Box], most: int | None
) -> Boxes:
    v = node.rank_variable
    whole = next(box[v] for box in boxes.values() if v in box)
    steps = -(-len(whole) // node.tile)
    if most is not None and steps > most and len(boxes) == 1:
        ((name, box),) = boxes.items()
        yield einsums[name], box
        return
    for start in range(whole.start, whole.stop, node.tile):
        tile = range(start, min(start + node.tile, whole.stop))
        inner = {n: {**box, v: tile} if v in box else box for n, box in boxes.items()}
        yield from _visit(below, einsums, inner, None if most is None else most // steps)
