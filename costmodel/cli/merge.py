"""`costmodel merge`: the points of shards in one run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from costmodel.cli.complete import names_of
from costmodel.cli.keep import RUNS
from costmodel.cli.options import NamedPath, json_option, lower_option, out_option, report_option, set_option
from costmodel.cli.output import FINE, INFEASIBLE, PARTIAL, line, plural, say
from costmodel.cli.sweep import keep_sweep
from costmodel.spec.problems import Problem, SpecError


@click.command("merge")
@click.argument("study_ref", metavar="STUDY", shell_complete=names_of("study"))
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=NamedPath(path_type=Path))
@set_option
@lower_option("set.lower")
@json_option
@out_option
@report_option
def command(
    study_ref: str,
    folders: tuple[Path, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Join the points of STUDY that several sweeps of it hold: of shards, or of runs that were cut short.

    The folders stay as they are. `costmodel sweep STUDY --out` on the new one does what is missing.
    """
    from costmodel.report.assemble_sweep import sweep_folder
    from costmodel.report.folder import not_a_run
    from costmodel.spec import catalog
    from costmodel.sweep.designs import asked
    from costmodel.sweep.execute import fingerprint
    from costmodel.sweep.journal import JOURNAL, Journal, read
    from costmodel.sweep.merge import merged

    started = time.monotonic()
    study = catalog.load_study(study_ref, overrides)
    for folder in folders:
        if not (folder / JOURNAL).is_file():
            raise not_a_run(folder, JOURNAL)
    contents = [read(folder / JOURNAL) for folder in folders]
    for folder, content in zip(folders, contents, strict=True):
        if content.points and not content.of(fingerprint(study)):
            hint = "name the study, and the settings, that it was swept with"
            raise SpecError([Problem("holds no point of this study", file=str(folder / JOURNAL), hint=hint)])
        if content.unread:
            say(line(f"{folder / JOURNAL}: {plural(content.unread, 'line')} cut off or changed, and left out"))
    folder = sweep_folder(study, study_ref, out, RUNS, force=False)
    with Journal(folder / JOURNAL, fingerprint(study)) as journal:
        result = merged(study, journal, contents)
        feasible = keep_sweep(study, result, overrides, started, folder, report, as_json=as_json)
    if missing := asked(study) - len(result.outcomes):
        say(f"{plural(missing, 'point')} missing: costmodel sweep {study_ref} --out {folder} goes on with them")
        return PARTIAL
    return FINE if feasible else INFEASIBLE
