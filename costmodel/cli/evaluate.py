"""`costmodel evaluate`: the cost of the mappings of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import arch_argument, workload_argument
from costmodel.cli.keep import check_plot, claimed, command_line, keep_plot, keep_run
from costmodel.cli.options import (
    einsum_option,
    force_option,
    json_option,
    lower_option,
    mapping_option,
    out_option,
    plot_option,
    report_option,
    set_option,
)
from costmodel.cli.output import FINE, put, put_json, put_notes, say

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation
    from costmodel.report.assemble import Answer, Question
    from costmodel.report.run import Run


@click.command("evaluate")
@arch_argument
@workload_argument
@mapping_option
@einsum_option
@set_option
@lower_option()
@json_option
@out_option
@force_option
@report_option
@plot_option
def command(
    arch: str,
    workload: str,
    mapping_ref: str | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    plot: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Cost of WORKLOAD on ARCH with the mappings of a file: totals and every table."""
    from costmodel.report.assemble import question_of, run_of_evaluation

    question = question_of(arch, workload, overrides, einsums)
    mapping_ref = required(mapping_ref)
    check_plot(plot)
    place = claimed("evaluate", out, report, force=force, folder=False)
    answer = evaluated(question, mapping_ref)
    run = run_of_evaluation(question, answer, command_line())
    try:
        keep_run(run, place, report, force=force)
        keep_plot(plot, run)
    finally:  # what cannot be kept is shown all the same
        _show(run, answer.evaluation, as_json=as_json)
    return FINE


def _show(run: Run, evaluation: Evaluation, *, as_json: bool) -> None:
    if as_json:
        from costmodel.report.codec import plain
        from costmodel.report.write import result_object

        tables = {
            "traffic": plain(evaluation.traffic_rows),
            "actions": plain(evaluation.action_rows),
            "latency": plain(evaluation.latency_rows),
            **({"overlap": plain(evaluation.overlap_rows)} if evaluation.overlap_rows else {}),
            "occupancy": plain(evaluation.occupancy_rows),
        }
        put_json("evaluate", result_object(run) | {"tables": tables})
    else:
        from costmodel.report.text.totals import evaluation_text

        put(evaluation_text(evaluation))
        put_notes(run.notes)


def required(mapping_ref: str | None) -> str:
    """The mapping file; a usage error if none is named."""
    if mapping_ref is None:
        raise click.UsageError("Missing option '--mapping'.")
    return mapping_ref


def evaluated(question: Question, mapping_ref: str) -> Answer:
    """Evaluate the mappings of a file; Einsums without a mapping are named on stderr."""
    from costmodel.report.assemble import evaluate_file

    answer = evaluate_file(question, mapping_ref)
    if answer.left_out:
        say(f"no mapping in {mapping_ref}, so not counted: {', '.join(answer.left_out)}")
    return answer
