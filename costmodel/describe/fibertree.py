"""A tensor as a fibertree, in text: a fiber for each rank, with the coordinates that are not empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

MOST_WORDS = 200
"""Words of a tensor that is drawn whole."""


def fibertree(name: str, ranks: Sequence[str], words: Mapping[tuple[int, ...], object], size_words: int) -> str:
    """Draw the words that are not zero; a value that is null is not written.

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
    if not ranks:
        value = words.get(())
        return head if value is None else f"{head}\n{value}"
    return "\n".join([head, *_fiber(ranks, words)])


def _fiber(ranks: Sequence[str], words: Mapping[tuple[int, ...], object]) -> Iterator[str]:
    """Lines of one fiber: each coordinate with what hangs below it."""
    rank, *below = ranks
    coordinates = sorted({point[0] for point in words})
    wide = max((len(str(c)) for c in coordinates), default=1)
    if not coordinates:
        yield f"{rank} (empty)"
    for place, coordinate in enumerate(coordinates):
        branch = "├" if place < len(coordinates) - 1 else "└"
        start = f"{rank} " if place == 0 else f"{' ' * (len(rank) - 1)}{branch if not below else ' '} "
        start += f"{coordinate:>{wide}}"
        rest = {point[1:]: value for point, value in words.items() if point[0] == coordinate}
        if not below:
            yield start if rest[()] is None else f"{start}: {rest[()]}"
            continue
        for number, line in enumerate(_fiber(below, rest)):
            yield f"{start} ── {line}" if number == 0 else f"{' ' * len(start)}    {line}"
