"""Exact words across each boundary of a bound nest: the closed forms of docs/counting.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Einsum
from costmodel.model.closed import Modes
from costmodel.model.motion import Counted, Motion, motion
from costmodel.model.nest import BoundEinsum, Holder
from costmodel.model.tiles import Fixed, Loop
from costmodel.spec.hardware import Architecture, Array


def holder_motion(holder: Holder, counted: Counted = "words") -> Motion:
    """Describe how the tile of a holder moves."""
    accesses = [(e, a) for e in holder.einsums for a in e.accesses_of(holder.tensor.name)]
    return motion(
        holder.loops,
        holder.scope,
        accesses,
        counted,
        boxes=holder.level.holes == "fetch",
        refetch=holder.level.halo == "refetch",
    )


def arrays_between(architecture: Architecture, above: str, below: str) -> tuple[Array, ...]:
    """Return the arrays that stand between two levels, outermost first, used or not."""
    start, end = architecture.index(above), architecture.index(below)
    return tuple(level for level in architecture.levels[start:end] if isinstance(level, Array))


def deliver_modes(architecture: Architecture, above: str, below: str) -> Modes:
    """How the arrays between a parent and its children merge what goes down."""
    return tuple((a.name, a.multicast) for a in arrays_between(architecture, above, below))


def collect_modes(architecture: Architecture, above: str, below: str) -> Modes:
    """How the arrays between children and their parent merge what comes up."""
    return tuple((a.name, "words" if a.reduce else "none") for a in arrays_between(architecture, above, below))


def below_only(modes: Modes, array: str) -> Modes:
    """Merging as it is seen just below an array: that array and those outside it merge nothing."""
    names = [name for name, _ in modes]
    cut = names.index(array) + 1
    return tuple((name, "none" if at < cut else mode) for at, (name, mode) in enumerate(modes))


@dataclass(frozen=True, slots=True)
class Crossing:
    """Words across the boundary between a parent holder and one child (a holder or a compute unit)."""

    parent: Holder
    child: Holder | None
    """Null for a compute unit."""
    einsum: Einsum
    """The Einsum that the crossing belongs to."""
    read: int
    """At the parent, all its instances."""
    update: int
    fill: int
    """At the child, all its instances; zero for a compute unit."""
    drain: int
    hops: tuple[tuple[str, int], ...]
    """Array → words delivered and collected."""
    down: Motion
    """How the child's tile moves."""
    sums: bool
    """Whether what moves are partial sums, apart from the last update of each word."""
    last_update: int = 0
    """Of the updates, those that finish a word: none where instances share the sum."""
    last_drain: int = 0
    last_hops: tuple[tuple[str, int], ...] = ()
    access: Access | None = None
    """What the compute unit asks for; null where the child is a holder."""


def cross(architecture: Architecture, child: Holder, fixed: Fixed | None = None, *, of_child: bool = True) -> Crossing:
    """Count what crosses between a holder and its parent.

    With ``fixed`` only the flows of one instance are counted: of the child, or of the parent (``of_child`` false).
    """
    parent = child.parent
    if parent is None:
        msg = "a holder without a parent has no crossing"
        raise ValueError(msg)
    moving = holder_motion(child)
    start = len(parent.loops)
    alone = len(child.loops)
    ends = (architecture, parent.level.name, child.level.name)
    down, up = deliver_modes(*ends), collect_modes(*ends)
    read = update = fill = drain = 0
    at_parent = fixed is None or not of_child
    at_child = fixed is None or of_child
    if not child.output_like:
        if at_parent:
            read = moving.arrivals(start, down, fixed)
        if at_child:
            fill = moving.arrivals(alone, (), fixed)
        hops = _hops(moving.arrivals, down, start) if fixed is None else ()
    else:
        if at_parent:
            read = moving.returns(start, down, fixed)
            update = moving.departures(start, up, fixed)
        if at_child:
            fill = moving.returns(alone, (), fixed)
            drain = moving.departures(alone, (), fixed)
        hops = ()
        if fixed is None:
            hops = tuple(
                (a, n + m)
                for (a, n), (_, m) in zip(
                    _hops(moving.returns, down, start), _hops(moving.departures, up, start), strict=True
                )
            )
    last_update = last_drain = 0
    last_hops: tuple[tuple[str, int], ...] = ()
    if child.partial:
        ended = Ended(child.owner, child.loops, moving)
        last_update = ended.words(start, fixed) if at_parent else 0
        last_drain = ended.words(alone, fixed) if at_child else 0
        last_hops = ended.hops(start, up) if fixed is None else ()
    return Crossing(
        parent,
        child,
        child.owner,
        read,
        update,
        fill,
        drain,
        hops,
        moving,
        child.partial,
        last_update,
        last_drain,
        last_hops,
    )


def cross_access(
    architecture: Architecture, bound: BoundEinsum, access: Access, fixed: Fixed | None = None
) -> Crossing:
    """Count what crosses between the innermost holder of a tensor and the compute instances, for one access.

    With ``fixed`` only the flows of one instance of the holder are counted.
    """
    holder = bound.holders[access.tensor][-1]
    start = len(holder.loops)
    moving = motion(bound.loops, bound.scope, [(bound.einsum, access)], "work")
    written = access is bound.einsum.output
    modes = (collect_modes if written else deliver_modes)(architecture, holder.level.name, bound.unit.name)
    if fixed is None and not modes and bound.einsum.limits:  # nothing merges: one word at each point where it is asked
        asked = bound.einsum.points_of(access)
    else:
        asked = moving.accesses(start, modes, fixed)
    hops = _hops(moving.accesses, modes, start) if fixed is None else ()
    read = asked - moving.distinct(start, fixed) if written else asked
    sums = written and bound.einsum.accumulates(access.tensor)
    last_update = 0
    last_hops: tuple[tuple[str, int], ...] = ()
    if sums:
        ended = Ended(bound.einsum, bound.loops, moving)
        last_update = ended.words(start, fixed)
        last_hops = ended.hops(start, modes) if fixed is None else ()
    return Crossing(
        holder,
        None,
        bound.einsum,
        read,
        asked if written else 0,
        0,
        0,
        hops,
        moving,
        sums,
        last_update,
        0,
        last_hops,
        access,
    )


@dataclass(frozen=True)
class Ended:
    """What finishes sums on their way up: of each word one update, where no instances share its sum."""

    einsum: Einsum
    loops: tuple[Loop, ...]
    moving: Motion

    def words(self, until: int, fixed: Fixed | None = None) -> int:
        """Return the words that instances below the first ``until`` loops finish."""
        return 0 if shared_sums(self.einsum, self.loops, until) else self.moving.distinct(until, fixed)

    def hops(self, start: int, modes: Modes) -> tuple[tuple[str, int], ...]:
        """Return array → words that are finished as they come to it, below a parent with ``start`` loops."""
        names = [name for name, _ in modes]
        found = []
        for at, name in enumerate(names):
            shared = shared_sums(self.einsum, self.loops, start, names[: at + 1])
            found.append((name, 0 if shared else self.moving.distinct(start)))
        return tuple(found)


def shared_sums(einsum: Einsum, loops: Sequence[Loop], until: int, arrays: Collection[str] = ()) -> bool:
    """Whether several instances, of the first ``until`` loops or of some arrays, add to the same word."""
    adding = adding_loops(einsum, loops, until, arrays)
    left = dict(einsum.shape)
    for at, loop in enumerate(loops):
        v = loop.rank_variable
        if at in adding and loop.tile < left[v]:
            return True
        left[v] = min(left.get(v, loop.tile), loop.tile)
    return False


def adding_loops(einsum: Einsum, loops: Sequence[Loop], until: int, arrays: Collection[str] = ()) -> list[int]:
    """Return which of the first ``until`` loops, and of those of some arrays, spread sums over instances.

    Those of one step do not, which is for the caller to know.
    """
    spread = ((at, x) for at, x in enumerate(loops) if x.spatial and (at < until or x.array in arrays))
    return [at for at, x in spread if x.rank_variable in einsum.accumulated]


def _hops(count: Callable[[int, Modes], int], modes: Modes, start: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, count(start, below_only(modes, name))) for name, _ in modes)
