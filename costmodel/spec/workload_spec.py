"""What a workload file may say; ``workload.py`` resolves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from costmodel.spec.validation import Items, SpecModel

DEFAULT_BITS = 8
"""Width of a word where ``bits:`` says nothing."""
MAX_EXTENT = 10**12
MAX_BITS = 4096


# Validators raise ValueError whatever is wrong: pydantic takes nothing else for a validation error.


def _extent(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"must be an integer, the name of a rank or a product such as M*N, got {value!r}")  # noqa: TRY004
    if isinstance(value, int) and not 1 <= value <= MAX_EXTENT:
        raise ValueError(f"must be from 1 to {MAX_EXTENT:,}, got {value}")
    return value


def _width(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9]{1,6})\s*(b|bits?)\s*", value)):
        value = int(match[1])
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number of bits, got {value!r}")  # noqa: TRY004
    if not 1 <= value <= MAX_BITS:
        raise ValueError(f"must be from 1 to {MAX_BITS} bits, got {value}")
    return value


def _widths(value: object) -> object:
    return value if isinstance(value, Mapping) or value is None else {"default": value}


Extent = Annotated[
    int | str,
    BeforeValidator(_extent),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[A-Z0-9_ *]+$"}],
            "description": "Shape: an integer, the name of another rank, or a product of them such as M*N.",
        }
    ),
]
_Width = Annotated[
    int,
    BeforeValidator(_width),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+ ?b$"}]}),
]
Bits = Annotated[
    dict[str, _Width],
    BeforeValidator(_widths),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+ ?b$"}]
                    },
                },
            ],
            "description": "Bits of a word: one number, or per tensor or role, and `default` for the rest.",
        }
    ),
]
Ranks = Annotated[dict[str, Extent], Field(description="Shape of each rank and value of each constant.")]
Weights = Annotated[Items[str], Field(description="Tensors that do not change with the input; complete.")]


class EinsumSpec(SpecModel):
    """One Einsum: its text, or a map with more."""

    einsum: str = Field(description="The statement, e.g. Z[m, n] = A[m, k] * B[k, n].")
    name: str | None = Field(None, description="Unique in the workload; the output tensor's name if absent.")
    count: int = Field(1, ge=1, le=1_000_000_000, description="How many identical layers this stands for.")
    ranks: Ranks | None = Field(None, description="Shapes of this layer; they win over the file's.")
    bits: Bits | None = None
    weights: Weights | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"einsum": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Either a string or a map."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"type": "string"}, dict(schema)]}


class WorkloadSpec(SpecModel):
    """A cascade of Einsums, or the layers of a network, with shapes and bit widths."""

    name: str = Field(description="Name of the workload.")
    source: str = Field("", description="Where the shapes come from.")
    ranks: Ranks = Field(default_factory=dict)
    bits: Bits = Field(default_factory=dict)
    weights: Weights | None = None
    batch: str | None = Field(None, description="Rank that tells inputs from weights; B or N if absent.")
    einsums: Items[EinsumSpec] = Field(min_length=1, max_length=10_000, description="In order of execution.")
