"""The published tables in ``data/``: read once, with the numbers in base units."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from costmodel.spec import units
from costmodel.spec.load import read


@cache
def table(name: str) -> dict[str, Any]:
    """Return what one file of the package says; not to be changed."""
    data: dict[str, Any] = read(Path(__file__).parent / "data" / f"{name}.yaml").data
    return data


@cache
def nm(text: str) -> float:
    """Read a length in nm."""
    return float(units.parse(text, units.LENGTH))


@cache
def volts(text: str) -> float:
    """Read a voltage in V."""
    return float(units.parse(text, units.VOLTAGE))


@cache
def bits(text: str) -> float:
    """Read a size or width in bits."""
    return float(units.parse(text, units.SIZE))
