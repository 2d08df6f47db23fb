"""Orders of loops → one self-contained HTML page: what they cost, where the energy goes, what moves, each nest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from costmodel.einsum.algebra import Workload
from costmodel.orders.costs import Behaviour, OrderCosts
from costmodel.report import figures, human
from costmodel.report.cards import Card
from costmodel.report.folder import write_text
from costmodel.report.nest_text import nest_lines
from costmodel.report.page.book import Book
from costmodel.report.page.grid import Cell, Table
from costmodel.report.page.template import fill_template
from costmodel.report.text.orders import operations_text, orders_of, summary_text, words_rows
from costmodel.spec.mapping import einsums_in

DRAWN = 24
"""Behaviours with a bar, a nest and a column of words of their own."""

Facts = Sequence[tuple[str, str]]


def render_orders(
    found: Sequence[OrderCosts], workload: Workload, arch: str, components: Sequence[str], facts: Facts
) -> str:
    """Return the page. ``components``: those of the architecture, outermost first; ``facts``: how it was made."""
    book = Book()
    sections = [_section(book, costs, workload, components, f"o{place}") for place, costs in enumerate(found)]
    return fill_template(
        "orders.html.j2", book, title=f"Orders of {workload.name} on {arch}", sections=sections, facts=list(facts)
    )


def write_orders(
    path: Path, found: Sequence[OrderCosts], workload: Workload, arch: str, components: Sequence[str], facts: Facts
) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(path, render_orders(found, workload, arch, components, facts))
    return path


def _section(
    book: Book, costs: OrderCosts, workload: Workload, components: Sequence[str], prefix: str
) -> dict[str, Any]:
    drawn = costs.behaviours[:DRAWN]
    names = einsums_in(costs.mapping.nest)
    bars = {_name(costs, number, b): _energy(b) for number, b in enumerate(drawn, 1)}
    figure = figures.compare_bars(bars, components)
    return {
        "id": prefix,
        "name": ", ".join(names),
        "texts": [workload.einsum(name).text for name in names],
        "summary": summary_text(costs),
        "cards": _cards(costs),
        "figure": book.figure(f"{prefix}-energy", "Energy of each kind of order", "By component.", figure),
        "costs": cost_table(f"{prefix}-costs", costs),
        "words": word_table(f"{prefix}-words", costs, drawn),
        "nests": [
            {"title": _name(costs, n, b), "lines": nest_lines(b.mapping, workload)} for n, b in enumerate(drawn, 1)
        ],
        "left_out": len(costs.behaviours) - len(drawn),
    }


def _name(costs: OrderCosts, number: int, behaviour: Behaviour) -> str:
    own = " (the mapping)" if behaviour is costs.own else ""
    return f"{number}: {' | '.join(text for text in orders_of(costs, behaviour) if text)}{own}"


def _energy(behaviour: Behaviour) -> pd.DataFrame:
    e = behaviour.evaluation
    rows = [(r.component, r.energy_pj * e.counts[r.einsum]) for r in e.action_rows]
    return pd.DataFrame.from_records(rows, columns=["component", "energy_pj"])


def _cards(costs: OrderCosts) -> list[Card]:
    best, worst, own = costs.behaviours[0], costs.behaviours[-1], costs.own
    fast = min(b.evaluation.latency_s for b in costs.behaviours)
    slow = max(b.evaluation.latency_s for b in costs.behaviours)
    least, most = best.evaluation.energy_pj, worst.evaluation.energy_pj
    ratio = f"{human.digits(most / least)} × the least" if least else ""
    times = f"to {human.seconds(slow)}" if slow > fast else "in every order"
    return [
        Card("Permutations", f"{costs.permutations:,}", f"{len(costs.refused):,} refused" if costs.refused else ""),
        Card(
            "Distinct costs",
            f"{len(costs.costs):,}",
            f"{len(costs.behaviours):,} way{'s' if len(costs.behaviours) > 1 else ''} to move the words",
        ),
        Card("Least energy", human.joules(least), "", f"{human.exact(least)} pJ"),
        Card("Most energy", human.joules(most), ratio, f"{human.exact(most)} pJ"),
        Card("The mapping", human.joules(own.evaluation.energy_pj), "", f"{human.exact(own.evaluation.energy_pj)} pJ"),
        Card("Least latency", human.seconds(fast), times),
        Card("Operations", operations_text(costs), "in every order"),
    ]


def cost_table(name: str, costs: OrderCosts) -> Table:
    """A row for the orders that move the same words."""
    rows = []
    for number, behaviour in enumerate(costs.behaviours, 1):
        e = behaviour.evaluation
        count = len(behaviour.arrangements)
        rows.append(
            (
                Cell(f"{number}{' *' if behaviour is costs.own else ''}", number, numeric=True),
                Cell(human.joules(e.energy_pj), e.energy_pj, f"{human.exact(e.energy_pj)} pJ", numeric=True),
                Cell(human.seconds(e.latency_s), e.latency_s, f"{human.exact(e.latency_cycles)} cycles", numeric=True),
                Cell(human.joule_seconds(e.edp_j_s), e.edp, f"{e.edp:.9g} pJ·cycles", numeric=True),
                Cell(f"{count:,}", count, numeric=True),
                *(Cell(text, text) for text in orders_of(costs, behaviour)),
            )
        )
    columns = ("#", "energy", "latency", "EDP", "orders", *(s.title for s in costs.stretches))
    caption = "Orders in one row move the same words. * is the order of the mapping."
    return Table(name, "Costs", caption, columns, tuple(rows))


def word_table(name: str, costs: OrderCosts, drawn: Sequence[Behaviour]) -> Table:
    """A column for each of some behaviours: words in and out of each level."""
    rows = tuple(
        (Cell(level, level), Cell(tensor, tensor), *(Cell(f"{n:,}", n, numeric=True) for n in words))
        for level, tensor, words in words_rows(drawn)
    )
    numbers = (f"{n}{' *' if b is costs.own else ''}" for n, b in enumerate(drawn, 1))
    caption = "In and out of each level: reads, updates, fills and drains of one execution."
    return Table(name, "Words", caption, ("level", "tensor", *numbers), rows)
