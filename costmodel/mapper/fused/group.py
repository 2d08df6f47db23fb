"""Which Einsums may be fused, over which loops, and which storage they may share."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from costmodel.einsum.algebra import Access, Affine, Einsum, Workload
from costmodel.spec.hardware import Architecture, Array, Memory

MOST = 6
"""Einsums of a group."""


@dataclass(frozen=True, eq=False)
class FusedGroup:
    """A run of neighbouring Einsums of a workload, one branch each."""

    workload: Workload
    first: int
    """Place of the first one among the Einsums of the workload."""
    einsums: tuple[Einsum, ...]

    @property
    def run(self) -> tuple[int, int]:
        """Place of the first Einsum, and the one behind the last."""
        return self.first, self.first + len(self.einsums)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """In the order in which the branches touch them."""
        return tuple(dict.fromkeys(t for e in self.einsums for t in e.tensors))

    def touching(self, tensor: str) -> tuple[int, ...]:
        """Places in the group of the Einsums that touch a tensor."""
        return tuple(k for k, e in enumerate(self.einsums) if tensor in e.tensors)

    def writer(self, tensor: str) -> int | None:
        """Place in the group of the Einsum that writes a tensor."""
        return next((k for k, e in enumerate(self.einsums) if e.output.tensor == tensor), None)

    def owner(self, tensor: str) -> int:
        """Place in the group of the Einsum to which shared storage of a tensor belongs."""
        writer = self.writer(tensor)
        return self.touching(tensor)[0] if writer is None else writer

    @cached_property
    def internal(self) -> frozenset[str]:
        """Tensors that are written and read in the group and touched nowhere else: no other memory has to have them."""
        outside = {t for e in self.workload.einsums if e not in self.einsums for t in e.tensors}
        return frozenset(e.output.tensor for e, _, _ in self.exchanged) - outside

    @cached_property
    def exchanged(self) -> tuple[tuple[Einsum, Einsum, Access], ...]:
        """(producer, consumer, access) of whatever one Einsum of the group writes and another reads."""
        return tuple(
            (producer, consumer, access)
            for producer in self.einsums
            for consumer in self.einsums
            if consumer is not producer
            for access in consumer.inputs
            if access.tensor == producer.output.tensor
        )

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Rank variables over which shared loops may run.

        All Einsums have them; what is exchanged has them as a rank each, alike where it is written and where it is
        read, so that it is finished where it is read.
        """
        first = self.einsums[0]
        common = [v for v, n in first.shape.items() if n > 1 and all(e.shape.get(v) == n for e in self.einsums)]
        return tuple(v for v in common if all(_in_step(v, p.output, a) for p, _, a in self.exchanged))

    def indexed(self, tensor: str) -> frozenset[str]:
        """Rank variables that index a tensor, in some Einsum."""
        accesses = (a for k in self.touching(tensor) for a in self.einsums[k].accesses_of(tensor))
        return frozenset[str]().union(*(a.rank_variables for a in accesses))

    def asked_where_zero(self, tensor: str) -> frozenset[str]:
        """Rank variables that have to be 0 where a tensor is asked for: its term of a sum lacks them."""
        accesses = (a for k in self.touching(tensor) for a in self.einsums[k].accesses_of(tensor))
        return frozenset[str]().union(*(a.at_zero for a in accesses))

    def alike(self, tensor: str) -> bool:
        """Whether all accesses to a tensor have the same indices, wherever a shared rank variable is among them."""
        accesses = [a for k in self.touching(tensor) for a in self.einsums[k].accesses_of(tensor)]
        shared = set(self.shared)
        ways = {tuple(i if shared & set(i.rank_variables) else None for i in a.indices) for a in accesses}
        asked = {a.at_zero & shared for a in accesses}
        return len(ways) == 1 and len(asked) == 1

    def size(self, tensor: str) -> int:
        """Words of a tensor."""
        return self.einsums[self.owner(tensor)].tensors[tensor].size_words


def _in_step(v: str, written: Access, read: Access) -> bool:
    """Whether a rank variable is a rank of its own of what is written, and the same of what is read."""
    ranks = [(w, r) for w, r in zip(written.indices, read.indices, strict=True) if _has(w, v) or _has(r, v)]
    return (
        len(ranks) == 1
        and all(i.terms == ((v, 1),) and not i.table for i in ranks[0])
        and (ranks[0][0].constant == ranks[0][1].constant)
    )


def _has(index: Affine, v: str) -> bool:
    return v in index.rank_variables


def groups(workload: Workload, able: Container[str], counts: Sequence[int]) -> Iterator[FusedGroup]:
    """Yield the groups of two to ``MOST`` Einsums that may share loops, those that share no tensor left out.

    ``able``: Einsums that can be a branch; ``counts``: how often each runs.
    """
    for first in range(len(workload.einsums)):
        for stop in range(first + 2, min(first + MOST, len(workload.einsums)) + 1):
            group = FusedGroup(workload, first, workload.einsums[first:stop])
            if not all(e.name in able for e in group.einsums) or not _one_of_each_name(group):
                break
            if len(set(counts[first:stop])) == 1 and _connected(group) and _in_order(group) and group.shared:
                yield group


def in_groups(workload: Workload, architecture: Architecture) -> frozenset[str]:
    """Return the Einsums that are in some group, as far as the workload and the memories tell."""
    if not shared_memories(architecture):
        return frozenset()
    counts, names = [e.count for e in workload.einsums], {e.name for e in workload.einsums}
    once = replace(workload, einsums=tuple(replace(e, count=1) for e in workload.einsums))
    return frozenset(e.name for group in groups(once, names, counts) for e in group.einsums)


def _one_of_each_name(group: FusedGroup) -> bool:
    """Whether a name means one tensor, that one Einsum writes at most.

    The layers of a network name their tensors alike, and several Einsums may write parts of one tensor.
    """
    written = [e.output.tensor for e in group.einsums]
    tensors = {(name, tensor) for e in group.einsums for name, tensor in e.tensors.items()}
    return len(set(written)) == len(written) and len(tensors) == len(group.tensors)


def _connected(group: FusedGroup) -> bool:
    """Whether the Einsums hang together by tensors that they touch."""
    known, left = set(group.einsums[0].tensors), list(group.einsums[1:])
    while near := [e for e in left if known & set(e.tensors)]:
        known.update(*(e.tensors for e in near))
        left = [e for e in left if e not in near]
    return not left


def _in_order(group: FusedGroup) -> bool:
    """Whether every Einsum stands behind those whose output it reads."""
    return all(group.einsums.index(p) < group.einsums.index(c) for p, c, _ in group.exchanged)


def shared_memories(architecture: Architecture) -> tuple[Memory, ...]:
    """Return the memories that may hold tiles above a sequence, outermost first: those outside of every array."""
    found: list[Memory] = []
    for level in architecture.levels[1:]:
        if isinstance(level, Array):
            break
        if isinstance(level, Memory):
            found.append(level)
    return tuple(found)
