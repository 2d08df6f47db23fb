"""A tensor as a fibertree: a fiber for each rank, with the coordinates that are not empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_WORDS = 200
"""Words of a tensor that is drawn whole."""


@dataclass(frozen=True, slots=True)
class Fiber:
    """Coordinates of one rank, in order, and what hangs below each: a fiber of the next rank, or a value."""

    coordinates: tuple[int, ...]
    below: tuple[Fiber | object, ...]


@dataclass(frozen=True, slots=True)
class Fibertree:
    """The words of a tensor that are not zero."""

    head: str
    """Its name, and how many words it has."""
    ranks: tuple[str, ...]
    root: Fiber | object
    """A value where the tensor has no rank. Values that are null are not written."""

    def __str__(self) -> str:
        if isinstance(self.root, Fiber):
            return "\n".join([self.head, *_lines(self.ranks, self.root)])
        return self.head if self.root is None else f"{self.head}\n{self.root}"


def fibertree(name: str, ranks: Sequence[str], words: Mapping[tuple[int, ...], object], size_words: int) -> Fibertree:
    """Hang up the words that are not zero; a value that is null is not written.

    >>> print(fibertree("G", ["S", "D"], {(0, 1): None, (0, 3): None, (2, 0): None}, 16))
    G: 3 of 16 words are not zero
    S 0 ── D 1
           └ 3
      2 ── D 0

    Raises ValueError where there are more than ``MOST_WORDS``.
    """
    if len(words) > MOST_WORDS:
        raise ValueError(f"{name} has {len(words):,} words: a tree is drawn of up to {MOST_WORDS}")
    head = f"{name}: {len(words):,} of {size_words:,} words are not zero"
    return Fibertree(head, tuple(ranks), _fiber(len(ranks), words))


def _fiber(ranks: int, words: Mapping[tuple[int, ...], object]) -> Fiber | object:
    """What the words hang from, of which the first of some ranks is the outermost."""
    if not ranks:
        return words.get(())
    apart: dict[int, dict[tuple[int, ...], object]] = {}
    for point, value in sorted(words.items(), key=lambda word: word[0]):
        apart.setdefault(point[0], {})[point[1:]] = value
    return Fiber(tuple(apart), tuple(_fiber(ranks - 1, rest) for rest in apart.values()))


def _lines(ranks: Sequence[str], fiber: Fiber) -> Iterator[str]:
    """Lines of one fiber: each coordinate with what hangs below it."""
    rank, *inner = ranks
    wide = max((len(str(c)) for c in fiber.coordinates), default=1)
    if not fiber.coordinates:
        yield f"{rank} (empty)"
    for place, (coordinate, child) in enumerate(zip(fiber.coordinates, fiber.below, strict=True)):
        branch = "├" if place < len(fiber.coordinates) - 1 else "└"
        start = f"{rank} " if place == 0 else f"{' ' * (len(rank) - 1)}{branch if not inner else ' '} "
        start += f"{coordinate:>{wide}}"
        if not isinstance(child, Fiber):
            yield start if child is None else f"{start}: {child}"
            continue
        for number, line in enumerate(_lines(inner, child)):
            yield f"{start} ── {line}" if number == 0 else f"{' ' * len(start)}    {line}"
