"""The exact mapper: the proven optimum, or the whole energy–latency front, of one Einsum on one architecture."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper import constraints as rules_module
from costmodel.mapper import counting, mapspace
from costmodel.mapper.front import TIE, Floats, Incumbents
from costmodel.mapper.lattice import BYTES_PER_LABEL, Search
from costmodel.mapper.obey import violations
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import Problem, SpecError

BEAM = 300
SAME = 1e-9
"""Relative difference of the lattice's energy from the model's that rounding explains."""


@dataclass(frozen=True, slots=True)
class Objective:
    """``energy^a · latency^b``, or the front of both."""

    text: str
    energy: float
    latency: float
    front: bool

    def score(self, energy: Floats, latency: Floats) -> Floats:
        found: Floats = energy**self.energy * latency**self.latency
        return found

    def rank(self, energy: Floats, latency: Floats) -> Floats:
        """Return the one number that a gap is about: the score, or the first objective of a front."""
        if not self.front:
            return self.score(energy, latency)
        return latency if self.text.replace(" ", "").lower().startswith("latency") else energy


def objective_of(text: str) -> Objective:
    """Read an objective. Raises SpecError.

    >>> objective_of("energy^1*latency^2").latency
    2.0
    """
    named = {"energy": (1, 0), "latency": (0, 1), "edp": (1, 1), "ed2p": (1, 2), "e2dp": (2, 1)}
    plain = text.replace(" ", "").lower()
    if "," in plain:
        parts = plain.split(",")
        if set(parts) <= {"energy", "latency", "area"} and {"energy", "latency"} & set(parts):
            if len(set(parts) - {"area"}) == 1:
                return objective_of((set(parts) - {"area"}).pop())
            return Objective(text, 1.0, 1.0, front=True)
        hint = "mappings are searched by energy and latency; area does not depend on the mapping"
        if "capacity" in parts:
            raise SpecError([Problem(f"objective {text!r}: capacity used is not searched", hint=hint)])
        raise SpecError([Problem(f"unknown objective {text!r}", hint=f"a front is over energy,latency: {hint}")])
    if plain in ("capacity", "area"):
        hint = "search by energy and latency; tables show area, and the room each level uses, of what is found"
        raise SpecError([Problem(f"objective {text!r}: {plain} is not searched", hint=hint)])
    if plain in named:
        energy, latency = named[plain]
        return Objective(text, float(energy), float(latency), front=False)
    powers = {"energy": 0.0, "latency": 0.0}
    for factor in plain.split("*"):
        found = re.fullmatch(r"(energy|latency)(?:\^(\d+(?:\.\d+)?))?", factor)
        if not found:
            hint = "energy, latency, edp, ed2p, a product such as energy^1*latency^2, or energy,latency for the front"
            raise SpecError([Problem(f"unknown objective {text!r}", hint=hint)])
        powers[found[1]] += float(found[2] or 1)
    return Objective(text, powers["energy"], powers["latency"], front=False)


def map_einsum(
    einsum: Einsum,
    architecture: Architecture,
    *,
    objective: str = "edp",
    constraints: Sequence[str] = (),
    budget_s: float | None = None,
    memory_bytes: int | None = None,
    tiles: Literal["perfect", "any"] = "perfect",
    progress: Callable[[str], None] | None = None,
) -> MapperResult:
    """Return the best mapping (or the front) with its certificate.

    ``tiles="any"`` also searches tiles that do not divide: all of them where they are few, else by climbing, with a
    valid gap. ``budget_s`` is CPU time. When it or ``memory_bytes`` runs out, or on Ctrl-C, the best so far comes back
    with a valid gap (of a front: in its first objective). The certificate counts the mapspace under the constraints on
    what is kept and on the arrays, before capacities; see ``counting``.

    Raises:
        SpecError: a constraint or the objective cannot be read.
        InfeasibleError: nothing fits.
    """
    began = time.process_time()
    aim = objective_of(objective)
    rules = rules_module.parse((*architecture.constraints, *constraints), architecture, einsum)
    if tiles == "any":
        from costmodel.mapper.residual import improve

        deadline = None if budget_s is None else began + budget_s

        def perfect(one: Einsum) -> MapperResult:
            # half of what is left, so that the rest can be spent on other tiles
            share = None if deadline is None else max(0.0, deadline - time.process_time()) / 2
            return map_einsum(
                one,
                architecture,
                objective=objective,
                constraints=constraints,
                budget_s=share,
                memory_bytes=memory_bytes,
                progress=progress,
            )

        return improve(
            einsum,
            architecture,
            rules,
            perfect,
            lambda points: select(points, aim),
            None if aim.front else (aim.energy, aim.latency),
            deadline=deadline,
        )
    try:
        space = mapspace.build(einsum, architecture, rules)
        return _prove(einsum, architecture, space, aim, budget_s, memory_bytes, progress, began)
    except mapspace.UnsupportedError as why:
        return _sample(einsum, architecture, objective, aim, constraints, str(why))


def _sample(
    einsum: Einsum, architecture: Architecture, objective: str, aim: Objective, constraints: Sequence[str], why: str
) -> MapperResult:
    """Search where the lattice has no exact form; the answer is the best found, and says why."""
    from costmodel.mapper.optuna_search import search_einsum

    plain = objective.replace(" ", "").lower()
    known = "energy,latency" if aim.front else plain if plain in ("energy", "latency", "edp", "ed2p", "e2dp") else "edp"
    found = search_einsum(einsum, architecture, objective=known, method="random", constraints=constraints)
    certificate = replace(found.certificate, status="best found", method=f"random (unsupported: {why})", gap=None)
    return replace(found, certificate=certificate)


def _prove(
    einsum: Einsum,
    architecture: Architecture,
    space: mapspace.Space,
    aim: Objective,
    budget_s: float | None,
    memory_bytes: int | None,
    progress: Callable[[str], None] | None,
    began: float,
) -> MapperResult:
    incumbents = Incumbents()
    score = None if aim.front else aim.score
    deadline = None if budget_s is None else began + budget_s
    most = 4_000_000 if memory_bytes is None else max(20_000, memory_bytes // (4 * BYTES_PER_LABEL))
    stopped = False
    first = Search(space, incumbents, score, beam=BEAM, rank=aim.rank)
    search = first
    try:
        first.run()
        if progress is not None and incumbents.items:
            progress(f"{einsum.name}: first front of {len(incumbents.items)} mappings")
        search = Search(
            space, incumbents, score, deadline=deadline, most_labels=most, bounds=first.bounds, rank=aim.rank
        )
        search.run()
    except KeyboardInterrupt:
        stopped = True
    if not incumbents.items:
        if stopped:
            raise KeyboardInterrupt
        raise infeasible(space, search)
    found, broken = _costed(incumbents, einsum, architecture, space.rules)
    if not found:
        if stopped:
            raise KeyboardInterrupt
        msg = f"every mapping that the lattice found breaks a constraint, e.g. {broken[0]}"
        raise mapspace.UnsupportedError(msg)
    front = select([point for point, _, _ in found], aim)
    # a mapping that costs more than the lattice thought may have ruled out better ones
    agrees = all(p.energy_pj <= e * (1 + SAME) and p.latency_cycles <= c * (1 + SAME) for p, e, c in found) and all(
        p.energy_pj >= e * (1 - SAME) and p.latency_cycles >= c * (1 - SAME) for p, e, c in found if p in front
    )
    stats = search.stats
    proven = not stopped and not stats.dropped and agrees and not broken
    gap: float | None = 0.0 if proven else None
    status: Literal["optimal: proven", "gap", "best found"] = "optimal: proven" if proven else "best found"
    if not proven and agrees and not broken:
        best = min(float(aim.rank(np.array([p.energy_pj]), np.array([p.latency_cycles]))[0]) for p in front)
        bound = max(first.root, search.root) if stopped else max(stats.dropped_bound, first.root)
        if bound > 0:
            gap = max(0.0, best / bound - 1)
            status = "gap"
    certificate = Certificate(
        status,
        "exact (interrupted)" if stopped else "exact",
        counting.size(space),
        first.stats.labels + stats.labels,
        (
            ("dominated", stats.dominated),
            ("bound", stats.bounded),
            ("capacity", stats.over_capacity),
            *((("not searched", stats.dropped),) if stats.dropped else ()),
            *((("found, but breaks a constraint", len(broken)),) if broken else ()),
            *((("the model disagrees with the lattice", 1),) if not agrees else ()),
        ),
        time.process_time() - began,
        gap,
    )
    return MapperResult(einsum.name, tuple(front), certificate)


def _costed(
    incumbents: Incumbents, einsum: Einsum, architecture: Architecture, rules: rules_module.Rules
) -> tuple[list[tuple[MappingPoint, float, float]], list[str]]:
    """Cost what was found by the scalar model, each beside the lattice's energy and latency.

    A mapping that breaks a constraint is none; for each such, say which. It may have ruled out some that break none.
    """
    workload = Workload(einsum.name, "", (einsum,))
    found: list[tuple[MappingPoint, float, float]] = []
    broken: list[str] = []
    for nest, energy, latency in zip(incumbents.items, incumbents.energy, incumbents.latency, strict=True):
        mapping = Mapping(nest, arch=architecture.name, workload=None, einsum=einsum.name)
        wrong = violations(mapping, einsum, architecture, rules)
        if wrong:
            broken.append(wrong[0])
        else:
            point = MappingPoint(mapping, evaluate(workload, architecture, mapping))
            found.append((point, float(energy), float(latency)))
    return found, broken


def select(points: Sequence[MappingPoint], aim: Objective) -> list[MappingPoint]:
    """Return the front, or the best point; ties go to the better other objective."""
    ordered = sorted(points, key=lambda p: (p.energy_pj, p.latency_cycles))
    front: list[MappingPoint] = []
    for p in ordered:
        if not front or p.latency_cycles < front[-1].latency_cycles:
            front.append(p)
    if aim.front:
        return front
    scores = [float(aim.score(np.array([p.energy_pj]), np.array([p.latency_cycles]))[0]) for p in front]
    least = min(scores)
    best = [p for p, s in zip(front, scores, strict=True) if s <= least * (1 + TIE)]
    return [min(best, key=lambda p: (p.energy_pj, p.latency_cycles) if aim.energy else (p.latency_cycles, p.energy_pj))]


def infeasible(space: mapspace.Space, search: Search) -> InfeasibleError:
    from costmodel.mapper.result import Reject

    tally = []
    nearest = None
    if not space.keeps:
        tally.append(("constraints on what is kept", 1))
    if any(not len(a.factors) for a in space.arrays):
        tally.append(("constraints on the arrays", 1))
    if search.stats.dropped:
        tally.append(("not searched, for want of time or memory", search.stats.dropped))
    if search.stats.over_capacity:
        tally.append(("capacity", search.stats.over_capacity))
        for m, memory in enumerate(space.memories):
            bits = sum(
                space.tensors[n.tensor].bits
                for n in space.nodes
                if n.memory == m and all(k & n.bit for k in space.keeps)
            )
            if bits > memory.room:
                nearest = Reject(memory.level.name, "capacity in bits", bits, int(memory.room))
    return InfeasibleError(space.einsum.name, tally or [("constraints", 1)], nearest)
