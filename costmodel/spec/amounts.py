"""Formulas of amounts with units: derived values (``2 KiB * PEs.shape.X``) and conditions (``area <= 10 mm2``).

The grammar is that of ``formulas.py``; names are paths of values, and a number may have a unit. Amounts that are added
or compared measure the same; of a product one has a unit at most. Everything is exact.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from costmodel.einsum.syntax import Binary, Call, Constant, Expression, Negative, Number
from costmodel.einsum.tokens import NotationError
from costmodel.spec import units
from costmodel.spec.formulas import FUNCTIONS, formula

_UNITS = sorted({unit for dimension in units.DIMENSIONS for unit in dimension.units}, key=lambda unit: -len(unit))
_QUANTITY = rf"(?<![\w.])\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\s*(?:{'|'.join(map(re.escape, _UNITS))})(?![\w.])"
_PATH = r"(?<![\w.])[^\W\d]\w*(?:\.\w+)*"
_SHARE = r"(?<![\w.])\d+(?:\.\d*)?\s*%"
_PIECE = re.compile(rf"(?P<quantity>{_QUANTITY})|(?P<share>{_SHARE})|(?P<path>{_PATH})")
_SIGNS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


class Amount(NamedTuple):
    """A number and its unit; none where it is empty."""

    number: Fraction
    unit: str

    @classmethod
    def of(cls, value: object) -> Amount:
        """Read a value as it stands in a file. Raises ValueError where it is no amount."""
        return cls(*units.split(value))

    @property
    def written(self) -> int | float | str:
        """As it would stand in a file."""
        if self.unit:
            return f"{units.number_text(self.number)} {self.unit}"
        return self.number.numerator if self.number.denominator == 1 else float(self.number)

    def to(self, unit: str) -> Fraction:
        """The number in another unit. Raises ValueError where that measures something else."""
        return units.convert(self.number, self.unit, unit)

    def __str__(self) -> str:
        return f"{float(self.number):.6g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class AmountFormula:
    """An expression of amounts."""

    text: str
    expression: Expression
    names: Mapping[str, str]
    """Constant of the expression → the path that it stands for."""
    amounts: Mapping[str, Amount]
    """Constant → the amount that it stands for."""

    def value(self, values: Mapping[str, Amount]) -> Amount:
        """Compute it. Raises ValueError where units do not fit, ZeroDivisionError, and KeyError for an unknown path."""
        known = {constant: values[path] for constant, path in self.names.items()}
        return _value(self.expression, {**self.amounts, **known})


@lru_cache(maxsize=1024)
def amount_formula(text: str) -> AmountFormula:
    """Read a formula. Raises ValueError.

    >>> amount_formula("2 KiB * PEs.shape.X").value({"PEs.shape.X": Amount(Fraction(8), "")}).written
    '16 KiB'
    """
    names: dict[str, str] = {}
    amounts: dict[str, Amount] = {}

    def constant(found: re.Match[str]) -> str:
        piece = found[0]
        if found["path"] and piece in FUNCTIONS and text[found.end() :].lstrip().startswith("("):
            return piece
        name = f"V{len(names) + len(amounts)}"
        if found["quantity"]:
            amounts[name] = Amount.of(piece)
        elif found["share"]:
            amounts[name] = Amount(Fraction(piece.rstrip("%").strip()) / 100, "")
        else:
            names[name] = piece
        return name

    try:
        expression = formula(_PIECE.sub(constant, text))
    except NotationError as error:
        raise ValueError(f"{text!r} is no formula: {str(error).splitlines()[0]}") from None
    return AmountFormula(text, expression, names, amounts)


@dataclass(frozen=True, slots=True)
class Condition:
    """Two formulas that are compared."""

    text: str
    left: AmountFormula
    sign: str
    right: AmountFormula

    @property
    def names(self) -> tuple[str, ...]:
        """The paths that it asks for."""
        return tuple(dict.fromkeys((*self.left.names.values(), *self.right.names.values())))

    def broken(self, values: Mapping[str, Amount]) -> str:
        """Say what is not as it should be, in the unit that the condition has; nothing where all is.

        Raises as ``AmountFormula.value``.
        """
        left, right = self.left.value(values), self.right.value(values)
        if _SIGNS[self.sign](left.number, right.to(left.unit)):
            return ""
        unit = right.unit if self.right.amounts else left.unit
        return f"{self.text}: {Amount(left.to(unit), unit)} against {Amount(right.to(unit), unit)}"


@lru_cache(maxsize=1024)
def condition(text: str) -> Condition:
    """Read ``area <= 10 mm2``. Raises ValueError."""
    parts = re.split(r"(<=|>=|==|<|>)", text)
    if len(parts) != 3:
        raise ValueError(f"must compare two amounts by one of {' '.join(_SIGNS)}, such as area <= 10 mm2, got {text!r}")
    return Condition(text, amount_formula(parts[0].strip()), parts[1], amount_formula(parts[2].strip()))


def _value(expression: Expression, values: Mapping[str, Amount]) -> Amount:
    match expression:
        case Number(bare):
            return Amount(Fraction(bare), "")
        case Constant(name):
            return values[name]
        case Negative(inner):
            number, unit = _value(inner, values)
            return Amount(-number, unit)
        case Call(function, arguments):
            found = [_value(argument, values) for argument in arguments]
            unit = found[0].unit
            return Amount(Fraction(FUNCTIONS[function].apply(*(each.to(unit) for each in found))), unit)
        case Binary(sign, left, right):
            return _binary(sign, _value(left, values), _value(right, values))
        case _:
            raise ValueError(f"{expression} is no part of a formula")


def _binary(sign: str, left: Amount, right: Amount) -> Amount:
    if sign in "+-":
        other = right.to(left.unit)
        return Amount(left.number + other if sign == "+" else left.number - other, left.unit)
    if sign == "*":
        if left.unit and right.unit:
            raise ValueError(f"{left} and {right} cannot be multiplied: both have a unit")
        return Amount(left.number * right.number, left.unit or right.unit)
    if right.unit and not left.unit:
        raise ValueError(f"{left} cannot be divided by {right}: it has no unit")
    return (
        Amount(left.number / right.to(left.unit), "") if right.unit else Amount(left.number / right.number, left.unit)
    )
