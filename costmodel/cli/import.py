"""`costmodel import`: architectures, workloads and mappings from the files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from costmodel.cli.options import NamedPath, json_option
from costmodel.cli.output import FINE, PARTIAL, put, put_json, say

if TYPE_CHECKING:
    from costmodel.importing.peers.imported import Imported

PEERS = {
    "accelforge": "AccelForge: its architecture, workload and mapping, as YAML.",
    "zigzag": "ZigZag: its accelerator, workload and mapping, as YAML.",
    "scalesim": "SCALE-Sim: its configuration (.cfg) and topology (.csv).",
    "timeloop": "Timeloop: its architecture (0.1 to 0.4), problem, mapping and ERT, as YAML.",
}


@click.group("import")
def command() -> None:
    """Write specs from the files of another program."""


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


def _peer_command(tool: str, about: str) -> click.Command:
    """The command that imports the files of one tool."""

    @click.argument("files", metavar="FILES...", nargs=-1, required=True, type=NamedPath(path_type=Path))
    @click.option(
        "settings", "--set", metavar="NAME=VALUE", multiple=True, help="Value of a name in a template. Repeatable."
    )
    @click.option("free", "--free", is_flag=True, help="What no file prices costs nothing; else our library prices it.")
    @click.option(
        "out",
        "--out",
        metavar="FOLDER",
        type=NamedPath(path_type=Path, file_okay=False),
        help="Write arch.yaml, workload.yaml and mapping.yaml.",
    )
    @click.option("force", "--force", is_flag=True, help="Replace such files in FOLDER.")
    @json_option
    def imported(
        files: tuple[Path, ...], settings: tuple[str, ...], out: Path | None, *, free: bool, force: bool, as_json: bool
    ) -> int:
        from costmodel.importing.peers.reading import read_peer

        pairs = [setting.partition("=") for setting in settings]
        if wrong := [name for name, sign, _ in pairs if not (sign and name.strip())]:
            raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--set")
        found = read_peer(tool, files, values={name.strip(): value for name, _, value in pairs}, free=free)
        if out is not None:
            _write(found, out, force=force)
        _show(found, out, as_json=as_json)
        return PARTIAL if found.differs else FINE

    imported.__doc__ = f"""Read files of {about}

    They become an architecture, a workload and mappings here, with the switches of the tool's conventions. What has no
    counterpart is named with its place; where words or cycles can differ because of it, the exit code is 4.
    """
    return click.command(tool)(imported)


for _tool, _about in PEERS.items():
    command.add_command(_peer_command(_tool, _about))


def _write(found: Imported, out: Path, *, force: bool) -> None:
    """Write the files; those that are there already stay, unless ``force`` says otherwise."""
    from costmodel.report.folder import check_writable, write_text
    from costmodel.spec.problems import Problem, SpecError

    texts = found.texts()
    there = [out / name for name in texts if (out / name).exists()]
    if there and not force:
        raise SpecError([Problem("exists already", str(file), hint="--force replaces it") for file in there])
    check_writable(out)
    for name, text in texts.items():
        write_text(out / name, text)
        say(f"{name.removesuffix('.yaml')}: {out / name}")


def _show(found: Imported, out: Path | None, *, as_json: bool) -> None:
    parts: dict[str, Any] = {"arch": found.arch, "workload": found.workload, "mapping": found.mapping}
    if as_json:
        notes = [{"text": str(note), "counts": note.counts} for note in found.notes]
        put_json("import", parts | {"notes": notes})
    elif out is None:
        put("\n".join(f"# {name}\n{text}" for name, text in found.texts().items()).rstrip("\n"))
    elif None not in parts.values():
        put(f"costmodel evaluate {out}/arch.yaml {out}/workload.yaml --mapping {out}/mapping.yaml")
    for note in found.notes:
        say(f"{'counts can differ' if note.counts else 'note'}: {note}")
