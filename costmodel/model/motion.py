"""How the tile of one tensor moves below a list of loops, and how many words that takes: sums over events."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.model.closed import Modes, Structure, closed_arrivals, closed_first_words
from costmodel.model.deliveries import group_sums, idle_sums, largest, unchanged
from costmodel.model.groups import Group, Way, groups_of
from costmodel.model.patience import check_time
from costmodel.model.tile_walk import walked_returns
from costmodel.model.tiles import Chain, Event, Fixed, Loop, PositionClass, position_classes

SHARED = 4096
"""Motions that are kept."""
_NEVER: frozenset[str] = frozenset()
Counted = Literal["words", "work", "time"]
"""What is counted where an access leaves its tensor: the words that exist; what is done, which is nothing at such a
point; or the time, in which all are points and words alike."""


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
    frozen: frozenset[str] = frozenset()
    """Rank variables at whose position 0 alone the tensor is asked for: instances at others are idle."""
    rigid: bool = True
    """Whether tiles at different positions are translations of each other, and so the nest its own mirror image."""
    _classes: dict[tuple[object, ...], list[PositionClass]] = field(default_factory=dict, init=False)
    _sums: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict, init=False)
    _arrivals: dict[tuple[int, Modes, bool], int] = field(default_factory=dict, init=False)

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
        """Groups of ranks whose tiles overlap or have several images."""
        return tuple(g for g in self.groups if not g.plain)

    @cached_property
    def apart(self) -> frozenset[str]:
        """Rank variables along which tiles at different positions are no translations of each other."""
        return frozenset(v for g in self.groups if not g.rigid for v in g.rank_variables)

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
            w, k = self.sums_in(group, event, merged_from, modes)
            whole, kept = whole * w, kept * k
        return whole, kept

    def sums_in(self, group: Group, event: Event, merged_from: int, modes: Modes) -> tuple[int, int]:
        """Sum (|tile|, |kept|) over the positions of the rank variables of one group; nothing else moves."""
        return self._group_sums(group, event, merged_from, None, modes, leaving=False, fresh=event.kind != "step")

    def key_in(self, group: Group, event: Event, merged_from: int, modes: Modes) -> tuple[object, ...]:
        """Return all that ``sums_in`` depends on besides tiles."""
        return self._key(group, event, merged_from, None, modes, leaving=False, fresh=event.kind != "step")

    def _key(
        self,
        group: Group,
        event: Event,
        merged_from: int,
        fixed: Fixed | None,
        modes: Modes,
        *,
        leaving: bool,
        fresh: bool,
    ) -> tuple[object, ...]:
        places = [self._place(v, event, merged_from, fixed, apart=not group.rigid) for v in group.rank_variables]
        return (*places, modes, leaving, fresh)  # no two groups share a rank variable

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
        key = self._key(group, event, merged_from, fixed, modes, leaving=leaving, fresh=fresh)
        found = self._sums.get(key)
        if found is None:
            classes = self._classes_of(group, event, merged_from, fixed)
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

    def _classes_of(
        self, group: Group, event: Event, merged_from: int, fixed: Fixed | None
    ) -> list[list[PositionClass]]:
        """Position classes of the rank variables of a group."""
        apart = not group.rigid
        return [self._positions(v, event, merged_from, fixed, apart=apart) for v in group.rank_variables]

    def _place(self, v: str, event: Event, merged_from: int, fixed: Fixed | None, *, apart: bool) -> tuple[object, ...]:
        """Return all that the positions along a rank variable depend on."""
        starts, (kind, loop) = self._starts[v], event
        coordinates = None if fixed is None else fixed.get(v, ())
        steps = kind == "step" and loop in starts
        outside, merged = bisect_left(starts, loop), bisect_left(starts, merged_from)
        return (v, kind == "all", outside, steps, merged, coordinates, apart)

    def _positions(
        self, v: str, event: Event, merged_from: int, fixed: Fixed | None, *, apart: bool = False
    ) -> list[PositionClass]:
        key = self._place(v, event, merged_from, fixed, apart=apart)
        found = self._classes.get(key)
        if found is None:
            coordinates = None if fixed is None else fixed.get(v, ())
            chain = Chain(self.extents[v], self._own_loops[v], merged_from, coordinates, apart)
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
        if self.exact and self.rigid:  # the nest run backwards is the same nest
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
            check_time()
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
                classes = self._classes_of(group, everything, merged_from, fixed)
                whole, _ = group_sums(group, classes, modes, refetch=False, leaving=False, fresh=True)
                if whole != distinct:
                    return None
            total *= distinct
        return total

    def returns(self, merged_from: int, modes: Modes, fixed: Fixed | None = None) -> int:
        """Words of arrivals that the asking child has touched before, after merging."""
        refetched = self.refetch and bool(self.windows)
        firsts = None if refetched else self.first_touches(merged_from, modes, fixed)
        if firsts is None:
            return walked_returns(self, merged_from, modes, fixed)
        return self.arrivals(merged_from, modes, fixed) - firsts

    def largest(self) -> int:
        """Words of the largest tile of one instance."""
        total = 1
        for group in self.groups:
            total *= self._first[group.rank_variables[0]][1] if group.plain else self.largest_in(group)
        return total

    def largest_in(self, group: Group) -> int:
        """Words of the largest tile of one instance in a group: the first, unless its images move apart."""
        if group.rigid:
            return group.bits({v: self._first[v] for v in group.rank_variables}).bit_count()
        alone = len(self.loops)
        classes = self._classes_of(group, Event("all", alone), alone, None)
        return largest(group, classes)

    @cached_property
    def _first(self) -> Mapping[str, tuple[int, int]]:
        """(low, extent) of every rank variable in the first tile."""
        first = {v: (0, self.extents[v]) for v in self.extents}
        for loop in self.loops:
            first[loop.rank_variable] = (0, min(first[loop.rank_variable][1], loop.tile))
        return first

    def changes(self, fixed: Fixed) -> int:
        """How often one instance takes a tile that differs from the one before, the first included."""
        alone = len(self.loops)

        def positions(event: Event) -> tuple[int, int]:
            """All positions, and those at which the tile stays."""
            every = still = 1
            for v in self.idle:
                n = sum(c.multiplicity for c in self._positions(v, event, alone, fixed))
                every, still = every * n, still * n
            for group in self.groups:
                n, m = unchanged(group, self._classes_of(group, event, alone, fixed))
                every, still = every * n, still * m
            return every, still

        lives, _ = positions(Event("start", self.scope))
        return lives + sum(every - still for every, still in map(positions, self.steps()))


def _joined(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, extent in sorted(runs):
        if joined and low <= sum(joined[-1]):
            start, length = joined[-1]
            joined[-1] = (start, max(length, low + extent - start))
        else:
            joined.append((low, extent))
    return joined


def motion(
    loops: tuple[Loop, ...],
    scope: int,
    accesses: Sequence[tuple[Einsum, Access]],
    counted: Counted,
    *,
    boxes: bool = False,
    refetch: bool = False,
) -> Motion:
    """Describe how a tensor, touched through ``accesses``, moves below ``loops``.

    Rank variables at whose position 0 alone every access is asked for are *frozen*: the loops over them have one step.
    """
    extents: dict[str, int] = {}
    touched: list[Way] = []
    frozen: frozenset[str] | None = None
    driven = {loop.rank_variable for loop in loops}
    for einsum, access in accesses:
        names = {v: v if extents.setdefault(v, n) == n else f"{einsum.name}:{v}" for v, n in einsum.shape.items()}
        extents.update((names[v], n) for v, n in einsum.shape.items() if names[v] != v)
        forms = access.indices
        within = einsum.ways(access) if counted == "work" and einsum.limits else ((),)
        if extents.keys() != names.keys() or 1 in einsum.shape.values():
            forms = tuple(_moving(index, names, einsum) for index in access.indices)
            within = tuple(tuple(replace(x, index=_moving(x.index, names, einsum)) for x in one) for one in within)
        touched += [(forms, one) for one in within]
        at_zero = frozenset(names[v] for v in access.at_zero if einsum.shape[v] > 1) if access.at_zero else _NEVER
        frozen = at_zero if frozen is None else frozen & at_zero
    if frozen:
        extents.update(dict.fromkeys(frozen, 1))
        loops = tuple(replace(x, tile=1) if x.rank_variable in frozen else x for x in loops)
    einsum, access = accesses[0]
    shape = einsum.tensors[access.tensor].shape if counted == "words" else None
    every = tuple(extents.items())
    groups = groups_of(tuple(dict.fromkeys(touched)), every, boxes=boxes, shape=shape)
    used = {v for g in groups for v in g.rank_variables}
    idle = tuple(sorted(v for v in driven if v not in used))
    rigid = all(g.rigid for g in groups)
    return _shared(loops, scope, groups, idle, every, refetch, frozen or _NEVER, rigid)


@lru_cache(maxsize=SHARED)
def _shared(
    loops: tuple[Loop, ...],
    scope: int,
    groups: tuple[Group, ...],
    idle: tuple[str, ...],
    extents: tuple[tuple[str, int], ...],
    refetch: bool,
    frozen: frozenset[str],
    rigid: bool,
) -> Motion:
    """Return the same object for the same motion: it remembers its sums, and sweeps cost a mapping on many designs."""
    return Motion(loops, scope, groups, idle, dict(extents), refetch, frozen, rigid)


def _moving(index: Affine, names: Mapping[str, str], einsum: Einsum) -> Affine:
    """Return an index of rank variables that move, under the names that they have here."""
    return replace(index, terms=tuple((names[v], c) for v, c in index.terms if einsum.shape[v] > 1))


def touched_words(einsum: Einsum, tensor: str) -> int:
    """Distinct words of a tensor that the points of an Einsum ask for or update: what has to cross at least."""
    return motion((), 0, [(einsum, access) for access in einsum.accesses_of(tensor)], "work").largest()
