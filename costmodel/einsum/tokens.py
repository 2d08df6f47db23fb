"""Text to tokens, and errors that show the place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from costmodel.spec.problems import Problem, SpecError

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>[-+*/]=|==|\*\*|[-+*/=,()\[\]])"
)


_BOXES = "an iteration space is a box, without conditions on rank variables: count all of it, or split it into boxes"


SAY_INSTEAD = {
    **dict.fromkeys(("<", ">", "<=", ">=", "≤", "≥"), _BOXES),
    "×": "write '*'",
    "·": "write '*'",
    "⋅": "write '*'",
    "÷": "write '/'",
    "−": "write '-'",
    "^": "write pow(x, y)",
    "**": "write pow(x, y)",
    "==": "write '='",
    ":": "a rank with its index is written RANK=index, as in Q[M=p]",
    "{": "indices stand in square brackets",
    "}": "indices stand in square brackets",
    ";": "one statement per entry",
}


def excerpt(text: str, offset: int) -> str:
    """Two lines: the text around a place, and a caret below it.

    >>> print(excerpt("Z[m = A[m]", 4))
      Z[m = A[m]
          ^
    """
    width = 100
    offset = min(max(offset, 0), len(text))
    start = max(0, min(offset - width // 2, len(text) - width))
    shown = "".join(c if c.isprintable() else " " for c in text[start : start + width])
    before = "… " if start else "  "
    after = " …" if start + width < len(text) else ""
    return f"{before}{shown}{after}\n{' ' * (2 + offset - start)}^"


class NotationError(SpecError):
    """The text is no Einsum. ``offset`` is the place, counted in characters from 0."""

    def __init__(self, text: str, offset: int, message: str, hint: str = "") -> None:
        self.offset = offset
        super().__init__([Problem(message, hint=hint, excerpt=excerpt(text, offset))])


_Kind = Literal["name", "number", "sign", "end"]


_KINDS: tuple[_Kind, ...] = ("name", "number", "sign")


@dataclass(frozen=True, slots=True)
class Token:
    """A name, a number or a sign, and where it stands."""

    kind: _Kind
    text: str
    offset: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)

    @property
    def is_tensor(self) -> bool:
        return self.kind == "name" and self.text[0].isupper()

    @property
    def is_constant(self) -> bool:
        return self.is_tensor and self.text.isupper()

    @property
    def is_rank_variable(self) -> bool:
        return self.kind == "name" and self.text[0].islower() and self.text.islower()


def tokens_of(text: str) -> list[Token]:
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            character = text[offset]
            raise NotationError(text, offset, f"unexpected character {character!r}", SAY_INSTEAD.get(character, ""))
        found.extend(Token(kind, match.group(), offset) for kind in _KINDS if kind == match.lastgroup)
        offset = match.end()
    found.append(Token("end", "", len(text.rstrip())))
    return found
