"""Values in architecture files: names, and quantities with the units that each may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator
from pydantic import WithJsonSchema as JsonSchema

from costmodel.einsum.functions import KINDS as OPERATIONS
from costmodel.spec import units
from costmodel.spec.load import describe
from costmodel.spec.problems import did_you_mean
from costmodel.spec.units import Dimension, Quantity
from costmodel.spec.validation import HINT

ROLES = ("input", "output", "weight", "intermediate")
KINDS = ("default", *OPERATIONS)
"""Kinds of operations that prices and rates may name."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"must be a name (letters, digits, _), got {describe(text)}")
    return text


def _held(text: str) -> str:
    """Check a role or tensor name of ``keep``: tensors start with an upper-case letter, so typos in roles show."""
    _name(text)
    if text not in ROLES and not text[0].isupper():
        near = did_you_mean(text, ROLES)
        raise ValueError(f"no such role {text!r}{HINT}{near}; tensors start with an upper-case letter")
    return text


def _quantity(dimension: Dimension, *, zero: bool, value: object) -> Quantity:
    quantity = value if isinstance(value, Quantity) else units.parse(value, dimension)
    if quantity.value < 0 or (quantity.value == 0 and not zero):
        rule = "must not be negative" if zero else "must be greater than zero"
        raise ValueError(f"{rule}, got {describe(value)}")
    return quantity


def _whole(dimension: Dimension, value: object) -> Quantity:
    """Check that bits or words are whole."""
    quantity = _quantity(dimension, zero=False, value=value)
    if quantity.value.denominator != 1:
        raise ValueError(
            f"must be a whole number of {'bits' if quantity.unit == 'b' else quantity.unit}, got {value!r}"
        )
    return quantity


def _json(dimension: Dimension, *, zero: bool) -> JsonSchema:
    spelt = "|".join(re.escape(unit) for unit in sorted(dimension.units, key=len, reverse=True))
    number = {"type": "number", "minimum": 0} if zero else {"type": "number", "exclusiveMinimum": 0}
    pattern = rf"^\s*[0-9.]+([eE][-+]?[0-9]+)?\s*({spelt})?\s*$"
    text = {"type": "string", "pattern": pattern, "description": dimension.manual}
    return JsonSchema({"anyOf": [number, text]})


_as_text = PlainSerializer(str, return_type=str)

Name = Annotated[str, AfterValidator(_name), JsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Held = Annotated[str, AfterValidator(_held)]
Size = Annotated[Quantity, PlainValidator(partial(_whole, units.SIZE)), _json(units.SIZE, zero=False), _as_text]
Width = Annotated[Quantity, PlainValidator(partial(_whole, units.WIDTH)), _json(units.WIDTH, zero=False), _as_text]
Energy = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.ENERGY, zero=True, value=v)),
    _json(units.ENERGY, zero=True),
    _as_text,
]
Rate = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.RATE, zero=False, value=v)),
    _json(units.RATE, zero=False),
    _as_text,
]
BandwidthValue = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.BANDWIDTH, zero=False, value=v)),
    _json(units.BANDWIDTH, zero=False),
    _as_text,
]
Power = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.POWER, zero=True, value=v)),
    _json(units.POWER, zero=True),
    _as_text,
]
Area = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.AREA, zero=True, value=v)),
    _json(units.AREA, zero=True),
    _as_text,
]
Frequency = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.FREQUENCY, zero=False, value=v)),
    _json(units.FREQUENCY, zero=False),
    _as_text,
]
Length = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.LENGTH, zero=False, value=v)),
    _json(units.LENGTH, zero=False),
    _as_text,
]
Count = Annotated[int, Field(gt=0, le=10**9)]


def _default_kind(value: object) -> object:
    """One value holds for every kind of operation."""
    return value if isinstance(value, Mapping) else {"default": value}


def _kinds(prices: Mapping[str, Quantity]) -> Mapping[str, Quantity]:
    for kind in prices:
        if kind not in KINDS:
            raise ValueError(f"no such kind of operation {kind!r}{HINT}{did_you_mean(kind, KINDS)}")
    if not prices:
        raise ValueError("must not be empty")
    return prices


KindEnergy = Annotated[
    dict[str, Energy],
    AfterValidator(_kinds),
    BeforeValidator(_default_kind, json_schema_input_type=Energy | dict[str, Energy]),
]
KindRate = Annotated[
    dict[str, Rate],
    AfterValidator(_kinds),
    BeforeValidator(_default_kind, json_schema_input_type=Rate | dict[str, Rate]),
]
