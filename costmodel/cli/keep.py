"""Keep what was computed, before anything of it is printed, and say where it is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.output import say

if TYPE_CHECKING:
    from costmodel.report.run import Kind, Run

RUNS = Path("runs")


def command_line() -> str:
    """The command as it was typed, but for passwords, to be noted in what it makes."""
    from costmodel.sweep.storage import without_passwords

    return shlex.join(["costmodel", *map(without_passwords, sys.argv[1:])])


def claimed(kind: Kind, out: Path | None, report: Path | None, *, force: bool, folder: bool) -> Path | None:
    """Find out before the work whether a run and a report can be written; the folder, if one is named.

    ``folder`` says that a run is kept even so: under a new name in ``runs``.
    """
    from costmodel.report.folder import check_writable, claim

    if force and out is None:
        raise click.UsageError("--force replaces the run in a folder: name it with --out")
    if report is not None:
        check_writable(report)
    if out is not None:
        return claim(out, kind, renew=force)
    if folder:
        check_writable(RUNS)
    return None


def keep_run(run: Run, out: Path | None, report: Path | None, *, force: bool, folder: bool = False) -> None:
    """Write the run folder (always if one is named) and the report, and say where they are."""
    from costmodel.report.folder import new_folder
    from costmodel.report.write import write_run

    written: Path | None = None
    if out is None and folder:
        from datetime import datetime

        out = new_folder(RUNS, [run.architecture.name, run.workload.name], datetime.now().astimezone())
    if out is not None:
        written = write_run(out, run, renew=force)
        say(f"run: {written}")
        if run.mappings:
            say(f"mappings: {written / 'mapping.yaml'}")
    if report is not None:
        keep_report(report, run)
    elif written is not None:
        keep_report(written / "report.html", run)


def check_plot(path: Path | None) -> None:
    """Find out before the work whether a figure can be drawn and written."""
    if path is not None:
        from costmodel.report.folder import check_writable
        from costmodel.report.plot import check_plots

        check_writable(path)
        check_plots(path)


def keep_plot(path: Path | None, run: Run) -> None:
    """Draw the figure of a run, if one is named, and say where it is."""
    if path is not None:
        from costmodel.report.plot import write_plot

        say(f"figure: {write_plot(path, run)}")


def keep_report(path: Path, run: Run, baseline: Run | None = None) -> None:
    """Write a page and say where it is."""
    from costmodel.report.page.run import write_report

    say(f"report: {write_report(path, run, baseline)}")
