"""Functions that an Einsum may apply to values: each is a kind of operation, with a price and a rate of its own.

A further kind is a further line here: the notation reads it, the engines apply it, architectures price it, programs
that are written out say it.
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
    python: str = ""
    """The same in Python, of its arguments as texts; of any number, what it makes of two. Einsums have no others."""
    c: str = ""
    """The same in C, of doubles, where that is not what Python says without ``math.``."""


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
    "max": Function(_fold("maximum"), 2, 16, whole=True, python="max({0}, {1})", c="fmax({0}, {1})"),
    "min": Function(_fold("minimum"), 2, 16, whole=True, python="min({0}, {1})", c="fmin({0}, {1})"),
    "exp": Function(lambda np, x: np.exp(x), python="math.exp({0})"),
    "log": Function(lambda np, x: np.log(x), python="math.log({0})"),
    "sqrt": Function(lambda np, x: np.sqrt(x), python="math.sqrt({0})"),
    "rsqrt": Function(lambda np, x: 1 / np.sqrt(x), python="1 / math.sqrt({0})"),
    "sigmoid": Function(_sigmoid, python="1 / (1 + math.exp(-({0})))"),
    "tanh": Function(lambda np, x: np.tanh(x), python="math.tanh({0})"),
    "relu": Function(lambda np, x: np.maximum(x, 0), whole=True, python="max({0}, 0)", c="fmax({0}, 0)"),
    "gelu": Function(
        lambda np, x: x * (1 + _erf(np, x / np.sqrt(2.0))) / 2,
        python="({0}) * (1 + math.erf(({0}) / math.sqrt(2))) / 2",
    ),
    "silu": Function(lambda np, x: x / (1 + np.exp(-x)), python="({0}) / (1 + math.exp(-({0})))"),
    "erf": Function(_erf, python="math.erf({0})"),
    "sin": Function(lambda np, x: np.sin(x), python="math.sin({0})"),
    "cos": Function(lambda np, x: np.cos(x), python="math.cos({0})"),
    "abs": Function(lambda np, x: np.abs(x), whole=True, python="abs({0})", c="fabs({0})"),
    "pow": Function(lambda np, x, y: np.float_power(x, y), 2, 2, python="pow({0}, {1})"),
    "sign": Function(lambda np, x: np.sign(x), whole=True, python="(({0}) > 0) - (({0}) < 0)"),
    "floor": Function(lambda np, x: np.floor(x), whole=True, python="math.floor({0})"),
    "ceil": Function(lambda np, x: np.ceil(x), whole=True, python="math.ceil({0})"),
    "round": Function(lambda np, x: np.round(x), whole=True, python="round({0})", c="rint({0})"),
    "less": Function(
        lambda np, x, y: 1 * np.less(x, y), 2, 2, whole=True, python="1 * (({0}) < ({1}))", c="(({0}) < ({1}))"
    ),
    "equal": Function(
        lambda np, x, y: 1 * np.equal(x, y), 2, 2, whole=True, python="1 * (({0}) == ({1}))", c="(({0}) == ({1}))"
    ),
    "where": Function(
        lambda np, test, x, y: np.where(np.not_equal(test, 0), x, y)[()],
        3,
        3,
        whole=True,
        python="(({1}) if {0} else ({2}))",
        c="(({0}) != 0 ? ({1}) : ({2}))",
    ),
    "square": Function(lambda _, x: x * x, whole=True, python="({0}) * ({0})"),
}
"""By name, as notation and prices say it."""

KINDS = ("mac", "mul", "add", "div", "copy", *FUNCTIONS)
"""Kinds of operations: those of operators, and one for each function."""
