"""Orders of loops in words: which cost the same, and what each kind moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from costmodel.model.evaluation import Flow
from costmodel.orders.costs import Arrangement, Behaviour, OrderCosts
from costmodel.orders.stretches import Order
from costmodel.report.codec import plain
from costmodel.report.human import exact, joules, some
from costmodel.report.text.aligned import table
from costmodel.spec.mapping_file import sentences

ROWS = 40
"""Behaviours that the terminal lists."""
COLUMNS = 8
"""Behaviours whose words it lists."""
ORDERS = 6
"""Orders of one stretch that are named before they are only counted."""


def order_text(order: Order) -> str:
    """Rank variables, outermost first; the tile too where one occurs twice.

    >>> from costmodel.spec.mapping import Temporal
    >>> order_text((Temporal("m", 4), Temporal("k", 1))), order_text((Temporal("m", 4), Temporal("m", 1)))
    ('m k', 'm4 m1')
    """
    names = [loop.rank_variable for loop in order]
    return " ".join(f"{v}{loop.tile}" if names.count(v) > 1 else v for v, loop in zip(names, order, strict=True))


def orders_of(costs: OrderCosts, behaviour: Behaviour) -> list[str]:
    """What a behaviour says of each stretch: ``any``, or its orders; empty where they are as the mapping has them.

    Where stretches do not combine freely, the first text tells the combinations and the others are empty.
    """
    if not costs.together:
        return [_order_texts(costs, place, orders) for place, orders in enumerate(_alone(costs, behaviour))]
    parts = [list(dict.fromkeys(a[place] for a in behaviour.arrangements)) for place in range(len(costs.stretches))]
    if math.prod(len(part) for part in parts) == len(behaviour.arrangements):
        return [_order_texts(costs, place, orders) for place, orders in enumerate(parts)]
    combined = some([arrangement_text(arrangement) for arrangement in behaviour.arrangements], ORDERS)
    return [combined, *("" for _ in parts[1:])]


def _alone(costs: OrderCosts, behaviour: Behaviour) -> list[list[Order]]:
    """Orders of each stretch with which, all others being as the mapping has them, nests behave so."""
    given = tuple(stretch.loops for stretch in costs.stretches)
    return [
        [a[place] for a in behaviour.arrangements if (*a[:place], given[place], *a[place + 1 :]) == given]
        for place in range(len(given))
    ]


def _order_texts(costs: OrderCosts, place: int, orders: Sequence[Order]) -> str:
    return (
        "any"
        if len(orders) == costs.stretches[place].count()
        else some([order_text(order) for order in orders], ORDERS)
    )


def arrangement_text(arrangement: Arrangement) -> str:
    """Orders of all stretches, outermost first."""
    return " | ".join(order_text(order) for order in arrangement)


def words_rows(behaviours: Sequence[Behaviour]) -> list[tuple[str, str, list[int]]]:
    """Level, tensor, and for each behaviour the words that go in and out of the level, outermost level first."""
    places = dict.fromkeys((r.level, r.tensor) for b in behaviours for r in b.evaluation.traffic_rows)
    flows: tuple[Flow, ...] = ("fill", "read", "update", "drain")
    return [
        (level, tensor, [b.evaluation.words(level, tensor, *flows) for b in behaviours]) for level, tensor in places
    ]


def summary_text(costs: OrderCosts) -> str:
    """How many permutations of what, and how many distinct costs."""
    if not costs.stretches:
        return "no two loops of more than one step stand together: there is one order"
    sizes = [f"{order_text(s.loops)} {s.title} ({s.count():,})" for s in costs.stretches]
    join = " × " if costs.together else " + "
    how = "" if costs.together else ", each group alone with the others as the mapping has them"
    distinct = len(costs.costs)
    kinds = f"{distinct:,} distinct cost{'s' if distinct != 1 else ''}"
    refused = f", {len(costs.refused):,} refused: {costs.refused[0][1]}" if costs.refused else ""
    return f"{costs.permutations:,} permutations of the loops {join.join(sizes)}{how}: {kinds}{refused}"


def orders_text(costs: OrderCosts) -> str:
    """The summary, one row for each behaviour, and what they move."""
    rows = []
    for number, behaviour in enumerate(costs.behaviours[:ROWS], 1):
        e = behaviour.evaluation
        mark = "*" if behaviour is costs.own else ""
        cells = [f"{number}{mark}", exact(e.energy_pj), exact(e.latency_cycles), f"{len(behaviour.arrangements):,}"]
        rows.append([*cells, *orders_of(costs, behaviour)])
    titles = ["#", "energy_pj", "cycles", "orders", *(f"{s.title}" for s in costs.stretches)]
    parts = [summary_text(costs), f"{operations_text(costs)} in every order", "", table(titles, rows)]
    if (left := len(costs.behaviours) - ROWS) > 0:
        parts.append(f"and {left:,} more, at most {joules(costs.behaviours[-1].evaluation.energy_pj)}")
    shown = costs.behaviours[:COLUMNS]
    numbers = [f"{n}{'*' if b is costs.own else ''}" for n, b in enumerate(shown, 1)]
    listed = [[level, tensor, *(f"{n:,}" for n in words)] for level, tensor, words in words_rows(shown)]
    of = "" if len(shown) == len(costs.behaviours) else f" of the first {len(shown)}"
    parts += ["", f"words in and out of each level{of}", table(["level", "tensor", *numbers], listed)]
    parts.append("* the order of the mapping")
    return "\n".join(parts)


def orders_object(costs: OrderCosts) -> dict[str, Any]:
    """All of it as plain values."""

    def named(arrangement: Arrangement) -> list[list[str]]:
        return [[str(loop) for loop in order] for order in arrangement]

    def behaviour_object(behaviour: Behaviour) -> dict[str, Any]:
        return {
            "orders": [named(arrangement) for arrangement in behaviour.arrangements],
            "words": plain(behaviour.evaluation.traffic_rows),
            "nest": sentences(behaviour.mapping.nest),
        }

    return {
        "mapping": plain(costs.mapping),
        "stretches": [
            {"below": s.below, "loops": [str(x) for x in s.loops], "orders": s.count()} for s in costs.stretches
        ],
        "combined": costs.together,
        "permutations": costs.permutations,
        "operations": dict(_operations(costs)),
        "costs": [
            {
                "energy_pj": behaviours[0].evaluation.energy_pj,
                "latency_cycles": behaviours[0].evaluation.latency_cycles,
                "orders": sum(len(b.arrangements) for b in behaviours),
                "behaviours": [behaviour_object(b) for b in behaviours],
            }
            for behaviours in costs.costs.values()
        ],
        "refused": [{"order": named(arrangement), "reason": reason} for arrangement, reason in costs.refused],
    }


def _operations(costs: OrderCosts) -> dict[str, int]:
    """Operations of one execution, by kind: the same in every order."""
    found: dict[str, int] = {}
    for row in costs.own.evaluation.action_rows:
        if row.action.startswith("compute "):
            kind = row.action.removeprefix("compute ")
            found[kind] = found.get(kind, 0) + int(row.count)
    return found


def operations_text(costs: OrderCosts) -> str:
    """Operations of one execution, in words."""
    return ", ".join(f"{count:,} {kind}" for kind, count in _operations(costs).items())
