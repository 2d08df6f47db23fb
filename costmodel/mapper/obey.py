"""Whether a mapping obeys the rules: the one place that says what each constraint means for a finished nest.

A loop of one step is no loop here. Rules on what a level holds say nothing about levels inside the compute unit that
the mapping runs on. Capacities and the sizes of arrays are the model's business.

Every rule gives a *slack*: at most 0 where it is kept. Otherwise it says by how much it is missed, as far as that has a
number: the power of two between what is and what should be, or the pairs of loops in the wrong order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.constraints import Order, Rules, stationary_tensor
from costmodel.mapper.result import Reject
from costmodel.model.nest import keeps
from costmodel.spec.hardware import Architecture, Array
from costmodel.spec.mapping import Compute, Mapping, Spatial, Storage, Temporal

KEPT = -1.0
"""The slack of a rule that is kept, where there is no number to it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit, and how a mapping stands to it."""

    limit: str
    """Unique among the limits of a search."""
    slack: float
    reject: Reject | None = None
    """The numbers, where the limit is broken."""


def violations(mapping: Mapping, einsum: Einsum, architecture: Architecture, rules: Rules) -> tuple[str, ...]:
    """Say which rules a mapping of one Einsum breaks, and how; empty if it obeys."""
    found = (finding.reject for finding in findings(mapping, einsum, architecture, rules))
    return tuple(f"{reject.level}: {reject.limit}: {reject.how}" for reject in found if reject is not None)


def findings(mapping: Mapping, einsum: Einsum, architecture: Architecture, rules: Rules) -> tuple[Finding, ...]:
    """Return every rule with its slack, in an order that does not depend on the mapping."""
    if not rules.restrict:
        return ()
    nest = _read(mapping, einsum, architecture)
    return (
        *_only(nest, rules),
        *_spreads(nest, einsum, rules),
        *_tiles(nest, einsum, rules),
        *_keepings(nest, einsum, architecture, rules),
        *_utilisation(nest, architecture, rules),
        *_dataflow(nest, einsum, architecture, rules),
        *_orders(nest, einsum, rules),
    )


# A nest, as the rules see it


class _Time(NamedTuple):
    """A loop in time."""

    rank_variable: str
    steps: int
    gap: int
    """Storage nodes above."""


class _Across(NamedTuple):
    """A loop in space."""

    rank_variable: str
    steps: int
    array: str
    dimension: str


class _Stored(NamedTuple):
    """One tensor of a storage node."""

    tensor: str
    level: str
    extents: dict[str, int]
    above: int
    """Loops in time above."""


class _Nest(NamedTuple):
    times: list[_Time]
    across: list[_Across]
    stored: list[_Stored]
    owners: list[str]
    """The level of each storage node."""
    working: int
    """Compute instances that have something to do."""
    unit: str


def _read(mapping: Mapping, einsum: Einsum, architecture: Architecture) -> _Nest:
    left = dict(einsum.shape)
    # extents that the instances have along each rank variable, as they differ where tiles do not divide
    shares = {v: [n] for v, n in einsum.shape.items()}
    times: list[_Time] = []
    across: list[_Across] = []
    stored: list[_Stored] = []
    owners: list[str] = []
    for node in mapping.nest:
        if isinstance(node, Storage):
            owners.append(node.level)
            stored += [_Stored(tensor, node.level, dict(left), len(times)) for tensor in node.tensors]
        elif isinstance(node, Temporal | Spatial):
            v, tile = node.rank_variable, node.tile
            steps = -(-left[v] // tile)
            left[v] = min(left[v], tile)
            if isinstance(node, Temporal):
                shares[v] = [min(n, tile) for n in shares[v]]
                if steps > 1:
                    times.append(_Time(v, steps, len(owners)))
            else:
                shares[v] = [min(tile, n - at) for n in shares[v] for at in range(0, n, tile)]
                if steps > 1:
                    across.append(_Across(v, steps, node.array, node.dimension or _sole(architecture, node.array)))
    unit = next(node.unit for node in mapping.nest if isinstance(node, Compute))
    return _Nest(times, across, stored, owners, math.prod(map(len, shares.values())), unit)


def _sole(architecture: Architecture, array: str) -> str:
    """Return the dimension of an array that has one, which a mapping need not name."""
    level = architecture.level(array)
    return next(iter(level.shape)) if isinstance(level, Array) else ""


# The rules


def _only(nest: _Nest, rules: Rules) -> Iterator[Finding]:
    for rule in rules.only:
        place, limit = f"{rule.array}.{rule.dimension}", f"only [{', '.join(sorted(rule.rank_variables))}]"
        stray = [
            loop
            for loop in nest.across
            if (loop.array, loop.dimension) == (rule.array, rule.dimension)
            and loop.rank_variable not in rule.rank_variables
        ]
        steps = math.prod(loop.steps for loop in stray)
        how = f"{', '.join(dict.fromkeys(loop.rank_variable for loop in stray))} lies along it"
        yield _compared(place, limit, steps, 1, how)


def _spreads(nest: _Nest, einsum: Einsum, rules: Rules) -> Iterator[Finding]:
    for rule in rules.spreads:
        v = rule.rank_variable
        if v not in einsum.shape:
            continue
        used = math.prod(
            loop.steps
            for loop in nest.across
            if (loop.array, loop.rank_variable) == (rule.array, v) and rule.dimension in ("", loop.dimension)
        )
        place = f"{rule.array}.{rule.dimension}" if rule.dimension else rule.array
        limit = f"{'at most' if rule.relation == '<=' else 'exact'} {v} {rule.instances}"
        yield _compared(place, limit, used, rule.instances, f"{v} takes {used}", exact=rule.relation == "==")


def _tiles(nest: _Nest, einsum: Einsum, rules: Rules) -> Iterator[Finding]:
    for rule in rules.tiles:
        v = rule.rank_variable
        if v not in einsum.shape:
            continue
        limit = f"tile {v} {rule.relation} {rule.extent}"
        worst = Finding(f"{rule.level}: {limit}", KEPT)
        for node in nest.stored:
            if node.level == rule.level and any(v in a.rank_variables for a in einsum.accesses_of(node.tensor)):
                have, bound = node.extents[v], min(rule.extent, einsum.shape[v])
                how = f"{have} in the tile of {node.tensor}"
                seen = _compared(rule.level, limit, have, bound, how, exact=rule.relation == "==")
                worst = max(worst, seen, key=lambda finding: finding.slack)
        yield worst


def _keepings(nest: _Nest, einsum: Einsum, architecture: Architecture, rules: Rules) -> Iterator[Finding]:
    inside = {level.name for level in architecture.levels[architecture.index(nest.unit) :]}
    held = {(node.level, node.tensor) for node in nest.stored}
    for rule in rules.keepings:
        if rule.level in inside:
            continue
        limit = f"{'keeps' if rule.keeps else 'bypasses'} {rule.tensor}"
        tensors = [t for t in einsum.tensors if keeps((rule.tensor,), einsum.tensors[t], einsum)]
        wrong = [t for t in tensors if ((rule.level, t) in held) != rule.keeps]
        how = f"{', '.join(wrong)} {'passes by' if rule.keeps else 'is held'}"
        reject = Reject(rule.level, limit, int(rule.keeps), int(not rule.keeps), how) if wrong else None
        yield Finding(f"{rule.level}: {limit}", float(len(wrong)) or KEPT, reject)


def _utilisation(nest: _Nest, architecture: Architecture, rules: Rules) -> Iterator[Finding]:
    if not rules.utilisation:
        return
    levels = architecture.levels[: architecture.index(nest.unit)]
    instances = math.prod(level.fanout for level in levels if isinstance(level, Array))
    least = rules.working_least(instances)
    slack = math.log2(least / nest.working)
    how = f"{nest.working} of {instances} instances at work"
    limit = f"utilisation >= {100 * rules.utilisation:g} %"
    yield Finding("utilisation", slack, Reject(nest.unit, limit, least, nest.working, how) if slack > 0 else None)


def _dataflow(nest: _Nest, einsum: Einsum, architecture: Architecture, rules: Rules) -> Iterator[Finding]:
    if rules.dataflow is None or not rules.stationary:
        return
    tensor = stationary_tensor(einsum, rules.dataflow)
    outermost = architecture.memories[0].name
    own = frozenset[str]().union(*(a.rank_variables for a in einsum.accesses_of(tensor)))
    above = next((n.above for n in reversed(nest.stored) if n.tensor == tensor and n.level != outermost), 0)
    returns, moved, outside = 1, "", ""
    for loop in reversed(nest.times[:above]):
        if loop.rank_variable in own:
            moved = loop.rank_variable
        elif moved:
            returns *= loop.steps
            outside = f"`for {loop.rank_variable}` stands outside of `for {moved}`"
    how = f"{outside}, so each tile comes {returns} times"
    reject = Reject(tensor, rules.dataflow, returns, 1, how) if returns > 1 else None
    yield Finding(f"{rules.dataflow}: {tensor}", math.log2(returns), reject)


def _orders(nest: _Nest, einsum: Einsum, rules: Rules) -> Iterator[Finding]:
    for rule in rules.orders:
        limit = f"order {', '.join(rule.rank_variables)}"
        wrong = list(_out_of_order(nest, rule)) if len(set(rule.rank_variables) & set(einsum.shape)) > 1 else []
        reject = None
        if wrong:
            outer, inner = wrong[0]
            reject = Reject(rule.level, limit, len(wrong), 0, f"`for {outer}` stands outside of `for {inner}`")
        yield Finding(f"{rule.level}: {limit}", float(len(wrong)) or KEPT, reject)


def _out_of_order(nest: _Nest, rule: Order) -> Iterator[tuple[str, str]]:
    """Yield the rank variables of every two loops of one gap that stand in the wrong order, the outer one first."""
    for gap, run in itertools.groupby(nest.times, key=lambda loop: loop.gap):
        if gap and nest.owners[gap - 1] == rule.level:
            listed = [loop.rank_variable for loop in run if loop.rank_variable in rule.rank_variables]
            for outer, inner in itertools.combinations(listed, 2):
                if rule.rank_variables.index(outer) > rule.rank_variables.index(inner):
                    yield outer, inner


def in_order(row: Sequence[str], listed: Sequence[str]) -> list[str]:
    """Put what is listed in the listed order, in the places that it takes.

    >>> in_order(["k", "p", "m"], ["m", "k"])
    ['m', 'p', 'k']
    """
    turn = iter(sorted((v for v in row if v in listed), key=list(listed).index))
    return [next(turn) if v in listed else v for v in row]


def _compared(place: str, limit: str, have: int, bound: int, how: str, *, exact: bool = False) -> Finding:
    slack = math.log2(have / bound)
    slack = abs(slack) if exact else slack
    return Finding(f"{place}: {limit}", slack, Reject(place, limit, have, bound, how) if slack > 0 else None)
