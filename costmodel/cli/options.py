"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from costmodel.cli.complete import names_of

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number", int, float)

set_option = click.option(
    "overrides",
    "--set",
    metavar="PATH=VALUE",
    multiple=True,
    help="Override one value, e.g. GLB.size=64KiB. Repeatable.",
)
json_option = click.option("as_json", "--json", is_flag=True, help="Print one JSON object instead of text.")
out_option = click.option(
    "out",
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
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
    type=click.Path(path_type=Path, dir_okay=False),
    callback=page_path,
    help="Write an HTML report.",
)
mapping_option = click.option(
    "mapping_ref",
    "--mapping",
    metavar="FILE",
    shell_complete=names_of("mapping"),
    help="Mapping file (or the name of a shipped one).",
)
einsum_option = click.option("einsums", "--einsum", metavar="NAME", multiple=True, help="Only this Einsum. Repeatable.")
quiet_option = click.option("quiet", "-q", "--quiet", is_flag=True, help="No progress on stderr.")


def _quantity(
    dimension_name: str, to: str, kind: type[Number], per: int = 1
) -> Callable[[click.Context, click.Parameter, str | None], Number | None]:
    """Read an option's number with its unit; ``per`` of the unit ``to`` are one."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Number | None:
        if value is None:
            return None
        from costmodel.spec import units

        dimension = getattr(units, dimension_name)
        try:
            quantity = units.parse(value, dimension)
            number = float(units.convert(quantity.value, quantity.unit, to))
        except ValueError as error:
            raise click.BadParameter(f"{error} (units: {dimension.shown})") from None
        if number <= 0:
            raise click.BadParameter(f"must be more than 0, got {value}")
        return kind(number / per)

    return read


time_option = click.option(
    "budget",
    "--budget",
    metavar="TIME",
    callback=_quantity("TIME", "s", float),
    help="Stop searching after this long, e.g. 60s.",
)
memory_option = click.option(
    "memory",
    "--memory",
    metavar="SIZE",
    callback=_quantity("SIZE", "b", int, 8),
    help="Most memory that the search may use, e.g. 2GiB.",
)
jobs_option = click.option(
    "jobs", "--jobs", "-j", type=click.IntRange(1), help="Worker processes (default: one per core)."
)
