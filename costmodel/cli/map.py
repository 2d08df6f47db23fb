"""`costmodel map`: the search for the best mappings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costmodel.cli.asked_advice import advise_option, advise_wanted, with_advice
from costmodel.cli.asked_why import searched_why
from costmodel.cli.complete import arch_argument, workload_argument
from costmodel.cli.keep import check_plot, claimed, command_line, keep_plot, keep_run
from costmodel.cli.options import (
    NamedPath,
    einsum_option,
    force_option,
    json_option,
    lower_option,
    out_option,
    plot_option,
    quiet_option,
    report_option,
    set_option,
    why_option,
)
from costmodel.cli.output import FINE, INFEASIBLE, INTERRUPTED, PARTIAL, ProgressDisplay, put, put_json, put_notes, say
from costmodel.cli.request import request_asked, request_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.network import NetworkResult
    from costmodel.report.run import Run


@click.command("map")
@arch_argument
@workload_argument
@request_options
@einsum_option
@set_option
@lower_option()
@why_option
@json_option
@out_option
@force_option
@click.option("--no-run", is_flag=True, help="Write no run folder.")
@click.option("--no-cache", is_flag=True, help="Search anew what earlier runs have answered.")
@report_option
@plot_option
@advise_option
@click.option(
    "--save-study",
    metavar="FILE",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Save this command as a study.",
)
@quiet_option
def command(
    arch: str,
    workload: str,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    plot: Path | None,
    save_study: Path | None,
    *,
    force: bool,
    as_json: bool,
    no_run: bool,
    no_cache: bool,
    why: bool,
    advise: bool | None,
    quiet: bool,
    **asked: Any,
) -> int:
    """Find the best mappings of WORKLOAD (or of MODEL.onnx, imported) on ARCH."""
    from costmodel.mapper.cache import Cache, usual_folder
    from costmodel.mapper.network import map_workload
    from costmodel.report.assemble import check_asked, choice_notes, notes_of, question_of, run_of_network
    from costmodel.report.folder import check_writable, write_text
    from costmodel.report.models import is_model
    from costmodel.report.study_text import study_text
    from costmodel.spec import catalog
    from costmodel.spec.problems import Problem, SpecError

    if no_run and out is not None:
        raise click.UsageError("--no-run and --out contradict each other")
    check_plot(plot)
    request, marks = request_asked(asked)
    question = question_of(arch, workload, overrides, einsums)
    check_asked(question, request, marks)
    place = claimed("map", out, report, force=force, folder=not no_run)
    if save_study is not None:
        if is_model(workload):
            hint = "costmodel import onnx MODEL.onnx --out FILE.yaml, and map that"
            raise SpecError([Problem("a study reads a workload from a file", file=question.workload_ref, hint=hint)])
        check_writable(save_study)
        if save_study.exists() and not catalog.is_kind(save_study, "study"):
            raise SpecError([Problem("exists and is not a study; nothing was written", file=str(save_study))])
        write_text(save_study, study_text(question, request, save_study))
        say(f"study: {save_study}")
    cache = None if no_cache else Cache(usual_folder(), say)
    with ProgressDisplay(quiet=quiet) as progress:
        result = map_workload(question.workload, question.architecture, request, report=progress, cache=cache)
    for failure in result.failures:
        say(failure.reason)
    for note in choice_notes(result):
        say(note)
    if result.unfinished:
        say(f"not searched: {', '.join(result.unfinished)}")
    reasons = searched_why(question, result, quiet=quiet) if why else ()
    run = run_of_network(question, result, command_line(), reasons)
    if advise_wanted(result, advise=advise, quiet=quiet or as_json):
        run = with_advice(run, cache, jobs=request.jobs, asked=bool(advise), quiet=quiet)
    try:
        if result.layers:
            keep_run(run, place, report, force=force, folder=not no_run)
            keep_plot(plot, run)
    finally:  # what cannot be kept is shown all the same
        _show(run, result, notes_of(question, request.constraints), as_json=as_json)
    if result.interrupted or (run.advice is not None and run.advice.interrupted):
        say("interrupted: what was done is kept")
        return INTERRUPTED
    if any(failure.infeasible for failure in result.failures):
        return INFEASIBLE
    return PARTIAL if result.failures or result.unfinished or question.missing else FINE


def _show(run: Run, result: NetworkResult, notes: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        from costmodel.report.advising import advice_object
        from costmodel.report.write import result_object

        own = {} if run.advice is None else {"advice": advice_object(run.advice)}
        put_json("map", result_object(run) | own)
    elif result.layers:
        from costmodel.report.text.answer import answer_text

        put(answer_text(run, result))
        if run.why:
            from costmodel.report.text.why import why_text

            put(f"\n{why_text(run.why)}")
        put_notes(notes)
