"""Sets of coordinates that a tile touches, as a product over groups of ranks that share no rank variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from costmodel.einsum.algebra import Affine, Limit, boxes_within

Intervals = Mapping[str, tuple[int, int]]
"""Rank variable → (low, extent)."""
Known = dict[tuple[object, ...], int]
"""(image, intervals of its rank variables) → what it touches."""


Image = tuple[Affine, ...]
"""What one access touches in the ranks of a group, one form for each: the image of the box of rank variables."""


Way = tuple[Image, tuple[Limit, ...]]
"""What an access touches, at the points at which limits hold."""


class Numbers(NamedTuple):
    """How coordinates become places in a bit set."""

    offset: int
    """Added so that no place is negative."""
    strides: tuple[int, ...]
    """Weight of each rank."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ranks of a tensor that share rank variables: the finest factor of a tile.

    The set of coordinates is the union over the images, one for each way in which the ranks are accessed.
    """

    rank_variables: tuple[str, ...]
    images: tuple[Image, ...]
    strides: tuple[int, ...]
    """Weight of each rank in the one number that stands for a coordinate."""
    offset: int
    """Added so that no coordinate is negative."""
    width: int
    """Coordinates that the ranks can have together."""
    boxes: bool
    """Whether the tile is the bounding box (``holes: fetch``)."""
    plain: bool
    """One rank variable, one form: tiles at different positions are equal or disjoint."""
    rigid: bool
    """Whether all images move alike, so that tiles at different positions are translations of each other."""
    variables: tuple[tuple[str, ...], ...]
    """For each image: the rank variables that move it."""
    mask: int = -1
    """The coordinates inside the tensor, where others are touched too (padding); −1: all of them."""
    ways: tuple[Way, ...] = ()
    """Images with what holds at the points that touch anything, where that is not all of them; a group may then have
    no rank."""
    edges: tuple[Limit, ...] = ()
    """Where nothing of what the images touch is left out: the limits of a way, and what holds of coordinates inside."""
    is_looked_up: bool = False
    """Whether coordinates are looked up: tiles at different positions have nothing to do with each other."""
    steps: tuple[int, ...] = ()
    """By how many places a tile of a rigid group moves when each rank variable moves on by one."""

    def bits(self, intervals: Intervals) -> int:
        """Return the tile as a bit set, from (low, extent) of each rank variable."""
        if self.ways:
            return self._within(intervals)
        if self.boxes and self.mask == -1 and not self.is_looked_up:
            return self._box(intervals, self.offset, self.strides)
        result = 0
        for image in self.images:
            result |= self._touched(image, intervals, self.offset, self.strides)
        result &= self.mask
        return self._boxed(result) if self.boxes else result

    def bits_at_zero(self, extents: Sequence[int]) -> int:
        """Return the tile of so many positions of each rank variable that begins at position 0."""
        return self.bits({v: (0, n) for v, n in zip(self.rank_variables, extents, strict=True)})

    def bits_inside(self, intervals: Intervals, known: Known) -> int:
        """Return the tile as a bit set, where some coordinates may be left out; ``known`` keeps what images touched."""
        if self.ways or self.boxes:
            return self.bits(intervals)
        numbers = [Numbers(self.offset, self.strides)] * len(self.images)
        return self.bits_among(intervals, numbers, known) & self.mask

    def bits_among(self, intervals: Intervals, numbers: Sequence[Numbers], known: Known) -> int:
        """Return the tile as a bit set in numbers of its own for each image; ``known`` keeps what images touched."""
        if self.boxes:
            return self._box(intervals, *numbers[0])
        result = 0
        for k, image in enumerate(self.images):
            key = (k, *[intervals[v] for v in self.variables[k]])
            found = known.get(key)
            if found is None:
                found = known[key] = self._touched(image, intervals, *numbers[k])
            result |= found
        return result

    def numbered(self, around: Intervals) -> tuple[list[Numbers], int]:
        """Number the coordinates of tiles within some bounds, as closely as can be, and say how many there are.

        Images that are far from each other within these bounds have numbers apart.
        """
        hulls = [[span(form, around) for form in image] for image in self.images]
        apart: list[list[int]] = []
        for k, hull in enumerate(hulls):
            near = [c for c in apart if self.boxes or any(_meet(hull, hulls[other]) for other in c)]
            apart = [*(c for c in apart if c not in near), [k, *(other for c in near for other in c)]]
        numbers: dict[int, Numbers] = {}
        width = 0
        for chosen in apart:
            ends = list(zip(*(hulls[k] for k in chosen), strict=True))
            offset, strides, size = width, [], 1
            for rank in ends:
                low, high = min(x for x, _ in rank), max(x for _, x in rank)
                strides.append(size)
                offset -= size * low
                size *= high - low + 1
            width += size
            numbers.update((k, Numbers(offset, tuple(strides))) for k in chosen)
        return [numbers[k] for k in range(len(hulls))], width

    def _touched(self, image: Image, intervals: Intervals, offset: int, strides: Sequence[int]) -> int:
        """Return the coordinates that one access touches."""
        if self.is_looked_up and any(form.table for form in image):
            return self._looked_up(image, intervals, offset, strides)
        origin = offset + sum([stride * form.constant for stride, form in zip(strides, image, strict=True)])
        spreads = []
        for v, w in _weights(self.rank_variables, image, strides).items():
            low, extent = intervals[v]
            origin += w * (low if w >= 0 else low + extent - 1)
            if w:
                spreads.append((abs(w), extent))
        bits = 1 << origin
        for w, extent in spreads:
            bits = spread(bits, w, extent)
        return bits

    def _looked_up(self, image: Image, intervals: Intervals, offset: int, strides: Sequence[int]) -> int:
        """Return the same where some coordinates are looked up, value by value."""
        if len(image) == 1 and len(image[0].terms) == 1 and image[0].table:
            ((v, c),), table, at = image[0].terms, image[0].table, image[0].constant
            low, extent = intervals[v]
            bits = 0
            for value in range(at + c * low, at + c * (low + extent), c):
                bits |= 1 << offset + strides[0] * table[value]
            return bits
        names = tuple({v: None for form in image if form.table for v in form.rank_variables})
        ranges = [range(low, low + extent) for low, extent in (intervals[v] for v in names)]
        bits = 0
        for values in product(*ranges):
            point = dict(zip(names, values, strict=True))
            forms = tuple(Affine((), form.at(point)) if form.table else form for form in image)
            here = {**intervals, **{v: (value, 1) for v, value in point.items()}}
            bits |= self._touched(forms, here, offset, strides)
        return bits

    def _within(self, intervals: Intervals) -> int:
        """Return what is touched at the points of the intervals at which the limits hold."""
        result = 0
        for image, limits in self.ways:
            names = {v for limit in limits for v in limit.index.rank_variables}
            for box in boxes_within(limits, {v: intervals[v] for v in sorted(names)}):
                result |= self._touched(image, {**intervals, **box}, self.offset, self.strides)
        return result

    def _boxed(self, tile: int) -> int:
        """Return the bounding box, rank by rank, of coordinates."""
        if not tile:
            return 0
        places: list[tuple[int, ...]] = list(zip(*(self._places(number) for number in _numbers(tile)), strict=True))
        bits = 1 << sum(stride * min(at) for stride, at in zip(self.strides, places, strict=True))
        for stride, at in zip(self.strides, places, strict=True):
            bits = spread(bits, stride, max(at) - min(at) + 1)
        return bits

    def _places(self, number: int) -> list[int]:
        """Return where a coordinate stands along each rank, from the least that occurs."""
        ends = (*self.strides[1:], self.width)
        return [number % end // stride for stride, end in zip(self.strides, ends, strict=True)]

    def _box(self, intervals: Intervals, offset: int, strides: Sequence[int]) -> int:
        """Return the bounding box, rank by rank, of what all accesses touch."""
        origin, extents = offset, []
        for r, stride in enumerate(strides):
            spans = [span(image[r], intervals) for image in self.images]
            low, high = min(s[0] for s in spans), max(s[1] for s in spans)
            origin += stride * low
            extents.append(high - low + 1)
        bits = 1 << origin
        for stride, extent in zip(strides, extents, strict=True):
            bits = spread(bits, stride, extent)
        return bits


def _weights(rank_variables: Sequence[str], image: Image, strides: Sequence[int]) -> dict[str, int]:
    """By how many places what an access touches moves when each rank variable moves on by one."""
    weights = dict.fromkeys(rank_variables, 0)
    for stride, form in zip(strides, image, strict=True):
        for v, c in form.terms:
            weights[v] += stride * c
    return weights


def _meet(some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return all(low <= last and first <= high for (low, high), (first, last) in zip(some, others, strict=True))


def span(form: Affine, intervals: Intervals) -> tuple[int, int]:
    """Return the least and the greatest value of an index."""
    low = high = form.constant
    for v, c in form.terms:
        ends = (c * intervals[v][0], c * (sum(intervals[v]) - 1))
        low, high = low + min(ends), high + max(ends)
    if form.table:
        return min(form.table[low : high + 1]), max(form.table[low : high + 1])
    return low, high


def spread(bits: int, stride: int, count: int) -> int:
    """Unite ``count`` copies of a set, each ``stride`` further than the one before."""
    done = 1
    while done < count:
        more = min(done, count - done)
        bits |= bits << (stride * more)
        done += more
    return bits


def _numbers(bits: int) -> Iterator[int]:
    """Members of a set."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


@lru_cache(maxsize=4096)
def groups_of(
    ways: tuple[Way, ...],
    extents: tuple[tuple[str, int], ...],
    *,
    boxes: bool,
    shape: tuple[int, ...] | None = None,
) -> tuple[Group, ...]:
    """Split the ranks of a tensor into the finest independent groups; an image has a form for every rank.

    With a ``shape``, coordinates outside of it are no words.
    """
    whole = {v: (0, n) for v, n in extents}
    groups = []
    images = tuple(image for image, _ in ways)
    images = images if boxes else _numbered(images)
    ways = tuple(zip(images, (held for _, held in ways), strict=True))
    limits = tuple(dict.fromkeys(limit for _, held in ways for limit in held))
    order = len(images[0])
    for columns in _components(ways, limits):
        ranks = [c for c in columns if c < order]
        held = tuple(limits[c - order] for c in columns if c >= order)
        parts = tuple(dict.fromkeys(tuple(i[r] for r in ranks) for i in images))
        is_looked_up = any(form.table for image in parts for form in image)
        named = [v for image in parts for form in image for v, _ in form.terms]
        variables = tuple(dict.fromkeys((*named, *(v for x in held for v in x.index.rank_variables))))
        if not variables and len(parts) == 1:
            continue
        strides: list[int] = []
        offset, width = 0, 1
        spans = []
        within = tuple((tuple(i[r] for r in ranks), tuple(x for x in own if x in held)) for i, own in ways)
        edges = dict.fromkeys(within[0][1])
        for at, rank in enumerate(ranks):
            ends = [span(image[at], whole) for image in parts]
            low, high = min(s[0] for s in ends), max(s[1] for s in ends)
            spans.append((low, high))
            if shape is not None and (low < 0 or high >= shape[rank]):
                edges.update(dict.fromkeys(Limit(image[at], shape[rank]) for image in parts))
            strides.append(width)
            offset -= width * low
            width *= high - low + 1
        mask = _mask([shape[r] for r in ranks], spans, strides, offset) if shape is not None and edges else -1
        plain = len(parts) == len(ranks) == len(named) == len(variables) == 1 and not edges
        if plain and is_looked_up:  # where nothing is looked up twice, tiles are equal or disjoint all the same
            plain = not boxes and not parts[0][0].repeats
        if plain and boxes:
            plain = abs(parts[0][0].terms[0][1]) == 1
        rigid = len({tuple(form.terms for form in image) for image in parts}) == 1 and not edges
        rigid = rigid and (plain or not is_looked_up)
        own = tuple(tuple({v for f in i for v in f.rank_variables}) for i in parts)
        weights = _weights(variables, parts[0], strides)
        groups.append(
            Group(
                variables,
                parts,
                tuple(strides),
                offset,
                width,
                boxes,
                plain,
                rigid,
                own,
                mask,
                tuple(dict.fromkeys(within)) if held else (),
                tuple(edges),
                is_looked_up,
                tuple(weights.values()) if rigid else (),
            )
        )
    return tuple(groups)


def _numbered(images: tuple[Image, ...]) -> tuple[Image, ...]:
    """Number the coordinates of ranks in which all are looked up: it only matters which of them are one."""
    ranks = []
    for forms in zip(*images, strict=True):
        values = sorted({value for form in forms for value in form.table}) if all(f.table for f in forms) else []
        number = {value: place for place, value in enumerate(values)}
        ranks.append([replace(f, table=tuple(number[x] for x in f.table)) for f in forms] if number else forms)
    return tuple(zip(*ranks, strict=True)) if ranks else images


def _mask(shape: Sequence[int], spans: Sequence[tuple[int, int]], strides: Sequence[int], offset: int) -> int:
    """Return the coordinates of a tensor among those that indices span."""
    inside = [range(max(low, 0), min(high + 1, extent)) for extent, (low, high) in zip(shape, spans, strict=True)]
    if not all(inside):
        return 0
    bits = 1 << offset + sum(stride * rank[0] for stride, rank in zip(strides, inside, strict=True))
    for stride, rank in zip(strides, inside, strict=True):
        bits = spread(bits, stride, len(rank))
    return bits


def _components(ways: tuple[Way, ...], limits: tuple[Limit, ...]) -> list[list[int]]:
    """Sets of ranks, and of limits after them, that share a rank variable, or that are not the same in all ways."""
    images = [(*image, *(x.index for x in limits)) for image, _ in ways]
    ranks, order = len(ways[0][0]), len(images[0])
    tied = [{r} for r in range(order)]
    differing = {r for r in range(ranks) if len({i[r] for i in images}) > 1}
    tied.append(differing | {ranks + k for k, x in enumerate(limits) if len({x in held for _, held in ways}) > 1})
    variables = {v for i in images for form in i for v in form.rank_variables}
    tied += [{r for i in images for r, form in enumerate(i) if v in form.rank_variables} for v in variables]
    components: list[set[int]] = []
    for together in filter(None, tied):
        apart = [c for c in components if not c & together]
        components = [*apart, together.union(*(c for c in components if c & together))]
    return sorted(sorted(c) for c in components)
