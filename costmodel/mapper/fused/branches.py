"""The branches of each Einsum of a workload, found once for all groups in which it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.front import Incumbents
from costmodel.mapper.fused.group import FusedGroup
from costmodel.mapper.fused.plan import Plan, Touched
from costmodel.mapper.lattice import Board, Branches, Branching, Cheapest, Space, UnsupportedError, build
from costmodel.mapper.result import InfeasibleError
from costmodel.model.patience import until
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import Objective
from costmodel.spec.rules import parse

WIDTH_OF_LEAST = 1_000
"""Labels of each stage of a search for what an Einsum pays at least."""


class NotFusedError(Exception):
    """An Einsum cannot be a branch of a fused nest, or not of one that is searched."""


@dataclass(frozen=True)
class EinsumPart:
    """An Einsum on one of the compute units that can run it."""

    einsum: Einsum
    space: Space

    @property
    def memory_names(self) -> list[str]:
        """Innermost first."""
        return [m.level.name for m in self.space.memories]

    def node(self, bit: int) -> tuple[str, str]:
        """Return (tensor, memory) of a storage node."""
        plan = next(n for n in self.space.nodes if n.bit == bit)
        return self.space.tensors[plan.tensor].name, self.memory_names[plan.memory]


@dataclass(frozen=True)
class Found:
    """The branches of an Einsum on one unit."""

    part: EinsumPart
    search: Branching
    branches: Branches


def parts(einsum: Einsum, architecture: Architecture, constraints: Sequence[str]) -> list[EinsumPart]:
    """Return an Einsum on each unit that runs it. Raises NotFusedError where its branches have no form."""
    if any(a.tensor == einsum.output.tensor for a in einsum.inputs):
        msg = "it reads its own output"
        raise NotFusedError(msg)
    found = []
    for part in parts_for(einsum, architecture):
        rules = parse((*architecture.constraints, *constraints), part, einsum)
        try:
            space = build(Allowed(einsum, part, rules))
        except UnsupportedError as why:
            raise NotFusedError(str(why)) from None
        except InfeasibleError:
            continue
        found.append(EinsumPart(einsum, space))
        if _limits_nests(space):
            msg = "a constraint is about its loops or tiles"
            raise NotFusedError(msg)
    if not found:
        msg = "nothing fits"
        raise NotFusedError(msg)
    return found


def touched(parts: Sequence[EinsumPart]) -> dict[str, Touched]:
    """Return what an Einsum touches of each of its tensors, on whichever unit."""
    plans = [(part.space.names, plan) for part in parts for plan in part.space.tensors]
    return {
        tensor.name: Touched(
            tensor.words,
            frozenset(names[v] for names, plan in plans if plan.name == tensor.name for v in plan.windowed),
        )
        for _, tensor in plans
    }


def _limits_nests(space: Space) -> bool:
    """Whether rules speak of the order of loops, of what is held still, or of tiles, which a shared part would have."""
    allowed = space.allowed
    if allowed.orders or allowed.still or allowed.wanted:
        return True
    return any(allowed.whole(place, tensor) for place, tensor, _ in allowed.below)


class Searcher:
    """The searches of the branches of one Einsum on one unit, for all groups in which it may be."""

    def __init__(self, part: EinsumPart, aim: Objective, plans: Sequence[Plan]) -> None:
        self.part = part
        space = part.space
        groups = [plan.group for plan in plans]
        self.board = Board(space, aim, elsewhere(groups, part))
        self.movable = sum(n.bit for n in space.nodes if any(part.node(n.bit) in plan.bit for plan in plans))
        self.shared = {tuple(space.names.index(v) for v in group.shared) for group in groups}

    def branches(self, incumbents: Incumbents, width: int, deadline: float | None) -> Found:
        """Find those that may be better than what is known. Raises OutOfTimeError."""
        search = Branching(self.board, incumbents, self.shared, self.movable, width, deadline=deadline)
        with until(deadline):
            return Found(self.part, search, search.branches())

    def least(self, aim: Objective, deadline: float | None) -> float:
        """Return a bound of one objective, of a branch with its part of what is shared. Raises OutOfTimeError."""
        search = Cheapest(self.board, Incumbents(aim), self.shared, self.movable, WIDTH_OF_LEAST, deadline=deadline)
        with until(deadline):
            return search.least()


def elsewhere(groups: Sequence[FusedGroup], part: EinsumPart) -> dict[int, float]:
    """Return the nodes that an Einsum need not pay for by itself, in one of its groups → its part of the energy.

    An output that stays in the group is not written to the outermost memory. What comes to an input that another Einsum
    of the group writes is of that one; else the Einsums that touch it have equal parts.
    """
    found = {}
    for node in part.space.nodes:
        tensor, _ = part.node(node.bit)
        if tensor == part.einsum.output.tensor:
            if any(tensor in g.internal for g in groups):
                found[node.bit] = 1.0
        elif any(g.writer(tensor) is not None for g in groups):
            found[node.bit] = 0.0
        elif (most := max(len(g.touching(tensor)) for g in groups)) > 1:
            found[node.bit] = 1.0 / most
    return found
