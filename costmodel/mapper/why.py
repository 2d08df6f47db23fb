"""Why the best mapping costs what it does: what holds its bound, and what each constraint costs.

The bound is told part by part: what the best mapping pays for operations, for each tensor and in each component, beside
what every mapping pays at least (``uneven/bound.py``). What a constraint costs is found by leaving it out: the same
search, for the first objective, under all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.engines import search
from costmodel.mapper.layers import Layer
from costmodel.mapper.reasons import SAME, LeftOut, Paid, Why
from costmodel.mapper.result import InfeasibleError, MapperResult, MappingPoint
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Compute
from costmodel.spec.objective import Objective, objective_of
from costmodel.spec.request import Request
from costmodel.spec.rules import Rule, parse, read

AGAIN_S = 10.0
"""Time of the search without one constraint, where no budget says less."""


def reasons(
    layers: Sequence[Layer],
    einsums: Sequence[Einsum],
    architecture: Architecture,
    request: Request,
    told: Callable[[str], None] = lambda _: None,
) -> Iterator[Why]:
    """Yield why, for the first of each group of alike layers. ``told`` hears what is searched."""
    known: set[int] = set()
    named = {einsum.name: einsum for einsum in einsums}
    for layer in layers:
        if layer.group not in known and layer.einsum in named:  # of fused Einsums there is no bound part by part
            known.add(layer.group)
            yield why(layer.result, replace(named[layer.einsum], count=1), architecture, request, told)


def why(
    found: MapperResult,
    einsum: Einsum,
    architecture: Architecture,
    request: Request,
    told: Callable[[str], None] = lambda _: None,
) -> Why:
    """Say why the best mapping of an Einsum costs what it does."""
    aim = objective_of(request.aim.names[:1])
    best = min(found.front, key=lambda point: aim.of(point)[0])
    energy, latency, energies, cycles = _parts(best, einsum, architecture, request)
    return Why(
        found.einsum,
        aim.names[0],
        energies,
        energy,
        cycles,
        latency,
        tuple(_left_out(found, einsum, architecture, request, aim, told)),
    )


def _parts(
    best: MappingPoint, einsum: Einsum, architecture: Architecture, request: Request
) -> tuple[Paid, Paid, tuple[Paid, ...], tuple[Paid, ...]]:
    """Hold the best mapping's cost, part by part, against what every mapping on its unit pays at least."""
    from costmodel.mapper.uneven import floors

    (unit,) = (node.unit for node in best.mapping.nest if isinstance(node, Compute))
    part = architecture.part(unit)
    rules = parse((*architecture.constraints, *request.constraints), part, einsum)
    floor = floors(Allowed(einsum, part, rules))
    least = floor.least
    leaking = floor.leak_pj_per_cycle * least.latency_cycles
    paid = {**floor.tensors_pj, "operations": floor.operations_pj, "leakage": leaking}
    spent = dict.fromkeys(paid, 0.0)
    for row in best.evaluation.action_rows:
        spent[row.tensor or ("leakage" if row.action == "leak" else "operations")] += row.energy_pj
    energies = [Paid(name, pj, paid[name]) for name, pj in spent.items() if pj]
    rows = best.evaluation.latency_rows
    cycles = [Paid(r.component, r.cycles, floor.cycles.get(r.component, 0.0), r.component == unit) for r in rows]
    return (
        Paid("energy", best.energy_pj, least.energy_pj),
        Paid("latency", best.latency_cycles, least.latency_cycles),
        tuple(sorted(energies, key=lambda one: -one.spent)),
        tuple(sorted((one for one in cycles if one.spent), key=lambda one: (-one.spent, not one.computes))),
    )


def _left_out(
    found: MapperResult,
    einsum: Einsum,
    architecture: Architecture,
    request: Request,
    aim: Objective,
    told: Callable[[str], None],
) -> Iterator[LeftOut]:
    """Yield what each constraint that binds costs; the search goes on without it."""
    best, least = min(aim.of(point)[0] for point in found.front), found.bound(aim)
    everything = (*architecture.constraints, *request.constraints)
    said = _said(everything, architecture, einsum)
    for sentence in dict.fromkeys(everything):
        if (named := read(sentence).rank_variables) and not named & {*einsum.shape}:
            continue
        others = [tuple(s for s in given if s != sentence) for given in (architecture.constraints, request.constraints)]
        free = replace(architecture, constraints=others[0])
        if _said((*others[0], *others[1]), free, einsum) == said:
            continue
        told(f"{einsum.name}: without {sentence}")
        time_s = AGAIN_S if request.budget is None else min(AGAIN_S, request.budget)
        asked = request.asking(objective=aim.names, constraints=others[1], budget=time_s, method="exact")
        try:
            without = search(einsum, free, asked)
        except InfeasibleError:  # nothing was found in time: it can be the old answer
            yield LeftOut(sentence, 0.0, 1.0)
            continue
        reached = min(best, *(aim.of(point)[0] for point in without.front))
        # the optimum under all constraints is between ``least`` and ``best``, that without this one may be anywhere
        # between the bound of its search and what is reached
        yield LeftOut(sentence, _share(least - reached, least), _share(best - min(reached, without.bound(aim)), best))


def _said(sentences: Sequence[str], architecture: Architecture, einsum: Einsum) -> list[tuple[Rule, ...]]:
    """What sentences mean for an Einsum, on each unit that can run it."""
    return [parse(sentences, part, einsum).said for part in parts_for(einsum, architecture)]


def _share(less: float, of: float) -> float:
    share = less / of if of else 0.0
    return share if share > SAME else 0.0
