"""What may be held where: by the architecture, once rules have spoken."""

from __future__ import annotations

from collections.abc import Mapping

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import keeps
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Memory
from costmodel.spec.rules import Rules
from costmodel.spec.rules.holding import Held, held


def holding(einsum: Einsum, memories: Mapping[int, Memory], rules: Rules) -> dict[tuple[int, str], Held]:
    """Return, for each memory (by its place among the levels) and tensor, whether it is held there.

    The outermost memory (place 0) holds every tensor.

    Raises InfeasibleError if a rule asks a memory to keep what it cannot, to pass by what it must keep, or what another
    rule forbids.
    """
    return {
        (place, tensor): _held(einsum, memory, tensor, rules) if place else "yes"
        for place, memory in memories.items()
        for tensor in einsum.tensors
    }


def _held(einsum: Einsum, memory: Memory, tensor: str, rules: Rules) -> Held:
    answer = held(memory, einsum, tensor)
    stated = memory.keep is not None and keeps(memory.keep, einsum.tensors[tensor], einsum)
    wishes = {rule: wish for rule in rules.said if (wish := rule.holds(memory.name, tensor, einsum)) is not None}
    for rule, wish in wishes.items():
        if (wish and answer == "no") or (stated and not wish) or wish is not next(iter(wishes.values())):
            raise InfeasibleError(einsum.name, [(str(rule), 1)], None, proven=True, mapspace=0)
    return ("yes" if all(wishes.values()) else "no") if wishes else answer
