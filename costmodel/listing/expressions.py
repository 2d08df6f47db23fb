"""Expressions of Einsums in a programming language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.syntax import Binary, Call, Constant, Expression, Index, Negative, Number, TensorAccess
from costmodel.execute.program import Program
from costmodel.listing.walk import Names, affine_text

PYTHON = {name: function.python for name, function in FUNCTIONS.items()}
"""Functions as Python has them; ``max`` and ``min`` of two."""
C = {name: function.c or function.python.replace("math.", "") for name, function in FUNCTIONS.items()}
"""Functions as C has them, of doubles."""


@dataclass(frozen=True)
class Language:
    """How a language says what an Einsum computes."""

    functions: Mapping[str, str]
    infinity: str
    whole: str
    """A value as a whole number."""
    floating: bool = False
    """Whether numbers and constants are written as floating point."""

    def number(self, value: float) -> str:
        if math.isinf(value):
            return self.infinity if value > 0 else f"-{self.infinity}"
        return repr(float(value)) if self.floating else repr(value)

    def access(self, tensor: str, indices: list[str]) -> str:
        """A word of a tensor; that of a scalar stands in a list of one."""
        return tensor + "".join(f"[{index}]" for index in indices or ["0"])

    def expression(self, expression: Expression, program: Program, names: Names, tensors: Names) -> str:
        """The value of an expression at a point; every operand of an operator that needs them has its brackets."""

        def text(inner: Expression) -> str:
            return self.expression(inner, program, names, tensors)

        match expression:
            case Number(value):
                return self.number(value)
            case Constant(name):
                return self.number(program.einsum.constants[name])
            case TensorAccess(tensor):
                indices = [self.index(index, program, names, tensors) for index in expression.indices]
                return self.access(tensors[tensor], indices)
            case Negative(inner):
                return f"-({text(inner)})"
            case Call(function, arguments):
                return self.call(function, [text(argument) for argument in arguments])
            case Binary(sign, left, right):
                return f"{_bracketed(text(left), left, sign)} {sign} {_bracketed(text(right), right, sign, right=True)}"

    def index(self, index: Index, program: Program, names: Names, tensors: Names) -> str:
        """An index at a point; a word that is looked up is a whole number there."""
        if index.lookup is None:
            return affine_text(index.affine(program.einsum.constants), names)
        inner = [self.index(i, program, names, tensors) for i in index.lookup.indices]
        return self.whole.format(self.access(tensors[index.lookup.tensor], inner))

    def call(self, function: str, arguments: list[str]) -> str:
        """A function of any number of arguments, from one of two."""
        form = self.functions[function]
        if len(arguments) <= max(2, FUNCTIONS[function].least):
            return form.format(*arguments)
        return form.format(arguments[0], self.call(function, arguments[1:]))


def _bracketed(text: str, expression: Expression, sign: str, *, right: bool = False) -> str:
    simple = isinstance(expression, TensorAccess | Number | Constant)
    if isinstance(expression, Binary):
        product = expression.operator in "*/"
        simple = (product and not right) or (sign == "+" and not right)
    return text if simple else f"({text})"
