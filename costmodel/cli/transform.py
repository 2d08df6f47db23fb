"""`costmodel transform`: the same workload in other shapes."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.complete import workload_argument
from costmodel.cli.options import einsum_option, json_option, set_option
from costmodel.cli.output import FINE, put, put_json, say


@click.command("transform")
@workload_argument
@click.argument("sentences", metavar="STEP...", nargs=-1, required=True)
@einsum_option
@click.option("seed", "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the values compared.")
@set_option
@click.option(
    "out", "--out", metavar="FILE.yaml", type=click.Path(path_type=Path, dir_okay=False), help="Write the new workload."
)
@json_option
def command(
    workload: str,
    sentences: tuple[str, ...],
    einsums: tuple[str, ...],
    seed: int,
    overrides: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
) -> int:
    """Rewrite WORKLOAD step by step, and prove that its values stay the same.

    A STEP is a sentence: 'flatten C, H, W', 'split CHW into C=2, H=4, W=4', 'partition K by 16', 'swap A: K, M',
    'resize K to 48', 'let w = q + s for s', 'matrix', 'toeplitz input', 'toeplitz kernel', 'inline T', 'give T',
    'make T[q, s] = I[q + s]'.
    """
    from costmodel.report.folder import check_writable, write_text
    from costmodel.report.text.transform import transform_text
    from costmodel.spec import catalog
    from costmodel.spec.rewriting.draft import workload_yaml
    from costmodel.spec.rewriting.sentences import back_from
    from costmodel.transform.ask import transform

    if out is not None:
        check_writable(out)
    document = catalog.document(workload, "workload", overrides)
    catalog.load_workload(document)  # says what is wrong with it, and where
    answer = transform(catalog.load_workload_spec(document), sentences, einsums, seed)
    told = transform_text(answer.steps, answer.facts, answer.proof)
    written = answer.workload
    if out is not None:
        write_text(out, workload_yaml(written, told.splitlines()))
        say(f"workload: {out}")
    if as_json:
        from costmodel.report.codec import plain

        content = {
            "workload": written.model_dump(mode="json", exclude_none=True),
            "steps": [step.sentence for step in answer.steps],
            "back": back_from(answer.steps),
            "facts": plain(answer.facts),
            "proof": plain(answer.proof),
        }
        put_json("transform", content)
    else:
        put(told if out is not None else workload_yaml(written, told.splitlines()).rstrip("\n"))
    return FINE
