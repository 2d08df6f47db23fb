"""The exact mapper: the proven optimum, or the whole energy–latency front, of one Einsum on one architecture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper import constraints as rules_module
from costmodel.mapper import counting, mapspace
from costmodel.mapper.front import Floats, Incumbents, pareto
from costmodel.mapper.lattice import BYTES_PER_LABEL, Search
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import Objective, objective_of
from costmodel.spec.problems import Problem, SpecError

BEAM = 300
SAME = 1e-9
"""Relative difference of the lattice's energy from the model's that rounding explains."""


def served(aim: Objective) -> None:
    """Raise SpecError for an objective that the lattice does not search: its labels end as energy and latency.

    Their front holds the optimum of every product of their powers, and the front of any such products.
    """
    if aim.uses_capacity:
        hint = "--method tpe or nsga2 samples it; or search by energy and latency"
        problem = Problem(f"objective {str(aim)!r}: the exact method does not search capacity used", hint=hint)
        raise SpecError([problem])


def map_einsum(
    einsum: Einsum,
    architecture: Architecture,
    *,
    objective: str | Objective = "edp",
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
    served(aim)
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
                objective=aim,
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
            aim,
            deadline=deadline,
        )
    try:
        space = mapspace.build(einsum, architecture, rules)
        return _prove(einsum, architecture, space, aim, budget_s, memory_bytes, progress, began)
    except mapspace.UnsupportedError as why:
        return _sample(einsum, architecture, aim, constraints, str(why))


def _sample(
    einsum: Einsum, architecture: Architecture, aim: Objective, constraints: Sequence[str], why: str
) -> MapperResult:
    """Search where the lattice has no exact form; the answer is the best found, and says why."""
    from costmodel.mapper.optuna_search import search_einsum

    found = search_einsum(einsum, architecture, objective=aim, method="random", constraints=constraints)
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

    def rank(energy: Floats, latency: Floats) -> Floats:
        return aim.first(energy, latency, 0.0)

    score = None if aim.front else rank
    deadline = None if budget_s is None else began + budget_s
    most = 4_000_000 if memory_bytes is None else max(20_000, memory_bytes // (4 * BYTES_PER_LABEL))
    stopped = False
    first = Search(space, incumbents, score, beam=BEAM, rank=rank)
    search = first
    try:
        first.run()
        if progress is not None and incumbents.items:
            progress(f"{einsum.name}: first front of {len(incumbents.items)} mappings")
        search = Search(space, incumbents, score, deadline=deadline, most_labels=most, bounds=first.bounds, rank=rank)
        search.run()
    except KeyboardInterrupt:
        stopped = True
    if not incumbents.items:
        if stopped:
            raise KeyboardInterrupt
        raise infeasible(space, search)
    workload = Workload(einsum.name, "", (einsum,))
    points = []
    expected: dict[int, tuple[float, float]] = {}
    agrees = True
    for nest, energy, latency in zip(incumbents.items, incumbents.energy, incumbents.latency, strict=True):
        mapping = Mapping(nest, arch=architecture.name, workload=None, einsum=einsum.name)
        point = MappingPoint(mapping, evaluate(workload, architecture, mapping))
        points.append(point)
        expected[id(point)] = (float(energy), float(latency))
        # a mapping that costs more than the lattice thought may have ruled out better ones
        agrees &= point.energy_pj <= energy * (1 + SAME) and point.latency_cycles <= latency * (1 + SAME)
    front = select(points, aim)
    for point in front:
        energy, latency = expected[id(point)]
        agrees &= point.energy_pj >= energy * (1 - SAME) and point.latency_cycles >= latency * (1 - SAME)
    stats = search.stats
    proven = not stopped and not stats.dropped and agrees
    gap: float | None = 0.0 if proven else None
    status: Literal["optimal: proven", "gap", "best found"] = "optimal: proven" if proven else "best found"
    if not proven and agrees:
        best = min(aim.of(p)[0] for p in front)
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
            *((("the model disagrees with the lattice", 1),) if not agrees else ()),
        ),
        time.process_time() - began,
        gap,
    )
    return MapperResult(einsum.name, tuple(front), certificate)


def select(points: Sequence[MappingPoint], aim: Objective) -> list[MappingPoint]:
    """Return the front, best of the first objective first, or the best point; ties go to less energy, then latency."""
    costs = np.array([(p.energy_pj, p.latency_cycles, p.capacity_bits) for p in points], dtype=np.float64)
    return [points[place] for place in pareto(aim.values(*costs.T).T, costs)]


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
