"""`costmodel sweep`: a design space with the best mapping of every point."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import names_of
from costmodel.cli.keep import RUNS, command_line, keep_report
from costmodel.cli.options import jobs_option, json_option, out_option, quiet_option, report_option, set_option
from costmodel.cli.output import FINE, INFEASIBLE, INTERRUPTED, PARTIAL, ProgressDisplay, plural, put, put_json, say

if TYPE_CHECKING:
    from costmodel.spec.study import Study


@click.command("sweep")
@click.argument("study_ref", metavar="STUDY", shell_complete=names_of("study"))
@set_option
@jobs_option
@json_option
@out_option
@report_option
@quiet_option
def command(
    study_ref: str,
    overrides: tuple[str, ...],
    jobs: int | None,
    out: Path | None,
    report: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Explore the design space of STUDY: every point is an architecture with its best mapping.

    Finished points are saved as they come; the same command again does what is left.
    """
    from costmodel.report.assemble import run_of_sweep
    from costmodel.report.run import result_object, write_run
    from costmodel.report.text import sweep_text
    from costmodel.spec import catalog
    from costmodel.sweep.execute import JOURNAL, run_sweep

    started = time.monotonic()
    study = catalog.load_study(study_ref, overrides)
    folder = _sweep_folder(study, study_ref) if out is None else out
    with ProgressDisplay(quiet=quiet) as progress:
        result = run_sweep(study, folder / JOURNAL, jobs=jobs, report=progress)
    if result.resumed:
        say(f"{plural(result.resumed, 'point')} of an earlier run kept")
    for design in result.lost:
        say(f"{design}: its worker process died (out of memory?)")
    run = run_of_sweep(study, study_ref, result, overrides, command_line(), started)
    if as_json:
        put_json("sweep", result_object(run))
    elif run.design_points:
        put(sweep_text(run.design_points, room=run.uses_capacity))
    write_run(folder, run, replace=True, keep=(JOURNAL,))
    say(f"run: {folder}")
    if any(point.feasible for point in run.design_points):
        keep_report(report or folder / "report.html", run)
    if result.interrupted:
        say("interrupted: the same command goes on with what is left")
        return INTERRUPTED
    if not any(point.feasible for point in run.design_points):
        for point in run.design_points:
            say(f"{point.axes}: {point.note}")
        return INFEASIBLE
    return PARTIAL if result.lost else FINE


def _sweep_folder(study: Study, ref: str) -> Path:
    """The folder of an earlier run of the same question, or a new one."""
    from costmodel.sweep.execute import JOURNAL, holds

    name = study.name or Path(ref).stem
    number = 1
    while True:
        folder = RUNS / (name if number == 1 else f"{name}-{number}")
        if not folder.exists() or holds(folder / JOURNAL, study):
            return folder
        number += 1
