"""Values in architecture files: names, and quantities with the units that each may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic import WithJsonSchema as JsonSchema
from pydantic_core import CoreSchema, core_schema

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


@dataclass(frozen=True, eq=False)
class InUnitsOf:
    """How a quantity is read from a file, written to it, and described in a JSON Schema: for ``Annotated``."""

    dimension: Dimension
    zero: bool = False
    """Whether it may be 0."""
    whole: bool = False
    """Whether it counts bits or words."""

    def read(self, value: object) -> Quantity:
        quantity = value if isinstance(value, Quantity) else units.parse(value, self.dimension)
        if quantity.value < 0 or (quantity.value == 0 and not self.zero):
            rule = "must not be negative" if self.zero else "must be greater than zero"
            raise ValueError(f"{rule}, got {describe(value)}")
        if self.whole and quantity.value.denominator != 1:
            what = "bits" if quantity.unit == "b" else quantity.unit
            raise ValueError(f"must be a whole number of {what}, got {value!r}")
        return quantity

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(self.read, serialization=text)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return quantity_schema(self.dimension, zero=self.zero)


def quantity_schema(dimension: Dimension, *, zero: bool = False) -> dict[str, Any]:
    """Describe how a quantity is written; ``zero`` says whether it may be 0."""
    spelt = "|".join(re.escape(unit) for unit in sorted(dimension.units, key=len, reverse=True))
    least = "minimum" if zero else "exclusiveMinimum"
    pattern = rf"^\s*[0-9.]+([eE][-+]?[0-9]+)?\s*({spelt})?\s*$"
    text = {"type": "string", "pattern": pattern, "description": dimension.manual}
    return {"anyOf": [{"type": "number", least: 0}, text]}


Name = Annotated[str, AfterValidator(_name), JsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Held = Annotated[str, AfterValidator(_held)]
Size = Annotated[Quantity, InUnitsOf(units.SIZE, whole=True)]
Width = Annotated[Quantity, InUnitsOf(units.WIDTH, whole=True)]
Energy = Annotated[Quantity, InUnitsOf(units.ENERGY, zero=True)]
Rate = Annotated[Quantity, InUnitsOf(units.RATE)]
BandwidthValue = Annotated[Quantity, InUnitsOf(units.BANDWIDTH)]
Power = Annotated[Quantity, InUnitsOf(units.POWER, zero=True)]
Area = Annotated[Quantity, InUnitsOf(units.AREA, zero=True)]
Latency = Annotated[Quantity, InUnitsOf(units.LATENCY, zero=True)]
Frequency = Annotated[Quantity, InUnitsOf(units.FREQUENCY)]
Length = Annotated[Quantity, InUnitsOf(units.LENGTH)]
Voltage = Annotated[Quantity, InUnitsOf(units.VOLTAGE)]
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
