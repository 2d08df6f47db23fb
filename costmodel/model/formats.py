"""How words are stored: the only place that turns words into bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from costmodel.spec.hardware import ComputeUnit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from costmodel.einsum.algebra import Tensor
    from costmodel.spec.hardware import Level

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@overload
def stored_bits(tensor: Tensor, level: Level | None, words: int, *, sums: bool = False) -> int: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: float, *, sums: bool = False) -> float: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: Integers, *, sums: bool = False) -> Integers: ...
@overload
def stored_bits(tensor: Tensor, level: Level | None, words: Floats, *, sums: bool = False) -> Floats: ...
def stored_bits(
    tensor: Tensor, level: Level | None, words: float | Integers | Floats, *, sums: bool = False
) -> float | Integers | Floats:
    """Return the bits that words of a tensor take in a level, or on their way through its port.

    ``words`` is a number or an array of them. ``sums``: they are partial sums, which are as wide as the level says, and
    never narrower than what becomes of them. Without a level: the bits that the workload states.
    """
    own = partial_bits(level) if sums and level is not None else None
    return words * (tensor.bits if own is None else max(own, tensor.bits))


def moved_bits(tensor: Tensor, level: Level, words: int, finished: int, *, sums: bool) -> int:
    """Return the bits of words that move, of which some are finished; ``sums``: the others are partial sums."""
    return stored_bits(tensor, level, words - finished, sums=sums) + stored_bits(tensor, level, finished)


def partial_bits(level: Level) -> int | None:
    """Return the width that a level states for partial sums; null where they are as wide as what becomes of them."""
    return None if isinstance(level, ComputeUnit) else level.partial_bits
