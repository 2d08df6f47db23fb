"""`costmodel trace`: a nest step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import arch_argument, names_of, workload_argument
from costmodel.cli.keep import command_line
from costmodel.cli.options import einsum_option, json_option, lower_option, report_option, set_option
from costmodel.cli.output import FINE, put, put_json, say

if TYPE_CHECKING:
    from costmodel.trace.frames import Trace

SIDE_BY_SIDE = 2
"""Mappings at most."""


@click.command("trace")
@arch_argument
@workload_argument
@click.option(
    "mapping_refs",
    "--mapping",
    metavar="FILE",
    multiple=True,
    shell_complete=names_of("mapping"),
    help="Mapping file (or the name of a shipped one). Given twice, the page shows both side by side.",
)
@einsum_option
@set_option
@lower_option()
@json_option
@report_option
def command(
    arch: str,
    workload: str,
    mapping_refs: tuple[str, ...],
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Step through the nest of a mapping: points, words touched, what each level holds, what moves.

    A file with several mappings is traced one after another; --report draws an animation of the first of each file.
    """
    from costmodel.report.assemble import mappings_asked_for, question_of
    from costmodel.report.folder import check_writable
    from costmodel.report.text.trace import trace_object, trace_text
    from costmodel.trace.record import trace

    if not mapping_refs:
        raise click.UsageError("Missing option '--mapping'.")
    if len(mapping_refs) > SIDE_BY_SIDE:
        raise click.UsageError("'--mapping' may be given twice at most.")
    if report is not None:
        check_writable(report)
    question = question_of(arch, workload, overrides, einsums)
    found: dict[str, list[Trace]] = {}
    for ref in mapping_refs:
        pairs = mappings_asked_for(question, ref)
        found[ref] = [trace(question.workload, question.architecture, mapping, marks) for mapping, marks in pairs]
    every = [one for traces in found.values() for one in traces]
    try:
        if report is not None:
            from costmodel.report.page.trace import write_traces

            written = write_traces(report, {Path(ref).stem: traces[0] for ref, traces in found.items()}, command_line())
            say(f"report: {written}")
    finally:  # what cannot be kept is shown all the same
        if as_json:
            put_json("trace", {"traces": [trace_object(one) for one in every]})
        else:
            put("\n\n".join(trace_text(one) for one in every))
    return FINE
