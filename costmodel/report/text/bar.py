"""A bar of characters: where the energy goes, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.human import percent
from costmodel.report.text.aligned import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 60
"""Characters of a bar."""
MARKS = "█▓▒░"
"""Of the largest parts; the others share a dot."""
REST = "·"


def bar(parts: Mapping[str, float]) -> str:
    """Draw the shares of the largest parts, with their names below; nothing where there is nothing to share.

    >>> print(bar({"GLB": 1.0, "DRAM": 5.0, "MAC": 2.0, "hop": 0.0}))
    ██████████████████████████████████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒
    █ DRAM 62.5 %  ▓ MAC 25 %  ▒ GLB 12.5 %
    """
    whole = sum(parts.values())
    if not whole:
        return ""
    ordered = sorted(((name, value / whole) for name, value in parts.items() if value), key=lambda one: -one[1])
    named, others = ordered[: len(MARKS)], ordered[len(MARKS) :]
    shares = [*named, *([("others", sum(share for _, share in others))] if others else [])]
    drawn, done, total = "", 0, 0.0
    for mark, (_, share) in zip(MARKS[: len(named)] + REST, shares, strict=False):
        total += share
        drawn += mark * (round(WIDTH * total) - done)
        done = round(WIDTH * total)
    legend = zip(MARKS[: len(named)] + REST, shares, strict=False)
    return drawn + "\n" + "  ".join(f"{mark} {one_line(name)} {percent(share)}" for mark, (name, share) in legend)
