"""`costmodel advise`: what would change a run, and what it gains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costmodel.cli.evaluate import evaluated
from costmodel.cli.explain import completed
from costmodel.cli.keep import command_line, keep_report
from costmodel.cli.options import einsum_option, json_option, lower_option, mapping_option, quiet_option, set_option
from costmodel.cli.output import FINE, INTERRUPTED, PARTIAL, ProgressDisplay, put, put_json, say
from costmodel.cli.request import request_asked, request_options

if TYPE_CHECKING:
    from costmodel.report.run import Run

BUDGET_S = 120.0
"""Time for all changes, where no budget is stated."""


@click.command("advise")
@click.argument("words", metavar="RUN | ARCH WORKLOAD", nargs=-1, required=True, shell_complete=completed)
@mapping_option
@request_options
@einsum_option
@set_option
@lower_option()
@click.option("whole", "--all", is_flag=True, help="Show every change that was tried.")
@json_option
@quiet_option
def command(
    words: tuple[str, ...],
    mapping_ref: str | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    *,
    whole: bool,
    as_json: bool,
    quiet: bool,
    **asked: Any,
) -> int:
    """What would change a run: sizes, bandwidths, arrays, tiles, fusion, what is held where; each tried by a search.

    Of a run folder, the advice is kept in it and shown on its page. Of WORKLOAD on ARCH, the best mappings are searched
    first, as the options say, or those of --mapping FILE are costed. Each gain is exact, with the command that gives
    it.
    --budget is the time for all changes (120 s where none is stated): what was not tried in it is named.
    """
    from costmodel.mapper.cache import Cache, usual_folder
    from costmodel.report.advising import advised
    from costmodel.report.write import write_advice

    budget_s, jobs = asked.pop("budget") or BUDGET_S, asked["jobs"]
    folder = Path(words[0]) if len(words) == 1 or Path(words[0]).is_dir() else None
    if len(words) > (1 if folder else 2):
        raise click.UsageError("give a run folder, or ARCH WORKLOAD")
    cache = Cache(usual_folder(), say)
    if folder is not None:
        from costmodel.report.read import read_run

        if overrides or einsums or mapping_ref or any(v for k, v in asked.items() if k != "jobs"):
            raise click.UsageError("a run folder holds what was asked: give it with --budget and --jobs alone")
        run = read_run(folder)
    else:
        run = _run_of(words, mapping_ref, einsums, overrides, asked, cache, quiet=quiet)
    with ProgressDisplay(quiet=quiet) as progress:
        run = advised(run, folder, budget_s=budget_s, jobs=jobs, cache=cache, report=progress)
    assert run.advice is not None  # noqa: S101  that is what was asked
    try:
        if folder is not None:
            say(f"advice: {write_advice(folder, run)}")
            keep_report(folder / "report.html", run)
    finally:  # what cannot be kept is shown all the same
        _show(run, whole=whole, as_json=as_json)
    if run.advice.interrupted:
        say(f"interrupted: what was tried {'is shown' if folder is None else 'is kept'}")
        return INTERRUPTED
    return PARTIAL if run.advice.untried else FINE


def _run_of(
    words: tuple[str, ...],
    mapping_ref: str | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    asked: dict[str, Any],
    cache: Any,
    *,
    quiet: bool,
) -> Run:
    """Cost the mappings of a file, or search the best ones. Raises SpecError or InfeasibleError."""
    from costmodel.mapper.network import map_workload
    from costmodel.report.assemble import check_asked, question_of, run_of_evaluation, run_of_network

    question = question_of(words[0], words[1], overrides, einsums)
    if mapping_ref is not None:
        return run_of_evaluation(question, evaluated(question, mapping_ref), command_line())
    request, marks = request_asked(asked | {"budget": None})
    check_asked(question, request, marks)
    with ProgressDisplay(quiet=quiet) as progress:
        result = map_workload(question.workload, question.architecture, request, report=progress, cache=cache)
    for failure in result.failures:
        if failure.infeasible is not None:
            raise failure.infeasible
    if result.interrupted or not result.layers:
        raise KeyboardInterrupt
    return run_of_network(question, result, command_line())


def _show(run: Run, *, whole: bool, as_json: bool) -> None:
    if run.advice is None:
        return
    if as_json:
        from costmodel.report.advising import advice_object

        put_json("advise", advice_object(run.advice))
    else:
        from costmodel.report.text.advice import advice_text

        put(f"{run.title}: {advice_text(run.advice, whole=whole)}")
