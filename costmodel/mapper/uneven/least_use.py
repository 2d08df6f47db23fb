"""The least use of the hardware by each tensor, whatever the tiles: the words of every flow, and their price.

Each tensor is held by the outermost memory and by those that must keep it; its innermost holder is one of the memories
at or below those. For each choice of that holder the least words of every flow are known:

- A word that is used leaves every holder above the innermost at least once and is filled into every one below the
  outermost at least once; an output is drained and arrives in the same way.
- The innermost holder serves the operations. One delivery serves at most the instances among which the arrays in
  between can merge, and at most the points that use the same word.
- An update reads the old value unless it is the first touch of the word by that instance of the holder; a holder
  below the outermost memory drains at least what it touched.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from costmodel.einsum.algebra import Access, Affine, Einsum, Tensor
from costmodel.einsum.coordinates import distinct, joined_indices
from costmodel.mapper.allowed import Allowed
from costmodel.model.meters import Moved, PriceBook
from costmodel.model.motion import motion
from costmodel.spec.hardware import Architecture, Array


@dataclass(frozen=True, slots=True)
class FlowWay:
    """A flow across a boundary."""

    flow: Moved
    parent: str
    child: str
    array: str | None = None
    """Of hops."""
    stays: bool = False
    """Of reads: of an old value, which stays where it is held."""


@dataclass(frozen=True, slots=True)
class WordsUsed:
    """Words that move at least, in one of some ways."""

    words: float
    ways: tuple[FlowWay, ...]


@dataclass(frozen=True, slots=True)
class HolderChoice:
    """The least use of the hardware by one tensor, for one innermost holder."""

    tensor: Tensor
    used: tuple[WordsUsed, ...]


@dataclass(frozen=True)
class RowPrices:
    """One row of the price book: energy, or the cycles of one limit."""

    book: PriceBook
    row: int

    def least(self, tensor: Tensor, ways: Iterable[FlowWay]) -> float:
        """Return what a word costs at least that moves in one of some ways: as if it were finished."""
        price = self.book.price
        each = (price(self.row, tensor, w.flow, w.parent, w.child, w.array, stays=w.stays) for w in ways)
        return min(each, default=0.0)

    def of(self, choice: HolderChoice) -> float:
        """Return what a tensor costs at least."""
        return sum(used.words * self.least(choice.tensor, used.ways) for used in choice.used)


def choices(allowed: Allowed, tensor: str) -> Iterator[HolderChoice]:
    """Yield the least use of the hardware for every memory that may be the innermost holder."""
    chain = allowed.chain(tensor)
    must = [place for place, answer in chain.items() if answer == "yes"]
    for place in chain:
        if place >= must[-1]:
            yield _choice(allowed, tensor, [*(m for m in must if m < place), place], [m for m in chain if m <= place])


def _choice(allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int]) -> HolderChoice:
    """Return the least use of the hardware if these levels hold a tensor, and perhaps more of those that may."""
    einsum = allowed.einsum
    words = max(fewest_words(a, einsum) for a in dict.fromkeys(einsum.accesses_of(tensor)))
    used = [
        *_passed_on(allowed, tensor, holders, may, words),
        *_asked_for(allowed, tensor, holders, may),
        *_hopped(allowed, tensor, holders[-1], may, words),
    ]
    return HolderChoice(einsum.tensors[tensor], tuple(used))


def _mixed(einsum: Einsum, tensor: str) -> bool:
    """Whether a tensor is written and read."""
    return einsum.output.tensor == tensor and any(a.tensor == tensor for a in einsum.inputs)


def _passed_on(
    allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int], words: float
) -> Iterator[WordsUsed]:
    """Yield the words that every holder hands to the next one inside: each word once."""
    einsum, architecture = allowed.einsum, allowed.architecture
    if _mixed(einsum, tensor):
        return
    written = einsum.output.tensor == tensor
    for outer, inner in itertools.pairwise(holders):
        down = ways(architecture, "update" if written else "read", [outer], [m for m in may if outer < m <= inner])
        yield WordsUsed(words, down)
        if not written or inner != holders[-1]:
            flow: Moved = "drain" if written else "fill"
            yield WordsUsed(words, ways(architecture, flow, [m for m in may if outer <= m < inner], [inner]))


def _asked_for(allowed: Allowed, tensor: str, holders: Sequence[int], may: Sequence[int]) -> Iterator[WordsUsed]:
    """Yield the words that the innermost holder serves the operations with, and what it drains."""
    einsum, architecture = allowed.einsum, allowed.architecture
    last, unit = holders[-1], len(allowed.levels)
    below = [(p, x) for p, x in allowed.arrays.items() if p > last]
    reading = ways(architecture, "read", [last], [unit])
    for access in dict.fromkeys(einsum.accesses_of(tensor)):
        updating = access == einsum.output
        served = _served(access, einsum, below, updating=updating)
        if not updating:
            yield WordsUsed(served, reading)
            continue
        yield WordsUsed(served, ways(architecture, "update", [last], [unit]))
        if _mixed(einsum, tensor):
            continue
        # an update reads the old value, or it is the first touch of a word that is drained in the end
        owners = math.prod(x.fanout for p, x in allowed.arrays.items() if p < last)
        touched = min(served, einsum.points, owners * most_words(access, einsum))
        old = tuple(replace(way, stays=True) for way in reading)
        yield WordsUsed(served - touched, old)
        if last > 0:
            draining = ways(architecture, "drain", [m for m in may if holders[-2] <= m < last], [last])
            yield WordsUsed(touched, (*old, *draining))


def _hopped(allowed: Allowed, tensor: str, last: int, may: Sequence[int], words: float) -> Iterator[WordsUsed]:
    """Yield the words that every array delivers or collects."""
    einsum, architecture = allowed.einsum, allowed.architecture
    mixed = _mixed(einsum, tensor)
    hops: dict[int, float] = dict.fromkeys(allowed.arrays, 0.0 if mixed else float(words))
    below = [(p, x) for p, x in allowed.arrays.items() if p > last]
    for access in dict.fromkeys(einsum.accesses_of(tensor)):
        for at, (place, _) in enumerate(below):
            crossing = _served(access, einsum, below[at + 1 :], updating=access == einsum.output)
            hops[place] = hops[place] + crossing if mixed else max(hops[place], crossing)
    for place, count in hops.items():
        children = [m for m in may if m > place] or [len(allowed.levels)]
        yield WordsUsed(count, ways(architecture, "hop", [m for m in may if m < place], children, place))


def ways(
    architecture: Architecture,
    flow: Moved,
    parents: Sequence[int],
    children: Sequence[int],
    array: int | None = None,
) -> tuple[FlowWay, ...]:
    """Return the ways of a flow between places of levels."""
    names = [level.name for level in architecture.levels]
    across = None if array is None else names[array]
    return tuple(FlowWay(flow, names[p], names[c], across) for p in parents for c in children)


def _served(access: Access, einsum: Einsum, below: Sequence[tuple[int, Array]], *, updating: bool) -> float:
    """Return the deliveries that all points need at least from holders above some arrays."""
    together = merged([array for _, array in below], updating=updating)
    asked = einsum.points_of(access)
    return max(float(fewest_words(access, einsum)), asked / min(together, points_per_word(access, einsum)))


def fewest_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at least so many where its ranks share rank variables."""
    if einsum.limits:
        return motion((), 0, [(einsum, access)], "work").largest()
    return math.prod(max(_along(i, einsum) for i in group) for group in joined_indices(access, einsum))


def most_words(access: Access, einsum: Einsum) -> int:
    """Return how many distinct words an access touches; at most so many where its ranks share rank variables."""
    return math.prod(_along(i, einsum) for i in access.indices)


def _along(index: Affine, einsum: Einsum) -> int:
    if index.table:
        return len(index.coordinates(einsum.shape))
    return distinct(tuple((c, einsum.shape[v]) for v, c in index.terms), "skip")


def points_per_word(access: Access, einsum: Einsum) -> int:
    """Return how many points ask for one word of an access, at most."""
    free = math.prod(n for v, n in einsum.shape.items() if v not in access.at_zero)
    for index in access.indices:
        others = {v for i in access.indices if i is not index for v in i.rank_variables}
        own = [v for v in index.rank_variables if v not in others]
        size = math.prod(einsum.shape[v] for v in index.rank_variables)
        if len(own) == len(index.terms) and _along(index, einsum) == size:
            free //= size  # the coordinate tells every rank variable
        elif own and not index.repeats:
            free //= max(einsum.shape[v] for v in own)  # it tells one, once the others are known
    return free


def merged(arrays: Sequence[Array], *, updating: bool) -> int:
    """Return how many children at most share one delivery through some arrays."""
    for at, array in enumerate(arrays):
        if array.reduce if updating else array.multicast != "none":
            # the outermost array that merges may unite what those inside of it left apart
            return math.prod(x.fanout for x in arrays[at:])
    return 1
