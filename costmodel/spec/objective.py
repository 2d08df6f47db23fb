"""What is made small: energy, latency, a product of their powers, or a front of several."""

from __future__ import annotations

import re
from collections.abc import Sequence

from costmodel.spec.problems import Problem, SpecError, did_you_mean

_FACTOR = r"(?:energy|latency)(?:\^\d+(?:\.\d+)?)?"
PATTERN = rf"^\s*(?:edp|EDP|ed2p|ED2P|e2dp|E2DP|area|{_FACTOR}(?:\s*\*\s*{_FACTOR})*)\s*$"
"""One objective, for the schemas of editors."""
NAMED = {"energy": (1.0, 0.0), "latency": (0.0, 1.0), "edp": (1.0, 1.0), "ed2p": (1.0, 2.0), "e2dp": (2.0, 1.0)}
"""Objective → exponents of energy and of latency."""


def parse_objectives(text: str | Sequence[str]) -> tuple[str, ...]:
    """Split ``energy,latency`` into objectives; SpecError if one is not known.

    >>> parse_objectives("energy, latency"), parse_objectives("energy^2 * latency")
    (('energy', 'latency'), ('energy^2*latency',))
    """
    listed = text.split(",") if isinstance(text, str) else text
    names = tuple(dict.fromkeys(part.replace(" ", "").lower() for part in listed if part.strip()))
    if not names:
        raise SpecError([Problem("no objective is named", path="objective", hint=did_you_mean("", list(NAMED)))])
    problems = [error.problems[0] for name in names if isinstance(error := _exponents(name), SpecError)]
    if problems:
        raise SpecError(problems)
    return names


def exponents_of(objective: str) -> tuple[float, float]:
    """Exponents of energy and latency in an objective; SpecError if it is not known.

    >>> exponents_of("edp"), exponents_of("energy*latency^0.5")
    ((1.0, 1.0), (1.0, 0.5))
    """
    found = _exponents(objective)
    if isinstance(found, SpecError):
        raise found
    return found


def _exponents(objective: str) -> tuple[float, float] | SpecError:
    if objective in NAMED:
        return NAMED[objective]
    powers = {"energy": 0.0, "latency": 0.0}
    for factor in objective.split("*"):
        match = re.fullmatch(r"(energy|latency)(?:\^(\d+(?:\.\d+)?))?", factor)
        if match is None:
            hint = did_you_mean(objective, list(NAMED))
            if not hint.startswith("did you mean"):
                hint = f"{hint}, or a product such as energy^2*latency"
            if objective in {"area", "capacity"}:
                hint = "mappings are searched by energy and latency; area does not depend on the mapping"
            return SpecError([Problem(f"no such objective: {objective!r}", path="objective", hint=hint)])
        powers[match[1]] += float(match[2] or 1)
    return powers["energy"], powers["latency"]
