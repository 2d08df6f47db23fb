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
    from costmodel.trace.valued import Valued

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
@click.option(
    "files",
    "--values",
    metavar="FILE",
    multiple=True,
    help="Values that are told: NAME=FILE.npy, or FILE.npz with an array for each tensor. Repeatable.",
)
@click.option("--seed", type=click.IntRange(0), help="Of random values, where none are given.")
@json_option
@report_option
def command(
    arch: str,
    workload: str,
    mapping_refs: tuple[str, ...],
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    files: tuple[str, ...],
    seed: int | None,
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Step through the nest of a mapping: points, words touched, what each level holds, what moves.

    A file with several mappings is traced one after another. --report draws an animation: of the one nest that is asked
    for, of two side by side, of more the first of each file (--einsum NAME chooses).
    """
    from costmodel.report.assemble import mappings_asked_for, question_of, stated_values
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
    asked = bool(files) or seed is not None
    if report is None and not as_json and asked:
        raise click.UsageError("--values and --seed are about values: add --report FILE.html or --json")
    values: dict[int, Valued | None] = {}
    try:
        drawn = _drawn(found) if report is not None else {}
        if report is not None or as_json:
            from costmodel.report.page.trace_values import values_of

            stated = stated_values(question)
            for one in every if as_json else drawn.values():
                values[id(one)] = values_of(one, stated, files=files, seed=seed, asked=asked)
        if report is not None:
            from costmodel.report.page.trace import write_traces

            shown = {name: told for name, one in drawn.items() if (told := values[id(one)]) is not None}
            say(f"report: {write_traces(report, drawn, command_line(), shown, show_values=asked)}")
    finally:  # what cannot be kept is shown all the same
        if as_json:
            put_json("trace", {"traces": [trace_object(one, values.get(id(one))) for one in every]})
        else:
            put("\n\n".join(trace_text(one) for one in every))
    return FINE


def _drawn(found: dict[str, list[Trace]]) -> dict[str, Trace]:
    """The traces of the page, by name: all where there are two at most, else the first of each file."""
    shown = found
    if sum(map(len, found.values())) > SIDE_BY_SIDE:
        shown = {ref: traces[:1] for ref, traces in found.items()}
        others = sorted({e.name for traces in found.values() for one in traces[1:] for e in one.einsums})
        say(f"the page shows the first nest of each file; --einsum NAME shows another: {', '.join(others)}")
    stems = [Path(ref).stem for ref in found]
    named: dict[str, Trace] = {}
    for ref, traces in shown.items():
        name = Path(ref).stem if stems.count(Path(ref).stem) == 1 else ref
        for one in traces:
            named[name if len(traces) == 1 else f"{name}: {', '.join(e.name for e in one.einsums)}"] = one
    return named
