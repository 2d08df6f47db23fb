"""Aligned tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align cells: text to the left, a column of numbers to the right; empty columns are left out.

    >>> print(table(["level", "words"], [["GLB", "12"], ["DRAM", "3"]]))
    level  words
    GLB       12
    DRAM       3
    """
    body = [[one_line(cell) for cell in row] for row in rows]
    kept = [c for c in range(len(columns)) if not body or any(row[c] for row in body)]
    lines = [[columns[c] for c in kept], *([row[c] for c in kept] for row in body)]
    widths = [max(len(line[c]) for line in lines) for c in range(len(kept))]
    right = [
        bool(body) and all(not line[c] or line[c][0].isdigit() or line[c][0] in "-+" for line in lines[1:])
        for c in range(len(kept))
    ]
    return "\n".join(
        "  ".join(
            f"{cell:>{w}}" if r else f"{cell:<{w}}" for cell, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def one_line(text: str) -> str:
    """A line break of a name begins no line."""
    return text.replace("\n", "\\n")
