"""Which Einsums may be fused, over which loops, and which storage they may share."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from costmodel.einsum.algebra import Access, Affine, Einsum, Tensor, Workload
from costmodel.einsum.roles import keeps
from costmodel.model.formats import stored_bits
from costmodel.model.motion import touched_words
from costmodel.spec.hardware import Architecture, Array, Memory

MOST = 8
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

    def told_apart(self, tensor: str) -> frozenset[str]:
        """Rank variables along which not all accesses to a tensor ask for the same part of it.

        Those of an index that is not the same in all of them, and those that have to be 0 for some alone.
        """
        accesses = [a for k in self.touching(tensor) for a in self.einsums[k].accesses_of(tensor)]
        ranks = [set(indices) for indices in zip(*(a.indices for a in accesses), strict=True)]
        differing = frozenset(v for indices in ranks if len(indices) > 1 for i in indices for v in i.rank_variables)
        asked = [a.at_zero for a in accesses]
        return differing | (frozenset[str]().union(*asked) - asked[0].intersection(*asked))

    @property
    def hangs_together(self) -> bool:
        """Whether the Einsums hang together by what they exchange."""
        return _one_piece([{p.name, c.name} for p, c, _ in self.exchanged], {e.name for e in self.einsums})

    def may_hold(self, memory: Memory, tensor: str) -> bool:
        """Whether a memory may hold a tensor for all Einsums that touch it."""
        mine = (self.einsums[k] for k in self.touching(tensor))
        return all(may_hold(memory, einsum.tensors[tensor], einsum) for einsum in mine)

    def whole(self, tensor: str) -> bool:
        """Whether each Einsum that touches a tensor touches all of it."""
        return all(touched_words(self.einsums[k], tensor) == self.size(tensor) for k in self.touching(tensor))

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
            if hindrance(group, counts) is None:
                yield group


def hindrance(group: FusedGroup, counts: Sequence[int]) -> str | None:
    """Say why Einsums are no group, as far as the workload tells; null where they are one."""
    first, stop = group.run
    if len(set(counts[first:stop])) > 1:
        return "they do not run equally often"
    if not _one_of_each_name(group):
        return "a name means several tensors, or several write one"
    if not _connected(group):
        return "they have no tensor in common"
    if not _in_order(group):
        return "one stands before what it reads"
    return None


def lacks_memory(group: FusedGroup, memories: Sequence[Memory]) -> str | None:
    """Say why the Einsums of a group cannot gain by sharing loops; null where there is a memory for what they share."""
    common = [tensor for tensor in group.tensors if len(group.touching(tensor)) > 1]
    if not any(group.may_hold(memory, tensor) for tensor in common for memory in memories):
        return "no memory outside of the arrays may hold what they have in common"
    return None


def in_groups(workload: Workload, architecture: Architecture) -> frozenset[str]:
    """Return the Einsums that are in some group, as far as the workload and the memories tell."""
    return frozenset(e.name for group in _all_groups(workload, shared_memories(architecture)) for e in group.einsums)


def _all_groups(workload: Workload, memories: Sequence[Memory]) -> Iterator[FusedGroup]:
    """Yield the groups that may gain where every Einsum can be a branch."""
    if memories:
        counts, names = [e.count for e in workload.einsums], {e.name for e in workload.einsums}
        yield from (g for g in groups(workload, names, counts) if lacks_memory(g, memories) is None)


def could_stay(workload: Workload, architecture: Architecture) -> tuple[str, ...]:
    """Return the tensors that fused nests could keep on chip: what one step makes of each has room in some memory."""
    return tuple(dict.fromkeys(_staying(workload, architecture)))


def some_could_stay(workload: Workload, architecture: Architecture) -> bool:
    """Whether fused nests could keep some tensor on chip."""
    return any(True for _ in _staying(workload, architecture))


def _staying(workload: Workload, architecture: Architecture) -> Iterator[str]:
    """Yield what could stay on chip in some group, as often as in groups."""
    memories = shared_memories(architecture)
    rooms = [(m, m.usable_bits) for m in memories]
    for group in _all_groups(workload, memories):
        for tensor in dict.fromkeys(access.tensor for _, _, access in group.exchanged):
            able = (m for m, room in rooms if room is None or step_bits(group, tensor, m) <= room)
            if tensor in group.internal and group.whole(tensor) and any(group.may_hold(m, tensor) for m in able):
                yield tensor


def may_hold(memory: Memory, tensor: Tensor, einsum: Einsum) -> bool:
    """Whether a memory keeps a tensor, or may."""
    stated = None if memory.keep is None and not memory.may_keep else (*(memory.keep or ()), *memory.may_keep)
    return stated is None or keeps(stated, tensor, einsum)


def step_bits(group: FusedGroup, tensor: str, memory: Memory, whole_along: Collection[str] = ()) -> float:
    """Return a bound of the room for a tensor that stays: what one step of all shared loops that part it touches of it.

    ``whole_along``: rank variables along which no loop may part it, besides those along which it is told apart.
    """
    whole = group.einsums[group.owner(tensor)].tensors[tensor]
    shape, parting = group.einsums[0].shape, group.indexed(tensor) - group.told_apart(tensor) - set(whole_along)
    steps = math.prod(shape[v] for v in group.shared if v in parting)
    return stored_bits(whole, memory, whole.size_words) / steps


def lacks_room(group: FusedGroup, tensor: str, memories: Sequence[Memory]) -> list[str]:
    """Say which room a tensor would need to stay in each memory that may hold it; nothing where one has it."""
    able = [m for m in memories if group.may_hold(m, tensor)]
    need = {m: step_bits(group, tensor, m) for m in able}
    if any(m.usable_bits is None or need[m] <= m.usable_bits for m in able):
        return []
    if not able:
        return [f"no memory outside of the arrays may hold {tensor} for all of them"]
    return [
        f"{tensor} takes at least {_kib(need[m])} of {m.name}, {_kib(need[m] - m.usable_bits)} more than there are"
        for m in able
        if m.usable_bits is not None
    ]


def _kib(bits: float) -> str:
    return f"{bits / 8192:,.4g} KiB"


def _one_of_each_name(group: FusedGroup) -> bool:
    """Whether a name means one tensor, that one Einsum writes at most.

    The layers of a network name their tensors alike, and several Einsums may write parts of one tensor.
    """
    written = [e.output.tensor for e in group.einsums]
    tensors = {(name, tensor) for e in group.einsums for name, tensor in e.tensors.items()}
    return len(set(written)) == len(written) and len(tensors) == len(group.tensors)


def _connected(group: FusedGroup) -> bool:
    """Whether the Einsums hang together by tensors that they touch."""
    sharing = [{group.einsums[k].name for k in group.touching(tensor)} for tensor in group.tensors]
    return _one_piece(sharing, {e.name for e in group.einsums})


def _one_piece(together: Sequence[set[str]], names: set[str]) -> bool:
    """Whether sets of names that overlap join into one of all."""
    known, left = set(next(iter(together), ())), list(together)
    while near := [one for one in left if known & one]:
        known = known.union(*near)
        left = [one for one in left if one not in near]
    return known == names


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
