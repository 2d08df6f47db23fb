"""What words say about tensors: a role or a name, and the tensor that is held still."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from costmodel.einsum.algebra import Einsum, Role, Tensor
from costmodel.einsum.operands import from_input_to_weight

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

    ``output``: the output. ``weight``: the tensor read that is a weight, of several (or of none) the one that is most
    like a weight. ``input``: the tensor read that is no weight, of several the one that is most like an input
    (``operands.py`` orders them, whatever the order of the text). What is read of the output is none of these: in
    ``RM[i+1, p] = max(RM[i, p], LM[i, p])`` the input is ``LM``. Tensors that are asked for at every point go before
    others, such as a bias. Where nothing else is read, the output.
    """
    output = einsum.output.tensor
    given = [a for a in einsum.inputs if a.tensor != output]
    everywhere = [a for a in given if not a.at_zero]
    tensors = from_input_to_weight(everywhere or given, einsum.output)
    if what == "output" or not tensors:
        return output
    weights = [name for name in tensors if einsum.tensors[name].role is Role.WEIGHT]
    if what == "weight":
        return (weights or tensors)[-1]
    return ([name for name in tensors if name not in weights] or tensors)[0]
