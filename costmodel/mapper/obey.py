"""Whether a mapping obeys the rules: the last word on every answer, whatever an engine makes of the rules.

A loop of one step is no loop here. Rules on what a level holds say nothing about levels inside the compute unit that
the mapping runs on. Capacities and the sizes of arrays are the model's business.
"""

from __future__ import annotations

from costmodel.einsum.algebra import Einsum
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.rules import Rules


def violations(mapping: Mapping, einsum: Einsum, architecture: Architecture, rules: Rules) -> tuple[str, ...]:
    """Say which rules a mapping of one Einsum breaks, and how; empty if it obeys."""
    found = (finding.reject for finding in rules.findings(mapping.nest, einsum, architecture))
    return tuple(f"{reject.level}: {reject.limit}: {reject.how}" for reject in found if reject is not None)
