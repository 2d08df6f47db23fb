"""Writes Einsums: names of tensors and ranks, and statements about views."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from costmodel.importing.views import Part, Parts, Spot, View, joined, refined, size
from costmodel.spec.workload_spec import EinsumSpec, Pad

SPLIT = "HEFG"
"""Ranks of digits that a reshape makes: heads, and what a head has."""


def plain_name(text: str) -> str:
    """A name of the model as the name of an Einsum: the last parts of a path that repeats what stands before.

    >>> plain_name("/layer1/layer1.0/conv1/Conv")
    'layer1.0.conv1.Conv'
    """
    steps = [step for step in re.split(r"[/:]+", text) if step]
    steps = [s for s, after in zip(steps, [*steps[1:], ""], strict=True) if not after.startswith(f"{s}.")]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", ".".join(steps)).strip(".-")
    return name if name and not name[0].isdigit() else f"n{name}"


@dataclass
class Writer:
    """The Einsums of a workload, as they are written."""

    einsums: list[EinsumSpec] = field(default_factory=list)
    ranks: dict[str, int | str] = field(default_factory=dict)
    """Extent of each rank; the name of another one where that is what it is."""
    _tensors: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    def extent(self, rank: str) -> int:
        found = self.ranks[rank]
        return found if isinstance(found, int) else self.extent(found)

    def root(self, rank: str) -> str:
        """The rank whose extent a rank has by definition: itself, or another one."""
        found = self.ranks.get(rank)
        return self.root(found) if isinstance(found, str) else rank

    def rank(self, letter: str, extent: int, taken: Iterable[str] = (), like: str = "") -> str:
        """A rank of this letter and extent that is not taken; ``like`` is the rank whose extent it shares."""
        taken = set(taken)
        for name in self.ranks:
            if name[0] == letter[0] and self.extent(name) == extent and name not in taken:
                return name
        names = (f"{letter[0]}{number or ''}" for number in range(len(self.ranks) + 1))
        name = next(name for name in names if name not in self.ranks)
        self.ranks[name] = self.root(like) or extent
        return name

    def tensor(self, name: str) -> str:
        """A name for a tensor, unlike all others and unlike every rank."""
        text = re.sub(r"[^A-Z0-9]+", "_", plain_name(name).upper()).strip("_")
        return _free(f"T_{text}" if re.fullmatch(r"[A-Z][0-9]*", text) else text, self._tensors, "_")

    def name(self, name: str) -> str:
        """A name for an Einsum, unlike all others."""
        return _free(plain_name(name), self._names, ".")

    def given(self, name: str, shape: Sequence[int], letters: str, *, squeezed: bool) -> View:
        """A tensor that no Einsum writes, whole; ``squeezed`` leaves axes of extent 1 out (a kernel of 1 × 1)."""
        loops = Loops(self)
        named = zip(shape, letters, strict=True)
        axes = tuple(loops.axis((Part(n, letter),)) if n > 1 or not squeezed else () for n, letter in named)
        return _whole(self.tensor(name), [part for axis in axes for part in axis], axes)


def _free(name: str, taken: set[str], sign: str) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}{sign}{number}"
    taken.add(found)
    return found


def _whole(tensor: str, ranks: Sequence[Part], axes: tuple[Parts, ...]) -> View:
    spots = tuple(Spot(((part, 1),)) for part in ranks)
    return View(tensor, tuple(p.rank for p in ranks), tuple(p.extent for p in ranks), axes, spots)


@dataclass
class Loops:
    """The rank variables of one Einsum, and what is read with them."""

    writer: Writer
    taken: dict[str, int] = field(default_factory=dict)
    """Rank of each variable → its extent."""
    looked_up: dict[Part, str] = field(default_factory=dict)
    """What stands in the place of a coordinate that is looked up."""

    def part(self, extent: int, rank: str) -> Part:
        """A new rank variable, over a rank of this name where that is free here and has this extent."""
        known = self.writer.ranks.get(rank)
        if rank in self.taken or known is None or self.writer.extent(rank) != extent:
            like = rank if rank in self.taken and self.taken[rank] == extent else ""
            rank = self.writer.rank(rank or SPLIT[len(self.taken) % len(SPLIT)], extent, self.taken, like)
        self.taken[rank] = extent
        return Part(extent, rank)

    def axis(self, *axes: Parts) -> Parts:
        """New variables that read all axes, which have one extent or 1; named as the first that has such a digit.

        Raises NoDigitsError where they have none in common.
        """
        extent = max(map(size, axes))
        full = [axis for axis in axes if size(axis) == extent]
        if extent == 1:  # a batch of one stays a rank
            full = [axis for axis in axes if axis][:1] or [()]
        extents = refined(full)
        if extents is None:
            raise NoDigitsError
        named: dict[tuple[int, int], str] = {}
        for axis in reversed(full):
            named |= {(p.extent, size(axis[i + 1 :])): p.rank for i, p in enumerate(axis) if p.rank}
        rest = [size([Part(n, "") for n in extents[i + 1 :]]) for i in range(len(extents))]
        return tuple(self.part(n, named.get((n, after), "")) for n, after in zip(extents, rest, strict=True))

    def read(self, view: View, *by: Parts | Spot) -> str:
        """An access to the tensor of a view, each axis read by variables or at a coordinate."""
        spots = view.read(*by)
        plain = not view.partial
        indices = (self.index(spot, rank, plain=plain) for spot, rank in zip(spots, view.ranks, strict=True))
        return f"{view.tensor}[{', '.join(indices)}]"

    def index(self, spot: Spot, rank: str, *, plain: bool = True) -> str:
        """A coordinate as it is written; without the name of the rank where that is ``plain`` from its variable."""
        if len(spot.terms) == 1 and (part := spot.terms[0][0]) in self.looked_up:
            return f"{rank}={self.looked_up[part]}"
        if plain and spot.constant == 0 and [(part.rank, c) for part, c in spot.terms] == [(rank, 1)]:
            return rank.lower()
        text = ""
        parts = [part for part, _ in spot.terms]
        positional = spot == joined(parts)
        for place, (part, coefficient) in enumerate(spot.terms):
            after = [p.rank for p in parts[place + 1 :] if p.extent > 1]
            product = part.rank.lower()
            if positional and after:
                product = "*".join([product, *after])
            elif abs(coefficient) != 1:
                product = f"{abs(coefficient)}*{product}"
            text += f" {'-' if coefficient < 0 else '+'} {product}"
        if spot.constant or not text:
            text += f" {'-' if spot.constant < 0 else '+'} {abs(spot.constant)}"
        return f"{rank}={text.removeprefix(' + ') if text.startswith(' +') else '-' + text[3:]}"

    def write(self, name: str, axes: Sequence[Parts], right: str, *, reduce: str = "=", pad: Pad | None = None) -> View:
        """An Einsum whose output has a rank for each variable of its axes."""
        parts = [part for axis in axes for part in axis]
        indices = [part.rank.lower() for part in parts]
        return self.write_at(name, tuple(axes), parts, indices, right, reduce=reduce, pad=pad)

    def write_at(
        self,
        name: str,
        axes: tuple[Parts, ...],
        ranks: Sequence[Part],
        indices: Sequence[str],
        right: str,
        *,
        reduce: str = "=",
        pad: Pad | None = None,
        tensor: str | None = None,
    ) -> View:
        """An Einsum whose output has other ranks than its variables."""
        einsum, tensor = self.writer.name(name), tensor or self.writer.tensor(name)
        text = f"{tensor}[{', '.join(indices)}] {reduce} {right}"
        self.writer.einsums.append(EinsumSpec(name=einsum, einsum=text, pad=pad))
        return _whole(tensor, ranks, axes)


class NoDigitsError(Exception):
    """Axes that are split in ways that have no digits in common: one of them has to be copied first."""


def copied(
    writer: Writer,
    name: str,
    view: View,
    offsets: Mapping[int, tuple[int, int]] | None = None,
    tensor: str | None = None,
) -> View:
    """The view as a tensor of its own, with one rank for each axis.

    ``offsets`` says of an axis where the copy begins in a larger one, and how large that is: what is not written is 0.
    ``tensor`` is one that other copies write, too, at other places.
    """
    loops, whole = Loops(writer), Loops(writer)
    offsets = offsets or {}
    axes = [loops.axis(axis) for axis in view.axes]
    ranks: list[Part] = []
    indices = []
    for place, axis in enumerate(axes):
        start, extent = offsets.get(place, (0, size(axis)))
        if extent == 1 and not axis:
            continue
        lone = axis[0].rank if len(axis) == 1 and extent == size(axis) else ""
        part = whole.part(extent, lone or (axis[0].rank if len(axis) == 1 else "D"))
        ranks.append(part)
        spot = joined(axis)
        indices.append(loops.index(Spot(spot.terms, start), part.rank))
    out = iter(ranks)
    kept = tuple((next(out),) if axis or size(axis) != offsets.get(i, (0, 1))[1] else () for i, axis in enumerate(axes))
    made = loops.write_at(name, kept, ranks, indices, loops.read(view, *axes), tensor=tensor)
    return replace(made, partial=bool(offsets))


def together(writer: Writer, name: str, views: Sequence[View], formula: Callable[..., str]) -> View:
    """An Einsum, word by word, of views that are aligned at their last axis as NumPy does.

    ``formula`` makes the right side of their accesses. Views whose axes are split in other ways are copied first.
    """
    rank = max((len(view.axes) for view in views), default=0)
    padded = [view.with_axes(((),) * (rank - len(view.axes)) + view.axes) for view in views]
    loops = Loops(writer)
    try:
        axes = [loops.axis(*(view.axes[place] for view in padded)) for place in range(rank)]
    except NoDigitsError:
        flat = [copied(writer, f"{name}.copy", v) if any(len(a) > 1 for a in v.axes) else v for v in views]
        return together(writer, name, flat, formula)
    return loops.write(name, axes, formula(*(loops.read(view, *axes) for view in padded)))
