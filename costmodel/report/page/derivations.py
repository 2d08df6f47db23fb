"""How the numbers of a page come about, so that a click can show it: every line is stored once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from costmodel.model.explain.answer import answer
from costmodel.model.explain.asked import Questioned
from costmodel.spec.problems import SpecError

LIMIT = 1200
"""Numbers of one page that are derived; `costmodel explain` derives any."""
OF_AN_EINSUM = ("energy", "latency", "utilisation")


def asked_in(markup: str) -> list[str]:
    """The numbers that a piece of a page asks for."""
    return [html.unescape(name) for name in dict.fromkeys(re.findall(r'data-ask="([^"]*)"', markup))]


class Derivations:
    """Texts by number and panel, for a script of the page."""

    def __init__(self, asked: Questioned) -> None:
        self._asked = asked
        self._lines: dict[str, int] = {}
        self._panels: dict[str, dict[str, list[int]]] = {}
        self._left = LIMIT

    def derive(self, panel: str, einsum: str, subjects: Sequence[str]) -> bool:
        """Keep the derivations of numbers of one Einsum; false where the page has no room for them."""
        if len(subjects) > self._left:
            return False
        self._left -= len(subjects)
        asked = replace(self._asked, einsum=einsum)
        self._panels[panel] = {subject: self._numbers(_text(asked, subject)) for subject in subjects}
        return True

    def _numbers(self, text: str) -> list[int]:
        return [self._lines.setdefault(line, len(self._lines)) for line in text.split("\n")]

    def data(self) -> dict[str, Any]:
        """Lines, and by panel and number which of them."""
        return {"lines": list(self._lines), "panels": self._panels}


def _text(asked: Questioned, subject: str) -> str:
    """The derivation of a number, or why there is none."""
    try:
        return str(answer(asked, subject))
    except SpecError as error:
        return "\n".join(problem.message for problem in error.problems)


def by_energy(energies: Iterable[tuple[str, float]]) -> list[str]:
    """Names, the most energy first: these are derived where not all can be."""
    return [name for name, _ in sorted(energies, key=lambda item: -item[1])]
