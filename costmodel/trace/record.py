"""Watch a walk and write down what happens, one frame for each step, or for each tile where there are too many."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field

from costmodel.einsum.algebra import Access, Einsum, Workload
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Flow
from costmodel.model.nest import Path, Place, bind
from costmodel.model.walk import walk
from costmodel.model.walk.state import Holder, Instance
from costmodel.model.walk.watcher import Watcher
from costmodel.model.walk.words import Tile, is_evaluated, is_inside, word
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Mapping, einsums_in
from costmodel.spec.problems import Problem, SpecError
from costmodel.trace.frames import Counter, Frame, LoopPlace, Taken, Trace, TracedHolder, TracedLoop
from costmodel.trace.granularity import framed, loops_above, traced_loops

MAX_POINTS = 60_000
"""Points of all Einsums together that are traced at most: the walk takes some 50 µs for each."""
MAX_FRAMES = 2_000
"""Frames at most; where a nest has more steps, those below its inner loops share one."""

FLOWS: tuple[Flow, ...] = ("read", "fill", "update", "drain")


def trace(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    marks: MappingABC[Path, Place] | None = None,
    *,
    frames: int = MAX_FRAMES,
) -> Trace:
    """Walk a nest and keep every step.

    Raises SpecError where the mapping does not fit, and where the walk would take too long.
    """
    evaluate(workload, architecture, mapping, marks)
    bound = bind(workload, architecture, mapping, marks)
    points = sum(e.einsum.points for e in bound.einsums)
    if points > MAX_POINTS:
        names = ", ".join(einsums_in(mapping.nest))
        message = f"{names}: {points:,} points are too many to trace, at most {MAX_POINTS:,}"
        raise SpecError([Problem(message, hint="make the shape smaller, e.g. --set ranks.M=8")])
    loops = traced_loops(bound)
    own, summary = framed(bound, loops, frames)
    accesses = {e.einsum.name: _accesses(e.einsum) for e in bound.einsums}
    recorder = _Recorder(loops, own, loops_above(mapping.nest, loops), accesses)
    counts = walk(workload, architecture, mapping, recorder)
    return Trace(
        bound=bound,
        loops=loops,
        holders=recorder.traced_holders(),
        accesses=recorder.accesses,
        instances={name: tuple(offsets) for name, offsets in recorder.offsets.items()},
        offsets={name: tuple(offsets.values()) for name, offsets in recorder.offsets.items()},
        tiles=tuple(recorder.tiles),
        counters=tuple(recorder.counters),
        frames=tuple(recorder.frames),
        summary=summary,
        counts=counts,
    )


def _accesses(einsum: Einsum) -> tuple[Access, ...]:
    return (*dict.fromkeys(einsum.inputs), einsum.output)


@dataclass
class _FrameSoFar:
    """A frame whose steps are not over."""

    einsum: str = ""
    positions: tuple[int, ...] = ()
    steps: int = 0
    point: tuple[int, ...] = ()
    points: list[tuple[int, ...]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    touched: list[set[tuple[int, ...]]] = field(default_factory=list)
    active: int = 0
    idle: tuple[int, ...] = ()
    taken: dict[tuple[int, int], tuple[Tile, Tile, Tile]] = field(default_factory=dict)
    words: Tally[int] = field(default_factory=Tally)
    filled: Tally[int] | None = None
    turned: set[int] = field(default_factory=set)
    begins_pass: bool = False


class _Recorder(Watcher):
    """All that happens between two turns of the loops that frames follow goes into one frame."""

    def __init__(
        self,
        loops: tuple[TracedLoop, ...],
        own: frozenset[LoopPlace],
        paths: MappingABC[str, frozenset[LoopPlace]],
        accesses: dict[str, tuple[Access, ...]],
    ) -> None:
        self.loops = {loop.place: number for number, loop in enumerate(loops)}
        self.own, self.accesses = own, accesses
        self.places: list[LoopPlace] = [loop.place for loop in loops]
        self.at = [-1] * len(loops)
        self.paths = paths
        self.tiles: dict[Tile, int] = {frozenset(): 0}
        self.holders: dict[Holder, dict[Instance, int]] = {}
        self.held: dict[tuple[int, int], int] = {}
        self.counters: dict[Counter, int] = {}
        self.offsets: dict[str, dict[Instance, tuple[int, ...]]] = {}
        self.frames: list[Frame] = []
        self.open = _FrameSoFar()

    # What the walk tells

    def turned(self, place: LoopPlace, position: int) -> None:
        if place in self.own:
            if self.open.steps:
                self.close()
            self.open.turned.add(self.loops[place])
        self.at[self.loops[place]] = position

    def took(self, holder: Holder, instance: Instance, tile: Tile, arriving: Tile, leaving: Tile) -> None:
        for flow in FLOWS:
            self.counters.setdefault(Counter(holder.memory.name, holder.tensor.name, flow), len(self.counters))
        key = self.key_of(holder, instance)
        _, before, after = self.open.taken.get(key, (tile, frozenset[tuple[int, ...]](), frozenset[tuple[int, ...]]()))
        if arriving or leaving or self.tiles.get(tile) != self.held.get(key, 0):
            self.open.taken[key] = (tile, before | arriving, after | leaving)

    def moved(self, holder: Holder, flow: Flow, instance: Instance, words: int) -> None:
        del instance
        if words:
            self.open.words[self.counters[Counter(holder.memory.name, holder.tensor.name, flow)]] += words

    def passed(self, array: Array) -> None:
        del array
        self.open.begins_pass = True

    def computing(self) -> None:
        if self.open.filled is None:
            self.open.filled = self.open.words.copy()

    def computed(self, einsum: Einsum, points: MappingABC[Instance, dict[str, int]], busy: frozenset[Instance]) -> None:
        frame = self.open
        first = next(iter(points))
        base = tuple(points[first][v] for v in einsum.shape)
        known = self.offsets.setdefault(einsum.name, {})
        for instance, point in points.items():
            if instance not in known:
                known[instance] = tuple(point[v] - b for v, b in zip(einsum.shape, base, strict=True))
        if not frame.steps:
            frame.einsum, frame.point, frame.positions = einsum.name, base, self.positions_of(einsum.name)
            frame.idle = tuple(number for number, instance in enumerate(known) if instance not in busy)
            frame.touched = [set() for _ in self.accesses[einsum.name]]
        frame.steps += 1
        frame.points += (tuple(point[v] for v in einsum.shape) for at, point in points.items() if at in busy)
        frame.active = max(frame.active, len(busy))
        lows = [min(point[v] for point in points.values()) for v in einsum.shape]
        highs = [max(point[v] for point in points.values()) for v in einsum.shape]
        if not frame.ranges:
            frame.ranges = list(zip(lows, highs, strict=True))
        frame.ranges = [
            (min(low, a), max(high, b)) for (low, high), a, b in zip(frame.ranges, lows, highs, strict=True)
        ]
        for access, words in zip(self.accesses[einsum.name], frame.touched, strict=True):
            everywhere = access is einsum.output
            for instance in busy:
                point = points[instance]
                if everywhere or (is_evaluated(access.at_zero, point) and is_inside(einsum, access.at_zero, point)):
                    words.add(word(access, points[instance]))

    def ending(self) -> None:
        if self.open.steps:
            self.close()

    def ended(self) -> None:
        self.close()

    # Frames

    def positions_of(self, einsum: str) -> tuple[int, ...]:
        followed = self.own & self.paths[einsum]
        return tuple(at if place in followed else -1 for place, at in zip(self.places, self.at, strict=True))

    def close(self) -> None:
        """Keep the frame, if something happened in it."""
        done = self.open
        if not (done.steps or done.words or done.taken):
            return
        taken = []
        for (holder, instance), (tile, arriving, leaving) in done.taken.items():
            self.held[holder, instance] = self.number(tile)
            sets = (self.number(tile), self.number(arriving), self.number(leaving))
            taken.append(Taken(holder, instance, *sets))
        self.frames.append(
            Frame(
                einsum=done.einsum,
                positions=done.positions or (-1,) * len(self.at),
                turned=tuple(sorted(done.turned)),
                steps=done.steps,
                point=done.point,
                points=tuple(done.points),
                ranges=tuple(done.ranges),
                touched=tuple(self.number(frozenset(words)) for words in done.touched),
                active=done.active,
                idle=done.idle,
                taken=tuple(taken),
                words=tuple(done.words.items()),
                filled=tuple((done.words if done.filled is None else done.filled).items()),
                begins_pass=done.begins_pass,
            )
        )
        self.open = _FrameSoFar()

    def number(self, tile: Tile) -> int:
        return self.tiles.setdefault(tile, len(self.tiles))

    def key_of(self, holder: Holder, instance: Instance) -> tuple[int, int]:
        instances = self.holders.setdefault(holder, {})
        return list(self.holders).index(holder), instances.setdefault(instance, len(instances))

    def traced_holders(self) -> tuple[TracedHolder, ...]:
        return tuple(TracedHolder(h.memory.name, h.tensor, tuple(instances)) for h, instances in self.holders.items())
