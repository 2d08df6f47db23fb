"""Steps as sentences: ``flatten C, H, W``, ``toeplitz input``; what a sentence means is told by its first word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.rewriting.draft import Draft, is_same
from costmodel.spec.rewriting.flatten import flatten
from costmodel.spec.rewriting.layout import partition, resize, split, swap
from costmodel.spec.rewriting.made import give, inline, make
from costmodel.spec.rewriting.step import Step, refuse
from costmodel.spec.rewriting.toeplitz import matrix, toeplitz
from costmodel.spec.rewriting.variables import let

_LIST = r"[A-Z][A-Z0-9_+]*(?:=\d+)?(?:\s*,\s*|\s+)?"

Rewrite = Callable[[Draft, "re.Match[str]"], list[Step]]

FORMS: dict[str, tuple[str, str, Rewrite]] = {
    "flatten": (
        "flatten RANK, RANK, … [as RANK]",
        rf"((?:{_LIST})+?)\s*(?:\bas\s+([A-Z][A-Z0-9_]*))?",
        lambda draft, found: [flatten(draft, _names(found[1]), found[2])],
    ),
    "split": (
        "split RANK into RANK, RANK, …",
        rf"([A-Z][A-Z0-9_]*)\s+into\s+((?:{_LIST})+)",
        lambda draft, found: [split(draft, found[1], _names(found[2]))],
    ),
    "partition": (
        "partition RANK by TILE",
        r"([A-Z][A-Z0-9_]*)\s+by\s+(\d+)",
        lambda draft, found: partition(draft, found[1], int(found[2])),
    ),
    "resize": (
        "resize RANK to SHAPE",
        r"([A-Z][A-Z0-9_]*)\s+to\s+(\d+)",
        lambda draft, found: [resize(draft, found[1], int(found[2]))],
    ),
    "swap": (
        "swap TENSOR: RANK, RANK, …",
        rf"([A-Z]\w*)\s*:\s*((?:{_LIST})+)",
        lambda draft, found: [swap(draft, found[1], _names(found[2]))],
    ),
    "let": (
        "let VARIABLE = SUM for VARIABLE",
        r"([a-z]\w*)\s*=\s*(.+?)\s+for\s+([a-z]\w*)",
        lambda draft, found: [let(draft, found[1], found[2], found[3])],
    ),
    "toeplitz": (
        "toeplitz input [EINSUM]",
        r"(input|kernel)(?:\s+(\S+))?",
        lambda draft, found: toeplitz(draft, "input" if found[1] == "input" else "kernel", found[2]),
    ),
    "matrix": ("matrix [EINSUM]", r"(\S+)?", lambda draft, found: matrix(draft, found[1])),
    "inline": ("inline TENSOR", r"([A-Z]\w*)", lambda draft, found: [inline(draft, found[1])]),
    "make": (
        "make STATEMENT [with RANK=SHAPE, …]",
        r"(?:(\S+):\s+)?(.+?)(?:\s+with\s+([A-Z][A-Z0-9_]*=.+))?",
        lambda draft, found: [make(draft, found[1], found[2], _extents(found[3] or ""))],
    ),
    "give": ("give TENSOR", r"([A-Z]\w*)", lambda draft, found: [give(draft, found[1])]),
}
"""First word → how it is written, what follows the word, what it does."""


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


def _extents(text: str) -> dict[str, int | str]:
    """``P=4, H=P + 2``: numbers and formulas by name."""
    pairs = (each.partition("=") for each in text.split(",") if each.strip())
    return {name.strip(): int(v) if v.strip().isdigit() else v.strip() for name, _, v in pairs}


def rewrite(draft: Draft, sentences: Iterable[str]) -> list[Step]:
    """Take steps, one after another. Raises SpecError where one is no step or cannot be taken."""
    steps: list[Step] = []
    here = draft
    for sentence in sentences:
        taken = _taken(here, sentence)
        _check_back(here, taken)
        steps += taken
        here = taken[-1].after
    return steps


def _taken(draft: Draft, sentence: str) -> list[Step]:
    """What one sentence does to a draft."""
    word, _, rest = sentence.strip().partition(" ")
    if word not in FORMS:
        hint = did_you_mean(word, list(FORMS))
        raise SpecError([Problem(f"{sentence!r} is no step", hint=hint)])
    form, pattern, take = FORMS[word]
    found = re.fullmatch(pattern, rest.strip())
    if found is None:
        raise SpecError([Problem(f"{sentence!r} is no step", hint=f"write {form}")])
    return take(draft, found)


def _check_back(here: Draft, taken: list[Step]) -> None:
    """Refuse steps that the sentences which should undo them do not undo."""
    there = taken[-1].after
    try:
        for sentence in back_from(taken):
            there = _taken(there, sentence)[-1].after
        same = not back_from(taken) or is_same(there, here)
    except SpecError:
        same = False
    if not same:
        names = ", then ".join(back_from(taken))
        raise refuse(taken[0].sentence, f"could not be undone: {names} does not lead back")


def back_from(steps: Sequence[Step]) -> list[str]:
    """Sentences that undo steps, the last one first; none where a step has no way back."""
    if not all(step.back for step in steps):
        return []
    return [sentence for step in reversed(steps) for sentence in step.back]
