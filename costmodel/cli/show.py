"""`costmodel show`: an input in words."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from costmodel.cli.complete import names_of
from costmodel.cli.options import json_option, set_option
from costmodel.cli.output import FINE, put, put_json, say, say_warnings
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.load import Document
    from costmodel.spec.mapping import Mapping


def _svg(_ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix.lower() != ".svg":
        raise click.BadParameter(f"{value} is not named *.svg", param=param)
    return value


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
@click.option("sources", "--sources", is_flag=True, help="Of an architecture: where each of its numbers comes from.")
@click.option("as_latex", "--latex", is_flag=True, help="Of a workload: its statements in LaTeX, as a slide has them.")
@click.option(
    "over",
    "--over",
    metavar="RANK=N,N,…",
    help="Of a workload: operations and words at several extents of a rank, e.g. M=128,256,512.",
)
@click.option(
    "trees", "--fibertree", metavar="TENSOR", multiple=True, help="Of a workload: a tensor as fibers. Repeatable."
)
@click.option(
    "svg",
    "--svg",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_svg,
    help="Of a workload: draw who needs whom, or the trees of --fibertree.",
)
@click.option(
    "form",
    "--as",
    type=click.Choice(["loops", "python", "c"]),
    help="Of a mapping: as lines of loops, which read back as the same mapping, or as a program that runs.",
)
@json_option
def command(
    ref: str,
    overrides: tuple[str, ...],
    workload_ref: str | None,
    over: str | None,
    trees: tuple[str, ...],
    svg: Path | None,
    form: Literal["loops", "python", "c"] | None,
    *,
    sources: bool,
    as_latex: bool,
    as_json: bool,
) -> int:
    """Show an architecture, a workload or a mapping, or one statement: costmodel show "Z_m = A_{m,k} B_k".

    Of a workload: iteration spaces, what is contracted, operations, sizes, totals by role, how often each word is used,
    who needs whom, and what zeros leave of it.
    """
    from costmodel.spec import catalog

    asked = as_latex or over is not None or trees or svg is not None
    if _is_statement(ref):
        if (
            over is not None
            or trees
            or svg is not None
            or form is not None
            or overrides
            or workload_ref is not None
            or sources
        ):
            raise click.UsageError("Only '--latex' and '--json' go with a statement: it has no shapes, values or nest.")
        return _show_statement(ref, as_latex=as_latex, as_json=as_json)
    document = catalog.document(ref)
    kind = catalog.kind_of(document)
    document = catalog.document(document, kind, overrides)
    if asked and kind != "workload":
        raise click.UsageError(f"{ref} is no workload: '--latex', '--over', '--fibertree' and '--svg' show workloads.")
    if sources and kind != "arch":
        raise click.UsageError(f"{ref} is no architecture: '--sources' shows architectures.")
    if form is not None and kind != "mapping":
        raise click.UsageError(f"{ref} is no mapping: '--as' shows mappings.")
    content: dict[str, Any]
    if kind == "arch":
        shown, content = _architecture(document, sources=sources)
    elif kind == "workload":
        shown, content = _workload(document, over, trees, as_latex=as_latex)
        if svg is not None:
            _draw(svg, document, trees)
    elif kind == "mapping":
        shown, content = _mappings(ref, document, workload_ref, form)
    else:
        study = catalog.load_study(document).model_dump(mode="json")
        content = {"study": study}
        shown = "\n".join(f"{key}: {value}" for key, value in study.items() if value not in (None, "", [], {}))
    if as_json:
        put_json("show", {"kind": kind, **content})
    else:
        put(shown)
    return FINE


def _is_statement(ref: str) -> bool:
    """Whether this is a statement, and no name or path: neither has brackets or an equals sign."""
    return any(sign in ref for sign in "[]{}=^$\\→←≔≡") and not Path(ref).exists()


def _show_statement(text: str, *, as_latex: bool, as_json: bool) -> int:
    from costmodel.einsum.latex import latex
    from costmodel.einsum.notation import read
    from costmodel.einsum.syntax import Statement
    from costmodel.einsum.tokens import NotationError
    from costmodel.report.text.description import statement_object, statement_text

    try:
        found = read(text)
    except NotationError as error:
        column = error.offset + 1
        raise SpecError([replace(p, file=shlex.quote(text), column=column) for p in error.problems]) from None
    if as_json:
        declared: dict[str, object] = {"canonical": str(found), "latex": latex(found)}
        content = statement_object(found) if isinstance(found, Statement) else declared
        put_json("show", {"kind": "statement", "statement": content})
    elif as_latex:
        put(latex(found))
    else:
        put(statement_text(found) if isinstance(found, Statement) else f"{found}\n{latex(found)}")
    return FINE


def _architecture(document: Document, *, sources: bool) -> tuple[str, dict[str, Any]]:
    from costmodel.report.codec import plain
    from costmodel.report.text.architecture import architecture_text, sources_text
    from costmodel.spec import catalog

    architecture = catalog.load_architecture(document)
    say_warnings(architecture.warnings)
    content: dict[str, Any] = {"arch": plain(architecture)}
    if not sources:
        return architecture_text(architecture), content
    found = catalog.load_sources(document)
    return sources_text(found), content | {"sources": [plain(number) for number in found]}


def _workload(
    document: Document, over: str | None, trees: tuple[str, ...], *, as_latex: bool
) -> tuple[str, dict[str, Any]]:
    """What is asked for, or all that a workload says of itself."""
    from costmodel.describe.cascade import describe
    from costmodel.describe.growth import growth
    from costmodel.describe.words import tree_of
    from costmodel.report.codec import plain
    from costmodel.report.text.description import description_text, growth_text
    from costmodel.report.text.workload import workload_text
    from costmodel.spec import catalog

    workload, nonzeros = catalog.load_workload(document), catalog.load_nonzeros(document)
    say_warnings(workload.warnings)
    found = describe(workload, nonzeros)
    content: dict[str, Any] = {"workload": plain(workload), "description": plain(found)}
    parts: list[str] = []
    if as_latex:
        content["latex"] = catalog.latex_of(document)
        parts.append("\n".join(content["latex"]))
    if over is not None:
        rank, extents = _extents(over)
        grown = growth(rank, extents, lambda n: catalog.load_workload(document, [(f"ranks.{rank}", n)]))
        if grown.is_constant:
            say_warnings([f"--over {over}: nothing depends on the file's {rank} (layers have `ranks:` of their own)"])
        content["over"] = plain(grown)
        parts.append(growth_text(grown))
    if trees:
        values = catalog.load_values(document)
        drawn = {tensor: str(tree_of(tensor, workload, nonzeros, values)) for tensor in trees}
        content["fibertrees"] = drawn
        parts += drawn.values()
    return "\n\n".join(parts or [workload_text(workload), description_text(found)]), content


def _extents(text: str) -> tuple[str, list[int]]:
    """Read ``M=128,256``."""
    rank, equals, listed = text.partition("=")
    numbers = [part.strip() for part in listed.split(",")]
    if not equals or not rank.strip() or not all(part.isdecimal() and int(part) for part in numbers):
        raise click.UsageError(f"'--over {text}' is not RANK=N,N,…, as in M=128,256,512.")
    return rank.strip(), [int(part) for part in numbers]


def _draw(path: Path, document: Document, trees: tuple[str, ...]) -> None:
    from costmodel.describe.cascade import dependence
    from costmodel.describe.fiber_picture import fibertrees_svg
    from costmodel.describe.picture import graph_svg
    from costmodel.describe.words import tree_of
    from costmodel.spec import catalog

    workload = catalog.load_workload(document)
    if trees:
        nonzeros, values = catalog.load_nonzeros(document), catalog.load_values(document)
        drawn = fibertrees_svg([tree_of(tensor, workload, nonzeros, values) for tensor in trees])
    else:
        drawn = graph_svg(dependence(workload), f"{workload.name}: who needs whom")
    path.write_text(drawn, encoding="utf-8")
    say(f"{'tree' if trees else 'graph'}: {path}")


def _mappings(
    ref: str, document: Document, workload_ref: str | None, form: Literal["loops", "python", "c"] | None
) -> tuple[str, dict[str, Any]]:
    from costmodel.report.nest_text import nest_text
    from costmodel.spec import catalog
    from costmodel.spec.mapping_file import sentences

    mappings = catalog.load_mappings(document)
    shapes = _workload_of(ref, mappings, workload_ref)
    if form is not None:
        text = _as(form, document, shapes)
        return text, {"mapping": text}
    titles = [" ".join(x for x in (m.workload, m.einsum, f"on {m.arch}" if m.arch else "") if x) for m in mappings]
    shown = "\n\n".join(
        f"{title}\n{nest_text(m, shapes)}" if title else nest_text(m, shapes)
        for title, m in zip(titles, mappings, strict=True)
    )
    content = [
        {"arch": m.arch, "workload": m.workload, "einsum": m.einsum, "nest": sentences(m.nest)} for m in mappings
    ]
    return shown, {"mapping": content}


def _as(form: Literal["loops", "python", "c"], document: Document, workload: Workload | None) -> str:
    """Mappings of a file as lines of loops or as a program; SpecError where they do not fit the workload."""
    from costmodel.execute.nest_order import schedules_of
    from costmodel.listing.program import program
    from costmodel.spec import catalog
    from costmodel.spec.mapping_file import dump

    pairs = catalog.load_mappings_with_marks(document)
    mappings = [mapping for mapping, _ in pairs]
    if workload is None and form != "loops":
        problem = Problem(f"--as {form} needs the workload that the mapping is for", hint="name it: --workload NAME")
        raise SpecError([problem])
    if workload is not None:
        schedules_of(pairs, workload)
    if form != "loops" and workload is not None:
        return program(form, mappings, workload)
    return dump(mappings, {} if workload is None else {e.name: e for e in workload.einsums}).rstrip("\n")


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
