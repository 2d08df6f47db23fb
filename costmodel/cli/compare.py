"""`costmodel compare`: two runs side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from costmodel.cli.options import NamedPath, json_option, report_option
from costmodel.cli.output import FINE, put, put_json, say
from costmodel.spec.problems import Problem, SpecError


@click.command("compare")
@click.argument("first", metavar="RUN", type=NamedPath(path_type=Path))
@click.argument("second", metavar="RUN", type=NamedPath(path_type=Path))
@json_option
@report_option
def command(first: Path, second: Path, report: Path | None, *, as_json: bool) -> int:
    """Compare two runs: what differs in what was asked, then what both computed, with the change in per cent."""
    from costmodel.report.comparison import compare
    from costmodel.report.folder import check_writable
    from costmodel.report.page.comparison import write_comparison
    from costmodel.report.read import read_run
    from costmodel.report.text.comparison import compare_text
    from costmodel.report.write import result_object

    if report is not None:
        check_writable(report)
    runs = (read_run(first), read_run(second))
    for folder, run in zip((first, second), runs, strict=True):
        if run.evaluation is None:
            hint = "compare runs of evaluate or map; each sweep has a page of its own (`costmodel report RUN`)"
            raise SpecError([Problem("holds no evaluation to compare", file=str(folder), hint=hint)])
    names = (first.name, second.name)
    found = compare(*runs)
    try:
        if report is not None:
            say(f"report: {write_comparison(report, *runs, names)}")
    finally:  # what cannot be kept is shown all the same
        if as_json:
            rows = [asdict(row) | {"change": row.change} for row in found.rows]
            beside = {"differences": found.differences, "shared": found.shared, "whole": found.whole, "rows": rows}
            put_json("compare", beside | {"runs": [result_object(run) for run in runs]})
        else:
            put(compare_text(found, names))
    return FINE
