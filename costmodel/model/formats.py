"""How words are stored: the only place that turns words into bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from costmodel.einsum.algebra import Tensor
    from costmodel.spec.hardware import Level

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@overload
def stored_bits(tensor: Tensor, level: Level | None, words: int) -> int: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: float) -> float: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: Integers) -> Integers: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: Floats) -> Floats: ...
def stored_bits(
    tensor: Tensor,
    level: Level | None,  # noqa: ARG001  every level stores a word alike so far
    words: float | Integers | Floats,
) -> float | Integers | Floats:
    """Return the bits that words of a tensor take in a level, or on their way through its port.

    ``words`` is a number or an array of them. Without a level: the bits that the workload states.
    """
    return words * tensor.bits
