"""`costmodel explain`: how one number comes about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import names_of
from costmodel.cli.evaluate import evaluated
from costmodel.cli.options import json_option, mapping_option, set_option
from costmodel.cli.output import FINE, put, put_json

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _completed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A run or an architecture, then a workload."""
    given = len(ctx.params["words"] or ())
    return names_of("arch" if given == 0 else "workload")(ctx, param, incomplete) if given < 2 else []


@click.command("explain")
@click.argument("words", metavar="RUN | ARCH WORKLOAD [SUBJECT]", nargs=-1, required=True, shell_complete=_completed)
@mapping_option
@click.option("einsum", "--einsum", metavar="NAME", help="The number of this Einsum only.")
@set_option
@json_option
def command(
    words: tuple[str, ...], mapping_ref: str | None, einsum: str | None, overrides: tuple[str, ...], *, as_json: bool
) -> int:
    """How one number comes about: its loops, tile and refetches, its price and where that comes from.

    SUBJECT is a number such as GLB.fill.A, DRAM.read, GLB.energy, energy or latency; without it, all are listed.
    Numbers are those of a run folder, or of WORKLOAD on ARCH with --mapping FILE.
    """
    from costmodel.model.explain.answer import explain as derive
    from costmodel.model.explain.subjects import subjects

    if mapping_ref is not None:
        if len(words) not in (2, 3):
            raise click.UsageError("with --mapping, give ARCH WORKLOAD and the number to explain")
        from costmodel.report.assemble import question_of

        question = question_of(words[0], words[1], overrides, ())
        workload, architecture = question.workload, question.architecture
        answer = evaluated(question, mapping_ref)
        mappings, evaluation = answer.mappings, answer.evaluation
    else:
        if len(words) > 2:
            raise click.UsageError("give a run folder and the number to explain, or add --mapping FILE")
        from costmodel.report.read import read_evaluated
        from costmodel.report.tables import evaluation_of

        run = read_evaluated(Path(words[0]))
        workload, architecture, mappings, evaluation = run.workload, run.architecture, run.mappings, evaluation_of(run)
    named = 2 if mapping_ref is not None else 1
    if len(words) == named:
        known = subjects(architecture, evaluation)
        if as_json:
            put_json("explain", {"subjects": known})
        else:
            put("\n".join(known))
        return FINE
    explanation = derive(workload, architecture, mappings, evaluation, words[named], einsum)
    if as_json:
        from dataclasses import asdict

        put_json("explain", asdict(explanation))
    else:
        put(str(explanation))
    return FINE
