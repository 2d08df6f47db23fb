"""What every command says of itself, as a page: docs/conf.py writes docs/commands.md when the pages are built."""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from costmodel.cli import app

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 110
HEAD = """# The commands

What `--help` prints, command by command, of this version. Exit codes: 0 fine, 1 the input is wrong, 2 usage or
internal error, 3 nothing fits, 4 finished in part, 130 interrupted (what was done is
saved). Files and names: [files.md](files.md).
"""


def page() -> str:
    """The page, a section for each command in the order of the alphabet."""
    return "\n".join([HEAD, *(f"## {path}\n\n```text\n{text}\n```\n" for path, text in helps("costmodel", app))])


def helps(path: str, command: click.Command, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Each command below this one with its help, itself first."""
    context = click.Context(
        command, info_name=path.rsplit(maxsplit=1)[-1], parent=parent, terminal_width=WIDTH, **command.context_settings
    )
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from helps(f"{path} {name}", below, context)


def main() -> None:
    """Write the page, where it is not what stands there already (a builder reads again what changed)."""
    text = page()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
