"""Options that commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from costmodel.cli.complete import names_of
from costmodel.spec.problems import SpecError

Number = TypeVar("Number", int, float)
Function = TypeVar("Function", bound=Callable[..., Any])


class NamedPath(click.Path):
    """A path that is not empty: an empty one would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check and convert a path."""
        if not os.fspath(value):
            self.fail("must not be empty", param, ctx)
        return super().convert(value, param, ctx)


def not_empty(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse an address that is given and says nothing: it would be passed over."""
    if value is not None and not value.strip():
        raise click.BadParameter("must not be empty")
    return value


@contextmanager
def about(argument: str) -> Iterator[None]:
    """Name the argument that problems are about which have no place of their own."""
    try:
        yield
    except SpecError as error:
        named = [p if p.file or p.path else replace(p, file=argument) for p in error.problems]
        raise SpecError(named) from None


set_option = click.option(
    "overrides",
    "--set",
    metavar="PATH=VALUE",
    multiple=True,
    help="Override one value, e.g. GLB.size=64KiB. Repeatable.",
)


def lower_option(path: str = "lower") -> Callable[[Function], Function]:
    """Add ``--lower``: the override that says the same, at a path."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def with_override(*args: Any, overrides: tuple[str, ...], lower: bool, **options: Any) -> Any:
            return function(*args, overrides=(*overrides, f"{path}=true") if lower else overrides, **options)

        help_text = "Make matrix products of convolutions where the hardware accepts nothing else."
        return click.option("lower", "--lower", is_flag=True, help=help_text)(cast("Function", with_override))

    return decorate


json_option = click.option("as_json", "--json", is_flag=True, help="Print one JSON object instead of text.")
out_option = click.option(
    "out",
    "--out",
    metavar="FOLDER",
    type=NamedPath(path_type=Path, file_okay=False),
    help="Where to put the run folder.",
)
force_option = click.option(
    "force", "--force", is_flag=True, help="Replace the run in FOLDER, if it is one of the same kind."
)


def page_path(_ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a page that no browser would open by its name."""
    if value is not None and value.suffix.lower() not in (".html", ".htm"):
        message = f"{value} is not named *.html: a page is HTML (each of its figures can be saved as an image there)"
        raise click.BadParameter(message, param=param)
    return value


report_option = click.option(
    "report",
    "--report",
    metavar="FILE.html",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=page_path,
    help="Write an HTML report.",
)


def plot_path(_ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse an image of a kind that is not drawn."""
    if value is not None and value.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"{value} is not named *.png, *.svg or *.pdf", param=param)
    return value


plot_option = click.option(
    "plot",
    "--plot",
    metavar="FILE.png",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=plot_path,
    help="Draw one figure (.png, .svg, .pdf): the front, or where the energy goes. Needs the extra `plot`.",
)
mapping_option = click.option(
    "mapping_ref",
    "--mapping",
    metavar="FILE",
    shell_complete=names_of("mapping"),
    help="Mapping file (or the name of a shipped one).",
)
einsum_option = click.option("einsums", "--einsum", metavar="NAME", multiple=True, help="Only this Einsum. Repeatable.")
why_option = click.option(
    "why",
    "--why",
    is_flag=True,
    help="Say what holds the bound of each Einsum, and what each constraint costs: it is searched again without it.",
)
quiet_option = click.option("quiet", "-q", "--quiet", is_flag=True, help="No progress on stderr.")


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    from costmodel.spec.request import budget_seconds

    return None if value is None else _read(budget_seconds, value)


def _bytes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    from costmodel.spec.request import memory_bytes

    return None if value is None else _read(memory_bytes, value)


def _read(kind: Callable[[object], Number], value: str) -> Number:
    try:
        return kind(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


time_option = click.option(
    "budget",
    "--budget",
    metavar="TIME",
    callback=_seconds,
    help="Stop searching after this long, e.g. 60s.",
)
memory_option = click.option(
    "memory",
    "--memory",
    metavar="SIZE",
    callback=_bytes,
    help="Most memory that the search may use, e.g. 2GiB.",
)
jobs_option = click.option(
    "jobs", "--jobs", "-j", type=click.IntRange(1), help="Worker processes (default: one per core)."
)
