"""Formulas of ranks: ``(H + 2*PAD - R) / U + 1``. They are computed exactly, and what is no whole number says why.

The grammar is that of ``einsum/arithmetic.py`` with the functions ``floor``, ``ceil``, ``max`` and ``min``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache

from costmodel.einsum.arithmetic import ArithmeticReader
from costmodel.einsum.functions import Function
from costmodel.einsum.syntax import Binary, Call, Constant, Expression, Negative, Number, changed, compact, nodes

FUNCTIONS: Mapping[str, Function] = {
    "floor": Function(math.floor, whole=True),
    "ceil": Function(math.ceil, whole=True),
    "max": Function(max, 2, 16, whole=True),
    "min": Function(min, 2, 16, whole=True),
}
"""What a formula may use beside ``+ - * /``."""
MAX_CHARACTERS = 200


@lru_cache(maxsize=4096)
def formula(text: str) -> Expression:
    """Read a formula.

    >>> compact(formula("( H+2*PAD-R )/U + 1"))
    '(H + 2*PAD - R) / U + 1'

    Raises NotationError, which shows the place.
    """
    reader = ArithmeticReader(text[: MAX_CHARACTERS + 1], FUNCTIONS)
    if len(text) > MAX_CHARACTERS:
        raise reader.error(f"a formula of more than {MAX_CHARACTERS} characters", "name its parts", reader.tokens[-1])
    if "//" in text:
        at = next(token for token in reader.tokens if token.offset == text.index("//"))
        raise reader.error("'//' is no operator", "a division that is rounded down is floor(a / b)", at)
    found = reader.expression()
    if not reader.ended:
        hint = "a power is written out: H*H" if reader.at("^", "**") else ""
        raise reader.error(f"expected an operator or the end, found {reader.next}", hint)
    return found


def names(expression: Expression) -> tuple[str, ...]:
    """Ranks and constants of a formula, each once, in order."""
    return tuple(dict.fromkeys(node.name for node in nodes(expression) if isinstance(node, Constant)))


def value(expression: Expression, values: Mapping[str, int]) -> Fraction:
    """Compute a formula; KeyError names what has no value, ZeroDivisionError says that it divides by 0."""
    match expression:
        case Number(number):
            return Fraction(number)
        case Constant(name):
            return Fraction(values[name])
        case Negative(inner):
            return -value(inner, values)
        case Call(function, arguments):
            return Fraction(FUNCTIONS[function].apply(*(value(argument, values) for argument in arguments)))
        case Binary(operator, left, right):
            return _OPERATORS[operator](value(left, values), value(right, values))
        case _:
            raise TypeError(f"{expression} is no part of a formula")


_OPERATORS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
}


def with_values(expression: Expression, values: Mapping[str, int]) -> str:
    """A formula with the values of its names: ``(224 + 2*3 - 7) / 2 + 1``."""
    return compact(changed(expression, lambda n: Number(values[n.name]) if isinstance(n, Constant) else n))


def rounded_down(expression: Expression) -> Expression:
    """The same with every division rounded down."""
    return changed(
        expression, lambda node: Call("floor", (node,)) if isinstance(node, Binary) and node.operator == "/" else node
    )
