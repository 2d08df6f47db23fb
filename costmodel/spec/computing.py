"""Which compute unit of an architecture can run an Einsum.

A unit that performs every operation of an Einsum can run it; where several can, that is a choice of the mapping. An
operation that no unit prices is an error, never free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costmodel.einsum.algebra import Affine, Einsum, Workload
from costmodel.spec.hardware import Architecture, Array, ComputeUnit
from costmodel.spec.problems import Problem, SpecError

MAKE_IT_FIT = "--lower makes a matrix product of it, as `lower: true` of the workload does"
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
    """Tensors that a sum of products reads by more than its ranks: through windows, with strides."""
    if not any(operation.kind == "mac" for operation in einsum.operations):
        return []
    return [a.tensor for a in einsum.inputs if not all(_whole(index, einsum.shape) for index in a.indices)]


def _whole(index: Affine, shape: Mapping[str, int]) -> bool:
    """Whether an index is a rank as it is stored: a rank variable, or several that make up one rank, each word once.

    >>> _whole(Affine((("h", 3), ("w", 1))), {"h": 4, "w": 3}), _whole(Affine((("p", 1), ("r", 1))), {"p": 4, "r": 3})
    (True, False)
    """
    inside = 1
    for v, coefficient in sorted(index.terms, key=lambda term: term[1]):
        if shape[v] > 1 and coefficient != inside:
            return False
        inside *= shape[v]
    return True


def refused(workload: Workload, architecture: Architecture) -> list[str]:
    """Einsums that an architecture could compute, but takes as matrix products alone."""
    return [
        einsum.name
        for einsum in workload.einsums
        for able in [[unit for unit in architecture.compute_units if unit.computes(einsum)]]
        if able and all(refusing(unit, einsum, architecture) for unit in able)
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
