"""Resolved Einsums: what the counting model computes with. Every coefficient and extent is an integer here.

``notation.py`` turns text into a syntax tree; ``spec/workload.py`` resolves that tree, with the shapes of the
file, into the values of this module. Nothing here knows about text, YAML or hardware.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class Role(StrEnum):
    """What a tensor is to its workload."""

    INPUT = "input"
    OUTPUT = "output"
    WEIGHT = "weight"
    INTERMEDIATE = "intermediate"


@dataclass(frozen=True, slots=True)
class Affine:
    """An index expression ``Σ coefficient·rank_variable + constant``.

    Terms have non-zero coefficients, each variable once, in the order of the text.

    >>> str(Affine((("p", 2), ("r", 1)), -1)), str(Affine((), 0))
    ('2*p + r - 1', '0')
    """

    terms: tuple[tuple[str, int], ...]
    constant: int = 0
    table: tuple[int, ...] = ()
    """Where the coordinate is looked up (``TABLE[TOKEN[m]]``): the one at every value. Empty: the value itself."""

    @property
    def rank_variables(self) -> tuple[str, ...]:
        return tuple(v for v, _ in self.terms)

    def __str__(self) -> str:
        terms = [(c, v if abs(c) == 1 else f"{abs(c)}*{v}") for v, c in self.terms]
        terms += [(self.constant, str(abs(self.constant)))] if self.constant or not terms else []
        text = "".join(f" {'-' if sign < 0 else '+'} {term}" for sign, term in terms)
        return f"-{text[3:]}" if text.startswith(" -") else text[3:]

    def span(self, extents: Mapping[str, int]) -> tuple[int, int]:
        """Least and largest coordinate, where every rank variable runs from 0 to its extent.

        Of coordinates that are looked up: of all that stand between the least and the largest value.
        """
        reaches = [coefficient * (extents[v] - 1) for v, coefficient in self.terms]
        low, high = (self.constant + sum(clip(reach, 0) for reach in reaches) for clip in (min, max))
        if self.table:
            return min(self.table[low : high + 1]), max(self.table[low : high + 1])
        return low, high

    def at(self, point: Mapping[str, int]) -> int:
        """The coordinate at a point."""
        value = self.constant + sum(c * point[v] for v, c in self.terms)
        return self.table[value] if self.table else value

    def coordinates(self, extents: Mapping[str, int]) -> frozenset[int]:
        """All coordinates, where every rank variable runs from 0 to its extent."""
        names = self.rank_variables
        points = itertools.product(*(range(extents[v]) for v in names))
        return frozenset(self.at(dict(zip(names, values, strict=True))) for values in points)

    @property
    def repeats(self) -> bool:
        """Whether it looks some coordinate up more than once."""
        return len(set(self.table)) < len(self.table)


@dataclass(frozen=True, slots=True)
class Limit:
    """Where an index leaves its tensor at some points (padding), the range in which it is inside."""

    index: Affine
    extent: int
    """Of the tensor's rank: ``0 ≤ index < extent``."""


@dataclass(frozen=True, slots=True)
class Access:
    """One occurrence of a tensor in an Einsum: one affine index per rank."""

    tensor: str
    indices: tuple[Affine, ...]
    at_zero: frozenset[str] = frozenset()
    """Reduced rank variables that its term of the sum lacks: it is asked for only at the points where they are 0."""

    def __str__(self) -> str:
        return f"{self.tensor}[{', '.join(map(str, self.indices))}]"

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset(v for index in self.indices for v in index.rank_variables)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a workload."""

    name: str
    ranks: tuple[str, ...]
    """Rank names, upper case."""
    shape: tuple[int, ...]
    """Extent of each rank: the largest coordinate that is touched, plus one."""
    bits: int
    """Width of one word of this tensor."""
    role: Role
    guessed: bool = field(default=False, compare=False)
    """Whether the role is inferred where ``weights:`` could have said another."""

    @property
    def size_words(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Operation:
    """Compute operations of one kind that an Einsum performs."""

    kind: str
    """``mac``, ``mul``, ``add``, ``exp``, ``div``, ``max`` …"""
    per_point: int
    """How often at each point at which it is done."""
    at_zero: frozenset[str] = frozenset()
    """Reduced rank variables that its term of the sum lacks: it is done only at the points where they are 0."""


@dataclass(frozen=True)
class Einsum:
    """One resolved statement."""

    name: str
    """Unique in its workload."""
    text: str
    """The statement as it prints."""
    shape: Mapping[str, int]
    """Rank variable → extent, in order of first appearance: the iteration space."""
    output: Access
    inputs: tuple[Access, ...]
    """In order of appearance; an access whose points are among those of an equal one counts with it."""
    tensors: Mapping[str, Tensor]
    """Every tensor that this Einsum touches, output last."""
    operations: tuple[Operation, ...]
    count: int = 1
    """How many identical layers this statement stands for."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """Values of the constants that the text names."""
    addends: tuple[frozenset[str], ...] = ()
    """Where points lie outside for some terms of a sum alone: what each term lacks. Empty: they do for all of them."""

    @cached_property
    def points(self) -> int:
        """Size of the iteration space, points outside included."""
        return math.prod(self.shape.values())

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What holds at the points inside, where an index leaves its tensor at others: there nothing is done."""
        return tuple(dict.fromkeys(limit for access in self.accesses for limit in self.leaves(access)))

    def limits_where(self, lacking: frozenset[str]) -> tuple[Limit, ...]:
        """What holds where the terms of the sum that lack some rank variables are inside."""
        if not self.addends:
            return self.limits
        own = (a for a in self.accesses if a.at_zero == lacking or a == self.output)
        return tuple(dict.fromkeys(limit for access in own for limit in self.leaves(access)))

    def ways(self, access: Access) -> tuple[tuple[Limit, ...], ...]:
        """Where an access is asked for or updated: within all limits of one of these; the least narrow one first.

        That the rank variables of ``at_zero`` are 0 is not among them.
        """
        if not self.addends or access != self.output:
            return (self.limits_where(access.at_zero),)
        return tuple(
            (*self.limits_where(lacking), *(Limit(Affine(((v, 1),)), 1) for v in sorted(lacking)))
            for lacking in sorted(self.addends, key=len)
        )

    def leaves(self, access: Access) -> tuple[Limit, ...]:
        """Where an access leaves its tensor at some points: what holds inside."""
        found = []
        for index, extent in zip(access.indices, self.tensors[access.tensor].shape, strict=True):
            low, high = index.span(self.shape)
            if low < 0 or high >= extent:
                found.append(Limit(index, extent))
        return tuple(found)

    @cached_property
    def points_inside(self) -> int:
        """Points at which every access is inside its tensor, where terms differ in it: of the term that has most."""
        return max(map(self.points_where_zero, self.addends or (frozenset(),)))

    def points_of(self, access: Access) -> int:
        """Points at which an access is asked for or updated."""
        extents = {v: 1 if v in access.at_zero else n for v, n in self.shape.items()}
        ways = self.ways(access)
        chosen = (x for n in range(1, len(ways) + 1) for x in itertools.combinations(ways, n))
        return sum(
            (-1) ** (len(several) + 1) * points_within(tuple(dict.fromkeys(itertools.chain(*several))), extents)
            for several in chosen
        )

    @cached_property
    def operation_counts(self) -> Mapping[str, int]:
        """Operations of each kind."""
        counts: dict[str, int] = {}
        for operation in self.operations:
            done = operation.per_point * self.points_where_zero(operation.at_zero)
            counts[operation.kind] = counts.get(operation.kind, 0) + done
        return counts

    def points_where_zero(self, at_zero: frozenset[str]) -> int:
        """Points inside at which some rank variables are 0, those that the term in question lacks."""
        return points_within(self.limits_where(at_zero), {v: 1 if v in at_zero else n for v, n in self.shape.items()})

    @property
    def accesses(self) -> tuple[Access, ...]:
        return (*self.inputs, self.output)

    @cached_property
    def reduced(self) -> frozenset[str]:
        """Rank variables that do not index the output."""
        return frozenset(self.shape) - self.output.rank_variables

    @cached_property
    def accumulated(self) -> frozenset[str]:
        """Rank variables along which several points may update the same word: those that have no rank to themselves.

        Of ``O[p + r, m] = A[m, k] * B[k, p, r]`` these are k, p and r.
        """
        alone = {v for i in self.output.indices if len(i.terms) == 1 and not i.repeats for v, _ in i.terms}
        return frozenset(v for v, extent in self.shape.items() if extent > 1) - alone

    def accumulates(self, tensor: str) -> bool:
        """Whether a tensor is the output, and its words are sums of several points."""
        return tensor == self.output.tensor and bool(self.accumulated)

    def accesses_of(self, tensor: str) -> tuple[Access, ...]:
        return tuple(a for a in self.accesses if a.tensor == tensor)


@dataclass(frozen=True)
class Workload:
    """Ordered Einsums that may share tensors (a cascade), or the layers of a network."""

    name: str
    source: str
    einsums: tuple[Einsum, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What may not be meant as it is written, with its place. Nothing is refused for it."""

    def einsum(self, name: str) -> Einsum:
        """Return the Einsum of that name; KeyError if there is none."""
        for einsum in self.einsums:
            if einsum.name == name:
                return einsum
        raise KeyError(name)


def points_within(limits: Sequence[Limit], extents: Mapping[str, int]) -> int:
    """Points of a box at which all limits hold: rank variables that share no limit are counted apart.

    >>> points_within([Limit(Affine((("p", 1), ("r", 1)), -1), 3)], {"p": 3, "r": 3, "m": 2})
    14
    """
    points, free = 1, dict(extents)
    for together, names in limits_together(limits):
        boxes = boxes_within(together, {v: (0, free.pop(v)) for v in names})
        points *= sum(math.prod(extent for _, extent in box.values()) for box in boxes)
    return points * math.prod(free.values())


def limits_together(limits: Sequence[Limit]) -> Iterator[tuple[list[Limit], list[str]]]:
    """Yield limits that share rank variables, with these: those of different groups hold whatever the others do."""
    left = list(limits)
    while left:
        together, names = [left[0]], set(left[0].index.rank_variables)
        while more := [x for x in left if x not in together and names & set(x.index.rank_variables)]:
            together += more
            names.update(*(x.index.rank_variables for x in more))
        yield together, sorted(names)
        left = [x for x in left if x not in together]


def boxes_within(
    limits: Sequence[Limit], intervals: Mapping[str, tuple[int, int]]
) -> Iterator[dict[str, tuple[int, int]]]:
    """Yield boxes, (low, extent) of each rank variable, that split the points of a box at which all limits hold.

    The longest rank variable has an interval at each point of the others.
    """
    longest = max(intervals, key=lambda v: intervals[v][1], default=None)
    others = [v for v in intervals if v != longest]
    for values in itertools.product(*(range(low, low + extent) for low, extent in (intervals[v] for v in others))):
        at = dict(zip(others, values, strict=True))
        first, last = 0, 0
        if longest is not None:
            first, last = intervals[longest][0], sum(intervals[longest]) - 1
        for limit in limits:
            step = sum(c for v, c in limit.index.terms if v == longest)
            rest = limit.index.constant + sum(c * at[v] for v, c in limit.index.terms if v != longest)
            if step:
                low, high = (-rest, limit.extent - 1 - rest) if step > 0 else (rest - limit.extent + 1, rest)
                first, last = max(first, -(-low // abs(step))), min(last, high // abs(step))
            elif not 0 <= rest < limit.extent:
                last = first - 1
        if first <= last:
            box = {v: (value, 1) for v, value in at.items()}
            yield box if longest is None else {**box, longest: (first, last - first + 1)}
