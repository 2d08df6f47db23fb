"""Published numbers that come with the package, in an arrangement of our own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from costmodel.spec.load import read


@cache
def published(name: str) -> dict[str, Any]:
    """Return what one file of ``data/`` says; not to be changed."""
    data: dict[str, Any] = read(Path(__file__).parent / "data" / f"{name}.yaml").data
    return data
