"""Search the mappings of one Einsum with an Optuna sampler, then climb from the best mapping that it found.

Every trial is a vector of genes (``encoding.py``), so every trial is a mapping; the only thing that can be wrong with
one is that a tile does not fit, which samplers see as a positive slack. Mappings that cost the same share one
canonical nest and are evaluated once. Seeds, batches and the order of moves are fixed: the answer is the same in
every process.
"""

from __future__ import annotations

import math
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.front import pareto
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint, Status
from costmodel.mapper.sample.encoding import Encoding, Genes, encoding_of
from costmodel.mapper.sample.starts import starts
from costmodel.mapper.sample.steps import Plan
from costmodel.model.batch import Template
from costmodel.model.deliveries import MOST_TILES, TooManyTilesError
from costmodel.model.evaluate import evaluate_bound
from costmodel.model.formats import stored_bits
from costmodel.model.nest import bind
from costmodel.spec.methods import SAMPLERS, Method, method_of
from costmodel.spec.objective import Objective, objective_of
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.rules import parse
from costmodel.spec.rules.finding import Finding, Reject

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping

KICK = 4
"""Genes that change where climbing is stuck."""
SCREENED_MOST = 4
"""Promising mappings that are costed by the scalar model before other moves have their turn."""
STALE = 20
"""Climbs in a row without a mapping that is new, after which climbing ends."""
TINY = 1e-30
"""Stands for a cost of zero under a logarithm."""


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


class Cost:
    """Energy, latency and room of one mapping that fits."""

    __slots__ = ("capacity_bits", "energy_pj", "latency_cycles")

    def __init__(self, energy_pj: float, latency_cycles: float, capacity_bits: int) -> None:
        self.energy_pj = energy_pj
        self.latency_cycles = latency_cycles
        self.capacity_bits = capacity_bits


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one canonical mapping: its cost, or why it has none."""

    cost: Cost | None
    findings: tuple[Finding, ...]

    @property
    def violation(self) -> float:
        return sum(finding.slack for finding in self.findings if finding.slack > 0)

    @property
    def rejects(self) -> Iterator[Reject]:
        return (finding.reject for finding in self.findings if finding.reject is not None)


@dataclass
class Archive:
    """Every mapping that was tried, by its canonical nest."""

    encoding: Encoding
    workload: Workload
    architecture: Architecture
    aim: Objective
    known: dict[Plan, Verdict] = field(default_factory=dict)
    genes: dict[Plan, Genes] = field(default_factory=dict)
    """Genes of each mapping that fits."""
    nearest: tuple[float, Genes] | None = None
    """By how much the nearest miss misses, and its genes."""
    pool: list[Genes] = field(default_factory=list)
    """Constructive mappings that fit, best first."""
    tried: int = 0
    fitted: int = 0

    def fill_pool(self, found: Sequence[Genes]) -> None:
        """Cost constructive mappings and put those that fit in order: the best of each objective, then the next."""
        costs = [(genes, verdict.cost) for genes in found if (verdict := self.judge(genes)).cost is not None]
        rows = [
            [genes for genes, cost in sorted(costs, key=lambda item: self.rank(item[1], goal))]
            for goal in self.aim.each
        ]
        plans: dict[Plan, Genes] = {}
        for turn in zip(*rows, strict=True):
            for genes in turn:
                plans.setdefault(self.encoding.plan(genes), genes)
        self.pool = list(plans.values())

    def judge(self, genes: Genes) -> Verdict:
        """Return the verdict on a vector of genes, from memory where its mapping is known."""
        plan = self.encoding.plan(genes)
        self.tried += 1
        verdict = self.known.get(plan)
        if verdict is None:
            verdict = self._judge(plan)
            self.known[plan] = verdict
            if verdict.cost is not None:
                self.genes[plan] = genes
            elif self.nearest is None or verdict.violation < self.nearest[0]:
                self.nearest = (verdict.violation, genes)
        self.fitted += verdict.cost is not None
        return verdict

    def _judge(self, plan: Plan) -> Verdict:
        findings = self.encoding.limits.findings(plan)
        if any(finding.slack > 0 for finding in findings):
            return Verdict(None, findings)
        try:
            evaluation = self.evaluation(self.encoding.plans.mapping(plan))
        except TooManyTilesError as error:
            how = "instances share a tensor that is accessed in ways that move apart"
            reject = Reject("model", "tiles told one by one", error.tiles, MOST_TILES, how)
            worst = Finding(findings[0].limit, 1.0, reject) if findings else Finding("tiles", 1.0, reject)
            return Verdict(None, (worst, *findings[1:]))
        return Verdict(Cost(evaluation.energy_pj, evaluation.latency_cycles, evaluation.capacity_bits), findings)

    def evaluation(self, mapping: Mapping) -> Evaluation:
        return evaluate_bound(bind(self.workload, self.architecture, mapping))

    @property
    def evaluated(self) -> int:
        return len(self.genes)

    def rank(self, cost: Cost, goal: Objective) -> tuple[float, ...]:
        """Order by an objective; ties by energy, then latency, then room."""
        return (*goal.of(cost), cost.energy_pj, cost.latency_cycles, cost.capacity_bits)

    def costed(self) -> Iterator[tuple[Plan, Cost]]:
        for plan in self.genes:
            cost = self.known[plan].cost
            if cost is not None:
                yield plan, cost

    def best(self, goal: Objective) -> tuple[Plan, Cost] | None:
        """Return the best mapping so far; the first found of equals."""
        return min(self.costed(), key=lambda item: self.rank(item[1], goal), default=None)

    def start(self, goal: Objective) -> Genes | None:
        """Return the genes of the best mapping so far, of the nearest miss if nothing fits."""
        best = self.best(goal)
        if best is not None:
            return self.genes[best[0]]
        return self.nearest[1] if self.nearest is not None else None

    def best_values(self) -> tuple[float, ...] | None:
        if not self.genes:
            return None
        return tuple(min(values) for values in zip(*(self.aim.of(cost) for _, cost in self.costed()), strict=True))

    def front(self) -> list[Plan]:
        """Return the mappings that no other is at least as good as in everything; the first found of equals."""
        plans, found = zip(*self.costed(), strict=True)
        costs = np.array([(c.energy_pj, c.latency_cycles, c.capacity_bits) for c in found], dtype=np.float64)
        return [plans[place] for place in pareto(self.aim.values(*costs.T).T, costs)]

    def infeasible(self) -> InfeasibleError:
        """Say which limits killed the mappings that were tried, and which came nearest."""
        tally = Counter(f"{r.level}: {r.limit}" for verdict in self.known.values() for r in verdict.rejects)
        nearest = min(self.known.values(), key=lambda verdict: verdict.violation, default=None)
        reject = None
        if nearest is not None:
            worst = max(nearest.findings, key=lambda finding: finding.slack, default=None)
            reject = worst.reject if worst is not None else None
        return InfeasibleError(self.encoding.plans.einsum.name, tally.most_common(), reject)


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
    progress: Callable[[SamplingProgress], None] | None = None,
) -> MapperResult:
    """Return the best mappings that a sampler finds, a Pareto front if there are several objectives.

    ``objective`` is one of ``energy``, ``latency``, ``capacity``, ``edp``, ``ed2p``, ``e2dp``, a product of powers, or
    several (a list, or separated by commas). At most ``trials`` mappings are costed: constructive ones, those that the
    sampler asks for, and ``climb`` (null: half) of them afterwards, when the best mapping of each objective is improved
    one move at a time, from another start where no move helps. Ctrl-C returns the best so far; while
    nothing fits yet, the KeyboardInterrupt goes on.

    Raises:
        InfeasibleError: nothing that was tried fits; with the limits that killed it and the nearest miss.
        SpecError: no such objective or method, a constraint that does not parse, or a package is missing.
    """
    started_cpu, started = time.process_time(), time.monotonic()
    aim = objective_of(objective)
    sampler = _sampling(method)
    if trials < 1:
        raise SpecError([Problem(f"trials must be at least 1, got {trials}", path="trials")])
    rules = parse((*architecture.constraints, *constraints), architecture, einsum)
    encoding = encoding_of(Allowed(einsum, architecture, rules))
    archive = Archive(encoding, Workload(einsum.name, "", (einsum,)), architecture, aim)
    sampled = trials - (trials // 2 if climb is None else min(climb, trials))
    climbed = 0
    interrupted = False

    def report(phase: Literal["sampling", "climbing"], done: int, total: int) -> None:
        if progress is not None:
            seconds = max(time.monotonic() - started, 1e-9)
            share = archive.fitted / max(archive.tried, 1)
            per_s = archive.tried / seconds
            best = archive.best_values()
            progress(
                SamplingProgress(einsum.name, sampler.name, phase, done, total, archive.evaluated, share, per_s, best)
            )

    try:
        archive.judge(encoding.smallest)
        if any(finding.slack > 0 for finding in encoding.limits.capacities(encoding.plan(encoding.smallest))):
            # The smallest tiles do not fit, so none do; random mappings tell which limits are at fault.
            raise _nothing_fits(archive, trials, seed)
        archive.fill_pool(starts(encoding)[: sampled // 2])
        _sample(archive, sampler, sampled, seed, lambda done: report("sampling", done, sampled))
        limit = max(0, trials - archive.evaluated) if sampled < trials else 0
        for tick in _climb(archive, limit, seed):
            climbed = tick
            if not tick % 64:
                report("climbing", tick, limit)
        report("climbing", climbed, limit)
    except KeyboardInterrupt:
        if not archive.genes:
            raise
        interrupted = True
    if not archive.genes:
        raise archive.infeasible()
    tried, evaluated = archive.tried, archive.evaluated
    tally = Counter(f"{r.level}: {r.limit}" for verdict in archive.known.values() for r in verdict.rejects)
    front = tuple(
        MappingPoint(mapping, archive.evaluation(mapping)) for mapping in map(encoding.plans.mapping, archive.front())
    )
    name = sampler.name + (" + hill climbing" if climbed else "") + (" (interrupted)" if interrupted else "")
    certificate = Certificate(
        status=Status.FOUND,
        method=name,
        mapspace=None,
        evaluated=evaluated,
        pruned=(("the same mapping again", tried - len(archive.known)), *tally.most_common()),
        cpu_s=time.process_time() - started_cpu,
        interrupted=interrupted,
    )
    return MapperResult(einsum.name, front, certificate)


def _sampling(name: str) -> Method:
    """Return a sampler that can run here; SpecError if there is none of that name, or a package is missing."""
    if name not in SAMPLERS:
        raise SpecError([Problem(f"no such method: {name!r}", path="method", hint=did_you_mean(name, SAMPLERS))])
    return method_of(name)


def _nothing_fits(archive: Archive, trials: int, seed: int) -> InfeasibleError:
    draw = random.Random(seed)  # noqa: S311  no secret depends on it
    for _ in range(min(trials, 200)):
        archive.judge(tuple(draw.randrange(gene.size) for gene in archive.encoding.genes))
    return archive.infeasible()


# Sampling


def _sample(archive: Archive, method: Method, trials: int, seed: int, report: Callable[[int], None]) -> None:
    """Run a study of so many trials, the first of them constructive."""
    import optuna

    encoding = archive.encoding
    distributions = _distributions(encoding, method)
    if not distributions:
        return
    population = max(10, min(50, trials // 8))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                directions=["minimize"] * (1 if method.single else len(archive.aim.names)),
                sampler=_sampler(method, seed, population, len(distributions)),
            )
            for genes in archive.pool[: max(1, trials // 4)]:
                study.enqueue_trial(_params(encoding, genes, method))
            # Without any reuse, about the worst that there is; it may break a rule, but fits. It takes least room.
            worst = archive.evaluation(encoding.decode(encoding.smallest))
            bound = _told(archive, Cost(worst.energy_pj, worst.latency_cycles, _most_room(archive)), method)
            batch = _batch(method, population, len(distributions))
            done = 0
            while done < trials and archive.evaluated < trials:
                size = min(batch, trials - done, trials - archive.evaluated)
                _batch_of_trials(archive, study, distributions, size, bound, method)
                done += size
                report(done)
    finally:
        optuna.logging.set_verbosity(before)


def _most_room(archive: Archive) -> int:
    """Bits that tiles can occupy at most."""
    einsum, architecture = archive.encoding.plans.einsum, archive.architecture
    everything = sum(stored_bits(t, None, t.size_words) for t in einsum.tensors.values())
    return sum(
        architecture.copies(m.name) * min(everything, everything if m.usable_bits is None else m.usable_bits)
        for m in architecture.memories[1:]
    )


def _batch_of_trials(
    archive: Archive,
    study: Study,
    distributions: dict[str, BaseDistribution],
    size: int,
    bound: Sequence[float],
    method: Method,
) -> None:
    """Ask for a batch, cost it, tell it."""
    asked: list[tuple[Trial, Verdict]] = []
    for _ in range(size):
        trial = study.ask(distributions)
        asked.append((trial, archive.judge(_genes(archive.encoding, trial.params, method))))
    for trial, verdict in asked:
        for finding in verdict.findings:
            trial.set_constraint(finding.limit, finding.slack)
        if verdict.cost is not None:
            values = _told(archive, verdict.cost, method)
        else:
            # A sampler that knows no constraints sees a mapping that does not fit behind all that do.
            values = [value + 1.0 + verdict.violation for value in bound]
        study.tell(trial, values)


def _told(archive: Archive, cost: Cost, method: Method) -> list[float]:
    """Return what the sampler is told: logarithms, so that distances mean ratios; their sum for one objective."""
    values = [math.log2(max(value, TINY)) for value in archive.aim.of(cost)]
    return [sum(values)] if method.single else values


def _sampler(method: Method, seed: int, population: int, dimensions: int) -> BaseSampler:
    from optuna import samplers

    if method.name == "tpe":
        return samplers.TPESampler(seed=seed)
    if method.name == "nsga2":
        return samplers.NSGAIISampler(seed=seed, population_size=population)
    if method.name == "cmaes":
        popsize = _batch(method, population, dimensions)
        return samplers.CmaEsSampler(seed=seed, popsize=popsize, warn_independent_sampling=False)
    if method.name == "gp":
        return samplers.GPSampler(seed=seed, deterministic_objective=True)
    if method.name == "qmc":
        return samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def _batch(method: Method, population: int, dimensions: int) -> int:
    """Trials asked for before any is told: fixed per method, since the answer depends on it."""
    if method.name == "nsga2":
        return population
    if method.name == "cmaes":
        return 4 + int(3 * math.log(dimensions + 1))
    return {"tpe": 8, "gp": 4}.get(method.name, 32)


def _distributions(encoding: Encoding, method: Method) -> dict[str, BaseDistribution]:
    """One distribution per gene with a choice: its values without an order, or a part of [0, 1] for each of them.

    CMA-ES takes its step from the narrowest range, so all ranges are the same.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        gene.name: FloatDistribution(0.0, 1.0) if method.vector else CategoricalDistribution(range(gene.size))
        for gene in encoding.genes
        if gene.size > 1
    }


def _params(encoding: Encoding, genes: Genes, method: Method) -> dict[str, Any]:
    return {
        gene.name: (value + 0.5) / gene.size if method.vector else value
        for gene, value in zip(encoding.genes, genes, strict=True)
        if gene.size > 1
    }


def _genes(encoding: Encoding, params: dict[str, Any], method: Method) -> Genes:
    if not method.vector:
        return tuple(params.get(gene.name, 0) for gene in encoding.genes)
    return tuple(min(int(params.get(gene.name, 0.0) * gene.size), gene.size - 1) for gene in encoding.genes)


# Climbing


Move = tuple[tuple[int, int, int], ...]
"""(gene, value before, value after), one to three at once."""


class Screen:
    """Estimates of many mappings at once: those that differ in their tiles only share one template."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.screened = 0
        self._templates: dict[Genes, Template] = {}

    def better(self, genes: Genes, moves: Sequence[Move], goal: Objective, bound: float) -> list[Genes]:
        """Return what the moves of factors among moves lead to, if it fits and is below the bound; best first."""
        encoding = self.archive.encoding
        tiles = [move for move in moves if encoding.genes[move[0][0]].kind == "factor"]
        candidates = [found for move in tiles if (found := _apply(genes, move)) is not None]
        if not candidates:
            return []
        template = self._template(genes)
        batch = template.evaluate([encoding.plans.tiles(encoding.steps(g, whole=True)) for g in candidates])
        self.screened += len(candidates)
        values = goal.first(batch.energy_pj, batch.latency_cycles, batch.capacity_bits.astype(np.float64))
        promising = [place for place in values.argsort(kind="stable").tolist() if batch.feasible[place]]
        return [candidates[place] for place in promising if values[place] < bound * (1 - 1e-9)]

    def _template(self, genes: Genes) -> Template:
        encoding = self.archive.encoding
        key = tuple(0 if g.kind == "factor" else value for g, value in zip(encoding.genes, genes, strict=True))
        found = self._templates.get(key)
        if found is None:
            mapping = encoding.plans.mapping(encoding.steps(genes, whole=True))
            found = self._templates[key] = Template(self.archive.workload, self.archive.architecture, mapping)
        return found


def _climb(archive: Archive, limit: int, seed: int) -> Iterator[int]:
    """Improve the best mapping of each objective move by move; yield after each mapping costed.

    Where no move helps, the climb goes on from a constructive mapping or from the best with a few genes changed at
    random, in turn, until so many mappings were costed or nothing new turns up. A front is also climbed by the
    product of its objectives, for a point in its middle. Each climb may use its share of the limit.
    """
    goals = list(archive.aim.each)
    if archive.aim.product.powers[0] not in archive.aim.powers:
        goals.append(archive.aim.product)
    costed = archive.evaluated
    screen = Screen(archive) if archive.encoding.plans.closed else None
    for number, goal in enumerate(goals, 1):
        draw = random.Random(f"{seed} {goal}")  # noqa: S311  no secret depends on it
        until = costed + limit * number // len(goals)
        for _ in _climb_to(archive, screen, goal, until, draw):
            yield archive.evaluated - costed


def _climb_to(
    archive: Archive, screen: Screen | None, goal: Objective, until: int, draw: random.Random
) -> Iterator[None]:
    stale = 0
    climbs = 0
    while stale < STALE:
        genes = archive.start(goal)
        if genes is None or archive.evaluated >= until:
            return
        before = archive.evaluated
        # Every other climb starts from the next constructive mapping, as long as there are any.
        if climbs % 2 and climbs // 2 < len(archive.pool):
            genes = archive.pool[climbs // 2]
        elif climbs:
            genes = _kicked(archive, genes, draw)
        climbs += 1
        for _ in _climb_from(archive, screen, genes, goal, draw):
            if archive.evaluated >= until:
                return
            yield
        stale = stale + 1 if archive.evaluated == before else 0


def _climb_from(
    archive: Archive, screen: Screen | None, genes: Genes, goal: Objective, draw: random.Random
) -> Iterator[None]:
    """Make moves that improve a mapping until none does; yield after each mapping tried."""
    rank = _rank(archive, genes, goal)
    encoding = archive.encoding
    improved = True
    while improved:
        improved = False
        moves = _moves(encoding, genes)
        if screen is not None:
            for candidate in screen.better(genes, moves, goal, rank[0])[:SCREENED_MOST]:
                reached = _rank(archive, candidate, goal)
                yield
                if reached < rank:
                    genes, rank, improved = candidate, reached, True
                    break
            if improved:
                continue
            moves = [move for move in moves if encoding.genes[move[0][0]].kind != "factor"]
        draw.shuffle(moves)
        for move in moves:
            following = _apply(genes, move)
            if following is None:
                continue
            reached = _rank(archive, following, goal)
            yield
            if reached < rank:
                genes, rank, improved = following, reached, True


def _rank(archive: Archive, genes: Genes, goal: Objective) -> tuple[float, ...]:
    """Order mappings by an objective; those that do not fit come last, by how much they miss."""
    verdict = archive.judge(genes)
    return archive.rank(verdict.cost, goal) if verdict.cost is not None else (math.inf, verdict.violation)


def _kicked(archive: Archive, genes: Genes, draw: random.Random) -> Genes:
    changed = list(genes)
    loose = [place for place, gene in enumerate(archive.encoding.genes) if gene.size > 1]
    for place in draw.sample(loose, min(KICK, len(loose))):
        changed[place] = draw.randrange(archive.encoding.genes[place].size)
    return tuple(changed)


def _apply(genes: Genes, move: Move) -> Genes | None:
    """Make a move; null if an earlier move has changed a gene that it is about."""
    changed = list(genes)
    for place, before, after in move:
        if changed[place] != before:
            return None
        changed[place] = after
    return tuple(changed)


def _moves(encoding: Encoding, genes: Genes) -> list[Move]:
    """List the moves from a mapping.

    Change one gene; exchange the slots of two prime factors, or of one and two smaller ones of its rank variable.
    Equal primes of one rank variable in one slot are moved once.
    """
    alike: dict[tuple[str, int, int], list[int]] = {}
    single: list[Move] = []
    for place, gene in enumerate(encoding.genes):
        if gene.kind == "factor":
            key = (gene.rank_variable, int(gene.subject), gene.slots[genes[place]])
            alike.setdefault(key, []).append(place)
            if len(alike[key]) > 1:
                continue
        single += [((place, genes[place], value),) for value in range(gene.size) if value != genes[place]]
    several: list[Move] = []
    for (v, prime, here), first in alike.items():
        for (w, other, there), second in alike.items():
            if here == there or (v, prime) == (w, other):
                continue
            counts = [1] if first[0] < second[0] else []
            counts += [2] if v == w and prime > other and len(second) > 1 else []
            for count in counts:
                moved = [(place, there) for place in first[:1]] + [(place, here) for place in second[:count]]
                if all(slot in encoding.genes[place].slots for place, slot in moved):
                    several.append(
                        tuple((place, genes[place], encoding.genes[place].slots.index(slot)) for place, slot in moved)
                    )
    return single + several
