"""The choice of engine: one Einsum searched as a request says, by the search that its method names."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import InfeasibleError, MapperResult, MappingPoint, Status, held_against
from costmodel.mapper.units import of_the_chip, search_units
from costmodel.model.patience import PATIENCE, OutOfTimeError
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.methods import SAMPLERS, method_of
from costmodel.spec.objective import Costs, Objective
from costmodel.spec.request import Request
from costmodel.spec.rules import Rules, parse

BOUND_S = 10.0
"""Time for the optimum that a sampler's answer is held against."""
FALLBACK = Request(method="random", trials=1000, bound=False)
"""What is asked instead where the exact search has no form."""

LEAST_S, SHORT_S = 0.01, 1.0
"""Less time than this begins no search, but samples; and computes no bound that takes long."""

BORDER_S = 10.0
"""CPU time for the best mappings of a padded Einsum with its border stored, where the Einsum itself has no form."""

PATIENT = 32
"""Part of the patience of an evaluation that a search has: a mapping takes a second to count at most."""

Tell = Callable[[Any], None]
Engine = Callable[[Einsum, Architecture, Request, Tell | None], MapperResult]


def search(einsum: Einsum, architecture: Architecture, request: Request, progress: Tell | None = None) -> MapperResult:
    """Search one Einsum with the method of the request, on every compute unit that can run it.

    The units share ``trials`` and ``budget``, which is wall time.

    Raises:
        SpecError: a constraint cannot be read, no unit runs the Einsum, or a package that the method needs is missing.
        InfeasibleError: nothing fits.
    """
    method = method_of(request.method)
    deadline = None if request.budget is None else time.monotonic() + request.budget
    trials = request.samples

    def search_part(part: Architecture, waiting: int) -> MapperResult:
        nonlocal trials
        share = -(-trials // waiting)
        trials -= share
        if not share:
            raise InfeasibleError(einsum.name, [("not tried, for want of trials", 1)], None)
        left_s = None if deadline is None else max(0.0, deadline - time.monotonic()) / waiting
        return ENGINES[method.name](einsum, part, request.asking(budget=left_s, trials=share), progress)

    impatient = PATIENCE.set(PATIENT)
    try:
        return search_units(einsum, architecture, request.aim, search_part)
    finally:
        PATIENCE.reset(impatient)


def search_together(
    einsum: Einsum, architectures: Sequence[Architecture], request: Request, known: Sequence[Mapping]
) -> tuple[MapperResult, ...] | None:
    """Search one Einsum to the end for architectures that differ in bandwidths alone, in one go.

    The first one has no less of any. The search begins with mappings that are ``known``. Null where the lattice has no
    form of that: then each has to be searched by itself.

    Raises what ``search`` does.
    """
    from costmodel.mapper.lattice import UnsupportedError, map_together

    parts = [parts_for(einsum, architecture) for architecture in architectures]
    if (request.method, request.tiles, request.budget) != ("exact", "perfect", None) or any(len(p) > 1 for p in parts):
        return None
    impatient = PATIENCE.set(PATIENT)
    try:
        found = map_together(
            einsum,
            [part for (part,) in parts],
            objective=request.aim,
            constraints=request.constraints,
            memory_bytes=request.memory,
            known=known,
        )
    except (UnsupportedError, OutOfTimeError):
        return None
    finally:
        PATIENCE.reset(impatient)
    every = zip(found, architectures, parts, strict=True)
    return tuple(
        of_the_chip(_judged(one, einsum, part, request), einsum, architecture, part)
        for one, architecture, (part,) in every
    )


def least_costs(einsum: Einsum, architecture: Architecture, request: Request) -> Costs:
    """Return costs that no mapping undercuts, on any unit that can run an Einsum: known at once, without a search.

    Raises SpecError as ``search`` does.
    """
    from costmodel.mapper.uneven import lower_bound

    parts = parts_for(einsum, architecture)
    bounds = [lower_bound(Allowed(einsum, part, _rules(einsum, part, request)), at_once=True) for part in parts]
    return Costs(
        energy_pj=min(bound.energy_pj for bound in bounds),
        latency_cycles=min(bound.latency_cycles for bound in bounds),
        capacity_bits=min(bound.capacity_bits for bound in bounds),
    )


def _exact(einsum: Einsum, architecture: Architecture, request: Request, progress: Tell | None) -> MapperResult:
    if request.tiles == "any":
        return _uneven(einsum, architecture, request, progress)
    return _perfect(einsum, architecture, request, progress)


def _perfect(einsum: Einsum, architecture: Architecture, request: Request, progress: Tell | None) -> MapperResult:
    """Prove over tiles that divide, or over multiples.

    Where the lattice has no exact form, sample, say why, and bound what is left.
    """
    from costmodel.mapper.lattice import UnsupportedError, map_einsum

    deadline = None if request.budget is None else time.monotonic() + request.budget
    if request.budget is not None and request.budget < LEAST_S:
        return _otherwise(einsum, architecture, request, progress, OutOfTimeError(), deadline)
    try:
        found = map_einsum(
            einsum,
            architecture,
            objective=request.aim,
            constraints=request.constraints,
            budget_s=request.budget,
            memory_bytes=request.memory,
            multiples=request.tiles == "multiples",
            progress=progress,
        )
    except UnsupportedError as why:
        instead = UnsupportedError(f"{why}; tiles divide") if request.tiles == "multiples" else why
        return _otherwise(einsum, architecture, request, progress, instead, deadline)
    except OutOfTimeError as why:
        return _otherwise(einsum, architecture, request, progress, why, deadline)
    return _judged(found, einsum, architecture, request)


def _judged(found: MapperResult, einsum: Einsum, architecture: Architecture, request: Request) -> MapperResult:
    return found if found.certificate.status == Status.PROVEN else bounded(found, einsum, architecture, request)


def _otherwise(
    einsum: Einsum,
    architecture: Architecture,
    request: Request,
    progress: Tell | None,
    why: Exception,
    deadline: float | None,
) -> MapperResult:
    """Look at every mapping of a small mapspace; sample a large one, and bound what is left."""
    from costmodel.mapper.front import select
    from costmodel.mapper.uneven import exhaust, lower_bound, verdict

    allowed, aim = Allowed(einsum, architecture, _rules(einsum, architecture, request)), request.aim

    def left_s() -> float | None:
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    least = lower_bound(allowed, at_once=_short(left_s()))
    found = exhaust(allowed, lambda points: select(points, aim), aim, str(why), least, deadline=deadline)
    if found is not None:
        return found
    instead = FALLBACK.asking(objective=request.objective, constraints=request.constraints, budget=left_s())
    found = _sampled(einsum, architecture, instead, progress)
    late = isinstance(why, OutOfTimeError)
    reason = str(why) if late else f"unsupported: {why}"
    method = f"random ({reason})"
    if einsum.limits and not _short(left_s()) and (more := _with_border(allowed, request.asking(budget=left_s()))):
        found = replace(found, front=tuple(select([*found.front, *more], aim)))
        method = f"random + exact with a border ({reason})"
    status, gap = verdict(found.front, least, aim)
    spent = found.certificate.budget_spent or late
    known = replace(found.certificate, status=status, method=method, gap=gap, budget_spent=spent)
    return replace(found, certificate=known)


def _short(left_s: float | None) -> bool:
    """Whether so little time is left that only what takes none is worth it."""
    return left_s is not None and left_s < SHORT_S


def bounded(found: MapperResult, einsum: Einsum, architecture: Architecture, request: Request) -> MapperResult:
    """Hold an answer that the search has not proven against what every mapping costs as well."""
    from costmodel.mapper.uneven import lower_bound, verdict

    allowed = Allowed(einsum, architecture, _rules(einsum, architecture, request))
    known = found.certificate.gap
    at_once = known is not None or _short(request.budget)
    status, gap = verdict(found.front, lower_bound(allowed, at_once=at_once), request.aim)
    if gap is None or (known is not None and known <= gap):
        return found
    return replace(found, certificate=replace(found.certificate, status=status, gap=gap))


def _with_border(allowed: Allowed, request: Request) -> list[MappingPoint]:
    """Cost a padded Einsum as the best mappings do it that are found soon for it with its border stored."""
    from costmodel.mapper.border import bordered, without_border
    from costmodel.mapper.lattice import UnsupportedError, map_einsum

    try:
        found = map_einsum(
            bordered(allowed.einsum),
            allowed.architecture,
            objective=request.aim,
            constraints=request.constraints,
            budget_s=BORDER_S if request.budget is None else min(BORDER_S, request.budget),
            memory_bytes=request.memory,
            progress=None,
        )
    except (UnsupportedError, OutOfTimeError, InfeasibleError):
        return []
    return without_border(found, allowed.einsum, allowed.architecture, allowed.rules)


def _uneven(einsum: Einsum, architecture: Architecture, request: Request, progress: Tell | None) -> MapperResult:
    """Search all tiles, beginning with the best of those that divide, and of multiples."""
    from costmodel.mapper.front import select
    from costmodel.mapper.uneven import improve

    deadline = None if request.budget is None else time.monotonic() + request.budget

    def proven(tiles: str) -> Callable[[Einsum], MapperResult]:
        def found(one: Einsum) -> MapperResult:
            # half of what is left, so that the rest can be spent on other tiles
            share = None if deadline is None else max(0.0, deadline - time.monotonic()) / 2
            return _perfect(one, architecture, request.asking(budget=share, tiles=tiles), progress)

        return found

    allowed, aim = Allowed(einsum, architecture, _rules(einsum, architecture, request)), request.aim
    pick = partial(select, aim=aim)
    return improve(allowed, proven("perfect"), proven("multiples"), pick, aim, deadline=deadline)


def _rules(einsum: Einsum, architecture: Architecture, request: Request) -> Rules:
    """Read what the hardware and the request forbid."""
    return parse((*architecture.constraints, *request.constraints), architecture, einsum)


def _sampled(einsum: Einsum, architecture: Architecture, request: Request, progress: Tell | None) -> MapperResult:
    """Ask a sampler, and hold its answer against the optimum where that is wanted."""
    from costmodel.mapper.sample import search_einsum

    found = search_einsum(
        einsum,
        architecture,
        objective=request.aim,
        method=request.method,
        trials=request.samples,
        seed=request.seed,
        constraints=request.constraints,
        deadline=math.inf if request.budget is None else time.monotonic() + request.budget,
        progress=progress,
    )
    if not request.bound:
        return found
    # One objective is bounded faster than a front, and the first is what a gap is about.
    first = Request(objective=request.aim.names[:1], constraints=request.constraints, budget=BOUND_S)
    return against(found, _perfect(einsum, architecture, first, None), request.aim)


ENGINES: dict[str, Engine] = {"exact": _exact, **dict.fromkeys(SAMPLERS, _sampled)}
"""The search behind each method."""


def against(found: MapperResult, optimum: MapperResult, aim: Objective) -> MapperResult:
    """Say in the certificate how far a sampler's answer is, at most, from what the exact mapper proved.

    ``optimum`` is that of the first objective.
    """
    bound_gap = optimum.certificate.gap
    if bound_gap is None:
        return found

    def least(result: MapperResult) -> float:
        return min(aim.of(point)[0] for point in result.front)

    status, gap = held_against(least(found), least(optimum) / (1.0 + bound_gap), front=aim.front)
    return replace(found, certificate=replace(found.certificate, status=status, gap=gap))
