"""`costmodel explain`: how one number comes about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.asked_why import searched_why
from costmodel.cli.complete import names_of
from costmodel.cli.evaluate import evaluated
from costmodel.cli.options import about, json_option, lower_option, mapping_option, set_option, why_option
from costmodel.cli.output import FINE, ProgressDisplay, put, put_json, say
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from costmodel.einsum.algebra import Workload
    from costmodel.mapper.network import NetworkResult
    from costmodel.mapper.reasons import Why
    from costmodel.model.evaluation import Evaluation
    from costmodel.report.assemble import Question
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping
    from costmodel.spec.overrides import Kind

    _Explained = tuple[Workload, Architecture, tuple[Mapping, ...], Evaluation]


def completed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A run or an architecture, then a workload."""
    given = len(ctx.params["words"] or ())
    return names_of("arch" if given == 0 else "workload")(ctx, param, incomplete) if given < 2 else []


@click.command("explain")
@click.argument("words", metavar="RUN | ARCH WORKLOAD [SUBJECT]", nargs=-1, required=True, shell_complete=completed)
@mapping_option
@click.option("einsum", "--einsum", metavar="NAME", help="The number of this Einsum only.")
@set_option
@lower_option()
@why_option
@json_option
def command(
    words: tuple[str, ...],
    mapping_ref: str | None,
    einsum: str | None,
    overrides: tuple[str, ...],
    *,
    why: bool,
    as_json: bool,
) -> int:
    """How one number comes about: its loops, tile and refetches, its price and where that comes from.

    SUBJECT is a number such as GLB.fill.A, DRAM.read, GLB.energy, energy or latency; without it, all are listed.
    Numbers are those of a run folder, or of WORKLOAD on ARCH: with --mapping FILE, or with the best mappings (least
    EDP), which are searched first.
    """
    from costmodel.model.explain.answer import explain as derive
    from costmodel.model.explain.subjects import subjects

    named = 1 if mapping_ref is None and _names_run(words) else 2
    if len(words) > named + 1:
        raise click.UsageError("give a run folder, or ARCH WORKLOAD, and one number to explain")
    if named == 1 and overrides:
        what = "--set and --lower change what is computed, and a run folder holds what was"
        raise click.UsageError(f"{what}: give ARCH WORKLOAD")
    subject = words[named] if len(words) > named else None
    if why:
        if subject is not None or mapping_ref is not None:
            raise click.UsageError("--why is about the best mapping as a whole: give no SUBJECT and no --mapping")
        reasons = _why_of_run(words[0]) if named == 1 else _why_of_pair(words, einsum, overrides)
        return _show_why(reasons, as_json=as_json)
    found = _of_run(words[0]) if named == 1 else _of_pair(words, mapping_ref, einsum, overrides, subject)
    workload, architecture, mappings, evaluation = found
    _check(architecture, workload, subject)
    if subject is None:
        known = subjects(architecture, evaluation)
        if as_json:
            put_json("explain", {"subjects": known})
        else:
            put("\n".join(known))
        return FINE
    explanation = derive(workload, architecture, mappings, evaluation, subject, einsum)
    if as_json:
        from dataclasses import asdict

        put_json("explain", asdict(explanation))
    else:
        put(str(explanation))
    return FINE


def _show_why(reasons: tuple[Why, ...], *, as_json: bool) -> int:
    if as_json:
        from costmodel.report.codec import plain

        put_json("explain", {"why": plain(reasons)})
    else:
        from costmodel.report.text.why import why_text

        put(why_text(reasons))
    return FINE


def _why_of_run(folder: str) -> tuple[Why, ...]:
    """The reasons that a run keeps."""
    from costmodel.report.read import read_run

    kept = read_run(Path(folder)).why
    if not kept:
        hint = "`costmodel map … --why --out FOLDER` keeps them"
        raise SpecError([Problem("holds no reasons", file=folder, hint=hint)])
    return kept


def _why_of_pair(words: tuple[str, ...], einsum: str | None, overrides: tuple[str, ...]) -> tuple[Why, ...]:
    question, result = _searched(words, einsum, overrides, None)
    return searched_why(question, result, quiet=False)


def _names_run(words: tuple[str, ...]) -> bool:
    """Whether the first word is a run folder, or would be one: nothing says that it should be an architecture."""
    if len(words) < 2 or Path(words[0]).is_dir():
        return True
    return len(words) == 2 and not (_exists(words[0], "arch") or _exists(words[1], "workload"))


def _exists(word: str, kind: Kind) -> bool:
    from costmodel.spec import catalog

    try:
        return catalog.find(word, kind).exists()
    except SpecError:
        return False


def _of_run(folder: str) -> _Explained:
    from costmodel.report.read import read_evaluated
    from costmodel.report.tables import evaluation_of

    run = read_evaluated(Path(folder))
    return run.workload, run.architecture, run.mappings, evaluation_of(run)


def _check(architecture: Architecture, workload: Workload, subject: str | None) -> None:
    from costmodel.model.explain.subjects import check_subject

    if subject is not None:
        with about("SUBJECT"):
            check_subject(architecture, workload, subject)


def _of_pair(
    words: tuple[str, ...],
    mapping_ref: str | None,
    einsum: str | None,
    overrides: tuple[str, ...],
    subject: str | None,
) -> _Explained:
    """What the mappings of a file cost, or the best ones."""
    from costmodel.report.assemble import question_of

    if len(words) < 2:
        raise click.UsageError("with --mapping, give ARCH WORKLOAD and the number to explain")
    if mapping_ref is not None:
        question = question_of(words[0], words[1], overrides, ())
        answer = evaluated(question, mapping_ref)
        return question.workload, question.architecture, answer.mappings, answer.evaluation
    question, result = _searched(words, einsum, overrides, subject)
    return question.workload, question.architecture, result.mappings, result.evaluation


def _searched(
    words: tuple[str, ...], einsum: str | None, overrides: tuple[str, ...], subject: str | None
) -> tuple[Question, NetworkResult]:
    """Search the best mappings. Raises SpecError where there are none of all that is asked for."""
    from costmodel.mapper.network import map_workload
    from costmodel.report.assemble import check_computed, question_of

    question = question_of(words[0], words[1], overrides, () if einsum is None else (einsum,))
    check_computed(question)
    _check(question.architecture, question.workload, subject)
    with ProgressDisplay(quiet=False) as progress:
        result = map_workload(question.workload, question.architecture, report=progress)
    if result.failures or result.unfinished:
        reasons = [failure.reason for failure in result.failures] or ["the search was interrupted"]
        raise SpecError([Problem(reason, hint="--mapping FILE explains another mapping") for reason in reasons])
    say(f"of the best mappings ({result.certificate}, least EDP); --mapping FILE explains others")
    return question, result
