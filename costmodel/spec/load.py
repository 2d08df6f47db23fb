"""YAML files to plain data and marks: YAML 1.2 scalars, no tags, no duplicate keys, every size bounded.

Files of other programs may have what ours may not: tags on maps, which become the key ``!`` of the map, and merge keys.

The parser of PyYAML gives events; this module builds the values, so that the rules are ours: ``no`` is text, ``1e3`` a
number, ``12:30`` text, and ``010`` an error. Nothing in a file can run code or make the reader grow without bound.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from costmodel.spec.problems import Marks, Path, Place, Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 2**20
"""Largest file that is read."""
MAX_DEPTH = 50
"""Deepest nesting of maps and lists."""
MAX_VALUES = 400_000
"""Most values in one document, each alias counted as all that it stands for."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"([-+]?)0+([0-9].*)")
_MAX_DIGITS = 40

_SYNTAX_HINTS = (
    ("unknown escape character", "in double quotes a backslash starts an escape: write single quotes, or none"),
    ("mapping values are not allowed", 'quote text that contains ": ", or check the indentation'),
    (r"expected ',' or '[}\]]'", "inside { } and [ ], quote text that contains [ ] { } or a comma"),
    ("could not find expected ':'", "a key needs ': ' behind it"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where."""

    data: Any
    """Maps with text keys, lists, text, numbers, booleans and null."""
    marks: Marks
    text: str = ""
    """The file as it was read, or the content that was given, as YAML; overrides change the data only."""


def read(path: str | FilePath) -> Document:
    """Read one YAML file; SpecError if that is not possible."""
    return parse(read_text(FilePath(path)), str(path))


def parse(text: str, file: str = "", *, foreign: bool = False) -> Document:
    """Read YAML text; ``file`` is the name that problems show. ``foreign`` is what another program wrote.

    >>> parse("{size: 1e3, ok: no, at: 12:30}").data
    {'size': 1000.0, 'ok': 'no', 'at': '12:30'}
    >>> parse("!Memory {size: 3}", foreign=True).data
    {'!': 'Memory', 'size': 3}
    """
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The constructor of the loader reads already.
        loader = loader_class(text)
        try:
            return replace(_Builder(file, foreign).document(_events(loader)), text=text)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax_problem(error, text, file)]) from None
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(str(error.character)[:1])
        message = f"not YAML: the character #x{character:04x} is not allowed"
        # The position of the reader is in bytes or characters; that character was allowed nowhere before.
        line, column = _place(text, max(text.find(chr(character)), 0))
        raise SpecError([Problem(message, file, line, column, hint="is this a text file?")]) from None


def document_of(content: Mapping[str, object]) -> Document:
    """Take a map as the content of a file, by the rules of a file; SpecError if no file could say it.

    >>> document_of({"size": 1e3, "at": (1, 2)}).data
    {'size': 1000.0, 'at': [1, 2]}
    """
    try:
        text = json.dumps(content, default=_plain, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        hint = "maps, lists, text, numbers, true, false and null, as in a YAML file"
        raise SpecError([Problem(f"the content cannot be read: {error}", hint=hint)]) from None
    try:
        return Document(parse(text).data, Marks(), text)
    except SpecError as error:  # places in a text that nobody wrote say nothing
        raise SpecError([replace(p, line=0, column=0, excerpt="") for p in error.problems]) from None


def _plain(value: object) -> object:
    """Write what other packages have for maps and numbers as what JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, FilePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a spec")


def scalar(text: str) -> Any:
    """Read plain YAML 1.2 text as null, a boolean, a number or text; ValueError says what is wrong with a number.

    >>> scalar("0x10"), scalar("no"), scalar("1e-3")
    (16, 'no', 0.001)
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    return _number(text) if text[0] in "+-.0123456789" else text


def _number(text: str) -> int | float | str:
    """Read text that starts as a number does."""
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be used here")
    based = _BASED.fullmatch(text)
    if not based and not _FLOAT.fullmatch(text):
        return text
    if zero := _LEADING_ZERO.fullmatch(text):
        raise ValueError(
            f"{_short(text)} starts with a zero: write {_short(zero[1] + zero[2])}, or quote it to mean text"
        )
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{_short(text)} has too many digits")
    if based or _INT.fullmatch(text):
        return int(text, 0 if based else 10)
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large")
    return value


def describe(value: object) -> str:
    """Say what a value is, for "must be …, got …".

    >>> describe({"a": 1}), describe("x"), describe(None)
    ('a map', "'x'", 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a map" if value else "an empty map"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    return _short(repr(value))


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def read_text(file: FilePath) -> str:
    """Content of a file, checked before it is read; SpecError if that is not possible."""
    name = str(file)
    try:
        if file.is_dir():
            raise SpecError([Problem("is a folder, not a YAML file", name)])
        if not file.exists():
            hint = did_you_mean(file.name, _names_near(file)) if file.parent.is_dir() else f"no folder {file.parent}"
            raise SpecError([Problem("no such file", name, hint=hint)])
        if not file.is_file():
            raise SpecError([Problem("is not a regular file", name)])
        if (size := file.stat().st_size) > MAX_BYTES:
            message = f"is too large: {size / 2**20:,.1f} MiB; a spec has at most {MAX_BYTES // 2**20} MiB"
            raise SpecError([Problem(message, name)])
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError([Problem(f"cannot be read: {reason}", _short(name, 200))]) from None
    if b"\0" in content:
        place = _place(content[: content.index(b"\0")].decode("utf-8", "replace"))
        raise SpecError([Problem("is a binary file (or UTF-16), not YAML in UTF-8", name, *place)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(content.removeprefix(codecs.BOM_UTF8)[: error.start].decode())
        message = f"is not UTF-8 text: byte 0x{content[error.start]:02x} cannot be read"
        raise SpecError([Problem(message, name, line, column)]) from None


def _place(text: str, until: int | None = None) -> tuple[int, int]:
    r"""Line and column of a character, or of what follows the text.

    >>> _place("a\nbc")
    (2, 3)
    """
    before = text if until is None else text[:until]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _names_near(file: FilePath) -> list[str]:
    """YAML files in the same folder."""
    return sorted(p.name for p in file.parent.iterdir() if p.suffix in {".yaml", ".yml"})


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _syntax_problem(error: Any, text: str, file: str) -> Problem:
    lines = text.split("\n")
    mark = error.problem_mark or error.context_mark
    message = str(error.problem or error.context or "cannot be read")
    if mark is None:
        return Problem(f"not YAML: {message}", file, 1, 1)
    if (mark.line >= len(lines) or not lines[mark.line].strip()) and error.context_mark is not None:
        mark = error.context_mark  # the end of the file shows nothing; what was left open does
        message += f" ({error.context})"
    elif error.context and error.context_mark and error.context_mark.line != mark.line:
        message += f" ({error.context} that starts at line {error.context_mark.line + 1})"
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = next((hint for pattern, hint in _SYNTAX_HINTS if re.search(pattern, message)), "")
    if "cannot start any token" in message:
        tab = "\t" in line[: mark.column + 1]
        sign = line[mark.column : mark.column + 1]
        hint = "indent with spaces, not tabs" if tab else f"quote text that starts with {sign}"
    excerpt = caret(line, mark.column) if line.strip() else ""
    return Problem(f"not YAML: {message}", file, mark.line + 1, mark.column + 1, hint=hint, excerpt=excerpt)


def caret(line: str, column: int, width: int = 100) -> str:
    """Show a line with a caret below one of its characters (0-based); long lines are cut around it.

    >>> print(caret("Z[m = A[m]", 4))
      Z[m = A[m]
          ^
    """
    start = max(0, column - width // 2)
    part = line[start : start + width].replace("\t", " ")
    return f"  {part}\n  {' ' * (column - start)}^"


@dataclass(slots=True)
class _Anchor:
    value: Any
    path: Path
    size: int = 0
    """Values that it stands for; 0 while it is still being read."""


@dataclass(slots=True)
class _Open:
    """A map or list whose end has not been read."""

    value: dict[str, Any] | list[Any]
    path: Path
    anchor: _Anchor | None
    size_before: int
    key: str | None = None
    """Key that waits for its value."""
    skip: bool = False
    """The key is wrong; its value is read for its own problems and dropped."""


@dataclass(slots=True)
class _Builder:
    """Builds one document from parser events, without recursion."""

    file: str
    foreign: bool
    """Whether maps may have tags and merge keys."""
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, _Anchor] = field(default_factory=dict)
    open: list[_Open] = field(default_factory=list)
    size: int = 0
    root: Any = None

    def document(self, events: Iterator[Any]) -> Document:
        import yaml

        documents = 0
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._start(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "a second document starts here; a file holds one", "remove the line '---'")
        if not documents:
            raise SpecError([Problem("is empty", self.file, 1, 1)])
        if self.problems:
            raise SpecError(self.problems)
        return Document(self.root, Marks(self.file, self.keys, self.values, self.aliases))

    def _problem(self, event: Any, message: str, hint: str = "") -> None:
        mark = event.start_mark
        self.problems.append(Problem(message, self.file, mark.line + 1, mark.column + 1, hint=hint))

    def _stop(self, event: Any, message: str, hint: str = "") -> None:
        self._problem(event, message, hint)
        raise SpecError(self.problems)

    def _count(self, event: Any, size: int) -> None:
        self.size += size
        if self.size > MAX_VALUES:
            self._stop(event, f"more than {MAX_VALUES:,} values, counting what aliases stand for")

    def _scalar(self, event: Any) -> None:
        self._count(event, 1)
        if event.tag is not None and event.tag != "!":
            self._problem(event, f"tags are not allowed, got {_short(event.tag)!r}", "quote a number to mean text")
        plain = event.implicit[0]
        parent = self.open[-1] if self.open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._key(parent, parent.value, event)
            return
        value = event.value
        if plain:
            try:
                value = scalar(value)
            except ValueError as error:
                self._problem(event, str(error))
                value = None
        path = self._next_path()
        self._place(event, path)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(value, path, 1)
        self._attach(value)

    def _key(self, parent: _Open, into: dict[str, Any], event: Any) -> None:
        name = event.value
        parent.key, parent.skip = name, True
        path = (*parent.path, name)
        if event.implicit[0] and name == "<<" and not self.foreign:
            self._problem(event, "merge keys (<<) do not exist in YAML 1.2", "write the keys out")
        elif name in into:
            first = self.keys[path][0]
            self._problem(event, f"key {_short(name)!r} appears twice", f"first at line {first}")
        else:
            parent.skip = False
            self.keys[path] = (event.start_mark.line + 1, event.start_mark.column + 1, 0)
        if event.anchor is not None:
            self._problem(event, "anchors are not allowed on keys")

    def _start(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        self._count(event, 1)
        if len(self.open) >= MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} levels deep")
        if event.tag is not None and event.tag != "!":
            if self.foreign and isinstance(value, dict):
                value["!"] = event.tag.removeprefix("!")
            else:
                self._problem(event, f"tags are not allowed, got {_short(event.tag)!r}")
        parent = self.open[-1] if self.open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._stop(event, "keys must be plain words", 'quote text that starts with "[" or "{"')
        path = self._next_path()
        self._place(event, path)
        anchor = None
        if event.anchor is not None:
            anchor = self.anchors[event.anchor] = _Anchor(value, path)
        self.open.append(_Open(value, path, anchor, self.size - 1))

    def _end(self) -> None:
        done = self.open.pop()
        if done.anchor is not None:
            done.anchor.size = self.size - done.size_before
        self._attach(done.value)

    def _alias(self, event: Any) -> None:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            self._stop(event, f"alias *{event.anchor} has no anchor &{event.anchor} before it")
            return
        if not anchor.size:
            self._stop(
                event, f"alias *{event.anchor} stands inside what it stands for: recursive aliases are not allowed"
            )
        self._count(event, anchor.size)
        parent = self.open[-1] if self.open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._stop(event, "keys must be plain words, not aliases")
        self.aliases[self._next_path()] = anchor.path
        self._attach(anchor.value)

    def _next_path(self) -> Path:
        if not self.open:
            return ()
        parent = self.open[-1]
        if isinstance(parent.value, dict):
            return (*parent.path, parent.key or "")
        return (*parent.path, len(parent.value))

    def _place(self, event: Any, path: Path) -> None:
        start, end = event.start_mark, event.end_mark
        text_start = -1
        style = getattr(event, "style", None)
        if start.line == end.line and style not in {"|", ">"}:
            text_start = 1 if style in {"'", '"'} else 0
        self.values[path] = (start.line + 1, start.column + 1, text_start)

    def _attach(self, value: Any) -> None:
        if not self.open:
            self.root = value
            return
        parent = self.open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
            return
        if not parent.skip and parent.key is not None:
            parent.value[parent.key] = value
        parent.key = None
