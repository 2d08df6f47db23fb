"""The exact mapper: the proven optimum, or the whole energy–latency front, of one Einsum on one architecture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.front import Incumbents, OfSeveral, select
from costmodel.mapper.lattice import size as counting
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.multiples import searched
from costmodel.mapper.lattice.passes import BYTES_PER_LABEL, Progress, widen
from costmodel.mapper.lattice.prices import pace
from costmodel.mapper.lattice.tensor_plan import UnsupportedError
from costmodel.mapper.obey import violations
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint, Status, held_against
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.evaluate import evaluate
from costmodel.model.patience import OutOfTimeError, until
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import Objective, objective_of, vector_of
from costmodel.spec.problems import SpecError
from costmodel.spec.rules import Rules, parse

SHAPES_PER_S, SHAPES_ALWAYS = 200_000, 100_000
"""Tile shapes whose tables take a second, in which no deadline is looked at; and as many as are always tried."""
SHAPES_MOST, MULTIPLES_PER_S = 100_000, 50_000
"""Tile shapes of multiples, and as many for each second of a budget; where there are more, some rank variables have
fewer tiles."""
COSTED_S = 0.8
"""Seconds after a deadline in which what was found is costed by the model."""
SAME = 1e-12
"""Relative difference of the lattice's energy from the model's that rounding explains."""


def map_einsum(
    einsum: Einsum,
    architecture: Architecture,
    *,
    objective: str | Objective = "edp",
    constraints: Sequence[str] = (),
    budget_s: float | None = None,
    memory_bytes: int | None = None,
    multiples: bool = False,
    progress: Callable[[str], None] | None = None,
) -> MapperResult:
    """Return the best mapping (or the front) with its certificate.

    Tiles divide the ones above them, or are ``multiples`` (see ``sizes.py``). ``budget_s`` is wall time. When it or
    ``memory_bytes`` runs out, or on Ctrl-C, the best so far comes back with a valid gap (of a front: in its first
    objective). The certificate counts the mapspace under the constraints on what is kept and on the arrays, before
    capacities; see ``counting``.

    Raises:
        SpecError: a constraint or the objective cannot be read.
        UnsupportedError: the lattice has no exact form of the problem.
        OutOfTimeError: nothing was found within the budget, or there are too many tile shapes for it.
        InfeasibleError: nothing fits.
    """
    began = time.process_time()
    deadline = None if budget_s is None else time.monotonic() + budget_s
    aim = objective_of(objective)
    rules = parse((*architecture.constraints, *constraints), architecture, einsum)
    most = SHAPES_MOST if budget_s is None else min(SHAPES_MOST, 1 + int(MULTIPLES_PER_S * budget_s))
    space = mapspace.build(Allowed(einsum, architecture, rules), multiples=most if multiples else 0)
    shapes = math.prod(len(divisors) for divisors in space.divisors)
    if budget_s is not None and shapes > max(SHAPES_ALWAYS, SHAPES_PER_S * budget_s):
        msg = f"{shapes:,} tile shapes are too many for {budget_s:.3g} s"
        raise OutOfTimeError(msg)
    (found,) = _Proof(einsum, (architecture,), space, aim, began, deadline, memory_bytes, progress).answers()
    return found


def map_together(
    einsum: Einsum,
    architectures: Sequence[Architecture],
    *,
    objective: str | Objective = "edp",
    constraints: Sequence[str] = (),
    memory_bytes: int | None = None,
    known: Sequence[Mapping] = (),
) -> tuple[MapperResult, ...]:
    """Return what ``map_einsum`` does for each of some architectures that differ in bandwidths alone, in one search.

    The first one has no less of any than the others. A partial mapping is left out where none of them has a use for it.
    The search begins with mappings that are ``known``, as far as they fit.

    Raises what ``map_einsum`` does, UnsupportedError also where the architectures differ in more.
    """
    began = time.process_time()
    rules = parse((*architectures[0].constraints, *constraints), architectures[0], einsum)
    space, *others = (mapspace.build(Allowed(einsum, architecture, rules)) for architecture in architectures)
    paces = [pace(space.prices, other.prices) for other in others if _alike(space, other)]
    slower = tuple(longer for longer in paces if longer is not None)
    if len(slower) < len(others):
        raise UnsupportedError("architectures that differ in more than bandwidths")
    space.prices = replace(space.prices, slower=slower)
    proof = _Proof(einsum, architectures, space, objective_of(objective), began, memory_bytes=memory_bytes)
    return proof.answers(known)


def _alike(space: mapspace.Space, other: mapspace.Space) -> bool:
    """Whether mapspaces are the same but for the costs of words."""
    names = ("compute_pj", "cycles_per_point", "leak_pj_per_cycle", "keeps", "nodes")
    same = all(getattr(space, name) == getattr(other, name) for name in names)
    return same and [m.room for m in space.memories] == [m.room for m in other.memories]


@dataclass
class _Proof:
    """One search, for one architecture or for several at once."""

    einsum: Einsum
    architectures: Sequence[Architecture]
    space: mapspace.Space
    """With the costs of the first one."""
    aim: Objective
    began: float
    """CPU time."""
    deadline: float | None = None
    memory_bytes: int | None = None
    progress: Callable[[str], None] | None = None
    done: Progress = field(default_factory=Progress)
    stopped: bool = False
    """By Ctrl-C."""

    def answers(self, known: Sequence[Mapping] = ()) -> tuple[MapperResult, ...]:
        """Search, beginning with mappings that are known; return the answer for each architecture."""
        incumbents = self._search(known)
        found = [self._answer(*each) for each in zip(self.architectures, incumbents.each, strict=True)]
        spent_s = (time.process_time() - self.began) / len(found)
        return tuple(replace(one, certificate=replace(one.certificate, cpu_s=spent_s)) for one in found)

    def _search(self, known: Sequence[Mapping]) -> Incumbents:
        space, done = self.space, self.done
        if any(not len(a.factors) for a in space.arrays):
            raise infeasible(space, 0, 0)
        many = len(self.architectures)
        with until(self.deadline):
            board, incumbents = Board(space, self.aim), Incumbents(self.aim) if many == 1 else OfSeveral(self.aim, many)
            for architecture, each in zip(self.architectures, incumbents.each, strict=True):
                self._take(known, architecture, each)
            incumbents.learn()
        most = 4_000_000 if self.memory_bytes is None else max(20_000, self.memory_bytes // (4 * BYTES_PER_LABEL))

        def told(width: int) -> None:
            if self.progress is not None and incumbents.items:
                found = len(incumbents.items)
                self.progress(f"{self.einsum.name}: {found} mapping{'s' * (found > 1)} with {width} labels at a time")

        try:
            widen(board, incumbents, done, deadline=self.deadline, most_labels=most, told=told)
        except KeyboardInterrupt:
            self.stopped = True
        if not incumbents.items:
            if self.stopped:
                raise KeyboardInterrupt
            if self.deadline is not None and not done.complete:
                raise OutOfTimeError
            raise infeasible(space, done.last.dropped, done.last.over_capacity)
        return incumbents

    @cached_property
    def mapspace(self) -> int:
        """Mappings, before capacities: the same for all architectures."""
        return counting.size(self.space)

    def _take(self, known: Sequence[Mapping], architecture: Architecture, incumbents: Incumbents) -> None:
        """Take in those of the known mappings that fit."""
        workload, rules = Workload(self.einsum.name, "", (self.einsum,)), self.space.allowed.rules
        for mapping in known:
            with suppress(SpecError, TooManyTilesError):
                if not violations(mapping, self.einsum, architecture, rules):
                    costs = vector_of(evaluate(workload, architecture, mapping))
                    incumbents.add(np.array([costs], dtype=np.float64).T, [mapping.nest])

    def _answer(self, architecture: Architecture, incumbents: Incumbents) -> MapperResult:
        space, done, aim = self.space, self.done, self.aim
        found, broken, uncounted = _costed(incumbents, self.einsum, architecture, space.allowed.rules, self.deadline)
        if not found:
            if self.stopped:
                raise KeyboardInterrupt
            if uncounted:
                raise UnsupportedError("what its best mappings touch takes too long to count")
            msg = f"every mapping that the lattice found breaks a constraint, e.g. {broken[0]}"
            raise UnsupportedError(msg)
        front = select([point for point, _ in found], aim)
        # a mapping that costs more than the lattice thought may have ruled out better ones
        agrees = all(
            all(cost <= thought * (1 + SAME) for cost, thought in both)
            and (point not in front or all(cost >= thought * (1 - SAME) for cost, thought in both))
            for point, both in found
        )
        stats = done.last
        proven = done.complete and agrees and not broken and not uncounted
        gap: float | None = 0.0 if proven else None
        status = Status.PROVEN if proven else Status.FOUND
        if not proven and agrees and not broken:
            bound = min([done.bound, *uncounted])
            status, gap = held_against(min(aim.of(p)[0] for p in front), bound, front=aim.front)
        certificate = Certificate(
            status,
            searched(space.sizes, space.whole),
            self.mapspace,
            done.labels,
            (
                ("dominated", stats.dominated),
                ("bound", stats.bounded),
                ("capacity", stats.over_capacity),
                *((("not searched", stats.dropped),) if stats.dropped else ()),
                *((("found, but breaks a constraint", len(broken)),) if broken else ()),
                *((("takes too long to count", len(uncounted)),) if uncounted else ()),
                *((("the model disagrees with the lattice", 1),) if not agrees else ()),
            ),
            time.process_time() - self.began,
            gap,
            interrupted=self.stopped,
            budget_spent=done.late and not self.stopped,
        )
        return MapperResult(self.einsum.name, tuple(front), certificate)


def _costed(
    incumbents: Incumbents, einsum: Einsum, architecture: Architecture, rules: Rules, deadline: float | None
) -> tuple[list[tuple[MappingPoint, list[tuple[float, float]]]], list[str], list[float]]:
    """Cost what was found by the scalar model: each mapping with pairs of a cost and what the lattice thought it is.

    A mapping that breaks a constraint is none; for each such, say which. It may have ruled out some that break none.
    Of mappings whose words take too long to count, return the first objective as the lattice thought it is.
    """
    workload = Workload(einsum.name, "", (einsum,))
    found: list[tuple[MappingPoint, list[tuple[float, float]]]] = []
    broken: list[str] = []
    uncounted: list[float] = []
    end = None if deadline is None else max(deadline, time.monotonic()) + COSTED_S
    first = incumbents.aim.first(*incumbents.costs)
    for place in np.argsort(first, kind="stable").tolist():
        nest, (energy, latency, capacity) = incumbents.items[place], incumbents.costs[:, place].tolist()
        mapping = Mapping(nest, arch=architecture.name, workload=None, einsum=einsum.name)
        wrong = violations(mapping, einsum, architecture, rules)
        if wrong:
            broken.append(wrong[0])
            continue
        try:
            with until(end):
                point = MappingPoint(mapping, evaluate(workload, architecture, mapping))
        except (TooManyTilesError, OutOfTimeError):
            uncounted.append(float(first[place]))
            continue
        both = [(point.energy_pj, energy), (point.latency_cycles, latency)]
        if incumbents.aim.uses_capacity:
            both.append((point.capacity_bits, capacity))
        found.append((point, both))
    return found, broken, uncounted


def infeasible(space: mapspace.Space, dropped: int, over_capacity: int) -> InfeasibleError:
    """Say why nothing fits: which constraints leave no choice, how many partial mappings capacities ended."""
    tally = []
    if any(not len(a.factors) for a in space.arrays):
        tally.append(("constraints on the arrays", 1))
    if dropped:
        tally.append(("not searched, for want of time or memory", dropped))
    if over_capacity:
        tally.append(("capacity", over_capacity))
    nearest = space.allowed.short_of_room if over_capacity else None
    return InfeasibleError(space.einsum.name, tally or [("constraints", 1)], nearest, not dropped, counting.size(space))
