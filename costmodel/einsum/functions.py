"""Functions that an Einsum may apply to values: each is a kind of operation, with a price and a rate of its own.

A further kind is a further line here: the notation reads it, the executor applies it, architectures price it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """One function of values."""

    apply: Callable[..., Any]
    least: int = 1
    """Fewest arguments."""
    most: int = 1
    whole: bool = False
    """Whether integers stay integers."""


FUNCTIONS: Mapping[str, Function] = {
    "max": Function(max, 2, 16, whole=True),
    "min": Function(min, 2, 16, whole=True),
    "exp": Function(math.exp),
    "log": Function(math.log),
    "sqrt": Function(math.sqrt),
    "rsqrt": Function(lambda x: 1 / math.sqrt(x)),
    "sigmoid": Function(lambda x: 1 / (1 + math.exp(-x))),
    "tanh": Function(math.tanh),
    "relu": Function(lambda x: max(x, 0), whole=True),
    "gelu": Function(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "silu": Function(lambda x: x / (1 + math.exp(-x))),
    "erf": Function(math.erf),
    "sin": Function(math.sin),
    "cos": Function(math.cos),
    "abs": Function(abs, whole=True),
    "pow": Function(pow, 2, 2),
    "square": Function(lambda x: x * x, whole=True),
}
"""By name, as notation and prices say it."""

KINDS = ("mac", "mul", "add", "div", "copy", *FUNCTIONS)
"""Kinds of operations: those of operators, and one for each function."""
