"""`costmodel show`: an input in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from costmodel.cli.complete import names_of
from costmodel.cli.options import json_option, set_option
from costmodel.cli.output import FINE, put, put_json, say_warnings
from costmodel.spec.problems import SpecError

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.mapping import Mapping


@click.command("show")
@click.argument("ref", metavar="NAME", shell_complete=names_of())
@set_option
@click.option(
    "workload_ref",
    "--workload",
    metavar="NAME",
    shell_complete=names_of("workload"),
    help="For a mapping: the workload that gives its loops their ranges.",
)
@json_option
def command(ref: str, overrides: tuple[str, ...], workload_ref: str | None, *, as_json: bool) -> int:
    """Show an architecture, a workload or a mapping."""
    from costmodel.report.codec import plain
    from costmodel.report.text.architecture import architecture_text
    from costmodel.report.text.workload import workload_text
    from costmodel.spec import catalog

    document = catalog.document(ref)
    kind = catalog.kind_of(document)
    document = catalog.document(document, kind, overrides)
    content: Any
    if kind == "arch":
        architecture = catalog.load_architecture(document)
        shown, content = architecture_text(architecture), plain(architecture)
    elif kind == "workload":
        workload = catalog.load_workload(document)
        say_warnings(workload.warnings)
        shown, content = workload_text(workload), plain(workload)
    elif kind == "mapping":
        from costmodel.report.nest_text import nest_text, sentences

        mappings = catalog.load_mappings(document)
        shapes = _workload_of(ref, mappings, workload_ref)
        titles = [" ".join(x for x in (m.workload, m.einsum, f"on {m.arch}" if m.arch else "") if x) for m in mappings]
        shown = "\n\n".join(
            f"{title}\n{nest_text(m, shapes)}" if title else nest_text(m, shapes)
            for title, m in zip(titles, mappings, strict=True)
        )
        content = [
            {"arch": m.arch, "workload": m.workload, "einsum": m.einsum, "nest": sentences(m.nest)} for m in mappings
        ]
    else:
        study = catalog.load_study(document)
        content = study.model_dump(mode="json")
        shown = "\n".join(f"{key}: {value}" for key, value in content.items() if value not in (None, "", [], {}))
    if as_json:
        put_json("show", {"kind": kind, kind: content})
    else:
        put(shown)
    return FINE


def _workload_of(ref: str, mappings: tuple[Mapping, ...], workload_ref: str | None) -> Workload | None:
    """The workload that gives loops their ranges: the one asked for, or the one the mapping names if it is found."""
    from costmodel.spec import catalog

    arches = {m.arch for m in mappings}
    arch_ref = arches.pop() if len(arches) == 1 else None
    names = {m.workload for m in mappings}
    if workload_ref is None and (len(names) != 1 or None in names):
        return None
    try:
        wanted = workload_ref if workload_ref is not None else catalog.find(str(names.pop()), "workload", near=ref)
        if arch_ref is not None:
            return catalog.load_pair(catalog.find(arch_ref, "arch", near=ref), wanted)[1]
        return catalog.load_workload(wanted)
    except SpecError:
        if workload_ref is not None:
            raise
        return None
