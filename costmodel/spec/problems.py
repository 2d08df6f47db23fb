"""What is wrong with an input: all problems at once, each with its place, the rule and a hint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what to do."""

    message: str
    """The rule that is broken, with the value that breaks it."""
    file: str = ""
    line: int = 0
    """1-based; 0 where the input did not come from a file."""
    column: int = 0
    path: str = ""
    """Place inside the document, e.g. ``$.levels[1].size``."""
    hint: str = ""
    excerpt: str = ""
    """One or two lines that show the place, e.g. an expression with a caret below it."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = ": ".join(part for part in (place, self.path, self.message) if part)
        text = f"{head} ({self.hint})" if self.hint else head
        return f"{text}\n{self.excerpt}" if self.excerpt else text


Path = tuple[str | int, ...]
"""Place of a value in a document: keys and list positions, outermost first."""

Place = tuple[int, int, int]
"""Line and column, 1-based, and how many columns later the text starts (1 behind an opening quote, −1 if it is folded
over several lines, so that characters cannot be counted)."""


def path_text(path: Path) -> str:
    """Print a place.

    >>> path_text(("levels", 1, "size"))
    '$.levels[1].size'
    """
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the values of a document stand in its file. The default knows no file: its problems show paths only."""

    file: str = ""
    keys: Mapping[Path, Place] = field(default_factory=dict)
    """Path of a value in a map → place of its key."""
    values: Mapping[Path, Place] = field(default_factory=dict)
    aliases: Mapping[Path, Path] = field(default_factory=dict)
    """Path of an alias → path of the value that it stands for."""
    overrides: Mapping[Path, str] = field(default_factory=dict)
    """Path of a value that did not come from the file → the text that set it, e.g. ``--set GLB.size=0``."""

    def at(self, path: Path, *, key: bool = False) -> tuple[str, int, int]:
        """File, line and column of a value, or of its key; of the nearest value around it if it has no place itself."""
        file, (line, column, _) = self._find(path, key=key)
        return file, line, column

    def problem(
        self, message: str, path: Path = (), *, hint: str = "", excerpt: str = "", key: bool = False, offset: int = 0
    ) -> Problem:
        """Say what is wrong with one value; ``offset`` counts characters into a text, for an error inside it."""
        file, (line, column, text_start) = self._find(path, key=key)
        if offset and text_start >= 0:
            column += text_start + offset
        return Problem(message, file, line, column, path_text(path), hint, excerpt)

    def _find(self, path: Path, *, key: bool) -> tuple[str, Place]:
        for length in range(len(path), -1, -1):  # what stood below a value that was replaced is gone
            if path[:length] in self.overrides:
                return self.overrides[path[:length]], (0, 0, -1)
        for length in range(len(path), -1, -1):
            part = path[:length]
            if part in self.aliases:
                return self._find((*self.aliases[part], *path[length:]), key=key and length < len(path))
            if key and length == len(path) and part in self.keys:
                return self.file, self.keys[part]
            if part in self.values:
                line, column, text_start = self.values[part]
                return self.file, (line, column, text_start if length == len(path) else -1)
        return self.file, (0, 0, -1)


class SpecError(Exception):
    """The input is wrong. ``problems`` holds everything that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[SpecError], tuple[object, ...]]:
        """Cross to another process whole."""
        return type(self), (self.problems,)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint for a word that is not known.

    >>> did_you_mean("capacity_bit", ["capacity_bits", "name"])
    "did you mean 'capacity_bits'?"
    """
    near = get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known)}" if known else ""
