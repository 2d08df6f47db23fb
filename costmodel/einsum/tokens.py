r"""Text to tokens, in the canonical spelling and in that of LaTeX, and errors that show the place.

What LaTeX adds is told apart here, so that one grammar reads both: commands become the sign or the name that they mean
(``\times`` is ``*``, ``\exp`` is ``exp``), what only sets the type (``$``, ``\left``, ``\,``) is dropped, and a
name is parted from its script where it stands outside square brackets (``O_q`` is ``O``, ``_``, ``q``). An escaped
underscore belongs to the name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from costmodel.einsum.commands import COMMANDS, GREEK_LETTERS, NAMES, SAY_INSTEAD, SIGNS
from costmodel.einsum.functions import FUNCTIONS
from costmodel.spec.problems import Problem, SpecError

_BELOW = dict(zip("ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "aehijklmnoprstuvx0123456789+-()", strict=True))
"""Characters that stand below the line by themselves."""

_ENVIRONMENTS = "equation|displaymath|math|align(?:ed)?|eqnarray|flalign|gather(?:ed)?|multline|split"
_GREEK = "".join(GREEK_LETTERS)
_SIZES = r"(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])"
_NAME = r"[A-Za-z](?:[A-Za-z0-9_]|\\_)*"

_TOKEN = re.compile(
    rf"(?P<open>(?:\\{_SIZES}\s*)?\\(?:\{{|lbrace(?![A-Za-z])|lbrack(?![A-Za-z]))|\\{_SIZES}\s*\[)"
    rf"|(?P<close>(?:\\{_SIZES}\s*)?\\(?:\}}|rbrace(?![A-Za-z])|rbrack(?![A-Za-z]))|\\{_SIZES}\s*\])"
    rf"|(?P<space>[\s\u200b\u2061-\u2063\ufeff]+|[$~&]|\\(?:begin|end)\s*\{{(?:{_ENVIRONMENTS})\*?\}}"
    r"|\\\\(?:\[-?[0-9.]+\s*[a-z]{2}\])?|\\[,;:!()\[\]\\ ]|\\(?:hspace\*?|vspace\*?|label|tag\*?)\s*\{[^{}]*\}"
    rf"|\\{_SIZES}\.?|\\(?:q?quad|enspace|thinspace|(?:no)?limits|displaystyle|textstyle|nonumber|notag)(?![A-Za-z]))"
    r"|\\(?:math(?:bf|it|rm|sf|tt|cal|bb|scr|frak|normal)|text(?:bf|it|rm|sf|tt)?|mbox|operatorname\*?|boldsymbol|bm)"
    rf"\s*\{{\s*(?P<font>{_NAME})\s*\}}"
    rf"|(?<![_^])\{{\s*(?P<alone>{_NAME})\s*\}}(?=\s*[_^])"
    r"|(?P<added>\\math(?:rel|bin)\s*\{(?:\{\+\}|\+)(?:\}\s*=|\{?=\}?\}))"
    r"|(?:\\math(?:rel|bin|op|ord)\s*)?\{\s*(?P<braced>\\(?:times|cdot|ast|div|max|min)(?![A-Za-z])|[-+*/=×·])\s*\}"
    r"|(?P<command>\\(?:[A-Za-z]+|[^A-Za-z\s]))"
    rf"|(?P<below>[{''.join(_BELOW)}]+)"
    rf"|(?P<greek>[{_GREEK}])"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>[A-Za-z](?:[A-Za-z0-9]|\\_|_(?!\s*(?:\{{|\\[A-Za-z]|[{_GREEK}])))*)"
    r"|(?P<sign>->|=>|:=|[-+*/]=|==|\*\*|[-+*/=,.()\[\]{}_^;×·⋅∙•∗✕⨯✖÷−–Σ∑Π∏→↦⇒←≔≡∈])"
)

_SCRIPT = re.compile(r"\s*[_^]")

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
            plain = unicodedata.normalize("NFKC", character)
            hint = f"write {plain}" if plain != character and plain.isascii() and plain.isalpha() else ""
            message = f"unexpected character {character!r}"
            raise NotationError(text, offset, message, SAY_INSTEAD.get(character, hint))
        if match.lastgroup == "name" and not _is_inside(open_brackets):
            found.extend(_scripted(match, text))
        elif match.lastgroup == "below":
            found.extend(_below(match))
        elif match.lastgroup != "space":
            found.append(_token(match, text))
            _follow_brackets(found, open_brackets, text)
        offset = match.end()
    found.append(Token("end", "", len(text.rstrip()), len(text)))
    return found


def check_escapes(text: str) -> None:
    r"""Refuse a command whose first letter YAML took: ``\times`` in double quotes is a tab and ``imes``."""
    for lost in _ESCAPED.finditer(text):
        command = _ESCAPES[lost[1]] + lost[2]
        if command in {*COMMANDS, *NAMES, "right", "text"} and lost[2] not in FUNCTIONS:
            raise NotationError(text, lost.start(), f"\\{command} is a sign and {lost[2]!r} here", QUOTES)


def is_lecture(text: str, tokens: list[Token]) -> bool:
    """Whether a text is spelled as LaTeX spells: with scripts or commands."""
    return "\\" in text or any(token.kind == "sign" and token.text in {"_", "^"} for token in tokens)


def _token(match: re.Match[str], text: str) -> Token:
    start, end, written = match.start(), match.end(), match.group()
    group = match.lastgroup or ""
    if group in {"braced", "command"}:
        inner = match[group]
        if inner[0] == "\\":
            return _command(inner[1:], text, start, end)
        return Token("sign", SIGNS.get(inner, inner), start, end)
    if group in {"font", "alone", "name"}:
        return Token("name", match[group].replace("\\", ""), start, end)
    if group == "greek":
        return Token("name", GREEK_LETTERS[written], start, end)
    if group == "number":
        return Token("number", written, start, end)
    means = {"open": "(", "close": ")", "added": "+="}.get(group, written)
    return Token("sign", SIGNS.get(means, means), start, end)


def _command(name: str, text: str, start: int, end: int) -> Token:
    r"""What a command stands for. ``\sigma`` is the function, but the name of a tensor with indices."""
    if name == "sigma" and _SCRIPT.match(text, end) is None:
        return Token("name", "sigmoid", start, end)
    if name in NAMES:
        return Token("name", NAMES[name], start, end)
    if name in COMMANDS:
        return Token("sign", COMMANDS[name], start, end)
    near = get_close_matches(name, [*COMMANDS, *NAMES], n=1, cutoff=0.7)
    hint = SAY_INSTEAD.get(f"\\{name}", f"did you mean \\{near[0]}?" if near else "")
    raise NotationError(text, start, f"unknown command \\{name}", hint)


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


def _follow_brackets(found: list[Token], open_brackets: list[str], text: str) -> None:
    r"""Keep account of the brackets that are open: ``[``, ``{``, and ``_{`` or ``^{`` of a script.

    Square brackets that group, as those of ``\exp[A_m]`` do, become round ones.
    """
    token = found[-1]
    if token.kind != "sign":
        return
    if token.text == "[" and not _has_indices(found[:-1], text):
        found[-1] = replace(token, text="(")
        open_brackets.append("(")
    elif token.text == "]" and open_brackets[-1:] == ["("]:
        found[-1] = replace(token, text=")")
        open_brackets.pop()
    elif token.text in {"[", "{"}:
        is_script = token.text == "{" and len(found) > 1 and found[-2].text in {"_", "^"}
        is_script = is_script and [t.text for t in found[-3:-1]] != ["e", "^"]
        open_brackets.append("_{" if is_script else token.text)
    elif token.text in {"]", "}"} and open_brackets:
        open_brackets.pop()


def _has_indices(before: list[Token], text: str) -> bool:
    """Whether a square bracket begins the indices of what stands before it: all do, but for some of LaTeX."""
    if not is_lecture(text, before) or not before:
        return True
    last = before[-1]
    if last.kind != "name":
        return last.text == "]"
    is_command = text[last.offset] == "\\" and last.text in FUNCTIONS
    return not is_command and [t.text for t in before[-2:-1]] not in (["_"], ["^"])


def _is_inside(open_brackets: list[str]) -> bool:
    """Whether indices are written here, where a name is whole."""
    return "[" in open_brackets or "_{" in open_brackets
