"""What the page of a run says of the orders of its loops: all that can be costed while the page is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from costmodel.model.patience import PATIENCE
from costmodel.orders.costs import Behaviour, OrderCosts, order_costs, permutations
from costmodel.orders.stretches import Stretch, stretches
from costmodel.report import tables
from costmodel.report.human import some
from costmodel.report.page.grid import Table
from costmodel.report.page.orders import cost_table, word_table
from costmodel.report.run import Run
from costmodel.report.text.orders import COLUMNS, summary_text
from costmodel.spec.mapping import Mapping, einsums_in
from costmodel.spec.mapping_file import sentences
from costmodel.spec.problems import SpecError

MOST = 120
"""Permutations that are costed for one page, each as often as its nest has Einsums; those of five loops take 0.5 s."""
SHOWN = 12
"""Mappings whose orders are shown."""
NAMED = 12
"""Mappings that are named of those that are left out for one reason."""
PATIENT = 6_000
"""What the limits on counts that look at tiles one by one are divided by: a permutation takes 10 ms at most."""


@dataclass(frozen=True, slots=True)
class CostedOrders:
    """The orders of one mapping."""

    name: str
    summary: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class RunOrders:
    """The orders of the mappings of a run."""

    costed: tuple[CostedOrders, ...]
    """What takes the most energy first."""
    single: str
    """The Einsums of which there is one order."""
    left_out: tuple[tuple[str, str], ...]
    """Names and reason of the mappings that are not costed here."""
    command: str
    """What costs them."""


def run_orders(run: Run) -> RunOrders | None:
    """Cost the orders of the mappings of a run, the most expensive first, while there are few of them."""
    costed: list[CostedOrders] = []
    single: list[str] = []
    left_out: dict[str, list[str]] = {}
    left = MOST
    for place, (name, mapping) in enumerate(_expensive_first(run)):
        einsums = len(einsums_in(mapping.nest))
        found = stretches(mapping.nest, run.workload)
        count = permutations(found, left // einsums)
        if not found:
            single.append(name)
        elif count * einsums > left:
            left_out.setdefault(_too_many(found), []).append(name)
        elif len(costed) >= SHOWN:
            left_out.setdefault(f"others take more energy: a page shows the orders of {SHOWN}", []).append(name)
        elif isinstance(result := _costs(run, mapping, left // einsums), str):
            left_out.setdefault(result, []).append(name)
        else:
            left -= count * einsums
            shown = (cost_table(f"orders-{place}", result), word_table(f"o-words-{place}", result, _drawn(result)))
            costed.append(CostedOrders(name, summary_text(result), shown))
    if not (costed or left_out):
        return None
    command = f"costmodel orders {run.architecture.name} {run.workload.name} --mapping …/mapping.yaml"
    others = tuple((some(names, NAMED), reason) for reason, names in left_out.items())
    return RunOrders(tuple(costed), ", ".join(single), others, command)


def _expensive_first(run: Run) -> Iterator[tuple[str, Mapping]]:
    """Mappings with the names of their Einsums; of layers that are alike and mapped alike one, with all their names."""
    energy = tables.energy(run).groupby("einsum")["energy_pj"].sum()
    alike: dict[object, list[Mapping]] = {}
    for mapping in run.mappings:
        alike.setdefault(_kind(run, mapping), []).append(mapping)

    def spent(mappings: Sequence[Mapping]) -> float:
        return float(sum(energy.get(name, 0.0) for one in mappings for name in einsums_in(one.nest)))

    for mappings in sorted(alike.values(), key=spent, reverse=True):
        yield ", ".join(name for one in mappings for name in einsums_in(one.nest)), mappings[0]


def _kind(run: Run, mapping: Mapping) -> tuple[str, str]:
    """What the costs of a mapping depend on: all but the name of its Einsum."""
    names = einsums_in(mapping.nest)
    nest = "\n".join(map(str, sentences(mapping.nest)))
    if len(names) > 1:
        return nest, ""
    einsum = run.workload.einsum(names[0])
    return nest.replace(f"compute {einsum.name} on", "compute on"), repr(replace(einsum, name=""))


def _costs(run: Run, mapping: Mapping, limit: int) -> OrderCosts | str:
    """What the orders of a mapping cost; the reason where that takes long."""
    before = PATIENCE.set(PATIENT)
    try:
        return order_costs(run.workload, run.architecture, mapping, limit=limit)
    except SpecError as error:
        return error.problems[0].message
    finally:
        PATIENCE.reset(before)


def _too_many(found: Sequence[Stretch]) -> str:
    sizes = " × ".join(f"{s.count():,} orders {s.title}" for s in found)
    if permutations(found, MOST) > MOST:
        return f"{sizes}: more than the {MOST} that a page costs"
    return f"{sizes}, after those of what takes more energy: a page costs {MOST}"


def _drawn(costs: OrderCosts) -> tuple[Behaviour, ...]:
    return costs.behaviours[:COLUMNS]
