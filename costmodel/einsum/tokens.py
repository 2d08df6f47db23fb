r"""Text to tokens, in the canonical spelling and in that of LaTeX, and errors that show the place.

What LaTeX adds is told apart here, so that one grammar reads both: commands become the sign or the name that they mean
(``\times`` is ``*``, ``\exp`` is ``exp``), what only sets the type (``$``, ``\left``, ``\,``) is dropped, and a
name is parted from its script where it stands outside square brackets (``O_q`` is ``O``, ``_``, ``q``). An escaped
underscore belongs to the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from costmodel.einsum.functions import FUNCTIONS
from costmodel.spec.problems import Problem, SpecError

_BELOW = dict(zip("ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "aehijklmnoprstuvx0123456789+-()", strict=True))
"""Characters that stand below the line by themselves."""

_TOKEN = re.compile(
    r"(?P<space>\s+|[$~&]|\\(?:begin|end)\s*\{(?:equation|displaymath|math|align|gather)\*?\}|\\[,;:!()\[\]\\ ]"
    r"|\\(?:left|right|[bB]igg?[lrm]?|q?quad|limits|displaystyle)(?![A-Za-z])\.?)"
    r"|\\(?:math(?:bf|it|rm|sf|tt|cal)|text(?:bf|it|rm|sf|tt)?|operatorname|boldsymbol)\s*"
    r"\{\s*(?P<font>[A-Za-z](?:[A-Za-z0-9_]|\\_)*)\s*\}"
    r"|(?P<added>\\math(?:rel|bin)\s*\{(?:\{\+\}|\+)(?:\}\s*=|\{?=\}?\}))"
    r"|(?P<command>\\[A-Za-z]+)|\{\s*(?P<braced>\\(?:times|cdot|ast|div)(?![A-Za-z]))\s*\}"
    rf"|(?P<below>[{''.join(_BELOW)}]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z](?:[A-Za-z0-9]|\\_|_(?!\s*\{))*)"
    r"|(?P<sign>->|=>|[-+*/]=|==|\*\*|[-+*/=,()\[\]{}_^;×·⋅∙•∗✕÷−–Σ∑∏→↦⇒∈])"
)

_BOXES = "an iteration space is a box, without conditions on rank variables: count all of it, or split it into boxes"
_CONDITIONS = ("<", ">", "<=", ">=", "≤", "≥", r"\lt", r"\gt", r"\le", r"\ge", r"\leq", r"\geq")

SAY_INSTEAD = {
    **dict.fromkeys(_CONDITIONS, _BOXES),
    **dict.fromkeys((r"\odot", r"\circ"), "a product of each word with another is written '*'"),
    r"\otimes": "an outer product is written with its indices, as in Z[m, n] = A[m] * B[n]",
    **dict.fromkeys((r"\hat", r"\tilde", r"\bar", r"\prime", "'"), r"a name has letters, digits and \_"),
    "|": "a magnitude is written abs(x)",
    r"\top": "a transpose is written with its indices swapped",
    "^": "write pow(x, y)",
    "**": "write pow(x, y)",
    "==": "write '='",
    ":": "a rank with its index is written RANK=index, as in Q[M=p]",
    "{": "indices stand in square brackets, or below the tensor as in A_{m,k}",
    "}": "indices stand in square brackets, or below the tensor as in A_{m,k}",
    ";": "one statement per entry",
}
"""What cannot be read, as written, and the nearest form that can."""

PRODUCT, QUOTIENT, SUM, PRODUCTS, ARROW, FRACTION, WITHIN = "*", "/", "∑", "∏", "->", r"\frac", "∈"

_SIGNS = {
    **dict.fromkeys("×·⋅∙•∗✕", PRODUCT),
    "÷": QUOTIENT,
    **dict.fromkeys("−–", "-"),
    "Σ": SUM,
    **dict.fromkeys(("=>", "→", "↦", "⇒"), ARROW),
}
_COMMANDS: dict[str, str] = {
    **dict.fromkeys(("times", "cdot", "ast", "star"), PRODUCT),
    "div": QUOTIENT,
    "sum": SUM,
    "prod": PRODUCTS,
    **dict.fromkeys(("to", "rightarrow", "longrightarrow", "Rightarrow", "mapsto"), ARROW),
    **dict.fromkeys(("frac", "dfrac", "tfrac"), FRACTION),
    "in": WITHIN,
}
_NAMES = {**{name: name for name in FUNCTIONS}, "ln": "log", "sigma": "sigmoid", "infty": "inf"}
"""Commands that stand for a function or a number."""


_ESCAPES = {"\t": "t", "\f": "f", "\r": "r", "\v": "v", "\b": "b", "\a": "a", "\x1b": "e"}
_ESCAPED = re.compile(r"([\t\f\r\v\b\a\x1b])([A-Za-z]+)")
r"""What is left of a command where ``\t`` and the like were read as a sign."""
QUOTES = "in double quotes YAML reads \\t and the like as one sign: write single quotes, or none"


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


@dataclass(frozen=True, slots=True)
class Token:
    """A name, a number or a sign, and where it stands."""

    kind: Literal["name", "number", "sign", "end"]
    text: str
    offset: int
    end: int
    """Where the text goes on."""

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
    """Read a text whole; the last token is its end."""
    check_escapes(text)
    found: list[Token] = []
    open_brackets: list[str] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            character = text[offset]
            raise NotationError(text, offset, f"unexpected character {character!r}", SAY_INSTEAD.get(character, ""))
        if match.lastgroup == "name" and not _is_inside(open_brackets):
            found.extend(_scripted(match, text))
        elif match.lastgroup == "below":
            found.extend(_below(match))
        elif match.lastgroup != "space":
            found.append(_token(match, text))
            _follow_brackets(found, open_brackets)
        offset = match.end()
    found.append(Token("end", "", len(text.rstrip()), len(text)))
    return found


def check_escapes(text: str) -> None:
    r"""Refuse a command whose first letter YAML took: ``\times`` in double quotes is a tab and ``imes``."""
    for lost in _ESCAPED.finditer(text):
        command = _ESCAPES[lost[1]] + lost[2]
        if command in {*_COMMANDS, *_NAMES, "right", "text"} and lost[2] not in FUNCTIONS:
            raise NotationError(text, lost.start(), f"\\{command} is a sign and {lost[2]!r} here", QUOTES)


def is_lecture(text: str, tokens: list[Token]) -> bool:
    """Whether a text is spelled as LaTeX spells: with scripts or commands."""
    return "\\" in text or any(token.kind == "sign" and token.text in {"_", "^"} for token in tokens)


def _token(match: re.Match[str], text: str) -> Token:
    start, end, written = match.start(), match.end(), match.group()
    match match.lastgroup:
        case "font":
            return Token("name", match["font"].replace("\\", ""), start, end)
        case "added":
            return Token("sign", "+=", start, end)
        case "braced":
            return Token("sign", _COMMANDS[match["braced"][1:]], start, end)
        case "command":
            if written[1:] in _NAMES:
                return Token("name", _NAMES[written[1:]], start, end)
            if written[1:] in _COMMANDS:
                return Token("sign", _COMMANDS[written[1:]], start, end)
            near = get_close_matches(written, [f"\\{name}" for name in (*_COMMANDS, *_NAMES)], n=1)
            hint = SAY_INSTEAD.get(written, f"did you mean {near[0]}?" if near else "")
            raise NotationError(text, start, f"unknown command {written}", hint)
        case "number":
            return Token("number", written, start, end)
        case "name":
            return Token("name", written.replace("\\", ""), start, end)
        case _:
            return Token("sign", _SIGNS.get(written, written), start, end)


def _scripted(match: re.Match[str], text: str) -> Iterator[Token]:
    """A name outside of brackets, parted from the rank variable below it: no name with brackets ends there."""
    if text[match.end() :].lstrip().startswith("["):
        yield _token(match, text)
        return
    start = match.start()
    for part in re.split(r"(?<=[A-Za-z0-9])_(?=[a-z])", match.group()):
        if start > match.start():
            yield Token("sign", "_", start - 1, start)
        yield Token("name", part.replace("\\", ""), start, start + len(part))
        start += len(part) + 1


def _below(match: re.Match[str]) -> Iterator[Token]:
    """Characters below the line, as ``_{…}``: there is no comma among them, so each letter begins an index."""
    start, end = match.span()
    yield Token("sign", "_", start, start)
    yield Token("sign", "{", start, start)
    before = ""
    for part in re.finditer(r"[a-z][0-9]*|[0-9]+|.", "".join(_BELOW[character] for character in match.group())):
        written, at = part.group(), start + part.start()
        if written[0].isalpha() and (before[:1].isalpha() or before == ")"):
            yield Token("sign", ",", at, at)
        kind: Literal["name", "number", "sign"] = "name" if written[0].isalpha() else "number"
        yield Token(kind if written.isalnum() else "sign", written, at, start + part.end())
        before = written
    yield Token("sign", "}", end, end)


def _follow_brackets(found: list[Token], open_brackets: list[str]) -> None:
    """Keep account of the brackets that are open: ``[``, ``{``, and ``_{`` or ``^{`` of a script."""
    token = found[-1]
    if token.kind != "sign":
        return
    if token.text in {"[", "{"}:
        is_script = token.text == "{" and len(found) > 1 and found[-2].text in {"_", "^"}
        is_script = is_script and [t.text for t in found[-3:-1]] != ["e", "^"]
        open_brackets.append("_{" if is_script else token.text)
    elif token.text in {"]", "}"} and open_brackets:
        open_brackets.pop()


def _is_inside(open_brackets: list[str]) -> bool:
    """Whether indices are written here, where a name is whole."""
    return "[" in open_brackets or "_{" in open_brackets
