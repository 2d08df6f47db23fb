"""Nests of one Einsum on one architecture by the steps of their loops: equal ones become one, and what they need.

A *plan* is a nest whose loops say how often they step. All tiles divide, so every tile of a storage node has one
size, and plans that differ only in ways that no tensor distinguishes have one canonical form.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.einsum.coordinates import Holes, joined_indices, tile_boxes
from costmodel.model.formats import stored_bits
from costmodel.spec import mapping as nodes
from costmodel.spec.hardware import Architecture, Memory


class Hold(NamedTuple):
    """A storage node of one tensor; ``level`` counts the architecture's levels."""

    level: int
    tensor: str


class Split(NamedTuple):
    """``steps`` tiles of a rank variable, in time, or in space where an array is named."""

    rank_variable: str
    steps: int
    array: str = ""
    dimension: str = ""


Plan = tuple[Hold | Split, ...]
"""A nest whose loops say how often they step rather than how large their tile is."""


class Share(NamedTuple):
    """Room that one tensor takes in one instance of a memory."""

    level: int
    tensor: str
    shape: tuple[int, ...]
    words: int
    """At most: what several accesses share depends on where they are."""
    bits: int
    least_bits: int
    """Room that it takes wherever they are."""


def _kind(step: Hold | Split) -> str:
    if isinstance(step, Hold):
        return "hold"
    return "parallel" if step.array else "loop"


def windowed(einsum: Einsum) -> frozenset[str]:
    """Rank variables of which the order of loops matters even where no tensor tells them apart.

    A tile that slides keeps a part of its words; so does one that is reached through two accesses.
    """
    extent = einsum.shape
    found: set[str] = set()
    for access in einsum.accesses:
        for index in access.indices:
            moving = [v for v in index.rank_variables if extent[v] > 1]
            if len(moving) > 1:
                found.update(moving)
    for tensor in einsum.tensors:
        accesses: set[Access] = set(einsum.accesses_of(tensor))
        if len(accesses) > 1:
            several = {v for access in accesses for v in access.rank_variables | access.at_zero}
            found.update(v for v in several if extent[v] > 1)
    return frozenset(found)


@dataclass(frozen=True)
class Plans:
    """The plans of one Einsum on one architecture with one compute unit."""

    einsum: Einsum
    architecture: Architecture
    ordered: bool = False
    """Whether the order in which a nest is written matters beyond its cost, because a rule is about it."""

    def canonical(self, steps: Iterable[Hold | Split]) -> Plan:
        """Return one nest for all that cost the same because they differ in ways that no tensor distinguishes.

        Loops of one step go, adjacent loops of one rank variable merge, storage nodes without a loop between them
        and loops that move the same tiles are sorted. Without windows a loop also commutes with its neighbour
        when it moves no tile that a loop further in has not moved already. Where the order matters, only loops of
        one step go.
        """
        kept = [step for step in steps if isinstance(step, Hold) or step.steps > 1]
        if self.ordered:
            return tuple(kept)
        result: list[Hold | Split] = []
        # A pass of a systolic array ends when its stationary tile changes, held in a memory below it or not.
        still = set(self.einsum.tensors) if self._systolic else set()
        for kind, run in itertools.groupby(reversed(kept), key=_kind):
            if kind == "hold":
                holds = [step for step in run if isinstance(step, Hold)]
                holds.sort(key=self._hold_key, reverse=True)
                result += holds
                still.update(hold.tensor for hold in holds)
                continue
            loops = [step for step in run if isinstance(step, Split)]
            result += self._canonical_run(loops, still) if kind == "loop" else self._canonical_space(loops)
        return tuple(reversed(result))

    def mapping(self, plan: Plan) -> nodes.Mapping:
        """Return a nest with tiles in place of steps."""
        tile = dict.fromkeys(self.einsum.shape, 1)
        nest: list[nodes.Node] = [nodes.Compute(self.einsum.name, self.architecture.unit.name)]
        levels = self.architecture.levels
        for step in reversed(plan):
            if isinstance(step, Hold):
                name = levels[step.level].name
                inner = nest[-1]
                if isinstance(inner, nodes.Storage) and inner.level == name:
                    nest[-1] = nodes.Storage((step.tensor, *inner.tensors), name)
                else:
                    nest.append(nodes.Storage((step.tensor,), name))
                continue
            v = step.rank_variable
            if step.array:
                nest.append(nodes.Spatial(v, tile[v], step.array, step.dimension))
            else:
                nest.append(nodes.Temporal(v, tile[v]))
            tile[v] *= step.steps
        return nodes.Mapping(tuple(reversed(nest)), arch=self.architecture.name, einsum=self.einsum.name)

    def tiles(self, plan: Plan) -> list[int]:
        """Return the tile below each loop, outermost first."""
        tile = dict.fromkeys(self.einsum.shape, 1)
        found: list[int] = []
        for step in reversed(plan):
            if isinstance(step, Split):
                found.append(tile[step.rank_variable])
                tile[step.rank_variable] *= step.steps
        return found[::-1]

    def steps_of(self, mapping: nodes.Mapping) -> Iterator[Hold | Split]:
        """Read a mapping whose tiles divide as steps; ValueError if one does not."""
        left = dict(self.einsum.shape)
        for node in mapping.nest:
            if isinstance(node, nodes.Sequence):
                raise ValueError("a sequence has no encoding")  # noqa: TRY004  the value is at fault, not its type
            if isinstance(node, nodes.Storage):
                yield from (Hold(self.architecture.index(node.level), tensor) for tensor in node.tensors)
            elif isinstance(node, nodes.Temporal | nodes.Spatial):
                steps, rest = divmod(left[node.rank_variable], node.tile)
                if rest:
                    raise ValueError(f"{node}: does not divide {left[node.rank_variable]}")
                left[node.rank_variable] = node.tile
                if isinstance(node, nodes.Spatial):
                    yield Split(node.rank_variable, steps, node.array, node.dimension)
                else:
                    yield Split(node.rank_variable, steps)

    def shares(self, plan: Plan) -> tuple[Share, ...]:
        """Return the room that every stored tile takes, outermost first."""
        extent = dict.fromkeys(self.einsum.shape, 1)
        found: list[Share] = []
        for step in reversed(plan):
            if isinstance(step, Split):
                extent[step.rank_variable] *= step.steps
            else:
                memory = self.architecture.levels[step.level]
                holes = memory.holes if isinstance(memory, Memory) else "skip"
                key: tuple[Hold | int, ...] = (step, *[extent[v] for v in self.relevant[step.tensor]])
                share = self._known.get(key)
                if share is None:
                    share = self._known[key] = self._share(step, extent, holes)
                found.append(share)
        return tuple(reversed(found))

    # Inner workings

    @property
    def closed(self) -> bool:
        """Whether the cost of every plan has a closed form for arrays of tiles: no windows, no systolic passes."""
        return not self.windowed and not self._systolic

    @cached_property
    def _systolic(self) -> bool:
        return any(array.systolic for array in self.architecture.arrays)

    @cached_property
    def _tensor_rank(self) -> dict[str, int]:
        return {tensor: place for place, tensor in enumerate(self.einsum.tensors)}

    @cached_property
    def _rank_of(self) -> dict[str, int]:
        return {v: place for place, v in enumerate(self.einsum.shape)}

    @cached_property
    def relevant(self) -> dict[str, frozenset[str]]:
        """Tensor → rank variables that move its tiles."""
        return {
            tensor: frozenset().union(*(a.rank_variables for a in self.einsum.accesses_of(tensor)))
            for tensor in self.einsum.tensors
        }

    def signature(self, rank_variable: str) -> tuple[bool, ...]:
        """Which tensors a rank variable moves, in the order of the Einsum's tensors."""
        return tuple(rank_variable in relevant for relevant in self.relevant.values())

    @cached_property
    def windowed(self) -> frozenset[str]:
        """Rank variables whose order matters even where no tensor tells them apart."""
        return windowed(self.einsum)

    @cached_property
    def _dimension_places(self) -> dict[tuple[str, str], int]:
        pairs = [(array.name, dimension) for array in self.architecture.arrays for dimension in array.shape]
        return {pair: place for place, pair in enumerate(pairs)}

    def _hold_key(self, hold: Hold) -> tuple[int, int]:
        return (hold.level, self._tensor_rank[hold.tensor])

    def _spatial_key(self, key: tuple[str, str, str]) -> tuple[int, int]:
        array, dimension, v = key
        return (self._dimension_places[array, dimension], self._rank_of[v])

    def _canonical_space(self, loops: Iterable[Split]) -> list[Split]:
        """Merge and sort parallel loops of adjacent arrays, innermost first."""
        across: dict[tuple[str, str, str], int] = {}
        for loop in loops:
            key = (loop.array, loop.dimension, loop.rank_variable)
            across[key] = across.get(key, 1) * loop.steps
        ordered = sorted(across.items(), key=lambda item: self._spatial_key(item[0]), reverse=True)
        return [Split(v, steps, array, dimension) for (array, dimension, v), steps in ordered]

    def _canonical_run(self, inner_first: list[Split], still: set[str]) -> list[Split]:
        """Sort loops between two storage nodes, innermost first; tensors whose tile they move leave ``still``."""
        run = inner_first
        while (sorted_run := self._sorted_run(run, set(still))) != run:
            run = sorted_run
        for loop in run:
            still.difference_update({t for t in still if loop.rank_variable in self.relevant[t]})
        return run

    def _sorted_run(self, run: list[Split], still: set[str]) -> list[Split]:
        """Merge and sort each group of neighbours that commute; what they close may let others commute next time."""
        result: list[Split] = []
        plain = not self.windowed
        place = 0
        while place < len(run):
            mark = self._mark(run[place], still, plain=plain)
            end = place + 1
            while end < len(run) and self._mark(run[end], still, plain=plain) == mark:
                end += 1
            merged: dict[str, int] = {}
            for loop in run[place:end]:
                merged[loop.rank_variable] = merged.get(loop.rank_variable, 1) * loop.steps
            for v in sorted(merged, key=self._rank_of.__getitem__, reverse=True):
                result.append(Split(v, merged[v]))
                still.difference_update({t for t in still if v in self.relevant[t]})
            place = end
        return result

    def _mark(self, loop: Split, still: set[str], *, plain: bool) -> object:
        """Loops with one mark commute."""
        v = loop.rank_variable
        if plain:
            return frozenset(t for t in still if v in self.relevant[t])
        return v if v in self.windowed else self.signature(v)

    def _share(self, hold: Hold, extent: Mapping[str, int], holes: Holes) -> Share:
        tensor = self.einsum.tensors[hold.tensor]
        boxes = tile_boxes(self._boxes[hold.tensor], extent, holes)
        # Several accesses touch between the largest of their boxes and their sum; the union is the model's business.
        sizes = [math.prod(box) for box in boxes]
        words = sum(sizes)
        if len(boxes) > 1 and holes == "fetch":
            words = self._around(hold.tensor, extent)
        words = min(words, tensor.size_words)
        shape = boxes[0] if len(boxes) == 1 and math.prod(boxes[0]) == words else (words,)
        level, sums = self.architecture.levels[hold.level], self.einsum.accumulates(hold.tensor)
        bits, least = (stored_bits(tensor, level, n, sums=sums) for n in (words, max(sizes)))
        return Share(hold.level, hold.tensor, shape, words, bits, least)

    def _around(self, tensor: str, extent: Mapping[str, int]) -> int:
        """Words of the bounding box of several accesses at most: a whole rank where they index it differently."""
        accesses = set(self.einsum.accesses_of(tensor))
        words = 1
        for rank, size in enumerate(self.einsum.tensors[tensor].shape):
            indices = {access.indices[rank] for access in accesses}
            one = next(iter(indices))
            span = 1 + sum(abs(c) * (extent[v] - 1) for v, c in one.terms)
            words *= span if len(indices) == 1 and not one.table else size
        return words

    @cached_property
    def _known(self) -> dict[tuple[Hold | int, ...], Share]:
        """Storage node and extents of its tile → the room that it takes."""
        return {}

    @cached_property
    def several(self) -> bool:
        """Whether a tensor is accessed in several ways, so that its room depends on where they are."""
        return any(len(boxes) > 1 for boxes in self._boxes.values())

    @cached_property
    def _boxes(self) -> dict[str, tuple[tuple[tuple[Affine, ...], ...], ...]]:
        """Tensor → its accesses → groups of indices."""
        return {
            tensor: tuple(joined_indices(a, self.einsum) for a in dict.fromkeys(self.einsum.accesses_of(tensor)))
            for tensor in self.einsum.tensors
        }
