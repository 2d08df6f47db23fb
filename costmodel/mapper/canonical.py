"""Einsums that differ in names only: which they are, and an answer in the names of another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, get_args

from costmodel.einsum.algebra import Access, Affine, Einsum, Tensor, Workload
from costmodel.einsum.roles import Stationary, stationary_tensor
from costmodel.mapper.result import MapperResult, MappingPoint
from costmodel.model.evaluation import Evaluation
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Spatial, Storage, Temporal
from costmodel.spec.mapping import Sequence as SequenceNode

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture
from costmodel.spec.rules import names_in
from costmodel.spec.same import Same

KNOWN = 1024
"""Einsums whose keys are kept."""


def shared_names(architecture: Architecture, constraints: Iterable[str]) -> frozenset[str]:
    """Names that mean something to the architecture or to a constraint.

    Sets that a constraint does not spell out (``ranks of output``, a dataflow) follow from roles, from places of
    operands and from windows, which identical Einsums have alike. Raises SpecError where a constraint cannot be read.
    """
    words = {word for memory in architecture.memories for word in (*(memory.keep or ()), *memory.may_keep)}
    return frozenset(words) | names_in((*architecture.constraints, *constraints))


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of one Einsum in the order that makes identical Einsums comparable."""

    rank_variables: tuple[str, ...]
    tensors: tuple[str, ...]


def canonical(
    einsum: Einsum, architecture: Architecture, constraints: Sequence[str], kept_names: frozenset[str]
) -> tuple[str, Naming]:
    """Return a key that two Einsums share when they differ in names only, and the names in the key's order.

    ``kept_names`` are names that mean something elsewhere (in a constraint, in ``keep:``): they stay as they are. Names
    may also decide which operand a systolic array or a dataflow holds still, where roles do not.
    """
    held = any(array.systolic for array in architecture.arrays) or bool(architecture.constraints or constraints)
    return _canonical(Same(einsum), kept_names, held=held)


@lru_cache(maxsize=KNOWN)
def _canonical(same: Same[Einsum], kept_names: frozenset[str], *, held: bool) -> tuple[str, Naming]:
    einsum = same.value
    variables = tuple(einsum.shape)
    tensors: list[str] = []
    for access in (einsum.output, *einsum.inputs):
        if access.tensor not in tensors:
            tensors.append(access.tensor)
    variable_key = {v: v if v in kept_names else str(place) for place, v in enumerate(variables)}

    def index_key(index: Affine) -> object:
        return (tuple((variables.index(v), factor) for v, factor in index.terms), index.constant, index.table)

    def access_key(access: Access) -> object:
        at_zero = sorted(variables.index(v) for v in access.at_zero)
        return (tensors.index(access.tensor), tuple(index_key(index) for index in access.indices), tuple(at_zero))

    def tensor_key(place: int, tensor: Tensor) -> object:
        ranks = tuple(r if r in kept_names else "" for r in tensor.ranks)
        name = tensor.name if tensor.name in kept_names else str(place)
        return (name, ranks, tensor.shape, tensor.bits, tensor.role)

    key = (
        einsum.name if einsum.name in kept_names else "",
        tuple((variable_key[v], extent) for v, extent in einsum.shape.items()),
        access_key(einsum.output),
        tuple(access_key(access) for access in einsum.inputs),
        tuple(tensor_key(place, einsum.tensors[name]) for place, name in enumerate(tensors)),
        tuple((o.kind, o.per_point, tuple(sorted(map(variables.index, o.at_zero)))) for o in einsum.operations),
        tuple(tuple(sorted(map(variables.index, lacking))) for lacking in einsum.addends),
        tuple(tensors.index(stationary_tensor(einsum, what)) for what in get_args(Stationary)) if held else (),
    )
    return repr(key), Naming(variables, tuple(tensors))


def renamed_mapping(
    mapping: Mapping, from_to: dict[str, str], tensors: dict[str, str], einsum: str, workload: str | None
) -> Mapping:
    """Return the mapping in the names of another, identical Einsum."""

    def node(old: Node) -> Node:
        if isinstance(old, Storage):
            return Storage(tuple(tensors[t] for t in old.tensors), old.level)
        if isinstance(old, Temporal):
            return Temporal(from_to[old.rank_variable], old.tile)
        if isinstance(old, Spatial):
            return Spatial(from_to[old.rank_variable], old.tile, old.array, old.dimension)
        if isinstance(old, Compute):
            return Compute(einsum, old.unit)
        return SequenceNode(tuple(nest(branch) for branch in old.branches))

    def nest(nodes: Nest) -> Nest:
        return tuple(node(n) for n in nodes)

    return Mapping(nest(mapping.nest), arch=mapping.arch, workload=workload, einsum=einsum)


def renamed_evaluation(evaluation: Evaluation, tensors: dict[str, str], einsum: str, count: int = 1) -> Evaluation:
    """Return the evaluation of one Einsum in the names of another, identical one that runs ``count`` times."""
    (points,), (peak,) = evaluation.points.values(), evaluation.peak_by_einsum.values()
    return replace(
        evaluation,
        traffic_rows=tuple(replace(r, einsum=einsum, tensor=tensors[r.tensor]) for r in evaluation.traffic_rows),
        action_rows=tuple(
            replace(r, einsum=einsum, tensor=tensors.get(r.tensor, r.tensor)) for r in evaluation.action_rows
        ),
        latency_rows=tuple(replace(r, einsum=einsum) for r in evaluation.latency_rows),
        occupancy_rows=tuple(replace(r, einsum=einsum, tensor=tensors[r.tensor]) for r in evaluation.occupancy_rows),
        points={einsum: points},
        counts={einsum: count},
        capacity_bits_by_einsum={einsum: evaluation.capacity_bits},
        peak_by_einsum={einsum: peak},
    )


def renamed(result: MapperResult, source: Naming, own: Naming, einsum: str, workload: str) -> MapperResult:
    """Return the answer for one Einsum as that of another, identical one."""
    variables = dict(zip(source.rank_variables, own.rank_variables, strict=True))
    tensors = dict(zip(source.tensors, own.tensors, strict=True))
    front = tuple(
        MappingPoint(
            renamed_mapping(point.mapping, variables, tensors, einsum, workload),
            renamed_evaluation(point.evaluation, tensors, einsum),
        )
        for point in result.front
    )
    return replace(result, einsum=einsum, front=front)


@dataclass(frozen=True, slots=True)
class Member:
    """An Einsum of a workload, and the group of identical ones that it is in."""

    einsum: Einsum
    group: int
    """Groups are numbered by their first Einsum, their leader, which alone is searched."""
    naming: Naming


def grouped(workload: Workload, architecture: Architecture, constraints: Iterable[str] = ()) -> tuple[Member, ...]:
    """Sort the Einsums of a workload into groups of identical ones."""
    constraints = tuple(constraints)
    kept = shared_names(architecture, constraints)
    groups: dict[str, int] = {}
    members = []
    for einsum in workload.einsums:
        key, naming = canonical(einsum, architecture, constraints, kept)
        members.append(Member(einsum, groups.setdefault(key, len(groups)), naming))
    return tuple(members)


def leaders(members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the first Einsum of each group."""
    first: dict[int, Member] = {}
    for member in members:
        first.setdefault(member.group, member)
    return tuple(first.values())


def groups_of(workload: Workload, architecture: Architecture, constraints: Iterable[str] = ()) -> Iterator[list[str]]:
    """Names of the Einsums that share one search, in order of first appearance."""
    members = grouped(workload, architecture, constraints)
    for leader in leaders(members):
        yield [member.einsum.name for member in members if member.group == leader.group]
