"""A study that is shared: where, and how much of it one process takes at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.keep import RUNS
from costmodel.cli.options import not_empty

if TYPE_CHECKING:
    from costmodel.spec.study import Study
    from costmodel.sweep.shared import Shared

AHEAD = 1
"""Designs beside those that are done, so that no worker is idle while another one is chosen."""
ON_CLUSTER = 64
"""Designs at once on a cluster, where its size is not said."""

storage_option = click.option(
    "storage",
    "--storage",
    metavar="WHERE",
    callback=not_empty,
    envvar="COSTMODEL_STORAGE",
    show_envvar=True,
    help="Where the study is shared: a file, or a database (postgresql://USER@HOST/NAME).",
)


def usual_storage(study: Study, ref: str) -> str:
    """The file in which a study is shared where nothing else is said."""
    from costmodel.report.folder import file_name

    return str(RUNS / f"{file_name(study.name or Path(ref).stem) or 'sweep'}.shared")


def shared_study(study: Study, where: str, jobs: int | None, *, cluster: bool = False) -> Shared:
    """Join a study at a place. Raises SpecError and OSError."""
    from costmodel.sweep.execute import fingerprint, workers_of
    from costmodel.sweep.shared import Shared

    ahead = (jobs or ON_CLUSTER) if cluster else workers_of(study, jobs)
    return Shared(study, fingerprint(study), where, ahead + AHEAD)
