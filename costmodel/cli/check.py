"""`costmodel check`: load files whole and say what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from costmodel.cli.complete import names_of
from costmodel.cli.options import json_option, set_option
from costmodel.cli.output import FINE, WRONG_INPUT, line, plural, put, put_json, say, say_problems, say_warnings
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping
    from costmodel.spec.mapping_file import NestMarks


@click.command("check")
@click.argument("refs", metavar="FILE|NAME...", nargs=-1, required=True, shell_complete=names_of())
@set_option
@json_option
def command(refs: tuple[str, ...], overrides: tuple[str, ...], *, as_json: bool) -> int:
    """Check any file: architecture, workload, mapping or study."""
    outcomes: list[dict[str, Any]] = []
    for ref in refs:
        try:
            kind, name, warnings = _checked(ref, overrides)
            outcomes.append({"file": ref, "kind": kind, "name": name, "problems": (), "warnings": warnings})
        except SpecError as error:
            outcomes.append({"file": ref, "kind": "", "name": "", "problems": error.problems, "warnings": ()})
    for outcome in outcomes:
        say_problems(outcome["problems"])
        say_warnings(outcome["warnings"])
    if as_json:
        from dataclasses import asdict

        files = [o | {"ok": not o["problems"], "problems": [asdict(p) for p in o["problems"]]} for o in outcomes]
        put_json("check", {"files": files})
        return WRONG_INPUT if any(o["problems"] for o in outcomes) else FINE
    for outcome in outcomes:
        if outcome["problems"]:
            say(f"{line(outcome['file'])}: {plural(len(outcome['problems']), 'problem')}")
        else:
            put(line(f"{outcome['file']}: fine ({outcome['kind']} {outcome['name']})"))
    return WRONG_INPUT if any(o["problems"] for o in outcomes) else FINE


def _checked(ref: str, overrides: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    """Load a file whole; its kind, what it holds, and warnings about it. SpecError if it is wrong."""
    from costmodel.spec import catalog

    document = catalog.document(ref)
    kind = catalog.kind_of(document)
    if overrides:
        document = catalog.document(document, kind, overrides)
    if kind == "arch":
        architecture = catalog.load_architecture(document)
        return kind, f"{architecture.name}: {plural(len(architecture.levels), 'level')}", architecture.warnings
    if kind == "workload":
        workload = catalog.load_workload(document)
        return kind, f"{workload.name}: {plural(len(workload.einsums), 'Einsum')}", workload.warnings
    if kind == "study":
        study = catalog.load_study(document)
        return kind, f"{study.name or ref}: {plural(study.design_points, 'design point')}", ()
    pairs = catalog.load_mappings_with_marks(document)
    return kind, f"of {plural(len(pairs), 'nest')}{_bound(ref, pairs)}", ()


def _bound(ref: str, pairs: tuple[tuple[Mapping, NestMarks], ...]) -> str:
    """Check mappings against the architecture and the workload that they name, where these can be found."""
    from costmodel.model.nest import bind
    from costmodel.model.obedience import broken_rules
    from costmodel.spec import catalog

    problems: list[Problem] = []
    checked: dict[tuple[str, str], tuple[Architecture, Workload]] = {}
    for mapping, marks in pairs:
        if mapping.arch is None or mapping.workload is None:
            continue
        names = (mapping.arch, mapping.workload)
        try:
            if names not in checked:
                checked[names] = (
                    catalog.load_architecture(names[0], near=ref),
                    catalog.load_workload(names[1], near=ref),
                )
        except SpecError:
            say(f"{ref}: not checked against {names[0]} and {names[1]}, which are not found here")
            return ""
        try:
            nest = bind(checked[names][1], checked[names][0], mapping, marks)
            problems += broken_rules(nest, marks)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return "".join(f", fits {workload} on {arch}" for arch, workload in checked)
