"""`costmodel sweep`: a design space with the best mapping of every point."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import names_of
from costmodel.cli.keep import RUNS, command_line, keep_report
from costmodel.cli.options import (
    NamedPath,
    force_option,
    jobs_option,
    json_option,
    lower_option,
    not_empty,
    out_option,
    quiet_option,
    report_option,
    set_option,
)
from costmodel.cli.output import (
    FINE,
    INFEASIBLE,
    INTERRUPTED,
    PARTIAL,
    ProgressDisplay,
    line,
    plural,
    put,
    put_json,
    put_notes,
    say,
)
from costmodel.cli.sharing import shared_study, storage_option, usual_storage

if TYPE_CHECKING:
    from costmodel.mapper.cache import Cache
    from costmodel.report.run import Run
    from costmodel.spec.study import Study
    from costmodel.sweep.designs import Shard
    from costmodel.sweep.execute import SweepResult
    from costmodel.sweep.journal import Journal
    from costmodel.sweep.shared import Shared


def shard_asked(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Shard | None:
    """Read ``2/8``."""
    if value is None:
        return None
    from costmodel.spec.problems import SpecError
    from costmodel.sweep.designs import Shard

    try:
        return Shard.of_text(value)
    except SpecError as error:
        raise click.BadParameter(error.problems[0].message) from None


@click.command("sweep")
@click.argument("study_ref", metavar="STUDY", shell_complete=names_of("study"))
@set_option
@lower_option("set.lower")
@jobs_option
@click.option("--dry-run", is_flag=True, help="Count points and searches, time some of them, and stop.")
@click.option(
    "shard",
    "--shard",
    metavar="I/N",
    callback=shard_asked,
    help="Only this one of N parts of the grid; `costmodel merge` joins their folders.",
)
@click.option(
    "--cluster",
    metavar="tcp://HOST:PORT",
    callback=not_empty,
    help="Search on the workers of this Dask scheduler (-j: with so many at most).",
)
@storage_option
@click.option("--share", is_flag=True, help="Share the study by a file in runs/, which `costmodel worker STUDY` joins.")
@click.option(
    "--front-only",
    is_flag=True,
    help="Set designs aside that cannot enter the front, by what they cost at least (proven).",
)
@click.option(
    "table",
    "--table",
    metavar="FILE",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Write the designs as a table too: .csv, or .parquet (with pyarrow).",
)
@json_option
@out_option
@force_option
@click.option("--no-cache", is_flag=True, help="Search anew what earlier runs have answered.")
@report_option
@quiet_option
def command(
    study_ref: str,
    overrides: tuple[str, ...],
    jobs: int | None,
    shard: Shard | None,
    cluster: str | None,
    storage: str | None,
    out: Path | None,
    report: Path | None,
    table: Path | None,
    *,
    dry_run: bool,
    share: bool,
    front_only: bool,
    force: bool,
    as_json: bool,
    no_cache: bool,
    quiet: bool,
) -> int:
    """Explore the design space of STUDY: every point is an architecture with its best mapping.

    Finished points are saved as they come; the same command again does what is left.
    """
    from costmodel.mapper.cache import Cache, usual_folder
    from costmodel.report.assemble_sweep import sweep_folder
    from costmodel.report.designs_file import check_table
    from costmodel.report.folder import check_writable
    from costmodel.spec import catalog
    from costmodel.sweep.cluster import Cluster
    from costmodel.sweep.execute import fingerprint, run_sweep
    from costmodel.sweep.journal import JOURNAL, Journal

    started = time.monotonic()
    study = catalog.load_study(study_ref, overrides)
    cache = None if no_cache else Cache(usual_folder(), say)
    if report is not None:
        check_writable(report)
    if table is not None:
        check_table(table)
    folder = sweep_folder(study, study_ref, out, RUNS, force=force, shard=shard)
    if dry_run:
        return _foretell(study, folder / JOURNAL, cache, jobs, as_json=as_json)
    where = storage or (usual_storage(study, study_ref) if share else None)
    if where is not None and (shard is not None or front_only):
        raise click.UsageError("a study that is shared has no --shard and no --front-only")
    joined: AbstractContextManager[Shard | Shared | None] = (
        nullcontext(shard) if where is None else shared_study(study, where, jobs, cluster=cluster is not None)
    )
    with Journal(folder / JOURNAL, fingerprint(study), anew=force) as journal, joined as part:
        _tell(journal)
        with ProgressDisplay(quiet=quiet) as progress:
            result = run_sweep(
                study,
                journal,
                jobs=jobs,
                executor=None if cluster is None else Cluster(cluster, jobs, say),
                report=progress,
                cache=cache,
                part=part,
                front_only=front_only,
            )
        if result.resumed:
            say(f"{plural(result.resumed, 'point')} of an earlier run kept")
        notes = {outcome.design: outcome.note for outcome in result.outcomes}
        for design in result.lost:
            say(line(f"{design}: {notes[design]}"))
        feasible = keep_sweep(study, result, overrides, started, folder, report, table=table, as_json=as_json)
    if result.interrupted:
        say("interrupted: the same command goes on with what is left")
        return INTERRUPTED
    if result.lost:
        return PARTIAL
    return FINE if feasible else INFEASIBLE


def keep_sweep(
    study: Study,
    result: SweepResult,
    overrides: tuple[str, ...],
    started: float,
    folder: Path,
    report: Path | None,
    *,
    table: Path | None = None,
    as_json: bool,
) -> bool:
    """Write the run of a sweep into its folder and show it; return whether any point is feasible."""
    from costmodel.report.assemble_sweep import run_of_sweep
    from costmodel.report.designs_file import write_table
    from costmodel.report.text.sweep import nothing_text
    from costmodel.report.write import write_run

    run = run_of_sweep(study, result, overrides, command_line(), started)
    try:
        say(f"run: {write_run(folder, run, renew=True)}")
        if run.design_points:
            keep_report(report or folder / "report.html", run)
        if table is not None:
            say(f"table: {write_table(table, run)}")
    finally:  # what cannot be kept is shown all the same
        _show(run, as_json=as_json)
    if not (run.design_points or result.interrupted or result.lost):
        say("no point falls to this part of the study")
        return True
    feasible = any(point.feasible for point in run.design_points)
    if not (feasible or result.interrupted or result.lost):
        say(nothing_text(run.design_points))
    return feasible


def _foretell(study: Study, journal: Path, cache: Cache | None, jobs: int | None, *, as_json: bool) -> int:
    """Say what a sweep will take."""
    from dataclasses import asdict

    from costmodel.report.text.forecast import forecast_text
    from costmodel.sweep.execute import fingerprint, workers_of
    from costmodel.sweep.forecast import forecast
    from costmodel.sweep.journal import read

    content = read(journal)
    known = {outcome.design.key for p in content.of(fingerprint(study)) if (outcome := content.outcome(p)) is not None}
    found = forecast(study, known, cache)
    if as_json:
        put_json("forecast", asdict(found))
    else:
        put(forecast_text(found, workers_of(study, jobs)))
    return FINE


def _tell(journal: Journal) -> None:
    """Say what the journal holds besides what is asked."""
    if journal.content.unread:
        count = plural(journal.content.unread, "line")
        say(line(f"{journal.path}: {count} cut off or changed; what it held is done again"))
    if journal.others:
        say(line(f"{journal.path}: {plural(journal.others, 'point')} of other questions or versions left alone"))


def _show(run: Run, *, as_json: bool) -> None:
    if as_json:
        from costmodel.report.write import result_object

        put_json("sweep", result_object(run))
    elif run.design_points:
        from costmodel.report.text.sweep import sensitivity_text, sweep_text

        put(sweep_text(run.design_points, room=run.uses_capacity))
        if said := sensitivity_text(run):
            put("\n" + said)
        put_notes(run.notes)
