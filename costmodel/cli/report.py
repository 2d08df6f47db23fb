"""`costmodel report`: one page from run folders."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.keep import keep_report
from costmodel.cli.options import NamedPath, page_path
from costmodel.cli.output import FINE


@click.command("report")
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=NamedPath(path_type=Path))
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
    """Build one self-contained HTML page from run folders."""
    from costmodel.report.folder import check_writable
    from costmodel.report.read import read_run

    path = out or folders[0] / "report.html"
    check_writable(path)
    runs = [read_run(folder) for folder in folders]
    keep_report(path, *runs)
    return FINE
