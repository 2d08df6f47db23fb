"""Costs that no mapping of an Einsum undercuts, whether its tiles divide or not.

Each tensor is held by the outermost memory and by those that must keep it; its innermost holder is one of the
memories at or below those. For each choice of that holder the least words of every flow are known:

- A word that is used leaves every holder above the innermost at least once and is filled into every one below the
  outermost at least once; an output is drained and arrives in the same way.
- The innermost holder serves the operations. One delivery serves at most the instances among which the arrays in
  between can merge, and at most the points that use the same word.
- An update reads the old value unless it is the first touch of the word by that instance of the holder; a holder
  below the outermost memory drains at least what it touched.

The least energy and the least use of each port over the choices are bounds. Compute takes at least the cycles of the
busiest instance under the evenest spread that the arrays allow. Room is taken by one word of each tensor in every
instance of each memory that must keep it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.mapper.constraints import Rules
from costmodel.mapper.encoding import held_under
from costmodel.mapper.plan import distinct, joined_indices
from costmodel.spec.hardware import Architecture, Array, Memory

ROUNDING = 1 - 1e-9
"""Leaves room for sums of floats in another order."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What every mapping costs at least."""

    energy_pj: float
    latency_cycles: float
    capacity_bits: int


@dataclass(frozen=True, slots=True)
class _Choice:
    """The least use of the hardware by one tensor, for one innermost holder."""

    energy_pj: float
    port_bits: tuple[tuple[str, float, float], ...]
    """(memory, read, written), all instances together."""


def bound(einsum: Einsum, architecture: Architecture, rules: Rules | None = None) -> Bound:
    """Return costs that no mapping undercuts.

    Raises InfeasibleError if a rule asks a memory to keep what it cannot, or to pass by what it must keep.
    """
    rules = rules or Rules()
    unit = architecture.compute_units[-1]
    choices = [list(_choices(einsum, architecture, rules, tensor)) for tensor in einsum.tensors]
    energy = sum(min((c.energy_pj for c in listed), default=0.0) for listed in choices)
    energy += sum(o.per_point * einsum.points * unit.energy_of(o.kind) for o in einsum.operations)
    latency = busiest_points(einsum, architecture, rules) * sum(
        o.per_point / unit.rate_of(o.kind) for o in einsum.operations
    )
    for memory in architecture.memories:
        latency = max(latency, _port_cycles(architecture, memory, choices))
    leaking_pj = sum(
        x.leakage_w * architecture.copies(x.name) / architecture.clock_hz * 1e12 for x in architecture.levels
    )
    room = sum(
        architecture.copies(memory.name) * tensor.bits
        for memory in architecture.memories[1:]
        for name, tensor in einsum.tensors.items()
        if held_under(rules, memory, einsum, name) == "yes"
    )
    return Bound((energy + leaking_pj * latency) * ROUNDING, latency * ROUNDING, room)


def busiest_points(einsum: Einsum, architecture: Architecture, rules: Rules) -> int:
    """Return the points that the busiest compute instance has at least: spread as evenly as the arrays allow."""
    inner = architecture.levels[: architecture.index(architecture.compute_units[-1].name)]
    arrays = [x for x in inner if isinstance(x, Array)]
    least = {1: 1}
    instances = math.prod(a.fanout for a in arrays)
    for v, extent in einsum.shape.items():
        most = math.prod(_widest(a, v, rules) for a in arrays)
        grown: dict[int, int] = {}
        for used, points in least.items():
            for count, tile in _even_tiles(extent, min(most, instances // used)):
                key, value = used * count, points * tile
                if value < grown.get(key, value + 1):
                    grown[key] = value
        least = {}
        best: int | None = None
        for used in sorted(grown):
            if best is None or grown[used] < best:
                least[used] = best = grown[used]
    return min(least.values())


def _even_tiles(extent: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield (fewest instances, largest tile) for every size that the largest of even tiles can have."""
    count = 1
    while count <= min(most, extent):
        tile = -(-extent // count)
        yield -(-extent // tile), tile
        if tile == 1:
            return
        count = max(count + 1, -(-extent // (tile - 1)))


def _widest(array: Array, v: str, rules: Rules) -> int:
    """Most instances that one rank variable may take."""
    found = 1
    for dimension, size in array.shape.items():
        closed = any(
            (o.array, o.dimension) == (array.name, dimension) and v not in o.rank_variables for o in rules.only
        )
        found *= 1 if closed else size
    return found


def _choices(einsum: Einsum, architecture: Architecture, rules: Rules, tensor: str) -> Iterator[_Choice]:
    """Yield the least use of the hardware for every memory that may be the innermost holder."""
    levels = architecture.levels[: architecture.index(architecture.compute_units[-1].name)]
    answers = {
        place: held_under(rules, level, einsum, tensor) if place else "yes"
        for place, level in enumerate(levels)
        if isinstance(level, Memory)
    }
    must = [place for place, answer in answers.items() if answer == "yes"]
    for place, answer in answers.items():
        if answer != "no" and place >= must[-1]:
            yield _choice(einsum, architecture, tensor, [*(m for m in must if m < place), place])


def _choice(  # noqa: C901, PLR0912  all flows of one tensor, told in one place
    einsum: Einsum, architecture: Architecture, tensor: str, holders: Sequence[int]
) -> _Choice:
    levels = architecture.levels
    inside = levels[: architecture.index(architecture.compute_units[-1].name)]
    written = einsum.output.tensor == tensor
    accesses = list(dict.fromkeys(einsum.accesses_of(tensor)))
    mixed = written and any(a.tensor == tensor for a in einsum.inputs)
    words = max(fewest_words(a, einsum) for a in accesses)
    reads: dict[int, float] = dict.fromkeys(holders, 0.0)
    writes: dict[int, float] = dict.fromkeys(holders, 0.0)
    hops: dict[int, float] = {p: float(words) for p, x in enumerate(inside) if isinstance(x, Array)}
    if mixed:
        hops = dict.fromkeys(hops, 0.0)
    elif written:
        for outer, inner in itertools.pairwise(holders):
            writes[outer] += words
            memory = levels[inner]
            if inner != holders[-1] and isinstance(memory, Memory) and memory.drain == "charged":
                reads[inner] += words
    else:
        for outer, inner in itertools.pairwise(holders):
            reads[outer] += words
            writes[inner] += words
    last = holders[-1]
    memory = levels[last]
    below = [(p, x) for p, x in enumerate(inside) if isinstance(x, Array) and p > last]
    for access in accesses:
        updating = access is einsum.output or access == einsum.output
        served = _served(access, einsum, below, updating=updating)
        if updating:
            writes[last] += served
            if not mixed:
                charged = last > 0 and isinstance(memory, Memory) and memory.drain == "charged"
                owners = math.prod(x.fanout for x in inside[:last] if isinstance(x, Array))
                touched = min(einsum.points, owners * most_words(access, einsum))
                reads[last] += served if charged else max(0.0, served - touched)
        else:
            reads[last] += served
        for at, (place, _) in enumerate(below):
            crossing = _served(access, einsum, below[at + 1 :], updating=updating)
            hops[place] = hops[place] + crossing if mixed else max(hops[place], crossing)
    bits = einsum.tensors[tensor].bits
    energy = 0.0
    ports: list[tuple[str, float, float]] = []
    for place in holders:
        level = levels[place]
        if isinstance(level, Memory):
            energy += (reads[place] * level.read_pj + writes[place] * level.write_pj) * bits / level.access_bits
            ports.append((level.name, reads[place] * bits, writes[place] * bits))
    for place, count in hops.items():
        array = levels[place]
        if isinstance(array, Array):
            energy += count * array.hop_pj * bits / array.hop_bits
    return _Choice(energy, tuple(ports))


def _served(access: Access, einsum: Einsum, below: Sequence[tuple[int, Array]], *, updating: bool) -> float:
    """Return the deliveries that all points need at least from holders above some arrays."""
    merged = 1
    for at, (_, array) in enumerate(below):
        if array.reduce if updating else array.multicast != "none":
            # the outermost array that merges may unite what those inside of it left apart
            merged = math.prod(x.fanout for _, x in below[at:])
            break
    return max(float(fewest_words(access, einsum)), einsum.points / min(merged, points_per_word(access, einsum)))


def fewest_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at least so many where its ranks share rank variables."""
    return math.prod(max(_along(i, einsum) for i in group) for group in joined_indices(access, einsum))


def most_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at most so many where its ranks share rank variables."""
    return math.prod(_along(i, einsum) for i in access.indices)


def _along(index: Affine, einsum: Einsum) -> int:
    return distinct(tuple((c, einsum.shape[v]) for v, c in index.terms), "skip")


def points_per_word(access: Access, einsum: Einsum) -> int:
    """Return how many points use one word of an access, at most."""
    free = einsum.points
    for index in access.indices:
        others = {v for i in access.indices if i is not index for v in i.rank_variables}
        own = [v for v in index.rank_variables if v not in others]
        size = math.prod(einsum.shape[v] for v in index.rank_variables)
        if len(own) == len(index.terms) and _along(index, einsum) == size:
            free //= size  # the coordinate tells every rank variable
        elif own:
            free //= max(einsum.shape[v] for v in own)  # it tells one, once the others are known
    return free


def _port_cycles(architecture: Architecture, memory: Memory, choices: Sequence[Sequence[_Choice]]) -> float:
    """Return the cycles that a memory needs at least for its words, spread over all of its instances."""
    place = architecture.index(memory.name)
    instances = math.prod(x.fanout for x in architecture.levels[:place] if isinstance(x, Array))

    def least(read: float, write: float) -> float:
        total = 0.0
        for listed in choices:
            uses = [
                sum(read * r + write * w for name, r, w in choice.port_bits if name == memory.name) for choice in listed
            ]
            total += min(uses, default=0.0)
        return total / instances

    cycles = 0.0
    for limit, read, write in (
        (memory.bandwidth_bits_per_cycle, 1.0, 1.0),
        (memory.read_bits_per_cycle, 1.0, 0.0),
        (memory.write_bits_per_cycle, 0.0, 1.0),
    ):
        if limit is not None:
            cycles = max(cycles, least(read, write) / limit)
    return cycles
