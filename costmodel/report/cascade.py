"""A cascade over time: which Einsum is on which compute unit, and what each memory holds meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum
from costmodel.model.evaluation import Evaluation
from costmodel.report import tables
from costmodel.report.run import Run
from costmodel.spec import mapping as nodes
from costmodel.spec.mapping import einsums_in


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs one after another: one Einsum, or those of a pipelined sequence together. Over all executions."""

    einsums: tuple[str, ...]
    start_cycles: float
    cycles: float
    busy_cycles: tuple[float, ...]
    """Of each of the Einsums."""
    group: int
    """Stages of one group are fused: they take turns in each pass of the loops that they share."""


@dataclass(frozen=True, slots=True)
class Held:
    """Room that a memory keeps for a tensor, in one instance."""

    level: str
    tensor: str
    group: str
    """The kind of tensor, by which it is coloured."""
    room_bits: int
    einsums: tuple[str, ...]
    """While these run, the room is taken."""
    live: frozenset[str]
    """Those of them in which the words are still of use, from the first that touches them to the last in a pass."""


@dataclass(frozen=True, slots=True)
class SharedLoops:
    """Einsums that share loops."""

    einsums: tuple[str, ...]
    passes: int
    """How often they take turns: steps of the loops above all of them."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run over time."""

    stages: tuple[Stage, ...]
    units: Mapping[str, str]
    """Einsum → the compute unit that runs it."""
    held: tuple[Held, ...]
    fused: tuple[SharedLoops, ...]


def timeline(run: Run) -> Timeline | None:
    """The timeline of a run of several Einsums; null of one alone, and where a mapping is missing."""
    e = tables.evaluation_of(run)
    if len(e.points) < 2 or any(run.mapping_of(name) is None for name in e.points):
        return None
    fused = [SharedLoops(names, _passes(run, m)) for m in run.mappings if len(names := einsums_in(m.nest)) > 1]
    units = {node.einsum: node.unit for m in run.mappings for node in _computes(m.nest)}
    rooms: dict[tuple[str, str, str], int] = {}
    for row in e.occupancy_rows:
        rooms.setdefault((row.einsum, row.level, row.tensor), row.bits)
    statements = {statement.name: statement for statement in run.workload.einsums}
    room = _Room(statements, tables.tensor_groups(run.workload), rooms)
    held = tuple(one for m in run.mappings for one in room.held(m.nest))
    return Timeline(_stages(e, fused), units, held, tuple(fused))


def _stages(e: Evaluation, fused: Sequence[SharedLoops]) -> tuple[Stage, ...]:
    order = {name: place for place, name in enumerate(e.points)}
    found, start = [], 0.0
    for names, cycles in sorted(e.spans.items(), key=lambda item: order[item[0][0]]):
        times = e.counts[names[0]]
        group = next((n for n, one in enumerate(fused) if names[0] in one.einsums), -1)
        busy = tuple(e.cycles_by_einsum[name] * times for name in names)
        found.append(Stage(names, start, cycles * times, busy, group))
        start += cycles * times
    return tuple(found)


def _computes(nest: nodes.Nest) -> Iterator[nodes.Compute]:
    for node in nest:
        if isinstance(node, nodes.Compute):
            yield node
        elif isinstance(node, nodes.Sequence):
            for branch in node.branches:
                yield from _computes(branch)


def _passes(run: Run, mapping: nodes.Mapping) -> int:
    """Steps of the loops in time above the first sequence."""
    extents = {v: n for name in einsums_in(mapping.nest) for v, n in run.workload.einsum(name).shape.items()}
    steps = 1
    for node in mapping.nest:
        if isinstance(node, nodes.Sequence):
            break
        if isinstance(node, nodes.Temporal | nodes.Spatial):
            extent = extents.get(node.rank_variable, node.tile)
            steps *= -(-extent // node.tile) if isinstance(node, nodes.Temporal) else 1
            extents[node.rank_variable] = min(node.tile, extent)
    return steps


@dataclass(frozen=True, slots=True)
class _Room:
    """What nests keep, by what is known of a run."""

    statements: Mapping[str, Einsum]
    groups: Mapping[tuple[str, str], str]
    bits: Mapping[tuple[str, str, str], int]
    """(Einsum, level, tensor) → what its tiles take."""

    def held(self, nest: nodes.Nest) -> Iterator[Held]:
        """What the storage nodes of a nest keep, while what is below them runs."""
        for place, node in enumerate(nest):
            if isinstance(node, nodes.Storage):
                below = einsums_in(nest[place:])
                for tensor in node.tensors:
                    users = [name for name in below if tensor in self.statements[name].tensors]
                    taken = (self.bits.get((name, node.level, tensor)) for name in below)
                    bits = next((bits for bits in taken if bits is not None), None)
                    if bits is not None and users:
                        inside = below[below.index(users[0]) : below.index(users[-1]) + 1]
                        live = below if _repeats(nest[place + 1 :]) else inside
                        yield Held(node.level, tensor, self.groups[users[0], tensor], bits, below, frozenset(live))
            elif isinstance(node, nodes.Sequence):
                for branch in node.branches:
                    yield from self.held(branch)


def _repeats(nest: nodes.Nest) -> bool:
    """Whether what shares a tile comes back to it: loops stand between the room for it and the Einsums."""
    for node in nest:
        if isinstance(node, nodes.Sequence):
            return False
        if isinstance(node, nodes.Temporal):
            return True
    return True
