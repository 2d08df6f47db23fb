"""The tables of a run on its page."""

from __future__ import annotations

import pandas as pd

from costmodel.report import human, tables
from costmodel.report.page.descent import descent_rows
from costmodel.report.page.grid import Cell, Table, number, table_of
from costmodel.report.run import Run
from costmodel.spec.hardware import Architecture


def run_tables(run: Run) -> list[Table]:
    """Every table of a run."""
    found = []
    if run.evaluation is not None:
        once = "Words, over all instances, for one execution of the Einsum."
        if len(run.evaluation.points) == 1:  # several have a section of their own
            found.append(table_of("t-einsums", "Einsum", "Totals over all executions.", tables.einsums(run)))
        found += [
            table_of("t-energy", "Energy", "Actions over all executions.", tables.energy(run)),
            table_of("t-traffic", "Traffic", once, run.evaluation.traffic),
            table_of("t-latency", "Latency", "Busiest instance, over all executions.", tables.latency(run)),
            table_of("t-occupancy", "Occupancy", "Largest tile in one instance.", tables.occupancy(run)),
        ]
    if run.searches:
        rows = [{"einsum": s.einsum} | row for s in run.searches for row in tables.front(run, s)]
        room = ["capacity_bits"] if run.uses_capacity else []
        columns = ["einsum", "point", "energy_pj", "latency_cycles", "edp", *room, "chosen"]
        found.append(table_of("t-front", "Fronts", "One execution of each Einsum.", pd.DataFrame(rows)[columns]))
        found.append(_search_table("t-search", run))
        found += descent_rows(run)
    return found


def _search_table(name: str, run: Run) -> Table:
    rows = []
    for s in run.searches:
        c = s.certificate
        pruned = "; ".join(f"{rule}: {human.amount(count)}" for rule, count in c.pruned)
        space = Cell("not counted", -1.0, numeric=True) if c.mapspace is None else large(c.mapspace)
        rows.append(
            (
                Cell(s.einsum, s.einsum),
                Cell(str(c), str(c)),
                Cell(c.how, c.how),
                space,
                number("evaluated", c.evaluated),
                Cell(f"{len(s.front)}", float(len(s.front)), numeric=True),
                Cell(f"{human.digits(c.cpu_s)} s", c.cpu_s, numeric=True),
                Cell(pruned, pruned),
            )
        )
    columns = ("einsum", "certificate", "method", "mapspace", "costed", "front", "CPU time", "pruned")
    return Table(name, "Search", "How each answer was found.", columns, tuple(rows))


def large(value: int) -> Cell:
    """A count that may have hundreds of digits."""
    text = (
        f"{value:,}" if value < 1_000_000 else f"{float(value):.3g}" if value < 10**300 else f"10^{len(str(value)) - 1}"
    )
    return Cell(text, float(min(value, 10**300)), f"{value:,}" if value < 10**300 else "", numeric=True)


def levels_table(name: str, architecture: Architecture) -> Table:
    """The levels of an architecture; where their numbers are from stands in the list of sources."""
    frame = tables.levels(architecture)
    rows = tuple(
        tuple(Cell(str(v), v if isinstance(v, int) else str(v)) for v in row) for row in frame.itertuples(index=False)
    )
    about = ", ".join(p for p in (architecture.technology, f"clock {human.prefixed(architecture.clock_hz, 'Hz')}") if p)
    return Table(name, architecture.name, f"{about}, {architecture.word_bits}-bit words", tuple(frame.columns), rows)
