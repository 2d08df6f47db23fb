"""`costmodel import`: workloads from the files of other programs."""

from __future__ import annotations

from pathlib import Path

import click

from costmodel.cli.options import NamedPath, json_option
from costmodel.cli.output import FINE, PARTIAL, put, put_json, say


@click.group("import")
def command() -> None:
    """Write a workload from a model of another program."""


@command.command("onnx")
@click.argument("model", metavar="MODEL.onnx", type=NamedPath(path_type=Path))
@click.option(
    "settings", "--set", metavar="NAME=N", multiple=True, help="Extent of an open dimension, e.g. batch=8. Repeatable."
)
@click.option(
    "out", "--out", metavar="FILE.yaml", type=NamedPath(path_type=Path, dir_okay=False), help="Write the workload."
)
@click.option(
    "values",
    "--values",
    metavar="FILE.npz",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Write the constants of the model, for `costmodel run --values`.",
)
@json_option
def onnx_command(
    model: Path, settings: tuple[str, ...], out: Path | None, values: Path | None, *, as_json: bool
) -> int:
    """Write the workload of an ONNX model (needs `pip install 'costmodel[onnx]'`).

    What only moves words (reshape, transpose, slice …) becomes index expressions, all else Einsums. An operator that
    is not known is named, with its share of the operations, and what it makes is given; the exit code is 4 then.
    """
    from costmodel.execute.saving import save
    from costmodel.importing.importer import import_model
    from costmodel.report.folder import check_writable, write_text
    from costmodel.report.text.imported import imported_lines, unknown_lines
    from costmodel.spec.rewriting.draft import workload_yaml

    for file in filter(None, (out, values)):
        check_writable(file)
    found = import_model(model, settings)
    lines, missing = imported_lines(found), unknown_lines(found)
    text = workload_yaml(found.workload, [*lines, *missing])
    if out is not None:
        write_text(out, text)
        say(f"workload: {out}")
    if values is not None:
        say(f"values: {save(values, found.constants)}")
    if as_json:
        from costmodel.report.codec import plain

        written = found.workload.model_dump(mode="json", exclude_none=True)
        put_json("import", {"workload": written, "unknown": plain(found.unknown)})
    else:
        put("\n".join(lines) if out is not None else text.rstrip("\n"))
    for line in missing:
        say(line)
    return PARTIAL if missing else FINE
