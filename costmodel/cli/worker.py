"""`costmodel worker`: help with a study that others share."""

from __future__ import annotations

import click

from costmodel.cli.complete import names_of
from costmodel.cli.options import jobs_option, lower_option, quiet_option, set_option
from costmodel.cli.output import FINE, INTERRUPTED, PARTIAL, ProgressDisplay, line, plural, say
from costmodel.cli.sharing import shared_study, storage_option, usual_storage


@click.command("worker")
@click.argument("study_ref", metavar="STUDY", shell_complete=names_of("study"))
@set_option
@lower_option("set.lower")
@storage_option
@jobs_option
@click.option("--no-cache", is_flag=True, help="Search anew what earlier runs have answered.")
@quiet_option
def command(
    study_ref: str,
    overrides: tuple[str, ...],
    storage: str | None,
    jobs: int | None,
    *,
    no_cache: bool,
    quiet: bool,
) -> int:
    """Join the sweeps that share STUDY: do designs that nobody else does, until all are done.

    What is found is kept where the study is shared (default: the file of `costmodel sweep STUDY --share`). Each
    `costmodel sweep` that shares it writes all of it into its folder.
    """
    from costmodel.mapper.cache import Cache, usual_folder
    from costmodel.spec import catalog
    from costmodel.sweep.execute import run_sweep

    study = catalog.load_study(study_ref, overrides)
    cache = None if no_cache else Cache(usual_folder(), say)
    with (
        shared_study(study, storage or usual_storage(study, study_ref), jobs) as shared,
        ProgressDisplay(quiet=quiet) as progress,
    ):
        result = run_sweep(study, jobs=jobs, report=progress, cache=cache, part=shared)
    say(f"{plural(shared.done, 'point')} done here, {plural(len(result.outcomes), 'point')} in all")
    if result.interrupted:
        say("interrupted: what was begun here is left to others")
        return INTERRUPTED
    for design in result.lost:
        say(line(f"{design}: lost"))
    return PARTIAL if result.lost else FINE
