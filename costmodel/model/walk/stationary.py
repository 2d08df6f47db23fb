"""The tensor that a systolic array holds still: the rules of ``docs/counting.md``, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.einsum.algebra import Role

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Access, Einsum
    from costmodel.spec.hardware import Array


def stationary_tensor(einsum: Einsum, array: Array) -> str:
    """The tensor that a systolic array holds still."""
    given = [access for access in einsum.inputs if access.tensor != einsum.output.tensor]
    everywhere = [access for access in given if not access.at_zero]
    read = inputs_first(everywhere or given, einsum.output)
    weights = [tensor for tensor in read if einsum.tensors[tensor].role is Role.WEIGHT]
    if array.systolic == "output" or not read:
        return einsum.output.tensor
    if array.systolic == "weight":
        return [*read, *weights][-1]
    return [*(tensor for tensor in read if tensor not in weights), *read][0]


def inputs_first(given: list[Access], output: Access) -> list[str]:
    """The tensors that are read, those most like an input first: a sort for each rule of the page, the last first."""
    left = [v for index in output.indices for v in index.rank_variables]
    indices = {name: [i for a in given if a.tensor == name for i in a.indices] for name in {a.tensor for a in given}}
    uses = {name: {v for i in own for v in i.rank_variables} for name, own in indices.items()}
    apart = {v for own in uses.values() for v in own if any(v not in other for other in uses.values())}
    added = {name: [v for v in left if v in own & apart] for name, own in uses.items()}
    slide = {n: any({v in left for v in i.rank_variables} == {True, False} for i in indices[n]) for n in uses}
    found = sorted(uses)
    found.sort(key=lambda name: left.index(added[name][0]) if added[name] else -1)
    found.sort(key=lambda name: -len(added[name]))
    if len(found) == 2:
        found.sort(key=lambda name: bool(added[name]))
    found.sort(key=lambda name: name.startswith("W") or name.rstrip("0123456789") == "F")
    found.sort(key=lambda name: not slide[name])
    return found
