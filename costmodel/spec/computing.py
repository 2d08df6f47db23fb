"""Which compute unit of an architecture can run an Einsum.

A unit that performs every operation of an Einsum can run it; where several can, that is a choice of the mapping. An
operation that no unit prices is an error, never free.
"""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.einsum.algebra import Einsum
from costmodel.spec.hardware import Architecture, ComputeUnit
from costmodel.spec.problems import Problem, SpecError

PRICE_IT = "price {} in the `energy:` of one compute unit, by kind or as `default`; 0 says that it costs nothing"


def units_for(einsum: Einsum, architecture: Architecture) -> tuple[ComputeUnit, ...]:
    """Return the compute units that can run an Einsum, outermost first. SpecError where none can."""
    if problem := not_computed(einsum, architecture):
        raise SpecError([problem])
    return tuple(unit for unit in architecture.compute_units if unit.computes(einsum))


def parts_for(einsum: Einsum, architecture: Architecture) -> tuple[Architecture, ...]:
    """Return the chip as each unit that can run an Einsum uses it, outermost first. SpecError where none can."""
    return tuple(architecture.part(unit.name) for unit in units_for(einsum, architecture))


def lacking(unit: ComputeUnit, einsum: Einsum) -> list[str]:
    """Return the kinds of operation of an Einsum that a unit does not perform."""
    return [operation.kind for operation in einsum.operations if not unit.does(operation.kind)]


def not_computed(einsum: Einsum, architecture: Architecture) -> Problem | None:
    """Say why no compute unit can run an Einsum, and how one could; null where one can."""
    units = architecture.compute_units
    lacks = [lacking(unit, einsum) for unit in units]
    if not all(lacks):
        return None
    told = "; ".join(f"{unit.name} does no {_listed(kinds)}" for unit, kinds in zip(units, lacks, strict=True))
    missing = min(lacks, key=len)
    return Problem(f"{einsum.name}: no unit of {architecture.name} computes it: {told}", hint=hint(missing))


def hint(kinds: Sequence[str]) -> str:
    """Say how a unit comes to perform more kinds of operation."""
    return PRICE_IT.format(_listed(kinds, "and"))


def _listed(kinds: Sequence[str], last: str = "or") -> str:
    """Join words.

    >>> _listed(["mac", "add", "exp"])
    'mac, add or exp'
    """
    *before, end = kinds
    return f"{', '.join(before)} {last} {end}" if before else end
