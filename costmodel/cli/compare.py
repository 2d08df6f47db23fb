"""`costmodel compare`: two runs side by side."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.keep import keep_report
from costmodel.cli.options import json_option, report_option
from costmodel.cli.output import FINE, put, put_json
from costmodel.spec.problems import Problem, SpecError


@click.command("compare")
@click.argument("first", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("second", metavar="RUN", type=click.Path(path_type=Path))
@json_option
@report_option
def command(first: Path, second: Path, report: Path | None, *, as_json: bool) -> int:
    """Compare two runs: totals, components, Einsums."""
    from costmodel.report.folder import check_writable
    from costmodel.report.read import read_run
    from costmodel.report.text import compare_text
    from costmodel.report.write import result_object

    if report is not None:
        check_writable(report)
    runs = (read_run(first), read_run(second))
    for folder, run in zip((first, second), runs, strict=True):
        if run.evaluation is None:
            hint = "compare runs of evaluate or map; `costmodel report` shows several sweeps on one page"
            raise SpecError([Problem("holds no evaluation to compare", file=str(folder), hint=hint)])
    try:
        if report is not None:
            keep_report(report, *runs)
    finally:  # what cannot be kept is shown all the same
        if as_json:
            put_json("compare", {"runs": [result_object(run) for run in runs]})
        else:
            put(compare_text(runs[0], runs[1], (first.name, second.name)))
    return FINE
