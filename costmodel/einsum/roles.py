"""What words say about tensors: a role or a name, and the tensor that is held still."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from costmodel.einsum.algebra import Einsum, Role, Tensor

Stationary = Literal["output", "weight", "input"]


def keeps(names: Iterable[str], tensor: Tensor, einsum: Einsum) -> bool:
    """Whether a ``keep`` list (roles or names) covers a tensor of an Einsum."""
    words = set(names)
    if tensor.name in words or tensor.role in words:
        return True
    if tensor.role is Role.WEIGHT:
        return False
    written = einsum.output.tensor == tensor.name
    return ("output" in words and written) or ("input" in words and any(a.tensor == tensor.name for a in einsum.inputs))


def stationary_tensor(einsum: Einsum, what: Stationary) -> str:
    """Return the tensor that a dataflow or a systolic array holds still.

    ``output``: the output. ``weight``: the last tensor read that is a weight, else the last one. ``input``: the first
    tensor read that is no weight, else the first one. What is read of the output is none of these: in
    ``RM[i+1, p] = max(RM[i, p], LM[i, p])`` the input is ``LM``. Tensors that are asked for at every point go before
    others, such as a bias. Where nothing else is read, the output.
    """
    output = einsum.output.tensor
    given = [a for a in einsum.inputs if a.tensor != output]
    everywhere = [a for a in given if not a.at_zero]
    tensors = list(dict.fromkeys(a.tensor for a in everywhere or given))
    if what == "output" or not tensors:
        return output
    weights = [name for name in tensors if einsum.tensors[name].role is Role.WEIGHT]
    if what == "weight":
        return (weights or tensors)[-1]
    return ([name for name in tensors if name not in weights] or tensors)[0]
