"""What the walk counts, in tidy rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.model.evaluation import Flow, LatencyRow, OccupancyRow, OverlapRow, TrafficRow


@dataclass(frozen=True, slots=True)
class HopRow:
    """Words that travel to or from the children of an array, or enter it and leave it, over the whole Einsum."""

    einsum: str
    array: str
    tensor: str
    words: int
    bits: int


@dataclass(frozen=True, slots=True)
class PassedWords:
    """Words that pass one side of arrays, by (Einsum, array, tensor), and their bits."""

    words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    bits: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def rows(self) -> tuple[HopRow, ...]:
        return tuple(HopRow(*key, words, self.bits[key]) for key, words in self.words.items())


@dataclass(frozen=True, slots=True)
class OperationRow:
    """Operations of one kind that an Einsum performs on one compute unit."""

    einsum: str
    unit: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class PortRow:
    """Bits that cross the ports of the busiest instance of a memory; each column has its own busiest instance."""

    einsum: str
    level: str
    read_bits: int
    """By reads and drains that are charged."""
    write_bits: int
    """By fills and updates."""
    both_bits: int
    """By reads and writes of one instance together."""
    asked_bits: int
    """By reads alone, without drains."""
    drained_bits: int
    """By drains that are charged."""
    filled_bits: int
    exchanged_bits: int
    """By fills and such drains of one instance together."""


@dataclass(frozen=True, slots=True)
class PassRow:
    """Passes of a systolic array, as its first child sees them."""

    einsum: str
    array: str
    passes: int


@dataclass(frozen=True)
class WalkResult:
    """What happened while a nest was executed once. All counts are exact integers."""

    traffic_rows: tuple[TrafficRow, ...]
    """Four flows for every storage node and tensor, zeros too."""
    bits: Dict[tuple[str, str, str, Flow], int]
    """(Einsum, level, tensor, flow) → bits that move: partial sums have a width of their own."""
    hop_rows: tuple[HopRow, ...]
    enter_rows: tuple[HopRow, ...]
    """Words that come to an array from above it, or leave it there."""
    operation_rows: tuple[OperationRow, ...]
    port_rows: tuple[PortRow, ...]
    pass_rows: tuple[PassRow, ...]
    latency_rows: tuple[LatencyRow, ...]
    """Compute units, memories that have a bandwidth, and networks."""
    occupancy_rows: tuple[OccupancyRow, ...]
    overlap_rows: tuple[OverlapRow, ...]
    """Of each pipelined sequence, inner ones first."""
    compute_steps: Dict[str, int]
    """Einsum → steps at which its busiest compute instance works."""
    level_bits: Dict[str, int]
    """Memory → room that one instance needs, with branches sharing space, but for stages."""
