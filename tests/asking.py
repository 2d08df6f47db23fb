"""A search of one Einsum as most tests ask for it: with the keys of a request by name."""

from __future__ import annotations

from typing import Any

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.engines import search
from costmodel.mapper.result import MapperResult
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import objective_of
from costmodel.spec.request import Request


def map_einsum(
    einsum: Einsum, architecture: Architecture, *, objective: Any = "edp", progress: Any = None, **asked: Any
) -> MapperResult:
    """Search one Einsum; no time at all (``budget=0.0``) may be asked for here."""
    request = Request().asking(objective=objective_of(objective).names, **asked)
    return search(einsum, architecture, request, progress)
