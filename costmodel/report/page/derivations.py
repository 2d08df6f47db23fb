"""How the numbers of a page come about, so that a click can show it."""

from __future__ import annotations

import html
import re

from costmodel.model.explain.answer import answer
from costmodel.model.explain.asked import Questioned
from costmodel.spec.problems import SpecError

LIMIT = 1200
"""Numbers of one page that are derived; `costmodel explain` derives any."""
OF_AN_EINSUM = ("energy", "latency", "utilisation")


def asked_in(markup: str) -> list[str]:
    """The numbers that a piece of a page asks for."""
    return [html.unescape(name) for name in dict.fromkeys(re.findall(r'data-ask="([^"]*)"', markup))]


def derivation(asked: Questioned, subject: str) -> str:
    """The derivation of a number, or why there is none."""
    try:
        return str(answer(asked, subject))
    except SpecError as error:
        return "\n".join(problem.message for problem in error.problems)
