"""The groups, in the order in which they are shown, and the rows that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.validate.records import Case, CaseGroup

NAMES = (
    "eyeriss",
    "dataflows",
    "tpu",
    "scalesim",
    "timeloop",
    "fusemax",
    "flat",
    "flashattention",
    "orojenesis",
    "cacti",
    "gpus",
    "gpu_attention",
    "gemmini",
)
"""Each is a module of its name, that is loaded when it is asked for."""


def group(name: str) -> CaseGroup:
    found: CaseGroup = import_module(f"{__package__}.{name}").GROUP
    return found


def asked(only: Sequence[str], *, fast: bool) -> list[tuple[CaseGroup, list[Case]]]:
    """Return the groups with the cases that are asked for.

    ``only``: names of groups, or ``GROUP/ROW`` with the name of a row, or how it begins; all where there are none.
    ``fast``: without those that are slow. Raises SpecError for what is not there.
    """
    wanted: dict[str, list[str]] = {}
    problems = []
    for text in only:
        name, _, row = text.partition("/")
        if name not in NAMES:
            problems.append(Problem(f"no group of rows is called {name!r}", hint=did_you_mean(name, list(NAMES))))
        elif row and not any(case.name.startswith(row) for case in group(name).cases()):
            rows = list(dict.fromkeys(case.name for case in group(name).cases()))
            problems.append(Problem(f"no row of {name} begins with {row!r}", hint=_near(row, rows)))
        wanted.setdefault(name, []).append(row)
    if problems:
        raise SpecError(problems)
    found = []
    for name in (name for name in NAMES if not wanted or name in wanted):
        one, begins = group(name), tuple(wanted.get(name, [""]))
        cases = [case for case in one.cases() if case.name.startswith(begins) and not (fast and case.slow)]
        if cases:
            found.append((one, cases))
    return found


def _near(begins: str, rows: Sequence[str]) -> str:
    """Rows that are called alike, that have the text further on, or some; apart by semicolons, as names have commas."""
    if near := get_close_matches(begins, rows, n=1):
        return f"did you mean {near[0]!r}?"
    within = [row for row in rows if begins in row]
    some = within or list(rows)
    return f"{'there are' if within else 'known'}: {'; '.join(some[:5])}{'; …' if len(some) > 5 else ''}"
