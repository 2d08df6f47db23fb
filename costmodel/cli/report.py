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
def command(folders: tuple[Path, ...], out: Path | None) -> int:
    """Build the self-contained HTML page of a run folder."""
    from costmodel.report.folder import check_writable
    from costmodel.report.read import read_run

    if len(folders) > 1:
        hint = "`costmodel compare RUN RUN --report FILE.html` has two on one page"
        raise click.UsageError(f"a report is of one run; {hint}")
    (folder,) = folders
    path = out or folder / "report.html"
    check_writable(path)
    keep_report(path, read_run(folder))
    return FINE
