"""The plain engine: walk the iteration space, compute, and reduce into the output. What a statement means.

At each point the right-hand side gives a value; the first value that reaches a word of the output is assigned, every
later one is reduced into it. Integers are exact; other numbers are doubles, by the rules of IEEE 754.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.syntax import Binary, Call, Constant, Expression, Negative, Number, TensorAccess, accesses
from costmodel.execute.program import Addend, Box, Program

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Affine
    from costmodel.execute.arrays import Array

Point = Mapping[str, int]
Word = tuple[int, ...]
Value = Callable[[Point], Any]
Action = Literal["assign", "reduce", "skip"]


@dataclass(frozen=True, slots=True)
class Read:
    """One word that a point asks for."""

    access: str
    """As it is written: ``I[q + s]``."""
    word: Word
    value: int | float


@dataclass(frozen=True, slots=True)
class Visit:
    """What happens at one point."""

    number: int
    """From 1, in the order of the Einsum's points."""
    einsum: str
    addend: str
    """The term of the sum that is evaluated, as it is written."""
    point: Point
    reads: tuple[Read, ...]
    value: int | float
    """Of the right-hand side."""
    action: Action
    word: Word
    """Of the output."""
    result: int | float
    """What that word is afterwards."""


def _larger(x: Any, y: Any) -> Any:
    return x if x >= y or x != x else y  # noqa: PLR0124  a number that is none wins, as in NumPy


def _smaller(x: Any, y: Any) -> Any:
    return x if x <= y or x != x else y  # noqa: PLR0124  as above


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda x, y: np.float64(x) / np.float64(y),
    "max": _larger,
    "min": _smaller,
}


class Traversal:
    """Runs one Einsum point by point."""

    def __init__(
        self,
        program: Program,
        held: Mapping[str, Array],
        touched: Array,
        observe: Callable[[Visit], None] | None = None,
        *,
        skip_zeros: bool = False,
    ) -> None:
        self.program = program
        self.held = held
        self.touched = touched
        self.observe = observe
        self.steps = 0
        self.skip_zeros = skip_zeros
        self.output = held[program.einsum.output.tensor]
        self.location = coordinates(program.output)
        self.reduce = OPERATORS[program.reducer]
        self.parts = [(addend, self.value(addend.expression), self.zero(addend)) for addend in program.addends]

    def run(self, box: Box) -> None:
        """Traverse the points of a box, the last rank variable fastest; addend by addend."""
        for addend, value, zero in self.parts:
            part = addend.part(box)
            if part is None:
                continue
            for position in itertools.product(*part.values()):
                point = dict(zip(part, position, strict=True))
                if is_inside(addend, point):
                    self.visit(point, addend, value, zero)

    def visit(self, point: Point, addend: Addend, value: Value, zero: Callable[[Point], bool]) -> None:
        """Evaluate one addend at one point, and assign or reduce."""
        word = self.location(point)
        result: Any = 0
        action: Action = "skip"
        if not (self.skip_zeros and zero(point)):
            result = -value(point) if addend.negative else value(point)
            action = "reduce" if self.touched[word] else "assign"
            self.output[word] = self.reduce(number_at(self.output, word), result) if self.touched[word] else result
            self.touched[word] = True
        if self.observe is not None:
            self.observe(self.step(point, addend, result, action))

    def step(self, point: Point, addend: Addend, value: Any, action: Action) -> Visit:
        """Tell what happened at a point."""
        self.steps += 1
        told = f"-{addend.expression}" if addend.negative else str(addend.expression)
        shown = {v: position for v, position in point.items() if v not in addend.at_zero}
        reads = tuple(self.read(access, point) for access in dict.fromkeys(accesses(addend.expression)))
        word = self.location(point)
        result = number_at(self.output, word)
        return Visit(self.steps, self.program.einsum.name, told, shown, reads, value, action, word, result)

    def read(self, access: TensorAccess, point: Point) -> Read:
        word = coordinates(self.program.indices(access, self.held))(point)
        return Read(str(access), word, number_at(self.held[access.tensor], word))

    def zero(self, addend: Addend) -> Callable[[Point], bool]:
        """Whether a tensor that an addend multiplies is 0 at a point."""
        values = [self.value(access) for access in addend.accesses_that_annihilate]
        return lambda point: any(value(point) == 0 for value in values)

    def value(self, expression: Expression) -> Value:
        """The function from a point to the value of an expression."""
        match expression:
            case Number(number):
                return lambda _: number
            case Constant(name):
                constant = self.program.einsum.constants[name]
                return lambda _: constant
            case TensorAccess(tensor):
                array, location = self.held[tensor], coordinates(self.program.indices(expression, self.held))
                return lambda point: number_at(array, location(point))
            case Negative(inner):
                positive = self.value(inner)
                return lambda point: -positive(point)
            case Call(function, arguments):
                apply, values = FUNCTIONS[function].apply, [self.value(argument) for argument in arguments]
                return lambda point: _plain(apply(np, *(value(point) for value in values)))
            case Binary(sign, left, right):
                combine, first, second = OPERATORS[sign], self.value(left), self.value(right)
                return lambda point: combine(first(point), second(point))


def is_inside(addend: Addend, point: Point) -> bool:
    """Whether every access is inside its tensor: at other points (padding) nothing is done."""
    return all(
        0 <= limit.index.constant + sum(c * point[v] for v, c in limit.index.terms) < limit.extent
        for limit in addend.limits
    )


def coordinates(indices: tuple[Affine, ...]) -> Callable[[Point], Word]:
    """The function from a point to the word that an access touches there."""
    return lambda point: tuple(index.at(point) for index in indices)


def number_at(array: Array, word: Word) -> Any:
    """A word of a tensor: an integer of Python, which never overflows, or a double."""
    return _plain(array[word])


def _plain(number: Any) -> Any:
    return int(number) if isinstance(number, np.integer) else number
