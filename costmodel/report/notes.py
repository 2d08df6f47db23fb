"""What has to be said beside a result, since no reader would suspect it: guessed roles, stale prices, unknown names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from costmodel.einsum.algebra import Role
from costmodel.einsum.roles import keeps
from costmodel.model.meters import leakage_w, port_energy
from costmodel.report.human import some
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.problems import did_you_mean

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum, Tensor, Workload
    from costmodel.spec.hardware import Architecture, Level

TENSORS = 5
"""So many of a note are named."""
_ROLES = tuple(role.value for role in Role)
_ROLE_WORDS = {Role.WEIGHT.value, Role.INPUT.value}


def role_notes(workload: Workload, architecture: Architecture, sentences: Sequence[str] = ()) -> list[str]:
    """Name the tensors whose role is guessed where a weight and an input are treated differently.

    ``sentences`` are constraints besides those of the architecture.
    """
    by_rule = any(
        _ROLE_WORDS & set(re.findall("[a-z]+", sentence)) for sentence in (*architecture.constraints, *sentences)
    ) or any(array.systolic in _ROLE_WORDS for array in architecture.arrays)
    found: dict[str, None] = {}
    for einsum in workload.einsums:
        for tensor in einsum.tensors.values():
            if tensor.guessed and (by_rule or _held_by_role(tensor, einsum, architecture)):
                found[f"{tensor.name} ({tensor.role})"] = None
    if not found:
        return []
    what = f"roles are guessed, and {architecture.name} (or a constraint) tells inputs from weights"
    return [f"{what}: {some(list(found), TENSORS)}; `weights:` in the workload says which tensors are weights"]


def keep_notes(workloads: Sequence[Workload], architecture: Architecture) -> list[str]:
    """Name what a memory says that it keeps, and what is neither a role nor a tensor of any of the workloads.

    It is no error: a machine may name tensors of several workloads, each of which has some of them.
    """
    tensors = dict.fromkeys(name for w in workloads for einsum in w.einsums for name in einsum.tensors)
    found = []
    for memory in architecture.memories:
        for key, names in (("keep", memory.keep or ()), ("may_keep", memory.may_keep)):
            unknown = [name for name in names if name not in tensors and name not in _ROLES]
            if unknown:
                near = did_you_mean(unknown[0], list(tensors))
                hint = near if near.startswith("did you mean") else f"its tensors: {some(list(tensors), TENSORS)}"
                of = " + ".join(dict.fromkeys(w.name for w in workloads))
                found.append(
                    f"{memory.name}: `{key}` names {some(unknown, TENSORS)}, no role and no tensor of {of} ({hint})"
                )
    return found


def price_notes(stated: Architecture, changed: Architecture) -> list[str]:
    """Name the levels whose size is not the stated one while their prices still are."""
    before = {level.name: level for level in stated.levels}
    found = []
    for level in changed.levels:
        earlier = before.get(level.name)
        if earlier is None or level == changed.memories[0] or _size(level) == _size(earlier):
            continue
        kept = [name for name, prices in _prices(level).items() if any(prices) and prices == _prices(earlier).get(name)]
        if kept:
            found.append(
                f"{level.name} has another size than in the file of {stated.name}, and the same {' and '.join(kept)}: "
                f"prices that are stated do not follow sizes; set them too (--set {level.name}.{kept[0]}=…), or "
                "have them follow by `component:` in the file"
            )
    return found


def _held_by_role(tensor: Tensor, einsum: Einsum, architecture: Architecture) -> bool:
    """Whether some memory would hold the tensor, or pass it by, had it the other role."""
    other = replace(tensor, role=Role.INPUT if tensor.role is Role.WEIGHT else Role.WEIGHT)
    lists = [names for m in architecture.memories for names in (m.keep, m.may_keep) if names is not None]
    return any(keeps(names, tensor, einsum) != keeps(names, other, einsum) for names in lists)


def _size(level: Level) -> object:
    return level.capacity_bits if isinstance(level, Memory) else level.shape if isinstance(level, Array) else None


def _prices(level: Level) -> dict[str, tuple[object, ...]]:
    """What a level costs that depends on its size, by key of the file."""
    prices: dict[str, tuple[object, ...]] = {"area": (level.area_mm2,), "leakage": (leakage_w(level),)}
    return {"energy": tuple(m.price for m in port_energy(level))} | prices if isinstance(level, Memory) else prices
