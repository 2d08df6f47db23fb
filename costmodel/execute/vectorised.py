"""The NumPy engine: a box of the iteration space at once.

Every access is a view of its array with an axis for each rank variable, whose stride is what one step of the variable
moves: windows, strides and flattened ranks copy nothing. Sums of products become matrix products
(``contraction.py``); everything else is evaluated by broadcasting. Boxes are halved until no array that is made on the
way is larger than ``BLOCK_WORDS``, so memory stays small. Sums are added in another order than the traversal does:
integers are equal, doubles equal up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from costmodel.einsum.algebra import Affine
from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.syntax import (
    Binary,
    Call,
    Constant,
    Expression,
    Negative,
    Number,
    TensorAccess,
    factors,
    rank_variables,
)
from costmodel.execute.arrays import Array
from costmodel.execute.contraction import contract, largest
from costmodel.execute.program import Addend, Box, Program, negations
from costmodel.spec.problems import Problem, SpecError

BLOCK_WORDS = 2**22
"""Most words of an array that is made on the way."""

INTEGERS = 2**63
"""Magnitudes below it are 64-bit integers."""

UFUNCS: Mapping[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "max": np.maximum,
    "min": np.minimum,
}


class Vectorised:
    """Runs one Einsum box by box."""

    def __init__(self, program: Program, held: Mapping[str, Array], touched: Array) -> None:
        self.program = program
        self.held = held
        self.touched = touched
        self.axis = {v: place for place, v in enumerate(program.einsum.shape)}
        self.array = held[program.einsum.output.tensor]
        self.written = program.einsum.output.rank_variables

    def run(self, box: Box) -> None:
        """Evaluate all points of a box, addend by addend, and reduce into the output."""
        self.check_integers(box)
        for addend in self.program.addends:
            part = addend.part(box)
            inside = () if part is None else self.program.inside(part, addend.limits)
            for block in (block for points in inside for block in self.blocks(addend, points)):
                value = self.summed(addend, block) if self.is_product(addend) else self.reduced(addend, block)
                self.reduce_into(block, -value if addend.negative else value)

    def is_product(self, addend: Addend) -> bool:
        """Whether it is a product of several factors that is summed."""
        summed = addend.by_sum and bool(rank_variables(addend.expression) - self.written)
        return summed and len(factors(addend.expression)) > 1

    def blocks(self, addend: Addend, box: Box) -> Iterator[Box]:
        """Halve a box until what is made of it on the way is small."""
        used = rank_variables(addend.expression)
        if self.is_product(addend):
            every = [rank_variables(f) for f in factors(addend.expression)]
            made = [used] if len(every) > 2 else [*every, used & self.written]
        else:
            made = [used]
        yield from halves(box, made)

    def summed(self, addend: Addend, box: Box) -> Array:
        """A product, summed over the reduced rank variables."""
        values = [np.asarray(self.value(factor, box)) for factor in factors(addend.expression)]
        arrays = [v for v in values if v.ndim]
        one = np.ones((1,) * len(self.axis), np.int64)
        found = contract(arrays or [one], {self.axis[v] for v in self.written})
        for scale in (v for v in values if not v.ndim):
            found = found * scale
        return -found if negations(addend.expression) % 2 else found

    def reduced(self, addend: Addend, box: Box) -> Array:
        """Any right-hand side, reduced over the reduced rank variables."""
        value = np.asarray(self.value(addend.expression, box))
        if not value.ndim:
            value = value.reshape((1,) * len(self.axis))
        axes = tuple(place for v, place in self.axis.items() if v not in self.written and value.shape[place] > 1)
        return UFUNCS[self.program.reducer].reduce(value, axis=axes, keepdims=True) if axes else value

    def value(self, expression: Expression, box: Box) -> Any:
        """An expression at the points of a box: an array with an axis for each rank variable, or a number."""
        match expression:
            case Number(number):
                return number
            case Constant(name):
                return self.program.einsum.constants[name]
            case TensorAccess(tensor):
                indices = self.program.indices(expression, self.held)
                read = self.looked_up if any(index.table for index in indices) else self.view
                return read(self.held[tensor], indices, box)
            case Negative(inner):
                return -self.value(inner, box)
            case Call(function, arguments):
                return FUNCTIONS[function].apply(np, *(self.value(argument, box) for argument in arguments))
            case Binary(sign, left, right):
                return UFUNCS[sign](self.value(left, box), self.value(right, box))

    def looked_up(self, array: Array, indices: tuple[Affine, ...], box: Box) -> Array:
        """The words that an access looks up, copied."""
        word = []
        for index in indices:
            value: Any = np.full((1,) * len(self.axis), index.constant)
            for v, c in index.terms:
                along = [1] * len(self.axis)
                along[self.axis[v]] = len(box[v])
                value = value + c * np.asarray(box[v]).reshape(along)
            word.append(np.asarray(index.table)[value] if index.table else value)
        found: Array = array[tuple(word)]
        return found

    def view(self, array: Array, indices: tuple[Affine, ...], box: Box) -> Array:
        """The words that an access touches, in place; NumPy checks that they lie within the array."""
        strides, start = [0] * len(self.axis), 0
        shape = [1] * len(self.axis)
        for index, stride in zip(indices, array.strides, strict=True):
            start += stride * (index.constant + sum(c * box[v].start for v, c in index.terms))
            for v, c in index.terms:
                strides[self.axis[v]] += c * stride
                shape[self.axis[v]] = len(box[v])
        return np.ndarray(shape, array.dtype, array, start, strides)

    def reduce_into(self, box: Box, value: Array) -> None:
        """Assign to words that are touched for the first time, reduce into the others."""
        reducer = UFUNCS[self.program.reducer]
        if not self.hits_each_word_once(box):
            self.scatter(box, value, reducer)
            return
        there, touched = (self.view(array, self.program.output, box) for array in (self.array, self.touched))
        if not touched.any():
            there[...] = value
        elif touched.all():
            there[...] = reducer(there, value)
        else:
            there[...] = np.where(touched, reducer(there, value), value)
        touched[...] = True

    def hits_each_word_once(self, box: Box) -> bool:
        """Whether each word of the output is written by one point of the box (at most: the test is sufficient)."""
        strides = self.view(self.touched, self.program.output, box).strides  # a byte for each word
        reach = 0
        for stride, extent in sorted((abs(strides[self.axis[v]]), len(box[v])) for v in self.written):
            if extent > 1 and stride <= reach:
                return False
            reach += stride * (extent - 1)
        return True

    def scatter(self, box: Box, value: Array, reducer: np.ufunc) -> None:
        """Reduce point by point where several points of the box meet in one word."""
        place = np.arange(self.array.size).reshape(self.array.shape)
        where = self.view(place, self.program.output, box)
        flat, touched = self.array.reshape(-1), self.touched.reshape(-1)
        flat[where[~touched[where]]] = _identity(self.program.reducer, self.array.dtype)
        reducer.at(flat, where, np.broadcast_to(value, where.shape).astype(self.array.dtype))
        touched[where.reshape(-1)] = True

    # -- integers

    def check_integers(self, box: Box) -> None:
        """SpecError where integers may leave the range of 64 bits, in a sum or on the way to it."""
        if self.array.dtype.kind != "i":
            return
        added = math.prod(len(r) for v, r in box.items() if v not in self.written)
        most = sum(self.magnitude(addend.expression) for addend in self.program.addends)
        match self.program.reducer:
            case "+":
                reach = most * added + largest(self.array)
            case "*":
                reach = math.log2(max(most, 1)) * added + math.log2(max(largest(self.array), 1))
                reach = INTEGERS if reach >= math.log2(INTEGERS) else most
            case _:
                reach = most
        if max(most, reach) >= INTEGERS:
            beyond_integers(self.program.einsum.name)

    def magnitude(self, expression: Expression) -> float:
        """A bound on the magnitude of integers."""
        match expression:
            case Number(number):
                return number
            case Constant(name):
                return abs(self.program.einsum.constants[name])
            case TensorAccess(tensor):
                return largest(self.held[tensor])
            case Negative(inner):
                return self.magnitude(inner)
            case Call("square", (inner,)):
                return self.magnitude(inner) ** 2
            case Call(_, arguments):
                return max(self.magnitude(argument) for argument in arguments)
            case Binary(sign, left, right):
                sides = self.magnitude(left), self.magnitude(right)
                return sides[0] * sides[1] if sign == "*" else sides[0] + sides[1]

    # -- zeros

    def effectual_points(self, addend: Addend, box: Box) -> int:
        """Points of an addend at which no tensor that it multiplies is 0; all of them where zeros do not annihilate."""
        part = addend.part(box)
        multiplied = addend.accesses_that_annihilate
        if part is None:
            return 0
        return sum(self._filled_points(multiplied, points) for points in self.program.inside(part, addend.limits))

    def _filled_points(self, multiplied: tuple[TensorAccess, ...], part: Box) -> int:
        """Points of a box at which none of some accesses is 0."""
        if not multiplied:
            return math.prod(len(r) for r in part.values())
        used = frozenset(v for access in multiplied for v in rank_variables(access))
        others = math.prod(len(r) for v, r in part.items() if v not in used)
        made = [rank_variables(access) for access in multiplied] if len(multiplied) < 3 else [used]
        inner = {v: positions if v in used else range(1) for v, positions in part.items()}
        found = 0
        for block in halves(inner, made):
            filled = [(self.value(access, block) != 0).astype(np.int64) for access in multiplied]
            found += int(contract(filled, frozenset()).sum())
        return found * others


def halves(box: Box, made: list[frozenset[str]]) -> Iterator[Box]:
    """Halve a box along its longest sides until the arrays over these rank variables are blocks."""
    sizes = [(math.prod(len(box[v]) for v in variables), variables) for variables in made]
    size, variables = max(sizes, key=lambda one: one[0], default=(1, frozenset[str]()))
    if size <= BLOCK_WORDS:
        yield box
        return
    longest = max(sorted(variables), key=lambda v: len(box[v]))
    positions = box[longest]
    middle = positions.start + len(positions) // 2
    yield from halves({**box, longest: range(positions.start, middle)}, made)
    yield from halves({**box, longest: range(middle, positions.stop)}, made)


def beyond_integers(einsum: str) -> None:
    """Say that integers of an Einsum leave the range of 64 bits."""
    hint = "run it with numbers that are not whole (--random floats), or smaller ones"
    raise SpecError([Problem(f"{einsum}: values may be beyond 64-bit integers", hint=hint)])


def _identity(reducer: str, dtype: np.dtype[Any]) -> Any:
    """What a reduction starts from."""
    if reducer in "+*":
        return dtype.type(reducer == "*")
    ends = np.iinfo(dtype) if dtype.kind == "i" else None
    least, most = (ends.min, ends.max) if ends else (-np.inf, np.inf)
    return least if reducer == "max" else most
