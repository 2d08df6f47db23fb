"""What a workload file may say; ``workload.py`` resolves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from costmodel.spec.validation import Items, SpecModel
from costmodel.spec.values import values_of

DEFAULT_BITS = 8
"""Width of a word where ``bits:`` says nothing."""
MAX_EXTENT = 10**12
MAX_BITS = 4096


# Validators raise ValueError whatever is wrong: pydantic takes nothing else for a validation error.


def _extent(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"must be a whole number or a formula such as M or (H - R) / U + 1, got {value!r}")  # noqa: TRY004
    if isinstance(value, int) and not 0 <= value <= MAX_EXTENT:
        raise ValueError(f"must be from 1 to {MAX_EXTENT:,} (a constant from 0), got {value}")
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
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[A-Za-z0-9_ *+/(),.-]+$"}],
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
        }
    ),
]
_Values = Annotated[Any, BeforeValidator(values_of), WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array"}]})]
Form = Literal["none", "input", "kernel", "given input", "given kernel"]


def _forms(value: object) -> object:
    return dict.fromkeys(value, "input") if isinstance(value, list | tuple) else value


_Toeplitz = Annotated[
    Form | dict[str, Form],
    BeforeValidator(_forms),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(get_args(Form))},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"enum": list(get_args(Form))}},
            ],
        }
    ),
]
Ranks = dict[str, Extent]
Pad = Literal["zero", "skip"]
Weights = Items[str]


class EinsumSpec(SpecModel):
    """One Einsum: its text, or a map with more."""

    einsum: str
    """The statement; an entry that says no more may be the statement alone. E.g. ``"Z[m, n] = A[m, k] * B[k, n]"``."""
    name: str | None = None
    """Unique in the workload; the name of the output tensor when absent. E.g. ``conv1``."""
    count: int = Field(1, ge=1, le=1_000_000_000)
    """How many identical layers this stands for: it is mapped and evaluated once, and energy, latency and operations
    count that many times. E.g. ``12``."""
    ranks: Ranks | None = None
    """Shapes and constants of this Einsum alone; they win over the file's. An Einsum with ranks of its own is a layer
    of a network: a tensor whose shape differs from an earlier one of its name is another tensor.
    E.g. ``{C: 64, H: 56, P: H}``."""
    bits: Bits | None = None
    """Bits of a word as this Einsum sees them; they win over the file's. E.g. ``16``, ``{Z: 32}``."""
    pad: Pad | None = None
    """What lies outside the tensors of this Einsum; it wins over the file's. E.g. ``skip``."""
    weights: Weights | None = None
    """Tensors of this Einsum that do not change with the input; it wins over the file's list, and is as complete.
    E.g. ``[B]``, ``[]``."""

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

    name: str
    """What the workload is called in tables and reports; a file is found by its own name. E.g. ``resnet18``."""
    source: str = ""
    """Where the shapes come from. E.g. ``He et al., CVPR 2016, table 1``."""
    ranks: Ranks = Field(default_factory=dict)
    """Shape of each rank, and value of each constant of an index (``U`` of ``U*p + r``), by upper-case name: a number,
    or a formula of other names with ``+ - * /``, ``floor``, ``ceil``, ``max`` and ``min`` that comes to a whole number.
    A constant may be 0. What no Einsum uses is an error.
    E.g. ``{M: 1024, N: M, K: 4*M}``, ``{P: (H + 2*PAD - R) / U + 1}``."""
    tensors: dict[str, Items[str]] | None = None
    """Ranks of tensors, in order, each alone or with its shape (``S=V``): statements are held against them, and all of
    such a rank is there, however much of it they touch. What is not declared takes its ranks from the statements.
    E.g. ``{A: [K, M], G: [S=V, D=V]}``."""
    bits: Bits = Field(default_factory=dict)
    """Bits of a word: one number, or a map by tensor, role (``input``, ``output``, ``weight``, ``intermediate``) and
    ``default``; the tensor wins over the role. When absent: the ``word:`` of the architecture.
    E.g. ``16``, ``{default: 8, output: 16, QK: 16}``."""
    pad: Pad | None = None
    """Lets an index leave its tensor, on either side: points outside do nothing, and what lies outside is neither
    stored nor moved. ``zero``: it is 0 (refused where a 0 would do something, as in a maximum); ``skip``: such points
    are left out. How far the tensor reaches is the shape of a rank that the index names, or what other indices of the
    tensor touch. E.g. ``zero``."""
    weights: Weights | None = None
    """Tensors that do not change with the input. The list is complete: what it leaves out is none, ``[]`` says that
    there are none. When absent, roles are inferred. E.g. ``[F1, F2]``."""
    batch: str | None = None
    """Rank that tells inputs from weights where ``weights:`` says nothing: what lacks it is a weight. When absent, B or
    N, where it is the first rank of the output. E.g. ``N``."""
    values: dict[str, _Values] = Field(default_factory=dict)
    """Values of tensors, for `costmodel run`: a number, or lists of numbers as deep as the tensor has ranks. Costs
    depend on those alone by which others are looked up (``TOKEN`` of ``TABLE[TOKEN[m], d]``).
    E.g. ``{F: [1, 2, 3]}``, ``{A: [[1, 2], [3, 4]], S: 0.5}``."""
    distinct: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """How many different words a tensor has by which others are looked up (``TOKEN`` of ``TABLE[TOKEN[m], d]``), where
    no ``values:`` say which: word i then leads to row i modulo that number. When absent: all differ, as far as the
    table has rows. E.g. ``{TOKEN: 300}``."""
    density: dict[str, Annotated[float, Field(gt=0, le=1, strict=False)]] = Field(default_factory=dict)
    """Share of the words of a tensor that are not zero, for `costmodel show`: sizes and effectual operations to be
    expected. Costs stay those of dense tensors. E.g. ``{A: 0.25}``."""
    coordinates: dict[str, Items[Items[int]]] = Field(default_factory=dict)
    """Words of a tensor that are not zero, each by its coordinates, for `costmodel show`. Costs stay those of dense
    tensors. E.g. ``{G: [[0, 1], [0, 3], [1, 2]]}``."""
    toeplitz: _Toeplitz | None = None
    """Convolutions as matrix products, as `costmodel transform` makes them: ``input`` (each with an Einsum that
    rearranges its input), ``kernel``, ``given input`` or ``given kernel`` (what is rearranged is there before) for all
    of them; a list of Einsums (``input``); or a form for each.
    E.g. ``input``, ``[conv1]``, ``{conv1: given kernel}``."""
    lower: bool = False
    """Makes matrix products (``toeplitz: input``) of the convolutions that the hardware refuses because it
    ``accepts: gemm``; no others. The same as ``--lower``. E.g. ``true``."""
    einsums: Items[EinsumSpec] = Field(min_length=1, max_length=10_000)
    """In order of execution: statements, or maps that say more. E.g. ``["Z[m] = A[m, k] * B[k]"]``."""

    def pad_of(self, place: int) -> Pad | None:
        """What lies outside the tensors of one Einsum; null where no index may leave its tensor."""
        return self.einsums[place].pad or self.pad
