"""Which compute unit of an architecture can run an Einsum.

A unit that performs every operation of an Einsum can run it; where several can, that is a choice of the mapping. An
operation that no unit prices is an error, never free.
"""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.einsum.algebra import Einsum
from costmodel.spec.hardware import Architecture, Array, ComputeUnit
from costmodel.spec.problems import Problem, SpecError

MAKE_IT_FIT = "`toeplitz: input` of the workload makes a matrix product of it: --set toeplitz=input"
PRICE_IT = "price {} in the `energy:` of one compute unit, by kind or as `default`; 0 says that it costs nothing"


def units_for(einsum: Einsum, architecture: Architecture) -> tuple[ComputeUnit, ...]:
    """Return the compute units that can run an Einsum, outermost first. SpecError where none can."""
    if problem := not_computed(einsum, architecture):
        raise SpecError([problem])
    return tuple(
        unit
        for unit in architecture.compute_units
        if unit.computes(einsum) and not refusing(unit, einsum, architecture)
    )


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
    able = [unit for unit, kinds in zip(units, lacks, strict=True) if not kinds]
    refused = [refusing(unit, einsum, architecture) for unit in able]
    if able and all(refused):
        return Problem(f"{einsum.name}: {not_accepted(refused[0], einsum)}", hint=MAKE_IT_FIT)
    if able:
        return None
    told = "; ".join(f"{unit.name} does no {_listed(kinds)}" for unit, kinds in zip(units, lacks, strict=True))
    missing = min(lacks, key=len)
    return Problem(f"{einsum.name}: no unit of {architecture.name} computes it: {told}", hint=hint(missing))


def refusing(unit: ComputeUnit, einsum: Einsum, architecture: Architecture) -> str:
    """The array around a unit that does not take an Einsum, as it says by ``accepts:``; empty where there is none."""
    above = architecture.levels[: architecture.index(unit.name)]
    arrays = [level.name for level in above if isinstance(level, Array) and level.accepts == "gemm"]
    return arrays[0] if arrays and windows_of(einsum) else ""


def windows_of(einsum: Einsum) -> list[str]:
    """Tensors that a sum of products reads by more than rank variables: through windows, with strides."""
    if not any(operation.kind == "mac" for operation in einsum.operations):
        return []
    return [
        access.tensor
        for access in einsum.inputs
        if any(index.terms and (len(index.terms) > 1 or index.terms[0][1] != 1) for index in access.indices)
    ]


def not_accepted(array: str, einsum: Einsum) -> str:
    """Say why an array does not take an Einsum."""
    return f"{array} accepts matrix products alone, and {', '.join(windows_of(einsum))} is read through windows"


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
