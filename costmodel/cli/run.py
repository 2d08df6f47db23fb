"""`costmodel run`: the values that a workload computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import workload_argument
from costmodel.cli.options import einsum_option, json_option, mapping_option, quiet_option, set_option
from costmodel.cli.output import FINE, put, put_json, say

if TYPE_CHECKING:
    from costmodel.execute.ask import RunAnswer, RunQuestion
    from costmodel.execute.execution import Engine
    from costmodel.execute.given import Random
    from costmodel.execute.traversal import Visit

TRACE_STEPS = 1000
"""Most steps of a trace that are shown."""


def _npz(_ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix != ".npz":
        raise click.BadParameter(f"{value} is not named *.npz", param=param)
    return value


@click.command("run")
@workload_argument
@einsum_option
@click.option(
    "files",
    "--values",
    metavar="FILE",
    multiple=True,
    help="Values of tensors: NAME=FILE.npy, or FILE.npz with an array for each tensor. They win over `values:` of the "
    "workload. Repeatable.",
)
@click.option(
    "random",
    "--random",
    type=click.Choice(["integers", "floats"]),
    help="What tensors without values are filled with. [default: integers, where integers stay integers]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of random values.")
@click.option(
    "engine",
    "--engine",
    type=click.Choice(["numpy", "plain"]),
    help="NumPy, or a plain traversal point by point. [default: numpy; plain with --trace and --skip-zeros]",
)
@click.option("trace", "--trace", is_flag=True, help="Show every point: what is read, assigned and reduced.")
@click.option("skip_zeros", "--skip-zeros", is_flag=True, help="Leave out points where a product has a 0.")
@mapping_option
@set_option
@click.option(
    "out",
    "--out",
    metavar="FILE.npz",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_npz,
    help="Save every tensor.",
)
@json_option
@quiet_option
def command(
    workload: str,
    einsums: tuple[str, ...],
    files: tuple[str, ...],
    random: Random | None,
    seed: int,
    engine: Engine | None,
    mapping_ref: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    *,
    trace: bool,
    skip_zeros: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run WORKLOAD: its values, by the operational definition of its Einsums.

    With --mapping, points are visited in the order of its nests, and the values must be the same.
    """
    from costmodel.execute.ask import RunQuestion, run
    from costmodel.report.folder import check_writable
    from costmodel.report.text.values import rate_text
    from costmodel.spec import catalog

    if engine == "numpy" and (trace or skip_zeros):
        raise click.UsageError("--trace and --skip-zeros go point by point: leave --engine numpy out")
    if out is not None:
        check_writable(out)
    document = catalog.document(workload, "workload", overrides)
    question = RunQuestion(
        workload=catalog.load_workload(document),
        literals=catalog.load_values(document),
        arrays={},
        files=files,
        nonzeros=catalog.load_nonzeros(document),
        random=random,
        seed=seed,
        engine=engine or ("plain" if trace or skip_zeros else "numpy"),
        skip_zeros=skip_zeros,
        einsums=einsums,
        mappings=catalog.load_mappings_with_marks(mapping_ref) if mapping_ref is not None else (),
    )
    kept = _Trace()
    answer = run(question, kept.observe if trace else None)
    if out is not None:
        from costmodel.execute.saving import save

        say(f"values: {save(out, answer.execution.tensors)}")
    for warning in answer.execution.warnings:
        say(f"warning: {warning}")
    if not quiet:
        say(rate_text(answer.execution))
    _show(question, answer, kept if trace else None, as_json=as_json)
    return FINE


class _Trace:
    """Keeps the first steps."""

    def __init__(self) -> None:
        self.steps: list[Visit] = []
        self.left_out = 0

    def observe(self, step: Visit) -> None:
        if len(self.steps) < TRACE_STEPS:
            self.steps.append(step)
        else:
            self.left_out += 1


def _show(question: RunQuestion, answer: RunAnswer, trace: _Trace | None, *, as_json: bool) -> None:
    from costmodel.report.text.values import run_object, run_text, trace_text

    if as_json:
        put_json("run", run_object(answer, trace.steps if trace else None))
        return
    if trace:
        texts = {e.name: e.text for e in question.workload.einsums}
        put(trace_text(trace.steps, texts, trace.left_out) + "\n")
    put(run_text(answer))
