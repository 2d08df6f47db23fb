"""`costmodel orders`: what every order of the loops of a nest costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from costmodel.cli.complete import arch_argument, workload_argument
from costmodel.cli.keep import command_line
from costmodel.cli.options import einsum_option, json_option, lower_option, mapping_option, report_option, set_option
from costmodel.cli.output import FINE, put, put_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.orders.costs import OrderCosts
    from costmodel.report.assemble import Question


@click.command("orders")
@arch_argument
@workload_argument
@mapping_option
@click.option(
    "tiles",
    "--tile",
    metavar="LEVEL.VARIABLE=SIZE",
    multiple=True,
    help="Instead of a mapping: loops in time alone, with this tile in a level, e.g. Buffer.m=16,n=16. Repeatable.",
)
@click.option("limit", "--limit", type=click.IntRange(1), help="Most permutations that are costed. [default: 5040]")
@einsum_option
@set_option
@lower_option()
@json_option
@report_option
def command(
    arch: str,
    workload: str,
    mapping_ref: str | None,
    tiles: tuple[str, ...],
    limit: int | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Cost of every order of the loops, with the storage where it is.

    Loops in time between two storage nodes change places; each order is costed exactly, and orders that move the same
    words share a row. Beyond the limit, the loops between each two storage nodes are permuted alone.
    """
    from costmodel.report.assemble import question_of
    from costmodel.report.folder import check_writable
    from costmodel.report.text.orders import orders_object, orders_text

    if (mapping_ref is None) == (not tiles):
        raise click.UsageError("Give either '--mapping' or '--tile'.")
    if report is not None:
        check_writable(report)
    question = question_of(arch, workload, overrides, einsums)
    found = _costs(question, mapping_ref, tiles, limit)
    try:
        if report is not None:
            _write(report, found, question)
    finally:  # what cannot be kept is shown all the same
        if as_json:
            put_json("orders", {"mappings": [orders_object(costs) for costs in found]})
        else:
            put("\n\n".join(orders_text(costs) for costs in found))
    return FINE


def _costs(question: Question, mapping_ref: str | None, tiles: tuple[str, ...], limit: int | None) -> list[OrderCosts]:
    from costmodel.orders.costs import LIMIT, order_costs
    from costmodel.orders.tiled import read_tiles, tiled
    from costmodel.report.assemble import mappings_asked_for
    from costmodel.spec.mapping_file import NestMarks

    workload, architecture = question.workload, question.architecture
    if mapping_ref is None:
        sizes = read_tiles(tiles, architecture)
        pairs = [(tiled(einsum, architecture, sizes), NestMarks()) for einsum in workload.einsums]
    else:
        pairs = mappings_asked_for(question, mapping_ref)
    return [order_costs(workload, architecture, mapping, limit=limit or LIMIT, marks=marks) for mapping, marks in pairs]


def _write(path: Path, found: Sequence[OrderCosts], question: Question) -> None:
    from costmodel.model.meters import PriceBook
    from costmodel.report.assemble import facts_of
    from costmodel.report.page.orders import write_orders

    architecture = question.architecture
    components = PriceBook(architecture).components()
    facts = facts_of(question, command_line())
    say(f"report: {write_orders(path, found, question.workload, architecture.name, components, facts)}")
