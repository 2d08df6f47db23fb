"""Amounts as a file states them, made larger or smaller."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = re.compile(r"\s*([0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+)\s*(.*?)\s*", re.DOTALL)
_SIZES = ((8 * 2**30, "GiB"), (8 * 2**20, "MiB"), (8 * 2**10, "KiB"), (8, "B"))


def scaled(stated: object, factor: int) -> str:
    """Return a number with its unit, some times as large.

    >>> scaled("480 MB/s", 2), scaled(8, 2), scaled("0.5 /cycle", 3)
    ('960 MB/s', '16', '1.5 /cycle')
    """
    found = _NUMBER.fullmatch(str(stated))
    if found is None:
        raise ValueError(f"not a number with a unit: {stated!r}")
    value = Fraction(found[1]) * factor
    text = str(value.numerator) if value.denominator == 1 else f"{float(value):.15g}"
    return f"{text} {found[2]}".strip()


def size_text(bits: int) -> str:
    """Return a size as a file says it, exactly.

    >>> size_text(108 * 8192), size_text(2 * 8192 + 64), size_text(7)
    ('108 KiB', '2056 B', '7 b')
    """
    return next((f"{bits // unit} {name}" for unit, name in _SIZES if bits and bits % unit == 0), f"{bits} b")
