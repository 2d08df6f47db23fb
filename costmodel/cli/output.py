"""The only module that prints: data on stdout, talk and progress on stderr; the exit codes."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unicodedata import category

import click

from costmodel import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from costmodel.mapper.rounds import SearchEvent
    from costmodel.spec.problems import Problem

FINE, WRONG_INPUT, FAULT, INFEASIBLE, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Fine; the input is wrong; usage or internal error; nothing feasible; finished in part; interrupted, with what is done
saved."""
JSON_VERSION = 1
SILENCE_S = 10.0
"""Longest silence of a search that has something to report, where there is no live display."""


def visible(text: str) -> str:
    r"""Text for a terminal: what is no letter, sign, space or line break is shown as an escape.

    Control characters move the cursor and set titles, marks of direction turn text around.

    >>> print(visible("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    return text.translate({ord(c): c.encode("unicode_escape").decode() for c in _hidden(text)})


def _hidden(text: str) -> set[str]:
    return {c for c in set(text) if category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and c not in "\n\t"}


def line(text: str) -> str:
    """As ``visible``, in one line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def say(text: str) -> None:
    """Talk: a line on stderr. Nobody has to listen."""
    with suppress(OSError):
        click.echo(visible(text), err=True)


def say_problems(problems: Sequence[Problem]) -> None:
    """Talk: what is wrong, each problem from a line of its own; what was read starts none."""
    for p in problems:
        shown = replace(p, message=line(p.message), file=line(p.file), path=line(p.path), hint=line(p.hint))
        say(str(shown))


def say_warnings(warnings: Sequence[str]) -> None:
    """Talk: what may not be meant as it is written."""
    for warning in warnings:
        say(f"warning: {line(warning)}")


def put(text: str) -> None:
    """Data: text on stdout. A reader who has had enough is no error: the rest goes nowhere.

    Raises OSError if stdout is closed or cannot take more.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "is closed", "stdout")
    try:
        click.echo(visible(text))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "stdout") from error


def put_notes(notes: Sequence[str]) -> None:
    """Data: what has to be said beside a result, each in a line of its own."""
    for note in notes:
        put(f"\nnote: {line(note)}")


def put_json(command: str, content: dict[str, Any]) -> None:
    """Data: one versioned object on stdout."""
    head = {"format": f"costmodel {command}", "version": JSON_VERSION, "costmodel": __version__}
    text = json.dumps(head | {k: v for k, v in content.items() if k not in head}, indent=2, ensure_ascii=False)
    put(text.translate({ord(c): json.dumps(c)[1:-1] for c in _hidden(text)}))


def watched() -> bool:
    """Whether somebody sees what is said."""
    return sys.stderr is not None and sys.stderr.isatty()


def plural(number: int, noun: str) -> str:
    """``1 level``, ``2,000 levels``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def time_left(passed_s: float, share: float) -> str:
    """What is left at the pace so far, rounded to be read; nothing where no pace is known or all is done.

    >>> time_left(60.0, 1 / 3), time_left(9.0, 3 / 4), time_left(5.0, 0), time_left(5.0, 1)
    (', about 2 min left', ', about 3 s left', '', '')
    """
    if not 0 < share < 1:
        return ""
    seconds = passed_s / share * (1 - share)
    size, unit = next(((s, u) for s, u in ((3600, "h"), (60, "min")) if seconds >= 1.5 * s), (1, "s"))
    return f", about {max(seconds / size, 1):.0f} {unit} left"


class ProgressDisplay:
    """Progress on stderr: a live display on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._task: Any = None
        self._done = 0
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Callable[[SearchEvent], None] | None:
        if self._quiet:
            return None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Live

            what = TextColumn("{task.description}", markup=False)
            self._live = Live(BarColumn(20), TimeElapsedColumn(), what, console=Console(stderr=True), transient=True)
            self._live.start()
        return self.tell

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: SearchEvent) -> None:
        """Show one step."""
        self._done += event.ended
        text = _event_text(event).removeprefix(f"{event.einsum}: ")
        text = line(f"{event.einsum}: {text}")
        now = time.monotonic()
        passed_s = now - self._started
        share = self._done / max(event.groups, 1) if event.share is None else event.share
        left = time_left(passed_s, share)
        standing = f", {self._done / passed_s:.3g} points/s, {event.standing}" if event.standing else ""
        done = f"{self._done}/{event.groups}" if event.groups else "known"
        if self._live is None:
            if event.ended or (event.state == "progress" and now - self._said >= SILENCE_S):
                self._said = now
                say(f"[{done}, {passed_s:.1f} s{left}{standing}] {text}")
            return
        if self._task is None:
            self._task = self._live.add_task("", total=1.0)
        self._live.update(self._task, completed=share, description=f"{done}{left}{standing}; {text}")


def _event_text(event: SearchEvent) -> str:
    from costmodel.mapper.result import MapperResult
    from costmodel.report.text.sweep import design_cells
    from costmodel.sweep.designs import ASIDE, DOMINATED
    from costmodel.sweep.outcome import Outcome

    if isinstance(event.detail, MapperResult):
        several = len(event.detail.front)
        return f"{event.detail.certificate}{f', a front of {several}' if several > 1 else ''}"
    if event.state == "infeasible":
        aside = isinstance(event.detail, Outcome) and event.detail.note.startswith((ASIDE, DOMINATED))
        return str(event.detail.note) if aside else "nothing fits"
    if event.state == "done" and isinstance(event.detail, Outcome):
        return ", ".join(part for part in (*design_cells(event.detail), event.detail.certificate) if part)
    return event.state if event.detail is None else str(event.detail)
