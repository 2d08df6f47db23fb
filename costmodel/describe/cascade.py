"""A whole workload: what it holds by role, and which Einsums need which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from costmodel.describe.facts import EinsumFacts, einsum_facts
from costmodel.einsum.algebra import Einsum, Role, Tensor, Workload
from costmodel.model.formats import stored_bits
from costmodel.spec.nonzeros import Nonzeros


@dataclass(frozen=True, slots=True)
class RoleTotal:
    """All tensors of one role; those of identical layers count as often as the layer."""

    role: Role
    tensors: int
    words: int
    size_bits: int


@dataclass(frozen=True, slots=True)
class Need:
    """One Einsum reads what another writes."""

    writer: str
    reader: str
    tensor: str
    words: int
    is_iterative: bool
    """Whether the reader comes no later than the writer: it reads what an earlier step wrote."""


@dataclass(frozen=True, slots=True)
class DependenceNode:
    """One Einsum in the graph of who needs whom."""

    einsum: str
    stage: int
    """Einsums of one stage need nothing of each other; each waits for stages before its own alone. From 1."""
    static: tuple[str, ...]
    """Tensors read that stay the same from input to input."""
    dynamic: tuple[str, ...]
    """Tensors read that change with the input."""
    writes: str


@dataclass(frozen=True, slots=True)
class DependenceGraph:
    """Who needs whom."""

    nodes: tuple[DependenceNode, ...]
    """In the order of the file."""
    needs: tuple[Need, ...]

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Names by stage."""
        last = max((node.stage for node in self.nodes), default=0)
        return tuple(tuple(n.einsum for n in self.nodes if n.stage == stage) for stage in range(1, last + 1))


@dataclass(frozen=True, slots=True)
class Description:
    """A workload before any hardware."""

    einsums: tuple[EinsumFacts, ...]
    roles: tuple[RoleTotal, ...]
    graph: DependenceGraph
    nonzero_words: Mapping[str, float]
    """Of the tensors of which something is said; whole where coordinates are."""


def describe(workload: Workload, nonzeros: Nonzeros | None = None) -> Description:
    """Gather all that a workload says of itself."""
    nonzeros = nonzeros or Nonzeros()
    words = {
        name: found
        for einsum in workload.einsums
        for name, tensor in einsum.tensors.items()
        if (found := nonzeros.words(name, tensor.size_words)) is not None
    }
    return Description(
        einsums=tuple(einsum_facts(einsum, nonzeros) for einsum in workload.einsums),
        roles=role_totals(workload),
        graph=dependence(workload),
        nonzero_words=words,
    )


def role_totals(workload: Workload) -> tuple[RoleTotal, ...]:
    """Words and bits by role, in the order of ``Role``; roles without a tensor are left out."""
    times: dict[Tensor, int] = {}
    for einsum in workload.einsums:
        for tensor in einsum.tensors.values():
            times[tensor] = max(times.get(tensor, 0), einsum.count)
    found = []
    for role in Role:
        own = {tensor: n for tensor, n in times.items() if tensor.role is role}
        if own:
            words = sum(tensor.size_words * n for tensor, n in own.items())
            bits = sum(stored_bits(tensor, None, tensor.size_words) * n for tensor, n in own.items())
            found.append(RoleTotal(role, sum(own.values()), words, bits))
    return tuple(found)


def dependence(workload: Workload) -> DependenceGraph:
    """Find who needs whom, and the earliest stage of each Einsum."""
    einsums = workload.einsums
    needs = [need for place, einsum in enumerate(einsums) for need in _needs(place, einsum, einsums)]
    stages: dict[str, int] = {}
    for einsum in einsums:
        before = [stages[n.writer] for n in needs if n.reader == einsum.name and not n.is_iterative]
        stages[einsum.name] = 1 + max(before, default=0)
    return DependenceGraph(tuple(_node(einsum, stages[einsum.name]) for einsum in einsums), tuple(needs))


def _needs(place: int, reader: Einsum, einsums: Sequence[Einsum]) -> list[Need]:
    found = []
    for name in dict.fromkeys(access.tensor for access in reader.inputs):
        tensor = reader.tensors[name]
        for at, writer in enumerate(einsums):
            if writer.output.tensor == name and writer.tensors[name] == tensor:
                found.append(Need(writer.name, reader.name, name, tensor.size_words, at >= place))
    return found


def _node(einsum: Einsum, stage: int) -> DependenceNode:
    read = dict.fromkeys(access.tensor for access in einsum.inputs)
    static = tuple(name for name in read if einsum.tensors[name].role is Role.WEIGHT)
    return DependenceNode(
        einsum.name, stage, static, tuple(name for name in read if name not in static), einsum.output.tensor
    )
