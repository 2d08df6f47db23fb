"""The Einsums of a network one below the other, with bars for energy and time: the scripts fill the rows."""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.report import tables
from costmodel.report.figures.colours import component_colours
from costmodel.report.page import findings
from costmodel.report.run import Run


@dataclass(frozen=True, slots=True)
class Ledger:
    """What stands above the rows, and which columns they have."""

    caption: str
    colours: tuple[tuple[str, str], ...]
    """Component and colour, outermost first."""
    timed: tuple[str, ...]
    """The components whose load the cells show, in their order."""
    room: bool
    """Whether the room used is an objective, and so shown."""
    certified: bool
    alike: bool
    """Whether some Einsums are the same computation, so that they can stand in one row."""


def ledger(run: Run, *, alike: bool) -> Ledger:
    """The head of the table of a run's Einsums."""
    order = tables.component_order(run)
    colours = component_colours(order)
    rows = tables.einsums(run)
    seen = set(tables.energy_by_einsum(run).query("energy_pj > 0")["component"]) | set(rows["bottleneck"])
    return Ledger(
        caption=findings.of_einsums(run),
        colours=tuple((name, colours[name]) for name in order if name in seen),
        timed=tuple(dict.fromkeys(str(name) for name in tables.latency(run)["component"])),
        room=run.uses_capacity,
        certified=any(rows["certificate"]),
        alike=alike,
    )
