"""`costmodel validate`: published numbers against the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.keep import command_line
from costmodel.cli.options import NamedPath, json_option
from costmodel.cli.output import FINE, WRONG_INPUT, plural, put, put_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.validate.records import CaseGroup, Judged


def _page(_ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix.lower() not in (".html", ".htm", ".md"):
        raise click.BadParameter(f"{value} is named neither *.html nor *.md", param=param)
    return value


@click.command("validate")
@click.option(
    "only",
    "--only",
    metavar="GROUP[/ROW]",
    multiple=True,
    help="Only this group, or its rows that begin so, e.g. eyeriss/VGG. Repeatable.",
)
@click.option("fast", "--fast", is_flag=True, help="Leave out what takes more than a second or two a row.")
@json_option
@click.option("as_csv", "--csv", is_flag=True, help="Print CSV instead of text.")
@click.option(
    "out",
    "--out",
    metavar="FILE",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=_page,
    help="Write a page as well: *.html with figures, *.md as in the documentation.",
)
def command(only: tuple[str, ...], out: Path | None, *, fast: bool, as_json: bool, as_csv: bool) -> int:
    """Published numbers of silicon and of simulators against the model.

    Each row: the published value, ours, the error, how far it may be off, its source, and what was assumed. The exit
    code is 1 if a row leaves its tolerance.
    """
    from costmodel.report.folder import check_writable
    from costmodel.spec.problems import Problem, SpecError
    from costmodel.validate.groups import asked
    from costmodel.validate.judge import judged
    from costmodel.validate.text import csv_text, group_text, row_object
    from costmodel.validate.view import verdict

    if as_json and as_csv:
        raise click.UsageError("Give either '--json' or '--csv'.")
    if out is not None:
        check_writable(out)
    wanted = asked(only, fast=fast)
    if not wanted:
        raise SpecError(
            [Problem(f"all rows of {', '.join(only)} that are asked for are slow", hint="leave out --fast")]
        )
    found = []
    for group, cases in wanted:
        if slow := sum(case.slow for case in cases):
            say(f"{group.name}: {plural(slow, 'row')} that may take a minute together")
        found.append((group, list(judged(group, cases))))
        if not (as_json or as_csv):
            put(f"{group_text(*found[-1])}\n")
    rows = [row for _, some in found for row in some]
    if out is not None:
        _write(out, found)
    if as_json:
        put_json("validate", {"rows": [row_object(row) for row in rows]})
    elif as_csv:
        put(csv_text(rows).rstrip("\n"))
    else:
        put(verdict(rows))
    return WRONG_INPUT if any(row.status == "outside" for row in rows) else FINE


def _write(path: Path, found: Sequence[tuple[CaseGroup, Sequence[Judged]]]) -> None:
    from costmodel.report.assemble import made_facts
    from costmodel.report.folder import write_text
    from costmodel.validate.markdown import markdown
    from costmodel.validate.page import write_validation

    if path.suffix.lower() == ".md":
        write_text(path, markdown(found))
    else:
        write_validation(path, found, made_facts(command_line()))
    say(f"page: {path}")
