"""`costmodel curve`: least traffic as a function of the size of a level."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from costmodel.cli.output import FINE, put, put_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    page: Path | None,
    *,
    as_json: bool,
) -> int:
    """Least traffic to LEVEL from the memory above it, as a function of the size of LEVEL.

    LEVEL is taken alone: one instance that holds every tensor, below an unbounded memory, with tiles that divide.
    Each row is the least capacity with which less has to move. With --out the curves are drawn.
    """
    from costmodel.mapper.curve import buffer_curve, check_level
    from costmodel.report.assemble import question_of
    from costmodel.report.folder import check_writable
    from costmodel.report.nest_text import sentences
    from costmodel.report.text.curve import curve_text

    if page is not None:
        check_writable(page)
    question = question_of(arch, workload, overrides, einsums)
    with about("LEVEL"):
        check_level(question.architecture, level)
    shown: list[dict[str, Any]] = []
    curves = []
    texts: list[str] = []
    for einsum in question.workload.einsums:
        found = buffer_curve(einsum, question.architecture, level, budget_s=budget)
        curves.append(found)
        if as_json:
            points = [
                {
                    "capacity_bits": p.capacity_bits,
                    "traffic_words": p.traffic_words,
                    "traffic_bits": p.traffic_bits,
                    "nest": sentences(p.nest),
                }
                for p in found.points
            ]
            shown.append({"einsum": einsum.name, "above": found.above, "proven": found.proven, "points": points})
        else:
            size = next(m.capacity_bits for m in question.architecture.memories if m.name == level)
            texts.append(("\n" if texts else "") + curve_text(found, einsum, size))
            if page is None:
                put(texts[-1])
    try:
        if page is not None:
            _write_curves(page, curves, question, level)
    finally:  # what cannot be kept is shown all the same
        if as_json:
            put_json("curve", {"level": level, "curves": shown})
        elif page is not None:
            put("\n".join(texts))
    return FINE


def _write_curves(path: Path, curves: Sequence[BufferCurve], question: Question, level: str) -> None:
    from costmodel.report.assemble import facts_of
    from costmodel.report.page.curve import write_curves

    memory = next(m for m in question.architecture.memories if m.name == level)
    facts = facts_of(question, command_line())
    written = write_curves(path, curves, question.workload, memory, question.architecture.name, facts)
    say(f"report: {written}")
