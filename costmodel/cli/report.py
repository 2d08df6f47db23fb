"""`costmodel report`: the page of a run folder."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.keep import keep_report
from costmodel.cli.options import NamedPath, page_path
from costmodel.cli.output import FINE


@click.command("report")
@click.argument("folders", metavar="RUN", nargs=-1, required=True, type=NamedPath(path_type=Path))
@click.option(
    "out",
    "-o",
    "--out",
    metavar="FILE.html",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=page_path,
    help="Default: RUN/report.html.",
)
@click.option(
    "baseline",
    "--baseline",
    metavar="RUN",
    type=NamedPath(path_type=Path),
    help="Say how the totals differ from those of this run.",
)
def command(folders: tuple[Path, ...], out: Path | None, baseline: Path | None) -> int:
    """Build the self-contained HTML page of a run folder."""
    from costmodel.report.baseline import read_baseline
    from costmodel.report.folder import check_writable
    from costmodel.report.read import read_run

    if len(folders) > 1:
        hint = "`costmodel compare RUN RUN --report FILE.html` has two on one page"
        raise click.UsageError(f"a report is of one run; {hint}")
    (folder,) = folders
    path = out or folder / "report.html"
    check_writable(path)
    run = read_run(folder)
    keep_report(path, run, None if baseline is None else read_baseline(baseline, run))
    return FINE
