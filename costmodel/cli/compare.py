"""`costmodel compare`: runs side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from costmodel.cli.options import NamedPath, json_option, report_option
from costmodel.cli.output import FINE, put, put_json, say
from costmodel.spec.problems import Problem, SpecError

MOST = 8
"""Runs of one comparison: as many as can be told apart in a figure."""


@click.command("compare")
@click.argument("folders", metavar="RUN RUN…", type=NamedPath(path_type=Path), nargs=-1, required=True)
@json_option
@report_option
def command(folders: tuple[Path, ...], report: Path | None, *, as_json: bool) -> int:
    """Compare runs: what differs in what was asked, then what both computed, with the change in per cent.

    Of more than two (eight at most), each is held against the first.
    """
    from costmodel.report.comparison import compare
    from costmodel.report.folder import check_writable
    from costmodel.report.page.comparison import write_comparison
    from costmodel.report.read import read_run
    from costmodel.report.text.comparison import compare_all_text
    from costmodel.report.write import result_object

    if not 2 <= len(folders) <= MOST:
        raise click.UsageError(f"compare two runs, or up to {MOST}; {len(folders)} given")
    if report is not None:
        check_writable(report)
    runs = [read_run(folder) for folder in folders]
    for folder, run in zip(folders, runs, strict=True):
        if run.evaluation is None:
            hint = "compare runs of evaluate or map; each sweep has a page of its own (`costmodel report RUN`)"
            raise SpecError([Problem("holds no evaluation to compare", file=str(folder), hint=hint)])
    names = [folder.name for folder in folders]
    pairs = [compare(runs[0], other) for other in runs[1:]]
    try:
        if report is not None:
            say(f"report: {write_comparison(report, runs, names)}")
    finally:  # what cannot be kept is shown all the same
        if as_json:
            found = [
                {
                    "with": place,
                    "differences": pair.differences,
                    "shared": pair.shared,
                    "whole": pair.whole,
                    "rows": [asdict(row) | {"change": row.change} for row in pair.rows],
                }
                for place, pair in enumerate(pairs, 1)
            ]
            put_json("compare", {"pairs": found, "runs": [result_object(run) for run in runs]})
        else:
            put(compare_all_text(pairs, names))
    return FINE
