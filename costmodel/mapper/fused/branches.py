"""The branches of each Einsum of a workload, found once for all groups in which it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.fused.plan import Touched
from costmodel.mapper.lattice import Board, Branches, Branching, Space, UnsupportedError, build
from costmodel.mapper.result import InfeasibleError
from costmodel.model.patience import until
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import Objective
from costmodel.spec.rules import parse


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


def branches(
    part: EinsumPart, aim: Objective, shared: set[str], memories: Sequence[str], *, deadline: float | None
) -> Found:
    """Find the branches of an Einsum on one unit, whatever of its rank variables is shared.

    Nodes in ``memories`` may stand in the shared part. Raises OutOfTimeError.
    """
    space = part.space
    board = Board(space, aim)
    movable = sum(n.bit for n in space.nodes if space.memories[n.memory].level.name in memories)
    places = tuple(v for v, name in enumerate(space.names) if name in shared)
    search = Branching(board, places, movable, deadline=deadline)
    with until(deadline):
        return Found(part, search, search.branches())
