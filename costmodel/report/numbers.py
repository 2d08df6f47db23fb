"""What the numbers of a run folder may be: none is negative or beyond all bounds, and some are not zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from costmodel.advice.advice import AdviceCosts
from costmodel.einsum.algebra import Affine, Einsum, Tensor
from costmodel.mapper.result import Certificate
from costmodel.report.result import EinsumTotals, Totals
from costmodel.report.run import DesignPoint, Provenance
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory

LIMIT_POWER = 50
LIMIT = 10**LIMIT_POWER
"""Products of three numbers below it are still floats, and nothing that is counted comes near it."""

_PORT = ("access_bits", "bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle", "instances")
_POSITIVE: dict[type, tuple[str, ...]] = {
    Architecture: ("clock_hz", "word_bits"),
    Memory: _PORT,
    Array: ("shape", "hop_bits", "instances"),
    ComputeUnit: ("throughput_per_cycle", "instances"),
    Tensor: ("shape", "bits"),
    Einsum: ("shape", "count"),
    Totals: ("clock_hz", "peak_per_cycle"),
    EinsumTotals: ("count", "points", "peak_per_cycle"),
    DesignPoint: ("clock_hz",),
    AdviceCosts: ("clock_hz",),
}
_ANY: dict[type, tuple[str, ...]] = {
    Affine: ("terms", "constant"),
    Einsum: ("constants",),
    Certificate: ("mapspace", "pruned"),
    DesignPoint: ("axes",),
    Provenance: ("settings",),
}
"""Of either sign and any size: they are not computed with, or are exact integers."""


def faults(value: object, path: str = "$", least: int = 0) -> Iterator[tuple[str, str]]:
    """Path and message of every number in a value that cannot be; ``least`` is 1 where it must be more than 0."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0 or (least and value == 0):
            yield path, f"must be {'more than' if least else 'at least'} 0, got {value:.15g}"
        elif value >= LIMIT:
            yield path, f"must be less than 10^{LIMIT_POWER}"
    elif isinstance(value, (tuple, list)):
        for place, item in enumerate(value):
            yield from faults(item, f"{path}[{place}]", least)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from faults(item, f"{path}.{key}", least)
    elif is_dataclass(value):
        free, positive = _ANY.get(type(value), ()), _POSITIVE.get(type(value), ())
        for field in fields(value):
            if field.name not in free:
                yield from faults(getattr(value, field.name), f"{path}.{field.name}", int(field.name in positive))
