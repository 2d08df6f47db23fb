"""`costmodel report`: the page of a run folder."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.keep import keep_report
from costmodel.cli.options import NamedPath, page_path
from costmodel.cli.output import FINE, say


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
    """Build the self-contained HTML page of a run folder, or one of several sweeps, laid over each other."""
    from costmodel.report.baseline import read_baseline
    from costmodel.report.folder import check_writable
    from costmodel.report.page.sweep import write_sweeps
    from costmodel.report.read import read_run

    if len(folders) > 1 and out is None:
        raise click.UsageError("a page of several sweeps belongs to none of their folders: name it with -o FILE.html")
    path = out or folders[0] / "report.html"
    check_writable(path)
    runs = [read_run(folder) for folder in folders]
    if len(runs) > 1:
        if baseline is not None or any(run.kind != "sweep" for run in runs):
            hint = "`costmodel compare RUN RUN --report FILE.html` has two on one page"
            raise click.UsageError(f"a page is of one run, or of several sweeps; {hint}")
        say(f"report: {write_sweeps(path, runs)}")
        return FINE
    keep_report(path, runs[0], None if baseline is None else read_baseline(baseline, runs[0]))
    return FINE
