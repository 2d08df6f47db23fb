"""What every order of the loops costs: the exact model for each, orders that move the same words grouped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from costmodel.einsum.algebra import Workload
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.orders.stretches import Order, Stretch, reordered, stretches
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, Nest
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.problems import Problem, SpecError

LIMIT = 5_040
"""Permutations that are costed at most, where nothing else is said: those of seven loops."""

Arrangement = tuple[Order, ...]
"""An order for each stretch."""


@dataclass(frozen=True)
class Behaviour:
    """Orders that move the same words, and so cost the same."""

    arrangements: tuple[Arrangement, ...]
    """That of the mapping first, if it is among them."""
    mapping: Mapping
    """The nest of the first."""
    evaluation: Evaluation

    @property
    def cost(self) -> tuple[float, float]:
        """Energy (pJ) and latency (cycles), to the digits that do not depend on the order of a sum."""
        return float(f"{self.evaluation.energy_pj:.12g}"), float(f"{self.evaluation.latency_cycles:.12g}")


@dataclass(frozen=True)
class OrderCosts:
    """Every order of the loops of one mapping."""

    mapping: Mapping
    stretches: tuple[Stretch, ...]
    """Those whose loops were permuted."""
    together: bool
    """Whether the orders of all stretches were combined; else each was permuted with the others as they are."""
    permutations: int
    """How many were costed or refused."""
    behaviours: tuple[Behaviour, ...]
    """Least energy first, then least latency."""
    refused: tuple[tuple[Arrangement, str], ...]
    """Orders that are no mapping of this architecture (they break a constraint, or read what is not there), and why."""

    @property
    def costs(self) -> dict[tuple[float, float], tuple[Behaviour, ...]]:
        """Distinct costs (pJ, cycles), in the order of the behaviours."""
        found: dict[tuple[float, float], tuple[Behaviour, ...]] = {}
        for behaviour in self.behaviours:
            found[behaviour.cost] = (*found.get(behaviour.cost, ()), behaviour)
        return found

    @property
    def own(self) -> Behaviour:
        """How the mapping itself behaves."""
        given = tuple(stretch.loops for stretch in self.stretches)
        return next(b for b in self.behaviours if given in b.arrangements)


def order_costs(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    *,
    limit: int = LIMIT,
    marks: NestMarks | None = None,
) -> OrderCosts:
    """Cost every permutation of the loops in time between storage nodes.

    Where all stretches together have more than ``limit`` permutations, each is permuted alone. Raises SpecError where
    the mapping itself does not fit, and where a single stretch has more than ``limit`` orders.
    """
    evaluate(workload, architecture, mapping, marks)
    found = stretches(mapping.nest, workload)
    together = _combined(found, limit)
    if not together and (most := max(found, key=Stretch.count)).count() > limit:
        raise SpecError([_too_many(most, most.count(), limit, marks)])
    behaviours: dict[object, list[Arrangement]] = {}
    evaluations: dict[object, tuple[Mapping, Evaluation]] = {}
    refused: list[tuple[Arrangement, str]] = []
    tried = 0
    for arrangement in _together(found) if together else _apart(found):
        tried += 1
        changed = replace(mapping, nest=_arranged(mapping, found, arrangement))
        try:
            evaluation = evaluate(workload, architecture, changed)
        except SpecError as error:
            refused.append((arrangement, error.problems[0].message))
            continue
        key = (frozenset(evaluation.traffic_rows), evaluation.energy_pj, evaluation.latency_cycles)
        behaviours.setdefault(key, []).append(arrangement)
        evaluations.setdefault(key, (changed, evaluation))
    listed = [Behaviour(tuple(members), *evaluations[key]) for key, members in behaviours.items()]
    return OrderCosts(
        mapping=mapping,
        stretches=found,
        together=together,
        permutations=tried,
        behaviours=tuple(sorted(listed, key=lambda b: b.cost)),
        refused=tuple(refused),
    )


def permutations(found: Sequence[Stretch], limit: int = LIMIT) -> int:
    """How many would be costed; more than ``limit`` where a single stretch has more."""
    counts = [stretch.count() for stretch in found]
    return math.prod(counts) if _combined(found, limit) else 1 + sum(count - 1 for count in counts)


def _combined(found: Sequence[Stretch], limit: int) -> bool:
    """Whether the orders of all stretches are combined."""
    return math.prod(stretch.count() for stretch in found) <= limit


def _together(found: Sequence[Stretch]) -> Iterator[Arrangement]:
    return itertools.product(*(list(stretch.orders()) for stretch in found))


def _apart(found: Sequence[Stretch]) -> Iterator[Arrangement]:
    given = tuple(stretch.loops for stretch in found)
    yield given
    for place, stretch in enumerate(found):
        for order in itertools.islice(stretch.orders(), 1, None):
            yield (*given[:place], order, *given[place + 1 :])


def _arranged(mapping: Mapping, found: Sequence[Stretch], arrangement: Arrangement) -> Nest:
    nest = mapping.nest
    for stretch, order in zip(found, arrangement, strict=True):
        nest = reordered(nest, stretch, order)
    return nest


def _too_many(stretch: Stretch, count: int, limit: int, marks: NestMarks | None) -> Problem:
    names = " ".join(loop.rank_variable for loop in stretch.loops)
    message = f"the loops {names} {stretch.title} have {count:,} orders, more than {limit:,}"
    hint = f"--limit {count} costs them all; a storage node between them, or a shape of 1, leaves fewer"
    return (marks or NestMarks()).problem(message, (*stretch.path, stretch.slots[0]), hint=hint)
