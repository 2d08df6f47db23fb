"""`costmodel schema`: the JSON Schema of a kind of file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from costmodel.cli.output import FINE, put

if TYPE_CHECKING:
    from costmodel.spec.overrides import Kind


@click.command("schema")
@click.argument("kind", type=click.Choice(["arch", "workload", "mapping", "study"]))
def command(kind: Kind) -> int:
    """Print the JSON Schema of a kind of file, for editors."""
    from costmodel.spec.schema import schema

    put(json.dumps(schema(kind), indent=2, ensure_ascii=False))
    return FINE
