"""A trace: the steps of one execution of a nest, as frames that a table or an animation shows one after another."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Einsum, Tensor, Workload
from costmodel.model.evaluation import Flow
from costmodel.model.nest import BoundNest
from costmodel.model.walk.counted import WalkResult
from costmodel.model.walk.state import Instance
from costmodel.model.walk.words import Tile

LoopPlace = tuple[int, ...]
"""Indices that lead to a node from the root of the nest, as the walk numbers them."""


@dataclass(frozen=True, slots=True)
class TracedLoop:
    """A loop in time."""

    place: LoopPlace
    rank_variable: str
    steps: int


@dataclass(frozen=True, slots=True)
class TracedHolder:
    """One tensor at one storage node."""

    level: str
    tensor: Tensor
    instances: tuple[Instance, ...]
    """Those that ever held something."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An instance of a holder has another tile than in the frame before. Sets are numbers into ``Trace.tiles``."""

    holder: int
    instance: int
    tile: int
    arriving: int
    """Words that were filled; those of all steps of the frame."""
    leaving: int
    """Words that are held no more."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of one Einsum, or all steps below some loops; the end of a run or a branch has no Einsum."""

    einsum: str
    positions: tuple[int, ...]
    """Of each loop in time; −1 where it is not above the step, or runs inside the frame."""
    turned: tuple[int, ...]
    """Loops that took another position since the frame before."""
    steps: int
    point: tuple[int, ...]
    """Position of each rank variable of the Einsum in the first instance, at the first of the steps."""
    points: tuple[tuple[int, ...], ...]
    """Every point at which something is done: step by step, instance by instance."""
    ranges: tuple[tuple[int, int], ...]
    """Least and largest position of each rank variable, over steps and instances."""
    touched: tuple[int, ...]
    """For each access of ``Trace.accesses``: the words that all instances ask for or update."""
    active: int
    """Compute instances that do something (of the step with most): they have a point, and it is not in the padding."""
    idle: tuple[int, ...]
    """Compute instances that do nothing at the first of the steps."""
    taken: tuple[Taken, ...]
    words: tuple[tuple[int, int], ...]
    """Counter and words that it counts in this frame."""
    filled: tuple[tuple[int, int], ...]
    """Those of them that move before the first operation: fills and drains, with what they read and update above."""
    begins_pass: bool
    """Whether a pass of a systolic array begins with it."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Words of one flow of one tensor at one level, all instances."""

    level: str
    tensor: str
    flow: Flow


@dataclass(frozen=True)
class Trace:
    """One execution of a nest."""

    bound: BoundNest
    loops: tuple[TracedLoop, ...]
    holders: tuple[TracedHolder, ...]
    accesses: MappingABC[str, tuple[Access, ...]]
    """Einsum → what it asks for, each access once, and last what it writes."""
    instances: MappingABC[str, tuple[Instance, ...]]
    """Einsum → its compute instances."""
    offsets: MappingABC[str, tuple[tuple[int, ...], ...]]
    """Einsum → how far the point of each instance is from that of the first."""
    tiles: tuple[Tile, ...]
    """Sets of words, each once; the first is empty."""
    counters: tuple[Counter, ...]
    frames: tuple[Frame, ...]
    summary: str
    """How steps were put together; empty where each has a frame of its own."""
    counts: WalkResult
    """What the walk counted in the end."""

    @property
    def workload(self) -> Workload:
        return self.bound.workload

    @property
    def einsums(self) -> tuple[Einsum, ...]:
        return tuple(bound.einsum for bound in self.bound.einsums)

    def totals(self) -> dict[Counter, int]:
        """What the frames add up to."""
        found = dict.fromkeys(self.counters, 0)
        for frame in self.frames:
            for number, words in frame.words:
                found[self.counters[number]] += words
        return found
