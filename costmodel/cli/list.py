"""`costmodel list`: what is shipped."""

from __future__ import annotations

import click

from costmodel.cli.options import json_option
from costmodel.cli.output import FINE, put, put_json


@click.command("list")
@json_option
def command(*, as_json: bool) -> int:
    """List shipped files by kind."""
    from costmodel.spec import catalog

    shipped = catalog.shipped()
    if as_json:
        put_json("list", {"shipped": shipped})
    else:
        put(
            "\n\n".join(
                "\n".join((f"{kind}:", *(f"  {name}" for name in names))) for kind, names in shipped.items() if names
            )
        )
    return FINE
