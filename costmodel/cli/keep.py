"""Keep what was computed, and say where it is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.cli.output import say

if TYPE_CHECKING:
    from costmodel.report.run import Run

RUNS = Path("runs")


def command_line() -> str:
    """The command as it was typed, to be noted in what it makes."""
    return shlex.join(["costmodel", *sys.argv[1:]])


def keep_run(run: Run, out: Path | None, report: Path | None, *, folder: bool | None = None) -> None:
    """Write the run folder (always if one is named) and the report, and say where they are."""
    from costmodel.report.run import new_folder, write_run

    written: Path | None = None
    if out is not None or folder:
        if out is None:
            from datetime import datetime

            out = new_folder(RUNS, [run.architecture.name, run.workload.name], datetime.now().astimezone())
        written = write_run(out, run)
        say(f"run: {written}")
        if run.mappings:
            say(f"mappings: {written / 'mapping.yaml'}")
    if report is not None:
        keep_report(report, run)
    elif written is not None:
        keep_report(written / "report.html", run)


def keep_report(path: Path, *runs: Run) -> None:
    """Write a page and say where it is."""
    from costmodel.report.page import write_report

    say(f"report: {write_report(path, *runs)}")
