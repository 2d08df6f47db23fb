"""The only module that prints: data on stdout, talk and progress on stderr; the exit codes."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from costmodel import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from costmodel.mapper.network import SearchEvent

FINE, WRONG_INPUT, FAULT, INFEASIBLE, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Fine; the input is wrong; usage or internal error; nothing feasible; finished in part; interrupted, with what is done
saved."""
JSON_VERSION = 1
SILENCE_S = 10.0
"""Longest silence of a search that has something to report, where there is no live display."""


def say(text: str) -> None:
    """Talk: a line on stderr."""
    click.echo(text, err=True)


def put(text: str) -> None:
    """Data: text on stdout."""
    click.echo(text)


def put_json(command: str, content: dict[str, Any]) -> None:
    """Data: one versioned object on stdout."""
    head = {"format": f"costmodel {command}", "version": JSON_VERSION, "costmodel": __version__}
    put(json.dumps(head | {k: v for k, v in content.items() if k not in head}, indent=2, ensure_ascii=False))


def plural(number: int, noun: str) -> str:
    """``1 level``, ``2,000 levels``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


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
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Live

            columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._live = Live(*columns, console=Console(stderr=True), transient=True)
            self._live.start()
        return self.tell

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: SearchEvent) -> None:
        """Show one step."""
        self._done += event.ended
        text = _event_text(event).removeprefix(f"{event.einsum}: ")
        text = f"{event.einsum}: {text}"
        if self._live is None:
            now = time.monotonic()
            if event.ended or (event.state == "progress" and now - self._said >= SILENCE_S):
                self._said = now
                say(f"[{self._done}/{event.groups}, {now - self._started:.1f} s] {text}")
            return
        if self._task is None:
            self._task = self._live.add_task("", total=event.groups)
        self._live.update(self._task, completed=self._done, total=event.groups, description=text)


def _event_text(event: SearchEvent) -> str:
    from costmodel.mapper.result import MapperResult

    if isinstance(event.detail, MapperResult):
        return f"{event.detail.certificate}, {plural(len(event.detail.front), 'mapping')}"
    if event.state == "infeasible":
        return "nothing fits"
    return event.state if event.detail is None else str(event.detail)
