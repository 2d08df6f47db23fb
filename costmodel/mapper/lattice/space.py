"""The mapspace of one Einsum on one architecture, as numbers that array code can use.

The canonical mapspace (what the search proves its answers about, and what an enumerator has to enumerate):

- The outermost memory holds every tensor, above everything else. Each other memory holds the tensors that ``keep``
  demands, any subset of those that ``may_keep`` allows, and nothing else; one storage node per tensor and memory.
- Of one tensor, nodes of outer levels stand above nodes of inner levels. Nodes of different tensors, and of
  different levels that no array separates, stand in any order; so tiles need not be even.
- The spatial loops of an array stand together, below every storage node of the levels above the array and above every
  node of the levels below it. The loops in time of a gap between two neighbouring storage nodes stand above the
  spatial loops of that gap. A rank variable may be spread over several dimensions, and several over one.
- In a gap each rank variable has at most one loop in time; the loops stand in any order.
- Factors are perfect: every tile divides the one above it. Or tiles are multiples (``sizes.py``), and what is left over
  falls to the outermost loops.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.roles import stationary_tensor
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import edges, windows
from costmodel.mapper.lattice.multiples import sizes_of
from costmodel.mapper.lattice.prices import Prices, prices
from costmodel.mapper.lattice.sizes import NO_RANKS, Sizes
from costmodel.mapper.lattice.tensor_plan import TensorPlan, UnsupportedError, Window, tensor_plan
from costmodel.mapper.lattice.ways import ArrayPlan, array_plan
from costmodel.model.formats import stored_bits
from costmodel.model.meters import PriceBook, compute_pj, cycles_per_point, leak_pj_per_cycle, port_limits
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.rules.recurrence import recurrences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MemoryPlan:
    """One memory, with its segment: how many arrays are inside of it."""

    level: Memory
    place: int
    """Among the levels of the architecture, outermost 0."""
    segment: int
    room: float
    """Usable bits; infinite where unbounded."""
    fetch: bool
    refetch: bool
    copies: int
    """Instances."""


@dataclass(frozen=True)
class NodePlan:
    """One tensor in one memory below the outermost."""

    tensor: int
    memory: int
    bit: int


@dataclass
class Space:
    """Everything that the search needs."""

    allowed: Allowed
    einsum: Einsum
    architecture: Architecture
    names: tuple[str, ...]
    extents: npt.NDArray[np.int64]
    sizes: list[Sizes]
    """Tiles of each rank variable."""
    whole: dict[str, str]
    """What some rank variables do though multiples were asked for, and why: ``divide: a window``."""
    tensors: list[TensorPlan]
    memories: list[MemoryPlan]
    """Innermost first; the last is the outermost of the architecture."""
    arrays: list[ArrayPlan]
    """Innermost first."""
    nodes: list[NodePlan]
    """Innermost first."""
    keeps: list[int]
    """Bit masks of nodes: every choice of what is kept where."""
    prices: Prices
    unit: ComputeUnit
    points: float
    compute_pj: float
    cycles_per_point: float
    leak_pj_per_cycle: float
    instances: float
    """Compute instances."""
    systolic: tuple[int, int] | None = None
    """(array, stationary tensor)."""
    edge_array: int = -1
    """The array that may be spread along the edge of a padded tensor; −1 where none is."""
    eager: tuple[int, ...] = ()
    """Rank variables that may grow in any gap, because delaying their growth may cost something."""
    strides: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @cached_property
    def divisors(self) -> list[npt.NDArray[np.int64]]:
        """For each rank variable: its sizes; divisors of its extent, where tiles divide."""
        return [sizes.values for sizes in self.sizes]

    @cached_property
    def uneven(self) -> list[int]:
        """Rank variables whose tiles may leave something over."""
        return [v for v, sizes in enumerate(self.sizes) if sizes.multiples]

    @property
    def lattice(self) -> int:
        return math.prod(len(d) for d in self.divisors)

    @cached_property
    def segment_of(self) -> list[int]:
        """For each node: how many arrays are inside of it."""
        return [self.memories[n.memory].segment for n in self.nodes]

    @cached_property
    def chain(self) -> list[list[int]]:
        """For each tensor: its nodes, innermost first."""
        return [[i for i, n in enumerate(self.nodes) if n.tensor == t] for t in range(len(self.tensors))]

    @cached_property
    def still(self) -> int:
        """The tensor that a rule holds still; -1 where none is."""
        return next((t for t, plan in enumerate(self.tensors) if plan.name == self.allowed.still), -1)

    def united(self, start: int, stop: int, *, up: bool) -> int:
        """Return up to where the last array of a range that unites words does so with all that is inside of it."""
        return max((a + 1 for a in range(start, stop) if self.arrays[a].unites(up=up)), default=start)

    def child_segment(self, tensor: int, kept: Ints, segment: int) -> Ints:
        """Return the segment of the outermost node of a tensor that is kept, up to a segment; 0 where none is."""
        found = np.zeros(len(kept), dtype=np.int64)
        for i in self.chain[tensor]:
            if self.segment_of[i] <= segment:
                found = np.where(kept & self.nodes[i].bit, self.segment_of[i], found)
        return found

    def bits(self, node: NodePlan, words: Floats | float) -> Any:
        """Return the bits that words of the tensor of a node take in its memory."""
        name = self.tensors[node.tensor].name
        level, sums = self.memories[node.memory].level, self.einsum.accumulates(name)
        return stored_bits(self.einsum.tensors[name], level, words, sums=sums)

    def node_words(self, node: NodePlan, tile: npt.NDArray[np.uint8]) -> Floats:
        """Words of the tile of a node, for rows of divisor indices."""
        tensor = self.tensors[node.tensor]
        total = np.ones(len(tile))
        for v in tensor.plain:
            total *= self.divisors[v][tile[:, v]]
        for w in tensor.windows:
            total *= self.room_table(w, self.memories[node.memory].fetch)[tuple(tile[:, v] for v in w.rank_variables)]
        return total

    def room_table(self, window: Window, box: bool) -> Floats:
        """Words for which there has to be room, of every tile along one window: of the largest one of its size."""
        if window.edge is None:
            return self.window_table(window, box)
        found = self._rooms.get(window)
        if found is None:
            whole = tuple(int(self.extents[v]) for v in window.rank_variables)
            found = self._rooms[window] = np.empty([len(self.divisors[v]) for v in window.rank_variables])
            for at in np.ndindex(*found.shape):
                found[at] = edges.largest(window.edge, self._terms(window, at), whole)
        return found

    def _terms(self, window: Window, at: Sequence[int]) -> tuple[windows.Term, ...]:
        """Coefficients and extents of a tile along one window, by divisor indices."""
        places = zip(window.coefficients, window.rank_variables, at, strict=True)
        return (*((c, int(self.divisors[v][i])) for c, v, i in places), *window.shifts)

    def window_table(self, window: Window, box: bool) -> Floats:
        """Words of every tile along one window, indexed by divisor indices; those outside too."""
        key = (window, box)
        found = self._tables.get(key)
        if found is None:
            shape = [len(self.divisors[v]) for v in window.rank_variables]
            found = np.empty(shape)
            for at in np.ndindex(*shape):
                found[at] = windows.words(self._terms(window, at), box)
            self._tables[key] = found
        return found

    _tables: dict[tuple[Window, bool], Floats] = field(default_factory=dict)
    _rooms: dict[Window, Floats] = field(default_factory=dict)


def build(allowed: Allowed, *, multiples: int = 0) -> Space:
    """Return the mapspace in numbers: of multiples, as far as they come to so many tile shapes; 0: tiles divide.

    Raises UnsupportedError where the lattice has no exact form.
    """
    einsum, architecture, unit = allowed.einsum, allowed.architecture, allowed.unit
    shape = einsum.shape or NO_RANKS
    names = tuple(shape)
    extents = np.array([shape[v] for v in names], dtype=np.int64)
    _check_recurrences(allowed)
    _check_sums(allowed)
    tensors = [tensor_plan(einsum, name, names, boxed=_boxed(allowed, name)) for name in einsum.tensors]
    memories: list[MemoryPlan] = []
    array_levels: list[Array] = []
    for place, level in reversed(list(enumerate(allowed.levels))):
        if isinstance(level, Memory):
            memories.append(
                MemoryPlan(
                    level,
                    place,
                    len(array_levels),
                    math.inf if level.usable_bits is None else float(level.usable_bits),
                    level.holes == "fetch",
                    level.halo == "refetch",
                    architecture.copies(level.name),
                )
            )
        elif isinstance(level, Array):
            array_levels.append(level)
    sizes, whole = sizes_of(allowed, shape, tensors, multiples)
    arrays = [array_plan(a, allowed, sizes, outermost=a is array_levels[-1]) for a in array_levels]
    nodes, keeps = _nodes(allowed, tensors, memories)
    _check_terms(einsum, memories, len(arrays))
    _check_padding(einsum, names, tensors, memories, arrays, nodes)
    windowed = {v for t in tensors for v in t.windowed}
    wanted = {names.index(v) for v in allowed.wanted}
    space = Space(
        allowed=allowed,
        einsum=einsum,
        architecture=architecture,
        names=names,
        extents=extents,
        sizes=sizes,
        whole=whole,
        tensors=tensors,
        memories=memories,
        arrays=arrays,
        nodes=nodes,
        keeps=keeps,
        prices=prices(
            PriceBook(architecture),
            [einsum.tensors[t.name] for t in tensors],
            [einsum.accumulates(t.name) for t in tensors],
            [m.level.name for m in memories],
            [a.name for a in array_levels],
            unit.name,
        ),
        unit=unit,
        points=float(einsum.points),
        compute_pj=compute_pj(einsum, unit),
        cycles_per_point=cycles_per_point(einsum, unit),
        leak_pj_per_cycle=leak_pj_per_cycle(architecture),
        instances=float(math.prod(a.fanout for a in array_levels)),
        systolic=_systolic(einsum, tensors, array_levels),
        edge_array=_edge_array(einsum, names, arrays),
        eager=tuple(sorted(windowed | wanted)),
    )
    counts = [len(d) for d in space.divisors]
    strides = [1] * len(counts)
    for v in range(len(counts) - 2, -1, -1):
        strides[v] = strides[v + 1] * counts[v + 1]
    space.strides = np.array(strides, dtype=np.int64)
    return space


def _boxed(allowed: Allowed, tensor: str) -> bool:
    """Whether some memory may move the tiles of a tensor with their holes."""
    return any(allowed.memories[place].holes == "fetch" for place, name, _ in allowed.below if name == tensor)


def _check_recurrences(allowed: Allowed) -> None:
    """Refuse what is read of an output where loops in the wrong order, or instances, could read it too early."""
    for rule in recurrences(allowed.einsum):
        if rule.inside:
            msg = f"the order of loops decides whether {rule.tensor} is finished before it is read"
            raise UnsupportedError(msg)
        if rule.distance > 1 and any(allowed.over(array, rule.along).most > 1 for array in allowed.arrays.values()):
            msg = f"how instances share {rule.along} decides whether {rule.tensor} is finished before it is read"
            raise UnsupportedError(msg)


def _check_sums(allowed: Allowed) -> None:
    """Refuse what is both read, finished, and accumulated where partial sums are wider."""
    einsum = allowed.einsum
    output = einsum.tensors[einsum.output.tensor]
    read = einsum.accumulates(output.name) and any(a.tensor == output.name for a in einsum.inputs)
    wider = [x.name for x in allowed.levels if stored_bits(output, x, 1, sums=True) > output.bits]
    if read and wider:
        msg = f"partial sums of {output.name} are wider in {wider[0]} than what is read of it"
        raise UnsupportedError(msg)


def _check_terms(einsum: Einsum, memories: Sequence[MemoryPlan], arrays: int) -> None:
    """Refuse what instances share unevenly, because a term is evaluated in the first ones alone."""
    if any(o.at_zero and o.per_point for o in einsum.operations):
        msg = "a term that is not reduced over has operations of its own"
        raise UnsupportedError(msg)
    inside = einsum.points_inside
    some = [a.tensor for a in einsum.accesses if einsum.points_of(a) < inside]
    limited = [m.level.name for m in memories if m.segment < arrays and port_limits(m.level)]
    if some and limited:
        msg = f"only some instances of {limited[0]} need {some[0]}, and its bandwidth limits the busiest"
        raise UnsupportedError(msg)


def _check_padding(
    einsum: Einsum,
    names: Sequence[str],
    tensors: Sequence[TensorPlan],
    memories: Sequence[MemoryPlan],
    arrays: Sequence[ArrayPlan],
    nodes: Sequence[NodePlan],
) -> None:
    """Refuse points outside where no form tells what instances share, and words inside that no sum of windows tells."""
    padded = [t for t in tensors if t.padded]
    apart = _edge_array(einsum, names, arrays)
    if apart >= 0:
        array = arrays[apart]
        busy = [m.level.name for m in memories if m.segment <= apart and port_limits(m.level)]
        several = sum(_spreads_edges(einsum, names, a) for a in arrays) > 1
        nested = itertools.combinations(arrays, 2)
        apart_before = any(b.unites(up=up) and not a.unites(up=up) for a, b in nested for up in (False, True))
        terms = bool(einsum.addends)
        why = {
            f"several arrays lie along the edge of {padded[0].name}": several,
            f"terms differ at the edge of {padded[0].name}, and {array.level.name} may lie along it": terms,
            f"several tensors are padded, and {array.level.name} may lie along their edges": len(padded) > 1,
            f"{array.level.name} shares whole tiles of {padded[0].name}, which is padded": array.tiles_only,
            f"an array unites what {array.level.name} leaves apart of {padded[0].name}, which is padded": apart_before,
            f"instances of {', '.join(busy)} differ at the edge of {padded[0].name}": bool(busy),
        }
        for msg in (msg for msg, refused in why.items() if refused):
            raise UnsupportedError(msg)
    for node in nodes:
        memory, tensor = memories[node.memory], tensors[node.tensor]
        if tensor.padded and (memory.refetch or memory.fetch):
            msg = f"{memory.level.name} moves whole windows or boxes of {tensor.name}, which is padded"
            raise UnsupportedError(msg)


def _edge_array(einsum: Einsum, names: Sequence[str], arrays: Sequence[ArrayPlan]) -> int:
    """Return the array that may be spread along the edge of a padded tensor; −1 where none is."""
    return next((a for a, array in enumerate(arrays) if _spreads_edges(einsum, names, array)), -1)


def _spreads_edges(einsum: Einsum, names: Sequence[str], array: ArrayPlan) -> bool:
    variables = {v for limit in einsum.limits for v in limit.index.rank_variables}.union(*einsum.addends)
    return any((array.factors[:, names.index(v)] > 1).any() for v in variables)


def _nodes(
    allowed: Allowed, tensors: Sequence[TensorPlan], memories: Sequence[MemoryPlan]
) -> tuple[list[NodePlan], list[int]]:
    nodes: list[NodePlan] = []
    always, optional = 0, []
    for m, memory in enumerate(memories[:-1]):
        for t, tensor in enumerate(tensors):
            answer = allowed.holding[memory.place, tensor.name]
            if answer == "no":
                continue
            bit = 1 << len(nodes)
            nodes.append(NodePlan(t, m, bit))
            if answer == "yes":
                always |= bit
            else:
                optional.append(bit)
    masks = [always | sum(chosen) for n in range(len(optional) + 1) for chosen in itertools.combinations(optional, n)]
    return nodes, masks


def _systolic(einsum: Einsum, tensors: Sequence[TensorPlan], arrays: Sequence[Array]) -> tuple[int, int] | None:
    found = [(i, a) for i, a in enumerate(arrays) if a.systolic is not None]
    if not found:
        return None
    if len(found) > 1:
        msg = "more than one systolic array"
        raise UnsupportedError(msg)
    place, array = found[0]
    name = stationary_tensor(einsum, array.systolic or "output")
    tensor = next(i for i, t in enumerate(tensors) if t.name == name)
    if any(w.edge is not None or len(w.rank_variables) > 1 for w in tensors[tensor].windows):
        # where a loop moves on and another one goes back, the tile may be the same again
        msg = f"the stationary tensor {name} has a sliding window"
        raise UnsupportedError(msg)
    return place, tensor
