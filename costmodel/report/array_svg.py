"""The arrays of an Einsum, drawn with what is unrolled on them."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from costmodel.model.explain.peak import ArrayUse

MOST = 32
"""Cells that are drawn along one dimension; of more, each stands for several instances."""
CELL = 10


def arrays_svg(dimensions: Sequence[ArrayUse]) -> list[str]:
    """A picture of each array, outermost first: instances at work are filled."""
    by_array: dict[str, list[ArrayUse]] = {}
    for dimension in dimensions:
        by_array.setdefault(dimension.array, []).append(dimension)
    return [_array(name, parts) for name, parts in by_array.items()]


def _array(name: str, parts: Sequence[ArrayUse]) -> str:
    """The first dimension runs to the right, the second down; of further ones one slice is drawn."""
    across = parts[0]
    down = parts[1] if len(parts) > 1 else ArrayUse(name, "", 1, 1, ())
    columns, full_columns = _cells(across)
    rows, full_rows = _cells(down)
    width, height = columns * CELL, rows * CELL
    cells = "".join(
        f'<rect class="{"at-work" if x < full_columns and y < full_rows else "idle"}" '
        f'x="{x * CELL + 0.5}" y="{y * CELL + 0.5}" width="{CELL - 1.5}" height="{CELL - 1.5}" rx="1.5"/>'
        for y in range(rows)
        for x in range(columns)
    )
    used, size = math.prod(part.used for part in parts), math.prod(part.size for part in parts)
    title = f"{name}: {used:,} of {size:,} at work"
    told = "".join(f"<li>{html.escape(_told(part))}</li>" for part in parts)
    scale = "" if columns == across.size and rows == down.size else " A cell stands for several instances."
    return (
        f'<figure class="array"><figcaption><b>{html.escape(title)}</b></figcaption>'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{html.escape(title, quote=True)}">{cells}</svg><ul>{told}</ul>'
        f"{f'<p>{scale.strip()}</p>' if scale else ''}</figure>"
    )


def _cells(dimension: ArrayUse) -> tuple[int, int]:
    """Cells that are drawn along a dimension, and how many of them are filled: at least one."""
    drawn = min(dimension.size, MOST)
    return drawn, max(round(dimension.used / dimension.size * drawn), 1)


def _told(part: ArrayUse) -> str:
    if not part.loops:
        return f"{part.name} {part.size:,}: nothing is unrolled"
    loops = " × ".join(f"{variable} in {steps:,}" for variable, _, steps in part.loops)
    return f"{part.name} {part.size:,}: {loops}"
