"""Text that a notebook and a prompt show as it is."""

from __future__ import annotations

from html import escape


class Text(str):
    """Lines for people: shown as they are, not in quotes.

    >>> Text("for m by 1")
    for m by 1
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"
