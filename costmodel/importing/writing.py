"""Writes Einsums: names of tensors and ranks, and statements about views."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from costmodel.importing.views import AxisDigit, AxisDigits, NoDigitsError, Spot, View, joined, refined, size
from costmodel.spec.workload_spec import EinsumSpec, Pad, Ranks

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
    """Extent of each rank where an Einsum has none of its own; the name of another one where that is what it is."""
    of_tensors: dict[str, int] = field(default_factory=dict)
    """Extent of each rank of a tensor: one name for each first letter and extent."""
    cut: set[str] = field(default_factory=set)
    """Tensors that some Einsum does not read to their end."""
    _given: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Tensors that no Einsum writes, with their ranks."""
    _tensors: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    def own(self, stated: Mapping[str, int], alike: Mapping[str, str]) -> dict[str, int]:
        """Extents of an Einsum that differ from those of the file; ``alike`` names ranks that are another one."""
        for rank, extent in stated.items():
            self.ranks.setdefault(rank, alike.get(rank, extent))
        return {rank: extent for rank, extent in stated.items() if self._extent(rank, stated) != extent}

    def _extent(self, rank: str, stated: Mapping[str, int]) -> int:
        """What the file says of a rank, for an Einsum with these ranks."""
        found = self.ranks[rank]
        return found if isinstance(found, int) else stated.get(found, 0)

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
        axes = tuple(loops.axis((AxisDigit(n, letter),)) if n > 1 or not squeezed else () for n, letter in named)
        parts = [part for axis in axes for part in axis]
        found = self.whole(self.tensor(name), parts, axes, [part.rank for part in parts] if squeezed else None)
        self._given[found.tensor] = found.ranks
        return found

    @property
    def declared(self) -> dict[str, tuple[str, ...]]:
        """Ranks of the tensors whose shapes no Einsum tells: it reads a part, and none writes the whole."""
        return {tensor: ranks for tensor, ranks in self._given.items() if tensor in self.cut}

    def whole(
        self,
        tensor: str,
        ranks: Sequence[AxisDigit],
        axes: tuple[AxisDigits, ...],
        names: Sequence[str] | None = None,
        beside: Mapping[str, int] | None = None,
    ) -> View:
        """A tensor as it is, with a rank for each part; ``beside`` are other ranks that its Einsum names."""
        found = list(names or ())
        for part in ranks[len(found) :]:
            others = {rank for rank, extent in (beside or {}).items() if extent != part.extent}
            found.append(self._rank((part.of or part.rank)[0], part.extent, others.union(found)))
        spots = tuple(Spot(((part, 1),)) for part in ranks)
        return View(tensor, tuple(found), tuple(p.extent for p in ranks), axes, spots)

    def _rank(self, letter: str, extent: int, taken: AbstractSet[str]) -> str:
        alike = (name for name, known in self.of_tensors.items() if name[0] == letter and known == extent)
        names = (f"{letter}{number or ''}" for number in itertools.count())
        new = (name for name in names if name not in self.of_tensors and name not in taken)
        found = next((name for name in alike if name not in taken), None) or next(new)
        self.of_tensors[found] = extent
        return found


def _free(name: str, taken: set[str], sign: str) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}{sign}{number}"
    taken.add(found)
    return found


class Loops:
    """The rank variables of one Einsum that reads some views, and what is read with them."""

    def __init__(self, writer: Writer, *views: View) -> None:
        self.writer = writer
        self.taken: dict[str, int] = {}
        """Rank of each variable → its extent."""
        self.alike: dict[str, str] = {}
        """Ranks that are another one by definition: keys run over the tokens that queries run over."""
        self.reach: dict[str, int] = {}
        """Ranks of the tensors that are read, with their extents: a variable of such a name runs over all of it."""
        self.looked_up: dict[AxisDigit, str] = {}
        """What stands in the place of a coordinate that is looked up."""
        for view in views:
            for rank, extent in zip(view.ranks, view.extents, strict=True):
                self.reach[rank] = max(extent, self.reach.get(rank, 1))

    def part(self, extent: int, rank: str, of: str = "") -> AxisDigit:
        """A new rank variable, over a rank of this name where that is free here, or of its first letter."""
        letters = rank[:1] or SPLIT
        names = (rank, *letters, *(f"{letters[0]}{number}" for number in range(1, 99)))
        free = (n for n in names if n and n not in self.taken and self.reach.get(n, extent) == extent)
        name = next(free)
        if name != rank and self.taken.get(rank) == extent:
            self.alike[name] = self.alike.get(rank, rank)
        self.taken[name] = extent
        return AxisDigit(extent, name, of)

    def axis(self, *axes: AxisDigits) -> AxisDigits:
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
        named: dict[tuple[int, int], AxisDigit] = {}
        for axis in reversed(full):
            named |= {(p.extent, size(axis[i + 1 :])): p for i, p in enumerate(axis) if p.rank}
        rest = [math.prod(extents[i + 1 :]) for i in range(len(extents))]
        like = [named.get((n, after), AxisDigit(n, "")) for n, after in zip(extents, rest, strict=True)]
        return tuple(self.part(part.extent, part.rank, part.of) for part in like)

    def read(self, view: View, *by: AxisDigits | Spot) -> str:
        """An access to the tensor of a view, each axis read by variables or at a coordinate."""
        spots = view.read(*by)
        if any(spot.span[1] + 1 < extent for spot, extent in zip(spots, view.extents, strict=True)):
            self.writer.cut.add(view.tensor)
        named = zip(spots, view.ranks, view.extents, strict=True)
        indices = (self.index(spot, rank, extent) for spot, rank, extent in named)
        return f"{view.tensor}[{', '.join(indices)}]"

    def index(self, spot: Spot, rank: str, extent: int) -> str:
        """A coordinate as it is written: a variable alone where it runs over all of the rank of its name."""
        if len(spot.terms) == 1 and (part := spot.terms[0][0]) in self.looked_up:
            return f"{rank}={self.looked_up[part]}"
        if spot.constant == 0 and [(part.rank, part.extent, c) for part, c in spot.terms] == [(rank, extent, 1)]:
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

    def write(
        self, name: str, axes: Sequence[AxisDigits], right: str, *, reduce: str = "=", pad: Pad | None = None
    ) -> View:
        """An Einsum whose output has a rank for each variable of its axes."""
        parts = [part for axis in axes for part in axis]
        spots = [Spot(((part, 1),)) for part in parts]
        return self.write_at(name, tuple(axes), parts, spots, right, reduce=reduce, pad=pad)

    def write_at(
        self,
        name: str,
        axes: tuple[AxisDigits, ...],
        ranks: Sequence[AxisDigit],
        spots: Sequence[Spot],
        right: str,
        *,
        reduce: str = "=",
        pad: Pad | None = None,
        into: View | None = None,
    ) -> View:
        """An Einsum whose output has other ranks than its variables; ``into`` is one that others write, too."""
        einsum, tensor = self.writer.name(name), into.tensor if into else self.writer.tensor(name)
        named_before = into.ranks if into else None
        made = self.writer.whole(tensor, ranks, axes, named_before, beside=self.reach | self.taken)
        named = zip(spots, made.ranks, made.extents, strict=True)
        text = f"{tensor}[{', '.join(self.index(spot, rank, extent) for spot, rank, extent in named)}] {reduce} {right}"
        reach = self.reach | dict(zip(made.ranks, made.extents, strict=True)) | self.taken
        stated = {rank: n for rank, n in reach.items() if rank in self.taken or f"{rank}=" in text}
        own: Ranks = {**self.writer.own(stated, self.alike)}
        self.writer.einsums.append(EinsumSpec(name=einsum, einsum=text, ranks=own or None, pad=pad))
        return made


def copied(
    writer: Writer,
    name: str,
    view: View,
    offsets: Mapping[int, tuple[int, int]] | None = None,
    into: View | None = None,
) -> View:
    """The view as a tensor of its own, with one rank for each axis.

    ``offsets`` says of an axis where the copy begins in a larger one, and how large that is.
    ``into`` is a tensor that another copy writes, too, at other places.
    """
    loops = Loops(writer, view, *([into] if into else []))
    offsets = offsets or {}
    axes = [loops.axis(axis) for axis in view.axes]
    kept: list[AxisDigits] = []
    ranks: list[AxisDigit] = []
    spots = []
    for place, axis in enumerate(axes):
        start, extent = offsets.get(place, (0, size(axis)))
        if extent == 1 and not axis:
            kept.append(())
            continue
        like = axis[0] if len(axis) == 1 else AxisDigit(extent, "D")
        ranks.append(AxisDigit(extent, like.rank, like.of))
        kept.append((ranks[-1],))
        spots.append(Spot(joined(axis).terms, start))
    return loops.write_at(name, tuple(kept), ranks, spots, loops.read(view, *axes), into=into)


def together(writer: Writer, name: str, views: Sequence[View], formula: Callable[..., str]) -> View:
    """An Einsum, word by word, of views that are aligned at their last axis as NumPy does.

    ``formula`` makes the right side of their accesses. Views whose axes are split in other ways are copied first.
    """
    rank = max((len(view.axes) for view in views), default=0)
    padded = [view.with_axes(((),) * (rank - len(view.axes)) + view.axes) for view in views]
    loops = Loops(writer, *views)
    try:
        axes = [loops.axis(*(view.axes[place] for view in padded)) for place in range(rank)]
    except NoDigitsError:
        flat = [copied(writer, f"{name}.copy", v) if any(len(a) > 1 for a in v.axes) else v for v in views]
        return together(writer, name, flat, formula)
    return loops.write(name, axes, formula(*(loops.read(view, *axes) for view in padded)))
