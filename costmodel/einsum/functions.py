"""Functions that an Einsum may apply to values: each is a kind of operation, with a price and a rate of its own.

A further kind is a further line here: the notation reads it, the engines apply it, architectures price it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """One function of values."""

    apply: Callable[..., Any]
    """From NumPy, which is loaded where values are computed, and numbers or arrays, by the rules of IEEE 754."""
    least: int = 1
    """Fewest arguments."""
    most: int = 1
    whole: bool = False
    """Whether integers stay integers."""


def _fold(name: str) -> Callable[..., Any]:
    """Two or more arguments folded by a function of two."""

    def apply(np: ModuleType, first: Any, *others: Any) -> Any:
        for other in others:
            first = getattr(np, name)(first, other)
        return first

    return apply


def _sigmoid(np: ModuleType, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _erf(np: ModuleType, x: Any) -> Any:
    return np.float64(np.frompyfunc(math.erf, 1, 1)(x))


FUNCTIONS: Mapping[str, Function] = {
    "max": Function(_fold("maximum"), 2, 16, whole=True),
    "min": Function(_fold("minimum"), 2, 16, whole=True),
    "exp": Function(lambda np, x: np.exp(x)),
    "log": Function(lambda np, x: np.log(x)),
    "sqrt": Function(lambda np, x: np.sqrt(x)),
    "rsqrt": Function(lambda np, x: 1 / np.sqrt(x)),
    "sigmoid": Function(_sigmoid),
    "tanh": Function(lambda np, x: np.tanh(x)),
    "relu": Function(lambda np, x: np.maximum(x, 0), whole=True),
    "gelu": Function(lambda np, x: x * (1 + _erf(np, x / np.sqrt(2.0))) / 2),
    "silu": Function(lambda np, x: x / (1 + np.exp(-x))),
    "erf": Function(_erf),
    "sin": Function(lambda np, x: np.sin(x)),
    "cos": Function(lambda np, x: np.cos(x)),
    "abs": Function(lambda np, x: np.abs(x), whole=True),
    "pow": Function(lambda np, x, y: np.float_power(x, y), 2, 2),
    "square": Function(lambda _, x: x * x, whole=True),
}
"""By name, as notation and prices say it."""

KINDS = ("mac", "mul", "add", "div", "copy", *FUNCTIONS)
"""Kinds of operations: those of operators, and one for each function."""
