"""Exact words across each boundary of a bound nest: the closed forms of docs/counting.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.model.closed import Modes, Structure, closed_arrivals, closed_first_words
from costmodel.model.nest import BoundEinsum, Holder
from costmodel.model.tiles import (
    Chain,
    Delivery,
    Event,
    Form,
    Group,
    Loop,
    PositionClass,
    group_sums,
    idle_sums,
    merge,
    position_classes,
)
from costmodel.spec.hardware import Architecture, Array

Fixed = Mapping[str, tuple[int, ...]]
"""Rank variable → coordinates of one owner instance along its spatial loops."""


@dataclass(frozen=True, eq=False)
class Motion:
    """How the tile of one tensor moves below a list of loops, in every instance."""

    loops: tuple[Loop, ...]
    scope: int
    groups: tuple[Group, ...]
    idle: tuple[str, ...]
    """Rank variables with loops above that do not index the tensor."""
    extents: Mapping[str, int]
    refetch: bool = False
    _classes: dict[tuple[object, ...], list[PositionClass]] = field(default_factory=dict)
    _sums: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict)
    _arrivals: dict[tuple[int, Modes, bool], int] = field(default_factory=dict)

    @cached_property
    def _own_loops(self) -> Mapping[str, tuple[tuple[int, Loop], ...]]:
        own: dict[str, list[tuple[int, Loop]]] = {v: [] for v in self.extents}
        for at, loop in enumerate(self.loops):
            own[loop.rank_variable].append((at, loop))
        return {v: tuple(listed) for v, listed in own.items()}

    @cached_property
    def _starts(self) -> Mapping[str, tuple[int, ...]]:
        return {v: tuple(at for at, _ in listed) for v, listed in self._own_loops.items()}

    @cached_property
    def exact(self) -> bool:
        """Whether every tile divides the one above it."""
        return all(Chain(self.extents[v], listed, 0).exact for v, listed in self._own_loops.items())

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        """Steps of every loop, where every tile divides the one above it."""
        left = dict(self.extents)
        counts = []
        for loop in self.loops:
            counts.append(left[loop.rank_variable] // loop.tile)
            left[loop.rank_variable] = loop.tile
        return tuple(counts)

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(g.rank_variables[0] for g in self.groups if g.plain)

    @cached_property
    def windows(self) -> tuple[Group, ...]:
        """Groups of ranks whose tiles overlap or have several alternatives."""
        return tuple(g for g in self.groups if not g.plain)

    @cached_property
    def structure(self) -> Structure:
        """What the closed forms need to know, without any number."""
        return Structure(
            self.loops, self.scope, self._plain, frozenset(v for g in self.windows for v in g.rank_variables)
        )

    @cached_property
    def _plain_tile(self) -> int:
        tile = 1
        for v in self._plain:
            own = self._own_loops[v]
            tile *= own[-1][1].tile if own else self.extents[v]
        return tile

    def window_sums(self, event: Event, merged_from: int, modes: Modes) -> tuple[int, int]:
        """Sum (|tile|, |kept|) over the positions of the rank variables in windows; nothing else moves."""
        whole = kept = 1
        for group in self.windows:
            fresh = event.kind != "step"
            w, k = self._group_sums(group, event, merged_from, None, modes, leaving=False, fresh=fresh)
            whole, kept = whole * w, kept * k
        return whole, kept

    def _group_sums(
        self,
        group: Group,
        event: Event,
        merged_from: int,
        fixed: Fixed | None,
        modes: Modes,
        *,
        leaving: bool,
        fresh: bool,
    ) -> tuple[int, int]:
        """``group_sums``, remembered: loops over other rank variables leave the positions of a group as they are."""
        classes = [self._positions(v, event, merged_from, fixed) for v in group.rank_variables]
        key = (id(group), tuple(map(id, classes)), modes, leaving, fresh)
        found = self._sums.get(key)
        if found is None:
            found = group_sums(group, classes, modes, refetch=self.refetch, leaving=leaving, fresh=fresh)
            self._sums[key] = found
        return found

    def _exact_arrivals(self, merged_from: int, modes: Modes, *, every_step: bool = False) -> int:
        key = (merged_from, modes, every_step)
        found = self._arrivals.get(key)
        if found is None:
            windows = None
            if self.windows:
                windows = lambda event: self.window_sums(event, merged_from, modes)  # noqa: E731
            found = self._arrivals[key] = int(
                closed_arrivals(
                    self.structure, self._counts, self._plain_tile, windows, merged_from, modes, every_step=every_step
                )
            )
        return found

    def _positions(self, v: str, event: Event, merged_from: int, fixed: Fixed | None) -> list[PositionClass]:
        starts = self._starts[v]
        outside = sum(at < event.loop for at in starts)
        steps = event.kind == "step" and event.loop in starts
        merged = sum(at < merged_from for at in starts)
        coordinates = None if fixed is None else fixed.get(v, ())
        key = (v, event.kind == "all", outside, steps, merged, coordinates)
        found = self._classes.get(key)
        if found is None:
            chain = Chain(self.extents[v], self._own_loops[v], merged_from, coordinates)
            found = self._classes[key] = position_classes(chain, event)
        return found

    def event_sums(
        self, event: Event, merged_from: int, fixed: Fixed | None, modes: Modes, *, leaving: bool, fresh: bool
    ) -> tuple[int, int]:
        whole = kept = 1
        for v in self.idle:
            n = idle_sums(self._positions(v, event, merged_from, fixed), modes)
            whole *= n
            kept *= n
        for group in self.groups:
            w, k = self._group_sums(group, event, merged_from, fixed, modes, leaving=leaving, fresh=fresh)
            whole *= w
            kept *= k
        return whole, kept

    def steps(self) -> Iterable[Event]:
        """Yield the transitions within one life of the node."""
        for at in range(self.scope, len(self.loops)):
            if not self.loops[at].spatial:
                yield Event("step", at)

    def arrivals(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int:
        """Words that children ask for, after merging, over all lives."""
        if self.exact and fixed is None:
            return self._exact_arrivals(merged_from, modes)
        total, _ = self.event_sums(Event("start", self.scope), merged_from, fixed, modes, leaving=False, fresh=True)
        for event in self.steps():
            whole, kept = self.event_sums(event, merged_from, fixed, modes, leaving=False, fresh=False)
            total += whole - kept
        return total

    def departures(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int:
        """Words that children give back, after merging those that leave together."""
        if self.exact:  # the nest run backwards is the same nest
            return self.arrivals(merged_from, modes, fixed)
        total, _ = self.event_sums(Event("end", self.scope), merged_from, fixed, modes, leaving=True, fresh=True)
        for event in self.steps():
            whole, kept = self.event_sums(event, merged_from, fixed, modes, leaving=True, fresh=False)
            total += whole - kept
        return total

    def accesses(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int:
        """Words of all steps, for children that hold nothing."""
        if self.exact and fixed is None:
            return self._exact_arrivals(merged_from, modes, every_step=True)
        everything = Event("all", len(self.loops))
        return self.event_sums(everything, merged_from, fixed, modes, leaving=False, fresh=True)[0]

    def distinct(self, merged_from: int, fixed: Fixed | None = None) -> int:
        """Distinct words that each owner ever touches through its children, summed over owners."""
        if self.exact and fixed is None and not self.windows:
            return self._first_words(merged_from, ())
        everything = Event("all", len(self.loops))
        total = 1
        for v in self.idle:
            classes = self._positions(v, Event("start", 0), merged_from, fixed)
            total *= sum(c.multiplicity for c in classes)
        for group in self.groups:
            if group.plain:
                (v,) = group.rank_variables
                total *= sum(
                    c.multiplicity * sum(s.extent for s in c.states)
                    for c in self._positions(v, everything, merged_from, fixed)
                )
            else:
                total *= self._distinct_in(group, merged_from, fixed)
        return total

    def _first_words(self, merged_from: int, modes: Modes) -> int:
        return int(closed_first_words(self.structure, self._counts, self._plain_tile, merged_from, modes))

    def _distinct_in(self, group: Group, merged_from: int, fixed: Fixed | None) -> int:
        values = [self._values_by_owner(v, merged_from, fixed, joined=not group.boxes) for v in group.rank_variables]
        total = 0
        for owners in product(*values):
            union = 0
            for runs in product(*owners):
                union |= group.bits(dict(zip(group.rank_variables, runs, strict=True)))
            total += union.bit_count()
        return total

    def _values_by_owner(
        self, v: str, merged_from: int, fixed: Fixed | None, *, joined: bool
    ) -> list[list[tuple[int, int]]]:
        """For each owner instance along v: the intervals (low, extent) of v that it ever works on.

        ``joined`` unites neighbouring tiles, which leaves the words of a tile without bounding box as they are.
        """
        own = [(at, loop) for at, loop in self._own_loops[v]]
        coordinates = iter(fixed.get(v, ()) if fixed is not None else ())
        owners: list[set[tuple[int, int]]] = [{(0, self.extents[v])}]
        for at, loop in own:
            split: list[set[tuple[int, int]]] = []
            for runs in owners:
                pieces = [
                    [
                        (low + i * loop.tile, min(loop.tile, extent - i * loop.tile))
                        for i in range(-(-extent // loop.tile))
                    ]
                    for low, extent in runs
                ]
                if loop.spatial and at < merged_from:
                    wanted = [next(coordinates)] if fixed is not None else range(max(map(len, pieces)))
                    split += [{p[i] for p in pieces if i < len(p)} for i in wanted]
                else:
                    split.append({x for p in pieces for x in p})
            owners = [runs for runs in split if runs]
        return [_joined(runs) if joined else sorted(runs) for runs in owners]

    def first_touches(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int | None:
        """Words asked for by arrivals that are first touches, after merging; null where only a walk can tell."""
        if self.exact and fixed is None and not self.windows:
            return self._first_words(merged_from, modes)
        everything = Event("all", len(self.loops))
        total = 1
        for v in self.idle:
            total *= idle_sums(self._positions(v, Event("start", 0), merged_from, fixed), modes)
        for group in self.groups:
            if group.plain:
                (v,) = group.rank_variables
                total *= sum(
                    c.multiplicity * sum(s.extent for s in c.states)
                    for c in self._positions(v, everything, merged_from, fixed)
                )
                continue
            distinct = self._distinct_in(group, merged_from, fixed)
            spread = any(
                loop.spatial and at >= merged_from for v in group.rank_variables for at, loop in self._own_loops[v]
            )
            if spread:
                classes = [self._positions(v, everything, merged_from, fixed) for v in group.rank_variables]
                whole, _ = group_sums(group, classes, modes, refetch=False, leaving=False, fresh=True)
                if whole != distinct:
                    return None
            total *= distinct
        return total

    def returns(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int:
        """Words of arrivals that the asking child has touched before, after merging."""
        firsts = (
            None
            if self.refetch and not all(g.plain for g in self.groups)
            else self.first_touches(merged_from, modes, fixed)
        )
        if firsts is None:
            return self._walked_returns(merged_from, modes, fixed)
        return self.arrivals(merged_from, modes, fixed) - firsts

    def _walked_returns(self, merged_from: int, modes: Modes, fixed: Fixed | None) -> int:
        """Walk the tiles in time, for written windows that several children share."""
        children = self._instances(merged_from, fixed)
        seen: dict[tuple[object, ...], int] = {}
        held: dict[tuple[object, ...], int] = {}
        box = _Flat.over(self.groups)
        life: tuple[int, ...] | None = None
        total = 0
        for positions, alive in self._times(children):
            if life != positions[: self.scope]:
                life = positions[: self.scope]
                held = {}
            by_owner: dict[tuple[object, ...], list[tuple[tuple[tuple[str, int], ...], Delivery]]] = {}
            for (owner, place), intervals in alive:
                tile = box.bits(intervals)
                old = held.get((owner, place), 0)
                asked = (0 if tile == old else tile) if self.refetch else tile & ~old
                asked &= seen.get((owner, place), 0)
                seen[owner, place] = seen.get((owner, place), 0) | tile
                held[owner, place] = tile
                by_owner.setdefault(owner, []).append((place, Delivery(tile, tile & ~asked)))
            for listed in by_owner.values():
                total += sum((d.tile & ~d.kept).bit_count() for d in merge(listed, modes))
        return total

    def _instances(
        self, merged_from: int, fixed: Fixed | None
    ) -> list[tuple[tuple[int, ...], tuple[tuple[str, int], ...], dict[int, int]]]:
        """Every child: (owner coordinates, place below the owner, loop → coordinate)."""
        spatial = [(at, loop) for at, loop in enumerate(self.loops) if loop.spatial]
        coordinates = {v: iter(c) for v, c in (fixed or {}).items()}
        ranges: list[Sequence[int]] = []
        for at, loop in spatial:
            if fixed is not None and at < merged_from:
                ranges.append([next(coordinates[loop.rank_variable])])
            else:
                ranges.append(range(self._most_steps(at)))
        found = []
        for chosen in product(*ranges):
            owner = tuple(i for (at, _), i in zip(spatial, chosen, strict=True) if at < merged_from)
            place = tuple(
                (loop.array or "", i) for (at, loop), i in zip(spatial, chosen, strict=True) if at >= merged_from
            )
            found.append((owner, place, {at: i for (at, _), i in zip(spatial, chosen, strict=True)}))
        return found

    def _most_steps(self, at: int) -> int:
        left = self.extents[self.loops[at].rank_variable]
        for before, loop in self._own_loops[self.loops[at].rank_variable]:
            if before == at:
                break
            left = min(left, loop.tile)
        return -(-left // self.loops[at].tile)

    def _times(
        self, children: Sequence[tuple[tuple[int, ...], tuple[tuple[str, int], ...], dict[int, int]]]
    ) -> Iterable[
        tuple[
            tuple[int, ...],
            list[tuple[tuple[tuple[int, ...], tuple[tuple[str, int], ...]], dict[str, tuple[int, int]]]],
        ]
    ]:
        ranges = [range(1) if loop.spatial else range(self._most_steps(at)) for at, loop in enumerate(self.loops)]
        for positions in product(*ranges):
            alive = []
            for owner, place, coordinates in children:
                intervals = {v: (0, n) for v, n in self.extents.items()}
                for at, loop in enumerate(self.loops):
                    i = coordinates.get(at, positions[at])
                    low, extent = intervals[loop.rank_variable]
                    intervals[loop.rank_variable] = (low + i * loop.tile, min(loop.tile, extent - i * loop.tile))
                    if extent <= i * loop.tile:
                        break
                else:
                    alive.append(((owner, place), intervals))
            if alive:
                yield positions, alive

    def largest(self) -> int:
        """Words of the largest tile of one instance."""
        first = {v: (0, self.extents[v]) for v in self.extents}
        for loop in self.loops:
            first[loop.rank_variable] = (0, min(first[loop.rank_variable][1], loop.tile))
        total = 1
        for group in self.groups:
            if group.plain:
                total *= first[group.rank_variables[0]][1]
            else:
                total *= group.bits({v: first[v] for v in group.rank_variables}).bit_count()
        return total

    def changes(self, fixed: Fixed) -> int:
        """How often one instance takes a tile that differs from the one before, the first included."""
        alone = len(self.loops)

        def count(event: Event, *, same: bool) -> int:
            total = 1
            for v in self.idle:
                total *= sum(c.multiplicity for c in self._positions(v, event, alone, fixed))
            for group in self.groups:
                here = 0
                for combination in product(*(self._positions(v, event, alone, fixed) for v in group.rank_variables)):
                    times = 1
                    now, old = {}, {}
                    for v, c in zip(group.rank_variables, combination, strict=True):
                        times *= c.multiplicity
                        (s,) = c.states
                        now[v], old[v] = (s.low, s.extent), (s.old_low, s.old_extent)
                    if not same or now == old or group.bits(now) == group.bits(old):
                        here += times
                total *= here
            return total

        total = count(Event("start", self.scope), same=False)
        for event in self.steps():
            total += count(event, same=False) - count(event, same=True)
        return total


def _joined(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, extent in sorted(runs):
        if joined and low <= sum(joined[-1]):
            start, length = joined[-1]
            joined[-1] = (start, max(length, low + extent - start))
        else:
            joined.append((low, extent))
    return joined


@dataclass(frozen=True, slots=True)
class _Flat:
    """All groups of a tensor as one bit set."""

    groups: tuple[Group, ...]
    widths: tuple[int, ...]

    @classmethod
    def over(cls, groups: tuple[Group, ...]) -> _Flat:
        return cls(groups, tuple(g.width for g in groups))

    def bits(self, intervals: Mapping[str, tuple[int, int]]) -> int:
        result = 1
        for group, width in zip(self.groups, self.widths, strict=True):
            factor = group.bits({v: intervals[v] for v in group.rank_variables})
            spread = 0
            while result:
                low = result & -result
                spread |= factor << ((low.bit_length() - 1) * width)
                result ^= low
            result = spread
        return result


def motion(
    loops: tuple[Loop, ...],
    scope: int,
    accesses: Sequence[tuple[Einsum, Access]],
    *,
    boxes: bool = False,
    refetch: bool = False,
) -> Motion:
    """Describe how a tensor, touched through ``accesses``, moves below ``loops``."""
    extents: dict[str, int] = {}
    alternatives: list[tuple[Affine, ...]] = []
    driven = {loop.rank_variable for loop in loops}
    for einsum, access in accesses:
        names: dict[str, str] = {}
        for v, n in einsum.shape.items():
            name = v
            if extents.get(v, n) != n:
                name = f"{einsum.name}:{v}"
            extents[name] = n
            names[v] = name
        indices = tuple(
            Affine(tuple((names[v], c) for v, c in index.terms if einsum.shape[v] > 1), index.constant)
            for index in access.indices
        )
        if indices not in alternatives:
            alternatives.append(indices)
    groups = _groups(tuple(alternatives), tuple(extents.items()), boxes=boxes)
    used = {v for g in groups for v in g.rank_variables}
    idle = tuple(sorted(v for v in driven if v not in used))
    return Motion(loops, scope, groups, idle, extents, refetch)


@lru_cache(maxsize=4096)
def _groups(
    alternatives: tuple[tuple[Affine, ...], ...], extents: tuple[tuple[str, int], ...], *, boxes: bool
) -> tuple[Group, ...]:
    """Split the ranks of a tensor into the finest independent groups."""
    sizes = dict(extents)
    groups = []
    for ranks in _components(alternatives):
        forms = tuple(dict.fromkeys(tuple(Form(a[r].terms, a[r].constant) for r in ranks) for a in alternatives))
        variables = tuple(dict.fromkeys(v for a in forms for f in a for v, _ in f.terms))
        if not variables and len(forms) == 1:
            continue
        strides: list[int] = []
        offset, width = 0, 1
        for at in range(len(ranks)):
            spans = [_reach(a[at], sizes) for a in forms]
            low, high = min(s[0] for s in spans), max(s[1] for s in spans)
            strides.append(width)
            offset -= width * low
            width *= high - low + 1
        groups.append(Group(variables, forms, tuple(strides), offset, width, boxes))
    return tuple(groups)


def _components(alternatives: tuple[tuple[Affine, ...], ...]) -> list[list[int]]:
    """Sets of ranks that share a rank variable, or in which more than one differs between the alternatives."""
    order = len(alternatives[0])
    tied = [{r} for r in range(order)]
    tied.append({r for r in range(order) if len({a[r] for a in alternatives}) > 1})
    variables = {v for a in alternatives for index in a for v in index.rank_variables}
    tied += [{r for a in alternatives for r, index in enumerate(a) if v in index.rank_variables} for v in variables]
    components: list[set[int]] = []
    for ranks in filter(None, tied):
        apart = [c for c in components if not c & ranks]
        components = [*apart, ranks.union(*(c for c in components if c & ranks))]
    return sorted(sorted(c) for c in components)


def _reach(form: Form, extents: Mapping[str, int]) -> tuple[int, int]:
    ends = [c * (extents[v] - 1) for v, c in form.terms]
    return form.constant + sum(min(0, e) for e in ends), form.constant + sum(max(0, e) for e in ends)


def holder_motion(holder: Holder) -> Motion:
    """Describe how the tile of a holder moves."""
    accesses = [(e, a) for e in holder.einsums for a in e.accesses_of(holder.tensor.name)]
    return motion(
        holder.loops,
        holder.scope,
        accesses,
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
    return Crossing(parent, child, child.owner, read, update, fill, drain, hops, moving)


def cross_access(
    architecture: Architecture, bound: BoundEinsum, access: Access, fixed: Fixed | None = None
) -> Crossing:
    """Count what crosses between the innermost holder of a tensor and the compute instances, for one access.

    With ``fixed`` only the flows of one instance of the holder are counted.
    """
    holder = bound.holders[access.tensor][-1]
    start = len(holder.loops)
    moving = motion(bound.loops, bound.scope, [(bound.einsum, access)])
    written = access is bound.einsum.output
    modes = (collect_modes if written else deliver_modes)(architecture, holder.level.name, bound.unit.name)
    asked = moving.accesses(start, modes, fixed)
    hops = _hops(moving.accesses, modes, start) if fixed is None else ()
    read = asked - moving.distinct(start, fixed) if written else asked
    return Crossing(holder, None, bound.einsum, read, asked if written else 0, 0, 0, hops, moving, access)


def _hops(count: Callable[[int, Modes], int], modes: Modes, start: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, count(start, below_only(modes, name))) for name, _ in modes)
