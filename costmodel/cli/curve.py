"""`costmodel curve`: least traffic as a function of the size of a level."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from costmodel.cli.complete import arch_argument, workload_argument
from costmodel.cli.keep import command_line
from costmodel.cli.options import (
    NamedPath,
    about,
    einsum_option,
    json_option,
    lower_option,
    page_path,
    set_option,
    time_option,
)
from costmodel.cli.output import FINE, INTERRUPTED, put, put_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.cascade_curve import CascadeCurve
    from costmodel.mapper.curve import BufferCurve
    from costmodel.report.assemble import Question


@click.command("curve")
@arch_argument
@workload_argument
@click.argument("level")
@einsum_option
@time_option
@set_option
@lower_option()
@json_option
@click.option(
    "fuse",
    "--fuse",
    type=click.Choice(["off", "auto"]),
    default="off",
    help="Of the whole workload: let neighbouring Einsums share loops and the level where less moves then (auto).",
)
@click.option(
    "csv",
    "--csv",
    metavar="FILE.csv",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Write all corners as one table.",
)
@click.option(
    "page",
    "--out",
    metavar="FILE.html",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=page_path,
    help="Draw the curves on a page of their own, with the nest of each corner.",
)
def command(
    arch: str,
    workload: str,
    level: str,
    einsums: tuple[str, ...],
    budget: float | None,
    overrides: tuple[str, ...],
    fuse: Literal["off", "auto"],
    csv: Path | None,
    page: Path | None,
    *,
    as_json: bool,
) -> int:
    """Least traffic to LEVEL from the memory above it, as a function of the size of LEVEL.

    LEVEL is taken alone: one instance that holds every tensor, below an unbounded memory, with tiles that divide.
    Each row is the least capacity with which less has to move. Several Einsums have a curve each, and one of the whole
    workload: all executions, one after another, or with --fuse auto fused where that is better. With --out the curves
    are drawn.
    """
    from costmodel.mapper.cascade_curve import cascade_curve
    from costmodel.mapper.curve import check_level, curves_of_each
    from costmodel.report.assemble import question_of
    from costmodel.report.folder import check_writable
    from costmodel.report.text.curve import curve_text, whole_text

    for path in (page, csv):
        if path is not None:
            check_writable(path)
    question = question_of(arch, workload, overrides, einsums)
    with about("LEVEL"):
        check_level(question.architecture, level)
    size = next(m.capacity_bits for m in question.architecture.memories if m.name == level)
    at_once = not as_json and page is None and csv is None
    curves: list[BufferCurve] = []
    texts: list[str] = []
    whole: CascadeCurve | None = None
    found = curves_of_each(question.workload, question.architecture, level, budget_s=budget)
    for einsum, curve in zip(question.workload.einsums, found, strict=True):
        curves.append(curve)
        texts.append(("\n" if texts else "") + curve_text(curves[-1], einsum, size))
        if at_once:
            put(texts[-1])
    if len(curves) > 1:
        whole = cascade_curve(question.workload, question.architecture, level, fuse=fuse, budget_s=budget, known=curves)
        texts.append("\n" + whole_text(whole, question.workload, size))
        if at_once:
            put(texts[-1])
    try:
        _keep(page, csv, curves, whole, question, level)
    finally:  # what cannot be kept is shown all the same
        if as_json:
            from costmodel.report.curves import curves_object

            put_json("curve", curves_object(level, curves, whole))
        elif not at_once:
            put("\n".join(texts))
    if whole is not None and whole.interrupted:
        say("interrupted: the curve has the fused nests that were found by then")
        return INTERRUPTED
    return FINE


def _keep(
    page: Path | None,
    csv: Path | None,
    curves: Sequence[BufferCurve],
    whole: CascadeCurve | None,
    question: Question,
    level: str,
) -> None:
    if csv is not None:
        from costmodel.report.curves import curve_table, curves_of
        from costmodel.report.folder import write_text

        table = curve_table(curves_of(curves, whole, question.workload)).drop(columns="point")
        write_text(csv, table.to_csv(index=False, lineterminator="\n"))
        say(f"table: {csv}")
    if page is not None:
        from costmodel.report.assemble import facts_of
        from costmodel.report.page.curve import write_curves

        memory = next(m for m in question.architecture.memories if m.name == level)
        facts = facts_of(question, command_line())
        written = write_curves(page, curves, question.workload, memory, question.architecture.name, facts, whole)
        say(f"report: {written}")
