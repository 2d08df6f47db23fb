"""Where a sentence that no rule reads goes wrong, what could stand there, and the word that may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from costmodel.spec.problems import did_you_mean

_NAMES = {"ARRAY": "an array", "DIM": "a dimension", "LEVEL": "a level", "TENSOR": "a tensor"}
_PART = re.compile(r"a, b|\w+|[<>=]=|\S")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The place in a sentence up to which some form reads it."""

    offset: int
    """Characters in front of it."""
    message: str
    hint: str


def mismatch(sentence: str, forms: Sequence[str]) -> Mismatch:
    """Say where a sentence leaves the forms that read most of it, what they expect there, and what is near.

    >>> found = mismatch("GLB keps A", ["LEVEL keeps TENSOR", "LEVEL tile a <= 14"])
    >>> found.offset, found.message, found.hint
    (4, "expected keeps or tile, got 'keps'", "did you mean 'keeps'?")
    """
    read = [(*_read(sentence, variant), form) for form in forms for variant in _variants(form)]
    most = max(found for found, _, _ in read)
    offset = most[0]
    wanted = list(dict.fromkeys(meaning for found, meaning, _ in read if found == most))
    got = next(iter(_PART.findall(sentence, offset)), "")
    words = sentence.split()
    alone = [form.split()[0] for form in forms if form.split()[0].islower()]
    unread = len(sentence[:offset].split()) < 2
    for word in (*words[:1], "_".join(words)) if words and words[0] not in alone else ():
        near = did_you_mean(word, alone)
        if unread and near.startswith("did you mean"):
            return Mismatch(sentence.index(words[0]), f"expected a constraint, got {' '.join(words)!r}", near)
    hint = did_you_mean(got, wanted)
    if not hint.startswith("did you mean"):
        hint = "forms: " + "; ".join(dict.fromkeys(form for found, _, form in read if found == most))
    return Mismatch(offset, f"expected {_either(wanted)}, got {repr(got) if got else 'its end'}", hint)


def _variants(form: str) -> tuple[str, ...]:
    """A form, and without the dimension, which may be left out."""
    short = form.replace("ARRAY.DIM", "ARRAY")
    return (form,) if short == form else (form, short)


def _read(sentence: str, form: str) -> tuple[tuple[int, int], str]:
    """Return how many characters a form reads, blanks behind them included, how many of its words, what it expects."""
    at, own = len(sentence) - len(sentence.lstrip()), 0
    for pattern, meaning in _steps(form):
        found = re.compile(rf"{pattern}\s*").match(sentence, at)
        if found is None:
            return (at, own), meaning
        at, own = found.end(), own + (meaning == found[0].strip())
    return (at, own), "its end"


def _steps(form: str) -> Iterator[tuple[str, str]]:
    """Yield the regular expression and the meaning of each part of a form."""
    for part in _PART.findall(form):
        if part == "a, b":
            yield r"\w+(?:[\s,]+\w+)*", "rank variables"
        elif part.isdigit():
            yield r"\d+(?:\.\d*)?", "a number"
        elif part in _NAMES or (len(part) == 1 and part.isalpha()):
            yield r"\w+", _NAMES.get(part, "a rank variable")
        else:
            yield re.escape(part) + (r"\b" if part.isidentifier() else ""), part


def _either(words: Sequence[str]) -> str:
    shown = [word if word[0].isalpha() else repr(word) for word in words]
    return " or ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)
