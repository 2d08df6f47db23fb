"""Number formats: width of the whole, and of the significand of those with a point."""

from __future__ import annotations

import re
from typing import NamedTuple

from costmodel.components.protocol import ComponentError
from costmodel.spec.problems import did_you_mean

FLOATS = {"fp8": (8, 4), "bf16": (16, 8), "fp16": (16, 11), "tf32": (19, 11), "fp32": (32, 24)}
"""Name → bits, and bits of the significand with the leading one; fp8 is E4M3."""
_INTEGER = re.compile(r"int([1-9][0-9]?)")


class NumberFormat(NamedTuple):
    """How a number is written in bits."""

    name: str
    bits: int
    significand: int | None
    """Null for integers."""


def number_format(name: str, parameter: str = "format") -> NumberFormat:
    """Return a format by its name, int2 … int64 or one of ``FLOATS``; ComponentError if there is none.

    >>> number_format("bf16")
    NumberFormat(name='bf16', bits=16, significand=8)
    """
    if name in FLOATS:
        return NumberFormat(name, *FLOATS[name])
    found = _INTEGER.fullmatch(name)
    if found and 2 <= int(found[1]) <= 64:
        return NumberFormat(name, int(found[1]), None)
    near = did_you_mean(name, ["int4", "int8", "int16", "int32", *FLOATS])
    raise ComponentError(f"no such number format {name!r}", parameter, f"{near}; any int2 to int64")
