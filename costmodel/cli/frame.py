"""The frame of the command line: every way out has an exit code, and none shows a traceback."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from costmodel import __version__
from costmodel.cli.output import FAULT, FINE, INFEASIBLE, INTERRUPTED, WRONG_INPUT, line, say, say_problems
from costmodel.spec.problems import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "check": "Check any file: architecture, workload, mapping or study.",
    "show": "Show an architecture, a workload, a mapping, or one statement.",
    "list": "List shipped files by kind.",
    "schema": "Print the JSON Schema of a kind of file, for editors.",
    "import": "Write specs from an ONNX model or files of another tool.",
    "run": "Run a workload: its values, by the operational definition.",
    "transform": "Rewrite a workload step by step, and prove that values stay.",
    "evaluate": "Cost of a workload on an architecture with given mappings.",
    "explain": "How one number comes about: loops, tile, refetches, words.",
    "map": "Find the best mappings of a workload on an architecture.",
    "advise": "What would change a run, and what it gains.",
    "curve": "Least traffic to a level as a function of its capacity.",
    "sweep": "Explore a design space: each point an architecture, mapped.",
    "worker": "Help with a sweep that is shared.",
    "merge": "Join the points of sweeps, shards of one study.",
    "report": "Build the self-contained HTML page of a run folder.",
    "compare": "Compare two runs: what was asked, then what came of it.",
    "orders": "Cost of every order of the loops, with storage where it is.",
    "trace": "Step through a nest: points, words touched, fills and drains.",
    "validate": "Published numbers of chips and simulators against the model.",
}
"""Commands in the order of work, with what they do in a line; each is a module of its name, loaded when asked for."""


class App(click.Group):
    """A group that turns every exception into a line on stderr and an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and exit."""
        del prog_name
        extra["standalone_mode"] = False
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given
        _hold_descriptors()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without µ or × gets a question mark
        try:
            _check_text(given)
            result = super().main([a for a in given if a != "--debug"], "costmodel", **extra)
            code = result if isinstance(result, int) else FINE
        except BaseException as error:
            if debug and not isinstance(error, (SystemExit, click.ClickException)):
                raise
            code = _report_error(error)
        sys.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List commands in the order of work."""
        del ctx
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tell what the commands do without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, or suggest one."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"{__package__}.{cmd_name}").command
            return command
        if not cmd_name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no such command: {cmd_name!r} ({did_you_mean(cmd_name, list(COMMANDS))})")
        return None


def _hold_descriptors() -> None:
    """Put something into standard streams that are closed: the next file opened would take their place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one


def _check_text(given: Sequence[str]) -> None:
    """Raise UsageError for an argument that is no text: what is kept and shown of it could not be written."""
    for place, word in enumerate(given, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"argument {place} is not text in UTF-8: {line(word)}") from None


def _report_error(error: BaseException) -> int:
    from costmodel.mapper.result import InfeasibleError

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAULT
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        shown = io.StringIO()
        error.show(file=shown)
        say(shown.getvalue().rstrip("\n"))
        return FAULT
    if isinstance(error, SpecError):
        say_problems(error.problems)
        return WRONG_INPUT
    if isinstance(error, InfeasibleError):
        say(str(error))
        return INFEASIBLE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, OSError) and error.filename is not None:
        say(line(f"{error.filename}: {error.strerror}"))
        return WRONG_INPUT
    text = str(error).split("\n", 1)[0]
    say(f"internal error: {type(error).__name__}{': ' if text else ''}{text} (add --debug for the traceback)")
    return FAULT


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="costmodel")
def app() -> None:
    """What an Einsum costs on an accelerator, and the best way to run it.

    NAMES are files or the names of shipped files: `costmodel list`. Add --debug to see the traceback of an internal
    error.
    """


def main() -> NoReturn:
    """Entry point."""
    app.main()
    raise AssertionError
