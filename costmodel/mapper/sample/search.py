"""Search the mappings of one Einsum with an Optuna sampler, then climb from the best mapping that it found.

Every trial is a vector of genes (``encoding.py``), so every trial is a mapping; the only thing that can be wrong with
one is that a tile does not fit, which samplers see as a positive slack. Seeds, batches and the order of moves are
fixed: the answer is the same in every process.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint, Status
from costmodel.mapper.sample.climb import improve
from costmodel.mapper.sample.mapspace import encoding_of
from costmodel.mapper.sample.starts import starts
from costmodel.mapper.sample.study import sample
from costmodel.mapper.sample.tried import Tried
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.methods import SAMPLERS, Method, method_of
from costmodel.spec.objective import Objective, objective_of
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.rules import parse

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture


@dataclass(frozen=True, slots=True)
class SamplingProgress:
    """How far a search is, for a display."""

    einsum: str
    method: str
    phase: Literal["sampling", "climbing"]
    done: int
    """Trials so far; mappings costed, while climbing."""
    total: int
    """Trials that were asked for; the most that climbing may cost."""
    evaluated: int
    """Distinct mappings costed so far."""
    valid_share: float
    """Share of the trials that fit."""
    per_s: float
    """Trials per second so far."""
    best: tuple[float, ...] | None
    """Least value of each objective (pJ, cycles, bits or their product); null until a mapping fits."""

    def __str__(self) -> str:
        best = "nothing fits yet" if self.best is None else "best " + ", ".join(f"{x:.4g}" for x in self.best)
        return (
            f"{self.einsum}: {self.method} {self.phase} {self.done}/{self.total}, {best}, "
            f"{self.per_s:.0f}/s, {100 * self.valid_share:.0f} % fit"
        )


def search_einsum(  # noqa: PLR0913  as many things as a study may say
    einsum: Einsum,
    architecture: Architecture,
    *,
    objective: str | Sequence[str] | Objective = "edp",
    method: str = "tpe",
    trials: int = 1000,
    seed: int = 0,
    constraints: Sequence[str] = (),
    climb: int | None = None,
    deadline: float = math.inf,
    progress: Callable[[SamplingProgress], None] | None = None,
) -> MapperResult:
    """Return the best mappings that a sampler finds, a Pareto front if there are several objectives.

    ``objective`` is one of ``energy``, ``latency``, ``capacity``, ``edp``, ``ed2p``, ``e2dp``, a product of powers, or
    several (a list, or separated by commas). At most ``trials`` mappings are costed: constructive ones, those that the
    sampler asks for, and ``climb`` (null: half) of them afterwards, when the best mapping of each objective is improved
    one move at a time, from another start where no move helps. After ``deadline`` (on the clock of ``time.monotonic``)
    no other mapping is costed. Ctrl-C returns the best so far; while nothing fits yet, the KeyboardInterrupt goes on.

    Raises:
        InfeasibleError: nothing that was tried fits (in time); with the limits that killed it and the nearest miss.
        SpecError: no such objective or method, a constraint that does not parse, or a package is missing.
    """
    started_cpu, started = time.process_time(), time.monotonic()
    aim = objective_of(objective)
    sampler = _sampling(method)
    if trials < 1:
        raise SpecError([Problem(f"trials must be at least 1, got {trials}", path="trials")])
    rules = parse((*architecture.constraints, *constraints), architecture, einsum)
    encoding = encoding_of(Allowed(einsum, architecture, rules))
    tried = Tried(encoding, Workload(einsum.name, "", (einsum,)), architecture, aim, deadline=deadline)
    sampled = trials - (trials // 2 if climb is None else min(climb, trials))
    climbed = 0
    interrupted = late = False

    def report(phase: Literal["sampling", "climbing"], done: int, total: int) -> None:
        if progress is not None:
            seconds = max(time.monotonic() - started, 1e-9)
            share = tried.fitted / max(tried.judged, 1)
            per_s = tried.judged / seconds
            best = tried.least.values
            progress(
                SamplingProgress(einsum.name, sampler.name, phase, done, total, tried.evaluated, share, per_s, best)
            )

    try:
        least = encoding.limits.capacities(encoding.plan(encoding.smallest), at_least=True)
        if any(finding.slack > 0 for finding in least):
            # The smallest tiles do not fit, so none do; random mappings tell which limits are at fault.
            tried.judge(encoding.smallest)
            raise _nothing_fits(tried, trials, seed)
        tried.judge(encoding.smallest)  # before anything that takes time: an answer, however little there is of it
        tried.fill_pool(itertools.islice(starts(encoding), sampled // 2))
        tried.by = "sample"
        sample(tried, sampler, sampled, seed, lambda done: report("sampling", done, sampled))
        tried.by = "climb"
        limit = max(0, trials - tried.evaluated) if sampled < trials else 0
        for tick in improve(tried, limit, seed):
            climbed = tick
            if not tick % 64:
                report("climbing", tick, limit)
        report("climbing", climbed, limit)
    except KeyboardInterrupt:
        if not tried.genes:
            raise
        interrupted = True
    except OutOfTimeError:
        late = True
    if not tried.genes:
        raise _out_of_time(tried, time.monotonic() - started) if late else tried.infeasible()
    name = sampler.name + (" + hill climbing" if climbed else "")
    front = tuple(
        MappingPoint(mapping, tried.evaluation(mapping)) for mapping in map(encoding.plans.mapping, tried.front())
    )
    certificate = _certificate(tried, name, time.process_time() - started_cpu, interrupted=interrupted, late=late)
    return MapperResult(einsum.name, front, certificate, tuple(tried.improvements))


def _sampling(name: str) -> Method:
    """Return a sampler that can run here; SpecError if there is none of that name, or a package is missing."""
    if name not in SAMPLERS:
        raise SpecError([Problem(f"no such method: {name!r}", path="method", hint=did_you_mean(name, SAMPLERS))])
    return method_of(name)


def _out_of_time(tried: Tried, seconds: float) -> InfeasibleError:
    nothing = (f"nothing found in {seconds:.3g} s", 1)
    found = tried.infeasible()
    return InfeasibleError(found.einsum, [nothing, *found.tally], found.nearest)


def _certificate(tried: Tried, method: str, cpu_s: float, *, interrupted: bool, late: bool) -> Certificate:
    tally = Counter(f"{r.level}: {r.limit}" for verdict in tried.known.values() for r in verdict.rejects)
    return Certificate(
        status=Status.FOUND,
        method=method,
        mapspace=None,
        evaluated=tried.evaluated,
        pruned=(("the same mapping again", tried.judged - len(tried.known)), *tally.most_common()),
        cpu_s=cpu_s,
        interrupted=interrupted,
        budget_spent=late,
    )


def _nothing_fits(tried: Tried, trials: int, seed: int) -> InfeasibleError:
    draw = random.Random(seed)  # noqa: S311  no secret depends on it
    for _ in range(min(trials, 200)):
        tried.judge(tuple(draw.randrange(gene.size) for gene in tried.encoding.genes))
    return tried.infeasible(proven=True)
