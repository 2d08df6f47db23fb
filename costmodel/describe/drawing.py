"""What pictures have in common: an SVG with a title, its colours, and words in it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

INK, FAINT = "#1f2937", "#9ca3af"


def drawing(width: int, height: int, title: str, body: Iterable[str]) -> str:
    """An SVG on white paper."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="12">'
    )
    paper = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", paper, *body, "</svg>"])


def word(x: int, y: int, text: str, colour: str, more: str = "") -> str:
    """Text around a place; ``text`` is escaped already, ``more`` are further attributes."""
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}"{more}>{text}</text>'
