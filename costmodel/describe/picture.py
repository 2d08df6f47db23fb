"""The graph of who needs whom as an SVG: a column for each stage, an arrow for each tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from costmodel.describe.cascade import DependenceGraph, DependenceNode
from costmodel.describe.drawing import FAINT, INK, drawing, word

BOX_WIDTH, BOX_HEIGHT = 148, 46
GAP_ACROSS, GAP_DOWN, MARGIN, LANE = 84, 20, 24, 10
_STATIC, _DYNAMIC = "#b45309", "#1d4ed8"
_LONGEST = 18
"""Characters of a name that are shown; the whole is in the title of its box."""


def graph_svg(graph: DependenceGraph, title: str) -> str:
    """Draw a graph. Tensors that no Einsum writes stand in front: in blue what changes with the input.

    What stays the same from input to input (weights) is named inside the box that reads it, in brown. A dashed arrow
    reads what an earlier step of an iteration wrote.
    """
    given = _given(graph)
    columns = [column for column in (given, *graph.stages) if column]
    places = {name: (x, y) for x, column in enumerate(columns) for y, name in enumerate(column)}
    lanes = _Lanes([len(column) for column in columns])
    body = [_arrow(*arrow, places, lanes) for arrow in _arrows(graph, given)]
    body += [_box(node, *_corner(places[node.einsum])) for node in graph.nodes]
    body += [_tensor_box(name.removeprefix(_TENSOR), *_corner(places[name])) for name in given]
    body += [_heading(column - bool(given) + 1, column) for column in range(bool(given), len(columns))]
    width = 2 * MARGIN + len(columns) * BOX_WIDTH + (len(columns) - 1) * GAP_ACROSS
    height = lanes.bottom + MARGIN
    return drawing(width, height, title, [_TIP, *body])


class _Lanes:
    """Heights at which arrows pass below the boxes of the columns between their ends."""

    def __init__(self, rows: Sequence[int]) -> None:
        self.bottoms = [_top(n) - GAP_DOWN for n in rows]
        self.used: list[set[int]] = [set() for _ in rows]

    def take(self, columns: range) -> int:
        """A height that is free below all of some columns."""
        height = max(self.bottoms[column] for column in columns) + LANE
        while any(height in self.used[column] for column in columns):
            height += LANE
        for column in columns:
            self.used[column].add(height)
        return height

    @property
    def bottom(self) -> int:
        """Of all that is drawn."""
        return max(*self.bottoms, *(max(used, default=0) for used in self.used))


_TIP = (
    '<defs><marker id="needs-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0 0 8 4 0 8z" fill="{FAINT}"/></marker></defs>'
)
_TENSOR = "\0"
"""In front of the name of a tensor, so that it is no Einsum's."""


def _given(graph: DependenceGraph) -> tuple[str, ...]:
    """Dynamic tensors that no Einsum writes."""
    written = {need.tensor for need in graph.needs}
    return tuple(dict.fromkeys(_TENSOR + t for node in graph.nodes for t in node.dynamic if t not in written))


def _top(row: int) -> int:
    return MARGIN + 24 + row * (BOX_HEIGHT + GAP_DOWN)


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return MARGIN + place[0] * (BOX_WIDTH + GAP_ACROSS), _top(place[1])


def _short(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _heading(stage: int, column: int) -> str:
    x = MARGIN + column * (BOX_WIDTH + GAP_ACROSS) + BOX_WIDTH // 2
    return word(x, MARGIN + 6, f"stage {stage}", FAINT)


def _box(node: DependenceNode, x: int, y: int) -> str:
    middle, down = x + BOX_WIDTH // 2, y + (20 if node.static else 27)
    reads = ", ".join((*node.dynamic, *node.static)) or "nothing"
    lines = [
        f"<g><title>{escape(f'{node.einsum}: reads {reads}, writes {node.writes}')}</title>",
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="#f9fafb" stroke="{INK}"/>',
        word(middle, down, _short(node.einsum), INK, ' font-weight="600"'),
    ]
    if node.static:
        lines.append(word(middle, y + 37, _short(", ".join(node.static)), _STATIC))
    return "\n".join([*lines, "</g>"])


def _tensor_box(name: str, x: int, y: int) -> str:
    middle = x + BOX_WIDTH // 2
    return (
        f'<rect x="{x + 24}" y="{y + 8}" width="{BOX_WIDTH - 48}" height="{BOX_HEIGHT - 16}" rx="15" fill="#eff6ff" '
        f'stroke="{_DYNAMIC}"/>{word(middle, y + 27, _short(name), _DYNAMIC)}'
    )


def _arrows(graph: DependenceGraph, given: Sequence[str]) -> Iterator[tuple[str, str, str, bool]]:
    """Where each starts and ends, its label (none where the start is named so), and whether it is of an iteration."""
    for need in graph.needs:
        yield need.writer, need.reader, "" if need.tensor == need.writer else need.tensor, need.is_iterative
    for node in graph.nodes:
        for tensor in node.dynamic:
            if _TENSOR + tensor in given:
                yield _TENSOR + tensor, node.einsum, "", False


def _arrow(
    start: str,
    end: str,
    label: str,
    is_iterative: bool,
    places: Mapping[str, tuple[int, int]],
    lanes: _Lanes,
) -> str:
    (x0, y0), (x1, y1) = _corner(places[start]), _corner(places[end])
    x0, y0, y1 = x0 + BOX_WIDTH - 24 * start.startswith(_TENSOR), y0 + BOX_HEIGHT // 2, y1 + BOX_HEIGHT // 2
    first, last = places[start][0], places[end][0]
    if last == first + 1:
        path = f"M{x0} {y0} C{x0 + 40} {y0} {x1 - 40} {y1} {x1} {y1}"
    else:
        between = range(first + 1, last) if last > first else range(last, first + 1)
        y = lanes.take(between)
        ahead, back = (x0 + 70, x1 - 70) if last > first else (x0 - 10, x1 + 10)
        path = f"M{x0} {y0} C{x0 + 40} {y0} {x0 + 30} {y} {ahead} {y} L{back} {y} "
        path += f"C{x1 - 30} {y} {x1 - 40} {y1} {x1} {y1}"
    dashes = ' stroke-dasharray="5 4"' if is_iterative else ""
    drawn = f'<path d="{path}" fill="none" stroke="{FAINT}"{dashes} marker-end="url(#needs-tip)"/>'
    if label:
        drawn += f'<text x="{x0 + 8}" y="{y0 - 5}" font-size="10" fill="{INK}">{_short(label)}</text>'
    return drawn
