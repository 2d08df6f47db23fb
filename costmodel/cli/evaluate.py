"""`costmodel evaluate`: the cost of the mappings of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import arch_argument, workload_argument
from costmodel.cli.keep import command_line, keep_run
from costmodel.cli.options import einsum_option, json_option, mapping_option, out_option, report_option, set_option
from costmodel.cli.output import FINE, put, put_json, say

if TYPE_CHECKING:
    from costmodel.report.assemble import Answer, Question


@click.command("evaluate")
@arch_argument
@workload_argument
@mapping_option
@einsum_option
@set_option
@json_option
@out_option
@report_option
def command(
    arch: str,
    workload: str,
    mapping_ref: str | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Cost of WORKLOAD on ARCH with the mappings of a file: totals and every table."""
    from costmodel.report.assemble import question_of, run_of_evaluation

    question = question_of(arch, workload, overrides, einsums)
    mapping_ref = required(mapping_ref)
    answer = evaluated(question, mapping_ref)
    run = run_of_evaluation(question, mapping_ref, answer, command_line())
    evaluation = answer.evaluation
    if as_json:
        from costmodel.report.codec import plain
        from costmodel.report.run import result_object

        tables = {
            "traffic": plain(evaluation.traffic_rows),
            "actions": plain(evaluation.action_rows),
            "latency": plain(evaluation.latency_rows),
            "occupancy": plain(evaluation.occupancy_rows),
        }
        put_json("evaluate", result_object(run) | {"tables": tables})
    else:
        from costmodel.report.text import evaluation_text

        put(evaluation_text(evaluation))
    keep_run(run, out, report)
    return FINE


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
