"""Fibertrees as an SVG: a row of coordinates for each fiber, a line from each to what hangs below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from costmodel.describe.drawing import FAINT, INK, drawing, word
from costmodel.describe.fibertree import Fiber, Fibertree

CELL_HEIGHT, CELL_LEAST, GAP_ACROSS, GAP_DOWN, MARGIN = 24, 26, 14, 30, 24
_HEAD, _LETTER = 22, 7


def fibertrees_svg(trees: Sequence[Fibertree]) -> str:
    """Draw trees one below another; the name of each rank stands left of its fibers."""
    body: list[str] = []
    width, y = 0, MARGIN
    for tree in trees:
        left = MARGIN + _LETTER * max((len(rank) for rank in tree.ranks), default=0) + GAP_ACROSS
        width = max(width, left + _width(tree.root), MARGIN + _LETTER * len(tree.head))
        body.append(_start(MARGIN, y + 6, tree.head, INK))
        rows = [y + _HEAD + depth * (CELL_HEIGHT + GAP_DOWN) for depth in range(len(tree.ranks) + 1)]
        body += [_start(MARGIN, row + 16, rank, FAINT) for rank, row in zip(tree.ranks, rows, strict=False)]
        body += _drawn(tree.root, left, rows)
        y = rows[-1] + CELL_HEIGHT + MARGIN
    return drawing(width + MARGIN, y, "; ".join(tree.head for tree in trees), body)


def _start(x: int, y: int, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(text)}</text>'


def _cell(fiber: Fiber) -> int:
    """Width of one coordinate of a fiber, with room for the value below it."""
    below = [str(c) for c in fiber.below if not isinstance(c, Fiber) and c is not None]
    longest = max(map(len, (*map(str, fiber.coordinates), *below)), default=1)
    return max(CELL_LEAST, _LETTER * longest + 10)


def _width(fiber: Fiber | object) -> int:
    if not isinstance(fiber, Fiber):
        return CELL_LEAST
    inner = [_width(child) for child in fiber.below if isinstance(child, Fiber)]
    return max(_cell(fiber) * len(fiber.below), sum(inner) + GAP_ACROSS * (len(inner) - 1), CELL_LEAST)


def _drawn(fiber: Fiber | object, x: int, rows: Sequence[int]) -> Iterator[str]:
    """What hangs in a place that is as wide as it is: a fiber in the middle of it, over all below, or a value."""
    y = rows[0]
    if not isinstance(fiber, Fiber):
        yield word(x + CELL_LEAST // 2, y + 16, "" if fiber is None else escape(str(fiber)), INK)
        return
    cell = _cell(fiber)
    at = x + (_width(fiber) - cell * len(fiber.below)) // 2
    for coordinate, child in zip(fiber.coordinates, fiber.below, strict=True):
        middle = at + cell // 2
        yield f'<rect x="{at}" y="{y}" width="{cell}" height="{CELL_HEIGHT}" fill="#f9fafb" stroke="{INK}"/>'
        yield word(middle, y + 16, str(coordinate), INK)
        if isinstance(child, Fiber):
            yield _line(middle, y + CELL_HEIGHT, x + _width(child) // 2, rows[1])
            yield from _drawn(child, x, rows[1:])
            x += _width(child) + GAP_ACROSS
        elif child is not None:
            yield _line(middle, y + CELL_HEIGHT, middle, rows[1])
            yield word(middle, rows[1] + 16, escape(str(child)), INK)
        at += cell
    if not fiber.below:
        yield word(x + CELL_LEAST, y + 16, "(empty)", FAINT)


def _line(x0: int, y0: int, x1: int, y1: int) -> str:
    return f'<path d="M{x0} {y0} C{x0} {y0 + 14} {x1} {y1 - 14} {x1} {y1}" fill="none" stroke="{FAINT}"/>'
